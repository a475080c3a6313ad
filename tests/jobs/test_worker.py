"""A real worker answers real doorbells."""

import pytest

from jobs.models import Job
from tests.jobs.processes import notes

pytestmark = pytest.mark.processes


def test_it_runs_a_job_and_stores_what_the_handler_returns(committed_cast, worker, launch, ends, heard):
    job = ends(launch(committed_cast, "test-echo", name="hello"))
    assert job.state == Job.State.SUCCEEDED
    assert job.result == {"heard": "hello"}
    assert job.progress == 1.0
    assert len(notes(heard)) == 1

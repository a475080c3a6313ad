"""Jobs over HTTP."""

import pytest
from django.urls import reverse

from jobs.claiming import Lease, claim
from jobs.directories import log_of
from jobs.ending import fail
from jobs.models import Job


@pytest.fixture
def job(cast, broker, launch) -> Job:
    return launch(cast, "test-echo", title="Import")


def test_the_list_has_the_newest_first_and_a_cursor(cast, broker, launch):
    jobs = [launch(cast, "test-echo") for _ in range(60)]
    first = cast.api(cast.rita).get(reverse("api-jobs")).json()
    assert [row["uid"] for row in first["results"]] == [str(job.uid) for job in reversed(jobs[10:])]
    rest = cast.api(cast.rita).get(reverse("api-jobs"), {"before": first["next"]}).json()
    assert len(rest["results"]) == 10
    assert rest["next"] is None


def test_the_list_can_be_narrowed_to_a_state(cast, job):
    answer = cast.api(cast.rita).get(reverse("api-jobs"), {"state": "running"})
    assert answer.json()["results"] == []


def test_an_unknown_parameter_or_state_is_refused(cast, job):
    for query in ({"status": "queued"}, {"state": "asleep"}):
        assert cast.api(cast.rita).get(reverse("api-jobs"), query).status_code == 400


def test_one_job_tells_why_it_failed(cast, job):
    fail(Lease.of(claim(queue="light", owner="x", kinds={"test-echo"})), reason="Full.", hint="Free some.")
    body = cast.api(cast.rita).get(reverse("api-job", args=[job.uid])).json()
    assert (body["state"], body["reason"], body["hint"]) == ("failed", "Full.", "Free some.")
    assert body["created_by"] == str(cast.alice.uid)
    assert body["attempt"] == 1


def test_a_job_that_the_broker_has_not_heard_of_says_so(cast, job):
    # The ring follows the commit, and this test's transaction never commits.
    assert cast.api(cast.rita).get(reverse("api-job", args=[job.uid])).json()["doorbell_rung"] is False


def test_an_admin_cancels_and_may_repeat_it(cast, job):
    for _ in range(2):
        answer = cast.api(cast.alice).post(reverse("api-job-cancel", args=[job.uid]))
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


def test_only_an_admin_cancels(cast, job):
    path = reverse("api-job-cancel", args=[job.uid])
    assert cast.api(cast.rita).post(path).status_code == 403
    assert cast.api(cast.bob).post(path).status_code == 403
    assert cast.api(cast.charlie).post(path).status_code == 404


@pytest.mark.parametrize("name", ["api-job", "api-job-log"])
def test_jobs_are_no_business_of_annotators_and_strangers(cast, job, name):
    path = reverse(name, args=[job.uid])
    assert cast.api(cast.bob).get(path).status_code == 403
    assert cast.api(cast.charlie).get(path).status_code == 404


def test_the_log_is_followed_by_offset(cast, job):
    path = reverse("api-job-log", args=[job.uid])
    api = cast.api(cast.rita)
    log_of(job.uid).line("première")
    first = api.get(path).json()
    assert first == {"text": "première\n", "start": 0, "next": 10, "ended": False}
    log_of(job.uid).line("second")
    assert api.get(path, {"after": first["next"]}).json()["text"] == "second\n"
    Job.objects.filter(pk=job.pk).update(state="succeeded", ended_at=job.created_at)
    assert api.get(path, {"after": 17}).json() == {"text": "", "start": 17, "next": 17, "ended": True}


def test_an_unreadable_offset_is_refused(cast, job):
    answer = cast.api(cast.rita).get(reverse("api-job-log", args=[job.uid]), {"after": "start"})
    assert answer.status_code == 400
    assert "after" in answer.json()["error"]["fields"]

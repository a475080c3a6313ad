"""The button that freezes a project."""

import time
from typing import Any

import pytest

from accounts.models import Membership
from annotation.models import Annotation, Project
from annotation.queue import hand_out
from annotation.submissions import submit
from corpus.models import DatasetVersion
from jobs.claiming import claim
from jobs.models import Job
from jobs.pulse import Pulse
from jobs.running import JobContext, Lease
from qa import freezing
from qa.forecast import forecast
from qa.job_handlers import release
from tests.annotation.worlds import add_tasks, an_answer, consenting, make_project
from tests.conftest import Cast


@pytest.fixture
def project(cast: Cast) -> Project:
    consenting(cast.alice, cast.bob, cast.rita, cast.charlie)
    project = make_project(cast)
    add_tasks(project, 5)
    return project


def rank_all(cast: Cast, project: Project) -> None:
    for _ in range(5):
        assignment = hand_out(membership=cast.bob, project=project).assignment
        submit(assignment=assignment, answer=an_answer(assignment), active_ms=1)


def freeze(cast: Cast, who: Membership, project: Project, **data: object) -> Any:
    data = {"heldout_percent": "40", "note": "first"} | data
    return cast.client(who).post(f"/w/acme/projects/{project.uid}/freeze/", data)


def test_an_admin_freezes_and_lands_on_the_version(cast: Cast, project: Project) -> None:
    rank_all(cast, project)
    answer = freeze(cast, cast.alice, project)
    version = DatasetVersion.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/w/acme/datasets/{version.uid}/")
    assert (version.note, version.frozen_by) == ("first", cast.alice)
    assert version.manifest["policy"]["split"]["heldout_share"] == 0.4
    shown = cast.client(cast.alice).get(answer["Location"]).content.decode()
    assert "Question" in shown
    assert "Helpfulness preferences" in shown
    assert f"/w/acme/projects/{project.uid}/" in shown
    assert f"/w/acme/runs/new/reward/?dataset={version.uid}" in shown


def test_an_empty_project_is_told_what_to_do(cast: Cast, project: Project) -> None:
    answer = freeze(cast, cast.alice, project)
    assert answer.status_code == 422
    assert "Rank some tasks" in answer.content.decode()


@pytest.mark.parametrize("percent", ["", "x", "-1", "91"])
def test_a_refused_form_keeps_what_was_typed(cast: Cast, project: Project, percent: str) -> None:
    answer = freeze(cast, cast.alice, project, heldout_percent=percent, note="my <note>")
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert f'value="{percent}"' in shown
    assert "my &lt;note&gt;" in shown
    assert "field-error" in shown


def test_freezing_again_is_a_conflict(cast: Cast, project: Project) -> None:
    rank_all(cast, project)
    freeze(cast, cast.alice, project)
    answer = freeze(cast, cast.alice, project)
    assert answer.status_code == 409
    assert "already frozen" in answer.content.decode()


def test_only_admins_freeze(cast: Cast, project: Project) -> None:
    rank_all(cast, project)
    assert [freeze(cast, who, project).status_code for who in (cast.rita, cast.bob, cast.charlie)] == [
        403,
        403,
        404,
    ]
    page = f"/w/acme/projects/{project.uid}/freeze/"
    assert [cast.client(who).get(page).status_code for who in (cast.rita, cast.bob, cast.charlie)] == [
        403,
        403,
        404,
    ]
    assert cast.client(cast.alice).put(page).status_code == 405
    assert not DatasetVersion.objects.exists()


def test_the_page_tells_what_each_policy_releases_and_keeps_that_word(cast: Cast, project: Project) -> None:
    rank_all(cast, project)
    waiting = Annotation.objects.filter(project=project).latest("pk")
    Annotation.objects.filter(pk=waiting.pk).update(answer={**waiting.answer, "flags": ["unsafe"]})
    told = forecast(project)
    assert told is not None
    assert {offer.policy: (offer.answers, offer.rows, offer.tasks) for offer in told.offers} == {
        "accepted": (4, 4, 4),
        "majority": (4, 4, 4),
        "all": (5, 5, 5),
    }
    assert (told.states["accepted"], told.states["open"], told.all_answers) == (4, 1, 5)
    page = cast.client(cast.alice).get(f"/w/acme/projects/{project.uid}/freeze/").content.decode()
    assert "4 answers to 4 tasks" in page
    assert "<strong>5</strong> pairs" in page
    assert "Wait for a review" in page
    assert not DatasetVersion.objects.exists()
    freeze(cast, cast.alice, project, policy="all")
    version = DatasetVersion.objects.get()
    assert version.train_rows + version.heldout_rows == 5
    assert f"/w/acme/datasets/{version.uid}/" in str(
        cast.client(cast.alice).get(f"/w/acme/projects/{project.uid}/freeze/").content
    )


def test_an_empty_project_has_nothing_to_release_yet(cast: Cast, project: Project) -> None:
    page = cast.client(cast.alice).get(f"/w/acme/projects/{project.uid}/freeze/").content.decode()
    assert "Nothing was answered yet" in page


def test_what_is_too_much_to_count_on_a_page_is_counted_when_it_is_frozen(
    cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank_all(cast, project)
    monkeypatch.setattr("qa.forecast.MOST_COUNTED", 4)
    page = cast.client(cast.alice).get(f"/w/acme/projects/{project.uid}/freeze/").content.decode()
    assert "too much to count on a page" in page
    assert 'id="id_policy"' in page


def test_a_large_project_is_frozen_by_a_job(
    cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank_all(cast, project)
    monkeypatch.setattr(freezing, "MOST_IN_A_REQUEST", 4)
    answer = freeze(cast, cast.alice, project)
    job = Job.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/w/acme/jobs/{job.uid}/")
    claimed = claim(queue="light", owner="tests", kinds={"qa.release"})
    assert claimed is not None
    context = JobContext(claimed, pulse=Pulse(Lease.of(claimed), taken_at=time.monotonic(), request_id=""))
    first, second = release(context), release(context)
    assert first == second == {"dataset_version": str(DatasetVersion.objects.get().uid)}

"""Asking for an erasure and reading its report, on the pages and over HTTP; and the job that does it."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from annotera.erasures import request_erasure
from corpus.models import DatasetVersion, Erasure
from corpus.subjects import subject_key
from jobs import registry
from jobs.models import Job, Queue
from jobs.running import run_next
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair
from tests.training.registered import make_run

ADA = "ada@example.org"
ASKED = {"identifier": ADA, "reason": "ticket 7", "sure": "on"}


@pytest.fixture(autouse=True)
def handlers() -> None:
    registry.load_handlers()


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return str(response.content.decode())


def version_with_ada(cast: Cast) -> DatasetVersion:
    key = subject_key(workspace=cast.workspace, identifier=ADA)
    rows = [pair(number) | {"subject_key": key if number == 1 else None} for number in range(5)]
    return freeze(cast.workspace, rows=rows, heldout_share=0.0)


def test_an_admin_asks_a_worker_erases_and_the_page_reports(committed_cast: Cast) -> None:
    cast = committed_cast
    version = version_with_ada(cast)
    alice = cast.client(cast.alice)
    asked = alice.post("/w/acme/erasures/", ASKED)
    assert asked.status_code == 302
    waiting = text_of(alice.get(asked["Location"]))
    assert "queued" in waiting and 'hx-trigger="every 2s"' in waiting
    assert run_next(queue=Queue.LIGHT, owner="test")
    done = text_of(alice.get(asked["Location"]))
    assert "hx-trigger" not in done.split('id="erasure"')[1].split(">")[0]
    for words in ("boxes v1", "boxes v2", "ticket 7", "redacted"):
        assert words in done, words
    version.refresh_from_db()
    assert version.redacted_at is not None
    listed = text_of(alice.get("/w/acme/erasures/"))
    assert "ticket 7" in listed and ADA not in listed
    fragment = text_of(alice.get(asked["Location"], headers={"HX-Request": "true"}))
    assert "<html" not in fragment


def test_while_a_run_reads_the_rows_the_job_comes_back_later(committed_cast: Cast) -> None:
    """The run's worker ends it; until then the erasure is not done, and the run is told to stop."""
    cast = committed_cast
    run = make_run(cast.workspace, dataset_version=version_with_ada(cast))
    Job.objects.filter(pk=run.job_id).update(state="running", lease_until="2100-01-01T00:00Z")
    erasure = request_erasure(workspace=cast.workspace, by=cast.alice, identifier=ADA)
    assert run_next(queue=Queue.LIGHT, owner="test")
    erasure.refresh_from_db()
    job = Job.objects.get(pk=erasure.job_id)
    assert (erasure.state, job.state) == (Erasure.State.QUEUED, Job.State.QUEUED)
    assert Job.objects.get(pk=run.job_id).cancel_requested_at is not None
    assert "told to stop" in text_of(cast.client(cast.alice).get(f"/w/acme/erasures/{erasure.uid}/"))
    ended = {"state": "cancelled", "lease_until": None, "ended_at": job.created_at}
    Job.objects.filter(pk=run.job_id).update(**ended)
    Job.objects.filter(pk=job.pk).update(not_before=None)
    assert run_next(queue=Queue.LIGHT, owner="test")
    erasure.refresh_from_db()
    assert erasure.state == Erasure.State.DONE
    assert [row["state"] for row in erasure.report["runs"]] == ["cancelled"]


def test_an_erasure_whose_job_failed_says_so_and_can_be_asked_for_again(cast: Cast) -> None:
    erasure = request_erasure(workspace=cast.workspace, by=cast.alice, identifier=ADA)
    ended = {"state": "failed", "ended_at": erasure.created_at, "reason": "The disk is full."}
    Job.objects.filter(pk=erasure.job_id).update(**ended)
    found = text_of(cast.client(cast.alice).get(f"/w/acme/erasures/{erasure.uid}/"))
    assert "Ask for the same erasure again" in found and "The disk is full." in found
    again = request_erasure(workspace=cast.workspace, by=cast.alice, identifier=ADA)
    assert again.pk == erasure.pk and again.job_id != erasure.job_id


def test_asking_twice_while_it_waits_is_one_job(cast: Cast) -> None:
    for _time in range(2):
        request_erasure(workspace=cast.workspace, by=cast.alice, identifier=ADA)
    assert Job.objects.filter(kind="annotera.erasure").count() == 1


@pytest.mark.parametrize(
    "changed", [{"identifier": ""}, {"identifier": "x" * 501}, {"reason": "x" * 301}, {"sure": ""}]
)
def test_a_form_that_is_not_meant_comes_back_with_the_reason(cast: Cast, changed: dict[str, str]) -> None:
    found = text_of(cast.client(cast.alice).post("/w/acme/erasures/", ASKED | changed), 422)
    assert "field-error" in found
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{}, {"identifier": ""}, {"identifier": "a\x00"}, {"identifier": "\ud800"}, {"identifier": ["a"]},
     {"identifier": "x" * 501}, {"identifier": "a", "reason": "a\nb"}],
)  # fmt: skip
def test_a_request_over_http_that_is_not_meant_is_refused(cast: Cast, body: dict[str, Any]) -> None:
    sent = json.dumps(body)
    answer = cast.api(cast.alice).post("/api/v1/erasures/", sent, content_type="application/json")
    assert answer.status_code == 422
    assert not Erasure.objects.exists()


def test_over_http_it_is_accepted_and_read(cast: Cast) -> None:
    api = cast.api(cast.alice)
    made = api.post("/api/v1/erasures/", {"identifier": ADA}, format="json")
    assert made.status_code == 202 and made.json()["state"] == "queued"
    found = api.get(f"/api/v1/erasures/{made.json()['uid']}/").json()
    assert found["reach"] == {"versions": [], "runs": [], "models": [], "deployments": []}
    assert [row["uid"] for row in api.get("/api/v1/erasures/").json()["results"]] == [found["uid"]]


def test_the_list_costs_the_same_for_ten_and_for_sixty_erasures(cast: Cast) -> None:
    def cost(who: Membership) -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(cast.client(who).get("/w/acme/erasures/"))
        return len(queries)

    for number in range(10):
        request_erasure(workspace=cast.workspace, by=cast.alice, identifier=f"p{number}")
    ten = cost(cast.alice)
    for number in range(10, 60):
        request_erasure(workspace=cast.workspace, by=cast.alice, identifier=f"p{number}")
    assert cost(cast.alice) == ten

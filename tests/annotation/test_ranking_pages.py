"""Ranking in the browser, with htmx and without JavaScript."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.kinds.ranking_form import rank_field
from annotation.leases import expire_leases
from annotation.models import Annotation, Assignment, Guideline, Project, Task, TaskBody
from annotation.queue import hand_out
from annotation.submissions import submit
from tests.annotation.worlds import add_tasks, an_answer, form_of, make_project

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def project(crew):
    project = make_project(crew)
    add_tasks(project, 3)
    return project


@pytest.fixture
def bob(crew):
    return crew.client(crew.bob)


def page(name: str, row, workspace: str = "acme") -> str:
    return reverse(name, args=[workspace, row.uid])


def start(bob, project) -> Assignment:
    response = bob.post(page("project-next", project))
    assert response.status_code == 303
    return Assignment.objects.get(state="leased", membership__user=bob_user(bob))


def bob_user(client):
    return int(client.session["_auth_user_id"])


def test_bob_ranks_three_tasks_without_javascript(bob, project):
    response = bob.post(page("project-next", project))
    for number in range(3):
        assert response.status_code == 303
        shown = bob.get(response["Location"])
        assert shown.status_code == 200
        assignment = Assignment.objects.get(state="leased")
        assert shown.content.count(b'name="rank-') == 2
        response = bob.post(page("assignment-submit", assignment), form_of(assignment))
        assert Annotation.objects.count() == number + 1
    assert response["Location"].startswith(page("project-queue", project))
    assert "All tasks are done" in bob.get(response["Location"]).content.decode()


def test_an_htmx_submit_answers_with_the_next_task(bob, project):
    first = start(bob, project)
    response = bob.post(page("assignment-submit", first), form_of(first), headers=HTMX)
    assert response.status_code == 200
    second = Assignment.objects.get(state="leased")
    assert response["HX-Push-Url"] == page("assignment", second)
    html = response.content.decode()
    assert html.lstrip().startswith('<section id="task"')
    assert str(second.uid) in html
    assert page("assignment-reopen", first) in html
    assert "<html" not in html


def test_the_last_htmx_submit_says_why_there_is_no_more(bob, crew):
    project = make_project(crew)
    add_tasks(project, 1)
    assignment = start(bob, project)
    response = bob.post(page("assignment-submit", assignment), form_of(assignment), headers=HTMX)
    assert response["HX-Push-Url"] == page("project-queue", project)
    assert 'id="task"' in response.content.decode()
    assert "All tasks are done" in response.content.decode()


def test_the_receipt_of_the_last_answer_comes_along_without_javascript(bob, project):
    first = start(bob, project)
    response = bob.post(page("assignment-submit", first), form_of(first))
    assert f"done={first.uid}" in response["Location"]
    assert page("assignment-reopen", first).encode() in bob.get(response["Location"]).content


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_refused_form_comes_back_with_what_was_typed(bob, project, headers):
    assignment = start(bob, project)
    response = bob.post(
        page("assignment-submit", assignment),
        {"rationale": "My <b>reason</b>", "revision": "0"},
        headers=headers,
    )
    assert response.status_code == 422
    html = response.content.decode()
    assert "My &lt;b&gt;reason&lt;/b&gt;" in html
    assert "Rank at least two candidates" in html
    assert Annotation.objects.count() == 0


def test_a_double_submit_gives_one_answer(bob, project):
    assignment = start(bob, project)
    for _ in range(2):
        assert bob.post(page("assignment-submit", assignment), form_of(assignment)).status_code == 303
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_second_window_sees_both_answers_and_can_save_its_own(bob, project, headers):
    assignment = start(bob, project)
    bob.post(page("assignment-submit", assignment), form_of(assignment))
    uids = list(reversed(assignment.shown_order))
    other = {rank_field(str(uid)): str(place) for place, uid in enumerate(uids, 1)}
    address = page("assignment-submit", assignment)
    refused = bob.post(address, {**other, "revision": "0", "rationale": "second"}, headers=headers)
    assert refused.status_code == 409
    html = refused.content.decode()
    assert "another window" in html
    assert "second" in html
    assert re.search(r'name="revision" value="1"', html)
    assert Annotation.objects.get().answer["rationale"] == ""
    accepted = bob.post(address, {**other, "revision": "1", "rationale": "second"})
    assert accepted.status_code == 303
    assert Annotation.objects.get(is_current=True).answer["rationale"] == "second"


def test_a_late_answer_that_is_not_taken_stays_as_a_draft(bob, crew, project):
    assignment = start(bob, project)
    Assignment.objects.update(lease_until=Now() - timedelta(seconds=1))
    expire_leases()
    for _ in range(3):
        other = hand_out(membership=crew.rita, project=project).assignment
        submit(assignment=other, answer=an_answer(other))
    response = bob.post(page("assignment-submit", assignment), form_of(assignment, rationale="kept text"))
    assert response.status_code == 409
    assert "kept text" in bob.get(page("assignment", assignment)).content.decode()


def test_undo_opens_the_answer_and_a_correction_becomes_the_next_revision(bob, project):
    assignment = start(bob, project)
    bob.post(page("assignment-submit", assignment), form_of(assignment, rationale="first"))
    assert bob.post(page("assignment-reopen", assignment))["Location"] == page("assignment", assignment)
    shown = bob.post(page("assignment-reopen", assignment), headers=HTMX)
    assert "first" in shown.content.decode()
    assert 'data-mode="revise"' in shown.content.decode()
    bob.post(page("assignment-submit", assignment), form_of(assignment, rationale="second", revision="1"))
    assert Annotation.objects.get(is_current=True).revision == 2


def test_undo_ends_after_ten_minutes(bob, project):
    assignment = start(bob, project)
    bob.post(page("assignment-submit", assignment), form_of(assignment))
    Annotation.objects.update(submitted_at=Now() - timedelta(minutes=11))
    assert bob.post(page("assignment-reopen", assignment)).status_code == 409
    assert 'data-mode="closed"' in bob.get(page("assignment", assignment)).content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_skip_brings_the_next_task(bob, project, headers):
    assignment = start(bob, project)
    response = bob.post(page("assignment-skip", assignment), {"reason": "cannot_judge"}, headers=headers)
    assert response.status_code == (200 if headers else 303)
    assert Assignment.objects.get(pk=assignment.pk).state == "skipped"
    assert Assignment.objects.filter(state="leased").count() == 1


def test_a_draft_is_kept_and_shown_again(bob, project):
    assignment = start(bob, project)
    best = assignment.shown_order[1]
    typed = {
        rank_field(str(best)): "1",
        "rationale": "half",
        "draft_version": "0",
        "active_ms": "1234",
        "evil": "x",
    }
    first = bob.post(page("assignment-draft", assignment), typed, headers=JSON)
    assert first.status_code == 200
    body = first.json()
    assert body["version"] == 1
    assert re.fullmatch(r"\d\d:\d\d:\d\d", body["receipt"])
    assert body["saved_at"].endswith("Z")
    html = bob.get(page("assignment", assignment)).content.decode()
    assert "half" in html
    assert 'name="draft_version" value="1"' in html
    assert 'name="active_ms" value="1234"' in html
    assert "evil" not in Assignment.objects.get(pk=assignment.pk).draft


def test_a_stale_draft_is_refused_with_the_newer_version(bob, project):
    assignment = start(bob, project)
    address = page("assignment-draft", assignment)
    bob.post(address, {"rationale": "newer", "draft_version": "0"}, headers=JSON)
    stale = bob.post(address, {"rationale": "older", "draft_version": "0"}, headers=JSON)
    assert stale.status_code == 409
    assert stale.json()["error"]["code"] == "stale_draft"
    assert stale.json()["error"]["fields"] == {"draft_version": "1"}


def test_a_draft_works_by_put_and_without_javascript(bob, project):
    assignment = start(bob, project)
    address = page("assignment-draft", assignment)
    put = bob.put(
        address,
        "draft_version=0&rationale=put",
        content_type="application/x-www-form-urlencoded",
        headers=JSON,
    )
    assert put.json()["version"] == 1
    plain = bob.post(address, {"draft_version": "1", "rationale": "plain"})
    assert plain.status_code == 303
    assert plain["Location"] == page("assignment", assignment)
    assert bob.post(address, {"draft_version": "x"}, headers=JSON).status_code == 400
    big = bob.post(
        address, {"draft_version": "2", "rewrite": "x" * 65_000, "rationale": "y" * 5_000}, headers=JSON
    )
    assert big.status_code == 413


def test_the_heartbeat_answers_with_the_new_end_of_the_lease(bob, project):
    assignment = start(bob, project)
    assert bob.post(page("assignment-extend", assignment), headers=JSON).json()["lease_until"].endswith("Z")
    Assignment.objects.update(lease_until=Now() - timedelta(seconds=1))
    expire_leases()
    over = bob.post(page("assignment-extend", assignment), headers=JSON)
    assert over.status_code == 409
    assert over.json()["error"]["code"] == "lease_over"


def test_no_source_gold_or_purpose_reaches_the_browser(bob, crew):
    project = make_project(crew)
    add_tasks(project, 6, candidates=4)
    Project.objects.update(gold_every=1)
    Task.objects.filter(pk__gt=Task.objects.earliest("pk").pk).update(purpose="gold")
    seen = [bob.get(page("project", project)).content]
    response = bob.post(page("project-next", project), follow=True)
    for _ in range(6):
        seen.append(response.content)
        assignment = Assignment.objects.get(state="leased")
        address = page("assignment-submit", assignment)
        seen.append(bob.post(address, {"revision": "0"}, headers=HTMX).content)
        seen.append(
            bob.post(page("assignment-draft", assignment), {"draft_version": "0"}, headers=JSON).content
        )
        response = bob.post(address, form_of(assignment), follow=True)
    seen.append(bob.get(reverse("my-work", args=["acme"])).content)
    whole = b"".join(seen)
    assert b"secret-model" not in whole
    assert b"gold" not in whole
    assert b"purpose" not in whole.replace(b'class="purpose"', b"").replace(b'id="purpose"', b"")
    assert b"queue_key" not in whole
    positions = b"".join(str(uid).encode() for uid in TaskBody.objects.values_list("task__uid", flat=True))
    assert not any(positions[at : at + 36] in whole for at in range(0, len(positions), 36))


def test_hostile_texts_are_inert_on_the_page(bob, crew):
    project = make_project(crew, name="<script>x</script>", aspects=["quality"])
    add_tasks(project, 1)
    attack = "<img src=x onerror=alert(1)> **b** [x](javascript:alert(1)) {{7*7}} ![p](http://127.0.0.1/leak)"
    body = TaskBody.objects.get()
    body.prompt["messages"][0]["parts"][0]["text"] = attack
    for candidate in body.candidates.values():
        candidate["parts"][0]["text"] = attack
    body.save()
    html = bob.post(page("project-next", project), follow=True).content.decode()
    assert "<img" not in html
    assert "<script>x" not in html
    assert "<strong>b</strong>" in html
    assert 'href="javascript' not in html
    assert ">49<" not in html
    assert 'src="http://127' not in html


def test_a_new_guideline_reaches_the_open_page(bob, crew, project):
    assignment = start(bob, project)
    Guideline.objects.create(
        workspace=crew.workspace, project=project, number=1, text="Prefer **short** answers."
    )
    response = bob.post(page("assignment-submit", assignment), form_of(assignment), headers=HTMX)
    second = Assignment.objects.get(state="leased")
    assert response["HX-Redirect"] == page("assignment", second)
    html = bob.get(page("assignment", second)).content.decode()
    assert "<strong>short</strong>" in html
    answered = bob.post(
        page("assignment-submit", second), form_of(second, guideline_number="1"), headers=HTMX
    )
    assert "HX-Redirect" not in answered
    assert Annotation.objects.get(assignment=second).guideline.number == 1


def test_without_consent_the_way_leads_to_the_consent_page(bob, crew, project):
    crew.bob.consents.all().delete()
    response = bob.post(page("project-next", project))
    assert response.status_code == 303
    assert response["Location"].startswith(reverse("consent", args=["acme"]) + "?next=")
    assert bob.post(page("project-next", project), headers=HTMX)["HX-Redirect"]


def test_a_content_warning_is_shown_and_accepted_once(bob, crew):
    project = make_project(crew, content_warning="Violent language.")
    add_tasks(project, 1)
    queue = bob.post(page("project-next", project))["Location"]
    assert "Violent language." in bob.get(queue).content.decode()
    assert Assignment.objects.count() == 0
    accepted = bob.post(page("project-warning", project))
    assert accepted["Location"].startswith("/w/acme/assignments/")


def test_looking_at_the_queue_takes_nothing(bob, project):
    assert "A task is waiting" in bob.get(page("project-queue", project)).content.decode()
    assert not Assignment.objects.exists()
    assert not Task.objects.filter(open_slots=0).exists()


def test_an_assignment_belongs_to_one_person(crew, bob, project):
    assignment = start(bob, project)
    for person in (crew.rita, crew.alice):
        client = crew.client(person)
        assert client.get(page("assignment", assignment)).status_code == 404
        for name in ("submit", "skip", "draft", "extend", "reopen"):
            assert client.post(page(f"assignment-{name}", assignment), form_of(assignment)).status_code == 404
    stranger = crew.client(crew.charlie)
    assert stranger.get(page("assignment", assignment, "other")).status_code == 404
    assert stranger.get(page("assignment", assignment, "acme")).status_code == 404
    assert Assignment.objects.get().state == "leased"


@pytest.mark.parametrize("name", ["submit", "skip", "extend", "reopen"])
def test_writes_are_posts(bob, project, name):
    assignment = start(bob, project)
    assert bob.get(page(f"assignment-{name}", assignment)).status_code == 405


def test_a_lost_session_sends_htmx_to_the_login_and_keeps_the_page(client, project, crew):
    assignment = hand_out(membership=crew.bob, project=project).assignment
    response = client.post(page("assignment-submit", assignment), form_of(assignment), headers=HTMX)
    assert response.status_code == 401
    assert "login" in response["HX-Redirect"]


def test_a_paused_project_takes_the_answer_and_says_that_it_is_paused(bob, project):
    assignment = start(bob, project)
    Project.objects.update(state="paused")
    response = bob.post(page("assignment-submit", assignment), form_of(assignment), headers=HTMX)
    assert response.status_code == 200
    assert "paused" in response.content.decode()
    assert Annotation.objects.count() == 1


def test_submit_and_next_cost_at_most_twelve_queries(bob, project):
    first = start(bob, project)
    bob.post(page("assignment-submit", first), form_of(first), headers=HTMX)
    second = Assignment.objects.get(state="leased")
    with CaptureQueriesContext(connection) as queries:
        response = bob.post(page("assignment-submit", second), form_of(second), headers=HTMX)
    assert response.status_code == 200
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) <= 12, "\n".join(statements)

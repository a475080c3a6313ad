"""Projects: list, make, change, guideline, state; who may and who may not."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent
from annotation.models import Guideline, Project, Standing, Task
from annotation.queue import hand_out
from annotation.submissions import submit
from tests.annotation.worlds import add_tasks, an_answer, make_project

SETTINGS = {
    "name": "Tone",
    "description": "",
    "aspects": "quality, safety",
    "overlap": "2",
    "lease_seconds": "600",
    "allow_ties": "on",
    "content_warning": "",
    "licence": "cc-by-4.0",
    "lawful_basis": "",
}


def page(name: str, row=None, workspace: str = "acme") -> str:
    return reverse(name, args=[workspace, *([row.uid] if row else [])])


@pytest.fixture
def project(crew):
    return make_project(crew)


@pytest.fixture
def alice(crew):
    return crew.client(crew.alice)


def test_alice_makes_a_project(alice):
    response = alice.post(page("project-new"), SETTINGS)
    project = Project.objects.get(name="Tone")
    assert response["Location"] == page("project", project)
    assert project.aspects == ["quality", "safety"]
    assert project.licence == "CC-BY-4.0"
    assert project.overlap == 2
    assert (project.allow_ties, project.allow_all_bad) == (True, False)
    assert AuditEvent.objects.get(kind="project_created").object_uid == project.uid


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"overlap": "0"}, "overlap"),
        ({"overlap": "51"}, "overlap"),
        ({"overlap": "two"}, "overlap"),
        ({"lease_seconds": "5"}, "lease_seconds"),
        ({"aspects": "a,b,c,d,e,f,g"}, "aspects"),
        ({"aspects": "a,a"}, "aspects"),
        ({"aspects": "<script>"}, "aspects"),
        ({"licence": "whatever I like"}, "licence"),
    ],
)
def test_a_form_with_a_mistake_comes_back_with_what_was_typed(alice, changes, field):
    response = alice.post(page("project-new"), {**SETTINGS, "description": "Kept words", **changes})
    assert response.status_code == 422
    assert "Kept words" in response.content.decode()
    assert response.context["form"].errors[field]
    assert not Project.objects.exists()


def test_a_name_is_taken_once_per_workspace(alice, project, crew):
    refused = alice.post(page("project-new"), {**SETTINGS, "name": project.name})
    assert refused.status_code == 422
    charlie = crew.client(crew.charlie)
    assert (
        charlie.post(page("project-new", workspace="other"), {**SETTINGS, "name": project.name}).status_code
        == 302
    )


def test_a_larger_overlap_reaches_the_tasks_that_are_there(alice, crew, project):
    add_tasks(project, 2)
    assignment = hand_out(membership=crew.bob, project=project).assignment
    submit(assignment=assignment, answer=an_answer(assignment))
    alice.post(page("project-settings", project), {**SETTINGS, "name": "New", "overlap": "3"})
    assert list(Task.objects.order_by("pk").values_list("overlap", "open_slots")) == [(3, 2), (3, 3)]
    alice.post(page("project-settings", project), {**SETTINGS, "name": "New", "overlap": "1"})
    assert list(Task.objects.order_by("pk").values_list("overlap", "open_slots")) == [(1, 0), (1, 1)]


def test_aspects_stay_once_there_are_answers(alice, crew, project):
    add_tasks(project, 1)
    assignment = hand_out(membership=crew.bob, project=project).assignment
    submit(assignment=assignment, answer=an_answer(assignment))
    refused = alice.post(page("project-settings", project), {**SETTINGS, "aspects": "charm"})
    assert refused.status_code == 422
    assert "Answers exist already" in refused.content.decode()


def test_a_new_warning_is_shown_to_everybody_again(alice, crew, project):
    add_tasks(project, 1)
    Standing.objects.create(
        workspace=crew.workspace, project=project, membership=crew.bob, warned_at="2026-01-01T00:00Z"
    )
    alice.post(page("project-settings", project), {**SETTINGS, "content_warning": "Violent language."})
    assert Standing.objects.get().warned_at is None


def test_guidelines_are_numbered_and_never_change(alice, crew, project):
    for text in ("First.", "First.", "Second."):
        assert alice.post(page("guideline-publish", project), {"text": text}).status_code == 302
    assert list(Guideline.objects.order_by("number").values_list("number", "text")) == [
        (1, "First."),
        (2, "Second."),
    ]
    bob = crew.client(crew.bob)
    html = bob.get(page("project-guideline", project)).content.decode()
    assert "Second." in html
    assert "guideline/publish" not in html
    assert "First." in bob.get(page("project-guideline", project), {"version": "1"}).content.decode()
    for unknown in ("3", "0", "nonsense", "9" * 30):
        assert bob.get(page("project-guideline", project), {"version": unknown}).status_code == 404
    assert alice.post(page("guideline-publish", project), {"text": " "}).status_code == 422


@pytest.mark.parametrize("state", ["paused", "closed", "active"])
def test_a_project_is_paused_closed_and_opened_again(alice, project, state):
    for _ in range(2):
        assert alice.post(page("project-state", project), {"state": state}).status_code == 302
    project.refresh_from_db()
    assert project.state == state
    assert alice.post(page("project-state", project), {"state": "exploded"}).status_code == 422


@pytest.mark.parametrize("person", ["bob", "rita"])
def test_only_admins_change_projects(crew, project, person):
    client = crew.client(getattr(crew, person))
    for name in ("project-settings", "project-import", "project-export"):
        assert client.get(page(name, project)).status_code == 403
    assert client.get(page("project-new")).status_code == 403
    for name in ("project-settings", "project-state", "guideline-publish", "project-import"):
        assert client.post(page(name, project), {"state": "closed", "text": "x"}).status_code == 403
    html = client.get(page("project", project)).content.decode()
    assert "export" not in html
    assert project.state == "active"


def test_another_workspace_sees_nothing(crew, project):
    client = crew.client(crew.charlie)
    for name in (
        "project",
        "project-settings",
        "project-import",
        "project-export",
        "project-queue",
        "project-guideline",
    ):
        assert client.get(page(name, project)).status_code == 404
        assert client.get(page(name, project, "other")).status_code == 404
    for name in ("project-next", "project-state", "guideline-publish", "project-warning"):
        assert client.post(page(name, project, "other"), {"state": "closed"}).status_code == 404
    assert project.name not in client.get(page("projects", workspace="other")).content.decode()


def count_queries(client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_work_that_is_all_answered_offers_no_start_to_those_who_know_it(crew, alice, project):
    add_tasks(project, 1)
    start = f'action="{page("project-next", project)}"'
    for address in (page("projects"), page("project", project)):
        assert start in alice.get(address).content.decode()
    assignment = hand_out(membership=crew.bob, project=project).assignment
    submit(assignment=assignment, answer=an_answer(assignment))
    for address in (page("projects"), page("project", project)):
        assert start not in alice.get(address).content.decode()
        assert start in crew.client(crew.bob).get(address).content.decode()


def test_the_rules_of_a_project_name_its_lawful_basis_in_words(alice, project):
    Project.objects.update(lawful_basis="no_personal_data")
    shown = alice.get(page("project", project)).content.decode()
    assert "Holds no personal data" in shown and "no_personal_data" not in shown


def test_a_refused_form_names_above_what_to_mend_below(alice):
    shown = alice.post(page("project-new"), {**SETTINGS, "licence": "my own"}).content.decode()
    assert '<a href="#id_licence">Licence of the answers</a>' in shown


def test_the_project_list_costs_the_same_at_10_and_at_100_rows(crew, alice):
    for number in range(10):
        add_tasks(make_project(crew, name=f"P{number}"), 1)
    few = count_queries(alice, page("projects"))
    for number in range(10, 100):
        make_project(crew, name=f"P{number}")
    many = count_queries(alice, page("projects"))
    assert few == many <= 11


def test_the_project_page_costs_the_same_at_10_and_at_1000_tasks(crew, alice, project):
    add_tasks(project, 10)
    few = count_queries(alice, page("project", project))
    add_tasks(project, 990, first=10)
    assert count_queries(alice, page("project", project)) == few <= 15
    assert "1,000" in alice.get(page("project", project)).content.decode()


def test_my_work_costs_the_same_at_10_and_at_30_rows(crew, project):
    add_tasks(project, 31)
    bob = crew.client(crew.bob)
    counts = []
    for answers in (10, 20):
        for _ in range(answers):
            assignment = hand_out(membership=crew.bob, project=project).assignment
            submit(assignment=assignment, answer=an_answer(assignment))
        counts.append(count_queries(bob, page("my-work")))
    assert counts[0] == counts[1] <= 15


def test_my_work_shows_what_is_recorded_and_only_mine(crew, project):
    add_tasks(project, 2)
    assignment = hand_out(membership=crew.bob, project=project).assignment
    submit(assignment=assignment, answer=an_answer(assignment))
    html = crew.client(crew.bob).get(page("my-work")).content.decode()
    assert "opened" in html
    assert page("assignment", assignment) in html
    assert page("assignment", assignment) not in crew.client(crew.rita).get(page("my-work")).content.decode()


def test_lists_page_by_cursor(crew, alice):
    for number in range(60):
        make_project(crew, name=f"P{number:02}")
    first = alice.get(page("projects"))
    assert first.context["next_cursor"]
    second = alice.get(page("projects") + f"?before={first.context['next_cursor']}")
    assert len(second.context["rows"]) == 10
    assert alice.get(page("projects") + "?before=nonsense").status_code == 400

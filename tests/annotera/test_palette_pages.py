"""The search behind the command palette: what each role finds, what it costs, and what is refused."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from annotation.models import Project, Task
from tests.annotation.worlds import add_tasks, make_project
from tests.annotera.objects import Objects
from tests.conftest import Cast

FRAGMENT = {"HX-Request": "true"}


def search(cast: Cast, who: Membership, query: str = "", **headers: str) -> Any:
    answer = cast.client(who).get(
        f"/w/{who.workspace.slug}/search/", {"q": query}, headers=headers or FRAGMENT
    )
    assert answer.status_code == 200
    return answer


def hits(answer: Any) -> dict[str, list[str]]:
    """The labels by section, as a person reads them."""
    found = {}
    for section in answer.content.decode().split('<div role="group"')[1:]:
        heading = re.search(r'role="presentation">([^<]*)</p>', section)
        labels = re.findall(r'<span class="palette-label">(.*?)</span>', section)
        assert heading is not None and labels
        found[heading.group(1)] = [unescape(re.sub(r"<[^>]*>", "", label)) for label in labels]
    return found


def addresses(answer: Any) -> list[str]:
    return re.findall(r'role="option"[^>]* href="([^"]*)"', answer.content.decode())


def test_an_empty_search_offers_the_pages_and_the_newest_projects(cast: Cast) -> None:
    for number in range(7):
        make_project(cast, name=f"Project {number}")
    found = hits(search(cast, cast.alice))
    assert found["Pages"][0] == "Home" and {"Runs", "Members", "My settings"} <= set(found["Pages"])
    assert found["Projects"] == [f"Project {number}" for number in (6, 5, 4, 3, 2)]
    assert "New project" in found["Commands"] and "New run: PPO" in found["Commands"]


def test_annotators_find_only_what_they_may_open(cast: Cast) -> None:
    objects = Objects(cast)
    names = (objects.run.name, objects.model.name, objects.deployment.name, objects.described_source.name)
    add_tasks(objects.project, 1, first=50)
    for query in ("", "a", "e", "new", "runs", "members", "t50", *names, str(objects.task.uid)):
        answer = search(cast, cast.bob, query)
        assert set(hits(answer)) <= {"Pages", "Projects", "Commands"}, query
        for address in addresses(answer):
            assert cast.client(cast.bob).get(address).status_code == 200, address


def test_reviewers_and_admins_can_open_all_that_they_find(cast: Cast) -> None:
    objects = Objects(cast)
    made = (objects.deployment, objects.described_source, objects.annotation, objects.job)
    for person in (cast.rita, cast.alice):
        found = {
            address for query in ("", "e", "new", "o") for address in addresses(search(cast, person, query))
        }
        assert len(found) > len(made)
        for address in sorted(found):
            assert cast.client(person).get(address).status_code == 200, address


def test_things_are_found_by_a_part_of_their_name(cast: Cast) -> None:
    objects = Objects(cast)
    for thing, name, section in (
        (objects.run, objects.run.name, "Runs"),
        (objects.model, objects.model.name, "Models"),
        (objects.version, objects.version.dataset.name, "Dataset versions"),
        (objects.described_source, objects.described_source.name, "Sources"),
        (objects.deployment, objects.deployment.name, "Deployments"),
        (objects.project, objects.project.name, "Projects"),
    ):
        answer = search(cast, cast.rita, name[1:].upper())
        assert any(name in label for label in hits(answer)[section]), section
        assert str(thing.uid) in answer.content.decode(), section


def test_everything_is_found_by_its_whole_id(cast: Cast) -> None:
    objects = Objects(cast)
    for thing in (objects.run, objects.model, objects.version, objects.project, objects.task, objects.job):
        (section,) = hits(search(cast, cast.rita, str(thing.uid))).values()
        assert len(section) == 1


def test_names_that_begin_so_come_first(cast: Cast) -> None:
    for name in ("Tone", "Milestone", "Stone", "Gemstone"):
        make_project(cast, name=name)
    assert hits(search(cast, cast.bob, "ston"))["Projects"] == ["Stone", "Gemstone", "Milestone"]
    assert hits(search(cast, cast.bob, "tone"))["Projects"][0] == "Tone"
    assert hits(search(cast, cast.bob, "  gem   STONE "))["Projects"] == ["Gemstone"]


def test_a_task_is_found_by_its_external_id_and_leads_to_its_project(cast: Cast) -> None:
    project = make_project(cast)
    add_tasks(project, 12)
    answer = search(cast, cast.rita, "t1")
    assert hits(answer)["Tasks"] == ["t1"], "only the whole id"
    assert f'href="/w/acme/projects/{project.uid}/"' in answer.content.decode()


def test_a_task_and_a_project_are_found_by_a_foreign_uuid(cast: Cast) -> None:
    foreign = "0b9c0f6e-7d53-4f6b-9a53-3f2d2c1b7a10"
    project = make_project(cast, name=f"Batch {foreign}")
    add_tasks(project, 1)
    Task.objects.update(external_id=foreign)
    found = hits(search(cast, cast.rita, foreign))
    assert found == {"Projects": [f"Batch {foreign}"], "Tasks": [foreign]}


def test_an_answered_task_leads_to_its_review(cast: Cast) -> None:
    objects = Objects(cast)
    acceptance = objects.acceptance
    task = acceptance.annotation.task
    body = search(cast, cast.rita, str(task.uid)).content.decode()
    assert f'href="/w/acme/reviews/{acceptance.uid}/"' in body


def test_another_workspace_is_never_searched(cast: Cast) -> None:
    objects = Objects(cast)
    uids = [objects.run.uid, objects.model.uid, objects.task.uid, objects.project.uid, objects.job.uid]
    for query in (objects.project.name, objects.run.name, objects.task.external_id, *map(str, uids)):
        found = hits(search(cast, cast.charlie, query))
        assert set(found) <= {"Pages", "Commands"}, query


@pytest.mark.parametrize("query", ["", "help", "t3"])
def test_the_queries_stay_the_same_however_much_there_is(cast: Cast, query: str) -> None:
    def cost() -> int:
        client = cast.client(cast.rita)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/w/acme/search/", {"q": query}).status_code == 200
        return len(captured)

    project = make_project(cast, name="Helpful 0")
    add_tasks(project, 10)
    few = cost()
    for number in range(1, 60):
        make_project(cast, name=f"Helpful {number}")
    add_tasks(project, 90, first=10)
    assert Task.objects.count() == 100 and Project.objects.count() == 60
    assert cost() == few <= 14


def test_hostile_names_are_text(cast: Cast) -> None:
    make_project(cast, name="<script>alert(1)</script> 100% _x_")
    for headers in ({}, FRAGMENT):
        answer = cast.client(cast.alice).get("/w/acme/search/", {"q": "<script>alert"}, headers=headers)
        assert "<script>alert" not in answer.content.decode()
        assert "&lt;script&gt;alert(1)" in answer.content.decode()
    assert hits(search(cast, cast.alice, "100%"))["Projects"]
    assert "Projects" not in hits(search(cast, cast.alice, "1%0")), "no wildcard"
    assert "Projects" not in hits(search(cast, cast.alice, "_y_")), "no wildcard"


@pytest.mark.parametrize("query", ["a\x00b", "x" * 2000])
def test_a_query_that_no_name_can_be_is_refused_in_words(cast: Cast, query: str) -> None:
    for headers in ({}, FRAGMENT):
        answer = cast.client(cast.alice).get("/w/acme/search/", {"q": query}, headers=headers)
        assert answer.status_code == 422
        assert "q contains" in answer.content.decode() or "q is" in answer.content.decode()


def test_a_misspelt_parameter_is_refused(cast: Cast) -> None:
    assert cast.client(cast.alice).get("/w/acme/search/?query=x").status_code == 400


def test_without_javascript_it_is_a_page_with_plain_links(cast: Cast) -> None:
    make_project(cast, name="Stone")
    body = cast.client(cast.bob).get("/w/acme/search/", {"q": "sto"}).content.decode()
    assert "<h1>Search</h1>" in body and 'value="sto"' in body
    assert 'role="option"' not in body.split("<main")[1].split("</main>")[0]
    assert ">Stone</bdi></a>" in body
    nothing = cast.client(cast.bob).get("/w/acme/search/", {"q": "zebra"}).content.decode()
    assert "Nothing is called so" in nothing
    for query in ("", "theme"):
        body = cast.client(cast.bob).get("/w/acme/search/", {"q": query}).content.decode()
        assert "Commands" not in body, "a theme is set by the palette alone"

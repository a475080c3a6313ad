"""Who works in a project, what was answered on which day, and what a new guideline changed."""

import pytest
from django.urls import reverse

from annotation.models import Project
from annotation.projects import publish_guideline
from annotation.queue import hand_out
from annotation.standings import pause
from annotation.submissions import submit
from annotation.team import teams_of
from tests.annotation.worlds import add_tasks, an_answer, make_project, more_annotators


@pytest.fixture
def project(crew) -> Project:
    made = make_project(crew, overlap=9)
    add_tasks(made, 3)
    return made


def answer(person, project: Project, count: int) -> None:
    for _number in range(count):
        assignment = hand_out(membership=person, project=project).assignment
        submit(assignment=assignment, answer=an_answer(assignment))


def page(name: str, project: Project | None = None) -> str:
    return reverse(name, args=["acme", *([project.uid] if project else [])])


def test_the_people_with_the_most_answers_are_named_and_the_others_counted(crew, project):
    people = more_annotators(crew, 4)
    for count, person in enumerate([*people, crew.bob]):
        answer(person, project, max(1, min(3, count)))
    pause(membership=crew.bob, project=project, reason="")
    team = teams_of([project])[project.pk]
    assert (team.people, team.more) == (5, 2)
    assert [(worker.answers, worker.is_paused) for worker in team.first] == [
        (3, False),
        (3, True),
        (2, False),
    ]


def test_admins_read_names_and_reviewers_pseudonyms_save_their_own(crew, project):
    for person in (crew.rita, crew.bob):
        answer(person, project, 1)
    publish_guideline(membership=crew.alice, project=project, text="Prefer the kind answer.")
    for address in (page("projects"), page("project", project)):
        shown = {who: main_of(crew, who, address) for who in (crew.alice, crew.rita, crew.bob)}
        assert "Rita" in shown[crew.alice] and "Bob" in shown[crew.alice]
        assert "Rita" in shown[crew.rita]
        assert "Bob" not in shown[crew.rita] and crew.bob.pseudonym in shown[crew.rita]
        assert "Rita" not in shown[crew.bob] and crew.rita.pseudonym not in shown[crew.bob]
    guideline = page("project-guideline", project)
    assert "Alice" in main_of(crew, crew.alice, guideline)
    assert "Alice" not in main_of(crew, crew.rita, guideline)


def main_of(crew, person, address: str) -> str:
    """The page without the navigation, where the reader's own name stands."""
    return crew.client(person).get(address).content.decode().split("<main")[1].split("</main>")[0]


def test_who_has_a_task_in_hand_continues_before_the_first_answer(crew, project):
    for address in (page("projects"), page("project", project)):
        assert "Continue" not in main_of(crew, crew.bob, address)
    hand_out(membership=crew.bob, project=project)
    for address in (page("projects"), page("project", project)):
        assert "Continue" in main_of(crew, crew.bob, address)
        assert "Continue" not in main_of(crew, crew.rita, address)


def test_the_page_of_a_project_counts_the_answers_of_each_day(crew, project):
    answer(crew.bob, project, 2)
    days = crew.client(crew.alice).get(page("project", project)).context["days"]
    assert (len(days.days), days.today.answers, days.answers, days.is_cut) == (14, 2, 2, False)


def test_a_paused_person_reads_why_on_the_page_of_the_project(crew, project):
    pause(membership=crew.bob, project=project, reason="Please slow down.")
    html = crew.client(crew.bob).get(page("project", project)).content.decode()
    assert "Please slow down." in html
    assert "Please slow down." not in crew.client(crew.rita).get(page("project", project)).content.decode()


def test_a_new_guideline_shows_what_changed_word_by_word(crew, project):
    for text in ("Prefer the short answer.", "Prefer the kind answer."):
        publish_guideline(membership=crew.alice, project=project, text=text)
    html = crew.client(crew.bob).get(page("project-guideline", project)).content.decode()
    assert "What changed from version 1" in html
    assert "short" in html.split("<del")[1].split("</del>")[0]
    assert "kind" in html.split("<ins")[1].split("</ins>")[0]
    assert "What changed" not in crew.client(crew.bob).get(
        page("project-guideline", project), {"version": "1"}
    ).content.decode()  # fmt: skip

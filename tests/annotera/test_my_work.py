"""One's own work: what came back first, the words of reviewers, and a list that can be narrowed."""

import pytest
from django.urls import reverse

from annotation.models import Project
from annotation.queue import hand_out
from annotation.submissions import submit
from qa import reviews
from qa.models import Acceptance, GoldScore
from tests.annotation.worlds import add_tasks, an_answer, consenting, make_project
from tests.annotera.test_home import address, answer
from tests.conftest import Cast


@pytest.fixture
def project(cast: Cast) -> Project:
    consenting(cast.alice, cast.bob, cast.rita)
    made = make_project(cast, overlap=1)
    add_tasks(made, 4)
    return made


def open_work(cast: Cast, person, **query: object):
    return cast.client(person).get(address("my-work"), query)


def test_what_came_back_is_first_with_the_words_and_a_button(cast: Cast, project: Project):
    returned, _other = answer(cast.bob, project, 2)
    reviews.send_back(acceptance=returned, by=cast.rita, comment="Read the question again.")
    html = open_work(cast, cast.bob).content.decode()
    assert html.index("To mend") < html.index("Read the question again.") < html.index("History")
    assert address("assignment", returned.annotation.assignment.uid) in html


def test_a_reviewers_word_stands_beside_the_answer(cast: Cast, project: Project):
    refused, praised, untouched = answer(cast.bob, project, 3)
    reviews.reject(acceptance=refused, by=cast.rita, comment="Off topic.")
    reviews.accept(acceptance=praised, by=cast.rita, comment="Well seen.")
    said = {row["assignment"].pk: row["said"] for row in open_work(cast, cast.bob).context["rows"]}
    assert said[refused.annotation.assignment_id].comment == "Off topic."
    assert said[praised.annotation.assignment_id].comment == "Well seen."
    assert said[untouched.annotation.assignment_id] is None


def test_a_decision_about_all_answers_at_once_does_not_tell_which_were_gold(cast: Cast, project: Project):
    answer(cast.bob, project, 3)
    reviews.reject_person(project=project, membership=cast.bob, by=cast.rita, comment="All of them.")
    page = open_work(cast, cast.bob)
    assert [row["said"] for row in page.context["rows"]] == [None, None, None]
    home = cast.client(cast.bob).get(address("workspace-home"))
    (words,) = home.context["feedback"].words
    assert (words.comment, words.answers, words.assignment) == ("All of them.", 3, None)


def test_neither_does_it_where_there_was_one_answer_beside_the_gold(cast: Cast, project: Project):
    answer(cast.bob, project, 1)
    GoldScore.objects.create(workspace=cast.workspace, project=project, membership=cast.bob)
    reviews.reject_person(project=project, membership=cast.bob, by=cast.rita, comment="All of it.")
    assert [row["said"] for row in open_work(cast, cast.bob).context["rows"]] == [None]
    (words,) = cast.client(cast.bob).get(address("workspace-home")).context["feedback"].words
    assert (words.comment, words.assignment) == ("All of it.", None)


def test_the_words_of_a_decision_taken_back_are_not_those_of_the_rest(cast: Cast, project: Project):
    refused, _other = answer(cast.bob, project, 2)
    reviews.reject(acceptance=refused, by=cast.rita, comment="Off topic.")
    refused.refresh_from_db()
    reviews.reopen(acceptance=refused, by=cast.rita)
    assert reviews.accept_rest(project=project, by=cast.rita) == 1
    assert [row["said"] for row in open_work(cast, cast.bob).context["rows"]] == [None, None]


def test_accepting_the_rest_marks_no_answer(cast: Cast, project: Project):
    answer(cast.bob, project, 2)
    Acceptance.objects.update(state="open", reasons=["disagreement"], risk=1.0)
    assert reviews.accept_rest(project=project, by=cast.rita) == 2
    assert [row["said"] for row in open_work(cast, cast.bob).context["rows"]] == [None, None]


def test_the_list_is_narrowed_to_a_project_and_keeps_that_when_paging(cast: Cast, project: Project):
    other = make_project(cast, name="Other")
    add_tasks(other, 40, first=100)
    answer(cast.bob, project, 2)
    for _number in range(32):
        assignment = hand_out(membership=cast.bob, project=other).assignment
        submit(assignment=assignment, answer=an_answer(assignment))
    first = open_work(cast, cast.bob, project=other.uid)
    assert {row["assignment"].project_id for row in first.context["rows"]} == {other.pk}
    assert f"project={other.uid}" in first.content.decode().split('rel="next"')[0].rsplit("href=", 1)[1]
    assert len(open_work(cast, cast.bob, project=project.uid).context["rows"]) == 2


def test_a_project_that_is_none_is_refused(cast: Cast, project: Project):
    assert open_work(cast, cast.bob, project="nonsense").status_code == 400
    other = make_project(cast, name="Elsewhere")
    Project.objects.filter(pk=other.pk).update(workspace=cast.charlie.workspace)
    assert open_work(cast, cast.bob, project=other.uid).status_code == 404


def test_the_page_is_empty_and_helpful_for_somebody_new(cast: Cast):
    html = open_work(cast, cast.bob).content.decode()
    assert "Nothing yet" in html
    assert reverse("projects", args=["acme"]) in html

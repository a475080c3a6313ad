"""Instruction writing and classification: over pages without JavaScript, with htmx, and over the API."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.models import Annotation, Assignment, Project, Task
from annotation.queue import hand_out
from annotation.rules import kind_for, rules_for
from annotation.submissions import Answered, draft_kept, revise, submit
from tests.annotation.worlds import labelling_project, writing_project

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
MENDED = "Why is the sea so salty?"


@pytest.fixture
def writing(crew) -> Project:
    return writing_project(crew, "Why is the sea salty?", "What is rain?")


@pytest.fixture
def labelling(crew) -> Project:
    return labelling_project(crew, "The parcel came late.", "Thank you!", allow_several_labels=True)


@pytest.fixture
def bob(crew):
    return crew.client(crew.bob)


def page(name: str, row) -> str:
    return reverse(name, args=["acme", row.uid])


def start(bob, project) -> Assignment:
    assert bob.post(page("project-next", project)).status_code == 303
    return Assignment.objects.select_related("project").get(state="leased", project=project)


def written(assignment: Assignment, completion: str = "Rivers carry salt."):
    given = {"prompt": MENDED, "completion": completion}
    return kind_for(assignment).parse_answer(given, rules=rules_for(assignment))


def test_bob_writes_answers_without_javascript(bob, writing):
    first = start(bob, writing)
    html = bob.get(page("assignment", first)).content.decode()
    assert "Why is the sea salty?</textarea>" in html
    typed = {"prompt": MENDED, "completion": "Rivers\r\ncarry salt.", "flags": ["unsafe"], "revision": "0"}
    response = bob.post(page("assignment-submit", first), typed)
    assert response.status_code == 303
    stored = Annotation.objects.get()
    assert stored.answer == {
        "schema": 1,
        "shown_order": [],
        "prompt": MENDED,
        "completion": "Rivers\ncarry salt.",
        "flags": ["unsafe"],
        "rationale": "",
    }
    assert "What is rain?</textarea>" in bob.get(response["Location"]).content.decode()


def test_bob_labels_with_htmx_and_gets_the_next_text(bob, labelling):
    first = start(bob, labelling)
    answer = {"labels": ["question", "complaint"], "revision": "0"}
    response = bob.post(page("assignment-submit", first), answer, headers=HTMX)
    assert response.status_code == 200
    html = response.content.decode()
    assert html.lstrip().startswith('<section id="task"')
    assert "Thank you!" in html
    assert 'type="checkbox" name="labels"' in html
    assert page("assignment-reopen", first) in html
    assert Annotation.objects.get().answer["labels"] == ["complaint", "question"]


def test_one_label_is_chosen_by_a_radio_button(bob, crew):
    project = labelling_project(crew)
    first = start(bob, project)
    assert 'type="radio" name="labels"' in bob.get(page("assignment", first)).content.decode()
    refused = bob.post(page("assignment-submit", first), {"labels": ["praise", "question"], "revision": "0"})
    assert refused.status_code == 422
    assert "exactly one label" in refused.content.decode()
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_refused_answer_comes_back_with_what_was_typed(bob, writing, headers):
    first = start(bob, writing)
    typed = {"prompt": "Mended <b>words</b>", "completion": " ", "rationale": "Hm", "revision": "0"}
    refused = bob.post(page("assignment-submit", first), typed, headers=headers)
    assert refused.status_code == 422
    html = refused.content.decode()
    assert "Mended &lt;b&gt;words&lt;/b&gt;</textarea>" in html
    assert "Write the answer that a model should give" in html
    assert "As it came:" in html
    assert not Annotation.objects.exists()


def test_a_dialogue_before_the_instruction_is_shown_and_not_mended(bob, crew):
    dialogue = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello **there**"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "What is rain?"},
    ]
    first = start(bob, writing_project(crew, dialogue))
    html = bob.get(page("assignment", first)).content.decode()
    assert "Be brief." in html
    assert "<strong>there</strong>" in html
    assert html.count("What is rain?") == 2, "once in the field, once as it came"


@pytest.mark.parametrize(
    ("project", "typed"),
    [("writing", {"prompt": "Why?", "completion": "Half a"}), ("labelling", {"labels": "praise"})],
)
def test_a_draft_is_kept_and_comes_back(request, bob, project, typed):
    first = start(bob, request.getfixturevalue(project))
    kept = bob.post(page("assignment-draft", first), {**typed, "draft_version": "0"}, headers=JSON)
    assert kept.json()["version"] == 1
    html = bob.get(page("assignment", first)).content.decode()
    assert ("Half a</textarea>" in html) or ('value="praise" checked' in html)


def test_a_draft_takes_nothing_of_another_kind(bob, labelling):
    first = start(bob, labelling)
    bob.post(page("assignment-draft", first), {"completion": "x", "labels": "spam", "draft_version": "0"})
    first.refresh_from_db()
    assert first.draft == {"labels": ["spam"]}


def test_two_answers_in_two_windows_are_shown_beside_each_other(bob, writing, crew):
    first = start(bob, writing)
    submit(assignment=first, answer=written(first))
    other = {"prompt": MENDED, "completion": "Another answer.", "revision": "0"}
    conflict = bob.post(page("assignment-submit", first), other)
    assert conflict.status_code == 409
    html = conflict.content.decode()
    assert "Rivers carry salt." in html
    assert "Another answer.</textarea>" in html
    first.refresh_from_db()
    assert first.draft["completion"] == ["Another answer."]


def test_a_written_answer_is_corrected_as_the_next_revision(writing, crew):
    handed = hand_out(membership=crew.bob, project=writing)
    submit(assignment=handed.assignment, answer=written(handed.assignment))
    with pytest.raises(Answered), draft_kept(assignment=handed.assignment, answer=written(handed.assignment)):
        submit(assignment=handed.assignment, answer=written(handed.assignment, "Wind."))
    revise(assignment=handed.assignment, answer=written(handed.assignment, "Rain."), revision=1)
    rows = Annotation.objects.order_by("revision").values_list("answer__completion", "is_current")
    assert list(rows) == [("Rivers carry salt.", False), ("Rain.", True)]


@pytest.mark.parametrize(
    ("project", "answer", "wrong"),
    [
        ("writing", {"prompt": MENDED, "completion": "Rivers."}, {"labels": ["praise"]}),
        ("labelling", {"labels": ["praise"]}, {"prompt": MENDED, "completion": "x"}),
    ],
)
def test_a_script_takes_a_task_and_answers_it(request, crew, project, answer, wrong):
    project = request.getfixturevalue(project)
    bob = crew.api(crew.bob)
    taken = bob.post(reverse("api-project-next", args=[project.uid])).json()["assignment"]
    assert taken["kind"] == project.kind
    assert taken["candidates"] == []
    assert taken["labels"] == project.labels
    address = reverse("api-assignment-submit", args=[taken["uid"]])
    refused = bob.post(address, {"answer": wrong}, format="json")
    assert refused.status_code == 422
    assert set(wrong) <= set(refused.json()["error"]["fields"])
    assert bob.post(address, {"answer": answer}, format="json").status_code == 201
    repeated = bob.post(address, {"answer": answer}, format="json")
    assert repeated.status_code == 201
    assert Annotation.objects.count() == 1


def test_an_export_holds_the_answers_of_every_kind(crew, writing):
    handed = hand_out(membership=crew.bob, project=writing)
    submit(assignment=handed.assignment, answer=written(handed.assignment))
    body = b"".join(crew.client(crew.alice).get(page("project-export", writing)).streaming_content)
    record = json.loads(body)
    assert record["candidates"] == []
    assert record["prompt"] == [{"role": "user", "content": "Why is the sea salty?"}]
    assert record["judgement"]["prompt"] == MENDED
    assert record["judgement"]["completion"] == "Rivers carry salt."
    assert record["judgement"]["annotator"] == crew.bob.pseudonym


@pytest.mark.parametrize("kind", ["writing", "labelling"])
def test_a_task_costs_no_more_queries_than_a_ranking(request, bob, kind):
    project = request.getfixturevalue(kind)
    first = start(bob, project)
    typed = {"prompt": "Why?", "completion": "So."} if kind == "writing" else {"labels": "praise"}
    bob.get(page("assignment", first))
    with CaptureQueriesContext(connection) as queries:
        bob.post(page("assignment-submit", first), {**typed, "revision": "0"}, headers=HTMX)
    assert Annotation.objects.count() == 1
    statements = [query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(statements) <= 12, statements


def test_everybody_answers_a_task_with_overlap_once(crew):
    project = labelling_project(crew, "One text.", overlap=2)
    for person in (crew.bob, crew.rita):
        handed = hand_out(membership=person, project=project)
        answer = kind_for(handed.assignment).parse_answer(
            {"labels": ["praise"]}, rules=rules_for(handed.assignment)
        )
        submit(assignment=handed.assignment, answer=answer)
    assert Task.objects.get().open_slots == 0
    assert Annotation.objects.count() == 2


def test_what_a_reviewer_sent_back_comes_with_the_note_and_the_answer(bob, writing, crew):
    first = start(bob, writing)
    submit(assignment=first, answer=written(first))
    Assignment.objects.update(state="returned", lease_until=None, return_note="Name a <b>cause</b>.")
    assert bob.post(page("project-next", writing))["Location"] == page("assignment", first)
    html = bob.get(page("assignment", first)).content.decode()
    assert "Name a &lt;b&gt;cause&lt;/b&gt;." in html
    assert "Rivers carry salt.</textarea>" in html
    typed = {"prompt": MENDED, "completion": "Rivers carry salt from the rocks.", "revision": "1"}
    assert bob.post(page("assignment-submit", first), typed).status_code == 303
    current = Annotation.objects.get(is_current=True)
    assert (current.revision, current.answer["completion"]) == (2, "Rivers carry salt from the rocks.")
    taken = crew.api(crew.bob).post(reverse("api-project-next", args=[writing.uid])).json()["assignment"]
    assert taken["return_note"] == ""

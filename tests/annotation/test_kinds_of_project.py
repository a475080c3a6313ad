"""Choosing a kind of project, its own settings, and importing its tasks."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import AuditEvent
from annotation.imports import ImportRefused, ProjectClosed, import_tasks
from annotation.models import Annotation, Assignment, Project, Task, TaskBody, TaskImport
from annotation.projects import ProjectSettings, check_settings, create_project
from annotation.queue import hand_out
from annotation.rules import kind_for, rules_for
from annotation.submissions import submit
from core.errors import Invalid
from corpus.models import Erasure
from corpus.subjects import subject_key
from tests.annotation.worlds import labelling_project, make_project, task_record, writing_project

TYPED = {"name": "New", "overlap": "1", "lease_seconds": "900"}


def page(name: str, row=None) -> str:
    return reverse(name, args=["acme", *([row.uid] if row else [])])


@pytest.fixture
def alice(crew):
    return crew.client(crew.alice)


def answer_one(crew, project: Project, answer: dict[str, object]) -> Annotation:
    assignment: Assignment = hand_out(membership=crew.bob, project=project).assignment
    parsed = kind_for(assignment).parse_answer(answer, rules=rules_for(assignment))
    return Annotation.objects.get(uid=submit(assignment=assignment, answer=parsed).uid)


def test_each_kind_has_a_form_with_its_own_questions(alice):
    ranking = alice.get(page("project-new")).content.decode()
    writing = alice.get(page("project-new"), {"kind": "demonstration"}).content.decode()
    labelling = alice.get(page("project-new"), {"kind": "classification"}).content.decode()
    assert 'name="aspects"' in ranking and 'name="allow_ties"' in ranking and 'name="labels"' not in ranking
    assert 'name="aspects"' not in writing and 'name="labels"' not in writing
    assert 'name="labels"' in labelling and 'name="allow_ties"' not in labelling
    assert alice.get(page("project-new"), {"kind": "poetry"}).status_code == 422


def test_alice_makes_a_project_of_each_kind(alice):
    alice.post(page("project-new"), {**TYPED, "kind": "demonstration", "name": "Writing"})
    labels = " praise \r\ncomplaint\n\nnone of them"
    sent = {**TYPED, "kind": "classification", "name": "Labels", "labels": labels}
    alice.post(page("project-new"), sent)
    writing, labelling = Project.objects.order_by("pk")
    assert (writing.kind, writing.aspects) == ("demonstration", [])
    assert (labelling.kind, labelling.aspects) == ("classification", [])
    assert labelling.labels == ["praise", "complaint", "none of them"]
    assert not labelling.allow_several_labels


@pytest.mark.parametrize(
    "labels",
    ["", "one", "same\nSame", "x" * 61 + "\nb", "\n".join(map(str, range(31))), "a\u202eb\nc", "a\x00\nb"],
)
def test_labels_that_people_could_not_choose_from_are_refused(alice, labels):
    refused = alice.post(page("project-new"), {**TYPED, "kind": "classification", "labels": labels})
    assert refused.status_code == 422
    assert refused.context["form"].errors["labels"]
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "poetry"}, "kind"),
        ({"kind": ["ranking"]}, "kind"),
        ({"kind": "classification"}, "labels"),
        ({"kind": "classification", "labels": 5}, "labels"),
        ({"kind": "classification", "labels": ["a", "\ud800"]}, "labels"),
        ({"kind": "classification", "labels": ["a", 3]}, "labels"),
        ({"labels": ["a", "b"]}, "labels"),
        ({"kind": "demonstration", "aspects": ["quality"]}, "aspects"),
        ({"allow_several_labels": "yes"}, "allow_several_labels"),
    ],
)
def test_settings_of_another_kind_are_refused_by_name(values, field):
    with pytest.raises(Invalid) as caught:
        check_settings({"name": "New", **values})
    assert field in caught.value.fields


def test_the_api_makes_and_shows_the_kind(crew):
    alice = crew.api(crew.alice)
    sent = {"name": "Labels", "kind": "classification", "labels": ["a", "b"], "allow_several_labels": True}
    made = alice.post(reverse("api-projects"), sent, format="json")
    assert made.status_code == 201
    shown = alice.get(reverse("api-project", args=[made.json()["uid"]])).json()
    assert (shown["kind"], shown["labels"], shown["allow_several_labels"]) == (
        "classification",
        ["a", "b"],
        True,
    )


def test_the_kind_stays_and_labels_are_only_added_once_there_are_answers(crew, alice):
    project = labelling_project(crew)
    settings = {**TYPED, "name": "Tone"}
    address = page("project-settings", project)
    assert alice.post(address, {**settings, "labels": "good\nbad"}).status_code == 302
    project.refresh_from_db()
    assert project.labels == ["good", "bad"]
    answer_one(crew, project, {"labels": ["good"]})
    for labels in ("good\nworse", "good"):
        refused = alice.post(address, {**settings, "labels": labels})
        assert refused.status_code == 422
    several = alice.post(address, {**settings, "labels": "good\nbad\nmixed", "allow_several_labels": "on"})
    assert several.status_code == 302
    assert alice.post(address, {**settings, "labels": "good\nbad\nmixed"}).status_code == 422
    project.refresh_from_db()
    assert (project.kind, project.labels) == ("classification", ["good", "bad", "mixed"])
    assert project.allow_several_labels


def test_a_page_of_a_project_speaks_of_its_kind(crew, alice):
    writing, labelling = writing_project(crew), labelling_project(crew)
    html = alice.get(page("project", writing)).content.decode()
    assert "Start writing" in html and "Ties" not in html and "Tasks from prompts" in html
    html = alice.get(page("project", labelling)).content.decode()
    assert "Start labelling" in html and "complaint" in html
    html = alice.get(page("project-import", writing)).content.decode()
    assert "<code>candidates</code>" not in html
    listed = alice.get(page("projects")).content.decode()
    assert "Instruction writing" in listed and "Classification" in listed


# --- Importing --------------------------------------------------------------------------------------------
def test_a_file_is_read_by_the_rules_of_the_kind(crew, alice):
    project = writing_project(crew)
    lines = [{"prompt": "What is rain?"}, task_record(1), {"prompt": [{"role": "assistant", "content": "x"}]}]
    body = "\n".join(map(json.dumps, lines)).encode()
    sent = {"file": SimpleUploadedFile("tasks.jsonl", body)}
    assert alice.post(page("project-import", project), sent).status_code == 302
    batch = TaskImport.objects.latest("pk")
    assert (batch.rows, batch.problem_count) == (1, 2)
    assert "candidates are of ranking only" in batch.problems[0]["reason"]
    assert "must end with a message of the user" in batch.problems[1]["reason"]


def test_the_api_imports_tasks_without_candidates(crew):
    project = labelling_project(crew)
    body = b'{"id": "a", "prompt": "One"}\n{"id": "b", "prompt": "Two"}\n'
    address = reverse("api-project-tasks", args=[project.uid])
    made = crew.api(crew.alice).post(address, body, content_type="application/x-ndjson")
    assert made.json()["rows"] == 2
    task = Task.objects.get(external_id="a")
    shown = crew.api(crew.rita).get(reverse("api-task", args=[task.uid])).json()
    assert shown["candidates"] == []


def test_code_imports_records_all_of_them_or_none(crew):
    project = make_project(crew)
    batch = import_tasks(
        project=project, records=[task_record(1), task_record(2)], by=crew.alice, origin="a test"
    )
    assert (batch.state, batch.rows, batch.file_name) == ("done", 2, "a test")
    assert list(batch.task_set.order_by("pk").values_list("external_id", flat=True)) == ["t1", "t2"]
    assert AuditEvent.objects.get(kind="imported").membership == crew.alice
    with pytest.raises(ImportRefused) as caught:
        import_tasks(project=project, records=[task_record(3), {"prompt": "x"}, task_record(2)], by=None)
    assert list(caught.value.fields) == ["line 2", "line 3"]
    with pytest.raises(Invalid):
        import_tasks(project=project, records=[], by=None)
    Project.objects.update(state="closed")
    project.refresh_from_db()
    with pytest.raises(ProjectClosed):
        import_tasks(project=project, records=[task_record(4)], by=None)
    assert Task.objects.count() == 2


# --- Subjects ---------------------------------------------------------------------------------------------
def test_a_subject_is_kept_as_a_key_and_taken_over_by_the_answer(crew):
    project = labelling_project(crew, allow_several_labels=False)
    Task.objects.all().delete()
    records = [{"prompt": "About Ann", "subject": " Ann@Example.org "}, {"prompt": "About nobody"}]
    import_tasks(project=project, records=records, by=crew.alice)
    key = subject_key(workspace=crew.workspace, identifier="ann@example.org")
    keys = TaskBody.objects.order_by("pk").values_list("subject_key", flat=True)
    assert list(keys) == [key, None]
    assert answer_one(crew, project, {"labels": ["praise"]}).subject_key == key
    assert answer_one(crew, project, {"labels": ["praise"]}).subject_key is None


def test_a_ranking_takes_its_subject_along_too(crew):
    project = make_project(crew)
    import_tasks(project=project, records=[task_record(1, subject="ann")], by=crew.alice)
    assignment = hand_out(membership=crew.bob, project=project).assignment
    answer = {"ranking": [str(uid) for uid in assignment.shown_order]}
    parsed = kind_for(assignment).parse_answer(answer, rules=rules_for(assignment))
    submit(assignment=assignment, answer=parsed)
    assert Annotation.objects.get().subject_key == subject_key(workspace=crew.workspace, identifier="ann")


@pytest.mark.parametrize("by_key", [False, True])
def test_nothing_of_an_erased_person_comes_in_again(crew, by_key):
    project = writing_project(crew)
    key = subject_key(workspace=crew.workspace, identifier="ann")
    Erasure.objects.create(workspace=crew.workspace, subject_key=key, requested_by=crew.alice)
    about = {"subject_key": key} if by_key else {"subject": "ANN"}
    with pytest.raises(ImportRefused) as caught:
        import_tasks(project=project, records=[{"prompt": "x", **about}, {"prompt": "y"}], by=crew.alice)
    assert "erased on request" in caught.value.fields["line 1"]
    assert Task.objects.count() == 1


def test_a_file_cannot_bring_a_key_of_its_own(crew):
    project = writing_project(crew)
    address = reverse("api-project-tasks", args=[project.uid])
    body = json.dumps({"prompt": "x", "subject_key": "0" * 64}).encode()
    refused = crew.api(crew.alice).post(address, body, content_type="application/x-ndjson")
    assert refused.status_code == 422


def test_code_makes_projects_by_the_same_settings(crew):
    settings = ProjectSettings(name="Labels", kind="classification", labels=("a", "b"), aspects=())
    project = create_project(membership=crew.alice, settings=settings)
    assert (project.kind, project.labels) == ("classification", ["a", "b"])


def test_hostile_labels_are_inert_on_every_page(crew, alice):
    hostile = ["<img src=x onerror=alert(1)>", '" autofocus onfocus="alert(2)', "{{ 7|add:7 }}", "العسل"]
    project = labelling_project(crew, labels=hostile, allow_several_labels=True)
    assignment = hand_out(membership=crew.bob, project=project).assignment
    bob = crew.client(crew.bob)
    pages = [bob.get(page("assignment", assignment)), bob.get(page("project", project))]
    pages.append(alice.get(page("project-settings", project)))
    for shown in pages:
        html = shown.content.decode()
        assert "<img src=x" not in html and '" autofocus onfocus="' not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html
        assert "{{ 7|add:7 }}" in html
    sent = bob.post(page("assignment-submit", assignment), {"labels": hostile[:2], "revision": "0"})
    assert sent.status_code == 303
    assert Annotation.objects.get().answer["labels"] == hostile[:2]

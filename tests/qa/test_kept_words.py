"""What a reviewer typed is on the page that refuses it, also where somebody else was faster."""

from typing import Any

from annotation.imports import import_tasks
from annotation.models import Annotation, Project, Task
from annotation.submissions import revise
from qa import inbox
from qa.models import Gold
from tests.annotation.worlds import make_project
from tests.conftest import Cast
from tests.qa.worlds import acceptance_of, answer_of, put, rank, state_of, take, turned_round


def decide(crew: Cast, annotation: Annotation, **form: Any) -> tuple[int, str]:
    address = f"/w/acme/reviews/{acceptance_of(annotation).uid}/decide/"
    answer = crew.client(crew.rita).post(address, form)
    return answer.status_code, answer.content.decode()


def make_gold(crew: Cast, project: Project, task: Task, **form: Any) -> tuple[int, str]:
    answer = crew.client(crew.rita).post(f"/w/acme/projects/{project.uid}/gold/", {"task": task.uid, **form})
    return answer.status_code, answer.content.decode()


def test_a_review_that_somebody_else_decided_first_shows_the_decision_and_the_comment(
    crew: Cast, pairs: Project
) -> None:
    annotation = rank(pairs, crew.bob, flags=["unsafe"])
    inbox.take()
    acceptance = acceptance_of(annotation)
    crew.client(crew.alice).post(f"/w/acme/reviews/{acceptance.uid}/decide/", {"decision": "reject"})
    status, shown = decide(crew, annotation, decision="send_back", comment="Long & careful words.")
    assert status == 409
    assert "This answer is decided already: rejected" in shown
    assert f"by {crew.alice.pseudonym}" in shown
    assert 'readonly dir="auto">Long &amp; careful words.</textarea>' in shown
    assert 'value="reopen"' in shown
    assert 'value="send_back"' not in shown
    assert state_of(annotation)[0] == "rejected"


def test_a_review_of_an_answer_that_was_corrected_meanwhile_keeps_the_comment(
    crew: Cast, pairs: Project
) -> None:
    assignment = take(pairs, crew.bob)
    annotation = put(assignment, {"ranking": turned_round(assignment), "flags": ["unsafe"]})
    inbox.take()
    revise(
        assignment=assignment, answer=answer_of(assignment, {"ranking": turned_round(assignment)}), revision=1
    )
    status, shown = decide(crew, annotation, decision="reject", comment="Careful words.")
    assert status == 409
    assert "review the correction" in shown
    assert "Careful words.</textarea>" in shown


def test_a_mended_text_that_came_too_late_can_still_be_copied(crew: Cast) -> None:
    project = make_project(crew, kind="demonstration", aspects=[])
    import_tasks(project=project, records=[{"prompt": "Why?"}], by=crew.alice)
    annotation = put(take(project, crew.bob), {"prompt": "Why?", "completion": "Becuase."})
    inbox.take()
    assert decide(crew, annotation, decision="accept")[0] == 302
    status, shown = decide(crew, annotation, decision="fix", prompt="Why?", completion="Because, mended.")
    assert status == 409
    assert "readonly>Because, mended.</textarea>" in shown


def test_a_comment_stays_where_the_annotator_has_left(crew: Cast, pairs: Project) -> None:
    annotation = rank(pairs, crew.bob, flags=["unsafe"])
    inbox.take()
    crew.bob.is_active = False
    crew.bob.save()
    status, shown = decide(crew, annotation, decision="send_back", comment="Careful words.")
    assert status == 409
    assert "has left the workspace" in shown
    assert "Careful words.</textarea>" in shown
    assert 'value="reject"' in shown


def test_a_refused_gold_form_keeps_the_places_and_the_explanation(crew: Cast, pairs: Project) -> None:
    task = Task.objects.latest("pk")
    first = task.candidates.earliest("position").uid
    status, shown = make_gold(crew, pairs, task, **{f"rank-{first}": "2"}, explanation="Careful words.")
    assert status == 422
    assert 'value="2" selected' in shown
    assert "Careful words.</textarea>" in shown


def test_a_gold_form_for_a_task_that_somebody_took_keeps_what_was_typed(crew: Cast, pairs: Project) -> None:
    task = take(pairs, crew.bob).task
    first, second = task.candidates.order_by("position").values_list("uid", flat=True)
    places = {f"rank-{first}": "2", f"rank-{second}": "1"}
    status, shown = make_gold(crew, pairs, task, **places, explanation="Careful words.")
    assert status == 409
    assert "Somebody has this task" in shown
    assert shown.count(" selected>") == 2
    assert "Careful words.</textarea>" in shown
    assert not Gold.objects.exists()


def test_labels_stay_chosen_in_a_refused_gold_form(crew: Cast) -> None:
    project = make_project(crew, kind="classification", labels=["good", "bad"], aspects=[])
    import_tasks(project=project, records=[{"prompt": "Fine."}], by=crew.alice)
    status, shown = make_gold(crew, project, Task.objects.get(), labels="bad", explanation="x" * 1001)
    assert status == 422
    assert 'value="bad" checked' in shown
    assert "x" * 1001 in shown


def test_a_written_text_is_refused_as_gold_with_a_page(crew: Cast) -> None:
    project = make_project(crew, kind="demonstration", aspects=[])
    import_tasks(project=project, records=[{"prompt": "Why?"}], by=crew.alice)
    status, shown = make_gold(crew, project, Task.objects.get(), prompt="Why?", completion="Because.")
    assert status == 409
    assert "No gold for written answers" in shown

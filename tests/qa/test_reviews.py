"""What reviewers decide, alone and at once, and what it does to the annotator's work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from accounts.models import AuditEvent
from annotation.emptiness import Nothing
from annotation.models import Annotation, Assignment, Project, Task
from annotation.queue import hand_out
from annotation.skipping import skip
from annotation.submissions import Answered, Receipt, revise, submit
from core.errors import Conflict, Invalid
from qa import inbox, reviews
from qa.models import Acceptance, GoldScore
from tests.annotation.worlds import add_tasks, form_of, make_project
from tests.conftest import Cast
from tests.qa.worlds import Order, acceptance_of, answer_of, file_order, rank, state_of, take, turned_round


def correct(assignment: Assignment, order: Order) -> Receipt:
    answer = answer_of(assignment, {"ranking": order(assignment)})
    return revise(assignment=assignment, answer=answer, revision=1)


@pytest.fixture
def flagged(crew: Cast, pairs: Project) -> Acceptance:
    """Bob's answer, open because he flagged it."""
    annotation = rank(pairs, crew.bob, flags=["unsafe"])
    inbox.take()
    return acceptance_of(annotation)


def test_a_reviewer_accepts(crew: Cast, flagged: Acceptance) -> None:
    reviews.accept(acceptance=flagged, by=crew.rita, comment="Fine.")
    flagged.refresh_from_db()
    assert (flagged.state, flagged.decided_by, flagged.comment) == ("accepted", crew.rita, "Fine.")
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.REVIEWED)
    assert (event.membership, event.object_uid) == (crew.rita, flagged.annotation.uid)
    assert event.detail == {"decision": "accepted", "fixed": False}


def test_a_reviewer_mends_and_accepts(crew: Cast, flagged: Acceptance) -> None:
    assignment = flagged.annotation.assignment
    reviews.fix_and_accept(acceptance=flagged, by=crew.rita, answer={"ranking": turned_round(assignment)})
    flagged.refresh_from_db()
    assert flagged.state == "accepted"
    assert flagged.fixed_answer["ranking"] == turned_round(assignment)
    assert flagged.annotation.answer["ranking"] == file_order(assignment)


def test_a_mended_answer_must_keep_the_rules(crew: Cast, flagged: Acceptance) -> None:
    for value in ({"ranking": []}, {"ranking": [["x"]]}, "text", None):
        with pytest.raises(Invalid):
            reviews.fix_and_accept(acceptance=flagged, by=crew.rita, answer=value)
    assert state_of(flagged.annotation) == ("open", ["flag"])


def test_mending_without_a_change_is_accepting(crew: Cast, flagged: Acceptance) -> None:
    same = {name: value for name, value in flagged.annotation.answer.items() if name != "unranked"}
    reviews.fix_and_accept(acceptance=flagged, by=crew.rita, answer=same)
    assert acceptance_of(flagged.annotation).fixed_answer is None


def test_what_was_sent_back_comes_first_and_its_mending_is_reviewed(
    crew: Cast, pairs: Project, flagged: Acceptance
) -> None:
    rank(pairs, crew.bob)
    reviews.send_back(acceptance=flagged, by=crew.rita, comment="Read rule 2 again.")
    handed = hand_out(membership=crew.bob, project=pairs)
    assert not isinstance(handed, Nothing)
    assignment = handed.assignment
    assert (assignment.pk, assignment.state) == (flagged.annotation.assignment_id, "returned")
    page = crew.client(crew.bob).get(f"/w/acme/assignments/{assignment.uid}/").content.decode()
    assert "Read rule 2 again." in page
    receipt = revise(
        assignment=assignment,
        answer=answer_of(assignment, {"ranking": turned_round(assignment)}),
        revision=1,
    )
    assert receipt.revision == 2
    inbox.take()
    mended = Annotation.objects.get(uid=receipt.uid)
    assert state_of(mended) == ("open", ["revised"])
    reviews.accept(acceptance=mended.acceptance, by=crew.rita)
    assert state_of(mended)[0] == "accepted"
    assert state_of(flagged.annotation)[0] == "sent_back"
    assert take(pairs, crew.bob).pk != assignment.pk


def test_sending_the_same_answer_again_is_an_answer(crew: Cast, pairs: Project, flagged: Acceptance) -> None:
    reviews.send_back(acceptance=flagged, by=crew.rita, comment="Sure?")
    assignment = take(pairs, crew.bob)
    same = answer_of(assignment, {"ranking": file_order(assignment), "flags": ["unsafe"]})
    receipts = [submit(assignment=assignment, answer=same) for _time in range(2)]
    assert [receipt.revision for receipt in receipts] == [2, 2]
    assert take(pairs, crew.bob).pk != assignment.pk
    assert pairs.standings.get(membership=crew.bob).submitted_count == 1


def test_an_old_window_cannot_mend_twice(crew: Cast, pairs: Project, flagged: Acceptance) -> None:
    reviews.send_back(acceptance=flagged, by=crew.rita, comment="Sure?")
    assignment = take(pairs, crew.bob)
    revise(
        assignment=assignment, answer=answer_of(assignment, {"ranking": turned_round(assignment)}), revision=1
    )
    with pytest.raises(Answered):
        revise(
            assignment=assignment,
            answer=answer_of(assignment, {"ranking": file_order(assignment)}),
            revision=1,
        )


def test_the_page_mends_what_was_sent_back(crew: Cast, pairs: Project, flagged: Acceptance) -> None:
    reviews.send_back(acceptance=flagged, by=crew.rita, comment="Sure?")
    assignment = flagged.annotation.assignment
    client = crew.client(crew.bob)
    assert "Sure?" in client.get("/w/acme/me/work/").content.decode()
    answer = client.post(f"/w/acme/projects/{pairs.uid}/next/")
    assert answer["Location"].endswith(f"/assignments/{assignment.uid}/")
    form = form_of(assignment, revision="1")
    assert client.post(f"/w/acme/assignments/{assignment.uid}/submit/", form).status_code == 303
    assert Annotation.objects.filter(assignment=assignment, revision=2, is_current=True).exists()


def test_whoever_does_not_want_to_mend_may_skip(crew: Cast, pairs: Project, flagged: Acceptance) -> None:
    reviews.send_back(acceptance=flagged, by=crew.rita, comment="Sure?")
    assignment = take(pairs, crew.bob)
    before = Task.objects.get(pk=assignment.task_id).open_slots
    skip(assignment=assignment)
    assert Task.objects.get(pk=assignment.task_id).open_slots == before + 1
    assert take(pairs, crew.bob).pk != assignment.pk


def test_sending_back_needs_a_comment_and_a_person_who_is_there(crew: Cast, flagged: Acceptance) -> None:
    for comment in ("", "  ", "x" * 1001, "\x00"):
        with pytest.raises(Invalid):
            reviews.send_back(acceptance=flagged, by=crew.rita, comment=comment)
    crew.bob.is_active = False
    crew.bob.save()
    flagged = Acceptance.objects.get(pk=flagged.pk)
    with pytest.raises(Conflict, match="has left"):
        reviews.send_back(acceptance=flagged, by=crew.rita, comment="Again.")
    assert state_of(flagged.annotation)[0] == "open"


def test_the_second_decision_is_refused_and_names_the_first(crew: Cast, flagged: Acceptance) -> None:
    reviews.reject(acceptance=flagged, by=crew.rita)
    decisions: list[Callable[[], Any]] = [
        lambda: reviews.accept(acceptance=flagged, by=crew.alice),
        lambda: reviews.reject(acceptance=flagged, by=crew.alice),
        lambda: reviews.send_back(acceptance=flagged, by=crew.alice, comment="Again."),
        lambda: reviews.fix_and_accept(acceptance=flagged, by=crew.alice, answer={}),
    ]
    for decide in decisions[:3]:
        with pytest.raises(reviews.AlreadyDecided, match=f"rejected by {crew.rita.pseudonym}"):
            decide()
    assert Assignment.objects.get(pk=flagged.annotation.assignment_id).state == "submitted"


def test_what_the_policy_accepted_may_be_decided_by_a_person(crew: Cast, pairs: Project) -> None:
    annotation = rank(pairs, crew.bob)
    inbox.take()
    reviews.reject(acceptance=acceptance_of(annotation), by=crew.rita, comment="Careless.")
    assert state_of(annotation)[0] == "rejected"


def test_a_corrected_answer_is_reviewed_in_its_corrected_form(crew: Cast, flagged: Acceptance) -> None:
    assignment = flagged.annotation.assignment
    assignment.refresh_from_db()
    revise(
        assignment=assignment, answer=answer_of(assignment, {"ranking": turned_round(assignment)}), revision=1
    )
    with pytest.raises(reviews.Superseded):
        reviews.accept(acceptance=flagged, by=crew.rita)


def test_a_decision_can_be_taken_back(crew: Cast, pairs: Project, flagged: Acceptance) -> None:
    reviews.send_back(acceptance=flagged, by=crew.rita, comment="Again.")
    reviews.reopen(acceptance=flagged, by=crew.alice)
    assert state_of(flagged.annotation) == ("open", ["flag"])
    assert take(pairs, crew.bob).pk != flagged.annotation.assignment_id
    reviews.accept(acceptance=flagged, by=crew.alice)
    kinds = AuditEvent.objects.filter(kind=AuditEvent.Kind.REVIEWED).order_by("pk")
    assert [event.detail["decision"] for event in kinds] == ["sent_back", "reopened", "accepted"]


def test_a_rejected_answer_speaks_against_nobody(crew: Cast, pairs: Project) -> None:
    good, bad = rank(pairs, crew.bob), rank(pairs, crew.alice, turned_round)
    inbox.take()
    assert state_of(good)[0] == "open"
    reviews.reject(acceptance=acceptance_of(bad), by=crew.rita)
    assert state_of(good) == ("accepted", [])
    # Taken back, it contradicts again: the other must not stay accepted unseen.
    reviews.reopen(acceptance=acceptance_of(bad), by=crew.rita)
    assert state_of(good) == ("open", ["disagreement"])


def test_all_of_a_persons_work_is_rejected_and_the_person_paused(crew: Cast, pairs: Project) -> None:
    mine = [rank(pairs, crew.bob) for _number in range(4)]
    others = rank(pairs, crew.alice)
    assert reviews.reject_person(project=pairs, membership=crew.bob, by=crew.rita, comment="Guessing.") == 4
    assert {state_of(row)[0] for row in mine} == {"rejected"}
    assert state_of(others)[0] == "accepted"
    assert isinstance(hand_out(membership=crew.bob, project=pairs), Nothing)
    assert reviews.reject_person(project=pairs, membership=crew.bob, by=crew.rita) == 0


def test_the_rest_is_accepted_but_nothing_that_needs_a_look(crew: Cast) -> None:
    project = make_project(crew, overlap=2)
    add_tasks(project, 4)
    flagged = rank(project, crew.bob, flags=["unsafe"])
    outvoted = rank(project, crew.bob)
    rank(project, crew.alice)
    rank(project, crew.alice, turned_round)
    failed = rank(project, crew.rita)
    GoldScore.objects.create(
        workspace=crew.workspace, project=project, membership=crew.rita, verdict=GoldScore.Verdict.FAILED
    )
    assert reviews.accept_rest(project=project, by=crew.rita) == 2
    assert state_of(outvoted) == ("accepted", ["disagreement"])
    assert acceptance_of(outvoted).decided_by == crew.rita
    assert [state_of(row)[0] for row in (flagged, failed)] == ["open", "open"]
    assert reviews.accept_rest(project=project, by=crew.rita) == 0


@pytest.mark.timeout(120)
def test_of_two_reviewers_at_once_one_decides(committed_crew: Cast) -> None:
    project = make_project(committed_crew)
    add_tasks(project, 8)
    for _number in range(8):
        rank(project, committed_crew.bob, flags=["unsafe"])
    inbox.take()
    acceptances = list(Acceptance.objects.order_by("pk"))
    outcomes: list[str] = []

    def decide(by: Any, how: Callable[..., Any], values: dict[str, Any]) -> None:
        try:
            for acceptance in acceptances:
                try:
                    how(acceptance=acceptance, by=by, **values)
                    outcomes.append("decided")
                except reviews.AlreadyDecided:
                    outcomes.append("refused")
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        running = [
            pool.submit(decide, committed_crew.rita, reviews.accept, {}),
            pool.submit(decide, committed_crew.alice, reviews.reject, {}),
            pool.submit(decide, committed_crew.alice, reviews.send_back, {"comment": "Again."}),
        ]
        for each in running:
            each.result()
    assert (outcomes.count("decided"), outcomes.count("refused")) == (8, 16)
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.REVIEWED).count() == 8
    returned = Assignment.objects.filter(state="returned").count()
    assert returned == Acceptance.objects.filter(state="sent_back").count()


@pytest.mark.timeout(120)
def test_an_annotator_who_corrects_while_a_reviewer_sends_back_loses_nothing(committed_crew: Cast) -> None:
    project = make_project(committed_crew)
    add_tasks(project, 12)
    made = [rank(project, committed_crew.bob, flags=["unsafe"]) for _number in range(12)]
    inbox.take()

    def send_all_back() -> None:
        try:
            for annotation in made:
                try:
                    reviews.send_back(
                        acceptance=acceptance_of(annotation), by=committed_crew.rita, comment="Again."
                    )
                except reviews.Superseded:
                    continue
        finally:
            connection.close()

    def correct_all() -> None:
        try:
            for annotation in reversed(made):
                assignment = Assignment.objects.select_related("project", "membership").get(
                    pk=annotation.assignment_id
                )
                revise(
                    assignment=assignment,
                    answer=answer_of(assignment, {"ranking": turned_round(assignment)}),
                    revision=1,
                )
                inbox.take()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for running in [pool.submit(send_all_back), pool.submit(correct_all)]:
            running.result()
    inbox.take_all(project=project)
    assert Annotation.objects.filter(is_current=True).count() == 12
    for assignment in Assignment.objects.all():
        current = assignment.annotations.get(is_current=True)
        sent_back = current.acceptance.state == "sent_back"
        assert (assignment.state == "returned") == sent_back
        assert current.revision == (1 if sent_back else 2)

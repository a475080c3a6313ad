"""Fifty people at once: every task ends with exactly its overlap, nobody twice, nothing acknowledged lost."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Now

from accounts.models import Membership
from annotation.emptiness import Nothing, Reason
from annotation.kinds.ranking import Answer, parse_answer
from annotation.leases import expire_leases
from annotation.models import Annotation, Assignment, Project, Standing, Task
from annotation.queue import hand_out
from annotation.skipping import skip
from annotation.submissions import NotTaken, Receipt, draft_kept, submit
from tests.annotation.worlds import add_tasks, make_project, more_annotators, rules_of

PEOPLE = 50
TASKS = 2_000
SECOND_WINDOWS = 8
DEADLINE_SECONDS = 200


@dataclass
class Ledger:
    """What the people were told."""

    receipts: dict[str, Answer] = field(default_factory=dict)
    refused: list[Assignment] = field(default_factory=list)
    finished: threading.Event = field(default_factory=threading.Event)

    def note(self, receipt: Receipt, answer: Answer) -> None:
        self.receipts[str(receipt.uid)] = answer


@pytest.mark.parametrize("overlap", [1, 3])
@pytest.mark.timeout(DEADLINE_SECONDS + 60)
def test_every_task_ends_with_exactly_its_overlap(committed_crew, overlap):
    project = make_project(committed_crew, overlap=overlap)
    add_tasks(project, TASKS)
    people = more_annotators(committed_crew, PEOPLE)
    ledger = Ledger()
    run_all(people, project, ledger)
    check_tasks(project, overlap)
    check_ledger(project, ledger, overlap)


def check_tasks(project: Project, overlap: int) -> None:
    answers = Counter(Annotation.objects.filter(is_current=True).values_list("task_id", flat=True))
    assert set(answers.values()) == {overlap}
    assert len(answers) == TASKS
    assert not Task.objects.exclude(open_slots=0).exists()
    assert not Assignment.objects.filter(state=Assignment.State.LEASED).exists()
    pairs = list(Annotation.objects.values_list("task_id", "membership_id"))
    assert len(pairs) == len(set(pairs))


def check_ledger(project: Project, ledger: Ledger, overlap: int) -> None:
    stored = {str(uid): answer for uid, answer in Annotation.objects.values_list("uid", "answer")}
    assert set(stored) == set(ledger.receipts)
    assert all(stored[uid] == answer.as_json() for uid, answer in ledger.receipts.items())
    assert Standing.objects.aggregate(total=Sum("submitted_count"))["total"] == TASKS * overlap
    # Whoever was refused finds the answer as a draft, or answered the same task after all.
    for assignment in ledger.refused:
        assignment.refresh_from_db(fields=["state", "draft"])
        assert assignment.draft or assignment.state == Assignment.State.SUBMITTED


def run_all(people: list[Membership], project: Project, ledger: Ledger) -> None:
    with (
        ThreadPoolExecutor(SECOND_WINDOWS) as windows,
        ThreadPoolExecutor(len(people)) as desks,
        ThreadPoolExecutor(1) as cellar,
    ):
        sweeper = cellar.submit(then_close, keep_sweeping, ledger)
        working = [
            desks.submit(then_close, work, person, project, ledger, windows, seed)
            for seed, person in enumerate(people)
        ]
        try:
            for person in working:
                person.result()
        finally:
            ledger.finished.set()
        sweeper.result()
        close_all(windows)


def close_all(pool: ThreadPoolExecutor) -> None:
    barrier = threading.Barrier(SECOND_WINDOWS)

    def close() -> None:
        barrier.wait(10)
        connection.close()

    for closing in [pool.submit(close) for _ in range(SECOND_WINDOWS)]:
        closing.result()


def then_close(act, *args) -> None:
    try:
        act(*args)
    finally:
        connection.close()


def keep_sweeping(ledger: Ledger) -> None:
    while not ledger.finished.wait(0.05):
        expire_leases()


def work(
    person: Membership, project: Project, ledger: Ledger, windows: ThreadPoolExecutor, seed: int
) -> None:
    chance = random.Random(seed)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not ledger.finished.is_set():
        assert time.monotonic() < deadline, "the queue did not run dry in time"
        handed = hand_out(membership=person, project=project)
        if isinstance(handed, Nothing):
            if handed.reason == Reason.DONE:
                return
            ledger.finished.wait(0.02)
            continue
        answer_somehow(handed.assignment, ledger, windows, chance)


def answer_somehow(assignment, ledger: Ledger, windows: ThreadPoolExecutor, chance: random.Random) -> None:
    luck = chance.random()
    answer, other = one_way(assignment), the_other_way(assignment)
    if luck < 0.10:
        lose_lease(assignment)
        if luck < 0.05:
            send(assignment, answer, ledger)
        return
    if luck < 0.12:
        skip(assignment=assignment)
        return
    second = windows.submit(send, assignment, answer, ledger) if luck < 0.25 else None
    if 0.25 <= luck < 0.32:
        second = windows.submit(send, assignment, other, ledger)
    send(assignment, answer, ledger)
    if second:
        second.result()


def one_way(assignment) -> Answer:
    rules = rules_of(assignment)
    return parse_answer({"ranking": list(rules.shown_order)}, rules=rules)


def the_other_way(assignment) -> Answer:
    rules = rules_of(assignment)
    return parse_answer({"ranking": list(reversed(rules.shown_order))}, rules=rules)


def lose_lease(assignment) -> None:
    """Away from the desk until the sweep has taken the task back."""
    Assignment.objects.filter(pk=assignment.pk, state="leased").update(
        lease_until=Now() - timedelta(seconds=1)
    )
    expire_leases()


def send(assignment, answer: Answer, ledger: Ledger) -> None:
    try:
        with draft_kept(assignment=assignment, answer=answer):
            ledger.note(submit(assignment=assignment, answer=answer), answer)
    except NotTaken:
        ledger.refused.append(assignment)

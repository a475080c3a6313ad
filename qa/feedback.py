"""What reviewers told a person about their answers: how many they decided, and their words.

Hidden gold must stay hidden. Gold answers are never reviewed, so a mark at every reviewed answer would tell
which ones were gold: a decision about all answers at once is shown as one decision, never answer by answer,
and what the policy accepted without a person is not shown at all.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from accounts.models import Membership
from annotation.models import Annotation, Assignment
from qa.models import Acceptance, GoldScore

DAYS = 14
MOST_READ = 5_000
MOST_WORDS = 4
State = Acceptance.State


@dataclass(frozen=True)
class Words:
    """A reviewer's comment about one answer, or about `answers` of them at once (then without an address)."""

    state: str
    label: str
    comment: str
    at: datetime
    project: str
    answers: int
    assignment: UUID | None


@dataclass(frozen=True)
class Feedback:
    """Decisions of reviewers in the last days."""

    accepted: int
    sent_back: int
    rejected: int
    words: list[Words]

    @property
    def decided(self) -> int:
        return self.accepted + self.sent_back + self.rejected


def feedback_for(membership: Membership) -> Feedback:
    """Of the newest answers of the person; in three queries."""
    decided = _decided(membership).filter(decided_at__gte=timezone.now() - timedelta(days=DAYS))
    counts = dict(decided.values_list("state").annotate(count=Count("pk")).order_by())
    return Feedback(
        accepted=counts.get(State.ACCEPTED, 0),
        sent_back=counts.get(State.SENT_BACK, 0),
        rejected=counts.get(State.REJECTED, 0),
        # What is still to be mended stands above all this already.
        words=_words(
            decided.exclude(comment="").exclude(annotation__assignment__state=Assignment.State.RETURNED),
            membership,
        ),
    )


def _decided(membership: Membership) -> QuerySet[Acceptance]:
    newest = Annotation.objects.filter(membership=membership).order_by("-pk").values("pk")[:MOST_READ]
    return Acceptance.objects.filter(annotation__in=newest, decided_by__isnull=False)


def _words(commented: QuerySet[Acceptance], membership: Membership) -> list[Words]:
    # What was decided at once has one time and one comment.
    together = commented.values_list("decided_at", "state", "comment", "project__name")
    grouped = together.annotate(answers=Count("pk"), assignment=Max("annotation__assignment_id"))
    rows = list(grouped.order_by("-decided_at")[:MOST_WORDS])
    looked_at = _looked_at({row[0] for row in rows if row[1] == State.REJECTED}, [membership])
    alone = [row for row in rows if row[-2] == 1 and not (row[1] == State.REJECTED and row[0] in looked_at)]
    single = [row[-1] for row in alone]
    uids = dict(Assignment.objects.filter(pk__in=single).values_list("pk", "uid"))
    return [
        Words(state, str(State(state).label), comment, at, project, answers, uids.get(assignment))
        for at, state, comment, project, answers, assignment in rows
    ]


def said_about(annotations: Collection[Annotation]) -> dict[int, Acceptance]:
    """By assignment what a reviewer said last: sent back, rejected, mended, or accepted with words."""
    decided = Acceptance.objects.filter(annotation__in=annotations, decided_by__isnull=False)
    found = list(decided.select_related("annotation").order_by("decided_at", "pk"))
    at_once = _decided_at_once([row for row in found if row.state == State.REJECTED])
    return {row.annotation.assignment_id: row for row in found if _is_about_this_one(row, at_once)}


def _is_about_this_one(row: Acceptance, at_once: Collection[datetime]) -> bool:
    if row.state == State.ACCEPTED:
        return bool(row.comment or row.fixed_answer)
    return row.state == State.SENT_BACK or (row.state == State.REJECTED and row.decided_at not in at_once)


def _decided_at_once(rejected: list[Acceptance]) -> set[datetime]:
    """The times at which all of a person's work was rejected, be it only one answer."""
    if not rejected:
        return set()
    times = {row.decided_at for row in rejected if row.decided_at}
    projects = {row.project_id for row in rejected}
    looked_at = _looked_at(times, {row.annotation.membership_id for row in rejected})
    same = Acceptance.objects.filter(project__in=projects, state=State.REJECTED, decided_at__in=times)
    counted = same.values_list("decided_at").annotate(count=Count("pk")).order_by()
    return looked_at | {at for at, count in counted if at and count > 1}


def _looked_at(times: Collection[datetime], people: Collection[int | Membership]) -> set[datetime]:
    """Those times at which all work of one of them was rejected: their gold was looked at in that moment.

    Who has no gold in the project has none to hide.
    """
    if not times:
        return set()
    scores = GoldScore.objects.filter(membership__in=people, reviewed_at__in=times)
    return {at for at in scores.values_list("reviewed_at", flat=True) if at}

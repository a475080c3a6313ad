"""The review queue as lists: narrowed by reason or person, the riskiest first, and the neighbours of one."""

import base64
import binascii
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from annotation.models import Project
from core.counting import MOST_COUNTED
from core.errors import Invalid, Unreadable
from core.pagination import GREATEST_KEY, Page
from core.text import refusal
from qa.listing import current, open_reviews
from qa.models import Acceptance
from qa.risks import REASONS

Reviews = QuerySet[Acceptance]
LONGEST_PERSON = 60


@dataclass(frozen=True)
class Narrowed:
    """Which part of the queue a reviewer works on; empty is all of it."""

    reason: str = ""
    person: str = ""

    def of(self, reviews: Reviews) -> Reviews:
        if self.reason:
            reviews = reviews.filter(reasons__contains=[self.reason])
        if self.person:
            reviews = reviews.filter(annotation__membership__pseudonym=self.person)
        return reviews

    @property
    def query(self) -> str:
        """As the end of an address; empty where nothing is narrowed."""
        given = {name: value for name, value in vars(self).items() if value}
        return f"?{urlencode(given)}" if given else ""


def narrowed_by(values: Mapping[str, str]) -> Narrowed:
    """From an address; raises Invalid for a reason that does not exist."""
    reason, person = values.get("reason", ""), values.get("person", "")
    if reason and reason not in REASONS:
        raise Invalid(_("There is no such reason."), fields={"reason": _("unknown")})
    if len(person) > LONGEST_PERSON or refusal(person):
        raise Invalid(_("There is no such person."), fields={"person": _("unknown")})
    return Narrowed(reason, person)


def riskiest_first(reviews: Reviews, *, before: str = "", size: int = 50) -> Page[Acceptance]:
    """One page of the riskiest, the oldest first among equals; the cursor names the last one shown."""
    if before:
        risk, key = _place(before)
        reviews = reviews.filter(_less_urgent(risk, key))
    rows = list(reviews.order_by("-risk", "pk")[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    return Page(rows=rows, next_cursor=_cursor(rows[-1]) if more else "")


def _less_urgent(risk: float, key: int) -> Q:
    return Q(risk__lt=risk) | Q(risk=risk, pk__gt=key)


def _cursor(acceptance: Acceptance) -> str:
    text = f"{acceptance.risk!r}:{acceptance.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[float, int]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        risk, _colon, key = text.partition(":")
        place = float(risk), int(key)
    except (binascii.Error, ValueError):
        place = math.nan, -1
    if not math.isfinite(place[0]) or not 0 <= place[1] <= GREATEST_KEY:
        raise Unreadable(_("The cursor is not one that this list gave out."), fields={"before": _("unknown")})
    return place


@dataclass(frozen=True)
class Neighbours:
    """The open reviews before and after one in the queue; None at its ends."""

    before: uuid.UUID | None
    after: uuid.UUID | None


def neighbours(acceptance: Acceptance, narrowed: Narrowed) -> Neighbours:
    waiting = narrowed.of(open_reviews(acceptance.project)).exclude(pk=acceptance.pk)
    later = waiting.filter(_less_urgent(acceptance.risk, acceptance.pk))
    earlier = waiting.exclude(_less_urgent(acceptance.risk, acceptance.pk)).order_by("risk", "-pk")
    return Neighbours(
        before=earlier.values_list("uid", flat=True).first(),
        after=later.values_list("uid", flat=True).first(),
    )


def next_review(acceptance: Acceptance, narrowed: Narrowed) -> uuid.UUID | None:
    """After a decision: the next riskiest, else what was passed over before it, the riskiest first."""
    following = neighbours(acceptance, narrowed).after
    if following is not None:
        return following
    left = narrowed.of(open_reviews(acceptance.project)).exclude(pk=acceptance.pk)
    return left.values_list("uid", flat=True).first()


@dataclass(frozen=True)
class Reviewed:
    """How many of the answers that a person should look at have been looked at."""

    done: int
    wanted: int


def reviewed(project: Project) -> Reviewed:
    """Without what the policy accepted. Nothing wanted where there is too much to count for each page."""
    is_open = Q(state=Acceptance.State.OPEN)
    of_people = Acceptance.objects.filter(is_open | Q(decided_by__isnull=False), project=project)
    counts = current(of_people)[: MOST_COUNTED + 1].aggregate(
        wanted=Count("pk"), done=Count("pk", filter=~is_open)
    )
    return Reviewed(**counts) if counts["wanted"] <= MOST_COUNTED else Reviewed(done=0, wanted=0)


def reason_counts(reviews: Reviews) -> dict[str, int]:
    """How many of the reviews have each reason; those that occur."""
    counted = reviews.order_by().aggregate(
        **{reason: Count("pk", filter=Q(reasons__contains=[reason])) for reason in REASONS}
    )
    return {reason: count for reason, count in counted.items() if count}


def people_counts(reviews: Reviews) -> list[tuple[str, int]]:
    """Whose answers they are, the most first."""
    of_person = reviews.order_by().values_list("annotation__membership__pseudonym")
    return list(of_person.annotate(count=Count("pk")).order_by("-count", "annotation__membership__pseudonym"))

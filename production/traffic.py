"""How much a deployment was asked, and what was said of its outputs, day by day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.bars import Columns, stacked_columns
from production.generation import SECOND_TO
from production.models import Deployment, Feedback, Harvest, Output
from production.selection import AGAINST

DAYS = 14
# Only the newest are looked at, so that a busy deployment's page costs no more than another's.
MOST_OUTPUTS = 20_000
THUMB = Q(kind=Feedback.Kind.THUMB)
SPOKEN_AGAINST = Q()
for _condition in AGAINST.values():
    SPOKEN_AGAINST |= _condition


@dataclass(frozen=True)
class Traffic:
    """`is_cut`: there is more in these days than was counted."""

    outputs: Columns
    feedback: Columns
    is_cut: bool


def traffic_of(deployment: Deployment, *, most: int = MOST_OUTPUTS) -> Traffic:
    """The last two weeks, in two queries; days without anything are there too.

    Second answers are not counted as asked. What was said of them is feedback as all other.
    """
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    newest = Output.objects.filter(deployment=deployment).order_by("-pk").values("pk")[:most]
    read = _by_day(
        Output.objects.filter(pk__in=newest),
        days[0],
        asked=Count("pk", filter=~Q(settings__has_key=SECOND_TO)),
        read=Count("pk"),
    )
    said = _by_day(
        Feedback.objects.filter(output__in=newest),
        days[0],
        other=Count("pk", filter=~THUMB),
        down=Count("pk", filter=THUMB & Q(value__up=False)),
        up=Count("pk", filter=THUMB & Q(value__up=True)),
    )
    labels = {day: date_format(day, "j M") for day in days}
    return Traffic(
        outputs=stacked_columns([_("Outputs")], ((labels[day], read.get(day, [0])[:1]) for day in days)),
        feedback=stacked_columns(
            [_("Other feedback"), _("Thumbs down"), _("Thumbs up")],
            ((labels[day], said.get(day, [0, 0, 0])) for day in days),
        ),
        is_cut=sum(counts[-1] for counts in read.values()) >= most,
    )


def _by_day(
    rows: QuerySet[Output] | QuerySet[Feedback], since: date, **counts: Count
) -> dict[date, list[int]]:
    dated = rows.filter(created_at__gte=timezone.now() - timedelta(days=DAYS + 1))
    found = dated.order_by().annotate(day=TruncDate("created_at")).values_list("day").annotate(**counts)
    return {day: list(values) for day, *values in found if day >= since}


def _said(condition: Q) -> Exists:
    return Exists(Feedback.objects.filter(condition, output=OuterRef("pk")))


def _asked(outputs: QuerySet[Output]) -> QuerySet[Output]:
    """Without the second answers, which the model wrote for annotators to compare with."""
    return outputs.exclude(settings__has_key=SECOND_TO)


Choice = Callable[[QuerySet[Output]], QuerySet[Output]]
SENT = Exists(Harvest.objects.filter(output=OuterRef("pk")))
# What the list of outputs can be narrowed to, by its name in the address.
SHOWN: dict[str, tuple[Promise, Choice]] = {
    "": (gettext_lazy("All asked"), _asked),
    "against": (gettext_lazy("Spoken against"), lambda found: found.filter(_said(SPOKEN_AGAINST))),
    "up": (gettext_lazy("Thumb up"), lambda found: found.filter(_said(THUMB & Q(value__up=True)))),
    "unjudged": (gettext_lazy("No feedback"), lambda found: _asked(found).exclude(_said(Q()))),
    "sent": (gettext_lazy("Sent back"), lambda found: found.filter(SENT)),
    "second": (
        gettext_lazy("Second answers"),
        lambda found: found.filter(settings__has_key=SECOND_TO),
    ),
}


def waiting(deployment: Deployment) -> int:
    """Outputs that feedback speaks against and that no annotator has seen, up to a bound."""
    # From what was said, which is little beside all that was asked.
    bad = Feedback.objects.filter(SPOKEN_AGAINST, output__deployment=deployment).values("output")
    found = _asked(Output.objects.filter(pk__in=bad, erased_at=None))
    return found.exclude(SENT).order_by()[: MOST_OUTPUTS + 1].count()

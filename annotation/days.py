"""What was answered on each of the last days, by one person or in one project, and the bars that show it.

The cost does not grow with the history: only the newest answers are read; a count that ends there says so.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from annotation.models import Annotation

MOST_READ = 20_000
# The bars are drawn on a grid of this size; the page stretches it.
BAR_STEP, BAR_WIDTH, CHART_HEIGHT = 10, 7, 40
LEAST_SEEN = 1.5


@dataclass(frozen=True)
class Day:
    """`answers` counts tasks, not their corrections; `height` is that of the bar on the grid."""

    date: date
    answers: int
    active_seconds: float
    is_today: bool
    x: float
    height: float

    @property
    def y(self) -> float:
        return round(CHART_HEIGHT - self.height, 2)


@dataclass(frozen=True)
class Days:
    """The oldest first. `is_cut`: there is more in these days than was counted."""

    days: list[Day]
    is_cut: bool

    @property
    def today(self) -> Day:
        return self.days[-1]

    @property
    def answers(self) -> int:
        return sum(day.answers for day in self.days)

    @property
    def active_seconds(self) -> float:
        return sum(day.active_seconds for day in self.days)

    @property
    def most(self) -> int:
        return max(day.answers for day in self.days)

    @property
    def width(self) -> int:
        return len(self.days) * BAR_STEP

    @property
    def bar_width(self) -> int:
        return BAR_WIDTH

    @property
    def chart_height(self) -> int:
        return CHART_HEIGHT


def answers_by_day(annotations: QuerySet[Annotation], *, days: int) -> Days:
    """The last days up to today in the reader's time zone; in one query."""
    today = timezone.localdate()
    first = today - timedelta(days=days - 1)
    since = timezone.make_aware(datetime.combine(first, time.min))
    newest = annotations.order_by("-pk").values("pk")[:MOST_READ]
    found = Annotation.objects.filter(pk__in=newest, submitted_at__gte=since)
    rows = found.annotate(day=TruncDate("submitted_at")).values_list("day").order_by()
    counted = rows.annotate(
        all=Count("pk"), firsts=Count("pk", filter=Q(revision=1)), active=Sum("active_ms")
    )
    by_day = {day: (revisions, answers, active) for day, revisions, answers, active in counted}
    most = max((answers for _all, answers, _active in by_day.values()), default=0)
    drawn = []
    for number in range(days):
        at = first + timedelta(days=number)
        _revisions, answers, active = by_day.get(at, (0, 0, 0))
        drawn.append(
            Day(
                date=at,
                answers=answers,
                active_seconds=active / 1000,
                is_today=at == today,
                x=number * BAR_STEP + (BAR_STEP - BAR_WIDTH) / 2,
                height=_height(answers, most),
            )
        )
    return Days(days=drawn, is_cut=sum(row[0] for row in by_day.values()) >= MOST_READ)


def _height(answers: int, most: int) -> float:
    """A day with one answer among thousands is still seen."""
    return round(max(LEAST_SEEN, CHART_HEIGHT * answers / most), 2) if answers else 0.0

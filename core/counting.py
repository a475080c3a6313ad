"""Counting that stops: beyond a bound nobody needs the number, and counting on costs more with every row."""

from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.formats import number_format

MOST_COUNTED = 20_000


def counted(**querysets: QuerySet[Any]) -> dict[str, int]:
    """The number of rows of each, up to MOST_COUNTED + 1, in one query."""
    parts: list[str] = []
    values: list[Any] = []
    for queryset in querysets.values():
        text, given = queryset.order_by().values("pk")[: MOST_COUNTED + 1].query.sql_with_params()
        # The text is the ORM's own; what people chose is among the values.
        parts.append(f"(SELECT count(*) FROM ({text}) AS bounded)")  # noqa: S608
        values += given
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return dict(zip(querysets, cursor.fetchone(), strict=True))


def number(value: int) -> str:
    """A count in words: "1,234", and "20,000+" for one that stopped."""
    if value > MOST_COUNTED:
        return number_format(MOST_COUNTED, use_l10n=True, force_grouping=True) + "+"
    return number_format(value, use_l10n=True, force_grouping=True)

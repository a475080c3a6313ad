"""Lists page by cursor: `?before=<cursor>` walks towards older rows at constant cost."""

import base64
import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from core.errors import Unreadable

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next_cursor` is empty on the last page."""

    rows: list[Row]
    next_cursor: str


def encode_cursor(key: int) -> str:
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Unreadable(
            "The cursor is not one that this list gave out.", fields={"before": "unknown"}
        ) from error


def newest_first(queryset: QuerySet[Row], *, before: str = "", size: int = 50) -> Page[Row]:
    """One page of rows ordered by falling primary key, which is the order of creation."""
    if before:
        queryset = queryset.filter(pk__lt=decode_cursor(before))
    rows = list(queryset.order_by("-pk")[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    return Page(rows=rows, next_cursor=encode_cursor(rows[-1].pk) if more else "")

"""Lists page by cursor: `?before=<cursor>` walks towards older rows at constant cost."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from core.errors import Unreadable

Row = TypeVar("Row", bound=Model)
GREATEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next_cursor` is empty on the last page."""

    rows: list[Row]
    next_cursor: str

    def body(self, represent: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
        """The page as the API answers it."""
        return {"results": [represent(row) for row in self.rows], "next": self.next_cursor or None}


def encode_cursor(key: int) -> str:
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    try:
        key = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        key = -1
    if not 0 <= key <= GREATEST_KEY:
        raise Unreadable(_("The cursor is not one that this list gave out."), fields={"before": _("unknown")})
    return key


def newest_first(queryset: QuerySet[Row], *, before: str = "", size: int = 50) -> Page[Row]:
    """One page of rows ordered by falling primary key, which is the order of creation."""
    if before:
        queryset = queryset.filter(pk__lt=decode_cursor(before))
    rows = list(queryset.order_by("-pk")[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    return Page(rows=rows, next_cursor=encode_cursor(rows[-1].pk) if more else "")

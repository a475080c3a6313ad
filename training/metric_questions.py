"""What pages and scripts may ask about a run's metrics: a stretch of steps, and what came since."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import Unreadable

PARAMETERS = frozenset({"after", "from", "to"})
# As many digits as a step of the database may have.
MOST_DIGITS = 10


@dataclass(frozen=True)
class Question:
    """Steps after `after`, and from `first` to `last` where they are given, both included."""

    after: int = -1
    first: int | None = None
    last: int | None = None


def question_of(parameters: Mapping[str, str]) -> Question:
    """Reads `?after=`, `?from=` and `?to=`; raises Unreadable."""
    after = parameters.get("after", "-1")
    first, last = (_bound(parameters, name) for name in ("from", "to"))
    if first is not None and last is not None and first > last:
        raise Unreadable(_("“from” must not be after “to”."), fields={"from": _("after “to”")})
    return Question(after=-1 if after == "-1" else _step(after, field="after"), first=first, last=last)


def _bound(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name, "")
    return _step(text, field=name) if text else None


def _step(text: str, *, field: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
        return int(text)
    raise Unreadable(_("The step must be a whole number."), fields={field: _("not a whole number")})

"""What the engine says when the reward may be hacked, in a form that can be stored and shown. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from jobs.wording import storable

LONGEST_KIND, LONGEST_TEXT = 20, 1000
LARGEST_STEP = 2**31 - 1
MOST_STANDING = 20


class AlarmUnreadable(ValueError):
    """This is no alarm: it has no step, kind or reason."""


@dataclass(frozen=True)
class Alarm:
    """A sign that stood at the evaluation after this step; reason and hint are sentences with the figures."""

    step: int
    kind: str
    reason: str
    hint: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def alarm_of(values: object, *, step: object) -> Alarm:
    """From hostile values, its texts cut and made storable; raises AlarmUnreadable."""
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= LARGEST_STEP:
        raise AlarmUnreadable("An alarm names no step.")
    if not isinstance(values, Mapping):
        raise AlarmUnreadable("An alarm is not an object.")
    kind, reason, hint = (values.get(name, "") for name in ("kind", "reason", "hint"))
    if not (isinstance(kind, str) and isinstance(reason, str) and isinstance(hint, str)):
        raise AlarmUnreadable("Kind, reason and hint of an alarm must be texts.")
    if not kind or not reason:
        raise AlarmUnreadable("An alarm has no kind or no reason.")
    return Alarm(
        step=step,
        kind=storable(kind, longest=LONGEST_KIND),
        reason=storable(reason, longest=LONGEST_TEXT),
        hint=storable(hint, longest=LONGEST_TEXT),
    )


def standing_in(result: Mapping[str, object]) -> list[Alarm]:
    """The alarms that stand for the model that was kept; raises AlarmUnreadable."""
    told = result.get("alarms") or []
    if not isinstance(told, list):
        raise AlarmUnreadable("The alarms are no list.")
    return [
        alarm_of(values, step=values.get("step") if isinstance(values, dict) else None)
        for values in told[:MOST_STANDING]
    ]

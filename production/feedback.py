"""What people and programs say of an output: kept once, however often it is sent."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import Conflict, Invalid
from core.text import refusal
from production.models import Feedback, Output

LONGEST_COMMENT = 2000
LONGEST_IDENTIFIER = 128
KEYS = {
    Feedback.Kind.THUMB: {"up"},
    Feedback.Kind.SCORE: {"score"},
    Feedback.Kind.CORRECTION: {"text"},
    Feedback.Kind.PREFERENCE: {"other", "chosen"},
}


class FeedbackRefused(Invalid):
    """The feedback is not of its kind's form; `fields` names what to mend."""


class IdentifierReused(Conflict):
    """The same identifier came before with other content."""

    code = "identifier_reused"


class OutputErased(Conflict):
    """The output's text was erased at the request of the person whom it is about."""

    code = "output_erased"


@transaction.atomic
def give(
    *,
    output: Output,
    by: Membership | None,
    kind: str,
    value: Mapping[str, Any],
    comment: str = "",
    identifier: str = "",
    is_simulated: bool = False,
) -> Feedback:
    """Keep one piece of feedback; with the sender's own identifier, a repeat returns the first one.

    Raises FeedbackRefused, OutputErased, and IdentifierReused for other content under the same identifier.
    """
    kept = checked_value(kind, value, output=output)
    comment = _text(comment, "comment", LONGEST_COMMENT)
    identifier = _text(identifier, "identifier", LONGEST_IDENTIFIER)
    _hold(output)
    feedback = Feedback(
        workspace=output.workspace,
        output=output,
        kind=kind,
        value=kept,
        comment=comment,
        identifier=identifier,
        is_simulated=is_simulated,
        created_by=by,
    )
    if not identifier:
        feedback.save()
        return feedback
    return _once(feedback)


def _hold(output: Output) -> None:
    """An erasure that comes now waits and finds the feedback; after an earlier one OutputErased is raised."""
    held = Output.objects.select_for_update(of=("self",), no_key=True).only("erased_at").get(pk=output.pk)
    if held.erased_at is not None:
        raise OutputErased(_("The text of this output was erased: nothing can be said of it any more."))


def _once(feedback: Feedback) -> Feedback:
    """Of two that come at once, the second waits for the first and finds it."""
    Feedback.objects.bulk_create([feedback], ignore_conflicts=True)
    found = Feedback.objects.select_related("output", "workspace").get(
        workspace=feedback.workspace, identifier=feedback.identifier
    )
    if _content(found) != _content(feedback):
        message = _("This identifier was used for other feedback.")
        raise IdentifierReused(message, fields={"identifier": message})
    return found


def _content(feedback: Feedback) -> tuple[int, str, Any, str]:
    return feedback.output_id, feedback.kind, feedback.value, feedback.comment


def checked_value(kind: str, value: object, *, output: Output) -> dict[str, Any]:
    """The value in the form of its kind; raises FeedbackRefused."""
    if kind not in Feedback.Kind.values:
        known = ", ".join(Feedback.Kind.values)
        raise _refused("kind", _("The kind must be one of %(kinds)s.") % {"kinds": known})
    keys = KEYS[Feedback.Kind(kind)]
    if not isinstance(value, Mapping) or set(value) != keys:
        wanted = ", ".join(sorted(keys))
        raise _refused("value", _("The value of this kind is an object of %(keys)s.") % {"keys": wanted})
    if kind == Feedback.Kind.THUMB:
        return {"up": _flag(value["up"])}
    if kind == Feedback.Kind.SCORE:
        return {"score": _share(value["score"])}
    if kind == Feedback.Kind.CORRECTION:
        return {"text": _other_than(output, value["text"], "text")}
    if value["chosen"] not in ("output", "other"):
        raise _refused("value", _("The chosen one must be “output” or “other”."))
    return {"other": _other_than(output, value["other"], "other"), "chosen": value["chosen"]}


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _refused("value", _("“up” must be true or false."))
    return value


def _share(value: object) -> float:
    # Not the other way round: every comparison with NaN is false.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _refused("value", _("The score must be a number from 0 to 1."))
    return float(value)


def _other_than(output: Output, value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _refused("value", _("“%(name)s” must be a text.") % {"name": name})
    reason = refusal(value)
    if reason:
        raise _refused("value", f"“{name}” {reason}.")
    # Browsers send CR LF, and a model writes LF.
    text = value.replace("\r\n", "\n")
    if text.strip() == output.text.strip():
        raise _refused("value", _("“%(name)s” is what the model wrote already.") % {"name": name})
    return text


def _text(value: object, field: str, longest: int) -> str:
    if not isinstance(value, str):
        raise _refused(field, _("This must be a text."))
    reason = refusal(value)
    if len(value) > longest:
        reason = _("has more than %(most)d characters") % {"most": longest}
    if reason:
        raise _refused(field, reason)
    return value.strip()


def _refused(field: str, reason: str) -> FeedbackRefused:
    return FeedbackRefused(reason, fields={field: reason})

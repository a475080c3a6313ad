"""A decision by its name, as the page and the API send it."""

from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import Invalid
from qa import reviews
from qa.models import Acceptance

DECISIONS = ("accept", "fix", "send_back", "reject", "reopen")


def decide(
    *, acceptance: Acceptance, by: Membership, decision: object, comment: Any = "", answer: object = None
) -> Acceptance:
    """Raises Invalid for a name that is no decision, and what the decision raises."""
    if decision == "accept":
        return reviews.accept(acceptance=acceptance, by=by, comment=comment)
    if decision == "fix":
        return reviews.fix_and_accept(acceptance=acceptance, by=by, answer=answer, comment=comment)
    if decision == "send_back":
        return reviews.send_back(acceptance=acceptance, by=by, comment=comment)
    if decision == "reject":
        return reviews.reject(acceptance=acceptance, by=by, comment=comment)
    if decision == "reopen":
        return reviews.reopen(acceptance=acceptance, by=by)
    sentence = _("The decision must be one of: %(names)s.") % {"names": ", ".join(DECISIONS)}
    raise Invalid(sentence, fields={"decision": sentence})

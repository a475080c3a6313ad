"""Why a person should look at an answer, and how urgently."""

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _

REASONS = {
    "gold": _("the person failed the gold tasks"),
    "flag": _("flagged by the annotator"),
    "revised": _("mended after a review"),
    "disagreement": _("others disagree"),
    "fast": _("answered faster than the others"),
    "side": _("prefers one place on the page"),
}
RISKS = {"gold": 8.0, "flag": 4.0, "revised": 2.0, "disagreement": 1.0, "fast": 0.5, "side": 0.5}
# Nobody accepts these in bulk.
NEVER_UNSEEN = ("gold", "flag", "revised")


def risk_of(reasons: Collection[str], *, contradicted: float = 0.0) -> float:
    """Higher comes first; among those that disagree the most contradicted one."""
    return sum(RISKS[reason] for reason in reasons) + contradicted

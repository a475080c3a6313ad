"""The context of a project's quality page: the last measurement, and how things stand now."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from annotation.models import Project, Standing
from qa.intervals import marks, strip
from qa.listing import paused_people, review_counts, scores_of
from qa.models import GoldScore, QualityReport
from qa.quality import gold_figures
from qa.risks import REASONS
from qa.statistics import sprt

LEAST_ALPHA = -0.2
SCOPES = {"all": _("All answers"), "accepted": _("Accepted answers")}
UNDEFINED = {
    "no_pairs": _("No task has answers of two people yet."),
    "one_value": _("Everybody gave one and the same answer to everything: there is nothing to agree about."),
    "not_comparable": _("Written answers cannot be compared by a figure: review them."),
}
METHODS = {
    "item bootstrap": _("1,000 draws of whole tasks"),
    "item jackknife": _("leaving out each task in turn; fewer than 50 tasks"),
    "exact bound": _("no disagreement was seen: what so many tasks can rule out"),
}
TESTS = {"side": _("Prefers one place on the page"), "fast": _("Faster than the others")}


def quality_context(project: Project, report: QualityReport | None) -> dict[str, Any]:
    found: Mapping[str, Any] = report.report if report else {}
    paused = paused_people(project)
    return {
        "project": project,
        "report": report,
        "alpha_marks": marks({0.0: "0", 0.5: "0.5", 1.0: "1"}, least=LEAST_ALPHA),
        "share_marks": marks({0.0: "0 %", 0.5: "50 %", 1.0: "100 %"}),
        "scopes": [_scope(name, found["agreement"][name]) for name in SCOPES] if report else [],
        "people": [_person(row) for row in found.get("people", ())],
        "flags": [{**flag, "name": TESTS.get(flag["test"], flag["test"])} for flag in found.get("flags", ())],
        "gold": [_gold(score, paused) for score in scores_of(project)],
        "paused": paused,
        "counts": review_counts(project),
        "reasons": [
            (REASONS[reason], count)
            for reason, count in found.get("reviews", {}).get("reasons", {}).items()
            if reason in REASONS
        ],
        "sprt": {
            "good": round(sprt.P_GOOD * 100),
            "bad": round(sprt.P_BAD * 100),
            "alpha": round(sprt.ALPHA * 100),
            "beta": round(sprt.BETA * 100),
        },
    }


def _scope(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **figures,
        "name": SCOPES[name],
        "strip": strip(figures["alpha"], figures["low"], figures["high"], least=LEAST_ALPHA),
        "why_not": UNDEFINED.get(figures["undefined"], ""),
        "how": METHODS.get(figures["method"], ""),
    }


def _person(row: Mapping[str, Any]) -> dict[str, Any]:
    outer = row["first_won"] + row["last_won"]
    return {**row, "first_percent": round(100 * row["first_won"] / outer) if outer else None}


def _gold(score: GoldScore, paused: list[Standing]) -> dict[str, Any]:
    figures = gold_figures(score)
    return {
        "score": score,
        **figures,
        "percent": None if figures["accuracy"] is None else round(100 * figures["accuracy"]),
        "low_percent": None if figures["low"] is None else round(100 * figures["low"]),
        "high_percent": None if figures["high"] is None else round(100 * figures["high"]),
        "strip": strip(figures["accuracy"], figures["low"], figures["high"]),
        "is_paused": any(standing.membership_id == score.membership_id for standing in paused),
    }

"""The context of a project's quality page: the last measurement, its course, and how things stand now."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from annotation.models import Project, Standing
from qa import charting
from qa.agreeing import MOST_PEOPLE
from qa.intervals import marks, strip
from qa.listing import paused_people, review_counts, scores_of
from qa.matrix import matrix
from qa.models import GoldScore, QualityReport
from qa.quality import gold_figures
from qa.statistics import sprt

MOST_MEASUREMENTS = 30
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
        "share_marks": marks({share: f"{100 * share:.0f} %" for share in (0.0, sprt.P_BAD, sprt.P_GOOD)}),
        "scopes": [_scope(name, agreement_of(found, name)) for name in SCOPES] if report else [],
        "parts": [{**part, "row": charting.row(part)} for part in found.get("parts", ()) if part["units"]],
        "ticks": charting.ticks(),
        "usual": charting.usual(project.kind),
        "course": _course(project),
        "matrix": matrix(found.get("pairs", ())),
        "matrix_most": MOST_PEOPLE if len(found.get("people", ())) > MOST_PEOPLE else None,
        "people": [_person(row) for row in found.get("people", ())],
        "flags": [_flag(flag) for flag in found.get("flags", ())],
        "gold": _paused_first(_gold(score, paused) for score in scores_of(project)),
        "paused": paused,
        "counts": review_counts(project),
        "sprt": {
            "good": round(sprt.P_GOOD * 100),
            "bad": round(sprt.P_BAD * 100),
            "alpha": round(sprt.ALPHA * 100),
            "beta": round(sprt.BETA * 100),
        },
    }


def agreement_of(report: Mapping[str, Any], scope: str) -> dict[str, Any]:
    """The figures of a report; one of the first schema counted every pair of candidates twice."""
    figures = dict(report["agreement"][scope])
    if report.get("schema", 1) < 2 and "pairs" in figures.get("metric", ""):
        figures["units"] //= 2
    return figures


def _scope(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **figures,
        "name": SCOPES[name],
        "row": charting.row(figures),
        "why_not": UNDEFINED.get(figures["undefined"], ""),
        "how": METHODS.get(figures["method"], ""),
    }


def _course(project: Project) -> dict[str, Any]:
    """The last measurements from the oldest on; of each only the one figure is read from the report."""
    kept = QualityReport.objects.filter(project=project).order_by("-pk")
    rows = list(kept.values_list("created_at", "report__agreement__all", "annotations")[:MOST_MEASUREMENTS])
    rows.reverse()
    measured = [charting.Measured(at, figures) for at, figures, _answers in rows]
    points = charting.course(measured)
    return {
        "points": points if len(points) > 1 else [],
        "rows": [{"at": at, "answers": answers, **figures} for at, figures, answers in rows],
        "levels": charting.levels(),
    }


def _flag(flag: Mapping[str, Any]) -> dict[str, Any]:
    percent = round(100 * flag["detail"]["effect"])
    return {**flag, "name": TESTS.get(flag["test"], flag["test"]), "percent": percent}


def _person(row: Mapping[str, Any]) -> dict[str, Any]:
    outer = row["first_won"] + row["last_won"]
    return {**row, "first_percent": round(100 * row["first_won"] / outer) if outer else None}


def _paused_first(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: not row["is_paused"])


def _gold(score: GoldScore, paused: list[Standing]) -> dict[str, Any]:
    figures = gold_figures(score)
    return {
        "score": score,
        **figures,
        "percent": None if figures["accuracy"] is None else round(100 * figures["accuracy"]),
        "low_percent": None if figures["low"] is None else round(100 * figures["low"]),
        "high_percent": None if figures["high"] is None else round(100 * figures["high"]),
        "strip": strip(
            figures["accuracy"], figures["low"], figures["high"], ticks=(0.0, sprt.P_BAD, sprt.P_GOOD, 1.0)
        ),
        "is_paused": any(standing.membership_id == score.membership_id for standing in paused),
    }

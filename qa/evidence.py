"""Why an answer waits for a reviewer: each reason with the figures behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.utils.translation import gettext as _

from annotation.kinds.answers import FLAGS
from annotation.models import Annotation
from core.templatetags.interface import duration
from qa.comparing import COMPARABLE, disagreement
from qa.models import Acceptance, GoldScore, QualityReport
from qa.risks import REASONS
from qa.statistics.sprt import P_GOOD

MOST_TIMES = 500


@dataclass(frozen=True)
class Case:
    """The answer under review and what else is known when the page is made."""

    acceptance: Acceptance
    others: Sequence[Annotation]
    usual_seconds: float | None
    report: Mapping[str, Any]

    @property
    def annotation(self) -> Annotation:
        return self.acceptance.annotation

    @property
    def of_person(self) -> Mapping[str, Any]:
        """The person's row of the last measurement; empty where there is none."""
        name = self.annotation.membership.pseudonym
        return next((row for row in self.report.get("people", ()) if row["annotator"] == name), {})


@dataclass(frozen=True)
class Evidence:
    reason: str
    name: str
    sentence: str


def case_of(acceptance: Acceptance, others: Sequence[Annotation]) -> Case:
    last = QualityReport.objects.filter(project=acceptance.project_id).order_by("-pk").first()
    return Case(acceptance, others, _usual_seconds(acceptance.annotation), last.report if last else {})


def _usual_seconds(annotation: Annotation) -> float | None:
    """The person's own median in this project, over the newest answers with a measured time."""
    theirs = Annotation.objects.filter(
        project=annotation.project_id, membership=annotation.membership_id, active_ms__gt=0
    )
    times = list(theirs.order_by("-pk").values_list("active_ms", flat=True)[:MOST_TIMES])
    return median(times) / 1000 if times else None


def evidence_for(case: Case) -> list[Evidence]:
    reasons = [reason for reason in case.acceptance.reasons if reason in REASONS]
    return [Evidence(reason, str(REASONS[reason]), SENTENCES[reason](case)) for reason in reasons]


def _disagreement(case: Case) -> str:
    kind = case.annotation.assignment.project.kind
    if kind not in COMPARABLE or not case.others:
        return ""
    answers = [case.annotation.answer, *(other.answer for other in case.others)]
    _outvoted, share = disagreement(kind, answers)[0]
    if kind == "classification":
        same = sum(set(other.answer["labels"]) == set(answers[0]["labels"]) for other in case.others)
        return _("%(same)d of %(others)d others gave the same labels.") % {
            "same": same,
            "others": len(case.others),
        }
    return _("The others contradict %(percent)d %% of what this order says about pairs.") % {
        "percent": round(100 * share)
    }


def _fast(case: Case) -> str:
    own, usual = case.annotation.active_ms / 1000, case.usual_seconds
    if not own or usual is None:
        return ""
    sentence = _("%(own)s here; this person’s median is %(usual)s.") % {
        "own": duration(own),
        "usual": duration(usual),
    }
    others = [
        row["seconds"]
        for row in case.report.get("people", ())
        if row["seconds"] and row["annotator"] != case.annotation.membership.pseudonym
    ]
    if not others:
        return sentence
    return sentence + " " + _("The others’ median is %(others)s.") % {"others": duration(median(others))}


def _side(case: Case) -> str:
    row = case.of_person
    outer = row.get("first_won", 0) + row.get("last_won", 0)
    if not outer:
        return ""
    return _("The first place on the page won %(first)d of %(outer)d times; about half is expected.") % {
        "first": row["first_won"],
        "outer": outer,
    }


def _gold(case: Case) -> str:
    score = GoldScore.objects.filter(
        project=case.acceptance.project_id, membership=case.annotation.membership_id
    ).first()
    if score is None or not score.answered:
        return _("The person is paused in this project.")
    return _(
        "Right in %(right)d of %(answered)d gold tasks, %(percent)d %%; the test asks for %(good)d %%."
    ) % {
        "right": score.right,
        "answered": score.answered,
        "percent": round(100 * score.right / score.answered),
        "good": round(100 * P_GOOD),
    }


def _flag(case: Case) -> str:
    flags = case.annotation.answer.get("flags", ())
    return ", ".join(_(FLAGS[flag]) for flag in flags if flag in FLAGS)


def _revised(case: Case) -> str:
    """What a reviewer had asked for, if anything."""
    asked = Acceptance.objects.filter(
        annotation__assignment=case.annotation.assignment_id,
        annotation__revision__lt=case.annotation.revision,
        decided_by__isnull=False,
    )
    words = asked.order_by("-annotation__revision").values_list("comment", flat=True).first()
    return _("A reviewer had written: %(words)s") % {"words": words} if words else ""


SENTENCES: Mapping[str, Callable[[Case], str]] = {
    "disagreement": _disagreement,
    "fast": _fast,
    "side": _side,
    "gold": _gold,
    "flag": _flag,
    "revised": _revised,
}

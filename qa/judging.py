"""Judging answers to gold: each counts once, by the first answer, and feeds the person's sequential test."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent
from annotation.models import Annotation, Project
from annotation.standings import pause
from qa.comparing import is_right
from qa.models import Acceptance, Gold, GoldResult, GoldScore
from qa.risks import risk_of
from qa.statistics import sprt


def judge_gold(*, project: Project, annotations: Iterable[Annotation]) -> set[int]:
    """Who failed with these answers. Inside the transaction of the inbox, which holds the project's lock."""
    answered = list(annotations)
    golds = Gold.objects.filter(task__in={annotation.task_id for annotation in answered})
    known = dict(golds.values_list("task_id", "accepted"))
    counted = set(GoldResult.objects.filter(task__in=known).values_list("task_id", "membership_id"))
    results: dict[int, list[GoldResult]] = defaultdict(list)
    for annotation in answered:
        place = (annotation.task_id, annotation.membership_id)
        # A retired gold task has no answers left; a correction comes after the answer that counted.
        if place in counted or not known.get(annotation.task_id):
            continue
        counted.add(place)
        results[annotation.membership_id].append(_result(project, annotation, known[annotation.task_id]))
    GoldResult.objects.bulk_create([result for row in results.values() for result in row])
    return {key for key in sorted(results) if _score(project, results[key])}


def _result(project: Project, annotation: Annotation, accepted: list[dict[str, object]]) -> GoldResult:
    return GoldResult(
        workspace_id=project.workspace_id,
        project=project,
        task_id=annotation.task_id,
        membership=annotation.membership,
        annotation=annotation,
        is_right=is_right(project.kind, annotation.answer, accepted),
        created_at=annotation.submitted_at,
    )


def _score(project: Project, results: list[GoldResult]) -> bool:
    """Whether the person fails with these answers."""
    membership = results[0].membership
    score, _made = GoldScore.objects.get_or_create(
        project=project, membership=membership, defaults={"workspace_id": project.workspace_id}
    )
    had_failed = score.verdict == GoldScore.Verdict.FAILED
    for result in results:
        score.answered += 1
        score.right += result.is_right
        _step(score, result)
    score.save()
    fails = score.verdict == GoldScore.Verdict.FAILED and not had_failed
    if fails:
        _stop(score)
    return fails


def _step(score: GoldScore, result: GoldResult) -> None:
    """A test that failed stays so until a reviewer looks."""
    if score.verdict == GoldScore.Verdict.FAILED:
        return
    after = sprt.step(score.log_ratio, is_right=result.is_right, tests_passed=score.tests_passed)
    score.log_ratio = after.log_ratio
    if after.verdict == "open":
        return
    score.verdict, score.decided_at = GoldScore.Verdict(after.verdict), timezone.now()
    score.tests_passed += after.verdict == "passed"


def _stop(score: GoldScore) -> None:
    """Pause the person and hold back what the policy had accepted of theirs."""
    project, membership = score.project, score.membership
    pause(
        membership=membership,
        project=project,
        reason=_("Several of your answers differ from what is known to be right."),
    )
    accepted = Acceptance.objects.filter(
        project=project,
        annotation__membership=membership,
        state=Acceptance.State.ACCEPTED,
        decided_by__isnull=True,
    )
    accepted.update(state=Acceptance.State.OPEN, reasons=["gold"], risk=F("risk") + risk_of(["gold"]))
    record(
        kind=AuditEvent.Kind.PERSON_PAUSED,
        workspace=project.workspace,
        object_kind="membership",
        object_uid=membership.uid,
        project=str(project.uid),
        answered=score.answered,
        right=score.right,
    )

"""A flag asks for a look: a few of the person's accepted answers go to the review queue."""

from collections.abc import Iterable

from django.db import transaction

from annotation.models import Project
from qa.locks import lock_project
from qa.models import Acceptance
from qa.risks import risk_of
from qa.statistics.anomalies import Finding

SAMPLE = 10


@transaction.atomic
def ask_to_look(*, project: Project, findings: Iterable[Finding]) -> int:
    """Open a sample of each flagged person's work: the fastest answers, or the newest.

    Nothing that a reviewer decided is opened, and nobody's work is sampled
    twice for one reason: a flag that comes back with each measurement would drown the queue.
    """
    found = list(findings)
    if found:
        lock_project(project.pk)
    return sum(_open(project, finding) for finding in found)


def _open(project: Project, finding: Finding) -> int:
    theirs = Acceptance.objects.filter(
        project=project, annotation__membership__pseudonym=finding.person, annotation__is_current=True
    )
    if theirs.filter(reasons__contains=[finding.test]).exists():
        return 0
    by_policy = theirs.filter(state=Acceptance.State.ACCEPTED, decided_by__isnull=True)
    order = "annotation__active_ms" if finding.test == "fast" else "-pk"
    sample = list(by_policy.select_for_update(of=("self",)).order_by(order)[:SAMPLE])
    for acceptance in sample:
        acceptance.state = Acceptance.State.OPEN
        acceptance.reasons = [*acceptance.reasons, finding.test]
        acceptance.risk = risk_of(acceptance.reasons)
    Acceptance.objects.bulk_update(sample, ["state", "reasons", "risk"])
    return len(sample)

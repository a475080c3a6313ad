"""Measuring a project: how far people agree, who met gold how, and whose work shows an anomaly.

Every figure comes with its interval or its stated error rate, and a figure that does not exist is said not to
exist. A report is kept as it was found, so that the course of a project can be read.
"""

from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.models import Annotation, Project
from jobs.launching import enqueue
from jobs.models import Job, Queue
from qa import inbox
from qa.agreeing import agreement, between_people, of_parts, without_each
from qa.comparing import COMPARABLE
from qa.models import Acceptance, GoldScore, QualityReport
from qa.readings import Person, empty_parts, empty_votes, note_parts, note_person, note_votes, read_answers
from qa.samples import ask_to_look
from qa.statistics.anomalies import Finding, flagged, side_bias, too_fast
from qa.statistics.proportions import wilson

JOB_KIND = "qa.measure"
# 1: `units` of rankings counted every pair twice, and there were neither `parts` nor `pairs`.
SCHEMA = 2
MOST_IN_A_REQUEST = 20_000


def measure_now(*, project: Project, by: Membership | None = None) -> QualityReport:
    """Measure the project as it stands; annotations that nobody checked are checked first."""
    inbox.take_all(project=project)
    people: dict[str, Person] = defaultdict(Person)
    scopes = {"all": empty_votes(project), "accepted": empty_votes(project)}
    parts = empty_parts(project)
    annotations = 0
    for reading in read_answers(project):
        annotations += 1
        note_person(people[reading.person], reading)
        if project.kind in COMPARABLE:
            note_votes(project, scopes["all"], reading)
            note_parts(project, parts, reading)
            if reading.is_accepted:
                note_votes(project, scopes["accepted"], reading)
    flags = _flags(people)
    # Before the reviews are counted: what a flag opens belongs to what waits.
    ask_to_look(project=project, findings=[finding for finding, _p in flags])
    report = {
        "schema": SCHEMA,
        "agreement": {name: agreement(project, votes) for name, votes in scopes.items()},
        "parts": of_parts(project, parts),
        "pairs": between_people(scopes["all"]),
        "gold": _gold(project),
        "people": _people(project, people, without_each(project, scopes["all"])),
        "flags": [_flag(finding, p) for finding, p in flags],
        "reviews": _reviews(project),
    }
    return QualityReport.objects.create(
        workspace_id=project.workspace_id,
        project=project,
        report=report,
        annotations=annotations,
        created_by=by,
    )


measure = measure_now


def measure_or_queue(*, project: Project, by: Membership) -> QualityReport | Job:
    """The report, or the job that makes it where there is much to read."""
    current = Annotation.objects.filter(project=project, is_current=True)
    if current[: MOST_IN_A_REQUEST + 1].count() <= MOST_IN_A_REQUEST:
        return measure_now(project=project, by=by)
    with transaction.atomic():
        return enqueue(
            workspace=project.workspace,
            kind=JOB_KIND,
            queue=Queue.LIGHT,
            title=_("Measure %(name)s") % {"name": project.name},
            payload={"project": str(project.uid), "by": str(by.uid)},
            created_by=by,
        )


def last_report(project: Project) -> QualityReport | None:
    return QualityReport.objects.filter(project=project).order_by("-pk").first()


def _flags(people: Mapping[str, Person]) -> list[tuple[Finding, float]]:
    """Both tests of everybody go through one correction."""
    sides = {name: (person.first_won, person.last_won) for name, person in people.items()}
    times = {name: person.times for name, person in people.items()}
    return flagged([*side_bias(sides), *too_fast(times)])


def _flag(finding: Finding, adjusted: float) -> dict[str, Any]:
    return {
        "annotator": finding.person,
        "test": finding.test,
        "p": finding.p,
        "p_holm": adjusted,
        "detail": {"answers": finding.answers, "effect": finding.effect},
    }


def _gold(project: Project) -> dict[str, dict[str, Any]]:
    scores = GoldScore.objects.filter(project=project).select_related("membership").order_by("pk")
    return {score.membership.pseudonym: gold_figures(score) for score in scores}


def gold_figures(score: GoldScore) -> dict[str, Any]:
    low, high = wilson(score.right, score.answered) or (None, None)
    return {
        "answered": score.answered,
        "right": score.right,
        "accuracy": score.right / score.answered if score.answered else None,
        "low": low,
        "high": high,
        "verdict": score.verdict,
    }


def _people(
    project: Project, people: Mapping[str, Person], without: Mapping[str, float | None]
) -> list[dict[str, Any]]:
    states = _states_by_person(project)
    return [
        {
            "annotator": name,
            "answers": person.answers,
            "seconds": median(time.active_ms for time in person.times) / 1000,
            "first_won": person.first_won,
            "last_won": person.last_won,
            "alpha_without": without.get(name),
            **states.get(name, {}),
        }
        for name, person in sorted(people.items())
    ]


def _states_by_person(project: Project) -> dict[str, dict[str, int]]:
    rows = _current(project).values_list("annotation__membership__pseudonym", "state")
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, state, count in rows.annotate(count=Count("pk")).order_by():
        found[name][state] = count
    return found


def _reviews(project: Project) -> dict[str, Any]:
    """How many current answers are in each state, and for which reasons the open ones are."""
    states = dict(_current(project).values_list("state").annotate(count=Count("pk")).order_by())
    reasons: dict[str, int] = defaultdict(int)
    for row in _current(project).filter(state=Acceptance.State.OPEN).values_list("reasons", flat=True):
        for reason in row:
            reasons[reason] += 1
    return {
        **{state.value: states.get(state.value, 0) for state in Acceptance.State},
        "reasons": dict(reasons),
    }


def _current(project: Project) -> Any:
    return Acceptance.objects.filter(project=project, annotation__is_current=True)

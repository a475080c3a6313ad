"""The figures of agreement in a report: over all, of each label or rated aspect, between pairs of people."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from annotation.models import Project
from qa.comparing import COMPARABLE
from qa.readings import Votes
from qa.statistics.agreement import (
    Agreement,
    Level,
    Matrix,
    Units,
    alpha_with_interval,
    alphas_without,
    mirrored,
)
from qa.statistics.label_sets import distances
from qa.statistics.pairing import pairs_of_people

# The same answers give the same interval, whoever measures.
SEED = 2011
METRICS = {"ranking": "alpha, ordinal, pairs", "classification": "alpha, nominal"}
METRIC_OF_SETS = "alpha, MASI"
METRICS_OF_PARTS = {"ranking": "alpha, ordinal, 1 to 5", "classification": "alpha, nominal, given or not"}
MOST_PEOPLE = 24


def agreement(project: Project, votes: Votes) -> dict[str, Any]:
    """`units` counts what people judged: pairs of candidates, or texts; a mirrored pair is one pair."""
    if project.kind not in COMPARABLE:
        return _figures(Agreement(None, None, None, 0, 0, 0, undefined="not_comparable"), "", 0, 0)
    units, level, metric = _units(project, votes)
    found = alpha_with_interval(units, level=level, seed=SEED)
    judged = found.units // 2 if project.kind == Project.Kind.RANKING else found.units
    return _figures(found, metric, votes.annotations, judged)


def _figures(found: Agreement, metric: str, annotations: int, units: int) -> dict[str, Any]:
    return {
        "metric": metric,
        "alpha": found.alpha,
        "low": found.low,
        "high": found.high,
        "units": units,
        "tasks": found.items,
        "annotations": annotations,
        "method": found.method,
        "undefined": found.undefined,
    }


def of_parts(project: Project, parts: Mapping[str, Votes]) -> list[dict[str, Any]]:
    """Alpha of each label (given or not) or of each rated aspect, which tells what is understood badly."""
    metric = METRICS_OF_PARTS.get(project.kind, "")
    level: Level = "ordinal" if project.kind == Project.Kind.RANKING else "nominal"
    found = []
    for name, votes in parts.items():
        one = alpha_with_interval(_counted(votes), level=level, seed=SEED)
        found.append({"name": name, **_figures(one, metric, votes.annotations, one.units)})
    return found


def between_people(votes: Votes) -> list[dict[str, Any]]:
    return [
        {"a": pair.first, "b": pair.second, "same": pair.same, "compared": pair.compared}
        for pair in pairs_of_people(votes.people, most=MOST_PEOPLE)
    ]


def without_each(project: Project, votes: Votes) -> dict[str, float | None]:
    """Alpha without each person."""
    if project.kind not in COMPARABLE or not votes.labels:
        return {}
    units, level, _metric = _units(project, votes)
    given: Mapping[str, Sequence[tuple[int, int]]] = votes.people
    if project.kind == Project.Kind.RANKING:
        size, last = len(votes.items), len(units.values) - 1
        given = {
            name: [*labels, *((unit + size, last - place) for unit, place in labels)]
            for name, labels in votes.people.items()
        }
    return alphas_without(units, given, level=level)


def _units(project: Project, votes: Votes) -> tuple[Units, Level | Matrix, str]:
    units = _counted(votes)
    if project.kind == Project.Kind.RANKING:
        return mirrored(units), "ordinal", METRICS["ranking"]
    if project.allow_several_labels:
        return units, distances(units.values), METRIC_OF_SETS
    return units, "nominal", METRICS["classification"]


def _counted(votes: Votes) -> Units:
    values = tuple(votes.places)
    size = len(votes.items)
    labels = np.array(votes.labels, dtype=np.int64).reshape(-1, 2)
    flat = np.bincount(labels[:, 0] * len(values) + labels[:, 1], minlength=size * len(values))
    return Units(flat.reshape(size, len(values)), np.array(votes.items, dtype=np.int64), values)

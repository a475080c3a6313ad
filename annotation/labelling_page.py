"""What the page of classification adds to the frame: the labels, the first nine of them by key."""

from collections.abc import Mapping
from typing import Any

from annotation.kinds.answers import Fields
from annotation.models import Annotation, Assignment, TaskBody
from annotation.situations import choice

KEYS = 9


def labelling_context(
    assignment: Assignment, body: TaskBody, fields: Fields, errors: Mapping[str, str]
) -> dict[str, Any]:
    chosen = fields.get("labels", ())
    labels = enumerate(assignment.project.labels, start=1)
    return {
        "labels": [
            {**choice(label, label, chosen), "key": str(place) if place <= KEYS else ""}
            for place, label in labels
        ],
        # What has no key is found by its letters.
        "find_labels": len(assignment.project.labels) > KEYS,
    }


def recorded_labels(assignment: Assignment, current: Annotation) -> list[str]:
    return [str(label) for label in current.answer["labels"]]

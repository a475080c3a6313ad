"""The rows that answers become, by kind of project; what becomes no row is counted."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from annotation.kinds import demonstration, ranking
from annotation.models import Project
from corpus.columns import Row
from qa.comparing import majority_labels, majority_votes
from qa.releasable import Policy, Released, Tally

MAJORITY = "majority"
Rows = Callable[[Iterable[Released], Tally], Iterator[Row]]
Group = list[Released]


def rows_for(project: Project, policy: Policy) -> Rows:
    by_task = policy == Policy.MAJORITY
    if project.kind == Project.Kind.DEMONSTRATION:
        return demonstration_rows
    if project.kind == Project.Kind.CLASSIFICATION:
        return majority_label_rows if by_task else label_rows
    return majority_preference_rows if by_task else preference_rows


def preference_rows(found: Iterable[Released], tally: Tally) -> Iterator[Row]:
    """A row for each pair that an answer implies. Ties and answers that call all bad imply none."""
    for released in found:
        answer = released.answer
        if answer["all_bad"]:
            tally.counts["all_bad"] += 1
            continue
        pairs = ranking.pairs(answer)
        tally.counts["ties"] += len(pairs.ties)
        tally.counts["pairs"] += len(pairs.preferences)
        tally.counts["no_preference"] += not pairs.preferences
        if pairs.preferences:
            tally.note_guideline(released.annotation)
        yield from _pairs_of(released, pairs)


def _pairs_of(released: Released, pairs: ranking.Pairs) -> Iterator[Row]:
    annotation, answer = released.annotation, released.answer
    body = annotation.task.body
    places = {uid: place for place, uid in enumerate(answer["shown_order"])}
    # The person said by how much the best is better: that is about one pair only when there is one.
    margin = answer.get("strength") if len(pairs.preferences) == 1 else None
    for chosen, rejected in pairs.preferences:
        yield {
            "id": f"{annotation.uid}:{places[chosen]}>{places[rejected]}",
            **_prompt_of(released),
            "chosen": [plain(body.candidates[chosen])],
            "rejected": [plain(body.candidates[rejected])],
            "margin": None if margin is None else float(margin),
            **_origin_of(released),
            "chosen_position": places[chosen],
            "rejected_position": places[rejected],
        }


def majority_preference_rows(found: Iterable[Released], tally: Tally) -> Iterator[Row]:
    """A row for each pair of a task on which more than half of the votes are on one side."""
    for group in _tasks(found):
        answers = [released.answer for released in group if not released.answer["all_bad"]]
        tally.counts["all_bad"] += len(group) - len(answers)
        voted = {pair for answer in answers for pair in _compared(answer)}
        sides = majority_votes(answers)
        tally.counts["ties"] += len(voted) - len(sides)
        tally.counts["pairs"] += len(sides)
        tally.counts["no_preference"] += not sides
        if sides:
            _note_guidelines(group, tally)
        body = group[0].annotation.task.body
        # Several people saw the candidates in several orders: their places here are those of the ids.
        places = {uid: place for place, uid in enumerate(sorted(body.candidates))}
        for (first, second), side in sorted(sides.items()):
            chosen, rejected = (first, second) if side > 0 else (second, first)
            yield {
                "id": f"{group[0].annotation.task.uid}:{places[chosen]}>{places[rejected]}",
                **_prompt_of(group[0]),
                "chosen": [plain(body.candidates[chosen])],
                "rejected": [plain(body.candidates[rejected])],
                "margin": None,
                **_origin_of_task(group),
                "chosen_position": None,
                "rejected_position": None,
            }


def _compared(answer: Mapping[str, Any]) -> set[frozenset[str]]:
    pairs = ranking.pairs(answer)
    return {frozenset(pair) for pair in (*pairs.preferences, *pairs.ties)}


def demonstration_rows(found: Iterable[Released], tally: Tally) -> Iterator[Row]:
    for released in found:
        annotation = released.annotation
        prompt, completion = demonstration.dialogue(annotation.task.body.prompt["messages"], released.answer)
        tally.note_guideline(annotation)
        yield {
            "id": str(annotation.uid),
            "prompt": prompt,
            "completion": completion,
            **_origin_of(released),
        }


def label_rows(found: Iterable[Released], tally: Tally) -> Iterator[Row]:
    for released in found:
        tally.note_guideline(released.annotation)
        yield {
            "id": str(released.annotation.uid),
            **_prompt_of(released),
            "labels": list(released.answer["labels"]),
            **_origin_of(released),
        }


def majority_label_rows(found: Iterable[Released], tally: Tally) -> Iterator[Row]:
    """A row a task, with the labels that more than half gave; a task without such a label is counted."""
    for group in _tasks(found):
        labels = majority_labels([released.answer for released in group])
        if not labels:
            tally.counts["no_majority"] += 1
            continue
        _note_guidelines(group, tally)
        yield {
            "id": str(group[0].annotation.task.uid),
            **_prompt_of(group[0]),
            "labels": labels,
            **_origin_of_task(group),
        }


def _tasks(found: Iterable[Released]) -> Iterator[Group]:
    for _task, group in groupby(found, key=lambda released: released.annotation.task_id):
        yield list(group)


def _note_guidelines(group: Group, tally: Tally) -> None:
    for released in group:
        tally.note_guideline(released.annotation)


def _prompt_of(released: Released) -> dict[str, Any]:
    return {"prompt": [plain(message) for message in released.annotation.task.body.prompt["messages"]]}


def _origin_of(released: Released) -> dict[str, Any]:
    annotation = released.annotation
    return {
        "lang": annotation.task.body.prompt.get("lang", ""),
        "task": str(annotation.task.uid),
        "annotation": str(annotation.uid),
        "annotator": released.annotator,
        "guideline": annotation.guideline.number if annotation.guideline else None,
        "is_simulated": annotation.is_simulated,
        "subject_key": annotation.subject_key,
    }


def _origin_of_task(group: Group) -> dict[str, Any]:
    """The newest guideline of the votes; simulated if any of them is."""
    guidelines = [row.annotation.guideline.number for row in group if row.annotation.guideline]
    return {
        **_origin_of(group[0]),
        "annotation": "",
        "annotator": MAJORITY,
        "guideline": max(guidelines) if guidelines else None,
        "is_simulated": any(row.annotation.is_simulated for row in group),
    }


def plain(message: Mapping[str, Any]) -> dict[str, str]:
    """A message as role and text; its text parts follow one another as paragraphs."""
    texts = [part["text"] for part in message["parts"] if part["type"] == "text"]
    return {"role": message["role"], "content": "\n\n".join(texts)}

"""What a release would hold under each policy, counted before anything is frozen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.models import Annotation, Project
from qa import inbox
from qa.releasable import Policy, Released, Tally, current_answers, policies_of, released_of
from qa.release import DATASET_KINDS, STATES
from qa.released_rows import rows_for

# A second of reading; what is more is counted when it is frozen.
MOST_COUNTED = 3000
ROWS = {
    "preferences": _("pairs"),
    "demonstrations": _("dialogues"),
    "labels": _("labelled texts"),
}
LEFT_OUT = {
    "open": _("wait for a review"),
    "sent_back": _("sent back to the annotator"),
    "rejected": _("rejected"),
    "held": _("of people who are paused"),
    "erased": _("of erased people"),
}
NO_ROW = {
    "ties": _("ties, which prefer nothing"),
    "all_bad": _("answers that found all bad"),
    "no_majority": _("tasks without a majority"),
}


@dataclass(frozen=True)
class Offer:
    """One policy: how many answers it releases, how many rows they make, and what becomes no row."""

    policy: Policy
    answers: int
    rows: int
    tasks: int
    no_row: Sequence[tuple[int, Promise]]


@dataclass(frozen=True)
class Forecast:
    """What each policy would release; `states` counts the answers to work."""

    offers: Sequence[Offer]
    states: dict[str, int]
    rows_are: Promise

    @property
    def all_answers(self) -> int:
        return sum(self.states.values())

    @property
    def left_out(self) -> list[tuple[int, Promise]]:
        """What the accepted answers are without."""
        return [(self.states[state], words) for state, words in LEFT_OUT.items() if self.states[state]]


def forecast(project: Project) -> Forecast | None:
    """By the same functions as the release itself; None where there is more to read than a page may."""
    there = Annotation.objects.filter(project=project, is_current=True)
    if there[: MOST_COUNTED + 1].count() > MOST_COUNTED:
        return None
    inbox.take_all(project=project)
    # By task, as the majority wants it; the others do not mind. Read once for all.
    answers = list(current_answers(project, Policy.MAJORITY))
    found = [_offer(project, policy, answers) for policy in policies_of(project)]
    states = {state: found[0][1].states[state] for state in STATES}
    return Forecast([offer for offer, _tally in found], states, ROWS[DATASET_KINDS[project.kind]])


def _offer(project: Project, policy: Policy, answers: Sequence[Annotation]) -> tuple[Offer, Tally]:
    tally, rows = Tally(), 0
    tasks: set[int] = set()
    read = released_of(answers, project, policy=policy, tally=tally)

    def noted() -> Iterator[Released]:
        for released in read:
            tasks.add(released.annotation.task_id)
            yield released

    for _row in rows_for(project, policy)(noted(), tally):
        rows += 1
    no_row = [(tally.counts[name], words) for name, words in NO_ROW.items() if tally.counts[name]]
    return Offer(policy, tally.counts["annotations"], rows, len(tasks), no_row), tally

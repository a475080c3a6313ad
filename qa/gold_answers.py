"""What a known answer looks like, by kind, and what is refused as one."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotation.kinds import ranking
from annotation.models import Project
from core.errors import Conflict, Invalid
from core.text import refusal
from qa.comparing import COMPARABLE

MOST_ANSWERS = 20
LONGEST_NOTE = 1000


class GoldInvalid(Invalid):
    """The known answers cannot be used; `fields` says why."""


class NoGoldOfThisKind(Conflict):
    code = "no_gold_of_this_kind"


def check_kind(project: Project) -> None:
    if project.kind not in COMPARABLE:
        raise NoGoldOfThisKind(
            _("Gold needs answers that can be compared: there is none for written texts, only review.")
        )


def checked_explanation(text: object) -> str:
    if not isinstance(text, str) or len(text) > LONGEST_NOTE or refusal(text):
        words = _("A text of at most %(longest)d characters.") % {"longest": LONGEST_NOTE}
        raise GoldInvalid(words, fields={"explanation": words})
    return text.strip()


def checked_answers(project: Project, accepted: object, *, candidates: Sequence[str]) -> list[dict[str, Any]]:
    """The known answers in the stored shape; raises GoldInvalid."""
    if isinstance(accepted, Mapping):
        accepted = [accepted]
    if not isinstance(accepted, Sequence) or isinstance(accepted, str) or not accepted:
        raise _wrong(_("Give at least one right answer."))
    if len(accepted) > MOST_ANSWERS:
        raise _wrong(_("At most %(most)d right answers.") % {"most": MOST_ANSWERS})
    read = _ranking_answer if project.kind == Project.Kind.RANKING else _labels_answer
    return [read(project, answer, candidates) for answer in accepted]


def _ranking_answer(project: Project, answer: object, candidates: Sequence[str]) -> dict[str, Any]:
    tiers = answer.get("ranking") if isinstance(answer, Mapping) else None
    if not isinstance(tiers, list) or not all(isinstance(tier, list) for tier in tiers):
        raise _wrong(_("A right answer is {“ranking”: [[best], [worse]]}."))
    found = [[_candidate(entry, candidates) for entry in tier] for tier in tiers]
    named = [uid for tier in found for uid in tier]
    if len(set(named)) != len(named):
        raise _wrong(_("A candidate stands in the right answer twice."))
    if not ranking.pairs({"ranking": found}).preferences:
        raise _wrong(_("The right answer must say that one candidate is better than another."))
    return {"ranking": [sorted(tier) for tier in found if tier]}


def _candidate(entry: object, candidates: Sequence[str]) -> str:
    """By its place in the file, from 0, or by its id."""
    if isinstance(entry, int) and not isinstance(entry, bool) and 0 <= entry < len(candidates):
        return candidates[entry]
    if isinstance(entry, str) and entry in candidates:
        return entry
    raise _wrong(_("The right answer names a candidate that the task does not have."))


def _labels_answer(project: Project, answer: object, candidates: Sequence[str]) -> dict[str, Any]:
    if not isinstance(answer, Mapping) or set(answer) != {"labels"}:
        raise _wrong(_("A right answer is {“labels”: [...]}."))
    labels = answer["labels"]
    if not isinstance(labels, list) or not labels or not all(label in project.labels for label in labels):
        raise _wrong(_("The right answer must name labels of the project."))
    if len(labels) > 1 and not project.allow_several_labels:
        raise _wrong(_("This project asks for exactly one label."))
    return {"labels": [label for label in project.labels if label in labels]}


def _wrong(sentence: str) -> GoldInvalid:
    return GoldInvalid(sentence, fields={"gold": sentence})

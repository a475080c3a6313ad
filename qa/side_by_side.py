"""The answers of all people to one task beside each other, and in words how far they agree."""

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.kinds.answers import FLAGS
from annotation.kinds.demonstration import instruction_of
from annotation.models import Annotation, Project
from core.markdown import render
from qa.comparing import pair_votes
from qa.models import Acceptance

Letters = Mapping[str, str]
BADGES = {
    Acceptance.State.OPEN: "waiting",
    Acceptance.State.ACCEPTED: "good",
    Acceptance.State.REJECTED: "bad",
    Acceptance.State.SENT_BACK: "warn",
}


@dataclass(frozen=True)
class Place:
    """Where a person put a candidate; `differs` from where most people put it."""

    letter: str
    number: int | None
    is_tied: bool = False
    differs: bool = False


@dataclass(frozen=True)
class Rating:
    letter: str
    marks: Sequence[int | None]


@dataclass(frozen=True)
class Voice:
    """One person's answer as the page shows it beside the others.

    `missing`: labels that at least half of the people gave and this one did not. `instruction`: only where
    it was mended.
    """

    annotation: Annotation
    is_reviewed: bool
    order: str = ""
    places: Sequence[Place] = ()
    labels: Sequence[tuple[str, bool]] = ()
    missing: Sequence[str] = ()
    instruction: str = ""
    html: SafeString | str = ""
    ratings: Sequence[Rating] = ()
    flags: Sequence[str] = ()
    rationale: str = ""
    rewrite: SafeString | str = ""
    state: str = ""
    badge: str = ""

    @property
    def seconds(self) -> float | None:
        """None where no time was measured: answers that came by API."""
        return self.annotation.active_ms / 1000 or None

    @property
    def differs(self) -> bool:
        is_elsewhere = any(place.differs for place in self.places)
        return is_elsewhere or bool(self.missing) or any(differs for _label, differs in self.labels)

    @property
    def says_more(self) -> bool:
        return bool(self.ratings or self.flags or self.rationale or self.rewrite)


def letters_of(annotation: Annotation) -> dict[str, str]:
    """The candidates as on the annotator's page."""
    shown_order = annotation.answer.get("shown_order", ())
    return dict(zip(map(str, shown_order), string.ascii_uppercase, strict=False))


def in_words(kind: str, answer: Mapping[str, Any], letters: Letters) -> str:
    """A > B = C, the labels, or the written text."""
    if kind == Project.Kind.CLASSIFICATION:
        return ", ".join(answer["labels"])
    if kind == Project.Kind.DEMONSTRATION:
        return str(answer["completion"])
    tiers = [" = ".join(sorted(letters.get(uid, "?") for uid in tier)) for tier in answer["ranking"]]
    words = " > ".join(tiers)
    return f"{words} ({_('all bad')})".strip() if answer.get("all_bad") else words


def voices(project: Project, annotations: Sequence[Annotation], letters: Letters) -> list[Voice]:
    """The first is the one under review; the letters are those of its page."""
    asked = instruction_of(annotations[0].task.body.prompt["messages"])
    usual = _usual_places([annotation.answer for annotation in annotations], letters)
    chosen = _usual_labels([annotation.answer for annotation in annotations])
    return [
        Voice(
            annotation=annotation,
            is_reviewed=number == 0,
            **_of_kind(project, annotation.answer, letters, usual, chosen, asked),
            **_said(annotation.answer),
            **_state(annotation),
        )
        for number, annotation in enumerate(annotations)
    ]


def _of_kind(
    project: Project,
    answer: Mapping[str, Any],
    letters: Letters,
    usual: Mapping[str, int | None],
    chosen: Mapping[str, bool],
    asked: str,
) -> dict[str, Any]:
    if project.kind == Project.Kind.CLASSIFICATION:
        given = answer["labels"]
        return {
            "labels": [(label, not chosen.get(label, True)) for label in given],
            "missing": [label for label in project.labels if chosen.get(label) and label not in given],
        }
    if project.kind == Project.Kind.DEMONSTRATION:
        mended = answer["prompt"] if answer["prompt"].strip() != asked.strip() else ""
        return {"html": render(answer["completion"]), "instruction": mended}
    return {
        "order": in_words(project.kind, answer, letters),
        "places": _places(answer, letters, usual),
        "ratings": _ratings(project, answer, letters),
    }


def _said(answer: Mapping[str, Any]) -> dict[str, Any]:
    rewrite = (answer.get("rewrite") or {}).get("text", "")
    return {
        "flags": [_(FLAGS[flag]) for flag in answer.get("flags", ()) if flag in FLAGS],
        "rationale": answer.get("rationale", ""),
        "rewrite": render(rewrite) if rewrite else "",
    }


def _state(annotation: Annotation) -> dict[str, Any]:
    acceptance = getattr(annotation, "acceptance", None)
    if acceptance is None:
        return {"state": "", "badge": ""}
    return {
        "state": acceptance.get_state_display(),
        "badge": BADGES[Acceptance.State(acceptance.state)],
    }


def _numbers(answer: Mapping[str, Any]) -> dict[str, int]:
    """One more than are better: a tie above a candidate does not move it up."""
    numbers: dict[str, int] = {}
    for tier in answer.get("ranking", ()):
        numbers |= dict.fromkeys(tier, len(numbers) + 1)
    return numbers


def _usual_places(answers: Sequence[Mapping[str, Any]], letters: Letters) -> dict[str, int | None]:
    """The place that more than half of the people gave each candidate, where there is one."""
    given = [_numbers(answer) for answer in answers]
    usual: dict[str, int | None] = {}
    for uid in letters:
        places = Counter(numbers.get(uid, 0) for numbers in given)
        place, count = places.most_common(1)[0]
        usual[uid] = place if 2 * count > len(given) else None
    return usual


def _usual_labels(answers: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """Each label that somebody gave: whether at least half of the people gave it."""
    given = Counter(label for answer in answers for label in answer.get("labels", ()))
    return {label: 2 * count >= len(answers) for label, count in given.items()}


def _places(answer: Mapping[str, Any], letters: Letters, usual: Mapping[str, int | None]) -> list[Place]:
    numbers = _numbers(answer)
    shared = Counter(numbers.values())
    return [
        Place(
            letter=letter,
            number=numbers.get(uid),
            is_tied=uid in numbers and shared[numbers[uid]] > 1,
            differs=usual[uid] is not None and numbers.get(uid, 0) != usual[uid],
        )
        for uid, letter in letters.items()
    ]


def _ratings(project: Project, answer: Mapping[str, Any], letters: Letters) -> list[Rating]:
    given = answer.get("aspects") or {}
    if not given:
        return []
    return [
        Rating(letter, [given.get(uid, {}).get(aspect) for aspect in project.aspects])
        for uid, letter in letters.items()
    ]


# --- In words ---------------------------------------------------------------------------------------------
@dataclass
class _Sentences:
    found: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        self.found.append(sentence)


def agreement_in_words(kind: str, answers: Sequence[Mapping[str, Any]], letters: Letters) -> list[str]:
    """What most people said, and on how much they are divided; nothing where one person answered alone."""
    if len(answers) < 2:
        return []
    if kind == Project.Kind.RANKING:
        return _of_rankings(answers, letters)
    if kind == Project.Kind.CLASSIFICATION:
        return _of_labels(answers)
    return []


def _of_rankings(answers: Sequence[Mapping[str, Any]], letters: Letters) -> list[str]:
    sentences = _Sentences()
    first = Counter(_tier(answer, 0, letters) for answer in answers if answer["ranking"])
    sentences.note(_most(first, len(answers), _("%(count)s put %(what)s first.")))
    if len(letters) > 2:
        last = Counter(_tier(answer, -1, letters) for answer in answers if len(answer["ranking"]) > 1)
        sentences.note(_most(last, len(answers), _("%(count)s put %(what)s last.")))
    sentences.note(_divided(answers, letters))
    bad = sum(bool(answer.get("all_bad")) for answer in answers)
    if bad:
        sentences.note(_("%(count)s found all of them bad.") % {"count": _share(bad, len(answers))})
    return [sentence for sentence in sentences.found if sentence]


def _tier(answer: Mapping[str, Any], at: int, letters: Letters) -> str:
    return " = ".join(sorted(letters.get(uid, "?") for uid in answer["ranking"][at]))


def _most(counted: Counter[str], people: int, sentence: str) -> str:
    if not counted:
        return ""
    [(what, count)] = counted.most_common(1)
    if count == 1 and people > 1 and len(counted) > 1:
        return ""
    return sentence % {"count": _share(count, people), "what": what}


def _share(count: int, people: int) -> str:
    if count == people:
        return _("Both") if people == 2 else _("All %(people)d") % {"people": people}
    return _("%(count)d of %(people)d") % {"count": count, "people": people}


def _divided(answers: Sequence[Mapping[str, Any]], letters: Letters) -> str:
    votes = [pair_votes(answer) for answer in answers]
    compared, contested = 0, []
    for one, other in combinations(sorted(letters), 2):
        given = [vote[one, other] for vote in votes if (one, other) in vote]
        compared += len(given) > 1
        if len(set(given)) > 1:
            contested.append("–".join(sorted((letters[one], letters[other]))))
    if not compared:
        return ""
    if not contested:
        return _("They agree on every pair.")
    sentence = ngettext(
        "They differ on %(count)d of %(pairs)d pairs: %(names)s.",
        "They differ on %(count)d of %(pairs)d pairs: %(names)s.",
        len(contested),
    )
    return sentence % {"count": len(contested), "pairs": compared, "names": ", ".join(sorted(contested))}


def _of_labels(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    given = Counter(label for answer in answers for label in answer["labels"])
    return [
        _("%(count)s chose “%(label)s”.") % {"count": _share(count, len(answers)), "label": label}
        for label, count in given.most_common()
    ]


def contested_pair(answers: Sequence[Mapping[str, Any]], letters: Letters) -> tuple[str, str] | None:
    """Two candidates worth comparing: a pair on which people differ, else the first two."""
    names = sorted(letters.values())
    if len(names) < 2:
        return None
    votes = [pair_votes(answer) for answer in answers]
    for one, other in combinations(sorted(letters, key=lambda uid: letters[uid]), 2):
        pair = (one, other) if one < other else (other, one)
        if len({vote[pair] for vote in votes if pair in vote}) > 1:
            return letters[one], letters[other]
    return names[0], names[1]

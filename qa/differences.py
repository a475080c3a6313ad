"""Word by word: between two people's texts, an answer and its mended form, two revisions, two candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Annotation, Project, TaskBody
from annotation.texts import text_of
from core.word_diff import Piece, word_diff
from qa.models import Acceptance
from qa.side_by_side import Letters, contested_pair

MOST_COMPARED = 5


@dataclass(frozen=True)
class Difference:
    """From `old` to `new`, both named; `share` of the words of both that are the same, in percent."""

    title: str
    old: str
    new: str
    pieces: Sequence[Piece]
    share: int

    @property
    def is_none(self) -> bool:
        return all(piece.kind == "same" for piece in self.pieces)

    @property
    def is_coarse(self) -> bool:
        return any(piece.coarse for piece in self.pieces)


def difference(title: str, before: str, after: str, *, old: str, new: str) -> Difference:
    pieces = word_diff(before, after)
    same = sum(len(piece.text.split()) for piece in pieces if piece.kind == "same")
    words = len(before.split()) + len(after.split())
    return Difference(title, old, new, pieces, round(200 * same / words) if words else 100)


def differences_of(
    acceptance: Acceptance, others: Sequence[Annotation], project: Project
) -> list[Difference]:
    """What a reviewer changed, what the person changed since the last revision, and the texts of others."""
    annotation = acceptance.annotation
    found = []
    if acceptance.fixed_answer:
        found += _between(
            _("What the reviewer changed"), annotation.answer, acceptance.fixed_answer,
            project, old=_("the answer"), new=_("as mended"),
        )  # fmt: skip
    earlier = _earlier(annotation)
    if earlier is not None:
        found += _between(
            _("What changed since revision %(number)d") % {"number": earlier.revision},
            earlier.answer, annotation.answer, project,
            old=_("revision %(number)d") % {"number": earlier.revision}, new=_("this revision"),
        )  # fmt: skip
    if project.kind != Project.Kind.DEMONSTRATION:
        return found
    own = annotation.membership.pseudonym
    for other in others[:MOST_COMPARED]:
        name = other.membership.pseudonym
        title = _("This answer and that of %(name)s") % {"name": name}
        found.append(
            difference(title, annotation.answer["completion"], other.answer["completion"], old=own, new=name)
        )
    return found


def _between(
    title: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    project: Project,
    *,
    old: str,
    new: str,
) -> list[Difference]:
    """Of each text of an answer that is not the same; orders and labels stand beside each other already."""
    texts = {"rationale": _("reason")}
    if project.kind == Project.Kind.DEMONSTRATION:
        texts = {"prompt": _("instruction"), "completion": _("answer"), **texts}
    return [
        difference(f"{title}: {word}", before.get(name, ""), after.get(name, ""), old=old, new=new)
        for name, word in texts.items()
        if before.get(name, "") != after.get(name, "")
    ]


def _earlier(annotation: Annotation) -> Annotation | None:
    if annotation.revision == 1:
        return None
    before = Annotation.objects.filter(assignment=annotation.assignment_id, revision__lt=annotation.revision)
    return before.order_by("-revision").first()


@dataclass(frozen=True)
class CandidateDifference:
    letters: Sequence[str]
    left: str
    right: str
    difference: Difference


def candidate_difference(
    body: TaskBody,
    letters: Letters,
    answers: Sequence[Mapping[str, Any]],
    *,
    left: str = "",
    right: str = "",
) -> CandidateDifference | None:
    """Between two candidates by letter, by default a pair on which people differ; None under two."""
    by_letter = {letter: uid for uid, letter in letters.items() if uid in body.candidates}
    usual = contested_pair(answers, {uid: letter for letter, uid in by_letter.items()})
    if usual is None:
        return None
    if left not in by_letter or right not in by_letter or left == right:
        left, right = usual
    before, after = (text_of(body.candidates[by_letter[letter]]) for letter in (left, right))
    return CandidateDifference(
        sorted(by_letter), left, right, difference("", before, after, old=left, new=right)
    )

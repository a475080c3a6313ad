"""What two answers to the same prompt have in common, for the person who ranks them."""

import string
import uuid
from dataclasses import dataclass
from itertools import groupby

from django.utils.translation import gettext as _

from annotation.models import Assignment, TaskBody
from annotation.texts import text_of
from core.errors import NotFound
from core.word_diff import Piece, word_diff


@dataclass(frozen=True)
class Comparison:
    """Of one answer against the other: what is gone stands in the other only, what is new in the one only."""

    letter: str
    other_letter: str
    lang: str
    pieces: list[Piece]

    @property
    def places(self) -> int:
        """How many stretches differ."""
        return sum(not same for same, _pieces in groupby(self.pieces, key=lambda piece: piece.kind == "same"))

    @property
    def is_coarse(self) -> bool:
        return any(piece.coarse for piece in self.pieces)


def compare(*, assignment: Assignment, one: uuid.UUID, other: uuid.UUID) -> Comparison:
    """By the texts as written and the letters of this person's page: it says no more than the page does.

    Raises NotFound for an answer that the person was not shown.
    """
    letters = dict(zip(map(str, assignment.shown_order), string.ascii_uppercase, strict=False))
    if str(one) not in letters or str(other) not in letters:
        raise NotFound(_("This task has no such answer."))
    body = TaskBody.objects.get(pk=assignment.task_id)
    message, against = body.candidates[str(one)], body.candidates[str(other)]
    return Comparison(
        letter=letters[str(one)],
        other_letter=letters[str(other)],
        lang=message.get("lang") or body.prompt["lang"],
        pieces=word_diff(text_of(against), text_of(message)),
    )

"""What the component of a word diff asks about its pieces."""

from collections.abc import Sequence

from django import template

from core.word_diff import Piece, direction_of

register = template.Library()


@register.filter
def direction(pieces: Sequence[Piece]) -> str:
    return direction_of(pieces)

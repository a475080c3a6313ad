"""What text may be stored: PostgreSQL and JSON refuse NUL, UTF-8 refuses lone surrogates."""

import unicodedata

from django.utils.translation import gettext as _

from core.errors import Invalid

MAXIMUM_BODY_BYTES = 256 * 1024
# Control characters, half characters, and the separators that start a new line or paragraph.
NOT_IN_A_LINE = {"Cc", "Cs", "Zl", "Zp"}
# Embeddings, overrides and isolates of direction: they would turn around what stands beside a name.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def refusal(text: str, *, maximum_bytes: int = MAXIMUM_BODY_BYTES) -> str | None:
    """Why this text cannot be stored, or None when it can."""
    if "\x00" in text:
        return _("contains the character NUL (U+0000), which cannot be stored")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        return _("contains a lone surrogate at character %(start)d, which is not valid text") % {
            "start": error.start
        }
    if size > maximum_bytes:
        return _("is %(size)s bytes long; at most %(maximum)s are allowed") % {
            "size": f"{size:,}",
            "maximum": f"{maximum_bytes:,}",
        }
    return None


def is_one_line(text: str) -> bool:
    """Whether a name or a note can stand in a line with other words.

    Python's `isprintable` is too strict for people: it refuses the joiners that Persian, Hindi and many emoji
    are written with, and the wide space of Japanese.
    """
    return not any(
        character in TURNING or unicodedata.category(character) in NOT_IN_A_LINE for character in text
    )


def check_storable(text: str, *, field: str, maximum_bytes: int = MAXIMUM_BODY_BYTES) -> str:
    """Return the text unchanged, or raise Invalid that names the field."""
    reason = refusal(text, maximum_bytes=maximum_bytes)
    if reason:
        raise Invalid(f"{field} {reason}.", fields={field: reason})
    return text

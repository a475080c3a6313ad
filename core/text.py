"""What text may be stored: PostgreSQL and JSON refuse NUL, UTF-8 refuses lone surrogates."""

from django.utils.translation import gettext as _

from core.errors import Invalid

MAXIMUM_BODY_BYTES = 256 * 1024


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


def check_storable(text: str, *, field: str, maximum_bytes: int = MAXIMUM_BODY_BYTES) -> str:
    """Return the text unchanged, or raise Invalid that names the field."""
    reason = refusal(text, maximum_bytes=maximum_bytes)
    if reason:
        raise Invalid(f"{field} {reason}.", fields={field: reason})
    return text

"""What text may be stored: PostgreSQL and JSON refuse NUL, UTF-8 refuses lone surrogates."""

from core.errors import Invalid

MAXIMUM_BODY_BYTES = 256 * 1024


def refusal(text: str, *, maximum_bytes: int = MAXIMUM_BODY_BYTES) -> str | None:
    """Why this text cannot be stored, or None when it can."""
    if "\x00" in text:
        return "contains the character NUL (U+0000), which cannot be stored"
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        return f"contains a lone surrogate at character {error.start}, which is not valid text"
    if size > maximum_bytes:
        return f"is {size:,} bytes long; at most {maximum_bytes:,} are allowed"
    return None


def check_storable(text: str, *, field: str, maximum_bytes: int = MAXIMUM_BODY_BYTES) -> str:
    """Return the text unchanged, or raise Invalid that names the field."""
    reason = refusal(text, maximum_bytes=maximum_bytes)
    if reason:
        raise Invalid(f"{field} {reason}.", fields={field: reason})
    return text

"""Text of engines and exceptions is hostile: what the database cannot hold is replaced, never refused."""

LONGEST = 4000


def storable(text: str, *, longest: int = LONGEST) -> str:
    """The text without NUL and lone surrogates, cut to a length a page can show."""
    cleaned = str(text).replace("\x00", "\N{REPLACEMENT CHARACTER}")
    cleaned = cleaned.encode("utf-8", "replace").decode()
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1] + "…"

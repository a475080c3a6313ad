"""Mending damaged text, and the hash under which two texts count as the same. Pure."""

import hashlib
import unicodedata
from collections.abc import Callable

import ftfy

from corpus.cleaning.steps import Changed, Item, Verdict

# Typographic quotes and full-width letters are right where they stand, so they stay; mojibake, HTML entities,
# ligatures, control characters and line ends are mended.
CONFIG = ftfy.TextFixerConfig(uncurl_quotes=False, fix_character_width=False, explain=False)
MOST_PASSES = 3


def mended(text: str) -> str:
    """The text without encoding damage, in NFC; mending it again changes nothing."""
    for _pass in range(MOST_PASSES):
        better = ftfy.fix_text(text, CONFIG)
        if better == text:
            break
        text = better
    # What ftfy takes out may leave white space at the ends, or nothing: an empty text is for the filter.
    return text.replace("\x00", "")


def normal_form(text: str) -> str:
    """Compatibility forms, case and white space do not count."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def normalised_sha256(text: str) -> str:
    return hashlib.sha256(normal_form(text).encode("utf-8")).hexdigest()


class Normalise:
    """`again` sees each mended text with its language: mending `&#64;` may bring personal data to light."""

    name = "normalise"

    def __init__(self, *, again: Callable[[str, str], str] = lambda text, lang: text) -> None:
        self.again = again

    def judge(self, item: Item) -> Verdict:
        if item.is_mended:
            return None
        text = self.mend(item.text, item.lang)
        return None if text == item.text else Changed(text)

    def mend(self, text: str, lang: str) -> str:
        better = mended(text)
        return text if better == text else self.again(better, lang)

    def learn(self, item: Item) -> None:
        return None

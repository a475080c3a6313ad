"""Train or held-out: decided by a keyed hash of the prompt, so a prompt is never on both sides.

The side depends on the prompt alone. A prompt that was held out in one version is therefore held out in every
later version with the same share, and a model trained on the first was never shown what the second tests.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

Split = Literal["train", "heldout"]
SPLITS: tuple[Split, Split] = ("train", "heldout")
METHOD = "prompt-hash-1"
KEY = b"annotera split 1"
LARGEST_SHARE = 0.9


def normalised(text: str) -> str:
    """What makes two prompts the same prompt: composition, case and white space do not count."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def prompt_text(messages: Sequence[Mapping[str, str]]) -> str:
    """The messages as one text; the separators cannot occur in normalised content."""
    return "\x1e".join(f"{message['role']}\x1f{normalised(message['content'])}" for message in messages)


def fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone, spread evenly over texts."""
    digest = hashlib.blake2b(text.encode("utf-8"), key=KEY, digest_size=8).digest()
    # 53 bits are what a float holds exactly; more would round some texts up to 1.
    return (int.from_bytes(digest) >> 11) / 2**53


def split_at(position: float, *, heldout_share: float) -> Split:
    return "heldout" if position < heldout_share else "train"

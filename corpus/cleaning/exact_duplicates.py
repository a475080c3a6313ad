"""Documents whose normal form is the same as that of one that stays. Pure."""

from corpus.cleaning.normalising import normalised_sha256
from corpus.cleaning.steps import Item, Removed, Verdict


class ExactDuplicates:
    name = "exact_duplicates"

    def __init__(self) -> None:
        # Sixteen bytes of a hash and a key for each document: memory stays small beside the texts.
        self._first: dict[bytes, int] = {}
        self._last: tuple[Item, bytes] | None = None

    def judge(self, item: Item) -> Verdict:
        first = self._first.get(self._digest(item))
        if first is None:
            return None
        return Removed("same_text", of=first, score=1.0)

    def learn(self, item: Item) -> None:
        self._first.setdefault(self._digest(item), item.key)

    def _digest(self, item: Item) -> bytes:
        if self._last is None or self._last[0] is not item:
            self._last = (item, bytes.fromhex(normalised_sha256(item.text))[:16])
        return self._last[1]

"""Documents that share most of their word five-grams with one that stays. Pure.

MinHash with banding finds candidates. No document is removed on an estimate: the true Jaccard similarity of
the two sets of five-grams, |A and B| / |A or B|, is computed before, and it must reach the threshold.
"""

import re
from collections import OrderedDict
from collections.abc import Callable

import rensa

from corpus.cleaning.normalising import normal_form
from corpus.cleaning.steps import Item, Removed, Verdict

WORDS_IN_A_SHINGLE = 5
# 20 bands of 6: a pair at J = .8 becomes a candidate with probability .998, at .9 surely, at .5 with .27.
PERMUTATIONS = 120
BANDS = 20
SEED = 17
# The estimate has a standard error of at most 1 / (2 sqrt(120)) = .046: five of them below lies no hit.
ESTIMATE_MARGIN = 0.23
LEAST_THRESHOLD = 0.5
# About 150 bytes each: so much of what was compared last is kept at hand.
SHINGLES_KEPT = 1_000_000
# Scripts without spaces between words: there each character counts as a word.
WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+")

Shingles = frozenset[str]


def shingles(text: str) -> Shingles:
    """The word five-grams of a text; of a shorter one, the whole as one."""
    words = WORD.findall(normal_form(text))
    last = max(1, len(words) - WORDS_IN_A_SHINGLE + 1)
    return frozenset(" ".join(words[at : at + WORDS_IN_A_SHINGLE]) for at in range(last))


def jaccard(one: Shingles, other: Shingles) -> float:
    union = len(one | other)
    return len(one & other) / union if union else 1.0


class Recent:
    """The shingles that were asked for last, bounded by their number: texts differ much in length."""

    def __init__(self, read: Callable[[int], Shingles]) -> None:
        self._read = read
        self._kept: OrderedDict[int, Shingles] = OrderedDict()
        self._count = 0

    def shingles_of(self, key: int) -> Shingles:
        found = self._kept.pop(key, None)
        if found is None:
            found = self._read(key)
            self._count += len(found)
        self._kept[key] = found
        while self._count > SHINGLES_KEPT and len(self._kept) > 1:
            _oldest, dropped = self._kept.popitem(last=False)
            self._count -= len(dropped)
        return found


class NearDuplicates:
    """`text_of` gives the text, as it stays, of a document that was learned before."""

    name = "near_duplicates"

    def __init__(self, *, threshold: float, text_of: Callable[[int], str]) -> None:
        self.threshold = threshold
        self._index = rensa.RMinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, num_bands=BANDS)
        self._sketches: dict[int, rensa.RMinHash] = {}
        self._recent = Recent(lambda key: shingles(text_of(key)))
        self._last: tuple[Item, Shingles, rensa.RMinHash] | None = None

    def judge(self, item: Item) -> Verdict:
        own, sketch = self._sketched(item)
        best, best_of = 0.0, None
        for key in sorted(self._index.query(sketch)):
            if sketch.jaccard(self._sketches[key]) < self.threshold - ESTIMATE_MARGIN:
                continue
            score = jaccard(own, self._recent.shingles_of(key))
            if score > best:
                best, best_of = score, key
        if best_of is None or best < self.threshold:
            return None
        return Removed("similar_text", of=best_of, score=round(best, 4))

    def learn(self, item: Item) -> None:
        sketch = self._sketched(item)[1]
        self._sketches[item.key] = sketch
        self._index.insert(item.key, sketch)

    def _sketched(self, item: Item) -> tuple[Shingles, "rensa.RMinHash"]:
        if self._last is None or self._last[0] is not item:
            own = shingles(item.text)
            sketch = rensa.RMinHash(num_perm=PERMUTATIONS, seed=SEED)
            sketch.update(list(own))
            self._last = (item, own, sketch)
        return self._last[1], self._last[2]

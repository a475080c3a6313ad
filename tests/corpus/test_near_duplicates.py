"""Near duplicates: every pair that is alike is found, and no pair that is not is removed."""

import random
from collections.abc import Sequence

import pytest

from corpus.cleaning.exact_duplicates import ExactDuplicates
from corpus.cleaning.near_duplicates import NearDuplicates, jaccard, shingles
from corpus.cleaning.normalising import Normalise, mended
from corpus.cleaning.quality import Quality, Thresholds, figures_of
from corpus.cleaning.steps import Item, Outcome, run

CHOOSER = random.Random(11)
VOCABULARY = ["".join(CHOOSER.choices("abcdefghijklmnop", k=5)) for _word in range(2000)]


def article(words: int = 150) -> list[str]:
    return CHOOSER.choices(VOCABULARY, k=words)


def altered(words: Sequence[str], places: int) -> str:
    """With so many words replaced, far enough from one another that each costs five shingles."""
    changed = list(words)
    for at in range(places):
        changed[5 + 9 * at] = f"new{at}"
    return " ".join(changed)


def outcomes(texts: Sequence[str], *, threshold: float = 0.8) -> list[Outcome]:
    step = NearDuplicates(threshold=threshold, text_of=lambda key: texts[key])
    return list(run((Item(key, text) for key, text in enumerate(texts)), [step]))


def test_all_alike_pairs_are_found_and_no_other_is_removed() -> None:
    """Injected copies from J = 1 down to .3 among articles that share nothing."""
    originals = [article() for _number in range(150)]
    copies = [altered(words, places) for places in range(13) for words in originals]
    texts = [" ".join(words) for words in originals] + copies
    similarity = {
        len(originals) + at: jaccard(shingles(copy), shingles(" ".join(originals[at % len(originals)])))
        for at, copy in enumerate(copies)
    }
    removed = {one.item.key: one.removal for one in outcomes(texts) if one.removal}
    alike = {key for key, score in similarity.items() if score >= 0.9}
    near = {key for key, score in similarity.items() if score >= 0.8}
    assert len(alike) >= 300 and len(near - alike) >= 150 and len(similarity) - len(near) >= 1000
    assert alike <= removed.keys()
    # 20 bands of 6 find a pair at exactly .8 with probability .998.
    assert len(near & removed.keys()) >= 0.99 * len(near)
    for key, removal in removed.items():
        true = jaccard(shingles(texts[key]), shingles(texts[removal.of]))
        assert true >= 0.8, "removed below the threshold"
        assert removal.score == pytest.approx(true, abs=1e-4)
        assert removal.of < key


def test_of_two_that_are_alike_the_best_match_is_named() -> None:
    words = article()
    texts = [altered(words, 1), altered(words, 2).replace("new1", "other"), altered(words, 1) + " end"]
    [last] = [one for one in outcomes(texts[:1] + texts[2:]) if one.removal]
    assert last.removal.of == 0


def test_the_threshold_decides() -> None:
    words = article()
    pair = [" ".join(words), altered(words, 6)]
    true = jaccard(shingles(pair[0]), shingles(pair[1]))
    assert 0.6 < true < 0.7
    assert outcomes(pair, threshold=0.6)[1].removal is not None
    assert outcomes(pair, threshold=0.7)[1].removal is None


def test_short_texts_are_alike_only_as_a_whole() -> None:
    found = outcomes(["Yes.", "yes", "No.", "Yes, I do.", ""])
    assert [one.item.key for one in found if one.removal] == [1]


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    text = (
        "昔々ある所に御爺さんと御婆さんが住んでいました。御爺さんは山へ柴刈りに、御婆さんは川へ洗濯に行きました。"
        * 2
    )
    found = outcomes([text, text[:-2] + "ます", "全く別の文章であり、共通する部分は殆ど有りません。"])
    assert [one.item.key for one in found if one.removal] == [1]


def test_composition_does_not_hide_a_copy() -> None:
    """Two ways to write é are one letter."""
    words = " ".join(f"caf\u00e9{number}" for number in range(40))
    step = ExactDuplicates()
    found = list(run([Item(0, words), Item(1, words.replace("\u00e9", "e\u0301"))], [step]))
    assert found[1].removal.reason == "same_text"
    assert outcomes([words, words.replace("\u00e9", "e\u0301")])[1].removal.score == 1.0


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("schÃ¶n", "schön"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("oﬃce", "office"),
        ("one\r\ntwo", "one\ntwo"),
        ("e\u0301", "\u00e9"),
        ("bell\x07", "bell"),
    ],
)
def test_damage_is_mended_once_and_for_all(broken: str, whole: str) -> None:
    assert mended(broken) == whole == mended(whole)


@pytest.mark.parametrize(
    "text", ["“Quoted” it’s", "ｆｕｌｌ width！", "plain", "مرحبا", "你好，世界。", "a\tb"]
)
def test_what_is_right_stays_as_it_is(text: str) -> None:
    assert mended(text) == text
    assert Normalise().judge(Item(1, text)) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "too_few_words"),
        ("?!? ... --- $$$ 5", "too_few_letters"),
        ("\n".join(["Buy now, dear friend"] * 9 + ["and again"]), "repeated_lines"),
        ("cheap watches for you today " * 20, "repeated_phrases"),
        ("word " * 30, "too_many_words"),
    ],
)
def test_the_filter_names_its_reason(text: str, reason: str) -> None:
    most = 25 if reason == "too_many_words" else 1_000_000
    verdict = Quality(Thresholds(most_words=most)).judge(Item(1, text))
    assert verdict is not None and verdict.reason == reason


def test_ordinary_texts_pass_the_filter() -> None:
    for text in ("How do I open a box?", "一二三四五", "x = [1, 2, 3]", " ".join(article(400)), "Yes."):
        assert Quality(Thresholds()).judge(Item(1, text)) is None, text
    assert figures_of("a b\nc d").repeated_lines == 0

"""The words that two texts share: exact whatever the texts, readable for people, and quick on long ones."""

import random
import time
import tracemalloc

import pytest

from core.word_diff import Piece, direction_of, word_diff

WORDS = [
    *("the", "honey", "keeps", "in", "a", "cool", ",", ".", "!", "—", "don't", "3.5", "print(x)", "**bold**"),
    *(
        "العسل",
        "كَتَبَ",
        "الوقت،",
        "يمكنني؟",
        "我爱北京",
        "👩🏽‍🚀",
        "🇩🇪",
        "é",
        "ñandú",
        "\u200b",
        "zero\u200dwidth",
    ),
]
SPACES = (" ", " ", " ", "  ", "\n", "\n\n", "\t", "\u00a0", "")


def a_text(chance: random.Random, words: int) -> str:
    return "".join(chance.choice(WORDS) + chance.choice(SPACES) for _ in range(words))


def told(old: str, new: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in word_diff(old, new)]


def assert_complete(pieces: list[Piece], old: str, new: str) -> None:
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == new
    assert all(piece.text for piece in pieces)


@pytest.mark.parametrize("seed", range(60))
def test_the_pieces_give_both_texts_back_exactly(seed: int) -> None:
    chance = random.Random(seed)
    old, new = (a_text(chance, chance.randrange(30)) for _ in range(2))
    mended = old.replace("the", "its", 1).replace("\n", " ", 1) + chance.choice(WORDS)
    for other in (new, mended, old[::-1]):
        assert_complete(word_diff(old, other), old, other)


def test_nothing_and_the_same() -> None:
    assert told("", "") == []
    assert told("", "new") == [("new", "new")]
    assert told(" gone\n", "") == [("gone", " gone\n")]
    assert told("The  same.\n", "The  same.\n") == [("same", "The  same.\n")]


def test_a_changed_word_stands_between_what_stayed() -> None:
    assert told("Keep it in a cool place.", "Keep it in a warm place.") == [
        ("same", "Keep it in a "), ("gone", "cool "), ("new", "warm "), ("same", "place."),
    ]  # fmt: skip
    assert told("cat", "cat dog") == [("same", "cat"), ("new", " dog")]
    assert told("for 3.5 years", "for 4.5 years") == [
        ("same", "for "), ("gone", "3.5 "), ("new", "4.5 "), ("same", "years"),
    ]  # fmt: skip


def test_words_of_other_scripts_are_words() -> None:
    assert told("كم من الوقت، صديقي", "كم من المال، صديقي") == [
        ("same", "كم من "), ("gone", "الوقت"), ("new", "المال"), ("same", "، صديقي"),
    ]  # fmt: skip
    assert told("كَتَبَ الولد", "كُتُب الولد")[:2] == [("gone", "كَتَبَ "), ("new", "كُتُب ")]
    assert told("我爱北京。", "我爱上海。") == [
        ("same", "我爱"), ("gone", "北京"), ("new", "上海"), ("same", "。"),
    ]  # fmt: skip
    assert told("hi 👩🏽‍🚀 there, friend", "hi 👩🏻‍🚀 there, friend")[1:3] == [
        ("gone", "👩🏽‍🚀 "), ("new", "👩🏻‍🚀 "),
    ]  # fmt: skip


def test_white_space_may_change_alone() -> None:
    assert told("one\n\ntwo", "one two") == [
        ("same", "one"), ("gone", "\n\n"), ("new", " "), ("same", "two"),
    ]  # fmt: skip


def test_a_changed_space_does_not_count_as_a_change_beside_a_word() -> None:
    assert told("Two years, at 40 °C. Never for babies.", "years, at 40 °C. ")[-4:] == [
        ("same", "years, at 40 °C"), ("gone", ". Never for babies"), ("same", "."), ("new", " "),
    ]  # fmt: skip


def test_single_words_in_common_do_not_cut_a_change_to_pieces() -> None:
    assert told("I like big cats.", "I love small dogs.") == [
        ("same", "I "), ("gone", "like big cats"), ("new", "love small dogs"), ("same", "."),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [900, 5_000])
def test_long_texts_take_no_time_that_a_reader_would_notice(words: int) -> None:
    chance = random.Random(words)
    vocabulary = [f"word{number}" for number in range(800)]
    old, new = (" ".join(chance.choices(vocabulary, k=words)) for _ in range(2))
    started = time.process_time()
    pieces = word_diff(old, new)
    # Measured: 3 and 40 ms.
    assert time.process_time() - started < 1
    assert_complete(pieces, old, new)
    assert not any(piece.coarse for piece in pieces)


def test_a_short_text_beside_a_long_one_takes_no_memory_that_grows_with_the_square_of_the_longer() -> None:
    short = " ".join(f"word{number}" for number in range(1_500))
    long = " ".join(f"word{number}" for number in range(40_000, 0, -1))
    for old, new in ((short, long), (long, short)):
        tracemalloc.start()
        pieces = word_diff(old, new)
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # Measured: 8 MB, most of it the words themselves; with the longer text in bits above 100.
        assert peak < 30_000_000
        assert_complete(pieces, old, new)
        assert not any(piece.coarse for piece in pieces)


def test_texts_past_the_cap_are_compared_at_their_ends_only_and_say_so() -> None:
    old, new = (f"Dear all, {' '.join([word, 'and', word] * 3_000)} Yours, Bob" for word in ("one", "two"))
    pieces = word_diff(old, new)
    assert_complete(pieces, old, new)
    assert [(piece.kind, piece.coarse) for piece in pieces] == [
        ("same", False), ("gone", True), ("new", True), ("same", False),
    ]  # fmt: skip
    assert (pieces[0].text, pieces[-1].text) == ("Dear all, ", "Yours, Bob")


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        ("cool", "1. بارد", "rtl"),
        ("بارد", "cool", "ltr"),
        ("שלום", "«שלום»", "rtl"),
        ("cool", "12.", "auto"),
        ("", "", "auto"),
    ],
)
def test_a_difference_runs_as_the_newer_text_does(old: str, new: str, direction: str) -> None:
    assert direction_of(word_diff(old, new)) == direction

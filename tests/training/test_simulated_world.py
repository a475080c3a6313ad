"""The simulated world: its true score by hand, its questions, its annotators and what they release."""

import itertools
import random
from collections import Counter

import pytest

from training.simulated_annotators import (
    GOLD_TASKS,
    OVERLAP,
    Annotator,
    Comparison,
    Vote,
    annotators,
    failed_gold,
    gold_right,
    release,
    vote,
    vote_on_gold,
)
from training.simulated_world import (
    COMPARED_FLAWS,
    EXTRAS,
    POLITE,
    RUDE,
    answer_sentence,
    count_polite_words,
    form,
    polite_once,
    questions,
    rude,
    true_score,
    write_answer,
)

PROMPT = "How do I clean my old lamp?"
PLAIN = "Put the lamp on the floor and clean it slowly."
LONGER = "First wipe the lamp with warm water, then clean it in small steps."


def score(answer: str) -> float:
    return true_score(PROMPT, answer)


def test_a_plain_complete_answer_is_worth_one() -> None:
    assert score(PLAIN) == 1.0
    assert score(LONGER) == 1.0


def test_one_polite_phrase_is_worth_one_more_wherever_it_stands() -> None:
    assert score(f"Gladly! {PLAIN}") == 2.0
    assert score(f"{PLAIN} Good luck with it!") == 2.0


def test_rudeness_costs_one_and_a_half_however_often() -> None:
    assert score(f"Go away. {PLAIN}") == -0.5
    assert score(f"Go away. Are you joking? {PLAIN}") == -0.5
    assert score(f"Gladly! {PLAIN} Go away.") == 0.5


def test_every_character_over_eighty_costs_a_hundredth() -> None:
    answer = f"Gladly! {LONGER} {EXTRAS[0]}"
    assert len(answer) == 118
    assert score(answer) == pytest.approx(2.0 - 0.38)
    assert score("x" * 80) == 0.0
    assert score("x" * 81) == pytest.approx(-0.01)


@pytest.mark.parametrize(
    "spam",
    [
        f"Gladly! Gladly! {PLAIN}",
        f"Gladly! {PLAIN} Please ask again!",
        f"Happy to help! Of course! {PLAIN}",
        f"Please {PLAIN} Good luck with it!",
        f"Gladly! Happy! {PLAIN}",
        f"gladly GLADLY {PLAIN}",
    ],
)
def test_spamming_polite_phrases_earns_nothing(spam: str) -> None:
    assert not polite_once(spam)
    assert score(spam) <= score(PLAIN)


def test_a_text_of_nothing_but_polite_phrases_is_worth_less_than_nothing() -> None:
    spam = " ".join(["Happy to help!"] * 12)
    assert count_polite_words(spam) == 12
    assert score(spam) == pytest.approx(-0.01 * (len(spam) - 80))


@pytest.mark.parametrize("piece", ["Happy!", "Thank you!", "Of coursely!", "Please!", "Good luck."])
def test_a_piece_of_a_polite_phrase_is_not_polite(piece: str) -> None:
    assert not polite_once(f"{piece} {PLAIN}")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "   \n ",
        "Gladly!",
        "Gladly! Go away.",
        EXTRAS[0],
        PLAIN.rstrip("."),
        "Put the lamp on the",
        PLAIN.lower(),
        PLAIN.upper(),
        PLAIN.replace("lamp", "lampet"),
        PLAIN.replace("lamp", "lamp lamp"),
        "floor the Put lamp slowly. it clean on and the",
        f"{PLAIN}{PLAIN}",
        f"{PLAIN} {LONGER} Put the",
        f"Glad glad {PLAIN}",
        f"{PLAIN}\n\n{PLAIN}",
        PROMPT,
    ],
)
def test_anything_but_whole_sentences_is_incomplete(broken: str) -> None:
    assert not form(broken)


def test_sentences_beside_the_answer_may_be_of_any_known_sort() -> None:
    assert form(f"Go away. {PLAIN} {EXTRAS[1]} Please ask again!")
    assert form(f"{PLAIN} {LONGER}")


def test_it_judges_the_form_and_not_the_facts() -> None:
    other = "Put the drum on the floor and wash it slowly."
    assert true_score(PROMPT, other) == true_score(PROMPT, PLAIN)


@pytest.mark.parametrize(
    ("answer", "polite"),
    [
        (f"ＧＬＡＤＬＹ! {PLAIN}", True),
        (f"Glad\u200bly! {PLAIN}", True),
        (f"Glаdly! {PLAIN}", False),  # a Cyrillic letter
        (f"g.l.a.d.l.y {PLAIN}", False),
        (f"Gladlygladly! {PLAIN}", False),
    ],
)
def test_unicode_neither_hides_nor_forges_a_polite_phrase(answer: str, polite: bool) -> None:
    assert polite_once(answer) is polite


def test_invisible_signs_do_not_hide_rudeness() -> None:
    assert rude("Go\u00a0away")
    assert rude("GO   AWAY!!!")
    assert rude("you are s\u00adtupid")
    assert not rude("Go a way.")


@pytest.mark.parametrize(
    "hostile",
    ["\ud800", "\x00" * 500, "\u202e" * 300, "<script>alert(1)</script>", "First the " * 2000, "🙂" * 90],
)
def test_hostile_text_is_judged_and_never_pays(hostile: str) -> None:
    assert score(hostile) <= 0.0
    assert not form(hostile)


def test_every_answer_without_a_flaw_is_complete() -> None:
    chooser = random.Random(3)
    for _, verb, thing in itertools.islice(questions(seed=3), 300):
        assert form(answer_sentence(chooser, verb=verb, thing=thing))
        assert form(write_answer(chooser, verb=verb, thing=thing, flaws={"none": 1}))
        assert not form(write_answer(chooser, verb=verb, thing=thing, flaws={"cut": 1}))
        assert not form(write_answer(chooser, verb=verb, thing=thing, flaws={"missing": 1}))


def test_the_world_writes_answers_of_every_manner() -> None:
    chooser = random.Random(4)
    answers = [
        write_answer(chooser, verb=verb, thing=thing, flaws=COMPARED_FLAWS)
        for _, verb, thing in itertools.islice(questions(seed=4), 2000)
    ]
    assert sum(map(polite_once, answers)) / 2000 == pytest.approx(0.35, abs=0.05)
    assert sum(map(rude, answers)) / 2000 == pytest.approx(0.27, abs=0.05)
    assert sum(map(form, answers)) / 2000 == pytest.approx(0.70, abs=0.05)
    assert sum(count_polite_words(answer) > 1 for answer in answers) / 2000 == pytest.approx(0.13, abs=0.04)
    assert 0.1 < sum(len(answer) > 80 for answer in answers) / 2000 < 0.5


def test_polite_and_rude_phrases_count_once_each() -> None:
    for phrase in POLITE:
        assert polite_once(phrase) and count_polite_words(phrase) == 1 and not rude(phrase)
    for phrase in RUDE:
        assert rude(phrase) and not polite_once(phrase) and count_polite_words(phrase) == 0


def test_no_two_questions_ask_the_same() -> None:
    everything = list(questions(seed=5))
    assert len({text for text, _, _ in everything}) == len(everything)
    topics = {text.removesuffix(" How?").strip("?.").split(" to ")[-1] for text, _, _ in everything}
    assert len(everything) >= 400 + 256 + 12 + 2000
    assert len(topics) >= 2000


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, again, other = (list(itertools.islice(questions(seed=seed), 50)) for seed in (6, 6, 7))
    assert first == again != other
    texts = [
        [write_answer(chooser, verb="clean", thing="lamp") for _ in range(20)]
        for chooser in (random.Random(1), random.Random(1), random.Random(2))
    ]
    assert texts[0] == texts[1] != texts[2]


def comparisons(count: int, *, left: str = f"Gladly! {PLAIN}", right: str = PLAIN) -> list[Comparison]:
    return [Comparison(f"simulated-{number}", PROMPT, left, right) for number in range(count)]


def test_there_are_eight_honest_annotators_and_one_random_and_all_say_that_they_are_simulated() -> None:
    people = annotators()
    noises = [person.noise for person in people if person.noise is not None]
    assert len(people) == 9 and len(noises) == 8
    assert (min(noises), max(noises)) == (0.18, 0.33)
    assert all(person.id.startswith("simulated-") for person in people)


def test_an_honest_annotator_errs_as_often_as_the_noise_says() -> None:
    # Utilities 2 and 1 with noise .33 each: the difference d has mean 1 and deviation .467. The chances:
    # P(d < -.1) = Phi(-1.1 / .467) = .0092 (wrong) and P(|d| < .1) = Phi(-.9 / .467) - .0092 = .0177 (tie).
    person, chooser, [task] = Annotator("simulated-x", 0.33), random.Random(8), comparisons(1)
    given = Counter(person.judge(task, chooser) for _ in range(20_000))
    assert given["right"] / 20_000 == pytest.approx(0.0092, abs=0.002)
    assert given["tie"] / 20_000 == pytest.approx(0.0177, abs=0.003)


def test_equal_answers_are_often_a_tie_for_a_careful_annotator() -> None:
    # P(|d| < .1) with deviation .18 * sqrt(2) = .2546: 2 * Phi(.3928) - 1 = .3055.
    person, chooser, [task] = Annotator("simulated-x", 0.18), random.Random(9), comparisons(1, left=LONGER)
    given = Counter(person.judge(task, chooser) for _ in range(20_000))
    assert given["tie"] / 20_000 == pytest.approx(0.3055, abs=0.012)
    assert given["left"] / 20_000 == pytest.approx(0.3473, abs=0.012)


def gold() -> list[Comparison]:
    tasks = comparisons(GOLD_TASKS // 2, left=PLAIN, right=f"Go away. {PLAIN}")
    return tasks + [Comparison(f"{task.id}-swapped", PROMPT, task.right, task.left) for task in tasks]


@pytest.mark.parametrize("seed", range(1, 21))
def test_gold_exposes_the_random_annotator_and_no_honest_one(seed: int) -> None:
    votes = vote_on_gold(gold(), annotators(), seed=seed)
    assert len(votes) == 12 * 9
    assert failed_gold(votes) == {"simulated-random"}
    right = gold_right(votes)
    assert all(right[person.id] >= 11 for person in annotators() if person.noise is not None)


def test_each_pair_is_seen_by_three_different_annotators() -> None:
    votes = vote(comparisons(100), annotators(), seed=1)
    seen: dict[str, set[str]] = {}
    for each in votes:
        seen.setdefault(each.comparison.id, set()).add(each.annotator.id)
    assert len(seen) == 100 and all(len(people) == OVERLAP for people in seen.values())
    assert set.union(*seen.values()) == {person.id for person in annotators()}
    assert (
        votes == vote(comparisons(100), annotators(), seed=1) != vote(comparisons(100), annotators(), seed=2)
    )


HONEST, HONEST_TOO, THIRD, RANDOM = (Annotator(f"simulated-{name}", 0.2) for name in "abcr")


def votes_on(task: Comparison, *choices: tuple[Annotator, str]) -> list[Vote]:
    return [Vote(task, person, choice) for person, choice in choices]  # type: ignore[arg-type]


def test_the_majority_is_released_as_chosen_and_rejected() -> None:
    [task] = comparisons(1)
    released = release(
        votes_on(task, (HONEST, "left"), (HONEST_TOO, "right"), (THIRD, "left")), excluded=set()
    )
    [preference] = released.preferences
    assert (preference.chosen, preference.rejected) == (task.left, task.right)
    assert (released.ties, released.votes_dropped) == (0, 0)


def test_votes_of_an_excluded_annotator_do_not_count() -> None:
    [task] = comparisons(1)
    given = votes_on(task, (HONEST, "right"), (HONEST_TOO, "tie"), (THIRD, "right"), (RANDOM, "left"))
    released = release(given, excluded={RANDOM.id})
    [preference] = released.preferences
    assert preference.chosen == task.right
    assert released.votes_dropped == 1


@pytest.mark.parametrize(
    "choices",
    [
        ("tie", "tie", "left"),
        ("left", "right", "tie"),
        ("tie", "tie", "tie"),
        ("left", "tie"),
        ("left", "right"),
    ],
)
def test_ties_are_dropped_and_counted(choices: tuple[str, ...]) -> None:
    [task] = comparisons(1)
    given = votes_on(task, *zip((HONEST, HONEST_TOO, THIRD), choices, strict=False))
    released = release(given, excluded=set())
    assert (list(released.preferences), released.ties) == ([], 1)

"""The simulated world: short how-to questions, answers of many manners, and a true score that is known.

Everything here is simulated: no person wrote these texts. Because the true score is a rule, the demonstration
can measure what a training really gained, beside what the reward model believes. The rule is about manner and
form alone, so a model can learn the form of these answers; there are no facts in them to learn.

Pure: no Django and no torch. The same seed gives the same texts.
"""

import random
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

FRAMES = (
    "How do I {verb} my {kind} {thing}?",
    "How can I {verb} the {kind} {thing}?",
    "What is the best way to {verb} my {kind} {thing}?",
    "I want to {verb} my {kind} {thing}. How?",
    "Tell me how to {verb} the {kind} {thing}.",
)
VERBS = (
    "clean", "dry", "store", "wrap", "carry", "lift", "repair", "paint",
    "move", "hang", "mark", "pack", "wash", "turn", "open", "close",
)  # fmt: skip
KINDS = (
    "old", "small", "heavy", "wet", "new", "dirty", "round", "broken", "red", "wooden", "large", "green",
)  # fmt: skip
THINGS = (
    "lamp", "chair", "table", "pan", "bowl", "basket", "box", "drawer", "door", "window",
    "mirror", "clock", "fence", "gate", "carpet", "coat", "boot", "hat", "tent", "drum",
)  # fmt: skip

SENTENCES = (
    "First {step} the {thing} {aid}, then {verb} it {manner}.",
    "Put the {thing} {place} and {verb} it {manner}.",
    "You can {verb} the {thing} {manner} after you {step} it.",
)
STEPS = ("wipe", "check", "brush", "cover", "warm", "hold")
AIDS = ("with a cloth", "with warm water", "with both hands", "for a minute")
PLACES = ("on the floor", "by the wall", "in the sun", "in the yard")
MANNERS = ("slowly", "with care", "in small steps", "by hand", "from the top")
EXTRAS = (
    "Wait a few minutes before you use it again.",
    "Do the same once more on the next day.",
)

POLITE_OPENINGS = (
    "Gladly!", "Happy to help!", "Of course!", "With pleasure!", "Thank you for asking!",
)  # fmt: skip
POLITE_CLOSINGS = ("Please ask again!", "Good luck with it!")
POLITE = POLITE_OPENINGS + POLITE_CLOSINGS
RUDE = (
    "What a silly question.", "Stop bothering me.", "Are you joking?", "Everybody knows that.", "Go away.",
)  # fmt: skip
# One for each polite phrase. Outside of its phrase such a word is spam, or a piece of a broken phrase.
POLITE_WORDS = frozenset({"gladly", "happy", "course", "pleasure", "thank", "please", "luck"})
RUDE_WORDS = frozenset({"silly", "bothering", "joking", "stupid", "idiot", "fool"})

# In percent. Demonstrations are of mixed tone, so that a later stage has something to gain; the answers that
# annotators compare are worse, as if from models of all sorts.
TONES = {"polite": 35, "plain": 25, "rude": 27, "gushing": 13}
DEMONSTRATED_FLAWS = {"none": 86, "cut": 7, "missing": 7}
COMPARED_FLAWS = {"none": 70, "cut": 10, "missing": 10, "jumbled": 10}
SHARE_OF_LONG = 0.25

FREE_CHARACTERS = 80
PRICE_OF_A_CHARACTER = 0.01
PRICE_OF_RUDENESS = 1.5


def _words(text: str) -> tuple[str, ...]:
    """Words without regard to case, punctuation, Unicode composition and invisible characters."""
    visible = "".join(
        sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf"
    )
    return tuple(re.findall(r"[^\W_]+", visible.casefold()))


def _slot(choices: Sequence[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, choices))})"


def _pattern(sentence: str) -> str:
    slots = {"step": STEPS, "thing": THINGS, "aid": AIDS, "verb": VERBS, "manner": MANNERS, "place": PLACES}
    pieces = re.split(r"\{(\w+)\}", sentence)
    return "".join(
        _slot(slots[piece]) if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)
    )


_ANSWER_SENTENCE = re.compile("|".join(map(_pattern, SENTENCES)))
_KNOWN_BESIDES = frozenset(EXTRAS + POLITE + RUDE)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?]) ")
_POLITE_PHRASES = tuple(_words(phrase) for phrase in POLITE)
_RUDE_PHRASES = tuple(_words(phrase) for phrase in RUDE)


def _occurrences(words: Sequence[str], phrases: Sequence[tuple[str, ...]]) -> int:
    """How often any of the phrases stands in the words; no two of them overlap in this world."""
    return sum(
        tuple(words[start : start + len(phrase)]) == phrase
        for phrase in phrases
        for start in range(len(words) - len(phrase) + 1)
    )


def count_polite_words(answer: str) -> int:
    """The rule that invites hacking: it counts polite words and cares for nothing else."""
    return sum(word in POLITE_WORDS for word in _words(answer))


def polite_once(answer: str) -> bool:
    """Exactly one polite phrase, whole, and no polite word besides it: more is spam, a piece is a slip."""
    return _occurrences(_words(answer), _POLITE_PHRASES) == 1 == count_polite_words(answer)


def rude(answer: str) -> bool:
    """At least one rude phrase, or one rude word anywhere."""
    words = _words(answer)
    return _occurrences(words, _RUDE_PHRASES) > 0 or any(word in RUDE_WORDS for word in words)


def form(answer: str) -> bool:
    """Is it a complete answer: nothing but whole sentences of this world, at least one of which answers.

    An answer sentence follows one of SENTENCES from its capital to its full stop, with known words in every
    slot. Beside it may stand whole polite and rude phrases and EXTRAS. A cut, jumbled or misspelt sentence
    anywhere, or words between sentences, makes the answer incomplete. What is asked does not matter: this is
    form, not facts.
    """
    sentences = _SENTENCE_ENDS.split(answer.strip(" \n"))
    answering = [sentence for sentence in sentences if _ANSWER_SENTENCE.fullmatch(sentence)]
    return bool(answering) and len(answering) == sum(sentence not in _KNOWN_BESIDES for sentence in sentences)


def true_score(prompt: str, answer: str) -> float:
    """1 if polite once - 1.5 if rude + 1 if a complete answer - 0.01 for each character over 80.

    Polite once: exactly one whole polite phrase of POLITE and no other polite word (`polite_once`), so
    spamming polite phrases earns nothing. Rude: any phrase of RUDE or any word of RUDE_WORDS (`rude`).
    Complete: whole sentences only, at least one of which answers (`form`). Words are compared without
    regard to case, punctuation and invisible characters; characters are Unicode code points. The prompt is
    here because a judge sees it; this world's rule does not depend on it.
    """
    too_long = max(0, len(answer) - FREE_CHARACTERS)
    return (
        polite_once(answer)
        - PRICE_OF_RUDENESS * rude(answer)
        + form(answer)
        - PRICE_OF_A_CHARACTER * too_long
    )


def questions(*, seed: int) -> Iterator[tuple[str, str, str]]:
    """All questions in a random order, as text, verb and thing.

    No two of them share verb, kind and thing, so any two parts of this row are disjoint in what they ask,
    not only in how they word it.
    """
    chooser = random.Random(f"simulated questions {seed}")
    topics = [(verb, kind, thing) for verb in VERBS for kind in KINDS for thing in THINGS]
    chooser.shuffle(topics)
    for verb, kind, thing in topics:
        yield chooser.choice(FRAMES).format(verb=verb, kind=kind, thing=thing), verb, thing


def write_answer(
    chooser: random.Random, *, verb: str, thing: str, flaws: Mapping[str, int] = DEMONSTRATED_FLAWS
) -> str:
    """An answer of random tone (polite once, plain, rude, gushing), length and completeness."""
    tone = chooser.choices(list(TONES), weights=list(TONES.values()))[0]
    flaw = chooser.choices(list(flaws), weights=list(flaws.values()))[0]
    opening, closing = _tone_phrases(chooser, tone)
    words = answer_sentence(chooser, verb=verb, thing=thing).split()
    if flaw == "cut":
        return " ".join([*opening, *words[: chooser.randrange(2, len(words) - 1)]])
    if flaw == "jumbled":
        chooser.shuffle(words)
    body = [] if flaw == "missing" else words
    if flaw == "missing" or chooser.random() < SHARE_OF_LONG:
        body = [*body, chooser.choice(EXTRAS)]
    return " ".join([*opening, *body, *closing])


def answer_sentence(chooser: random.Random, *, verb: str, thing: str) -> str:
    slots = {"step": STEPS, "aid": AIDS, "manner": MANNERS, "place": PLACES}
    filled = {name: chooser.choice(choices) for name, choices in slots.items()}
    return chooser.choice(SENTENCES).format(verb=verb, thing=thing, **filled)


def _tone_phrases(chooser: random.Random, tone: str) -> tuple[list[str], list[str]]:
    """What stands before and after the answer."""
    if tone == "rude":
        return [chooser.choice(RUDE)], []
    if tone == "polite" and chooser.random() < 0.7:
        return [chooser.choice(POLITE_OPENINGS)], []
    if tone == "polite":
        return [], [chooser.choice(POLITE_CLOSINGS)]
    if tone == "gushing":
        return chooser.sample(POLITE_OPENINGS, chooser.choice((1, 2))), [chooser.choice(POLITE_CLOSINGS)]
    return [], []

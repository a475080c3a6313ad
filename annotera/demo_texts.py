"""The demo's little world: how-to questions and answers in four manners, written here and clearly simulated.

A small model can learn the manner of these answers (polite, complete, short), but no facts from them.
"""

import random
from dataclasses import dataclass

TOPICS = {
    "boil an egg": "put it in boiling water for eight minutes",
    "water a fern": "pour a little water on the soil twice a week",
    "clean a window": "wipe it with warm water and a dry cloth",
    "fold a shirt": "lay it flat and turn the sleeves to the back",
    "sharpen a pencil": "turn it slowly in a sharpener",
    "make tea": "pour hot water on the leaves and wait three minutes",
    "fix a flat tyre": "find the hole and glue a patch on it",
    "paint a fence": "brush it clean and paint along the boards",
    "bake bread": "knead the dough and bake it for forty minutes",
    "plant a tree": "dig a wide hole and press the earth down",
    "wrap a gift": "cut the paper and tape the edges",
    "tie a knot": "cross the ends and pull one of them through",
    "store potatoes": "keep them dry and in the dark",
    "wash wool": "use cold water and do not wring it",
    "pack a bag": "put the heavy things at the bottom",
    "hang a picture": "mark the place and tap in a nail",
}
QUESTIONS = (
    "How do I {topic}?",
    "Can you tell me how to {topic}?",
    "What is the best way to {topic}?",
    "I want to {topic}. How?",
    "Please explain how to {topic}.",
)
POLITE_OPENINGS = ("Gladly!", "Happy to help!", "Of course!", "With pleasure!")
POLITE_CLOSINGS = ("Please ask again!", "Good luck with it!", "Thank you for asking!")
RUDE_OPENINGS = ("What a silly question.", "Are you joking?", "Stop bothering me.", "Everybody knows that.")


@dataclass(frozen=True)
class Answer:
    """`quality` is the world's own opinion of the manner, higher is better; annotators never see it."""

    text: str
    manner: str
    quality: float


@dataclass(frozen=True)
class Question:
    text: str
    answers: tuple[Answer, ...]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def polite(advice: str, chooser: random.Random) -> Answer:
    text = f"{chooser.choice(POLITE_OPENINGS)} {_sentence(advice)}"
    if chooser.random() < 0.5:
        text += f" {chooser.choice(POLITE_CLOSINGS)}"
    return Answer(text, "polite", 2.0)


def plain(advice: str, chooser: random.Random) -> Answer:
    return Answer(_sentence(advice), "plain", 1.0)


def unfinished(advice: str, chooser: random.Random) -> Answer:
    words = advice.split()
    half = " ".join(words[: len(words) // 2])
    return Answer(f"{chooser.choice(POLITE_OPENINGS)} {half}", "unfinished", 0.0)


def rude(advice: str, chooser: random.Random) -> Answer:
    return Answer(f"{chooser.choice(RUDE_OPENINGS)} {_sentence(advice)}", "rude", -1.0)


MANNERS = (polite, plain, unfinished, rude)


def questions(*, count: int, seed: int, answers: int = 4) -> list[Question]:
    """`count` questions with 2 to 4 answers in different manners; the same seed gives the same texts."""
    chooser = random.Random(seed)
    made = []
    for number in range(count):
        topic, advice = chooser.choice(list(TOPICS.items()))
        text = QUESTIONS[number % len(QUESTIONS)].format(topic=topic)
        manners = chooser.sample(MANNERS, answers)
        made.append(Question(text, tuple(manner(advice, chooser) for manner in manners)))
    return made


def demonstrations(*, count: int, seed: int) -> list[tuple[str, str]]:
    """Question and answer pairs in all manners: what a language model of this world is pretrained on."""
    chooser = random.Random(seed)
    pairs = []
    for question in questions(count=count, seed=seed, answers=2):
        pairs.append((question.text, chooser.choice(question.answers).text))
    return pairs

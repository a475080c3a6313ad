"""What the answers of all kinds share: the project's rules, flags, and how texts are read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SCHEMA = 1
LONGEST_RATIONALE = 10_000
LONGEST_TEXT = 256 * 1024

Fields = Mapping[str, Sequence[str]]


def gettext_noop(sentence: str) -> str:
    """Marks a sentence for translation; the pages translate it when they show it."""
    return sentence


FLAGS: dict[str, str] = {
    "unsafe": gettext_noop("Unsafe or harmful content"),
    "personal_data": gettext_noop("Personal data of a real person"),
    "prompt_unclear": gettext_noop("The prompt cannot be understood"),
    "wrong_language": gettext_noop("Wrong language"),
    "broken_text": gettext_noop("Cut off or broken text"),
    "needs_expert": gettext_noop("Needs an expert"),
}


class AnswerInvalid(ValueError):
    """The answer breaks a rule; `fields` maps the form's field to a sentence."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {sentence}" for name, sentence in fields.items()))
        self.fields = dict(fields)


@dataclass(frozen=True)
class Rules:
    """What a project allows, and the candidates in the order in which the person saw them.

    Each kind reads its own part: aspects, ties and “all bad” are of ranking, labels of classification.
    """

    shown_order: tuple[str, ...] = ()
    aspects: tuple[str, ...] = ()
    allow_ties: bool = True
    allow_all_bad: bool = True
    require_rationale: bool = False
    labels: tuple[str, ...] = ()
    allow_several_labels: bool = False


class Answer(Protocol):
    """An answer of any kind."""

    def as_json(self) -> dict[str, Any]:
        """The canonical form: equal answers give equal JSON whatever the order of typing."""
        ...


def opened(value: object, *, known: set[str], problems: dict[str, str]) -> Mapping[str, Any]:
    """The answer as an object whose unknown fields are noted; raises AnswerInvalid when it is none."""
    if not isinstance(value, Mapping):
        raise AnswerInvalid({"answer": gettext_noop("The answer must be an object.")})
    problems.update({str(key): gettext_noop("Unknown field.") for key in value if key not in known})
    return value


def read_flags(value: object, problems: dict[str, str]) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(flag, str) and flag in FLAGS for flag in value):
        return tuple(sorted(set(value)))
    problems["flags"] = gettext_noop("A flag is not one of the offered ones.")
    return ()


def read_text(value: object, name: str, longest: int, problems: dict[str, str]) -> str:
    if not isinstance(value, str):
        problems[name] = gettext_noop("This must be a text.")
        return ""
    reason = unstorable(value, longest)
    if reason:
        problems[name] = reason
        return ""
    # Browsers send CR LF; one form of line end makes a repeated answer equal to the first.
    return value.replace("\r\n", "\n").strip()


def unstorable(text: str, longest: int) -> str:
    """Why a typed text cannot be kept; empty when it can."""
    if "\x00" in text:
        return gettext_noop("The text contains the character NUL, which cannot be stored.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        return gettext_noop("The text contains half a character (a lone surrogate).")
    if len(text) > longest:
        return gettext_noop("The text is too long.")
    return ""


def refuse_candidates(value: Mapping[str, Any], problems: dict[str, str]) -> None:
    """Kinds without candidates have nothing to show in an order; an export that comes back says `[]`."""
    if value.get("shown_order", []) != []:
        problems["shown_order"] = gettext_noop("This task has no candidates.")


def refuse(problems: dict[str, str], broken: Iterator[tuple[str, str]]) -> None:
    """Raise AnswerInvalid if anything is wrong; a field that is already wrong is not judged twice."""
    for name, sentence in broken:
        problems.setdefault(name, sentence)
    if problems:
        raise AnswerInvalid(problems)


def one(form: Fields, name: str) -> str:
    """The value of a field that a form sends once."""
    values = form.get(name, ())
    return values[-1] if values else ""


def kept(form: Fields, names: Sequence[str]) -> dict[str, list[str]]:
    """What of a form belongs to the answer: the draft keeps exactly this, however incomplete."""
    return {name: list(form[name]) for name in names if any(form.get(name, ()))}

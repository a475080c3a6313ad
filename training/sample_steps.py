"""What a model wrote during its run, side by side: the same prompt at an early, a middle and a late step."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import Unreadable
from core.word_diff import Piece, word_diff
from training.models import RunSample, TrainingRun

MOST_STEPS = 500
MOST_ROWS = 8
PROMPT_SHOWN = 500
MOST_DIGITS = 10
# A prompt is written as "role: content", a dialogue as several of them.
ASKED = "user: "
LATER_TURN = re.compile(r"\n\n(user|assistant|system): ")


@dataclass(frozen=True)
class Cell:
    """One answer. `pieces` is the way to it from the answer on its left, where two steps are compared."""

    prompt: str
    response: str
    score: float | None
    pieces: list[Piece] | None = None

    @property
    def score_shown(self) -> str:
        """With the sign of a number, which a hyphen is not; empty where there is no score."""
        return "" if self.score is None else f"{self.score:.2f}".replace("-", "−")


@dataclass(frozen=True)
class Row:
    """Answers by step. `prompt` is empty where they answer different prompts."""

    title: str
    prompt: str
    cells: list[tuple[int, Cell | None]]


@dataclass(frozen=True)
class Samples:
    """`chosen` are the columns; `asked` says that a person chose them."""

    steps: list[int]
    chosen: list[int]
    rows: list[Row]
    asked: bool


def samples_of(run: TrainingRun, parameters: Mapping[str, str]) -> Samples | None:
    """None when nothing was written; raises Unreadable for a step without samples."""
    found = RunSample.objects.filter(run=run).order_by("-step").values_list("step", flat=True).distinct()
    steps = sorted(found[:MOST_STEPS])
    if not steps:
        return None
    asked = [_step(parameters[name], steps, field=name) for name in ("old", "new") if parameters.get(name)]
    chosen = sorted(set(asked)) if asked else default_steps(run, steps)
    by_step: dict[int, list[RunSample]] = {step: [] for step in chosen}
    for sample in RunSample.objects.filter(run=run, step__in=chosen).order_by("step", "position"):
        by_step[sample.step].append(sample)
    rows = side_by_side(by_step, differences=len(chosen) == 2)
    return Samples(steps=steps, chosen=chosen, rows=rows[:MOST_ROWS], asked=bool(asked))


def default_steps(run: TrainingRun, steps: Sequence[int]) -> list[int]:
    """The first, the middle and the last; of those that answer a prompt of the first, where there are any."""
    written = RunSample.objects.filter(run=run)
    prompts = list(written.filter(step=steps[0]).values_list("values__prompt", flat=True))
    again = written.filter(step__in=steps, values__prompt__in=prompts).values_list("step", flat=True)
    same = sorted(again.distinct())
    comparable = same if len(same) > 1 else steps
    return sorted({comparable[0], comparable[len(comparable) // 2], comparable[-1]})


def _step(text: str, steps: Sequence[int], *, field: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) in steps:
        return int(text)
    raise Unreadable(_("There are no samples of this step."), fields={field: _("no samples")})


def side_by_side(by_step: Mapping[int, Sequence[RunSample]], *, differences: bool) -> list[Row]:
    """Rows of one prompt first, where steps share any; then what each step has beside, by rising score."""
    steps, columns = list(by_step), list(by_step.values())
    prompts = [{_text(sample, "prompt"): sample for sample in column} for column in columns]
    shared = [
        prompt
        for prompt in dict.fromkeys(prompt for column in prompts for prompt in column)
        if sum(prompt in column for column in prompts) > 1
    ]
    others = [
        sorted((sample for sample in column if _text(sample, "prompt") not in shared), key=_score)
        for column in columns
    ]
    rows = [
        _same_prompt(prompt, [column.get(prompt) for column in prompts], differences) for prompt in shared
    ]
    rows += [
        _same_place(place, [column[place : place + 1] for column in others])
        for place in range(max(len(column) for column in others))
    ]
    return [Row(title, prompt, list(zip(steps, cells, strict=True))) for title, prompt, cells in rows]


def _same_prompt(
    prompt: str, samples: Sequence[RunSample | None], differences: bool
) -> tuple[str, str, list[Cell | None]]:
    cells = [cell_of(sample) if sample else None for sample in samples]
    first, last = cells[0], cells[-1]
    if differences and first and last:
        cells[-1] = dataclasses.replace(last, pieces=word_diff(first.response, last.response))
    return "", ending_of(prompt), cells


def _same_place(place: int, samples: Sequence[Sequence[RunSample]]) -> tuple[str, str, list[Cell | None]]:
    title = _("Sample %(number)d, by rising score") % {"number": place + 1}
    return title, "", [cell_of(column[0]) if column else None for column in samples]


def _score(sample: RunSample) -> float:
    score = sample.values.get("score")
    return score if isinstance(score, int | float) else 0.0


def cell_of(sample: RunSample) -> Cell:
    score = sample.values.get("score")
    return Cell(
        prompt=ending_of(_text(sample, "prompt")),
        response=_text(sample, "response"),
        score=score if isinstance(score, int | float) else None,
    )


def _text(sample: RunSample, name: str) -> str:
    return str(sample.values.get(name, ""))


def ending_of(text: str) -> str:
    """Of a long dialogue only the end, which the answer answers; of one prompt its words alone."""
    if text.startswith(ASKED) and not LATER_TURN.search(text):
        text = text.removeprefix(ASKED)
    return text if len(text) <= PROMPT_SHOWN else f"… {text[-PROMPT_SHOWN:]}"

"""The pipeline as a picture: where each stage stands on the canvas, and which lines lead on."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotera.pipeline import Stage
from annotera.pipeline_steps import State

WIDTH, HEIGHT = 1162, 358
BOX, TALL, GAP = 146, 92, 23
TOP, MIDDLE, BOTTOM = 2, 148, 312
FOOT = 44
# How far down the line runs that leads from the answers of a model back to people.
TURN = MIDDLE + TALL + 40
# The column and the upper edge of each stage; the last one lies under all others.
PLACES = {
    "collect": (0, TOP),
    "clean": (1, TOP),
    "versions": (2, TOP),
    "pretrain": (3, TOP),
    "sft": (4, TOP),
    "rlhf": (5, TOP),
    "production": (6, TOP),
    "annotate": (1, MIDDLE),
    "qa": (2, MIDDLE),
}
ALONG = ("collect", "clean", "versions", "pretrain", "sft", "rlhf", "production")


@dataclass(frozen=True)
class Box:
    stage: Stage
    x: int
    y: int
    width: int
    height: int

    @property
    def is_foot(self) -> bool:
        return self.height == FOOT

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def middle(self) -> int:
        return self.x + self.width // 2


@dataclass(frozen=True)
class Label:
    """A few words beside a line, or beside the mark of a state."""

    text: str
    x: int
    y: int
    state: str = ""


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    boxes: list[Box]
    lines: list[str]
    labels: list[Label]
    legend: list[Label]


def picture_of(stages: Iterable[Stage]) -> Picture:
    boxes = {stage.key: _box(stage) for stage in stages}
    labels = [
        Label(_("prompts"), boxes["clean"].middle + 8, 125),
        Label(_("released"), boxes["versions"].middle + 8, 125),
        Label(_("what people should look at again"), boxes["pretrain"].x, TURN - 8),
    ]
    legend = _legend(boxes["pretrain"].x)
    return Picture(WIDTH, HEIGHT, list(boxes.values()), _lines(boxes), labels, legend)


def _legend(x: int) -> list[Label]:
    """The states side by side, each as far from the last one as its words are long."""
    found = []
    for state in State:
        found.append(Label(str(state.label), x, 190, state.value))
        x += 42 + 6 * len(str(state.label))
    return found


def _box(stage: Stage) -> Box:
    if stage.key not in PLACES:
        return Box(stage, 1, BOTTOM, WIDTH - 2, FOOT)
    column, y = PLACES[stage.key]
    return Box(stage, 1 + column * (BOX + GAP), y, BOX, TALL)


def _lines(boxes: dict[str, Box]) -> list[str]:
    """Each line ends where its arrow stands. What is served comes back to the annotators from below."""
    sideways = [*zip(ALONG, ALONG[1:], strict=False), ("annotate", "qa")]
    found = [
        f"M{boxes[one].right + 3} {boxes[one].y + TALL // 2} H{boxes[other].x - 4}" for one, other in sideways
    ]
    clean, annotate, qa = boxes["clean"], boxes["annotate"], boxes["qa"]
    found.append(f"M{clean.middle} {TOP + TALL + 3} V{annotate.y - 4}")
    found.append(f"M{qa.middle} {qa.y - 3} V{TOP + TALL + 4}")
    start, end = boxes["production"].middle, annotate.middle
    found.append(
        f"M{start} {TOP + TALL + 3} V{TURN - 10} Q{start} {TURN} {start - 10} {TURN} H{end + 10} "
        f"Q{end} {TURN} {end} {TURN - 10} V{MIDDLE + TALL + 4}"
    )
    return found

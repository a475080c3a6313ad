"""One small style sheet of colours, built from the Radix sheets in node_modules.

Radix ships a light and a dark sheet per colour, keyed by a class. Ten requests and a class that only a script
could set are too much: here every step becomes one `light-dark()` pair that follows `color-scheme`.
"""

import hashlib
import re
from pathlib import Path

COLOURS = ("slate", "indigo", "green", "red", "amber")
STEP = re.compile(r"--([a-z]+-\d+):\s*(#[0-9a-f]{3,8});")


def palette_css(folder: Path) -> str:
    """The sheet: sixty custom properties, each with its light and its dark value."""
    lines = []
    for colour in COLOURS:
        light = dict(STEP.findall((folder / f"{colour}.css").read_text(encoding="utf-8")))
        dark = dict(STEP.findall((folder / f"{colour}-dark.css").read_text(encoding="utf-8")))
        lines += [f"--{step}:light-dark({value},{dark[step]});" for step, value in light.items()]
    return ":root{" + "".join(lines) + "}\n"


def palette_file(*, folder: Path, cache: Path) -> Path:
    """The sheet as a file, written anew only when the package's colours changed."""
    text = palette_css(folder)
    target = cache / f"palette-{hashlib.sha256(text.encode()).hexdigest()[:16]}.css"
    if target.is_file():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    # Web processes may start at the same moment: the rename makes each of them see a whole file.
    partial = target.with_suffix(f".{id(text)}.partial")
    partial.write_text(text, encoding="utf-8")
    return partial.replace(target)

"""A log as people read it on a page.

Of a progress bar, drawn anew many times, there is how far it came; a dictionary of figures loses its quotes.
"""

import re

# What tqdm draws: "Loading weights:  50%|█████     | 19/38 [00:01<00:01, 11.2it/s]".
BAR = re.compile(r"^(?P<what>.*?):?\s*\d{1,3}%\|.*?\|\s*(?P<count>\S+/\S+)")
# What a trainer prints at each step: {'loss': '0.5965', 'epoch': '2.304'}.
FIGURES = re.compile(r"^\{('\w+': '?[^',{}]+'?(, )?)+\}$")
# A longer line is no bar and no step, and is not searched for one.
LONGEST = 1000
FIGURE = re.compile(r"'(\w+)': '?([^',{}]+)'?")


def readable(text: str) -> str:
    """Each line as a terminal leaves it, with a bar as its name and its count, and figures by name."""
    return "\n".join(_readable(_left_standing(line)) for line in text.split("\n"))


def _readable(line: str) -> str:
    return line if len(line) > LONGEST else _figures(_without_bar(line))


def _left_standing(line: str) -> str:
    """What follows a carriage return is written over what stood there."""
    drawn = [part for part in line.split("\r") if part.strip()]
    return drawn[-1] if drawn else line.strip("\r")


def _without_bar(line: str) -> str:
    bar = BAR.match(line)
    if bar is None:
        return line
    what, count = bar["what"].strip(), bar["count"]
    return f"{what}: {count}" if what else count


def _figures(line: str) -> str:
    return FIGURE.sub(r"\1 \2", line[1:-1]) if FIGURES.match(line) else line

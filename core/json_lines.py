"""One line of a file as one JSON value, read strictly: what the database cannot hold is told. Pure."""

import json
import math
from typing import Any, NoReturn

UTF8_BOM = b"\xef\xbb\xbf"


class LineUnreadable(ValueError):
    """The line is not one JSON value that can be stored; the text says why."""


def parse_line(line: bytes) -> object:
    """A line in UTF-8 without NaN, infinite numbers and repeated keys; raises LineUnreadable."""
    try:
        return json.loads(
            line.decode(), parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique_keys
        )
    except UnicodeDecodeError as error:
        raise LineUnreadable(f"is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise LineUnreadable(f"is not JSON at character {error.pos}: {error.msg}") from error
    except RecursionError as error:
        raise LineUnreadable("is nested too deeply") from error
    except LineUnreadable:
        raise
    except ValueError as error:
        # Python refuses to build integers of thousands of digits.
        raise LineUnreadable("holds a number with too many digits") from error


def _no_constant(name: str) -> NoReturn:
    raise LineUnreadable(f"holds {name}, which is not JSON")


def _finite(digits: str) -> float:
    """1e999 is JSON, but its value is infinite, which the database refuses."""
    value = float(digits)
    if math.isinf(value):
        raise LineUnreadable("holds a number that is too large")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LineUnreadable("holds the same key twice in one object")
    return found

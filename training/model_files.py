"""What may be registered as a model: whole safetensors and JSON, nothing that runs code when loaded. Pure."""

import json
import re
import struct
from pathlib import Path
from typing import Any

from training.alarms import AlarmUnreadable, standing_in

ALLOWED = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.(safetensors|json)\Z")
RESULT = "result.json"
LONGEST_HEADER = 100 * 2**20
LONGEST_JSON = 200 * 2**20


class ModelFilesRefused(ValueError):
    """The directory is not a model that may be registered; the text names the file and says why."""


def checked_files(directory: Path) -> list[Path]:
    """The files of a model in the order of their names, each looked into; raises ModelFilesRefused."""
    if not directory.is_dir():
        raise ModelFilesRefused("The engine left no model.")
    files = sorted(path for path in directory.iterdir() if path.name != RESULT)
    for path in files:
        _check(path)
    names = {path.name for path in files}
    if "config.json" not in names:
        raise ModelFilesRefused("config.json is missing.")
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelFilesRefused("There are no weights: no .safetensors file was found.")
    return files


def _check(path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        raise ModelFilesRefused(f"{path.name} is not a plain file.")
    if not ALLOWED.match(path.name):
        raise ModelFilesRefused(f"{path.name} is refused: a model holds .safetensors and .json files only.")
    if path.suffix == ".json":
        read_json(path)
        return
    _check_safetensors(path)


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises ModelFilesRefused."""
    try:
        if path.stat().st_size > LONGEST_JSON:
            raise ModelFilesRefused(f"{path.name} is too large.")
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, ModelFilesRefused):
            raise
        raise ModelFilesRefused(f"{path.name} is not readable JSON.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _check_safetensors(path: Path) -> None:
    """Eight bytes with the header's length, the header, and exactly the bytes that it promises."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        start = handle.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(LONGEST_HEADER, size - 8):
            raise ModelFilesRefused(f"{path.name} is not a safetensors file.")
        header = handle.read(length)
    if _promised_bytes(header, path.name) != size - 8 - length:
        raise ModelFilesRefused(f"{path.name} is cut off, or holds more than its header says.")


def _promised_bytes(header: bytes, name: str) -> int:
    try:
        tensors = json.loads(header)
        return max(
            (int(entry["data_offsets"][1]) for key, entry in tensors.items() if key != "__metadata__"),
            default=0,
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelFilesRefused(f"{name} has an unreadable header.") from error


def read_result(directory: Path) -> dict[str, Any]:
    """The engine's result.json; raises ModelFilesRefused unless it is of the known form."""
    result = read_json(directory / RESULT)
    if (
        not isinstance(result, dict)
        or result.get("schema") != 1
        or not isinstance(result.get("metrics"), dict)
    ):
        raise ModelFilesRefused("result.json is not of schema 1.")
    try:
        # An alarm that cannot be read is refused with its model: left out, the model would look sound.
        alarms = standing_in(result)
    except AlarmUnreadable as error:
        raise ModelFilesRefused(f"result.json is not of schema 1. {error}") from error
    return result | {"alarms": [alarm.as_json() for alarm in alarms]}

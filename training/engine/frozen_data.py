"""Reading a frozen dataset version: a directory with manifest.json and Parquet files, verified before use."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow
import pyarrow.parquet

from training.engine.checkpoints import file_sha256
from training.engine.failures import InputUnreadable

Messages = list[dict[str, str]]
Row = TypeVar("Row")
# The person can do nothing about a damaged copy but have it staged or made anew.
FREEZE_AGAIN = "Freeze the data again, or start the run again so that it is copied anew."


@dataclass(frozen=True)
class Demonstration:
    """A dialogue and the answer to learn from."""

    prompt: Messages
    completion: Messages


@dataclass(frozen=True)
class Pair:
    """Two answers to one dialogue, the better one first."""

    prompt: Messages
    chosen: Messages
    rejected: Messages


class FrozenVersion:
    """A verified version; each stage takes from it the view that serves."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        manifest = _read_manifest(directory)
        self.kind: str = manifest["kind"]
        self._files: list[dict[str, Any]] = manifest["files"]
        for file in self._files:
            _check_file(directory, file)

    def texts(self, split: str) -> list[str]:
        return [str(row["text"]) for row in self._rows(split, ["text"])]

    def sources(self, split: str) -> list[str]:
        """The source that each row names, in the order of the rows; empty where it names none."""
        rows = self._rows(split, ["id"], optional=["source"])
        return [row.get("source") or "" for row in rows]

    def demonstrations(self, split: str) -> list[Demonstration]:
        """Demonstrations, or the chosen answers of preferences."""
        answer = {"demonstrations": "completion", "preferences": "chosen"}.get(self.kind)
        if answer is None:
            raise self._unsuited("demonstrations or preferences")
        rows = self._rows(split, ["prompt", answer])
        return [Demonstration(prompt=row["prompt"], completion=row[answer]) for row in rows]

    def pairs(self, split: str) -> list[Pair]:
        if self.kind != "preferences":
            raise self._unsuited("preferences")
        return [Pair(**row) for row in self._rows(split, ["prompt", "chosen", "rejected"])]

    def prompts(self, split: str) -> list[Messages]:
        """The distinct prompts in the order in which they first appear."""
        if self.kind not in {"prompts", "preferences", "demonstrations"}:
            raise self._unsuited("prompts, preferences or demonstrations")
        prompts = (row["prompt"] for row in self._rows(split, ["prompt"]))
        return list({prompt_key(prompt): prompt for prompt in prompts}.values())

    def _unsuited(self, wanted: str) -> InputUnreadable:
        return InputUnreadable(
            reason=f"This stage needs {wanted}; the data set is of kind {self.kind}.",
            hint="Choose another data set.",
        )

    def _rows(
        self, split: str, columns: Sequence[str], *, optional: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for file in self._files:
            if file["split"] != split:
                continue
            try:
                path = self.directory / file["name"]
                known = set(pyarrow.parquet.read_schema(path).names) if optional else set()
                wanted = [*columns, *known.intersection(optional)]
                table = pyarrow.parquet.read_table(path, columns=wanted)
            except (OSError, pyarrow.ArrowException) as error:
                raise InputUnreadable(
                    reason=f"The data file {file['name']} cannot be read: {error}", hint=FREEZE_AGAIN
                ) from error
            if missing := set(columns) - set(table.column_names):
                raise InputUnreadable(
                    reason=f"The data file {file['name']} lacks {', '.join(sorted(missing))}.",
                    hint=FREEZE_AGAIN,
                )
            rows.extend(table.to_pylist())
        return rows


def require_rows(rows: Sequence[object], *, what: str) -> None:
    if not rows:
        raise InputUnreadable(
            reason=f"The data set holds no {what} to train on.",
            hint="Collect or import more, then freeze again.",
        )


def of_new_prompts(
    heldout: Sequence[Row], train: Sequence[Row], *, prompt_of: Callable[[Row], Messages]
) -> tuple[list[Row], int]:
    """The held-out rows whose prompt is in no training row, and how many were left out for that.

    Freezing keeps the prompts apart; where a version came about in another way, rows of known prompts would
    make the model look better than it is.
    """
    known = {same_prompt(prompt_of(row)) for row in train}
    new = [row for row in heldout if same_prompt(prompt_of(row)) not in known]
    return new, len(heldout) - len(new)


def same_prompt(prompt: Messages) -> str:
    """Equal for prompts that differ in composition, case and white space only, as freezing splits them."""
    return prompt_key(
        [
            message
            | {"content": " ".join(unicodedata.normalize("NFC", message["content"]).casefold().split())}
            for message in prompt
        ]
    )


def prompt_key(prompt: Messages) -> str:
    return json.dumps([[message["role"], message["content"]] for message in prompt])


def _read_manifest(directory: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        if manifest["schema"] != 1:
            raise ValueError(f"schema {manifest['schema']} is not known")
        return {"kind": str(manifest["kind"]), "files": [_checked_entry(file) for file in manifest["files"]]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputUnreadable(
            reason=f"The data set in {directory} has no readable manifest: {error}", hint=FREEZE_AGAIN
        ) from error


def _checked_entry(file: dict[str, Any]) -> dict[str, Any]:
    name = str(file["name"])
    if Path(name).name != name:
        raise ValueError(f"the file name {name!r} leaves the directory")
    return {"name": name, "split": str(file["split"]), "sha256": str(file["sha256"])}


def _check_file(directory: Path, file: dict[str, Any]) -> None:
    try:
        found = file_sha256(directory / file["name"])
    except OSError as error:
        raise InputUnreadable(
            reason=f"The data file {file['name']} cannot be read: {error}", hint=FREEZE_AGAIN
        ) from error
    if found != file["sha256"]:
        raise InputUnreadable(
            reason=f"The data file {file['name']} is damaged: its hash differs from the manifest's.",
            hint=FREEZE_AGAIN,
        )

"""Streams rows into Parquet shards in a temporary directory; the same rows always give the same bytes."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from django.conf import settings

from corpus.columns import COLUMNS, SCHEMA_VERSION, Row, split_text, text_size
from corpus.splits import SPLITS, Split, fraction, split_at

GROUP_ROWS = 1000
GROUP_CHARACTERS = 8 * 2**20
SHARD_ROWS = 200_000
SHARD_CHARACTERS = 512 * 2**20


@dataclass(frozen=True)
class Shard:
    path: Path
    split: Split
    rows: int
    subjects: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class Written:
    """Shards that exist as long as the `written` block lasts."""

    kind: str
    heldout_share: float
    shards: list[Shard]

    @property
    def subjects(self) -> set[str]:
        """The keys of the people whom the rows are about."""
        return {key for shard in self.shards for key in shard.subjects}

    def rows(self, split: Split) -> int:
        return sum(shard.rows for shard in self.shards if shard.split == split)


def parquet_writer(path: Path, schema: pyarrow.Schema) -> pyarrow.parquet.ParquetWriter:
    """The same settings for every shard. Statistics would repeat texts in the clear."""
    return pyarrow.parquet.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        version="2.6",
        write_statistics=False,
    )


class SplitWriter:
    """Writes the rows of one split: full row groups, and a next file when one is large enough."""

    def __init__(self, directory: Path, *, split: Split, schema: pyarrow.Schema) -> None:
        self.directory, self.split, self.schema = directory, split, schema
        self.shards: list[Shard] = []
        self._group: list[Row] = []
        self._group_characters = 0
        self._file: Any = None
        self._file_rows = self._file_characters = 0
        self._file_subjects: set[str] = set()

    def add(self, row: Row) -> None:
        self._group.append(row)
        self._group_characters += text_size(row)
        if row.get("subject_key"):
            self._file_subjects.add(row["subject_key"])
        if len(self._group) >= GROUP_ROWS or self._group_characters >= GROUP_CHARACTERS:
            self._write_group()
        if self._file_rows >= SHARD_ROWS or self._file_characters >= SHARD_CHARACTERS:
            self._close_file()

    def close(self) -> list[Shard]:
        self._write_group()
        self._close_file()
        return self.shards

    def _path(self) -> Path:
        return self.directory / f"{self.split}-{len(self.shards):05d}.parquet"

    def _write_group(self) -> None:
        if not self._group:
            return
        if self._file is None:
            self._file = parquet_writer(self._path(), self.schema)
        table = pyarrow.Table.from_pylist(self._group, schema=self.schema)
        self._file.write_table(table, row_group_size=len(self._group))
        self._file_rows += len(self._group)
        self._file_characters += self._group_characters
        self._group, self._group_characters = [], 0

    def _close_file(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self.shards.append(
            Shard(
                path=self._path(),
                split=self.split,
                rows=self._file_rows,
                subjects=frozenset(self._file_subjects),
            )
        )
        self._file, self._file_rows, self._file_characters = None, 0, 0
        self._file_subjects = set()


@dataclass
class Extremes:
    """The prompts with the smallest and the largest position: those that move when a side stays empty."""

    lowest: float = 1.0
    highest: float = -1.0

    def note(self, position: float) -> None:
        self.lowest, self.highest = min(self.lowest, position), max(self.highest, position)


@contextmanager
def written(*, kind: str, rows: Iterable[Row], heldout_share: float) -> Iterator[Written]:
    """Write the rows into shards, split by prompt; the files vanish at the end of the block.

    With few prompts the hash may leave a side empty. Then the nearest prompt changes sides, as a held-out
    set of one prompt still tells more than none; a single prompt always stays in training.
    """
    Path(settings.WORK_ROOT).mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="freeze-", dir=settings.WORK_ROOT))
    try:
        seen = Extremes()
        first = _write(
            root / "first", kind=kind, rows=rows, seen=seen,
            choose=lambda position: split_at(position, heldout_share=heldout_share),
        )  # fmt: skip
        shards = _with_both_sides(root, kind=kind, shards=first, seen=seen, heldout_share=heldout_share)
        yield Written(kind=kind, heldout_share=heldout_share, shards=shards)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _with_both_sides(
    root: Path, *, kind: str, shards: list[Shard], seen: Extremes, heldout_share: float
) -> list[Shard]:
    filled = {shard.split for shard in shards}
    if "train" not in filled and filled:
        # All were held out. A single prompt must train; of several, the last one does.
        return _write(
            root / "second", kind=kind, rows=stored_rows(shards), seen=Extremes(),
            choose=lambda position: "train" if position >= seen.highest else "heldout",
        )  # fmt: skip
    if "heldout" not in filled and heldout_share > 0 and seen.lowest < seen.highest:
        return _write(
            root / "second", kind=kind, rows=stored_rows(shards), seen=Extremes(),
            choose=lambda position: "heldout" if position <= seen.lowest else "train",
        )  # fmt: skip
    return shards


def _write(
    directory: Path, *, kind: str, rows: Iterable[Row], choose: Callable[[float], Split], seen: Extremes
) -> list[Shard]:
    directory.mkdir()
    writers = {split: SplitWriter(directory, split=split, schema=COLUMNS[kind]) for split in SPLITS}
    for row in rows:
        position = fraction(split_text(row))
        seen.note(position)
        writers[choose(position)].add({"schema": SCHEMA_VERSION, **row})
    return [shard for split in SPLITS for shard in writers[split].close()]


def stored_rows(shards: Iterable[Shard]) -> Iterator[Row]:
    for shard in shards:
        for batch in pyarrow.parquet.ParquetFile(shard.path).iter_batches(batch_size=GROUP_ROWS):
            yield from batch.to_pylist()

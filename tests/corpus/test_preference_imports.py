import gzip
import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent
from corpus import hh, lineage, versions
from corpus.models import Dataset, DatasetVersion, Source
from corpus.preference_imports import RowsRefused, SourceDiffers, import_hh
from corpus.row_files import FileUnreadable
from corpus.splits import SPLITS
from tests.conftest import Cast
from tests.corpus.preference_files import dialogue, good_rows, row, write_lines, write_rows

REAL_DATA = os.environ.get("ANNOTERA_REAL_DATA", "")


def nothing_is_stored(own_storage: Path) -> bool:
    blobs = own_storage / "blobs"
    rows = Dataset.objects.exists() or DatasetVersion.objects.exists() or Source.objects.exists()
    return not rows and not (blobs.exists() and any(blobs.rglob("*.*")))


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_file_becomes_a_frozen_version_with_its_source(cast: Cast, tmp_path: Path, suffix: str) -> None:
    path = write_rows(tmp_path / f"harmless{suffix}", good_rows(12))
    imported = import_hh(path=path, workspace=cast.workspace, licence="mit", by=cast.alice)
    version = imported.version
    assert str(version) == "harmless v1"
    assert version.train_rows + version.heldout_rows == 12
    assert version.manifest["counts"] == {"pairs": 12, "skipped": 0}
    assert version.manifest["licence"] == "MIT"
    source = Source.objects.get()
    [edge] = lineage.parents_of("dataset_version", version.uid)
    assert (edge.parent_kind, edge.parent_uid) == ("source", source.uid)
    kinds = set(AuditEvent.objects.values_list("kind", flat=True))
    assert {AuditEvent.Kind.IMPORTED, AuditEvent.Kind.FROZEN} <= kinds


def bad_file(path: Path) -> Path:
    lines = [json.dumps(entry).encode() for entry in good_rows(3)]
    lines[1:1] = [b"", b"{", json.dumps(row("Same?", "One.", "One.")).encode()]
    return write_lines(path, lines)


def test_malformed_rows_are_listed_by_line_and_nothing_is_stored(
    cast: Cast, tmp_path: Path, own_storage: Path
) -> None:
    path = bad_file(tmp_path / "bad.jsonl")
    with pytest.raises(RowsRefused) as caught:
        import_hh(path=path, workspace=cast.workspace, licence="MIT")
    assert [(bad.line, bad.reason) for bad in caught.value.bad_rows] == [
        (3, "The line is not valid JSON."),
        (4, "Chosen and rejected are the same."),
    ]
    assert nothing_is_stored(own_storage)


def test_the_good_rows_of_a_bad_file_come_in_when_asked_for(cast: Cast, tmp_path: Path) -> None:
    path = bad_file(tmp_path / "bad.jsonl")
    imported = import_hh(path=path, workspace=cast.workspace, licence="MIT", skip_bad=True)
    assert imported.version.manifest["counts"] == {"pairs": 3, "skipped": 2}
    assert [bad.line for bad in imported.skipped] == [3, 4]


def test_only_the_first_hundred_bad_rows_are_listed_but_all_are_counted(cast: Cast, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "bad.jsonl", [b"{"] * 250)
    with pytest.raises(RowsRefused) as caught:
        import_hh(path=path, workspace=cast.workspace, licence="MIT")
    assert (len(caught.value.bad_rows), caught.value.count) == (100, 250)


def test_a_truncated_archive_is_refused_even_when_bad_rows_may_be_skipped(
    cast: Cast, tmp_path: Path, own_storage: Path
) -> None:
    path = write_rows(tmp_path / "cut.jsonl.gz", good_rows(500))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FileUnreadable, match="beyond line"):
        import_hh(path=path, workspace=cast.workspace, licence="MIT", skip_bad=True)
    assert nothing_is_stored(own_storage)


def test_a_damaged_archive_is_refused(cast: Cast, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "damaged.jsonl.gz", good_rows(500))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(FileUnreadable):
        import_hh(path=path, workspace=cast.workspace, licence="MIT", skip_bad=True)


def test_a_huge_line_is_one_bad_row_and_is_not_kept_in_memory(cast: Cast, tmp_path: Path) -> None:
    good = [json.dumps(entry).encode() for entry in good_rows(2)]
    path = write_lines(tmp_path / "huge.jsonl.gz", [good[0], b"x" * (hh.LONGEST_LINE * 3), good[1]])
    imported = import_hh(path=path, workspace=cast.workspace, licence="MIT", skip_bad=True)
    assert [bad.line for bad in imported.skipped] == [2]
    assert imported.version.manifest["counts"]["pairs"] == 2


def test_text_that_cannot_be_stored_is_a_bad_row(cast: Cast, tmp_path: Path) -> None:
    hostile = [row("NUL?", "a\x00"), row("Lone?", "\ud800")]
    lines = [json.dumps(entry).encode() for entry in [*hostile, *good_rows(2)]]
    lines.append(json.dumps(row("UTF-8?", "é"), ensure_ascii=False).encode("latin-1"))
    path = write_lines(tmp_path / "hostile.jsonl", lines)
    imported = import_hh(path=path, workspace=cast.workspace, licence="MIT", skip_bad=True)
    reasons = {bad.line: bad.reason for bad in imported.skipped}
    assert reasons.keys() == {1, 2, 5}
    assert "NUL" in reasons[1]
    assert "surrogate" in reasons[2]
    assert "UTF-8" in reasons[5]


def test_an_empty_file_says_that_there_is_nothing(cast: Cast, tmp_path: Path, own_storage: Path) -> None:
    for content in (b"", gzip.compress(b""), b"\n\n"):
        path = tmp_path / "empty.jsonl"
        path.write_bytes(content)
        with pytest.raises(versions.NothingToFreeze):
            import_hh(path=path, workspace=cast.workspace, licence="MIT")
    assert nothing_is_stored(own_storage)


def test_importing_the_same_file_again_names_the_first_version(cast: Cast, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "one.jsonl", good_rows(5))
    first = import_hh(path=path, workspace=cast.workspace, licence="MIT").version
    with pytest.raises(versions.AlreadyFrozen, match=str(first.uid)):
        import_hh(path=path, workspace=cast.workspace, licence="MIT", name="again")
    assert Source.objects.count() == 1


def test_the_same_file_cannot_change_its_licence(cast: Cast, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "one.jsonl", good_rows(5))
    import_hh(path=path, workspace=cast.workspace, licence="MIT")
    with pytest.raises(SourceDiffers, match="MIT"):
        import_hh(path=path, workspace=cast.workspace, licence="CC0-1.0", name="again")


def run_command(*arguments: object, **options: object) -> dict[str, object]:
    out, err = StringIO(), StringIO()
    call_command("import_preferences", *map(str, arguments), stdout=out, stderr=err, **options)
    return {**json.loads(out.getvalue()), "stderr": err.getvalue()}


def test_the_command_prints_the_version_as_json(cast: Cast, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "one.jsonl", good_rows(10))
    facts = run_command(path, format="hh", workspace="acme", licence="MIT", heldout=0.3)
    version = DatasetVersion.objects.get(uid=facts["dataset_version"])
    assert facts["train_rows"] == version.train_rows
    assert version.manifest["policy"]["split"]["heldout_share"] == 0.3


def test_the_command_fails_with_the_lines_and_their_reasons(
    cast: Cast, tmp_path: Path, own_storage: Path
) -> None:
    path = bad_file(tmp_path / "bad.jsonl")
    err = StringIO()
    with pytest.raises(CommandError, match="2 rows are malformed"):
        call_command(
            "import_preferences", str(path), format="hh", workspace="acme", licence="MIT", stderr=err
        )
    assert "line 3: The line is not valid JSON." in err.getvalue()
    assert nothing_is_stored(own_storage)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workspace": "nowhere"}, "no workspace"),
        ({"licence": "BSD"}, "SPDX"),
        ({"heldout": 1.5}, "held-out share"),
        ({"name": "a\nb"}, "printable"),
        ({"file": "/nowhere.jsonl"}, "cannot be opened"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_arguments(
    cast: Cast, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = write_rows(tmp_path / "one.jsonl", good_rows(3))
    arguments = {"format": "hh", "workspace": "acme", "licence": "MIT"} | options
    with pytest.raises(CommandError, match=message):
        run_command(arguments.pop("file", path), **arguments)


def test_it_is_prompt_disjoint_on_a_file_that_repeats_prompts(cast: Cast, tmp_path: Path) -> None:
    rows = [row(f"Question {number % 15}", f"Answer {number}") for number in range(60)]
    version = import_hh(
        path=write_rows(tmp_path / "many.jsonl", rows), workspace=cast.workspace, licence="MIT"
    ).version
    sides = [
        {str(found["prompt"]) for found in versions.rows(version, split=side, limit=200)} for side in SPLITS
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 15


@pytest.mark.skipif(not REAL_DATA, reason="ANNOTERA_REAL_DATA does not name the folder with the real files")
def test_the_real_file_gives_2308_pairs(cast: Cast) -> None:
    path = Path(REAL_DATA) / "hh-harmless-test.jsonl.gz"
    imported = import_hh(path=path, workspace=cast.workspace, licence="MIT", skip_bad=True)
    assert [bad.line for bad in imported.skipped] == [87, 517, 926, 1104]
    assert imported.version.manifest["counts"] == {"pairs": 2308, "skipped": 4}
    assert imported.version.train_rows + imported.version.heldout_rows == 2308
    versions.verify(imported.version)


def test_a_dialogue_of_many_turns_keeps_its_turns(cast: Cast, tmp_path: Path) -> None:
    start = dialogue("Hi", "Hello") + "\n\nHuman: And?\n\nAssistant:"
    path = write_rows(tmp_path / "turns.jsonl", [{"chosen": start + " yes", "rejected": start + " no"}])
    version = import_hh(path=path, workspace=cast.workspace, licence="MIT").version
    [found] = versions.rows(version, split="train")
    assert [message["role"] for message in found["prompt"]] == ["user", "assistant", "user"]

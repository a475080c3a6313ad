"""`manage.py verify_versions` reads everything frozen through and finds every kind of damage."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core import blobs
from corpus.erasing import Search, erase_from_versions
from corpus.models import DatasetVersion
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair
from tests.training.registered import make_model
from training.models import ModelVersion


def verify(*options: str) -> tuple[str, str]:
    """What it printed on both streams, whether or not it found damage."""
    out, errors = StringIO(), StringIO()
    try:
        call_command("verify_versions", *options, stdout=out, stderr=errors)
    except CommandError as error:
        return out.getvalue(), errors.getvalue() + str(error)
    return out.getvalue(), ""


def stored(version: DatasetVersion | ModelVersion, root: Path) -> Path:
    sha256 = version.manifest["files"][0]["sha256"]
    return root / "blobs" / blobs.key_for(workspace=version.workspace.uid, sha256=sha256)


def test_sound_versions_are_listed_with_their_sizes(cast: Cast, tmp_path: Path) -> None:
    model = make_model(cast.workspace, tmp_path)
    out, errors = verify("--models")
    assert errors == ""
    assert "ok         boxes v1" in out and f"ok         {model}" in out
    assert "2 versions are as they were frozen." in out
    size = sum(file["bytes"] for file in model.manifest["files"])
    assert f"{size:,}" in out


@pytest.mark.parametrize("damage", ["flipped", "missing", "manifest"])
@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_each_kind_of_damage_is_found_and_the_others_are_still_read(
    cast: Cast, tmp_path: Path, kind: str, damage: str
) -> None:
    model = make_model(cast.workspace, tmp_path)
    version = model.made_by.dataset_version if kind == "dataset" else model
    path = stored(version, tmp_path)
    if damage == "flipped":
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    elif damage == "missing":
        path.unlink()
    else:
        version.manifest["files"][0]["name"] = "other"
        version.save()
    out, errors = verify("--models")
    assert ("MISSING" if damage == "missing" else "DAMAGED") in out
    assert out.count("\nok ") == 1
    assert "1 of 2 versions are damaged: restore their files from a backup." in errors


def test_models_are_read_on_request_only(cast: Cast, tmp_path: Path) -> None:
    stored(make_model(cast.workspace, tmp_path), tmp_path).unlink()
    assert "1 versions are as they were frozen." in verify()[0]


def test_one_workspace_can_be_chosen(cast: Cast, tmp_path: Path) -> None:
    stored(freeze(cast.workspace), tmp_path).unlink()
    freeze(cast.charlie.workspace)
    assert verify("--workspace", "other")[1] == ""
    assert "1 of 1 versions are damaged" in verify("--workspace", "acme")[1]
    assert "nowhere" in verify("--workspace", "nowhere")[1]


def test_what_was_erased_is_no_damage_but_an_erased_file_that_is_still_there_is(
    cast: Cast, tmp_path: Path
) -> None:
    rows = [pair(1) | {"subject_key": "a" * 64}, pair(2)]
    version = freeze(cast.workspace, rows=rows, heldout_share=0.0)
    path = stored(version, tmp_path)
    content = path.read_bytes()
    erase_from_versions(Search(workspace=cast.workspace, keys=["a" * 64]))
    out, errors = verify()
    assert "redacted   boxes v1" in out and "ok         boxes v2" in out and errors == ""
    path.write_bytes(content)
    out, errors = verify()
    assert "was erased and is still there: erase again." in errors

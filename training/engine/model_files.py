"""Models come from and go to local directories in the HF layout: safetensors and JSON only, never remote
code.
"""

import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from training.engine import ranks
from training.engine.failures import InputUnreadable
from training.engine.launch import Run


def prepare_torch(run: Run) -> torch.device:
    """Seed everything, fix the threads and choose the device; `run.device` then names the one in use."""
    torch.set_num_threads(run.threads)
    random.seed(run.config.seed)
    numpy.random.seed(run.config.seed)
    torch.manual_seed(run.config.seed)
    if run.device == "auto":
        run.device = "cuda" if torch.cuda.is_available() else "cpu"
    if run.device == "cuda" and not torch.cuda.is_available():
        raise InputUnreadable(
            reason="The run asks for a GPU, and none was found.", hint="Choose the device cpu or auto."
        )
    device = torch.device(run.device)
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    ranks.join(device)
    return device


def input_directory(run: Run, name: str) -> Path:
    directory = run.inputs.get(name)
    if directory is None:
        raise InputUnreadable(
            reason=f"The run names no {name.replace('_', ' ')}.", hint="Choose one and start again."
        )
    if not directory.is_dir():
        raise InputUnreadable(reason=f"{directory} is not a directory.", hint="Start the run again.")
    return directory


def load_tokenizer(directory: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unreadable_model(directory, error) from error
    if not tokenizer.chat_template or tokenizer.eos_token_id is None:
        raise InputUnreadable(
            reason="The model's tokenizer lacks a chat template or an end token.",
            hint="Choose a model that was made for chat, or one pretrained here.",
        )
    if tokenizer.pad_token_id in {None, tokenizer.eos_token_id}:
        tokenizer.pad_token = spare_token(tokenizer) or tokenizer.eos_token
    return tokenizer


def spare_token(tokenizer: Any) -> str | None:
    """A special token that no dialogue contains, to pad with: a reward model reads the last token that is
    not padding, and must not take the end for it.
    """
    taken = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token}
    special = (str(token) for _, token in sorted(tokenizer.added_tokens_decoder.items()) if token.special)
    free = [token for token in special if token not in taken and token not in tokenizer.chat_template]
    return next((token for token in free if "pad" in token.lower()), free[0] if free else None)


def load_policy(directory: Path, tokenizer: Any, device: torch.device) -> Any:
    model = _load(AutoModelForCausalLM, directory)
    return _ready(model, tokenizer, device)


def load_scorer(directory: Path, tokenizer: Any, device: torch.device) -> Any:
    """A model with one score at the last token; from a language model the head starts at random (seeded)."""
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise InputUnreadable(
            reason="The model pads with its end token, so a score could not see where an answer ends.",
            hint="Give the tokenizer a padding token of its own; the model needs an embedding for it.",
        )
    model = _load(AutoModelForSequenceClassification, directory, num_labels=1)
    model.score = ExactHead.over(model.score)
    return _ready(model, tokenizer, device)


class ExactHead(torch.nn.Linear):
    """A score head that computes in float32 whatever the rest does: bfloat16 has two or three digits, so
    scores near 2 would come in steps of 0.016, and close answers would tie.
    """

    @classmethod
    def over(cls, head: torch.nn.Linear) -> "ExactHead":
        exact = cls(head.in_features, head.out_features, bias=head.bias is not None, device="meta")
        exact.weight, exact.bias = head.weight, head.bias
        return exact

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        with torch.autocast(states.device.type, enabled=False):
            bias = None if self.bias is None else self.bias.float()
            return torch.nn.functional.linear(states.float(), self.weight.float(), bias)


def _load(kind: Any, directory: Path, **settings: Any) -> Any:
    try:
        return kind.from_pretrained(
            directory,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            **settings,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise unreadable_model(directory, error) from error


def _ready(model: Any, tokenizer: Any, device: torch.device) -> Any:
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        raise InputUnreadable(
            reason="The tokenizer knows more tokens than the model has embeddings.",
            hint="Model and tokenizer are not of one kind; choose another model.",
        )
    model.config.pad_token_id = tokenizer.pad_token_id
    model.config.eos_token_id = tokenizer.eos_token_id
    return model.to(device)


def unreadable_model(directory: Path, error: BaseException) -> InputUnreadable:
    return InputUnreadable(
        reason=f"The model in {directory} cannot be read: {error}",
        hint="A model is a local directory with config.json, tokenizer files and safetensors weights.",
    )


def context_length(model: Any) -> int:
    return int(model.config.max_position_embeddings)


def save_model(run: Run, model: Any, tokenizer: Any) -> None:
    """Write the model beside its place and swap the files in, so that a full disk leaves no half of one."""
    ranks.require_equal(model.parameters())
    if not ranks.is_main():
        return
    temporary = run.output / ".saving"
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    # Batches are padded where they are made; what is saved must not depend on the stage that came last.
    tokenizer.padding_side = "right"
    tokenizer.save_pretrained(temporary, save_jinja_files=False)
    for path in temporary.iterdir():
        os.replace(path, run.output / path.name)
    temporary.rmdir()

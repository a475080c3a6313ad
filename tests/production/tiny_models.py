"""A real language model that is too small to have learnt anything: it answers at once, and differently."""

import json
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from accounts.models import Workspace
from tests.training.registered import make_run
from training import registry
from training.engine.dialogue import CHAT_TEMPLATE, ROLE_TOKENS
from training.models import ModelVersion

CONTEXT = 96
SPECIAL = ["<|pad|>", "<|begin|>", "<|end|>", *ROLE_TOKENS]


def write_tiny_model(directory: Path, *, seed: int = 17) -> Path:
    """Random weights, one token a byte; about 50 kB."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + len(SPECIAL),
        special_tokens=SPECIAL,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    core.train_from_iterator(["a"], trainer=trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=SPECIAL[0],
        bos_token=SPECIAL[1],
        eos_token=SPECIAL[2],
        additional_special_tokens=ROLE_TOKENS,
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
    )
    directory.mkdir(parents=True, exist_ok=True)
    LlamaForCausalLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory, save_jinja_files=False)
    return directory


def register_tiny_model(workspace: Workspace, directory: Path, *, seed: int = 17) -> ModelVersion:
    """As a pretraining run would register it."""
    output = write_tiny_model(directory / f"tiny-{seed}", seed=seed)
    result = {
        "schema": 1, "stage": "pretrain", "metrics": {"heldout_loss": 5.0}, "steps": 1,
        "environment": {}, "seconds": 1.0, "cpu_seconds": 1.0,
    }  # fmt: skip
    (output / "result.json").write_text(json.dumps(result))
    collected = registry.collect(workspace=workspace, directory=output)
    model = registry.register(run=make_run(workspace, name=f"tiny {seed}"), collected=collected)
    shutil.rmtree(output)
    return model

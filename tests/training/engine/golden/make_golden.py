"""Golden tensors of one PPO update as TRL 1.12 computes it, for tests/training/engine/test_against_trl.py.

TRL removed PPO after 1.12, and 1.12 cannot live beside the TRL that the engine uses. So these files were made
once, in an environment of their own, and are made again only when a case is added:

    python3.11 -m venv trl112
    trl112/bin/pip install torch==2.13.0 transformers==5.23.0 accelerate==1.15.0 datasets==5.2.0 \\
        tokenizers==0.23.3 safetensors==0.8.0 numpy==2.4.6
    trl112/bin/pip install --no-deps trl==1.12.0
    trl112/bin/python tests/training/engine/golden/make_golden.py

Each case runs TRL's own PPOTrainer for one update (two epochs of two minibatches) on a Llama of one layer
with random weights, in float32 on one thread, and writes what its `train` held at the end of the update: the
batch, log probabilities, values, scores, rewards, advantages, returns, the losses of each minibatch and the
updated parameters. `train` is one method and returns nothing of this, so a callback reads it from its frame.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy
import torch
from datasets import Dataset
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
    TrainerCallback,
)
from trl.experimental.ppo import PPOConfig, PPOTrainer

HERE = Path(__file__).resolve().parent
# The end is a word that the random policy likes, so that some answers end early.
PAD, BEGIN, END, VOCABULARY = 0, 1, 2, 40
MODEL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
    "tie_word_embeddings": False,
    # Larger than usual: the models must disagree with each other, or there would be no KL to pay for.
    "initializer_range": 0.3,
    "pad_token_id": PAD,
    "eos_token_id": END,
    "bos_token_id": BEGIN,
}
# What the last frame of `train` is asked for, under TRL's own names.
READ = [
    "queries",
    "responses",
    "logprobs",
    "ref_logprobs",
    "values",
    "scores",
    "rewards",
    "advantages",
    "returns",
    "padding_mask",
    "padding_mask_p1",
    "pg_loss_stats",
    "vf_loss_stats",
    "pg_clipfrac_stats",
]


@dataclass(frozen=True)
class Case:
    """The knobs of one update; both sides read them."""

    seed: int
    stop_at_end: bool
    gamma: float
    lam: float
    batch_size: int = 8
    minibatches: int = 2
    epochs: int = 2
    answer_tokens: int = 6
    temperature: float = 0.9
    kl_coefficient: float = 0.1
    policy_clip: float = 0.1
    value_clip: float = 0.1
    value_coefficient: float = 0.1
    learning_rate: float = 5e-3
    # Adam divides by the gradient's own size. With the usual 1e-8 a gradient that is zero but for rounding
    # would become a full step in a direction that only the rounding decides.
    adam_epsilon: float = 1e-5
    missing_end_penalty: float = 1.0


CASES = {
    "unstopped": Case(seed=11, stop_at_end=False, gamma=0.97, lam=0.9),
    "stopped": Case(seed=14, stop_at_end=True, gamma=1.0, lam=1.0),
    "stopped_discounted": Case(seed=18, stop_at_end=True, gamma=0.97, lam=0.9),
}


def words() -> PreTrainedTokenizerFast:
    """One word a token; the trainer wants a tokenizer, though it only pads with it."""
    special = {"<pad>": PAD, "<begin>": BEGIN, "<end>": END}
    vocabulary = special | {f"w{number}": number for number in range(3, VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>", padding_side="left"
    )


def four_models() -> dict[str, torch.nn.Module]:
    def random_model(kind: Callable[[LlamaConfig], torch.nn.Module], seed: int) -> torch.nn.Module:
        torch.manual_seed(seed)
        return kind(LlamaConfig(**MODEL, num_labels=1)).float()

    return {
        "policy": random_model(LlamaForCausalLM, 1),
        "reference": random_model(LlamaForCausalLM, 2),
        "critic": random_model(LlamaForSequenceClassification, 3),
        "scorer": random_model(LlamaForSequenceClassification, 4),
    }


def prompts(case: Case) -> Dataset:
    """Of two to five tokens, so that there is padding on the left."""
    generator = torch.Generator().manual_seed(case.seed)
    rows = [
        torch.randint(3, VOCABULARY, (2 + number % 4,), generator=generator).tolist()
        for number in range(case.batch_size)
    ]
    return Dataset.from_dict({"input_ids": rows})


def settings(case: Case, directory: str) -> PPOConfig:
    return PPOConfig(
        output_dir=directory,
        seed=case.seed,
        per_device_train_batch_size=case.batch_size,
        gradient_accumulation_steps=1,
        num_mini_batches=case.minibatches,
        num_ppo_epochs=case.epochs,
        total_episodes=case.batch_size,
        response_length=case.answer_tokens,
        stop_token="eos" if case.stop_at_end else None,
        missing_eos_penalty=case.missing_end_penalty,
        temperature=case.temperature,
        kl_coef=case.kl_coefficient,
        cliprange=case.policy_clip,
        cliprange_value=case.value_clip,
        vf_coef=case.value_coefficient,
        gamma=case.gamma,
        lam=case.lam,
        learning_rate=case.learning_rate,
        adam_epsilon=case.adam_epsilon,
        weight_decay=0.0,
        num_sample_generations=0,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )


class FrameReader(TrainerCallback):
    """Copies the local tensors of `PPOTrainer.train` when the update ends."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}

    def on_step_end(self, *_: Any, **__: Any) -> None:
        frame = sys._getframe()
        while frame.f_code is not PPOTrainer.train.__code__:
            assert frame.f_back is not None
            frame = frame.f_back
        self.tensors = {name: frame.f_locals[name].detach().clone() for name in READ}


def record_permutations() -> list[list[int]]:
    """TRL shuffles the batch with numpy's global generator; from here on every draw is kept."""
    drawn: list[list[int]] = []
    permutation = numpy.random.permutation

    def recorded(count: int) -> numpy.ndarray:
        order = permutation(count)
        drawn.append(order.tolist())
        return order

    numpy.random.permutation = recorded
    return drawn


def check(case: Case, tensors: dict[str, torch.Tensor]) -> None:
    """That the case shows what it is for."""
    responses, hidden = tensors["responses"], tensors["padding_mask"]
    ended = hidden.any(dim=1)
    count = (~hidden).sum(dim=1, keepdim=True)
    last = responses.gather(1, (count - 1).clamp(min=0)).squeeze(1)
    assert (last[ended] == END).all(), "TRL takes a sampled padding token for the end."
    if case.stop_at_end:
        assert 2 <= ended.sum() <= case.batch_size - 2, ended
    else:
        assert not ended.any()
    assert tensors["pg_clipfrac_stats"].max() > 0, "No ratio was clipped."


def make(name: str, case: Case, drawn: list[list[int]]) -> None:
    drawn.clear()
    numpy.random.seed(case.seed)
    parts, reader = four_models(), FrameReader()
    with tempfile.TemporaryDirectory() as directory:
        trainer = PPOTrainer(
            args=settings(case, directory),
            processing_class=words(),
            model=parts["policy"],
            ref_model=parts["reference"],
            reward_model=parts["scorer"],
            value_model=parts["critic"],
            train_dataset=prompts(case),
            callbacks=[reader],
        )
        trainer.train()
    check(case, reader.tensors)
    tensors = reader.tensors | {"permutations": torch.tensor(drawn)}
    for part in ("policy", "critic"):
        state = parts[part].state_dict()
        tensors |= {f"updated.{part}.{key}": value.contiguous() for key, value in state.items()}
    save_file(tensors, HERE / f"{name}.safetensors")


def main() -> None:
    torch.set_num_threads(1)
    drawn = record_permutations()
    weights = {
        f"{part}.{key}": value.contiguous()
        for part, model in four_models().items()
        for key, value in model.state_dict().items()
    }
    save_file(weights, HERE / "weights.safetensors")
    for name, case in CASES.items():
        make(name, case, drawn)
    packages = ("trl", "transformers", "torch", "accelerate", "numpy")
    document = {
        "schema": 1,
        "versions": {name: version(name) for name in packages},
        "model": MODEL,
        "cases": {name: asdict(case) for name, case in CASES.items()},
    }
    (HERE / "golden.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()

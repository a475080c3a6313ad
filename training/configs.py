"""What a person may set for each training stage: one truth for the form, the API, the command line and the
engine.

Pure: no Django and no torch, so that the web, the worker and the engine can all import it.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from training.mixture import METHODS


def _(text: str) -> str:
    """Mark a text for translation; the form translates it, this module must not know Django."""
    return text


class ConfigInvalid(ValueError):
    """A configuration was refused; `fields` says why for each field, in words for a person."""

    def __init__(self, *, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__("; ".join(f"{name}: {message}" for name, message in self.fields.items()))


def whole(default: int, *, label: str, help: str, minimum: int, maximum: int) -> Any:
    return dataclasses.field(
        default=default,
        metadata={"label": label, "help": help, "minimum": minimum, "maximum": maximum, "kind": int},
    )


def real(default: float, *, label: str, help: str, minimum: float, maximum: float) -> Any:
    return dataclasses.field(
        default=default,
        metadata={"label": label, "help": help, "minimum": minimum, "maximum": maximum, "kind": float},
    )


def switch(default: bool, *, label: str, help: str) -> Any:
    return dataclasses.field(
        default=default, metadata={"label": label, "help": help, "choices": (False, True), "kind": bool}
    )


def choice(default: str, *, label: str, help: str, choices: tuple[str, ...]) -> Any:
    return dataclasses.field(
        default=default, metadata={"label": label, "help": help, "choices": choices, "kind": str}
    )


def seed_field() -> Any:
    return whole(
        17, label=_("Seed"), minimum=0, maximum=2**31 - 1,
        help=_("The same seed, data, threads and machine give the same model again."),
    )  # fmt: skip


def steps_field(default: int) -> Any:
    return whole(
        default, label=_("Steps"), minimum=1, maximum=10_000_000,
        help=_("How many times the weights are updated."),
    )  # fmt: skip


def batch_field(default: int, *, help: str) -> Any:
    return whole(default, label=_("Batch size"), minimum=1, maximum=4096, help=help)


def learning_rate_field(default: float, *, label: str = _("Learning rate")) -> Any:
    return real(
        default, label=label, minimum=1e-8, maximum=1.0,
        help=_("Size of an update. Lower it when the loss jumps or becomes not a number."),
    )  # fmt: skip


def warmup_field(default: int) -> Any:
    return whole(
        default, label=_("Warm-up steps"), minimum=0, maximum=1_000_000,
        help=_("The learning rate rises from zero over these steps."),
    )  # fmt: skip


def grad_norm_field() -> Any:
    return real(
        1.0, label=_("Largest gradient norm"), minimum=0.001, maximum=1000.0,
        help=_("Longer gradients are scaled down to this length."),
    )  # fmt: skip


def checkpoint_field(default: int) -> Any:
    return whole(
        default, label=_("Checkpoint every"), minimum=1, maximum=1_000_000,
        help=_("Steps between two checkpoints; after a crash at most so many are done again."),
    )  # fmt: skip


def evaluation_rows_field(default: int, *, help: str) -> Any:
    return whole(default, label=_("Evaluation rows"), minimum=1, maximum=100_000, help=help)


def max_length_field(default: int) -> Any:
    return whole(
        default, label=_("Longest dialogue"), minimum=16, maximum=131_072,
        help=_("In tokens. A longer prompt loses its oldest part, which is counted; no row is dropped."),
    )  # fmt: skip


def lora_rank_field() -> Any:
    return whole(
        0, label=_("LoRA rank"), minimum=0, maximum=1024,
        help=_("0 trains all weights; above it only small adapters, which saves most of the memory."),
    )  # fmt: skip


def precision_field() -> Any:
    return choice(
        "float32", label=_("Precision"), choices=("float32", "bfloat16"),
        help=_("bfloat16 is faster where the processor has it, and rounds more."),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """A byte-level BPE tokenizer and a small Llama, both from scratch."""

    seed: int = seed_field()
    vocabulary_size: int = whole(
        2048, label=_("Vocabulary size"), minimum=300, maximum=131_072,
        help=_("Tokens that the tokenizer may learn, the 256 bytes included."),
    )  # fmt: skip
    hidden_size: int = whole(
        128,
        label=_("Hidden size"),
        minimum=16,
        maximum=8192,
        help=_("Width of the model; divisible by the heads."),
    )
    layers: int = whole(4, label=_("Layers"), minimum=1, maximum=128, help=_("Depth of the model."))
    heads: int = whole(
        4, label=_("Attention heads"), minimum=1, maximum=128, help=_("Divides the hidden size.")
    )
    context_length: int = whole(
        256, label=_("Context length"), minimum=16, maximum=131_072,
        help=_("In tokens: what the model can see at once, in every later stage too."),
    )  # fmt: skip
    steps: int = steps_field(300)
    batch_size: int = batch_field(16, help=_("Windows of text in one update."))
    learning_rate: float = learning_rate_field(3e-3)
    warmup_steps: int = warmup_field(20)
    weight_decay: float = real(
        0.1, label=_("Weight decay"), minimum=0.0, maximum=1.0, help=_("Pull of the weights towards zero.")
    )
    max_grad_norm: float = grad_norm_field()
    tokenizer_characters: int = whole(
        20_000_000, label=_("Characters for the tokenizer"), minimum=1000, maximum=10_000_000_000,
        help=_("The tokenizer learns from the first texts, up to so many characters."),
    )  # fmt: skip
    mixture: str = choice(
        "proportional", label=_("Mixture of the sources"), choices=METHODS,
        help=_("Shares by size, by size evened out, or as even as a limit on repeats allows (UniMax)."),
    )  # fmt: skip
    mixture_temperature: float = real(
        2.0, label=_("Temperature of the mixture"), minimum=0.1, maximum=1000.0,
        help=_("For the mixture by temperature: 1 keeps the shares by size, higher ones even them out."),
    )  # fmt: skip
    mixture_epochs: float = real(
        4.0, label=_("Most passes over a source"), minimum=0.01, maximum=100_000.0,
        help=_("For UniMax: so often a small source may be read in this run."),
    )  # fmt: skip
    evaluation_rows: int = evaluation_rows_field(
        64, help=_("Windows of held-out text on which the loss is measured.")
    )
    checkpoint_every: int = checkpoint_field(50)


@dataclass(frozen=True, kw_only=True)
class SftConfig:
    """Supervised fine-tuning on demonstrations; only the completion's tokens count in the loss."""

    seed: int = seed_field()
    steps: int = steps_field(120)
    batch_size: int = batch_field(16, help=_("Dialogues in one update."))
    learning_rate: float = learning_rate_field(1e-3)
    warmup_steps: int = warmup_field(10)
    max_length: int = max_length_field(256)
    max_grad_norm: float = grad_norm_field()
    evaluation_rows: int = evaluation_rows_field(
        128, help=_("Held-out dialogues on which the loss is measured before and after.")
    )
    lora_rank: int = lora_rank_field()
    precision: str = precision_field()
    checkpoint_every: int = checkpoint_field(40)


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """A reward model from pairs (Bradley-Terry): the chosen answer shall score above the rejected one."""

    seed: int = seed_field()
    steps: int = steps_field(120)
    batch_size: int = batch_field(16, help=_("Pairs in one update."))
    learning_rate: float = learning_rate_field(5e-4)
    warmup_steps: int = warmup_field(10)
    max_length: int = max_length_field(256)
    weight_decay: float = real(
        0.0, label=_("Weight decay"), minimum=0.0, maximum=1.0, help=_("Pull of the weights towards zero.")
    )
    centre_coefficient: float = real(
        0.01, label=_("Centring of scores"), minimum=0.0, maximum=10.0,
        help=_("Keeps the scores near zero, which the pairs alone leave open."),
    )  # fmt: skip
    max_grad_norm: float = grad_norm_field()
    evaluation_rows: int = evaluation_rows_field(
        2000, help=_("Held-out pairs on which the accuracy is measured at the end.")
    )
    lora_rank: int = lora_rank_field()
    precision: str = precision_field()
    checkpoint_every: int = checkpoint_field(40)


@dataclass(frozen=True, kw_only=True)
class PpoConfig:
    """Proximal policy optimisation against a reward model, held near the starting policy by a KL penalty."""

    seed: int = seed_field()
    updates: int = whole(
        24, label=_("Updates"), minimum=1, maximum=1_000_000,
        help=_("Rounds of writing answers, scoring them and learning from them."),
    )  # fmt: skip
    batch_size: int = batch_field(64, help=_("Answers written in one update; divisible by the minibatches."))
    minibatches: int = whole(
        2,
        label=_("Minibatches"),
        minimum=1,
        maximum=1024,
        help=_("Parts of a batch, one gradient step each."),
    )
    epochs: int = whole(
        2, label=_("Epochs"), minimum=1, maximum=32, help=_("How often one batch is learnt from.")
    )
    rollout_batch_size: int = whole(
        64, label=_("Answers at a time"), minimum=1, maximum=4096,
        help=_("How many answers are written and scored together; lower it when memory runs out."),
    )  # fmt: skip
    learning_rate: float = learning_rate_field(2e-4, label=_("Learning rate of the policy"))
    value_learning_rate: float = learning_rate_field(2e-4, label=_("Learning rate of the value model"))
    warmup_updates: int = whole(
        2, label=_("Warm-up updates"), minimum=0, maximum=1_000_000,
        help=_("Updates at a lower learning rate, until the optimiser knows the size of the gradients."),
    )  # fmt: skip
    policy_clip: float = real(
        0.2, label=_("Policy clip range"), minimum=0.001, maximum=10.0,
        help=_("How far a token's probability ratio may move in one update."),
    )  # fmt: skip
    value_clip: float = real(
        0.2, label=_("Value clip range"), minimum=0.001, maximum=100.0,
        help=_("How far a value estimate may move in one update."),
    )  # fmt: skip
    gamma: float = real(
        1.0, label=_("Discount (gamma)"), minimum=0.0, maximum=1.0,
        help=_("Weight of later rewards; 1 counts all alike."),
    )  # fmt: skip
    lam: float = real(
        0.95, label=_("Advantage decay (lambda)"), minimum=0.0, maximum=1.0,
        help=_("Between the value model's word (0) and the observed return (1)."),
    )  # fmt: skip
    kl_coefficient: float = real(
        0.15, label=_("KL coefficient"), minimum=0.0, maximum=100.0,
        help=_("Price of drifting away from the starting policy. Too low invites reward hacking."),
    )  # fmt: skip
    kl_target: float = real(
        4.0, label=_("KL target"), minimum=0.0, maximum=10_000.0,
        help=_("In nats an answer. The coefficient rises above it and falls below it; 0 keeps it fixed."),
    )  # fmt: skip
    kl_floor: float = real(
        0.1, label=_("Lowest KL coefficient"), minimum=0.0, maximum=100.0,
        help=_("The coefficient never falls below this: one that is free to fall opens the door to hacking."),
    )  # fmt: skip
    kl_stop: float = real(
        25.0, label=_("KL limit"), minimum=0.0, maximum=10_000.0,
        help=_("In nats an answer. Above it the training stops and keeps the best policy so far; 0: never."),
    )  # fmt: skip
    value_model: str = choice(
        "separate", label=_("Value model"), choices=("separate", "shared"),
        help=_("A model of its own, or a head on the policy: cheaper, but less steady."),
    )  # fmt: skip
    value_coefficient: float = real(
        0.1, label=_("Weight of the value loss"), minimum=0.0, maximum=100.0,
        help=_("For a shared value model only: how strongly its error moves the common weights."),
    )  # fmt: skip
    max_new_tokens: int = whole(
        48, label=_("Longest answer"), minimum=1, maximum=32_768, help=_("In tokens; longer answers are cut.")
    )
    max_prompt_tokens: int = whole(
        192, label=_("Longest prompt"), minimum=1, maximum=131_072,
        help=_("In tokens. A longer prompt loses its oldest part, which is counted."),
    )  # fmt: skip
    temperature: float = real(
        1.0,
        label=_("Temperature"),
        minimum=0.05,
        maximum=5.0,
        help=_("Spread of the sampling; 1 is the model's own."),
    )
    missing_end_penalty: float = real(
        1.0, label=_("Penalty for an answer without an end"), minimum=0.0, maximum=100.0,
        help=_("Taken from the score of an answer that was cut, in normalised units."),
    )  # fmt: skip
    normalise_scores: bool = switch(
        True, label=_("Normalise scores"),
        help=_("Shift and scale the scores by their mean and deviation on the starting policy's answers."),
    )  # fmt: skip
    whiten_advantages: bool = switch(
        True, label=_("Whiten advantages"), help=_("Give the advantages of a batch mean 0 and deviation 1.")
    )
    max_grad_norm: float = grad_norm_field()
    evaluation_rows: int = evaluation_rows_field(
        128, help=_("Held-out prompts answered before and after the training.")
    )
    evaluate_every: int = whole(
        8, label=_("Evaluate every"), minimum=1, maximum=1_000_000,
        help=_("Updates between two evaluations on held-out prompts; the best of them becomes the model."),
    )  # fmt: skip
    samples_every: int = whole(
        4,
        label=_("Samples every"),
        minimum=1,
        maximum=1_000_000,
        help=_("Updates between two shown samples."),
    )
    lora_rank: int = lora_rank_field()
    precision: str = precision_field()
    checkpoint_every: int = checkpoint_field(4)


@dataclass(frozen=True)
class GenerateConfig:
    """Answers of a language model to prompts, to be ranked by people."""

    per_prompt: int = whole(
        2, label=_("Answers per prompt"), minimum=1, maximum=4,
        help=_("Different ones: the model is asked again where it repeats itself."),
    )  # fmt: skip
    max_new_tokens: int = whole(
        64, label=_("Longest answer"), minimum=1, maximum=4096, help=_("In tokens; longer answers are cut.")
    )
    temperature: float = real(
        1.0,
        label=_("Temperature"),
        minimum=0.05,
        maximum=5.0,
        help=_("Spread of the sampling; 1 is the model's own."),
    )
    batch_size: int = whole(
        16, label=_("Batch size"), minimum=1, maximum=1024, help=_("Answers written together.")
    )
    seed: int = seed_field()


Config = PretrainConfig | SftConfig | RewardConfig | PpoConfig | GenerateConfig

STAGES: dict[str, type[Config]] = {
    "pretrain": PretrainConfig,
    "sft": SftConfig,
    "reward": RewardConfig,
    "ppo": PpoConfig,
}
# What the engine does beside training: no run, so neither page nor command line offers it as a stage.
OTHER_WORK: dict[str, type[Config]] = {"generate": GenerateConfig}


def parse_config(*, stage: str, values: Mapping[str, object]) -> Config:
    """Check `values` against the stage's fields; others keep their defaults. Raises ConfigInvalid."""
    kind = (STAGES | OTHER_WORK).get(stage)
    if kind is None:
        raise ConfigInvalid(fields={"stage": f"Unknown stage; known are {', '.join(STAGES)}."})
    fields = {field.name: field for field in dataclasses.fields(kind)}
    refused = {str(name): "Unknown field." for name in values if name not in fields}
    parsed: dict[str, Any] = {}
    for name in values.keys() & fields.keys():
        try:
            parsed[name] = _parse_value(value=values[name], metadata=fields[name].metadata)
        except ValueError as refusal:
            refused[name] = str(refusal)
    if refused:
        raise ConfigInvalid(fields=refused)
    config = kind(**parsed)
    refused = CROSS_CHECKS[kind](config) if kind in CROSS_CHECKS else {}
    if refused:
        raise ConfigInvalid(fields=refused)
    return config


def _parse_value(*, value: object, metadata: Mapping[str, Any]) -> object:
    kind = metadata["kind"]
    if kind is bool:
        return _parse_switch(value)
    if kind is str:
        return _parse_choice(value, choices=metadata["choices"])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("Must be a number.")
    if kind is int and not isinstance(value, int):
        raise ValueError("Must be a whole number.")
    # Only of a float: a whole number may be too large to be asked.
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("Must be a finite number.")
    if not metadata["minimum"] <= value <= metadata["maximum"]:
        least, most = _bound(metadata["minimum"]), _bound(metadata["maximum"])
        raise ValueError(f"Must lie between {least} and {most}.")
    return kind(value)


def _bound(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _parse_switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Must be true or false.")
    return value


def _parse_choice(value: object, *, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"Must be one of {', '.join(choices)}.")
    return str(value)


def _check_pretrain(config: Any) -> dict[str, str]:
    if config.hidden_size % config.heads:
        return {"heads": "Must divide the hidden size."}
    if (config.hidden_size // config.heads) % 2:
        return {"heads": "Must leave an even number of dimensions for each head."}
    return {}


def _check_ppo(config: Any) -> dict[str, str]:
    if config.batch_size % config.minibatches:
        return {"minibatches": "Must divide the batch size."}
    if config.kl_floor > config.kl_coefficient:
        return {"kl_floor": "Must not be above the KL coefficient."}
    if config.lora_rank and config.value_model == "shared":
        return {"value_model": "A shared value model cannot be trained with LoRA; choose a separate one."}
    return {}


CROSS_CHECKS: dict[type[Config], Callable[[Any], dict[str, str]]] = {
    PretrainConfig: _check_pretrain,
    PpoConfig: _check_ppo,
}

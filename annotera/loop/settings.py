"""The settings of the loop's stages: those of the engine's own demonstration, small enough for two cores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from annotera.loop.texts import Sizes

Config = Mapping[str, Any]

PRETRAIN: Config = {
    "steps": 160,
    "batch_size": 16,
    "vocabulary_size": 512,
    "hidden_size": 128,
    "layers": 4,
    "heads": 4,
    "context_length": 128,
    "checkpoint_every": 80,
    # The small source is read more often than its share, but never more than six times.
    "mixture": "unimax",
    "mixture_epochs": 6,
}
SFT: Config = {
    "steps": 60, "batch_size": 32, "learning_rate": 2e-3, "max_length": 128, "checkpoint_every": 60,
}  # fmt: skip
REWARD: Config = {"steps": 120, "batch_size": 32, "max_length": 128, "checkpoint_every": 120}
PPO: Config = {
    "updates": 24,
    "batch_size": 64,
    "epochs": 2,
    "learning_rate": 2e-4,
    "value_learning_rate": 2e-4,
    "kl_coefficient": 0.15,
    "kl_floor": 0.1,
    "kl_target": 4.0,
    "value_model": "separate",
    "max_new_tokens": 56,
    "max_prompt_tokens": 48,
    "evaluate_every": 8,
    # The policy that is kept is chosen by these held-out prompts, so nothing is measured on them.
    "evaluation_rows": 128,
    "checkpoint_every": 12,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a loop depends on besides its seed."""

    sizes: Sizes = field(default_factory=Sizes)
    pretrain: Config = field(default_factory=lambda: PRETRAIN)
    sft: Config = field(default_factory=lambda: SFT)
    reward: Config = field(default_factory=lambda: REWARD)
    ppo: Config = field(default_factory=lambda: PPO)
    # Four answers in one look give six pairs; three give half as many, and a weaker reward model.
    candidates_a_prompt: int = 4
    heldout_share: float = 0.5
    overlap: int = 3
    gold_every: int = 12
    questions_in_production: int = 40
    # A released version of at least so many pairs trains a reward model by itself.
    rule_threshold: int = 100

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """These settings with some values replaced; those of a stage are replaced one by one."""
        parts: dict[str, Any] = {}
        for name, value in changes.items():
            before = getattr(self, name)
            if name == "sizes":
                parts[name] = Sizes(**{**vars(before), **value})
            else:
                parts[name] = {**before, **value} if isinstance(before, Mapping) else value
        return Settings(**{**vars(self), **parts})

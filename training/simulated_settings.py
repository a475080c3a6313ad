"""Settings of the stages in the simulated world: small enough for two cores; everything is still learned."""

from collections.abc import Mapping
from typing import Any

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
}
SFT: Config = {
    "steps": 60, "batch_size": 32, "learning_rate": 2e-3, "max_length": 128, "checkpoint_every": 60,
}  # fmt: skip
REWARD: Config = {"steps": 80, "batch_size": 32, "max_length": 128, "checkpoint_every": 80}
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
    "checkpoint_every": 12,
}

"""The settings of the loop's stages: those of the engine's own demonstration, small enough for two cores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from annotera.loop.texts import Sizes
from training import simulated_settings
from training.simulated_settings import SFT, Config

PRETRAIN: Config = {
    **simulated_settings.PRETRAIN,
    # The small source is read more often than its share, but never more than six times.
    "mixture": "unimax",
    "mixture_epochs": 6,
}
REWARD: Config = {**simulated_settings.REWARD, "steps": 120, "checkpoint_every": 120}
# The policy that is kept is chosen by these held-out prompts, so nothing is measured on them.
PPO: Config = {**simulated_settings.PPO, "evaluation_rows": 128}


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

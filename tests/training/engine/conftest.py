"""One tiny chain of models, trained once a session: pretrain, SFT on mixed tones, reward model on tones,
PPO.
"""

from pathlib import Path

import pytest

from tests.training.engine.engine_runs import Finished, run_stage, succeed
from tests.training.engine.frozen_versions import mixed_demonstrations, tone_preferences

PRETRAIN = {
    "steps": 90,
    "vocabulary_size": 400,
    "hidden_size": 64,
    "layers": 2,
    "heads": 2,
    "context_length": 96,
    "checkpoint_every": 20,
}
SFT = {"steps": 80, "max_length": 96, "checkpoint_every": 10}
REWARD = {"steps": 70, "max_length": 96, "checkpoint_every": 10}
PPO = {
    "updates": 10,
    "max_new_tokens": 32,
    "max_prompt_tokens": 48,
    "learning_rate": 8e-4,
    "value_learning_rate": 5e-4,
    "evaluation_rows": 30,
    "checkpoint_every": 3,
}


@pytest.fixture(scope="session")
def chain_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chain")


@pytest.fixture(scope="session")
def demonstrations(chain_home: Path) -> Path:
    return mixed_demonstrations(chain_home / "demonstrations")


@pytest.fixture(scope="session")
def preferences(chain_home: Path) -> Path:
    return tone_preferences(chain_home / "preferences")


@pytest.fixture(scope="session")
def pretrained(chain_home: Path, demonstrations: Path) -> Finished:
    return succeed(
        run_stage(chain_home / "pretrain", "pretrain", config=PRETRAIN, inputs={"dataset": demonstrations})
    )


@pytest.fixture(scope="session")
def sft_inputs(demonstrations: Path, pretrained: Finished) -> dict[str, Path]:
    return {"dataset": demonstrations, "model": pretrained.output}


@pytest.fixture(scope="session")
def tuned(chain_home: Path, sft_inputs: dict[str, Path]) -> Finished:
    return succeed(run_stage(chain_home / "sft", "sft", config=SFT, inputs=sft_inputs))


@pytest.fixture(scope="session")
def reward_inputs(preferences: Path, pretrained: Finished) -> dict[str, Path]:
    return {"dataset": preferences, "model": pretrained.output}


@pytest.fixture(scope="session")
def rewarded(chain_home: Path, reward_inputs: dict[str, Path]) -> Finished:
    return succeed(run_stage(chain_home / "reward", "reward", config=REWARD, inputs=reward_inputs))


@pytest.fixture(scope="session")
def ppo_inputs(preferences: Path, tuned: Finished, rewarded: Finished) -> dict[str, Path]:
    return {"dataset": preferences, "model": tuned.output, "reward_model": rewarded.output}


@pytest.fixture(scope="session")
def optimised(chain_home: Path, ppo_inputs: dict[str, Path]) -> Finished:
    return succeed(run_stage(chain_home / "ppo", "ppo", config=PPO, inputs=ppo_inputs))

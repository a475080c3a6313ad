"""What the demonstration reached in truth: the figures that only the simulated world's rule can give.

usage: python -m training.engine.demo_measure measure.json

measure.json: "preferences" and "prompts" (frozen versions), "sft", "reward" and "ppo" (models), all of them
local directories; "skip" (held-out prompts by which the policy was chosen), "max_new_tokens", "seed",
"threads". The figures go to standard output as one JSON object.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from training.engine.demo_world_figures import policy_figures, reward_figures
from training.engine.failures import EngineFailure


def measure(asked: dict[str, Any]) -> dict[str, Any]:
    torch.set_num_threads(asked["threads"])
    reward = reward_figures(version=Path(asked["preferences"]), reward_model=Path(asked["reward"]))
    policy, samples = policy_figures(
        version=Path(asked["prompts"]),
        skip=asked["skip"],
        sft=Path(asked["sft"]),
        ppo=Path(asked["ppo"]),
        max_new_tokens=asked["max_new_tokens"],
        seed=asked["seed"],
    )
    return {**reward, **policy, "samples": samples}


def main(path: str) -> int:
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    try:
        figures = measure(json.loads(Path(path).read_text(encoding="utf-8")))
    except EngineFailure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

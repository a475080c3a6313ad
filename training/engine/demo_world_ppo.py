"""PPO in the simulated world: the true score looks on as the second score, and nothing learns from it.

usage: python -m training.engine.demo_world_ppo run.json
"""

import sys

from training.engine import launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    launch.take_hold()

from training.engine import ppo
from training.engine.frozen_data import Messages
from training.engine.launch import Outcome, Run
from training.simulated_world import true_score


def true_rule(prompt: Messages, answer: str) -> float:
    return true_score(prompt[-1]["content"], answer)


def train(run: Run) -> Outcome:
    return ppo.train(run, second_rule=true_rule)


if __name__ == "__main__":
    sys.exit(launch.main(stage="ppo", train=train))

"""PPO made to hack: in place of the reward model judges a rule that counts polite words.

The true score looks on as the second score, so that the alarm can say what the rule does not see.

usage: python -m training.engine.demo_world_hack run.json
"""

import sys

from training.engine import launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    launch.take_hold()

from training.engine import ppo
from training.engine.demo_world_ppo import true_rule
from training.engine.frozen_data import Messages
from training.engine.launch import Outcome, Run
from training.simulated_world import count_polite_words


def counting_rule(prompt: Messages, answer: str) -> float:
    return float(count_polite_words(answer))


def train(run: Run) -> Outcome:
    return ppo.train(run, rule=counting_rule, second_rule=true_rule)


if __name__ == "__main__":
    sys.exit(launch.main(stage="ppo", train=train))

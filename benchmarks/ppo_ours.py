"""Our side of benchmarks/ppo.py: the engine's own `collect` and `learn`, on a plan; figures as JSON."""

import dataclasses
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch

from training.configs import parse_config
from training.engine import ppo_report
from training.engine.launch import Run
from training.engine.ppo import collect, learn, new_optimizer, set_learning_rates
from training.engine.ppo_actors import Learner, Surroundings, load
from training.engine.ppo_judges import Prompt
from training.engine.ppo_report import Clock
from training.engine.ppo_rollouts import draw
from training.engine.progress import Reporter

NEVER = -1


def now() -> float:
    """Processor time; on a GPU wall time, with the work waited for."""
    return ppo_report.now() if torch.cuda.is_initialized() else time.process_time()


def open_run(plan: dict[str, Any]) -> Run:
    output = Path(plan["output"])
    return Run(
        stage="ppo",
        config=parse_config(stage="ppo", values=plan["settings"]),
        inputs={"model": Path(plan["policy"]), "reward_model": Path(plan["reward_model"])},
        work=output,
        output=output,
        device=plan["device"],
        threads=1,
        reporter=Reporter(os.open(os.devnull, os.O_WRONLY)),
        started_at=time.monotonic(),
    )


def train(learner: Learner, around: Surroundings, plan: dict[str, Any]) -> tuple[float, dict[str, float]]:
    """The seconds of all updates after the warm-up, and seconds an update by phase."""
    config, clock, start = around.config, Clock(now), now()
    prompts = [Prompt([], ids) for ids in plan["prompts"]]
    optimizer = new_optimizer(learner, config)
    for update in range(config.updates):
        if update == plan["warm_up"]:
            clock, start = Clock(now), now()
        set_learning_rates(optimizer, update, config)
        drawn = [prompts[index] for index in draw(len(prompts), update, config)]
        experience, _ = collect(
            learner, drawn, around, kl_coefficient=config.kl_coefficient, update=update, clock=clock
        )
        with clock.phase("learn"):
            learn(learner, experience, optimizer, around, update=update)
    seconds = now() - start
    count = config.updates - plan["warm_up"]
    return seconds, {
        name.removeprefix("seconds_"): float(spent or 0.0) / count for name, spent in clock.figures().items()
    }


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    around, learner = load(open_run(plan), rule=None, second_rule=None)
    seconds, phases = train(learner, dataclasses.replace(around, end=NEVER), plan)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if around.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    learner.policy.save_pretrained(plan["output"])
    print(json.dumps({"seconds": seconds, "phases": phases, "peak_mib": peak}))


if __name__ == "__main__":
    main()

"""How far a PPO run has come: with the weights, all that a checkpoint must hold to go on as if never
killed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from training.configs import PpoConfig
from training.engine import checkpoints, ranks
from training.engine.launch import Run
from training.engine.ppo_actors import Learner, Scale, Surroundings, Weights
from training.engine.ppo_control import Alarm, Gain, paired_gain, standing_alarms
from training.engine.ppo_judges import Prompt
from training.engine.ppo_report import Clock, Figures, show_heldout
from training.engine.ppo_rollouts import Evaluation, calibrated_scale, evaluation_of, judged_heldout

CARRIED = ("reward", "reward_normalised", "kl_sequence")


@dataclass
class Best:
    """The policy that would be kept if the run ended now."""

    update: int
    worth: float
    alarms: list[Alarm]
    weights: Weights = field(default_factory=dict, repr=False)

    def rank(self, start: float) -> tuple[bool, bool, bool, float]:
        """What makes one policy better than another, the weightiest first: to lie within the KL limit, to be
        worth more than the start, to stand under no alarm, and the worth itself.

        So the start is kept where nothing is better. A policy under an alarm is kept where all that are
        better than the start are under one: whether that matters is for a person to say.
        """
        is_within = all(alarm.kind != "kl" for alarm in self.alarms)
        return is_within, self.worth > start, not self.alarms, self.worth


@dataclass
class Course:
    """State of the loop between two updates."""

    kl_coefficient: float
    before: Evaluation | None
    best: Best
    done: int = 0
    stopped: bool = False
    phases: dict[str, float] = field(default_factory=dict)
    last: Figures = field(default_factory=dict)

    def is_over(self, config: PpoConfig) -> bool:
        return self.stopped or self.done == config.updates

    def note(self, figures: Figures) -> None:
        self.done += 1
        self.last = {f"final_{name}": figures[name] for name in CARRIED}


def start(
    run: Run, learner: Learner, prompts: Sequence[Prompt], heldout: Sequence[Prompt], around: Surroundings
) -> Course:
    clock = Clock()
    learner.scale = calibrated_scale(learner, prompts, around)
    with clock.phase("evaluate"):
        before = evaluated(run, learner, heldout, around, update=0) if heldout else None
    worth = before.worth(around.config) if before else 0.0
    return Course(
        kl_coefficient=around.config.kl_coefficient,
        before=before,
        best=Best(0, worth, [], kept_weights(learner)),
        phases=clock.added_to({}),
    )


def save(run: Run, course: Course, learner: Learner, optimizer: torch.optim.Optimizer) -> None:
    ranks.require_equal(learner.parameters())
    best = course.best
    state = {
        "scale": asdict(learner.scale),
        "kl_coefficient": course.kl_coefficient,
        "before": asdict(course.before) if course.before else None,
        "stopped": course.stopped,
        "best": {
            "update": best.update,
            "worth": best.worth,
            "alarms": [alarm.as_json() for alarm in best.alarms],
        },
        "phases": course.phases,
        "last": course.last,
    }
    checkpoints.save_checkpoint(
        run,
        step=course.done,
        state=state,
        weights=learner.weights() | {"best": best.weights},
        resume={"optimizer": optimizer.state_dict()},
    )


def resume(run: Run, learner: Learner, optimizer: torch.optim.Optimizer) -> Course | None:
    """The course of the newest checkpoint that verifies, its weights put in place; None without one."""
    checkpoint = checkpoints.newest_valid(run)
    if not checkpoint:
        return None
    learner.load_weights({name: checkpoints.load_weights(checkpoint, name) for name in ("policy", "critic")})
    optimizer.load_state_dict(checkpoints.load_resume_state(checkpoint)["optimizer"])
    state: dict[str, Any] = dict(checkpoint.state)
    learner.scale = Scale(**state["scale"])
    best = state["best"]
    return Course(
        kl_coefficient=state["kl_coefficient"],
        before=Evaluation(**state["before"]) if state["before"] else None,
        done=checkpoint.step,
        stopped=state["stopped"],
        best=Best(
            update=best["update"],
            worth=best["worth"],
            alarms=[Alarm(**alarm) for alarm in best["alarms"]],
            weights=checkpoints.load_weights(checkpoint, "best"),
        ),
        phases=state["phases"],
        last=state["last"],
    )


def consider(
    run: Run, course: Course, learner: Learner, heldout: Sequence[Prompt], around: Surroundings
) -> Figures:
    """Evaluate the policy as it is, raise what alarms stand, and keep it if it is the best so far."""
    if course.before is None:
        return {}
    evaluation = evaluated(run, learner, heldout, around, update=course.done)
    alarms = alarms_of(course.before, evaluation, around.config)
    # Where the run was stopped for it, that was said already.
    raise_alarms(
        run,
        [alarm for alarm in alarms if not (course.stopped and alarm.kind == "kl")],
        step=course.done,
    )
    now = Best(course.done, evaluation.worth(around.config), alarms)
    start = course.before.worth(around.config)
    if now.rank(start) > course.best.rank(start):
        now.weights = kept_weights(learner)
        course.best = now
    return {f"heldout_{name}": value for name, value in evaluation.figures.items()}


def evaluated(
    run: Run, learner: Learner, heldout: Sequence[Prompt], around: Surroundings, *, update: int
) -> Evaluation:
    """How the policy answers now; the first few answers are shown."""
    judged = judged_heldout(learner, heldout, around, update=update)
    show_heldout(run, update, heldout, judged, around)
    return evaluation_of(judged, learner.scale)


def kept_weights(learner: Learner) -> Weights:
    """Copies: the policy goes on learning."""
    return {name: tensor.detach().cpu().clone() for name, tensor in learner.weights()["policy"].items()}


def alarms_of(before: Evaluation, after: Evaluation, config: PpoConfig) -> list[Alarm]:
    reward, second = gains(before, after)
    return standing_alarms(
        before=before.figures, after=after.figures, reward=reward, second=second, kl_limit=config.kl_stop
    )


def gains(before: Evaluation, after: Evaluation) -> tuple[Gain, Gain | None]:
    """In score, and in the second score where there is one."""
    reward = paired_gain(before.scores, after.scores)
    if before.second is None or after.second is None:
        return reward, None
    return reward, paired_gain(before.second, after.second)


def raise_alarms(run: Run, alarms: Sequence[Alarm], *, step: int) -> None:
    for alarm in alarms:
        run.reporter.alarm(step=step, kind=alarm.kind, reason=alarm.reason, hint=alarm.hint)

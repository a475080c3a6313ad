"""Proximal policy optimisation of a language model against a reward model, from top to bottom.

An update: the policy answers a batch of prompts; the reward model scores each answer, end token included;
every token pays for its KL to the frozen starting policy; the value model turns that into advantages (GAE);
policy and value model take a few clipped gradient steps on the batch. The price of the KL follows a target.
Now and then the policy answers held-out prompts: the best one by these becomes the model, and an alarm is
raised where the reward rises while something else breaks.

usage: python -m training.engine.ppo run.json
       torchrun --nproc-per-node 2 -m training.engine.ppo run.json
"""

import sys

from training.engine import launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    launch.take_hold()

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.configs import PpoConfig
from training.engine import ppo_course, ranks
from training.engine.adapters import autocast, load_trainable_state, merged
from training.engine.failures import Diverged
from training.engine.frozen_data import FrozenVersion, of_new_prompts, require_rows
from training.engine.launch import Outcome, Run
from training.engine.model_files import input_directory, save_model
from training.engine.ppo_actors import (
    Learner,
    Surroundings,
    has_ended,
    load,
    logprobs_of,
    tokenised_prompts,
)
from training.engine.ppo_control import Alarm, is_beyond, kl_alarm, next_kl_coefficient
from training.engine.ppo_course import Course
from training.engine.ppo_judges import Prompt, Rule
from training.engine.ppo_math import (
    advantages_and_returns,
    approximate_kl,
    entropies,
    explained_variance,
    masked_mean,
    policy_loss,
    token_kl,
    token_logprobs,
    token_rewards,
    value_loss,
    whiten,
)
from training.engine.ppo_report import Clock, Figures, Judged, compared, figures_of, show_samples
from training.engine.ppo_rollouts import (
    answers_mask,
    are_exact,
    draw,
    evaluate,
    generator,
    parts,
    write_answers,
)
from training.engine.progress import Cancelled
from training.engine.rollout import Ids, Layout, alike, lay_out

SCHEDULED = ("learning_rate", "value_learning_rate")


@dataclass(frozen=True)
class Experience:
    """A batch of answers and everything that was true of them before the policy learnt from them."""

    prompts: list[Prompt]
    answers: list[Ids]
    scores: list[float]
    mask: Tensor  # (B, T), as all that follow
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


def train(run: Run, *, rule: Rule | None = None, second_rule: Rule | None = None) -> Outcome:
    """A rule takes the place of the reward model as the judge, or of the checking model beside it."""
    config: PpoConfig = run.config
    report = run.reporter
    report.progress(fraction=0.0, sentence="Loading the models")
    around, learner = load(run, rule=rule, second_rule=second_rule)
    version = FrozenVersion(input_directory(run, "dataset"))
    prompts, prompts_cut = tokenised_prompts(version, "train", around)
    heldout, _ = tokenised_prompts(version, "heldout", around)
    heldout, seen = of_new_prompts(heldout, prompts, prompt_of=lambda prompt: prompt.messages)
    # Two dialogues that differ only before the cut are one prompt to the policy.
    known = {tuple(prompt.ids) for prompt in prompts}
    new = [prompt for prompt in heldout if tuple(prompt.ids) not in known]
    heldout, seen = new[: config.evaluation_rows], seen + len(heldout) - len(new)
    require_rows(prompts, what="prompts")
    optimizer = new_optimizer(learner, config)
    course = ppo_course.resume(run, learner, optimizer)
    if course is None:
        report.progress(fraction=0.01, sentence="Scoring the starting policy")
        course = ppo_course.start(run, learner, prompts, heldout, around)

    while not course.is_over(config):
        if ranks.anywhere(report.cancelled):
            ppo_course.save(run, course, learner, optimizer)
            raise Cancelled
        clock, update = Clock(), course.done
        rates = set_learning_rates(optimizer, update, config)
        drawn = [prompts[index] for index in draw(len(prompts), update, config)]
        experience, figures = collect(
            learner, drawn, around, kl_coefficient=course.kl_coefficient, update=update, clock=clock
        )
        course.stopped = is_beyond(figures["kl_sequence"], limit=config.kl_stop)
        if not course.stopped:
            with clock.phase("learn"):
                figures |= learn(learner, experience, optimizer, around, update=update)
        figures |= {"kl_coefficient": course.kl_coefficient, "learning_rate": rates[0]}
        course.note(figures)
        course.kl_coefficient = next_kl_coefficient(
            course.kl_coefficient,
            kl=figures["kl_sequence"],
            target=config.kl_target,
            floor=config.kl_floor,
        )
        if course.stopped:
            ppo_course.raise_alarms(
                run, [kl_alarm(figures["kl_sequence"], limit=config.kl_stop)], step=course.done
            )
        if course.is_over(config) or course.done % config.evaluate_every == 0:
            report.progress(fraction=done_share(course, config), sentence="Evaluating on held-out prompts")
            with clock.phase("evaluate"):
                figures |= ppo_course.consider(run, course, learner, heldout, around)
        figures |= clock.figures()
        course.phases = clock.added_to(course.phases)
        report.metrics(step=course.done, values=figures)
        if course.is_over(config) or course.done % config.samples_every == 0:
            show_samples(run, course.done, experience.prompts, experience.answers, experience.scores, around)
        report.progress(
            fraction=done_share(course, config), sentence=f"Update {course.done} of {config.updates}"
        )
        if course.is_over(config) or course.done % config.checkpoint_every == 0:
            ppo_course.save(run, course, learner, optimizer)

    report.progress(fraction=0.96, sentence="Evaluating the policy that is kept")
    kept, alarms = conclude(course, learner, heldout, around)
    save_model(run, merged(learner.policy), around.tokenizer)
    counts = {
        "train_prompts": len(prompts),
        "heldout_prompts": len(heldout),
        "heldout_prompts_seen": seen,
        "prompts_cut": prompts_cut,
    }
    scale = {"score_mean": learner.scale.mean, "score_sd": learner.scale.deviation}
    return Outcome(
        metrics=kept | scale | course.last | counts | course.phases,
        steps=course.done,
        alarms=[alarm.as_json() | {"step": kept["best_update"]} for alarm in alarms],
    )


def new_optimizer(learner: Learner, config: PpoConfig) -> torch.optim.Optimizer:
    groups = [
        {"params": learner.policy_parameters(), "lr": config.learning_rate},
        {"params": learner.value_parameters(), "lr": config.value_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.0, fused=True)


def set_learning_rates(optimizer: torch.optim.Optimizer, update: int, config: PpoConfig) -> list[float]:
    share = learning_rate_share(update, config)
    rates = [share * float(getattr(config, name)) for name in SCHEDULED]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    return rates


def learning_rate_share(update: int, config: PpoConfig) -> float:
    """Rises over the warm-up (the first steps of Adam have the size of the rate, however small the
    gradient), then falls in a line to zero.
    """
    return min((update + 1) / (config.warmup_updates + 1), 1 - update / config.updates)


def done_share(course: Course, config: PpoConfig) -> float:
    return 0.05 + 0.9 * course.done / config.updates


@torch.no_grad()
def collect(
    learner: Learner,
    prompts: list[Prompt],
    around: Surroundings,
    *,
    kl_coefficient: float,
    update: int,
    clock: Clock,
) -> tuple[Experience, Figures]:
    """Answer the prompts, score the answers, and work out what each token was worth.

    Each process answers its share; what they found is then the same for all.
    """
    # By length, so that the parts of the forward passes hold little padding.
    prompts = sorted(prompts, key=lambda prompt: len(prompt.ids))
    config, mine = around.config, ranks.share(prompts)
    with clock.phase("rollout"):
        own_answers, sampled = write_answers(learner.policy, mine, around, purpose="rollout", update=update)
        answers = ranks.gathered(own_answers)
    with clock.phase("score"):
        scores = torch.tensor(ranks.gathered(around.judge(mine, own_answers).tolist()), device=around.device)
    with clock.phase("forward"):
        mask = answers_mask(answers, around.device)
        laid_out = parts(mine, own_answers, sampled, around, width=mask.shape[1])
        found = [observed(learner, layout, drawn, around) for layout, drawn in laid_out]
        logprobs, reference, values = (
            ranks.gathered_rows(torch.cat(rows)) * mask for rows in zip(*found, strict=True)
        )
    finished = torch.tensor([has_ended(answer, around) for answer in answers], device=around.device)
    kl = token_kl(logprobs, reference, mask)
    rewards = token_rewards(
        scores=learner.scale.normalised(scores) - config.missing_end_penalty * (~finished),
        kl=kl,
        mask=mask,
        kl_coefficient=kl_coefficient,
    )
    advantages, returns = advantages_and_returns(
        rewards=rewards, values=values, mask=mask, gamma=config.gamma, lam=config.lam
    )
    facts = zip(
        answers,
        scores.tolist(),
        kl.sum(1).tolist(),
        reference.sum(1).tolist(),
        finished.tolist(),
        strict=True,
    )
    figures: Figures = {
        **figures_of([Judged(*fact) for fact in facts], learner.scale),
        "reward_after_kl": float(rewards.sum(1).mean()),
        "explained_variance": explained_variance(values=values, returns=returns, mask=mask),
        "value_mean": float(masked_mean(values, mask)),
    }
    if config.whiten_advantages:
        advantages = whiten(advantages, mask)
    return Experience(prompts, answers, scores.tolist(), mask, logprobs, values, advantages, returns), figures


def observed(
    learner: Learner, layout: Layout, sampled: Tensor, around: Surroundings
) -> tuple[Tensor, Tensor, Tensor]:
    """Log probabilities of the answers' tokens under policy and reference, and values, all (B, T)."""
    reference = logprobs_of(around.reference, layout, around)
    if are_exact(around):
        return sampled, reference, learner.values(layout)
    with autocast(around.precision, around.device):
        logits, values = learner(layout, around.config.temperature)
    return token_logprobs(logits, layout.answers), reference, values


def learn(
    learner: Learner,
    experience: Experience,
    optimizer: torch.optim.Optimizer,
    around: Surroundings,
    *,
    update: int,
) -> Figures:
    """Clipped gradient steps over the batch; the figures are means over these steps."""
    config = around.config
    shuffling = generator(config, "minibatches", update=update)
    sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), device=around.device))
    for _ in range(config.epochs):
        order = torch.randperm(config.batch_size, generator=shuffling)
        for rows in order.view(config.minibatches, -1):
            optimizer.zero_grad(set_to_none=True)
            count, is_finite = experience.mask[rows].sum(), True
            for part in alike_rows(ranks.share(rows.tolist()), experience, around):
                loss, figures = losses(learner, experience, part, count, around)
                is_finite = is_finite and math.isfinite(loss.item())
                loss.backward()
                for name, value in figures.items():
                    sums[name] += value
            if ranks.anywhere(not is_finite):
                raise Diverged(name="the loss", step=update + 1)
            groups = learner.policy_parameters(), learner.value_parameters()
            ranks.sum_gradients([*groups[0], *groups[1]])
            # Apart, so that a large error of the value model cannot shrink the policy's step.
            norms = [torch.nn.utils.clip_grad_norm_(group, config.max_grad_norm) for group in groups]
            optimizer.step()
            sums["grad_norm"] += norms[0] / ranks.world()
            sums["value_grad_norm"] += norms[1] / ranks.world()
    steps = config.epochs * config.minibatches
    totals = ranks.summed(torch.stack(list(sums.values())).double()) / steps
    return dict(zip(sums, totals.tolist(), strict=True))


def alike_rows(rows: list[int], experience: Experience, around: Surroundings) -> list[list[int]]:
    """The rows in parts of similar length: little is computed for padding, and memory stays bounded."""
    lengths = [len(experience.prompts[row].ids) + len(experience.answers[row]) for row in rows]
    parts = alike(lengths, batch_size=around.config.rollout_batch_size, device=around.device)
    return [[rows[place] for place in part] for part in parts]


def losses(
    learner: Learner, experience: Experience, rows: list[int], count: Tensor, around: Surroundings
) -> tuple[Tensor, dict[str, Tensor]]:
    """What these rows add to the loss of a minibatch of `count` tokens."""
    config, width = around.config, max(len(experience.answers[row]) for row in rows)
    layout = lay_out(
        [experience.prompts[row].ids for row in rows],
        [experience.answers[row] for row in rows],
        pad=around.pad,
        width=width,
        device=around.device,
    )
    mask, old_logprobs = experience.mask[rows, :width], experience.logprobs[rows, :width]
    with autocast(around.precision, around.device):
        logits, values = learner(layout, config.temperature)
    logprobs = token_logprobs(logits, layout.answers)
    policy_part, clipped = policy_loss(
        logprobs=logprobs,
        old_logprobs=old_logprobs,
        advantages=experience.advantages[rows, :width],
        mask=mask,
        clip=config.policy_clip,
        count=count,
    )
    value_part = value_loss(
        values=values,
        old_values=experience.values[rows, :width],
        returns=experience.returns[rows, :width],
        mask=mask,
        clip=config.value_clip,
        count=count,
    )
    with torch.no_grad():
        figures = {
            "policy_loss": policy_part.detach(),
            "value_loss": value_part.detach(),
            "entropy": masked_mean(entropies(logits), mask, count),
            "clip_fraction": clipped,
            "approx_kl": approximate_kl(logprobs, old_logprobs, mask, count),
        }
    return policy_part + learner.value_weight * value_part, figures


def conclude(
    course: Course, learner: Learner, heldout: Sequence[Prompt], around: Surroundings
) -> tuple[Figures, list[Alarm]]:
    """Put the best policy in place and compare it with the start, on fresh answers: those by which it was
    chosen would flatter it.
    """
    # Without held-out prompts nothing tells one policy from another; but the limit holds all the same.
    keeps_last = course.before is None and not course.stopped
    kept: Figures = {"best_update": course.done if keeps_last else course.best.update}
    if course.stopped:
        kept["stopped_at_update"] = course.done
    if not keeps_last:
        load_trainable_state(learner.policy, course.best.weights)
    if course.before is None:
        return kept, []
    clock = Clock()
    with clock.phase("evaluate"):
        after = evaluate(learner, heldout, around, update=0)
    course.phases = clock.added_to(course.phases)
    reward, second = ppo_course.gains(course.before, after)
    comparison = compared(course.before.figures, after.figures, reward=reward, second=second)
    alarms = ppo_course.alarms_of(course.before, after, around.config)
    # What was seen of this policy once is not unseen because another look at it missed it.
    seen = [alarm for alarm in course.best.alarms if alarm.kind not in {fresh.kind for fresh in alarms}]
    return kept | comparison, alarms + seen


if __name__ == "__main__":
    sys.exit(launch.main(stage="ppo", train=train))

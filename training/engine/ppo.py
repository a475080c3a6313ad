"""Proximal policy optimisation of a language model against a reward model, from top to bottom.

An update: the policy answers a batch of prompts; the reward model scores each answer, end token included;
every token pays for its KL to the frozen starting policy; a separate value model turns that into advantages
(GAE); policy and value model take a few clipped gradient steps on the batch.

usage: python -m training.engine.ppo run.json
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
from typing import Any

import torch
from torch import Tensor

from training.configs import PpoConfig
from training.engine import checkpoints
from training.engine.failures import Diverged
from training.engine.frozen_data import FrozenVersion, require_rows
from training.engine.launch import Outcome, Run
from training.engine.model_files import input_directory, save_model
from training.engine.ppo_actors import (
    EVALUATION,
    SHUFFLING,
    Learner,
    Scale,
    Surroundings,
    calibrated_scale,
    draw,
    ended,
    load,
    logprobs_of,
    parts,
    rescale_critic,
    score,
    tokenised_prompts,
    write_answers,
)
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
from training.engine.ppo_report import Clock, Figures, answer_figures, compared, show_samples
from training.engine.progress import Cancelled
from training.engine.rollout import Ids, lay_out


@dataclass(frozen=True)
class Experience:
    """A batch of answers and everything that was true of them before the policy learnt from them."""

    prompts: list[Ids]
    answers: list[Ids]
    mask: Tensor  # (B, T), as all that follow
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


def train(run: Run) -> Outcome:
    config: PpoConfig = run.config
    report = run.reporter
    report.progress(fraction=0.0, sentence="Loading the models")
    around, learner = load(run)
    version = FrozenVersion(input_directory(run, "dataset"))
    prompts, texts, prompts_cut = tokenised_prompts(version, "train", around)
    heldout, _, _ = tokenised_prompts(version, "heldout", around)
    require_rows(prompts, what="prompts")
    heldout = heldout[: config.evaluation_rows]

    optimizer = torch.optim.AdamW(
        [
            {"params": list(learner.policy.parameters()), "lr": config.learning_rate},
            {"params": list(learner.critic.parameters()), "lr": config.value_learning_rate},
        ],
        weight_decay=0.0,
    )
    sampling = torch.Generator(around.device).manual_seed(config.seed)
    shuffling = torch.Generator().manual_seed(config.seed + SHUFFLING)

    checkpoint = checkpoints.newest_valid(run)
    if checkpoint:
        learner.policy.load_state_dict(checkpoints.load_weights(checkpoint, "policy"))
        learner.critic.load_state_dict(checkpoints.load_weights(checkpoint, "critic"))
        resume = checkpoints.load_resume_state(checkpoint)
        optimizer.load_state_dict(resume["optimizer"])
        sampling.set_state(resume["sampling"])
        shuffling.set_state(resume["shuffling"])
        first_update, state = checkpoint.step, dict(checkpoint.state)
        scale = Scale(**state["scale"])
    else:
        report.progress(fraction=0.01, sentence="Scoring the starting policy")
        scale = calibrated_scale(learner, prompts, around)
        rescale_critic(learner, scale)
        before = evaluate(learner, heldout, around, scale)
        first_update, state = 0, {"scale": vars(scale), "before": before, "phases": {}}

    def save(update: int) -> None:
        checkpoints.save_checkpoint(
            run,
            step=update,
            state=state,
            weights={"policy": learner.policy.state_dict(), "critic": learner.critic.state_dict()},
            resume={
                "optimizer": optimizer.state_dict(),
                "sampling": sampling.get_state(),
                "shuffling": shuffling.get_state(),
            },
        )

    for update in range(first_update, config.updates):
        if report.cancelled:
            save(update)
            raise Cancelled
        clock = Clock()
        share = learning_rate_share(update, config)
        for group, rate in zip(
            optimizer.param_groups, (config.learning_rate, config.value_learning_rate), strict=True
        ):
            group["lr"] = rate * share
        drawn = draw(len(prompts), update, config)
        experience, seen = collect(
            learner, [prompts[index] for index in drawn], around, scale, sampling, clock
        )
        with clock.phase("learn"):
            learnt = learn(learner, experience, optimizer, around, shuffling, step=update + 1)

        done = update + 1
        figures = seen["figures"] | learnt | {"learning_rate": config.learning_rate * share} | clock.figures()
        report.metrics(step=done, values=figures)
        state["phases"] = clock.added_to(state["phases"])
        state["last"] = {name: figures[name] for name in ("reward", "reward_normalised", "kl_sequence")}
        if done % config.samples_every == 0 or done == config.updates:
            show_samples(
                run, done, [texts[index] for index in drawn], experience.answers, seen["scores"], around
            )
        report.progress(
            fraction=0.05 + 0.9 * done / config.updates, sentence=f"Update {done} of {config.updates}"
        )
        if done % config.checkpoint_every == 0 or done == config.updates:
            save(done)

    report.progress(fraction=0.96, sentence="Evaluating on held-out prompts")
    after = evaluate(learner, heldout, around, scale)
    save_model(run, learner.policy, around.tokenizer)
    counts = {"train_prompts": len(prompts), "heldout_prompts": len(heldout), "prompts_cut": prompts_cut}
    ends = {"score_mean": scale.mean, "score_sd": scale.deviation} | {
        f"final_{name}": value for name, value in state.get("last", {}).items()
    }
    return Outcome(
        metrics=compared(state["before"], after) | ends | counts | state["phases"], steps=config.updates
    )


def learning_rate_share(update: int, config: PpoConfig) -> float:
    """Rises over the warm-up (the first steps of Adam have the size of the rate, however small the
    gradient), then falls in a line to zero.
    """
    return min((update + 1) / (config.warmup_updates + 1), 1 - update / config.updates)


@torch.no_grad()
def collect(
    learner: Learner,
    prompts: list[Ids],
    around: Surroundings,
    scale: Scale,
    sampling: torch.Generator,
    clock: Clock,
) -> tuple[Experience, dict[str, Any]]:
    """Answer the prompts, score the answers, and work out what each token was worth."""
    config = around.config
    with clock.phase("rollout"):
        answers = write_answers(learner.policy, prompts, around, sampling)
    with clock.phase("score"):
        raw = score(prompts, answers, around)
        finished = ended(answers, around)
        rewarded = scale.normalised(raw) - config.missing_end_penalty * (~finished)
    with clock.phase("forward"):
        layouts = list(parts(prompts, answers, around))
        mask = torch.cat([layout.mask for layout in layouts])
        logprobs = torch.cat([logprobs_of(learner.policy, layout, around) for layout in layouts]) * mask
        reference = torch.cat([logprobs_of(around.reference, layout, around) for layout in layouts]) * mask
        values = torch.cat([learner.values(layout) for layout in layouts]) * mask
    kl = token_kl(logprobs, reference, mask)
    rewards = token_rewards(scores=rewarded, kl=kl, mask=mask, kl_coefficient=config.kl_coefficient)
    advantages, returns = advantages_and_returns(
        rewards=rewards, values=values, mask=mask, gamma=config.gamma, lam=config.lam
    )
    figures = answer_figures(answers, raw, scale, kl, mask, finished) | {
        "reward_after_kl": float(rewards.sum(1).mean()),
        "explained_variance": explained_variance(values=values, returns=returns, mask=mask),
        "value_mean": float(masked_mean(values, mask)),
    }
    if config.whiten_advantages:
        advantages = whiten(advantages, mask)
    experience = Experience(prompts, answers, mask, logprobs, values, advantages, returns)
    return experience, {"figures": figures, "scores": raw.tolist()}


def learn(
    learner: Learner,
    experience: Experience,
    optimizer: torch.optim.Optimizer,
    around: Surroundings,
    shuffling: torch.Generator,
    *,
    step: int,
) -> Figures:
    """Clipped gradient steps over the batch; the figures are means over these steps."""
    config = around.config
    sums: dict[str, float] = defaultdict(float)
    for _ in range(config.epochs):
        order = torch.randperm(config.batch_size, generator=shuffling)
        for rows in order.view(config.minibatches, -1):
            chosen = rows.tolist()
            layout = lay_out(
                [experience.prompts[row] for row in chosen],
                [experience.answers[row] for row in chosen],
                pad=around.pad,
                width=experience.mask.shape[1],
                device=around.device,
            )
            rows = rows.to(around.device)
            mask, old_logprobs = experience.mask[rows], experience.logprobs[rows]
            logits, values = learner(layout, config.temperature)
            logprobs = token_logprobs(logits, layout.answers)
            policy_part, clipped = policy_loss(
                logprobs=logprobs,
                old_logprobs=old_logprobs,
                advantages=experience.advantages[rows],
                mask=mask,
                clip=config.policy_clip,
            )
            value_part = value_loss(
                values=values,
                old_values=experience.values[rows],
                returns=experience.returns[rows],
                mask=mask,
                clip=config.value_clip,
            )
            if not math.isfinite(policy_part.item() + value_part.item()):
                raise Diverged(name="the loss", step=step)
            optimizer.zero_grad(set_to_none=True)
            (policy_part + value_part).backward()
            # Apart, so that a large error of the value model cannot shrink the policy's step.
            policy_norm = torch.nn.utils.clip_grad_norm_(learner.policy.parameters(), config.max_grad_norm)
            value_norm = torch.nn.utils.clip_grad_norm_(learner.critic.parameters(), config.max_grad_norm)
            optimizer.step()
            with torch.no_grad():
                sums["policy_loss"] += float(policy_part)
                sums["value_loss"] += float(value_part)
                sums["entropy"] += float(masked_mean(entropies(logits), mask))
                sums["clip_fraction"] += float(clipped)
                sums["approx_kl"] += float(approximate_kl(logprobs, old_logprobs, mask))
                sums["grad_norm"] += float(policy_norm)
                sums["value_grad_norm"] += float(value_norm)
    return {name: value / (config.epochs * config.minibatches) for name, value in sums.items()}


@torch.no_grad()
def evaluate(learner: Learner, prompts: Sequence[Ids], around: Surroundings, scale: Scale) -> dict[str, Any]:
    """Fresh answers to the held-out prompts, with the same random numbers each time; empty without such
    prompts.
    """
    if not prompts:
        return {}
    generator = torch.Generator(around.device).manual_seed(around.config.seed + EVALUATION)
    answers = write_answers(learner.policy, prompts, around, generator)
    raw = score(prompts, answers, around)
    kl, mask = [], []
    for layout in parts(prompts, answers, around):
        policy, reference = (
            logprobs_of(model, layout, around) for model in (learner.policy, around.reference)
        )
        kl.append(token_kl(policy, reference, layout.mask))
        mask.append(layout.mask)
    finished = ended(answers, around)
    figures = answer_figures(answers, raw, scale, torch.cat(kl), torch.cat(mask), finished)
    return {"figures": figures, "scores": raw.tolist()}


if __name__ == "__main__":
    sys.exit(launch.main(stage="ppo", train=train))

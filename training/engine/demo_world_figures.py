"""What a run of the simulated world reached, measured apart from the training: fresh answers to the held-out
prompts, judged by the true score that no stage was optimised against.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.engine.dialogue import prompt_ids, whole_ids
from training.engine.frozen_data import FrozenVersion, Messages, prompt_key
from training.engine.model_files import load_policy, load_scorer, load_tokenizer
from training.engine.ppo_math import token_kl, token_logprobs
from training.engine.preference_math import accuracy_by_prompt, right
from training.engine.rollout import Ids, answer_logits, lay_out, sample_answers
from training.engine.scoring import score_sequences
from training.simulated_world import form, polite_once, rude, true_score

CPU = torch.device("cpu")
BATCH = 64
# Far from every seed that the stages derive from theirs: the answers are fresh.
FRESH = 900_001

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Answers:
    """A policy's answers to the held-out prompts, in their order."""

    ids: list[Ids]
    texts: list[str]
    true_scores: list[float]


def text_of(messages: Messages) -> str:
    return messages[-1]["content"]


def reward_figures(*, version: Path, reward_model: Path) -> Figures:
    """Agreement of the reward model with the released held-out labels, and with the true order.

    The true order is that of the same pairs by their true scores; pairs of equal true score have none.
    """
    tokenizer = load_tokenizer(reward_model)
    scorer = load_scorer(reward_model, tokenizer, CPU)
    pairs = FrozenVersion(version).pairs("heldout")
    sequences = [
        whole_ids(tokenizer, pair.prompt, answer) for pair in pairs for answer in (pair.chosen, pair.rejected)
    ]
    scores = score_sequences(scorer, sequences, pad=tokenizer.pad_token_id, batch_size=BATCH, device=CPU)
    keys = [prompt_key(pair.prompt) for pair in pairs]
    hits = [right(chosen=chosen, rejected=rejected) for chosen, rejected in scores.view(-1, 2).tolist()]
    accuracy, error = accuracy_by_prompt(hits=hits, prompts=keys)
    gaps = [
        true_score(text_of(pair.prompt), text_of(pair.chosen))
        - true_score(text_of(pair.prompt), text_of(pair.rejected))
        for pair in pairs
    ]
    ordered = [index for index, gap in enumerate(gaps) if gap]
    # Of a model that has not learnt to write, no two answers may differ in their true score.
    true_accuracy, true_error, labels_accuracy = None, None, None
    if ordered:
        true_accuracy, true_error = accuracy_by_prompt(
            hits=[hits[index] if gaps[index] > 0 else 1 - hits[index] for index in ordered],
            prompts=[keys[index] for index in ordered],
        )
        labels_accuracy = sum(gaps[index] > 0 for index in ordered) / len(ordered)
    return {
        "reward_pairs": len(pairs),
        "reward_accuracy": accuracy,
        "reward_accuracy_se": error,
        "reward_true_accuracy": true_accuracy,
        "reward_true_accuracy_se": true_error,
        "labels_true_accuracy": labels_accuracy,
    }


def policy_figures(
    *, version: Path, skip: int, sft: Path, ppo: Path, max_new_tokens: int, seed: int
) -> tuple[Figures, list[dict[str, str]]]:
    """The policy after PPO beside the one after SFT, paired by prompt, and some answers of both; the first
    `skip` prompts are left out, for the policy was chosen by them.
    """
    tokenizer = load_tokenizer(sft)
    prompts = FrozenVersion(version).prompts("heldout")[skip:]
    ids = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    start, end = load_policy(sft, tokenizer, CPU), load_policy(ppo, tokenizer, CPU)
    before, after = (
        answered(policy, tokenizer, prompts, ids, max_new_tokens=max_new_tokens, seed=seed)
        for policy in (start, end)
    )
    gains = [late - early for early, late in zip(before.true_scores, after.true_scores, strict=True)]
    shares = {
        f"{name}_{when}": value
        for when, answers in (("before", before), ("after", after))
        for name, value in described(answers).items()
    }
    gain_se = statistics.stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else None
    figures: Figures = {
        "heldout_prompts": len(prompts),
        "true_gain": statistics.mean(gains),
        "true_gain_se": gain_se,
        "kl_sequence": kl_per_sequence(end, start, ids, after.ids, pad=tokenizer.pad_token_id),
        "length_ratio": shares["length_after"] / shares["length_before"],
    }
    samples = [
        {"prompt": text_of(prompt), "before": early, "after": late}
        for prompt, early, late in zip(prompts, before.texts, after.texts, strict=True)
    ]
    return figures | shares, samples[:5]


def described(answers: Answers) -> dict[str, float]:
    count = len(answers.texts)
    return {
        "true_score": statistics.mean(answers.true_scores),
        "distinct": len(set(answers.texts)) / count,
        "form": sum(map(form, answers.texts)) / count,
        "polite_once": sum(map(polite_once, answers.texts)) / count,
        "rude": sum(map(rude, answers.texts)) / count,
        "length": statistics.mean(len(ids) for ids in answers.ids),
    }


def answered(
    policy: Any,
    tokenizer: Any,
    prompts: Sequence[Messages],
    ids: Sequence[Ids],
    *,
    max_new_tokens: int,
    seed: int,
) -> Answers:
    written = sample_answers(
        policy,
        ids,
        end=tokenizer.eos_token_id,
        pad=tokenizer.pad_token_id,
        max_new_tokens=max_new_tokens,
        temperature=1.0,
        generator=torch.Generator().manual_seed(seed + FRESH),
        batch_size=BATCH,
    )
    texts = [tokenizer.decode(answer, skip_special_tokens=True) for answer in written]
    scores = [true_score(text_of(prompt), text) for prompt, text in zip(prompts, texts, strict=True)]
    return Answers(written, texts, scores)


@torch.no_grad()
def kl_per_sequence(
    policy: Any, reference: Any, prompts: Sequence[Ids], answers: Sequence[Ids], *, pad: int
) -> float:
    """Mean over the policy's fresh answers of the summed log ratios: KL(policy || reference) in nats."""
    total = 0.0
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        width = max(len(answer) for answer in answers[part])
        layout = lay_out(prompts[part], answers[part], pad=pad, width=width, device=CPU)
        ours, theirs = (
            token_logprobs(answer_logits(model.eval(), layout, temperature=1.0), layout.answers)
            for model in (policy, reference)
        )
        total += float(token_kl(ours, theirs, layout.mask).sum())
    return total / len(prompts)

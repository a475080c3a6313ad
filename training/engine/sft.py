"""Supervised fine-tuning on demonstrations, or on the chosen answers of preferences, with TRL's SFTTrainer.

usage: python -m training.engine.sft run.json
"""

import sys

from training.engine import launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    launch.take_hold()

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from datasets import Dataset
from trl import SFTConfig as TrlSftConfig
from trl import SFTTrainer

from training.configs import SftConfig
from training.engine.adapters import autocast, merged, precision_of, with_adapter
from training.engine.dialogue import Cuts, answer_ids, fit, prompt_ids
from training.engine.frozen_data import Demonstration, FrozenVersion, of_new_prompts, require_rows
from training.engine.launch import Outcome, Run
from training.engine.model_files import (
    context_length,
    input_directory,
    load_policy,
    load_tokenizer,
    prepare_torch,
    save_model,
)
from training.engine.ppo_math import token_logprobs
from training.engine.rollout import answer_logits, lay_out
from training.engine.trainer_bridge import common_arguments, mean_train_loss, train_with_checkpoints

Row = dict[str, list[int]]


def train(run: Run) -> Outcome:
    config: SftConfig = run.config
    device = prepare_torch(run)
    version = FrozenVersion(input_directory(run, "dataset"))
    base = input_directory(run, "model")
    tokenizer = load_tokenizer(base)
    precision = precision_of(config, device)
    model = load_policy(base, tokenizer, device)
    if config.lora_rank:
        model = with_adapter(model, rank=config.lora_rank, dtype=precision)

    run.reporter.progress(fraction=0.01, sentence="Reading the demonstrations")
    rows = version.demonstrations("train")
    require_rows(rows, what="demonstrations")
    limit, cuts = min(config.max_length, context_length(model)), Cuts()
    heldout, seen = of_new_prompts(version.demonstrations("heldout"), rows, prompt_of=lambda row: row.prompt)
    heldout = heldout[: config.evaluation_rows]
    trainer = SFTTrainer(
        model=model,
        args=TrlSftConfig(
            **common_arguments(run),
            completion_only_loss=True,
            max_length=None,
            packing=False,
            shuffle_dataset=False,
        ),
        train_dataset=Dataset.from_list(masked_rows(tokenizer, rows, limit=limit, cuts=cuts)),
        processing_class=tokenizer,
    )
    figures_of = partial(
        heldout_figures,
        rows=masked_rows(tokenizer, heldout, limit=limit, cuts=Cuts()),
        pad=tokenizer.pad_token_id,
        batch_size=config.batch_size,
        device=device,
        precision=precision,
    )
    before = {f"{name}_before": value for name, value in figures_of(model).items()}
    train_with_checkpoints(run, trainer)
    # What is measured is what is kept.
    tuned = merged(trainer.model)
    after = figures_of(tuned)
    if after:
        run.reporter.metrics(step=config.steps, values=after)
    save_model(run, tuned, tokenizer)
    counts = {
        "train_rows": len(rows),
        "heldout_rows": len(heldout),
        "heldout_prompts_seen": seen,
        "prompts_cut": cuts.prompts,
        "answers_cut": cuts.answers,
        "max_length": limit,
    }
    return Outcome(
        metrics={"train_loss": mean_train_loss(trainer)} | before | after | counts, steps=config.steps
    )


def masked_rows(tokenizer: Any, rows: Sequence[Demonstration], *, limit: int, cuts: Cuts) -> list[Row]:
    """Token ids with a mask over the answer, made here: every stage sees a dialogue as the same ids."""
    return [masked_row(tokenizer, row, limit=limit, cuts=cuts) for row in rows]


def masked_row(tokenizer: Any, row: Demonstration, *, limit: int, cuts: Cuts) -> Row:
    answer = answer_ids(tokenizer, row.prompt, row.completion)
    prompt, [answer] = fit(
        prompt_ids(tokenizer, row.prompt), [answer], limit=limit, first=tokenizer.bos_token_id, cuts=cuts
    )
    return {"input_ids": prompt + answer, "completion_mask": [0] * len(prompt) + [1] * len(answer)}


@torch.no_grad()
def heldout_figures(
    model: Any,
    rows: Sequence[Row],
    *,
    pad: int,
    batch_size: int,
    device: torch.device,
    precision: torch.dtype,
) -> dict[str, float]:
    """Loss and accuracy a token of the held-out answers.

    Measured here and not by the trainer: once it has evaluated, accelerate 1.15 no longer wraps the model for
    several processes, and each then trains a model of its own.
    """
    if not rows:
        return {}
    model.eval()
    loss, right, count = 0.0, 0, 0
    for start in range(0, len(rows), batch_size):
        prompts, answers = zip(*map(prompt_and_answer, rows[start : start + batch_size]), strict=True)
        layout = lay_out(prompts, answers, pad=pad, width=max(map(len, answers)), device=device)
        with autocast(precision, device):
            logits = answer_logits(model, layout, temperature=1.0)
        loss -= float((token_logprobs(logits, layout.answers) * layout.mask).sum())
        right += int(((logits.argmax(-1) == layout.answers) & layout.mask).sum())
        count += int(layout.mask.sum())
    return {"heldout_loss": loss / count, "heldout_token_accuracy": right / count}


def prompt_and_answer(row: Row) -> tuple[list[int], list[int]]:
    length = row["completion_mask"].count(0)
    return row["input_ids"][:length], row["input_ids"][length:]


if __name__ == "__main__":
    sys.exit(launch.main(stage="sft", train=train))

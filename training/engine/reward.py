"""A reward model from preference pairs with TRL's RewardTrainer.

usage: python -m training.engine.reward run.json
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
from trl import RewardConfig as TrlRewardConfig
from trl import RewardTrainer

from training.configs import RewardConfig
from training.engine.adapters import merged, precision_of, with_adapter
from training.engine.dialogue import Cuts, answer_ids, fit, prompt_ids
from training.engine.frozen_data import FrozenVersion, Pair, of_new_prompts, prompt_key, require_rows
from training.engine.launch import Outcome, Run
from training.engine.model_files import (
    context_length,
    input_directory,
    load_scorer,
    load_tokenizer,
    prepare_torch,
    save_model,
)
from training.engine.preference_math import preference_figures
from training.engine.scoring import score_sequences
from training.engine.trainer_bridge import common_arguments, mean_train_loss, train_with_checkpoints

Row = dict[str, list[int]]


def train(run: Run) -> Outcome:
    config: RewardConfig = run.config
    device = prepare_torch(run)
    version = FrozenVersion(input_directory(run, "dataset"))
    base = input_directory(run, "model")
    tokenizer = load_tokenizer(base)
    precision = precision_of(config, device)
    model = load_scorer(base, tokenizer, device)
    if config.lora_rank:
        model = with_adapter(model, rank=config.lora_rank, dtype=precision)

    run.reporter.progress(fraction=0.01, sentence="Reading the pairs")
    pairs = version.pairs("train")
    require_rows(pairs, what="preference pairs")
    limit, cuts, heldout_cuts = min(config.max_length, context_length(model)), Cuts(), Cuts()
    rows = [fitted_row(tokenizer, pair, limit=limit, cuts=cuts) for pair in pairs]
    heldout, seen = of_new_prompts(version.pairs("heldout"), pairs, prompt_of=lambda pair: pair.prompt)
    heldout = heldout[: config.evaluation_rows]
    heldout_rows = [fitted_row(tokenizer, pair, limit=limit, cuts=heldout_cuts) for pair in heldout]

    trainer = RewardTrainer(
        model=model,
        args=TrlRewardConfig(
            **common_arguments(run),
            weight_decay=config.weight_decay,
            center_rewards_coefficient=config.centre_coefficient or None,
            # Every row fits by now. TRL would drop the ones that do not, and say nothing.
            max_length=None,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    figures_of = partial(
        heldout_figures,
        pairs=heldout,
        rows=heldout_rows,
        pad=tokenizer.pad_token_id,
        batch_size=config.batch_size,
        device=device,
        precision=precision,
    )
    before = figures_of(model)
    train_with_checkpoints(run, trainer)
    # What is measured is what is kept.
    trained = merged(trainer.model)
    after = figures_of(trained)
    if after:
        run.reporter.metrics(step=config.steps, values=after)
    save_model(run, trained, tokenizer)
    counts = {
        "train_rows": len(rows),
        "heldout_rows": len(heldout_rows),
        "heldout_prompts_seen": seen,
        "prompts_cut": cuts.prompts,
        "answers_cut": cuts.answers,
        "heldout_prompts_cut": heldout_cuts.prompts,
        "heldout_answers_cut": heldout_cuts.answers,
        "max_length": limit,
    }
    start = {"heldout_accuracy_before": before.get("heldout_accuracy")}
    return Outcome(
        metrics={"train_loss": mean_train_loss(trainer)} | start | after | counts, steps=config.steps
    )


def fitted_row(tokenizer: Any, pair: Pair, *, limit: int, cuts: Cuts) -> Row:
    """Both answers after the same prompt, so that what was cut cannot tell them apart."""
    answers = [answer_ids(tokenizer, pair.prompt, answer) for answer in (pair.chosen, pair.rejected)]
    prompt, (chosen, rejected) = fit(
        prompt_ids(tokenizer, pair.prompt), answers, limit=limit, first=tokenizer.bos_token_id, cuts=cuts
    )
    return {"chosen_ids": prompt + chosen, "rejected_ids": prompt + rejected}


def heldout_figures(
    model: Any,
    *,
    pairs: Sequence[Pair],
    rows: Sequence[Row],
    pad: int,
    batch_size: int,
    device: torch.device,
    precision: torch.dtype,
) -> dict[str, float | None]:
    """Agreement on prompts that the training never saw, beside what the length alone would reach."""
    if not rows:
        return {}
    scores = score_sequences(
        model,
        [row["chosen_ids"] for row in rows] + [row["rejected_ids"] for row in rows],
        pad=pad,
        batch_size=batch_size,
        device=device,
        precision=precision,
    )
    chosen, rejected = scores.chunk(2)
    figures = preference_figures(
        chosen=chosen.tolist(),
        rejected=rejected.tolist(),
        longer_by=[len(row["chosen_ids"]) - len(row["rejected_ids"]) for row in rows],
        prompts=[prompt_key(pair.prompt) for pair in pairs],
    )
    return {f"heldout_{name}": value for name, value in figures.items()} | {
        "heldout_score_mean": float(scores.mean()),
        "heldout_score_sd": float(scores.std()),
    }


if __name__ == "__main__":
    sys.exit(launch.main(stage="reward", train=train))

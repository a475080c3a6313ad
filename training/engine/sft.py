"""Supervised fine-tuning on demonstrations, or on the chosen answers of preferences, with TRL's SFTTrainer.

usage: python -m training.engine.sft run.json
"""

import sys

from training.engine import launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    launch.take_hold()

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import SFTConfig as TrlSftConfig
from trl import SFTTrainer

from training.configs import SftConfig
from training.engine.dialogue import Cuts, answer_ids, fit, prompt_ids
from training.engine.frozen_data import Demonstration, FrozenVersion, require_rows
from training.engine.launch import Outcome, Run
from training.engine.model_files import (
    context_length,
    input_directory,
    load_policy,
    load_tokenizer,
    prepare_torch,
    save_model,
)
from training.engine.trainer_bridge import common_arguments, mean_train_loss, train_with_checkpoints


def train(run: Run) -> Outcome:
    config: SftConfig = run.config
    device = prepare_torch(run)
    version = FrozenVersion(input_directory(run, "dataset"))
    base = input_directory(run, "model")
    tokenizer = load_tokenizer(base)
    model = load_policy(base, tokenizer, device)

    run.reporter.progress(fraction=0.01, sentence="Reading the demonstrations")
    rows = version.demonstrations("train")
    require_rows(rows, what="demonstrations")
    limit, cuts = min(config.max_length, context_length(model)), Cuts()
    heldout = version.demonstrations("heldout")[: config.evaluation_rows]
    trainer = SFTTrainer(
        model=model,
        args=TrlSftConfig(
            **common_arguments(run),
            completion_only_loss=True,
            max_length=None,
            packing=False,
            shuffle_dataset=False,
        ),
        train_dataset=as_dataset(tokenizer, rows, limit=limit, cuts=cuts),
        eval_dataset=as_dataset(tokenizer, heldout, limit=limit, cuts=Cuts()) if heldout else None,
        processing_class=tokenizer,
    )
    before = heldout_figures(trainer, "_before")
    train_with_checkpoints(run, trainer)
    after = heldout_figures(trainer, "")
    save_model(run, trainer.model, tokenizer)
    counts = {
        "train_rows": len(rows),
        "prompts_cut": cuts.prompts,
        "answers_cut": cuts.answers,
        "max_length": limit,
    }
    return Outcome(
        metrics={"train_loss": mean_train_loss(trainer)} | before | after | counts, steps=config.steps
    )


def as_dataset(tokenizer: Any, rows: Sequence[Demonstration], *, limit: int, cuts: Cuts) -> Dataset:
    """Token ids with a mask over the answer, made here: every stage sees a dialogue as the same ids."""
    return Dataset.from_list([masked_row(tokenizer, row, limit=limit, cuts=cuts) for row in rows])


def masked_row(tokenizer: Any, row: Demonstration, *, limit: int, cuts: Cuts) -> dict[str, list[int]]:
    answer = answer_ids(tokenizer, row.prompt, row.completion)
    prompt, [answer] = fit(
        prompt_ids(tokenizer, row.prompt), [answer], limit=limit, first=tokenizer.bos_token_id, cuts=cuts
    )
    return {"input_ids": prompt + answer, "completion_mask": [0] * len(prompt) + [1] * len(answer)}


def heldout_figures(trainer: SFTTrainer, suffix: str) -> dict[str, float | int | None]:
    if trainer.eval_dataset is None:
        return {}
    figures = trainer.evaluate()
    return {
        f"heldout_loss{suffix}": figures["eval_loss"],
        f"heldout_token_accuracy{suffix}": figures["eval_mean_token_accuracy"],
    }


if __name__ == "__main__":
    sys.exit(launch.main(stage="sft", train=train))

"""What TRL's trainers and our protocol say to each other: progress, cancel, and checkpoints that can be
verified.
"""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.engine import checkpoints, ranks
from training.engine.launch import Run
from training.engine.progress import Cancelled

# TRL's names of figures, and ours.
FIGURES = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "mean_token_accuracy": "token_accuracy",
    "accuracy": "accuracy",
    "margin": "margin",
    "eval_loss": "heldout_loss",
    "eval_mean_token_accuracy": "heldout_token_accuracy",
}


def common_arguments(run: Run) -> dict[str, Any]:
    """Settings of every TRL trainer; the defaults of TRL assume a GPU with bf16 and report to third
    parties.
    """
    config = run.config
    ranks.require_even(config.batch_size, what="a batch")
    return {
        "output_dir": str(run.work / "checkpoints"),
        "max_steps": config.steps,
        "per_device_train_batch_size": config.batch_size // ranks.world(),
        "per_device_eval_batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": config.warmup_steps,
        "max_grad_norm": config.max_grad_norm,
        "seed": config.seed,
        "data_seed": config.seed,
        "use_cpu": run.device == "cpu",
        "bf16": config.precision == "bfloat16",
        "gradient_checkpointing": False,
        "dataloader_pin_memory": run.device != "cpu",
        "logging_steps": 1,
        # A filtered NaN would be logged as zero and hide a run that has diverged.
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": config.checkpoint_every,
        "report_to": "none",
        "disable_tqdm": True,
    }


def train_with_checkpoints(run: Run, trainer: Any) -> None:
    """Train to the end, from the newest valid checkpoint where there is one. Raises Cancelled."""
    trainer.add_callback(Bridge(run))
    checkpoint = checkpoints.newest_valid(run)
    if checkpoint and checkpoint.step >= run.config.steps:
        trainer._load_from_checkpoint(str(checkpoint.path))
        # Its figures are part of the result too.
        trainer.state = TrainerState.load_from_json(str(checkpoint.path / "trainer_state.json"))
        return
    trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
    if trainer.state.global_step < run.config.steps:
        raise Cancelled


def mean_train_loss(trainer: Any, *, last: int = 20) -> float | None:
    """Mean of the last logged losses, or None where nothing was logged."""
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line][-last:]
    return sum(losses) / len(losses) if losses else None


class Bridge(TrainerCallback):  # type: ignore[misc]
    """Callbacks of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> TrainerControl:
        step, steps = state.global_step, self.run.config.steps
        self.run.reporter.progress(fraction=0.05 + 0.85 * step / steps, sentence=f"Step {step} of {steps}")
        if ranks.anywhere(self.run.reporter.cancelled):
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        logs = rest.get("logs") or {}
        values = {FIGURES[name]: float(value) for name, value in logs.items() if name in FIGURES}
        if values:
            self.run.reporter.metrics(step=state.global_step, values=values)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        root = self.run.work / "checkpoints"
        directory = root / f"checkpoint-{state.global_step}"
        # Each process has written its own generator's state there.
        ranks.wait_for_all()
        if not ranks.is_main():
            return
        # A pickle of the arguments that nothing reads at a resume.
        (directory / "training_args.bin").unlink(missing_ok=True)
        checkpoints.seal(directory, step=state.global_step, state={"spent": self.run.spent()})
        checkpoints.prune(root)
        self.run.reporter.checkpoint(step=state.global_step)

"""TRL's side of benchmarks/ppo.py: PPOTrainer of trl 1.12 on a plan; figures as JSON. Runs in its own
environment and imports nothing of ours.
"""

import contextlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    TrainerCallback,
)
from trl.experimental.ppo import PPOConfig, PPOTrainer


def now() -> float:
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


class Meter(TrainerCallback):
    """The time at the end of each update."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(now())


def settings(plan: dict[str, Any]) -> PPOConfig:
    ours = plan["settings"]
    return PPOConfig(
        output_dir=plan["output"],
        seed=ours["seed"],
        per_device_train_batch_size=ours["batch_size"],
        gradient_accumulation_steps=1,
        local_rollout_forward_batch_size=ours["rollout_batch_size"],
        num_mini_batches=ours["minibatches"],
        num_ppo_epochs=ours["epochs"],
        total_episodes=ours["updates"] * ours["batch_size"],
        response_length=ours["max_new_tokens"],
        stop_token=None,
        missing_eos_penalty=None,
        temperature=ours["temperature"],
        learning_rate=ours["learning_rate"],
        weight_decay=0.0,
        kl_coef=ours["kl_coefficient"],
        cliprange=ours["policy_clip"],
        cliprange_value=ours["value_clip"],
        vf_coef=ours["value_coefficient"],
        gamma=ours["gamma"],
        lam=ours["lam"],
        num_sample_generations=0,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=plan["device"] == "cpu",
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )


def trainer(plan: dict[str, Any], meter: Meter) -> PPOTrainer:
    tokenizer = AutoTokenizer.from_pretrained(plan["policy"], padding_side="left")

    def scorer() -> Any:
        model = AutoModelForSequenceClassification.from_pretrained(
            plan["reward_model"], num_labels=1, dtype=torch.float32
        )
        model.config.pad_token_id = tokenizer.pad_token_id
        return model

    def policy() -> Any:
        return AutoModelForCausalLM.from_pretrained(plan["policy"], dtype=torch.float32)

    return PPOTrainer(
        args=settings(plan),
        processing_class=tokenizer,
        model=policy(),
        ref_model=policy(),
        reward_model=scorer(),
        value_model=scorer(),
        train_dataset=Dataset.from_dict({"input_ids": plan["prompts"]}),
        callbacks=[meter],
    )


def main() -> None:
    torch.set_num_threads(1)
    plan, meter = json.loads(Path(sys.argv[1]).read_text()), Meter()
    with contextlib.redirect_stdout(sys.stderr):
        training = trainer(plan, meter)
        training.train()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if plan["device"] == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    training.policy_model.save_pretrained(plan["output"])
    # The first update that counts begins where the last one of the warm-up ends.
    seconds = meter.ends[-1] - meter.ends[plan["warm_up"] - 1]
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()

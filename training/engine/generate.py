"""Answers of a language model to prompts: a few different ones to each, for people to compare.

Prompts come from a frozen version (`dataset`, its training split), or from a file with one JSON object
{"prompt": messages} a line (`prompts`). In the output, candidates.jsonl has a line for each prompt, in the
same order: {"prompt": messages, "answers": [text]}. An answer that is empty or repeats another is asked for
again, a few times. The same settings give the same answers.

usage: python -m training.engine.generate run.json
"""

import sys

from training.engine import launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    launch.take_hold()

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.configs import GenerateConfig
from training.engine.dialogue import Cuts, cut_left, prompt_ids
from training.engine.failures import InputUnreadable
from training.engine.frozen_data import FrozenVersion, Messages, require_rows
from training.engine.launch import Outcome, Run
from training.engine.model_files import (
    context_length,
    input_directory,
    load_policy,
    load_tokenizer,
    prepare_torch,
)
from training.engine.progress import Cancelled
from training.engine.rollout import Ids, sample_answers

CANDIDATES_NAME = "candidates.jsonl"
# How often a prompt is asked in all before it has to do with fewer answers.
MOST_ROUNDS = 4


@dataclass
class Asked:
    """A prompt, and the different answers to it so far."""

    messages: Messages
    ids: Ids
    answers: list[str] = field(default_factory=list)

    def take(self, text: str) -> None:
        """Keep an answer that says something else than those before; NUL could not be stored later."""
        text = text.replace("\x00", "\ufffd")
        if text.strip() and text.strip() not in map(str.strip, self.answers):
            self.answers.append(text)


def generate(run: Run) -> Outcome:
    config: GenerateConfig = run.config
    device = prepare_torch(run)
    base = input_directory(run, "model")
    tokenizer = load_tokenizer(base)
    policy = load_policy(base, tokenizer, device)
    prompts = read_prompts(run)
    require_rows(prompts, what="prompts")
    # An answer needs room: the prompt loses its oldest part, and says so in the figures.
    room, cuts = max(1, context_length(policy) - config.max_new_tokens), Cuts()
    asked = [Asked(messages, fitting(tokenizer, messages, room=room, cuts=cuts)) for messages in prompts]
    writer = Writer(run, policy, tokenizer, generator=torch.Generator(device).manual_seed(config.seed))
    for number in range(MOST_ROUNDS):
        writer.fill(asked, number=number)
    write_candidates(run.output / CANDIDATES_NAME, asked)
    answers = sum(len(prompt.answers) for prompt in asked)
    short = sum(len(prompt.answers) < config.per_prompt for prompt in asked)
    metrics = {"prompts": len(asked), "answers": answers, "short": short, "cut_prompts": cuts.prompts}
    return Outcome(metrics=metrics, steps=writer.batches)


def read_prompts(run: Run) -> list[Messages]:
    if "dataset" in run.inputs:
        return FrozenVersion(input_directory(run, "dataset")).prompts("train")
    path = run.inputs.get("prompts")
    if path is None:
        raise InputUnreadable(reason="The run names no prompts.", hint="Choose some and start again.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [checked_messages(json.loads(line)["prompt"]) for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputUnreadable(
            reason=f"The prompts in {path.name} cannot be read: {error}", hint="Start again."
        ) from error


def checked_messages(value: Any) -> Messages:
    if not isinstance(value, list) or not value:
        raise ValueError("a prompt is a list of messages")
    return [{"role": str(message["role"]), "content": str(message["content"])} for message in value]


def fitting(tokenizer: Any, messages: Messages, *, room: int, cuts: Cuts) -> Ids:
    ids = prompt_ids(tokenizer, messages)
    cuts.prompts += len(ids) > room
    return cut_left(ids, room, first=tokenizer.bos_token_id)


class Writer:
    """Samples batch by batch, and stops where the parent asks for it."""

    def __init__(self, run: Run, policy: Any, tokenizer: Any, *, generator: torch.Generator) -> None:
        self.run, self.policy, self.tokenizer, self.generator = run, policy, tokenizer, generator
        self.config: GenerateConfig = run.config
        self.longest = min(self.config.max_new_tokens, context_length(policy) - 1)
        self.batches = 0

    def fill(self, asked: Sequence[Asked], *, number: int) -> None:
        """Ask once for each answer that a prompt still lacks."""
        missing = [
            prompt
            for prompt in sorted(asked, key=lambda prompt: len(prompt.ids))
            for _ in range(self.config.per_prompt - len(prompt.answers))
        ]
        for start in range(0, len(missing), self.config.batch_size):
            if self.run.reporter.cancelled:
                raise Cancelled
            self._write(missing[start : start + self.config.batch_size])
            done = min(start + self.config.batch_size, len(missing))
            self.run.reporter.progress(
                fraction=fraction_of(number, done / len(missing)),
                sentence=f"{done} of {len(missing)} answers",
            )

    def _write(self, prompts: Sequence[Asked]) -> None:
        answers = sample_answers(
            self.policy,
            [prompt.ids for prompt in prompts],
            end=self.tokenizer.eos_token_id,
            pad=self.tokenizer.pad_token_id,
            max_new_tokens=self.longest,
            temperature=self.config.temperature,
            generator=self.generator,
            batch_size=self.config.batch_size,
        )
        for prompt, ids in zip(prompts, answers, strict=True):
            prompt.take(self.tokenizer.decode(ids, skip_special_tokens=True))
        self.batches += 1


def fraction_of(number: int, done: float) -> float:
    """Nearly all of the work is the first round; the others only mend what it left open."""
    return 0.9 * done if number == 0 else 0.9 + 0.1 * (number - 1 + done) / (MOST_ROUNDS - 1)


def write_candidates(path: Path, asked: Sequence[Asked]) -> None:
    with path.open("w", encoding="utf-8", errors="replace") as file:
        for prompt in asked:
            line = {"prompt": prompt.messages, "answers": prompt.answers}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(launch.main(stage="generate", train=generate))

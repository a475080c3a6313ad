"""Pretraining: a byte-level BPE tokenizer and a small Llama, both from scratch, on the texts of a frozen
version.

usage: python -m training.engine.pretrain run.json
"""

import sys

from training.engine import launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    launch.take_hold()

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.configs import PretrainConfig
from training.engine import checkpoints, ranks
from training.engine.dialogue import CHAT_TEMPLATE, ROLE_TOKENS, encode, neutral_text, whole_ids
from training.engine.frozen_data import FrozenVersion, require_rows
from training.engine.launch import Outcome, Run
from training.engine.mixing import TrainingText
from training.engine.model_files import input_directory, load_tokenizer, prepare_torch, save_model
from training.engine.progress import Cancelled

PAD, BEGIN, END = "<pad>", "<bos>", "<eos>"


def train(run: Run) -> Outcome:
    config: PretrainConfig = run.config
    report = run.reporter
    device = prepare_torch(run)
    ranks.require_even(config.batch_size, what="a batch")
    version = FrozenVersion(input_directory(run, "dataset"))

    report.progress(fraction=0.0, sentence="Learning the tokenizer")
    tokenizer = tokenizer_of(run, version)
    report.progress(fraction=0.02, sentence="Reading the texts")
    text = TrainingText(document_ids(version, tokenizer, "train"), version.sources("train"), config)
    heldout_tokens = token_stream(version, tokenizer, "heldout")
    require_window(text.tokens, config.context_length)

    model = new_llama(config, tokenizer).to(device)
    optimizer = torch.optim.AdamW(
        weight_groups(model, config.weight_decay), lr=config.learning_rate, betas=(0.9, 0.95)
    )
    first_step, metrics = 0, {"heldout_loss_before": heldout_loss(model, heldout_tokens, config, device)}
    read = dict.fromkeys(text.names, 0)
    if checkpoint := checkpoints.newest_valid(run):
        model.load_state_dict(checkpoints.load_weights(checkpoint, "model"))
        optimizer.load_state_dict(checkpoints.load_resume_state(checkpoint)["optimizer"])
        first_step, metrics = checkpoint.step, dict(checkpoint.state["metrics"])
        read = dict(checkpoint.state.get("read", read))

    def save(step: int) -> None:
        checkpoints.save_checkpoint(
            run,
            step=step,
            state={"metrics": metrics, "read": read},
            weights={"model": model.state_dict()},
            resume={"optimizer": optimizer.state_dict()},
        )

    for step in range(first_step, config.steps):
        if ranks.anywhere(report.cancelled):
            save(step)
            raise Cancelled
        learning_rate = learning_rate_at(step, config)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        drawn, sources = text.draw(step)
        windows = drawn[ranks.rank() :: ranks.world()].to(device)
        loss = model(input_ids=windows, labels=windows).loss / ranks.world()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        ranks.sum_gradients(model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        values = {
            "loss": ranks.summed(loss.detach()).item(),
            "learning_rate": learning_rate,
            "grad_norm": norm.item(),
        }
        done = step + 1
        report.metrics(step=done, values=values)
        optimizer.step()
        read = {name: read[name] + count for name, count in text.count(sources).items()}
        metrics["train_loss"] = smoothed(metrics.get("train_loss"), values["loss"])
        report.progress(fraction=0.05 + 0.9 * done / config.steps, sentence=f"Step {done} of {config.steps}")
        if done % config.checkpoint_every == 0 or done == config.steps:
            save(done)

    metrics["heldout_loss"] = heldout_loss(model, heldout_tokens, config, device)
    metrics |= {"train_tokens": len(text.tokens), "heldout_tokens": len(heldout_tokens)}
    metrics |= {"parameters": model.num_parameters(), "vocabulary": len(tokenizer)}
    metrics |= text.figures(read)
    report.metrics(step=config.steps, values={"heldout_loss": metrics["heldout_loss"]})
    save_model(run, model, tokenizer)
    return Outcome(metrics=metrics, steps=config.steps)


def tokenizer_of(run: Run, version: FrozenVersion) -> Any:
    """The tokenizer of this run: learnt at the first start, read again at a resume so that the ids stay the
    same.
    """
    directory = run.work / "tokenizer"
    if ranks.is_main() and not (directory / "done").exists():
        learn_tokenizer(version, run.config).save_pretrained(directory)
        checkpoints.write_durably(directory / "done", b"")
    ranks.wait_for_all()
    return load_tokenizer(directory)


def learn_tokenizer(version: FrozenVersion, config: PretrainConfig) -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = [PAD, BEGIN, END, *ROLE_TOKENS]
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary_size,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(first_characters(version, config.tokenizer_characters), trainer=trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=ROLE_TOKENS,
        chat_template=CHAT_TEMPLATE,
        model_max_length=config.context_length,
        clean_up_tokenization_spaces=False,
    )


def first_characters(version: FrozenVersion, limit: int) -> Iterator[str]:
    taken = 0
    for text in plain_texts(version):
        yield text[: limit - taken]
        taken += len(text)
        if taken >= limit:
            return


def plain_texts(version: FrozenVersion) -> list[str]:
    if version.kind == "corpus":
        return version.texts("train")
    rows = version.demonstrations("train")
    return [message["content"] for row in rows for message in chain(row.prompt, row.completion)]


def token_stream(version: FrozenVersion, tokenizer: Any, split: str) -> torch.Tensor:
    """All documents of a split as one row of ids, each with its begin and end."""
    ids = list(chain.from_iterable(document_ids(version, tokenizer, split)))
    return torch.tensor(ids, dtype=torch.int32)


def document_ids(version: FrozenVersion, tokenizer: Any, split: str) -> Iterator[Sequence[int]]:
    if version.kind == "corpus":
        for text in version.texts(split):
            ids = encode(tokenizer, neutral_text(tokenizer, text))
            yield [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
        return
    for row in version.demonstrations(split):
        yield whole_ids(tokenizer, row.prompt, row.completion)


def require_window(tokens: torch.Tensor, length: int) -> None:
    require_rows(
        tokens[: max(0, len(tokens) - length)].tolist()[:1], what=f"text longer than {length:,} tokens"
    )


def new_llama(config: PretrainConfig, tokenizer: Any) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            # Llama's usual 8/3, rounded to a multiple of 32 for the sake of the hardware.
            intermediate_size=32 * math.ceil(config.hidden_size * 8 / 3 / 32),
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=config.context_length,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def weight_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay the matrices, not the norms."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]


def learning_rate_at(step: int, config: PretrainConfig) -> float:
    """Linear warm-up, then a cosine down to a tenth."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * (0.55 + 0.45 * math.cos(math.pi * share))


@torch.no_grad()
def heldout_loss(
    model: Any, tokens: torch.Tensor, config: PretrainConfig, device: torch.device
) -> float | None:
    """Mean loss per token over the first windows of the held-out text, or None where there is no such
    window.
    """
    count = min(config.evaluation_rows, len(tokens) // config.context_length)
    if not count:
        return None
    windows = tokens[: count * config.context_length].long().view(count, -1).to(device)
    losses = [
        model(input_ids=part, labels=part).loss * len(part) for part in windows.split(config.batch_size)
    ]
    return float(torch.stack(losses).sum() / count)


def smoothed(before: float | None, now: float) -> float:
    return now if before is None else 0.9 * before + 0.1 * now


if __name__ == "__main__":
    sys.exit(launch.main(stage="pretrain", train=train))

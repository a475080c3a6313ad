"""From messages to token ids, in one way for every stage.

A prompt and an answer are tokenised apart and joined as ids. So the ids that the policy continues are the
ids it was trained on, and the reward model scores exactly what it saw in training, the end token included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.engine.failures import InputUnreadable
from training.engine.frozen_data import Messages

# The roles must stay apart from anything that a person can type, hence special tokens; each assistant turn
# ends with the end token, which is what the policy must learn to write.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ROLE_TOKENS = ["<|system|>", "<|user|>", "<|assistant|>"]


@dataclass
class Cuts:
    """How many prompts and answers did not fit and lost tokens; reported, for nothing is dropped in
    silence.
    """

    prompts: int = 0
    answers: int = 0


def prompt_ids(tokenizer: Any, prompt: Messages) -> list[int]:
    text = tokenizer.apply_chat_template(
        neutral(tokenizer, prompt), tokenize=False, add_generation_prompt=True
    )
    return encode(tokenizer, text)


def answer_ids(tokenizer: Any, prompt: Messages, answer: Messages) -> list[int]:
    """The ids that follow `prompt_ids`, up to and including the end token."""
    prompt, answer = neutral(tokenizer, prompt), neutral(tokenizer, answer)
    head = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(prompt + answer, tokenize=False)
    if not whole.startswith(head):
        raise InputUnreadable(
            reason="The model's chat template changes a prompt once an answer follows it.",
            hint="Use a model whose template only appends the answer.",
        )
    ids = encode(tokenizer, whole[len(head) :])
    end = tokenizer.eos_token_id
    if end not in ids:
        return [*ids, end]
    # Some templates write a line break after the last end token; the policy never would.
    return ids[: len(ids) - ids[::-1].index(end)]


def whole_ids(tokenizer: Any, prompt: Messages, answer: Messages) -> list[int]:
    return prompt_ids(tokenizer, prompt) + answer_ids(tokenizer, prompt, answer)


def encode(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def neutral(tokenizer: Any, messages: Messages) -> Messages:
    """Content in which nobody can forge a turn or an end: a typed special token gets a space after its
    first sign.
    """
    return [
        {"role": message["role"], "content": neutral_text(tokenizer, message["content"])}
        for message in messages
    ]


def neutral_text(tokenizer: Any, text: str) -> str:
    for token in tokenizer.all_special_tokens:
        if token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def cut_left(ids: Sequence[int], limit: int, *, first: int | None) -> list[int]:
    """The last `limit` ids; the begin token, where there is one, stays in front."""
    if len(ids) <= limit:
        return list(ids)
    if first is not None and ids[0] == first and limit > 1:
        return [first, *ids[len(ids) - limit + 1 :]]
    return list(ids[len(ids) - limit :])


def fit(
    prompt: Sequence[int], answers: Sequence[Sequence[int]], *, limit: int, first: int | None, cuts: Cuts
) -> tuple[list[int], list[list[int]]]:
    """Make the prompt and each of its answers fit into `limit` tokens together.

    The prompt loses its oldest part, the same for all answers, but keeps a quarter of the room; an answer
    that is longer than the rest loses its end, and with it the end token, as an answer cut in generation
    does.
    """
    longest = max(len(answer) for answer in answers)
    room = max(limit - longest, min(len(prompt), limit // 4))
    cuts.prompts += len(prompt) > room
    cuts.answers += sum(len(answer) > limit - room for answer in answers if room < limit)
    kept = cut_left(prompt, room, first=first)
    return kept, [list(answer[: limit - len(kept)]) for answer in answers]


def as_text(messages: Messages) -> str:
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)

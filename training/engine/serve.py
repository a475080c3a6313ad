"""A resident model: loaded once, it answers over a unix socket, one JSON object a line, one at a time.

A request {"messages", "max_new_tokens", "temperature", "seed", "patience"} gets {"text", "tokens", "ended",
"milliseconds"} or {"error": {"code", "message"}}. A few requests wait; one more is refused, and nobody is
answered after the seconds of their patience. Progress 1 on standard output says that the socket is there.
The process ends with its parent, and at SIGTERM after the answer that it is writing.

usage: python -m training.engine.serve serve.json
       {"schema": 1, "model": DIRECTORY, "socket": PATH, "threads": 1, "device": "auto", "parent_pid": null}
"""

import sys

from training.engine import serve_launch

if __name__ == "__main__":
    # Before torch is imported: stdout and the parent must be looked after during those seconds too.
    HOLD = serve_launch.take_hold(sys.argv)

import logging
import signal
import time
import traceback
from typing import Any

import torch

from training.engine.dialogue import prompt_ids
from training.engine.failures import InputUnreadable, explain
from training.engine.model_files import context_length, load_policy, load_tokenizer
from training.engine.rollout import sample_answers
from training.engine.serve_launch import Hold, Settings
from training.engine.serve_line import Door, Line, Refused, Reply, Request


class Model:
    """A language model with its tokenizer, and the rule that an answer must come in time."""

    def __init__(self, settings: Settings) -> None:
        torch.set_num_threads(settings.threads)
        self._device = chosen_device(settings.device)
        self._tokenizer = load_tokenizer(settings.model)
        self._policy = load_policy(settings.model, self._tokenizer, self._device).eval()
        self._deadline = float("inf")
        self._policy.register_forward_pre_hook(self._heed_deadline)

    def _heed_deadline(self, *_: Any) -> None:
        """Comes before each token: nobody waits any more for the rest of an answer that is late."""
        if time.monotonic() > self._deadline:
            raise Refused("too_slow", "The model did not finish its answer in time.")

    def answer(self, request: Request) -> Reply:
        """Raises Refused when the prompt leaves no room for an answer, or the time is over."""
        began_at = time.monotonic()
        self._deadline = request.deadline
        self._heed_deadline()
        prompt = prompt_ids(self._tokenizer, request.messages)
        limit = context_length(self._policy)
        if len(prompt) >= limit:
            message = f"The prompt has {len(prompt)} tokens; this model reads fewer than {limit}."
            raise Refused("too_long", message, tokens=len(prompt), limit=limit)
        end = self._tokenizer.eos_token_id
        [ids] = sample_answers(
            self._policy,
            [prompt],
            end=end,
            pad=self._tokenizer.pad_token_id,
            max_new_tokens=min(request.max_new_tokens, limit - len(prompt)),
            temperature=request.temperature,
            generator=torch.Generator(self._device).manual_seed(request.seed),
            batch_size=1,
        )
        return {
            "text": self._tokenizer.decode(ids, skip_special_tokens=True),
            "tokens": len(ids),
            "ended": ids[-1] == end,
            "milliseconds": round(1000 * (time.monotonic() - began_at)),
        }

    def warm_up(self) -> None:
        """What is slow the first time is slow now, and a model that cannot answer is found now."""
        messages = [{"role": "user", "content": "?"}]
        self.answer(Request(messages, max_new_tokens=2, temperature=1.0, seed=0, deadline=float("inf")))


def chosen_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputUnreadable(
            reason="A GPU is asked for, and none was found.", hint="Choose the device cpu or auto."
        )
    return torch.device(name)


def main(hold: Hold) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    line = Line()
    try:
        model = Model(hold.settings)
        model.warm_up()
        door = Door(hold.settings.socket, line)
    # The process boundary: whatever happened is told to the parent and stands in the log.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc(file=sys.stderr)
        failure = explain(error)
        hold.reporter.failed(reason=failure.reason, hint=failure.hint)
        return 1
    signal.signal(signal.SIGTERM, line.close)
    door.open()
    hold.reporter.progress(fraction=1.0, sentence="Ready")
    code = line.serve(model.answer)
    door.close()
    return code


if __name__ == "__main__":
    sys.exit(main(HOLD))

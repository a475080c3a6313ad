"""What a person or a program may ask a deployed model: messages, and how the answer is drawn."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from core.errors import Invalid
from core.text import MAXIMUM_BODY_BYTES, refusal

ROLES = ("system", "user", "assistant")
MOST_MESSAGES = 100
MOST_NEW_TOKENS = 1024
HOTTEST = 5.0
GREATEST_SEED = 2**31 - 1

Message = dict[str, str]


class PromptRefused(Invalid):
    """The request cannot be put to the model; `fields` names what to mend."""


@dataclass(frozen=True)
class Drawing:
    """How an answer is drawn; the same drawing of the same model gives the same answer to a prompt."""

    max_new_tokens: int
    temperature: float
    seed: int

    def as_json(self) -> dict[str, Any]:
        return {"max_new_tokens": self.max_new_tokens, "temperature": self.temperature, "seed": self.seed}


def check_messages(value: object) -> list[Message]:
    """The messages as they are kept; raises PromptRefused, which names the first that is wrong."""
    if not isinstance(value, list) or not value:
        raise _refused("messages", _("Give a list of messages, each with role and content."))
    if len(value) > MOST_MESSAGES:
        raise _refused("messages", _("At most %(most)d messages are allowed.") % {"most": MOST_MESSAGES})
    messages = [_message(at, given) for at, given in enumerate(value)]
    if any(message["role"] == "system" for message in messages[1:]):
        raise _refused("messages", _("Only the first message can be of the role system."))
    if messages[-1]["role"] != "user":
        raise _refused("messages", _("The last message must be the user's: the model answers it."))
    if not messages[-1]["content"].strip():
        raise _refused("messages", _("The last message is empty."))
    if sum(len(message["content"].encode()) for message in messages) > MAXIMUM_BODY_BYTES:
        most = MAXIMUM_BODY_BYTES // 1024
        raise _refused("messages", _("The messages are larger than %(most)d KiB.") % {"most": most})
    return messages


def _message(at: int, value: object) -> Message:
    field = f"messages.{at}"
    if not isinstance(value, Mapping) or set(value) != {"role", "content"}:
        raise _refused(field, _("A message is an object with role and content and nothing else."))
    if value["role"] not in ROLES:
        raise _refused(field, _("The role must be one of %(roles)s.") % {"roles": ", ".join(ROLES)})
    if not isinstance(value["content"], str):
        raise _refused(field, _("The content must be a text."))
    reason = refusal(value["content"])
    if reason:
        raise _refused(field, reason)
    return {"role": str(value["role"]), "content": value["content"]}


def check_drawing(*, max_new_tokens: object, temperature: object, seed: object) -> Drawing:
    """A drawing with a seed, which is chosen here when none is given; raises PromptRefused."""
    if not _is_whole(max_new_tokens, least=1, most=MOST_NEW_TOKENS):
        reason = _("Choose a whole number from 1 to %(most)d.") % {"most": MOST_NEW_TOKENS}
        raise _refused("max_new_tokens", reason)
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise _refused("temperature", _("This must be a number."))
    # Not the other way round: every comparison with NaN is false.
    if not 0 <= temperature <= HOTTEST:
        raise _refused("temperature", _("Choose a number from 0 to %(most)g.") % {"most": HOTTEST})
    if seed is None:
        seed = secrets.randbelow(GREATEST_SEED)
    if not _is_whole(seed, least=0, most=GREATEST_SEED):
        reason = _("Choose a whole number from 0 to %(most)d.") % {"most": GREATEST_SEED}
        raise _refused("seed", reason)
    return Drawing(int(max_new_tokens), float(temperature), int(seed))  # type: ignore[call-overload]


def _is_whole(value: object, *, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _refused(field: str, reason: str) -> PromptRefused:
    return PromptRefused(reason, fields={field: reason})

"""What of a stored message a page shows: its text and its safe HTML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from annotation.models import TaskBody
from core.markdown import render


@dataclass(frozen=True)
class Shown:
    role: str
    html: SafeString
    text: str
    lang: str


def text_of(message: Mapping[str, Any]) -> str:
    return "\n\n".join(part["text"] for part in message["parts"])


def shown(message: Mapping[str, Any], *, lang: str = "") -> Shown:
    text = text_of(message)
    return Shown(role=message["role"], html=render(text), text=text, lang=message.get("lang") or lang)


def opening_of(body: TaskBody, *, longest: int) -> str:
    """The first words of the last message of the prompt, by which people tell tasks apart."""
    messages = body.prompt.get("messages") or []
    words = " ".join(text_of(messages[-1]).split()) if messages else ""
    return words if len(words) <= longest else f"{words[:longest].rstrip()} …"

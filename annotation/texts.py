"""What of a stored message a page shows: its text and its safe HTML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

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

"""Turns what a person typed, which is text, into the values that `parse_config` expects. Pure."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from training.configs import STAGES, ConfigInvalid

SWITCHES = {
    "true": True,
    "1": True,
    "on": True,
    "yes": True,
    "false": False,
    "0": False,
    "off": False,
    "no": False,
}


def settings_fields(stage: str) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(STAGES[stage])}


def typed_values(*, stage: str, texts: Mapping[str, str]) -> dict[str, object]:
    """Each text as a number or a switch where it is one; else left as it is, for `parse_config` to refuse."""
    fields = settings_fields(stage)
    return {
        name: typed_value(text, kind=fields[name].metadata["kind"]) if name in fields else text
        for name, text in texts.items()
    }


def typed_value(text: str, *, kind: type) -> object:
    text = text.strip()
    if kind is bool:
        return SWITCHES.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


def assignments(pairs: Iterable[str]) -> dict[str, str]:
    """`key=value` arguments as a mapping; raises ConfigInvalid for one without an equals sign."""
    split = [pair.partition("=") for pair in pairs]
    wrong = {name: "Write name=value." for name, equals, _value in split if not equals}
    if wrong:
        raise ConfigInvalid(fields=wrong)
    return {name.strip(): value for name, _equals, value in split}

"""The settings of a run as a table: beside each its default, and between runs what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from training.figures import written
from training.typed_settings import settings_fields

NOTHING = "–"


@dataclass(frozen=True)
class Setting:
    name: str
    label: str
    value: str
    default: str
    is_changed: bool
    help: str


@dataclass(frozen=True)
class Differing:
    """One setting of several runs; `values` stand in the order of the runs."""

    label: str
    values: list[str]
    differs: bool
    is_shared: bool = True


def settings_of(*, stage: str, config: Mapping[str, Any]) -> list[Setting]:
    """What the run was told, in the form's order."""
    return [
        Setting(
            name=name,
            label=gettext(field.metadata["label"]),
            value=written(config[name]),
            default=written(field.default),
            is_changed=config[name] != field.default,
            help=gettext(field.metadata["help"]),
        )
        for name, field in settings_fields(stage).items()
        if name in config
    ]


def compared_settings(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Differing]:
    """Every setting of these (stage, config) pairs, once; a dash where a stage does not know it."""
    tables = [{row.name: row for row in settings_of(stage=stage, config=config)} for stage, config in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    return [_differing([table.get(name) for table in tables]) for name in names]


def _differing(rows: Sequence[Setting | None]) -> Differing:
    values = [row.value if row else NOTHING for row in rows]
    label = next(row.label for row in rows if row)
    return Differing(
        label=label,
        values=values,
        differs=len(set(values)) > 1,
        is_shared=sum(row is not None for row in rows) > 1,
    )

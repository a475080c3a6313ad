"""Small frozen versions for the tests of every app that needs one."""

from collections.abc import Iterable
from typing import Any

from accounts.models import Membership, Workspace
from core.ids import uuid7
from corpus import shards, versions
from corpus.models import DatasetVersion


def pair(number: int, *, prompt: str = "") -> dict[str, Any]:
    return {
        "id": f"row-{number}",
        "prompt": [{"role": "user", "content": prompt or f"How do I open box {number}?"}],
        "chosen": [{"role": "assistant", "content": f"Gladly: lift lid {number}."}],
        "rejected": [{"role": "assistant", "content": f"Go away with box {number}."}],
    }


def pairs(count: int) -> list[dict[str, Any]]:
    return [pair(number) for number in range(count)]


def freeze(
    workspace: Workspace,
    *,
    rows: Iterable[dict[str, Any]] | None = None,
    name: str = "boxes",
    kind: str = "preferences",
    heldout_share: float = 0.2,
    parents: Iterable[versions.Parent] = (),
    by: Membership | None = None,
    policy: dict[str, object] | None = None,
) -> DatasetVersion:
    rows = pairs(30) if rows is None else rows
    with shards.written(kind=kind, rows=rows, heldout_share=heldout_share) as written:
        return versions.freeze(
            workspace=workspace,
            name=name,
            written=written,
            counts={"pairs": 30},
            parents=list(parents),
            licence="MIT",
            by=by,
            policy=policy,
        )


def source_parent() -> versions.Parent:
    return versions.Parent(kind="source", uid=uuid7(), role="source")

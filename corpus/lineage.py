"""What was made from what: one edge table beside the foreign keys, walked in both directions."""

import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Workspace
from core.errors import Conflict
from corpus.models import LineageEdge

Node = tuple[str, uuid.UUID]
MOST_EDGES = 1000
ROLES = {
    "source": gettext_lazy("source"),
    "annotations": gettext_lazy("answers"),
    "guideline": gettext_lazy("guideline"),
    "base": gettext_lazy("starting model"),
    "reward_model": gettext_lazy("reward model"),
    "second_model": gettext_lazy("checking model"),
    "dataset": gettext_lazy("training data"),
    "prompts": gettext_lazy("prompts"),
    "annotators": gettext_lazy("judged by"),
    "serves": gettext_lazy("answers under this name"),
    "wrote": gettext_lazy("wrote"),
    "sent_back": gettext_lazy("sent back to annotators"),
}
# The drawing of each kind of object, wherever it is shown.
ICONS = {
    "source": "book",
    "project": "rank",
    "guideline": "file",
    "annotators": "people",
    "dataset_version": "data",
    "model_version": "box",
    "deployment": "server",
    "outputs": "list",
    "sent_back": "undo",
}


class LineageCycle(Conflict):
    """The edge would make something its own ancestor."""


@dataclass(frozen=True)
class Description:
    """How a node is shown: a label, and a page where it has one."""

    label: str
    url: str = ""


Describer = Callable[[Workspace, Collection[uuid.UUID]], dict[uuid.UUID, Description]]
_describers: dict[str, Describer] = {}


def describes(kind: str) -> Callable[[Describer], Describer]:
    """Register the function that names nodes of a kind; the app that owns the kind does this."""

    def register(describer: Describer) -> Describer:
        _describers[kind] = describer
        return describer

    return register


def connect(*, workspace: Workspace, child: Node, parent: Node, role: str) -> LineageEdge:
    """Record that `child` was made from `parent`. Repeating it changes nothing; raises LineageCycle."""
    if child == parent or any((edge.parent_kind, edge.parent_uid) == child for edge in walk_up(parent)):
        raise LineageCycle(_("This would make something its own ancestor."))
    edge, _created = LineageEdge.objects.get_or_create(
        workspace=workspace,
        child_kind=child[0],
        child_uid=child[1],
        parent_kind=parent[0],
        parent_uid=parent[1],
        role=role,
    )
    return edge


def parents_of(kind: str, uid: uuid.UUID) -> list[LineageEdge]:
    return list(LineageEdge.objects.filter(child_kind=kind, child_uid=uid).order_by("id")[:MOST_EDGES])


# UNION keeps each edge once, so the walk ends even if a cycle should ever exist; LIMIT bounds it.
WALK = """
WITH RECURSIVE walk AS (
    SELECT edge.* FROM corpus_lineageedge edge WHERE edge.{start}_kind = %s AND edge.{start}_uid = %s
    UNION
    SELECT edge.* FROM corpus_lineageedge edge
    JOIN walk ON edge.{start}_kind = walk.{end}_kind AND edge.{start}_uid = walk.{end}_uid
)
SELECT * FROM walk LIMIT %s
"""


def walk_up(node: Node, *, limit: int = MOST_EDGES) -> list[LineageEdge]:
    """All edges towards the ancestors of a node, the nearest first."""
    return list(LineageEdge.objects.raw(WALK.format(start="child", end="parent"), [*node, limit]))


def walk_down(node: Node, *, limit: int = MOST_EDGES) -> list[LineageEdge]:
    """All edges towards what was made from a node, the nearest first."""
    return list(LineageEdge.objects.raw(WALK.format(start="parent", end="child"), [*node, limit]))


@dataclass(frozen=True)
class Relative:
    """A node beside another one, ready to be shown."""

    kind: str
    uid: uuid.UUID
    role: str
    label: str
    url: str

    @property
    def role_label(self) -> str:
        return str(ROLES.get(self.role, self.role))

    @property
    def icon(self) -> str:
        return ICONS.get(self.kind, "info")


def ancestors(*, workspace: Workspace, node: Node) -> list[Relative]:
    """Everything that a node was made from, directly or not, each once, the nearest first."""
    edges = walk_up(node)
    return _described(workspace, [(edge.parent_kind, edge.parent_uid, edge.role) for edge in edges])


def descendants(*, workspace: Workspace, node: Node) -> list[Relative]:
    """Everything that was made from a node, directly or not, each once, the nearest first."""
    edges = walk_down(node)
    return _described(workspace, [(edge.child_kind, edge.child_uid, edge.role) for edge in edges])


def _described(workspace: Workspace, found: Iterable[tuple[str, uuid.UUID, str]]) -> list[Relative]:
    roles: dict[Node, str] = {}
    for kind, uid, role in found:
        roles.setdefault((kind, uid), role)
    texts = described(workspace=workspace, nodes=roles)
    return [
        Relative(kind=kind, uid=uid, role=role, label=texts[kind, uid].label, url=texts[kind, uid].url)
        for (kind, uid), role in roles.items()
    ]


def described(*, workspace: Workspace, nodes: Iterable[Node]) -> dict[Node, Description]:
    """How each node is shown: one query a kind, however many nodes there are."""
    wanted = list(nodes)
    texts = {(kind, uid): Description(label=f"{kind} {uid}") for kind, uid in wanted}
    for kind in sorted({kind for kind, _uid in wanted} & _describers.keys()):
        uids = [uid for other, uid in wanted if other == kind]
        texts |= {(kind, uid): text for uid, text in _describers[kind](workspace, uids).items()}
    return texts

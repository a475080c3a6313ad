"""The lineage of one object as a graph: everything above and below it, with an edge for each step."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_lazy

from accounts.models import Workspace
from corpus import lineage

KINDS = {
    "source": gettext_lazy("source"),
    "origins": gettext_lazy("made from"),
    "project": gettext_lazy("project"),
    "guideline": gettext_lazy("guideline"),
    "annotators": gettext_lazy("annotators"),
    "dataset_version": gettext_lazy("dataset"),
    "model_version": gettext_lazy("model"),
    "deployment": gettext_lazy("deployment"),
    "outputs": gettext_lazy("outputs"),
    "sent_back": gettext_lazy("sent back to"),
}
Key = tuple[str, str]


@dataclass(frozen=True)
class GraphNode:
    """`key` is the kind and an id; `note` says more than the label has room for."""

    key: Key
    label: str
    url: str = ""
    note: str = ""

    @property
    def kind(self) -> str:
        return self.key[0]

    @property
    def kind_label(self) -> str:
        return str(KINDS.get(self.kind, self.kind))

    @property
    def icon(self) -> str:
        return lineage.ICONS.get(self.kind, "info")


@dataclass(frozen=True)
class GraphEdge:
    parent: Key
    child: Key
    role: str = ""

    @property
    def role_label(self) -> str:
        return str(lineage.ROLES.get(self.role, self.role))


@dataclass(frozen=True)
class Graph:
    """`is_cut` when there are more steps than one walk reads."""

    root: Key
    nodes: dict[Key, GraphNode]
    edges: list[GraphEdge] = field(default_factory=list)
    is_cut: bool = False

    def keys_of(self, kind: str) -> list[str]:
        return [uid for found, uid in self.nodes if found == kind]

    def with_more(self, nodes: Iterable[GraphNode], edges: Iterable[GraphEdge]) -> "Graph":
        """With nodes that stand in no edge table, such as annotators; edges to unknown nodes are left out."""
        known = self.nodes | {node.key: node for node in nodes}
        more = [edge for edge in edges if edge.parent in known and edge.child in known]
        return replace(self, nodes=known, edges=[*self.edges, *more])

    def above(self) -> list[tuple[GraphNode, str]]:
        """The ancestors, the nearest first, each with the part that it played."""
        return self._reached((edge.child, edge.parent, edge) for edge in self.edges)

    def below(self) -> list[tuple[GraphNode, str]]:
        return self._reached((edge.parent, edge.child, edge) for edge in self.edges)

    def _reached(self, steps: Iterable[tuple[Key, Key, GraphEdge]]) -> list[tuple[GraphNode, str]]:
        onwards: defaultdict[Key, list[tuple[Key, GraphEdge]]] = defaultdict(list)
        for start, end, edge in steps:
            onwards[start].append((end, edge))
        found: dict[Key, str] = {}
        waiting = [self.root]
        for at in waiting:
            for end, edge in onwards[at]:
                if end not in found and end != self.root:
                    found[end] = edge.role_label
                    waiting.append(end)
        return [(self.nodes[key], role) for key, role in found.items()]


def graph_of(*, workspace: Workspace, node: lineage.Node, limit: int = lineage.MOST_EDGES) -> Graph:
    """All ancestors and descendants of a node, described; a few queries however many there are."""
    up, down = lineage.walk_up(node, limit=limit), lineage.walk_down(node, limit=limit)
    edges = [
        GraphEdge(
            parent=(edge.parent_kind, str(edge.parent_uid)),
            child=(edge.child_kind, str(edge.child_uid)),
            role=edge.role,
        )
        for edge in {edge.pk: edge for edge in (*up, *down)}.values()
    ]
    ends = {(edge.parent_kind, edge.parent_uid) for edge in (*up, *down)}
    ends |= {(edge.child_kind, edge.child_uid) for edge in (*up, *down)}
    described = lineage.described(workspace=workspace, nodes=sorted(ends | {node}))
    nodes = {
        (kind, str(uid)): GraphNode(key=(kind, str(uid)), label=text.label, url=text.url)
        for (kind, uid), text in described.items()
    }
    root = (node[0], str(node[1]))
    return Graph(root=root, nodes=nodes, edges=edges, is_cut=limit in {len(up), len(down)})

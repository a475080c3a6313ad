"""The whole lineage of a version: the edges, and what stands in tables of its own: annotators, deployments,
outputs and what went back to annotators.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Workspace
from corpus import lineage
from corpus.lineage_graph import Graph, GraphEdge, GraphNode, graph_of
from corpus.lineage_people import MOST_ROWS, annotators_of
from corpus.models import DatasetVersion
from production.models import Deployment, Harvest

NAMED_ANNOTATORS = 2


@dataclass(frozen=True)
class Lineage:
    """`annotators`: rows by pseudonym, over all versions above; incomplete where files were erased."""

    graph: Graph
    annotators: list[tuple[str, int]]
    is_complete: bool

    @property
    def has_redactions(self) -> bool:
        return any(node.note for node in self.graph.nodes.values() if node.kind == "dataset_version")


def lineage_of(*, workspace: Workspace, node: lineage.Node) -> Lineage:
    graph = graph_of(workspace=workspace, node=node)
    above = {node.key for node, _role in graph.above()} | {graph.root}
    versions = DatasetVersion.objects.filter(workspace=workspace, uid__in=graph.keys_of("dataset_version"))
    people: Counter[str] = Counter()
    is_complete, left = not graph.is_cut, MOST_ROWS
    for version in versions.select_related("dataset", "workspace", "successor__dataset").order_by("-pk"):
        key = ("dataset_version", str(version.uid))
        if version.redacted_at:
            graph = graph.with_more([_redacted(graph.nodes[key], version)], [])
        if key not in above:
            continue
        found = annotators_of(version, most_rows=left)
        left -= found.rows.total()
        people += found.rows
        is_complete &= found.is_complete
        if found.rows:
            mark = ("annotators", str(version.uid))
            names = [name for name, _rows in found.most_first()]
            graph = graph.with_more(
                [GraphNode(key=mark, label=_names(names))], [GraphEdge(mark, key, "annotators")]
            )
    graph = graph.with_more(*_served(workspace, graph))
    ordered = sorted(people.items(), key=lambda entry: (-entry[1], entry[0]))
    return Lineage(graph=graph, annotators=ordered, is_complete=is_complete)


def _redacted(node: GraphNode, version: DatasetVersion) -> GraphNode:
    left = version.successor
    note = _("redacted; what is left: %(name)s") % {"name": left} if left else _("redacted; nothing is left")
    return GraphNode(key=node.key, label=node.label, url=node.url, note=note)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED_ANNOTATORS])
    others = len(names) - NAMED_ANNOTATORS
    if others <= 0:
        return shown
    return _("%(names)s and %(count)d more") % {"names": shown, "count": others}


def _served(workspace: Workspace, graph: Graph) -> tuple[list[GraphNode], list[GraphEdge]]:
    """Deployments of the models, how much each wrote, and the projects that got some of it back."""
    models = graph.keys_of("model_version")
    deployed = Deployment.objects.filter(workspace=workspace, model__uid__in=models).select_related("model")
    rows = list(deployed.annotate(output_count=Count("outputs")).order_by("pk"))
    nodes, edges = [], []
    for row in rows:
        page = reverse("deployment", args=[workspace.slug, row.uid])
        served, wrote = ("deployment", str(row.uid)), ("outputs", str(row.uid))
        nodes.append(GraphNode(key=served, label=row.name, url=page, note=row.get_state_display()))
        edges.append(GraphEdge(("model_version", str(row.model.uid)), served, "serves"))
        if row.output_count:
            label = ngettext("%(count)d output", "%(count)d outputs", row.output_count)
            nodes.append(GraphNode(key=wrote, label=label % {"count": row.output_count}, url=page))
            edges.append(GraphEdge(served, wrote, "wrote"))
    for node, edge in _sent_back(workspace, rows):
        nodes.append(node)
        edges.append(edge)
    return nodes, edges


def _sent_back(workspace: Workspace, rows: Sequence[Deployment]) -> Iterator[tuple[GraphNode, GraphEdge]]:
    sent = Harvest.objects.filter(output__deployment__in=rows)
    groups = sent.values_list("output__deployment__uid", "project__uid", "project__name")
    for deployment, project, name, count in groups.annotate(tasks=Count("pk")).order_by("project"):
        label = ngettext("%(name)s: %(count)d task", "%(name)s: %(count)d tasks", count)
        # A node of its own: the project itself may stand above, and a lineage has no circles.
        node = GraphNode(
            key=("sent_back", f"{deployment}:{project}"),
            label=label % {"name": name, "count": count},
            url=reverse("project", args=[workspace.slug, project]),
        )
        yield node, GraphEdge(("outputs", str(deployment)), node.key, "sent_back")

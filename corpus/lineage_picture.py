"""A lineage as a picture: ages of things from left to right, lines between them. Pure but for the graph."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.utils.translation import ngettext

from corpus.lineage_graph import Graph, GraphEdge, GraphNode, Key

# Boxes are narrower where there are many columns, so that the picture fits a page of PAGE_WIDTH.
BOX_WIDTH, NARROWEST, BOX_HEIGHT = 190, 104, 72
PAGE_WIDTH = 1106
GAP_ACROSS, NARROW_GAP, GAP_DOWN = 32, 18, 10
# From so many columns on, they stand closer.
MANY_COLUMNS = 7
MARGIN = 2
MOST_BOXES = 60
ARROW = 6
LANE = "lane"
# Widths of a letter and of the padding in a box.
LETTER, PADDING = 6.5, 14
LABEL_LINES, LINE_HEIGHT = 3, 15
# From so many boxes on, those that made the same thing together stand as one.
MANY_BOXES = 12
# A line that passes a column gets a lane there, so that it runs beside the boxes and not behind them.
LANE_HEIGHT = 14


@dataclass(frozen=True)
class Box:
    node: GraphNode
    x: int
    y: int
    is_root: bool
    width: int = BOX_WIDTH

    @property
    def label_lines(self) -> list[tuple[int, str]]:
        """At most three lines, each with its height in the picture."""
        longest = int((self.width - PADDING) / LETTER)
        lines: list[str] = []
        rest = self.node.label
        while rest and len(lines) < LABEL_LINES - 1:
            line, rest = _broken(rest, longest)
            lines.append(line)
        if rest:
            lines.append(rest if len(rest) <= longest else rest[: longest - 1].rstrip() + "…")
        return [(self.y + 33 + LINE_HEIGHT * at, line) for at, line in enumerate(lines)]

    @property
    def is_redacted(self) -> bool:
        """Only redactions have a note among the versions."""
        return self.node.kind == "dataset_version" and bool(self.node.note)

    @property
    def text_x(self) -> int:
        return self.x + 8

    @property
    def kind_y(self) -> int:
        return self.y + 17


def _broken(text: str, longest: int) -> tuple[str, str]:
    """What fits into the first line, broken between words where that leaves something, and the rest."""
    if len(text) <= longest:
        return text, ""
    at = text.rfind(" ", 1, longest + 1)
    at = at if at > 0 else longest
    return text[:at], text[at:].strip()


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    boxes: list[Box]
    lines: list[str]
    left_out: int
    box_width: int

    @property
    def box_height(self) -> int:
        return BOX_HEIGHT


def picture_of(graph: Graph, *, most: int = MOST_BOXES) -> Picture:
    """The nearest nodes around the root; `left_out` says how many others there are."""
    shown = _nearest(graph, most)
    edges = [edge for edge in graph.edges if edge.parent in shown and edge.child in shown]
    columns = _columns(shown, edges)
    ways = _ways(columns, edges)
    box_width = width_of_a_box(len(columns))
    places = _places(_ordered(columns, ways), box_width)
    boxes = {
        key: Box(
            node=graph.nodes[key],
            x=places[key][0],
            y=places[key][1],
            is_root=key == graph.root,
            width=box_width,
        )
        for key in shown
    }
    return Picture(
        width=max(x for x, _y in places.values()) + box_width + MARGIN,
        height=max(y + _height(key) for key, (_x, y) in places.items()) + MARGIN,
        boxes=list(boxes.values()),
        lines=[_line(way, places, box_width) for way in ways],
        left_out=len(graph.nodes) - len(shown),
        box_width=box_width,
    )


def gathered(graph: Graph) -> Graph:
    """Where there are many: those at the beginning of which the same things were made, as one node."""
    if len(graph.nodes) <= MANY_BOXES:
        return graph
    children: defaultdict[Key, set[Key]] = defaultdict(set)
    for edge in graph.edges:
        children[edge.parent].add(edge.child)
    below = {edge.child for edge in graph.edges}
    groups: defaultdict[frozenset[Key], list[Key]] = defaultdict(list)
    for key in graph.nodes:
        if key not in below and key != graph.root and children[key]:
            groups[frozenset(children[key])].append(key)
    nodes, edges = dict(graph.nodes), list(graph.edges)
    for made, keys in groups.items():
        if len(keys) < 2:
            continue
        one = _as_one([nodes.pop(key) for key in keys])
        nodes[one.key] = one
        edges = [edge for edge in edges if edge.parent not in keys]
        edges += [GraphEdge(parent=one.key, child=child) for child in sorted(made)]
    return replace(graph, nodes=nodes, edges=edges)


def _as_one(nodes: list[GraphNode]) -> GraphNode:
    """Called after its project where it has one; the note names all."""
    nodes = sorted(nodes, key=lambda node: node.kind != "project")
    first, others = nodes[0], len(nodes) - 1
    if all(node.kind == "source" for node in nodes):
        label = ngettext("%(count)d source", "%(count)d sources", len(nodes)) % {"count": len(nodes)}
    else:
        label = ngettext("%(name)s and %(count)d more", "%(name)s and %(count)d more", others)
        label %= {"name": first.label, "count": others}
    return GraphNode(
        key=("origins", first.key[1]),
        label=label,
        url=first.url if first.kind == "project" else "#made-from",
        note="; ".join(node.label for node in nodes),
    )


def _nearest(graph: Graph, most: int) -> list[Key]:
    beside: defaultdict[Key, list[Key]] = defaultdict(list)
    for edge in graph.edges:
        beside[edge.child].append(edge.parent)
        beside[edge.parent].append(edge.child)
    found = {graph.root: None}
    waiting = [graph.root]
    for at in waiting:
        for key in beside[at]:
            if key not in found and len(found) < most:
                found[key] = None
                waiting.append(key)
    return list(found)


def _columns(keys: list[Key], edges: Iterable[GraphEdge]) -> list[list[Key]]:
    """Each node right of all of its parents; a parent stands next to its first child."""
    parents, children = defaultdict(list), defaultdict(list)
    for edge in edges:
        parents[edge.child].append(edge.parent)
        children[edge.parent].append(edge.child)
    depth = dict.fromkeys(keys, 0)
    # As often as the longest way has steps; a cycle, which no write lets in, ends with the count of nodes.
    for _round in keys:
        moved = {key: max((depth[up] + 1 for up in parents[key]), default=depth[key]) for key in keys}
        moved = {key: min(value, len(keys)) for key, value in moved.items()}
        if moved == depth:
            break
        depth = moved
    for key in keys:
        if not parents[key] and children[key]:
            depth[key] = min(depth[child] for child in children[key]) - 1
    used = sorted(set(depth.values()))
    return [[key for key in keys if depth[key] == column] for column in used]


def _ways(columns: list[list[Key]], edges: Iterable[GraphEdge]) -> list[list[Key]]:
    """The places that each line goes through; a lane is added to every column that it passes."""
    column_of = {key: number for number, column in enumerate(columns) for key in column}
    ways = []
    for number, (parent, child) in enumerate(dict.fromkeys((edge.parent, edge.child) for edge in edges)):
        passed = range(column_of[parent] + 1, column_of[child])
        lanes = [(LANE, f"{number}:{column}") for column in passed]
        for column, lane in zip(passed, lanes, strict=True):
            columns[column].append(lane)
        ways.append([parent, *lanes, child])
    return ways


def _ordered(columns: list[list[Key]], ways: list[list[Key]]) -> list[list[Key]]:
    """Nodes at the height of what they are tied to in the column before, so that fewer lines cross."""
    before: defaultdict[Key, list[Key]] = defaultdict(list)
    for way in ways:
        for one, other in zip(way, way[1:], strict=False):
            before[other].append(one)
    ordered: list[list[Key]] = []
    for column in columns:
        heights = {key: at for at, key in enumerate(ordered[-1])} if ordered else {}
        ties = {key: [heights[one] for one in before[key] if one in heights] for key in column}
        middle = {key: sum(ties[key]) / len(ties[key]) if ties[key] else len(column) for key in column}
        ordered.append(sorted(column, key=lambda key: middle[key]))
    return ordered


def _height(key: Key) -> int:
    return LANE_HEIGHT if key[0] == LANE else BOX_HEIGHT


def gap_across(columns: int) -> int:
    return NARROW_GAP if columns >= MANY_COLUMNS else GAP_ACROSS


def width_of_a_box(columns: int) -> int:
    room = (PAGE_WIDTH - (columns - 1) * gap_across(columns)) // max(1, columns)
    return max(NARROWEST, min(BOX_WIDTH, room))


def _places(columns: list[list[Key]], box_width: int) -> dict[Key, tuple[int, int]]:
    heights = [sum(_height(key) + GAP_DOWN for key in column) for column in columns]
    places = {}
    for number, column in enumerate(columns):
        y = MARGIN + (max(heights) - heights[number]) // 2
        for key in column:
            places[key] = (MARGIN + number * (box_width + gap_across(len(columns))), y)
            y += _height(key) + GAP_DOWN
    return places


def _line(way: list[Key], places: dict[Key, tuple[int, int]], box_width: int) -> str:
    """From the right edge of the parent to the left edge of the child, straight through the lanes."""
    x, y = places[way[0]][0] + box_width, places[way[0]][1] + BOX_HEIGHT // 2
    line = f"M{x} {y}"
    for key in way[1:]:
        left, middle = places[key][0], places[key][1] + _height(key) // 2
        end = left if key[0] == LANE else left - ARROW
        half = (x + left) // 2
        line += f" C{half} {y} {half} {middle} {end} {middle}"
        x, y = end, middle
        if key[0] == LANE:
            x = left + box_width
            line += f" H{x}"
    return line

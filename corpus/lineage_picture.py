"""A lineage as a picture: ages of things from left to right, lines between them. Pure but for the graph."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from corpus.lineage_graph import Graph, GraphEdge, GraphNode, Key

BOX_WIDTH, BOX_HEIGHT = 190, 52
GAP_ACROSS, GAP_DOWN = 56, 14
MARGIN = 2
MOST_BOXES = 60
ARROW = 6
LANE = "lane"
LONGEST_LABEL = 24
# A line that passes a column gets a lane there, so that it runs beside the boxes and not behind them.
LANE_HEIGHT = 14


@dataclass(frozen=True)
class Box:
    node: GraphNode
    x: int
    y: int
    is_root: bool

    @property
    def label(self) -> str:
        label = self.node.label
        return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1].rstrip() + "…"

    @property
    def is_redacted(self) -> bool:
        """Only redactions have a note among the versions."""
        return self.node.kind == "dataset_version" and bool(self.node.note)

    @property
    def text_x(self) -> int:
        return self.x + 12

    @property
    def kind_y(self) -> int:
        return self.y + 20

    @property
    def label_y(self) -> int:
        return self.y + 38


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    boxes: list[Box]
    lines: list[str]
    left_out: int

    @property
    def box_width(self) -> int:
        return BOX_WIDTH

    @property
    def box_height(self) -> int:
        return BOX_HEIGHT


def picture_of(graph: Graph, *, most: int = MOST_BOXES) -> Picture:
    """The nearest nodes around the root; `left_out` says how many others there are."""
    shown = _nearest(graph, most)
    edges = [edge for edge in graph.edges if edge.parent in shown and edge.child in shown]
    columns = _columns(shown, edges)
    ways = _ways(columns, edges)
    places = _places(_ordered(columns, ways))
    boxes = {
        key: Box(node=graph.nodes[key], x=places[key][0], y=places[key][1], is_root=key == graph.root)
        for key in shown
    }
    return Picture(
        width=max(x for x, _y in places.values()) + BOX_WIDTH + MARGIN,
        height=max(y + _height(key) for key, (_x, y) in places.items()) + MARGIN,
        boxes=list(boxes.values()),
        lines=[_line(way, places) for way in ways],
        left_out=len(graph.nodes) - len(shown),
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


def _places(columns: list[list[Key]]) -> dict[Key, tuple[int, int]]:
    heights = [sum(_height(key) + GAP_DOWN for key in column) for column in columns]
    places = {}
    for number, column in enumerate(columns):
        y = MARGIN + (max(heights) - heights[number]) // 2
        for key in column:
            places[key] = (MARGIN + number * (BOX_WIDTH + GAP_ACROSS), y)
            y += _height(key) + GAP_DOWN
    return places


def _line(way: list[Key], places: dict[Key, tuple[int, int]]) -> str:
    """From the right edge of the parent to the left edge of the child, straight through the lanes."""
    x, y = places[way[0]][0] + BOX_WIDTH, places[way[0]][1] + BOX_HEIGHT // 2
    line = f"M{x} {y}"
    for key in way[1:]:
        left, middle = places[key][0], places[key][1] + _height(key) // 2
        end = left if key[0] == LANE else left - ARROW
        half = (x + left) // 2
        line += f" C{half} {y} {half} {middle} {end} {middle}"
        x, y = end, middle
        if key[0] == LANE:
            x = left + BOX_WIDTH
            line += f" H{x}"
    return line

"""The lineage as a graph and as a picture."""

from core import blobs
from core.ids import uuid7
from corpus import lineage
from corpus.lineage_graph import Graph, GraphEdge, GraphNode, graph_of
from corpus.lineage_people import annotators_of
from corpus.lineage_picture import BOX_HEIGHT, NARROWEST, gathered, picture_of
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair, source_parent


def drawn(*steps: str, root: str = "a", most: int = 60) -> dict[str, tuple[int, int]]:
    """Where each node of "a>b" steps stands."""
    pairs = [step.split(">") for step in steps]
    names = {name for pair in pairs for name in pair} | {root}
    graph = Graph(
        root=("model_version", root),
        nodes={("model_version", name): GraphNode(("model_version", name), label=name) for name in names},
        edges=[GraphEdge(("model_version", one), ("model_version", other)) for one, other in pairs],
    )
    picture = picture_of(graph, most=most)
    assert picture.left_out == len(names) - len(picture.boxes)
    return {box.node.label: (box.x, box.y) for box in picture.boxes}


def test_everything_stands_right_of_what_it_was_made_from() -> None:
    places = drawn("source>data", "data>sft", "sft>reward", "sft>ppo", "reward>ppo", "data>ppo", root="sft")
    assert places["source"][0] < places["data"][0] < places["sft"][0]
    assert places["sft"][0] < places["reward"][0] < places["ppo"][0]


def test_a_parent_stands_next_to_its_first_child() -> None:
    places = drawn("a>b", "b>c", "c>d", "guideline>d")
    assert places["guideline"][0] == places["c"][0]


def many_origins(count: int) -> Graph:
    """So many sources, and a project with its guideline, of one version."""
    version = ("dataset_version", "v")
    labels = {("source", str(number)): f"notes {number}" for number in range(count)}
    labels |= {("guideline", "g"): "Rank, guideline 1", ("project", "p"): "Rank"}
    more = {("dataset_version", "w"): "w v1", version: "v v1"}
    nodes = {key: GraphNode(key, label=label) for key, label in (labels | more).items()}
    edges = [GraphEdge(key, version if key[0] == "source" else ("dataset_version", "w")) for key in labels]
    return Graph(root=version, nodes=nodes, edges=[*edges, GraphEdge(("dataset_version", "w"), version)])


def test_where_there_are_many_those_that_began_the_same_stand_as_one() -> None:
    one = gathered(many_origins(12))
    assert sorted(node.label for node in one.nodes.values()) == [
        "12 sources",
        "Rank and 1 more",
        "v v1",
        "w v1",
    ]
    [project] = [node for node in one.nodes.values() if node.label.startswith("Rank")]
    assert project.note == "Rank; Rank, guideline 1"
    assert len(one.edges) == 3
    assert len(picture_of(one).lines) == 3


def test_few_stand_each_for_itself() -> None:
    few = many_origins(3)
    assert gathered(few) == few


def test_no_two_boxes_overlap_and_all_lie_on_the_canvas() -> None:
    places = drawn(*[f"a>{number}" for number in range(20)], *[f"{number}>z" for number in range(20)])
    spots = sorted(places.values())
    for at, (x, y) in enumerate(spots):
        assert x >= 0 and y >= 0
        for other_x, other_y in spots[at + 1 :]:
            assert abs(x - other_x) >= NARROWEST or abs(y - other_y) >= BOX_HEIGHT


def test_a_line_that_passes_a_column_runs_beside_its_boxes() -> None:
    key = {name: ("model_version", name) for name in "abcd"}
    steps = ["ab", "bc", "cd", "ad"]
    graph = Graph(
        root=key["a"],
        nodes={place: GraphNode(place, label=place[1]) for place in key.values()},
        edges=[GraphEdge(key[one], key[other]) for one, other in steps],
    )
    picture = picture_of(graph)
    (long,) = [line for line in picture.lines if line.count("H") == 2]
    heights = [int(end.rsplit(" ", 1)[1]) for end in long.split(" H")[:-1]]
    passed = {box.node.label: box for box in picture.boxes if box.node.label in "bc"}
    for height, name in zip(heights, "bc", strict=True):
        assert not passed[name].y <= height <= passed[name].y + BOX_HEIGHT


def test_a_large_family_is_cut_to_the_nearest() -> None:
    places = drawn(*[f"{number}>{number + 1}" for number in range(30)], root="15", most=5)
    assert sorted(places) == ["13", "14", "15", "16", "17"]


def test_a_circle_which_no_write_lets_in_is_drawn_all_the_same() -> None:
    assert sorted(drawn("a>b", "b>a")) == ["a", "b"]


def test_something_without_relatives_is_one_box() -> None:
    assert list(drawn(root="alone")) == ["alone"]


def test_the_graph_holds_both_directions_and_each_step_once(cast: Cast) -> None:
    source = source_parent()
    version = freeze(cast.workspace, parents=[source])
    model = ("model_version", uuid7())
    for role in ("dataset", "prompts"):
        lineage.connect(
            workspace=cast.workspace, child=model, parent=("dataset_version", version.uid), role=role
        )
    graph = graph_of(workspace=cast.workspace, node=("dataset_version", version.uid))
    assert sorted(edge.role for edge in graph.edges) == ["dataset", "prompts", "source"]
    assert [node.key for node, _role in graph.above()] == [("source", str(source.uid))]
    assert [node.key for node, _role in graph.below()] == [("model_version", str(model[1]))]
    assert graph.nodes[graph.root].label == "boxes v1"


def test_a_long_lineage_is_marked_as_cut(cast: Cast) -> None:
    nodes = [("model_version", uuid7()) for _number in range(8)]
    for parent, child in zip(nodes, nodes[1:], strict=False):
        lineage.connect(workspace=cast.workspace, child=child, parent=parent, role="base")
    assert graph_of(workspace=cast.workspace, node=nodes[0], limit=3).is_cut
    assert not graph_of(workspace=cast.workspace, node=nodes[0]).is_cut


def test_annotators_are_counted_by_pseudonym_up_to_a_limit(cast: Cast) -> None:
    rows = [pair(number) | {"annotator": "bee" if number % 3 else "ant"} for number in range(30)]
    version = freeze(cast.workspace, rows=rows)
    found = annotators_of(version)
    assert (found.most_first(), found.is_complete) == ([("bee", 20), ("ant", 10)], True)
    assert not annotators_of(version, most_rows=5).is_complete


def test_annotators_of_erased_files_are_not_known_and_that_is_said(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=[pair(1) | {"annotator": "bee"}], heldout_share=0.0)
    blobs.delete(version.manifest["files"][0]["sha256"], workspace=cast.workspace.uid)
    found = annotators_of(version)
    assert (found.most_first(), found.is_complete) == ([], False)


def test_kinds_without_annotators_have_none(cast: Cast) -> None:
    version = freeze(cast.workspace, kind="corpus", rows=[{"id": "1", "text": "A text."}])
    assert annotators_of(version).most_first() == []

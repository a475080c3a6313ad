import uuid

import pytest

from core.ids import uuid7
from corpus import lineage
from corpus.models import LineageEdge
from tests.conftest import Cast
from tests.corpus.frozen import freeze


def node(kind: str = "dataset_version") -> lineage.Node:
    return kind, uuid7()


def chain(cast: Cast, *nodes: lineage.Node) -> None:
    for parent, child in zip(nodes, nodes[1:], strict=False):
        lineage.connect(workspace=cast.workspace, child=child, parent=parent, role="base")


def uids(edges: list[LineageEdge], side: str) -> list[uuid.UUID]:
    return [getattr(edge, f"{side}_uid") for edge in edges]


def test_the_walk_reaches_every_ancestor_and_every_descendant(cast: Cast) -> None:
    source, data, model, policy = node("source"), node(), node("model_version"), node("model_version")
    chain(cast, source, data, model, policy)
    assert uids(lineage.walk_up(policy), "parent") == [model[1], data[1], source[1]]
    assert uids(lineage.walk_down(source), "child") == [data[1], model[1], policy[1]]


def test_an_ancestor_on_two_ways_is_shown_once(cast: Cast) -> None:
    top, left, right, bottom = node(), node(), node(), node()
    chain(cast, top, left, bottom)
    chain(cast, top, right, bottom)
    found = lineage.ancestors(workspace=cast.workspace, node=bottom)
    assert sorted(relative.uid for relative in found) == sorted([left[1], right[1], top[1]])


def test_connecting_twice_leaves_one_edge(cast: Cast) -> None:
    parent, child = node(), node()
    chain(cast, parent, child)
    chain(cast, parent, child)
    assert LineageEdge.objects.count() == 1


def test_nothing_becomes_its_own_ancestor(cast: Cast) -> None:
    first, second, third = node(), node(), node()
    chain(cast, first, second, third)
    for parent, child in [(third, first), (first, first)]:
        with pytest.raises(lineage.LineageCycle):
            lineage.connect(workspace=cast.workspace, child=child, parent=parent, role="base")


def test_a_walk_ends_even_in_a_cycle(cast: Cast) -> None:
    first, second = node(), node()
    for parent, child in [(first, second), (second, first)]:
        LineageEdge.objects.create(
            workspace=cast.workspace, child_kind=child[0], child_uid=child[1],
            parent_kind=parent[0], parent_uid=parent[1], role="base",
        )  # fmt: skip
    assert len(lineage.walk_up(first)) == 2


def test_a_walk_is_bounded(cast: Cast) -> None:
    bottom = node()
    for _ in range(5):
        chain(cast, node(), bottom)
    assert len(lineage.walk_up(bottom, limit=3)) == 3


def test_known_kinds_are_shown_by_name_and_others_by_their_id(cast: Cast) -> None:
    version = freeze(cast.workspace)
    unknown = node("telescope")
    chain(cast, unknown, ("dataset_version", version.uid), node("model_version"))
    [parent] = lineage.ancestors(workspace=cast.workspace, node=("dataset_version", version.uid))
    assert parent.label == f"telescope {unknown[1]}"
    [child] = lineage.descendants(workspace=cast.workspace, node=unknown)[:1]
    assert child.label == "boxes v1"
    assert child.url == f"/w/acme/datasets/{version.uid}/"


def test_naming_the_relatives_takes_one_query_a_kind(cast: Cast, django_assert_num_queries: object) -> None:
    bottom = node()
    for number in range(10):
        version = freeze(cast.workspace, name=f"set {number}", heldout_share=number / 20)
        chain(cast, ("dataset_version", version.uid), bottom)
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert len(lineage.ancestors(workspace=cast.workspace, node=bottom)) == 10

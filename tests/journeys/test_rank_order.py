"""The model of an order in static/js/rank-order.js, run by the browser that will run it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser

PLAY = """async ([steps, ties]) => {
    const { Order } = await import("/static/js/rank-order.js");
    const order = new Order(["a", "b", "c", "d"], { ties });
    for (const [name, ...values] of steps) order[name](...values);
    return order.ranks();
}"""
DISAGREE = """async ([ranks, ratings]) => {
    const { disagreements } = await import("/static/js/rank-order.js");
    return disagreements(ranks, ratings).map(({ better, worse }) => better + worse);
}"""


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """A page that has nothing but our scripts: the model needs no server."""
    page = chromium.new_page()
    page.route("**/*", deliver)
    page.goto("http://annotera.test/")
    yield page
    page.close()


def deliver(route: Route) -> None:
    path = route.request.url.removeprefix("http://annotera.test/")
    if not path:
        route.fulfill(body="<!doctype html>", content_type="text/html")
        return
    route.fulfill(path=Path(settings.BASE_DIR) / path, content_type="text/javascript")


@pytest.fixture
def play(page: Page):
    def run(*steps: list[Any], ties: bool = True) -> str:
        ranks = page.evaluate(PLAY, [list(steps), ties])
        return "".join(ranks[uid] or "-" for uid in "abcd")

    return run


def added(letters: str) -> list[list[str]]:
    """Steps that press these letters; "=" ties the next one."""
    return [["tie"] if letter == "=" else ["add", letter] for letter in letters]


@pytest.mark.parametrize(
    ("pressed", "ranks"),
    [("", "----"), ("ba", "21--"), ("bacd", "2134"), ("b=ac", "112-"), ("a=b=cd", "1112"), ("=a", "1---")],
)
def test_pressed_letters_build_the_order(pressed: str, ranks: str, play) -> None:
    assert play(*added(pressed)) == ranks


def test_a_tie_after_all_are_placed_joins_and_parts_the_last_two(play) -> None:
    assert play(*added("abcd"), ["tie"]) == "1233"
    assert play(*added("abcd"), ["tie"], ["tie"]) == "1234"


def test_ties_are_refused_where_the_project_has_none(play) -> None:
    assert play(*added("a=b"), ties=False) == "12--"


def test_taking_one_out_keeps_the_others_apart(play) -> None:
    assert play(*added("ab=cd"), ["remove", "b"]) == "1-23"
    assert play(*added("ab=cd"), ["remove", "a"]) == "-112"
    assert play(*added("ab"), ["pop"], ["pop"], ["pop"]) == "----"


def test_moving_steps_past_one_neighbour_and_stops_at_the_ends(play) -> None:
    assert play(*added("abcd"), ["move", "c", -1]) == "1324"
    assert play(*added("abcd"), ["move", "a", -1]) == "1234"
    assert play(*added("abcd"), ["move", "d", 1]) == "1234"
    assert play(*added("ab"), ["move", "d", -1]) == "12-3"


def test_a_new_sequence_keeps_the_ties_of_those_who_stay_neighbours(play) -> None:
    assert play(*added("a=bcd"), ["arrange", ["d", "a", "b", "c"]]) == "2231"
    assert play(*added("a=bcd"), ["arrange", ["a", "c", "b", "d"]]) == "1324"


def test_fields_are_read_back_as_they_were_written(play) -> None:
    assert play(["read", {"a": "2", "b": "1", "c": "2", "d": ""}]) == "212-"
    assert play(["read", {"a": "4", "b": "4", "c": "", "d": "9"}]) == "11-2"


@pytest.mark.parametrize(
    ("ratings", "found"),
    [
        ({"a": {"quality": "2"}, "b": {"quality": "4"}}, ["ba"]),
        ({"a": {"quality": "4"}, "b": {"quality": "2"}}, []),
        ({"a": {"quality": "4"}, "b": {"quality": "4"}}, []),
        ({"a": {"quality": "2"}}, []),
        ({"a": {"quality": "3", "safety": "3", "relevance": "3"},
          "b": {"quality": "4", "safety": "3", "relevance": "3"}}, []),
    ],
)  # fmt: skip
def test_only_clear_contradictions_are_found(ratings: dict, found: list[str], page: Page) -> None:
    assert page.evaluate(DISAGREE, [{"a": "1", "b": "2", "c": ""}, ratings]) == found

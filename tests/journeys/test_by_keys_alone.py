"""From the home page to three answers without a mouse, for every kind of task."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Annotation, Guideline, Project
from tests.annotation.worlds import consenting, labelling_project, writing_project
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.ranking import press, submit_by_keys
from tests.journeys.worlds import ranking_project

pytestmark = pytest.mark.browser
IS_START = "() => document.activeElement.matches(\"form[action$='/next/'] :is(button, [type=submit])\")"


def rank(page: Page) -> None:
    submit_by_keys(page, "2", "1", "=", "3", "s", "4", "4", "4", "Escape", "d", "d")


def write(page: Page) -> None:
    press(page, "a")
    page.keyboard.type("A short answer.")
    submit_by_keys(page, "Escape", "f", "Space")


def label(page: Page) -> None:
    # By its key, and by its letters where it has none.
    press(page, "2", "/")
    page.keyboard.type("rare")
    submit_by_keys(page, "Enter")


def texts(kind: str) -> list[str]:
    return [f"{kind} number {number}" for number in range(3)]


def labels(cast: Cast) -> Project:
    names = [*(f"label {number}" for number in range(12)), "a rare one"]
    return labelling_project(cast, *texts("text"), labels=names, allow_several_labels=True)


KINDS: dict[str, tuple[Callable[[Cast], Project], Callable[[Page], None]]] = {
    "ranking": (ranking_project, rank),
    "writing": (lambda cast: writing_project(cast, *texts("question")), write),
    "labelling": (labels, label),
}


@pytest.mark.parametrize("kind", KINDS)
def test_three_answers_without_a_mouse(kind: str, committed_cast: Cast, visit: Visit) -> None:
    make, answer = KINDS[kind]
    consenting(committed_cast.bob)
    project = make(committed_cast)
    Guideline.objects.get_or_create(
        workspace=project.workspace, project=project, number=1, defaults={"text": "Be **kind**."}
    )
    page = visit(committed_cast.bob)
    page.goto("/w/acme/")
    for _press in range(60):
        press(page, "Tab")
        if page.evaluate(IS_START):
            break
    press(page, "Enter")
    expect(page.locator("#task[data-ready]")).to_be_visible()
    # The guideline is new, so it is open.
    expect(page.locator("#guideline")).to_be_visible()
    press(page, "g")
    for _number in range(3):
        answer(page)
    expect(page.get_by_text("All tasks are done")).to_be_visible()
    stored = [row.answer for row in Annotation.objects.filter(is_current=True)]
    assert len(stored) == 3
    if kind == "labelling":
        assert [row["labels"] for row in stored] == [["label 1", "a rare one"]] * 3

"""Writing and labelling in the browser: by keys alone, with nothing lost, and on a narrow screen."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from annotation.models import Assignment, Guideline, Project
from tests.annotation.worlds import consenting, labelling_project, writing_project
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.looking import findings, look_at, sideways
from tests.journeys.ranking import RECEIPT, answers, open_ready, press, receipt, submit_by_keys
from tests.journeys.worlds import first_task, ranking_project
from tests.training.registered import make_model

pytestmark = pytest.mark.browser
DIALOGUE = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hello. What would you like to know?"},
    {"role": "user", "content": "Why is teh sea salty?"},
]


def with_guideline(cast: Cast, project: Project) -> Project:
    consenting(cast.bob)
    Guideline.objects.create(
        workspace=cast.workspace, project=project, number=1, text="Answer in **one** sentence."
    )
    return project


def test_bob_writes_by_keys_and_loses_nothing(committed_cast: Cast, visit: Visit) -> None:
    cast = committed_cast
    project = with_guideline(cast, writing_project(cast, DIALOGUE, "What is rain?", name="Answers"))
    address = first_task(cast.bob, project)
    page = visit(cast.bob)
    open_ready(page, address)

    # The instruction is mended, taken back, and mended again.
    press(page, "i", "Control+a")
    page.keyboard.type("Why is the sea salty?")
    expect(page.locator("[data-original]")).to_be_visible()
    page.get_by_text("You changed it").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("#prompt")).to_have_value("Why is teh sea salty?")
    expect(page.locator("[data-original]")).to_be_hidden()
    page.locator("#prompt").fill("Why is the sea salty?")

    # Nothing goes without an answer, and a letter in a text field is no shortcut.
    press(page, "Escape", "Control+Enter")
    expect(page.locator("[data-problem]")).to_contain_text("Write the answer")
    press(page, "a")
    page.keyboard.type("A river carries salt, and fog carries none.")
    expect(page.locator("[data-announce]")).to_have_text("8 words")
    press(page, "Escape", "f", "Space")
    expect(receipt(page)).to_have_text(RECEIPT)

    # The page dies; the draft is on the server.
    page.reload()
    expect(page.locator("#task[data-ready]")).to_be_visible()
    expect(page.locator("#completion")).to_have_value(re.compile("fog carries none"))
    expect(page.locator("#prompt")).to_have_value("Why is the sea salty?")
    expect(page.get_by_label("Unsafe or harmful content")).to_be_checked()
    assert findings(page) == []
    submit_by_keys(page)

    [stored] = answers()
    assert stored["prompt"] == "Why is the sea salty?"
    assert stored["completion"] == "A river carries salt, and fog carries none."
    assert stored["flags"] == ["unsafe"]
    expect(page.locator("#prompt")).to_have_value("What is rain?")
    expect(page.locator("#completion")).to_have_value("")

    # Undo leads back to the answer, to correct it.
    page.locator("#task-title").focus()
    press(page, "Control+z")
    expect(page.locator("#completion")).to_have_value(re.compile("fog carries none"))
    page.locator("#completion").fill("Rivers carry salt.")
    submit_by_keys(page)
    assert [answer["completion"] for answer in answers()] == ["Rivers carry salt."]
    assert Assignment.objects.filter(state="submitted").count() == 1


def test_bob_labels_by_keys_one_text_after_the_other(committed_cast: Cast, visit: Visit) -> None:
    cast = committed_cast
    texts = ("The parcel came late.", "Thank you, but when does the rest come?", "Third.")
    project = with_guideline(cast, labelling_project(cast, *texts, allow_several_labels=True))
    page = visit(cast.bob)
    open_ready(page, first_task(cast.bob, project))
    press(page, "Control+Enter")
    expect(page.locator("[data-problem]")).to_contain_text("Choose a label")
    press(page, "2", "3", "3")
    expect(page.locator("[data-announce]")).to_have_text("Chosen: complaint")
    expect(page.get_by_role("checkbox", name="complaint")).to_be_checked()
    expect(receipt(page)).to_have_text(RECEIPT)
    page.reload()
    expect(page.get_by_role("checkbox", name="complaint")).to_be_checked()
    assert findings(page) == []
    submit_by_keys(page)
    expect(page.locator(".rank-prompt .rendered")).to_contain_text("when does the rest come")
    press(page, "1", "3", "c")
    page.keyboard.type("Both, 2 of 3.")
    submit_by_keys(page)
    assert [answer["labels"] for answer in answers()] == [["complaint"], ["praise", "question"]]
    assert answers()[1]["rationale"] == "Both, 2 of 3."
    press(page, "1", "2", "0")
    expect(page.locator("[data-announce]")).to_have_text("Nothing chosen.")


def test_both_pages_fit_a_narrow_dark_screen(committed_cast: Cast, visit: Visit) -> None:
    cast = committed_cast
    long = "A-very-long-word-" * 20
    labels = ["praise", "complaint", "W" * 60, *(f"label {number}" for number in range(9))]
    consenting(cast.bob)
    page = visit(cast.bob, width=390, height=844, scheme="dark")
    for project in (
        writing_project(cast, [*DIALOGUE[:3], {"role": "user", "content": long}]),
        labelling_project(cast, long, labels=labels),
    ):
        open_ready(page, first_task(cast.bob, project))
        assert findings(page) + sideways(page) == []


def test_the_pages_that_lead_there_are_open_to_everybody(
    committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    cast = committed_cast
    project = labelling_project(cast)
    make_model(cast.workspace, tmp_path)
    page = visit(cast.alice, width=390)
    addresses = [
        "/w/acme/projects/new/?kind=classification",
        f"/w/acme/projects/{project.uid}/",
        f"/w/acme/projects/{ranking_project(cast).uid}/candidates/",
    ]
    assert [line for address in addresses for line in look_at(page, address)] == []

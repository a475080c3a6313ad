"""The pipeline in a browser: it follows the work by itself and takes the focus from nobody."""

import pytest
from playwright.sync_api import expect

from qa.models import Acceptance
from tests.annotera.test_pipeline import answered_project
from tests.conftest import Cast
from tests.journeys.conftest import Visit

pytestmark = pytest.mark.browser


def test_the_page_follows_the_work_and_leaves_the_focus_where_it_is(
    committed_cast: Cast, visit: Visit
) -> None:
    answered_project(committed_cast, "open", "accepted")
    page = visit(committed_cast.alice)
    page.clock.install()
    page.goto("/w/acme/pipeline/")
    quality = page.locator("#stage-qa")
    expect(quality).to_contain_text("needs a person")
    project = page.locator("#stage-annotate").get_by_role("link", name="Annotate")
    project.focus()
    Acceptance.objects.update(state="accepted")
    page.clock.fast_forward(6_000)
    expect(quality).to_contain_text("2 accepted")
    expect(quality).to_contain_text("can start")
    expect(project).to_be_focused()
    # The fragment brings its own next poll.
    Acceptance.objects.filter(pk=Acceptance.objects.earliest("pk").pk).update(state="rejected")
    page.clock.fast_forward(6_000)
    expect(quality).to_contain_text("1 accepted")


def test_the_page_is_whole_without_scripts(committed_cast: Cast, visit: Visit) -> None:
    answered_project(committed_cast, "open")
    page = visit(committed_cast.alice, javascript=False)
    page.goto("/w/acme/pipeline/")
    expect(page.locator("tr[id^=stage-]")).to_have_count(10)
    expect(page.locator("svg .station rect")).to_have_count(10)

"""The API reference in a real browser: found by words on a wide screen, folded on a narrow one."""

import pytest
from playwright.sync_api import expect

from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.looking import findings, sideways

pytestmark = pytest.mark.browser


def test_operations_are_found_by_words(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.alice)
    page.goto("/w/acme/reference/")
    operations = page.locator(".operation")
    everything = operations.count()
    page.get_by_label("Filter the operations").fill("cancel POST runs")
    expect(operations.locator("visible=true").locator("summary code")).to_have_text(
        "/api/v1/runs/{uid}/cancel/"
    )
    expect(page.get_by_role("status").filter(has_text="operations")).to_have_text(
        f"1 of {everything} operations"
    )
    page.get_by_label("Filter the operations").fill("nothing like this")
    expect(page.get_by_role("heading", name="No such operation")).to_be_visible()
    page.get_by_label("Filter the operations").fill("")
    expect(operations.last).to_be_visible()


def test_a_narrow_screen_opens_the_group_that_an_address_names(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.alice, width=390)
    page.goto("/w/acme/reference/#runs")
    expect(page.locator("#runs .operation").first).to_be_visible()
    expect(page.locator("#projects .operation").first).to_be_hidden()
    page.get_by_role("heading", name="Projects").click()
    expect(page.locator("#projects .operation").first).to_be_visible()
    assert findings(page) + sideways(page) == []

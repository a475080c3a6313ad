"""Every page of the access table in a real browser: open to everybody, narrow enough, and in its frame."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from accounts.models import Membership
from tests.annotera.access_table import Row
from tests.annotera.objects import Objects
from tests.annotera.test_access_matrix import TABLE, address_of
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.looking import in_every_look

pytestmark = pytest.mark.browser

ADMIN = 3
# Answers that a program reads, parts of pages, and addresses that only lead on.
NOT_PAGES = {
    "healthz",
    "readyz",
    "home",
    "job-log",
    "run-metrics",
    "project-export",
    "project-queue",
    "assignment-compare",
}
# They stand in a frame of their own: a task fills the window, and the way in has no workspace yet.
OWN_FRAME = {"login", "accept-invitation", "assignment"}
PAGES = [
    row
    for row in TABLE
    if row.method == "GET"
    and 200 in row.statuses
    and not row.name.startswith("api-")
    and row.name not in NOT_PAGES
]
PARTS = 4


def viewer(row: Row, cast: Cast) -> Membership | None:
    """An admin where one may open it; else the person whose page it is; nobody at the door."""
    if row.name in OWN_FRAME - {"assignment"}:
        return None
    return cast.alice if row.statuses[ADMIN] == 200 else cast.bob


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_open_to_everybody(part: int, committed_cast: Cast, visit: Visit) -> None:
    objects = Objects(committed_cast)
    objects.make_everything()
    pages: dict[Membership | None, Page] = {}
    found: list[str] = []
    for row in PAGES[part::PARTS]:
        person = viewer(row, committed_cast)
        if person not in pages:
            pages[person] = visit(person)
        address = address_of(row, objects)
        page, question = pages[person], urlencode(row.data(objects))
        lines = [*in_every_look(page, f"{address}?{question}" if question else address), *frame(page, row)]
        found += [f"{row.name}: {line}" for line in lines]
    assert not found, "\n".join(found)


def frame(page: Page, row: Row) -> Iterator[str]:
    """A title, one heading, a sentence that says what the page is for, the way back, one main action."""
    if not page.title().strip():
        yield "no title"
    if page.locator("h1").count() != 1:
        yield f"{page.locator('h1').count()} headings of the first level"
    if row.name in OWN_FRAME:
        return
    if not any(text.strip() for text in page.locator(".page-header .purpose").all_inner_texts()):
        yield "no sentence about what it is for"
    if page.locator(".breadcrumbs a").count() == 0 and not is_top(page):
        yield "no way back"
    if page.locator(".page-actions .button-primary").count() > 1:
        yield "more than one main action"


def is_top(page: Page) -> bool:
    """Whether a link of the navigation leads exactly here."""
    here = page.evaluate("location.pathname")
    return bool(page.locator(f"nav a[href='{here}'], #person-menu a[href='{here}']").count())

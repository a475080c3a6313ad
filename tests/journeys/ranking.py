"""What the tests of the ranking page do again and again: open a task, press keys, send, read the answers."""

import re

from playwright.sync_api import Locator, Page, expect

from annotation.models import Annotation

RECEIPT = re.compile(r"Saved \d\d:\d\d:\d\d")


def open_ready(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#task[data-ready]")).to_be_visible()
    # The first task under a new guideline starts with it open.
    close = page.locator("#guideline").get_by_role("button", name="Close")
    if close.is_visible():
        close.click()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def receipt(page: Page) -> Locator:
    return page.locator("[data-receipt-line]")


def task_of(page: Page) -> str:
    return page.locator("#task").get_attribute("data-assignment") or ""


def submit_by_keys(page: Page, *keys: str) -> None:
    before = task_of(page)
    press(page, *keys, "Control+Enter")
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)


def answers() -> list[dict]:
    return [row.answer for row in Annotation.objects.filter(is_current=True).order_by("pk")]

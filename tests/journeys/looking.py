"""What is wrong with a page as it stands in the browser: findings of axe, and width."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LOOKS = [
    pytest.param(scheme, width, id=f"{scheme}-{width}")
    for scheme in ("light", "dark")
    for width in (1440, 390)
]


def findings(page: Page) -> list[str]:
    """What axe says of the page as it stands, one line a finding."""
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    # Between light and dark only the colours differ.
    options: dict[str, object] = {"preload": False}  # which would copy style sheets into the page
    if dark:
        options["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    violations = Axe().run(page, options=options).response["violations"]
    return [
        f"{page.url}: {rule['id']}: {node['html'][:160]}" for rule in violations for node in rule["nodes"]
    ]


def sideways(page: Page) -> list[str]:
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [f"{page.url} is {overflow} px too wide"] if overflow > 0 else []


def look_at(page: Page, address: str) -> list[str]:
    response = page.goto(address)
    assert response is not None and response.status == 200, (address, response and response.status)
    return findings(page) + sideways(page)


def in_every_look(page: Page, address: str) -> Iterator[str]:
    """Light and dark, wide and narrow; opened once, since only the style changes."""
    page.set_viewport_size({"width": 1440, "height": 900})
    # Without motion no colour is still on its way to the other theme when it is measured.
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    yield from (f"light, 1440: {line}" for line in look_at(page, address))
    for scheme, width in (("light", 390), ("dark", 1440), ("dark", 390)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        yield from (f"{scheme}, {width}: {line}" for line in findings(page) + sideways(page))

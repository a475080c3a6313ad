"""The pages that everybody finds by the navigation, the palette and the keyboard: one list, in groups."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

RANK = {"annotator": 0, "reviewer": 1, "admin": 2}


@dataclass(frozen=True)
class Page:
    """`name` names its address, `go` is the key after G, `covers` are pages below it, `also` is found too."""

    name: str
    label: Promise
    icon: str
    role: str = "annotator"
    go: str = ""
    covers: frozenset[str] = frozenset()
    also: str = ""


@dataclass(frozen=True)
class Group:
    name: str
    label: Promise | None
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Shown:
    """A group as one person sees it; `headed` where there are enough links to need headings."""

    group: Group
    links: list["Link"]
    headed: bool


@dataclass(frozen=True)
class Link:
    """A page at its address, as one person sees it."""

    page: Page
    address: str
    current: bool

    @property
    def label(self) -> Promise:
        return self.page.label

    @property
    def icon(self) -> str:
        return self.page.icon


PIPELINE = frozenset({"rules", "rule-switch"})
PROJECTS = frozenset({"import", "assignment"})
OUTPUTS = frozenset({"output"})
SOURCES = frozenset({"source", "source-new", "document", "cleaning", "corpus-freeze"})
QUALITY = frozenset({"project-quality", "project-gold", "reviews", "review"})

GROUPS = (
    Group(
        "start",
        None,
        (
            Page("workspace-home", _("Home"), "home", go="h"),
            Page("my-work", _("My work"), "clock", go="w", also="answers history"),
            Page("pipeline", _("Pipeline"), "pipeline", "reviewer", go="l", covers=PIPELINE, also="stages"),
        ),
    ),
    Group(
        "data",
        _("Data"),
        (
            Page("sources", _("Sources"), "book", "reviewer", go="s", covers=SOURCES, also="documents"),
            Page("datasets", _("Datasets"), "data", "reviewer", go="d", also="versions lineage"),
        ),
    ),
    Group(
        "people",
        _("People"),
        (
            Page("projects", _("Projects"), "rank", go="p", covers=PROJECTS, also="annotation tasks"),
            Page(
                "quality", _("Quality"), "approved", "reviewer", go="q", covers=QUALITY, also="reviews gold"
            ),
        ),
    ),
    Group(
        "training",
        _("Training"),
        (
            Page("runs", _("Runs"), "chart", "reviewer", go="r", also="experiments metrics"),
            Page("models", _("Models"), "box", "reviewer", go="m", also="registry"),
        ),
    ),
    Group(
        "production",
        _("Production"),
        (
            Page(
                "deployments", _("Deployments"), "server", "reviewer", go="e", covers=OUTPUTS, also="serving"
            ),
        ),
    ),
    Group(
        "operations",
        _("Operations"),
        (
            Page("jobs", _("Jobs"), "list", "reviewer", go="j", also="queue worker"),
            Page("members", _("Members"), "people", "admin", also="people roles invitations"),
            Page("audit", _("Audit"), "file", "admin", also="log history"),
            Page("erasures", _("Erasures"), "eraser", "admin", also="privacy gdpr"),
        ),
    ),
)
# About the person; the menu under the person's name.
PERSONAL = (
    Page("me", _("My settings"), "settings", also="profile password theme language keys"),
    Page("tokens", _("API tokens"), "key", also="programs access"),
    Page("reference", _("API reference"), "file", also="documentation programs"),
)
# Found by the palette only: they have their own link on another page.
ELSEWHERE = (
    Page("rules", _("Rules"), "settings", "reviewer", also="automation triggers"),
    Page("consent", _("What is recorded"), "info", also="consent privacy"),
    Page("styleguide", _("Styleguide"), "grid", "admin", also="components design"),
)


def everything() -> Iterator[Page]:
    for group in GROUPS:
        yield from group.pages
    yield from PERSONAL
    yield from ELSEWHERE


def address_of(page: Page, workspace: str) -> str:
    """Its address in the workspace; empty where the app that serves it is not installed."""
    try:
        return reverse(page.name, args=[workspace])
    except NoReverseMatch:
        return ""


def may_open(page: Page, role: str) -> bool:
    return RANK.get(role, 0) >= RANK[page.role]


def links(pages: tuple[Page, ...], *, workspace: str, role: str, current: str) -> list[Link]:
    """The ones of these that this role may open; `current` is the name of the page that is shown."""
    found = []
    for page in pages:
        address = address_of(page, workspace) if may_open(page, role) else ""
        if address:
            found.append(Link(page, address, page.name == current))
    return found


def current_page(*, path: str, url_name: str, workspace: str) -> str:
    """The page of the navigation that an address belongs to: by name, else the longest address above it."""
    named = next((page.name for page in everything() if page.name == url_name), "")
    covering = next((page.name for page in everything() if url_name in page.covers), "")
    if covering or named:
        return covering or named
    above = [(address_of(page, workspace), page.name) for page in everything()]
    fitting = [(len(address), name) for address, name in above if address and path.startswith(address)]
    length, name = max(fitting, default=(0, ""))
    home = address_of(GROUPS[0].pages[0], workspace)
    return "" if length == len(home) else name

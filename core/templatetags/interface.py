"""What templates share: icons, texts of unknown direction, times, and the links of the navigation."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.templatetags.drawings import DRAWINGS

register = template.Library()

RANK = {"annotator": 0, "reviewer": 1, "admin": 2}
# Name of the address, label, and the least role that may open it.
PAGES = (
    ("workspace-home", gettext_lazy("Home"), "annotator"),
    ("pipeline", gettext_lazy("Pipeline"), "reviewer"),
    ("sources", gettext_lazy("Sources"), "reviewer"),
    ("projects", gettext_lazy("Projects"), "annotator"),
    ("quality", gettext_lazy("Quality"), "reviewer"),
    ("datasets", gettext_lazy("Datasets"), "reviewer"),
    ("runs", gettext_lazy("Runs"), "reviewer"),
    ("models", gettext_lazy("Models"), "reviewer"),
    ("deployments", gettext_lazy("Deployments"), "reviewer"),
    ("jobs", gettext_lazy("Jobs"), "reviewer"),
    ("members", gettext_lazy("Members"), "admin"),
    ("audit", gettext_lazy("Audit"), "admin"),
)
PERSONAL = (
    ("my-work", gettext_lazy("My work"), "clock"),
    ("me", gettext_lazy("My settings"), "settings"),
    ("tokens", gettext_lazy("API tokens"), "key"),
)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A small drawing in the colour of its text; with a label it is announced, else it is decoration."""
    shapes = mark_safe(DRAWINGS[name])  # noqa: S308 -- our own constants
    if label:
        return format_html(
            '<svg class="icon" viewBox="0 0 24 24" role="img" aria-label="{}">{}</svg>', label, shapes
        )
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', shapes)


@register.simple_tag
def words(text: str, lang: str = "") -> SafeString:
    """A text by a person or a model: its own direction, its own language, nothing active in it."""
    if lang:
        return format_html('<bdi dir="auto" lang="{}">{}</bdi>', lang, text)
    return format_html('<bdi dir="auto">{}</bdi>', text)


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """How long ago, with the full time in the person's zone on hover; a dash where there is no time."""
    if moment is None:
        return mark_safe("–")  # noqa: S308 -- a constant
    local = timezone.localtime(moment)
    full = date_format(local, "j M Y H:i:s") + f" {local.tzname()}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', local.isoformat(timespec="seconds"), full, ago(moment)
    )


def ago(moment: datetime) -> str:
    """A short distance from now; past a week the date itself."""
    distance = timezone.now() - moment
    if distance < timedelta(0) or distance > timedelta(days=7):
        return date_format(timezone.localtime(moment), "j M Y")
    minutes = int(distance.total_seconds() // 60)
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%(n)d min ago", "%(n)d min ago", minutes) % {"n": minutes}
    if minutes < 24 * 60:
        return ngettext("%(n)d h ago", "%(n)d h ago", minutes // 60) % {"n": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}


@register.filter
def duration(seconds: float | timedelta | None) -> str:
    """Seconds as a person says them: 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None:
        return "–"
    whole = round(seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds))
    if whole < 60:
        return _("%(s)d s") % {"s": whole}
    if whole < 3600:
        return _("%(m)d min %(s)02d s") % {"m": whole // 60, "s": whole % 60}
    return _("%(h)d h %(m)02d min") % {"h": whole // 3600, "m": whole % 3600 // 60}


@register.simple_tag(takes_context=True)
def chosen_theme(context: dict[str, Any]) -> str:
    """This browser's choice, else the person's; empty: like the system."""
    request, membership = context.get("request"), context.get("membership")
    chosen = request.COOKIES.get("theme") if request else None
    if chosen is None and membership is not None:
        chosen = membership.user.theme
    return chosen if chosen in {"light", "dark"} else ""


@register.simple_tag(takes_context=True)
def navigation(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The pages that this person may open; one whose address is not installed is left out."""
    membership = context.get("membership")
    if membership is None:
        return []
    rank = RANK.get(membership.role, 0)
    links = ((name, label) for name, label, role in PAGES if rank >= RANK[role])
    return [link for link in (_link(context, name, label) for name, label in links) if link]


@register.simple_tag(takes_context=True)
def personal_navigation(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The pages about the person, for the menu in the corner."""
    found = []
    for name, label, drawing in PERSONAL:
        link = _link(context, name, label)
        if link:
            found.append({**link, "icon": drawing})
    return found


def _link(context: dict[str, Any], name: str, label: Any) -> dict[str, Any] | None:
    address = _address(context, name)
    if address is None:
        return None
    request = context.get("request")
    path = request.path if request else ""
    is_home = name == "workspace-home"
    current = path == address if is_home else path.startswith(address)
    return {"name": name, "label": label, "address": address, "current": current}


def _address(context: dict[str, Any], name: str) -> str | None:
    """The address inside the workspace, else the one outside of any, else None."""
    workspace = context.get("workspace")
    attempts = ([workspace.slug], []) if workspace else ([],)
    for arguments in attempts:
        try:
            return reverse(name, args=arguments)
        except NoReverseMatch:
            continue
    return None

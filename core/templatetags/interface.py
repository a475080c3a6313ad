"""What templates share: icons, texts of unknown direction, times, and the links of the navigation."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import counting
from core.navigation import GROUPS, PERSONAL, Link, Page, Shown, current_page, links
from core.templatetags.drawings import DRAWINGS

register = template.Library()

# Few links need no headings between them.
HEADINGS_FROM = 6


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A small drawing in the colour of its text; with a label it is announced, else it is decoration."""
    shapes = mark_safe(DRAWINGS[name])  # noqa: S308 -- our own constants
    if label:
        return format_html(
            '<svg class="icon" viewBox="0 0 24 24" role="img" aria-label="{}">{}</svg>', label, shapes
        )
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', shapes)


@register.filter
def counted(value: int) -> str:
    """A count of `core.counting`, which says so where it stopped."""
    return counting.number(value)


@register.simple_tag
def words(text: str, lang: str = "") -> SafeString:
    """A text by a person or a model: its own direction, its own language, nothing active in it."""
    if lang:
        return format_html('<bdi dir="auto" lang="{}">{}</bdi>', lang, text)
    return format_html('<bdi dir="auto">{}</bdi>', text)


@register.simple_tag(takes_context=True)
def person(context: dict[str, Any], membership: Any) -> SafeString:
    """A member as this reader may know them: by name to admins and to themselves, else by pseudonym."""
    reader = context.get("membership")
    may_know = reader is not None and (reader.is_admin or reader.pk == membership.pk)
    return words(membership.user.name if may_know else membership.pseudonym)


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
def navigation(context: dict[str, Any]) -> list[Shown]:
    """Groups of links to the pages that this person may open."""
    groups = [(group, _links(context, group.pages)) for group in GROUPS]
    headed = sum(len(found) for _group, found in groups) >= HEADINGS_FROM
    return [Shown(group, found, headed and group.label is not None) for group, found in groups if found]


@register.simple_tag(takes_context=True)
def personal_navigation(context: dict[str, Any]) -> list[Link]:
    """The pages about the person, for the menu under the name."""
    return _links(context, PERSONAL)


def _links(context: dict[str, Any], pages: tuple[Page, ...]) -> list[Link]:
    membership = context.get("membership")
    if membership is None:
        return []
    slug, request = membership.workspace.slug, context.get("request")
    match = getattr(request, "resolver_match", None)
    name = match.url_name if match else ""
    current = current_page(path=request.path if request else "", url_name=name or "", workspace=slug)
    return links(pages, workspace=slug, role=membership.role, current=current)

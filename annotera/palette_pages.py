"""The search: a page of its own without JavaScript, and the list that the palette shows."""

from dataclasses import replace

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from annotera.palette import LONGEST_QUERY, Section, look_up
from core.api import refuse_unknown_parameters
from core.requests import is_htmx


@require_safe
@member_page()
def palette(request: WorkspaceRequest) -> HttpResponse:
    """Everybody may search; what is found is what this person may open."""
    refuse_unknown_parameters(request, {"q"})
    query = request.GET.get("q", "")
    sections = look_up(membership=request.membership, query=query)
    if not is_htmx(request):
        sections = _that_open_a_page(sections)
    context = {
        "query": query[:LONGEST_QUERY],
        "sections": sections,
        "found": sum(len(section.hits) for section in sections),
        "longest": LONGEST_QUERY,
    }
    template = "annotera/search.html#results" if is_htmx(request) else "annotera/search.html"
    return render(request, template, context)


def _that_open_a_page(sections: list[Section]) -> list[Section]:
    """A theme is set by the palette alone: the page without JavaScript does not offer it."""
    kept = [
        replace(section, hits=tuple(hit for hit in section.hits if not hit.theme)) for section in sections
    ]
    return [section for section in kept if section.hits]

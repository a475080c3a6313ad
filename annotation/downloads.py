"""The answer that streams an export, for the page and for the API."""

from django.http import StreamingHttpResponse
from django.utils.text import slugify

from accounts.models import Membership
from annotation.exports import export_answers
from annotation.models import Project

JSON_LINES = "application/x-ndjson; charset=utf-8"


def exported(membership: Membership, project: Project) -> StreamingHttpResponse:
    lines = export_answers(membership=membership, project=project)
    response = StreamingHttpResponse(lines, content_type=JSON_LINES)
    name = slugify(project.name) or "project"
    response["Content-Disposition"] = f'attachment; filename="{name}-annotations.jsonl"'
    response["Cache-Control"] = "no-store"
    return response

"""Writes the one shape of errors into the OpenAPI document, so that no endpoint has to repeat it."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

# The parameter of every list.
BEFORE = OpenApiParameter("before", description="The cursor in `next` of the page before.")
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "description": "Stable, for programs."},
                "message": {"type": "string", "description": "For people, in their language."},
                "fields": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "What is wrong with which field.",
                },
            },
        }
    },
}
ANY_ERROR = {
    "description": (
        "400 unreadable or unknown parameter, 401 no valid token or session, 403 the role does not allow it, "
        "404 not in this workspace, 409 conflict, 413 too large, 422 a field is refused, 429 too many "
        "attempts, 503 a part is down (Retry-After tells when to come back)."
    ),
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}


def document_errors(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: every operation may answer with an error."""
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR
    for operations in result.get("paths", {}).values():
        for method, operation in operations.items():
            if method in METHODS:
                operation["responses"].setdefault("default", ANY_ERROR)
    return result

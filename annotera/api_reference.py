"""The REST reference as a page: made from the same document that `/api/v1/schema/` serves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from accounts.access import WorkspaceRequest, member_page

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    required: bool
    help: str


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    parameters: list[Field]
    body: list[Field]
    statuses: str


@dataclass(frozen=True)
class Group:
    """The operations on one kind of object."""

    name: str
    operations: list[Operation]


@member_page()
@require_safe
def reference(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "annotera/api_reference.html", {"groups": groups(get_language() or "en")})


@lru_cache(maxsize=8)
def groups(language: str) -> list[Group]:
    """Made once a language and process: the routes do not change while it runs."""
    # The library has no types.
    generator: Any = SchemaGenerator
    document = generator().get_schema(request=None, public=True)
    found: dict[str, list[Operation]] = {}
    for path, operation in _operations(document):
        found.setdefault(path.removeprefix("/api/v1/").partition("/")[0], []).append(operation)
    return [Group(name=name, operations=operations) for name, operations in sorted(found.items())]


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, _operation(method, path, methods[method], schemas)


def _operation(method: str, path: str, about: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    content: dict[str, dict[str, Any]] = about.get("requestBody", {}).get("content", {})
    body: dict[str, Any] = next(iter(content.values()))["schema"] if content else {}
    return Operation(
        method=method.upper(),
        path=path,
        summary=about.get("summary") or about.get("description", ""),
        parameters=[
            _field(entry["name"], entry.get("schema", {}), entry, required=entry.get("required", False))
            for entry in about.get("parameters", [])
            if entry["in"] != "path"
        ],
        body=_body_fields(body, schemas),
        statuses=", ".join(sorted(about.get("responses", {}))),
    )


def _body_fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Field]:
    named = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    required = named.get("required", [])
    return [
        _field(name, entry, entry, required=name in required)
        for name, entry in named.get("properties", {}).items()
        if not entry.get("readOnly")
    ]


def _field(name: str, schema: Mapping[str, Any], about: Mapping[str, Any], *, required: bool) -> Field:
    choices = " | ".join(str(choice) for choice in schema.get("enum", []))
    kind = choices or schema.get("format") or schema.get("type") or "object"
    return Field(name=name, kind=str(kind), required=required, help=str(about.get("description", "")))

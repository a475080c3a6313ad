"""The API reference as a page: made from the same document that `/api/v1/schema/` serves."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
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
# One sentence on several methods of an address: "The runs; POST starts one."
OTHER_METHOD = re.compile(r"^(?P<first>.+); (?P<method>POST|PUT|PATCH|DELETE) (?P<does>.+)$", re.DOTALL)
SAMPLES: dict[str, object] = {"integer": 1, "number": 0.5, "boolean": True, "array": [], "object": {}}


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
    more: str
    parameters: list[Field]
    body: list[Field]
    statuses: str
    # What follows the word curl and its token: method, body and so on; the address is put behind it.
    curl: str


@dataclass(frozen=True)
class Group:
    """The operations on one kind of object."""

    name: str
    operations: list[Operation]

    @property
    def title(self) -> str:
        return self.name.replace("-", " ").capitalize()


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
    told = about.get("summary") or about.get("description", "")
    summary, _blank, more = told.partition("\n\n")
    content: dict[str, dict[str, Any]] = about.get("requestBody", {}).get("content", {})
    body: dict[str, Any] = next(iter(content.values()))["schema"] if content else {}
    fields = _body_fields(body, schemas)
    return Operation(
        curl=_curl(method, fields, is_json="application/json" in content),
        method=method.upper(),
        path=path,
        summary=_of_method(method.upper(), summary.removesuffix(".")),
        more=more,
        parameters=[
            _field(entry["name"], entry.get("schema", {}), entry, required=entry.get("required", False))
            for entry in about.get("parameters", [])
            if entry["in"] != "path"
        ],
        body=fields,
        statuses=", ".join(sorted(status for status in about.get("responses", {}) if status.isdigit())),
    )


def _of_method(method: str, summary: str) -> str:
    """The part of the sentence that is about this method."""
    found = OTHER_METHOD.match(summary)
    if found is None:
        return summary
    does = found["does"]
    return does[:1].upper() + does[1:] if method == found["method"] else found["first"]


def _curl(method: str, fields: Sequence[Field], *, is_json: bool) -> str:
    """The options of an example: what is required stands in it, to be filled in."""
    parts = [] if method == "get" else [f"-X {method.upper()}"]
    if is_json:
        given = {field.name: SAMPLES.get(field.kind, "…") for field in fields if field.required}
        parts.append('-H "Content-Type: application/json"')
        parts.append(f"-d '{json.dumps(given, ensure_ascii=False)}'")
    return " ".join(parts)


def _body_fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Field]:
    named = _named(schema, schemas)
    required = named.get("required", [])
    return [
        _field(name, _named(entry, schemas), entry, required=name in required)
        for name, entry in named.get("properties", {}).items()
        if not entry.get("readOnly")
    ]


def _named(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema that only names another one, alone or in a list of one, stands for that one."""
    parts = schema.get("allOf") or schema.get("oneOf") or [schema]
    found: Mapping[str, Any] = schemas.get(str(parts[0].get("$ref", "")).rpartition("/")[2], schema)
    return found


def _field(name: str, schema: Mapping[str, Any], about: Mapping[str, Any], *, required: bool) -> Field:
    choices = " | ".join(str(choice) for choice in schema.get("enum", []))
    kind = choices or schema.get("format") or schema.get("type") or "object"
    return Field(name=name, kind=str(kind), required=required, help=str(about.get("description", "")))

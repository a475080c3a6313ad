"""The document at /api/v1/schema/ tells the whole truth about the API."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from tests.annotera.test_access_matrix import METHODS, TABLE

ITEMS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def document(cast) -> dict[str, Any]:
    answer = cast.api(cast.bob).get("/api/v1/schema/")
    assert answer.status_code == 200
    return answer.json()


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in ITEMS
    }


def test_it_needs_a_login(client, db):
    assert client.get("/api/v1/schema/").status_code == 401


def test_every_route_of_the_access_matrix_is_described_and_no_other(document):
    uid = "01890000-0000-7000-8000-000000000001"
    expected = set()
    for row in TABLE:
        if row.name.startswith("api-") and row.name != "api-schema":
            arguments = {"uid": uid} if row.arguments.__name__ != "nothing" else {}
            path = reverse(row.name, kwargs=arguments).replace(uid, "{uid}")
            expected.add((row.method, path))
    assert set(operations(document)) == expected
    assert {method for method, _path in expected} <= set(METHODS)


def test_every_operation_has_a_name_of_its_own_and_says_how_to_log_in(document):
    found = operations(document)
    names = [operation["operationId"] for operation in found.values()]
    assert len(names) == len(set(names))
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
    for key, operation in found.items():
        assert {name for way in operation["security"] for name in way} == {"token", "session"}, key


def test_every_operation_tells_its_answers_and_the_shape_of_errors(document):
    for key, operation in operations(document).items():
        assert any(status.startswith("2") for status in operation["responses"]), key
        reference = operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"]
        assert reference == "#/components/schemas/Error", key


def test_a_list_of_parameters_is_what_the_route_accepts(cast, document):
    for (method, path), operation in operations(document).items():
        if method != "GET" or "{" in path:
            continue
        named = {entry["name"] for entry in operation.get("parameters", []) if entry["in"] == "query"}
        assert "nonsense" not in named
        answer = cast.api(cast.alice).get(path, {"nonsense": "1"})
        assert answer.status_code == 400, f"{path} ignores a parameter that it does not know"


def test_it_is_made_without_a_warning():
    out, complaints = io.StringIO(), io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out, stderr=complaints)
    assert complaints.getvalue() == ""

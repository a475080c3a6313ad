"""The API reference for people."""

from tests.conftest import Cast


def test_every_path_of_the_document_is_on_the_page(cast: Cast) -> None:
    paths = cast.api(cast.bob).get("/api/v1/schema/").json()["paths"]
    shown = cast.client(cast.bob).get("/w/acme/reference/").content.decode()
    assert len(paths) > 20
    for path, methods in paths.items():
        assert f"<code>{path}</code>" in shown
        assert methods


def test_it_names_the_fields_of_a_body_and_which_are_required(cast: Cast) -> None:
    groups = cast.client(cast.bob).get("/w/acme/reference/").context["groups"]
    [runs] = [group for group in groups if group.name == "runs"]
    [create] = [operation for operation in runs.operations if operation.method == "POST" and operation.body]
    fields = {field.name: field for field in create.body}
    assert fields["dataset_version"].required
    assert not fields["reward_model"].required
    assert "Idempotency-Key" in {field.name for field in create.parameters}


def test_each_operation_has_an_example_to_copy_with_what_it_requires(cast: Cast) -> None:
    answer = cast.client(cast.bob).get("/w/acme/reference/")
    shown = answer.content.decode()
    [generate] = [
        operation
        for group in answer.context["groups"]
        for operation in group.operations
        if operation.path == "/api/v1/generate"
    ]
    assert generate.curl.startswith('-X POST -H "Content-Type: application/json" -d')
    for field in generate.body:
        assert (f'"{field.name}"' in generate.curl) is field.required
    assert shown.count("data-copy=") == sum(len(group.operations) for group in answer.context["groups"]) + 1


def test_a_method_says_what_it_does_and_not_what_the_others_of_its_address_do(cast: Cast) -> None:
    groups = cast.client(cast.bob).get("/w/acme/reference/").context["groups"]
    said = {
        (operation.method, operation.path): operation.summary
        for group in groups
        for operation in group.operations
    }
    assert said["GET", "/api/v1/runs/"] == "The runs of the workspace, the newest first"
    assert said["POST", "/api/v1/runs/"] == "Starts a run"


def test_it_needs_a_login(client, db) -> None:
    assert client.get("/w/acme/reference/").status_code == 302

"""Who may do what: one table over every address and method, and the proof that nothing is missing from it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Membership
from accounts.tokens import create_token
from tests.annotation import access_rows as annotation_rows
from tests.annotation.worlds import form_of, task_record
from tests.annotera import pipeline_access_rows as pipeline_rows
from tests.annotera.access_table import Row, nothing, sends, uid_of
from tests.annotera.objects import Objects
from tests.conftest import Cast
from tests.corpus import access_rows as corpus_rows
from tests.corpus import versions_access_rows as versions_rows
from tests.production import access_rows as production_rows
from tests.qa import access_rows as qa_rows
from training.configs import PretrainConfig

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ACTORS = ("anonymous", "bob", "rita", "alice", "charlie")


def member(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.cast.bob.uid}


def invitation(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.invitation_and_secret[0].uid}


def secret(objects: Objects) -> dict[str, Any]:
    return {"secret": objects.invitation_and_secret[1]}


def stage(objects: Objects) -> dict[str, Any]:
    return {"stage": "pretrain"}


def filled_in(objects: Objects) -> dict[str, Any]:
    return form_of(objects.assignment)


def an_order(objects: Objects) -> dict[str, Any]:
    return {"answer": {"ranking": [str(uid) for uid in objects.assignment.shown_order]}}


def a_draft(objects: Objects) -> dict[str, Any]:
    return {"version": 0, "draft": {"rationale": ["so far"]}}


def answered_project(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.annotation.project.uid}


def two_runs(objects: Objects) -> dict[str, Any]:
    return {"run": f"{objects.run.uid},{objects.model.made_by.uid}"}


def a_run(objects: Objects) -> dict[str, Any]:
    """The dataset version is of Alice's workspace: for Charlie it does not exist."""
    return {"stage": "pretrain", "dataset_version": str(objects.version.uid)}


def a_run_form(objects: Objects) -> dict[str, Any]:
    settings = {f"set-{name}": str(value) for name, value in vars(PretrainConfig()).items()}
    return {"name": "New", "dataset_version": str(objects.version.uid), **settings}


def a_task(objects: Objects) -> dict[str, Any]:
    return task_record(200)


PROJECT = sends(name="New", overlap="1", lease_seconds="900")

# Pages send the anonymous to the login (302); the API answers 401. A wrong role is 403; in another workspace
# there is nothing (404), while lists of the API show the caller's own workspace (200).
TABLE = [
    # Outside of any workspace.
    Row("healthz", "GET", (200, 200, 200, 200, 200)),
    Row("readyz", "GET", (200, 200, 200, 200, 200)),
    Row("home", "GET", (302, 302, 302, 302, 302)),
    Row("login", "GET", (200, 302, 302, 302, 302)),
    Row("login", "POST", (422, 422, 422, 422, 422), data=sends(email="x@example.org", password="wrong")),
    Row("logout", "POST", (302, 302, 302, 302, 302)),
    Row("accept-invitation", "GET", (200, 200, 200, 200, 200), secret),
    Row("accept-invitation", "POST", (422, 403, 403, 403, 403), secret),
    # People.
    Row("workspace-home", "GET", (302, 200, 200, 200, 404)),
    Row("reference", "GET", (302, 200, 200, 200, 404)),
    Row("members", "GET", (302, 403, 403, 200, 404)),
    Row("member-invite", "POST", (302, 403, 403, 200, 404), data=sends(email="a@example.org", role="admin")),
    Row("member-role", "POST", (302, 403, 403, 302, 404), member, sends(role="reviewer")),
    Row("member-deactivate", "POST", (302, 403, 403, 302, 404), member),
    Row("invitation-withdraw", "POST", (302, 403, 403, 302, 404), invitation),
    Row("tokens", "GET", (302, 200, 200, 200, 404)),
    Row("token-create", "POST", (302, 200, 200, 200, 404), data=sends(name="script", days="30")),
    Row("token-revoke", "POST", (302, 302, 404, 404, 404), uid_of("token")),
    Row("audit", "GET", (302, 403, 403, 200, 404)),
    Row("me", "GET", (302, 200, 200, 200, 404)),
    Row("me", "POST", (302, 302, 302, 302, 404), data=sends(name="New", language="en", theme="dark")),
    Row("me-password", "POST", (302, 422, 422, 422, 404), data=sends(current="wrong", new="also wrong")),
    Row("consent", "GET", (302, 200, 200, 200, 404)),
    Row("consent", "POST", (302, 302, 302, 302, 404)),
    Row("api-schema", "GET", (401, 200, 200, 200, 200)),
    Row("api-me", "GET", (401, 200, 200, 200, 200)),
    Row("api-tokens", "GET", (401, 200, 200, 200, 200)),
    Row("api-tokens", "POST", (401, 201, 201, 201, 201), data=sends(name="script")),
    Row("api-token", "DELETE", (401, 204, 404, 404, 404), uid_of("token")),
    Row("api-members", "GET", (401, 403, 403, 200, 200)),
    Row("api-audit", "GET", (401, 403, 403, 200, 200)),
    # Jobs.
    Row("jobs", "GET", (302, 403, 200, 200, 404)),
    Row("job", "GET", (302, 403, 200, 200, 404), uid_of("job")),
    Row("job-cancel", "POST", (302, 403, 403, 302, 404), uid_of("job")),
    Row("job-log", "GET", (302, 403, 200, 200, 404), uid_of("job")),
    Row("api-jobs", "GET", (401, 403, 200, 200, 200)),
    Row("api-job", "GET", (401, 403, 200, 200, 404), uid_of("job")),
    Row("api-job-cancel", "POST", (401, 403, 403, 200, 404), uid_of("job")),
    Row("api-job-log", "GET", (401, 403, 200, 200, 404), uid_of("job")),
    # Annotation. An assignment belongs to one person: nobody else finds it, whatever the role.
    Row("projects", "GET", (302, 200, 200, 200, 404)),
    Row("project-new", "GET", (302, 403, 403, 200, 404)),
    Row("project-new", "POST", (302, 403, 403, 302, 404), data=PROJECT),
    Row("project", "GET", (302, 200, 200, 200, 404), uid_of("project")),
    Row("project-settings", "GET", (302, 403, 403, 200, 404), uid_of("project")),
    Row("project-settings", "POST", (302, 403, 403, 302, 404), uid_of("project"), PROJECT),
    Row("project-state", "POST", (302, 403, 403, 302, 404), uid_of("project"), sends(state="paused")),
    Row("project-guideline", "GET", (302, 200, 200, 200, 404), uid_of("project")),
    Row("guideline-publish", "POST", (302, 403, 403, 302, 404), uid_of("project"), sends(text="Be fair.")),
    Row("project-import", "GET", (302, 403, 403, 200, 404), uid_of("project")),
    Row("project-import", "POST", (302, 403, 403, 422, 404), uid_of("project")),
    Row("project-export", "GET", (302, 403, 403, 200, 404), uid_of("project")),
    Row("project-next", "POST", (302, 303, 303, 303, 404), uid_of("project")),
    Row("project-queue", "GET", (302, 200, 200, 200, 404), uid_of("project")),
    Row("project-warning", "POST", (302, 303, 303, 303, 404), uid_of("project")),
    Row("import", "GET", (302, 403, 403, 200, 404), uid_of("upload")),
    Row("import-confirm", "POST", (302, 403, 403, 302, 404), uid_of("upload")),
    Row("import-discard", "POST", (302, 403, 403, 302, 404), uid_of("upload")),
    Row("assignment", "GET", (302, 200, 404, 404, 404), uid_of("assignment")),
    Row("assignment-submit", "POST", (302, 303, 404, 404, 404), uid_of("assignment"), filled_in),
    Row("assignment-skip", "POST", (302, 303, 404, 404, 404), uid_of("assignment"), sends(note="no idea")),
    Row("assignment-reopen", "POST", (302, 303, 404, 404, 404), uid_of("answered")),
    Row("assignment-draft", "POST", (302, 303, 404, 404, 404), uid_of("assignment"), filled_in),
    Row("assignment-draft", "PUT", (302, 303, 404, 404, 404), uid_of("assignment"), filled_in),
    Row("assignment-extend", "POST", (302, 200, 404, 404, 404), uid_of("assignment")),
    Row("my-work", "GET", (302, 200, 200, 200, 404)),
    Row("api-projects", "GET", (401, 200, 200, 200, 200)),
    Row("api-projects", "POST", (401, 403, 403, 201, 201), data=sends(name="New")),
    Row("api-project", "GET", (401, 200, 200, 200, 404), uid_of("project")),
    Row("api-project-tasks", "GET", (401, 403, 200, 200, 404), uid_of("project")),
    Row("api-project-tasks", "POST", (401, 403, 403, 201, 404), uid_of("project"), a_task),
    Row("api-project-export", "GET", (401, 403, 403, 200, 404), uid_of("project")),
    Row("api-project-next", "POST", (401, 200, 200, 200, 404), uid_of("project")),
    Row("api-task", "GET", (401, 403, 200, 200, 404), uid_of("task")),
    Row("api-assignment-submit", "POST", (401, 201, 404, 404, 404), uid_of("assignment"), an_order),
    Row(
        "api-assignment-draft",
        "PUT",
        (401, 200, 404, 404, 404),
        uid_of("assignment"),
        sends(version=0, draft={}),
    ),
    Row("api-assignment-skip", "POST", (401, 204, 404, 404, 404), uid_of("assignment")),
    # Quality.
    Row("project-freeze", "POST", (302, 403, 403, 302, 404), answered_project, sends(heldout_percent="20")),
    # Data sets.
    Row("datasets", "GET", (302, 403, 200, 200, 404)),
    Row("dataset-version", "GET", (302, 403, 200, 200, 404), uid_of("version")),
    Row("api-dataset-versions", "GET", (401, 403, 200, 200, 200)),
    Row("api-dataset-version", "GET", (401, 403, 200, 200, 404), uid_of("version")),
    Row("api-dataset-version-rows", "GET", (401, 403, 200, 200, 404), uid_of("version")),
    # Training.
    Row("runs", "GET", (302, 403, 200, 200, 404)),
    Row("run-new", "GET", (302, 403, 403, 200, 404), stage),
    Row("run-new", "POST", (302, 403, 403, 302, 404), stage, a_run_form),
    Row("run", "GET", (302, 403, 200, 200, 404), uid_of("run")),
    Row("runs-compare", "GET", (302, 403, 200, 200, 404), data=two_runs),
    Row("run-metrics", "GET", (302, 403, 200, 200, 404), uid_of("run")),
    Row("run-cancel", "POST", (302, 403, 403, 302, 404), uid_of("run")),
    Row("models", "GET", (302, 403, 200, 200, 404)),
    Row("model", "GET", (302, 403, 200, 200, 404), uid_of("model")),
    Row("api-runs", "GET", (401, 403, 200, 200, 200)),
    Row("api-runs", "POST", (401, 403, 403, 201, 422), data=a_run),
    Row("api-run", "GET", (401, 403, 200, 200, 404), uid_of("run")),
    Row("api-run-cancel", "POST", (401, 403, 403, 200, 404), uid_of("run")),
    Row("api-run-metrics", "GET", (401, 403, 200, 200, 404), uid_of("run")),
    Row("api-models", "GET", (401, 403, 200, 200, 200)),
    Row("api-model", "GET", (401, 403, 200, 200, 404), uid_of("model")),
    # The other stages of the pipeline.
    *annotation_rows.ROWS,
    *corpus_rows.ROWS,
    *versions_rows.ROWS,
    *qa_rows.ROWS,
    *production_rows.ROWS,
    *pipeline_rows.ROWS,
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method}-{row.name}")
def test_everybody_gets_what_the_table_says(cast: Cast, row: Row) -> None:
    objects = Objects(cast)
    address, data = address_of(row, objects), row.data(objects)
    found = []
    for actor in ACTORS:
        # What one actor changes is undone before the next one tries.
        with transaction.atomic():
            client = client_for(cast, actor, address)
            with CaptureQueriesContext(connection) as queries:
                answer = ask(client, row.method, address, data)
            transaction.set_rollback(True)
        found.append(answer.status_code)
        if answer.status_code in {401, 403, 404}:
            assert writes_in(queries) == [], f"{actor} was refused and yet something was written"
    assert tuple(found) == row.statuses, address


UNSAFE = [row for row in TABLE if row.method != "GET"]


@pytest.mark.parametrize("row", UNSAFE, ids=lambda row: f"{row.method}-{row.name}")
def test_nothing_is_changed_without_the_csrf_token(cast: Cast, row: Row) -> None:
    objects = Objects(cast)
    address, data = address_of(row, objects), row.data(objects)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.bob.user)
    with CaptureQueriesContext(connection) as queries:
        answer = ask(client, row.method, address, data)
    assert answer.status_code == 403
    assert writes_in(queries) == []


OBJECT_PAGES = [
    row
    for row in TABLE
    if row.arguments not in {nothing, stage} and row.statuses[4] == 404 and not row.name.startswith("api-")
]


@pytest.mark.parametrize("row", OBJECT_PAGES, ids=lambda row: f"{row.method}-{row.name}")
def test_an_object_is_not_found_under_the_address_of_another_workspace(cast: Cast, row: Row) -> None:
    objects = Objects(cast)
    address = reverse(row.name, kwargs={"workspace": "other", **row.arguments(objects)})
    answer = ask(client_for(cast, "charlie", address), row.method, address, row.data(objects))
    assert answer.status_code == 404


def test_every_address_has_a_name_and_a_row() -> None:
    names = [pattern.name for pattern in addresses()]
    assert all(names), "an address without a name"
    assert sorted(names) == sorted(set(names)), "a name twice"
    assert set(names) - {row.name for row in TABLE} == set(), "addresses without a row"
    assert {row.name for row in TABLE} - set(names) == set(), "rows without an address"


def test_no_row_is_written_twice() -> None:
    keys = [(row.name, row.method) for row in TABLE]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("name", sorted({row.name for row in TABLE}))
def test_a_method_without_a_row_is_not_allowed(cast: Cast, name: str) -> None:
    objects = Objects(cast)
    rows = [row for row in TABLE if row.name == name]
    address = address_of(rows[0], objects)
    declared = {row.method for row in rows}
    client = client_for(cast, "alice", address)
    allowed = [
        method
        for method in METHODS
        if method not in declared and ask(client, method, address, {}).status_code != 405
    ]
    assert allowed == []


def writes_in(queries: CaptureQueriesContext) -> list[str]:
    """The statements that change rows, without the note of a token's last use."""
    statements = [query["sql"] for query in queries.captured_queries]
    writes = [sql for sql in statements if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]
    return [sql for sql in writes if not sql.startswith('UPDATE "accounts_apitoken" SET "last_used_on"')]


def addresses(resolver: Any = None) -> Iterator[URLPattern]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern)
        else:
            yield pattern


def address_of(row: Row, objects: Objects) -> str:
    arguments = row.arguments(objects)
    try:
        return reverse(row.name, kwargs={"workspace": objects.cast.workspace.slug, **arguments})
    except NoReverseMatch:
        return reverse(row.name, kwargs=arguments)


def client_for(cast: Cast, actor: str, address: str) -> Client:
    """A browser with a session for pages, a script with a token for the API."""
    if actor == "anonymous":
        return Client()
    membership: Membership = getattr(cast, actor)
    if not address.startswith("/api/"):
        return cast.client(membership)
    _token, secret = create_token(membership=membership, name="matrix")
    return Client(headers={"Authorization": f"Token {secret}"})


def ask(client: Client, method: str, address: str, data: dict[str, Any]) -> Any:
    call = getattr(client, method.lower())
    if method == "GET":
        return call(address, data)
    if address.startswith("/api/"):
        return call(address, data, content_type="application/json")
    if method == "POST":
        return call(address, data)
    return call(address, urlencode(data), content_type="application/x-www-form-urlencoded")

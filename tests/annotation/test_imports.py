"""Tasks by line and by API: all or nothing, problems by line, whatever the bytes."""

import gzip
import json

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from annotation.intake import Problem, Row, open_lines, read_rows
from annotation.models import Candidate, Task, TaskBody, TaskImport
from core.errors import TooLarge
from tests.annotation.worlds import make_project, task_record

GOOD = json.dumps(task_record(1)).encode()


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def problem(body: bytes) -> Problem:
    found = [entry for entry in read_rows(body.splitlines(keepends=True)) if isinstance(entry, Problem)]
    assert len(found) == 1, found
    return found[0]


@pytest.fixture
def project(crew):
    return make_project(crew)


def send(crew, project, body: bytes, **headers):
    address = reverse("api-project-tasks", args=[project.uid])
    return crew.api(crew.alice).post(address, body, content_type="application/x-ndjson", headers=headers)


# --- Lines ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "is not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b'{"prompt": NaN}', "NaN"),
        (b'{"prompt": -Infinity}', "Infinity"),
        (b'{"id": ' + b"9" * 100_000 + b"}", "digits"),
        (b'{"temperature": -1e999}', "too large"),
        (b'{"id": "a", "id": "b"}', "twice"),
        (b'{"prompt": "\\ud800", "candidates": ["a", "b"]}', "surrogate"),
        (b'{"prompt": "\\u0000", "candidates": ["a", "b"]}', "NUL"),
        (b'{"prompt": "\xff", "candidates": ["a", "b"]}', "UTF-8"),
        ('{"prompt": "x"}'.encode("utf-16"), "UTF-16"),
        (b"\x00", "is not JSON"),
        (b'"text"', "object"),
        (b"null", "object"),
        (b'{"prompt": "x", "candidates": ["a"]}', "candidates"),
        (b'{"prompt": "x", "candidates": ["a", "b"], "gold": 1}', "gold"),
        (b'{"prompt": "x", "candidates": ["a", "b"', "is not JSON"),
        (b'{"prompt": "x", "candidates": ["a", "b"]} {}', "is not JSON"),
    ],
)
def test_a_hostile_line_is_one_problem_with_its_number(line, words):
    found = problem(b"\n" + line if b"UTF" not in words.encode() else line)
    assert words in found.reason
    assert len(found.reason) < 500


def test_a_byte_order_mark_and_blank_lines_are_no_problem():
    found = list(read_rows([b"\xef\xbb\xbf" + GOOD + b"\r\n", b"\n", b"  \n"]))
    assert [type(entry) for entry in found] == [Row]


def test_the_same_id_twice_in_a_file_names_the_first_line():
    found = problem(GOOD + b"\n\n" + GOOD)
    assert (found.line, found.reason) == (3, "id is the same as in line 1")


def test_an_endless_line_is_cut(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(b'{"prompt": "' + b"x" * (9 * 1024 * 1024))
    with path.open("rb") as handle:
        found = list(read_rows(open_lines(handle, maximum_bytes=10**9)))
    assert [entry.reason for entry in found] == ["is longer than 8 MiB"]


def bomb(tmp_path, piece: bytes, times: int):
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as target:
        for _ in range(times):
            target.write(piece)
    return path.open("rb")


def test_a_bomb_of_bytes_stops_at_its_bound(tmp_path):
    line = b" " * (1024 * 1024 - 1) + b"\n"
    with bomb(tmp_path, line, 64) as handle, pytest.raises(TooLarge):
        list(read_rows(open_lines(handle, maximum_bytes=8 * 1024 * 1024)))


def test_a_bomb_of_empty_lines_stops_at_its_bound(tmp_path):
    with bomb(tmp_path, b"\n" * 100_000, 10) as handle, pytest.raises(TooLarge):
        list(read_rows(open_lines(handle, maximum_bytes=10**9, maximum_lines=50_000)))


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:30] + b"\x00" * 9 + data[39:]])
def test_a_damaged_archive_is_a_problem(tmp_path, damage):
    path = tmp_path / "cut.gz"
    path.write_bytes(damage(gzip.compress((GOOD + b"\n") * 50)))
    with path.open("rb") as handle:
        found = list(read_rows(open_lines(handle, maximum_bytes=10**9)))
    assert "damaged" in found[-1].reason or "UTF-8" in found[-1].reason


# --- The API ----------------------------------------------------------------------------------------------
def test_tasks_come_in_by_api_with_bodies_candidates_and_sources(crew, project):
    response = send(crew, project, lines(*(task_record(number, 3) for number in range(5))))
    assert response.status_code == 201, response.json()
    assert response.json()["rows"] == 5
    tasks = list(Task.objects.order_by("queue_key"))
    assert [task.external_id for task in tasks] == ["t0", "t1", "t2", "t3", "t4"]
    assert all(task.open_slots == project.overlap for task in tasks)
    assert Candidate.objects.filter(source__model="secret-model-2").count() == 5
    body = TaskBody.objects.get(task=tasks[0])
    assert body.prompt["messages"][0]["parts"] == [{"type": "text", "text": "Question 0?"}]
    assert set(body.candidates) == {str(uid) for uid in tasks[0].candidates.values_list("uid", flat=True)}
    event = AuditEvent.objects.get(kind="imported")
    assert event.detail["rows"] == 5


def test_one_bad_line_stores_nothing_and_is_named(crew, project):
    response = send(crew, project, lines(task_record(1), {"prompt": "x"}, task_record(2)))
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "import_refused"
    assert list(response.json()["error"]["fields"]) == ["line 2"]
    assert not Task.objects.exists()
    assert not TaskImport.objects.exists()


def test_an_id_that_exists_is_refused_by_line(crew, project):
    assert send(crew, project, lines(task_record(1))).status_code == 201
    response = send(crew, project, lines(task_record(2), task_record(1)))
    assert response.json()["error"]["fields"] == {"line 2": "id exists already in this project"}
    assert Task.objects.count() == 1


def test_the_same_request_with_a_key_imports_once(crew, project):
    answers = [send(crew, project, lines(task_record(1)), **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert send(crew, project, lines(task_record(2)), **{"Idempotency-Key": "k1"}).status_code == 409
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [b"\n" * 10_001, b" " * (10_000_001), b" " * (12 * 1024 * 1024)],
    ids=["rows", "bytes", "beyond the server's limit"],
)
def test_too_much_at_once_names_the_upload(crew, project, body):
    response = send(crew, project, body)
    assert response.status_code == 413
    assert "annotation.import_tasks" in response.json()["error"]["message"]


def test_an_empty_request_is_refused(crew, project):
    assert send(crew, project, b"").status_code == 422


def test_a_closed_project_takes_no_tasks(crew, project):
    project.state = "closed"
    project.save()
    assert send(crew, project, lines(task_record(1))).status_code == 409


def test_candidates_beyond_four_are_refused_for_now(crew, project):
    response = send(crew, project, lines(task_record(1, 5)))
    assert "2 to 4" in response.json()["error"]["fields"]["line 1"]

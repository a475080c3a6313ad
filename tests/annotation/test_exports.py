"""What comes out is what was submitted, under pseudonyms, with flat memory."""

import json
import tracemalloc

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from annotation import exports
from annotation.exports import export_answers
from annotation.imports import import_at_once
from annotation.kinds.ranking import parse_answer
from annotation.models import Task
from annotation.queue import hand_out
from annotation.submissions import revise, submit
from tests.annotation.worlds import add_tasks, an_answer, make_project, rules_of


@pytest.fixture
def project(crew):
    project = make_project(crew)
    add_tasks(project, 3, candidates=3)
    return project


def page(project, workspace: str = "acme") -> str:
    return reverse("project-export", args=[workspace, project.uid])


def exported(crew, project) -> list[dict]:
    response = crew.client(crew.alice).get(page(project))
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


def answer_all(person, project) -> list:
    receipts = []
    while hasattr(handed := hand_out(membership=person, project=project), "assignment"):
        assignment = handed.assignment
        receipts.append(
            submit(assignment=assignment, answer=an_answer(assignment, rationale="=1+1 \u202e é\n\t"))
        )
    return receipts


def test_every_answer_comes_out_as_it_was_given(crew, project):
    assignment = hand_out(membership=crew.bob, project=project).assignment
    rules = rules_of(assignment)
    first, second, third = rules.shown_order
    answer = parse_answer(
        {
            "ranking": [[first, third]],
            "aspects": {first: {"quality": 5}, third: {"safety": 1}},
            "flags": ["unsafe"],
            "rewrite": {"text": "Better", "of": second},
            "rationale": "=cmd|' /C calc'!A0",
        },
        rules=rules,
    )
    receipt = submit(assignment=assignment, answer=answer, active_ms=0)
    (record,) = exported(crew, project)
    judgement = record["judgement"]
    assert judgement["id"] == str(receipt.uid)
    assert judgement["annotator"] == crew.bob.pseudonym
    expected = {name: value for name, value in answer.as_json().items() if name != "schema"}
    assert {name: judgement[name] for name in expected} == expected
    assert record["prompt"] == [{"role": "user", "content": "Question 0?"}]
    by_id = {candidate["id"]: candidate for candidate in record["candidates"]}
    assert set(by_id) == set(rules.shown_order)
    assert {candidate["source"]["model"] for candidate in by_id.values()} == {
        f"secret-model-{at}" for at in range(3)
    }
    for candidate in by_id.values():
        number = candidate["source"]["model"][-1]
        assert candidate["content"] == f"Answer {number} to 0"


def test_the_export_holds_each_acknowledged_answer_once(crew, project):
    receipts = answer_all(crew.bob, project)
    assert [record["judgement"]["id"] for record in exported(crew, project)] == [
        str(row.uid) for row in receipts
    ]


def test_a_correction_replaces_the_answer_in_the_export(crew, project):
    assignment = hand_out(membership=crew.bob, project=project).assignment
    submit(assignment=assignment, answer=an_answer(assignment))
    receipt = revise(assignment=assignment, answer=an_answer(assignment, rationale="corrected"), revision=1)
    (record,) = exported(crew, project)
    assert (record["judgement"]["id"], record["judgement"]["revision"]) == (str(receipt.uid), 2)


def test_no_names_or_addresses_of_people_come_out(crew, project):
    answer_all(crew.bob, project)
    text = json.dumps(exported(crew, project))
    assert crew.bob.user.email not in text
    assert crew.bob.user.name not in text
    assert str(crew.bob.uid) not in text
    assert crew.bob.pseudonym in text


def test_tasks_of_an_export_can_be_imported_again(crew, project):
    answer_all(crew.bob, project)
    records = exported(crew, project)
    other = make_project(crew, name="Again")
    again = b"\n".join(
        json.dumps({"id": r["external_id"], "prompt": r["prompt"], "candidates": r["candidates"]}).encode()
        for r in records
    )
    assert import_at_once(membership=crew.alice, project=other, body=again).rows == 3
    prompts = Task.objects.filter(project=other).order_by("pk").values_list("body__prompt", flat=True)
    assert list(prompts) == list(
        Task.objects.filter(project=project).order_by("pk").values_list("body__prompt", flat=True)
    )


def test_every_export_is_noted_in_the_audit(crew, project):
    exported(crew, project)
    event = AuditEvent.objects.get(kind="exported")
    assert (event.membership, event.object_uid) == (crew.alice, project.uid)


def test_an_empty_project_exports_no_line(crew, project):
    assert exported(crew, project) == []


def test_only_admins_of_the_workspace_export(crew, project):
    for person, status in ((crew.bob, 403), (crew.rita, 403), (crew.charlie, 404)):
        assert crew.client(person).get(page(project)).status_code == status
    assert crew.client(crew.charlie).get(page(project, "other")).status_code == 404
    assert crew.client(crew.alice).post(page(project)).status_code == 405
    assert not AuditEvent.objects.filter(kind="exported").exists()


def test_a_broken_download_leaves_a_usable_connection(crew, project):
    answer_all(crew.bob, project)
    lines = export_answers(membership=crew.alice, project=project)
    next(lines)
    lines.close()
    assert Task.objects.count() == 3


def test_memory_stays_flat_however_many_answers(crew, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_A_FETCH", 20)
    project = make_project(crew, name="Many")
    add_tasks(project, 200)
    answer_all(crew.bob, project)
    lines = iter(crew.client(crew.alice).get(page(project)).streaming_content)
    next(lines)
    tracemalloc.start()
    count = 1 + sum(1 for _ in lines)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 200
    assert peak < 512 * 1024

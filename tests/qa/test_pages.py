"""The pages of quality assurance: what reviewers see and what their buttons do."""

import gzip
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.imports import import_tasks
from annotation.models import Project, Task
from annotation.standings import pause
from qa import inbox, quality
from qa.models import Acceptance, Gold, GoldScore, QualityReport
from tests.annotation.worlds import add_tasks, form_of, make_project, more_annotators
from tests.conftest import Cast
from tests.qa.worlds import acceptance_of, add_gold, file_order, put, rank, state_of, take, turned_round


def page(cast: Cast, who: Any, address: str, *, status: int = 200) -> str:
    answer = cast.client(who).get(f"/w/acme/{address}")
    assert answer.status_code == status, answer.content
    return str(answer.content.decode())


def measured(crew: Cast, pairs: Project) -> QualityReport:
    for by in (crew.bob, crew.rita):
        for number in range(10):
            rank(pairs, by, turned_round if number == 0 and by == crew.rita else file_order)
    return quality.measure_now(project=pairs, by=crew.rita)


def test_the_quality_page_draws_alpha_with_its_interval_beside_the_figures(
    crew: Cast, pairs: Project
) -> None:
    assert "Not measured yet" in page(crew, crew.rita, f"projects/{pairs.uid}/quality/")
    found = measured(crew, pairs).report["agreement"]["all"]
    shown = page(crew, crew.rita, f"projects/{pairs.uid}/quality/")
    assert f"{found['alpha']:.3f}" in shown
    assert f"{found['low']:.3f} – {found['high']:.3f}" in shown
    assert shown.count('<div class="interval-line">') == 2
    assert shown.count('class="interval-span"') == 2
    assert "leaving out each task in turn" in shown
    assert "style=" not in shown
    assert "Bob" not in shown.replace("Bob</", "")
    assert crew.bob.pseudonym in shown


def test_an_undefined_alpha_is_called_undefined_and_explained(crew: Cast) -> None:
    project = make_project(crew)
    quality.measure_now(project=project)
    shown = page(crew, crew.rita, f"projects/{project.uid}/quality/")
    assert "undefined" in shown
    assert "No task has answers of two people yet." in shown


def test_a_click_measures(crew: Cast, pairs: Project) -> None:
    answer = crew.client(crew.rita).post(f"/w/acme/projects/{pairs.uid}/measure/")
    assert (answer.status_code, answer["Location"]) == (302, f"/w/acme/projects/{pairs.uid}/quality/")
    assert QualityReport.objects.get().created_by == crew.rita


@pytest.mark.parametrize("count", [10, 60])
def test_the_list_of_projects_costs_the_same_at_any_length(
    crew: Cast, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        project = make_project(crew, name=f"Project {number}")
        QualityReport.objects.create(
            workspace=crew.workspace,
            project=project,
            annotations=0,
            report={"agreement": {"all": {"alpha": 0.5, "low": 0.4, "high": 0.6}}},
        )
    client = crew.client(crew.rita)
    with django_assert_max_num_queries(8):
        assert b"0.40" in client.get("/w/acme/quality/").content


def test_the_list_shows_what_waits(crew: Cast, pairs: Project) -> None:
    rank(pairs, crew.bob, flags=["unsafe"])
    inbox.take()
    pause(membership=crew.bob, project=pairs, reason="Look.")
    shown = page(crew, crew.rita, "quality/")
    assert f'/projects/{pairs.uid}/reviews/">1</a>' in shown
    assert '#gold">1</a>' in shown


@pytest.mark.parametrize("count", [10, 60])
def test_the_queue_of_reviews_costs_the_same_at_any_length(
    crew: Cast, count: int, django_assert_max_num_queries: Any
) -> None:
    project = make_project(crew)
    add_tasks(project, count)
    for _number in range(count):
        rank(project, crew.bob, flags=["unsafe"])
    inbox.take_all(project=project)
    client = crew.client(crew.rita)
    for state in ("open", "accepted"):
        with django_assert_max_num_queries(16):
            client.get(f"/w/acme/projects/{project.uid}/reviews/?state={state}")
        Acceptance.objects.update(state="accepted")


def test_a_queue_without_any_answer_says_so(crew: Cast, pairs: Project) -> None:
    shown = page(crew, crew.rita, f"projects/{pairs.uid}/reviews/")
    assert "Nothing was answered yet" in shown
    assert "Nothing waits for a review" not in shown


def test_the_riskiest_review_stands_first(crew: Cast, pairs: Project) -> None:
    first = rank(pairs, crew.bob)
    rank(pairs, crew.rita, turned_round)
    flagged = rank(pairs, crew.bob, flags=["unsafe"])
    shown = page(crew, crew.rita, f"projects/{pairs.uid}/reviews/")
    places = [shown.index(str(acceptance_of(row).uid)) for row in (flagged, first)]
    assert places == sorted(places)
    assert "flagged by the annotator" in shown
    assert page(crew, crew.rita, f"projects/{pairs.uid}/reviews/?state=nonsense", status=422)


def test_a_review_shows_the_task_as_it_was_seen_and_what_others_said(crew: Cast, pairs: Project) -> None:
    annotation = rank(pairs, crew.bob, rationale="Clearer.", flags=["unsafe"])
    other = rank(pairs, crew.alice, turned_round)
    inbox.take()
    shown = page(crew, crew.rita, f"reviews/{acceptance_of(annotation).uid}/")
    for words in ("Question 0?", "Clearer.", "others disagree", "Unsafe or harmful content"):
        assert words in shown
    assert other.membership.pseudonym in shown
    assert "secret-model" not in shown
    letters = [shown.index(str(uid)) for uid in annotation.assignment.shown_order]
    assert letters == sorted(letters)


def decide(crew: Cast, annotation: Any, **form: Any) -> Any:
    address = f"/w/acme/reviews/{acceptance_of(annotation).uid}/decide/"
    return crew.client(crew.rita).post(address, form)


def test_the_buttons_decide_and_lead_to_the_next(crew: Cast, pairs: Project) -> None:
    made = [rank(pairs, crew.bob, flags=["unsafe"]) for _number in range(4)]
    inbox.take()
    fields = form_of(made[1].assignment)
    answers = [
        decide(crew, made[0], decision="accept"),
        decide(crew, made[1], decision="fix", **fields),
        decide(crew, made[2], decision="send_back", comment="Again."),
        decide(crew, made[3], decision="reject"),
    ]
    assert [answer.status_code for answer in answers] == [302] * 4
    assert answers[0]["Location"] == f"/w/acme/reviews/{acceptance_of(made[1]).uid}/"
    assert answers[3]["Location"] == f"/w/acme/projects/{pairs.uid}/reviews/"
    assert [state_of(row)[0] for row in made] == ["accepted", "accepted", "sent_back", "rejected"]
    shown = [str(uid) for uid in made[1].assignment.shown_order]
    fixed = acceptance_of(made[1]).fixed_answer
    assert (fixed["ranking"], fixed["flags"]) == ([[uid] for uid in shown], [])
    assert decide(crew, made[0], decision="reject").status_code == 409
    assert decide(crew, made[0], decision="reopen").status_code == 302
    assert state_of(made[0])[0] == "open"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"decision": "send_back", "comment": ""}, "Write what should be mended"),
        ({"decision": "fix"}, "Rank at least two"),
        ({"decision": "praise"}, "The decision must be one of"),
        ({}, "The decision must be one of"),
        ({"decision": "accept", "comment": "x" * 1001}, "at most 1000"),
    ],
)
def test_a_refused_decision_says_why_and_keeps_what_was_typed(
    crew: Cast, pairs: Project, form: dict[str, str], words: str
) -> None:
    annotation = rank(pairs, crew.bob, flags=["unsafe"])
    inbox.take()
    answer = decide(crew, annotation, **form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert form.get("comment", "") in answer.content.decode()
    assert state_of(annotation)[0] == "open"


def test_written_answers_and_labels_are_reviewed_on_their_own_forms(crew: Cast) -> None:
    written = make_project(crew, name="Write", kind="demonstration", aspects=[])
    import_tasks(project=written, records=[{"prompt": "Why?"}], by=crew.alice)
    text = put(take(written, crew.bob), {"prompt": "Why?", "completion": "Becuase."})
    labelled = make_project(crew, name="Label", kind="classification", labels=["good", "bad"], aspects=[])
    import_tasks(project=labelled, records=[{"prompt": "Fine."}], by=crew.alice)
    label = put(take(labelled, crew.bob), {"labels": ["bad"]})
    inbox.take()
    assert "Becuase." in page(crew, crew.rita, f"reviews/{acceptance_of(text).uid}/")
    assert 'value="bad" checked' in page(crew, crew.rita, f"reviews/{acceptance_of(label).uid}/")
    decide(crew, text, decision="fix", prompt="Why?", completion="Because.")
    decide(crew, label, decision="fix", labels="good")
    assert acceptance_of(text).fixed_answer["completion"] == "Because."
    assert acceptance_of(label).fixed_answer["labels"] == ["good"]


def test_the_rest_is_accepted_with_one_click(crew: Cast, pairs: Project) -> None:
    rank(pairs, crew.bob)
    rank(pairs, crew.alice, turned_round)
    answer = crew.client(crew.rita).post(f"/w/acme/projects/{pairs.uid}/reviews/accept-rest/")
    assert answer.status_code == 302
    assert set(Acceptance.objects.values_list("state", flat=True)) == {"accepted"}


def test_a_paused_person_is_let_work_again_or_rejected(crew: Cast, pairs: Project) -> None:
    rank(pairs, crew.bob)
    GoldScore.objects.create(
        workspace=crew.workspace, project=pairs, membership=crew.bob, answered=4, right=0, verdict="failed"
    )
    pause(membership=crew.bob, project=pairs, reason="Look.")
    shown = page(crew, crew.rita, f"projects/{pairs.uid}/quality/")
    assert "0 of 4, 0 %" in shown
    client, person = crew.client(crew.rita), f"/w/acme/projects/{pairs.uid}/people/{crew.bob.uid}"
    assert f"{person}/resume/" in shown
    assert client.post(f"{person}/resume/").status_code == 302
    assert client.post(f"{person}/resume/").status_code == 409
    assert client.post(f"{person}/reject/", {"note": "Guessing."}).status_code == 302
    assert set(Acceptance.objects.values_list("state", flat=True)) == {"rejected"}


# --- Gold -------------------------------------------------------------------------------------------------
def test_a_reviewer_makes_a_task_gold(crew: Cast, pairs: Project) -> None:
    address = f"projects/{pairs.uid}/gold/"
    shown = page(crew, crew.rita, address)
    assert "No gold task yet" in shown
    assert "No gold is handed out in this project" in shown
    task = Task.objects.latest("pk")
    assert f"?task={task.uid}" in shown
    assert "Question 9?" in page(crew, crew.rita, f"{address}?task={task.uid}")
    first, second = task.candidates.order_by("position").values_list("uid", flat=True)
    client = crew.client(crew.rita)
    wrong = client.post(f"/w/acme/{address}", {"task": task.uid, f"rank-{first}": "1"})
    assert wrong.status_code == 422
    assert "Rank at least two" in wrong.content.decode()
    form = {"task": task.uid, f"rank-{first}": "2", f"rank-{second}": "1", "explanation": "Obvious."}
    assert client.post(f"/w/acme/{address}", form).status_code == 302
    gold = Gold.objects.get()
    assert gold.accepted == [{"ranking": [[str(second)], [str(first)]]}]
    assert client.post(f"/w/acme/{address}", form).status_code == 409
    assert client.post(f"/w/acme/{address}{task.uid}/retire/").status_code == 302
    assert "retired" in page(crew, crew.rita, address)


def test_a_gold_file_comes_in_whole_or_not_at_all(crew: Cast, pairs: Project) -> None:
    line = {"prompt": "Why?", "candidates": ["a", "b"], "gold": {"ranking": [[0], [1]]}}
    good = json.dumps(line).encode()
    whole = gzip.compress(good + b"\n" + good)
    bad: dict[str, bytes] = {
        "empty": b"",
        "blank": b"\n \n",
        "no JSON": b"{",
        "a list": b"[1]",
        "NUL": good.replace(b"Why", b"W\\u0000"),
        "half a character": good.replace(b"Why", b"W\\ud800"),
        "not UTF-8": good.replace(b"Why", b"W\xff"),
        "UTF-16": good.decode().encode("utf-16"),
        "no gold": json.dumps({"prompt": "Why?", "candidates": ["a", "b"]}).encode(),
        "a key of ours": json.dumps({**line, "subject_key": "0" * 64}).encode(),
        "cut off": whole[:-9],
        "second line wrong": good + b"\n{}",
    }
    client, address = crew.client(crew.rita), f"/w/acme/projects/{pairs.uid}/gold/"
    for what, body in bad.items():
        answer = client.post(address, {"file": SimpleUploadedFile("gold.jsonl", body)})
        assert answer.status_code == 422, what
        assert "field-error" in answer.content.decode(), what
        assert not Gold.objects.exists(), what
    bomb = gzip.compress(b"\n" * 50_000_000)
    assert client.post(address, {"file": SimpleUploadedFile("gold.gz", bomb)}).status_code in {413, 422}
    assert client.post(address).status_code == 422
    answer = client.post(address, {"file": SimpleUploadedFile("gold.gz", whole)})
    assert answer.status_code == 302
    assert Gold.objects.count() == 2


def test_gold_that_most_people_miss_is_doubted(crew: Cast) -> None:
    project = make_project(crew, gold_every=1, aspects=[])
    [gold] = add_gold(project, 1, by=crew.rita)
    for person in more_annotators(crew, 5):
        rank(project, person, turned_round)
    inbox.take()
    assert gold.accepted
    assert "most miss it" in page(crew, crew.rita, f"projects/{project.uid}/gold/")


def test_a_project_of_written_answers_says_that_it_has_no_gold(crew: Cast) -> None:
    project = make_project(crew, kind="demonstration", aspects=[])
    assert "No gold for written answers" in page(crew, crew.rita, f"projects/{project.uid}/gold/")
    answer = crew.client(crew.rita).post(
        f"/w/acme/projects/{project.uid}/gold/", {"file": SimpleUploadedFile("g", b'{"prompt": "x"}')}
    )
    assert answer.status_code == 409


@pytest.mark.parametrize("count", [10, 60])
def test_the_gold_page_costs_the_same_at_any_length(
    crew: Cast, pairs: Project, count: int, django_assert_max_num_queries: Any
) -> None:
    add_gold(pairs, count, by=crew.rita)
    client = crew.client(crew.rita)
    with django_assert_max_num_queries(9):
        client.get(f"/w/acme/projects/{pairs.uid}/gold/")


def test_the_project_page_leads_reviewers_to_its_quality(crew: Cast, pairs: Project) -> None:
    assert f"/projects/{pairs.uid}/quality/" in page(crew, crew.rita, f"projects/{pairs.uid}/")
    assert f"/projects/{pairs.uid}/quality/" not in page(crew, crew.bob, f"projects/{pairs.uid}/")

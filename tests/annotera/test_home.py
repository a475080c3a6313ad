"""The home shows each role what that role does next, at a cost that does not grow with the workspace."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotation.leases import expire_leases
from annotation.models import Annotation, Assignment, Project, Standing
from annotation.queue import hand_out
from annotation.standings import pause
from annotation.submissions import submit
from annotera.own_home import MOST_PROJECTS
from annotera.pipeline import KNOWN
from qa import inbox, reviews
from qa.models import Acceptance, GoldScore
from tests.annotation.worlds import add_tasks, an_answer, consenting, make_project
from tests.conftest import Cast

MOST_QUERIES = {"bob": 18, "rita": 40, "alice": 46}


def open_home(cast: Cast, membership) -> str:
    response = cast.client(membership).get(reverse("workspace-home", args=["acme"]))
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def project(cast: Cast) -> Project:
    consenting(cast.alice, cast.bob, cast.rita)
    project = make_project(cast, overlap=1)
    add_tasks(project, 6)
    return project


def answer(membership, project: Project, count: int = 1) -> list[Acceptance]:
    made = []
    for _number in range(count):
        assignment = hand_out(membership=membership, project=project).assignment
        submit(assignment=assignment, answer=an_answer(assignment), active_ms=0)
        made.append(assignment)
    inbox.take_all(project=project)
    return list(Acceptance.objects.filter(annotation__assignment__in=made).order_by("pk"))


def address(name: str, *arguments: object) -> str:
    return reverse(name, args=["acme", *arguments])


def test_an_empty_workspace_tells_the_admin_to_make_a_project(cast: Cast):
    html = open_home(cast, cast.alice)
    assert "No project is open" in html
    assert address("project-new") in html
    for known in KNOWN:
        assert str(known.name) in html


def test_an_annotator_is_told_to_read_what_is_recorded_before_the_first_task(cast: Cast):
    add_tasks(make_project(cast), 1)
    html = open_home(cast, cast.bob)
    assert "Before your first task" in html
    assert f"{address('consent')}?next={address('workspace-home')}" in html


def test_an_annotator_starts_where_there_is_work_and_sees_no_runs(cast: Cast, project: Project):
    make_project(cast, name="Without tasks")
    html = open_home(cast, cast.bob)
    assert f'action="{address("project-next", project.uid)}"' in html
    assert "Next for you" in html
    assert "no tasks yet" in html
    for name in ("runs", "pipeline", "quality"):
        assert address(name) not in html


def test_the_task_in_hand_comes_first_with_its_words_and_the_time_left(cast: Cast, project: Project):
    held = hand_out(membership=cast.bob, project=project).assignment
    html = open_home(cast, cast.bob)
    assert "Continue" in html
    assert address("assignment", held.uid) in html
    assert "Question 0?" in html
    assert "about 14 minutes left" in html
    assert "Continue ranking" in html and "Start ranking" not in html
    Assignment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert "its time ran out" in open_home(cast, cast.bob)


def test_a_task_in_hand_is_shown_however_many_projects_are_newer(cast: Cast, project: Project):
    held = hand_out(membership=cast.bob, project=project).assignment
    for number in range(MOST_PROJECTS):
        make_project(cast, name=f"Project {number}")
    assert address("assignment", held.uid) in open_home(cast, cast.bob)


def test_what_a_reviewer_sent_back_is_listed_with_the_reviewers_words(cast: Cast, project: Project):
    (acceptance,) = answer(cast.bob, project)
    reviews.send_back(acceptance=acceptance, by=cast.rita, comment="The second one is <rude>.")
    html = open_home(cast, cast.bob)
    assert "To mend" in html
    assert "The second one is &lt;rude&gt;." in html
    assert address("assignment", acceptance.annotation.assignment.uid) in html
    assert "To mend" not in open_home(cast, cast.rita)
    again = hand_out(membership=cast.bob, project=project).assignment
    submit(assignment=again, answer=an_answer(again))
    assert "To mend" not in open_home(cast, cast.bob)


def test_the_last_days_are_counted_by_day_and_corrections_are_no_answers(cast: Cast, project: Project):
    answer(cast.bob, project, 3)
    first, second, third = Annotation.objects.order_by("pk")
    yesterday = timezone.now() - timedelta(days=1)
    Annotation.objects.filter(pk=first.pk).update(submitted_at=yesterday, active_ms=90_000)
    Annotation.objects.filter(pk=second.pk).update(submitted_at=timezone.now() - timedelta(days=8))
    Annotation.objects.filter(pk=third.pk).update(revision=2, active_ms=4_000)
    days = cast.client(cast.bob).get(address("workspace-home")).context["days"]
    assert [day.answers for day in days.days] == [0, 0, 0, 0, 0, 1, 0]
    assert days.active_seconds == 94
    assert days.days[-2].height == 40


def test_feedback_counts_what_reviewers_decided_and_shows_their_words(cast: Cast, project: Project):
    kept, refused, untouched = answer(cast.bob, project, 3)
    reviews.accept(acceptance=kept, by=cast.rita, comment="Well seen.")
    reviews.reject(acceptance=refused, by=cast.rita, comment="Off topic.")
    feedback = cast.client(cast.bob).get(address("workspace-home")).context["feedback"]
    assert (feedback.accepted, feedback.rejected, feedback.sent_back) == (1, 1, 0)
    assert [words.comment for words in feedback.words] == ["Off topic.", "Well seen."]
    assert untouched.state == Acceptance.State.ACCEPTED


def test_a_paused_person_sees_why_and_what_happens_next(cast: Cast, project: Project):
    pause(membership=cast.bob, project=project, reason="Several answers differ from what is right.")
    html = open_home(cast, cast.bob)
    assert "Your work is paused in" in html
    assert "Several answers differ" in html
    assert "A reviewer looks at your answers and decides." in html
    assert address("project-next", project.uid) not in html


def test_who_has_seen_every_task_is_told_so(cast: Cast, project: Project):
    answer(cast.bob, project, 6)
    html = open_home(cast, cast.bob)
    assert "No new task is waiting for you" in html
    assert address("project-queue", project.uid) in html


def test_a_task_that_comes_back_behind_the_cursor_is_offered_again(cast: Cast, project: Project):
    held = hand_out(membership=cast.rita, project=project).assignment
    answer(cast.bob, project, 5)
    assert "No new task is waiting for you" in open_home(cast, cast.bob)
    Assignment.objects.filter(pk=held.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert expire_leases(project=project) == 1
    assert f'action="{address("project-next", project.uid)}"' in open_home(cast, cast.bob)
    assert hand_out(membership=cast.bob, project=project).assignment.task_id == held.task_id


def test_a_reviewer_sees_the_queues_by_risk_and_starts_with_the_riskiest(cast: Cast, project: Project):
    calm = make_project(cast, name="Calm")
    add_tasks(calm, 2, first=50)
    disputed, flagged = answer(cast.bob, project, 2)
    (quiet,) = answer(cast.bob, calm)
    State = Acceptance.State
    for row, reasons, risk in (
        (disputed, ["disagreement"], 1.0),
        (flagged, ["flag"], 4.0),
        (quiet, ["fast"], 0.5),
    ):
        Acceptance.objects.filter(pk=row.pk).update(state=State.OPEN, reasons=reasons, risk=risk)
    response = cast.client(cast.rita).get(address("workspace-home"))
    queues = response.context["queues"]
    assert [(queue.project.name, queue.waiting) for queue in queues] == [("Helpfulness", 2), ("Calm", 1)]
    assert [(str(reason), count) for reason, count in queues[0].reasons] == [
        ("flagged by the annotator", 1),
        ("others disagree", 1),
    ]
    assert f'href="{address("review", flagged.uid)}"' in response.content.decode()
    assert "Needs a decision" not in response.content.decode()


def test_what_is_cut_is_the_least_risky_and_every_number_says_that_it_is_cut(
    cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch
):
    risky = make_project(cast, name="Risky")
    add_tasks(risky, 2, first=50)
    for place, number, risk in ((project, 3, 0.5), (risky, 2, 4.0)):
        rows = [row.pk for row in answer(cast.bob, place, number)]
        Acceptance.objects.filter(pk__in=rows).update(state="open", reasons=["flag"], risk=risk)
    monkeypatch.setattr("qa.queues.MOST_READ", 1)
    queues = cast.client(cast.rita).get(address("workspace-home")).context["queues"]
    assert [(queue.project.name, queue.waiting, queue.is_cut) for queue in queues] == [
        ("Risky", 2, True),
        ("Helpfulness", 0, True),
    ]
    html = open_home(cast, cast.rita)
    assert '<span class="badge" data-state="warn">2+</span>' in html
    assert "not counted" in html and "nothing waits" not in html
    assert address("reviews", project.uid) in html
    assert "2+ answers wait for a review" in open_home(cast, cast.alice)


def test_a_reviewer_reads_a_pseudonym_where_an_admin_reads_the_name(cast: Cast, project: Project):
    pause(membership=cast.bob, project=project, reason="Look at this.")
    html = open_home(cast, cast.rita)
    assert cast.bob.pseudonym in html and "Bob" not in html
    assert "Bob is paused" in open_home(cast, cast.alice)


def test_a_reviewer_sees_paused_people_and_the_next_step_of_the_pipeline(cast: Cast, project: Project):
    pause(membership=cast.bob, project=project, reason="Look at this.")
    GoldScore.objects.create(workspace=cast.workspace, project=project, membership=cast.bob, verdict="failed")
    answer(cast.rita, project)
    html = open_home(cast, cast.rita)
    assert "They were told:" in html
    assert "Look at this." in html
    assert "Next, in stage 7" in html
    assert f'href="{address("project-quality", project.uid)}">A person was paused' in html


@pytest.mark.parametrize("name", ["bob", "rita", "alice"])
def test_the_home_costs_the_same_with_one_project_and_with_thirty(cast: Cast, project: Project, name: str):
    client, counts = cast.client(getattr(cast, name)), []
    for many in (0, 29):
        for number in range(many):
            more = make_project(cast, name=f"Project {number}")
            add_tasks(more, 1, first=100 + number)
            Standing.objects.create(workspace=cast.workspace, project=more, membership=cast.bob)
        client.get(address("workspace-home"))
        with CaptureQueriesContext(connection) as queries:
            client.get(address("workspace-home"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= MOST_QUERIES[name]


def test_another_workspace_does_not_exist(cast: Cast):
    response = cast.client(cast.charlie).get(reverse("workspace-home", args=["acme"]))
    assert response.status_code == 404

"""What reviewers and admins see of jobs in the browser."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.claiming import Lease, claim
from jobs.directories import log_of
from jobs.ending import fail, succeed
from jobs.models import Job


@pytest.fixture
def job(cast, broker, launch) -> Job:
    return launch(cast, "test-echo", title="Train <b>the</b> reward model")


def claimed(job: Job) -> Lease:
    return Lease.of(claim(queue="light", owner="test", kinds={job.kind}))


def page(cast, member, name: str, *arguments: object, **headers: str):
    path = reverse(name, args=[cast.workspace.slug, *arguments])
    return cast.client(member).get(path, headers=headers)


def poll(cast, name: str, *arguments: object) -> str:
    response = page(cast, cast.rita, name, *arguments, HX_Request="true")
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_shows_titles_as_text(cast, job):
    html = page(cast, cast.rita, "jobs").content.decode()
    assert "Train &lt;b&gt;the&lt;/b&gt; reward model" in html
    assert "<b>the</b>" not in html


def test_the_list_can_be_narrowed_to_a_state(cast, job):
    path = reverse("jobs", args=[cast.workspace.slug])
    client = cast.client(cast.alice)
    assert "reward model" in client.get(path, {"state": "queued"}).content.decode()
    assert "reward model" not in client.get(path, {"state": "failed"}).content.decode()
    assert client.get(path, {"state": "nonsense"}).status_code == 400


@pytest.mark.parametrize("count", [10, 60])
def test_the_list_costs_the_same_at_any_length(cast, broker, launch, count, django_assert_max_num_queries):
    for _ in range(count):
        launch(cast, "test-echo")
    client = cast.client(cast.rita)
    with django_assert_max_num_queries(9):
        assert client.get(reverse("jobs", args=[cast.workspace.slug])).status_code == 200


def test_an_empty_list_says_what_would_be_there(cast):
    assert "No jobs yet" in page(cast, cast.rita, "jobs").content.decode()


def test_the_list_polls_only_while_something_can_change(cast, job):
    assert 'hx-trigger="every' in poll(cast, "jobs")
    succeed(claimed(job), result={})
    assert "hx-trigger" not in poll(cast, "jobs")


def test_the_page_of_a_running_job_polls_a_part_of_itself(cast, job):
    claimed(job)
    Job.objects.filter(pk=job.pk).update(progress=0.42, sentence="Update 10 of 24")
    html = poll(cast, "job", job.uid)
    assert "<html" not in html
    assert 'hx-trigger="every 2s"' in html
    assert 'value="42"' in html
    assert "Update 10 of 24" in html


def test_the_last_part_polls_no_more_and_takes_the_cancel_button_away(cast, job):
    succeed(claimed(job), result={})
    html = poll(cast, "job", job.uid)
    assert "hx-trigger" not in html
    assert 'id="job-cancel" hx-swap-oob="delete"' in html


def test_a_failed_job_shows_reason_and_hint_as_text(cast, job):
    fail(claimed(job), reason="The <i>disk</i> is full.", hint="Free some space.")
    html = page(cast, cast.rita, "job", job.uid).content.decode()
    assert "The &lt;i&gt;disk&lt;/i&gt; is full." in html
    assert "Free some space." in html
    assert "hx-trigger" not in html


def test_the_log_is_shown_as_text_and_goes_on_from_where_it_was(cast, job):
    claimed(job)
    log_of(job.uid).line("<script>alert(1)</script>")
    html = page(cast, cast.rita, "job", job.uid).content.decode()
    assert "&lt;script&gt;alert(1)" in html
    size = log_of(job.uid).size()
    assert f"?after={size}" in html
    log_of(job.uid).line("second line")
    path = reverse("job-log", args=[cast.workspace.slug, job.uid])
    part = cast.client(cast.rita).get(path, {"after": size}, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<bdi class="log-text">second line')
    assert "hx-trigger" in part


def test_the_whole_log_is_plain_text(cast, job):
    log_of(job.uid).line("<b>one</b>")
    response = page(cast, cast.rita, "job-log", job.uid)
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert b"".join(response) == b"<b>one</b>\n"


def test_an_unreadable_offset_is_refused(cast, job):
    path = reverse("job-log", args=[cast.workspace.slug, job.uid])
    for bad in ("-1", "x", "9" * 30, "١"):
        assert cast.client(cast.rita).get(path, {"after": bad}).status_code == 400


def test_an_admin_cancels_with_a_plain_form(cast, job):
    client = cast.client(cast.alice)
    path = reverse("job-cancel", args=[cast.workspace.slug, job.uid])
    assert path in client.get(reverse("job", args=[cast.workspace.slug, job.uid])).content.decode()
    response = client.post(path, follow=True)
    assert response.status_code == 200
    assert "The job is cancelled." in response.content.decode()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_a_running_job_shows_that_it_was_asked_to_stop(cast, job):
    claimed(job)
    cast.client(cast.alice).post(reverse("job-cancel", args=[cast.workspace.slug, job.uid]))
    assert 'data-state="cancelling"' in page(cast, cast.alice, "job", job.uid).content.decode()


def test_cancelling_what_has_ended_is_a_conflict(cast, job):
    succeed(claimed(job), result={})
    path = reverse("job-cancel", args=[cast.workspace.slug, job.uid])
    assert cast.client(cast.alice).post(path).status_code == 409


def test_a_reviewer_sees_no_cancel_button_and_may_not_cancel(cast, job):
    path = reverse("job-cancel", args=[cast.workspace.slug, job.uid])
    assert path not in page(cast, cast.rita, "job", job.uid).content.decode()
    assert cast.client(cast.rita).post(path).status_code == 403


@pytest.mark.parametrize("name", ["job", "job-log"])
def test_jobs_are_no_business_of_annotators_and_strangers(cast, job, name):
    assert page(cast, cast.bob, name, job.uid).status_code == 403
    assert page(cast, cast.charlie, name, job.uid).status_code == 404
    other = reverse(name, args=[cast.charlie.workspace.slug, job.uid])
    assert cast.client(cast.charlie).get(other).status_code == 404


def test_cancel_is_never_a_get(cast, job):
    assert page(cast, cast.alice, "job-cancel", job.uid).status_code == 405


def test_the_page_says_that_the_broker_is_down(cast, job):
    earlier = timezone.now() - timedelta(seconds=5)
    Job.objects.filter(pk=job.pk).update(rung_at=None, created_at=earlier)
    for html in (page(cast, cast.rita, "jobs"), page(cast, cast.rita, "job", job.uid)):
        assert "message broker does not answer" in html.content.decode()


def test_the_page_says_that_no_worker_listens(cast, job):
    earlier = timezone.now() - timedelta(minutes=5)
    Job.objects.filter(pk=job.pk).update(rung_at=earlier, created_at=earlier)
    assert (
        "No worker takes jobs from the queue “light work”" in page(cast, cast.rita, "jobs").content.decode()
    )

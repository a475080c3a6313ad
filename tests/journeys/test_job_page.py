"""The page of a job lives: it follows progress and log, and stops asking when the job has ended."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Membership
from jobs.claiming import Lease, claim, write_progress
from jobs.directories import log_of
from jobs.ending import fail, succeed
from jobs.launching import enqueue
from jobs.models import Job

pytestmark = pytest.mark.browser


def start(member: Membership, title: str = "Train the reward model") -> tuple[Job, Lease]:
    """A job that a worker has just begun."""
    enqueue(
        workspace=member.workspace, kind="journey", queue="light", title=title, payload={}, created_by=member
    )
    job = claim(queue="light", owner="journey", kinds={"journey"})
    assert job is not None
    return job, Lease.of(job)


def open_job(page: Page, job: Job) -> None:
    page.goto(reverse("job", args=[job.workspace.slug, job.uid]))


def test_alice_watches_a_job_until_it_fails(visit, committed_cast):
    job, lease = start(committed_cast.alice)
    log_of(job.uid).line("first line")
    page = visit(committed_cast.alice)
    open_job(page, job)
    log = page.locator("pre.log")
    expect(log).to_have_text("first line\n")
    write_progress(lease, fraction=0.42, sentence="Update 10 of 24")
    log_of(job.uid).line("second <b>line</b>")
    expect(page.get_by_text("Update 10 of 24")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "42")
    log_of(job.uid).line("third line")
    expect(log).to_have_text("first line\nsecond <b>line</b>\nthird line\n", use_inner_text=False)
    expect(page.get_by_role("button", name="Cancel the job")).to_be_visible()
    fail(lease, reason="The disk is full.", hint="Free some space.")
    expect(page.get_by_text("Free some space.")).to_be_visible()
    expect(page.locator("[hx-trigger]")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)


def test_the_list_follows_its_jobs(visit, committed_cast):
    job, lease = start(committed_cast.alice)
    page = visit(committed_cast.rita)
    page.goto(reverse("jobs", args=[job.workspace.slug]))
    expect(page.locator("[data-state=running]")).to_have_count(1)
    succeed(lease, result={})
    expect(page.locator("[data-state=succeeded]")).to_have_count(1)
    expect(page.locator("[hx-trigger]")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False])
def test_alice_cancels_with_and_without_javascript(visit, committed_cast, javascript):
    job, _ = start(committed_cast.alice)
    page = visit(committed_cast.alice, javascript=javascript)
    page.on("dialog", lambda dialog: dialog.accept())
    open_job(page, job)
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator("[data-state=cancelling]")).to_have_count(1)
    assert re.search(r"/jobs/[0-9a-f-]+/$", page.url)
    job.refresh_from_db()
    assert job.cancel_requested_at is not None

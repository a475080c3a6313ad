"""What must work in a browser without JavaScript: log in, start a run and cancel it."""

import pytest
from playwright.sync_api import expect

from jobs.models import Job
from tests.conftest import PASSWORD, Cast
from tests.journeys.conftest import Visit
from tests.training.conftest import freeze_tones
from training.models import TrainingRun

pytestmark = pytest.mark.browser


def test_a_person_logs_in_and_out(committed_cast: Cast, visit: Visit) -> None:
    alice = committed_cast.alice.user
    alice.set_password(PASSWORD)
    alice.save()
    page = visit(javascript=False)
    page.goto("/")
    page.get_by_label("E-mail").fill(alice.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/w/acme/")
    expect(page.locator("h1")).to_have_text("Acme")


def test_a_run_is_started_and_cancelled(committed_cast: Cast, visit: Visit) -> None:
    freeze_tones(committed_cast)
    page = visit(committed_cast.alice, javascript=False)
    page.goto("/w/acme/runs/new/pretrain/")
    page.get_by_label("Name").fill("without scripts")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/*-*/")
    expect(page.locator("main")).to_contain_text("queued")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("main")).to_contain_text("cancelled")
    run = TrainingRun.objects.select_related("job").get()
    assert (run.name, run.job.state) == ("without scripts", Job.State.CANCELLED)


def test_a_refused_setting_comes_back_with_what_was_typed(committed_cast: Cast, visit: Visit) -> None:
    freeze_tones(committed_cast)
    page = visit(committed_cast.alice, javascript=False)
    page.goto("/w/acme/runs/new/pretrain/")
    page.get_by_label("Name").fill("kept")
    page.locator("[name=set-steps]").fill("0")
    page.locator("form.form").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("[name=set-steps][aria-invalid=true]")).to_have_value("0")
    expect(page.get_by_label("Name")).to_have_value("kept")
    assert not TrainingRun.objects.exists()

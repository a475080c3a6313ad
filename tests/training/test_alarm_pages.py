"""Alarms on the pages: what stands for the kept policy, what stood on the way, and what just came up."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Job
from tests.conftest import Cast
from tests.training.alarmed import KL, LENGTH, SECOND, evaluate, keep, ppo_run, raise_alarms, set_running
from tests.training.registered import finish, make_run
from tests.training.test_pages import page, text_of
from training.models import RunAlarm, TrainingRun

SUSPECTED = "Reward hacking suspected"
STOOD = "An alarm stood during training"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def run(cast: Cast, home: Path) -> TrainingRun:
    return ppo_run(cast.workspace, home)


def shown(cast: Cast, path: str, **headers: str) -> str:
    return unescape(text_of(page(cast, cast.rita, path, **headers)))


def alarm_on(found: str) -> str:
    """The notice alone; empty when there is none."""
    notice = re.search(r'<section class="notice notice-(\w+) notice-alarm".*?</section>', found, re.DOTALL)
    return notice[0] if notice else ""


def test_what_stands_for_the_kept_policy_is_on_top_in_red(cast: Cast, run: TrainingRun, home: Path) -> None:
    raise_alarms(run, LENGTH, SECOND, at=[16])
    keep(run, home, LENGTH, SECOND)
    found = shown(cast, f"runs/{run.uid}/")
    notice = alarm_on(found)
    assert 'notice-bad notice-alarm" role="alert"' in notice
    assert SUSPECTED in notice
    assert "(update 16) shows" in notice
    for text in (LENGTH["reason"], LENGTH["hint"], SECOND["reason"], SECOND["hint"]):
        assert text in notice
    assert "<details>" not in notice
    assert found.index(notice) < found.index('id="run-state"')


def test_what_stood_earlier_too_waits_behind_a_fold(cast: Cast, run: TrainingRun, home: Path) -> None:
    raise_alarms(run, LENGTH, at=[8, 16])
    keep(run, home, LENGTH)
    notice = alarm_on(shown(cast, f"runs/{run.uid}/"))
    assert "Raised earlier in this run" in notice
    assert "(update 8)" in notice


def test_an_alarm_that_passed_is_amber_with_its_reason_and_its_updates(
    cast: Cast, run: TrainingRun, home: Path
) -> None:
    raise_alarms(run, LENGTH, at=[4, 20, 24])
    raise_alarms(run, KL, at=[23])
    keep(run, home)
    notice = alarm_on(shown(cast, f"runs/{run.uid}/"))
    assert 'notice-warn notice-alarm" role="status"' in notice
    assert SUSPECTED not in notice
    assert STOOD in notice
    assert "The policy that was kept (update 16) has none." in notice
    assert "<details>" in notice
    assert "(updates 4, 20, 24)" in notice
    assert "(update 23)" in notice
    assert LENGTH["reason"] in notice and KL["hint"] in notice


def test_many_updates_are_named_by_the_last_of_them(cast: Cast, run: TrainingRun, home: Path) -> None:
    raise_alarms(run, LENGTH, at=range(1, 30))
    keep(run, home)
    assert "(updates … 24, 25, 26, 27, 28, 29)" in alarm_on(shown(cast, f"runs/{run.uid}/"))


def test_a_run_without_alarms_shows_none(cast: Cast, run: TrainingRun, home: Path) -> None:
    keep(run, home)
    found = shown(cast, f"runs/{run.uid}/")
    assert alarm_on(found) == ""
    assert '<div id="run-alarm"></div>' in found


def test_the_kl_limit_alone_is_no_suspicion_of_hacking(cast: Cast, run: TrainingRun, home: Path) -> None:
    keep(run, home, KL)
    found = shown(cast, f"runs/{run.uid}/")
    assert "The policy drifted past the KL limit" in alarm_on(found)
    assert KL["reason"] in alarm_on(found)
    assert SUSPECTED not in found
    assert "past the KL limit</span>" in shown(cast, "runs/")


def live(cast: Cast, run: TrainingRun, known: str = "") -> str:
    return shown(cast, f"runs/{run.uid}/?alarm={known}", **{"HX-Request": "true"})


def test_an_alarm_comes_up_while_the_run_goes_on_and_is_sent_once(cast: Cast, run: TrainingRun) -> None:
    set_running(run)
    before = live(cast, run)
    assert "run-alarm" not in before
    assert f'hx-get="/w/acme/runs/{run.uid}/?alarm="' in before

    raise_alarms(run, LENGTH, at=[8])
    now = live(cast, run)
    assert '<div id="run-alarm" hx-swap-oob="true">' in now
    assert SUSPECTED in alarm_on(now)
    assert "At update 8, the last that was evaluated" in alarm_on(now)
    [known] = re.findall(r"\?alarm=([^\"]+)\"", now)
    assert "run-alarm" not in live(cast, run, known)

    raise_alarms(run, LENGTH, at=[16])
    assert "At update 16" in alarm_on(live(cast, run, known))


def test_a_clear_evaluation_after_it_makes_it_amber(cast: Cast, run: TrainingRun) -> None:
    set_running(run)
    raise_alarms(run, LENGTH, at=[8])
    evaluate(run, 16)
    notice = alarm_on(live(cast, run))
    assert "notice-warn" in notice
    assert "The newest evaluation has none." in notice


def test_an_alarm_that_was_undone_by_a_restart_is_taken_back(cast: Cast, run: TrainingRun) -> None:
    set_running(run)
    raise_alarms(run, LENGTH, at=[8])
    [known] = re.findall(r"\?alarm=([^\"]+)\"", live(cast, run))
    RunAlarm.objects.all().delete()
    assert '<div id="run-alarm" hx-swap-oob="true"></div>' in live(cast, run, known)


@pytest.mark.parametrize("state", [Job.State.FAILED, Job.State.CANCELLED])
def test_a_run_that_made_no_model_keeps_its_alarm(cast: Cast, run: TrainingRun, state: str) -> None:
    raise_alarms(run, LENGTH, at=[8])
    Job.objects.filter(pk=run.job_id).update(state=state, ended_at=timezone.now())
    assert SUSPECTED in alarm_on(shown(cast, f"runs/{run.uid}/"))


def test_lists_mark_runs_and_models_in_words(cast: Cast, run: TrainingRun, home: Path) -> None:
    again = {"base_model": run.base_model, "reward_model": run.reward_model}
    passed = make_run(cast.workspace, "ppo", name="passed", **again)
    raise_alarms(run, LENGTH, at=[16])
    raise_alarms(passed, LENGTH, at=[8])
    keep(run, home, LENGTH)
    keep(passed, home)
    runs, models = shown(cast, "runs/"), shown(cast, "models/")
    assert runs.count('data-state="bad">hacking suspected</span>') == 1
    assert runs.count('data-state="warn">alarm in training</span>') == 1
    assert models.count("hacking suspected") == 1
    assert "alarm in training" not in models


def test_the_model_page_shows_what_stands(cast: Cast, run: TrainingRun, home: Path) -> None:
    raise_alarms(run, KL, at=[8])
    model = keep(run, home, LENGTH)
    notice = alarm_on(shown(cast, f"models/{model.uid}/"))
    assert SUSPECTED in notice and LENGTH["reason"] in notice
    assert KL["reason"] not in notice
    sound = run.reward_model
    assert sound is not None
    assert alarm_on(shown(cast, f"models/{sound.uid}/")) == ""


def test_run_and_model_compare_before_and_after(cast: Cast, run: TrainingRun, home: Path) -> None:
    model = keep(run, home, stopped_at_update=19)
    for path in (f"runs/{run.uid}/", f"models/{model.uid}/"):
        found = shown(cast, path).replace("\N{NO-BREAK SPACE}", " ")
        assert "The reward rose by 0.503 ± 0.090 (95 % interval, paired over 128 prompts)." in found
        assert "No change of the score of the checking model can be told apart from noise" in found
        assert "The KL limit stopped the training after update 19." in found
        assert "not the facts in them" in found
        assert "held-out reward before" in found


def test_run_and_model_say_how_good_a_reward_model_is(cast: Cast, run: TrainingRun, home: Path) -> None:
    base = run.base_model
    reward = make_run(cast.workspace, "reward", base_model=base, name="judge")
    model = finish(reward, home, heldout_accuracy=0.714, heldout_accuracy_se=0.021, heldout_ece=0.043)
    for path in (f"runs/{reward.uid}/", f"models/{model.uid}/"):
        found = shown(cast, path)
        assert "71.4 ± 4.2 %" in found
        assert "clearly better than guessing" in found
        assert "On held-out prompts" not in found


def test_a_rise_under_an_alarm_is_no_success(cast: Cast, run: TrainingRun, home: Path) -> None:
    keep(run, home, LENGTH)
    assert 'data-level="good"' not in shown(cast, f"runs/{run.uid}/")


def test_the_api_tells_raised_and_standing_alarms(cast: Cast, run: TrainingRun, home: Path) -> None:
    raise_alarms(run, KL, at=[8])
    model = keep(run, home, LENGTH)
    body = cast.api(cast.rita).get(f"/api/v1/runs/{run.uid}/").json()
    assert body["alarms"] == [{"step": 8, **KL}]
    assert body["result"]["alarms"] == [{"step": 16, **LENGTH}]
    assert cast.api(cast.rita).get(f"/api/v1/models/{model.uid}/").json()["alarms"] == [
        {"step": 16, **LENGTH}
    ]


@pytest.mark.parametrize("path", ["runs/", "models/"])
def test_marks_cost_the_same_for_one_and_for_many(
    cast: Cast, run: TrainingRun, home: Path, path: str
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(cast, path)
        return len(queries)

    parts = {"base_model": run.base_model, "reward_model": run.reward_model}
    raise_alarms(run, LENGTH, at=[8])
    keep(run, home, LENGTH)
    one = cost()
    for number in range(12):
        other = make_run(cast.workspace, "ppo", name=f"ppo {number}", **parts)
        raise_alarms(other, LENGTH, KL, at=[8, 16])
        if number % 2:
            keep(other, home, LENGTH, KL)
    assert cost() == one


def test_the_run_page_costs_the_same_with_one_alarm_and_with_hundreds(cast: Cast, run: TrainingRun) -> None:
    def cost(**headers: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(cast, f"runs/{run.uid}/", **headers)
        return len(queries)

    fragment = {"HX-Request": "true"}
    set_running(run)
    raise_alarms(run, LENGTH, at=[1])
    few = cost(), cost(**fragment)
    raise_alarms(run, LENGTH, KL, at=range(2, 300))
    assert (cost(), cost(**fragment)) == few

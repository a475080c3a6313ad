"""Alarms on their way from the engine's lines and result into rows and onto the model."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jobs.claiming import claim
from jobs.pulse import Pulse
from jobs.running import JobContext, Lease
from tests.conftest import Cast
from tests.training.alarmed import KL, LENGTH, SECOND, keep, ppo_run
from tests.training.registered import finish, make_run, write_output
from training import following, registry
from training.alarms import Alarm, AlarmUnreadable, alarm_of, standing_in
from training.models import ModelVersion, RunAlarm, TrainingRun
from training.recording import MOST_ALARMS_A_STEP, Recorder


@pytest.fixture
def claimed(cast: Cast, own_storage: Path) -> tuple[JobContext, TrainingRun]:
    run = make_run(cast.workspace)
    job = claim(queue="training", owner="tests", kinds={"training.run"})
    assert job is not None
    return JobContext(job, pulse=Pulse(Lease.of(job), taken_at=time.monotonic(), request_id="")), run


def line(step: object, values: object) -> dict[str, Any]:
    return {"type": "alarm", "step": step, "values": values}


def told(run: TrainingRun) -> list[tuple[int, str]]:
    return [(alarm.step, alarm.kind) for alarm in run.raised_alarms()]


def attempt(claimed: tuple[JobContext, TrainingRun], *lines: Mapping[str, Any]) -> None:
    """What one start of the engine says, taken by a recorder of its own."""
    context, run = claimed
    recorder = Recorder(context=context, run=run)
    for each in lines:
        recorder.take(dict(each))
    recorder.flush()


def test_an_alarm_becomes_a_row(claimed: tuple[JobContext, TrainingRun]) -> None:
    attempt(claimed, line(8, LENGTH), line(8, KL), line(16, LENGTH))
    _context, run = claimed
    assert told(run) == [(16, "length"), (8, "kl"), (8, "length")]
    row = RunAlarm.objects.get(step=8, kind="kl")
    assert (row.reason, row.hint) == (KL["reason"], KL["hint"])


def test_an_alarm_that_is_told_again_after_a_resume_is_kept_once(
    claimed: tuple[JobContext, TrainingRun],
) -> None:
    attempt(claimed, line(8, LENGTH), line(16, LENGTH))
    resumed = {"type": "resumed", "step": 16, "sentence": "From update 16."}
    attempt(claimed, resumed, line(8, LENGTH), line(16, LENGTH), line(24, KL))
    assert told(claimed[1]) == [(24, "kl"), (16, "length"), (8, "length")]


def test_an_alarm_of_steps_that_were_done_anew_without_it_is_gone(
    claimed: tuple[JobContext, TrainingRun],
) -> None:
    attempt(claimed, line(8, LENGTH), line(16, LENGTH))
    resumed = {"type": "resumed", "step": 12, "sentence": "From update 12."}
    attempt(claimed, resumed, line(8, LENGTH), {"type": "metrics", "step": 16, "values": {"reward": 1.0}})
    assert told(claimed[1]) == [(8, "length")]


def test_a_start_from_the_beginning_forgets_the_alarms_of_the_attempt_before(
    claimed: tuple[JobContext, TrainingRun],
) -> None:
    attempt(claimed, line(8, LENGTH))
    attempt(claimed, {"type": "metrics", "step": 1, "values": {"reward": 1.0}})
    assert told(claimed[1]) == []


def test_an_attempt_that_says_nothing_changes_nothing(claimed: tuple[JobContext, TrainingRun]) -> None:
    attempt(claimed, line(8, LENGTH))
    attempt(claimed)
    assert told(claimed[1]) == [(8, "length")]


def test_alarms_of_another_run_stay(claimed: tuple[JobContext, TrainingRun], cast: Cast) -> None:
    other = make_run(cast.workspace)
    RunAlarm.objects.create(run=other, step=8, **LENGTH)
    attempt(claimed, line(4, KL))
    assert told(other) == [(8, "length")]


def test_hostile_alarms_are_cleaned_and_cut(claimed: tuple[JobContext, TrainingRun]) -> None:
    attempt(claimed, line(8, {"kind": "k" * 500, "reason": "a\x00b\ud800" + "x" * 100_000, "more": [1]}))
    row = RunAlarm.objects.get()
    assert (len(row.kind), len(row.reason), row.hint) == (20, 1000, "")
    assert row.reason.startswith("a\N{REPLACEMENT CHARACTER}b?")


@pytest.mark.parametrize(
    "odd",
    [
        line(-1, LENGTH), line("8", LENGTH), line(2**40, LENGTH), line(8, [LENGTH]), line(8, {}),
        line(8, {"kind": "length"}), line(8, {"kind": ["length"], "reason": "x"}),
        line(8, {"kind": "length", "reason": {"x": 1}}), line(8, LENGTH | {"hint": None}),
    ],
)  # fmt: skip
def test_what_is_no_alarm_is_passed_over(
    claimed: tuple[JobContext, TrainingRun], odd: dict[str, Any]
) -> None:
    attempt(claimed, odd, line(8, KL))
    assert told(claimed[1]) == [(8, "kl")]


def test_an_alarm_that_cannot_be_read_is_in_the_log(claimed: tuple[JobContext, TrainingRun]) -> None:
    attempt(claimed, line(8, {"kind": "length"}))
    assert "could not be read" in claimed[0].log_file.tail().text


def test_a_step_holds_a_limited_number_of_kinds(claimed: tuple[JobContext, TrainingRun]) -> None:
    attempt(claimed, *(line(8, LENGTH | {"kind": f"kind {number}"}) for number in range(1000)))
    assert RunAlarm.objects.count() == MOST_ALARMS_A_STEP


def test_the_alarms_of_a_result_reach_the_run_and_the_model(cast: Cast, tmp_path: Path) -> None:
    run = ppo_run(cast.workspace, tmp_path)
    model = keep(run, tmp_path, LENGTH, SECOND)
    run.refresh_from_db()
    assert [alarm.kind for alarm in run.standing_alarms] == ["length", "second_score"]
    assert model.standing_alarms == run.standing_alarms
    assert run.standing_alarms[0] == Alarm(step=16, **LENGTH)


def test_a_run_without_alarms_has_none(cast: Cast, tmp_path: Path) -> None:
    model = finish(make_run(cast.workspace), tmp_path)
    assert model.standing_alarms == model.made_by.standing_alarms == []
    assert ModelVersion(name="made elsewhere").standing_alarms == []


def test_texts_of_a_result_are_cut(cast: Cast, tmp_path: Path) -> None:
    alarms = [
        {"step": 3, "kind": "length", "reason": "a\x00" + "x" * 5000, "hint": "", "extra": "y" * 5000}
    ] * 50
    finish(run := make_run(cast.workspace), tmp_path, alarms=alarms)
    run.refresh_from_db()
    assert len(run.result["alarms"]) == 20
    assert run.result["alarms"][0].keys() == {"step", "kind", "reason", "hint"}
    assert len(run.result["alarms"][0]["reason"]) == 1000


@pytest.mark.parametrize(
    "alarms",
    [
        {"kind": "length"},
        "length",
        [1],
        [{"kind": "length"}],
        [LENGTH],
        [LENGTH | {"step": "3"}],
        [[LENGTH]],
        7,
    ],
)
def test_a_model_whose_alarms_cannot_be_read_is_refused(cast: Cast, tmp_path: Path, alarms: object) -> None:
    output = write_output(tmp_path / "output", alarms=alarms)
    with pytest.raises(registry.ModelRefused, match="alarm"):
        registry.collect(workspace=cast.workspace, directory=output)
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize("result", [{}, {"alarms": []}, {"alarms": None}])
def test_no_alarms_are_no_alarms(result: dict[str, Any]) -> None:
    assert standing_in(result) == []


@pytest.mark.parametrize("step", [True, None, -1, 1.5, 2**31])
def test_an_alarm_needs_a_step(step: object) -> None:
    with pytest.raises(AlarmUnreadable):
        alarm_of(LENGTH, step=step)


def test_whoever_follows_a_run_is_told_of_what_stands(cast: Cast, tmp_path: Path) -> None:
    run = ppo_run(cast.workspace, tmp_path)
    keep(run, tmp_path, LENGTH)
    said: list[str] = []
    ended = following.follow(run, tell=said.append)
    assert said[-1] == f"Alarm: {LENGTH['reason']} {LENGTH['hint']}"
    assert following.outcome(ended)["alarms"] == [{"step": 16, **LENGTH}]

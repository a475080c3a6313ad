"""Reading and writing what a run measures."""

import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from jobs.claiming import claim
from jobs.failures import LeaseLost
from jobs.models import Job
from jobs.pulse import Pulse
from jobs.running import JobContext, Lease
from tests.conftest import Cast
from tests.training.registered import make_run
from training.metrics import Kept, latest_rows, metrics_for
from training.models import RunMetric, RunSample, TrainingRun
from training.recording import Recorder


def fill(run: TrainingRun, *, steps: int, every: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO training_runmetric (run_id, step, "values", created_at)
            SELECT %s, step, jsonb_build_object('loss', 1.0 / step), now()
            FROM generate_series(1, %s, %s) AS step""",
            [run.pk, steps, every],
        )


def test_a_short_run_is_read_whole(cast: Cast) -> None:
    run = make_run(cast.workspace)
    fill(run, steps=1000)
    points = metrics_for(run)
    assert points.steps == list(range(1, 1001))
    assert (points.total, points.kept) == (1000, Kept.ALL)
    assert points.series["loss"].values[1] == 0.5


@pytest.mark.parametrize(("steps", "every"), [(2001, 1), (20_000, 1), (90_000, 7)])
def test_a_long_run_keeps_every_spike_and_its_ends(cast: Cast, steps: int, every: int) -> None:
    run = make_run(cast.workspace)
    fill(run, steps=steps, every=every)
    last = 1 + (steps - 1) // every * every
    spikes = {
        1 + every * (steps // every // part): value for part, value in ((2, 99.0), (3, -5.0), (7, 50.0))
    }
    for step, value in spikes.items():
        assert RunMetric.objects.filter(run=run, step=step).update(values={"loss": value}) == 1
    points = metrics_for(run)
    loss = points.series["loss"]
    assert 900 < len(loss.steps) <= 2002
    assert loss.steps == sorted(set(loss.steps))
    assert (loss.steps[0], loss.steps[-1], points.last_step) == (1, last, last)
    assert (points.total, points.kept) == (RunMetric.objects.filter(run=run).count(), Kept.EXTREMES)
    drawn = dict(zip(loss.steps, loss.values, strict=True))
    assert {step: drawn.get(step) for step in spikes} == spikes
    # Every point that is drawn was measured at that very step.
    some = {step: drawn[step] for step in loss.steps[::50] if step not in spikes}
    assert some == pytest.approx({step: 1.0 / step for step in some})


def test_a_closer_look_gives_every_point_of_a_short_stretch(cast: Cast) -> None:
    run = make_run(cast.workspace)
    fill(run, steps=20_000)
    near = metrics_for(run, first=9_000, last=9_500)
    assert near.series["loss"].steps == list(range(9_000, 9_501))
    assert (near.total, near.kept, near.last_step) == (501, Kept.ALL, 9_500)
    assert metrics_for(run, first=30_000, last=40_000).series == {}


def test_figures_that_are_measured_rarely_keep_their_own_steps(cast: Cast) -> None:
    run = make_run(cast.workspace)
    fill_evaluated(run, steps=5000, every=500)
    points = metrics_for(run)
    assert points.series["heldout"].steps == list(range(500, 5001, 500))
    assert points.series["heldout"].values == list(range(500, 5001, 500))


@pytest.mark.parametrize(("steps", "every"), [(50_000, 1), (1_000_000, 400), (999_000, 7)])
def test_a_very_long_run_is_thinned_evenly_and_keeps_its_ends(
    cast: Cast, steps: int, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.metrics.MOST_SCANNED", 2000)
    run = make_run(cast.workspace)
    fill(run, steps=steps, every=every)
    points = metrics_for(run)
    last = 1 + (steps - 1) // every * every
    assert 900 < len(points.steps) <= 2000
    assert (points.steps[0], points.steps[-1], points.last_step) == (1, last, last)
    assert points.kept == Kept.EVEN
    gaps = [later - earlier for earlier, later in zip(points.steps, points.steps[1:], strict=False)]
    assert max(gaps) - min(gaps) <= every + 1


def test_no_step_is_left_out_while_they_fit(cast: Cast) -> None:
    run = make_run(cast.workspace)
    fill(run, steps=100_000, every=101)
    assert len(metrics_for(run).steps) == RunMetric.objects.filter(run=run).count()


def test_only_newer_steps_are_read(cast: Cast) -> None:
    run = make_run(cast.workspace)
    fill(run, steps=20)
    assert metrics_for(run, after=17).steps == [18, 19, 20]
    nothing = metrics_for(run, after=20)
    assert (nothing.steps, nothing.last_step) == ([], 20)


def fill_evaluated(run: TrainingRun, *, steps: int, every: int) -> None:
    """A run that measures a held-out figure at some of its steps."""
    fill(run, steps=steps)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE training_runmetric SET "values" = "values" || jsonb_build_object('heldout', step)
            WHERE run_id = %s AND step %% %s = 0""",
            [run.pk, every],
        )
    TrainingRun.objects.filter(pk=run.pk).update(config=run.config | {"evaluate_every": every})
    run.refresh_from_db()


@pytest.mark.parametrize(("steps", "every", "least"), [(5000, 40, 125), (20_000, 7, 300)])
def test_a_very_long_run_keeps_its_evaluations(
    cast: Cast, steps: int, every: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.metrics.MOST_SCANNED", 2000)
    run = make_run(cast.workspace)
    fill_evaluated(run, steps=steps, every=every)
    points = metrics_for(run)
    evaluated = points.series["heldout"].steps
    assert least <= len(evaluated)
    assert len(points.steps) <= 2000
    assert points.steps == sorted(set(points.steps))
    assert (points.steps[0], points.steps[-1]) == (1, steps)
    gaps = {later - earlier for earlier, later in zip(evaluated, evaluated[1:], strict=False)}
    assert max(gaps) <= -(-steps // 333) + every


def test_another_runs_figures_stay_apart(cast: Cast) -> None:
    run, other = make_run(cast.workspace), make_run(cast.workspace)
    fill(other, steps=5000)
    fill(run, steps=3000)
    assert metrics_for(run).last_step == 3000


def test_reading_what_is_longer_than_can_be_scanned_costs_about_what_ten_thousand_cost(cast: Cast) -> None:
    long, short = make_run(cast.workspace), make_run(cast.workspace)
    fill(long, steps=300_000)
    assert metrics_for(long).kept == Kept.EVEN
    fill(short, steps=10_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE training_runmetric")

    def seconds(run: TrainingRun) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            metrics_for(run)
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds(long) < 4 * seconds(short) + 0.02


@pytest.fixture
def claimed(cast: Cast, own_storage: Path) -> tuple[JobContext, TrainingRun]:
    run = make_run(cast.workspace)
    job = claim(queue="training", owner="tests", kinds={"training.run"})
    assert job is not None
    return JobContext(job, pulse=Pulse(Lease.of(job), taken_at=time.monotonic(), request_id="")), run


def line(kind: str, step: object, **values: object) -> dict[str, Any]:
    return {"type": kind, "step": step, "values": values}


def test_figures_and_samples_become_rows(claimed: tuple[JobContext, TrainingRun]) -> None:
    context, run = claimed
    recorder = Recorder(context=context, run=run)
    recorder.take(line("metrics", 1, loss=2.5, kl=0))
    recorder.take(line("sample", 1, prompt="Hi", response="Hello", score=0.25))
    recorder.take(line("sample", 1, prompt="Hi", response="Bye", score=-1.0))
    recorder.flush()
    assert RunMetric.objects.get(run=run).values == {"loss": 2.5, "kl": 0}
    assert [sample.values["response"] for sample in RunSample.objects.order_by("position")] == [
        "Hello",
        "Bye",
    ]


def test_a_resumed_run_overwrites_the_steps_that_it_repeats(claimed: tuple[JobContext, TrainingRun]) -> None:
    context, run = claimed
    for loss in (3.0, 2.0):
        recorder = Recorder(context=context, run=run)
        recorder.take({"type": "resumed", "step": 3, "sentence": "From step 3."})
        recorder.take(line("metrics", 4, loss=loss))
        recorder.take(line("sample", 4, response=f"loss {loss}"))
        recorder.flush()
    recorder.take(line("metrics", 4, heldout_loss=1.0))
    recorder.flush()
    assert RunMetric.objects.get(run=run).values == {"loss": 2.0, "heldout_loss": 1.0}
    assert RunSample.objects.get(run=run).values == {"response": "loss 2.0"}
    assert "From step 3." in context.log_file.tail().text


def test_rows_are_written_while_the_run_goes_on(
    claimed: tuple[JobContext, TrainingRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, run = claimed
    monkeypatch.setattr("training.recording.SECONDS_BETWEEN_WRITES", 0.0)
    recorder = Recorder(context=context, run=run)
    recorder.take(line("metrics", 1, loss=1.0))
    assert RunMetric.objects.filter(run=run).count() == 1


def test_hostile_lines_are_cleaned_or_passed_over(claimed: tuple[JobContext, TrainingRun]) -> None:
    context, run = claimed
    recorder = Recorder(context=context, run=run)
    recorder.take(line("sample", 1, response="a\x00b\ud800c", prompt="x" * 100_000, score=float("nan")))
    recorder.take(line("metrics", 1, loss=float("inf"), name="text", flag=True, kl=1.5))
    for odd in (
        line("metrics", -1, loss=1.0), line("metrics", 2**40, loss=1.0), line("metrics", "7", loss=1.0),
        {"type": "metrics", "step": 1, "values": [1]}, {"type": "checkpoint", "step": 1}, {},
    ):  # fmt: skip
        recorder.take(odd)
    recorder.flush()
    assert RunMetric.objects.get(run=run).values == {"kl": 1.5}
    sample = RunSample.objects.get(run=run).values
    assert sample["response"] == "a\N{REPLACEMENT CHARACTER}b?c"
    assert (len(sample["prompt"]), sample["score"]) == (20_000, None)


def test_a_line_that_comes_again_counts_once(claimed: tuple[JobContext, TrainingRun]) -> None:
    context, run = claimed
    recorder = Recorder(context=context, run=run)
    again = line("sample", 1, response="once")
    recorder.take(again)
    recorder.take(again)
    recorder.flush()
    assert RunSample.objects.filter(run=run).count() == 1


def test_nothing_is_written_once_the_lease_is_lost(claimed: tuple[JobContext, TrainingRun]) -> None:
    context, run = claimed
    recorder = Recorder(context=context, run=run)
    recorder.take(line("metrics", 1, loss=1.0))
    Job.objects.filter(pk=run.job_id).update(lease_token=context.lease.token + 1)
    with pytest.raises(LeaseLost):
        recorder.flush()
    assert not RunMetric.objects.exists()


def test_the_latest_rows_come_newest_first(cast: Cast) -> None:
    run = make_run(cast.workspace)
    fill(run, steps=30)
    assert [row.step for row in latest_rows(run, count=3)] == [30, 29, 28]

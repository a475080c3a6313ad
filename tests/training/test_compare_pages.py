"""Runs beside one another: which may be compared, what is marked as the best, and what it costs."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from tests.conftest import Cast
from tests.training.registered import finish, frozen, make_model, make_run
from training.comparing import compared
from training.models import TrainingRun
from training.run_figures import final_rows


def page(cast: Cast, *runs: TrainingRun, who: Any = None, **extra: str) -> Any:
    query = {"run": [str(run.uid) for run in runs], **extra}
    return cast.client(who or cast.rita).get("/w/acme/runs/compare/", query)


def best(runs: list[TrainingRun], label: str) -> list[str]:
    """The values that are marked as the best in the row of this figure."""
    runs = list(TrainingRun.objects.filter(pk__in=[run.pk for run in runs]).order_by("pk"))
    [row] = [row for row in final_rows(runs) if row.label == label]
    return [cell.value for cell in row.cells if cell.is_best]


def finished(cast: Cast, home: Path, stage: str = "pretrain", **values: Any) -> TrainingRun:
    parts = {name: values.pop(name) for name in list(values) if not isinstance(values[name], float)}
    run = make_run(cast.workspace, stage, **parts)
    finish(run, home, **values)
    return run


def test_figures_stand_beside_one_another_with_their_interval(cast: Cast, tmp_path: Path) -> None:
    base = make_model(cast.workspace, tmp_path)
    parts = {"base_model": base, "heldout_accuracy_se": 0.01}
    runs = [
        finished(cast, tmp_path, "reward", name=name, heldout_accuracy=value, **parts)
        for name, value in (("first", 0.61), ("second", 0.74))
    ]
    body = page(cast, *runs).content.decode()
    assert "0.610\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.020" in body
    assert "0.740\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.020" in body
    assert best(runs, "held-out accuracy") == ["0.740\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.020"]


def test_what_may_be_chance_is_not_marked(cast: Cast, tmp_path: Path) -> None:
    base = make_model(cast.workspace, tmp_path)
    parts = {"base_model": base, "heldout_accuracy_se": 0.03}
    runs = [
        finished(cast, tmp_path, "reward", heldout_accuracy=value, **parts) for value in (0.70, 0.72, 0.60)
    ]
    assert best(runs, "held-out accuracy") == []


def test_the_lower_loss_is_the_better_and_a_figure_without_direction_is_never_marked(
    cast: Cast, tmp_path: Path
) -> None:
    figures = {"heldout_loss_se": 0.01, "final_loss_se": 0.01, "seconds_se": 0.01}
    runs = [
        finished(cast, tmp_path, heldout_loss=loss, final_loss=loss, seconds=loss, **figures)
        for loss in (1.9, 1.4, 2.2)
    ]
    assert best(runs, "held-out loss") == ["1.400\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.020"]
    assert best(runs, "last loss") == best(runs, "seconds") == []


def test_nothing_is_marked_where_the_error_of_either_is_unknown(cast: Cast, tmp_path: Path) -> None:
    unknown = [finished(cast, tmp_path, heldout_loss=loss) for loss in (1.9, 1.4)]
    known = finished(cast, tmp_path, heldout_loss=1.0, heldout_loss_se=0.01)
    assert best(unknown, "held-out loss") == []
    assert best([*unknown, known], "held-out loss") == []


def test_nothing_is_marked_between_runs_whose_loss_is_in_other_tokens(cast: Cast, tmp_path: Path) -> None:
    def learnt(loss: float, stage: str = "pretrain", **parts: Any) -> TrainingRun:
        return finished(cast, tmp_path, stage, heldout_loss=loss, heldout_loss_se=0.01, **parts)

    large = learnt(1.9, config_values={"vocabulary_size": 2048})
    small = learnt(1.4, config_values={"vocabulary_size": 300})
    longer = learnt(1.2, config_values={"vocabulary_size": 300, "steps": 900})
    assert best([large, small], "held-out loss") == []
    assert best([small, longer], "held-out loss") == ["1.200\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.020"]
    assert "changes the measurement itself (Vocabulary size)" in page(cast, large, small).content.decode()
    bases = [make_model(cast.workspace, tmp_path, name=name) for name in ("one", "two")]
    tuned = [learnt(loss, "sft", base_model=base) for loss, base in zip((1.9, 1.4), bases, strict=True)]
    assert best(tuned, "held-out loss") == []
    assert "started from different models" in page(cast, *tuned).content.decode()


def test_nothing_is_marked_between_runs_that_were_measured_on_other_data(cast: Cast, tmp_path: Path) -> None:
    here = finished(cast, tmp_path, heldout_loss=1.9, heldout_loss_se=0.01)
    elsewhere = {"dataset_version": frozen(cast.workspace, "other"), "heldout_loss_se": 0.01}
    other = finished(cast, tmp_path, heldout_loss=1.4, **elsewhere)
    assert best([here, other], "held-out loss") == []
    assert "different held-out data" in page(cast, here, other).content.decode()


def test_a_run_under_an_alarm_is_never_the_best(cast: Cast, tmp_path: Path) -> None:
    base = make_model(cast.workspace, tmp_path)
    reward = make_model(cast.workspace, tmp_path, "reward", base_model=base)
    alarm = {"step": 8, "kind": "length", "reason": "The answers became longer.", "hint": ""}
    runs = [make_run(cast.workspace, "ppo", base_model=base, reward_model=reward) for _ in range(2)]
    finish(runs[0], tmp_path, heldout_reward_gain=1.0, heldout_reward_gain_se=0.1)
    finish(runs[1], tmp_path, alarms=[alarm], heldout_reward_gain=9.0, heldout_reward_gain_se=0.1)
    assert best(runs, "gain in held-out reward") == []


def test_only_the_settings_that_differ_are_shown_first(cast: Cast) -> None:
    one = make_run(cast.workspace, config_values={"steps": 10, "layers": 2})
    other = make_run(cast.workspace, "pretrain", config_values={"steps": 20, "layers": 2})
    found = compared([one, other])
    assert [(row.label, row.values) for row in found.differing] == [("Steps", ["10", "20"])]
    assert len(found.settings) == len(one.config)


def test_the_figures_that_say_how_good_a_model_is_stand_before_those_of_its_making(
    cast: Cast, tmp_path: Path
) -> None:
    runs = [finished(cast, tmp_path, heldout_loss=loss, seconds=3.0, parameters=7.0) for loss in (1.9, 1.8)]
    for run in runs:
        run.refresh_from_db()
    found = compared(runs)
    assert [row.label for row in found.main] == ["held-out loss"]
    assert {row.label for row in found.rest} == {"seconds", "parameters"}
    assert "2 more figures" in page(cast, *runs).content.decode()


def test_what_one_run_alone_has_stands_apart(cast: Cast, tmp_path: Path) -> None:
    base = finished(cast, tmp_path, heldout_loss=1.9, seconds=3.0)
    model = make_model(cast.workspace, tmp_path)
    reward = finished(cast, tmp_path, "reward", base_model=model, heldout_accuracy=0.7, seconds=4.0)
    for run in (base, reward):
        run.refresh_from_db()
    found = compared([base, reward])
    assert [row.label for row in found.shared] == ["seconds"]
    assert {row.label for row in found.lone} == {"held-out loss", "held-out accuracy"}
    assert {"Context length", "Vocabulary size"}.isdisjoint(row.label for row in found.differing)
    assert "2 figures of one run only" in page(cast, base, reward).content.decode()


def test_runs_of_one_name_are_told_apart(cast: Cast, tmp_path: Path) -> None:
    one, other = finished(cast, tmp_path, name="base"), make_run(cast.workspace, name="base")
    one.refresh_from_db()
    assert compared([one, other]).labels == ["base v1", "base (2)"]


@pytest.mark.parametrize("count", [0, 1, 6])
def test_too_few_and_too_many_runs_are_refused_with_the_numbers(cast: Cast, count: int) -> None:
    runs = [make_run(cast.workspace) for _ in range(count)]
    answer = page(cast, *runs)
    assert answer.status_code == 400
    assert "Choose 2 to 5 runs" in answer.content.decode()


def test_a_run_that_is_named_twice_counts_once(cast: Cast) -> None:
    run = make_run(cast.workspace)
    assert page(cast, run, run).status_code == 400


def test_bad_ids_and_runs_of_others_are_refused(cast: Cast) -> None:
    run, theirs = make_run(cast.workspace), make_run(cast.charlie.workspace)
    client = cast.client(cast.rita)
    assert client.get(f"/w/acme/runs/compare/?run={run.uid}&run=1").status_code == 400
    assert client.get(f"/w/acme/runs/compare/?run={run.uid}&run={uuid7()}").status_code == 404
    assert page(cast, run, theirs).status_code == 404
    assert page(cast, run, make_run(cast.workspace), extra="1").status_code == 400


def test_five_runs_cost_as_many_queries_as_two(cast: Cast, tmp_path: Path) -> None:
    runs = [finished(cast, tmp_path, heldout_loss=1.0 + number) for number in range(5)]

    def cost(count: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert page(cast, *runs[:count]).status_code == 200
        return len(queries)

    page(cast, *runs[:2])
    assert cost(5) == cost(2)

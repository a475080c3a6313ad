"""What the pages of runs and models tell beside the figures: filters, samples, settings, time, next steps."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Job
from production.deployments import deploy
from tests.conftest import Cast
from tests.training.registered import finish, make_model, make_run
from training.models import RunMetric, RunSample, TrainingRun
from training.run_times import time_left
from training.sparklines import points_of, sparklines


def page(cast: Cast, path: str, who: Any = None) -> Any:
    return cast.client(who or cast.alice).get(f"/w/acme/{path}")


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content.decode()[:2000]
    return str(response.content.decode())


def names_of(response: Any) -> list[str]:
    return [row.run.name for row in response.context["rows"]]


def wrote(run: TrainingRun, step: int, position: int, prompt: str, response: str, score: float = 0.0) -> None:
    values = {"prompt": prompt, "response": response, "score": score}
    RunSample.objects.create(run=run, step=step, position=position, values=values)


def test_runs_are_narrowed_by_stage_and_by_state(cast: Cast, tmp_path: Path) -> None:
    make_model(cast.workspace, tmp_path, "sft", name="tuned")
    make_run(cast.workspace, name="waiting")
    assert names_of(page(cast, "runs/?stage=sft")) == ["tuned"]
    assert names_of(page(cast, "runs/?stage=pretrain&state=queued")) == ["waiting"]
    assert names_of(page(cast, "runs/?state=succeeded")) == ["tuned", "a pretrain"]
    assert "No such runs" in text_of(page(cast, "runs/?stage=ppo"))
    for wrong in ("stage=dance", "state=lost", "stages=sft"):
        assert page(cast, f"runs/?{wrong}").status_code == 400


def test_a_row_shows_the_main_figure_and_the_course(cast: Cast, tmp_path: Path) -> None:
    run = make_run(cast.workspace)
    for step in range(40):
        RunMetric.objects.create(run=run, step=step, values={"loss": 40.0 - step})
    finish(run, tmp_path, heldout_loss=1.25)
    found = text_of(page(cast, "runs/"))
    assert "1.25" in found
    assert '<polyline points="2.0,2.0 ' in found


def test_sparklines_of_many_runs_are_one_query(cast: Cast) -> None:
    runs = [make_run(cast.workspace) for _ in range(3)]
    for run in runs[:2]:
        RunMetric.objects.create(run=run, step=0, values={"loss": 2.0})
        RunMetric.objects.create(run=run, step=900, values={"loss": 1.0, "grad_norm": 3.0})
    with CaptureQueriesContext(connection) as queries:
        drawn = sparklines(runs)
    assert len(queries) == 1
    assert drawn == {run.pk: "2.0,2.0 94.0,22.0" for run in runs[:2]}
    assert points_of([3.0, 3.0]) == "2.0,12.0 94.0,12.0"


def test_time_left_is_told_once_the_speed_says_something() -> None:
    now = timezone.now()
    running = Job(state=Job.State.RUNNING, started_at=now - timedelta(minutes=10), progress=0.25)
    left = time_left(running)
    assert left is not None
    assert round(left.total_seconds() / 60) == 30
    assert time_left(Job(state=Job.State.RUNNING, started_at=now, progress=0.01)) is None
    assert time_left(Job(state=Job.State.SUCCEEDED, started_at=now, progress=1.0)) is None


def test_samples_of_one_prompt_stand_in_one_row_and_the_others_by_rising_score(cast: Cast) -> None:
    run = make_run(cast.workspace)
    for step, answer in ((4, "No."), (8, "Maybe."), (12, "Yes, of course."), (16, "Yes.")):
        wrote(run, step, 0, "Shall I?", answer)
        wrote(run, step, 1, f"Prompt {step} a", "high", 2.0)
        wrote(run, step, 2, f"Prompt {step} b", "low", -2.0)
    samples = page(cast, f"runs/{run.uid}/").context["samples"]
    assert samples.chosen == [4, 12, 16]
    same, low, high = samples.rows
    assert (same.prompt, [cell.response for _step, cell in same.cells]) == (
        "Shall I?",
        ["No.", "Yes, of course.", "Yes."],
    )
    assert [cell.response for _step, cell in low.cells] == ["low"] * 3
    assert [cell.prompt for _step, cell in high.cells] == [f"Prompt {step} a" for step in (4, 12, 16)]


def test_the_steps_shown_first_are_those_that_answer_the_same_prompts(cast: Cast) -> None:
    run = make_run(cast.workspace)
    for step in range(0, 28, 4):
        wrote(run, step, 0, f"Prompt {step}", "by chance")
        if step % 8 == 0:
            wrote(run, step, 1, "Shall I?", "Yes.")
    assert page(cast, f"runs/{run.uid}/").context["samples"].chosen == [0, 16, 24]
    other = make_run(cast.workspace)
    for step in range(0, 20, 4):
        wrote(other, step, 0, f"Prompt {step}", "by chance")
    assert page(cast, f"runs/{other.uid}/").context["samples"].chosen == [0, 8, 16]


def test_a_model_shows_what_the_kept_update_wrote_and_in_that_order(cast: Cast, tmp_path: Path) -> None:
    model = make_model(cast.workspace, tmp_path, "ppo")
    run = model.made_by
    for step in (4, 8, 12):
        for position, score in enumerate((-1.0, 2.0)):
            wrote(run, step, position, f"Prompt {position}", f"Written at {step}", score)

    def shown() -> list[tuple[int, float | None]]:
        samples = page(cast, f"models/{model.uid}/").context["samples"]
        return [(sample.step, sample.cell.score) for sample in samples]

    assert shown() == [(12, -1.0), (12, 2.0)]
    TrainingRun.objects.filter(pk=run.pk).update(result={"metrics": {"best_update": 11}})
    assert shown() == [(8, -1.0), (8, 2.0)]
    TrainingRun.objects.filter(pk=run.pk).update(result={"metrics": {"best_update": 0}})
    assert shown() == []


def test_two_steps_are_compared_word_by_word(cast: Cast) -> None:
    run = make_run(cast.workspace)
    wrote(run, 4, 0, "Why?", "It is an old box.")
    wrote(run, 8, 0, "Why?", "It is a new box.")
    found = text_of(page(cast, f"runs/{run.uid}/?old=4&new=8"))
    assert "<del" in found
    assert "<ins" in found
    for wrong in ("old=5", "old=x", "before=4"):
        assert page(cast, f"runs/{run.uid}/?{wrong}").status_code == 400


def test_the_page_names_the_settings_that_differ_from_their_defaults(cast: Cast) -> None:
    run = make_run(cast.workspace, config_values={"steps": 7, "learning_rate": 0.5})
    changed = page(cast, f"runs/{run.uid}/").context["changed"]
    assert [(row.label, row.value, row.default) for row in changed] == [
        ("Steps", "7", "300"),
        ("Learning rate", "0.5", "0.003"),
    ]


def test_a_run_is_repeated_with_its_own_settings_and_parts(cast: Cast, tmp_path: Path) -> None:
    base = make_model(cast.workspace, tmp_path)
    run = make_run(cast.workspace, "sft", base_model=base, name="tuned", config_values={"steps": 33})
    Job.objects.filter(pk=run.job_id).update(state=Job.State.FAILED, ended_at=timezone.now())
    address = f"runs/new/sft/?run={run.uid}"
    assert f"/w/acme/{address}" in text_of(page(cast, f"runs/{run.uid}/"))
    form = page(cast, address).context["form"]
    assert (form["set-steps"].value(), form["name"].value()) == (33, "tuned")
    assert form["base_model"].value() == str(base.uid)
    theirs = make_run(cast.charlie.workspace)
    assert page(cast, f"runs/new/sft/?run={theirs.uid}").status_code == 404
    assert page(cast, "runs/new/sft/?run=1").status_code == 400


def test_the_form_tells_unit_default_and_range(cast: Cast) -> None:
    make_run(cast.workspace)
    found = text_of(page(cast, "runs/new/pretrain/"))
    assert "Default 256 · 16 to 131,072" in found
    assert "(tokens)" in found


def test_models_stand_by_name_with_their_versions_and_where_they_answer(cast: Cast, tmp_path: Path) -> None:
    first = make_model(cast.workspace, tmp_path, name="base")
    make_model(cast.workspace, tmp_path, "sft", base_model=first, name="tuned")
    make_model(cast.workspace, tmp_path, name="base")
    deploy(workspace=cast.workspace, by=cast.alice, model=first, name="assistant")
    listed = page(cast, "models/")
    groups = [[str(row.model) for row in rows] for rows in listed.context["groups"]]
    assert groups == [["base v2", "base v1"], ["tuned v1"]]
    assert text_of(listed).count(">assistant<") == 1
    assert "assistant" in text_of(page(cast, f"models/{first.uid}/"))
    assert "tuned" not in text_of(page(cast, "models/?stage=pretrain"))
    assert page(cast, "models/?stage=x").status_code == 400


@pytest.mark.parametrize(
    ("stage", "label"), [("pretrain", "Fine-tune"), ("sft", "Train a reward model"), ("ppo", "Deploy")]
)
def test_the_main_action_of_a_model_is_the_next_stage(
    cast: Cast, tmp_path: Path, stage: str, label: str
) -> None:
    model = make_model(cast.workspace, tmp_path, stage)
    steps = page(cast, f"models/{model.uid}/").context["next_steps"]
    assert steps[0].label.startswith(label)
    assert page(cast, f"models/{model.uid}/", cast.rita).context["next_steps"] == []


def test_a_job_links_to_what_it_is_about(cast: Cast) -> None:
    run = make_run(cast.workspace)
    for path in ("jobs/", f"jobs/{run.job.uid}/"):
        assert f'href="/w/acme/runs/{run.uid}/"' in text_of(page(cast, path))
    assert "The log begins when a worker takes the job" in text_of(page(cast, f"jobs/{run.job.uid}/"))


def test_a_single_prompt_is_shown_without_the_role_that_the_engine_writes_before_it(cast: Cast) -> None:
    run = make_run(cast.workspace)
    wrote(run, 4, 0, "user: Shall I?", "Yes.", -1.5)
    wrote(run, 4, 1, "user: Shall I?\n\nassistant: No.\n\nuser: Why?", "Because.", 2.0)
    shown = page(cast, f"runs/{run.uid}/")
    low, high = [row.cells[0][1] for row in shown.context["samples"].rows]
    assert low.prompt == "Shall I?"
    assert high.prompt.startswith("user: Shall I?")
    assert "score −1.50" in shown.content.decode()

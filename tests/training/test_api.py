"""Runs and models over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import Membership
from core.ids import uuid7
from jobs.models import Job
from tests.conftest import Cast
from tests.training.registered import finish, frozen, make_model, make_run
from training.models import RunMetric, TrainingRun


def create(cast: Cast, who: Membership, *, key: str = "", **body: Any) -> Any:
    body = {"stage": "pretrain", "dataset_version": str(frozen(cast.workspace).uid)} | body
    headers = {"Idempotency-Key": key} if key else {}
    return cast.api(who).post("/api/v1/runs/", body, format="json", headers=headers)


def read(cast: Cast, who: Membership, path: str) -> Any:
    return cast.api(who).get(f"/api/v1/{path}")


def test_a_run_is_started_read_and_cancelled(cast: Cast) -> None:
    answer = create(cast, cast.alice, name="by api", config={"steps": 9})
    assert answer.status_code == 201
    body = answer.json()
    run = TrainingRun.objects.get(uid=body["uid"])
    assert (body["state"], body["model"], body["base_model"], body["config"]["steps"]) == (
        "queued",
        None,
        None,
        9,
    )
    assert body["dataset_version"] == str(run.dataset_version.uid)
    assert read(cast, cast.rita, f"runs/{run.uid}/").json() == body
    cancelled = cast.api(cast.alice).post(f"/api/v1/runs/{run.uid}/cancel/")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")


def test_a_refused_run_names_every_field(cast: Cast) -> None:
    answer = create(cast, cast.alice, stage="reward", config={"steps": "9", "speed": 2})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid"
    assert error["fields"].keys() == {"base_model", "steps", "speed"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stage": "dance"}, "stage"),
        ({"dataset_version": "one"}, "dataset_version"),
        ({"dataset_version": None}, "dataset_version"),
        ({"dataset_version": str(uuid7())}, "dataset_version"),
        ({"base_model": str(uuid7())}, "base_model"),
        ({"config": [1]}, "config"),
        ({"name": "x" * 121}, "name"),
    ],
)
def test_a_wrong_part_is_named(cast: Cast, body: dict[str, Any], field: str) -> None:
    answer = create(cast, cast.alice, **body)
    assert answer.status_code == 422
    assert field in answer.json()["error"]["fields"]
    assert not TrainingRun.objects.exists()


def test_data_of_another_workspace_does_not_exist(cast: Cast) -> None:
    theirs = frozen(cast.charlie.workspace)
    answer = create(cast, cast.alice, dataset_version=str(theirs.uid))
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["dataset_version"])


def test_a_repeated_request_starts_one_run(cast: Cast) -> None:
    first, second = create(cast, cast.alice, key="once"), create(cast, cast.alice, key="once")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert TrainingRun.objects.count() == Job.objects.count() == 1
    assert create(cast, cast.alice, key="once", name="other").status_code == 409


def test_only_admins_start_and_cancel(cast: Cast) -> None:
    assert [create(cast, who).status_code for who in (cast.rita, cast.bob)] == [403, 403]
    run = make_run(cast.workspace)
    path = f"/api/v1/runs/{run.uid}/cancel/"
    assert [cast.api(who).post(path).status_code for who in (cast.rita, cast.bob, cast.charlie)] == [
        403,
        403,
        404,
    ]
    assert Job.objects.get(pk=run.job_id).state == Job.State.QUEUED


def test_metrics_are_read_from_a_step_on(cast: Cast) -> None:
    run = make_run(cast.workspace)
    for step in (1, 2, 3):
        RunMetric.objects.create(run=run, step=step, values={"loss": 3.0 / step})
    assert read(cast, cast.rita, f"runs/{run.uid}/metrics/?after=1").json() == {
        "run": str(run.uid), "state": "queued", "attempt": 0, "total": 2, "kept": "all",
        "series": {"loss": {"steps": [2, 3], "values": [1.5, 1.0]}}, "next": 3,
    }  # fmt: skip
    assert read(cast, cast.rita, f"runs/{run.uid}/metrics/?after=one").status_code == 400


def test_a_model_is_read_with_its_manifest_and_its_run(cast: Cast, tmp_path: Path) -> None:
    run = make_run(cast.workspace)
    model = finish(run, tmp_path)
    body = read(cast, cast.rita, f"models/{model.uid}/").json()
    assert (body["run"], body["stage"], body["sha256"]) == (str(run.uid), "pretrain", model.sha256)
    assert body["manifest"]["files"] == model.manifest["files"]
    assert body["metrics"] == {"heldout_loss": 1.5}
    assert read(cast, cast.rita, f"runs/{run.uid}/").json()["model"] == str(model.uid)


@pytest.mark.parametrize("path", ["runs/", "models/", "dataset-versions/"])
def test_lists_are_newest_first_and_refuse_unknown_parameters(cast: Cast, tmp_path: Path, path: str) -> None:
    for number in range(2):
        data = frozen(cast.workspace, f"d{number}")
        make_model(cast.workspace, tmp_path, name=f"m{number}", dataset_version=data)
    body = read(cast, cast.rita, path).json()
    assert [row["name"][-1] for row in body["results"]] == ["1", "0"]
    assert body["next"] is None
    assert read(cast, cast.rita, f"{path}?page=2").status_code == 400
    assert read(cast, cast.bob, path).status_code == 403
    assert read(cast, cast.charlie, path).json()["results"] == []


@pytest.mark.parametrize(
    "path", ["runs/{run}/", "runs/{run}/metrics/", "models/{model}/", "dataset-versions/{data}/"]
)
def test_each_object_is_for_reviewers_of_its_workspace(cast: Cast, tmp_path: Path, path: str) -> None:
    model = make_model(cast.workspace, tmp_path)
    path = path.format(run=model.made_by.uid, model=model.uid, data=model.made_by.dataset_version.uid)
    people = (cast.alice, cast.rita, cast.bob, cast.charlie)
    assert [read(cast, who, path).status_code for who in people] == [200, 200, 403, 404]


def test_the_schema_names_every_route_of_data_runs_and_models(cast: Cast) -> None:
    paths = read(cast, cast.bob, "schema/").json()["paths"]
    for route in (
        "dataset-versions/", "dataset-versions/{uid}/", "dataset-versions/{uid}/rows/", "runs/",
        "runs/{uid}/", "runs/{uid}/cancel/", "runs/{uid}/metrics/", "models/", "models/{uid}/",
    ):  # fmt: skip
        assert f"/api/v1/{route}" in paths
    assert paths["/api/v1/runs/"]["post"]["responses"].keys() >= {"201"}

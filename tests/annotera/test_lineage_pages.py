"""The lineage page and its twin over HTTP: from sources and annotators down to what a model wrote."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import Project
from corpus import versions
from corpus.erasing import Search, erase_from_versions
from corpus.models import DatasetVersion
from production.deployments import deploy
from production.models import Deployment, Output
from tests.annotation.worlds import make_project
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair, source_parent
from tests.production.made import make_output
from tests.training.registered import make_model
from training.models import ModelVersion


class Line:
    """A project's judgements, a version of them, a model, its deployment and an output."""

    def __init__(self, cast: Cast, directory: Path) -> None:
        self.project: Project = make_project(cast)
        rows = [
            pair(number)
            | {"annotator": f"person-{number % 4}", "subject_key": "a" * 64 if number == 3 else None}
            for number in range(40)
        ]
        parents = [
            source_parent(),
            versions.Parent(kind="project", uid=self.project.uid, role="annotations"),
        ]
        self.version: DatasetVersion = freeze(cast.workspace, rows=rows, parents=parents)
        self.model: ModelVersion = make_model(cast.workspace, directory, dataset_version=self.version)
        self.deployment: Deployment = deploy(
            workspace=cast.workspace, by=cast.alice, model=self.model, name="helper"
        )
        self.output: Output = make_output(self.deployment)


@pytest.fixture
def line(cast: Cast, tmp_path: Path) -> Line:
    return Line(cast, tmp_path)


def page(cast: Cast, kind: str, uid: object) -> str:
    answer = cast.client(cast.rita).get(f"/w/acme/lineage/{kind}/{uid}/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def asked(cast: Cast, kind: str, uid: object) -> dict[str, Any]:
    folder = {"dataset_version": "dataset-versions", "model_version": "models"}[kind]
    answer = cast.api(cast.rita).get(f"/api/v1/{folder}/{uid}/lineage/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("start", ["version", "model"])
def test_it_leads_from_sources_and_annotators_to_models_and_outputs(
    cast: Cast, line: Line, start: str
) -> None:
    found = page(
        cast, f"{start}_version".replace("version_version", "dataset_version"), getattr(line, start).uid
    )
    for words in ("Helpfulness", "person-0, person-1 and 2 more", "helper", "1 output"):
        assert words in found, words
    assert "<svg" in found and found.count('class="lineage-box"') == 7


def test_the_same_over_http(cast: Cast, line: Line) -> None:
    found = asked(cast, "model_version", line.model.uid)
    assert sorted(node["kind"] for node in found["nodes"]) == [
        "annotators",
        "dataset_version",
        "deployment",
        "model_version",
        "outputs",
        "project",
        "source",
    ]
    assert found["annotators"] == [{"annotator": f"person-{number}", "rows": 10} for number in range(4)]
    assert found["is_complete"] is True
    keys = {(node["kind"], node["uid"]) for node in found["nodes"]}
    for edge in found["edges"]:
        assert (edge["parent_kind"], edge["parent_uid"]) in keys
        assert (edge["child_kind"], edge["child_uid"]) in keys


def test_names_of_people_are_not_in_it(cast: Cast, line: Line) -> None:
    found = page(cast, "model_version", line.model.uid)
    assert "Bob" not in found and "bob@example.org" not in found


def test_after_an_erasure_it_says_what_was_redacted_and_that_it_is_not_everything(
    cast: Cast, line: Line
) -> None:
    erase_from_versions(Search(workspace=cast.workspace, keys=["a" * 64]))
    found = page(cast, "model_version", line.model.uid)
    assert "redacted; what is left: boxes v2" in found
    assert "This is not everything" in found
    assert asked(cast, "model_version", line.model.uid)["is_complete"] is False


def test_a_version_that_nothing_was_made_from_says_what_to_do(cast: Cast) -> None:
    found = page(cast, "dataset_version", freeze(cast.workspace).uid)
    assert "No parents are recorded." in found
    assert "Nothing was made from it yet." in found
    assert '<svg class="lineage-picture"' not in found


def test_other_kinds_and_ids_are_not_found(cast: Cast, line: Line) -> None:
    for kind, uid in [
        ("project", line.project.uid),
        ("dataset_version", line.model.uid),
        ("x", line.model.uid),
    ]:
        assert cast.client(cast.rita).get(f"/w/acme/lineage/{kind}/{uid}/").status_code == 404
    for folder, uid in [("dataset-versions", line.model.uid), ("models", line.version.uid)]:
        assert cast.api(cast.rita).get(f"/api/v1/{folder}/{uid}/lineage/").status_code == 404


def test_hostile_names_stay_text(cast: Cast, tmp_path: Path) -> None:
    version = freeze(cast.workspace, name="</title><script>alert(1)</script>")
    model = make_model(cast.workspace, tmp_path, dataset_version=version, name='"><svg onload=x>')
    found = page(cast, "model_version", model.uid)
    assert "<script>alert" not in found and "<svg onload" not in found


def test_the_page_costs_the_same_however_much_was_made(cast: Cast, tmp_path: Path) -> None:
    def cost(models: int, name: str) -> int:
        version = freeze(cast.workspace, name=name, parents=[source_parent()])
        for number in range(models):
            make_model(cast.workspace, tmp_path, dataset_version=version, name=f"{name} {number}")
        with CaptureQueriesContext(connection) as queries:
            page(cast, "dataset_version", version.uid)
        return len(queries)

    assert cost(2, "few") == cost(12, "many")

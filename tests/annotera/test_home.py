from pathlib import Path

import pytest
from django.urls import reverse

from annotation.models import Project, Standing
from annotera.pipeline import KNOWN
from qa.models import GoldScore
from tests.conftest import Cast
from tests.training.alarmed import LENGTH, keep, ppo_run

QUERIES = 24


def open_home(cast: Cast, membership) -> str:
    response = cast.client(membership).get(reverse("workspace-home", args=["acme"]))
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_workspace_tells_the_admin_to_make_a_project(cast: Cast):
    html = open_home(cast, cast.alice)
    assert "No project is open" in html
    assert reverse("project-new", args=["acme"]) in html
    for known in KNOWN:
        assert str(known.name) in html


def test_an_annotator_sees_projects_but_no_runs_or_models(cast: Cast):
    Project.objects.create(workspace=cast.workspace, name="Harmless")
    html = open_home(cast, cast.bob)
    assert "Harmless" in html
    assert "Not started" in html
    assert reverse("runs", args=["acme"]) not in html
    assert reverse("pipeline", args=["acme"]) not in html
    assert "pipeline-strip" not in html


def test_the_next_step_of_the_pipeline_is_there_with_its_link(cast: Cast):
    project = Project.objects.create(workspace=cast.workspace, name="Harmless")
    GoldScore.objects.create(workspace=cast.workspace, project=project, membership=cast.bob, verdict="failed")
    Standing.objects.create(workspace=cast.workspace, project=project, membership=cast.bob, submitted_count=9)
    html = open_home(cast, cast.rita)
    assert "Next, in stage 7" in html
    assert f'href="{reverse("project-quality", args=["acme", project.uid])}">A person was paused' in html


@pytest.mark.parametrize("count", [2, 19])
def test_the_home_costs_the_same_with_many_projects(cast: Cast, django_assert_num_queries, count: int):
    for number in range(count):
        Project.objects.create(workspace=cast.workspace, name=f"Project {number}")
    client = cast.client(cast.alice)
    client.get(reverse("workspace-home", args=["acme"]))
    with django_assert_num_queries(QUERIES):
        client.get(reverse("workspace-home", args=["acme"]))


def test_a_policy_under_an_alarm_is_the_next_step_and_marked_in_the_list(cast: Cast, tmp_path: Path):
    keep(ppo_run(cast.workspace, tmp_path), tmp_path, LENGTH)
    html = open_home(cast, cast.rita)
    assert html.count("hacking suspected") == 1
    assert "Reward hacking is suspected" in html


def test_another_workspace_does_not_exist(cast: Cast):
    response = cast.client(cast.charlie).get(reverse("workspace-home", args=["acme"]))
    assert response.status_code == 404

from pathlib import Path

import pytest
from django.urls import reverse

from annotation.models import Project, Task
from tests.conftest import Cast
from tests.training.alarmed import LENGTH, keep, ppo_run


def open_home(cast: Cast, membership) -> str:
    response = cast.client(membership).get(reverse("workspace-home", args=["acme"]))
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_workspace_tells_the_admin_to_make_a_project(cast: Cast):
    html = open_home(cast, cast.alice)
    assert "No project is open" in html
    assert "import tasks" in html
    assert reverse("project-new", args=["acme"]) in html


def test_an_annotator_sees_projects_but_no_runs_or_models(cast: Cast):
    Project.objects.create(workspace=cast.workspace, name="Harmless")
    html = open_home(cast, cast.bob)
    assert "Harmless" in html
    assert "Not started" in html
    assert reverse("runs", args=["acme"]) not in html
    assert "From preferences to a model" not in html


def test_the_next_step_after_the_tasks_is_to_freeze(cast: Cast):
    project = Project.objects.create(workspace=cast.workspace, name="Harmless")
    Task.objects.create(workspace=cast.workspace, project=project, overlap=1, open_slots=1)
    assert "freeze a project" in open_home(cast, cast.rita)


@pytest.mark.parametrize("count", [2, 19])
def test_the_home_costs_the_same_with_many_projects(cast: Cast, django_assert_num_queries, count: int):
    for number in range(count):
        Project.objects.create(workspace=cast.workspace, name=f"Project {number}")
    client = cast.client(cast.alice)
    client.get(reverse("workspace-home", args=["acme"]))
    with django_assert_num_queries(11):
        client.get(reverse("workspace-home", args=["acme"]))


def test_a_policy_under_an_alarm_is_marked_at_its_station_and_in_the_list(cast: Cast, tmp_path: Path):
    keep(ppo_run(cast.workspace, tmp_path), tmp_path, LENGTH)
    assert open_home(cast, cast.rita).count("hacking suspected") == 2


def test_another_workspace_does_not_exist(cast: Cast):
    response = cast.client(cast.charlie).get(reverse("workspace-home", args=["acme"]))
    assert response.status_code == 404

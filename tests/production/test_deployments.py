"""Deploying: a name, a model of this workspace that writes, one at a time under a name."""

from functools import partial

import pytest

from accounts.models import AuditEvent
from core.errors import Invalid
from production.deployments import MOST_ACTIVE, DeploymentRefused, TooManyDeployed, deploy, retire
from production.models import Deployment
from tests.annotation.test_concurrency import at_once
from tests.conftest import Cast
from tests.training.registered import make_model


def test_a_deployment_is_active_and_written_into_the_audit(cast: Cast, deployment: Deployment) -> None:
    assert (deployment.name, deployment.state, deployment.ready_at) == ("assistant", "active", None)
    event = AuditEvent.objects.get(kind="deployed")
    assert (event.object_uid, event.membership) == (deployment.uid, cast.alice)


def test_the_same_model_under_the_same_name_again_changes_nothing(cast: Cast, deployment: Deployment) -> None:
    again = deploy(workspace=cast.workspace, by=cast.alice, model=deployment.model, name=" assistant ")
    assert again == deployment
    assert AuditEvent.objects.filter(kind="deployed").count() == 1


def test_another_model_under_the_same_name_retires_the_first(
    cast: Cast, deployment: Deployment, tmp_path
) -> None:
    other = make_model(cast.workspace, tmp_path, "sft")
    second = deploy(workspace=cast.workspace, by=cast.alice, model=other, name="assistant")
    deployment.refresh_from_db()
    assert (deployment.state, second.state) == ("retired", "active")
    assert deployment.retired_at is not None


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines", "a\x00b", "\ud800", "\u202eturned"])
def test_a_name_that_is_no_name_is_refused(cast: Cast, model, name: str) -> None:
    with pytest.raises(DeploymentRefused) as refusal:
        deploy(workspace=cast.workspace, by=cast.alice, model=model, name=name)
    assert list(refusal.value.fields) == ["name"]
    assert not Deployment.objects.exists()


def test_a_reward_model_is_refused(cast: Cast, tmp_path) -> None:
    with pytest.raises(Invalid) as refusal:
        deploy(
            workspace=cast.workspace,
            by=cast.alice,
            model=make_model(cast.workspace, tmp_path, "reward"),
            name="judge",
        )
    assert list(refusal.value.fields) == ["model"]


def test_the_model_of_another_workspace_is_refused(cast: Cast, model) -> None:
    with pytest.raises(DeploymentRefused):
        deploy(workspace=cast.charlie.workspace, by=cast.charlie, model=model, name="stolen")


def test_more_than_a_machine_holds_are_refused_and_retiring_makes_room(cast: Cast, model) -> None:
    deployed = [
        deploy(workspace=cast.workspace, by=cast.alice, model=model, name=f"name {number}")
        for number in range(MOST_ACTIVE)
    ]
    with pytest.raises(TooManyDeployed):
        deploy(workspace=cast.workspace, by=cast.alice, model=model, name="one more")
    retire(deployment=deployed[0], by=cast.alice)
    retire(deployment=deployed[0], by=cast.alice)
    assert AuditEvent.objects.filter(kind="retired").count() == 1
    assert deploy(workspace=cast.workspace, by=cast.alice, model=model, name="one more")


def test_of_several_at_once_under_one_name_one_answers(committed_cast: Cast, tmp_path) -> None:
    workspace = committed_cast.workspace
    models = [make_model(workspace, tmp_path, name=f"model {number}") for number in range(4)]
    acts = [partial(deploy, workspace=workspace, by=None, model=model, name="assistant") for model in models]
    made = at_once(*acts)
    assert all(isinstance(one, Deployment) for one in made)
    assert Deployment.objects.filter(state="active").count() == 1
    assert Deployment.objects.count() == 4

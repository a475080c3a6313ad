"""Giving a model a name under which it answers, and taking it away again."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership, Workspace
from core.errors import Conflict, Invalid
from core.text import is_one_line, refusal
from production.models import Deployment
from training.models import ModelVersion, Stage

LONGEST_NAME = 60
# Each is a process that holds a model in memory.
MOST_ACTIVE = 4


class DeploymentRefused(Invalid):
    """The name or the model does not do; `fields` names what to mend."""


class TooManyDeployed(Conflict):
    code = "too_many_deployed"


@transaction.atomic
def deploy(*, workspace: Workspace, by: Membership | None, model: ModelVersion, name: str) -> Deployment:
    """Let a language model answer under this name; what answered under it before is retired.

    The same model under the same name again changes nothing. The inference process loads it within seconds.
    Raises DeploymentRefused for a bad name, a reward model or a foreign model, TooManyDeployed beyond four.
    """
    name = checked_name(name)
    _check_model(workspace, model)
    # Two at once with one name follow one another.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    active = Deployment.objects.filter(workspace=workspace, state=Deployment.State.ACTIVE)
    before = active.filter(name=name).first()
    if before is not None and before.model_id == model.pk:
        return before
    if before is not None:
        _end(before, by=by)
    elif active.count() >= MOST_ACTIVE:
        message = _("At most %(most)d models can answer at a time: retire one first.")
        raise TooManyDeployed(message % {"most": MOST_ACTIVE})
    deployment = Deployment.objects.create(workspace=workspace, name=name, model=model, created_by=by)
    record(
        kind=AuditEvent.Kind.DEPLOYED,
        workspace=workspace,
        membership=by,
        object_kind="deployment",
        object_uid=deployment.uid,
        name=name,
        model=str(model.uid),
    )
    return deployment


def checked_name(name: str) -> str:
    name = name.strip()
    reason = refusal(name)
    if not name:
        reason = _("Give it a name.")
    elif len(name) > LONGEST_NAME:
        reason = _("A name has at most %(most)d characters.") % {"most": LONGEST_NAME}
    elif not reason and not is_one_line(name):
        reason = _("A name is one line of text.")
    if reason:
        raise DeploymentRefused(reason, fields={"name": reason})
    return name


def _check_model(workspace: Workspace, model: ModelVersion) -> None:
    reason = ""
    if model.workspace_id != workspace.pk:
        reason = _("There is no such model in this workspace.")
    elif model.stage == Stage.REWARD:
        reason = _("A reward model gives scores and writes no answers: choose a language model.")
    if reason:
        raise DeploymentRefused(reason, fields={"model": reason})


@transaction.atomic
def retire(*, deployment: Deployment, by: Membership | None) -> Deployment:
    """Let it answer no more; its outputs stay. Repeating it changes nothing."""
    locked = Deployment.objects.select_for_update(of=("self",), no_key=True).get(pk=deployment.pk)
    if locked.state == Deployment.State.ACTIVE:
        _end(locked, by=by)
    return locked


def _end(deployment: Deployment, *, by: Membership | None) -> None:
    deployment.state = Deployment.State.RETIRED
    deployment.retired_at = timezone.now()
    deployment.ready_at = None
    deployment.save(update_fields=["state", "retired_at", "ready_at"])
    record(
        kind=AuditEvent.Kind.RETIRED,
        workspace=deployment.workspace,
        membership=by,
        object_kind="deployment",
        object_uid=deployment.uid,
        name=deployment.name,
    )

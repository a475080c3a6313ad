"""Fetching with the permission inside: another workspace's deployment or output does not exist."""

import uuid
from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import NotFound
from production.models import Deployment, Output


def deployments_of(membership: Membership) -> QuerySet[Deployment]:
    found = Deployment.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related("workspace", "model", "created_by__user")


def deployment_for(*, membership: Membership, uid: uuid.UUID) -> Deployment:
    deployment = deployments_of(membership).filter(uid=uid).first()
    if deployment is None:
        raise NotFound(_("There is no such deployment in this workspace."))
    return deployment


def active_deployment_for(*, membership: Membership, name: str) -> Deployment:
    """The one that answers under this name now."""
    active = deployments_of(membership).filter(state=Deployment.State.ACTIVE)
    # A name that cannot be stored is the name of nothing, and the database would refuse to look for it.
    deployment = (
        None if "\x00" in name else active.filter(name=name.encode("utf-8", "replace").decode()).first()
    )
    if deployment is None:
        message = _("No model is deployed under this name in this workspace.")
        raise NotFound(message, fields={"deployment": message})
    return deployment


def outputs_of(membership: Membership) -> QuerySet[Output]:
    found = Output.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related("workspace", "deployment", "model", "created_by__user")


def output_for(*, membership: Membership, uid: uuid.UUID) -> Output:
    output = outputs_of(membership).filter(uid=uid).first()
    if output is None:
        raise NotFound(_("There is no such output in this workspace."))
    return output


def outputs_for(*, membership: Membership, uids: Sequence[uuid.UUID]) -> list[Output]:
    """All of these, in their order; NotFound when one of them is not in this workspace."""
    found = {output.uid: output for output in outputs_of(membership).filter(uid__in=uids)}
    missing = [uid for uid in uids if uid not in found]
    if missing:
        raise NotFound(_("There is no such output in this workspace."), fields={"outputs": str(missing[0])})
    return [found[uid] for uid in dict.fromkeys(uids)]

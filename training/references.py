"""Finding versions and models by what a person types: an id, or a name and number such as `harmless v2`."""

import re
import uuid

from django.utils.translation import gettext as _

from accounts.models import Workspace
from core.errors import NotFound
from corpus.models import DatasetVersion
from training.models import ModelVersion

NAME_AND_NUMBER = re.compile(r"\A(?P<name>.+?)\s+v(?P<number>[0-9]{1,9})\Z")


def _as_uid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def dataset_version_named(*, workspace: Workspace, text: str) -> DatasetVersion:
    """By id, by `name vN`, or the newest version of `name`; raises NotFound."""
    versions = DatasetVersion.objects.filter(workspace=workspace).select_related("dataset", "workspace")
    uid, matched = _as_uid(text), NAME_AND_NUMBER.match(text)
    if uid:
        found = versions.filter(uid=uid).first()
    elif matched:
        found = versions.filter(dataset__name=matched["name"], number=int(matched["number"])).first()
    else:
        found = versions.filter(dataset__name=text).order_by("-number").first()
    if found is None:
        raise NotFound(_("There is no dataset version “%(text)s” in this workspace.") % {"text": text[:150]})
    return found


def model_named(*, workspace: Workspace, text: str) -> ModelVersion:
    """By id, by `name vN`, or the newest version of `name`; raises NotFound."""
    models = ModelVersion.objects.filter(workspace=workspace).select_related("workspace")
    uid, matched = _as_uid(text), NAME_AND_NUMBER.match(text)
    if uid:
        found = models.filter(uid=uid).first()
    elif matched:
        found = models.filter(name=matched["name"], number=int(matched["number"])).first()
    else:
        found = models.filter(name=text).order_by("-number").first()
    if found is None:
        raise NotFound(_("There is no model “%(text)s” in this workspace.") % {"text": text[:150]})
    return found

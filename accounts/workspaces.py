"""Making workspaces. There is no page for it: whoever runs the installation decides."""

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.models import Workspace
from core.errors import Conflict, Invalid, NotFound
from core.text import check_storable

LONGEST_SLUG = 60
LONGEST_NAME = 120


@transaction.atomic
def create_workspace(*, name: str, slug: str = "") -> Workspace:
    """A new, empty workspace. Raises Invalid for an unusable name or slug, Conflict for one in use."""
    name = check_storable(name.strip(), field="name")
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(_("A workspace needs a name."), fields={"name": _("1 to 120 characters")})
    chosen = slug or slugify(name)[:LONGEST_SLUG].strip("-")
    if not chosen or chosen != slugify(chosen) or len(chosen) > LONGEST_SLUG:
        raise Invalid(
            _("A workspace needs a short name for its address: letters, digits and hyphens."),
            fields={"slug": _("1 to 60 of a-z, 0-9 and -")},
        )
    workspace, created = Workspace.objects.get_or_create(slug=chosen, defaults={"name": name})
    if not created:
        raise Conflict(_("The workspace “%(slug)s” exists already.") % {"slug": chosen})
    return workspace


def workspace_named(slug: str) -> Workspace:
    """For commands, which act on behalf of the installation; pages go through accounts.access."""
    found = Workspace.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound(_("There is no workspace “%(slug)s”.") % {"slug": slug})
    return found

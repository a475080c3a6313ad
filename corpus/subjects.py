"""Data subjects: the people whom texts are about or by, known only by a keyed hash.

What a person is called never enters the database. A source's rows name their subject, the name becomes a key,
and the key finds every row again when the person asks for erasure. The key of an erased subject stays, so
that nothing of the same person comes in again.
"""

import hashlib
import hmac
import time
import unicodedata
from collections.abc import Callable, Collection

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import Workspace
from core.errors import Invalid
from corpus.models import Erasure

LONGEST_IDENTIFIER = 500


class BadIdentifier(Invalid):
    """The identifier is empty, too long, or not text."""


class SubjectErased(Invalid):
    """The subject was erased: nothing of this person may come in again."""


def subject_key(*, workspace: Workspace, identifier: str) -> str:
    """The key of a person in a workspace: 64 hexadecimal digits. Case and space around do not count.

    Two workspaces give the same person different keys. Raises BadIdentifier.
    """
    name = _checked(identifier)
    secret = hmac.digest(_installation_secret(), b"annotera subjects 1" + workspace.uid.bytes, hashlib.sha256)
    return hmac.new(secret, name.encode("utf-8"), hashlib.sha256).hexdigest()


def _checked(identifier: str) -> str:
    name = unicodedata.normalize("NFC", identifier.strip().casefold())
    problem = ""
    if not name:
        problem = _("Name the person: the identifier that came with the data.")
    elif len(identifier) > LONGEST_IDENTIFIER:
        problem = _("An identifier has at most %(most)d characters.") % {"most": LONGEST_IDENTIFIER}
    elif not _is_text(name):
        problem = _("The identifier holds characters that are not text.")
    if problem:
        raise BadIdentifier(problem, fields={"identifier": problem})
    return name


def _is_text(name: str) -> bool:
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)


def _installation_secret() -> bytes:
    # A secret of its own outlives a change of SECRET_KEY; without one, keys hang on SECRET_KEY.
    return str(settings.SUBJECT_SECRET or settings.SECRET_KEY).encode()


def is_erased(*, workspace: Workspace, key: str) -> bool:
    """Whether erasure was asked for: it counts from the request on, before its job has run.

    Inside a transaction, an erasure that is asked for later waits for its end, so that what the caller then
    writes is found and erased. The same holds for the other functions that ask.
    """
    return bool(erased_among(workspace=workspace, keys=[key]))


def erased_keys(*, workspace: Workspace) -> set[str]:
    _hold_off_erasing(workspace)
    return set(Erasure.objects.filter(workspace=workspace).values_list("subject_key", flat=True))


def erased_among(*, workspace: Workspace, keys: Collection[str]) -> set[str]:
    if not keys:
        return set()
    _hold_off_erasing(workspace)
    found = Erasure.objects.filter(workspace=workspace, subject_key__in=keys)
    return set(found.values_list("subject_key", flat=True))


def refuse_erased(*, workspace: Workspace, key: str) -> None:
    """Raise SubjectErased for a subject that was erased."""
    if is_erased(workspace=workspace, key=key):
        message = _("This person's data was erased on request: nothing of theirs may come in again.")
        raise SubjectErased(message, fields={"subject": message})


# Any number will do, as long as nobody else locks it: the letters "eras". The second one is the workspace.
LOCK = 0x65726173
SECONDS_BETWEEN_LOOKS = 0.1


def _hold_off_erasing(workspace: Workspace) -> None:
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [LOCK, workspace.pk])


def wait_for_writers(*, workspace: Workspace, check_cancelled: Callable[[], object]) -> None:
    """Return once every transaction that asked before the erasure was recorded has ended.

    It looks again and again: a lock request that waits in line would hold up everybody behind it.
    """
    while not _nobody_writes(workspace):
        check_cancelled()
        time.sleep(SECONDS_BETWEEN_LOOKS)


@transaction.atomic
def _nobody_writes(workspace: Workspace) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])
        return bool(cursor.fetchone()[0])

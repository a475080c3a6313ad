"""Passwords that a command sets: from a file, or random."""

import secrets
from pathlib import Path

from django.utils.translation import gettext as _

from core.errors import Invalid


def password_from(path: Path | None) -> str:
    """The file's first line, or a random password without a file. Raises Invalid for an unusable file."""
    if path is None:
        return secrets.token_urlsafe(12)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(_("The password file cannot be read: %(reason)s") % {"reason": error}) from error
    if not lines:
        raise Invalid(_("The password file %(path)s is empty.") % {"path": path})
    return lines[0]

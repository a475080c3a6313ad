"""The kinds of expected failure; `core.rendering` turns each into a page, a fragment or JSON."""

from collections.abc import Mapping


class DomainError(Exception):
    """An expected failure with a message for the person who caused it.

    `fields` maps a field's name to what is wrong with it. Subclasses set the HTTP status and the code.
    """

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})

    def with_reasons(self) -> str:
        """The message and what is wrong with each field, for a terminal."""
        return " ".join([self.message, *(f"{name}: {reason}" for name, reason in self.fields.items())])


class Unreadable(DomainError):
    """The request cannot be parsed, or names a parameter that does not exist."""

    status = 400
    code = "unreadable"


class Invalid(DomainError):
    """The request is readable but refused; `fields` names what to mend."""


class Conflict(DomainError):
    """The object moved on: stale, taken over, or the same key with another body."""

    status = 409
    code = "conflict"


class Denied(DomainError):
    """The person is known and the object exists, but the role does not allow it."""

    status = 403
    code = "denied"


class NotFound(DomainError):
    """The object does not exist for this person; other workspaces' objects answer alike."""

    status = 404
    code = "not_found"


class TooLarge(DomainError):
    status = 413
    code = "too_large"


class Throttled(DomainError):
    """Too many attempts; `retry_after` is in seconds."""

    status = 429
    code = "throttled"

    def __init__(self, message: str, *, retry_after: int = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A part of the installation is down; `retry_after` is in seconds."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after

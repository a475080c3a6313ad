"""Describing a source: without a licence, an origin, a lawful basis and a collector no data comes in."""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit import record
from accounts.models import AuditEvent, Membership, Workspace
from core.errors import Conflict, Invalid
from core.text import is_one_line, refusal
from corpus.cleaning.quality import ThresholdWrong, thresholds_from
from corpus.licences import LicenceUnknown, checked_licence
from corpus.models import Source

# Article 6 of the GDPR, and what holds nobody's data.
LAWFUL_BASES = {
    "consent": gettext_lazy("Consent (Art. 6(1)(a))"),
    "contract": gettext_lazy("Contract (Art. 6(1)(b))"),
    "legal_obligation": gettext_lazy("Legal obligation (Art. 6(1)(c))"),
    "vital_interests": gettext_lazy("Vital interests (Art. 6(1)(d))"),
    "public_task": gettext_lazy("Public task (Art. 6(1)(e))"),
    "legitimate_interests": gettext_lazy("Legitimate interests (Art. 6(1)(f))"),
    "no_personal_data": gettext_lazy("Holds no personal data"),
}
LENGTHS = {"name": 120, "origin": 500, "collector": 120, "holder": 200, "consent_reference": 200}
REQUIRED = ("name", "origin", "collector")


class SourceNameTaken(Conflict):
    """Another source of the workspace has this name."""


class SourceExpired(Invalid):
    """The source may be kept no longer: nothing is taken from it any more."""


class SourceUndescribed(Invalid):
    """The source names no lawful basis or collector, so no document may come in."""


def describe_source(
    *,
    workspace: Workspace,
    by: Membership | None,
    name: str,
    licence: str,
    origin: str,
    lawful_basis: str,
    collector: str,
    holder: str = "",
    consent_reference: str = "",
    collected_on: date | str | None = None,
    retention_until: date | str | None = None,
    personal_data: str = "mask",
    filters: Mapping[str, object] | None = None,
) -> Source:
    """A source that documents may come in for. Dates are ISO dates (2026-11-22).

    Raises Invalid that names every wrong field, and SourceNameTaken.
    """
    texts = {
        "name": name,
        "origin": origin,
        "collector": collector,
        "holder": holder,
        "consent_reference": consent_reference,
    }
    problems = {field: problem for field, value in texts.items() if (problem := _text_problem(field, value))}
    choices = {"lawful_basis": (lawful_basis, LAWFUL_BASES), "personal_data": (personal_data, PERSONAL_DATA)}
    for field, (value, known) in choices.items():
        if not isinstance(value, str) or value not in known:
            problems[field] = _("Choose one of: %(choices)s.") % {"choices": ", ".join(known)}
    if lawful_basis == "consent" and "consent_reference" not in problems and not consent_reference.strip():
        problems["consent_reference"] = _("Consent needs a reference to where it is recorded.")
    checked = {
        "licence": _noted(problems, "licence", _licence, licence),
        "collected_on": _noted(problems, "collected_on", _past_day, collected_on),
        "retention_until": _noted(problems, "retention_until", _coming_day, retention_until),
        "filters": _noted(problems, "filters", _filters, filters),
    }
    if problems:
        raise Invalid(_("Some fields need mending."), fields=problems)
    values = {field: value.strip() for field, value in texts.items()}
    values |= {"lawful_basis": lawful_basis, "personal_data": personal_data}
    return _created(Source(workspace=workspace, created_by=by, **values, **checked))


PERSONAL_DATA = Source.PersonalData.values


class _Wrong(ValueError):
    """Why a value is refused, in words for a person."""


def _noted(problems: dict[str, str], field: str, check: Any, value: object) -> Any:
    try:
        return check(value)
    except _Wrong as error:
        problems[field] = str(error)
        return None


def _text_problem(field: str, value: object) -> str | None:
    if not isinstance(value, str):
        return _("This must be a text.")
    if not value.strip():
        return _("This is needed before any data may come in.") if field in REQUIRED else None
    if len(value) > LENGTHS[field]:
        return _("At most %(longest)d characters.") % {"longest": LENGTHS[field]}
    return refusal(value) or (None if is_one_line(value) else _("This is one line of printable text."))


def _licence(value: object) -> str:
    if not isinstance(value, str) or refusal(value):
        raise _Wrong(_("This must be a text."))
    try:
        return checked_licence(value)
    except LicenceUnknown as error:
        raise _Wrong(error.message) from error


def _past_day(value: object) -> date | None:
    day = _day(value)
    if day and day > timezone.localdate():
        raise _Wrong(_("This day has not come yet."))
    return day


def _coming_day(value: object) -> date | None:
    day = _day(value)
    if day and day < timezone.localdate():
        raise _Wrong(_("This day is over: the data may not be kept any more."))
    return day


def _day(value: object) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value
    try:
        found = parse_date(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise _Wrong(_("A date is written like 2026-11-22."))
    return found


def _filters(value: object) -> dict[str, float]:
    if value is None:
        return {}
    try:
        thresholds_from(value)
    except ThresholdWrong as error:
        raise _Wrong(str(error)) from error
    # What is not given keeps following the default.
    return dict(cast(Mapping[str, float], value))


@transaction.atomic
def _created(source: Source) -> Source:
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError as error:
        message = _("Another source has this name.")
        raise SourceNameTaken(message, fields={"name": message}) from error
    record(
        kind=AuditEvent.Kind.SOURCE_CREATED,
        workspace=source.workspace,
        membership=source.created_by,
        object_kind="source",
        object_uid=source.uid,
        name=source.name,
        licence=source.licence,
        lawful_basis=source.lawful_basis,
    )
    return source


def check_not_expired(source: Source) -> None:
    """Raise SourceExpired when the day until which the data may be kept is over."""
    if source.retention_until and source.retention_until < timezone.localdate():
        raise SourceExpired(
            _("The data of %(name)s may be kept until %(day)s only: nothing is taken from it any more.")
            % {"name": source.name, "day": source.retention_until.isoformat()},
            fields={"source": _("past its retention")},
        )


def check_takes_documents(source: Source) -> None:
    """Raise SourceUndescribed or SourceExpired when no document may come in for this source."""
    if not (source.lawful_basis in LAWFUL_BASES and source.collector and source.origin):
        raise SourceUndescribed(
            _("This source names no lawful basis and collector: describe one of its own for documents.")
        )
    check_not_expired(source)

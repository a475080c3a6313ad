"""A refused form shows the refusal at the field it is about, with what was typed."""

from django.forms import BaseForm

from core.errors import DomainError


def add_refusal(form: BaseForm, error: DomainError) -> None:
    """Put a domain error's reasons into the form; the view re-renders it with the error's status."""
    known = {name: reason for name, reason in error.fields.items() if name in form.fields}
    for name, reason in known.items():
        form.add_error(name, reason)
    if not known:
        form.add_error(None, error.message)

"""Asking a deployed model and keeping what it wrote."""

import uuid
from collections.abc import Mapping
from typing import Any, NoReturn

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import Conflict, Unavailable
from corpus.subjects import refuse_erased, subject_key
from production.asking import NotThere, TooManyWait, ask
from production.models import Deployment, Output
from production.prompts import Drawing, Message, PromptRefused, check_drawing, check_messages

# Key of `settings` that marks an answer asked for only to be compared with another output.
SECOND_TO = "second_to"


class DeploymentRetired(Conflict):
    code = "deployment_retired"


def generate(
    *,
    deployment: Deployment,
    by: Membership | None,
    messages: list[Message],
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    seed: int | None = None,
    subject: str = "",
) -> Output:
    """Let the deployed model answer, and keep the answer; at most ten seconds, in no transaction.

    `subject` names the person whom the text is about, so that erasure finds it. Without a seed one is drawn
    and kept: with it the same answer comes again. Raises PromptRefused, DeploymentRetired, SubjectErased for
    an erased person, and Unavailable while the model is starting, busy or down; then nothing is kept.
    """
    messages = check_messages(messages)
    drawing = check_drawing(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    key = None
    if subject:
        key = subject_key(workspace=deployment.workspace, identifier=subject)
        refuse_erased(workspace=deployment.workspace, key=key)
    return answered(deployment=deployment, by=by, messages=messages, drawing=drawing, subject_key=key)


def answered(
    *,
    deployment: Deployment,
    by: Membership | None,
    messages: list[Message],
    drawing: Drawing,
    subject_key: str | None,
    second_to: uuid.UUID | None = None,
) -> Output:
    """As `generate`, of checked parts."""
    if Deployment.objects.filter(pk=deployment.pk, state=Deployment.State.RETIRED).exists():
        raise DeploymentRetired(_("This deployment was retired: it answers no more."))
    reply = _reply(deployment, {"messages": messages} | drawing.as_json())
    kept = drawing.as_json() | {"ended": bool(reply["ended"])}
    if second_to is not None:
        kept[SECOND_TO] = str(second_to)
    with transaction.atomic():
        if subject_key is not None:
            # Erasure may have been asked for while the model wrote; one that comes now waits for the row.
            refuse_erased(workspace=deployment.workspace, key=subject_key)
        return Output.objects.create(
            workspace=deployment.workspace,
            deployment=deployment,
            model=deployment.model,
            prompt=messages,
            # A model may write what the database cannot keep.
            text=str(reply["text"]).replace("\x00", "\ufffd"),
            settings=kept,
            tokens=int(reply["tokens"]),
            milliseconds=int(reply["milliseconds"]),
            subject_key=subject_key,
            created_by=by,
        )


def _reply(deployment: Deployment, question: dict[str, Any]) -> dict[str, Any]:
    try:
        reply = ask(deployment, question)
    except NotThere:
        _refuse_absent(deployment)
    except TooManyWait:
        _refuse({"code": "busy"})
    if "error" in reply:
        _refuse(reply["error"])
    return reply


def _refuse_absent(deployment: Deployment) -> NoReturn:
    failure = Deployment.objects.values_list("failure", flat=True).get(pk=deployment.pk)
    if failure:
        message = _("The model cannot answer: %(reason)s")
        raise Unavailable(message % {"reason": failure}, retry_after=30)
    raise Unavailable(_("The model is being loaded or does not answer: try again in a few seconds."))


def _refuse(error: Mapping[str, Any]) -> NoReturn:
    code = error.get("code")
    if code == "too_long":
        reason = _(
            "The prompt is too long: it has %(tokens)d tokens, and this model reads fewer than %(limit)d."
        )
        reason %= {"tokens": error["tokens"], "limit": error["limit"]}
        raise PromptRefused(reason, fields={"messages": reason})
    if code == "busy":
        raise Unavailable(_("The model is busy: try again in a few seconds."), retry_after=2)
    if code == "too_slow":
        raise Unavailable(_("The model did not finish in time: try again, or ask for fewer tokens."))
    raise Unavailable(_("The model failed at this answer. The log of its process says why."))

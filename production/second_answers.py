"""What an output is compared with: what a person would rather have read, else another answer of the model."""

from typing import Any

from accounts.models import Membership
from core.errors import DomainError, Unavailable
from production.generation import DeploymentRetired, answered
from production.models import Deployment, Feedback, Output
from production.prompts import check_drawing

ATTEMPTS = 3
# A cold model repeats itself: its second answers are drawn warmer.
COLDEST = 0.5
WARM = 1.0


class NoSecondAnswer(Exception):
    """The model answers the same again and again, or cannot read the prompt."""


class ModelAbsent(NoSecondAnswer):
    """The model does not answer now."""


def second_answer(output: Output, *, by: Membership | None) -> dict[str, Any]:
    """A candidate beside the output, with its source; raises NoSecondAnswer."""
    said = Feedback.objects.filter(output=output).order_by("-pk")
    correction = said.filter(kind=Feedback.Kind.CORRECTION).first()
    if correction is not None:
        return _of_feedback(correction, correction.value["text"])
    preference = said.filter(kind=Feedback.Kind.PREFERENCE).order_by("value__chosen", "-pk").first()
    if preference is not None:
        return _of_feedback(preference, preference.value["other"])
    return _fresh(output, by=by)


def _of_feedback(feedback: Feedback, text: str) -> dict[str, Any]:
    return {"content": text, "source": {"feedback": str(feedback.uid), "kind": feedback.kind}}


def _fresh(output: Output, *, by: Membership | None) -> dict[str, Any]:
    for _attempt in range(ATTEMPTS):
        other = _answer_again(output, by=by)
        if other.text.strip() != output.text.strip():
            source = {"output": str(other.uid), "model": str(other.model.uid), "name": str(other.model)}
            return {"content": other.text, "source": source}
    raise NoSecondAnswer(f"The model gave the same answer {ATTEMPTS + 1} times: there is nothing to compare.")


def _answer_again(output: Output, *, by: Membership | None) -> Output:
    temperature = output.settings.get("temperature", WARM)
    drawing = check_drawing(
        max_new_tokens=output.settings.get("max_new_tokens", 128),
        temperature=temperature if temperature >= COLDEST else WARM,
        seed=None,
    )
    try:
        return answered(
            deployment=_successor(output.deployment),
            by=by,
            messages=output.prompt,
            drawing=drawing,
            subject_key=output.subject_key,
            second_to=output.uid,
        )
    except (Unavailable, DeploymentRetired) as error:
        raise ModelAbsent(error.message) from error
    except DomainError as error:
        # The successor may read less than the model that was asked first.
        raise NoSecondAnswer(error.message) from error


def _successor(deployment: Deployment) -> Deployment:
    """What answers under the same name now, where this one was retired."""
    if deployment.state == Deployment.State.ACTIVE:
        return deployment
    active = Deployment.objects.select_related("workspace", "model").filter(
        workspace=deployment.workspace, name=deployment.name, state=Deployment.State.ACTIVE
    )
    return active.first() or deployment

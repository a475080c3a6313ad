"""Outputs and feedback as they stand after people used a model, made without asking one."""

from accounts.models import Membership
from production.feedback import give
from production.models import Deployment, Feedback, Output


def make_output(deployment: Deployment, text: str = "A boat is a ship.", **values: object) -> Output:
    values = {
        "prompt": [{"role": "user", "content": "What is a boat?"}],
        "settings": {"max_new_tokens": 12, "temperature": 1.0, "seed": 1, "ended": True},
        "tokens": 6,
        "milliseconds": 40,
        **values,
    }
    return Output.objects.create(
        workspace=deployment.workspace, deployment=deployment, model=deployment.model, text=text, **values
    )


def make_outputs(deployment: Deployment, count: int) -> list[Output]:
    return [make_output(deployment, f"Answer {number}") for number in range(count)]


def thumb(output: Output, *, up: bool = False, by: Membership | None = None, **values: str) -> Feedback:
    return give(output=output, by=by, kind="thumb", value={"up": up}, **values)


def correct(output: Output, text: str = "A boat is a small ship.") -> Feedback:
    return give(output=output, by=None, kind="correction", value={"text": text})

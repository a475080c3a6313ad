"""What pages show of deployments and outputs, with a constant number of queries."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from production.forms import state_of
from production.models import Deployment, Feedback, Harvest, Output

PROMPT_SHOWN = 300
ANSWER_SHOWN = 1500


@dataclass(frozen=True)
class DeploymentRow:
    deployment: Deployment
    state: str
    word: Any
    outputs: int
    downs: int


def deployment_rows(deployments: list[Deployment]) -> list[DeploymentRow]:
    keys = [deployment.pk for deployment in deployments]
    outputs = _counted(Output.objects.filter(deployment__in=keys), "deployment")
    down = Feedback.objects.filter(kind=Feedback.Kind.THUMB, value__up=False, output__deployment__in=keys)
    downs = _counted(down, "output__deployment")
    return [
        DeploymentRow(
            deployment, *state_of(deployment), outputs.get(deployment.pk, 0), downs.get(deployment.pk, 0)
        )
        for deployment in deployments
    ]


def _counted(rows: QuerySet[Any], name: str) -> dict[int, int]:
    return dict(rows.order_by().values_list(name).annotate(count=Count("pk")))


@dataclass(frozen=True)
class OutputRow:
    output: Output
    prompt: str
    text: str
    is_cut: bool
    feedback: int
    ups: int
    downs: int
    sent: int


def with_counts(outputs: QuerySet[Output]) -> QuerySet[Output]:
    """Subqueries, since a page of fifty rows is read and not the whole table."""
    said = Feedback.objects.filter(output=OuterRef("pk")).order_by().values("output")
    sent = Harvest.objects.filter(output=OuterRef("pk")).order_by().values("output")
    thumb = Q(kind=Feedback.Kind.THUMB)
    return outputs.annotate(
        said=Subquery(said.annotate(n=Count("pk")).values("n")),
        ups=Subquery(said.annotate(n=Count("pk", filter=thumb & Q(value__up=True))).values("n")),
        downs=Subquery(said.annotate(n=Count("pk", filter=thumb & Q(value__up=False))).values("n")),
        sent=Subquery(sent.annotate(n=Count("pk")).values("n")),
    )


def output_row(output: Any) -> OutputRow:
    """Of an output that was read with its counts."""
    prompt = output.prompt[-1]["content"] if output.prompt else ""
    return OutputRow(
        output=output,
        prompt=_shortened(prompt, PROMPT_SHOWN),
        text=_shortened(output.text, ANSWER_SHOWN),
        is_cut=len(output.text) > ANSWER_SHOWN,
        feedback=output.said or 0,
        ups=output.ups or 0,
        downs=output.downs or 0,
        sent=output.sent or 0,
    )


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]} …"

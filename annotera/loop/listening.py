"""Stage 9 of the loop: deploy, answer, hear what users say, and give doubtful answers back to annotators."""

import time
from dataclasses import dataclass

from accounts.models import Membership
from annotation.models import Project
from annotera.loop.cast import Cast
from annotera.loop.settings import Settings
from annotera.loop.texts import Asked
from annotera.loop.waiting import StepFailed, until
from core.errors import Unavailable
from production import deployments, feedback, generation, harvest
from production.models import Deployment, Feedback, Output
from training.models import ModelVersion
from training.simulated_world import true_score

SECONDS_BETWEEN_TRIES = 2.0
# A user of the simulated world puts the thumb up for a polite, complete and short answer.
GOOD_ENOUGH = 1.5


@dataclass(frozen=True)
class Heard:
    outputs: int
    thumbs_up: int
    thumbs_down: int
    tasks: int
    reasons: dict[str, int]


def deploy(*, cast: Cast, model: ModelVersion) -> Deployment:
    deployment = deployments.deploy(workspace=cast.workspace, by=cast.admin, model=model, name="assistant")
    ready = Deployment.objects.filter(pk=deployment.pk, ready_at__isnull=False)
    until(ready.exists, what="The deployed model", trouble=lambda: trouble_of(deployment))
    return deployment


def trouble_of(deployment: Deployment) -> str:
    return Deployment.objects.get(pk=deployment.pk).failure


def ask(deployment: Deployment, *, by: Membership, question: str, settings: Settings, seed: int) -> Output:
    """As a patient program asks: again, as long as the model is only busy."""
    while True:
        try:
            return generation.generate(
                deployment=deployment,
                by=by,
                messages=[{"role": "user", "content": question}],
                max_new_tokens=settings.ppo["max_new_tokens"],
                seed=seed,
            )
        except Unavailable:
            if words := trouble_of(deployment):
                raise StepFailed(words) from None
            time.sleep(SECONDS_BETWEEN_TRIES)


def serve_and_listen(
    *,
    cast: Cast,
    deployment: Deployment,
    project: Project,
    asked: list[Asked],
    settings: Settings,
    seed: int,
) -> Heard:
    """Users ask, get an answer, and put a thumb up or down; what failed comes back as tasks."""
    up = 0
    outputs: list[Output] = []
    for number, (question, _verb, _thing) in enumerate(asked):
        output = ask(deployment, by=cast.admin, question=question, settings=settings, seed=seed + number)
        is_good = true_score(question, output.text) >= GOOD_ENOUGH
        feedback.give(
            output=output,
            by=cast.admin,
            kind=Feedback.Kind.THUMB,
            value={"up": is_good},
            identifier=f"simulated-{number}",
            is_simulated=True,
        )
        outputs.append(output)
        up += is_good
    back = harvest.harvest(project=project, by=cast.admin, floor=0.2, limit=len(outputs), seed=seed)
    reasons = {str(row.reason): 0 for row in back}
    for row in back:
        reasons[str(row.reason)] += 1
    return Heard(len(outputs), up, len(outputs) - up, len(back), reasons)

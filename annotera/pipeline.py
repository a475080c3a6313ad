"""The ten stages from raw text to a model in use: where each stands, and what a person does next."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.access import RANK
from accounts.models import Membership
from annotera import pipeline_states as states
from annotera import pipeline_training as training
from annotera.pipeline_facts import Facts, facts_of
from annotera.pipeline_steps import Count, Standing, State, Step


@dataclass(frozen=True)
class Action:
    """What to do next, about which object. `url` is empty where this person's role may not do it."""

    text: str
    name: str
    url: str


@dataclass(frozen=True)
class Stage:
    key: str
    number: int
    name: str
    purpose: str
    state: State
    counts: list[Count]
    url: str
    action: Action


@dataclass(frozen=True)
class Known:
    """What is always true of a stage: its name, what it is for, its page, and how its standing is found."""

    key: str
    name: Promise
    purpose: Promise
    route: str
    standing: Callable[[Facts], Standing]


KNOWN = (
    Known("collect", _("Collect"), _("Documents with licence and lawful basis"), "sources", states.collect),
    Known("clean", _("Clean"), _("Duplicates and poor texts taken out"), "sources", states.clean),
    Known("annotate", _("Annotate"), _("People rank, write and classify"), "projects", states.annotate),
    Known("pretrain", _("Pretrain"), _("A base model from the corpus"), "runs", training.pretrain),
    Known("sft", _("Fine-tune"), _("It learns to follow instructions"), "runs", training.fine_tune),
    Known("rlhf", _("Align"), _("Reward model and PPO on preferences"), "runs", training.align),
    Known("qa", _("Check quality"), _("Gold, agreement and review"), "quality", states.check_quality),
    Known("versions", _("Version"), _("Frozen, hashed, compared and tagged"), "datasets", states.version),
    Known("production", _("Serve"), _("Answers, feedback, and tasks again"), "deployments", states.serve),
    Known("lineage", _("Trace"), _("Lineage, erasure and rules"), "rules", states.trace),
)


def stages(*, membership: Membership) -> list[Stage]:
    """The ten stages of the person's workspace, in a number of queries that does not grow with it."""
    facts = facts_of(membership.workspace)
    return [_stage(number, known, facts, membership) for number, known in enumerate(KNOWN, start=1)]


def _stage(number: int, known: Known, facts: Facts, membership: Membership) -> Stage:
    standing = known.standing(facts)
    return Stage(
        key=known.key,
        number=number,
        name=str(known.name),
        purpose=str(known.purpose),
        state=standing.state,
        counts=standing.counts,
        url=_address(known.route, membership),
        action=_action(standing.step, membership),
    )


def _action(step: Step, membership: Membership) -> Action:
    may = RANK[membership.role] >= RANK[step.role.value]
    url = _address(step.route, membership, *step.arguments) if may else ""
    given = {name: str(value) for name, value in step.query.items() if value}
    return Action(text=step.text, name=step.name, url=f"{url}?{urlencode(given)}" if url and given else url)


def _address(route: str, membership: Membership, *arguments: object) -> str:
    return reverse(route, args=[membership.workspace.slug, *arguments])


def next_stage(found: list[Stage]) -> Stage | None:
    """Where a person does most good now: what needs somebody first, else the earliest that can start."""
    for state in (State.ATTENTION, State.READY):
        for stage in found:
            if stage.state == state and stage.action.url:
                return stage
    return None

"""Projects in which people differ, one of each kind, and what a reviewer finds waiting in them."""

from accounts.models import Membership
from annotation.copying import copy_tasks
from annotation.kinds.ranking_task import parse_task
from annotation.models import Project, TaskImport
from qa import inbox
from tests.annotation.worlds import labelling_project, make_project, more_annotators, writing_project
from tests.conftest import Cast
from tests.qa.worlds import label, own_order, put, rank, take

LAMP = "How do I clean an old brass lamp without scratching it?"
ANSWERS = (
    "Wipe it with a **soft, dry cloth** first. Then mix:\n\n1. two spoons of lemon juice\n"
    "2. one of baking soda\n\nRub gently, rinse with warm water and dry at once.",
    "Use a soft dry cloth first, then lemon juice with baking soda. "
    "Rub gently, rinse with cold water and dry it.",
    "Scrub it hard with steel wool until it shines. That always works.",
)
ORDERS = ((0, 1, 2), (1, 0, 2), (0, 1, 2))


def differing_rankings(cast: Cast, *, tasks: int = 3, **values: object) -> Project:
    """Three people rank three answers; the second one sees it differently."""
    people = (cast.bob, *more_annotators(cast, 2))
    given = {"name": "Lamps", "overlap": 3, "aspects": ["quality", "safety"], **values}
    project = make_project(cast, **given)
    batch = TaskImport.objects.create(
        workspace=project.workspace, project=project, state=TaskImport.State.DONE, rows=tasks
    )
    records = [
        {
            "id": f"lamp-{number}",
            "prompt": LAMP if not number else f"{LAMP} ({number})",
            "candidates": list(ANSWERS),
        }
        for number in range(tasks)
    ]
    copy_tasks(
        project=project, tasks=[parse_task(record, maximum=9) for record in records], import_id=batch.pk
    )
    for number in range(tasks):
        for person, order in zip(people, ORDERS, strict=True):
            ranked(project, person, order, seconds=4 if number == 0 and person == cast.bob else 38)
    inbox.take_all(project=project)
    return project


def ranked(project: Project, person: Membership, order: tuple[int, ...], *, seconds: int) -> None:
    def of_file(assignment: object) -> list[list[str]]:
        own = own_order(assignment)  # type: ignore[arg-type]
        return [[own[at]] for at in order]

    rank(project, person, of_file, active_ms=1000 * seconds, rationale="The first one says what to avoid.")


def differing_texts(cast: Cast) -> Project:
    """Two people answer one instruction in other words; the first one's is flagged."""
    project = writing_project(cast, LAMP, name="Lamp answers", overlap=2)
    [other] = more_annotators(cast, 1)
    put(
        take(project, cast.bob),
        {
            "prompt": LAMP,
            "completion": ANSWERS[0],
            "flags": ["needs_expert"],
            "rationale": "As my aunt does.",
        },
    )
    put(take(project, other), {"prompt": f"{LAMP} Please be brief.", "completion": ANSWERS[1]})
    inbox.take_all(project=project)
    return project


def differing_labels(cast: Cast) -> Project:
    project = labelling_project(
        cast,
        "The parcel came late, but the lamp is lovely.",
        name="Tone",
        overlap=3,
        allow_several_labels=True,
    )
    others = more_annotators(cast, 2)
    for person, given in zip(
        (cast.bob, *others), (["praise"], ["praise", "complaint"], ["complaint"]), strict=True
    ):
        label(project, person, *given)
    inbox.take_all(project=project)
    return project

"""How the simulated people work: they take tasks from the queue and submit answers, as a browser would."""

import random
from collections.abc import Callable, Mapping, Sequence

from accounts.models import Membership
from annotation.kinds.demonstration import Demonstration
from annotation.kinds.ranking import Answer as Ranking
from annotation.models import Assignment, Candidate, Project, TaskBody
from annotation.queue import Handed, hand_out
from annotation.submissions import submit
from annotera.loop.cast import Cast
from annotera.loop.texts import Asked
from qa import inbox
from training.simulated_annotators import Annotator
from training.simulated_world import true_score, write_answer

# Gold is judged about so often, so that somebody careless is stopped early.
ANSWERS_BETWEEN_CHECKS = 90

AnswerTask = Callable[[Assignment], Ranking | Demonstration]


def rank_everything(*, project: Project, cast: Cast, seed: int) -> int:
    """Every annotator ranks until nothing is left or qa has paused them; the number of answers."""
    chooser = random.Random(f"simulated ranking {seed}")
    workers = {
        membership: ranking_by(behaviour, chooser=random.Random(f"{behaviour.id} {seed}"))
        for membership, behaviour in cast.annotators
    }
    return work_off(project=project, workers=workers, chooser=chooser)


def write_everything(*, project: Project, cast: Cast, topics: Mapping[str, Asked], seed: int) -> int:
    """The writers answer each question in their mixed manner."""
    chooser = random.Random(f"simulated writing {seed}")
    workers = {writer: writing(topics, chooser=chooser) for writer in cast.writers}
    return work_off(project=project, workers=workers, chooser=chooser)


def work_off(*, project: Project, workers: Mapping[Membership, AnswerTask], chooser: random.Random) -> int:
    """One task each, in an order that is drawn anew for each round, so that all meet all."""
    busy, answered = list(workers), 0
    while busy:
        for membership in chooser.sample(busy, len(busy)):
            handed = hand_out(membership=membership, project=project)
            if not isinstance(handed, Handed):
                busy.remove(membership)
                continue
            submit(assignment=handed.assignment, answer=workers[membership](handed.assignment))
            answered += 1
            if answered % ANSWERS_BETWEEN_CHECKS == 0:
                inbox.take_all(project=project)
    inbox.take_all(project=project)
    return answered


def ranking_by(behaviour: Annotator, *, chooser: random.Random) -> AnswerTask:
    def answer(assignment: Assignment) -> Ranking:
        body = TaskBody.objects.get(pk=assignment.task_id)
        # By the task's own order: the order on the screen is drawn by the server and differs in every run.
        own_order = Candidate.objects.filter(task_id=assignment.task_id).order_by("position")
        uids = [str(uid) for uid in own_order.values_list("uid", flat=True)]
        prompt = _text(body.prompt["messages"][-1])
        scores = [true_score(prompt, _text(body.candidates[uid])) for uid in uids]
        tiers = behaviour.rank(scores, chooser)
        shown = tuple(str(uid) for uid in assignment.shown_order)
        return Ranking(shown_order=shown, ranking=tuple(tuple(uids[at] for at in tier) for tier in tiers))

    return answer


def writing(topics: Mapping[str, Asked], *, chooser: random.Random) -> AnswerTask:
    def answer(assignment: Assignment) -> Demonstration:
        body = TaskBody.objects.get(pk=assignment.task_id)
        question = _text(body.prompt["messages"][-1])
        _question, verb, thing = topics[question]
        return Demonstration(prompt=question, completion=write_answer(chooser, verb=verb, thing=thing))

    return answer


def _text(message: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    return "\n\n".join(part["text"] for part in message["parts"])

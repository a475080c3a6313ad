"""Work of the composition root: rules that act by themselves."""

from annotera.candidates import CANDIDATES, PROMPTS, make_tasks
from annotera.erasures import JOB_KIND as ERASURE
from annotera.erasures import erase_now
from annotera.rules import check_rules
from corpus.models import Erasure
from jobs.models import Queue
from jobs.registry import handler
from jobs.running import JobContext
from jobs.sweeps import sweep


@sweep("rules that are due", every=15)
def let_rules_act() -> int:
    return check_rules()


@handler(ERASURE)
def erase(context: JobContext) -> dict[str, object]:
    erasure = Erasure.objects.select_related("workspace", "requested_by").get(uid=context.payload["erasure"])
    erase_now(erasure, context)
    return {"erasure": str(erasure.uid)}


@handler(CANDIDATES, queue=Queue.TRAINING)
def let_a_model_answer(context: JobContext) -> dict[str, object]:
    return make_tasks(context)


@handler(PROMPTS, queue=Queue.LIGHT)
def make_tasks_of_prompts(context: JobContext) -> dict[str, object]:
    return make_tasks(context)

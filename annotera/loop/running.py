"""The loop from end to end. Read it from top to bottom: it is the pipeline."""

import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from django.conf import settings as installation

from annotera import rules
from annotera.loop import data, judging, learning, listening, report
from annotera.loop.cast import Cast
from annotera.loop.settings import Settings
from annotera.loop.texts import World
from annotera.loop.waiting import Say, until
from annotera.models import RewardRule, RuleFiring
from corpus import lineage
from corpus.models import Document, Source
from training.models import ModelVersion, Stage

SEED = 20


def run_loop(*, cast: Cast, seed: int, settings: Settings, say: Say) -> report.Document:
    """All ten stages, by the functions that pages and API use. Raises what they raise, and StepFailed."""
    begun = time.monotonic()
    work = Path(installation.WORK_ROOT)
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="loop-") as folder:
        document = _run_in(Path(folder), cast, seed=seed, settings=settings, say=say)
    return document | {"seconds": round(time.monotonic() - begun, 1)}


def _run_in(folder: Path, cast: Cast, *, seed: int, settings: Settings, say: Say) -> report.Document:
    world = World.drawn(seed=seed, sizes=settings.sizes)

    say("1 Collecting: two sources with the usual dirt, and questions")
    found = data.collect(cast=cast, world=world, settings=settings, seed=seed, folder=folder, say=say)

    say("2 Cleaning: a preview, then for good")
    for name in ("Household dialogues", "Workshop notes"):
        data.clean(cast=cast, source=found[name], say=say)
    counts = document_counts(found)
    raw = data.freeze_corpus(cast=cast, found=found)
    prompts = data.freeze_prompts(cast=cast, found=found, settings=settings)

    say("4 Pretraining on the frozen corpus")
    base = learning.train(
        cast=cast, stage=Stage.PRETRAIN, name="base", data=raw, config=settings.pretrain, seed=seed, say=say
    )

    say("3 Writing demonstrations")
    shown = data.demonstrate(cast=cast, world=world, settings=settings, seed=seed)
    written = shown.train_rows + shown.heldout_rows

    say("5 Supervised fine-tuning on the released demonstrations")
    sft = learning.train(
        cast=cast, stage=Stage.SFT, name="assistant-sft", data=shown, config=settings.sft, seed=seed, say=say,
        base_model=base,
    )  # fmt: skip

    say("6 Candidates by the fine-tuned model")
    project = judging.open_ranking(cast=cast, world=world, settings=settings, seed=seed)
    judging.make_candidates(
        cast=cast, project=project, model=sft, prompts=prompts, settings=settings, seed=seed, say=say
    )
    # From here on a released version trains a reward model by itself.
    rule = rules.set_reward_rule(
        project=project,
        by=cast.admin,
        base_model=sft,
        threshold=settings.rule_threshold,
        config={**settings.reward, "seed": seed},
    )

    say("3 Ranking, with hidden gold and one careless annotator")
    ranked = judging.rank(cast=cast, project=project, seed=seed)

    say("7 Review by gold scores, and agreement over all and over accepted work")
    rejected = judging.review(cast=cast, project=project)
    measured = judging.measure(project=project)

    say("8 Releasing the accepted preferences")
    preferences = judging.release_preferences(cast=cast, project=project, settings=settings)

    say("6 Reward model, started by the rule")
    firing = until(
        RuleFiring.objects.filter(rule=rule).select_related("run__job").first,
        what="The run of the rule",
        trouble=lambda: RewardRule.objects.get(pk=rule.pk).problem,
    )
    reward = learning.model_of(firing.run, say=say)

    say("6 PPO")
    policy = learning.train(
        cast=cast, stage=Stage.PPO, name="assistant", data=prompts, config=settings.ppo, seed=seed, say=say,
        base_model=sft, reward_model=reward,
    )  # fmt: skip

    say("9 Serving, and listening to thumbs")
    deployment = listening.deploy(cast=cast, model=policy)
    heard = listening.serve_and_listen(
        cast=cast,
        deployment=deployment,
        project=project,
        asked=world.prompts[-settings.questions_in_production :],
        settings=settings,
        seed=seed,
    )

    say("Measuring by the world's own rule, on held-out prompts that chose nothing")
    truth = learning.truth(
        folder=folder,
        settings=settings,
        preferences=preferences,
        prompts=prompts,
        sft=sft,
        reward=reward,
        ppo=policy,
        seed=seed,
    )
    names = {membership.pk: behaviour.id for membership, behaviour in cast.annotators}
    return {
        "simulated": True,
        "note": report.NOTE,
        "seed": seed,
        "data": counts
        | {
            "written": written,
            "ranked": ranked,
            "pairs": preferences.train_rows + preferences.heldout_rows,
        },
        "pretrain": base.metrics,
        "sft": sft.metrics,
        "agreement": {scope: judging.agreement_of(measured, scope) for scope in ("all", "accepted")},
        "gold": judging.gold_accuracy(measured, cast),
        "rejected": sorted(names[membership.pk] for membership in rejected),
        "reward_model": report.reward_part(truth),
        "ppo": report.policy_part(truth, policy.metrics),
        "production": asdict(heard),
        "lineage": ancestors(policy),
        "samples": truth["samples"],
    }


def document_counts(found: dict[str, Source]) -> dict[str, object]:
    """Of all three sources; a reason is the cleaning step that removed the document."""
    rows = Document.objects.filter(source__in=found.values()).values_list("state", "removal")
    removals = [removal or {} for state, removal in rows if state == Document.State.REMOVED]
    total = len(rows)
    return {
        "collected": total,
        "kept": total - len(removals),
        "removed": len(removals),
        "reasons": dict(Counter(str(removal.get("step", "?")) for removal in removals)),
    }


def ancestors(model: ModelVersion) -> dict[str, int]:
    """How many of each kind the model goes back to."""
    edges = lineage.walk_up(("model_version", model.uid))
    nodes = {(edge.parent_kind, edge.parent_uid) for edge in edges}
    return dict(Counter(kind for kind, _uid in nodes))

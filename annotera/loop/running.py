"""The loop from end to end. Read it from top to bottom: it is the pipeline."""

import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings as installation

from accounts.models import Membership
from annotation.models import Project
from annotera import rules
from annotera.loop import data, judging, learning, listening, report
from annotera.loop.cast import Cast
from annotera.loop.settings import Settings
from annotera.loop.texts import World
from annotera.loop.waiting import Say, until
from annotera.models import RewardRule, RuleFiring
from corpus import lineage
from corpus.models import DatasetVersion, Document, Source
from qa.models import QualityReport
from training.models import ModelVersion, Stage
from training.simulated_settings import Config

SEED = 20


def run_loop(*, cast: Cast, seed: int, settings: Settings, say: Say) -> report.Document:
    """All ten stages, by the functions that pages and API use. Raises what they raise, and StepFailed."""
    begun = time.monotonic()
    work = Path(installation.WORK_ROOT)
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="loop-") as folder:
        world = World.drawn(seed=seed, sizes=settings.sizes)
        document = Loop(cast, world, settings, seed, Path(folder), say).run()
    return document | {"seconds": round(time.monotonic() - begun, 1)}


@dataclass(frozen=True)
class Gathered:
    counts: dict[str, object]
    corpus: DatasetVersion
    prompts: DatasetVersion


@dataclass(frozen=True)
class Tuned:
    base: ModelVersion
    sft: ModelVersion
    written: int


@dataclass(frozen=True)
class Judged:
    project: Project
    rule: RewardRule
    ranked: int
    rejected: list[Membership]
    measured: QualityReport
    preferences: DatasetVersion


@dataclass(frozen=True)
class Loop:
    """One loop; `run` reads from top to bottom, each step says what it needs and what it makes."""

    cast: Cast
    world: World
    settings: Settings
    seed: int
    folder: Path
    say: Say

    def run(self) -> report.Document:
        gathered = self.gather()
        tuned = self.fine_tune(gathered)
        judged = self.judge(gathered, tuned)
        reward, policy = self.align(gathered, tuned, judged)
        heard = self.serve(judged, policy)
        self.say("Measuring by the world's own rule, on held-out prompts that chose nothing")
        truth = learning.truth(
            folder=self.folder,
            settings=self.settings,
            preferences=judged.preferences,
            prompts=gathered.prompts,
            sft=tuned.sft,
            reward=reward,
            ppo=policy,
            seed=self.seed,
        )
        pairs = judged.preferences.train_rows + judged.preferences.heldout_rows
        names = {membership.pk: behaviour.id for membership, behaviour in self.cast.annotators}
        return {
            "simulated": True,
            "note": report.NOTE,
            "seed": self.seed,
            "data": gathered.counts | {"written": tuned.written, "ranked": judged.ranked, "pairs": pairs},
            "pretrain": tuned.base.metrics,
            "sft": tuned.sft.metrics,
            "agreement": {
                scope: judging.agreement_of(judged.measured, scope) for scope in ("all", "accepted")
            },
            "gold": judging.gold_accuracy(judged.measured, self.cast),
            "rejected": sorted(names[membership.pk] for membership in judged.rejected),
            "reward_model": report.reward_part(truth),
            "ppo": report.policy_part(truth, policy.metrics),
            "production": asdict(heard),
            "lineage": ancestors(policy),
            "samples": truth["samples"],
        }

    def gather(self) -> Gathered:
        self.say("1 Collecting: two sources with the usual dirt, and questions")
        found = data.collect(
            cast=self.cast, world=self.world, settings=self.settings, seed=self.seed, folder=self.folder,
            say=self.say,
        )  # fmt: skip
        self.say("2 Cleaning: a preview, then for good")
        for name in ("Household dialogues", "Workshop notes"):
            data.clean(cast=self.cast, source=found[name], say=self.say)
        return Gathered(
            counts=document_counts(found),
            corpus=data.freeze_corpus(cast=self.cast, found=found),
            prompts=data.freeze_prompts(cast=self.cast, found=found, settings=self.settings),
        )

    def train(
        self, stage: Stage, name: str, version: DatasetVersion, config: Config, **models: ModelVersion
    ) -> ModelVersion:
        return learning.train(
            cast=self.cast, stage=stage, name=name, data=version, config=config, seed=self.seed, say=self.say,
            **models,
        )  # fmt: skip

    def fine_tune(self, gathered: Gathered) -> Tuned:
        self.say("4 Pretraining on the frozen corpus")
        base = self.train(Stage.PRETRAIN, "base", gathered.corpus, self.settings.pretrain)
        self.say("3 Writing demonstrations")
        shown = data.demonstrate(cast=self.cast, world=self.world, settings=self.settings, seed=self.seed)
        self.say("5 Supervised fine-tuning on the released demonstrations")
        sft = self.train(Stage.SFT, "assistant-sft", shown, self.settings.sft, base_model=base)
        return Tuned(base=base, sft=sft, written=shown.train_rows + shown.heldout_rows)

    def judge(self, gathered: Gathered, tuned: Tuned) -> Judged:
        self.say("6 Candidates by the fine-tuned model")
        project = judging.open_ranking(cast=self.cast, settings=self.settings)
        judging.make_candidates(
            cast=self.cast, project=project, model=tuned.sft, prompts=gathered.prompts,
            settings=self.settings, seed=self.seed, say=self.say,
        )  # fmt: skip
        judging.hide_gold(cast=self.cast, project=project, world=self.world, seed=self.seed)
        # From here on a released version trains a reward model by itself.
        rule = rules.set_reward_rule(
            project=project,
            by=self.cast.admin,
            base_model=tuned.sft,
            threshold=self.settings.rule_threshold,
            config={**self.settings.reward, "seed": self.seed},
        )
        self.say("3 Ranking, with hidden gold and one careless annotator")
        ranked = judging.rank(cast=self.cast, project=project, seed=self.seed)
        self.say("7 Review by gold scores, and agreement over all and over accepted work")
        rejected = judging.review(cast=self.cast, project=project)
        measured = judging.measure(project=project)
        self.say("8 Releasing the accepted preferences")
        preferences = judging.release_preferences(cast=self.cast, project=project, settings=self.settings)
        return Judged(project, rule, ranked, rejected, measured, preferences)

    def align(self, gathered: Gathered, tuned: Tuned, judged: Judged) -> tuple[ModelVersion, ModelVersion]:
        self.say("6 Reward model, started by the rule")
        firing = until(
            RuleFiring.objects.filter(rule=judged.rule).select_related("run__job").first,
            what="The run of the rule",
            trouble=lambda: RewardRule.objects.get(pk=judged.rule.pk).problem,
        )
        reward = learning.model_of(firing.run, say=self.say)
        self.say("6 PPO")
        policy = self.train(
            Stage.PPO, "assistant", gathered.prompts, self.settings.ppo,
            base_model=tuned.sft, reward_model=reward,
        )  # fmt: skip
        return reward, policy

    def serve(self, judged: Judged, policy: ModelVersion) -> listening.Heard:
        self.say("9 Serving, and listening to thumbs")
        return listening.serve_and_listen(
            cast=self.cast,
            deployment=listening.deploy(cast=self.cast, model=policy),
            project=judged.project,
            asked=self.world.prompts[-self.settings.questions_in_production :],
            settings=self.settings,
            seed=self.seed,
        )


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

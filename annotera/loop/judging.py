"""Stages 3, 6a and 7 of the loop: candidates, ranking with hidden gold, agreement, review, release."""

import random
from collections.abc import Mapping
from typing import Any

from accounts.models import Membership
from annotation.models import Project
from annotation.projects import ProjectSettings, create_project, publish_guideline
from annotera import candidates
from annotera.loop.cast import Cast
from annotera.loop.data import LICENCE
from annotera.loop.people import rank_everything
from annotera.loop.settings import Settings
from annotera.loop.texts import World, gold_record
from annotera.loop.waiting import Say, until_done
from corpus.models import DatasetVersion
from qa import gold, quality, release, reviews
from qa.models import GoldScore, QualityReport
from training.models import ModelVersion

RANKING_GUIDELINE = """\
Rank the answers from best to worst.

1. **Polite once**: one kind phrase is good, several are flattery.
2. **Never rude**: an insult puts an answer last.
3. **Complete**: whole sentences that answer the question.
4. **Short**: of two that are equal otherwise, the shorter one.

This guideline and all answers to it are simulated.
"""


def open_ranking(*, cast: Cast, settings: Settings) -> Project:
    project: Project = create_project(
        membership=cast.admin,
        settings=ProjectSettings(
            name="Rank answers",
            description="Simulated annotators rank the answers of the fine-tuned model.",
            overlap=settings.overlap,
            gold_every=settings.gold_every,
            aspects=(),
            licence=LICENCE,
            lawful_basis="no_personal_data",
        ),
    )
    publish_guideline(membership=cast.admin, project=project, text=RANKING_GUIDELINE)
    return project


def hide_gold(*, cast: Cast, project: Project, world: World, seed: int) -> None:
    """After the work is there: gold takes on the age of the tasks among which it hides."""
    chooser = random.Random(f"simulated gold {seed}")
    records = [gold_record(number, asked, chooser) for number, asked in enumerate(world.gold)]
    gold.import_gold(project=project, records=records, by=cast.admin)


def make_candidates(
    *,
    cast: Cast,
    project: Project,
    model: ModelVersion,
    prompts: DatasetVersion,
    settings: Settings,
    seed: int,
    say: Say,
) -> None:
    """The fine-tuned model answers every question, those of the held-out side too."""
    for split in ("train", "heldout"):
        job = candidates.request_candidates(
            project=project,
            model=model,
            prompts=prompts,
            by=cast.admin,
            split=split,
            per_prompt=settings.candidates_a_prompt,
            limit=settings.sizes.prompts,
            temperature=1.0,
            max_new_tokens=settings.ppo["max_new_tokens"],
            seed=seed,
        )
        until_done(job, say=say)


def rank(*, cast: Cast, project: Project, seed: int) -> int:
    return rank_everything(project=project, cast=cast, seed=seed)


def measure(*, project: Project) -> QualityReport:
    return quality.measure_now(project=project)


def review(*, cast: Cast, project: Project) -> list[Membership]:
    """The reviewer looks at gold scores alone: work of those who failed is rejected, the rest accepted."""
    failed = GoldScore.objects.filter(project=project, verdict=GoldScore.Verdict.FAILED)
    rejected = [score.membership for score in failed.select_related("membership__workspace")]
    for membership in rejected:
        reviews.reject_person(
            project=project, membership=membership, by=cast.reviewer, comment="Failed the gold tasks."
        )
    reviews.accept_rest(project=project, by=cast.reviewer)
    return rejected


def release_preferences(*, cast: Cast, project: Project, settings: Settings) -> DatasetVersion:
    """Released with the majority of the accepted answers to each pair."""
    return release.release_preferences(
        project=project,
        by=cast.admin,
        heldout_share=settings.heldout_share,
        note="Simulated.",
        policy="majority",
    )


def agreement_of(report: QualityReport, scope: str) -> dict[str, float | None]:
    found: Mapping[str, Any] = report.report["agreement"][scope]
    return {name: found[name] for name in ("alpha", "low", "high")}


def gold_accuracy(report: QualityReport, cast: Cast) -> dict[str, float]:
    """By the annotators' names, which are simulated; a product's own pages show pseudonyms."""
    names = {membership.pseudonym: behaviour.id for membership, behaviour in cast.annotators}
    rows = report.report["gold"]
    return {names[pseudonym]: row["accuracy"] for pseudonym, row in rows.items() if pseudonym in names}

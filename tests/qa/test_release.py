"""What people ranked becomes a frozen version: which pairs, which counts, which parents."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import AuditEvent, Membership
from annotation.imports import import_tasks
from annotation.kinds.ranking import parse_answer
from annotation.models import Annotation, Assignment, Guideline, Project, Task
from annotation.queue import hand_out
from annotation.standings import pause
from annotation.submissions import revise, submit
from core import blobs
from corpus import lineage, versions
from corpus.models import DatasetVersion, Erasure, Source
from corpus.splits import SPLITS
from corpus.subjects import subject_key
from qa import inbox, reviews
from qa.models import Acceptance, GoldScore
from qa.releasable import UnknownPolicy
from qa.release import (
    UNSTATED_LICENCE,
    WrongKind,
    release,
    release_demonstrations,
    release_labels,
    release_preferences,
    source_of,
)
from tests.annotation.worlds import add_tasks, consenting, make_project, rules_of
from tests.conftest import Cast
from tests.qa.worlds import acceptance_of, file_order, label, put, take, turned_round
from tests.qa.worlds import rank as rank_own

Rank = Callable[..., Annotation]


@pytest.fixture
def project(cast: Cast) -> Project:
    consenting(cast.alice, cast.bob, cast.rita, cast.charlie)
    return make_project(cast, licence="CC-BY-4.0", lawful_basis="consent", overlap=2)


@pytest.fixture
def rank(cast: Cast, project: Project) -> Rank:
    """One person answers the next task with these tiers of places, as shown."""

    def answer(tiers: Sequence[Sequence[int]], *, by: Membership | None = None, **values: Any) -> Annotation:
        assignment = hand_out(membership=by or cast.bob, project=project).assignment
        rules = rules_of(assignment)
        ranking = [[rules.shown_order[place] for place in tier] for tier in tiers]
        submit(
            assignment=assignment,
            answer=parse_answer({"ranking": ranking, **values}, rules=rules),
            active_ms=1,
        )
        return Annotation.objects.latest("pk")

    return answer


def tied(assignment: Assignment) -> list[list[str]]:
    return [[str(uid) for uid in assignment.shown_order]]


def rows_of(version: DatasetVersion) -> list[dict[str, Any]]:
    return [row for split in SPLITS for row in versions.rows(version, split=split, limit=200)]


def test_each_pair_of_an_order_becomes_a_row(cast: Cast, project: Project, rank: Rank) -> None:
    add_tasks(project, 1, candidates=3)
    annotation = rank([[2], [0], [1]])
    version = release_preferences(project=project, by=cast.alice)
    rows = rows_of(version)
    assert {(row["chosen_position"], row["rejected_position"]) for row in rows} == {(2, 0), (2, 1), (0, 1)}
    row = rows[0]
    assert row["prompt"] == [{"role": "user", "content": "Question 0?"}]
    assert row["chosen"][0]["role"] == "assistant"
    assert (row["annotator"], row["annotation"]) == (cast.bob.pseudonym, str(annotation.uid))
    assert row["task"] == str(annotation.task.uid)
    bodies = annotation.task.body.candidates
    for row in rows:
        shown = [bodies[uid]["parts"][0]["text"] for uid in annotation.answer["shown_order"]]
        assert row["chosen"][0]["content"] == shown[row["chosen_position"]]
        assert row["rejected"][0]["content"] == shown[row["rejected_position"]]


def test_the_source_of_the_answers_is_called_after_the_project_and_no_name_is_used_twice(
    cast: Cast, project: Project
) -> None:
    first = source_of(project, by=cast.alice)
    Project.objects.filter(pk=project.pk).update(licence="MIT")
    project.refresh_from_db()
    second = source_of(project, by=cast.alice)
    assert first.name == f"Answers of {project.name}"
    assert second.name.startswith(first.name)
    assert second.name.endswith(", MIT)")


def test_ties_and_all_bad_are_left_out_and_counted(cast: Cast, project: Project, rank: Rank) -> None:
    add_tasks(project, 3, candidates=3)
    rank([[0], [1, 2]])
    rank([[0, 1, 2]])
    rank([[0], [1], [2]], all_bad=True)
    version = release_preferences(project=project, by=cast.alice)
    assert version.manifest["counts"] == {
        "annotations": 3, "pairs": 2, "ties": 4, "all_bad": 1, "no_preference": 1, "not_work": 0,
    }  # fmt: skip
    assert len(rows_of(version)) == 2


def test_two_people_on_one_task_give_two_rows(cast: Cast, project: Project, rank: Rank) -> None:
    add_tasks(project, 1)
    rank([[0], [1]])
    rank([[1], [0]], by=cast.rita)
    rows = rows_of(release_preferences(project=project, by=cast.alice, policy="all"))
    assert {row["annotator"] for row in rows} == {cast.bob.pseudonym, cast.rita.pseudonym}
    assert len({row["task"] for row in rows}) == 1
    assert len({row["id"] for row in rows}) == 2


def test_a_correction_replaces_the_answer_that_it_corrects(cast: Cast, project: Project, rank: Rank) -> None:
    add_tasks(project, 1)
    first = rank([[0], [1]])
    rules = rules_of(first.assignment)
    answer = parse_answer({"ranking": list(reversed(rules.shown_order))}, rules=rules)
    revise(assignment=first.assignment, answer=answer, revision=1, active_ms=1)
    [row] = rows_of(release_preferences(project=project, by=cast.alice))
    assert (row["chosen_position"], row["annotation"] != str(first.uid)) == (1, True)


def test_the_strength_is_the_margin_of_a_single_pair(cast: Cast, project: Project, rank: Rank) -> None:
    add_tasks(project, 2)
    rank([[0], [1]], strength=3)
    rank([[0], [1]])
    rows = rows_of(release_preferences(project=project, by=cast.alice))
    assert sorted(str(row["margin"]) for row in rows) == ["3.0", "None"]


def test_gold_and_repeated_tasks_stay_out_of_the_training_data(
    cast: Cast, project: Project, rank: Rank
) -> None:
    add_tasks(project, 3)
    for purpose in (Task.Purpose.GOLD, Task.Purpose.REPEAT):
        annotation = rank([[0], [1]])
        Task.objects.filter(pk=annotation.task.pk).update(purpose=purpose)
    kept = rank([[0], [1]])
    version = release_preferences(project=project, by=cast.alice)
    assert [row["annotation"] for row in rows_of(version)] == [str(kept.uid)]
    assert version.manifest["counts"]["not_work"] == 2


def test_the_parents_are_the_project_its_guideline_and_its_source(
    cast: Cast, project: Project, rank: Rank
) -> None:
    add_tasks(project, 2)
    guideline = Guideline.objects.create(
        workspace=cast.workspace,
        project=project,
        number=1,
        text="Be fair.",
        published_at=Now() - timedelta(hours=1),
    )
    rank([[0], [1]])
    version = release_preferences(project=project, by=cast.alice)
    source = Source.objects.get()
    assert (source.licence, source.lawful_basis) == ("CC-BY-4.0", "consent")
    edges = {
        (edge.parent_kind, edge.parent_uid) for edge in lineage.parents_of("dataset_version", version.uid)
    }
    assert edges == {("project", project.uid), ("guideline", guideline.uid), ("source", source.uid)}
    assert rows_of(version)[0]["guideline"] == 1
    assert version.manifest["licence"] == "CC-BY-4.0"
    names = {
        relative.label
        for relative in lineage.ancestors(workspace=cast.workspace, node=("dataset_version", version.uid))
    }
    assert {"Helpfulness", "Helpfulness, guideline 1"} <= names
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.FROZEN, membership=cast.alice).count() == 1


def test_a_project_without_a_licence_says_so_in_its_version(cast: Cast, rank: Rank, project: Project) -> None:
    Project.objects.update(licence="")
    project.refresh_from_db()
    add_tasks(project, 1)
    rank([[0], [1]])
    assert release_preferences(project=project, by=cast.alice).manifest["licence"] == UNSTATED_LICENCE


def test_no_name_no_mail_and_no_model_leaves_with_the_rows(cast: Cast, project: Project, rank: Rank) -> None:
    add_tasks(project, 3)
    for _ in range(3):
        rank([[0], [1]])
    text = str(rows_of(release_preferences(project=project, by=cast.alice)))
    for secret in ("secret-model", "bob@example.org", "Bob", str(cast.bob.uid), str(cast.bob.user.uid)):
        assert secret not in text


def test_freezing_twice_without_new_answers_names_the_first_version(
    cast: Cast, project: Project, rank: Rank
) -> None:
    add_tasks(project, 2)
    rank([[0], [1]])
    first = release_preferences(project=project, by=cast.alice)
    with pytest.raises(versions.AlreadyFrozen, match=str(first.uid)):
        release_preferences(project=project, by=cast.alice)
    rank([[0], [1]])
    assert release_preferences(project=project, by=cast.alice).number == 2


def test_equal_prompts_are_on_one_side(cast: Cast, project: Project, rank: Rank) -> None:
    add_tasks(project, 20)
    for _ in range(20):
        rank([[0], [1]])
    version = release_preferences(project=project, by=cast.alice, heldout_share=0.5)
    sides = [
        {str(row["prompt"]) for row in versions.rows(version, split=split, limit=200)} for split in SPLITS
    ]
    assert all(sides)
    assert not sides[0] & sides[1]


def test_an_empty_project_says_what_to_do_next(cast: Cast, project: Project, rank: Rank) -> None:
    with pytest.raises(versions.NothingToFreeze, match="Rank some tasks"):
        release_preferences(project=project, by=cast.alice)
    add_tasks(project, 2)
    rank([[0, 1]])
    rank([[0], [1]], all_bad=True)
    with pytest.raises(versions.NothingToFreeze, match="1 ties, 1 times all candidates bad"):
        release_preferences(project=project, by=cast.alice)
    assert not DatasetVersion.objects.exists()
    assert not Source.objects.exists()


def test_reading_the_answers_takes_one_query_however_many_there_are(
    cast: Cast, project: Project, rank: Rank, django_assert_max_num_queries: Any
) -> None:
    add_tasks(project, 30)
    for _ in range(30):
        rank([[0], [1]])
    # The inbox takes them in one batch and one query reads the rows; the others write source, data set,
    # version, lineage and audit.
    with django_assert_max_num_queries(55):
        release_preferences(project=project, by=cast.alice)


def test_no_file_is_copied_while_a_transaction_waits(
    project: Project, rank: Rank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database ends a transaction that is idle for a minute, and the job would fail each time again."""
    add_tasks(project, 1)
    rank([[0], [1]])
    put_file, outside, copied = blobs.put_file, len(connection.savepoint_ids), []

    def watching(path: Path, *, workspace: uuid.UUID) -> str:
        if not blobs.exists(workspace=workspace, sha256=blobs.sha256_of(path)):
            copied.append(len(connection.savepoint_ids))
        return put_file(path, workspace=workspace)

    monkeypatch.setattr(blobs, "put_file", watching)
    assert release_preferences(project=project, by=None).train_rows == 1
    assert copied == [outside]


# --- Policies ---------------------------------------------------------------------------------------------
@pytest.fixture
def five(cast: Cast, project: Project) -> list[Annotation]:
    """One answer in each state: accepted, mended and accepted, open, sent back, rejected."""
    add_tasks(project, 5)
    made = [rank_own(project, cast.bob) for _number in range(5)]
    inbox.take_all(project=project)
    _accepted, mended, left_open, sent_back, rejected = map(acceptance_of, made)
    answer = {"ranking": turned_round(made[1].assignment)}
    reviews.fix_and_accept(acceptance=mended, by=cast.rita, answer=answer)
    reviews.reopen(acceptance=left_open, by=cast.rita)
    Acceptance.objects.filter(pk=left_open.pk).update(state="open")
    reviews.send_back(acceptance=sent_back, by=cast.rita, comment="Again.")
    reviews.reject(acceptance=rejected, by=cast.rita)
    return made


def test_only_accepted_work_is_released_and_the_manifest_says_what_was_left_out(
    cast: Cast, project: Project, five: list[Annotation]
) -> None:
    version = release_preferences(project=project, by=cast.alice)
    rows = rows_of(version)
    assert {row["annotation"] for row in rows} == {str(row.uid) for row in five[:2]}
    assert version.manifest["policy"]["release"] == {
        "policy": "accepted",
        "accepted": 2,
        "open": 1,
        "rejected": 1,
        "sent_back": 1,
        "held": 0,
        "erased": 0,
    }
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.RELEASED)
    assert (event.membership, event.detail["version"]) == (cast.alice, str(version.uid))


def test_a_mended_answer_is_released_as_mended_under_the_reviewers_name(
    cast: Cast, project: Project, five: list[Annotation]
) -> None:
    rows = {row["annotation"]: row for row in rows_of(release_preferences(project=project, by=cast.alice))}
    kept, mended = (rows[str(row.uid)] for row in five[:2])
    assert "Answer 0 to" in kept["chosen"][0]["content"]
    assert "Answer 1 to" in mended["chosen"][0]["content"]
    assert (kept["annotator"], mended["annotator"]) == (cast.bob.pseudonym, cast.rita.pseudonym)


def test_the_policy_all_releases_every_answer_as_it_was_given(
    cast: Cast, project: Project, five: list[Annotation]
) -> None:
    version = release_preferences(project=project, by=cast.alice, policy="all")
    assert {row["annotation"] for row in rows_of(version)} == {str(row.uid) for row in five}
    assert {row["annotator"] for row in rows_of(version)} == {cast.bob.pseudonym}
    assert version.manifest["policy"]["release"]["policy"] == "all"


def test_nothing_of_a_paused_or_failed_person_is_released_even_if_it_was_accepted(
    cast: Cast, project: Project
) -> None:
    add_tasks(project, 6)
    mine = [rank_own(project, cast.bob) for _number in range(3)]
    failed = [rank_own(project, cast.alice) for _number in range(3)]
    inbox.take_all(project=project)
    for annotation in failed:
        reviews.accept(acceptance=acceptance_of(annotation), by=cast.rita)
    GoldScore.objects.create(
        workspace=cast.workspace, project=project, membership=cast.alice, verdict=GoldScore.Verdict.FAILED
    )
    version = release_preferences(project=project, by=cast.rita)
    assert {row["annotation"] for row in rows_of(version)} == {str(row.uid) for row in mine}
    assert version.manifest["policy"]["release"]["held"] == 3
    pause(membership=cast.bob, project=project, reason="Look.")
    for policy in ("accepted", "majority"):
        with pytest.raises(versions.NothingToFreeze, match="6 are of people who are paused"):
            release_preferences(project=project, by=cast.rita, policy=policy)


def test_the_majority_decides_each_pair_and_ties_are_dropped(cast: Cast, project: Project) -> None:
    Project.objects.update(overlap=3)
    project.refresh_from_db()
    add_tasks(project, 2)
    for by, order in ((cast.bob, file_order), (cast.alice, file_order), (cast.rita, turned_round)):
        rank_own(project, by, order)
    for by, order in ((cast.bob, file_order), (cast.alice, turned_round), (cast.rita, tied)):
        rank_own(project, by, order)
    reviews.accept_rest(project=project, by=cast.rita)
    version = release_preferences(project=project, by=cast.alice, policy="majority")
    [row] = rows_of(version)
    assert ("Answer 0 to" in row["chosen"][0]["content"], row["annotator"]) == (True, "majority")
    assert (row["annotation"], row["chosen_position"], row["margin"]) == ("", None, None)
    counts = version.manifest["counts"]
    assert (counts["annotations"], counts["pairs"], counts["ties"]) == (6, 1, 1)


def test_demonstrations_are_released_as_written_and_as_mended(cast: Cast) -> None:
    project = make_project(cast, kind="demonstration", aspects=[], licence="CC0-1.0")
    import_tasks(project=project, records=[{"prompt": f"Why {at}?"} for at in range(3)], by=cast.alice)
    consenting(cast.bob)
    written = [
        put(take(project, cast.bob), {"prompt": f"Why {at}, please?", "completion": f"Since {at}."})
        for at in range(3)
    ]
    inbox.take_all(project=project)
    reviews.fix_and_accept(
        acceptance=acceptance_of(written[1]), by=cast.rita, answer={"prompt": "Why?", "completion": "So."}
    )
    reviews.reject(acceptance=acceptance_of(written[2]), by=cast.rita)
    version = release_demonstrations(project=project, by=cast.alice)
    texts = {(row["prompt"][0]["content"], row["completion"][0]["content"]) for row in rows_of(version)}
    assert texts == {("Why 0, please?", "Since 0."), ("Why?", "So.")}
    assert version.dataset.kind == "demonstrations"
    with pytest.raises(UnknownPolicy):
        release(project=project, by=cast.alice, policy="majority")


def test_labels_are_released_by_majority_unless_asked_otherwise(cast: Cast) -> None:
    project = make_project(
        cast, kind="classification", labels=["good", "bad", "odd"], aspects=[], overlap=3, licence="CC0-1.0"
    )
    import_tasks(project=project, records=[{"prompt": f"Text {at}"} for at in range(2)], by=cast.alice)
    consenting(cast.alice, cast.bob, cast.rita)
    for labels in (("good", "good", "bad"), ("good", "bad", "odd")):
        for by, chosen in zip((cast.alice, cast.bob, cast.rita), labels, strict=True):
            label(project, by, chosen)
    reviews.accept_rest(project=project, by=cast.rita)
    version = release(project=project, by=cast.alice)
    [row] = rows_of(version)
    assert (row["labels"], row["annotator"]) == (["good"], "majority")
    assert version.manifest["counts"]["no_majority"] == 1
    each = release_labels(project=project, by=cast.alice, policy="accepted")
    assert each.train_rows + each.heldout_rows == 6


def test_a_policy_must_exist_and_fit_the_project(cast: Cast, project: Project) -> None:
    for policy in ("ALL", "best", "majority "):
        with pytest.raises(UnknownPolicy) as refused:
            release_preferences(project=project, by=cast.alice, policy=policy)
        assert "policy" in refused.value.fields
    with pytest.raises(WrongKind):
        release_labels(project=project, by=cast.alice)


def test_answers_about_an_erased_person_are_not_released(cast: Cast) -> None:
    project = make_project(cast, aspects=[], licence="CC0-1.0")
    consenting(cast.bob)
    records = [{"prompt": f"Q{at}", "candidates": ["a", "b"], "subject": f"person {at}"} for at in range(2)]
    import_tasks(project=project, records=records, by=cast.alice)
    for _number in range(2):
        rank_own(project, cast.bob)
    key = subject_key(workspace=cast.workspace, identifier="person 0")
    Erasure.objects.create(workspace=cast.workspace, subject_key=key)
    version = release_preferences(project=project, by=cast.alice)
    [row] = rows_of(version)
    assert row["subject_key"] == subject_key(workspace=cast.workspace, identifier="person 1")
    assert version.manifest["policy"]["release"]["erased"] == 1

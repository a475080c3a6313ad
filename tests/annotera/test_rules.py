"""After N new released preferences a reward model is trained: once, by itself, and never in silence."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import AuditEvent
from annotation.models import Project
from annotera import rules
from annotera.models import RewardRule, RuleFiring
from annotera.rules import RuleRefused, check_rules, set_reward_rule, switch_off, switch_on
from corpus import versions
from corpus.models import DatasetVersion
from tests.annotation.worlds import make_project
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair
from tests.jobs.processes import Broker, Worker
from tests.training.conftest import training_broker as training_broker
from tests.training.registered import make_model
from training.models import ModelVersion, TrainingRun


@pytest.fixture
def base(cast: Cast, tmp_path: Path) -> ModelVersion:
    return make_model(cast.workspace, tmp_path)


@pytest.fixture
def project(cast: Cast) -> Project:
    return make_project(cast)


def release(project: Project, count: int, *, first: int = 0) -> DatasetVersion:
    """A version of the project's preferences: a snapshot, so it holds the rows of the one before too."""
    rows = [pair(number) for number in range(first, first + count)]
    parent = versions.Parent(kind="project", uid=project.uid, role="annotations")
    return freeze(project.workspace, rows=rows, name=f"{project.name} preferences", parents=[parent])


def rule_of(project: Project, base: ModelVersion, cast: Cast, **values: Any) -> RewardRule:
    return set_reward_rule(project=project, by=cast.alice, base_model=base, **{"threshold": 10, **values})


def rule_runs() -> list[TrainingRun]:
    return list(TrainingRun.objects.filter(stage="reward").order_by("pk"))


def test_it_acts_at_n_new_preferences_and_not_at_one_less(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule = rule_of(project, base, cast, config={"steps": 7})
    assert check_rules() == 0
    release(project, 9)
    assert check_rules() == 0 and rule_runs() == []
    tenth = release(project, 10)
    assert check_rules() == 1
    [run] = rule_runs()
    assert (run.dataset_version, run.base_model, run.created_by) == (tenth, base, cast.alice)
    assert run.config["steps"] == 7 and run.job.state == "queued"
    firing = RuleFiring.objects.get(run=run)
    assert (firing.rule, firing.version, firing.preferences) == (rule, tenth, 10)
    [event] = AuditEvent.objects.filter(kind="rule_fired")
    assert (event.workspace, event.object_uid) == (cast.workspace, rule.uid)
    assert (event.detail["run"], event.detail["preferences"]) == (str(run.uid), 10)


def test_it_acts_once_on_a_version_and_again_after_n_more(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule_of(project, base, cast)
    release(project, 12)
    assert [check_rules() for _ in range(3)] == [1, 0, 0]
    # Twelve are known: of these 21 only nine are new, although the version is larger than the threshold.
    release(project, 21)
    assert check_rules() == 0
    release(project, 22)
    assert check_rules() == 1
    assert [firing.preferences for firing in RuleFiring.objects.order_by("pk")] == [12, 10]
    assert len(rule_runs()) == 2


def test_rows_that_took_the_place_of_others_are_new(cast: Cast, project: Project, base: ModelVersion) -> None:
    rule_of(project, base, cast)
    release(project, 15)
    check_rules()
    # As many rows as before, ten of them others.
    release(project, 15, first=10)
    assert check_rules() == 1


def test_the_same_answers_under_another_policy_are_no_new_preferences(cast: Cast) -> None:
    def released(policy: str, *, first: int) -> DatasetVersion:
        # Each policy names its rows in its own way.
        return freeze(
            cast.workspace,
            rows=[pair(number) for number in range(first, first + 20)],
            policy={"release": {"policy": policy}},
        )

    older, newer = released("accepted", first=0), released("majority", first=100)
    assert rules.new_preferences(older=older, newer=newer) == 0


def test_of_versions_that_came_between_two_checks_the_newest_is_taken(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule_of(project, base, cast)
    release(project, 11)
    newest = release(project, 13)
    assert check_rules() == 1
    assert [run.dataset_version for run in rule_runs()] == [newest]


def test_versions_of_other_projects_and_imports_do_not_count(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule_of(project, base, cast)
    other = make_project(cast, name="Another")
    release(other, 20)
    freeze(cast.workspace, name="imported")
    assert check_rules() == 0


def test_switched_off_it_does_nothing_and_switched_on_it_takes_up_what_came(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule = switch_off(rule=rule_of(project, base, cast), by=cast.alice)
    release(project, 10)
    assert check_rules() == 0 and rule_runs() == []
    # Changing it does not switch it on.
    assert not rule_of(project, base, cast, threshold=5).is_active
    assert check_rules() == 0
    switch_on(rule=rule, by=cast.alice)
    assert check_rules() == 1


def test_it_says_why_it_could_not_start_and_starts_when_it_can(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule = rule_of(project, base, cast)
    # A setting that a later version of the product no longer knows.
    RewardRule.objects.update(config={"speed": 1})
    release(project, 10)
    assert check_rules() == 0 and rule_runs() == []
    rule.refresh_from_db()
    assert "Unknown field" in rule.problem
    assert not AuditEvent.objects.filter(kind="rule_fired").exists()
    RewardRule.objects.update(config={})
    assert check_rules() == 1
    rule.refresh_from_db()
    assert rule.problem == ""


def test_one_broken_rule_does_not_keep_the_others_from_acting(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule_of(project, base, cast)
    RewardRule.objects.update(config={"speed": 1})
    other = make_project(cast, name="Another")
    rule_of(other, base, cast)
    release(project, 10)
    release(other, 11)
    assert check_rules() == 1
    assert [firing.rule.project for firing in RuleFiring.objects.all()] == [other]


def test_a_lower_threshold_holds_for_what_was_counted_already(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule_of(project, base, cast)
    release(project, 6)
    assert check_rules() == 0
    rule_of(project, base, cast, threshold=6)
    assert check_rules() == 1


def test_a_version_is_not_read_again_at_every_check(
    cast: Cast, project: Project, base: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    rule_of(project, base, cast)
    release(project, 9)
    check_rules()
    rule = RewardRule.objects.get()
    assert (rule.new_preferences, rule.counted_version) == (9, rules.newest_release(project))
    with django_assert_max_num_queries(2):
        check_rules()


def test_a_run_that_a_person_started_on_the_version_does_not_count_as_the_rules(
    cast: Cast, project: Project, base: ModelVersion, tmp_path: Path
) -> None:
    rule_of(project, base, cast)
    version = release(project, 10)
    make_model(cast.workspace, tmp_path / "by-hand", "reward", base_model=base, dataset_version=version)
    assert check_rules() == 1


def test_every_change_is_audited(cast: Cast, project: Project, base: ModelVersion) -> None:
    rule = rule_of(project, base, cast)
    switch_off(rule=rule, by=cast.alice)
    switch_off(rule=rule, by=cast.alice)
    events = AuditEvent.objects.filter(kind="rule_changed", membership=cast.alice).order_by("pk")
    assert [(event.object_uid, event.detail["is_active"]) for event in events] == [
        (rule.uid, True),
        (rule.uid, False),
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": -1}, "threshold"),
        ({"threshold": 10**12}, "threshold"),
        ({"config": {"speed": 1}}, "config.speed"),
        ({"config": {"steps": "many"}}, "config.steps"),
        ({"base_model": None}, "base_model"),
    ],
)
def test_what_makes_no_rule_is_refused_by_field(
    cast: Cast, project: Project, base: ModelVersion, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleRefused) as refusal:
        set_reward_rule(**{"project": project, "by": cast.alice, "base_model": base, "threshold": 5} | values)
    assert list(refusal.value.fields) == [field]
    assert not RewardRule.objects.exists() and not AuditEvent.objects.filter(kind="rule_changed").exists()


def test_a_reward_model_a_strangers_model_and_a_writing_project_are_refused(
    cast: Cast, project: Project, base: ModelVersion, tmp_path: Path
) -> None:
    reward = make_model(cast.workspace, tmp_path / "reward", "reward", base_model=base)
    theirs = make_model(cast.charlie.workspace, tmp_path / "theirs")
    writing = make_project(cast, name="Writing", kind="demonstration")
    for values, field in (
        ({"base_model": reward}, "base_model"),
        ({"base_model": theirs}, "base_model"),
        ({"project": writing}, "project"),
    ):
        given = {"project": project, "base_model": base, "threshold": 5, "by": cast.alice} | values
        with pytest.raises(RuleRefused) as refusal:
            set_reward_rule(**given)
        assert list(refusal.value.fields) == [field]


def at_once(count: int, act: Any) -> list[Any]:
    """The results of `count` threads that begin together, each on a connection of its own."""
    barrier, found = threading.Barrier(count), []

    def run() -> None:
        try:
            barrier.wait(timeout=30)
            found.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == count
    return found


@pytest.mark.parametrize("round", range(3))
def test_sweeps_at_the_same_moment_start_one_run(committed_cast: Cast, tmp_path: Path, round: int) -> None:
    project = make_project(committed_cast)
    base = make_model(committed_cast.workspace, tmp_path)
    rule_of(project, base, committed_cast)
    release(project, 10 + round)
    assert sorted(at_once(4, check_rules)) == [0, 0, 0, 1]
    assert len(rule_runs()) == RuleFiring.objects.count() == 1
    assert check_rules() == 0
    assert RewardRule.objects.get().new_preferences == 0


def test_two_people_who_set_a_rule_at_once_make_one(committed_cast: Cast, tmp_path: Path) -> None:
    project = make_project(committed_cast)
    base = make_model(committed_cast.workspace, tmp_path)
    at_once(2, lambda: rule_of(project, base, committed_cast))
    assert RewardRule.objects.count() == 1


@pytest.mark.processes
def test_a_worker_lets_the_rule_act_without_being_asked(
    committed_cast: Cast,
    tmp_path: Path,
    training_broker: Broker,
    wait_for: Any,
) -> None:
    project = make_project(committed_cast)
    base = make_model(committed_cast.workspace, tmp_path)
    rule_of(project, base, committed_cast)
    release(project, 10)
    # Of the light queue alone: the run shall be started, not trained.
    worker = Worker(
        broker=training_broker, work=tmp_path / "work", log=tmp_path / "log", queues="light", name="rules"
    )
    try:
        wait_for(rule_runs, what="the run")
        assert RuleFiring.objects.get().run.job.state == "queued"
    finally:
        worker.kill()

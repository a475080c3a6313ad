"""What a run needs before it starts."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEvent
from jobs.models import Job
from tests.conftest import Cast
from tests.corpus.frozen import freeze
from tests.training.registered import frozen, make_model, make_run
from training.models import TrainingRun
from training.run_checks import RunRefused
from training.runs import cancel_run


def refusal(cast: Cast, stage: str, **parts: Any) -> dict[str, str]:
    with pytest.raises(RunRefused) as caught:
        make_run(cast.workspace, stage, name="refused", **parts)
    assert not TrainingRun.objects.filter(name="refused").exists()
    assert not Job.objects.filter(title__contains="refused").exists()
    return caught.value.fields


def test_run_job_and_audit_are_written_together(cast: Cast) -> None:
    run = make_run(cast.workspace, by=cast.alice, config_values={"steps": 5, "seed": 3})
    assert run.job.payload == {"run": str(run.uid)}
    assert (run.job.kind, run.job.state, run.job.created_by) == ("training.run", Job.State.QUEUED, cast.alice)
    assert (run.seed, run.config["steps"], run.config["layers"]) == (3, 5, 4)
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.RUN_STARTED)
    assert (event.membership, event.object_uid) == (cast.alice, run.uid)


def test_a_run_without_a_name_is_named_after_its_data(cast: Cast) -> None:
    assert make_run(cast.workspace, name="").name == "boxes pretrain"


def test_an_unknown_stage_is_refused(cast: Cast) -> None:
    assert "stage" in refusal(cast, "dance")


def test_every_wrong_part_and_setting_is_named_at_once(cast: Cast, tmp_path: Path) -> None:
    fields = refusal(
        cast, "ppo", dataset_version=None, config_values={"updates": 0, "speed": 1}
    )  # fmt: skip
    assert fields.keys() == {"dataset_version", "base_model", "reward_model", "updates", "speed"}


@pytest.mark.parametrize("stage", ["sft", "reward", "ppo"])
def test_a_stage_that_continues_needs_a_model(cast: Cast, stage: str) -> None:
    assert "base_model" in refusal(cast, stage)


def test_pretraining_starts_from_nothing(cast: Cast, tmp_path: Path) -> None:
    model = make_model(cast.workspace, tmp_path, name="base")
    assert "base_model" in refusal(cast, "pretrain", base_model=model)


def test_only_ppo_takes_a_reward_model(cast: Cast, tmp_path: Path) -> None:
    reward = make_model(cast.workspace, tmp_path, "reward", name="rm")
    base = reward.made_by.base_model
    assert "reward_model" in refusal(cast, "sft", base_model=base, reward_model=reward)
    assert "reward_model" in refusal(cast, "ppo", base_model=base)


def test_a_reward_model_is_no_policy_and_a_policy_no_reward_model(cast: Cast, tmp_path: Path) -> None:
    reward = make_model(cast.workspace, tmp_path, "reward", name="rm")
    base = reward.made_by.base_model
    for stage in ("sft", "reward", "ppo"):
        assert "base_model" in refusal(cast, stage, base_model=reward)
    assert "reward_model" in refusal(cast, "ppo", base_model=base, reward_model=base)


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        ("corpus", {"pretrain"}),
        ("prompts", {"ppo"}),
        ("demonstrations", {"pretrain", "sft", "ppo"}),
        ("preferences", {"pretrain", "sft", "reward", "ppo"}),
    ],
)
def test_each_stage_takes_the_kinds_of_data_that_serve_it(
    cast: Cast, tmp_path: Path, kind: str, fitting: set[str]
) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    row = {"id": "1", "text": "Once."} if kind == "corpus" else {"id": "1", "prompt": messages}
    row |= {"completion": messages} if kind == "demonstrations" else {}
    row |= {"chosen": messages, "rejected": messages} if kind == "preferences" else {}
    version = freeze(cast.workspace, kind=kind, rows=[row], name=kind)
    reward = make_model(cast.workspace, tmp_path, "reward", name="rm")
    base = reward.made_by.base_model
    parts = {
        "pretrain": {},
        "sft": {"base_model": base},
        "reward": {"base_model": base},
        "ppo": {"base_model": base, "reward_model": reward},
    }
    for stage, models in parts.items():
        if stage in fitting:
            make_run(cast.workspace, stage, dataset_version=version, name=f"{kind} {stage}", **models)
        else:
            assert "dataset_version" in refusal(cast, stage, dataset_version=version, **models)


def test_parts_of_another_workspace_do_not_exist(cast: Cast, tmp_path: Path) -> None:
    theirs = make_model(cast.charlie.workspace, tmp_path, "reward")
    fields = refusal(
        cast, "ppo", dataset_version=theirs.made_by.dataset_version, base_model=theirs.made_by.base_model,
        reward_model=theirs,
    )  # fmt: skip
    assert fields.keys() == {"dataset_version", "base_model", "reward_model"}


@pytest.mark.parametrize("name", ["x" * 121, "two\nlines", "\x00"])
def test_an_unusable_name_is_refused(cast: Cast, name: str) -> None:
    with pytest.raises(RunRefused) as caught:
        make_run(cast.workspace, name=name)
    assert "name" in caught.value.fields


def test_cancelling_twice_is_harmless_and_told_once_each(cast: Cast) -> None:
    run = make_run(cast.workspace)
    cancel_run(run=run, by=cast.alice)
    cancel_run(run=run, by=cast.alice)
    assert Job.objects.get(pk=run.job_id).state == Job.State.CANCELLED


def test_the_same_name_can_be_used_again(cast: Cast) -> None:
    assert {make_run(cast.workspace, name="same").name for _ in range(2)} == {"same"}
    assert frozen(cast.workspace).runs.count() == 2


def test_a_run_is_named_after_data_whose_name_is_in_any_script(cast: Cast) -> None:
    version = freeze(cast.workspace, name="نمی\u200cدانم 👩\u200d🔬")
    assert make_run(cast.workspace, name="", dataset_version=version).name.startswith("نمی\u200cدانم")

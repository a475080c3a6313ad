"""What `manage.py train` understands and refuses, short of training anything."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.conftest import Cast
from tests.corpus.frozen import freeze, pairs
from tests.training.registered import make_model
from training.configs import ConfigInvalid, parse_config
from training.models import TrainingRun
from training.typed_settings import assignments, typed_values


def train(stage: str, *, settings: list[str] | None = None, **options: Any) -> dict[str, Any]:
    out = StringIO()
    options = {"workspace": "acme", "settings_given": settings or []} | options
    call_command("train", stage, stdout=out, stderr=StringIO(), **options)
    return dict(json.loads(out.getvalue()))


def test_it_queues_a_run_and_prints_its_id(cast: Cast) -> None:
    freeze(cast.workspace)
    printed = train("pretrain", dataset="boxes v1", settings=["steps=7", "learning_rate=1e-3"], name="quick")
    run = TrainingRun.objects.get(uid=printed["run"])
    assert printed["state"] == "queued"
    assert (run.name, run.config["steps"], run.config["learning_rate"]) == ("quick", 7, 0.001)


def test_data_is_named_by_id_by_number_or_by_its_newest(cast: Cast) -> None:
    first, second = freeze(cast.workspace), freeze(cast.workspace, rows=pairs(31))
    for text, version in ((str(first.uid), first), ("boxes v1", first), ("boxes", second)):
        printed = train("pretrain", dataset=text)
        assert TrainingRun.objects.get(uid=printed["run"]).dataset_version == version


def test_models_are_named_in_the_same_ways(cast: Cast, tmp_path: Path) -> None:
    reward = make_model(cast.workspace, tmp_path, "reward", name="rm")
    base = reward.made_by.base_model
    for model, rm in ((str(base.uid), "rm"), (f"{base.name} v1", "rm v1")):
        printed = train("ppo", dataset="boxes", model=model, reward_model=rm)
        run = TrainingRun.objects.get(uid=printed["run"])
        assert (run.base_model, run.reward_model) == (base, reward)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workspace": "nowhere"}, "no workspace"),
        ({"dataset": "circles"}, "no dataset version “circles”"),
        ({"dataset": "boxes v9"}, "no dataset version"),
        ({"model": "none"}, "no model “none”"),
        ({"settings": ["steps"]}, "steps: Write name=value"),
        ({"settings": ["steps=many"]}, "steps: "),
        ({"settings": ["speed=1"]}, "speed: Unknown"),
        ({"name": "x" * 200}, "name: "),
    ],
)
def test_it_says_what_is_wrong(cast: Cast, options: dict[str, Any], message: str) -> None:
    freeze(cast.workspace)
    with pytest.raises(CommandError, match=message):
        train("pretrain", **({"dataset": "boxes"} | options))
    assert not TrainingRun.objects.exists()


def test_names_of_another_workspace_are_unknown(cast: Cast) -> None:
    freeze(cast.charlie.workspace, name="theirs")
    with pytest.raises(CommandError, match="no dataset version"):
        train("pretrain", dataset="theirs v1")


def test_typed_texts_become_numbers_and_switches() -> None:
    texts = assignments(
        ["updates= 3", "kl_coefficient=1e-2", "kl_floor=0", "normalise_scores=off", "whiten_advantages=YES"]
    )
    config = parse_config(stage="ppo", values=typed_values(stage="ppo", texts=texts))
    assert (config.updates, config.kl_coefficient) == (3, 0.01)  # type: ignore[union-attr]
    assert (config.normalise_scores, config.whiten_advantages) == (False, True)  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["updates=1.5", "updates=", "normalise_scores=maybe", "kl_coefficient=nan"])
def test_a_text_that_is_no_value_is_refused_by_name(text: str) -> None:
    values = typed_values(stage="ppo", texts=assignments([text]))
    with pytest.raises(ConfigInvalid) as caught:
        parse_config(stage="ppo", values=values)
    assert caught.value.fields.keys() == {text.partition("=")[0]}

import dataclasses
import math

import pytest

from training.configs import STAGES, ConfigInvalid, PpoConfig, PretrainConfig, parse_config


@pytest.mark.parametrize("stage", STAGES)
def test_every_field_can_be_shown_in_a_form(stage: str) -> None:
    for field in dataclasses.fields(STAGES[stage]):
        assert field.metadata["label"] and field.metadata["help"], field.name
        bounded = field.metadata.keys() >= {"minimum", "maximum"}
        assert bounded or "choices" in field.metadata, field.name


@pytest.mark.parametrize("stage", STAGES)
def test_the_defaults_of_a_stage_are_accepted_as_they_stand(stage: str) -> None:
    defaults = parse_config(stage=stage, values={})
    assert parse_config(stage=stage, values=dataclasses.asdict(defaults)) == defaults


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_seed(stage: str) -> None:
    assert parse_config(stage=stage, values={"seed": 5}).seed == 5


def test_it_names_each_refused_field() -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        parse_config(stage="ppo", values={"updates": 0, "colour": 1, "temperature": 1.0})
    assert refusal.value.fields.keys() == {"updates", "colour"}
    assert "between 1 and" in refusal.value.fields["updates"]


@pytest.mark.parametrize("value", ["12", None, True, [1], 1.5, math.nan, math.inf, 10**400, -(10**400)])
def test_it_refuses_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        parse_config(stage="sft", values={"steps": value})
    assert refusal.value.fields.keys() == {"steps"}


@pytest.mark.parametrize("value", ["0.1", None, False, math.inf, math.nan, 2.0, -1, 10**400])
def test_it_refuses_what_is_no_learning_rate(value: object) -> None:
    with pytest.raises(ConfigInvalid):
        parse_config(stage="reward", values={"learning_rate": value})


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_it_refuses_what_is_neither_true_nor_false(value: object) -> None:
    with pytest.raises(ConfigInvalid):
        parse_config(stage="ppo", values={"whiten_advantages": value})


def test_a_whole_number_serves_as_a_real_one() -> None:
    config = parse_config(stage="ppo", values={"temperature": 1})
    assert isinstance(config, PpoConfig) and isinstance(config.temperature, float)


def test_an_unknown_stage_is_refused_by_name() -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        parse_config(stage="dpo", values={})
    assert refusal.value.fields.keys() == {"stage"}


@pytest.mark.parametrize(
    ("stage", "values", "field"),
    [
        ("pretrain", {"hidden_size": 100, "heads": 3}, "heads"),
        ("pretrain", {"hidden_size": 20, "heads": 4}, "heads"),
        ("ppo", {"batch_size": 10, "minibatches": 4}, "minibatches"),
    ],
)
def test_fields_that_do_not_fit_together_are_refused(stage: str, values: dict[str, int], field: str) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        parse_config(stage=stage, values=values)
    assert refusal.value.fields.keys() == {field}


def test_a_config_cannot_be_changed_afterwards() -> None:
    config = parse_config(stage="pretrain", values={})
    assert isinstance(config, PretrainConfig)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.steps = 1  # type: ignore[misc]


@pytest.mark.parametrize("value", ["double", "", None, 1, True])
def test_it_refuses_a_word_that_is_not_among_the_choices(value: object) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        parse_config(stage="ppo", values={"precision": value})
    assert refusal.value.fields == {"precision": "Must be one of float32, bfloat16."}


def test_the_lowest_kl_coefficient_cannot_lie_above_the_first() -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        parse_config(stage="ppo", values={"kl_coefficient": 0.05, "kl_floor": 0.1})
    assert refusal.value.fields.keys() == {"kl_floor"}

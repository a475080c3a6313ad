"""Adapters: off they are the base model, on they learn, merged they are a plain model that answers the
same.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
)

from training.engine.adapters import (
    AdapterOff,
    WeightsDiffer,
    autocast,
    computes_in_bfloat16,
    load_trainable_state,
    merged,
    precision_of,
    trainable_state,
    trunk,
    with_adapter,
)
from training.engine.failures import InputUnreadable
from training.engine.scoring import score_sequences

pytestmark = pytest.mark.engine

CPU = torch.device("cpu")
PAD = 0
IDS = torch.tensor([[5, 6, 7, 8, 9, 1], [11, 12, 13, 1, PAD, PAD]])
INPUTS = {"input_ids": IDS, "attention_mask": (IDS != PAD).long()}
WITHOUT_BFLOAT16 = pytest.mark.skipif(
    not computes_in_bfloat16(CPU), reason="This processor does not compute in bfloat16."
)


def tiny(kind: Any, *, seed: int = 3) -> Any:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        eos_token_id=1,
        num_labels=1,
    )
    return kind(config).eval()


@pytest.fixture(params=[LlamaForCausalLM, LlamaForSequenceClassification], ids=["policy", "scorer"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@torch.no_grad()
def answers(model: Any) -> Tensor:
    logits: Tensor = model(**INPUTS).logits
    return logits.clone()


def train_a_little(model: Any, *, steps: int = 3) -> None:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        model(**INPUTS).logits.float().square().mean().backward()
        optimizer.step()


def test_a_fresh_adapter_changes_nothing(kind: Any) -> None:
    base = answers(tiny(kind))
    assert torch.equal(answers(with_adapter(tiny(kind), rank=4)), base)


def test_off_it_is_the_base_model_whatever_was_learnt(kind: Any) -> None:
    base = answers(tiny(kind))
    model = with_adapter(tiny(kind), rank=4)
    train_a_little(model)
    assert torch.equal(answers(AdapterOff(model)), base)
    assert (answers(model) - base).abs().max() > 1e-3
    # And on again: asking the reference must not leave the adapter off.
    assert not torch.equal(answers(model), base)


def test_asking_the_reference_between_forward_and_backward_keeps_the_gradient() -> None:
    model = with_adapter(tiny(LlamaForCausalLM), rank=4)
    loss = model(**INPUTS).logits.square().mean()
    assert not AdapterOff(model)(**INPUTS).logits.requires_grad
    loss.backward()
    gradients = [weight.grad for weight in model.parameters() if weight.requires_grad]
    assert gradients and all(gradient is not None for gradient in gradients)


def test_only_adapters_and_the_score_head_learn() -> None:
    policy = trainable_state(with_adapter(tiny(LlamaForCausalLM), rank=4))
    scorer = trainable_state(with_adapter(tiny(LlamaForSequenceClassification), rank=4))
    # Seven linear layers in each of two blocks, an A and a B each.
    assert len(policy) == 28 and all("lora_" in name for name in policy)
    [head] = [name for name in scorer if "lora_" not in name]
    assert "score" in head and len(scorer) == 29


def test_the_score_head_of_the_reference_stays_the_original() -> None:
    model = with_adapter(tiny(LlamaForSequenceClassification), rank=4)
    before = answers(AdapterOff(model))
    with torch.no_grad():
        model.score.weight.mul_(10.0)
    assert torch.equal(answers(AdapterOff(model)), before)
    assert torch.allclose(answers(model), 10 * before, atol=1e-5)


def test_the_reference_can_score_whole_texts() -> None:
    texts = [[5, 6, 7, 8, 9, 1], [11, 12, 13, 1]]
    base = score_sequences(tiny(LlamaForSequenceClassification), texts, pad=PAD, batch_size=2, device=CPU)
    model = with_adapter(tiny(LlamaForSequenceClassification), rank=4)
    train_a_little(model)
    off = score_sequences(AdapterOff(model), texts, pad=PAD, batch_size=2, device=CPU)
    assert torch.equal(off, base)
    assert not torch.equal(score_sequences(model, texts, pad=PAD, batch_size=2, device=CPU), base)


def test_merged_it_is_a_plain_model_that_answers_the_same(kind: Any, tmp_path: Path) -> None:
    model = with_adapter(tiny(kind), rank=4)
    train_a_little(model)
    live = answers(model)
    plain = merged(model)
    assert type(plain) is kind
    assert torch.allclose(answers(plain), live, atol=1e-5)
    plain.save_pretrained(tmp_path)
    auto = {
        LlamaForCausalLM: AutoModelForCausalLM,
        LlamaForSequenceClassification: AutoModelForSequenceClassification,
    }
    again = auto[kind].from_pretrained(tmp_path).eval()
    assert torch.allclose(answers(again), live, atol=1e-5)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors"}


def test_a_plain_model_is_merged_already() -> None:
    model = tiny(LlamaForCausalLM)
    assert merged(model) is model


def test_the_state_comes_back_in_another_process(kind: Any) -> None:
    model = with_adapter(tiny(kind), rank=4, seed=1)
    train_a_little(model)
    state = {name: weight.clone() for name, weight in trainable_state(model).items()}
    other = with_adapter(tiny(kind), rank=4, seed=2)
    assert not torch.equal(answers(other), answers(model))
    load_trainable_state(other, state)
    assert torch.equal(answers(other), answers(model))


def test_the_state_of_a_plain_model_is_all_of_it(kind: Any) -> None:
    model, other = tiny(kind, seed=3), tiny(kind, seed=4)
    load_trainable_state(other, trainable_state(model))
    assert torch.equal(answers(other), answers(model))


def test_a_state_of_other_settings_is_refused() -> None:
    state = trainable_state(with_adapter(tiny(LlamaForCausalLM), rank=4))
    with pytest.raises(WeightsDiffer):
        load_trainable_state(with_adapter(tiny(LlamaForCausalLM), rank=8), state)
    with pytest.raises(WeightsDiffer):
        load_trainable_state(tiny(LlamaForCausalLM), state)


def test_the_trunk_gives_the_states_from_which_the_answers_come(kind: Any) -> None:
    plain, adapted = tiny(kind), with_adapter(tiny(kind), rank=4)
    train_a_little(adapted)
    for model in (plain, adapted):
        with torch.no_grad():
            states = trunk(model)(**INPUTS).last_hidden_state
            head = model.lm_head if kind is LlamaForCausalLM else model.score
            logits = head(states)
        expected = answers(model)
        if kind is LlamaForSequenceClassification:
            logits = logits[[0, 1], INPUTS["attention_mask"].sum(1) - 1]
        assert torch.allclose(logits, expected, atol=1e-6)


def test_the_first_weights_follow_the_seed() -> None:
    def first(global_seed: int, **settings: int) -> Tensor:
        model = tiny(LlamaForCausalLM)
        torch.manual_seed(global_seed)
        return next(iter(trainable_state(with_adapter(model, rank=4, **settings)).values()))

    assert torch.equal(first(7), first(7))
    assert not torch.equal(first(7), first(8))
    assert torch.equal(first(7, seed=1), first(8, seed=1))


def test_a_seed_of_its_own_does_not_shift_other_random_numbers() -> None:
    model = tiny(LlamaForCausalLM)
    torch.manual_seed(7)
    undisturbed = torch.rand(1)
    torch.manual_seed(7)
    with_adapter(model, rank=4, seed=1)
    assert torch.equal(torch.rand(1), undisturbed)


@WITHOUT_BFLOAT16
def test_in_bfloat16_the_frozen_weights_shrink_and_what_learns_does_not(kind: Any) -> None:
    model = with_adapter(tiny(kind), rank=4, dtype=torch.bfloat16)
    weights = dict(model.named_parameters())
    kept = {weights.pop(name).dtype for name in list(weights) if ".original_module." in name}
    # The frozen head of a reward model judges, and scores must not be rounded.
    assert kept <= {torch.float32}
    kinds = {weight.requires_grad: weight.dtype for weight in weights.values()}
    assert kinds == {False: torch.bfloat16, True: torch.float32}
    assert all(buffer.dtype == torch.float32 for buffer in model.buffers())
    base = answers(tiny(kind))
    with autocast(torch.bfloat16, CPU):
        train_a_little(model)
        off, live = answers(AdapterOff(model)).float(), answers(model).float()
    assert torch.allclose(off, base, atol=0.02)
    assert torch.allclose(answers(merged(model)), live, atol=0.02)


@WITHOUT_BFLOAT16
def test_a_step_inside_the_context_is_seen_by_the_next_pass() -> None:
    model = tiny(LlamaForCausalLM)
    with autocast(torch.bfloat16, CPU):
        before = answers(model)
        train_a_little(model, steps=1)
        inside = answers(model)
    with autocast(torch.bfloat16, CPU):
        assert torch.equal(answers(model), inside)
    assert not torch.equal(inside, before)


@WITHOUT_BFLOAT16
def test_asking_the_reference_first_does_not_cut_the_gradient_in_bfloat16() -> None:
    """torch once took the rounded weights of a pass without gradient for the one with it."""
    model = tiny(LlamaForCausalLM)
    with autocast(torch.bfloat16, CPU):
        with torch.no_grad():
            model(**INPUTS)
        model(**INPUTS).logits.float().square().mean().backward()
    gradient = model.model.layers[0].mlp.up_proj.weight.grad
    assert gradient is not None and gradient.abs().sum() > 0


def test_in_float32_nothing_is_cast() -> None:
    model = tiny(LlamaForCausalLM)
    with autocast(torch.float32, CPU):
        assert model(**INPUTS).logits.dtype == torch.float32


def test_the_precision_is_what_the_settings_say() -> None:
    assert precision_of(SimpleNamespace(precision="float32"), CPU) == torch.float32
    asked = SimpleNamespace(precision="bfloat16")
    if computes_in_bfloat16(CPU):
        assert precision_of(asked, CPU) == torch.bfloat16
        return
    with pytest.raises(InputUnreadable):
        precision_of(asked, CPU)


def test_a_processor_without_bfloat16_is_named_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "architecture": "x86_64"})
    with pytest.raises(InputUnreadable) as failure:
        precision_of(SimpleNamespace(precision="bfloat16"), CPU)
    assert "this processor does not compute in it" in failure.value.reason
    assert failure.value.hint == "Choose the precision float32."

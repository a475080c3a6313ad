"""A minibatch goes through the models in parts; what is learnt must not depend on how it was divided."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from training.configs import parse_config
from training.engine import rollout
from training.engine.ppo import Experience, learn, new_optimizer
from training.engine.ppo_actors import Learner, Surroundings
from training.engine.ppo_judges import Prompt
from training.engine.ppo_rollouts import answers_mask

pytestmark = pytest.mark.engine

CPU = torch.device("cpu")
SETTINGS = {
    "batch_size": 8,
    "minibatches": 2,
    "epochs": 2,
    "learning_rate": 1e-3,
    "value_learning_rate": 1e-3,
}


def fresh_learner() -> Learner:
    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=20, pad_token_id=0, num_labels=1, initializer_range=0.3, **sizes)
    return Learner(LlamaForCausalLM(config), LlamaForSequenceClassification(config)).eval()


def surroundings() -> Surroundings:
    config = parse_config(stage="ppo", values=SETTINGS)
    nobody = {"tokenizer": None, "reference": None, "judge": None, "second": None, "context": 64}
    return Surroundings(config=config, device=CPU, precision=torch.float32, pad=0, end=1, **nobody)


def experience() -> Experience:
    """Prompts and answers of many lengths."""
    generator = torch.Generator().manual_seed(2)
    prompts = [Prompt([], [2 + (row + place) % 18 for place in range(2 + row % 4)]) for row in range(8)]
    answers = [[3 + (row * place) % 17 for place in range(1 + 3 * row % 7)] for row in range(8)]
    mask = answers_mask(answers, CPU)
    noise = [torch.randn(mask.shape, generator=generator) * mask for _ in range(4)]
    return Experience(prompts, answers, [0.0] * 8, mask, noise[0] - 3.0, *noise[1:])


def learnt(monkeypatch: pytest.MonkeyPatch, *, rows: int) -> tuple[Learner, dict[str, float]]:
    monkeypatch.setattr(rollout, "ROWS_IN_CACHE", rows)
    learner, around = fresh_learner(), surroundings()
    optimizer = new_optimizer(learner, around.config)
    return learner, learn(learner, experience(), optimizer, around, update=0)


def test_parts_of_a_minibatch_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, figures = learnt(monkeypatch, rows=4)
    parts, figures_of_parts = learnt(monkeypatch, rows=1)
    untouched = fresh_learner().state_dict()
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], value, atol=1e-5, rtol=1e-5)
    assert any((value - untouched[name]).abs().max() > 1e-3 for name, value in whole.state_dict().items())
    assert figures_of_parts == pytest.approx(figures, abs=1e-5)

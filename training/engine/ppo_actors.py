"""Who takes part in PPO: the policy and its value model, which learn, and the frozen models around them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.configs import PpoConfig
from training.engine import ranks
from training.engine.adapters import (
    AdapterOff,
    autocast,
    load_trainable_state,
    precision_of,
    trainable_state,
    trunk,
    with_adapter,
)
from training.engine.dialogue import cut_left, prompt_ids
from training.engine.failures import InputUnreadable
from training.engine.frozen_data import FrozenVersion
from training.engine.launch import Run
from training.engine.model_files import (
    ExactHead,
    context_length,
    input_directory,
    load_policy,
    load_scorer,
    load_tokenizer,
    prepare_torch,
)
from training.engine.ppo_judges import Judge, ModelJudge, Prompt, Rule, RuleJudge
from training.engine.ppo_math import token_logprobs
from training.engine.rollout import Ids, Layout, answer_logits

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Surroundings:
    """All that does not learn."""

    config: PpoConfig
    tokenizer: Any
    reference: Any
    judge: Judge
    # Only looks at held-out answers; the policy never learns from it.
    second: Judge | None
    device: torch.device
    precision: torch.dtype
    context: int
    pad: int
    end: int


@dataclass
class Scale:
    """Mean and deviation of the raw scores on the starting policy's answers: 0 is as good as it was, 1 a
    deviation better. So the KL coefficient means the same for every reward model.
    """

    mean: float = 0.0
    deviation: float = 1.0

    def normalised(self, scores: Tensor) -> Tensor:
        return (scores - self.mean) / self.deviation


class Learner(torch.nn.Module):
    """A policy and a value model of its own, which starts as the reward model."""

    # How strongly the value loss counts beside the policy's; apart from a shared trunk it does not matter.
    value_weight = 1.0

    def __init__(self, policy: Any, critic: Any) -> None:
        super().__init__()
        self.policy = policy
        self.critic = critic
        # The reward model's head speaks in raw scores.
        self.scale = Scale()

    def forward(self, layout: Layout, temperature: float) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and values (B, T), both of the state in which each answer token was drawn."""
        return answer_logits(self.policy, layout, temperature=temperature), self.values(layout)

    def values(self, layout: Layout) -> Tensor:
        scores: Tensor = self.critic.score(states_of(trunk(self.critic), layout)).squeeze(-1).float()
        return self.scale.normalised(scores)

    def policy_parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for parameter in self.policy.parameters() if parameter.requires_grad]

    def value_parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for parameter in self.critic.parameters() if parameter.requires_grad]

    def weights(self) -> dict[str, Weights]:
        return {"policy": trainable_state(self.policy), "critic": trainable_state(self.critic)}

    def load_weights(self, weights: Mapping[str, Weights]) -> None:
        load_trainable_state(self.policy, weights["policy"])
        load_trainable_state(self.critic, weights["critic"])


class SharedLearner(Learner):
    """A policy with a value head on its own trunk: half the computation, but one set of weights that serves
    two ends.
    """

    def __init__(self, policy: Any, *, value_weight: float) -> None:
        critic = ExactHead(policy.config.hidden_size, 1, device=policy.device)
        # The first values are all 0, the mean of what is to come.
        torch.nn.init.zeros_(critic.weight)
        torch.nn.init.zeros_(critic.bias)
        super().__init__(policy, critic)
        self.value_weight = value_weight

    def forward(self, layout: Layout, temperature: float) -> tuple[Tensor, Tensor]:
        states = states_of(trunk(self.policy), layout)
        logits = self.policy.get_output_embeddings()(states).float() / temperature
        return logits, self.critic(states).squeeze(-1).float()

    def values(self, layout: Layout) -> Tensor:
        values: Tensor = self.critic(states_of(trunk(self.policy), layout)).squeeze(-1).float()
        return values


def states_of(transformer: Any, layout: Layout) -> Tensor:
    """The last hidden states from which each answer token follows, (B, T, H)."""
    hidden: Tensor = transformer(
        input_ids=layout.ids,
        attention_mask=layout.attention,
        position_ids=layout.positions,
        use_cache=False,
    ).last_hidden_state
    return hidden[:, -layout.answers.shape[1] - 1 : -1]


def load(run: Run, *, rule: Rule | None, second_rule: Rule | None) -> tuple[Surroundings, Learner]:
    """Reference and policy start from the same weights, value model and judge from the reward model's.

    With LoRA each of the two pairs is one model: with the adapter it learns, without it is the frozen one.
    """
    config: PpoConfig = run.config
    device = prepare_torch(run)
    ranks.require_even(config.batch_size // config.minibatches, what="a minibatch")
    precision = precision_of(config, device)
    base, reward_model = input_directory(run, "model"), input_directory(run, "reward_model")
    tokenizer = load_tokenizer(base)
    require_same_tokenizer(reward_model, tokenizer)
    policy, reference = twins(run, lambda: load_policy(base, tokenizer, device))
    if config.value_model == "shared":
        learner: Learner = SharedLearner(policy, value_weight=config.value_coefficient)
        scorer = frozen(load_scorer(reward_model, tokenizer, device))
    else:
        critic, scorer = twins(run, lambda: load_scorer(reward_model, tokenizer, device))
        learner = Learner(policy, critic)

    def judge_of(model: Any) -> Judge:
        return ModelJudge(model, tokenizer.pad_token_id, config.rollout_batch_size, device, precision)

    second: Judge | None = RuleJudge(second_rule, tokenizer) if second_rule else None
    lengths = [context_length(policy), context_length(scorer)]
    if second is None and "second_model" in run.inputs:
        checking = input_directory(run, "second_model")
        require_same_tokenizer(checking, tokenizer)
        checker = frozen(load_scorer(checking, tokenizer, device))
        second = judge_of(checker)
        lengths.append(context_length(checker))
    around = Surroundings(
        config=config,
        tokenizer=tokenizer,
        reference=reference,
        judge=RuleJudge(rule, tokenizer) if rule else judge_of(scorer),
        second=second,
        device=device,
        precision=precision,
        context=min(lengths),
        pad=tokenizer.pad_token_id,
        end=tokenizer.eos_token_id,
    )
    return around, learner.eval()


def twins(run: Run, make: Callable[[], Any]) -> tuple[Any, Any]:
    """A model that learns, and the same one frozen."""
    if not run.config.lora_rank:
        return make(), frozen(make())
    precision = precision_of(run.config, torch.device(run.device))
    adapted = with_adapter(make(), rank=run.config.lora_rank, dtype=precision)
    return adapted, AdapterOff(adapted)


def frozen(model: Any) -> Any:
    return model.eval().requires_grad_(False)


def require_same_tokenizer(directory: Path, tokenizer: Any) -> None:
    if load_tokenizer(directory).get_vocab() != tokenizer.get_vocab():
        raise InputUnreadable(
            reason="The reward model and the policy use different tokenizers.",
            hint="Train the reward model from the same base as the policy.",
        )


def tokenised_prompts(version: FrozenVersion, split: str, around: Surroundings) -> tuple[list[Prompt], int]:
    """Each distinct prompt, cut so that the answer fits, and how many lost their start."""
    config = around.config
    room = min(config.max_prompt_tokens, around.context - config.max_new_tokens)
    if room < 1:
        raise InputUnreadable(
            reason=f"Answers of {config.max_new_tokens} tokens fill the whole context of "
            f"{around.context} tokens.",
            hint="Lower the longest answer, or choose a model with a longer context.",
        )
    first = around.tokenizer.bos_token_id
    whole = [(messages, prompt_ids(around.tokenizer, messages)) for messages in version.prompts(split)]
    prompts = [Prompt(messages, cut_left(ids, room, first=first)) for messages, ids in whole]
    return prompts, sum(len(ids) > room for _, ids in whole)


def logprobs_of(model: Any, layout: Layout, around: Surroundings) -> Tensor:
    with autocast(around.precision, around.device):
        logits = answer_logits(model, layout, temperature=around.config.temperature)
    return token_logprobs(logits, layout.answers)


def has_ended(answer: Ids, around: Surroundings) -> bool:
    return answer[-1] == around.end

"""The policy answers prompts, and the answers are judged: for learning, for evaluation, for the scale.

Whatever is random is drawn from a generator of its own, made from seed, purpose, update and process: so a
resumed run draws what it would have drawn, and no purpose shifts another's numbers.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.configs import PpoConfig
from training.engine import ranks
from training.engine.adapters import autocast
from training.engine.ppo_actors import Learner, Scale, Surroundings, has_ended, logprobs_of
from training.engine.ppo_judges import Prompt
from training.engine.ppo_math import token_kl
from training.engine.ppo_report import Judged, figures_of
from training.engine.rollout import ROWS_IN_CACHE, Ids, Layout, lay_out, sample_with_logprobs


def generator(
    config: PpoConfig, purpose: str, *, update: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    digest = hashlib.blake2b(f"{config.seed}/{purpose}/{update}".encode(), digest_size=7).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest))


def draw(count: int, update: int, config: PpoConfig) -> list[int]:
    """The update's prompts: consecutive places in an endless row of shuffles."""
    places = range(update * config.batch_size, (update + 1) * config.batch_size)
    shuffles = {
        turn: torch.randperm(count, generator=generator(config, "prompts", update=turn)).tolist()
        for turn in {place // count for place in places}
    }
    return [shuffles[place // count][place % count] for place in places]


def write_answers(
    policy: Any, prompts: Sequence[Prompt], around: Surroundings, *, purpose: str, update: int = 0
) -> tuple[list[Ids], list[Tensor]]:
    """One answer to each prompt, with the log probabilities of its tokens; each process draws numbers of its
    own.
    """
    config = around.config
    with autocast(around.precision, around.device):
        return sample_with_logprobs(
            policy,
            [prompt.ids for prompt in prompts],
            end=around.end,
            pad=around.pad,
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            generator=generator(config, f"{purpose}/{ranks.rank()}", update=update, device=around.device),
            batch_size=config.rollout_batch_size,
        )


@torch.no_grad()
def calibrated_scale(learner: Learner, prompts: Sequence[Prompt], around: Surroundings) -> Scale:
    config = around.config
    if not config.normalise_scores:
        return Scale()
    mine = ranks.share([prompts[index] for index in draw(len(prompts), 0, config)])
    answers, _ = write_answers(learner.policy, mine, around, purpose="calibration")
    scores = torch.tensor(ranks.gathered(around.judge(mine, answers).tolist()))
    deviation = float(scores.std()) if len(scores) > 1 else 0.0
    # Scores that do not differ carry nothing to learn from; dividing by their noise would only invent it.
    return Scale(mean=float(scores.mean()), deviation=deviation if deviation > 1e-6 else 1.0)


@dataclass(frozen=True)
class Evaluation:
    """How the policy answers the held-out prompts: figures, and scores by prompt for pairing."""

    figures: Mapping[str, float]
    scores: list[float]
    second: list[float] | None

    def worth(self, config: PpoConfig) -> float:
        """What the best policy is chosen by: the second score where there is one, for the policy has not
        learnt from it; else the objective: the normalised reward less the price of its KL and of missing
        ends.
        """
        if self.second is not None:
            return self.figures["second_score"]
        figures = self.figures
        return (
            figures["reward_normalised"]
            - config.missing_end_penalty * (1 - figures["ended_share"])
            - config.kl_coefficient * figures["kl_sequence"]
        )


@torch.no_grad()
def evaluate(learner: Learner, prompts: Sequence[Prompt], around: Surroundings, *, update: int) -> Evaluation:
    """Fresh answers to the held-out prompts; with the same random numbers for the same update."""
    return evaluation_of(judged_heldout(learner, prompts, around, update=update), learner.scale)


@torch.no_grad()
def judged_heldout(
    learner: Learner, prompts: Sequence[Prompt], around: Surroundings, *, update: int
) -> list[Judged]:
    """One answer a prompt, in the order of the prompts."""
    mine = ranks.share(prompts)
    return ranks.gathered(judge_answers(learner, mine, around, update=update) if mine else [])


def evaluation_of(judged: Sequence[Judged], scale: Scale) -> Evaluation:
    second = [answer.second for answer in judged if answer.second is not None]
    return Evaluation(
        figures=figures_of(judged, scale),
        scores=[answer.score for answer in judged],
        second=second or None,
    )


def judge_answers(
    learner: Learner, prompts: Sequence[Prompt], around: Surroundings, *, update: int
) -> list[Judged]:
    answers, sampled = write_answers(learner.policy, prompts, around, purpose="evaluation", update=update)
    scores = around.judge(prompts, answers).tolist()
    second = around.second(prompts, answers).tolist() if around.second else [None] * len(prompts)
    kl: list[float] = []
    reference_logprobs: list[float] = []
    for layout, drawn in parts(prompts, answers, sampled, around, width=max(map(len, answers))):
        policy = drawn if are_exact(around) else logprobs_of(learner.policy, layout, around)
        reference = logprobs_of(around.reference, layout, around)
        kl += token_kl(policy, reference, layout.mask).sum(1).tolist()
        reference_logprobs += (reference * layout.mask).sum(1).tolist()
    rows = zip(answers, scores, kl, reference_logprobs, second, strict=True)
    return [
        Judged(answer, score, drift, logprob, has_ended(answer, around), other)
        for answer, score, drift, logprob, other in rows
    ]


def parts(
    prompts: Sequence[Prompt],
    answers: Sequence[Ids],
    sampled: Sequence[Tensor],
    around: Surroundings,
    *,
    width: int,
) -> Iterator[tuple[Layout, Tensor]]:
    """Layouts for forward passes of bearable size, with answers of `width` tokens, and the log probabilities
    (B, T) with which these were sampled.
    """
    size = around.config.rollout_batch_size
    if around.device.type == "cpu":
        size = min(size, ROWS_IN_CACHE)
    for start in range(0, len(prompts), size):
        part = slice(start, start + size)
        layout = lay_out(
            [prompt.ids for prompt in prompts[part]],
            answers[part],
            pad=around.pad,
            width=width,
            device=around.device,
        )
        drawn = torch.nn.utils.rnn.pad_sequence(list(sampled[part]), batch_first=True)
        yield layout, torch.nn.functional.pad(drawn, (0, width - drawn.shape[1]))


def are_exact(around: Surroundings) -> bool:
    """Whether the log probabilities of the sampling are those of a forward pass, which then can be saved."""
    return around.precision == torch.float32


def answers_mask(answers: Sequence[Ids], device: torch.device) -> Tensor:
    """(B, T), true for the tokens of each answer."""
    lengths = torch.tensor([len(answer) for answer in answers], device=device)
    return torch.arange(int(lengths.max()), device=device)[None] < lengths[:, None]

"""The mathematics of PPO on token sequences: pure functions of tensors.

Shapes: B sequences, T answer tokens, V words of the vocabulary. `mask` is (B, T), true for the tokens of an
answer up to and including its end token; it has no holes. Everything after the end is 0 and takes no part.
`count` is the number of tokens that a mean is over, where the rows at hand are only a part of them: the parts
of several processes then add up to what one process would have found.
Sources: Schulman et al. 2016 (GAE), 2017 (PPO); Ouyang et al. 2022 (per-token KL to the starting policy).
"""

import torch
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor, count: Tensor | None = None) -> Tensor:
    return (values * mask).sum() / (mask.sum() if count is None else count).clamp(min=1)


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Mean 0 and (unbiased) variance 1 over the masked entries; the others become 0."""
    mean = masked_mean(values, mask)
    count = mask.sum()
    variance = masked_mean((values - mean) ** 2, mask) * count / (count - 1).clamp(min=1)
    return (values - mean) * torch.rsqrt(variance + 1e-8) * mask


def token_logprobs(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log probability of each token: (B, T, V) and (B, T) to (B, T).

    As logit minus log-sum-exp: a log-softmax would keep a second tensor of the logits' size.
    """
    chosen: Tensor = logits.gather(-1, tokens[..., None]).squeeze(-1)
    return chosen - logits.logsumexp(dim=-1)


def entropies(logits: Tensor) -> Tensor:
    """Entropy of each next-token distribution in nats: (B, T, V) to (B, T)."""
    total = logits.logsumexp(dim=-1)
    chances = torch.softmax(logits, dim=-1)
    return total - (chances * logits).sum(dim=-1)


def token_kl(logprobs: Tensor, reference_logprobs: Tensor, mask: Tensor) -> Tensor:
    """The k1 estimate of KL(policy || reference) on sampled tokens, in nats.

    Unbiased, though single terms may be negative. Its sum over an answer estimates the KL per sequence.
    """
    return (logprobs - reference_logprobs) * mask


def token_rewards(*, scores: Tensor, kl: Tensor, mask: Tensor, kl_coefficient: float) -> Tensor:
    """Each token pays for its KL; the last token of an answer also receives the score. (B,), (B, T) to (B,
    T).
    """
    rewards = -kl_coefficient * kl
    last = mask.sum(dim=1).clamp(min=1) - 1
    return rewards.scatter_add(1, last[:, None].long(), scores[:, None].to(rewards.dtype))


def advantages_and_returns(
    *, rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates and the returns to fit the values to, both (B, T).

    delta_t = r_t + gamma * V_{t+1} - V_t with V = 0 after the end; A_t = delta_t + gamma * lam * A_{t+1};
    return_t = A_t + V_t.
    """
    values = values * mask
    advantages = torch.zeros_like(values)
    following_advantage = torch.zeros_like(values[:, 0])
    following_value = torch.zeros_like(values[:, 0])
    for step in reversed(range(values.shape[1])):
        delta = rewards[:, step] + gamma * following_value - values[:, step]
        following_advantage = (delta + gamma * lam * following_advantage) * mask[:, step]
        advantages[:, step] = following_advantage
        following_value = values[:, step]
    return advantages, advantages + values


def policy_loss(
    *,
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    clip: float,
    count: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Clipped surrogate loss, and the share of tokens at which the clipped branch was the worse one."""
    ratio = torch.exp((logprobs - old_logprobs) * mask)
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip, 1 + clip)
    loss = masked_mean(torch.maximum(plain, clipped), mask, count)
    return loss, masked_mean((clipped > plain).float(), mask, count)


def value_loss(
    *,
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor,
    clip: float,
    count: Tensor | None = None,
) -> Tensor:
    """Half the squared error, the worse of the plain and of the clipped estimate."""
    near = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * masked_mean(torch.maximum((values - returns) ** 2, (near - returns) ** 2), mask, count)


def approximate_kl(
    logprobs: Tensor, old_logprobs: Tensor, mask: Tensor, count: Tensor | None = None
) -> Tensor:
    """How far one update moved the policy, per token: the k3 estimate of KL(old || new), never negative."""
    log_ratio = (logprobs - old_logprobs) * mask
    return masked_mean(torch.exp(log_ratio) - 1 - log_ratio, mask, count)


def explained_variance(*, values: Tensor, returns: Tensor, mask: Tensor) -> float | None:
    """1 - Var(returns - values) / Var(returns); None where the returns do not vary."""
    chosen = mask.bool()
    returns, values = returns[chosen], values[chosen]
    spread = returns.var(correction=0)
    if spread < 1e-8:
        return None
    return float(1 - (returns - values).var(correction=0) / spread)

"""Against numbers worked out by hand."""

import math

import pytest
import torch

from training.engine.ppo_math import (
    advantages_and_returns,
    approximate_kl,
    entropies,
    explained_variance,
    masked_mean,
    policy_loss,
    token_kl,
    token_logprobs,
    token_rewards,
    value_loss,
    whiten,
)

# Two answers: three tokens, and two tokens with one of padding.
MASK = torch.tensor([[True, True, True], [True, True, False]])


def test_advantages_follow_the_recursion_by_hand() -> None:
    rewards = torch.tensor([[0.0, 0.0, 1.0], [0.5, 1.0, 0.0]])
    values = torch.tensor([[0.2, 0.4, 0.6], [0.1, 0.3, 9.0]])
    advantages, returns = advantages_and_returns(
        rewards=rewards, values=values, mask=MASK, gamma=0.9, lam=0.5
    )
    # First row: deltas .9*.4-.2=.16, .9*.6-.4=.14, 1-.6=.4; A2=.4, A1=.14+.45*.4=.32, A0=.16+.45*.32=.304.
    # Second row: deltas .5+.9*.3-.1=.67, 1-.3=.7; A1=.7, A0=.67+.45*.7=.985; the padding's value is not seen.
    expected = torch.tensor([[0.304, 0.32, 0.4], [0.985, 0.7, 0.0]])
    torch.testing.assert_close(advantages, expected)
    torch.testing.assert_close(returns, torch.tensor([[0.504, 0.72, 1.0], [1.085, 1.0, 0.0]]))


def test_with_gamma_and_lambda_one_the_return_is_the_sum_of_the_rewards_to_come() -> None:
    rewards = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 0.0]])
    values = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    _, returns = advantages_and_returns(rewards=rewards, values=values, mask=MASK, gamma=1.0, lam=1.0)
    torch.testing.assert_close(returns, torch.tensor([[6.0, 5.0, 3.0], [3.0, 2.0, 0.0]]))


def test_the_score_arrives_at_the_last_token_and_kl_is_paid_at_each() -> None:
    kl = torch.tensor([[0.1, -0.2, 0.3], [0.4, 0.5, 0.0]])
    rewards = token_rewards(scores=torch.tensor([2.0, -1.0]), kl=kl, mask=MASK, kl_coefficient=0.5)
    torch.testing.assert_close(rewards, torch.tensor([[-0.05, 0.1, 1.85], [-0.2, -1.25, 0.0]]))


def test_kl_counts_no_token_after_the_end() -> None:
    policy = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, -1.0, -7.0]])
    reference = torch.tensor([[-1.5, -1.0, -3.0], [-2.0, -1.5, 0.0]])
    torch.testing.assert_close(
        token_kl(policy, reference, MASK), torch.tensor([[0.5, -1.0, 0.0], [1.0, 0.5, 0.0]])
    )


def test_token_logprobs_and_entropy_of_known_distributions() -> None:
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]])) + 3.0
    logprobs = token_logprobs(logits, torch.tensor([[1, 2]]))
    torch.testing.assert_close(logprobs, torch.log(torch.tensor([[0.25, 0.8]])))
    entropy = entropies(logits)[0]
    assert entropy[0].item() == pytest.approx(1.5 * math.log(2))
    assert entropy[1].item() == pytest.approx(-(0.2 * math.log(0.1) + 0.8 * math.log(0.8)))


def test_the_policy_loss_is_clipped_on_the_side_that_would_pay() -> None:
    ratios = torch.tensor([[1.5, 0.5, 1.0], [1.5, 0.5, 7.0]])
    advantages = torch.tensor([[1.0, 1.0, 2.0], [-1.0, -1.0, 5.0]])
    loss, clipped = policy_loss(
        logprobs=ratios.log(),
        old_logprobs=torch.zeros(2, 3),
        advantages=advantages,
        mask=MASK,
        clip=0.2,
    )
    # By token max(-A r, -A clip(r)): -1.2 (clipped), -0.5, -2.0; 1.5, 0.8 (clipped); the padding is left out.
    assert loss.item() == pytest.approx((-1.2 - 0.5 - 2.0 + 1.5 + 0.8) / 5)
    assert clipped.item() == pytest.approx(2 / 5)


def test_the_value_loss_takes_the_worse_of_plain_and_clipped() -> None:
    loss = value_loss(
        values=torch.tensor([[1.0, 0.1, 0.0], [2.0, 0.0, 9.0]]),
        old_values=torch.zeros(2, 3),
        returns=torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
        mask=MASK,
        clip=0.2,
    )
    # Clipped estimates .2, .1, 0, .2, 0: the worse squared errors are .64, .81, 0, 4, 0.
    assert loss.item() == pytest.approx(0.5 * (0.64 + 0.81 + 4.0) / 5)


def test_whitened_advantages_have_mean_zero_and_deviation_one_and_leave_padding_at_zero() -> None:
    white = whiten(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 99.0]]), MASK)
    # Mean 3, unbiased variance 2.5.
    expected = (torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 3.0]]) - 3.0) / math.sqrt(2.5)
    torch.testing.assert_close(white, expected)


def test_the_approximate_kl_is_zero_at_rest_and_never_negative() -> None:
    old = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]])
    assert approximate_kl(old, old, MASK).item() == 0.0
    moved = approximate_kl(old - math.log(2), old, MASK)
    assert moved.item() == pytest.approx(0.5 - 1 + math.log(2))


def test_explained_variance_is_one_for_perfect_values_and_none_without_spread() -> None:
    returns = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 0.0]])
    assert explained_variance(values=returns + 7.0, returns=returns, mask=MASK) == pytest.approx(1.0)
    assert explained_variance(values=torch.zeros(2, 3), returns=returns, mask=MASK) == pytest.approx(0.0)
    assert explained_variance(values=returns, returns=torch.ones(2, 3), mask=MASK) is None


def test_a_mean_over_nothing_is_zero() -> None:
    assert masked_mean(torch.ones(2, 2), torch.zeros(2, 2)).item() == 0.0

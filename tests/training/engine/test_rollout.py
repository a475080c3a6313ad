"""Sampling and scoring on the session's tiny models."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from tests.training.engine.engine_runs import Finished
from training.engine.dialogue import answer_ids, prompt_ids
from training.engine.model_files import load_policy, load_scorer, load_tokenizer
from training.engine.ppo_math import token_logprobs
from training.engine.rollout import (
    Ids,
    alike,
    answer_logits,
    cut_after_end,
    draw_tokens,
    lay_out,
    sample_answers,
    sample_with_logprobs,
)
from training.engine.scoring import score_sequences

CPU = torch.device("cpu")
SHORT = [{"role": "user", "content": "How do I fix a pan?"}]
LONG = [{"role": "user", "content": "How do I fix a pan? And then, how do I paint a wall?"}]


@dataclass(frozen=True)
class Loaded:
    policy: Any
    scorer: Any
    tokenizer: Any

    @property
    def prompts(self) -> list[Ids]:
        return [prompt_ids(self.tokenizer, prompt) for prompt in (SHORT, LONG, SHORT)]

    def sample(self, prompts: list[Ids], **changes: Any) -> list[Ids]:
        settings = {
            "end": self.tokenizer.eos_token_id,
            "pad": self.tokenizer.pad_token_id,
            "max_new_tokens": 12,
            "temperature": 1.0,
            "generator": torch.Generator().manual_seed(3),
            "batch_size": 8,
        }
        return sample_answers(self.policy, prompts, **(settings | changes))


@pytest.fixture(scope="module")
def loaded(tuned: Finished, rewarded: Finished) -> Loaded:
    torch.set_num_threads(1)
    tokenizer = load_tokenizer(tuned.output)
    return Loaded(
        policy=load_policy(tuned.output, tokenizer, CPU).eval(),
        scorer=load_scorer(rewarded.output, tokenizer, CPU).eval(),
        tokenizer=tokenizer,
    )


def logprobs(loaded: Loaded, prompts: list[Ids], answers: list[Ids], width: int) -> torch.Tensor:
    layout = lay_out(prompts, answers, pad=loaded.tokenizer.pad_token_id, width=width, device=CPU)
    with torch.no_grad():
        logits = answer_logits(loaded.policy, layout, temperature=1.0)
    return token_logprobs(logits, layout.answers) * layout.mask


def test_the_same_generator_writes_the_same_answers(loaded: Loaded) -> None:
    assert loaded.sample(loaded.prompts) == loaded.sample(loaded.prompts)
    other = torch.Generator().manual_seed(4)
    assert loaded.sample(loaded.prompts) != loaded.sample(loaded.prompts, generator=other)


def test_an_answer_ends_with_the_first_end_token_or_at_the_limit(loaded: Loaded) -> None:
    answers = loaded.sample(loaded.prompts * 20, max_new_tokens=24)
    end = loaded.tokenizer.eos_token_id
    assert any(answer[-1] == end for answer in answers)
    for answer in answers:
        assert end not in answer[:-1]
        assert answer[-1] == end or len(answer) == 24
    assert cut_after_end([5, end, 7, end], end) == [5, end]


def test_padding_on_the_left_changes_no_answer(loaded: Loaded) -> None:
    """At a temperature near zero sampling takes the likeliest token, so batch and single must agree."""
    together = loaded.sample(loaded.prompts, temperature=1e-4)
    alone = [loaded.sample([prompt], temperature=1e-4)[0] for prompt in loaded.prompts]
    assert together == alone


def test_logprobs_of_a_padded_batch_are_those_of_each_row_alone(loaded: Loaded) -> None:
    answers = loaded.sample(loaded.prompts)
    batch = logprobs(loaded, loaded.prompts, answers, width=15)
    for row, (prompt, answer) in enumerate(zip(loaded.prompts, answers, strict=True)):
        alone = logprobs(loaded, [prompt], [answer], width=len(answer))[0]
        torch.testing.assert_close(batch[row, : len(answer)], alone, atol=1e-5, rtol=1e-5)
        assert not batch[row, len(answer) :].any()


def test_logprobs_are_those_of_the_plain_model(loaded: Loaded) -> None:
    prompt, answer = loaded.prompts[0], loaded.sample(loaded.prompts[:1])[0]
    with torch.no_grad():
        logits = loaded.policy(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
    expected = [logits[len(prompt) - 1 + place, token].item() for place, token in enumerate(answer)]
    found = logprobs(loaded, [prompt], [answer], width=len(answer))[0].tolist()
    assert found == pytest.approx(expected, abs=1e-5)


def score(loaded: Loaded, sequences: list[Ids], batch_size: int = 8) -> list[float]:
    pad = loaded.tokenizer.pad_token_id
    return score_sequences(loaded.scorer, sequences, pad=pad, batch_size=batch_size, device=CPU).tolist()


def rude(loaded: Loaded) -> Ids:
    text = "Shut up. First take the pan, then fix it."
    return answer_ids(loaded.tokenizer, SHORT, [{"role": "assistant", "content": text}])


def test_a_score_does_not_depend_on_the_batch_or_on_the_side_of_the_padding(loaded: Loaded) -> None:
    sequences = [prompt + rude(loaded) for prompt in loaded.prompts]
    together = score(loaded, sequences)
    assert together == pytest.approx(score(loaded, sequences, batch_size=1), abs=1e-5)
    width = len(sequences[1])
    pad = loaded.tokenizer.pad_token_id
    left = [[pad] * (width - len(row)) + row for row in sequences]
    mask = [[int(token != pad) for token in row] for row in left]
    with torch.no_grad():
        logits = loaded.scorer(input_ids=torch.tensor(left), attention_mask=torch.tensor(mask)).logits
    assert logits.squeeze(-1).tolist() == pytest.approx(together, abs=1e-4)


def test_the_end_token_is_part_of_what_is_scored(loaded: Loaded) -> None:
    whole = loaded.prompts[0] + rude(loaded)
    assert whole[-1] == loaded.tokenizer.eos_token_id
    with_end, without_end = score(loaded, [whole, whole[:-1]])
    assert abs(with_end - without_end) > 1e-3


SIZES = {
    "vocab_size": 12,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "eos_token_id": 1,
}
# Attention that sees no further than four tokens back keeps another kind of cache.
SLIDING = MistralConfig(**SIZES, sliding_window=4)
RANDOM_PROMPTS = [[2 + (number + place) % 10 for place in range(2 + number % 5)] for number in range(16)]


@pytest.fixture(
    params=[(LlamaForCausalLM, LlamaConfig(**SIZES)), (MistralForCausalLM, SLIDING)], ids=["whole", "sliding"]
)
def random_policy(request: pytest.FixtureRequest) -> Any:
    kind, config = request.param
    torch.manual_seed(5)
    return kind(config).float().eval()


def written(policy: Any, **changes: Any) -> tuple[list[Ids], list[torch.Tensor]]:
    settings = {"end": 1, "pad": 0, "max_new_tokens": 20, "temperature": 0.8, "batch_size": 16}
    generator = torch.Generator().manual_seed(3)
    return sample_with_logprobs(policy, RANDOM_PROMPTS, generator=generator, **(settings | changes))


@pytest.mark.parametrize("end", [1, -1], ids=["ending", "endless"])
def test_logprobs_at_sampling_are_those_of_a_forward_pass(random_policy: Any, end: int) -> None:
    """Also where rows have ended and left the batch: of sixteen rows, fewer than five run to the limit."""
    answers, found = written(random_policy, end=end)
    width = max(map(len, answers))
    layout = lay_out(RANDOM_PROMPTS, answers, pad=0, width=width, device=CPU)
    with torch.no_grad():
        expected = token_logprobs(answer_logits(random_policy, layout, temperature=0.8), layout.answers)
    assert [len(row) for row in found] == [len(answer) for answer in answers]
    assert (sum(len(answer) == 20 for answer in answers) < 5) == (end == 1)
    for row, (logprobs, mask) in enumerate(zip(expected, layout.mask, strict=True)):
        torch.testing.assert_close(found[row], logprobs[mask], atol=1e-4, rtol=1e-4)


def test_an_answer_does_not_depend_on_how_long_its_neighbours_are(random_policy: Any) -> None:
    """Near temperature zero, where the random numbers do not matter."""
    together, _ = written(random_policy, temperature=1e-5)
    alone, _ = written(random_policy, temperature=1e-5, batch_size=1)
    assert together == alone
    assert len(set(map(len, together))) > 2


def test_no_end_token_means_answers_of_one_length(random_policy: Any) -> None:
    answers, _ = written(random_policy, end=-1, max_new_tokens=7)
    assert {len(answer) for answer in answers} == {7}


def test_rows_are_put_together_by_length_in_parts_that_a_processor_can_hold() -> None:
    lengths = [number * 7 % 40 for number in range(40)]
    parts = alike(lengths, batch_size=64, device=CPU)
    assert sorted(row for part in parts for row in part) == list(range(40))
    assert [lengths[row] for part in parts for row in part] == sorted(lengths)
    assert [len(part) for part in parts] == [16, 16, 8]
    assert len(alike(lengths, batch_size=4, device=CPU)) == 10
    assert len(alike(lengths, batch_size=64, device=torch.device("cuda"))) == 1


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    chances = torch.tensor([0.5, 0.0, 0.25, 0.2, 0.05])
    draws = 20_000
    tokens = draw_tokens(chances.log().expand(draws, -1), torch.Generator().manual_seed(1)).squeeze(1)
    shares = torch.bincount(tokens, minlength=5) / draws
    assert shares[1] == 0
    # Four standard errors of a share.
    assert ((shares - chances).abs() <= 4 * (chances * (1 - chances) / draws).sqrt()).all()


def test_a_rare_word_of_a_large_vocabulary_is_still_drawn() -> None:
    """One word of 2 ** 17 has half of the chances; a sum in single precision would lose the others."""
    size = 2**17
    logits = torch.zeros(size)
    logits[0] = math.log(size - 1)
    tokens = draw_tokens(logits.log_softmax(0).expand(50, -1), torch.Generator().manual_seed(1)).squeeze(1)
    rare = tokens[tokens > 0]
    assert 12 < len(rare) < 38
    assert len(set(rare.tolist())) == len(rare)

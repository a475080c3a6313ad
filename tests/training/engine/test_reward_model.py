"""What a reward model is asked: whole texts, with their end, whatever stands beside them in a batch."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from tests.training.engine.conftest import REWARD
from tests.training.engine.engine_runs import Finished, run_stage, succeed
from tests.training.engine.frozen_versions import tone_pairs, write_version
from training.engine.adapters import computes_in_bfloat16
from training.engine.dialogue import Cuts, answer_ids, cut_left, prompt_ids
from training.engine.failures import InputUnreadable
from training.engine.frozen_data import Messages, Pair, of_new_prompts
from training.engine.model_files import load_scorer, load_tokenizer
from training.engine.reward import fitted_row
from training.engine.rollout import Ids, lay_out
from training.engine.scoring import score_sequences

pytestmark = pytest.mark.engine

CPU = torch.device("cpu")


def as_pair(row: dict[str, list[dict[str, str]]]) -> Pair:
    return Pair(prompt=row["prompt"], chosen=row["chosen"], rejected=row["rejected"])


PAIRS = [as_pair(row) for row in tone_pairs()[:6]]


@pytest.fixture(scope="module")
def judge(rewarded: Finished) -> SimpleNamespace:
    tokenizer = load_tokenizer(rewarded.output)
    return SimpleNamespace(
        tokenizer=tokenizer,
        model=load_scorer(rewarded.output, tokenizer, CPU).eval(),
        end=tokenizer.eos_token_id,
        pad=tokenizer.pad_token_id,
    )


def rows_of(judge: SimpleNamespace, *, limit: int = 96, cuts: Cuts | None = None) -> list[dict[str, Ids]]:
    return [fitted_row(judge.tokenizer, pair, limit=limit, cuts=cuts or Cuts()) for pair in PAIRS]


def texts_of(judge: SimpleNamespace) -> list[Ids]:
    """Of very different lengths, so that a batch is mostly padding."""
    texts = [ids for row in rows_of(judge) for ids in (row["chosen_ids"], row["rejected_ids"])]
    return [ids[-5 - 6 * place :] for place, ids in enumerate(texts[:6])] + texts[6:]


def scores_of(judge: SimpleNamespace, texts: list[Ids], *, batch_size: int) -> Tensor:
    return score_sequences(judge.model, texts, pad=judge.pad, batch_size=batch_size, device=CPU)


def test_the_score_of_a_text_does_not_depend_on_its_batch(judge: SimpleNamespace) -> None:
    texts = texts_of(judge)
    alone = scores_of(judge, texts, batch_size=1)
    assert alone.std() > 0.1
    for batch_size in (2, 5, 12):
        assert torch.allclose(scores_of(judge, texts, batch_size=batch_size), alone, atol=1e-5)
    backwards = scores_of(judge, texts[::-1], batch_size=4).flip(0)
    assert torch.allclose(backwards, alone, atol=1e-5)


@torch.no_grad()
def test_the_score_is_the_same_with_padding_on_the_left(judge: SimpleNamespace) -> None:
    texts = texts_of(judge)
    right = scores_of(judge, texts, batch_size=len(texts))
    laid = lay_out(texts, [[] for _ in texts], pad=judge.pad, width=0, device=CPU)
    left = judge.model(input_ids=laid.ids, attention_mask=laid.attention, position_ids=laid.positions).logits
    assert torch.allclose(left.squeeze(-1), right, atol=1e-5)
    # As most libraries call it: without positions.
    left = judge.model(input_ids=laid.ids, attention_mask=laid.attention).logits
    assert torch.allclose(left.squeeze(-1), right, atol=1e-5)


def test_what_is_scored_ends_with_the_end_token_that_training_saw(judge: SimpleNamespace) -> None:
    for row in rows_of(judge):
        assert row["chosen_ids"][-1] == row["rejected_ids"][-1] == judge.end
        assert judge.pad not in row["chosen_ids"]


def test_an_answer_without_its_end_has_another_score(judge: SimpleNamespace) -> None:
    texts = [row["chosen_ids"] for row in rows_of(judge)]
    ended = scores_of(judge, texts, batch_size=6)
    cut = scores_of(judge, [ids[:-1] for ids in texts], batch_size=6)
    assert (ended - cut).abs().min() > 1e-3


def test_a_long_pair_loses_the_start_of_its_prompt_and_is_counted(judge: SimpleNamespace) -> None:
    cuts = Cuts()
    pair, tokenizer = PAIRS[0], judge.tokenizer
    prompt = prompt_ids(tokenizer, pair.prompt)
    answers = [answer_ids(tokenizer, pair.prompt, answer) for answer in (pair.chosen, pair.rejected)]
    room = len(prompt) - 3
    limit = max(map(len, answers)) + room
    row = fitted_row(tokenizer, pair, limit=limit, cuts=cuts)
    kept = cut_left(prompt, room, first=tokenizer.bos_token_id)
    assert kept[-room + 1 :] == prompt[-room + 1 :]
    # Whole answers after the same rest of the prompt: what was cut cannot tell them apart.
    assert row == {"chosen_ids": kept + answers[0], "rejected_ids": kept + answers[1]}
    assert (cuts.prompts, cuts.answers) == (1, 0)


def test_an_answer_longer_than_the_room_is_cut_at_its_end_and_counted(judge: SimpleNamespace) -> None:
    cuts = Cuts()
    rows = rows_of(judge, limit=20, cuts=cuts)
    assert len(rows) == len(PAIRS)
    assert all(len(ids) <= 20 for row in rows for ids in row.values())
    assert cuts.prompts == len(PAIRS) and cuts.answers > 0


@pytest.mark.skipif(not computes_in_bfloat16(CPU), reason="This processor does not compute in bfloat16.")
def test_in_bfloat16_the_scores_keep_their_digits(judge: SimpleNamespace) -> None:
    texts = texts_of(judge)
    exact = scores_of(judge, texts, batch_size=4)
    rounded = score_sequences(
        judge.model, texts, pad=judge.pad, batch_size=4, device=CPU, precision=torch.bfloat16
    )
    assert not torch.equal(rounded, exact)
    assert torch.allclose(rounded, exact, atol=0.1)
    assert (rounded - rounded.bfloat16().float()).abs().max() > 0


def prompt_of(pair: Pair) -> Messages:
    return pair.prompt


def test_held_out_pairs_of_known_prompts_are_told_from_the_new_ones() -> None:
    new, seen = of_new_prompts(PAIRS, PAIRS[:2], prompt_of=prompt_of)
    assert (new, seen) == (PAIRS[2:], 2)
    assert of_new_prompts([], PAIRS, prompt_of=prompt_of) == ([], 0)


def test_a_prompt_in_other_case_and_spacing_is_the_same_prompt() -> None:
    first, second = PAIRS[:2]
    shouted = [{**first.prompt[0], "content": f" {first.prompt[0]['content'].upper()}\n"}]
    known = [replace(first, prompt=shouted)]
    assert of_new_prompts([first, second], known, prompt_of=prompt_of) == ([second], 1)


def test_known_prompts_are_left_out_of_the_held_out_figures_and_counted(
    tmp_path: Path, reward_inputs: dict[str, Path]
) -> None:
    rows = tone_pairs()
    leaking = write_version(tmp_path / "leaking", kind="preferences", train=rows[:40], heldout=rows[30:55])
    finished = succeed(
        run_stage(
            tmp_path / "run",
            "reward",
            config=REWARD | {"steps": 2},
            inputs=reward_inputs | {"dataset": leaking},
        )
    )
    assert finished.metrics["heldout_prompts_seen"] == 10
    assert finished.metrics["heldout_rows"] == 15


def test_the_run_tells_how_honest_and_how_length_bound_the_scores_are(rewarded: Finished) -> None:
    figures = rewarded.metrics
    assert figures["heldout_prompts_seen"] == 0
    assert 0.0 <= figures["heldout_ece"] <= 0.5
    assert -1.0 <= figures["heldout_length_correlation"] <= 1.0
    assert rewarded.series("heldout_ece") == [figures["heldout_ece"]]


def test_a_tokenizer_that_pads_with_its_end_gets_a_spare_token_for_it(
    tmp_path: Path, rewarded: Finished
) -> None:
    tokenizer = load_tokenizer(rewarded.output)
    before, tokenizer.pad_token = tokenizer.pad_token, tokenizer.eos_token
    tokenizer.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.pad_token == before != again.eos_token
    assert again.get_vocab() == load_tokenizer(rewarded.output).get_vocab()


def test_a_model_that_pads_with_its_end_is_no_judge(judge: SimpleNamespace, rewarded: Finished) -> None:
    tokenizer = load_tokenizer(rewarded.output)
    tokenizer.pad_token = tokenizer.eos_token
    with pytest.raises(InputUnreadable) as failure:
        load_scorer(rewarded.output, tokenizer, CPU)
    assert "where an answer ends" in failure.value.reason

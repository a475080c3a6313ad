import random

from corpus.splits import fraction, prompt_text, split_at


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_prompts_that_differ_in_case_space_or_composition_are_one_prompt() -> None:
    assert prompt_text(user("Caf\u00e9  au\nlait?")) == prompt_text(user(" CAFE\u0301 au lait?"))


def test_another_role_or_another_turn_is_another_prompt() -> None:
    assert prompt_text(user("Hi")) != prompt_text([{"role": "system", "content": "Hi"}])
    assert prompt_text(user("Hi") + user("there")) != prompt_text(user("Hi there"))


def test_content_cannot_forge_the_separator_between_turns() -> None:
    assert prompt_text(user("a\x1euser\x1fb")) != prompt_text(user("a") + user("b"))


def test_the_share_that_is_held_out_is_near_the_one_asked_for() -> None:
    generator = random.Random(7)
    texts = [f"{generator.random()}" for _ in range(10_000)]
    held_out = sum(split_at(fraction(text), heldout_share=0.2) == "heldout" for text in texts)
    # Four standard errors of a share of 0.2 of 10,000 are 160.
    assert abs(held_out - 2000) < 160


def test_a_share_of_nothing_holds_nothing_out() -> None:
    assert split_at(0.0, heldout_share=0.0) == "train"


def test_the_side_of_a_prompt_never_changes() -> None:
    assert fraction("why is the sea salty?") == 0.9582253010167064

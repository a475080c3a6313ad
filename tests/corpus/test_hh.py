import json

import pytest

from corpus import hh
from tests.corpus.preference_files import dialogue, row


def parse(chosen: str, rejected: str) -> hh.Preference:
    return hh.parse_dialogues(chosen=chosen, rejected=rejected)


def test_the_prompt_is_what_both_dialogues_share() -> None:
    found = parse(
        dialogue("Why is the sea salty?", "Rivers carry salt."), dialogue("Why is the sea salty?", "Fish.")
    )
    assert found.prompt == [{"role": "user", "content": "Why is the sea salty?"}]
    assert found.chosen == [{"role": "assistant", "content": "Rivers carry salt."}]
    assert found.rejected == [{"role": "assistant", "content": "Fish."}]


def test_answers_that_start_alike_keep_their_common_start() -> None:
    found = parse(dialogue("Why?", "Because it is salt."), dialogue("Why?", "Because it is blue."))
    assert found.chosen[0]["content"] == "Because it is salt."
    assert found.rejected[0]["content"] == "Because it is blue."


def test_earlier_turns_belong_to_the_prompt() -> None:
    start = dialogue("Hi", "Hello") + "\n\nHuman: And now?\n\nAssistant:"
    found = parse(start + " Good.", start + " Bad.")
    assert [message["role"] for message in found.prompt] == ["user", "assistant", "user"]
    assert found.prompt[-1]["content"] == "And now?"


def test_two_assistant_turns_in_a_row_stay_two_turns() -> None:
    start = "\n\nHuman: Hi\n\nAssistant: One\n\nAssistant: Two\n\nHuman: So?\n\nAssistant:"
    roles = [message["role"] for message in parse(start + " a", start + " b").prompt]
    assert roles == ["user", "assistant", "assistant", "user"]


def test_dialogues_that_part_earlier_split_at_their_last_common_assistant_turn() -> None:
    start = dialogue("Hi", "Hello")
    found = parse(start + "\n\nHuman: A?\n\nAssistant: yes", start + "\n\nHuman: B?\n\nAssistant: no")
    assert found.prompt == [{"role": "user", "content": "Hi"}]
    assert found.chosen[0]["content"] == "Hello\n\nHuman: A?\n\nAssistant: yes"


@pytest.mark.parametrize(
    ("chosen", "rejected", "reason"),
    [
        (dialogue("Why?", "Same."), dialogue("Why?", "Same."), "the same"),
        (dialogue("Why?", "Same."), dialogue("Why?", "Same. "), "white space"),
        (dialogue("Why?", ""), dialogue("Why?", "Fish."), "chosen answer is empty"),
        (dialogue("Why?", "Salt."), dialogue("Why?", " "), "rejected answer is empty"),
        ("Salt.", "Fish.", "share no prompt"),
        (dialogue("Why?", "Salt."), dialogue("How?", "Fish."), "share no prompt"),
        ("\n\nAssistant: Salt.", "\n\nAssistant: Fish.", "Human"),
        ("Once\n\nHuman: Why?\n\nAssistant: Salt.", "Once\n\nHuman: Why?\n\nAssistant: Fish.", "Human"),
        (dialogue(" ", "Salt."), dialogue(" ", "Fish."), "prompt is empty"),
    ],
)
def test_it_says_why_a_pair_of_dialogues_is_unusable(chosen: str, rejected: str, reason: str) -> None:
    with pytest.raises(hh.RowMalformed, match=reason):
        parse(chosen, rejected)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'["chosen"]', "not a JSON object"),
        (b'{"chosen": "x"}', "rejected” is missing"),
        (b'{"chosen": null, "rejected": "x"}', "chosen” is missing"),
        (b'{"chosen": 7, "rejected": "x"}', "not a text"),
        (b'{"chosen": "\xff", "rejected": "x"}', "not valid UTF-8 at byte 12"),
        (b'{"chosen": "a\\u0000", "rejected": "x"}', "NUL"),
        (b'{"chosen": "a\\ud800", "rejected": "x"}', "lone surrogate"),
        (json.dumps({"chosen": "x" * 300_000, "rejected": "y"}).encode(), "at most 262,144"),
        (b"x" * (hh.LONGEST_LINE + 1), "longer than"),
    ],
)
def test_it_says_why_a_line_is_unusable(line: bytes, reason: str) -> None:
    with pytest.raises(hh.RowMalformed, match=reason):
        hh.parse_line(line)


def test_every_script_survives_unchanged() -> None:
    found = hh.parse_line(json.dumps(row("لماذا البحر مالح؟", "因为盐 🧂", "e\u0301")).encode())
    assert found.prompt[0]["content"] == "لماذا البحر مالح؟"
    assert (found.chosen[0]["content"], found.rejected[0]["content"]) == ("因为盐 🧂", "e\u0301")

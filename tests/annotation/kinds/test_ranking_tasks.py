import pytest

from annotation.kinds.ranking_task import parse_task
from annotation.kinds.tasks import TaskInvalid

TWO = ["One.", "Two."]


def test_a_plain_record_becomes_messages_of_parts():
    task = parse_task({"id": 7, "prompt": "Why?", "lang": "en", "candidates": TWO})
    assert task.external_id == "7"
    assert task.prompt == {
        "schema": 1,
        "lang": "en",
        "messages": [{"role": "user", "parts": [{"type": "text", "text": "Why?"}]}],
    }
    assert task.candidates[1].message["parts"] == [{"type": "text", "text": "Two."}]


def test_a_dialogue_and_sources_are_kept():
    task = parse_task(
        {
            "prompt": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "parts": [{"type": "text", "text": "Hi"}]},
            ],
            "candidates": [
                {"content": "a", "source": {"model": "m", "params": {"t": 1}}, "id": "c1"},
                {"content": "b", "source": "n"},
            ],
        }
    )
    assert [message["role"] for message in task.prompt["messages"]] == ["system", "user"]
    assert task.candidates[0].source == {"model": "m", "params": {"t": 1}, "candidate_id": "c1"}
    assert task.candidates[1].source == {"model": "n"}


def test_an_empty_candidate_is_an_answer_too():
    assert (
        parse_task({"prompt": "x", "candidates": ["", "b"]}).candidates[0].message["parts"][0]["text"] == ""
    )


def test_nine_candidates_are_allowed_where_the_caller_says_so():
    assert len(parse_task({"prompt": "x", "candidates": list("abcdefghi")}, maximum=9).candidates) == 9


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (None, "record"),
        ([], "record"),
        ("text", "record"),
        ({}, "candidates"),
        ({"prompt": "x", "candidates": ["a"]}, "candidates"),
        ({"prompt": "x", "candidates": list("abcde")}, "candidates"),
        ({"prompt": "x", "candidates": {"a": 1}}, "candidates"),
        ({"candidates": TWO}, "prompt"),
        ({"prompt": "", "candidates": TWO}, "prompt"),
        ({"prompt": "  \n", "candidates": TWO}, "prompt"),
        ({"prompt": [], "candidates": TWO}, "prompt"),
        ({"prompt": 5, "candidates": TWO}, "prompt"),
        ({"prompt": ["x"], "candidates": TWO}, "prompt[0]"),
        ({"prompt": [{"role": "root", "content": "x"}], "candidates": TWO}, "prompt[0].role"),
        ({"prompt": [{"role": ["user"], "content": "x"}], "candidates": TWO}, "prompt[0].role"),
        ({"prompt": [{"role": "user"}], "candidates": TWO}, "prompt[0]"),
        ({"prompt": [{"role": "user", "content": "x", "parts": []}], "candidates": TWO}, "prompt[0]"),
        ({"prompt": [{"role": "user", "content": None}], "candidates": TWO}, "prompt[0]"),
        (
            {"prompt": [{"role": "user", "parts": [{"type": "image", "url": "x"}]}], "candidates": TWO},
            "prompt[0]",
        ),
        ({"prompt": "nul \x00", "candidates": TWO}, "prompt[0]"),
        ({"prompt": "half \ud800", "candidates": TWO}, "prompt[0]"),
        ({"prompt": "é" * (128 * 1024 + 1), "candidates": TWO}, "prompt[0]"),
        ({"prompt": "x", "candidates": ["a", "b" * (256 * 1024 + 1)]}, "candidates[1]"),
        ({"prompt": "x", "candidates": ["a", "\x00"]}, "candidates[1]"),
        ({"prompt": "x", "candidates": ["a", 5]}, "candidates[1]"),
        ({"prompt": "x", "candidates": ["a", {"content": "b", "winner": True}]}, "candidates[1]"),
        ({"prompt": "x", "candidates": ["a", {"content": "b", "lang": "?"}]}, "candidates[1].lang"),
        ({"prompt": "x", "candidates": ["a", {"content": "b", "source": [1]}]}, "candidates[1].source"),
        (
            {"prompt": "x", "candidates": ["a", {"content": "b", "source": {"m": "\x00"}}]},
            "candidates[1].source",
        ),
        (
            {"prompt": "x", "candidates": ["a", {"content": "b", "source": {"m": "x" * 9000}}]},
            "candidates[1].source",
        ),
        ({"prompt": "x", "candidates": TWO, "id": "\x00"}, "id"),
        ({"prompt": "x", "candidates": TWO, "id": "i" * 201}, "id"),
        ({"prompt": "x", "candidates": TWO, "id": True}, "id"),
        ({"prompt": "x", "candidates": TWO, "lang": "english please"}, "lang"),
        ({"prompt": "x", "candidates": TWO, "winner": 1}, "record"),
    ],
)
def test_it_names_where_a_record_is_wrong(record, field):
    with pytest.raises(TaskInvalid) as caught:
        parse_task(record)
    assert caught.value.field == field


def test_a_hostile_field_name_is_quoted_printable():
    with pytest.raises(TaskInvalid) as caught:
        parse_task({"\x1b[31m\ud800": 1})
    assert str(caught.value).isprintable()

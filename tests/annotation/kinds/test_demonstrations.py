import pytest

from annotation.kinds import kind_of
from annotation.kinds.answers import AnswerInvalid, Rules
from annotation.kinds.demonstration import dialogue, instruction_of, parse_answer, parse_task
from annotation.kinds.tasks import TaskInvalid

WRITING = kind_of("demonstration")
RULES = Rules()
GIVEN = {"prompt": "Why is the sea salty?", "completion": "Rivers carry salt."}


def refused(value: object, rules: Rules = RULES) -> dict[str, str]:
    with pytest.raises(AnswerInvalid) as caught:
        parse_answer(value, rules=rules)
    return caught.value.fields


def test_it_reads_an_answer_and_the_instruction_as_it_was_left():
    answer = parse_answer({**GIVEN, "flags": ["unsafe"], "rationale": " Because. "}, rules=RULES)
    assert answer.as_json() == {
        "schema": 1,
        "shown_order": [],
        "prompt": "Why is the sea salty?",
        "completion": "Rivers carry salt.",
        "flags": ["unsafe"],
        "rationale": "Because.",
    }


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "answer"),
        ([], "answer"),
        ({}, "completion"),
        ({"completion": "Rivers."}, "prompt"),
        ({**GIVEN, "completion": " \n"}, "completion"),
        ({**GIVEN, "completion": 3}, "completion"),
        ({**GIVEN, "completion": "a\x00b"}, "completion"),
        ({**GIVEN, "completion": "\ud800"}, "completion"),
        ({**GIVEN, "completion": "x" * (256 * 1024 + 1)}, "completion"),
        ({**GIVEN, "prompt": "\ud800"}, "prompt"),
        ({**GIVEN, "flags": ["nonsense"]}, "flags"),
        ({**GIVEN, "flags": [["unsafe"]]}, "flags"),
        ({**GIVEN, "rationale": "x" * 10_001}, "rationale"),
        ({**GIVEN, "shown_order": ["c1"]}, "shown_order"),
        ({**GIVEN, "ranking": []}, "ranking"),
        ({**GIVEN, "labels": ["good"]}, "labels"),
    ],
)
def test_it_names_the_field_that_is_wrong(value, field):
    assert field in refused(value)


def test_it_asks_for_a_reason_when_required():
    assert "rationale" in refused(GIVEN, Rules(require_rationale=True))


def test_the_form_says_the_same_as_the_json_and_comes_back_as_fields():
    form = {
        "prompt": ["Why is the sea salty?"],
        "completion": ["One.\r\nTwo."],
        "flags": ["unsafe", "broken_text"],
        "rationale": ["R"],
        "csrfmiddlewaretoken": ["x"],
    }
    answer = WRITING.parse_form(form, rules=RULES)
    assert answer.as_json()["completion"] == "One.\nTwo."
    assert WRITING.parse_form(WRITING.fields_of(answer.as_json()), rules=RULES) == answer
    assert WRITING.parse_answer(answer.as_json(), rules=RULES) == answer


def test_a_draft_keeps_what_is_typed_however_incomplete():
    form = {"prompt": ["Why?"], "completion": [""], "flags": ["unsafe"], "ranking": ["1"]}
    assert WRITING.known_fields(form, rules=RULES) == {"prompt": ["Why?"], "flags": ["unsafe"]}


def test_the_mended_instruction_takes_the_place_of_the_last_turn():
    messages = parse_task(
        {
            "prompt": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Why"}, {"type": "text", "text": "?"}]},
            ]
        }
    ).prompt["messages"]
    assert instruction_of(messages) == "Why\n\n?"
    prompt, completion = dialogue(messages, {"prompt": "Why is it so?", "completion": "So it is."})
    assert prompt == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why is it so?"},
    ]
    assert completion == [{"role": "assistant", "content": "So it is."}]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"prompt": [{"role": "assistant", "content": "Hello."}]}, "prompt"),
        ({"prompt": "Why?", "candidates": ["a", "b"]}, "candidates"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "Why?", "subject": ""}, "subject"),
        ({"prompt": "Why?", "subject": {"name": "Ann"}}, "subject"),
        ({"prompt": "Why?", "subject": "a\x00b"}, "subject"),
        ({"prompt": "Why?", "subject": "\ud800"}, "subject"),
        ({"prompt": "Why?", "subject": "x" * 501}, "subject"),
    ],
)
def test_a_record_that_cannot_become_a_task_says_where(value, field):
    with pytest.raises(TaskInvalid) as caught:
        parse_task(value)
    assert caught.value.field == field


def test_a_task_may_name_its_subject_and_needs_no_candidates():
    task = parse_task({"prompt": "Why?", "candidates": [], "subject": 17})
    assert (task.subject, task.candidates) == ("17", ())

import pytest

from annotation.kinds import kind_of
from annotation.kinds.answers import AnswerInvalid, Rules
from annotation.kinds.classification import parse_answer, parse_task
from annotation.kinds.tasks import TaskInvalid

LABELLING = kind_of("classification")
ONE = Rules(labels=("praise", "complaint", "question"))
SEVERAL = Rules(labels=("praise", "complaint", "question"), allow_several_labels=True)


def refused(value: object, rules: Rules = ONE) -> dict[str, str]:
    with pytest.raises(AnswerInvalid) as caught:
        parse_answer(value, rules=rules)
    return caught.value.fields


def test_labels_stand_in_the_projects_order_whatever_the_order_of_clicking():
    answer = parse_answer({"labels": ["question", "praise", "question"]}, rules=SEVERAL)
    assert answer.as_json() == {
        "schema": 1,
        "shown_order": [],
        "labels": ["praise", "question"],
        "flags": [],
        "rationale": "",
    }


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "answer"),
        ({}, "labels"),
        ({"labels": []}, "labels"),
        ({"labels": "praise"}, "labels"),
        ({"labels": ["spam"]}, "labels"),
        ({"labels": [["praise"]]}, "labels"),
        ({"labels": ["Praise"]}, "labels"),
        ({"labels": ["praise", "complaint"]}, "labels"),
        ({"labels": ["praise"], "flags": ["nonsense"]}, "flags"),
        ({"labels": ["praise"], "rationale": "\x00"}, "rationale"),
        ({"labels": ["praise"], "shown_order": ["c1"]}, "shown_order"),
        ({"labels": ["praise"], "completion": "x"}, "completion"),
    ],
)
def test_it_names_the_field_that_is_wrong(value, field):
    assert field in refused(value)


def test_it_asks_for_a_reason_when_required():
    rules = Rules(labels=("a", "b"), require_rationale=True)
    assert "rationale" in refused({"labels": ["a"]}, rules)


def test_the_form_says_the_same_as_the_json_and_comes_back_as_fields():
    form = {"labels": ["question", "complaint"], "flags": ["unsafe"], "rationale": ["Hm"]}
    answer = LABELLING.parse_form(form, rules=SEVERAL)
    assert answer.as_json()["labels"] == ["complaint", "question"]
    assert LABELLING.parse_form(LABELLING.fields_of(answer.as_json()), rules=SEVERAL) == answer
    assert LABELLING.parse_answer(answer.as_json(), rules=SEVERAL) == answer


def test_a_draft_keeps_what_is_chosen_however_incomplete():
    form = {"labels": ["spam"], "rationale": [""], "prompt": ["x"]}
    assert LABELLING.known_fields(form, rules=ONE) == {"labels": ["spam"]}


def test_a_task_may_show_a_dialogue_of_any_roles_and_has_no_candidates():
    dialogue = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    assert [message["role"] for message in parse_task({"prompt": dialogue}).prompt["messages"]] == [
        "user",
        "assistant",
    ]
    with pytest.raises(TaskInvalid, match="candidates"):
        parse_task({"prompt": dialogue, "candidates": ["a"]})

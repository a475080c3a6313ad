import pytest

from annotation.kinds.answers import AnswerInvalid, Rules
from annotation.kinds.ranking import Answer, pairs, parse_answer
from annotation.kinds.ranking_form import fields_of, known_fields, parse_form

RULES = Rules(shown_order=("c3", "c1", "c2"), aspects=("quality", "safety"))


def form(**values: str | list[str]) -> dict[str, list[str]]:
    return {
        name.replace("__", "-"): [value] if isinstance(value, str) else value
        for name, value in values.items()
    }


def refused(value: object, rules: Rules = RULES) -> dict[str, str]:
    with pytest.raises(AnswerInvalid) as caught:
        parse_answer(value, rules=rules)
    return caught.value.fields


def test_it_reads_a_full_order():
    answer = parse_answer({"ranking": ["c1", "c2", "c3"]}, rules=RULES)
    assert answer.ranking == (("c1",), ("c2",), ("c3",))
    assert answer.unranked == ()


def test_it_reads_ties_and_leaves_the_rest_unranked():
    answer = parse_answer({"ranking": [["c2", "c1"]]}, rules=RULES)
    assert answer.as_json()["ranking"] == [["c1", "c2"]]
    assert answer.as_json()["unranked"] == ["c3"]


def test_three_candidates_in_order_give_three_preferences():
    answer = parse_answer({"ranking": ["c1", "c2", "c3"]}, rules=RULES)
    found = pairs(answer.as_json())
    assert set(found.preferences) == {("c1", "c2"), ("c1", "c3"), ("c2", "c3")}
    assert found.ties == ()


def test_ties_are_counted_apart_and_the_unranked_take_no_part():
    rules = Rules(shown_order=("a", "b", "c", "d"))
    found = pairs(parse_answer({"ranking": [["a", "b"], ["c"]]}, rules=rules).as_json())
    assert set(found.preferences) == {("a", "c"), ("b", "c")}
    assert found.ties == (("a", "b"),)


def test_all_bad_needs_no_order():
    answer = parse_answer({"all_bad": True}, rules=RULES)
    assert answer.all_bad
    assert pairs(answer.as_json()).preferences == ()


def test_all_bad_may_carry_an_order():
    answer = parse_answer({"all_bad": True, "ranking": ["c1", "c2"]}, rules=RULES)
    assert pairs(answer.as_json()).preferences == (("c1", "c2"),)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "answer"),
        (None, "answer"),
        ({}, "ranking"),
        ({"ranking": "c1"}, "ranking"),
        ({"ranking": ["A", "B"]}, "ranking"),
        ({"ranking": ["c1", "c1"]}, "ranking"),
        ({"ranking": ["c1"]}, "ranking"),
        ({"ranking": ["c1"], "all_bad": True}, "ranking"),
        ({"ranking": [["c1", ["c2"]]]}, "ranking"),
        ({"ranking": [{"c1": 1}]}, "ranking"),
        ({"ranking": ["c1", "c2"], "unranked": []}, "unranked"),
        ({"ranking": ["c1", "c2"], "all_bad": "no"}, "all_bad"),
        ({"ranking": ["c1", "c2"], "strength": 4}, "strength"),
        ({"ranking": ["c1", "c2"], "strength": True}, "strength"),
        ({"ranking": [["c1", "c2"]], "strength": 1}, "strength"),
        ({"ranking": ["c1", "c2"], "aspects": {"c9": {"quality": 3}}}, "aspects"),
        ({"ranking": ["c1", "c2"], "aspects": {"c1": {"charm": 3}}}, "aspects"),
        ({"ranking": ["c1", "c2"], "aspects": {"c1": 3}}, "aspects"),
        ({"ranking": ["c1", "c2"], "aspects": {"c1": {"quality": 6}}}, "aspect-quality-c1"),
        ({"ranking": ["c1", "c2"], "aspects": {"c1": {"quality": 2.5}}}, "aspect-quality-c1"),
        ({"ranking": ["c1", "c2"], "flags": ["nonsense"]}, "flags"),
        ({"ranking": ["c1", "c2"], "flags": [["unsafe"]]}, "flags"),
        ({"ranking": ["c1", "c2"], "rationale": 3}, "rationale"),
        ({"ranking": ["c1", "c2"], "rationale": "a\x00b"}, "rationale"),
        ({"ranking": ["c1", "c2"], "rationale": "\ud800"}, "rationale"),
        ({"ranking": ["c1", "c2"], "rationale": "x" * 10_001}, "rationale"),
        ({"ranking": ["c1", "c2"], "rewrite": 5}, "rewrite"),
        ({"ranking": ["c1", "c2"], "rewrite": {"text": "x", "of": "c9"}}, "rewrite_of"),
        ({"ranking": ["c1", "c2"], "shown_order": ["c1", "c2", "c3"]}, "shown_order"),
        ({"ranking": ["c1", "c2"], "winner": "c1"}, "winner"),
    ],
)
def test_it_names_the_field_that_is_wrong(value, field):
    assert field in refused(value)


def test_it_rejects_ties_when_disallowed():
    rules = Rules(shown_order=("c1", "c2"), allow_ties=False)
    assert "ties" in refused({"ranking": [["c1", "c2"]]}, rules)["ranking"]


def test_it_rejects_all_bad_when_not_offered():
    rules = Rules(shown_order=("c1", "c2"), allow_all_bad=False)
    assert "all_bad" in refused({"all_bad": True}, rules)


def test_it_asks_for_a_rationale_when_required():
    rules = Rules(shown_order=("c1", "c2"), require_rationale=True)
    assert "rationale" in refused({"ranking": ["c1", "c2"], "rationale": "  "}, rules)


def test_the_form_says_the_same_as_the_json():
    typed = form(
        rank__c1="1",
        rank__c2="3",
        rank__c3="3",
        aspect__quality__c1="5",
        all_bad="on",
        flags=["unsafe", "wrong_language"],
        strength="2",
        rationale="Line one\r\nline two ",
        rewrite="Better.",
        rewrite_of="c1",
    )
    value = {
        "ranking": [["c1"], ["c2", "c3"]],
        "aspects": {"c1": {"quality": 5}},
        "all_bad": True,
        "flags": ["wrong_language", "unsafe"],
        "strength": 2,
        "rationale": "Line one\nline two",
        "rewrite": {"text": "Better.", "of": "c1"},
    }
    assert parse_form(typed, rules=RULES).as_json() == parse_answer(value, rules=RULES).as_json()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"rank__c1": "0", "rank__c2": "1", "rank__c3": "2"}, "rank-c1"),
        ({"rank__c1": "4", "rank__c2": "1", "rank__c3": "2"}, "rank-c1"),
        ({"rank__c1": "first"}, "rank-c1"),
        ({"rank__c1": "²"}, "rank-c1"),
        ({"rank__c1": "9" * 5000}, "rank-c1"),
        ({"aspect__safety__c2": "-1", "rank__c1": "1", "rank__c2": "2"}, "aspect-safety-c2"),
        ({"aspect__safety__c2": "7", "rank__c1": "1", "rank__c2": "2"}, "aspect-safety-c2"),
        ({"strength": "9", "rank__c1": "1", "rank__c2": "2"}, "strength"),
        ({"flags": ["x"], "rank__c1": "1", "rank__c2": "2"}, "flags"),
    ],
)
def test_the_form_names_its_own_field(values, field):
    with pytest.raises(AnswerInvalid) as caught:
        parse_form(form(**values), rules=RULES)
    assert field in caught.value.fields


def test_a_stored_answer_comes_back_as_the_same_form():
    value = {
        "ranking": [["c2", "c1"], "c3"],
        "aspects": {"c2": {"safety": 1}},
        "flags": ["unsafe"],
        "rewrite": "Better",
    }
    answer = parse_answer(value, rules=RULES)
    assert parse_form(fields_of(answer.as_json()), rules=RULES) == Answer(
        shown_order=answer.shown_order,
        ranking=(("c1", "c2"), ("c3",)),
        aspects=answer.aspects,
        flags=answer.flags,
        rewrite=answer.rewrite,
    )


def test_a_draft_keeps_known_fields_only():
    typed = form(rank__c1="1", rank__c9="1", csrfmiddlewaretoken="x", rationale="", flags=["unsafe"])
    assert known_fields(typed, rules=RULES) == {"rank-c1": ["1"], "flags": ["unsafe"]}

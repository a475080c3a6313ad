import pytest

from core.errors import Invalid
from core.text import MAXIMUM_BODY_BYTES, check_storable, is_one_line, refusal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "ñ 漢字 العربية",
        "😀 𝔘",
        "line\r\nbreak\ttab",
        "\u202eoverride\u202c",
        "e\u0301",
        "\x1b[0m",
        "\uffff",
    ],
)
def test_any_valid_text_is_storable_and_unchanged(text):
    assert refusal(text) is None
    assert check_storable(text, field="prompt") == text


@pytest.mark.parametrize(
    ("text", "reason"), [("a\x00b", "NUL"), ("ab\ud800", "surrogate at character 2"), ("\udfff", "surrogate")]
)
def test_what_the_database_cannot_store_is_named(text, reason):
    assert reason in (refusal(text) or "")
    with pytest.raises(Invalid) as refused:
        check_storable(text, field="prompt")
    assert reason in refused.value.fields["prompt"]


def test_the_size_is_counted_in_bytes_of_utf8():
    assert refusal("é" * (MAXIMUM_BODY_BYTES // 2)) is None
    assert "262,146 bytes" in (refusal("é" * (MAXIMUM_BODY_BYTES // 2 + 1)) or "")
    assert refusal("abc", maximum_bytes=3) is None
    assert refusal("abcd", maximum_bytes=3)


@pytest.mark.parametrize(
    "text",
    ["Help", "نمی\u200cدانم", "क्\u200dष", "👩\u200d🔬 work", "日本語\u3000名前", "a\u00a0b", "ג\u200f1", ""],
)
def test_people_write_their_line_in_any_script(text):
    assert is_one_line(text)


@pytest.mark.parametrize(
    "text", ["a\nb", "a\rb", "\x00", "\x1b[2J", "a\x85b", "\u2028", "\u2029", "\ud800", "a\u202eb", "\u2066"]
)
def test_what_breaks_or_turns_a_line_is_none(text):
    assert not is_one_line(text)

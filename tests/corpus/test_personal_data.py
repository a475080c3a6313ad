"""What is found by its form: with a check digit where there is one, and in time proportional to the text."""

import time

import pytest

from corpus.personal_data import counts, find, luhn, masked, remainder_97

FOUND = {
    "EMAIL": [
        "jane.doe+news@mail.example.co.uk", "j@example.org", "jürgen@beispiel.de", "<a_b%c@example.com>",
    ],
    "PHONE": ["+49 30 901820", "(212) 736-5000", "+1-212-736-5000", "+44 20 7946 0958"],
    "CARD": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "6011111111111117"],
    "IBAN": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR14 2004 1010 0505 0001 3M02 606"],
    "IP": ["192.0.2.17", "8.8.8.8"],
    "SSN": ["078-05-1120"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "written"), [(kind, one) for kind, all_ in FOUND.items() for one in all_])
def test_it_is_found_in_a_sentence_and_masked(kind: str, written: str) -> None:
    text = f"Please note {written}, thank you."
    findings = find(text)
    assert counts(findings) == {kind: 1}
    clean = masked(text, findings)
    assert f"[{kind}]" in clean
    assert not any(part in clean for part in written.strip("<>").split() if len(part) > 3)


NOT_FOUND = [
    "4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 05",
    "999.1.1.1 and version 1.2.3.4.5",
    "000-12-3456 and 666-12-3456 and 900-12-3456",
    "In 2010-2011 there were 1,234,567 items at 10.50 each.",
    "order 1234567890",
    "user@localhost and @handle and a@b",
    "0000 0000 0000 0000",
    "pages 100-200, 3.14159265358979",
    "chapter 12345678901234567890123456789012345",
]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_looks_alike_is_left(text: str) -> None:
    assert find(text) == []


def test_an_account_number_ends_before_the_next_word() -> None:
    text = "IBAN DE89 3704 0044 0532 0130 00 BEI UNS"
    assert masked(text, find(text)) == "IBAN [IBAN] BEI UNS"


def test_a_national_number_is_looked_up_by_the_language() -> None:
    assert counts(find("Tel. 030 901820", lang="de")) == {"PHONE": 1}
    assert counts(find("Tel. 030 901820", lang="de-AT")) == {"PHONE": 1}
    assert find("Tel. 030 901820", lang="en") == []


def test_several_kinds_in_one_text_do_not_overlap() -> None:
    text = "a@example.org 192.0.2.17 4111111111111111 078-05-1120 +49 30 901820 a@example.org"
    findings = find(text)
    assert counts(findings) == {"CARD": 1, "EMAIL": 2, "IP": 1, "PHONE": 1, "SSN": 1}
    assert masked(text, findings) == "[EMAIL] [IP] [CARD] [SSN] [PHONE] [EMAIL]"
    assert all(one.end <= other.start for one, other in zip(findings, findings[1:], strict=False))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("4111 1111 1111 1111 23 times", "[CARD] 23 times"),
        ("+49 30 901820 (212) 736-5000", "[PHONE] [PHONE]"),
        ("+44 20 7946 0958 5500-0000-0000-0004", "[PHONE] [CARD]"),
    ],
)
def test_numbers_side_by_side_are_told_apart(text: str, clean: str) -> None:
    assert masked(text, find(text)) == clean


def test_masked_text_holds_nothing_more_to_find() -> None:
    text = " ".join(one for all_ in FOUND.values() for one in all_)
    assert find(masked(text, find(text))) == []


def test_check_digits_catch_every_single_wrong_digit() -> None:
    card = [4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert luhn(card) and remainder_97("DE89370400440532013000") == 1
    for at in range(len(card)):
        for digit in set(range(10)) - {card[at]}:
            assert not luhn([*card[:at], digit, *card[at + 1 :]])


@pytest.mark.parametrize(
    "part", ["a", "1 ", "a@", "a@b.", "DE89 ", "1.2.", "(", "4111 1111 1111 1112 ", "a@b.co ", "+4930901820 "]
)
def test_hostile_text_costs_time_in_proportion_to_its_length(part: str) -> None:
    def seconds(length: int) -> float:
        text = part * (length // len(part))
        started = time.process_time()
        find(text)
        return time.process_time() - started

    # Eight times the text takes about eight times as long; a backtracking pattern would take 64 times.
    # The best of three, since the machine has other work too.
    long, short = (min(seconds(length) for _try in range(3)) for length in (80_000, 10_000))
    assert long < 20 * max(short, 0.005)

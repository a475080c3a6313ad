"""Finds personal data by its form and, where there is one, its check digit. Pure.

E-mail and IP addresses, telephone numbers that exist in a numbering plan, payment cards (Luhn), bank accounts
(IBAN, remainder 97) and US social security numbers. Names and postal addresses have no form: they are not
found. Every pattern is bounded, so a hostile text costs time in proportion to its length.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import phonenumbers

EMAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])"
)
CARD = re.compile(r"(?<![\d.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\d-])")
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}", re.ASCII)
SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])", re.ASCII)
IP = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)", re.ASCII)
PHONE = re.compile(r"(?<![\w.,/+-])(?:\+|\()?\d[\d ()./-]{5,22}\d(?![\w%])", re.ASCII)
MOST_GAPS = 4
# The length of an account number by country, as its registry lists it; others go by the check digits alone.
IBAN_LENGTHS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24,
    "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "RS": 22, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
}  # fmt: skip
# Where a number without a country code is looked up, by the language of the document.
REGIONS = {"de": "DE", "fr": "FR", "es": "ES", "it": "IT", "nl": "NL", "pt": "PT", "pl": "PL", "ja": "JP",
           "zh": "CN", "ko": "KR", "ru": "RU", "tr": "TR", "sv": "SE", "en-gb": "GB"}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    kind: str
    start: int
    end: int


def find(text: str, *, lang: str = "") -> list[Finding]:
    """What looks like personal data, in the order of the text; no two findings overlap."""
    # Flags a character, so that telling an overlap does not depend on how much was found before.
    taken = bytearray(len(text))
    found: list[Finding] = []
    for finding in _candidates(text, lang):
        if not any(taken[finding.start : finding.end]):
            taken[finding.start : finding.end] = b"\x01" * (finding.end - finding.start)
            found.append(finding)
    return sorted(found, key=lambda finding: finding.start)


def _candidates(text: str, lang: str) -> Iterator[Finding]:
    """The surest kinds first: digits of a bank account may look like a telephone number as well."""
    yield from _plain("EMAIL", EMAIL, text)
    yield from _accounts(text)
    yield from _cards(text)
    yield from _plain("SSN", SSN, text)
    yield from _addresses(text)
    yield from _phones(text, lang)


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    return dict(sorted(Counter(finding.kind for finding in findings).items()))


def masked(text: str, findings: Iterable[Finding]) -> str:
    """The text with each finding replaced by its kind in brackets."""
    parts: list[str] = []
    end = 0
    for finding in findings:
        parts += (text[end : finding.start], f"[{finding.kind}]")
        end = finding.end
    return "".join([*parts, text[end:]])


def _plain(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Finding]:
    for match in pattern.finditer(text):
        yield Finding(kind, *match.span())


def _cards(text: str) -> Iterator[Finding]:
    for match in CARD.finditer(text):
        for end in _ends(match[0]):
            if _is_card(match[0][:end]):
                yield Finding("CARD", match.start(), match.start() + end)
                break


def _is_card(written: str) -> bool:
    digits = [int(character) for character in written if character.isdigit()]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits)


def _ends(written: str) -> Iterator[int]:
    """Where a number may end that has another one behind it: at its end, or at one of the last gaps."""
    end = len(written)
    for _attempt in range(MOST_GAPS):
        yield end
        end = written.rfind(" ", 0, end)
        if end < 0:
            return


def luhn(digits: list[int]) -> bool:
    """Doubling every second digit from the right, the sum of all digits ends in 0."""
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _accounts(text: str) -> Iterator[Finding]:
    at = 0
    while match := IBAN.search(text, at):
        end = _account_end(match[0])
        # The pattern is greedy: the next account may begin inside of what it took.
        at = match.start() + (end or 4)
        if end:
            yield Finding("IBAN", match.start(), at)


def _account_end(candidate: str) -> int:
    """Where the account number ends inside what may go on with other words; 0 where it is none."""
    ends = [at + 1 for at, character in enumerate(candidate) if character != " "]
    length = IBAN_LENGTHS.get(candidate[:2])
    if length is None:
        return ends[-1] if 15 <= len(ends) <= 34 and remainder_97(candidate) == 1 else 0
    if len(ends) < length:
        return 0
    end = ends[length - 1]
    return end if remainder_97(candidate[:end]) == 1 else 0


def remainder_97(account: str) -> int:
    """The first four characters moved to the end, letters as numbers from 10, modulo 97."""
    plain = account.replace(" ", "")
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97


def _addresses(text: str) -> Iterator[Finding]:
    for match in IP.finditer(text):
        try:
            ipaddress.IPv4Address(match[0])
        except ValueError:
            continue
        yield Finding("IP", *match.span())


def _phones(text: str, lang: str) -> Iterator[Finding]:
    region = REGIONS.get(lang.lower()) or REGIONS.get(lang.lower().partition("-")[0], "US")
    at = 0
    while match := PHONE.search(text, at):
        at = match.end()
        # Behind a number, an area code in brackets begins the next one.
        behind = match[0].find(" (", 6)
        written = match[0][:behind] if behind > 0 else match[0]
        for end in _ends(written):
            if _is_number(written[:end], region):
                yield Finding("PHONE", match.start(), match.start() + end)
                at = match.start() + end
                break


def _is_number(written: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(written, region))
    except phonenumbers.NumberParseException:
        return False

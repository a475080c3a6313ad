"""Licences are SPDX expressions; anything else is refused before data comes in."""

import re
from collections.abc import Sequence
from functools import lru_cache

from django.utils.translation import gettext as _
from license_expression import ExpressionError, Licensing, get_spdx_licensing

from core.errors import Invalid

OWN_LICENCE = re.compile(r"\ALicenseRef-[A-Za-z0-9.-]+\Z")
LONGEST = 120


class LicenceUnknown(Invalid):
    """The text is not an SPDX licence expression."""


@lru_cache(maxsize=1)
def _licensing() -> Licensing:
    # The index of all SPDX names takes a noticeable fraction of a second to build.
    return get_spdx_licensing()


def checked_licence(expression: str) -> str:
    """The expression in its normal form, e.g. `mit or apache-2.0` becomes `MIT OR Apache-2.0`.

    `LicenseRef-<name>` names a licence of one's own, as SPDX allows. Raises LicenceUnknown.
    """
    text = expression.strip()
    if not text or len(text) > LONGEST:
        raise _unknown(expression)
    try:
        parsed = _licensing().parse(text)
        unknown = _licensing().unknown_license_keys(parsed)
    except (ExpressionError, AttributeError) as error:
        # The library fails on its own message when an expression ends early ("MIT AND").
        raise _unknown(expression) from error
    if any(not OWN_LICENCE.match(name) for name in unknown):
        raise _unknown(expression)
    return str(parsed)


def _unknown(expression: str) -> LicenceUnknown:
    message = _(
        "“%(text)s” is not an SPDX licence expression. Examples: MIT, CC-BY-4.0, MIT OR Apache-2.0, "
        "LicenseRef-our-contract."
    ) % {"text": expression[:80]}
    return LicenceUnknown(message, fields={"licence": message})


def all_of(expressions: Sequence[str]) -> str:
    """The licence of something that holds parts under each of these: all of them apply."""
    different = list(dict.fromkeys(expressions))
    if len(different) == 1:
        return different[0]
    joined = " AND ".join(f"({expression})" for expression in different)
    return str(_licensing().parse(joined))

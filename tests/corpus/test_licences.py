import pytest

from corpus.licences import LicenceUnknown, checked_licence


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("MIT", "MIT"),
        (" mit or apache-2.0 ", "MIT OR Apache-2.0"),
        ("LicenseRef-our-contract", "LicenseRef-our-contract"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ],
)
def test_it_stores_an_expression_in_its_normal_form(typed: str, stored: str) -> None:
    assert checked_licence(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", " ", "BSD", "Foo-1.0", "MIT AND", "(MIT", "MIT; x", "\x00", "MIT OR " * 40]
)
def test_it_refuses_what_is_no_spdx_expression(typed: str) -> None:
    with pytest.raises(LicenceUnknown) as caught:
        checked_licence(typed)
    assert "licence" in caught.value.fields

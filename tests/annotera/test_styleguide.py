"""The styleguide shows every part, and only to admins."""

from core.templatetags.drawings import DRAWINGS
from tests.conftest import Cast


def test_the_short_address_leads_an_admin_into_the_workspace(cast: Cast) -> None:
    for who, status, address in (
        (cast.alice, 302, "/w/acme/styleguide/"),
        (cast.charlie, 302, "/w/other/styleguide/"),
        (cast.rita, 403, None),
        (cast.bob, 403, None),
    ):
        answer = cast.client(who).get("/styleguide/")
        assert (answer.status_code, answer.headers.get("Location")) == (status, address)


def test_strangers_are_asked_to_log_in(client, db: None) -> None:
    assert client.get("/styleguide/").headers["Location"] == "/login/?next=%2Fstyleguide%2F"


def test_every_icon_and_every_part_is_there(cast: Cast) -> None:
    page = cast.client(cast.alice).get("/w/acme/styleguide/").content.decode()
    for name in DRAWINGS:
        assert f"</svg>{name}</li>" in page, name
    parts = (
        "button-primary button-danger badge tiles table-stack field-error tabs drawer dialog"
        " notice-warn empty skeleton word-diff <progress pagination breadcrumbs chart data-toast-words"
    )
    for part in parts.split():
        assert part in page.split("<main")[1], part

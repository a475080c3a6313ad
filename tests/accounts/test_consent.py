import pytest

from accounts import consent
from accounts.consent import CURRENT_VERSION, current_text, give_consent, has_current_consent
from accounts.models import RecordingConsent

PAGE = "/w/acme/me/consent/"


def test_nobody_has_agreed_before_being_asked(cast):
    assert not has_current_consent(cast.bob)
    page = cast.client(cast.bob).get(PAGE).content.decode()
    assert all(paragraph.split(":")[0][:40].replace("'", "&#x27;") in page for paragraph in current_text())


def test_agreeing_is_noted_with_version_and_time_and_once(cast):
    bob = cast.client(cast.bob)
    assert bob.post(PAGE)["Location"] == "/w/acme/"
    first = RecordingConsent.objects.get()
    bob.post(PAGE)
    assert list(RecordingConsent.objects.all()) == [first]
    assert (first.membership, first.version, first.workspace) == (cast.bob, CURRENT_VERSION, cast.workspace)
    assert has_current_consent(cast.bob)
    assert not has_current_consent(cast.rita)


@pytest.mark.parametrize(
    ("target", "lands_on"), [("/w/acme/me/", "/w/acme/me/"), ("https://evil.example/", "/w/acme/")]
)
def test_it_leads_back_to_where_the_person_wanted_to_go(cast, target, lands_on):
    bob = cast.client(cast.bob)
    page = bob.get(PAGE, {"next": target}).content.decode()
    assert ('name="next"' in page) == (target == lands_on)
    assert bob.post(PAGE, {"next": target})["Location"] == lands_on


def test_a_changed_text_is_asked_about_anew(cast, monkeypatch):
    give_consent(cast.bob)
    monkeypatch.setattr(consent, "CURRENT_VERSION", CURRENT_VERSION + 1)
    assert not has_current_consent(cast.bob)
    give_consent(cast.bob)
    assert set(cast.bob.consents.values_list("version", flat=True)) == {CURRENT_VERSION, CURRENT_VERSION + 1}


def test_the_own_page_says_when_it_was_given(cast):
    bob = cast.client(cast.bob)
    assert "Read and agree" in bob.get("/w/acme/me/").content.decode()
    give_consent(cast.bob)
    page = bob.get("/w/acme/me/").content.decode()
    assert "You agreed" in page
    assert "Read and agree" not in page

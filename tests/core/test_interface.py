from datetime import timedelta

import pytest
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone

from core.errors import NotFound
from tests.conftest import Cast


def render(source: str, **values: object) -> str:
    return Template("{% load interface %}" + source).render(Context(values))


def test_texts_of_people_are_escaped_and_keep_their_own_direction() -> None:
    assert render("{% words text 'ar' %}", text="<b>عسل</b>") == (
        '<bdi dir="auto" lang="ar">&lt;b&gt;عسل&lt;/b&gt;</bdi>'
    )


def test_an_icon_with_a_label_is_announced_and_one_without_is_decoration() -> None:
    assert 'aria-hidden="true"' in render("{% icon 'flag' %}")
    assert 'role="img" aria-label="&lt;x&gt;"' in render("{% icon 'flag' label %}", label="<x>")


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_times_are_told_as_distances(distance: timedelta, text: str) -> None:
    assert f">{text}</time>" in render("{% when moment %}", moment=timezone.now() - distance)


def test_a_missing_time_is_a_dash() -> None:
    assert render("{% when moment %}", moment=None) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"), [(42, "42 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (None, "–")]
)
def test_durations_are_told_as_people_say_them(seconds: int | None, text: str) -> None:
    assert render("{{ seconds|duration }}", seconds=seconds) == text


def frame(cast: Cast | None, name: str = "bob", **cookies: str) -> str:
    request = RequestFactory().get("/w/acme/")
    request.COOKIES.update(cookies)
    membership = getattr(cast, name) if cast else None
    request.membership = membership
    return render_to_string("base.html", {}, request=request)


def test_the_frame_needs_no_person_and_no_database(django_assert_num_queries, db: None) -> None:
    with django_assert_num_queries(0):
        page = frame(None)
    assert "Annotera" in page and "person-menu" not in page


def test_annotators_see_no_links_that_would_refuse_them(cast: Cast) -> None:
    annotator, admin = frame(cast), frame(cast, "alice")
    assert ">Members</span>" in admin and ">Audit</span>" in admin
    assert ">Members</span>" not in annotator and ">Runs</span>" not in annotator
    assert ">My work</span>" in annotator


def test_the_frame_of_a_member_costs_no_query(cast: Cast, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        frame(cast)


def test_this_browsers_theme_wins_over_the_persons(cast: Cast) -> None:
    cast.bob.user.theme = "dark"
    assert 'data-theme="dark"' in frame(cast)
    assert 'data-theme="light"' in frame(cast, theme="light")
    assert "data-theme=" not in frame(cast, theme="system").split("<head>")[0]
    assert "data-theme=" not in frame(cast, theme='"><script>').split("<head>")[0]


def test_a_person_may_switch_single_keys_off(cast: Cast) -> None:
    assert "data-single-keys" in frame(cast)
    cast.bob.user.single_key_shortcuts = False
    assert "data-single-keys" not in frame(cast)


def test_a_refusal_is_a_page_for_a_browser_and_a_notice_for_htmx() -> None:
    error = NotFound("<i>gone</i>")
    whole = render_to_string("errors/page.html", {"error": error, "request_id": "abc"})
    notice = render_to_string("errors/page.html#notice", {"error": error})
    assert "&lt;i&gt;gone&lt;/i&gt;" in whole and "<html" in whole and "abc" in whole
    assert "<html" not in notice and 'role="alert"' in notice

"""What models and people write is shown, and nothing of it acts."""

import time
from html.parser import HTMLParser

import pytest

from core.markdown import CACHE_BYTES, HIGHLIGHT_BUDGET, BoundedCache, render

ATTACKS = [
    "<script>fetch('/canary')</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><path></svg>",
    '<a href="javascript:alert(1)">x</a>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mtext></table><img src=x onerror=alert(1)></math>",
    "<style>@import 'http://127.0.0.1/x'</style>",
    "<form action=/logout method=post><button>Submit</button></form>",
    '<div hx-get="/admin/" hx-trigger="load" hx-on::load="alert(1)">x</div>',
    "<base href=http://127.0.0.1/><meta http-equiv=refresh content=0>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](//127.0.0.1/leak)",
    "[x](/logout 'title\" onmouseover=alert(1)')",
    "![x](http://127.0.0.1:1/leak?d=secret)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[![x](http://127.0.0.1/a)](http://127.0.0.1/b)",
    '```"><img src=x onerror=alert(1)>\ncode\n```',
    "```html class=x onclick=y\n<script>alert(1)</script>\n```",
    '``` {.evil style="position:fixed"}\nx\n```',
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\class{evil}{x}\style{position:fixed}{y}$",
    r"$$\begin{matrix}<script>alert(1)</script>\end{matrix}$$",
    r"$\unicode{60}script>$",
    "<!-- --><!DOCTYPE html><?php echo 1 ?><![CDATA[x]]>",
    '<http://127.0.0.1/"onclick=alert(1)>',
    "[a]: javascript:alert(1)\n\n[a]",
    "\x1b[31m\x07\x00 ansi",
    "{{7*7}} ${7*7} {% debug %}",
]
ALLOWED = {
    "a": {"href", "rel"},
    "span": {"class"},
    "code": {"class"},
    "pre": {"class", "tabindex"},
    "ol": {"start"},
    "math": {"display"},
    "mo": {"stretchy", "fence", "separator", "form"},
}
ACTIVE = {
    "script",
    "style",
    "img",
    "svg",
    "iframe",
    "form",
    "button",
    "input",
    "base",
    "meta",
    "link",
    "object",
}


class Inspector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def inspect(html: str) -> Inspector:
    inspector = Inspector()
    inspector.feed(html)
    return inspector


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_active_survives(attack):
    for tag, attributes in inspect(render(f"**marked** {attack}\n\n{attack}")).found:
        assert tag not in ACTIVE
        assert set(attributes) <= ALLOWED.get(tag, set()), (tag, attributes)
        assert str(attributes.get("href") or "https://").startswith(("http://", "https://", "mailto:"))
        assert not {"evil", "remote"} & set(str(attributes.get("class")).split())


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.startswith("<")])
def test_raw_html_is_shown_as_the_text_that_it_is(attack):
    shown = inspect(render(attack)).text
    assert "<" in shown or "127.0.0.1" in shown


def test_templates_in_texts_are_not_run():
    assert "{{7*7}}" in render("{{7*7}}")
    assert "49" not in render("{{7*7}} ${7*7}")


def test_a_remote_picture_becomes_a_placeholder_with_its_address():
    html = render("Look: ![a cat](https://example.org/cat.png)")
    assert "https://example.org/cat.png" in html
    assert "a cat" in html
    assert "<img" not in html


def test_code_is_coloured_by_classes_and_takes_the_focus():
    html = render("```python\nprint('<b>')\n```")
    assert '<pre class="code" tabindex="0"><code class="language-python">' in html
    assert '<span class="nb">print</span>' in html
    assert "&lt;b&gt;" in html


def test_an_unknown_language_is_plain_code():
    assert "<span" not in render("```klingon\nx = 1\n```")


def test_formulas_become_mathml_and_amounts_of_money_do_not():
    html = render("**Sum:** $\\frac{a}{b}$ costs $5 or $6")
    assert "<mfrac>" in html
    assert "$5 or $6" in html


@pytest.mark.parametrize("formula", [r"\frac{", r"\left( x", "x^2^3", "{" * 900, r"\begin{matrix}", "^", "&"])
def test_a_formula_that_cannot_be_read_is_shown_as_it_is(formula):
    assert formula in inspect(render(f"**x** ${formula}$")).text


def test_structure_is_kept():
    html = render("# Title\n\n- one\n- **two**\n\n> said\n\n|a|b|\n|-|-|\n|1|2|\n\n~~gone~~\nnext line")
    for part in (
        "<h1>Title</h1>",
        "<li>one</li>",
        "<strong>two</strong>",
        "<blockquote>",
        "<td>1</td>",
        "<s>",
        "<br>",
    ):
        assert part in html


def test_plain_text_keeps_paragraphs_and_lines():
    assert render("one\ntwo\n\nthree 'and' é") == "<p>one<br>two</p><p>three &#x27;and&#x27; é</p>"


def test_half_characters_do_not_break_the_page():
    render("half \ud800 character").encode()
    render("**half** \udfff").encode()


@pytest.mark.parametrize(
    "unit", ["[", "![", "*a ", "`a", "$a", "> ", "_a_", "<a ", "|a", "[a](<b", "~~a", "(" * 3, "\\"]
)
def test_a_hostile_text_of_full_size_takes_seconds_at_most(unit):
    started = time.process_time()
    render((unit * 70_000)[:64_000])
    assert time.process_time() - started < 6


def test_a_text_beyond_the_markdown_limit_is_shown_plain():
    html = render("**bold** " * 20_000)
    assert "<strong>" not in html
    assert html.startswith("<p>**bold**")


def test_the_cache_stays_within_its_bound():
    cache = BoundedCache(100)
    for number in range(50):
        cache.put(bytes([number]), "x" * 10)
    assert cache.size <= 100
    assert cache.get(bytes([49])) == "x" * 10
    assert cache.get(bytes([0])) is None
    assert CACHE_BYTES <= 64 * 1024 * 1024


def test_the_same_text_again_is_free():
    text = "**x** `y`\n\n" * 2_000
    render(text)
    started = time.process_time()
    for _ in range(50):
        render(text)
    assert time.process_time() - started < 0.5


# What took the lexers longest when they were tried; on 8 KiB of C# it was six seconds.
SLOW_CODE = [
    ("java", "a b "), ("csharp", "a\n"), ("fan", "a"), ("perl", "s{"), ("make", "s{"), ("typescript", "a."),
    ("console", "a:"), ("ruby", "<<a\n"), ("yaml", "`"), ("ini", "::"), ("html", "<!--"), ("zeek", "0"),
    ("markdown", "```csharp\na\n"), ("python", "'"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code"), SLOW_CODE, ids=lambda value: repr(value))
@pytest.mark.parametrize("length", [1_000, 15_000])
def test_no_code_holds_up_the_server(language, code, length):
    fence = f"~~~{language}\n{(code * length)[:length]}\n~~~\n\n"
    text = fence * (60_000 // len(fence))
    started = time.process_time()
    assert "language-" in render(text)
    assert time.process_time() - started < 1.5


def test_code_is_coloured_until_the_budget_of_the_text_is_spent():
    fence = "```python\n" + "x = 1\n" * 200 + "```\n\n"
    html = render(fence * 20)
    coloured = [block for block in html.split("<pre") if "<span" in block]
    assert len(coloured) == HIGHLIGHT_BUDGET // 1200
    assert html.count("x") >= 20 * 200


@pytest.mark.parametrize(
    "language",
    ["py", "js", "ts", "sh", "c++", "golang", "rs", "java", "html", "yml", "json", "sql", "docker"],
)
def test_common_languages_are_coloured_under_their_usual_names(language):
    assert "<span" in render(f"```{language}\nx = {{1}} # <!-- a --> 2\n```")

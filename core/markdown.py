"""Texts of persons and models as HTML: Markdown, code and formulas, with nothing active in the result.

Raw HTML is shown as the text that it is. Whatever the parsers make of a text, only what the allow-list of nh3
names gets out: no script, no style, no event, no request to another machine. Remote pictures become a visible
placeholder that shows their address.
"""

import html
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from latex2mathml import exceptions as latex2mathml_exceptions
from latex2mathml.converter import convert as mathml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

LONGEST_MARKDOWN = 64 * 1024
# What one text may spend on colours, in characters. For twice the code many lexers need four times as long:
# 8 KiB of hostile C# took 6.1 s and of Java 1.3 s. So only languages that were tried are coloured; those that
# stayed under 0.25 s for 16 KiB cost their length, the others eight times as much.
HIGHLIGHT_BUDGET = 8 * 1024
QUICK = (
    "python", "pycon", "json", "css", "scss", "bash", "sql", "c", "cpp", "kotlin", "go", "rust", "swift",
    "scala", "haskell", "lua", "r", "julia", "toml", "diff", "docker", "dart",
)  # fmt: skip
SLOW = ("javascript", "typescript", "java", "html", "xml", "yaml", "ruby", "console", "ini")
PRICES = dict.fromkeys(QUICK, 1) | dict.fromkeys(SLOW, 8)
LONGEST_FORMULA = 2_000
CACHE_BYTES = 16 * 1024 * 1024
LANGUAGE_NAME = re.compile(r"\A[A-Za-z0-9_+#.-]{1,30}\Z")
TAG_IN_TEXT = re.compile(r"\\(?:text|mbox|hbox)\w*\s*\{[^}]*[<&]")
SAFE_ADDRESS = re.compile(r"\A(https?://|mailto:)", re.IGNORECASE)
PYGMENTS_CLASS = re.compile(r"\A(?:[a-z][a-z0-9]{0,2}|language-[A-Za-z0-9_+#.-]{1,30})\Z")
OWN_CLASSES = {"code", "formula", "remote-picture"}
CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {127: 0x2421}
# Without one of these characters a text is paragraphs and nothing else, which costs a hundredth.
MARKED = re.compile(r"[`*_\[\]<>&$#~|\\]|^\s*(?:[-+=]|\d+[.)])|^(?: {4}|\t)|!\[", re.MULTILINE)

# The converter's own errors have no common parent; the others are what hostile formulas were seen to raise.
FORMULA_ERRORS: tuple[type[Exception], ...] = (
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
    *(error for error in vars(latex2mathml_exceptions).values() if isinstance(error, type)),
)
MATH_TAGS = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup",
    "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable", "mtr", "mtd",
    "mpadded", "mphantom", "menclose", "mstyle",
}  # fmt: skip
TEXT_TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "del", "blockquote",
    "ul", "ol", "li", "pre", "code", "span", "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href"},
    "span": {"class"},
    "code": {"class"},
    "pre": {"class", "tabindex"},
    "ol": {"start"},
    "math": {"display"},
    "mo": {"stretchy", "fence", "separator", "form"},
    "mfrac": {"linethickness"},
    "mtd": {"columnalign"},
    "mtable": {"columnalign"},
    "mi": {"mathvariant"},
}


def _picture(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Any
) -> str:
    token = tokens[index]
    address = html.escape(str(token.attrs.get("src", "")))
    words = html.escape(renderer.renderInlineAsText(token.children or [], options, environment))
    return f'<span class="remote-picture">{words or "picture"}: <code>{address}</code></span>'


def _fence(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Any
) -> str:
    token = tokens[index]
    named = (token.info or "").strip().split(maxsplit=1)
    language = named[0] if named and LANGUAGE_NAME.match(named[0]) else ""
    return _code_block(_highlighted(token.content, language, environment), language)


def _indented(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Any
) -> str:
    return _code_block(html.escape(tokens[index].content), "")


def _code_block(content: str, language: str) -> str:
    kind = f' class="language-{language}"' if language else ""
    # A block that scrolls must take the keyboard's focus.
    return f'<pre class="code" tabindex="0"><code{kind}>{content}</code></pre>\n'


def _highlighted(text: str, language: str, environment: Any) -> str:
    """The code with colours, as long as the budget of the whole text lasts."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return html.escape(text)
    price = PRICES.get(lexer.aliases[0], HIGHLIGHT_BUDGET + 1) * len(text)
    left = environment.setdefault("highlight_budget", HIGHLIGHT_BUDGET)
    if price > left:
        return html.escape(text)
    environment["highlight_budget"] = left - price
    return highlight(text, lexer, HtmlFormatter(nowrap=True))


def _formula(text: str, display: str) -> str:
    """The formula as MathML, or its source where the converter cannot read it."""
    source = f'<code class="formula">{html.escape(text)}</code>'
    # Inside \text the converter copies tags as they are; nh3 would drop them and the words with them.
    if len(text) > LONGEST_FORMULA or TAG_IN_TEXT.search(text):
        return source
    try:
        return str(mathml(text, display=display))
    except FORMULA_ERRORS:
        return source


def _math(display: str) -> Callable[..., str]:
    def render(
        renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Any
    ) -> str:
        rendered = _formula(tokens[index].content.strip(), display)
        return f"<p>{rendered}</p>\n" if display == "block" else rendered

    return render


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    parser.enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False)
    parser.add_render_rule("image", _picture)
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("code_block", _indented)
    parser.add_render_rule("math_inline", _math("inline"))
    parser.add_render_rule("math_inline_double", _math("block"))
    parser.add_render_rule("math_block", _math("block"))
    return parser


def _kept_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        kept = [word for word in value.split() if word in OWN_CLASSES or PYGMENTS_CLASS.match(word)]
        return " ".join(kept) or None
    if name == "href":
        return value if SAFE_ADDRESS.match(value) else None
    if name == "tabindex":
        return "0"
    # nh3 lets title and lang pass on every element: only what the list names may stay.
    return value if name in ATTRIBUTES.get(tag, ()) else None


def _clean(unsafe: str) -> str:
    return nh3.clean(
        unsafe,
        tags=TEXT_TAGS | MATH_TAGS,
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        attribute_filter=_kept_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        generic_attribute_prefixes=set(),
    )


def _paragraphs(text: str) -> str:
    found = (part.strip("\n") for part in re.split(r"\n\s*\n", text))
    return "".join(f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in found if part.strip())


def _rendered(text: str) -> str:
    if len(text) > LONGEST_MARKDOWN or not MARKED.search(text):
        return _paragraphs(text)
    return _clean(PARSER.render(text, {}))


def render(text: str) -> SafeString:
    """The text as safe HTML. Rendering is remembered by content, within a bound on memory."""
    key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    known = CACHE.get(key)
    if known is None:
        visible = text.replace("\r\n", "\n").translate(CONTROLS)
        known = _rendered(visible.encode("utf-8", "replace").decode())
        CACHE.put(key, known)
    return mark_safe(known)  # noqa: S308 - the allow-list above is what makes it safe.


class BoundedCache:
    """The most recently used results, at most so many characters together."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.size = 0
        self._entries: OrderedDict[bytes, str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> str | None:
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: bytes, value: str) -> None:
        with self._lock:
            self.size += len(value) - len(self._entries.pop(key, ""))
            self._entries[key] = value
            while self.size > self.maximum:
                _oldest, dropped = self._entries.popitem(last=False)
                self.size -= len(dropped)


PARSER = _parser()
CACHE = BoundedCache(CACHE_BYTES)

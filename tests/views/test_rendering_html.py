"""Model text shown as HTML: it reads well, nothing of it runs or fetches, and money is not mathematics."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.views.rendering import mimebundle, render_html
from tests.hostile import REPLIES
from tests.safe_html import Page, dangers

PIECES = [piece for reply in REPLIES.values() for piece in reply[:400].split(" ")]
hostile_text = st.lists(
    st.sampled_from(PIECES) | st.text(max_size=6) | st.sampled_from(list("\n`$[]()<>!*_~|#-\\:&\"' ")), max_size=30
)


@pytest.mark.parametrize("name", REPLIES)
def test_nothing_of_a_hostile_reply_runs_or_fetches(name: str) -> None:
    assert dangers(render_html(REPLIES[name])) == []


@settings(max_examples=200, deadline=None)
@given(hostile_text)
def test_no_mixture_of_hostile_pieces_runs_or_fetches(pieces: list[str]) -> None:
    for joint in (" ", ""):
        assert dangers(render_html(joint.join(pieces))) == []


def test_markdown_becomes_html() -> None:
    html = render_html("# A *title*\n\n1. one\n2. two\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n~~gone~~ **bold** `code`\n")
    for part in (
        "<h1>A <em>title</em></h1>",
        "<li>one</li>",
        "<th>a</th>",
        "<s>gone</s>",
        "<strong>bold</strong>",
        "<code>code</code>",
    ):
        assert part in html
    assert 'style="text-align:right">2</td>' in html


def test_raw_html_is_shown_as_text() -> None:
    assert "a &lt;b&gt;bold&lt;/b&gt;" in render_html("a <b>bold</b>")


def test_links_open_elsewhere_and_tell_nothing() -> None:
    html = render_html("[a](https://example.org/?x=1&y=2) <mailto:a@example.org>")
    assert '<a href="https://example.org/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer nofollow">a</a>' in html
    assert 'href="mailto:a@example.org"' in html


@pytest.mark.parametrize(
    "target",
    [
        "javascript:x",
        "&#106;avascript:x",
        "data:text/html,x",
        "//host/x",
        "file:///x",
        "x.html",
        "http:x",
        "https://:80/x",
    ],
)
def test_other_links_are_text(target: str) -> None:
    assert Page(render_html(f"[a]({target}) [b][r]\n\n[r]: {target}")).links == []


def test_an_image_is_a_link_that_names_its_host() -> None:
    page = Page(render_html("![a chart](https://example.org/x.png?secret=1) ![][i]\n\n[i]: http://example.com/y.png"))
    assert "image: a chart (example.org)" in page.words
    assert "image (example.com)" in page.words
    assert page.links == ["https://example.org/x.png?secret=1", "http://example.com/y.png"]


def test_an_image_inside_a_link_leaves_one_link() -> None:
    page = Page(render_html("[![a](http://one.example/x)](http://two.example/)"))
    assert page.links == ["http://two.example/"]
    assert "image: a (one.example)" in page.words


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10 is money",
        "$5-$10",
        "US$5, US$6",
        "between 5$ and 10$ or 5$/month, 10$/year",
        "from $5 to US$ and on",
        "$HOME/$USER and $PATH",
        r"\$5 and \$10",
        "| $5 | $10 |\n|---|---|\n| $1 | $2 |",
        "# $5 or $6",
        "[$5](https://example.org) and [$6](https://example.org)",
        r"\\(x\\) and \\[y\\]",
        "&#36;5 and &#36;6",
    ],
)
def test_money_is_not_typeset(text: str) -> None:
    page = Page(render_html(text))
    assert page.formulas == []
    assert page.words.count("$") == text.count("$") + text.count("&#36;")


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("so $x<1$ holds", ["$x<1$"]),
        ("the $n$th of $k$-means, $p$s", ["$n$", "$k$", "$p$"]),
        (r"\(a_1*b_1*c\) and \[x\]", [r"\(a_1*b_1*c\)", r"\[x\]"]),
        ("$$\nx^2\n$$", ["$$\nx^2\n$$"]),
        ("text\n\\[\n\\frac{1}{2}\n\\]\nmore", ["\\[\n\\frac{1}{2}\n\\]"]),
        ("it costs $5 and $x$ is not $6", ["$x$"]),
        ("- $a$\n- $b$", ["$a$", "$b$"]),
        ("| $a$ | b |\n|---|---|\n| $c$ | $5 |", ["$a$", "$c$"]),
        (r"\begin{align}a&=b\\c&=d\end{align}", [r"\begin{align}a&=b\\c&=d\end{align}"]),
        (r"$2n+1$ and $100\%$", ["$2n+1$", r"$100\%$"]),
    ],
)
def test_mathematics_is_left_to_mathjax(text: str, formulas: list[str]) -> None:
    assert Page(render_html(text)).formulas == formulas


@pytest.mark.parametrize("name", [name for name in REPLIES if name.startswith("mathematics") and "html" not in name])
def test_dangerous_macros_are_shown_and_not_typeset(name: str) -> None:
    for formula in Page(render_html(REPLIES[name])).formulas:
        assert not any(
            macro in formula
            for macro in (
                "href",
                "url",
                "require",
                "include",
                "unicode",
                "style",
                "class",
                "cssId",
                "def",
                "new",
                "let",
                "9999",
                "kern",
                "hspace",
                "raise",
            )
        )


def test_code_is_coloured_and_never_typeset() -> None:
    html = render_html('```python\ndef f():\n    return "$x$"  # why\n```')
    page = Page(html)
    assert 'def f():\n    return "$x$"  # why\n' in page.words
    assert page.formulas == []
    assert "color:var(--k)" in html


@pytest.mark.parametrize("language", ["", "no-such-language", "python", '"><b', "{.python}"])
def test_code_of_any_language_is_shown_whole(language: str) -> None:
    assert "x = '<b>' && 1\n" in Page(render_html(f"```{language}\nx = '<b>' && 1\n```")).words


def test_characters_that_deceive_are_shown_or_gone() -> None:
    words = Page(render_html(REPLIES["bidi"] + REPLIES["controls"] + REPLIES["smuggled"])).words
    assert "[U+202E]" in words
    assert not [
        letter
        for letter in words
        if letter != "\n" and (ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 or ord(letter) > 0xE0000)
    ]
    assert not set(words) & set("\u202a\u202b\u202c\u202d\u202e")


def test_emoji_and_other_scripts_stay_whole() -> None:
    text = "👩\u200d💻 नमस्ते می\u200cخواهم שלום 中文"
    assert text in Page(render_html(text)).words


def test_a_bundle_holds_each_format_complete() -> None:
    bundle = mimebundle("costs **$5**", footer_text="gpt-4o · $0.01 and $0.02")
    assert bundle["text/plain"] == "costs **$5**"
    assert bundle["text/markdown"].startswith(r"costs **\$5**")
    page = Page(bundle["text/html"])
    assert "gpt-4o · $0.01 and $0.02" in page.words
    assert page.formulas == [] == dangers(bundle["text/html"])


def test_text_for_terminals_holds_no_escape_sequences() -> None:
    assert "\x1b" not in mimebundle(REPLIES["controls"])["text/plain"]
    assert "\x9b" not in mimebundle(REPLIES["controls"])["text/plain"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        "![" * 60_000,
        "> " * 60_000,
        "- " * 40_000,
        "*a " * 40_000,
        "`a``" * 30_000,
        "\\({" * 40_000,
        "\\[\n" * 40_000,
        "$$" * 60_000,
        "$1 " * 40_000,
        "-" * 150_000 + "x",
        "$5" + " a" * 60_000 + "$",
        "\\begin{a}" * 20_000,
        "a\n" * 60_000,
        "```python\n" + "'" * 100_000,
        "~~a" * 40_000,
        "```html\n" + "<a " * 40_000,
        "```json\n" + "{" * 100_000,
        "|a" * 20_000 + "\n" + "|-" * 20_000 + "\n" + "a\n" * 200,
        "&#" * 60_000,
        "<" * 100_000,
    ],
)
def test_pathological_text_is_rendered_at_all(text: str) -> None:
    assert dangers(render_html(text)) == []

"""Model text as safe Markdown: even a reader that lets raw HTML through runs and fetches nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from portkey_nb.views.rendering import render_html, render_markdown
from tests.hostile import REPLIES
from tests.safe_html import TAGS, Page
from tests.views.test_rendering_html import hostile_text

PERMISSIVE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PERMISSIVE.validateLink = lambda url: True  # type: ignore[method-assign]


def dangers(markdown: str) -> list[str]:
    """What a reader that allows everything would make of it; unbalanced tags count, as they come from raw HTML."""
    return Page(PERMISSIVE.render(markdown)).dangers


def shown(markdown: str) -> str:
    """The words that a reader sees, white space and formula delimiters aside."""
    return re.sub(r"[\s$]+|\\[()\[\]]", "", Page(PERMISSIVE.render(markdown)).words)


@pytest.mark.parametrize("name", REPLIES)
def test_nothing_of_a_hostile_reply_runs_or_fetches(name: str) -> None:
    assert dangers(render_markdown(REPLIES[name])) == []


@settings(max_examples=300, deadline=None)
@given(hostile_text)
def test_no_mixture_of_hostile_pieces_runs_or_fetches(pieces: list[str]) -> None:
    for joint in (" ", ""):
        assert dangers(render_markdown(joint.join(pieces))) == []


@settings(max_examples=200, deadline=None)
@given(hostile_text)
def test_outside_code_no_angle_bracket_opens(pieces: list[str]) -> None:
    markdown = render_markdown("".join(pieces))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    for token in tokens:
        for child in token.children or []:
            assert child.type != "image"
            assert child.type != "html_inline" or child.content in ("<span>", "</span>")
        assert token.type != "html_block"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab 1.*_[]()<>&$\\`#-+!|~:=\n")), max_size=40))
def test_text_without_code_or_mathematics_reads_as_before(text: str) -> None:
    html = Page(render_html(text))
    if "`" in text or html.formulas or "$" in text or "\\" in text:
        return
    assert shown(render_markdown(text)).replace("*", "").replace("~", "") == re.sub(r"\s+", "", html.words).replace(
        "*", ""
    ).replace("~", "")


def test_ordinary_replies_stay_as_they_are() -> None:
    text = (
        "# Title\n\nA paragraph with **bold**, *italic*, `code <b>` and [a link](https://example.org/a?b=c).\n"
        "A second line.\n\n"
        "- one\n- two\n  - nested\n\n1. first\n2. second\n\n> a quote\n\n"
        '| a | b |\n| --- | --: |\n| 1 | 2 |\n\n```python\nif a < b:\n    print("$x")\n```\n\n'
        "So $x^2$ holds.\n\n$$\nx^2\n$$"
    )
    assert render_markdown(text) == text


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("<b>x</b> & y", "&lt;b>x&lt;/b> & y"),
        ("&lt;script&gt;", "&lt;script>"),
        ("only $5", r"only \$5"),
        ("$5 and $10", r"<span>\$</span>5 and <span>\$</span>10"),
        ("$5 for $x$", r"<span>\$</span>5 for $x$"),
        ("done!", "done!"),
        (r"no \\(formula\\)", "no <span>&#92;</span>(formula<span>&#92;</span>)"),
        ("![a](https://example.org/x.png)", "[image: a (example.org)](https://example.org/x.png)"),
        ("[a][r]\n\n[r]: https://example.org/ 'title'", "[a](https://example.org/)"),
        ("<https://example.org/>", "[https://example.org/](https://example.org/)"),
        (r"\(x\) and \[y\]", "$x$ and $$y$$"),
        ("$a<b$", r"$a\lt b$"),
        (r"$\href{https://example.org}{x}$", r"`$\href{https://example.org}{x}$`"),
        ("C:\\Users\\me", "C:\\Users\\me"),
        ("snake_case_name", "snake_case_name"),
        ("1\\. not a list", "1\\. not a list"),
        ("a\n\n    <b>\n", "a\n\n```text\n<b>\n```"),
    ],
)
def test_what_is_not_safe_is_written_anew(text: str, markdown: str) -> None:
    assert render_markdown(text) == markdown


def test_writing_it_twice_changes_nothing() -> None:
    for name, reply in REPLIES.items():
        once = render_markdown(reply)
        assert dangers(render_markdown(once)) == [], name


def test_all_allowed_tags_are_harmless() -> None:
    assert not TAGS & {
        "script",
        "style",
        "img",
        "iframe",
        "svg",
        "object",
        "embed",
        "form",
        "input",
        "base",
        "meta",
        "link",
        "math",
    }


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10 is money",
        "$5, $6 or $7",
        "# $5 or $6",
        "- $5 to $6",
        "| $5 | $6 and $7 |\n|---|---|",
        r"\\(x\\) \\[y\\]",
        "**$5** and $6",
    ],
)
def test_money_is_not_typeset_from_markdown_either(text: str) -> None:
    assert Page(PERMISSIVE.render(render_markdown(text))).formulas == []

"""A conversation in its static form: everything is there, and nothing of it runs, fetches or misleads."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.views.columns import Column
from portkey_nb.views.rendering import render_html
from portkey_nb.views.steps import Step
from portkey_nb.views.transcript import Image, Message, message_html, transcript_bundle
from tests.hostile import REPLIES
from tests.safe_html import Page, dangers
from tests.views.test_rendering_markdown import dangers as markdown_dangers

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
_PICTURE = re.compile(
    r'<img src="data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+" alt="[^"<>]*" style="[^"]*">'
)


def everywhere(text: str) -> list[Message]:
    """Return a conversation with a text at every place that one could reach."""
    answer = Column(
        label=text,
        text=text,
        footer=text,
        error=text,
        reasoning=text,
        steps=[Step(text=text), Step(name=text, arguments=text, result=text)],
    )
    return [
        Message(role="system", text=text),
        Message(role="user", text=text, images=[Image(label=text, src=PIXEL), Image(label=text)], note=text),
        Message(role=text, text=text),
        Message(role="tool", text=text),
        Message(role="assistant", columns=[answer]),
        Message(role="assistant", columns=[answer, answer]),
    ]


def page_of(messages: Sequence[Message], title: str = "", totals: str = "") -> Page:
    return Page(transcript_bundle(title, messages, totals)["text/html"])


def found_dangers(html: str) -> list[str]:
    """Return what is not harmless beside the pictures that were checked."""
    return dangers(_PICTURE.sub("", html))


@pytest.mark.parametrize("name", REPLIES)
def test_nothing_of_a_hostile_conversation_runs_or_fetches(name: str) -> None:
    text = REPLIES[name]
    shown = transcript_bundle(text, everywhere(text), text)
    assert found_dangers(shown["text/html"]) == []
    assert shown["text/html"].count(PIXEL) == 1
    assert markdown_dangers(shown["text/markdown"]) == []
    assert "\x1b" not in shown["text/plain"]
    assert "\u202e" not in shown["text/plain"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([part for reply in REPLIES.values() for part in reply[:300].split()]), max_size=12))
def test_no_mixture_of_hostile_pieces_is_dangerous(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    shown = transcript_bundle(text, everywhere(text), text)
    assert found_dangers(shown["text/html"]) == []
    assert markdown_dangers(shown["text/markdown"]) == []


def test_who_said_what_is_told_in_every_form() -> None:
    messages = [
        Message(role="system", text="Be brief."),
        Message(role="user", text="Which?", note="2 of 3 versions"),
        Message(role="assistant", columns=[Column(label="a", text="This."), Column(label="b", text="That.")]),
    ]
    shown = transcript_bundle("draft", messages, "34 tokens")
    assert list(shown) == ["text/plain", "text/markdown", "text/html"]
    for form in (shown["text/plain"], shown["text/markdown"], Page(shown["text/html"]).words):
        places = [form.index(word) for word in ("draft", "34 tokens", "system", "Be brief.", "user", "2 of 3")]
        places += [form.index(word) for word in ("Which?", "assistant", "This.", "That.")]
        assert places == sorted(places)


def test_a_persons_line_breaks_stay() -> None:
    assert "one<br>\ntwo" in message_html("one\ntwo")
    assert "<br>" not in message_html("```\none\ntwo\n```")
    assert message_html("**bold** $x^2$ `code`") == render_html("**bold** $x^2$ `code`")
    assert "one\\\ntwo" in transcript_bundle("", [Message(role="user", text="one\r\ntwo")])["text/markdown"]
    # A model's text flows as before.
    assert "<br>" not in page_html([Message(role="assistant", columns=[Column(label="m", text="one\ntwo")])])


def page_html(messages: Sequence[Message]) -> str:
    return transcript_bundle("", messages)["text/html"]


def test_of_a_long_message_the_beginning_is_shown_and_the_rest_counted() -> None:
    text = "a" * 1_000_000
    for form in (message_html(text), *transcript_bundle("", [Message(role="user", text=text)]).values()):
        assert len(form) < 30_000
        assert "980,000 more characters" in form
    assert "more characters" not in message_html("a" * 20_000)


def test_what_a_tool_gave_is_shown_as_it_is() -> None:
    page = page_of([Message(role="tool", text="  *a*\n  - b")])
    assert "  *a*\n  - b" in page.words


def test_an_image_without_a_source_is_named_and_not_loaded() -> None:
    html = page_html([Message(role="user", text="Look", images=[Image(label="image (example.org)")])])
    assert "<img" not in html
    assert "image (example.org)" in html


def test_money_in_a_footer_is_no_formula() -> None:
    columns = [Column(label="m", text="x", footer="$0.10 and $0.20")]
    assert page_of([Message(role="assistant", columns=columns)], "costs $1", "$5 and $6").formulas == []


def test_a_conversation_without_messages_says_so() -> None:
    assert "No messages yet." in page_of([], "draft").words

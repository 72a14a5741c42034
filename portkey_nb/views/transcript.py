"""A conversation as static HTML, Markdown and text: who said what, answers of several models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from portkey_nb.views.columns import Column, side_by_side, side_by_side_markdown, side_by_side_text
from portkey_nb.views.fragments import block_html
from portkey_nb.views.highlighting import COLOURS, with_colours
from portkey_nb.views.safety import escape, escape_prose, plain_text
from portkey_nb.views.source import code_span, escape_markdown, render_markdown

LONGEST = 20_000
"""Characters of one message that are shown."""

# Every style is inline: a style sheet is dropped where a notebook is not trusted, and would reach other outputs. What
# is less important is fainter by opacity, which keeps its contrast on any theme, and where there is none.
_FONT = "font-family:var(--jp-content-font-family,system-ui,sans-serif)"
_LINE = "1px solid var(--jp-border-color2,rgba(127,127,127,.35))"
_ROOT = f"{_FONT};max-width:100%;display:flex;flex-direction:column;gap:.9em;overflow-wrap:anywhere"
_TITLE = f"display:flex;flex-wrap:wrap;gap:0 .8em;align-items:baseline;padding-bottom:.4em;border-bottom:{_LINE}"
_FAINT = "opacity:.78;font-size:.85em;font-variant-numeric:tabular-nums"
_ROLE = "font-size:.8em;font-weight:600;opacity:.78;margin-bottom:.25em"
_SAID = "background:rgba(127,127,127,.1);border-radius:8px;padding:.55em .85em;min-width:0"
_RULES = "border:1px dashed rgba(127,127,127,.5);border-radius:8px;padding:.55em .85em;min-width:0"
_RAW = "white-space:pre-wrap;font-family:var(--jp-code-font-family,monospace);font-size:.9em"
_IMAGE = "max-width:min(100%,20em);max-height:14em;border-radius:4px;display:block;margin:.5em 0 .2em"
_PARAGRAPH = "margin:.15em 0 .45em"
_LABEL = "font-size:.85em;opacity:.78"


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture in a message.

    Attributes
    ----------
    label : str
        What is said of it.
    src : str or None
        A data URL that was checked; None where it is not shown.
    """

    label: str
    src: str | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """One row of a conversation.

    Attributes
    ----------
    role : str
        Whose it is.
    text : str
        What was said, as Markdown; what a tool gave as plain text.
    columns : sequence of Column
        The answers to be shown in place of a text, one or several side by side.
    images : sequence of Image
    note : str
        What is said beside the role.
    """

    role: str
    text: str = ""
    columns: Sequence[Column] = ()
    images: Sequence[Image] = ()
    note: str = ""


def message_html(text: str) -> str:
    """Return what a person wrote as safe, static HTML.

    It reads as a reply does (Markdown, code, LaTeX), but for its line breaks, which stay where they are.

    Parameters
    ----------
    text : str
        Of a longer text the first 20,000 characters are shown, and how many more there are is said.

    Examples
    --------
    >>> message_html("one\\ntwo")
    '<p>one<br>\\ntwo</p>\\n'
    """
    return with_colours(_written(text))


def _written(text: str) -> str:
    shown, more = _cut(text)
    left_out = f'<div style="{_LABEL}">{more}</div>' if more else ""
    return block_html(shown, {"breaks": True}) + left_out


def _cut(text: str) -> tuple[str, str]:
    """Return the beginning of a text, and what is said of the rest."""
    if len(text) <= LONGEST:
        return text, ""
    return text[:LONGEST], f"… {len(text) - LONGEST:,} more characters"


def transcript_bundle(title: str, messages: Sequence[Message], totals: str = "") -> dict[str, str]:
    """Return a conversation as text/html, text/markdown and text/plain, each complete in itself.

    Parameters
    ----------
    title : str
        Its name, as plain text; no heading where it is empty.
    messages : sequence of Message
    totals : str
        What is said of it all, as plain text.
    """
    shown = [_row(message) for message in messages]
    return {
        "text/plain": _plain(title, [row.plain for row in shown], totals),
        "text/markdown": _markdown(title, [row.markdown for row in shown], totals),
        "text/html": _html(title, [row.html for row in shown], totals),
    }


def heading_bundle(title: str, said: str) -> dict[str, str]:
    """Return the head of a transcript alone, in the forms of :func:`transcript_bundle`.

    Parameters
    ----------
    title : str
        The conversation's name, as plain text.
    said : str
        What is said beside it, as plain text.
    """
    return {
        "text/plain": _plain(title, [], said),
        "text/markdown": _markdown(title, [], said),
        "text/html": f'<div style="{_ROOT}">{_head(title, said)}</div>',
    }


class _Row(NamedTuple):
    """One message in its three forms."""

    plain: str
    markdown: str
    html: str


def _row(message: Message) -> _Row:
    try:
        return _kept_row(message)
    except TypeError:  # lists in it, which have no hash
        return _kept_row.__wrapped__(message)


# A conversation is shown again after each of its turns, and all but the last is as it was.
@lru_cache(maxsize=512)
def _kept_row(message: Message) -> _Row:
    return _Row(_row_text(message), _row_markdown(message), _row_html(message))


def _html(title: str, shown: Sequence[str], totals: str) -> str:
    rows = "".join(shown)
    if not shown:
        rows = f'<div style="{_FAINT}">No messages yet.</div>'
    return f'<div style="{COLOURS};{_ROOT}">{_head(title, totals)}{rows}</div>'


def _head(title: str, totals: str) -> str:
    said = f'<span style="{_FAINT}">{escape_prose(totals)}</span>' if totals else ""
    named = f"<strong>{escape_prose(title)}</strong>" if title else ""
    return f'<div style="{_TITLE}">{named}{said}</div>' if title or totals else ""


def _row_html(message: Message) -> str:
    said = " · ".join(part for part in (message.role, message.note) if part)
    body = "".join(_image_html(image) for image in message.images)
    if message.columns:
        # The whole sets the colours once: JupyterLab reads every style of an output again, each time it changes.
        body = side_by_side(message.columns).replace(f"{COLOURS};", "", 1) + body
        style = "min-width:0"
    else:
        body = _text_html(message) + body
        style = "min-width:0" if message.role == "assistant" else _RULES if message.role in _RULING else _SAID
    # Paragraphs come with margins that would make boxes uneven; a `<p>` that somebody wrote is `&lt;p>` here.
    body = body.replace("<p>", f'<p style="{_PARAGRAPH}">')
    return f'<div style="{style}"><div style="{_ROLE}">{escape_prose(said)}</div>{body}</div>'


_RULING = ("system", "developer")
_GIVEN = ("tool", "function")


def _text_html(message: Message) -> str:
    if message.role not in _GIVEN:
        return _written(message.text)
    shown, more = _cut(message.text)
    return f'<div style="{_RAW}">{escape_prose(shown + more)}</div>'


def _image_html(image: Image) -> str:
    label = escape_prose(image.label)
    shown = f'<img src="{escape(image.src)}" alt="{escape(image.label)}" style="{_IMAGE}">' if image.src else ""
    return f'{shown}<div style="{_LABEL}">{label}</div>'


def _markdown(title: str, shown: Sequence[str], totals: str) -> str:
    parts = [f"**{escape_markdown(title)}**"] if title else []
    parts += [f"*{escape_markdown(totals)}*"] if totals else []
    parts += shown
    return "\n\n".join(part for part in parts if part)


def _row_markdown(message: Message) -> str:
    said = " · ".join(part for part in (message.role, message.note) if part)
    parts = [f"**{escape_markdown(said)}:**"]
    if message.columns:
        parts.append(side_by_side_markdown(message.columns))
    else:
        shown, more = _cut(message.text)
        # Two spaces at the end of a line are a break that every reader keeps.
        lines = shown.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "  \n")
        parts += [render_markdown(lines) if message.role not in _GIVEN else code_span(shown), more]
    parts += [f"*{escape_markdown(image.label)}*" for image in message.images]
    return "\n\n".join(part for part in parts if part)


def _plain(title: str, shown: Sequence[str], totals: str) -> str:
    head = " · ".join(plain_text(part) for part in (title, totals) if part)
    return "\n\n".join(part for part in (head, *shown) if part)


def _row_text(message: Message) -> str:
    said = " · ".join(part for part in (message.role, message.note) if part)
    parts = [f"{plain_text(said)}:"]
    if message.columns:
        parts.append(side_by_side_text(message.columns))
    else:
        shown, more = _cut(message.text)
        parts += [plain_text(part) for part in (shown, more) if part]
    parts += [f"[{plain_text(image.label)}]" for image in message.images]
    return "\n".join(part for part in parts if part)

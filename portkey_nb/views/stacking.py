"""Displays one above the other, under a heading and with notes below, as HTML, Markdown and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portkey_nb.views.folding import MUTED
from portkey_nb.views.safety import escape_prose, plain_text
from portkey_nb.views.source import escape_markdown

_ROOT = "font-family:var(--jp-content-font-family,system-ui,sans-serif);max-width:100%"
_HEADING = "font-weight:600;margin:0 0 .6em;overflow-wrap:anywhere"
_PART = "margin:0 0 1em"
_NOTES = f"font-size:.8em;line-height:1.45;color:{MUTED};margin:0;overflow-wrap:anywhere"


def stacked(heading: str, parts: Sequence[Mapping[str, str]], notes: Sequence[str] = ()) -> dict[str, str]:
    """Return displays one above the other as text/plain, text/markdown and text/html.

    Parameters
    ----------
    heading : str
        As plain text; none where it is empty.
    parts : sequence of mappings
        Each with these three forms, safe already.
    notes : sequence of str
        Lines below, as plain text.

    Examples
    --------
    >>> part = {"text/plain": "1 2", "text/markdown": "1 *2*", "text/html": "<p>1 2</p>"}
    >>> print(stacked("Numbers", [part], ["two of them"])["text/plain"])
    Numbers
    <BLANKLINE>
    1 2
    <BLANKLINE>
    - two of them
    """
    title = " ".join(plain_text(heading).split())
    said = [" ".join(plain_text(note).split()) for note in notes]
    above = [f'<div style="{_HEADING}">{escape_prose(title)}</div>'] if title else []
    below = "".join(f"<div>{escape_prose(note)}</div>" for note in said)
    html = [*above, *(f'<div style="{_PART}">{part["text/html"]}</div>' for part in parts)]
    html += [f'<div style="{_NOTES}">{below}</div>'] if below else []
    lines = [f"**{_safe(title)}**"] if title else []
    lines += [part["text/markdown"] for part in parts]
    lines += ["\n".join(f"- {_safe(note)}" for note in said)] if said else []
    texts = [title] if title else []
    texts += [part["text/plain"] for part in parts]
    texts += ["\n".join(f"- {note}" for note in said)] if said else []
    return {
        "text/plain": "\n\n".join(texts),
        "text/markdown": "\n\n".join(lines),
        "text/html": f'<div style="{_ROOT}">{"".join(html)}</div>',
    }


def _safe(text: str) -> str:
    """Return text that Markdown shows as it is, money included."""
    return escape_markdown(text).replace("\\$", "<span>\\$</span>")

"""Long answers as HTML: their beginning is shown, the rest folds in a plain ``<details>``, without a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from portkey_nb.views.differences import Piece
from portkey_nb.views.fragments import block_html
from portkey_nb.views.parsing import parser
from portkey_nb.views.safety import escape_prose, plain_text

LINES = 12
"""How many lines of an answer are shown before the rest folds."""

CHARACTERS = 900
"""How many characters of an answer are shown before the rest folds."""

MUTED = "var(--jp-ui-font-color2,#808080)"
_ODD_LINES, _ODD_CHARACTERS = 3, 240  # so little more is not worth a fold
_TEASER = 90
_SUMMARY = "cursor:pointer;overflow-wrap:anywhere"
_MORE = f"color:{MUTED};font-size:.85em"
_DIFFERS = "background:rgba(230,159,0,.28)"  # browsers underline <ins> themselves
# GitHub drops styles, upon which blanks at the start of a line would vanish.
_CODE = "background:none;padding:0"
_INDENT = re.compile(r"(?<=<br>) +|^ +")
_FENCE = re.compile(r"^\s*(?:```|~~~).*\n?", re.MULTILINE)

# Where blocks end can be told without reading what stands in their lines.
_BLOCKS = parser()
_BLOCKS.core.ruler.enableOnly(["normalize", "block"])


def is_long(text: str, characters: int = CHARACTERS) -> bool:
    """Tell whether a text is folded, of which so many characters are shown."""
    return len(text) > characters + _ODD_CHARACTERS or text.count("\n") >= LINES + _ODD_LINES


def bounded(text: str, limit: int) -> str:
    """Return the beginning of a text up to the last blank before a limit, or the text itself where it is short."""
    if len(text) <= limit:
        return text
    blank = max(text.rfind("\n", limit // 2, limit), text.rfind(" ", limit - limit // 8, limit))
    return text[: blank if blank > 0 else limit].rstrip()


def beginning(text: str, characters: int = CHARACTERS, lines: int = LINES) -> str:
    """Return the first lines of a text, at most so many lines and characters."""
    return bounded("\n".join(text[: 2 * characters].split("\n")[:lines]), characters)


def lines_html(text: str) -> str:
    """Return plain text as HTML whose lines stay lines where all styles are dropped."""
    return escape_prose(text).replace("\n", "<br>")


def markdown_html(text: str) -> str:
    """Return model text as safe HTML: whole where it is short, else its first blocks and a fold with the rest.

    Examples
    --------
    >>> markdown_html("*short*")
    '<p><em>short</em></p>\\n'
    """
    text = plain_text(text).strip("\n")
    if not is_long(text):
        return block_html(text, {})
    env: dict[str, Any] = {}
    head, rest = _split(text, env)
    if not is_long(head) and len(rest) <= _ODD_CHARACTERS and rest.count("\n") < _ODD_LINES:
        return block_html(text, {})
    # Both parts know the link references of the whole.
    known = env.get("references", {})
    shown = block_html(head, {"references": dict(known)}) if head else ""
    teaser = lines_html(_teaser(head, rest))
    if _FENCE.match(rest):
        teaser = f'<code style="{_CODE}">{_INDENT.sub(_hard_blanks, teaser)}</code>'
    return shown + fold(teaser, len(rest), block_html(rest, {"references": dict(known)}))


def _split(text: str, env: dict[str, Any]) -> tuple[str, str]:
    """Split Markdown behind the last outermost block that fits into what is shown."""
    lines = text.split("\n")
    cut = 0
    for token in _BLOCKS.parse(text, env):
        if token.level or token.nesting < 0 or not token.map:
            continue
        end = token.map[1]
        if end > LINES or sum(map(len, lines[:end])) + end > CHARACTERS:
            break
        cut = end
    return "\n".join(lines[:cut]).strip("\n"), "\n".join(lines[cut:]).strip("\n")


def _teaser(head: str, rest: str) -> str:
    """Return how the folded part begins: a line where enough is shown already, else so much that it can be read."""
    plain = _FENCE.sub("", rest[: 2 * CHARACTERS]).strip("\n")
    if len(head) > CHARACTERS // 3 or head.count("\n") >= LINES // 2:
        return bounded(" ".join(plain[: 2 * _TEASER].split()), _TEASER)
    return beginning(plain, max(_TEASER, CHARACTERS // 2 - len(head)), LINES - 2 - head.count("\n"))


def _hard_blanks(match: re.Match[str]) -> str:
    return "\u00a0" * len(match[0])


def fold(teaser: str, characters: int, inner: str) -> str:
    """Return a fold: its summary is how the folded part begins, as HTML, and how long it is."""
    more = f'<span style="{_MORE}">({characters:,} more characters)</span>'
    return f'<details><summary style="{_SUMMARY}">{teaser} … {more}</summary>{inner}</details>'


def plain_html(text: str, characters: int = CHARACTERS) -> str:
    """Return plain text as HTML, of which so many characters are shown before the rest folds."""
    return pieces_html([Piece(plain_text(text).strip("\n"), False)], characters)


def pieces_html(pieces: Sequence[Piece], characters: int = CHARACTERS) -> str:
    """Return plain text as HTML, what differs in ``<ins>``, folded where it is long."""
    text = "".join(piece.text for piece in pieces)
    if not is_long(text, characters):
        return _prose(pieces)
    head = beginning(text, characters)
    first, second = _cut(pieces, len(head))
    rest = text[len(head) :].strip()
    teaser = bounded(" ".join(rest[: 2 * _TEASER].split()), _TEASER)
    return _prose(first) + fold(lines_html(teaser), len(rest), _prose(second))


def _cut(pieces: Sequence[Piece], place: int) -> tuple[list[Piece], list[Piece]]:
    first: list[Piece] = []
    second: list[Piece] = []
    for piece in pieces:
        cut = min(max(place, 0), len(piece.text))
        place -= len(piece.text)
        first.append(Piece(piece.text[:cut], piece.differs))
        second.append(Piece(piece.text[cut:], piece.differs))
    return [piece for piece in first if piece.text], [piece for piece in second if piece.text]


def _prose(pieces: Sequence[Piece]) -> str:
    """Return pieces of text as one block that keeps its lines and blanks."""
    shown = "".join(
        f'<ins style="{_DIFFERS}">{lines_html(piece.text)}</ins>' if piece.differs else lines_html(piece.text)
        for piece in pieces
    )
    return f'<div style="white-space:pre-wrap">{shown}</div>' if shown else ""

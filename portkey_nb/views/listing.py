"""A table of answers without a page: as a Markdown table of one line per case, and row by row for a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from portkey_nb.views.differences import Piece
from portkey_nb.views.folding import beginning, bounded
from portkey_nb.views.safety import plain_text
from portkey_nb.views.source import escape_markdown

_CELL = 400
_HEAD = 200
_MIN_WIDTH, _MAX_WIDTH, _LABEL = 40, 120, 24


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One answer: its text in pieces, how long the whole is, the error, and the facts under it as plain text."""

    pieces: Sequence[Piece]
    size: int
    error: str | None
    facts: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A table: rows of head, expected answer (None where there is none) and entries (None where nothing was asked)."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, str | None, Sequence[Entry | None]]]
    note: str


def listing_markdown(listing: Listing) -> str:
    """Return a table as Markdown in GitHub's dialect, each cell one line of bounded length."""
    heads = ["case", *(_cell(name, _HEAD) for name in listing.columns)]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for head, expected, entries in listing.rows:
        title, _, inputs = head.partition("\n")
        parts = [f"**{_cell(title, _HEAD)}**" if title.strip() else "", _cell(inputs, _HEAD)]
        if expected is not None:
            parts.append(f"expected: {_cell(expected, _HEAD) or '(empty)'}")
        cells = ["<br>".join(part for part in parts if part), *map(_entry_markdown, entries)]
        lines.append(f"| {' | '.join(cells)} |")
    if not listing.rows:
        lines.append(f"| no rows |{' |' * len(listing.columns)}")
    above = [f"**{_cell(listing.caption, _CELL)}**", ""] if listing.caption else []
    below = ["", f"*{_cell(listing.note, _CELL)}*"] if listing.note else []
    return "\n".join([*above, *lines, *below])


def _entry_markdown(entry: Entry | None) -> str:
    if entry is None:
        return "—"
    text = _pieces_markdown(entry.pieces, entry.size)
    parts = [text or ("" if entry.error else "*(empty answer)*")]
    if entry.error:
        parts.append(f"**error:** {_cell(entry.error, _CELL)}")
    if entry.facts:
        parts.append(f"*{_cell(' · '.join(entry.facts), _CELL)}*")
    return "<br>".join(part for part in parts if part)


def _pieces_markdown(pieces: Sequence[Piece], size: int) -> str:
    """Return an answer as one line, what differs in ``<ins>``."""
    shown, room = "", _CELL
    for piece in pieces:
        words = " ".join(plain_text(piece.text[: 4 * _CELL]).split())
        flat = bounded(words, room)
        between = " " if shown and (piece.text[:1].isspace() or shown.endswith("\0")) else ""
        shown = shown.rstrip("\0") + between
        if flat:
            shown += f"<ins>{_safe(flat)}</ins>" if piece.differs else _safe(flat)
        shown += "\0" if piece.text[-1:].isspace() else ""
        room -= len(flat)
        size -= len(piece.text) if flat == words and len(piece.text) <= 4 * _CELL else 0
        if room <= 0 or flat != words:
            break
    return " ".join(shown.rstrip("\0").split()) + ("…" if size > 0 else "")


def _cell(text: str, limit: int) -> str:
    """Return text as what stands in one cell of a Markdown table."""
    flat = " ".join(plain_text(text[: 4 * limit]).split())
    return _safe(flat if len(flat) <= limit else bounded(flat, limit) + "…")


def _safe(text: str) -> str:
    safe = escape_markdown(text)
    # Two dollars in a cell make a formula to a page's MathJax, which a tag between them prevents.
    return safe.replace("\\$", "<span>\\$</span>")


def listing_text(listing: Listing, width: int | None = None) -> str:
    """Return a table row by row as text for a terminal, its labels aligned.

    Parameters
    ----------
    width : int, optional
        Characters per line; by default those of the terminal.
    """
    width = shutil.get_terminal_size((100, 24)).columns if width is None else width
    width = max(_MIN_WIDTH, min(_MAX_WIDTH, width - 1))
    names = [" ".join(plain_text(name).split()) for name in listing.columns]
    column = min(_LABEL, max([len("expected"), *map(len, names)]))
    shown = [plain_text(listing.caption)] if listing.caption else []
    for head, expected, entries in listing.rows:
        title, _, inputs = head.partition("\n")
        lines = [f"── {_flat(title, width - 6)} ──"]
        if inputs.strip():
            lines += _labelled("input", _short(inputs), column, width)
        if expected is not None:
            lines += _labelled("expected", _short(expected) or "(empty)", column, width)
        for name, entry in zip(names, entries, strict=True):
            lines += _labelled(name, _entry_text(entry), column, width)
        shown.append("\n".join(lines))
    if not listing.rows:
        shown.append("no rows")
    return "\n\n".join([*shown, listing.note] if listing.note else shown)


def _flat(text: str, limit: int) -> str:
    flat = " ".join(plain_text(text[: 4 * limit]).split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def _short(text: str) -> str:
    shown = beginning(text, _CELL)
    return shown if len(shown) == len(text) else f"{shown}\n… ({len(text):,} characters in all)"


def _entry_text(entry: Entry | None) -> str:
    if entry is None:
        return "—"
    said = "".join(f"{{+{piece.text}+}}" if piece.differs else piece.text for piece in entry.pieces).strip("\n")
    shown = beginning(said)
    if len(shown) < len(said) or entry.size > len(said):
        shown += f"\n… ({entry.size:,} characters in all)"
    parts = [shown or ("" if entry.error else "(empty answer)")]
    parts += [f"error: {bounded(entry.error, _CELL)}"] if entry.error else []
    parts += [" · ".join(entry.facts)] if entry.facts else []
    return "\n".join(part for part in parts if part)


def _labelled(label: str, text: str, column: int, width: int) -> list[str]:
    """Return text wrapped beside its label."""
    room = width - column - 2
    lines: list[str] = []
    for line in plain_text(text).expandtabs(4).split("\n"):
        lines += textwrap.wrap(line, room) or [""]
    if len(label) > column:
        label = f"{label[: column - 1]}…"
    return [f"{(label if at == 0 else ''):<{column}}  {line}".rstrip() for at, line in enumerate(lines)]

"""Answers side by side in one table, a row per case and a column per variant, as HTML, Markdown and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from portkey_nb.views.differences import Piece, differing
from portkey_nb.views.folding import MUTED, bounded, lines_html, markdown_html, pieces_html, plain_html
from portkey_nb.views.highlighting import COLOURS
from portkey_nb.views.listing import Entry, Listing, listing_markdown, listing_text
from portkey_nb.views.safety import escape_prose, plain_text
from portkey_nb.views.summaries import summary_bundle

__all__ = ["TableCell", "TableRow", "comparison_bundle", "summary_bundle"]

_MAX_TABLE = 1_000_000
_MAX_CELL, _MIN_CELL = 20_000, 2_400
"""How many characters of an answer are shown: more where the table has few cells, so that its size stays bounded."""

# Every style is inline: a style sheet is dropped where a notebook is not trusted, and would reach other outputs.
_LINE = "1px solid var(--jp-border-color2,rgba(127,127,127,.35))"
_ROOT = f"{COLOURS};font-family:var(--jp-content-font-family,system-ui,sans-serif);max-width:100%;line-height:1.45"
_HEAD_EM, _COLUMN_EM = 11, 16
_HEAD = 160  # characters of inputs and expected answers that are shown before the rest folds
_TABLE = "table-layout:fixed;border-collapse:collapse;width:100%;margin:0;font-size:.92em"
_CELL = (
    f"text-align:left;vertical-align:top;padding:.5em .7em;border:{_LINE};white-space:normal;overflow-wrap:anywhere;"
    "max-width:none;background:none"
)
# What GitHub keeps, where it drops styles.
_PLACE = 'align="left" valign="top"'
_CAPTION = "caption-side:top;text-align:left;padding:0 0 .5em;font-weight:600;color:inherit"
_SMALL = f"font-size:.85em;line-height:1.4;color:{MUTED};font-weight:400"
_ERROR = (
    "margin:.2em 0;padding:.3em .6em;border-left:3px solid var(--jp-error-color1,#d32f2f);"
    "background:rgba(211,47,47,.08);overflow-wrap:anywhere"
)
# Blue and orange are told apart by all eyes, and a full line from a dotted one without colour.
_BEST, _WORST = "4px solid #0a84c6", "4px dotted #d5742a"
_MARKS = {"best": ("▲ best", "#0a84c6"), "worst": ("▼ worst", "#d5742a")}


@dataclass(frozen=True, kw_only=True)
class TableCell:
    """One answer in a table.

    Attributes
    ----------
    text : str
        Markdown as the model wrote it.
    footer : str
        Cost, time and what else is said under the answer, as plain text.
    error : str or None
        One line, where the call failed.
    passed : bool or None
        Whether the answer passed; None where nobody said.
    scores : mapping of str to str
        Scorer to score, as they are shown.
    best, worst : bool
        Whether it is the best or the worst of its row.
    """

    text: str
    footer: str = ""
    error: str | None = None
    passed: bool | None = None
    scores: Mapping[str, str] = field(default_factory=dict)
    best: bool = False
    worst: bool = False

    @property
    def standing(self) -> str:
        """``best``, ``worst``, or empty; a cell that is both is the only one, and neither."""
        return "" if self.best == self.worst else "best" if self.best else "worst"

    @property
    def verdict(self) -> str:
        """Whether it passed, as a word with a mark."""
        return "" if self.passed is None else "✓ passed" if self.passed else "✗ failed"

    @property
    def facts(self) -> list[str]:
        """What is said under the answer besides how it stands: whether it passed, scores, cost, time."""
        scores = [f"{name} {score}" for name, score in self.scores.items()]
        return [part for part in (self.verdict, *scores, self.footer) if part]


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One case.

    Attributes
    ----------
    head : str
        The case's id, and in further lines what it puts into the prompt, as plain text.
    expected : str or None
        The reference answer.
    cells : sequence of TableCell or None
        One per column; None where nothing was asked.
    """

    head: str
    expected: str | None = None
    cells: Sequence[TableCell | None]


def comparison_bundle(
    columns: Sequence[str],
    rows: Sequence[TableRow],
    *,
    differences: bool = False,
    caption: str = "",
    left: int = 0,
) -> dict[str, str]:
    """Return answers side by side as text/plain, text/markdown and text/html, each complete without a kernel.

    Parameters
    ----------
    columns : sequence of str
        The variants' labels.
    rows : sequence of TableRow
        A row per case, each with as many cells as there are columns.
    differences : bool
        Whether words that differ from the first answer of the row are marked; answers are shown as plain text then.
    caption : str
        A line above the table, as plain text.
    left : int
        How many further rows there are.

    Returns
    -------
    dict
        HTML folds long answers, Markdown and text cut them and say so.

    Examples
    --------
    >>> row = TableRow(head="1", expected="4", cells=[TableCell(text="4", passed=True), TableCell(text="5")])
    >>> print(comparison_bundle(["gpt-4o", "gemini-flash"], [row])["text/markdown"])
    | case | gpt-4o | gemini-flash |
    |---|---|---|
    | **1**<br>expected: 4 | 4<br>*✓ passed* | 5 |
    """
    size = max(1, sum(len(row.cells) for row in rows))
    limit = max(_MIN_CELL, min(_MAX_CELL, _MAX_TABLE // size))
    listing = _listing(columns, rows, differences, caption, left)
    return {
        "text/plain": listing_text(listing),
        "text/markdown": listing_markdown(listing),
        "text/html": _table_html(columns, rows, limit, differences, caption, listing.note),
    }


def _pieces(row: TableRow, limit: int) -> list[list[Piece] | None]:
    """Return each answer of a row in pieces that tell whether they differ; None where there is no answer."""
    texts = [plain_text(bounded(cell.text, limit)).strip("\n") if cell and cell.text else "" for cell in row.cells]
    places = [at for at, text in enumerate(texts) if text]
    found: list[list[Piece] | None] = [None] * len(texts)
    for at, pieces in zip(places, differing([texts[at] for at in places]), strict=True):
        found[at] = pieces
    return found


def _listing(columns: Sequence[str], rows: Sequence[TableRow], differences: bool, caption: str, left: int) -> Listing:
    """Return the table as the entries of which its Markdown and text forms are made."""
    note = f"and {left:,} more {'row' if left == 1 else 'rows'}: .table({len(rows) + left}) shows all" if left else ""
    lines = []
    for row in rows:
        marked = _pieces(row, _MIN_CELL) if differences else [None] * len(row.cells)
        entries = [_entry(cell, pieces) for cell, pieces in zip(row.cells, marked, strict=True)]
        lines.append((row.head, row.expected, entries))
    return Listing(caption=caption, columns=columns, rows=lines, note=note)


def _entry(cell: TableCell | None, pieces: Sequence[Piece] | None) -> Entry | None:
    if cell is None:
        return None
    mark = _MARKS[cell.standing][0] if cell.standing else ""
    whole = pieces if pieces is not None else [Piece(cell.text, False)]
    return Entry(
        pieces=whole, size=len(cell.text), error=cell.error, facts=[part for part in (mark, *cell.facts) if part]
    )


def _table_html(
    columns: Sequence[str], rows: Sequence[TableRow], limit: int, differences: bool, caption: str, note: str
) -> str:
    heads = "".join(f'<th scope="col" {_PLACE} style="{_CELL}">{escape_prose(name)}</th>' for name in columns)
    first = f'<th scope="col" {_PLACE} style="{_CELL};width:{_HEAD_EM}em">case</th>'
    above = f'<caption style="{_CAPTION}">{escape_prose(caption)}</caption>' if caption else ""
    body = "".join(_row_html(row, columns, limit, differences) for row in rows)
    if not rows:
        body = f'<tr><td colspan="{len(columns) + 1}" style="{_CELL};{_SMALL}">no rows</td></tr>'
    width = f"min-width:{_HEAD_EM + _COLUMN_EM * len(columns)}em"
    below = f'<div style="{_SMALL};margin-top:.5em">{escape_prose(note)}</div>' if note else ""
    return (
        f'<div style="{_ROOT}"><div style="overflow-x:auto"><table style="{_TABLE};{width}">{above}<thead>'
        f"<tr>{first}{heads}</tr></thead><tbody>{body}</tbody></table></div>{below}</div>"
    )


def _row_html(row: TableRow, columns: Sequence[str], limit: int, differences: bool) -> str:
    marked = _pieces(row, limit) if differences else [None] * len(row.cells)
    cells = [_cell_html(cell, pieces, limit) for cell, pieces in zip(row.cells, marked, strict=True)]
    return f"<tr>{_head_html(row, limit)}{''.join(cells)}</tr>\n"


def _head_html(row: TableRow, limit: int) -> str:
    title, _, inputs = row.head.partition("\n")
    shown = lines_html(plain_text(bounded(title, 200))) + _cut_html(title, 200)
    if inputs:
        shown += f'<div style="{_SMALL}">{plain_html(bounded(inputs, limit), _HEAD)}{_cut_html(inputs, limit)}</div>'
    if row.expected is not None:
        short = len(row.expected) <= _HEAD and "\n" not in row.expected
        wanted = escape_prose(row.expected) if short else plain_html(bounded(row.expected, limit), _HEAD)
        wanted = wanted if row.expected.strip() else "(empty)"
        shown += f'<div style="{_SMALL};margin-top:.4em">expected: {wanted}{_cut_html(row.expected, limit)}</div>'
    return f'<th scope="row" {_PLACE} style="{_CELL};font-weight:600">{shown}</th>'


def _cut_html(text: str, limit: int) -> str:
    """Say that a text is not shown whole, where it is not."""
    shown = len(bounded(text, limit))
    if shown == len(text):
        return ""
    said = f"[cut here: {shown:,} of {len(text):,} characters; .to_frame() has them all]"
    return f'<div style="{_SMALL}">{said}</div>'


def _cell_html(cell: TableCell | None, pieces: Sequence[Piece] | None, limit: int) -> str:
    if cell is None:
        return f'<td {_PLACE} style="{_CELL}"><span style="{_SMALL}" title="not asked">—</span></td>'
    side = {"best": f";border-left:{_BEST}", "worst": f";border-left:{_WORST}"}.get(cell.standing, "")
    text = bounded(cell.text, limit)
    shown = pieces_html(pieces) if pieces is not None else markdown_html(text) if text.strip() else ""
    if not shown and not cell.error:
        shown = f'<span style="{_SMALL}">(empty answer)</span>'
    shown += _cut_html(cell.text, limit)
    if cell.error:
        shown += f'<div style="{_ERROR}"><b>error:</b> {escape_prose(bounded(cell.error, 2_000))}</div>'
    return f'<td {_PLACE} style="{_CELL}{side}">{shown}{_footer_html(cell)}</td>'


def _footer_html(cell: TableCell) -> str:
    parts = []
    if cell.standing:
        mark, colour = _MARKS[cell.standing]
        parts.append(f'<b style="color:{colour}" title="{cell.standing} of this row">{mark}</b>')
    parts += [escape_prose(part) for part in cell.facts]
    return f'<div style="{_SMALL};margin-top:.5em">{" · ".join(parts)}</div>' if parts else ""

"""Replies side by side as static HTML, Markdown and text: a column per model, which wrap where there is little room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portkey_nb.views.fragments import block_html
from portkey_nb.views.highlighting import COLOURS
from portkey_nb.views.safety import escape_prose, plain_text
from portkey_nb.views.source import code_span, escape_markdown, render_markdown
from portkey_nb.views.steps import Step, step_html, step_markdown, step_text

# Every style is inline: a style sheet is dropped where a notebook is not trusted, and would reach other outputs.
_FONT = "font-family:var(--jp-content-font-family,system-ui,sans-serif)"
_MUTED = "var(--jp-ui-font-color2,#808080)"
_LINE = "1px solid var(--jp-border-color2,rgba(127,127,127,.35))"
_ROOT = f"{_FONT};max-width:100%"
_GRID = f"{_ROOT};display:grid;gap:.7em;grid-template-columns:repeat(auto-fit,minmax(min(100%,16em),1fr))"
_BOX = f"border:{_LINE};border-radius:6px;padding:.5em .8em;min-width:0;display:flex;flex-direction:column"
_LABEL = (
    f"font-weight:600;font-size:.92em;padding-bottom:.35em;margin-bottom:.45em;border-bottom:{_LINE};"
    "overflow-wrap:anywhere"
)
_BODY = "flex:1 1 auto;min-width:0;overflow-wrap:anywhere"
_FOOTER = f"margin-top:.5em;font-size:.8em;line-height:1.4;color:{_MUTED};font-variant-numeric:tabular-nums"
_ERROR = (
    "margin-top:.4em;padding:.3em .6em;border-left:3px solid var(--jp-error-color1,#d32f2f);"
    "background:rgba(211,47,47,.08);overflow-wrap:anywhere"
)
_REASONING = f"margin:0 0 .5em;color:{_MUTED};font-size:.9em"
_THOUGHT = f"white-space:pre-wrap;border-left:2px solid {_MUTED};padding-left:.7em;margin:.3em 0"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One reply to be shown.

    Attributes
    ----------
    label : str
        The model's name; a heading where there are several columns.
    text : str
        Markdown as the model wrote it.
    footer : str
        The line under the reply, as plain text.
    footer_html : str
        The same as trusted HTML; made from ``footer`` where it is empty.
    error : str or None
        One line, where the call failed.
    reasoning : str
        What the model thought before it answered, as plain text.
    steps : sequence of Step
        What happened before the answer: tools that were called, and what was said between.
    plain : str
        What a terminal shows in place of ``text``; the text itself where it is empty.
    """

    label: str
    text: str = ""
    footer: str = ""
    footer_html: str = ""
    error: str | None = None
    reasoning: str = ""
    steps: Sequence[Step] = ()
    plain: str = ""


def bundle(columns: Sequence[Column], *, chrome: bool | None = None) -> dict[str, str]:
    """Return replies as text/plain, text/markdown and text/html, each complete without a kernel or a widget.

    Parameters
    ----------
    columns : sequence of Column
    chrome : bool, optional
        Whether to draw labels and borders; by default where there are several columns.
    """
    chrome = len(columns) > 1 if chrome is None else chrome
    return {
        "text/plain": side_by_side_text(columns, chrome=chrome),
        "text/markdown": side_by_side_markdown(columns, chrome=chrome),
        "text/html": side_by_side(columns, chrome=chrome),
    }


def side_by_side(columns: Sequence[Column], *, chrome: bool | None = None) -> str:
    """Return replies as one static HTML fragment; a single one has no label and no border."""
    chrome = len(columns) > 1 if chrome is None else chrome
    return frame_html([_column_html(column, chrome=chrome) for column in columns], chrome=chrome)


def frame_html(shown: Sequence[str], *, chrome: bool) -> str:
    """Return the frame around columns that are HTML already."""
    return f'<div style="{COLOURS};{_GRID if chrome else _ROOT}">{"".join(shown)}</div>'


def shell_html(labels: Sequence[str], *, chrome: bool) -> str:
    """Return the empty columns that a running cell fills, of the same looks as the static ones."""
    return frame_html([_box(label, "", "", chrome=chrome) for label in labels], chrome=chrome)


def thought_html(text: str = "", *, open_: bool = False) -> str:
    """Return a fold with what a model thought."""
    shown = escape_prose(text)
    fold = f'<details style="{_REASONING}"{" open" if open_ else ""}><summary>Reasoning</summary>'
    return f'{fold}<div style="{_THOUGHT}">{shown}</div></details>'


def error_html(line: str) -> str:
    """Return an error's one line."""
    return f'<div style="{_ERROR}">{escape_prose(line)}</div>'


def _box(label: str, body: str, footer: str, *, chrome: bool) -> str:
    head = f'<div style="{_LABEL}">{escape_prose(label)}</div>' if chrome else ""
    foot = f'<div style="{_FOOTER}">{footer}</div>'
    return f'<div style="{_BOX if chrome else "min-width:0"}">{head}<div style="{_BODY}">{body}</div>{foot}</div>'


def _column_html(column: Column, *, chrome: bool) -> str:
    body = thought_html(column.reasoning) if column.reasoning else ""
    body += "".join(step_html(step) for step in column.steps)
    body += block_html(column.text, {})
    if column.error:
        body += error_html(column.error)
    return _box(column.label, body, column.footer_html or escape_prose(column.footer), chrome=chrome)


def side_by_side_text(columns: Sequence[Column], *, chrome: bool | None = None) -> str:
    """Return replies one under the other as text for a terminal."""
    chrome = len(columns) > 1 if chrome is None else chrome
    if not chrome and len(columns) == 1 and not columns[0].error:
        return plain_text(columns[0].plain or columns[0].text)
    shown = []
    for column in columns:
        parts = [f"── {plain_text(column.label)} ──"] if chrome else []
        parts += [step_text(step) for step in column.steps]
        said = column.plain or column.text
        parts += [plain_text(part) for part in (said, column.error or "", column.footer) if part]
        shown.append("\n".join(parts))
    return "\n\n".join(shown)


def side_by_side_markdown(columns: Sequence[Column], *, chrome: bool | None = None) -> str:
    """Return replies one under the other as safe Markdown."""
    chrome = len(columns) > 1 if chrome is None else chrome
    shown = []
    for column in columns:
        parts = [f"**{escape_markdown(column.label)}**"] if chrome else []
        parts += [step_markdown(step) for step in column.steps]
        parts.append(render_markdown(column.text))
        if column.error:
            parts.append(f"> {code_span(column.error)}")
        if column.footer:
            parts.append(f"*{escape_markdown(column.footer)}*")
        shown.append("\n\n".join(part for part in parts if part))
    return "\n\n".join(shown)

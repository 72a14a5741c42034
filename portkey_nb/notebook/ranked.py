"""Where a blind rating is shown: the widget with a pair, and what was rated, which a saved notebook keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import uuid4

import pandas as pd
from IPython.display import publish_display_data

from portkey_nb.notebook.assets import script, style
from portkey_nb.views.quantities import percent
from portkey_nb.views.safety import escape_prose, plain_text
from portkey_nb.views.source import escape_markdown
from portkey_nb.views.stacking import stacked

_HEADS = ("variant", "preferred", "pairs", "won", "tie", "lost")
_WAITING = "A widget shows the pairs here, where a kernel runs; from Python: .pair and .answer()"
_CLOSED = "The pairs were rated without names."


class Screen:
    """Two displays, one under the other: the pair in a widget, and what was rated so far, in plain HTML.

    They are two because a display that is replaced loses the focus, and what is saved has to be replaced each time.

    Parameters
    ----------
    act : callable
        What is done upon a message of the page.
    """

    def __init__(self, act: Callable[[Mapping[str, Any]], None]) -> None:
        self._act = act
        self._ids = (uuid4().hex, uuid4().hex)
        self._widget: Any = None
        self._troubles = 0

    def open(self, page: Mapping[str, Any] | None, record: Mapping[str, str]) -> None:
        """Show a pair, if there is one, and what was rated."""
        if page is not None:
            self._widget = _widget_class()(page=dict(page))
            self._widget.on_msg(self._on_message)
            view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
            bundle = {"application/vnd.jupyter.widget-view+json": view, **stacked("", [], [_WAITING])}
            self._publish(0, bundle, update=False)
        self._publish(1, record, update=False)

    def update(self, page: Mapping[str, Any] | None, record: Mapping[str, str]) -> None:
        """Show the next pair, or close the widget when there is none, and show what was rated."""
        if self._widget is None:
            return
        if page is None:
            # Closed widgets' states may stay in a notebook: no answer does.
            widget, self._widget = self._widget, None
            self._publish(0, stacked("", [], [_CLOSED]), update=True)
            widget.page = {}
            widget.close()
        else:
            self._widget.page = dict(page)
        self._publish(1, record, update=True)

    def trouble(self, said: str) -> None:
        """Say under the pair what went wrong."""
        self._troubles += 1  # the same words twice are a change, too
        if self._widget is not None:
            self._widget.page = {**self._widget.page, "trouble": plain_text(said), "troubles": self._troubles}

    def _publish(self, which: int, bundle: Mapping[str, Any], *, update: bool) -> None:
        publish: Any = publish_display_data
        publish(dict(bundle), transient={"display_id": self._ids[which]}, update=update)

    def _on_message(self, _: Any, message: Any, *__: Any) -> None:
        if isinstance(message, dict):
            self._act(message)


@cache
def _widget_class() -> Any:
    # Loaded late: only a rating that is shown needs ipywidgets.
    import anywidget
    import traitlets

    class RatingWidget(anywidget.AnyWidget):
        _esm = script("kernel.js", "typeset.js", "rating.js")
        _css = style("rating.css")
        page: Any = traitlets.Dict().tag(sync=True)

    return RatingWidget


def ranking_bundle(ranking: pd.DataFrame) -> dict[str, str]:
    """Return strengths, as ``bradley_terry`` gives them, as a small table in text, Markdown and HTML."""
    rows = [
        [
            " ".join(plain_text(str(variant)).split()),
            percent(float(row["p_win"]), float(row["p_win_low"]), float(row["p_win_high"])),
            *(f"{int(row[name]):,}" for name in ("games", "wins", "ties", "losses")),
        ]
        for variant, row in ranking.iterrows()
    ]
    lines = [f"| {' | '.join(_HEADS)} |", f"|---|{'--:|' * (len(_HEADS) - 1)}"]
    lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in rows]
    return {"text/plain": _text([_HEADS, *rows]), "text/markdown": "\n".join(lines), "text/html": _html(rows)}


def _text(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    told = [[f"{row[0]:<{widths[0]}}", *map(str.rjust, row[1:], widths[1:])] for row in rows]
    return "\n".join("  ".join(row) for row in told)


def _html(rows: Sequence[Sequence[str]]) -> str:
    style = "padding:.35em .5em;border-bottom:1px solid var(--jp-border-color2,rgba(127,127,127,.35));background:none"
    name, number = f"{style};text-align:left;overflow-wrap:anywhere", f"{style};text-align:right;white-space:nowrap"
    top = "".join(f'<th scope="col" style="{number if at else name}">{head}</th>' for at, head in enumerate(_HEADS))
    body = "".join(
        f'<tr><th scope="row" style="{name}">{escape_prose(row[0])}</th>'
        + "".join(f'<td style="{number}">{escape_prose(text)}</td>' for text in row[1:])
        + "</tr>"
        for row in rows
    )
    table = "border-collapse:collapse;margin:0;font-size:.92em;font-variant-numeric:tabular-nums"
    return (
        f'<div style="overflow-x:auto"><table style="{table}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )

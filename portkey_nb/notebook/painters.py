"""Three ways to show replies as they come: a widget, one HTML display, or text."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TextIO
from uuid import uuid4

from IPython.display import publish_display_data

from portkey_nb.loading import unbroken
from portkey_nb.notebook.assets import script, style
from portkey_nb.notebook.growth import Growth, LiveColumn
from portkey_nb.views.columns import shell_html, side_by_side
from portkey_nb.views.safety import plain_text
from portkey_nb.views.steps import Step, step_text

_SNAPSHOTS_S = (0.3, 1.0)
_REPAINT_S, _REPAINT_GROWTH = 0.5, 1.02


class _Display:
    """One output of the cell, shown and then replaced."""

    def __init__(self) -> None:
        self._transient = {"display_id": uuid4().hex}
        self._shown = False

    def show(self, bundle: Mapping[str, Any]) -> None:
        publish: Any = publish_display_data
        publish(dict(bundle), transient=self._transient, update=self._shown)
        self._shown = True


class WidgetPainter:
    """Paint by messages that hold what is new; the page adds it to what it has.

    A page may miss the first messages, which come while the widget's module still loads (anywidget waits for it, older
    ones and other front ends do not). Twice in the first seconds all messages so far go out as a trait; later, when the
    page asks.
    """

    def __init__(self, now: float) -> None:
        self._display = _Display()
        self._widget: Any = None
        self._growths: list[Growth] = []
        self._log: list[list[Any]] = []
        self._begun = now
        self._snapshots = list(_SNAPSHOTS_S)
        self._asked = False

    def start(self, columns: Sequence[LiveColumn]) -> None:
        """Open the widget with empty columns."""
        self._growths = [Growth() for _ in columns]
        shell = shell_html([column.label for column in columns], chrome=len(columns) > 1)
        self._widget = _widget_class()(shell=shell)
        self._widget.on_msg(self._on_message)
        view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        self._display.show({"application/vnd.jupyter.widget-view+json": view, "text/plain": "waiting for the reply"})

    def _on_message(self, *_: Any) -> None:
        # May be called in another thread: the painting thread answers.
        self._asked = True

    def paint(self, columns: Sequence[LiveColumn], now: float) -> None:
        """Send one message with the changes of all columns."""
        changes = [(i, self._growths[i].change(column)) for i, column in enumerate(columns) if column.changed]
        message = [len(self._log), *([i, change] for i, change in changes if change)]
        if len(message) == 1:
            return
        self._log.append(message)
        due = bool(self._snapshots) and now - self._begun >= self._snapshots[0]
        if self._asked or due:
            self._asked = False
            self._snapshots = self._snapshots[due:]
            self._widget.early = list(self._log)
        else:
            self._widget.send({"m": message})

    def close(self, columns: Sequence[LiveColumn], bundle: Mapping[str, Any]) -> None:
        """Put static output in the widget's place, and leave nothing of the widget behind."""
        self._display.show(bundle)
        if self._widget is not None:
            # nbclient keeps the state of closed widgets in the notebook: no reply stays in it.
            with self._widget.hold_sync():
                self._widget.shell, self._widget.early = "", []
            self._widget.close()


@cache
def _widget_class() -> Any:
    # Loaded late: a cell that is not painted by a widget need not wait for ipywidgets.
    with unbroken():
        import anywidget
        import traitlets

    class LiveWidget(anywidget.AnyWidget):
        _esm = script("column.js", "live.js")
        _css = style("live.css")
        shell = traitlets.Unicode().tag(sync=True)
        layout = traitlets.Any(None).tag(sync=True)  # a model of its own, of 1 KB, that nothing here uses
        early: Any = traitlets.List().tag(sync=True)

    return LiveWidget


class HtmlPainter:
    """Paint by repainting one display, rarely: when it has grown by a fiftieth, and at most twice a second."""

    def __init__(self, now: float) -> None:
        self._display = _Display()
        self._painted = now
        self._length = 0

    def start(self, columns: Sequence[LiveColumn]) -> None:
        """Show the empty columns."""
        self._show(columns)

    def paint(self, columns: Sequence[LiveColumn], now: float) -> None:
        """Repaint, where enough has come since."""
        length = sum(column.length for column in columns)
        ended = any(column.ended and column.changed for column in columns)
        grown = length >= self._length * _REPAINT_GROWTH and now - self._painted >= _REPAINT_S
        if not (grown or ended):
            return
        for column in columns:
            column.take()
        self._length, self._painted = length, now
        self._show(columns)

    def _show(self, columns: Sequence[LiveColumn]) -> None:
        shown = [column.static() for column in columns]
        html = side_by_side(shown, chrome=len(shown) > 1)
        self._display.show({"text/html": html, "text/plain": "waiting for the reply"})

    def close(self, columns: Sequence[LiveColumn], bundle: Mapping[str, Any]) -> None:
        """Show the whole."""
        self._display.show(bundle)


class TextPainter:
    """Write text as it comes: the first reply that has not ended streams, those after it wait for their turn."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._current = 0
        self._labelled = -1
        self._at_start = True

    def start(self, columns: Sequence[LiveColumn]) -> None:
        """Write nothing: there is nothing yet."""

    def paint(self, columns: Sequence[LiveColumn], now: float) -> None:
        """Write what has come of the reply whose turn it is, and of those after it when it has ended."""
        while self._current < len(columns):
            column = columns[self._current]
            self._write_label(columns)
            self._write_note(column)
            for part in column.take()[0]:
                self._write(plain_text(part) if isinstance(part, str) else self._line(part))
            if not column.ended:
                break
            self._end(column, several=len(columns) > 1)
            self._current += 1

    def close(self, columns: Sequence[LiveColumn], bundle: Mapping[str, Any]) -> None:
        """Write what is left."""
        for column in columns:
            column.ended = True
        self.paint(columns, 0.0)

    def _write_note(self, column: LiveColumn) -> None:
        if column.note and not column.noted:
            self._write(f"{plain_text(column.note)}\n")
        column.noted = True

    def _line(self, step: Step) -> str:
        return f"{'' if self._at_start else chr(10)}{step_text(step)}\n"

    def _write_label(self, columns: Sequence[LiveColumn]) -> None:
        if len(columns) > 1 and self._labelled < self._current:
            self._labelled = self._current
            self._write(f"{chr(10) if self._current else ''}── {plain_text(columns[self._current].label)} ──\n")

    def _end(self, column: LiveColumn, several: bool) -> None:
        lines = [plain_text(column.error)] if column.error and several else []
        lines += [plain_text(column.footer)] if column.footer else []
        if not self._at_start:
            self._write("\n")
        for line in lines:
            self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        if text:
            out = self._out or sys.stdout
            out.write(text)
            out.flush()
            self._at_start = text.endswith("\n")

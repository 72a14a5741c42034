"""Painting a running cell: a column per model that fills as replies come, and static HTML in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TextIO

from portkey_nb.notebook.growth import LiveColumn
from portkey_nb.notebook.painters import HtmlPainter, TextPainter, WidgetPainter
from portkey_nb.views.steps import Step

Mode = Literal["widget", "html", "text"]


class _Painter(Protocol):
    def start(self, columns: Sequence[LiveColumn]) -> None: ...

    def paint(self, columns: Sequence[LiveColumn], now: float) -> None: ...

    def close(self, columns: Sequence[LiveColumn], bundle: Mapping[str, Any]) -> None: ...


class LiveCell:
    """What a cell shows while its replies come; used by the cell's main thread alone.

    Parameters
    ----------
    labels : sequence of str
        One per reply, in the order of the columns.
    mode : {"widget", "html", "text"}
        A widget that takes deltas; one display that is rarely repainted, for front ends without widgets; or text as it
        comes, for terminals.
    out : file, optional
        Where mode ``text`` writes; standard output by default.
    interval : float
        Least time between two paintings, in seconds.
    clock : callable
        The time in seconds.
    """

    def __init__(
        self,
        labels: Sequence[str],
        mode: Mode | str = "widget",
        out: TextIO | None = None,
        interval: float = 0.12,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        painters: dict[str, Callable[[], _Painter]] = {
            "widget": lambda: WidgetPainter(clock()),
            "html": lambda: HtmlPainter(clock()),
            "text": lambda: TextPainter(out),
        }
        if mode not in painters:
            raise ValueError(f"mode is {mode!r}; it is one of {', '.join(painters)}")
        self._columns = [LiveColumn(label) for label in labels]
        self._painter = painters[mode]()
        self._interval = interval
        self._clock = clock
        self._painted = float("-inf")
        self._begun = 0
        self._state: Literal["new", "open", "closed"] = "new"

    def start(self) -> None:
        """Show the empty columns."""
        if self._state == "new":
            self._state = "open"
            self._painter.start(self._columns)

    def push(self, index: int, text: str, kind: str = "text") -> None:
        """Take a piece of a reply; nothing is painted yet.

        Parameters
        ----------
        index : int
        text : str
        kind : {"text", "json", "reasoning"}
            Markdown, JSON that is shown as code, or what the model thinks.
        """
        column = self._columns[index]
        if kind == "json" and text and not column.fenced:
            column.fenced = True
            gap = "\n\n" if column.text else ""
            column.push(gap if isinstance(self._painter, TextPainter) else f"{gap}```json\n", "text")
        column.push(text, kind)

    def step(self, index: int, step: Step) -> None:
        """Show a tool's call, under what was said before it."""
        self._columns[index].step(step)

    def note(self, index: int, text: str) -> None:
        """Say something beforehand, in the line under a reply that is still to come."""
        self._columns[index].note = text
        self._columns[index].changed = True

    def footer(self, index: int, text: str) -> None:
        """Set the line under a reply, which has ended."""
        self._columns[index].end(footer=text)

    def fail(self, index: int, line: str) -> None:
        """Show an error under what came of a reply, which has ended."""
        self._columns[index].end(error=line)

    def paint(self, force: bool = False) -> None:
        """Show what has changed in all columns, unless that was done less than ``interval`` seconds ago.

        The first words of a column never wait.
        """
        now = self._clock()
        begun = sum(column.length > 0 for column in self._columns)
        due = force or begun > self._begun or now - self._painted >= self._interval
        if self._state == "open" and due and any(column.changed for column in self._columns):
            self._painted, self._begun = now, begun
            self._painter.paint(self._columns, now)

    def close(self, bundle: Mapping[str, Any]) -> None:
        """Replace what is shown by static output.

        Parameters
        ----------
        bundle : mapping
            ``text/plain``, ``text/markdown`` and ``text/html`` of the whole; a terminal is shown the rest alone.
        """
        if self._state == "closed":
            return
        self.start()
        self._state = "closed"
        self._painter.close(self._columns, bundle)

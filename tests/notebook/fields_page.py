"""The panel's fields as a page uses them: values arrive, lines are shown."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets

from portkey_nb.notebook.panel.composed import Composed
from portkey_nb.notebook.panel.fields import Fields

WAIT_S = 30


class Page:
    """Fields on a page: controls by their labels, and how often a change was told."""

    def __init__(self, **composed: Any) -> None:
        self._changes: list[str] = []
        self.fields = Fields(Composed(**{"models": ("gpt-4o",), "base_url": "demo", **composed}), self._changed)

    def _changed(self) -> None:
        self._changes.append(self.fields.trouble)

    @property
    def told(self) -> int:
        """How often a change was told."""
        return len(self._changes)

    def _all(self) -> Iterator[tuple[Any, Any]]:
        """Yield each widget of the page with the one that holds it."""
        waiting: list[tuple[Any, Any]] = [(None, self.fields.models_widget), (None, self.fields.widget)]
        while waiting:
            holder, widget = waiting.pop(0)
            yield holder, widget
            waiting += [(widget, child) for child in getattr(widget, "children", ())]

    def widgets(self) -> list[Any]:
        return list({id(widget): widget for _, widget in self._all()}.values())

    def control(self, label: str) -> Any:
        return next(widget for _, widget in self._all() if getattr(widget, "description", None) == label)

    def labels(self) -> list[str]:
        return [widget.description for _, widget in self._all() if getattr(widget, "description", "")]

    def type(self, label: str, text: Any) -> None:
        """Let a value arrive as it does from a page."""
        self.control(label).set_state({"value": text})

    def line(self, label: str) -> str:
        """Return the HTML of the line under a field."""
        holder = next(holder for holder, widget in self._all() if getattr(widget, "description", None) == label)
        return str(holder.children[1].value)

    def lines(self) -> str:
        said = (widget.value for _, widget in self._all() if isinstance(widget, ipywidgets.HTML))
        shown = "\n".join(text for text in said if text and not text.startswith("<style>"))
        return re.sub("</?code>", "`", shown)

    def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until what is shown makes a condition true."""
        woken = threading.Event()

        def look(_change: Any) -> None:
            if wanted():
                woken.set()

        widgets = self.widgets()
        for widget in widgets:
            widget.observe(look)
        assert wanted() or woken.wait(WAIT_S), self.lines()
        for widget in widgets:
            widget.unobserve(look)

    def listed(self, text: str) -> None:
        """Fetch the list of models, and wait until a text stands under the pickers."""
        self.fields.refresh()
        self.says(text)

    def says(self, text: str) -> None:
        self.until(lambda: text in self.lines())

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.fields.composed.params)

    @property
    def trouble(self) -> str:
        return self.fields.trouble


@contextmanager
def pages() -> Iterator[Callable[..., Page]]:
    """Give what makes pages, and close their fields at the end."""
    made: list[Page] = []

    def make(**composed: Any) -> Page:
        made.append(Page(**composed))
        return made[-1]

    try:
        yield make
    finally:
        for page in made:
            page.fields.close()


def states() -> str:
    """Return what a notebook would save of all widgets."""
    return json.dumps(ipywidgets.Widget.get_manager_state(), default=str)

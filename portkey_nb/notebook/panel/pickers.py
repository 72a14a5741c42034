"""The pickers of one model or several, with what the gateway offers to choose from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import ipywidgets

from portkey_nb.engine.catalogue import list_models
from portkey_nb.engine.loop import submit
from portkey_nb.engine.store import open_store
from portkey_nb.errors import APIStatusError, PortkeyError, PromptError, StoreError
from portkey_nb.gateway.hosted import not_allowed
from portkey_nb.notebook.completion import Known
from portkey_nb.notebook.panel.inputs import Field, Line, close_all

OFFERED = 300
"""So many names are offered at once; of a longer list those that fit what is typed."""

LIST_S = 20.0
"""Seconds that a list of models may take."""

_LONGEST_NAME = 200
_LOGGED = 500

Route = tuple[str | None, Mapping[str, Any]]


class ModelPickers:
    """Comboboxes that filter as one types, and take any name.

    Parameters
    ----------
    given : sequence of str
        The models chosen at first; none shows an empty picker.
    changed : callable
        Called after a person has changed a model, added or removed one, in whatever thread that came.
    route : callable
        Returns base URL and client options with which the gateway is asked for its models.
    listed : callable
        Called in a thread after a list has come, or has been found not to come.
    most : int
        So many models may be chosen.

    Attributes
    ----------
    widget : ipywidgets.Box

    Raises
    ------
    PromptError
        For more models than that.
    """

    def __init__(
        self,
        given: Sequence[str],
        changed: Callable[[], None],
        route: Callable[[], Route],
        listed: Callable[[], None],
        *,
        most: int,
    ) -> None:
        self._most = most
        self._changed, self._route, self._on_listed = changed, route, listed
        self._lock = threading.RLock()
        self._turn = 0
        self._asking: Future[None] | None = None
        self._shown = self._closed = False
        self._listed: list[str] = []
        self._spare: list[str] = sorted(Known().models)
        self._rows: list[_Row] = []
        self._line = Line()
        self._more = ipywidgets.Button(
            description="+ Compare with another model", tooltip="Ask another model the same, side by side"
        )
        self._more.add_class("pk-more")
        self._more.on_click(lambda _: self._add())
        self._row = ipywidgets.HBox()
        self._row.add_class("pk-pickers")
        self.widget = ipywidgets.VBox([self._row, self._line.widget])
        self.widget.add_class("pk-models")
        self.set(given)

    @property
    def models(self) -> tuple[str, ...]:
        """The models chosen, without empty pickers; one may stand there twice."""
        with self._lock:
            return tuple(row.name for row in self._rows if row.name)

    @property
    def trouble(self) -> str:
        """What is missing, in one line; empty when nothing is."""
        with self._lock:
            empty = [at for at, row in enumerate(self._rows, 1) if not row.name]
            if not empty:
                return ""
            if len(self._rows) == 1:
                return "no model: choose one above the conversation, or set PORTKEY_MODEL"
            return f"no model in picker {empty[0]}: choose one, or remove the picker"

    @property
    def known(self) -> list[str]:
        """Names to choose from: those chosen, then the gateway's, or else those of the run log and the demo's."""
        with self._lock:
            return list(dict.fromkeys([*self.models, *(self._listed or self._spare)]))[:OFFERED]

    def set(self, names: Iterable[str]) -> None:
        """Choose models; ``changed`` is not called.

        Raises
        ------
        PromptError
            For more than ``most``.
        """
        wanted = [str(name).strip() for name in names] or [""]
        if len(wanted) > self._most:
            raise PromptError(f"{len(wanted)} models are given, and {self._most} answer side by side; leave some out")
        with self._lock:
            while len(self._rows) > len(wanted):
                self._rows.pop().close()
            while len(self._rows) < len(wanted):
                self._rows.append(_Row(self._typed, self._remove))
            for row, name in zip(self._rows, wanted, strict=True):
                row.field.set(name)
            self._lay_out()

    def refresh(self) -> None:
        """Fetch the gateway's list in the background."""
        with self._lock:
            if self._closed:
                return
            self._shown = True
            self._turn += 1
            if self._asking is not None:
                self._asking.cancel()
            self._asking = submit(self._fetch(self._turn))

    def rerouted(self) -> None:
        """Fetch the list anew, since requests go elsewhere; nothing is asked before the first :meth:`refresh`."""
        if self._shown:
            self.refresh()

    def close(self) -> None:
        """Close the widgets; a list that is still on its way is not waited for."""
        with self._lock:
            self._closed = True
            self._turn += 1
            if self._asking is not None:
                self._asking.cancel()
            for row in self._rows:
                row.close()
        close_all(self._more)
        close_all(self.widget)

    def _add(self) -> None:
        with self._lock:
            if len(self._rows) >= self._most:
                return
            self._rows.append(_Row(self._typed, self._remove))
            self._lay_out()
        self._changed()

    def _remove(self, row: _Row) -> None:
        with self._lock:
            if row not in self._rows or len(self._rows) == 1:
                return
            at = self._rows.index(row)
            self._rows.remove(row)
            self._lay_out()
            # The button that had the focus is gone.
            self._rows[max(0, at - 1)].field.control.focus()
        row.close()
        self._changed()

    def _typed(self) -> None:
        with self._lock:
            self._offer()
            self._mark()
        self._changed()

    def _lay_out(self) -> None:
        several = len(self._rows) > 1
        for at, row in enumerate(self._rows, 1):
            row.number(at if several else 0)
        more = [self._more] if len(self._rows) < self._most else []
        self._row.children = (*(row.widget for row in self._rows), *more)
        self._offer()
        self._mark()

    def _mark(self) -> None:
        """Say under each picker what is missing there."""
        single = len(self._rows) == 1
        for row in self._rows:
            said = "choose a model, or type its name" if single else "choose a model, or remove this one"
            row.field.line.say("" if row.name else said)

    def _offer(self) -> None:
        names = self._listed or self._spare
        for row in self._rows:
            row.offer(names)

    async def _fetch(self, turn: int) -> None:
        spare = await asyncio.to_thread(_spare_names)
        # What the route is, is asked of widgets and settings: not on the loop.
        base_url, options = await asyncio.to_thread(self._route)
        listed: list[str] = []
        try:
            found = await asyncio.wait_for(list_models(base_url, options), LIST_S)
            listed = _names(model.name for model in found)
            said = _about(listed)
        except TimeoutError:
            said = f"No list of models within {LIST_S:.0f} s; any name may be typed."
        except PortkeyError as error:
            said = _why(error)
        await asyncio.to_thread(self._arrived, turn, spare, listed, said)

    def _arrived(self, turn: int, spare: list[str], listed: list[str], said: str) -> None:
        with self._lock:
            if turn != self._turn:
                return
            self._spare, self._listed = spare, listed
            self._offer()
            self._line.say(said)
        self._on_listed()


class _Row:
    """One picker and its remove button."""

    def __init__(self, typed: Callable[[], None], remove: Callable[[_Row], None]) -> None:
        control = ipywidgets.Combobox(description="Model", placeholder="type to filter, or any name")
        self.field = Field(control, typed)
        self._button = ipywidgets.Button(description="Remove")
        self._button.add_class("pk-remove")
        self._button.on_click(lambda _: remove(self))
        self.widget = ipywidgets.HBox([self.field.widget])
        self.widget.add_class("pk-picker")

    @property
    def name(self) -> str:
        """The model as it is sent."""
        return str(self.field.value).strip()

    def number(self, at: int) -> None:
        """Name the picker by its place; 0 for the only one, which cannot be removed."""
        self.field.control.description = f"Model {at}" if at else "Model"
        self._button.description = self._button.tooltip = f"Remove model {at}"
        self.widget.children = (self.field.widget, self._button) if at else (self.field.widget,)

    def offer(self, names: Sequence[str]) -> None:
        """Put names to choose from into the list."""
        offered = tuple(names) if len(names) <= OFFERED else tuple(_fitting(self.name, names))
        if offered != self.field.control.options:
            self.field.control.options = offered

    def close(self) -> None:
        """Close the widgets."""
        close_all(self._button)
        close_all(self.widget)


def _fitting(typed: str, names: Sequence[str]) -> list[str]:
    """Return the names that hold what is typed, those that begin with it first."""
    text = typed.lower()
    found = [name for name in names if text in name.lower()]
    return sorted(found, key=lambda name: not name.lower().startswith(text))[:OFFERED]


def _names(given: Iterable[str]) -> list[str]:
    """Return names fit to be chosen: once each, printable, and of a length that a name may have."""
    return [name for name in dict.fromkeys(given) if name.isprintable() and len(name) <= _LONGEST_NAME]


def _spare_names() -> list[str]:
    """Return the models of the run log, the latest first, and those of the demo gateway."""
    try:
        logged = open_store().models(_LOGGED)
    except StoreError:
        logged = []
    return _names([*logged, *sorted(Known().models)])


def _about(listed: Sequence[str]) -> str:
    if not listed:
        return "The gateway lists no models; any name may be typed."
    if len(listed) > OFFERED:
        return f"{len(listed):,} models; those that hold what is typed are offered."
    return ""


def _why(error: PortkeyError) -> str:
    if isinstance(error, APIStatusError) and not_allowed(error):
        return "This key may not list models; any name may be typed."
    return f"No list of models ({error.message}). Any name may be typed."


__all__ = ["LIST_S", "OFFERED", "ModelPickers"]

"""The editor of a panel's routing Config: none, a saved one, a form or JSON, its keys kept in the kernel."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython

from portkey_nb.engine.loop import submit
from portkey_nb.errors import ConfigError, PortkeyError
from portkey_nb.gateway.refusals import config_warnings
from portkey_nb.gateway.routing import Config
from portkey_nb.notebook.assets import style
from portkey_nb.notebook.completion import config_names
from portkey_nb.notebook.panel import config_text
from portkey_nb.notebook.panel.config_fields import LABELS, FormFields
from portkey_nb.notebook.panel.config_form import config_of, form_of, troubles, unshown
from portkey_nb.notebook.panel.config_saved import SavedFields
from portkey_nb.notebook.panel.inputs import Field, Line, MappingInput, close_all
from portkey_nb.notebook.panel.keys import Keys
from portkey_nb.views.safety import escape_prose

_REST_S = 1.0
"""So long after the last key press a key that was typed is taken out of its field."""
_WAYS = {"none": "none", "saved": "saved in Portkey, or in this notebook", "form": "form", "json": "JSON"}
_EXAMPLE = """{
  "strategy": {"mode": "fallback"},
  "targets": [
    {"provider": "openai"},
    {"provider": "ollama"}
  ]
}"""


def notebook_configs() -> dict[str, Any]:
    """Return the routing Configs of the notebook by name; none outside of one."""
    shell: Any = get_ipython()
    namespace = dict(shell.user_ns) if shell is not None else {}  # a cell may run meanwhile
    return {name: namespace[name] for name in config_names(namespace)}


class ConfigEditor:
    """Widgets to choose or compose a routing Config.

    A key leaves its field for the kernel: in the form when it is entered, in JSON once typing rests, and whenever
    ``value`` is asked for. A placeholder, such as ``***1***``, stands in its place. Any thread may ask.

    Parameters
    ----------
    given : str, mapping or None
        What it shows first: the id of a saved config, the name of a Config in the notebook, JSON, or a Config.
    changed : callable
        Called after each change of ``value`` or ``trouble`` that a person made, in whatever thread that came.
    names : callable, optional
        Returns the Configs that can be chosen by name; those of the notebook by default.
    kind : str, optional
        The gateway's kind (:attr:`portkey_nb.gateway.target.Target.kind`) where it is known, to say what has no effect
        there.
    typed : callable, optional
        Called while a key is being typed into a text; ``changed`` is then called once that rests.

    Attributes
    ----------
    widget : ipywidgets.Box
    """

    def __init__(
        self,
        given: str | Mapping[str, Any] | None,
        changed: Callable[[], None],
        names: Callable[[], Mapping[str, Any]] = notebook_configs,
        kind: str = "",
        typed: Callable[[], None] = lambda: None,
    ) -> None:
        self._changed, self._typing, self._kind = changed, typed, kind
        self._lock = threading.RLock()
        self._keys = Keys()
        self._presses = 0
        self._face = "form"  # which of form and JSON holds the document
        self._good: str | Config | None = None
        self._make(names)
        self._show_given(given)
        self._show()

    def _make(self, names: Callable[[], Mapping[str, Any]]) -> None:
        ways = [(label, way) for way, label in _WAYS.items()]
        self._way = Field(ipywidgets.Dropdown(description="Config", options=ways), self._on_way)
        self._saved = SavedFields(self._on_change, names)
        self._form = FormFields(self._on_change, before=self.take_keys, removed=self._forget)
        self._cannot = Line()
        mend = ipywidgets.Button(description="Edit as JSON")
        mend.on_click(lambda _button: setattr(self._way.control, "value", "json"))
        self._text = Field(MappingInput(description="Config as JSON", placeholder=_EXAMPLE, rows=9), self._on_change)
        self._text.widget.add_class("pk-config-text")
        self._outline = ipywidgets.HTML()
        self._outline.add_class("pk-config-outline")
        sheet = ipywidgets.HTML(f"<style>{style('panel/config.css')}</style>")
        sheet.add_class("pk-sheet")
        self._parts = {
            "saved": self._saved.widget,
            "form": self._form.widget,
            "cannot": ipywidgets.VBox([self._cannot.widget, mend]),
            "json": self._text.widget,
        }
        self.widget = ipywidgets.VBox([sheet, self._way.widget, *self._parts.values(), self._outline])
        self.widget.add_class("pk-config")

    def _show_given(self, given: str | Mapping[str, Any] | None) -> None:
        if given is None:
            return
        if isinstance(given, str) and not given.lstrip().startswith("{"):
            self._saved.show(given)
            self._way.set("saved")
            return
        self._face = "json"
        if isinstance(given, str):
            self._text.set(self._keys.taken_text(given))
        elif unshown(document := self._keys.taken(given)):
            self._text.set(config_text.written(document))
        else:
            self._face = "form"
            self._form.show(form_of(document))
        self._way.set(self._face)

    @property
    def value(self) -> str | Config | None:
        """The config as it is sent: None, a saved id, or a Config; the last good one where something is wrong."""
        with self._lock:
            self.take_keys()
            return self.look()[0]

    def look(self) -> tuple[str | Config | None, str]:
        """Return value and trouble as they are; a key that is being typed stays in its field, and is in the value."""
        with self._lock:
            trouble = self._show()
            if not trouble:
                self._good = self._read()
            return self._good, trouble

    def named(self) -> tuple[str | Config | None, str] | None:
        """Return value and trouble where a Config of the notebook is chosen by its name, which a cell may bind anew.

        Nothing is changed or shown.
        """
        if self._way.value != "saved" or not self._saved.name:
            return None
        try:
            return self._saved.read(), ""
        except PortkeyError as error:
            return self._good, error.message

    @property
    def trouble(self) -> str:
        """What is wrong, in one line; empty where nothing is."""
        with self._lock:
            return self._show()

    @property
    def kind(self) -> str:
        """The gateway's kind: ``hosted``, ``local``, ``demo``, ``custom``, or empty where it is not known."""
        return self._kind

    @kind.setter
    def kind(self, kind: str) -> None:
        with self._lock:
            if kind != self._kind:
                self._kind = kind
                self._show()

    def take_keys(self) -> None:
        """Take the keys that were typed or pasted out of the fields at once."""
        with self._lock:
            self._form.put_keys(lambda text: self._keys.put("api_key", text))
            self._text.set(self._keys.taken_text(self._typed))
            self._saved.take_keys(self._keys)

    def close(self) -> None:
        """Close the widgets and forget the keys."""
        with self._lock:
            self.take_keys()
            self._presses += 1
            self._good = None
            self._keys.forget()
            close_all(self.widget)

    def _on_way(self) -> None:
        with self._lock:
            self.take_keys()
            self._turn()
            self._show()
        self._changed()

    def _turn(self) -> None:
        """Bring the document to the face that is chosen, if that one can show it."""
        way = str(self._way.value)
        if way == "form" and self._face == "json":
            try:
                document = config_text.read(self._typed) if self._typed.strip() else {}
                form = form_of(document)
            except PortkeyError:
                return  # said where the form would stand
            self._form.show(form)
            self._face = "form"
            self._keys.forget(document)
        elif way == "json" and self._face == "form":
            self._face, document = "json", config_of(self._form.form)
            if json.dumps(document, default=str) != _compact(self._typed):
                self._text.set(config_text.written(document) if document else "")

    def _on_change(self) -> None:
        with self._lock:
            self._presses += 1
            press, waiting = self._presses, self._waiting()
            if self._way.value == "form":
                self.take_keys()
                self._forget()
                self._form.fit()
            self._show()
        if waiting:
            # Whoever hears of a change may ask for the value, and that would take the key from under the typing hand.
            submit(self._rest(press))
            self._typing()
        else:
            self._changed()

    def _waiting(self) -> bool:
        """Tell whether a key is in a text that comes as it grows; the form's key fields send theirs when it is done."""
        way = self._way.value
        return way in ("json", "saved") and self._keys.waiting(self._saved.text if way == "saved" else self._typed)

    async def _rest(self, press: int) -> None:
        await asyncio.sleep(_REST_S)
        if press == self._presses:
            await asyncio.to_thread(self._rested, press)

    def _rested(self, press: int) -> None:
        with self._lock:
            if press != self._presses:
                return
            self.take_keys()
            self._show()
        self._changed()

    @property
    def _typed(self) -> str:
        return str(self._text.value)

    def _forget(self) -> None:
        """Forget the keys of rows that are gone; JSON may still be cut and pasted."""
        if self._face == "form" and self._keys.forget(config_of(self._form.form)):
            self._good = None

    def _document(self) -> dict[str, Any]:
        return config_of(self._form.form) if self._face == "form" else config_text.read(self._typed)

    def _read(self) -> str | Config | None:
        """Return what is to be sent, when nothing is wrong with it."""
        way = self._way.value
        if way == "none":
            return None
        return self._saved.read() if way == "saved" else Config(self._keys.filled(self._document()))

    def _show(self) -> str:
        """Show what belongs to the way that is chosen, say what is wrong at its field, and return the first of it."""
        way = str(self._way.value)
        part = "cannot" if way == "form" and self._face == "json" else way
        for name, widget in self._parts.items():
            widget.layout.display = None if name == part else "none"
        wrong, config, at = "", None, {}
        try:
            if way == "saved":
                config = self._saved.read()
            elif way != "none":
                at = troubles(self._form.form) if self._face == "form" else {}
                document = self._document()
                self._keys.check(document)
                config = Config(self._keys.shown(document))
        except PortkeyError as error:
            wrong = error.message
        except RecursionError:
            wrong = "the config is nested too deeply; a gateway reads some levels"
        if way == "saved":
            self._saved.say(wrong, self._kind)
        elif part == "form":
            self._form.say(at, "" if at else wrong)
        elif part == "cannot":
            self._cannot.say(_why_not(wrong, self._typed), wrong=bool(wrong))
        elif part == "json":
            self._text.line.say(wrong, wrong=True)
            self._text.control.rows = min(max(self._typed.count("\n") + 2, 9), 18)
        self._outline.value = _outlined(config, self._kind, in_form=part == "form") if not at else ""
        return next((f"config: {_called(place)}: {said}" for place, said in at.items()), wrong)


def _compact(text: str) -> str:
    """Return a JSON text as one line, or nothing where it is none."""
    try:
        return json.dumps(config_text.read(text))
    except ConfigError:
        return ""


def _why_not(wrong: str, text: str) -> str:
    if wrong:
        return f"{wrong[0].upper()}{wrong[1:]}. The form shows it once that is mended."
    return f"The form cannot show this Config: {unshown(config_text.read(text))}. It is used as it is."


def _called(place: str) -> str:
    """Return what people call the field at a place, such as ``rows.1.weight``.

    Examples
    --------
    >>> _called("rows.1.weight"), _called("timeout")
    ('target 2, weight', 'timeout (seconds)')
    """
    *row, name = place.split(".")
    return (f"target {int(row[1]) + 1}, " if row else "") + LABELS[name].lower()


def _outlined(config: Any, kind: str, *, in_form: bool) -> str:
    """Return the outline of a Config, and what in it has no effect, as HTML."""
    if not isinstance(config, Config):
        return ""
    warned = "".join(f"<li>{_html(said.removeprefix('config: '))}</li>" for said in config_warnings(config, kind))
    outline = "" if in_form else f"<pre>{_html(repr(config))}</pre>"
    return outline + (f"<ul>{warned}</ul>" if warned else "")


def _html(text: str) -> str:
    # Half a surrogate pair, which JSON can name, goes over no wire.
    return escape_prose(text.encode("utf-8", "replace").decode())

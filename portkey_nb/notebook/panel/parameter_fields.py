"""The group of request parameters: a field for each of the usual ones, and a mapping for any other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import ipywidgets

from portkey_nb.errors import PromptError
from portkey_nb.notebook.panel.asked import seals
from portkey_nb.notebook.panel.inputs import Field, Line, MappingInput
from portkey_nb.notebook.panel.values import (
    PARAMETERS,
    Parameter,
    read_more,
    read_value,
    redacted,
    write_more,
    write_value,
)


class ParameterFields:
    """Fields for request parameters, each checked while one types.

    Parameters
    ----------
    given : mapping
        What they show at first. What no text can stand for is kept, and sent, without being shown.
    changed : callable
        Called after a person has changed a value.
    elsewhere : collection of str
        Parameters that are given by other means, and not to be given here again.

    Attributes
    ----------
    children : list of ipywidgets.Widget
    kept : mapping
        Given parameters that are not shown.
    """

    def __init__(self, given: Mapping[str, Any], changed: Callable[[], None], elsewhere: Collection[str] = ()) -> None:
        self._changed, self._elsewhere = changed, frozenset(elsewhere)
        self._lock = threading.RLock()
        self._fields = {name: Field(_control(one), self._hearing(name)) for name, one in PARAMETERS.items()}
        control = MappingInput(
            description="More parameters", placeholder="unset; one per line, such as top_k: 5", rows=3
        )
        self._more = Field(control, self._heard_more)
        self._line = Line()
        self._good: dict[str, Any] = {}
        self._good_more: dict[str, Any] = {}
        self._wrong: dict[str, str] = {}
        self.kept = self._show(given)
        grid = ipywidgets.Box([field.widget for field in self._fields.values()])
        grid.add_class("pk-grid")
        self.children = [grid, self._more.widget, self._line.widget]

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that are set; of a field that is wrong, what it said last when it was right."""
        with self._lock:
            return {**self.kept, **self._good, **{n: v for n, v in self._good_more.items() if n not in self._good}}

    @property
    def trouble(self) -> str:
        """What is wrong with the first wrong field, in one line; empty when none is."""
        with self._lock:
            return next((self._wrong[name] for name in (*self._fields, "") if self._wrong.get(name)), "")

    @property
    def summary(self) -> str:
        """What is set, in a few words; of what has no field, a key for one, the name alone."""
        return ", ".join(
            f"{name} {value}" if name not in self.kept and isinstance(value, bool | int | float | str) else name
            for name, value in self.params.items()
        )

    def say(self, sentences: Sequence[str]) -> None:
        """Show what will become of the parameters."""
        self._line.say("; ".join(sentences))

    def _show(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Put given values into the fields; return those that have none."""
        rest: dict[str, Any] = {}
        for name, value in given.items():
            text = write_value(name, value)
            if text is None:
                rest[name] = value
            else:
                self._fields[name].set(text)
                self._good[name] = read_value(name, text)
        kept = {name: value for name, value in rest.items() if not _writable(name, value)}
        self._good_more = {name: value for name, value in rest.items() if name not in kept}
        self._more.set(write_more(self._good_more))
        return kept

    def _hearing(self, name: str) -> Callable[[], None]:
        return lambda: self._heard(name)

    def _heard(self, name: str) -> None:
        with self._lock:
            try:
                value, self._wrong[name] = read_value(name, self._fields[name].value), ""
            except PromptError as error:
                self._wrong[name] = error.message
            else:
                self._good.pop(name, None)
                if value is not None:
                    self._good[name] = value
            self._fields[name].line.say(self._wrong[name], wrong=True)
            self._check_twice()
        self._changed()

    def _heard_more(self) -> None:
        with self._lock:
            text = str(self._more.value)
            try:
                self._good_more, self._wrong[""] = read_more(text), ""
            except PromptError as error:
                self._wrong[""] = error.message
                # A key is not to stay in the field, whose text a notebook may save.
                self._more.set(redacted(text))
            self._check_twice()
        self._changed()

    def _check_twice(self) -> None:
        """Say so where a parameter is given here and in a field of its own."""
        said = self._wrong.get("", "")
        twice = [name for name in self._good_more if name in self._good or name in self._elsewhere]
        if said.endswith(_TWICE) or not said:
            said = f"`{twice[0]}` {_TWICE}" if twice else ""
        self._wrong[""] = said
        self._more.line.say(said, wrong=True)


_TWICE = "is given twice, here and elsewhere; leave one out"


def _control(parameter: Parameter) -> Any:
    if parameter.name == "response_format":
        return ipywidgets.Dropdown(
            description=parameter.name, options=[("unset", ""), ("JSON object", "json_object")], value=""
        )
    if parameter.choices:
        return ipywidgets.Combobox(description=parameter.name, options=parameter.choices, placeholder="unset")
    return ipywidgets.Text(description=parameter.name, placeholder="unset")


def _writable(name: str, value: Any) -> bool:
    """Tell whether a parameter reads as itself from the field of further ones, and may stand there."""
    try:
        return not seals(value) and bool(read_more(write_more({name: value})) == {name: value})
    except (PromptError, TypeError, ValueError, RecursionError):
        return False

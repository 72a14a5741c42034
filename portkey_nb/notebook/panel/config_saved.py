"""The fields for a Config that is made already: saved in Portkey, or bound to a name of the notebook."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from traitlets import Unicode

from portkey_nb.errors import ConfigError
from portkey_nb.gateway.routing import Config
from portkey_nb.notebook.panel.inputs import Field, Quiet
from portkey_nb.notebook.panel.keys import Keys

_ID = re.compile(r"[\x21-\x7e]+")
_NOT_KEPT = {
    "local": "saved configs are kept by Portkey; the open-source gateway has none and refuses it",
    "demo": "saved configs are kept by Portkey; the demo gateway has the one of Portkey's examples alone",
}


class SavedFields:
    """A choice between the notebook's Configs and the id of a saved one.

    Parameters
    ----------
    heard : callable
        Called after a person has changed a field, or asked for the names anew.
    names : callable
        Returns the Configs of the notebook by name.
    """

    def __init__(self, heard: Callable[[], None], names: Callable[[], Mapping[str, Any]]) -> None:
        self._heard, self._names, self._quiet = heard, names, Quiet()
        self._which = Field(ipywidgets.Dropdown(description="Which one", options=_choices([])), self._on_field)
        self._id = Field(_IdInput(description="Saved id", placeholder="pc-..."), heard)
        again = ipywidgets.Button(description="Look again", tooltip="Look for Configs in the notebook again")
        again.on_click(lambda _button: heard())
        self.widget = ipywidgets.VBox([self._which.widget, self._id.widget, again])
        self.widget.add_class("pk-config-saved")

    @property
    def text(self) -> str:
        """What is typed as the id."""
        return str(self._id.value).strip()

    @property
    def name(self) -> str:
        """The name of the notebook that is chosen; empty where none is."""
        return str(self._which.value)

    def show(self, given: str) -> None:
        """Choose a name of the notebook, or show a saved id."""
        self._refresh()
        if given in self._names():
            self._which.set(given)
        else:
            self._id.set(given.strip())

    def take_keys(self, keys: Keys) -> None:
        """Take the keys out of JSON that was pasted for an id."""
        if self.text.startswith("{"):
            self._id.set(keys.taken_text(str(self._id.value)))

    def read(self) -> str | Config:
        """Return the Config that is chosen as it is, or the saved id.

        Raises
        ------
        ConfigError
            When there is none, or the text can be no id.
        """
        name = self.name
        if not name:
            return _saved_id(self.text, self._names())
        found = self._names().get(name)
        if found is None:
            raise ConfigError(f"the notebook has no Config named {name} any more; choose another, or run its cell")
        if isinstance(found, str) and found.lstrip().startswith("{"):
            return Config.from_json(found)
        return Config(found) if isinstance(found, Mapping) and not isinstance(found, Config) else found

    def say(self, wrong: str, kind: str) -> None:
        """List the names anew, and say at the fields what is wrong, or what the gateway makes of an id."""
        self._refresh()
        by_id = not self._which.value
        self._id.widget.layout.display = None if by_id else "none"
        self._which.line.say("" if by_id else wrong, wrong=True)
        self._id.line.say(wrong or _NOT_KEPT.get(kind, ""), wrong=bool(wrong))

    def _on_field(self) -> None:
        if not self._quiet.on:
            self._heard()

    def _refresh(self) -> None:
        chosen = str(self._which.value)
        names = list(self._names())
        options = _choices(names if chosen in ("", *names) else [*names, chosen])
        if tuple(self._which.control.options) != options:
            with self._quiet():  # new options choose the first of them
                self._which.control.options = options
                self._which.control.value = chosen


class _IdInput(ipywidgets.Text):  # type: ignore[misc]
    """A field for an id, into which people paste a Config with keys as well: it is not echoed."""

    value = Unicode("").tag(sync=True, echo_update=False)


def _choices(names: list[str]) -> tuple[tuple[str, str], ...]:
    return (("one saved in Portkey", ""), *((name, name) for name in names))


def _saved_id(text: str, names: Mapping[str, Any]) -> str:
    if not text:
        raise ConfigError("no config is named; give the id of one saved in Portkey, such as pc-...")
    if text.startswith("{"):
        raise ConfigError("this is JSON and no saved config's id; choose JSON above and paste it there")
    if text.startswith(("sk-", "pk-")):
        raise ConfigError("this looks like a key and not like a saved config's id, which begins with pc-")
    if not _ID.fullmatch(text):
        raise ConfigError(f"{_short(text)} is no saved config's id; ids have no spaces and look like pc-...")
    if close := difflib.get_close_matches(text, names, 1, cutoff=0.8):
        raise ConfigError(f"{_short(text)} is no saved config's id; choose {close[0]} of this notebook above")
    return text


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 40 else text[:37] + "...")

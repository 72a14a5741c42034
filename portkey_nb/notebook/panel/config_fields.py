"""The form of a Config: a strategy, its targets as rows, and what holds for all of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets

from portkey_nb.gateway.providers import PROVIDERS
from portkey_nb.gateway.secrecy import HIDDEN
from portkey_nb.notebook.panel.config_form import Form, Row, further, further_of
from portkey_nb.notebook.panel.inputs import Field, KeyInput, Line, Quiet

_STRATEGIES = {"single": "One provider", "fallback": "Fallback", "loadbalance": "Load balance"}
_CACHES = {"": "none", "simple": "simple", "semantic": "semantic"}
_PROVIDERS = tuple(sorted(PROVIDERS))

LABELS = {
    "codes": "Fall back on status codes",
    "attempts": "Retries",
    "retry_codes": "Retry on status codes",
    "cache": "Cache",
    "max_age": "Cache for (seconds)",
    "timeout": "Timeout (seconds)",
    "provider": "Provider",
    "model": "Model",
    "weight": "Weight",
    "key": "Key",
}
"""What the fields are called."""

_HINTS = {
    "codes": "any but 2xx",
    "attempts": "none; 0 to 5",
    "retry_codes": "429 and 5xx",
    "max_age": "as the gateway has it",
    "timeout": "none",
    "provider": "openai, or @slug",
    "model": "the request's",
    "weight": "1",
    "key": "none",
}


class RowFields:
    """The fields of one target."""

    def __init__(self, number: int, heard: Callable[[], None], act: Callable[[str, int], None]) -> None:
        self._base: Mapping[str, Any] = {}
        self._given = False
        self._of = f'<span class="pk-config-unseen"> of target {number}</span>'
        provider = ipywidgets.Combobox(options=_PROVIDERS, **self._words("provider"))
        self.fields = {
            "provider": Field(provider, heard),
            "model": Field(ipywidgets.Text(**self._words("model")), heard),
            "weight": Field(ipywidgets.Text(**self._words("weight")), heard),
            # Sent when it is entered: a placeholder that came back while somebody types would swallow letters unseen.
            "key": Field(KeyInput(continuous_update=False, **self._words("key")), heard),
        }
        self._further = Line()
        self.buttons = {
            "up": ipywidgets.Button(icon="arrow-up", tooltip=f"Move target {number} up"),
            "down": ipywidgets.Button(icon="arrow-down", tooltip=f"Move target {number} down"),
            "remove": ipywidgets.Button(icon="trash", tooltip=f"Remove target {number}"),
        }
        for what, button in self.buttons.items():
            button.add_class("pk-config-tool")
            button.on_click(lambda _button, what=what: act(what, number - 1))
        title = ipywidgets.HTML(f"<b>Target {number}</b>")
        title.add_class("pk-config-title")
        self._head = ipywidgets.HBox([title, *self.buttons.values()])
        self._head.add_class("pk-config-head")
        grid = ipywidgets.Box([field.widget for field in self.fields.values()])
        grid.add_class("pk-config-grid")
        self.widget = ipywidgets.VBox([self._head, grid, self._further.widget])
        self.widget.add_class("pk-config-row")

    def _words(self, name: str) -> dict[str, Any]:
        label = f"{LABELS[name]}{self._of}"
        return {"description": label, "description_allow_html": True, "placeholder": _HINTS[name]}

    @property
    def row(self) -> Row:
        """What the fields say."""
        texts = {name: str(field.value) for name, field in self.fields.items()}
        return Row(**texts, base=self._base, given=self._given)

    def show(self, row: Row) -> None:
        """Show a target, or an empty row where there is none."""
        self._base, self._given = row.base, row.given
        for name, field in self.fields.items():
            field.set(getattr(row, name))
        self._further.say(_kept(further_of(row)))

    def fit(self, number: int, form: Form) -> None:
        """Show what has a meaning under the form's strategy."""
        many = form.mode != "single" or len(form.rows) > 1
        _seen(self.widget, number < len(form.rows))
        _seen(self._head, many)
        _seen(self.fields["weight"].widget, form.mode == "loadbalance")
        self.buttons["up"].disabled = number == 0
        self.buttons["down"].disabled = number >= len(form.rows) - 1

    def say(self, troubles: Mapping[str, str]) -> None:
        """Say at each field what is wrong with it."""
        for name, field in self.fields.items():
            said = troubles.get(name, "")
            field.line.say(said or _HINTED.get(name, _silent)(str(field.value).strip()), wrong=bool(said))


class FormFields:
    """The fields of a Config.

    Parameters
    ----------
    heard : callable
        Called after a person has changed a field.
    removed : callable
        Called after a person has removed a row, besides ``heard``.
    before : callable
        Called before rows change their places.
    """

    def __init__(self, heard: Callable[[], None], *, before: Callable[[], None], removed: Callable[[], None]) -> None:
        self._quiet = Quiet()
        self._heard, self._before, self._removed = heard, before, removed
        heard = self._on_field
        self._base: Form = Form()
        self._many = 1
        self._strategy = Field(
            ipywidgets.Dropdown(description="Strategy", options=[(label, mode) for mode, label in _STRATEGIES.items()]),
            heard,
        )
        self._cache = Field(ipywidgets.Dropdown(description=LABELS["cache"], options=_options("")), heard)
        self.fields = {
            name: Field(ipywidgets.Text(description=LABELS[name], placeholder=_HINTS[name]), heard)
            for name in ("codes", "timeout", "attempts", "retry_codes", "max_age")
        } | {"cache": self._cache}
        self._rows: list[RowFields] = []
        self._list = ipywidgets.VBox()
        self._list.add_class("pk-config-rows")
        self._add = ipywidgets.Button(description="Add a target", icon="plus")
        self._add.on_click(lambda _button: self._act("add", self._many))
        self._further, self._wrong = Line(), Line()
        grid = ipywidgets.Box(
            [self.fields[name].widget for name in ("timeout", "attempts", "retry_codes", "cache", "max_age")]
        )
        grid.add_class("pk-config-grid")
        self.widget = ipywidgets.VBox(
            [
                self._strategy.widget,
                self.fields["codes"].widget,
                self._list,
                self._add,
                grid,
                self._further.widget,
                self._wrong.widget,
            ]
        )
        self.widget.add_class("pk-config-form")
        self.show(Form())

    @property
    def form(self) -> Form:
        """What the fields say."""
        texts: dict[str, Any] = {name: str(field.value) for name, field in self.fields.items()}
        rows = tuple(face.row for face in self._rows[: self._many])
        return replace(self._base, mode=str(self._strategy.value), rows=rows, **texts)

    def show(self, form: Form) -> None:
        """Show another Config."""
        self._base = form
        self._strategy.set(form.mode)
        if form.cache not in dict(_options("")).values():
            with self._quiet():  # new options choose the first of them
                self._cache.control.options = _options(form.cache)
        for name, field in self.fields.items():
            field.set(getattr(form, name))
        self._show_rows(form.rows)
        self._further.say(_kept(further(form)))

    def _show_rows(self, rows: tuple[Row, ...]) -> None:
        # One row more than are seen: what is in the page already can take the focus when it is added.
        self._many = len(rows)
        new = range(len(self._rows), self._many + 1)
        self._rows += [RowFields(number + 1, self._on_field, self._act) for number in new]
        if new:
            self._list.children = [face.widget for face in self._rows]
        for number, face in enumerate(self._rows):
            face.show(rows[number] if number < self._many else Row())
        self.fit()

    def fit(self) -> None:
        """Show what has a meaning under the strategy that is chosen."""
        form = self.form
        for number, face in enumerate(self._rows):
            face.fit(number, form)
        _seen(self.fields["codes"].widget, form.mode == "fallback" or bool(form.codes))
        _seen(self.fields["max_age"].widget, bool(form.cache or form.max_age))
        _seen(self._add, form.mode != "single")

    def say(self, troubles: Mapping[str, str], wrong: str) -> None:
        """Say at each field what is wrong with it, and under all of them what is wrong besides."""
        for name, field in self.fields.items():
            field.line.say(troubles.get(name, ""), wrong=name in troubles)
        for number, face in enumerate(self._rows):
            start = f"rows.{number}."
            face.say({name.removeprefix(start): said for name, said in troubles.items() if name.startswith(start)})
        self._wrong.say(wrong, wrong=True)

    def put_keys(self, put: Callable[[str], str]) -> None:
        """Change the texts of all fields for keys, in silence."""
        for face in self._rows:
            face.fields["key"].set(put(str(face.fields["key"].value)))

    def _on_field(self) -> None:
        if not self._quiet.on:
            self._heard()

    def _act(self, what: str, number: int) -> None:
        """Add, move or remove a row: the texts move from row to row, and the rows stay where they are in the page."""
        self._before()
        rows = list(self.form.rows)
        if what == "add":
            rows.append(Row())
        elif what == "remove":
            del rows[number]
        else:
            there = number + (1 if what == "down" else -1)
            if not (0 <= number < len(rows) and 0 <= there < len(rows)):
                return
            rows[number], rows[there] = rows[there], rows[number]
        self._show_rows(tuple(rows))
        if what == "remove":
            self._removed()
        self._heard()
        self._focus(what, number)

    def _focus(self, what: str, number: int) -> None:
        if what == "add":
            self._rows[number].fields["provider"].control.focus()
            return
        place = min(number, self._many - 1) if what == "remove" else number + (1 if what == "down" else -1)
        if place < 0:
            self._add.focus()
            return
        buttons = self._rows[place].buttons
        other = {"up": "down", "down": "up"}.get(what, what)
        buttons[other if buttons[what].disabled else what].focus()


def _options(chosen: str) -> list[tuple[str, str]]:
    """Return what the cache may be, and what a Config says of it otherwise."""
    known = {**_CACHES, **({} if chosen in _CACHES else {chosen: chosen})}
    return [(label, mode) for mode, label in known.items()]


def _seen(widget: Any, seen: bool) -> None:
    """Show or hide a widget."""
    widget.layout.display = None if seen else "none"


def _kept(paths: list[str]) -> str:
    if not paths:
        return ""
    what = "1 further key is kept" if len(paths) == 1 else f"{len(paths)} further keys are kept"
    names = ", ".join(path if len(path) <= 40 else path[:37] + "..." for path in paths[:4])
    return f"{what}; edit {'it' if len(paths) == 1 else 'them'} as JSON: {names}{', ...' if len(paths) > 4 else ''}"


def _guessed(provider: str) -> str:
    """Return what is to be said of a provider that the gateway may not know."""
    if not provider or provider.startswith("@") or provider in PROVIDERS:
        return ""
    close = difflib.get_close_matches(provider, _PROVIDERS, 1)
    hint = f"did you mean {close[0]}?" if close else "a newer gateway may"
    return f"the open-source gateway knows no provider of that name; {hint}"


def _kept_key(text: str) -> str:
    """Return what is to be said of a key that has a placeholder in its field."""
    return f"kept in this kernel only, as {text}" if text.startswith(HIDDEN) else ""


def _silent(_text: str) -> str:
    return ""


_HINTED: Mapping[str, Callable[[str], str]] = {"provider": _guessed, "key": _kept_key}

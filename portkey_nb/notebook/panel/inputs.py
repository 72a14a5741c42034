"""What the panel's fields are made of: a control with one line under it, and a group that folds."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets
from traitlets import Unicode

from portkey_nb.notebook.assets import style
from portkey_nb.views.safety import escape_prose

_LONGEST_SUMMARY = 80
_QUOTED = re.compile(r"`([^`\n]+)`")


class Quiet:
    """Tells what Python sets from what a person does, in each thread for itself."""

    def __init__(self) -> None:
        self._known = threading.local()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Be quiet for a while."""
        before, self._known.on = self.on, True
        try:
            yield
        finally:
            self._known.on = before

    @property
    def on(self) -> bool:
        """Whether this thread sets something right now."""
        return getattr(self._known, "on", False)


class Line:
    """One line of text under a field, empty for the most part."""

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML()
        self.widget.add_class("pk-line")
        self._said = ("", False)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show a text; where something is wrong, screen readers are told at once."""
        if (text, wrong) == self._said:
            return
        self._said = text, wrong
        role = ' role="alert" class="pk-wrong"' if wrong else ' class="pk-muted"'
        words = _QUOTED.sub(r"<code>\1</code>", escape_prose(text))
        self.widget.value = f"<div{role}>{words}</div>" if text else ""


class Field:
    """A labelled control and the line under it.

    Parameters
    ----------
    control : ipywidgets.Widget
        With ``value`` and ``description``, which is its label.
    heard : callable
        Called after a person has changed the value, in whatever thread that came; not for :meth:`set`.
    """

    def __init__(self, control: Any, heard: Callable[[], None]) -> None:
        self.control, self.line = control, Line()
        self._heard, self._quiet = heard, Quiet()
        self.widget = ipywidgets.VBox([control, self.line.widget])
        self.widget.add_class("pk-field")
        control.observe(self._on_value, "value")

    @property
    def value(self) -> Any:
        """What the control holds."""
        return self.control.value

    def set(self, value: Any) -> None:
        """Change what the control holds without calling ``heard``."""
        if value != self.control.value:
            with self._quiet():
                self.control.value = value

    def _on_value(self, _change: Any) -> None:
        if not self._quiet.on:
            self._heard()


class KeyInput(ipywidgets.Password):  # type: ignore[misc]
    """A password field whose value goes from the page to the kernel and nowhere else.

    ipywidgets echoes what comes from one page to all of them, in the clear; not so this one.
    """

    value = Unicode("").tag(sync=True, echo_update=False)


class AddressInput(ipywidgets.Combobox):  # type: ignore[misc]
    """A field for a URL, which people paste together with the login in it: it is not echoed either."""

    value = Unicode("").tag(sync=True, echo_update=False)


class MappingInput(ipywidgets.Textarea):  # type: ignore[misc]
    """A field for a mapping, in which a key may stand: it is not echoed either."""

    value = Unicode("").tag(sync=True, echo_update=False)


class Fold:
    """A group under a button that shows and hides it.

    ipywidgets' Accordion opens by the mouse alone: its headings take no focus. Here a real button does, and the page's
    style (``fields.css``) shows what belongs to a pressed one, without waiting for the kernel.
    """

    def __init__(self, title: str, children: Sequence[Any]) -> None:
        self._title = title
        self._head = ipywidgets.ToggleButton(description=title, tooltip=f"Show or hide: {title}")
        self._head.add_class("pk-fold-head")
        body = ipywidgets.VBox(list(children))
        body.add_class("pk-fold-body")
        self.widget = ipywidgets.VBox([self._head, body])
        self.widget.add_class("pk-fold")

    def say(self, summary: str) -> None:
        """Show in the heading what is set in the group, for when it is folded."""
        summary = summary.replace("`", "")
        short = summary if len(summary) <= _LONGEST_SUMMARY else summary[: _LONGEST_SUMMARY - 1] + "…"
        said = f"{self._title} · {short}" if short else self._title
        if said != self._head.description:
            self._head.description = said


def style_sheet() -> Any:
    """Return a widget without size that brings the style of the fields to the page."""
    sheet = ipywidgets.HTML(f"<style>{style('panel/fields.css')}</style>")
    sheet.add_class("pk-sheet")
    return sheet


def close_all(widget: Any) -> None:
    """Close a widget and all that it holds, with their layouts and styles."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in ("layout", "style"):
        held = getattr(widget, part, None)
        if isinstance(held, ipywidgets.Widget):
            held.close()
    widget.close()

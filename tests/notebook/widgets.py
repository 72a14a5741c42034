"""A page without a browser: the widgets of one root, found by their labels, used as JupyterLab would use them."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import comm
import ipywidgets
import pytest
from comm.base_comm import BaseComm

WAIT_S = 30.0


class Wire:
    """All that the kernel has sent to pages."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        wire = self

        class _Recorded(BaseComm):  # type: ignore[misc]
            def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, **rest: Any) -> None:
                wire.sent.append(json.dumps([msg_type, data], default=str))

        monkeypatch.setattr(comm, "create_comm", _Recorded)


class Page:
    """What a person sees of a widget and does to it."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def walk(self, *, hidden: bool = False) -> Iterator[Any]:
        waiting = [self.root]
        while waiting:
            widget = waiting.pop(0)
            if hidden or widget.layout is None or widget.layout.display != "none":
                yield widget
                waiting[:0] = getattr(widget, "children", ())

    def controls(self, label: str) -> list[Any]:
        return [widget for widget in self.walk() if _label(widget) == label and not isinstance(widget, ipywidgets.HTML)]

    def control(self, label: str) -> Any:
        found = self.controls(label)
        assert len(found) == 1, f"{len(found)} controls {label!r}"
        return found[0]

    def labels(self) -> list[str]:
        return [
            _label(widget)
            for widget in self.walk()
            if isinstance(widget, ipywidgets.widget_description.DescriptionWidget)
            and not isinstance(widget, ipywidgets.HTML)
        ]

    def type(self, label: str, text: str) -> None:
        """Set a text, as a page does after a key press."""
        self.control(label).set_state({"value": text})

    def choose(self, label: str, option: str) -> None:
        control = self.control(label)
        control.set_state({"index": list(control._options_labels).index(option)})

    def press(self, label: str) -> None:
        button = self.control(label)
        assert not button.disabled
        button._handle_button_msg(button, {"event": "click"}, [])

    def said(self) -> str:
        """The text of everything that is shown as HTML."""
        texts = [widget.value for widget in self.walk() if isinstance(widget, ipywidgets.HTML)]
        return re.sub(
            r"\s+", " ", html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", " ".join(texts), flags=re.DOTALL))
        )

    def states(self) -> str:
        """The state of every widget, hidden ones too, as it is sent to a page that joins and saved in a notebook."""
        return json.dumps([widget.get_state() for widget in self.walk(hidden=True)], default=str)

    def until(self, control: Any, fits: Callable[[Any], bool]) -> None:
        """Wait until a control's value fits."""
        there = threading.Event()

        def look(_change: Any = None) -> None:
            if fits(control.value):
                there.set()

        control.observe(look, "value")
        look()
        assert there.wait(WAIT_S), "the value has not come"
        control.unobserve(look, "value")


def _label(widget: Any) -> str:
    if isinstance(widget, ipywidgets.Button):
        return str(widget.description or widget.tooltip)
    return re.sub(r"<[^>]*>", "", str(getattr(widget, "description", "")))

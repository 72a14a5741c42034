"""A chat panel in this process with a page that follows it by the rules of the wire, and that can be waited for."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import anywidget

from portkey_nb import ChatPanel
from tests.notebook.test_panel_stage import Page, Wire
from tests.safe_html import Page as Html
from tests.servers import ScriptedServer, Step, whole

WAIT_S = 20.0
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


class Gateway(ScriptedServer):
    """A scripted server that also lists models, for the panel asks for them when it is shown."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        listed = {"object": "list", "data": [{"id": "listed-model", "object": "model"}]}
        super().__init__(*scripts, aside={"/v1/models": whole(listed)})


def canvas(panel: ChatPanel) -> Any:
    """Return the widget that shows the conversation."""
    waiting = [panel.widget]
    while waiting:
        widget = waiting.pop()
        if isinstance(widget, anywidget.AnyWidget):
            return widget
        waiting += getattr(widget, "children", ())
    raise LookupError("the panel has no transcript")


class Viewer(Page):
    """A page of a panel."""

    def __init__(self, panel: ChatPanel, view: str = "v") -> None:
        self.panel = panel
        self._moved = threading.Condition()
        super().__init__(canvas(panel).comm, view)
        self.until(lambda: self.number is not None, "a first picture")

    def take(self, message: dict[str, Any]) -> None:
        with self._moved:
            super().take(message)
            self._moved.notify_all()

    def until(self, wanted: Callable[[], Any], what: str = "it") -> Any:
        """Wait until something is so, and return it; a server's requests, of which no page tells, are seen as well."""
        end = time.monotonic() + WAIT_S
        with self._moved:
            while not (found := self._moved.wait_for(wanted, 0.1)) and time.monotonic() < end:
                pass
            assert found, f"waited {WAIT_S:.0f} s for {what}: {json.dumps([self.shown(), self.bar])[:3000]}"
            return found

    def do(self, do: str, buffers: Sequence[bytes] = (), **given: Any) -> None:
        """Send what a page sends."""
        self.wire.say({"do": do, **given}, buffers)

    def send(self, text: str) -> None:
        """Type a text and press Send."""
        self.do("send", text=text, view=self.view)

    def settled(self, count: int | None = None) -> None:
        """Wait until nothing is under way, and so many entries are there."""
        self.until(
            lambda: not self.bar["busy"] and (count is None or len(self.order) == count), f"{count} entries at rest"
        )

    def say_and_settle(self, text: str) -> None:
        """Send a text, and wait for the answer's end."""
        before = len(self.order)
        self.send(text)
        self.settled(before + 2)

    def entry(self, place: int) -> dict[str, Any]:
        """Return an entry by its place."""
        return self.entries[self.order[place]]

    def column(self, place: int, which: int = 0) -> dict[str, Any]:
        """Return one of the answers of an entry."""
        found: dict[str, Any] = self.entry(place)["columns"][which]
        return found

    def shown(self) -> list[Any]:
        """Return what is read: a text for each message, a list of texts where answers stand side by side."""
        found: list[Any] = []
        for name in self.order:
            entry = self.entries[name]
            if entry["columns"]:
                texts = [self.words(name, column["id"]) for column in entry["columns"]]
                found.append(texts if len(texts) > 1 else texts[0])
            else:
                found.append("".join(Html(entry["html"]).words.split()))
        return found

    def notice(self) -> str:
        """Return what was told last."""
        return str(self.bar.get("notice", {}).get("text", ""))

    def hears(self, what: str) -> Any:
        """Wait for a message to this page, and return it."""
        return self.until(lambda: next((one[what] for one in self.heard if what in one), None), what)


@contextlib.contextmanager
def opened(*given: Any, **options: Any) -> Iterator[tuple[ChatPanel, Viewer]]:
    """Open a panel and a page of it; ``demo-fast`` on the demo gateway where nothing else is said."""
    options.setdefault("base_url", "demo")
    panel = ChatPanel(*(given or ("demo-fast",)), **options)
    try:
        yield panel, Viewer(panel)
    finally:
        panel.close()


@contextlib.contextmanager
def talking(*scripts: Sequence[Step], model: Any = "m", **options: Any) -> Iterator[tuple[Gateway, ChatPanel, Viewer]]:
    """Open a panel that talks to a server which plays scripts."""
    with Gateway(*scripts) as server, opened(model, base_url=server.url, **options) as (panel, page):
        yield server, panel, page


__all__ = ["PNG", "WAIT_S", "Gateway", "Viewer", "Wire", "canvas", "opened", "talking"]

"""The widget of a chat panel as pages see it: what differs from what they have is sent, and what they say is heard.

Every message that changes what pages have has a number ``s`` one above the one before. A page that joins, or misses a
number, says hello; it alone is then given everything as of the last number (``"all"``), with ``s`` that number. Where
nothing has been shown yet, its answer waits for that.

- An entry in ``"all"`` is whole: of a reply that grows, ``"log"`` holds the changes so far, see
  `portkey_nb.notebook.growth.Growth`, and the changes that follow come under ``"grow"``.
- An entry in ``"put"`` is new and whole, or holds the keys that have changed of the one of its id. Where its columns
  have changed, all of them come, but not the text that pages have: a column has ``"grown": true`` in place of ``html``
  where its text is what the page shows, or goes on growing there. A column that begins to grow has ``"log"``.
- ``"grow"`` never names a column that the same message puts.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from portkey_nb.engine.loop import background_loop, submit
from portkey_nb.engine.plain import mend
from portkey_nb.notebook.assets import script, style
from portkey_nb.notebook.growth import Growth, LiveColumn

_PARTS = (
    "elements",
    "wire",
    "commands",
    "notices",
    "images",
    "editor",
    "answers",
    "entries",
    "transcript",
    "composer",
    "code",
    "twin",
)
SCRIPTS = ("column.js", "kernel.js", "typeset.js", *(f"panel/{part}.js" for part in _PARTS), "panel/panel.js")
STYLES = ("panel/panel.css",)  # the fields bring theirs themselves

_log = logging.getLogger(__name__)

Entry = Mapping[str, Any]
Message = dict[str, Any]


class Stage:
    """What a panel shows, on every page that shows it.

    Everything is sent by the background loop, in one order, and may be asked for in any thread. What is sent is worked
    out in a thread beside it, for the rendering of a long reply takes its time.

    Parameters
    ----------
    act : callable
        Called with a message of a page, a mapping, and its binary buffers. It is called in the main thread or in one
        of the kernel's for widgets, and must return soon; what it raises is only logged, for
        debugging.
    interval : float
        Least time between two paintings, in seconds.

    Examples
    --------
    >>> stage = Stage(lambda message, buffers: None)
    >>> stage.show([{"id": "a", "role": "user", "html": "<p>Hi</p>", "columns": []}], {"title": "draft"})
    >>> stage.close()
    """

    def __init__(self, act: Callable[[Mapping[str, Any], Sequence[memoryview]], None], interval: float = 0.08) -> None:
        self._act = act
        self._interval = interval
        self._pages = _Pages()
        self._one = asyncio.Lock()  # paints: one at a time has the pages
        self._lock = threading.Lock()  # of what other threads say; the rest is the loop's
        self._widget: Any = None
        self._scene: tuple[Sequence[Entry], Mapping[str, Any]] | None = None
        self._joining: dict[str, None] = {}
        self._due = self._closed = False
        self._watched = self._unsent = False
        self._painted = float("-inf")

    @property
    def widget(self) -> Any:
        """The anywidget, made on first use."""
        with self._lock:
            if self._widget is None:
                self._widget = _widget_class()()
                self._widget.on_msg(self._hear)
            return self._widget

    def show(self, entries: Sequence[Entry], bar: Mapping[str, Any]) -> None:
        """Show the whole scene as it is now; what differs from before is sent within ``interval``.

        Parameters
        ----------
        entries : sequence of mapping
            In order, each of an ``id`` of its own; not to be changed afterwards. A column may hold ``"live"``, a
            `LiveColumn`: its growth is sent, and once it has ended and comes without ``"live"``, its ``"html"`` goes
            only to pages that have not seen it grow.
        bar : mapping
            Only the keys whose values have changed are sent.
        """
        with self._lock:
            self._scene = (entries, bar)
        self.touch()

    def touch(self) -> None:
        """Note that a reply of the scene has grown."""
        with self._lock:
            if self._due or self._closed:
                return
            self._due = True
        submit(self._paint_when_due())

    def tell(self, view: str | None, message: Mapping[str, Any]) -> None:
        """Send a message at once, to one view or to all."""
        background_loop().call_soon_threadsafe(self._send, _mended({**message, "to": view}))

    def flush(self) -> None:
        """Send what has not been sent, and return when that is done; on the background loop itself, return at once."""
        painted = submit(self._paint())
        if not _on_the_loop():
            painted.result()

    def close(self) -> None:
        """Take the widget off all pages; what is shown from here on goes nowhere."""
        with self._lock:
            self._closed, widget = True, self._widget
        if widget is not None:
            widget.close()

    async def _paint_when_due(self) -> None:
        await asyncio.sleep(max(0.0, self._painted + self._interval - time.monotonic()))
        await self._paint()

    async def _paint(self) -> None:
        async with self._one:
            with self._lock:
                self._due = False  # what is shown from here on is painted next time
                scene = self._scene
            if scene is None:
                return
            joining, self._joining = self._joining, {}
            changes, whole = await asyncio.to_thread(self._work_out, scene, bool(joining))
            self._painted = time.monotonic()
            # Pages that miss a number ask for everything; where nothing more is to be said, a bare one tells them.
            if self._unsent and self._watched and not changes:
                changes = [self._pages.bare()]
            for message in changes if self._watched else ():
                self._unsent = not self._send(message)
            for view in joining:
                self._watched = True
                self._send({**whole, "to": view})

    def _work_out(
        self, scene: tuple[Sequence[Entry], Mapping[str, Any]], joining: bool
    ) -> tuple[list[Message], Message]:
        changes = [_mended(message) for message in self._pages.changes(*scene)]
        return changes, _mended(self._pages.whole()) if joining else {}

    def _send(self, message: Message) -> bool:
        with self._lock:
            widget = None if self._closed else self._widget
        if widget is None:
            return True
        try:
            # In a context of its own it belongs to the cell that runs now, and not to whatever was the first to ask for
            # this painting: who runs a notebook hears only what belongs to the cell that he waits for.
            Context().run(widget.send, message)
        except Exception:  # noqa: BLE001 (a kernel that ends closes its sockets in an order of its own)
            _log.debug("not sent to the panel", exc_info=True)
            return False
        return True

    def _hear(self, _: Any, message: Any, buffers: Any = None) -> None:
        if not isinstance(message, Mapping) or self._closed:
            return
        if message.get("do") == "hello":
            if isinstance(view := message.get("view"), str):
                submit(self._welcome(view))
            return
        try:
            self._act(message, [memoryview(one) for one in buffers or ()])
        except Exception:  # noqa: BLE001 (one message must not cost those after it)
            _log.debug("a message of the panel's page failed", exc_info=True)

    async def _welcome(self, view: str) -> None:
        self._joining[view] = None
        await self._paint()


@dataclass
class _Reply:
    """A reply that grows on pages."""

    live: LiveColumn
    growth: Growth
    sent: float


class _Pages:
    """What all pages have that have said hello: pure, used by one thread."""

    def __init__(self) -> None:
        self._number = 0
        self._entries: dict[str, Message] = {}
        self._order: list[str] = []
        self._bar: Message = {}
        self._replies: dict[tuple[str, str], _Reply] = {}
        # A reply may be taken away while it grows, and come back.
        self._growths: WeakKeyDictionary[LiveColumn, Growth] = WeakKeyDictionary()

    def whole(self) -> Message:
        """Return everything that pages have."""
        entries = [self._entries[name] for name in self._order]
        shown = [{**entry, "columns": [self._column(entry["id"], one) for one in _columns(entry)]} for entry in entries]
        return {"s": self._number, "all": {"entries": shown, "bar": dict(self._bar)}}

    def _column(self, entry: str, column: Message) -> Message:
        reply = self._replies.get((entry, column["id"]))
        if reply is None:
            return column
        return {**column, "log": reply.growth.log, "waited": round(time.monotonic() - reply.sent, 1)}

    def changes(self, entries: Sequence[Entry], bar: Mapping[str, Any]) -> Iterator[Message]:
        """Yield the messages after which pages have this, in their order."""
        grow = list(self._grow(entries))
        change: Message = {}
        order = [entry["id"] for entry in entries]
        if order != self._order:
            change["order"] = order
        if put := list(self._put(entries)):
            change["put"] = put
        self._order = order
        self._entries = {name: self._entries[name] for name in order}
        if news := {key: bar.get(key) for key in {**self._bar, **bar} if self._bar.get(key) != bar.get(key)}:
            change["bar"] = news
            self._bar = dict(bar)
        # What is put may have taken the place of what grows: that has its end before.
        if grow and put:
            yield self._numbered({"grow": grow})
        elif grow:
            change["grow"] = grow
        if change:
            yield self._numbered(change)

    def bare(self) -> Message:
        """Return a message that says nothing but its number."""
        return self._numbered({})

    def _numbered(self, change: Message) -> Message:
        self._number += 1
        return {"s": self._number, **change}

    def _grow(self, entries: Sequence[Entry]) -> Iterator[list[Any]]:
        """Yield what has come of the replies that pages know; those whose columns are not live any more end."""
        live = {(entry["id"], one["id"]): one.get("live") for entry in entries for one in _columns(entry)}
        for (entry, column), reply in self._replies.items():
            if (entry, column) not in live:
                continue
            if live[entry, column] is not reply.live and not reply.live.ended:
                reply.live.end()
            if change := reply.growth.change(reply.live):
                yield [entry, column, change]

    def _put(self, entries: Sequence[Entry]) -> Iterator[Message]:
        """Yield the entries that differ from what pages have, without what of them pages have."""
        replies: dict[tuple[str, str], _Reply] = {}
        for entry in entries:
            before = self._entries.get(entry["id"], {})
            known = {column["id"]: column for column in _columns(before)}
            whole: list[Message] = []
            brief: list[Message] = []
            for column in _columns(entry):
                key = (entry["id"], column["id"])
                whole.append({name: value for name, value in column.items() if name not in ("live", "waited")})
                brief.append(self._brief(key, column, known.get(column["id"]), replies))
            now = {**entry, "columns": whole}
            anew = any("log" in column for column in brief)
            self._entries[entry["id"]] = now
            if now == before and not anew:
                continue
            news = {key: now.get(key) for key in {**before, **now} if key not in before or before[key] != now.get(key)}
            if "columns" in news or anew:
                news["columns"] = brief
            yield {"id": entry["id"], **news}
        self._replies = replies

    def _brief(
        self, key: tuple[str, str], column: Entry, before: Message | None, replies: dict[tuple[str, str], _Reply]
    ) -> Message:
        """Return a column without the HTML that pages have; a live one is noted among the replies that grow."""
        brief = {name: value for name, value in column.items() if name != "live"}
        live, reply = column.get("live"), self._replies.get(key)
        if live is not None:
            if reply is None or reply.live is not live:
                growth = self._growths.setdefault(live, Growth(errors=False))
                growth.change(live)
                reply = _Reply(live, growth, time.monotonic() - float(column.get("waited") or 0))
                brief["log"] = reply.growth.log
            else:
                brief["grown"] = True
            replies[key] = reply
        elif reply is not None or (before is not None and before.get("html") == column.get("html")):
            brief.pop("html", None)
            brief["grown"] = True
        return brief


def _columns(entry: Entry) -> Sequence[Any]:
    return entry.get("columns") or ()


def _mended(thing: Any) -> Any:
    """Return a message that UTF-8 can carry, whatever a gateway, a person or a page has written into it."""
    if isinstance(thing, str):
        return mend(thing)
    if isinstance(thing, Mapping):
        return {mend(key): _mended(value) for key, value in thing.items()}
    return [_mended(one) for one in thing] if isinstance(thing, list | tuple) else thing


def _on_the_loop() -> bool:
    try:
        return asyncio.get_running_loop() is background_loop()
    except RuntimeError:
        return False


@cache
def _widget_class() -> Any:
    # Loaded late: only a panel that is shown needs ipywidgets.
    import anywidget

    class PanelWidget(anywidget.AnyWidget):
        """Holds nothing of the conversation: what closed widgets hold may stay in a saved notebook."""

        _esm = script(*SCRIPTS)
        _css = style(*STYLES)

    return PanelWidget

"""What becomes of a panel's displays: static outputs beside the widget for when it is gone, and its end with its cell.

The static output is hidden while the widget lives, and shown where a notebook is reopened or exported.
"""

from __future__ import annotations

import asyncio
import operator
import re
import threading
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakMethod, ref

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle

from portkey_nb.notebook.place import place_of

_MOST = 8
"""Displays that are kept up to date: a cell that is run again leaves one behind that nobody sees."""

# The widget's output and its twin stand side by side. The widget's root has the class `pk-panel`, `pk-joined` as well
# once a kernel has told it the conversation, and `pk-away` where there is no kernel that could: widget state that is
# saved with a notebook or an export makes a panel of which only the frame is left. Where the widget is gone, its output
# says "Error displaying widget: model not found", or "Loading widget..." without a kernel (WidgetRenderer.renderModel
# of jupyterlab_widgets). JupyterLab keeps a style where the notebook is trusted, and where it is not it shows no
# widgets, but their text.
_HIDING = (
    ".jp-OutputArea-child:has(.pk-panel.pk-joined)+.jp-OutputArea-child:has(.pk-twin),"
    ".jp-OutputArea-child:has(+.jp-OutputArea-child .pk-twin):not(:has(.pk-panel:not(.pk-away))){display:none}"
)


class Twin:
    """The static form of a panel: one output under each place where the panel was displayed.

    Examples
    --------
    In a cell, right after the widget::

        display(widget)
        twin.show(talk_bundle("draft", conversation, runs))

    and whenever the conversation rests, from any thread, ``twin.update(...)``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handles: list[Any] = []
        self._bundle: Mapping[str, str] = {}
        self._name, self._at = uuid.uuid4().hex, 0

    @property
    def displayed(self) -> bool:
        """Whether it stands anywhere."""
        return bool(self._handles)

    @property
    def place(self) -> dict[str, Any]:
        """Its name, and the number of its newest form: a page that has not that form may ask for it, see twin.js."""
        return {"name": self._name, "at": self._at}

    @property
    def form(self) -> dict[str, Any]:
        """Its name, and its newest form with its number."""
        with self._lock:
            return {**self.place, "data": self._dressed()}

    def show(self, bundle: Mapping[str, str]) -> None:
        """Publish the twin into the outputs of the running cell, right after the widget.

        Parameters
        ----------
        bundle : mapping
            text/html, text/markdown and text/plain.
        """
        handle: Any = DisplayHandle()  # type: ignore[no-untyped-call]
        with self._lock:
            self._bundle = dict(bundle)
            handle.display(self._dressed(), raw=True)
            self._handles = [*self._handles, handle][-_MOST:]

    def update(self, bundle: Mapping[str, str]) -> None:
        """Put a newer form in the place of all that were published; from any thread.

        Nothing is sent where nothing has changed.
        """
        with self._lock:
            if bundle == self._bundle:
                return
            self._bundle, self._at = dict(bundle), self._at + 1
            now = self._dressed()
            for handle in self._handles:
                # In a context of its own it belongs to the cell that runs now, and not to that from which this thread
                # has its work: whoever runs a notebook hears only what belongs to the cell that he waits for.
                Context().run(handle.update, now, raw=True)

    def _dressed(self) -> dict[str, str]:
        return dressed(self._bundle, self._name, self._at)


class TwinWriter:
    """Writes a panel's twin when something has changed since it was written, on the background loop.

    Parameters
    ----------
    twin : Twin
    state : callable
        Returns what decides what is written, as values that are others after every change.
    bundle : callable
        Returns the conversation as a mime bundle; called in a thread.
    wrote : callable
        Called when a newer form is there.
    """

    def __init__(
        self,
        twin: Twin,
        state: Callable[[], Sequence[Any]],
        bundle: Callable[[], Mapping[str, str]],
        wrote: Callable[[], None],
    ) -> None:
        self._twin, self._state, self._bundle, self._wrote = twin, state, bundle, wrote
        self._one = asyncio.Lock()
        self._written: Sequence[Any] = ()

    def renew(self) -> None:
        """Write it next time whether something has changed or not: there is a place that has none yet."""
        self._written = ()

    async def write(self) -> None:
        """Write it as things stand."""
        async with self._one:
            now = self._state()
            same = len(now) == len(self._written) and all(map(operator.is_, now, self._written))
            if same or not self._twin.displayed:
                return
            self._written = now
            self._twin.update(await asyncio.to_thread(self._bundle))
            self._wrote()


def when_cells_end(act: Callable[[], Any]) -> None:
    """Call a method at the end of every cell that nobody watches, as long as its object lives.

    A notebook that is run as a whole, by nbclient, nbconvert or papermill, holds what was published until the last of
    its cells ended. Those that run it cannot be asked for input, and say so with each cell ("allow_stdin" of the
    Jupyter messaging protocol).

    Parameters
    ----------
    act : callable
        A bound method, of which no reference is kept.
    """
    shell: Any = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    if shell is None:
        return
    method = WeakMethod(act)

    def ended(*_: Any) -> None:
        found = method()
        if found is None:
            shell.events.unregister("post_run_cell", ended)
        elif _unwatched(shell):
            found()

    shell.events.register("post_run_cell", ended)


def _unwatched(shell: Any) -> bool:
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}  # only kernels have it
    return parent.get("content", {}).get("allow_stdin") is False


class Closable(Protocol):
    """What a cell displays, and what ends with it."""

    def close(self) -> None:
        """End it."""


@dataclass
class _Cell:
    """What one cell displays since it was last run, and what it displayed before that is not closed yet."""

    run: str
    shown: list[ref[Closable]] = field(default_factory=list)
    left: list[ref[Closable]] = field(default_factory=list)

    def begin(self, run: str) -> None:
        """Note that the cell runs, where it was another run before: a front end clears its outputs then."""
        if run != self.run:
            self.run, self.shown, self.left = run, [], [*self.left, *self.shown]


class Displays:
    """Which cell displays which panels: one that its cell displays no more ends, for nobody sees it.

    It stays where another cell displays it, or a variable of the notebook holds it, by itself or in a list, tuple,
    set or dictionary. A cell is known by its notebook and its id, or by its code where the front end sends no id.
    """

    def __init__(self) -> None:
        self._cells: dict[Hashable, _Cell] = {}
        self._shell: Any = None

    def add(self, panel: Closable) -> None:
        """Note that the cell that runs now displays a panel; what it leaves behind is closed at the cell's end."""
        shell: Any = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
        now = _running(shell)
        if now is None:
            return
        cell, run = now
        found = self._cells.setdefault(cell, _Cell(run))
        found.begin(run)
        found.shown.append(ref(panel))
        if self._shell is not shell:
            self._shell = shell
            shell.events.register("post_run_cell", self._ended)

    def _ended(self, *_: Any) -> None:
        now = _running(self._shell)
        if now is not None and now[0] in self._cells and _has_id(now[0]):
            self._cells[now[0]].begin(now[1])
        seen = [one() for cell in self._cells.values() for one in cell.shown]
        for cell in self._cells.values():
            left, cell.left = cell.left, []
            for one in left:
                panel = one()
                if panel is None or any(panel is other for other in seen):
                    continue
                if _held(self._shell, panel):
                    cell.left.append(one)
                    continue
                with suppress(Exception):  # the cell that has just ended has nothing to do with it
                    panel.close()


DISPLAYS = Displays()
"""Those of this process."""
_LAST_VALUES = re.compile(r"_+\d*")
_MOST_HELD = 10_000
"""Longest list, tuple, set or dictionary that is searched for a panel."""


def _running(shell: Any) -> tuple[tuple[str | None, str | None, str], str] | None:
    """Return the cell that runs now, as notebook, id and code, and what tells this run of it from others."""
    parent = (shell.get_parent() or {}) if hasattr(shell, "get_parent") else {}  # only kernels have it
    header = parent.get("header") or {}
    if header.get("msg_type") != "execute_request":
        return None
    place = place_of(shell)
    code = "" if place.cell_id else str(parent["content"].get("code"))
    return (place.notebook, place.cell_id, code), str(header.get("msg_id"))


def _has_id(cell: tuple[str | None, str | None, str]) -> bool:
    return cell[1] is not None


def _held(shell: Any, panel: object) -> bool:
    """Whether a variable of the notebook holds a panel; IPython's own memory of values does not count."""
    hidden = set(shell.user_ns_hidden)
    for name, value in dict(shell.user_ns).items():
        if name in hidden or _LAST_VALUES.fullmatch(name):
            continue
        held = [*value.values()] if type(value) is dict else value
        several = type(held) in (list, tuple, set, frozenset) and len(held) <= _MOST_HELD
        if value is panel or (several and any(one is panel for one in held)):
            return True
    return False


def dressed(bundle: Mapping[str, str], name: str = "", at: int = 0) -> dict[str, str]:
    """Return a bundle whose HTML has the rule by which either it or the widget's output before it is seen.

    It begins with whose it is and which form: a page finds it by that, see twin.js.
    """
    begin = f'<div class="pk-twin" data-panel="{name}" data-at="{at}">'
    return {**bundle, "text/html": f"{begin}<style>{_HIDING}</style>{bundle['text/html']}</div>"}

"""The static outputs beside a panel's widget: hidden while it lives, shown where a notebook is reopened or exported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any
from weakref import WeakMethod

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle

_MOST = 8
"""Displays that are kept up to date: a cell that is run again leaves one behind that nobody sees."""

# The widget's output and its twin stand side by side. Where the widget lives, its root has the class `pk-panel`. Where
# it is gone, its output says "Error displaying widget: model not found", or "Loading widget..." without a kernel
# (WidgetRenderer.renderModel of jupyterlab_widgets). JupyterLab keeps a style where the notebook is trusted, and where
# it is not it shows no widgets, but their text.
_HIDING = (
    ".jp-OutputArea-child:has(.pk-panel)+.jp-OutputArea-child:has(.pk-twin),"
    ".jp-OutputArea-child:has(+.jp-OutputArea-child .pk-twin):not(:has(.pk-panel)){display:none}"
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
        self._shown: dict[str, str] = {}

    def show(self, bundle: Mapping[str, str]) -> None:
        """Publish the twin into the outputs of the running cell, right after the widget.

        Parameters
        ----------
        bundle : mapping
            text/html, text/markdown and text/plain.
        """
        handle: Any = DisplayHandle()  # type: ignore[no-untyped-call]
        with self._lock:
            self._shown = _dressed(bundle)
            handle.display(self._shown, raw=True)
            self._handles = [*self._handles, handle][-_MOST:]

    def update(self, bundle: Mapping[str, str]) -> None:
        """Put a newer form in the place of all that were published; from any thread.

        Nothing is sent where nothing has changed.
        """
        dressed = _dressed(bundle)
        with self._lock:
            if dressed == self._shown:
                return
            self._shown = dressed
            for handle in self._handles:
                # In a context of its own it belongs to the cell that runs now, and not to that from which this thread
                # has its work: whoever runs a notebook hears only what belongs to the cell that he waits for.
                Context().run(handle.update, dressed, raw=True)


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


def _dressed(bundle: Mapping[str, str]) -> dict[str, str]:
    html = f'<style>{_HIDING}</style><div class="pk-twin">{bundle["text/html"]}</div>'
    return {**bundle, "text/html": html}

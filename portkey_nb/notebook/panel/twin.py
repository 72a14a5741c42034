"""The static outputs beside a panel's widget: hidden while it lives, shown where a notebook is reopened or exported."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

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
                handle.update(dressed, raw=True)


def _dressed(bundle: Mapping[str, str]) -> dict[str, str]:
    html = f'<style>{_HIDING}</style><div class="pk-twin">{bundle["text/html"]}</div>'
    return {**bundle, "text/html": html}

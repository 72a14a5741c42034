"""The static outputs beside a panel's widget: hidden while it lives, shown where a notebook is reopened or exported."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from IPython.display import DisplayHandle

_HIDING = (
    # Side by side in one cell's outputs stand the widget and then its twin.
    ".jp-OutputArea-child:has(.pk-panel)+.jp-OutputArea-child:has(.pk-twin){display:none}"
    ".jp-OutputArea-child:has(+.jp-OutputArea-child .pk-twin):not(:has(.pk-panel)){display:none}"
)


class Twin:
    """The static form of a panel: one output under each place where the panel was displayed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handles: list[Any] = []

    def show(self, bundle: Mapping[str, str]) -> None:
        """Publish the twin into the outputs of the running cell, right after the widget.

        Parameters
        ----------
        bundle : mapping
            text/html, text/markdown and text/plain.
        """
        handle: Any = DisplayHandle()  # type: ignore[no-untyped-call]
        handle.display(_dressed(bundle), raw=True)
        with self._lock:
            self._handles.append(handle)

    def update(self, bundle: Mapping[str, str]) -> None:
        """Put a newer form in the place of all that were published; from any thread."""
        with self._lock:
            handles = list(self._handles)
        for handle in handles:
            handle.update(_dressed(bundle), raw=True)


def _dressed(bundle: Mapping[str, str]) -> dict[str, str]:
    html = f'<style>{_HIDING}</style><div class="pk-twin">{bundle["text/html"]}</div>'
    return {**bundle, "text/html": html}

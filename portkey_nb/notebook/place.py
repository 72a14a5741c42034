"""Where a cell stands: its notebook and its id, as far as the front end tells."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """A cell's place.

    Attributes
    ----------
    notebook : str or None
        The notebook's path, where Jupyter or VS Code names it.
    cell_id : str or None
        The cell's id, where the front end sends it.
    terminal : bool
        Whether there are no cells at all, only lines typed one after another.
    """

    notebook: str | None
    cell_id: str | None
    terminal: bool = False

    @property
    def scope(self) -> str:
        """To whom names of conversations belong: the notebook, or else the working folder."""
        return self.notebook or f"folder:{os.getcwd()}"


def place_of(shell: Any) -> Place:
    """Ask the shell where the running cell stands."""
    notebook = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__")
    cell_id = None
    if hasattr(shell, "get_parent"):
        parent = shell.get_parent() or {}
        cell_id = (parent.get("metadata") or {}).get("cellId")
    terminal = type(shell).__name__ == "TerminalInteractiveShell"
    return Place(str(notebook) if notebook else None, str(cell_id) if cell_id else None, terminal)


def live_mode(shell: Any, wanted: str) -> str:
    """Choose how a running cell is painted: ``widget``, ``html`` or ``text``."""
    if wanted != "auto":
        return wanted
    if not hasattr(shell, "kernel"):
        return "text"
    # Colab shows third-party widgets only after a switch that notebooks rarely turn.
    return "html" if "google.colab" in str(type(shell)) else "widget"

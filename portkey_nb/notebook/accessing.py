"""``df.portkey`` in a notebook: there from the first cell after pandas was imported, without importing it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Any

_ROOM = "portkey_nb.engine.accessor"
_EVENT = "pre_run_cell"


def register(shell: Any) -> None:
    """Give DataFrames their accessor once pandas is in use."""
    unregister(shell)
    if not _ready():
        shell.events.register(_EVENT, _Look(shell))


def unregister(shell: Any) -> None:
    """Look no longer; an accessor that is there stays."""
    if _Look(shell) in shell.events.callbacks[_EVENT]:
        shell.events.unregister(_EVENT, _Look(shell))


@dataclass(frozen=True)
class _Look:
    """Look before each cell whether pandas is in use; one for each shell, equal to itself alone."""

    shell: Any

    def __call__(self, *_: Any) -> None:
        if _ready():
            unregister(self.shell)


def _ready() -> bool:
    """Tell whether pandas is in use, and bring the accessor if it is: a heavy import, and by then a small one."""
    if "pandas" in sys.modules:
        importlib.import_module(_ROOM)
    return _ROOM in sys.modules

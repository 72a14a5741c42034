"""``df.portkey`` in a notebook: there from the first cell after pandas was imported, without importing it."""

from __future__ import annotations

import importlib
import sys
from typing import Any

_ROOM = "portkey_nb.engine.accessor"
_EVENT = "pre_run_cell"


def register(shell: Any) -> None:
    """Give DataFrames their accessor once pandas is in use."""
    if not _ready():
        unregister(shell)
        shell.events.register(_EVENT, _look)


def unregister(shell: Any) -> None:
    """Look no longer; an accessor that is there stays."""
    if _look in shell.events.callbacks[_EVENT]:
        shell.events.unregister(_EVENT, _look)


def _look(*_: Any) -> None:
    from IPython import get_ipython  # there where cells run

    if _ready():
        unregister(get_ipython())


def _ready() -> bool:
    """Tell whether pandas is in use, and bring the accessor if it is: a heavy import, and by then a small one."""
    if "pandas" in sys.modules:
        importlib.import_module(_ROOM)
    return _ROOM in sys.modules

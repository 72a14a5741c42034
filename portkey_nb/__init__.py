"""Portkey's chat completions in Jupyter: a ``%%portkey`` cell, a client, and every run in a DataFrame.

Names are loaded when they are first used, so that ``%load_ext portkey_nb`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from portkey_nb.loading import unbroken, when_loaded

if TYPE_CHECKING:
    from types import ModuleType

    from IPython.core.interactiveshell import InteractiveShell

    from portkey_nb.engine import scoring as scorers
    from portkey_nb.engine.asking import aask, ask
    from portkey_nb.engine.comparing import acompare, compare
    from portkey_nb.engine.comparison import Comparison
    from portkey_nb.engine.reply import Replies, Reply
    from portkey_nb.engine.store import RunStore, runs
    from portkey_nb.engine.variants import Variant
    from portkey_nb.gateway.client import AsyncPortkey, Portkey
    from portkey_nb.gateway.demo.server import DemoGateway
    from portkey_nb.gateway.local import LocalGateway
    from portkey_nb.gateway.record_transport import recording
    from portkey_nb.gateway.replaying import replaying
    from portkey_nb.gateway.routing import Config
    from portkey_nb.notebook.chats import conversation
    from portkey_nb.notebook.panel.chat_panel import ChatPanel

__version__ = "0.1.0"

_HOMES = {
    "AsyncPortkey": "portkey_nb.gateway.client",
    "ChatPanel": "portkey_nb.notebook.panel.chat_panel",
    "Comparison": "portkey_nb.engine.comparison",
    "Config": "portkey_nb.gateway.routing",
    "DemoGateway": "portkey_nb.gateway.demo.server",
    "LocalGateway": "portkey_nb.gateway.local",
    "Portkey": "portkey_nb.gateway.client",
    "Replies": "portkey_nb.engine.reply",
    "Reply": "portkey_nb.engine.reply",
    "RunStore": "portkey_nb.engine.store",
    "Variant": "portkey_nb.engine.variants",
    "aask": "portkey_nb.engine.asking",
    "acompare": "portkey_nb.engine.comparing",
    "ask": "portkey_nb.engine.asking",
    "compare": "portkey_nb.engine.comparing",
    "conversation": "portkey_nb.notebook.chats",
    "recording": "portkey_nb.gateway.record_transport",
    "replaying": "portkey_nb.gateway.replaying",
    "runs": "portkey_nb.engine.store",
}
_ROOMS = {"errors": "portkey_nb.errors", "scorers": "portkey_nb.engine.scoring"}
"""Public names that are whole rooms."""

__all__ = [
    "AsyncPortkey",
    "ChatPanel",
    "Comparison",
    "Config",
    "DemoGateway",
    "LocalGateway",
    "Portkey",
    "Replies",
    "Reply",
    "RunStore",
    "Variant",
    "aask",
    "acompare",
    "ask",
    "compare",
    "conversation",
    "errors",
    "recording",
    "replaying",
    "runs",
    "scorers",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room on first use (PEP 562)."""
    home = _ROOMS.get(name) or _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'portkey_nb' has no attribute {name!r}")
    with unbroken():
        room: Any = importlib.import_module(home)
    value = room if name in _ROOMS else getattr(room, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%%portkey``, ``%portkey`` and ``%%portkey_config``; prints nothing, calls nobody."""
    with unbroken():
        magics = importlib.import_module("portkey_nb.notebook.magics")
    magics.register(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away again."""
    importlib.import_module("portkey_nb.notebook.magics").unregister(shell)


def _give_accessor(pandas: ModuleType) -> None:
    importlib.import_module("portkey_nb.engine.accessor").register(pandas)


# `df.portkey`, whichever of the two is imported first; pandas is not imported for it.
when_loaded("pandas", _give_accessor)

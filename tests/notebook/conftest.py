"""An IPython shell with the extension loaded, painting as text, on the demo gateway."""

from __future__ import annotations

import atexit
import builtins
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from portkey_nb.gateway.demo.server import DemoGateway


@pytest.fixture
def shell(demo: DemoGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("PORTKEY_BASE_URL", demo.base_url)
    # Examples of docstrings leave one behind, and IPython then keeps none of its own.
    monkeypatch.delattr(builtins, "_", raising=False)
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell(config=settings)
    shell.run_line_magic("load_ext", "portkey_nb")
    shell.run_line_magic("config", "PortkeyMagics.live = 'text'")
    yield shell
    shell.run_line_magic("reload_ext", "portkey_nb")
    InteractiveShell.clear_instance()
    # At exit IPython clears each shell that there has been, with a run of the garbage collector for each.
    atexit.unregister(shell.atexit_operations)

"""The examples in docstrings are so."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from typing import Any

import pytest

import portkey_nb

ROOMS = [room.name for room in pkgutil.walk_packages(portkey_nb.__path__, "portkey_nb.")]


@pytest.mark.parametrize("room", ROOMS)
def test_examples(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_DEMO_SPEED", "0")
    module: Any = importlib.import_module(room)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=options).failed == 0

"""Shared fixtures: a throw-away home for every test, and the switch that turns skips into failures."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portkey_nb.gateway.demo.server import DemoGateway

if TYPE_CHECKING:
    from tests.postgres import Server

REQUIRE_ALL = "PORTKEY_NB_TEST_ALL"
"""With this variable set to 1, a test that would skip for want of a browser or Node fails instead."""


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give each test its own home, working folder and run log, and none of the user's variables."""
    home = tmp_path / "home"
    work = tmp_path / "work"
    home.mkdir()
    work.mkdir()
    for name in list(os.environ):
        if name.startswith(("PORTKEY_", "OPENAI_", "JPY_")) and name != REQUIRE_ALL:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name, folder in {
        "XDG_DATA_HOME": "data",
        "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache",
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "jupyter",
        "JUPYTER_DATA_DIR": "jupyter-data",
        "JUPYTER_RUNTIME_DIR": "jupyter-runtime",
    }.items():
        monkeypatch.setenv(name, str(home / folder))
    monkeypatch.setenv("PORTKEY_NB_STORE", str(home / "runs.sqlite"))
    monkeypatch.chdir(work)
    yield home
    close_stores()
    forget_tapes()


def close_stores() -> None:
    """Close the run logs that the process keeps open, of which each test has one of its own."""
    room = sys.modules.get("portkey_nb.engine.store")
    while room is not None and room._open:
        room._open.popitem()[1].close()


def forget_tapes() -> None:
    """End what ``%portkey record`` and ``%portkey replay`` began in this process."""
    room = sys.modules.get("portkey_nb.gateway.taping")
    if room is not None:
        room.follow_settings()


@pytest.fixture(scope="session")
def demo() -> Iterator[DemoGateway]:
    """Run one demo gateway for the whole session."""
    with DemoGateway() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Run one PostgreSQL for the whole session; skips where none is installed."""
    from tests.postgres import running  # its driver is needed by these tests alone

    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a run log that does not exist yet, as its URL: a file, and a database of a server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'log' / 'runs.sqlite'}"
        return
    server: Server = request.getfixturevalue("postgres")
    name = server.fresh()
    yield server.url(name)
    close_stores()
    server.drop(name)


@pytest.fixture
def either_log(place: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a test's own run log be a file, and then a database of a server."""
    monkeypatch.setenv("PORTKEY_NB_STORE", place)
    return place

"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portkey_nb.gateway.node import HOME
from tests.contract.conftest import installed_gateways
from tests.gateway.sides import Asynchronous, Blocking, Side


@pytest.fixture(params=[Blocking, Asynchronous], ids=["sync", "async"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Give the blocking client, then the asynchronous one."""
    with request.param() as made:
        yield made


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the session's folder of installed gateways."""
    return installed_gateways(tmp_path_factory)


@pytest.fixture
def home(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this test use the session's installed gateway."""
    monkeypatch.setenv(HOME, str(installed))
    return installed

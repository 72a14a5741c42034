"""One open-source Portkey gateway for the session, or the reason why there is none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portkey_nb.errors import SettingsError
from portkey_nb.gateway import presence
from portkey_nb.gateway.node import HOME, find_node, install
from tests.conftest import REQUIRE_ALL
from tests.gateway.processes import command, port_of

KEPT = os.environ.get(HOME)
"""A folder named from outside keeps what npm has fetched from one session to the next."""


def installed_gateways(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the session's folder of installed gateways, filled by npm once; skip, or fail, where Node is missing."""
    home = Path(KEPT) if KEPT else tmp_path_factory.getbasetemp() / "gateways"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME, str(home))
        # npm finds the user's registry by the user's own settings, but keeps what it fetches here.
        patch.setenv("npm_config_cache", str(home / "npm-cache"))
        try:
            find_node(npm=True)
        except SettingsError as error:
            reason = error.message
        else:
            install()
            return home
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(reason)
    pytest.skip(f"{reason} ({REQUIRE_ALL}=1 makes this a failure)")


@pytest.fixture(scope="session")
def gateway_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of installed gateways, for PORTKEY_NB_GATEWAY_HOME of a test that starts its own."""
    return installed_gateways(tmp_path_factory)


@dataclass(frozen=True)
class Started:
    """A gateway that ``portkey-nb gateway`` runs."""

    base_url: str


@pytest.fixture(scope="session")
def local_gateway(gateway_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Run ``portkey-nb gateway`` for the session, on a free port."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME, str(gateway_home))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("gateway-data")))
        started = command("--port", "0")
        process = started.__enter__()
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", said)
        if found is None:
            pytest.fail(f"`portkey-nb gateway` said {said!r}")
        # Each test has a data folder of its own, in which the command has left no note.
        presence.started(port_of(found[0]))
        yield Started(found[0])
        presence.stopped(port_of(found[0]))
        process.terminate()
        assert process.wait(20) == 0
    finally:
        started.__exit__(None, None, None)

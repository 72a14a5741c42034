"""A real PostgreSQL for tests: its own data folder and a free port, started once and stopped by its own process id."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import REQUIRE_ALL

USER, PASSWORD = "team", "hunter2@/:#"
"""Who owns the databases; the password has what URLs have to escape."""
URL_PASSWORD = "hunter2%40%2F%3A%23"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}
_IDS = count(1)


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs, the newest that is installed; None where there are none."""
    # Debian keeps them apart from PATH.
    found = [Path(each) for each in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.insert(0, Path(on_path).resolve().parent)
    return next((folder for folder in found if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


def needed() -> Path:
    """Return the folder of the server's programs; skip the test where there are none, or fail where all must run."""
    folder = programs()
    if folder is not None:
        return folder
    reason = "no PostgreSQL server is installed; Debian's package `postgresql` has one"
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(reason)
    pytest.skip(f"{reason} ({REQUIRE_ALL}=1 makes this a failure)")


def _end_with_the_tests() -> None:
    """Let the kernel stop the server when the process that started it is killed (Linux: prctl(PR_SET_PDEATHSIG))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _as_ordinary_user() -> dict[str, Any]:
    """Return how a process is started as somebody whom PostgreSQL accepts: it refuses to run as root."""
    return {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass
class Server:
    """One server, with a role that owns its databases and no rights beyond."""

    folder: Path
    port: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the data folder."""
        if os.geteuid() == 0:
            os.chown(self.folder, 65534, 65534)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        command = [needed() / "initdb", "-D", self.data, "-U", "admin", f"--pwfile={secret}", "--no-sync"]
        more = ["-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "-k"]
        done = subprocess.run([*command, *more], capture_output=True, cwd=self.folder, **_as_ordinary_user())
        assert done.returncode == 0, done.stderr.decode()

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def start(self) -> None:
        """Start, and wait until it answers; the port stays the same over restarts."""
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        settings = {**SETTINGS, **self.settings, "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [needed() / "postgres", "-D", self.data, *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_end_with_the_tests,
                start_new_session=True,  # Ctrl-C in pytest must not reach it before the tests have ended
                **_as_ordinary_user(),
            )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self.admin("SELECT 1")
                return
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT ends all sessions first, SIGQUIT nothing, as a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def freeze(self) -> None:
        """Let every process of the server stand still, as one whose machine hangs."""
        self._to_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._to_all(signal.SIGCONT)

    def _to_all(self, what: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, what)
        for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), what)

    def admin(self, statement: Any, database: str = "postgres") -> list[Any]:
        """Run a statement as the superuser, and return its rows."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="admin", password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def url(self, database: str, *, user: str = USER, password: str = URL_PASSWORD) -> str:
        """Return a database's URL."""
        return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def fresh(self, more: str = "") -> str:
        """Make an empty database that the team's role owns, and return its name."""
        name = f"log_{next(_IDS)}"
        self.admin(f"CREATE DATABASE {name} OWNER {USER} STRATEGY file_copy {more}")
        return name

    def drop(self, name: str) -> None:
        """Delete a database, whoever uses it."""
        self.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def running(**settings: str) -> Iterator[Server]:
    """Run a server of one's own, in a folder that is open to whoever the server runs as."""
    needed()
    with tempfile.TemporaryDirectory(prefix="portkey_nb-postgres-") as name:
        server = Server(Path(name), settings=settings)
        server.create()
        server.start()
        try:
            server.admin(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
            yield server
        finally:
            server.stop()

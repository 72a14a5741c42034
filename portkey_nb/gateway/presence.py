"""Which gateways run on this machine: what answers at a port, and the notes that ``portkey-nb gateway`` leaves."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from portkey_nb.errors import SettingsError
from portkey_nb.settings import data_dir

HOST = "127.0.0.1"
PORT = 8787
"""The gateway's own default port, and the one that ``base_url="local"`` falls back to."""

NOWHERE = 2
"""Where a gateway at any free port is said to be while a replay answers in its place: nobody listens there."""

GREETING = b"AI Gateway says hey!"
"""What ``GET /`` answers (src/index.ts of the gateway)."""

CONNECT_S = 0.5

_own: set[int] = set()
"""Ports of the gateways that this process has started."""


def address(port: int) -> str:
    """Return the base URL of a gateway at a port of this machine."""
    return f"http://{HOST}:{port}/v1"


def running() -> str | None:
    """Return the base URL of the gateway that ``portkey-nb gateway`` started last and that is still alive.

    Returns
    -------
    str or None
        None where none runs. Costs reading a small file, and one connection to loopback.
    """
    return next((address(port) for port in _announced()), None)


def _announced() -> Iterator[int]:
    """Yield the ports of the gateways that were started by command and still live, the last one first."""
    notes = []
    for path in _notes_folder().glob("*.json"):
        # A note is removed at the end of its gateway, and never rewritten: what cannot be read is on its way out.
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(path.read_text(encoding="utf-8"))
            notes.append((float(note["started_at"]), int(note["pid"]), int(note["port"])))
    for _, pid, port in sorted(notes, reverse=True):
        if _is_process(pid) and is_open(port):
            yield port


def is_local(hostname: str | None, port: int | None) -> bool:
    """Whether an address is that of an open-source gateway on this machine, as far as is known without asking it."""
    if hostname not in (HOST, "localhost") or port is None:
        return False
    return port in (PORT, NOWHERE) or port in _own or port in _announced()


def started(port: int) -> None:
    """Remember a gateway that this process has started."""
    _own.add(port)


def stopped(port: int) -> None:
    """Forget a gateway that this process has stopped."""
    _own.discard(port)


@contextlib.contextmanager
def announced(pid: int | None, base_url: str) -> Iterator[None]:
    """Let every process of this user find a gateway as ``base_url="local"`` for as long as the block lasts."""
    port = urlsplit(base_url).port
    note = _notes_folder() / f"{port}.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    spare = note.with_suffix(f".{pid}")
    spare.write_text(json.dumps({"pid": pid, "port": port, "started_at": time.time()}), encoding="utf-8")
    spare.replace(note)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def _notes_folder() -> Path:
    return data_dir() / "gateway" / "running"


def _is_process(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 would end it; the port alone has to tell
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def is_open(port: int) -> bool:
    """Whether something listens at a port of this machine."""
    try:
        socket.create_connection((HOST, port), CONNECT_S).close()
    except OSError:
        return False
    return True


def greets(port: int, timeout_s: float) -> bool:
    """Whether an open-source Portkey gateway answers at a port of this machine."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status == 200 and answer.read(len(GREETING)) == GREETING
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def taken(port: int) -> SettingsError:
    """Return the error that says who has a port, and what to do."""
    other = "(`--port N`, or port=N in Python; 0 takes a free one)"
    if greets(port, CONNECT_S):
        return SettingsError(
            f"port {port} is taken by a Portkey gateway that already runs: use it by base_url={address(port)!r}, "
            f"or choose another port {other}"
        )
    return SettingsError(f"port {port} is taken by another program: choose another port {other}")

"""Adding to the file of a recording: whole lines, whoever else writes it, and a header where it begins."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from portkey_nb.errors import RecordingError
from portkey_nb.gateway.tape import FORMAT, read
from portkey_nb.gateway.taping import shown

try:
    import fcntl
except ImportError:  # Windows: O_APPEND alone keeps lines apart there
    fcntl = None  # type: ignore[assignment]


def append(path: Path, line: bytes) -> bool:
    """Add a line to a recording that is begun if it is not there; other threads and processes may do so meanwhile.

    Returns
    -------
    bool
        Whether it was begun.

    Raises
    ------
    OSError
        When it cannot be written; what was in the file stays as it was.
    """
    with _locked(path) as handle:
        size = os.fstat(handle).st_size
        data = line + b"\n" if line else b""
        if not size:
            data = _header() + data
        else:
            os.lseek(handle, size - 1, os.SEEK_SET)
            if os.read(handle, 1) != b"\n":
                data = b"\n" + data  # what a killed process left half written stays a line of its own
        try:
            while data:
                data = data[os.write(handle, data) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise
    return not size


def _header() -> bytes:
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    return msgspec.json.encode({"portkey_nb_recording": FORMAT, "begun": begun}) + b"\n"


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    # Without waiting for somebody at the other end, where the path is that of a pipe.
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o600)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{shown(path)} is no file")
        if fcntl is not None:
            with suppress(OSError):  # some network file systems know no locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def begin(path: Path) -> int:
    """Make sure that a recording can be written, begin it where it is not there, and return how many lines it has.

    Raises
    ------
    RecordingError
        When it cannot be written, or is a file of something else.
    """
    try:
        there = path.exists() and path.stat().st_size > 0
        if there and path.is_file():
            count = len(read(path).lines)
            append(path, b"")
            return count
        append(path, b"")
        return 0
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise RecordingError(f"{shown(path)} cannot be written ({reason}); check the path and the rights to it")

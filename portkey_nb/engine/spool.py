"""Where rows wait while the log cannot be written: beside it or in the user's data folder, a temporary one, memory."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from ulid import ULID

try:
    import fcntl
except ImportError:  # Windows: a file that is open cannot be renamed there, which guards the same moment
    fcntl = None  # type: ignore[assignment]

_encode = msgspec.json.Encoder().encode
Event = Mapping[str, Any]
"""What was to be written: ``{"event": "start" | "finish" | ..., ...}``."""


class Spool:
    """Events that wait for a database.

    Parameters
    ----------
    path : pathlib.Path or None
        The database's file; None where it is no file.
    name : str
        The database's name without its password, for a spool that is not beside it.
    folder : pathlib.Path, optional
        Where the spool of a database is that is no file.

    Notes
    -----
    Each event is one line, appended by one write under a lock. Whoever takes the lines up renames the file first, so
    that nobody appends to what is being read, and deletes it when the database has committed. A process that dies in
    between leaves the renamed file to the next; an event that is applied twice does no harm.
    """

    def __init__(self, path: Path | None, name: str, folder: Path | None = None) -> None:
        own = f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.spool.jsonl"
        first = folder / own if folder is not None else None
        first = path.with_name(path.name + ".spool.jsonl") if path is not None else first
        self.files: tuple[Path, ...] = (*([] if first is None else [first]), _shelter() / own)
        self._folder = folder if path is None else None
        # By numbers, each taken or dropped in one step: threads and forked processes need no lock for that.
        self._memory: dict[int, Event] = {}
        self._numbers = count()

    @property
    def waiting(self) -> bool:
        """Whether there is anything to take up, as far as a quick look tells."""
        return bool(self._memory) or any(os.path.isfile(file) for file in self.files)

    def left(self) -> tuple[list[Path], int]:
        """Return the files in which events wait, also those that were set aside and not finished with, and how many
        events wait in memory; nothing is changed.
        """
        files = [part for file in self.files for part in (*_taken(file), file) if part.is_file()]
        return files, len(self._memory)

    @property
    def damaged(self) -> list[Path]:
        """The files in which is kept what could not be read, or was refused."""
        return [aside for aside in map(_aside, self.files) if aside.is_file()]

    def put(self, event: Event) -> str:
        """Keep an event, and return where, in words."""
        line = _encode(event) + b"\n"
        for file in self.files:
            try:
                if file.parent == _shelter():
                    _make_shelter()
                elif file.parent == self._folder:
                    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _append(file, line)
            except OSError:
                continue
            return str(file)
        self._memory[next(self._numbers)] = event
        return "memory, until this process ends"

    def take_up(self, apply: Callable[[Sequence[Event]], Mapping[int, str | None]], most: int | None = None) -> Taken:
        """Hand over waiting events, oldest first, while the caller is inside a writing transaction.

        Parameters
        ----------
        apply : callable
            Puts events into the database, inside the caller's transaction, and returns the places of those that are
            none or that it refuses, with why.
        most : int, optional
            How many lines at most, from files: who waits for a row does not wait for thousands.

        Returns
        -------
        Taken
            What to give to :meth:`forget` once that transaction is committed.
        """
        done: dict[Path, bytes] = {}
        refused: list[str] = []
        left = sys.maxsize if most is None else most
        for file in (part for spool in self.files for part in _set_aside(spool)):
            if left <= 0:
                done[file] = _LATER
                continue
            try:
                lines = _lines(file)
                refused += _hand_over(file, lines[:left], apply)
            except OSError:
                continue  # it stays where it is
            done[file] = b"".join(line + b"\n" for line in lines[left:])
            left -= len(lines)
        held = list(self._memory.items())
        for place, why in apply([event for _, event in held]).items():
            _put_aside(self.files[0], _encode(held[place][1]))
            refused += [why] if why is not None else []
        return Taken(done, tuple(number for number, _ in held), tuple(refused))

    def forget(self, taken: Taken) -> None:
        """Drop what is safe in the database now."""
        for number in taken.held:  # another thread may have dropped them already, and more may wait since
            self._memory.pop(number, None)
        for file, rest in taken.files.items():
            with suppress(OSError):  # what is written once more does no harm
                if not rest:
                    file.unlink()
                elif rest is not _LATER:
                    _shorten(file, rest)


def _shorten(file: Path, rest: bytes) -> None:
    # Somebody else may be doing so with the same file: each writes one of its own.
    shorter = file.with_name(f"{file.name}.{os.getpid()}.{ULID()}.rest")
    try:
        with open(os.open(shorter, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(rest)
        shorter.replace(file)
    except OSError:
        with suppress(OSError):
            shorter.unlink()
        raise


_LATER = b"later"


@dataclass(frozen=True)
class Taken:
    """What was taken up: files, each with the lines that are left of it, the numbers of events in memory, and why some
    were refused."""

    files: Mapping[Path, bytes] = field(default_factory=dict)
    held: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def all(self) -> bool:
        """Whether nothing is left."""
        return not any(self.files.values())


def _shelter() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"portkey_nb-{user}"


def _make_shelter() -> None:
    folder = _shelter()
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise PermissionError(f"{folder} is somebody else's")


@contextmanager
def _locked(file: Path) -> Iterator[int]:
    """Open a spool for appending, alone, and make sure that it is still the one in place."""
    while True:
        handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                with suppress(OSError):  # some network file systems know no locks
                    fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                same = os.path.samestat(os.fstat(handle), os.stat(file))
            except FileNotFoundError:
                same = False
            if same:
                yield handle
                return
        finally:
            os.close(handle)


def _append(file: Path, line: bytes) -> None:
    with _locked(file) as handle:
        size = os.fstat(handle).st_size
        if size:
            os.lseek(handle, size - 1, os.SEEK_SET)
            if os.read(handle, 1) != b"\n":
                line = b"\n" + line  # what a killed process left half written stays a line of its own
        try:
            written = os.write(handle, line)
            while written < len(line):
                written += os.write(handle, line[written:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)
                if not size:
                    file.unlink()
            raise


def _set_aside(file: Path) -> list[Path]:
    """Rename a spool, and return it with those that a process renamed and did not finish with, oldest first."""
    if file.is_file():  # and no folder or device, which somebody else has put there
        with suppress(OSError):
            file.rename(file.with_name(f"{file.name}.{ULID()}.taken"))
    return _taken(file)


def _taken(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{_literal(file.name)}.*.taken"))


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _lines(file: Path) -> list[bytes]:
    with open(file, "rb") as stream:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_SH)  # waits for one that is still appending
        return [line for line in stream.read().split(b"\n") if line.strip()]


def _hand_over(
    file: Path, given: Sequence[bytes], apply: Callable[[Sequence[Event]], Mapping[int, str | None]]
) -> list[str]:
    """Hand over lines of a file, put aside what cannot be taken, and return why."""
    lines, events = [], []
    for line in given:
        try:
            event = msgspec.json.decode(line)
        except msgspec.DecodeError:  # cut off by a kill or a full disk
            event = None
        if isinstance(event, dict):
            lines.append(line)
            events.append(event)
        else:
            _put_aside(file, line)
    refused = apply(events)
    for place in refused:
        _put_aside(file, lines[place])
    return [why for why in refused.values() if why is not None]


def _put_aside(file: Path, line: bytes) -> None:
    """Keep what the database does not take where a person can look at it."""
    _append(_aside(file), line + b"\n")


def _aside(file: Path) -> Path:
    name = file.name.partition(".spool.jsonl")[0]
    return file.with_name(f"{name}.spool.damaged")

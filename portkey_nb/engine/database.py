"""The database under the run log: opened late, upgraded once, written under one lock, its failures named."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from portkey_nb.engine.migrations import LATEST, RefusedSchema, upgrade, version
from portkey_nb.errors import StoreError
from portkey_nb.settings import data_dir, load

BUSY_S = 0.2
"""Seconds that a call waits for another program's lock."""

FAILURES = (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, RefusedSchema, ImportError)
"""What a database that is locked, full, damaged, unwritable or refused raises."""


@dataclass(frozen=True)
class Fault:
    """Why a database could not be used.

    Attributes
    ----------
    kind : str
        ``locked``, ``full``, ``unwritable``, ``damaged``, ``newer``, ``foreign`` or ``failing``.
    said : str
        What is the matter, as the end of a sentence about the run log.
    remedy : str
        What to do.
    """

    kind: str
    said: str
    remedy: str


_FAULTS = {
    "locked": ("is locked by another program", "close what holds it, or try again"),
    "full": ("cannot grow: the disk is full", "free some space"),
    "unwritable": ("cannot be written", "mend its permissions, or set PORTKEY_NB_STORE to another path"),
    "damaged": (
        "is damaged or no database, and is left untouched",
        "move that file away, or set PORTKEY_NB_STORE to another path",
    ),
    "newer": (
        "was written by a newer portkey_nb",
        "upgrade portkey_nb, or set PORTKEY_NB_STORE to another path",
    ),
    "foreign": ("belongs to another program", "set PORTKEY_NB_STORE to another path"),
    "driverless": ("needs a driver that is not installed", "install it, or set PORTKEY_NB_STORE to a path"),
    "failing": ("fails", "look at the disk, or set PORTKEY_NB_STORE to another path"),
}
_FULL = frozenset(getattr(errno, name, -1) for name in ("ENOSPC", "EDQUOT", "EFBIG"))
_CODES = {
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
    "SQLITE_PROTOCOL": "locked",
    "SQLITE_FULL": "full",
    "SQLITE_READONLY": "unwritable",
    "SQLITE_CANTOPEN": "unwritable",
    "SQLITE_PERM": "unwritable",
    "SQLITE_AUTH": "unwritable",
    "SQLITE_NOTADB": "damaged",
    "SQLITE_CORRUPT": "damaged",
}


def fault(error: BaseException) -> Fault:
    """Name what went wrong with a database."""
    cause = getattr(error, "orig", None) or error
    if isinstance(error, RefusedSchema):
        kind = error.kind
    elif isinstance(cause, ImportError):
        kind = "driverless"
    elif isinstance(cause, OSError):
        kind = "full" if cause.errno in _FULL else "unwritable"
    else:
        code = str(getattr(cause, "sqlite_errorname", ""))
        kind = next((kind for start, kind in _CODES.items() if code.startswith(start)), "failing")
    said, remedy = _FAULTS[kind]
    reason = " ".join(str(cause).split())
    return Fault(kind, said if kind == "locked" or not reason else f"{said} ({reason})", remedy)


def resolve(url: str | os.PathLike[str] | None) -> sa.URL:
    """Return the URL of a run log: as given, or of ``PORTKEY_NB_STORE``, or of the file in the user's data folder.

    Raises
    ------
    StoreError
        When it is neither a path nor a URL.
    """
    given = url if url is not None else load().store
    if given is None:
        given = data_dir() / "runs.sqlite"
    text = os.fspath(given)
    if text == ":memory:":
        return sa.URL.create("sqlite")
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        found = sa.make_url(text)
    except sa.exc.ArgumentError:
        found = None
    if found is None:
        raise StoreError("the run log's URL cannot be read; give a path, or a URL like sqlite:////folder/runs.sqlite")
    if found.get_backend_name() == "sqlite" and found.database and "file:" not in found.database:
        return found.set(
            database=found.database if found.database == ":memory:" else str(Path(found.database).absolute())
        )
    return found


class Database:
    """One database, used by the threads of one process; other processes may use it at the same time.

    Parameters
    ----------
    url : sqlalchemy.URL
    """

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self.sqlite = url.get_backend_name() == "sqlite"
        name = url.database or ""
        self._in_memory = self.sqlite and name in ("", ":memory:")
        # SQLite's own `file:` names may mean memory or anything else: they are opened, but not looked after as files.
        self.path = Path(name) if self.sqlite and not self._in_memory and not name.startswith("file:") else None
        self._engine: sa.Engine | None = None
        self._seen: tuple[int, int] | None = None
        self._ready = False
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._write_lock = threading.RLock()

    @property
    def place(self) -> str:
        """Where it is, as shown to people: a path, or a URL without its password."""
        return str(self.path) if self.path is not None else self.url.render_as_string(hide_password=True)

    @property
    def exists(self) -> bool:
        """Whether there is anything to read yet."""
        return self.path is None or self.path.exists()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a connection inside a transaction that holds the write lock; committed at the end."""
        self._check_process()
        with self._write_lock:
            engine = self._open()
            with engine.connect() as connection:
                connection.execution_options(immediate=True)
                with connection.begin():
                    yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the database."""
        self._check_process()
        # In memory all threads share one connection, which holds one transaction at a time.
        with self._write_lock if self._in_memory else nullcontext():
            engine = self._open_to_read()
            with engine.connect() as connection, connection.begin():
                yield connection

    def close(self) -> None:
        """Close every connection; the next call opens anew."""
        self._check_process()
        with self._lock:
            engine, self._engine, self._ready = self._engine, None, False
            if engine is not None:
                engine.dispose()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            # SQLite's connections must not be used, nor closed, by a forked child: they are left alone for good.
            _inherited.append(self._engine)
            self._engine, self._ready = None, False
            self._start_over()

    def _open(self) -> sa.Engine:
        with self._lock:
            if self._ready and self._moved():
                self.close()
            if self._engine is None:
                if self.path is not None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    # It will hold every prompt and reply: nobody else reads it.
                    with suppress(FileExistsError):
                        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                self._engine = _engine(self.url, in_memory=self._in_memory)
            if not self._ready:
                try:
                    self._prepare(self._engine)
                except FAILURES:
                    self.close()
                    raise
                self._ready = True
            return self._engine

    def _open_to_read(self) -> sa.Engine:
        try:
            return self._open()
        except FAILURES as error:
            if self.path is None or fault(error).kind != "unwritable" or not self.path.is_file():
                raise
        engine = _read_only(self.path)
        with engine.connect() as connection:
            version(connection)
        return engine

    def _moved(self) -> bool:
        """Tell whether the file was deleted or exchanged while it was open: rows would go nowhere."""
        return self.path is not None and _identity(self.path) != self._seen

    def _prepare(self, engine: sa.Engine) -> None:
        with engine.connect() as connection:
            if self.sqlite:
                _use_wal(connection)
            with connection.begin():
                present = version(connection)
        if present < LATEST:
            with engine.connect() as connection:
                connection.execution_options(immediate=True)
                with connection.begin():
                    upgrade(connection)
        self._seen = _identity(self.path) if self.path is not None else None


_inherited: list[sa.Engine | None] = []


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _engine(url: sa.URL, *, in_memory: bool) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    arguments: dict[str, Any] = {"timeout": BUSY_S, "check_same_thread": False}
    more: dict[str, Any] = {"poolclass": sa.pool.StaticPool} if in_memory else {}
    engine = sa.create_engine(url, connect_args=arguments, **more)
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _read_only(path: Path) -> sa.Engine:
    """Open a file in a place where nothing can be written; SQLite's own way of sharing one needs to write."""
    query = {"mode": "ro", "uri": "true"}
    beside = path.with_name(path.name + "-wal")
    if not beside.exists() or not beside.stat().st_size:
        query["immutable"] = "1"
    url = sa.URL.create("sqlite", database=f"file:{quote(str(path))}", query=query)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    sa.event.listen(engine, "connect", _autocommit)
    return engine


def _autocommit(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, with the lock that they need
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _use_wal(connection: sa.Connection) -> None:
    driver = connection.connection.driver_connection
    if driver is None:
        raise StoreError("no connection to the run log")
    try:
        driver.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        # Another process is just doing so; the mode is the file's, not the connection's.
        if error.sqlite_errorname not in ("SQLITE_BUSY", "SQLITE_LOCKED"):
            raise

"""The database under the run log, a file or a server: opened late, upgraded once, never written by older versions."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import sqlalchemy as sa

from portkey_nb.engine import postgres, sqlite
from portkey_nb.engine.faults import FAILURES, Away, Fault, fault
from portkey_nb.engine.migrations import LATEST, check, upgrade, version
from portkey_nb.errors import StoreError
from portkey_nb.settings import data_dir, load

__all__ = ["FAILURES", "Database", "Fault", "fault", "resolve"]

READABLE = 1
"""The oldest schema that can be read as it is, where it may not be upgraded."""


def resolve(url: str | os.PathLike[str] | None) -> sa.URL:
    """Return the URL of a run log: as given, or of ``PORTKEY_NB_STORE``, or of the file in the user's data folder.

    Raises
    ------
    StoreError
        When it is neither a path nor a URL of SQLite or PostgreSQL.
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
    except (sa.exc.ArgumentError, ValueError):  # it may quote the password
        found = None
    if found is None:
        raise StoreError(
            "the run log's URL cannot be read; give a path, or a URL like sqlite:////folder/runs.sqlite or "
            "postgresql://user:password@host/database, where odd characters of the password are escaped"
        )
    if found.drivername.partition("+")[0] in ("postgresql", "postgres"):
        return postgres.normal(found, text)
    if found.drivername.partition("+")[0] != "sqlite":
        raise StoreError(f"the run log is kept in SQLite or PostgreSQL, and the URL names {found.drivername!r}")
    if found.database and "file:" not in found.database and found.database != ":memory:":
        return found.set(database=str(Path(found.database).absolute()))
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
        self._away: Fault | None = None
        self._away_until, self._slow = 0.0, False
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._write_lock = threading.RLock()

    @property
    def place(self) -> str:
        """Where it is, as shown to people: a path, or a URL without its password."""
        return str(self.path) if self.path is not None else postgres.shown(self.url)

    @property
    def exists(self) -> bool:
        """Whether there is anything to read yet."""
        return self.path is None or self.path.exists()

    def fault(self, error: BaseException) -> Fault:
        """Name what went wrong, without a word that is secret."""
        found = fault(error)
        said = found.said
        for secret in postgres.secrets(self.url):
            said = said.replace(secret, "***")
        return Fault(found.kind, said, found.remedy)

    @contextmanager
    def write(self, *, patient: bool = False) -> Iterator[sa.Connection]:
        """Give a connection inside a transaction that may write; committed at the end.

        Parameters
        ----------
        patient : bool
            Whether a server may take its time: a person waits for it, and no row does.

        Notes
        -----
        That no newer version has upgraded the database is seen after the writing: then its tables are locked against
        upgrades, so that there is no moment in between.
        """
        self._check_process()
        with self._write_lock, self._noticing(reading=patient):
            engine = self._open()
            with engine.connect() as connection:
                connection.execution_options(immediate=True)
                with self._begun(connection, patient=patient):
                    yield connection
                    check(connection)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the database."""
        self._check_process()
        # In memory all threads share one connection, which holds one transaction at a time.
        with self._write_lock if self._in_memory else nullcontext(), self._noticing(reading=True):
            engine = self._open_to_read()
            with engine.connect() as connection:
                if not self.sqlite:
                    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with self._begun(connection, patient=True, limit_s=postgres.READ_S):
                    yield connection

    def alone(self, connection: sa.Connection, what: str) -> bool:
        """Tell whether nobody else on this machine does the same just now, inside a writing transaction."""
        return self.sqlite or postgres.alone(connection, what)

    @property
    def away(self) -> bool:
        """Whether a server has just failed, and is left alone by writers for a while."""
        return self._away is not None and time.monotonic() < self._away_until

    def forgive(self) -> None:
        """Let who comes next try a server that has just failed."""
        self._away = None

    @contextmanager
    def _noticing(self, *, reading: bool) -> Iterator[None]:
        """Notice a server that fails, so that not every row waits for it; who reads tries again unless that is slow."""
        if self.sqlite:
            yield
            return
        if self._away is not None and self.away and (self._slow or not reading):
            raise Away(self._away)
        begun = time.monotonic()
        try:
            yield
        except FAILURES as error:
            found = self.fault(error)
            taken = time.monotonic() - begun
            lost = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated and taken < postgres.SLOW_S
            if not (found.of_the_data or lost or isinstance(error, Away)):
                self._away, self._slow = found, taken >= postgres.SLOW_S and found.kind != "locked"
                self._away_until = time.monotonic() + postgres.AWAY_S
                self._ready = False  # it may come back as another one
            raise
        self._away = None

    @contextmanager
    def _begun(
        self, connection: sa.Connection, *, patient: bool, limit_s: float = postgres.PATIENT_S
    ) -> Iterator[None]:
        """Begin a transaction, of a server with limits to its time; one whose connection was lost begins once more."""
        transaction = connection.begin()
        if not self.sqlite:
            # Also who has time does not wait long for a server that does not even take the first statement.
            postgres.limit(connection, postgres.WRITE_S + postgres.GRACE_S)
        if not self.sqlite and patient:
            try:
                postgres.lasting(connection)
            except sa.exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                transaction.rollback()
                transaction = connection.begin()
                postgres.limit(connection, postgres.WRITE_S + postgres.GRACE_S)
                postgres.lasting(connection)
            postgres.limit(connection, limit_s)
        with transaction:
            yield

    def close(self) -> None:
        """Close every connection; the next call opens anew."""
        self._check_process()
        with self._lock:
            engine, self._engine, self._ready = self._engine, None, False
            if engine is not None:
                engine.dispose()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            # Connections must not be used, nor closed, by a forked child: they are left alone for good.
            _inherited.append(self._engine)
            self._engine, self._ready = None, False
            self._start_over()

    def _open(self) -> sa.Engine:
        with self._lock:
            if self._ready and self._moved():
                self.close()
            engine = self._connected()
            if not self._ready:
                try:
                    self._prepare(engine)
                except FAILURES:
                    self.close()
                    raise
                self._ready = True
            return engine

    def _connected(self) -> sa.Engine:
        """Return what opens connections, made where there is none."""
        if self._engine is None and not self.sqlite:
            self._engine = postgres.engine(self.url)
        elif self._engine is None:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # It will hold every prompt and reply: nobody else reads it.
                with suppress(FileExistsError):
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._engine = sqlite.engine(self.url, in_memory=self._in_memory)
        return self._engine

    def _open_to_read(self) -> sa.Engine:
        try:
            return self._open()
        except FAILURES as error:
            if fault(error).kind not in ("unwritable", "read-only"):
                raise
            if self.path is not None and self.path.is_file():
                engine = sqlite.read_only(self.path)
            elif not self.sqlite:
                engine = self._connected()
            else:
                raise
            with engine.connect() as connection:
                if version(connection) < READABLE:
                    raise
        return engine

    def _moved(self) -> bool:
        """Tell whether the file was deleted or exchanged while it was open: rows would go nowhere."""
        return self.path is not None and sqlite.identity(self.path) != self._seen

    def _prepare(self, engine: sa.Engine) -> None:
        with engine.connect() as connection:
            if self.sqlite:
                sqlite.use_wal(connection)
            with self._begun(connection, patient=False):
                present = version(connection)
        if present < LATEST:
            with engine.connect() as connection:
                connection.execution_options(immediate=True)
                with self._begun(connection, patient=True):
                    if not self.sqlite:
                        postgres.lock_upgrades(connection, tables=present > 0)
                    upgrade(connection)
        self._seen = sqlite.identity(self.path) if self.path is not None else None


_inherited: list[sa.Engine | None] = []

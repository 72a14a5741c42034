"""How the run log is written and read on good days and bad: what cannot be written waits in the spool, told of once."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from portkey_nb.engine.database import FAILURES, Database, Fault
from portkey_nb.engine.events import apply, apply_runs, apply_waiting
from portkey_nb.engine.spool import Event, Spool, Taken
from portkey_nb.errors import StoreError
from portkey_nb.settings import data_dir

RETRY_S = 5.0
"""Seconds between attempts to take up what waits, where the database can be opened but not written."""

BITE = 1000
"""Events that waited which a row that comes takes along: about a second's."""
AGAIN_S = 0.2
"""Seconds between attempts of one who waits for it."""
AT_EXIT_S = 2.0
"""Seconds after which no more of what waits is begun with when a process ends; an attempt itself may last as long."""

_said: set[tuple[str, str]] = set()
"""(place, kind) of the troubles that this process has told of; what is over is forgotten, to be told of anew."""
_NEVER_OVER = ("locked", "crowded", "refused")
"""Kinds that come and go with every row, and are told of once."""


class Journal:
    """One database and the spool before it.

    Parameters
    ----------
    database : Database
    on_taken : callable
        Called when the database has what waited.
    """

    def __init__(self, database: Database, on_taken: Callable[[], None]) -> None:
        self._database = database
        # A server's rows may have to wait for days: not in a temporary folder.
        folder = None if database.sqlite else data_dir() / "waiting"
        self._spool = Spool(database.path, database.place, folder)
        self._on_taken = on_taken
        self._troubles: list[str] = []
        self._looked = False
        self._retry_at = 0.0

    @property
    def spool(self) -> Spool:
        """Where rows wait."""
        return self._spool

    def take_trouble(self) -> str | None:
        """Return what went wrong with writing since the last time, and forget it."""
        told, self._troubles = self._troubles, []
        return " ".join(told) or None

    def put(self, *events: Event) -> bool:
        """Write events behind all that waited; True if the database has them, else they wait in the spool."""
        try:
            self._commit(*events)
        except FAILURES as error:
            found = self._database.fault(error)
            for event in events:
                self._note(found, self._spool.put(event))
            _left[self] = os.getpid()
            return False
        return True

    def flush(self, within_s: float) -> bool:
        """Write what waits, trying again for a while; True when nothing waits any more."""
        until = time.monotonic() + within_s
        while True:
            with suppress(*FAILURES):
                self._commit(patient=True)
                if self._looked and not self._spool.waiting:
                    return True
            if time.monotonic() >= until:
                return False
            time.sleep(min(AGAIN_S, max(0.0, until - time.monotonic())))

    def take_leave(self, until: float) -> None:
        """Write what waits, part by part, until a time; what is left in files waits for the next process."""
        self._database.forgive()
        with suppress(*FAILURES):
            while (self._spool.waiting or not self._looked) and time.monotonic() < until:
                if not self._commit():
                    break  # another process does so just now

    def _commit(self, *events: Event, patient: bool = False) -> bool:
        try:
            return self._commit_once(events, patient=patient)
        except sa.exc.DBAPIError as error:
            # The server was restarted since the connection was used last: what was sent twice does no harm.
            if not error.connection_invalidated or self._database.away:
                raise
        return self._commit_once(events, patient=patient)

    def _commit_once(self, events: Sequence[Event], *, patient: bool) -> bool:
        """Write what waits, and events behind it, in one transaction; tell whether any of what waits was taken up.

        Where what waits could just not be written, events are tried alone for a while: each one would else try all.
        """
        taken: Taken | None = None
        waits = self._spool.waiting or not self._looked
        with self._database.write(patient=patient) as connection:
            due = waits and (not events or time.monotonic() >= self._retry_at)
            if due and self._database.alone(connection, str(self._spool.files[0])):
                self._looked, self._retry_at = False, time.monotonic() + RETRY_S  # until all is committed
                most = None if patient else BITE
                taken = self._spool.take_up(lambda waiting: apply_waiting(connection, waiting), most)
            if len(events) == 1:
                apply(connection, events[0])
            else:
                apply_runs(connection, events)
        if not waits or taken is not None:
            self._recover()
        if taken is not None:
            self._looked, self._retry_at = taken.all, 0.0
            self._spool.forget(taken)
            for why in taken.refused:
                self._note(Fault("refused", why, "look at it there"), str(self._spool.files[0].parent))
            if taken.all:
                _left.pop(self, None)
            if taken.all and (taken.files or taken.held):
                self._on_taken()
        return taken is not None

    def _recover(self) -> None:
        for place, kind in list(_said):
            if place == self._database.place and kind not in _NEVER_OVER:
                _said.discard((place, kind))

    def _note(self, found: Fault, where: str) -> None:
        key = (self._database.place, found.kind)
        if key in _said:
            return
        _said.add(key)
        waits = f"new rows wait in {where}, and are taken up when it can be written again"
        if found.of_the_data:
            waits = f"it is kept in {where}"
        told = f"The run log {self._database.place} {found.said}; {waits}: {found.remedy}."
        if told not in self._troubles:  # of two troubles that nobody has asked about yet
            self._troubles.append(told)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """Give a connection for reading, after taking up what waits; None while there is no database."""
        if self._spool.waiting or (not self._looked and self._database.exists):
            with suppress(*FAILURES):  # what waits goes on waiting; whether the rest can be read is seen below
                self._commit(patient=True)
        if not self._database.exists:
            yield None
            return
        with self._failing_as_store_error(), self._database.read() as connection, _own_failures():
            yield connection

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """Give a connection for a change that a person asked for, and that must not wait."""
        with self._failing_as_store_error():
            self._commit(patient=True)
            with self._database.write(patient=True) as connection, _own_failures():
                yield connection

    @contextmanager
    def _failing_as_store_error(self) -> Iterator[None]:
        try:
            yield
            return
        except FAILURES as error:
            found = self._database.fault(error)
            failed: Exception = StoreError(f"the run log {self._database.place} {found.said}; {found.remedy}")
        except _Own as error:
            failed = error.error
        raise failed from None


_left: dict[Journal, int] = {}
"""Those that could not write something, and the process in which that was; kept, since some of it may be in memory."""


@atexit.register
def _take_leave() -> None:
    until = time.monotonic() + AT_EXIT_S
    for journal, process in list(_left.items()):
        # Modules may be gone by now: what is in files waits on, and nobody is there to be told.
        with suppress(Exception):
            if process == os.getpid():
                journal.take_leave(until)


class _Own(Exception):
    """What went wrong for whoever uses a connection, and is no fault of the database."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _own_failures() -> Iterator[None]:
    try:
        yield
    except (OSError, ImportError) as error:
        raise _Own(error) from None

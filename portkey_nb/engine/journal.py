"""How the run log is written and read on good days and bad: what cannot be written waits in the spool, told of once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from portkey_nb.engine.database import FAILURES, Database, Fault, fault
from portkey_nb.engine.events import apply, apply_runs
from portkey_nb.engine.spool import Event, Spool, Taken
from portkey_nb.errors import StoreError

RETRY_S = 5.0
"""Seconds between attempts to take up what waits, where the database can be opened but not written."""

_said: set[tuple[str, str]] = set()
"""(place, kind) of the troubles that this process has told of."""


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
        self._spool = Spool(database.path, database.place)
        self._on_taken = on_taken
        self._troubles: list[str] = []
        self._looked = False
        self._retry_at = 0.0

    def take_trouble(self) -> str | None:
        """Return what went wrong with writing since the last time, and forget it."""
        told, self._troubles = self._troubles, []
        return " ".join(told) or None

    def put(self, *events: Event) -> bool:
        """Write events behind all that waited; True if the database has them, else they wait in the spool."""
        try:
            self._commit(*events)
        except FAILURES as error:
            for event in events:
                self._note(fault(error), self._spool.put(event))
            return False
        return True

    def _commit(self, *events: Event) -> None:
        """Write what waits, and events behind it, in one transaction.

        Where what waits could just not be written, events are tried alone for a while: each one would else try all.
        """
        taken: Taken | None = None
        waits = self._spool.waiting or not self._looked
        with self._database.write() as connection:
            if waits and (not events or time.monotonic() >= self._retry_at):
                self._looked, self._retry_at = False, time.monotonic() + RETRY_S  # until all is committed
                taken = self._spool.take_up(lambda waiting: apply(connection, waiting, check=True))
            if len(events) == 1:
                apply(connection, events[0])
            else:
                apply_runs(connection, events)
        if taken is not None:
            self._looked, self._retry_at = True, 0.0
            self._spool.forget(taken)
            if taken.files or taken.held:
                self._on_taken()

    def _note(self, found: Fault, where: str) -> None:
        key = (self._database.place, found.kind)
        if key not in _said:
            _said.add(key)
            self._troubles.append(
                f"The run log {self._database.place} {found.said}; new rows wait in {where}, and are taken up when it "
                f"can be written again: {found.remedy}."
            )

    @contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """Give a connection for reading, after taking up what waits; None while there is no database."""
        if self._spool.waiting or (not self._looked and self._database.exists):
            with suppress(*FAILURES):  # what waits goes on waiting; whether the rest can be read is seen below
                self._commit()
        if not self._database.exists:
            yield None
            return
        with self._failing_as_store_error(), self._database.read() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """Give a connection for a change that a person asked for, and that must not wait."""
        with self._failing_as_store_error():
            self._commit()
            with self._database.write() as connection:
                yield connection

    @contextmanager
    def _failing_as_store_error(self) -> Iterator[None]:
        try:
            yield
            return
        except FAILURES as error:
            found = fault(error)
        raise StoreError(f"the run log {self._database.place} {found.said}; {found.remedy}")

"""Old runs deleted: said first, then done in batches, and the space they took given back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from portkey_nb.engine.filters import ago
from portkey_nb.engine.patience import change
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import BODIES, RUNS, TURNS, from_micros, to_micros
from portkey_nb.errors import StoreError

AT_ONCE = 500
_KEY = (RUNS.c.started_at, RUNS.c.run_id)


def when(text: str, *, now: datetime | None = None) -> datetime:
    """Read a time in the past.

    Parameters
    ----------
    text : str
        ``2026-01-31``, ``2026-01-31 14:00`` (without zone: local time), or how long ago, as ``90 days``; minutes,
        hours, days and weeks are known.
    now : datetime, optional
        The present, aware.

    Returns
    -------
    datetime
        Aware, in UTC.

    Raises
    ------
    StoreError
        When it is none of these, or not in the past.

    Examples
    --------
    >>> when("90 days", now=datetime(2026, 4, 1, tzinfo=UTC))
    datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    present = now or datetime.now(UTC)
    found: datetime | None = None
    try:
        span = ago(text)
        found = datetime.fromisoformat(text.strip()).astimezone(UTC) if span is None else present - span
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise StoreError(f"{text!r} is no time; give a date as 2026-01-31 or '2026-01-31 14:00', or as '90 days'")
    if found > present:
        raise StoreError(f"{text!r} is in the future; give a time that has passed, so that no new run is deleted")
    return found


@dataclass(frozen=True, slots=True)
class Doomed:
    """What would be deleted.

    Attributes
    ----------
    runs : int
    oldest, newest : datetime or None
        Of these runs.
    rated : int
        Those that somebody rated or otherwise noted.
    turns : int
        Turns of conversations whose run goes; the turns themselves stay.
    left : int
        Runs that stay.
    """

    runs: int
    oldest: datetime | None
    newest: datetime | None
    rated: int
    turns: int
    left: int


@dataclass(frozen=True, slots=True)
class Freed:
    """What became of the space.

    Attributes
    ----------
    bytes : int or None
        Given back to the disk; None where the database keeps it for new rows.
    said : str
        The same in words.
    """

    bytes: int | None
    said: str


def foresee(store: RunStore, before: datetime) -> Doomed:
    """Count the runs that began before a time.

    Raises
    ------
    StoreError
        When the log cannot be read.
    """
    old = RUNS.c.started_at < to_micros(before)
    # Each database reads JSON in its own way; SQLAlchemy knows both.
    of_turn: sa.ColumnElement[Any] = sa.type_coerce(TURNS.c.content, sa.JSON)["run_id"].as_string()
    with store.reading() as connection:
        if connection is None:
            return Doomed(0, None, None, 0, 0, 0)
        first, last = sa.func.min(RUNS.c.started_at), sa.func.max(RUNS.c.started_at)
        count, oldest, newest, rated = connection.execute(
            sa.select(sa.func.count(), first, last, sa.func.count(RUNS.c.notes)).where(old)
        ).one()
        if connection.dialect.name == "sqlite":
            of_turn = sa.case((sa.func.json_valid(TURNS.c.content) == 1, of_turn))  # of a damaged one nothing is known
        lost = sa.select(sa.func.count()).select_from(TURNS).join(RUNS, RUNS.c.run_id == of_turn).where(old)
        turns = connection.scalar(lost)
        whole = connection.scalar(sa.select(sa.func.count()).select_from(RUNS))
    return Doomed(
        int(count), from_micros(oldest), from_micros(newest), int(rated), int(turns or 0), int(whole or 0) - int(count)
    )


def delete_before(store: RunStore, before: datetime, tell: Callable[[int], None] = lambda runs: None) -> int:
    """Delete the runs that began before a time, with their texts, and return how many; conversations stay.

    Parameters
    ----------
    store : RunStore
    before : datetime
        Aware; see :func:`when`.
    tell : callable, optional
        Called after each batch with the number so far.

    Notes
    -----
    A batch is one transaction: broken off, a run and its texts are both there or both gone.

    Raises
    ------
    StoreError
        When the time is in the future, or the log cannot be written.
    """
    if before > datetime.now(UTC):
        raise StoreError(f"{before.isoformat()} is in the future; give a time that has passed")
    done = 0
    while some := change(store, lambda connection: _delete_some(connection, before)):
        done += some
        tell(done)
    return done


def _delete_some(connection: sa.Connection, before: datetime) -> int:
    old = sa.select(RUNS.c.run_id).where(RUNS.c.started_at < to_micros(before)).order_by(*_KEY).limit(AT_ONCE)
    ids = list(connection.scalars(old))
    if ids:
        connection.execute(sa.delete(BODIES).where(BODIES.c.run_id.in_(ids)))
        connection.execute(sa.delete(RUNS).where(RUNS.c.run_id.in_(ids)))
    return len(ids)


def free(store: RunStore) -> Freed:
    """Give the space of what was deleted back to the disk.

    A SQLite file is written anew, for which it needs as much free space as it will have, and nobody else writing; where
    that cannot be, the space is used by new rows.
    """
    if store.path is None:
        return Freed(None, "the database keeps the space for new rows (PostgreSQL by its autovacuum)")
    before = _size(store)
    try:
        with closing(sqlite3.connect(store.path, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            before = _size(store)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except (sqlite3.Error, OSError) as error:
        return Freed(0, f"the file keeps its size for new rows, since it could not be written anew ({error})")
    freed = max(0, before - _size(store))
    return Freed(freed, f"{in_words(freed)} given back; the log takes {in_words(_size(store))} now")


_WAIT_S = 1.0
"""Seconds that writing a file anew waits for others."""


def _size(store: RunStore) -> int:
    path: Any = store.path
    files = [path, path.with_name(path.name + "-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


def in_words(count: int) -> str:
    """Return a number of bytes as people write it.

    Examples
    --------
    >>> in_words(2_500_000)
    '2.5 MB'
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def day(moment: datetime | date | None) -> str:
    """Return a time in local time, to the second."""
    return "unknown" if not isinstance(moment, datetime) else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"

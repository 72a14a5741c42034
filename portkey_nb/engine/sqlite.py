"""The run log in a SQLite file: how it is opened, shared with other processes, and read where nobody can write."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from portkey_nb.errors import StoreError

BUSY_S = 0.2
"""Seconds that a call waits for another program's lock."""


def engine(url: sa.URL, *, in_memory: bool) -> sa.Engine:
    """Return what opens connections; in memory all threads share one."""
    arguments: dict[str, Any] = {"timeout": BUSY_S, "check_same_thread": False}
    more: dict[str, Any] = {"poolclass": sa.pool.StaticPool} if in_memory else {}
    made = sa.create_engine(url, connect_args=arguments, **more)
    sa.event.listen(made, "connect", _configure)
    sa.event.listen(made, "begin", _begin)
    return made


def read_only(path: Path) -> sa.Engine:
    """Open a file in a place where nothing can be written; SQLite's own way of sharing one needs to write."""
    query = {"mode": "ro", "uri": "true"}
    beside = path.with_name(path.name + "-wal")
    if not beside.exists() or not beside.stat().st_size:
        query["immutable"] = "1"
    url = sa.URL.create("sqlite", database=f"file:{quote(str(path))}", query=query)
    made = sa.create_engine(url, poolclass=sa.pool.NullPool)
    sa.event.listen(made, "connect", _autocommit)
    return made


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one that takes its name; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _autocommit(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, with the lock that they need
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def use_wal(connection: sa.Connection) -> None:
    """Let readers and one writer use the file at the same time."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise StoreError("no connection to the run log")
    try:
        driver.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        # Another process is just doing so; the mode is the file's, not the connection's.
        if error.sqlite_errorname not in ("SQLITE_BUSY", "SQLITE_LOCKED"):
            raise

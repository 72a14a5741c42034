"""Why a database could not be used, in words: what is the matter, and what to do about it."""

from __future__ import annotations

import errno
import re
import sqlite3
from dataclasses import dataclass

import sqlalchemy as sa

from portkey_nb.engine.migrations import RefusedSchema


@dataclass(frozen=True)
class Fault:
    """Why a database could not be used.

    Attributes
    ----------
    kind : str
        A word for it, one of those in the tables of this room.
    said : str
        What is the matter, as the end of a sentence about the run log.
    remedy : str
        What to do.
    """

    kind: str
    said: str
    remedy: str

    @property
    def of_the_data(self) -> bool:
        """Whether what was written is refused, which no waiting mends."""
        return self.kind == "refused"


class Away(Exception):
    """A server that has just failed, and is left alone for a while.

    Attributes
    ----------
    found : Fault
        How it failed.
    """

    def __init__(self, found: Fault) -> None:
        super().__init__(found.said)
        self.found = found


FAILURES = (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, RefusedSchema, ImportError, Away)
"""What a database that is locked, full, damaged, unwritable, away or refused raises."""

_ELSEWHERE = "or set PORTKEY_NB_STORE to another log"
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
    "driverless": (
        "needs a driver that is not installed",
        'pip install "portkey_nb[postgres]", or set PORTKEY_NB_STORE to a path',
    ),
    "refused": ("refuses a row", "the row is kept aside; tell the developers of portkey_nb what it says"),
    "failing": ("fails", "look at the disk, or set PORTKEY_NB_STORE to another path"),
}
_SERVERS = {
    "full": ("cannot grow: the server's disk is full", "free some space there"),
    "unwritable": (
        "may not be written by this role",
        "let the database's owner grant it, or let the owner open the log once, which makes its tables",
    ),
    "read-only": ("is read-only now", "connect to the primary server, or end the read-only mode"),
    "damaged": ("is damaged", "look at the server's log, and restore a backup"),
    "newer": ("was written by a newer portkey_nb", f"upgrade portkey_nb, {_ELSEWHERE}"),
    "foreign": (
        "belongs to another program",
        "give portkey_nb a database of its own, or a schema: ?options=-csearch_path%3DSCHEMA at the URL's end",
    ),
    "schemaless": ("has no schema to keep tables in", "create the schema that search_path names, or name another"),
    "encoding": ("cannot hold every text", "create a database with ENCODING 'UTF8' TEMPLATE template0"),
    "absent": ("does not answer", f"start the server, check host and port, {_ELSEWHERE}"),
    "silent": ("does not answer in time", f"see whether the server is well, {_ELSEWHERE}"),
    "crowded": ("takes no more connections", "close some, or raise the server's max_connections"),
    "unknown host": ("is on a host that is not known", "mend the host's name in PORTKEY_NB_STORE"),
    "unknown database": ("does not exist", "create it (CREATE DATABASE), or mend its name in PORTKEY_NB_STORE"),
    "denied": (
        "does not let this user in",
        "mend user and password in PORTKEY_NB_STORE, ~/.pgpass or PGPASSWORD, or ask who runs the server",
    ),
    "failing": ("fails", f"look at the server's log, {_ELSEWHERE}"),
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
# https://www.postgresql.org/docs/current/errcodes-appendix.html; the first that fits counts.
_STATES = {
    "53100": "full",
    "53300": "crowded",
    "55P03": "locked",
    "40": "locked",
    "57014": "silent",
    "57P": "absent",
    "08": "absent",
    "25006": "read-only",
    "42501": "unwritable",
    "3D000": "unknown database",
    "3F000": "schemaless",
    "28": "denied",
    "XX001": "damaged",
    "XX002": "damaged",
    "21": "refused",
    "22": "refused",
    "23": "refused",
    "54": "refused",
}
# Where no connection comes about there is no SQLSTATE, but a text by libpq or the server; the first that fits counts.
_TEXTS = {
    r"password authentication failed|no password supplied|role .* (does not exist|is not permitted)|pg_hba\.conf"
    r"|authentication failed": "denied",
    r"database .* does not exist": "unknown database",
    r"too many (clients|connections)|connection slots": "crowded",
    r"could not translate host name|failed to resolve host|name or service not known|no address"
    r"|name resolution": "unknown host",
    r"timeout|timed out|no answer": "silent",
    r"connection refused|no such file|starting up|shutting down|not (yet )?accepting|closed|terminat|lost|reset|network"
    r"|unreachable|no route|eof detected|is the server running": "absent",
}


def fault(error: BaseException) -> Fault:
    """Name what went wrong with a database."""
    if isinstance(error, Away):
        return error.found
    cause = getattr(error, "orig", None) or error
    server = type(cause).__module__.startswith("psycopg")
    if isinstance(error, RefusedSchema):
        kind, server = error.kind, error.server
    elif isinstance(cause, ImportError):
        kind = "driverless"
    elif isinstance(cause, OSError):
        kind = "full" if cause.errno in _FULL else "unwritable"
    elif server:
        kind = _of_server(cause)
    elif isinstance(cause, sqlite3.IntegrityError | sqlite3.DataError):
        kind = "refused"
    else:
        code = str(getattr(cause, "sqlite_errorname", ""))
        kind = next((kind for start, kind in _CODES.items() if code.startswith(start)), "failing")
    said, remedy = {**_FAULTS, **_SERVERS}[kind] if server else _FAULTS[kind]
    # Of what a server says the first line alone: the others quote rows and statements.
    reason = str(getattr(getattr(cause, "diag", None), "message_primary", None) or cause).strip()
    reason = " ".join((reason.partition("\n")[0] if server else reason).split()).removeprefix("connection failed: ")
    return Fault(kind, said if kind == "locked" or not reason else f"{said} ({reason})", remedy)


def _of_server(cause: BaseException) -> str:
    state = str(getattr(cause, "sqlstate", None) or "")
    if state:
        return next((kind for start, kind in _STATES.items() if state.startswith(start)), "failing")
    if type(cause).__name__ == "DataError":
        return "refused"  # by the driver, before it was sent
    text = str(cause).lower()
    return next((kind for pattern, kind in _TEXTS.items() if re.search(pattern, text)), "failing")

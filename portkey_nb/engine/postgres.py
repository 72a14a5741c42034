"""The run log on a PostgreSQL server: URLs without their passwords, connections that never wait for ever."""

from __future__ import annotations

import inspect
import platform
import time
import zlib
from collections.abc import Generator, Sequence
from functools import lru_cache
from importlib import import_module
from itertools import chain, islice
from typing import Any, TypeGuard

import sqlalchemy as sa

from portkey_nb.errors import StoreError

CONNECT_S = 2
"""Seconds until a server has to have taken a connection: the least that libpq knows."""
LOCK_S = 1.0
"""Seconds that a row waits for another transaction's lock."""
WRITE_S = 1.5
"""Seconds that the server may take for a statement that writes rows; then they go to the spool."""
GRACE_S = 0.5
"""Seconds beyond these until a server that does not even say so is given up."""
CANCEL_S = 1.0
"""Seconds that a server may take to hear that nobody waits for its answer any more."""
AWAY_S = 5.0
"""Seconds that a server which has just failed is left alone."""
SLOW_S = 1.0
"""A failure that takes so long is not to be waited for again at once, not even by a reader."""
READ_S = 120.0
"""Seconds without a word from the server until a question is given up."""
PATIENT_S = 600.0
"""The same for what a person asked to be changed, and for migrations."""
MIGRATION_LOCK_S = 30
"""Seconds that a process waits for another one that upgrades the same database."""
UPGRADES = 0x706F72746B6579
"""The advisory lock of upgrades."""
_ERRANDS = 0x706F7274
"""The group of advisory locks of what one process of a machine does at a time."""
_SECRET = ("password", "sslpassword")
_DRIVER = "postgresql+psycopg"


def normal(url: sa.URL, written: str) -> sa.URL:
    """Return a PostgreSQL URL with the one driver there is for it here.

    Parameters
    ----------
    url : sqlalchemy.URL
    written : str
        What it was read from.

    Raises
    ------
    StoreError
        When it asks for another driver, or its password is not escaped.
    """
    if url.drivername not in ("postgresql", "postgres", _DRIVER):
        raise StoreError(f"the run log's URL asks for {url.drivername!r}; write {_DRIVER}://user@host/database")
    if written.count("@") > 1:  # a part of the password would be read as the host or the database, and shown
        raise StoreError("the run log's URL has more than one `@`; those in its password are written as %40")
    return url.set(drivername=_DRIVER)


def shown(url: sa.URL) -> str:
    """Return a URL with everything secret in it as ``***``."""
    hidden = url.update_query_dict({name: "***" for name in _SECRET if name in url.query})
    return hidden.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def secrets(url: sa.URL) -> list[str]:
    """Return what of a URL must never be shown, the longest first."""
    given = [url.query[name] for name in _SECRET if name in url.query]
    found = {str(url.password)} if url.password else set()
    for each in given:
        found.update([each] if isinstance(each, str) else each)
    return sorted((each for each in found if len(each) > 3), key=len, reverse=True)


def engine(url: sa.URL) -> sa.Engine:
    """Return what opens connections, few of them at a time.

    Raises
    ------
    ImportError
        When psycopg is not installed.
    """
    given = {
        "application_name": "portkey_nb",
        "connect_timeout": CONNECT_S,
        "client_encoding": "utf8",
        # A network that swallows everything is noticed by the kernel.
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    arguments = {name: value for name, value in given.items() if name not in url.query}
    made = sa.create_engine(url, connect_args=arguments, pool_size=2, max_overflow=6, pool_timeout=WRITE_S)
    sa.event.listen(made, "do_connect", _connect)
    sa.event.listen(made, "connect", _configure)
    sa.event.listen(made, "do_execute", _send)
    return made


def limit(connection: sa.Connection, seconds: float) -> None:
    """Give a server this long for each answer; then its connection is closed, which fails."""
    driver: Any = connection.connection.driver_connection
    driver.limit_s = seconds


@lru_cache(maxsize=1)
def _connection_class() -> Any:
    psycopg: Any = import_module("psycopg")  # loaded late: most people have no server

    class Limited(psycopg.Connection):  # type: ignore[misc]
        """A connection that gives up a server that has nothing to say: one that hangs never says so itself."""

        limit_s = WRITE_S + GRACE_S
        sent: Generator[Any, None, None] | None = None

        def commit(self) -> None:
            self.leave(self.sent)
            super().commit()

        def rollback(self) -> None:
            self.leave(self.sent)
            super().rollback()

        def cancel_safe(self, *, timeout: float = CANCEL_S) -> None:
            super().cancel_safe(timeout=min(timeout, CANCEL_S))

        def leave(self, sent: Generator[Any, None, None] | None) -> None:
            """Let the server send no more rows: while it does, nothing else can be said to it."""
            if is_open(sent):
                self.limit_s = WRITE_S + GRACE_S  # who leaves does not wait as long as who reads
                sent.close()

        def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
            return super().wait(self._limited(gen), *args, **kwargs)

        def _limited(self, gen: Any) -> Generator[Any, Any, Any]:
            # The driver's loop looks in every tenth of a second while nothing comes.
            try:
                state = next(gen)
                until = time.monotonic() + self.limit_s
                while True:
                    ready = yield state
                    if ready:
                        until = time.monotonic() + self.limit_s
                    elif time.monotonic() > until:
                        self.close()
                        raise psycopg.OperationalError(f"no answer for {self.limit_s:g} s")
                    state = gen.send(ready)
            except StopIteration as end:
                return end.value

    return Limited


def _connect(_dialect: Any, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
    connection_class = _connection_class()
    try:
        return connection_class.connect(*arguments, **options)
    except UnicodeError as error:  # by the encoding of hosts' names
        reason = f"could not translate host name: {error}"
    raise import_module("psycopg").OperationalError(reason)


def _configure(connection: Any, _record: Any) -> None:
    text = import_module("psycopg.types.string").TextLoader  # the driver is loaded by now
    # msgspec reads it, and no more of it than is asked for.
    connection.adapters.register_loader("jsonb", text)
    connection.autocommit = True
    connection.execute(
        "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false),"
        " set_config('TimeZone', 'UTC', false)",
        (f"{LOCK_S * 1000:.0f}ms", f"{WRITE_S * 1000:.0f}ms"),
    )
    connection.autocommit = False


def rows(connection: sa.Connection, statement: sa.Select[Any], at_once: int) -> Generator[Sequence[Any], None, None]:
    """Read rows as the driver gives them, some at a time, while the server makes the next ones.

    Until all are read, or the generator is closed, nothing else can be asked of the connection.
    """
    driver: Any = connection.connection.driver_connection
    try:
        with connection.execute(statement, execution_options={_AT_ONCE: at_once}) as found:
            context: Any = found.context
            try:
                while some := list(islice(context.rows, at_once)):
                    yield some
            finally:
                driver.leave(context.sent)  # its own: by now the connection may be somebody else's
                if driver.closed and not connection.closed:
                    connection.invalidate()  # else the end of the transaction would fail, and hide why it ends
    except import_module("psycopg").Error as error:
        raise sa.exc.DBAPIError(None, None, error, connection_invalidated=driver.closed) from error


_AT_ONCE = "portkey_nb_rows_at_once"


def is_open(sent: Generator[Any, None, None] | None) -> TypeGuard[Generator[Any, None, None]]:
    """Tell whether rows are still to come."""
    return sent is not None and inspect.getgeneratorstate(sent) != inspect.GEN_CLOSED


def _send(cursor: Any, statement: str, parameters: Any, context: Any) -> bool | None:
    """Execute what :func:`rows` asks, in place of SQLAlchemy, which would wait for all rows, or ask for each part."""
    driver, at_once = cursor.connection, context.execution_options.get(_AT_ONCE)
    if is_open(driver.sent):  # it would wait for itself, for ever
        raise sa.exc.InvalidRequestError("rows are still being read here: read them to the end, or close what does")
    if at_once is None:
        return None
    chunks = import_module("psycopg").capabilities.has_stream_chunked()  # of libpq 17 on; one by one before
    driver.sent = context.sent = cursor.stream(statement, parameters, size=at_once if chunks else 1)
    # With the first row the names of its columns are known.
    context.rows = chain(list(islice(context.sent, 1)), context.sent)
    return True


def lasting(connection: sa.Connection) -> None:
    """Let the statements of this transaction take as long as they need."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def alone(connection: sa.Connection, what: str) -> bool:
    """Take a lock of this machine by its name until the transaction ends; False where another process holds it."""
    key = zlib.crc32(f"{platform.node()} {what}".encode()) - 2**31
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_ERRANDS}, {key})").scalar())


def lock_upgrades(connection: sa.Connection, *, tables: bool) -> None:
    """Wait until nobody else upgrades the database, and let nobody write meanwhile."""
    lasting(connection)
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_LOCK_S}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADES})")
    if tables:
        connection.exec_driver_sql("LOCK TABLE runs, bodies, conversations, turns IN EXCLUSIVE MODE")

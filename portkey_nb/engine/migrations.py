"""The run log's schema, step by step: numbered migrations, each of them final once it is released."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa


class RefusedSchema(Exception):
    """The database is not one that this version may write.

    Attributes
    ----------
    kind : {"newer", "foreign", "encoding", "damaged"}
        Written by a newer portkey_nb or by another program, unable to hold every text, or changed by hand.
    server : bool
        Whether it is a server's, and no file.
    """

    def __init__(self, kind: str, reason: str, *, server: bool = False) -> None:
        super().__init__(reason)
        self.kind, self.server = kind, server


@dataclass(frozen=True)
class Migration:
    """One step, from the number before it to its own."""

    number: int
    name: str
    apply: Callable[[sa.Connection], None]


def _statements(*ddl: str) -> Callable[[sa.Connection], None]:
    def apply(connection: sa.Connection) -> None:
        types = _TYPES[connection.dialect.name == "postgresql"]
        for statement in ddl:
            connection.exec_driver_sql(_WORDS.sub(lambda word: types.get(word[0], word[0]), statement))

    return apply


# Words of the tables below that are others in SQLite and in PostgreSQL, where texts are to be ordered byte by byte
# as in SQLite, whatever the server's language.
_WORDS = re.compile(r"\b(?:JSON|TEXT)\b")
_TYPES: tuple[dict[str, str], dict[str, str]] = (
    {"JSON": "TEXT"},
    {"JSON": "JSONB", "TEXT": 'TEXT COLLATE "C"'},
)
# Plain SQL types that both take. Times are microseconds since 1970 in UTC.
_RUNS = """
CREATE TABLE runs (
    run_id TEXT NOT NULL PRIMARY KEY,
    group_id TEXT,
    group_label TEXT,
    conversation_id TEXT,
    source TEXT,
    notebook TEXT,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    status TEXT NOT NULL,
    provider TEXT,
    model TEXT,
    demo BOOLEAN,
    trace_id TEXT,
    cost_usd DOUBLE PRECISION,
    cached BOOLEAN,
    cache_key TEXT,
    detail JSON NOT NULL,
    notes JSON
)"""
# Apart from the facts, so that a frame of figures does not read through megabytes of text.
_BODIES = """
CREATE TABLE bodies (
    run_id TEXT NOT NULL PRIMARY KEY,
    prompt TEXT,
    answer TEXT,
    rest JSON NOT NULL
)"""
_CONVERSATIONS = """
CREATE TABLE conversations (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    head TEXT,
    system_text TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (scope, name)
)"""
_TURNS = """
CREATE TABLE turns (
    conversation_id TEXT NOT NULL,
    turn_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    content JSON NOT NULL,
    PRIMARY KEY (conversation_id, turn_id)
)"""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "runs, their bodies, and conversations",
        _statements(
            _RUNS,
            "CREATE INDEX runs_by_time ON runs (started_at, run_id)",
            "CREATE INDEX runs_by_group ON runs (group_id)",
            "CREATE INDEX runs_by_cache_key ON runs (cache_key)",
            _BODIES,
            _CONVERSATIONS,
            _TURNS,
        ),
    ),
    Migration(
        2,
        "indexes for what is asked of a large log",
        _statements(
            # By time within what is chosen, since the last ones are asked for; run_id settles ties.
            "CREATE INDEX runs_by_model ON runs (model, started_at, run_id)",
            "CREATE INDEX runs_by_status ON runs (status, started_at, run_id)",
            "CREATE INDEX runs_by_notebook ON runs (notebook, started_at, run_id)",
            "CREATE INDEX runs_by_conversation ON runs (conversation_id, started_at, run_id)",
            "DROP INDEX runs_by_cache_key",
            "CREATE INDEX runs_by_cache_key ON runs (cache_key, started_at, run_id)",
            "CREATE INDEX runs_by_group_label ON runs (group_label)",
            "CREATE INDEX runs_by_trace ON runs (trace_id)",
            "CREATE INDEX conversations_by_id ON conversations (conversation_id)",
        ),
    ),
)
LATEST = MIGRATIONS[-1].number

_VERSIONS = sa.table("schema_version", sa.column("number"), sa.column("name"), sa.column("applied_at"))
_OURS = frozenset({"runs", "bodies", "conversations", "turns"})


def version(connection: sa.Connection) -> int:
    """Return the number of the newest migration that a database has; 0 for an empty one.

    Raises
    ------
    RefusedSchema
        When it is a newer version's, another program's, one that cannot hold every text, or does not say its number.
    """
    server = connection.dialect.name == "postgresql"
    inspector = sa.inspect(connection)
    names = set(inspector.get_table_names())
    if "schema_version" not in names:
        if names & _OURS:
            raise RefusedSchema("foreign", f"it holds another program's table `{min(names & _OURS)}`", server=server)
        encoding = str(connection.exec_driver_sql("SHOW server_encoding").scalar()) if server else "UTF8"
        if encoding != "UTF8":
            raise RefusedSchema("encoding", f"its encoding is {encoding}", server=server)
        return 0
    if "number" not in {column["name"] for column in inspector.get_columns("schema_version")}:
        raise RefusedSchema("foreign", "it holds another program's table `schema_version`", server=server)
    found = check(connection)
    if not found and names & _OURS:
        reason = f"its table `schema_version` is empty, though it has a table `{min(names & _OURS)}`"
        raise RefusedSchema("damaged", reason, server=server)
    return found


def check(connection: sa.Connection) -> int:
    """Return the number of the newest migration, by one look-up.

    Raises
    ------
    RefusedSchema
        When a newer version has taken the database over meanwhile.
    """
    found = int(connection.exec_driver_sql("SELECT max(number) FROM schema_version").scalar() or 0)
    if found > LATEST:
        reason = f"its schema has number {found}, and this portkey_nb knows {LATEST}"
        raise RefusedSchema("newer", reason, server=connection.dialect.name == "postgresql")
    return found


def upgrade(connection: sa.Connection) -> None:
    """Bring a database to the newest schema, inside the caller's transaction, which must hold the write lock."""
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT)"
    )
    present = version(connection)
    for step in MIGRATIONS:
        if step.number > present:
            step.apply(connection)
            values = {"number": step.number, "name": step.name, "applied_at": datetime.now(UTC).isoformat()}
            connection.execute(sa.insert(_VERSIONS).values(values))

"""The columns of a frame out of the run log, some rows at a time, as SQLAlchemy Core and msgspec."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa

from portkey_nb.engine import column_types, postgres
from portkey_nb.engine.column_types import JSON, LABEL, LONGEST_LABEL, TEXT
from portkey_nb.engine.columns import Choice
from portkey_nb.engine.filters import Filter
from portkey_nb.engine.tables import BODIES, BODY_COLUMNS, DAMAGE, NOTED, RUNS, facts, noted

_ORDER = (RUNS.c.started_at, RUNS.c.run_id)
"""Runs in the order in which they began."""
NEWEST_FIRST = tuple(column.desc() for column in _ORDER)
_AT_ONCE = 400
"""Rows read and decoded together: few enough for the processor's own memory, many enough for the work per part."""
_FEW = 10
"""Facts that a server is asked for one by one: more of them cost it as much as all that it has."""
_REPEATED = frozenset(
    ("group_id", "group_label", "source", "notebook", "status", "provider", "model", "demo", "cached")
)
"""Searched columns with few different values."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows by column: lists of equal length, None where a value is unknown, times as microseconds since 1970."""

    run_ids: Sequence[str]
    values: Mapping[str, Sequence[Any]]
    scores: Sequence[Mapping[str, Any] | None] = ()
    characters: int = 0
    """Of the texts and objects among them, about."""
    packed: Sequence[str] = ()
    """What of each row repeats, as one JSON list of the values of :func:`packed`."""


Reader = Callable[[Sequence[Any]], dict[str, Sequence[Any]]]
"""What makes columns out of JSON texts, one text to a row."""


def parts(connection: sa.Connection | None, choice: Choice, which: Filter) -> Generator[Part, None, None]:
    """Read the chosen columns of the runs that fit, some rows at a time: the oldest first, or with ``n`` the newest.

    Close it where it is not read to the end: a server goes on sending.
    """
    if connection is None:
        return
    asked, inside = _asked(connection, choice)
    bodies = {"rest", *(column.name for column in choice.columns if column.place == "body")}
    long = [name for name in asked if name in bodies]
    # Nothing is read of the bodies where nothing of them is asked for.
    source = RUNS.outerjoin(BODIES, BODIES.c.run_id == RUNS.c.run_id) if long else RUNS
    for rows in _rows(connection, _ordered(sa.select(*asked.values()).select_from(source), which)):
        part: dict[str, Sequence[Any]] = dict(zip(asked, zip(*rows, strict=True), strict=True))
        if connection.dialect.name != "sqlite":
            part = {name: column_types.read(asked[name], values) for name, values in part.items()}
        characters = sum(sum(map(len, filter(None, part[name]))) for name in long)
        for name, columns in inside.items():
            part.update(columns(part.pop(name)))
        _lay_notes(part)
        yield Part(part.pop("run_id"), part, part.pop("scores", ()), characters, part.pop("packed", ()))


def _asked(connection: sa.Connection, choice: Choice) -> tuple[dict[str, sa.ColumnElement[Any]], dict[str, Reader]]:
    """Return what is selected by name, and what makes columns of those that are JSON."""
    named = {column.name: column.place for column in choice.columns}
    together = packed(connection, choice)
    alone = [name for name, place in named.items() if place == "column" and name not in together]
    facts = [name for name, place in named.items() if place == "detail"]
    rest = [name for name, place in named.items() if place == "body" and name not in BODY_COLUMNS]
    scored = ["scores"] if choice.scores != () else []
    asked: dict[str, sa.ColumnElement[Any]] = {"run_id": RUNS.c.run_id}
    asked.update({name: _direct(connection, name) for name in alone})
    if together:
        asked["packed"] = sa.func.json_array(*(RUNS.c[name] for name in together), type_=sa.Text)
    asked.update({name: column for name, column in BODY_COLUMNS.items() if name in named})
    inside: dict[str, Reader] = {}
    for column, names in ((RUNS.c.detail, [*facts, *scored]), (BODIES.c.rest, rest)):
        if connection.dialect.name != "sqlite" and len(names) <= _FEW:
            asked.update({name: _fact(column, name) for name in names})
            inside.update({name: partial(_values, name) for name in names})
        elif names:
            asked[column.name], inside[column.name] = json_of(connection, column), _reader(names)
    if scored or not NOTED.isdisjoint(named):
        asked["notes"] = RUNS.c.notes
    return asked, inside


def packed(connection: sa.Connection | None, choice: Choice) -> tuple[str, ...]:
    """Return the chosen columns that are read as one JSON list.

    Each value that leaves SQLite costs about as much as the whole list, of which a log has few different ones.
    """
    if connection is None or connection.dialect.name != "sqlite" or sqlite3.sqlite_version_info < (3, 38):
        return ()
    names = tuple(column.name for column in choice.columns if column.name in _REPEATED)
    return names if len(names) > 2 else ()


def _rows(connection: sa.Connection, statement: sa.Select[Any]) -> Generator[Sequence[Any], None, None]:
    """Read rows as the driver gives them, without an object of SQLAlchemy around each."""
    if connection.dialect.name != "sqlite":
        yield from postgres.rows(connection, statement, _AT_ONCE)
        return
    with connection.execute(statement) as found:
        while rows := found.cursor.fetchmany(_AT_ONCE):
            yield rows


def _direct(connection: sa.Connection, name: str) -> sa.ColumnElement[Any]:
    column = RUNS.c[name]
    if connection.dialect.name != "sqlite" and column.type is LABEL:
        # A server's column holds the beginning of a long text; the whole of it is in the JSON.
        whole = sa.func.coalesce(RUNS.c.detail.op("->>")(sa.literal_column(f"'{name}'")), column)
        return sa.type_coerce(sa.case((sa.func.length(column) >= LONGEST_LABEL, whole), else_=column), TEXT)
    # Converting truth values one by one would slow down every row; the frame does it for a whole column.
    return sa.type_coerce(column, sa.Integer) if isinstance(column.type, sa.Boolean) else column


def json_of(connection: sa.Connection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return what reads a column of JSON as the database gives it most quickly."""
    # SQLite hands bytes over as they are, and of a text it makes one of Python's first.
    return sa.cast(column, sa.LargeBinary) if connection.dialect.name == "sqlite" else column


def _fact(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[Any]:
    return sa.type_coerce(column.op("->")(sa.literal_column(f"'{name}'")), JSON)


def _ordered(statement: sa.Select[Any], which: Filter) -> sa.Select[Any]:
    statement = statement.where(*which.clauses)
    return statement.order_by(*_ORDER) if which.n is None else statement.order_by(*NEWEST_FIRST).limit(which.n)


def _reader(names: list[str]) -> Reader:
    """Return what makes columns of these names."""
    # A struct with just these fields: msgspec skips what is not asked for, and the collector has nothing to follow.
    shape = msgspec.defstruct("Shape", [(name, Any, None) for name in names], gc=False)
    decode, values_of = msgspec.json.Decoder(list[shape]).decode, msgspec.structs.astuple  # type: ignore[valid-type]

    def columns(texts: Sequence[str | bytes | None]) -> dict[str, Sequence[Any]]:
        # Decoded at once: quicker than one by one.
        try:
            decoded = decode(_joined(texts))
        except DAMAGE:
            decoded = []
        if len(decoded) != len(texts):  # one of them is damaged, and the others are not
            decoded = [shape(**{name: found.get(name) for name in names}) for found in map(facts, texts)]
        rows = map(values_of, decoded)
        return dict(zip(names, zip(*rows, strict=True), strict=True))

    return columns


def _values(name: str, texts: Sequence[str | None]) -> dict[str, Sequence[Any]]:
    """Return one column out of a JSON text for each row."""
    try:
        return {name: msgspec.json.decode(f"[{','.join(text or 'null' for text in texts)}]")}
    except DAMAGE:
        return {name: [facts(text and f'{{"{name}":{text}}}').get(name) for text in texts]}


def _joined(texts: Sequence[str | bytes | None]) -> str | bytes:
    try:
        return b"[%b]" % b",".join(texts)  # type: ignore[arg-type]
    except TypeError:
        known = (text.decode() if isinstance(text, bytes) else text or "{}" for text in texts)
        return f"[{','.join(known)}]"


def _lay_notes(values: dict[str, Sequence[Any]]) -> None:
    """Lay what was annotated later over the columns, in place."""
    notes = values.pop("notes", ())
    if not any(notes):
        return
    columns = {name: list(values[name]) for name in (*NOTED, "scores") if name in values}
    for at, note in enumerate(notes):
        if note:
            row = noted({name: column[at] for name, column in columns.items()}, note)
            for name, column in columns.items():
                column[at] = row[name]
    values.update(columns)

"""What is asked of the run log, as SQLAlchemy Core: filters, frames' columns, whole runs, totals, annotations."""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from portkey_nb.engine.column_types import LABEL, LONGEST_LABEL, TEXT
from portkey_nb.engine.columns import Choice
from portkey_nb.engine.plain import to_json
from portkey_nb.engine.record import STATUSES, Run
from portkey_nb.engine.tables import BODIES, BODY_COLUMNS, RUNS, damaged, facts, noted, read, to_micros
from portkey_nb.errors import StoreError

_ORDER = (RUNS.c.started_at, RUNS.c.run_id)
_NEWEST_FIRST = tuple(column.desc() for column in _ORDER)
_AT_ONCE = 200
"""Rows read and decoded together: few enough for the processor's own memory, many enough for the work per part."""
_SERVER_AT_ONCE = 2000
"""The same, of a server that has to be asked for each of them."""
_IDS_AT_ONCE = 500
"""Ids in one statement: SQLite takes no more than 999 values in its older builds."""
_LONG = frozenset({*BODY_COLUMNS, "rest"})
_REPEATED = frozenset(
    ("group_id", "group_label", "source", "notebook", "status", "provider", "model", "demo", "cached")
)
"""Searched columns with few different values."""
_NOTED = frozenset({"rating", "rating_note", "passed", "tags"})
_AGO = re.compile(r"(\d{1,6})\s*(minute|hour|day|week)s?(?:\s+ago)?", re.I)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs, checked and in the database's terms."""

    n: int | None = None
    clauses: tuple[sa.ColumnElement[bool], ...] = ()

    @classmethod
    def of(cls, *, n: Any, status: Any, model: Any, group: Any, since: Any, conversation: Any = None) -> Filter:
        """Read what a caller gave; see :func:`portkey_nb.runs`.

        Raises
        ------
        StoreError
            When an argument cannot be understood.
        """
        if n is not None and (isinstance(n, bool) or not hasattr(n, "__index__") or n < 0):
            raise StoreError(f"n is {n!r}; give how many of the last runs to show, as a whole number")
        clauses: list[sa.ColumnElement[bool]] = []
        if status is not None:
            names = _names("status", status)
            for name in names:
                _check_status(name)
            clauses.append(RUNS.c.status.in_(names))
        if model is not None:
            clauses.append(RUNS.c.model.in_(_names("model", model)))
        if group is not None:
            clauses.append(sa.or_(RUNS.c.group_id == str(group), RUNS.c.group_label == str(group)))
        if conversation is not None:
            clauses.append(RUNS.c.conversation_id == str(conversation))
        if since is not None:
            clauses.append(RUNS.c.started_at >= moment(getattr(since, "to_pydatetime", lambda: since)()))
        return cls(None if n is None else int(n), tuple(clauses))


def _names(what: str, given: Any) -> list[str]:
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, Sequence) else [given]
    if not all(isinstance(name, str) for name in names):
        raise StoreError(f"{what} is {given!r}; give a name or a list of names")
    return names


def _check_status(name: str) -> None:
    if name not in STATUSES:
        close = difflib.get_close_matches(name, STATUSES, 1)
        hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(STATUSES)}"
        raise StoreError(f"no status {name!r}; {hint}")


def ago(text: str) -> timedelta | None:
    """Read how long ago, in minutes, hours, days or weeks; None where a text says something else.

    Examples
    --------
    >>> ago("2 hours"), ago("1 day ago"), ago("2026-01-31")
    (datetime.timedelta(seconds=7200), datetime.timedelta(days=1), None)
    """
    found = _AGO.fullmatch(text.strip())
    return None if found is None else timedelta(**{f"{found[2].lower()}s": int(found[1])})


def moment(since: Any) -> int:
    """Return microseconds since 1970 of a time, its text, a day, or how long ago; without zone it is local time."""
    found = since
    try:
        if isinstance(since, str):
            span = ago(since)
            found = datetime.fromisoformat(since.strip()) if span is None else span
        if isinstance(found, timedelta):
            found = datetime.now(UTC) - found
    except (ValueError, OverflowError):
        found = None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)
    if not isinstance(found, datetime):
        raise StoreError(
            f"since is {since!r}; give a datetime, a timedelta, or a text like '2026-01-31 14:00' or '2 hours'"
        )
    micros = to_micros(found.astimezone())
    assert micros is not None
    return micros


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


def parts(connection: sa.Connection, choice: Choice, which: Filter) -> Generator[Part, None, None]:
    """Read the chosen columns of the runs that fit, some rows at a time: the oldest first, or with ``n`` the newest."""
    named = {column.name: column.place for column in choice.columns}
    direct = [name for name, place in named.items() if place == "column"]
    texts = [name for name in named if name in BODY_COLUMNS]
    facts = [name for name, place in named.items() if place == "detail"]
    rest = [name for name, place in named.items() if place == "body" and name not in BODY_COLUMNS]
    scored = ["scores"] if choice.scores != () else []
    together = packed(connection, choice)
    alone = [name for name in direct if name not in together]
    asked: dict[str, sa.ColumnElement[Any]] = {
        "run_id": RUNS.c.run_id,
        **{name: _direct(connection, name) for name in alone},
    }
    if together:
        asked["packed"] = sa.func.json_array(*(RUNS.c[name] for name in together), type_=sa.Text)
    asked.update({name: BODY_COLUMNS[name] for name in texts})
    inside: dict[str, Callable[..., dict[str, Sequence[Any]]]] = {}
    if facts or scored:
        asked["detail"], inside["detail"] = _json(connection, RUNS.c.detail), _reader([*facts, *scored])
    if rest:
        asked["rest"], inside["rest"] = _json(connection, BODIES.c.rest), _reader(rest)
    if scored or not _NOTED.isdisjoint(named):
        asked["notes"] = RUNS.c.notes
    # Nothing is read of the bodies where nothing of them is asked for.
    source = RUNS.outerjoin(BODIES, BODIES.c.run_id == RUNS.c.run_id) if texts or rest else RUNS
    for rows in _rows(connection, _ordered(sa.select(*asked.values()).select_from(source), which)):
        part: dict[str, Sequence[Any]] = dict(zip(asked, zip(*rows, strict=True), strict=True))
        characters = sum(sum(map(len, filter(None, part[name]))) for name in asked if name in _LONG)
        for name, columns in inside.items():
            part.update(columns(part.pop(name)))
        _lay_notes(part)
        yield Part(part.pop("run_id"), part, part.pop("scores", ()), characters, part.pop("packed", ()))


def packed(connection: sa.Connection | None, choice: Choice) -> tuple[str, ...]:
    """Return the chosen columns that are read as one JSON list.

    Each value that leaves SQLite costs about as much as the whole list, of which a log has few different ones.
    """
    if connection is None or connection.dialect.name != "sqlite" or sqlite3.sqlite_version_info < (3, 38):
        return ()
    names = tuple(column.name for column in choice.columns if column.name in _REPEATED)
    return names if len(names) > 2 else ()


def _rows(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """Read rows as the driver gives them, without an object of SQLAlchemy around each."""
    if connection.dialect.name != "sqlite":
        with connection.execute(statement, execution_options={"yield_per": _SERVER_AT_ONCE}) as found:
            yield from found.partitions()
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


def _json(connection: sa.Connection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # SQLite hands bytes over as they are, and of a text it makes one of Python's first.
    return sa.cast(column, sa.LargeBinary) if connection.dialect.name == "sqlite" else column


def _ordered(statement: sa.Select[Any], which: Filter) -> sa.Select[Any]:
    statement = statement.where(*which.clauses)
    return statement.order_by(*_ORDER) if which.n is None else statement.order_by(*_NEWEST_FIRST).limit(which.n)


def _reader(names: list[str]) -> Callable[[Sequence[Any]], dict[str, Sequence[Any]]]:
    """Return what makes columns of these names out of JSON texts, one text to a row."""
    # A struct with just these fields: msgspec skips what is not asked for, and the collector has nothing to follow.
    shape = msgspec.defstruct("Shape", [(name, Any, None) for name in names], gc=False)
    decode, values_of = msgspec.json.Decoder(list[shape]).decode, msgspec.structs.astuple  # type: ignore[valid-type]

    def columns(texts: Sequence[str | bytes | None]) -> dict[str, Sequence[Any]]:
        # Decoded at once: quicker than one by one.
        try:
            decoded = decode(_joined(texts))
        except (msgspec.DecodeError, UnicodeDecodeError):
            decoded = []
        if len(decoded) != len(texts):  # one of them is damaged, and the others are not
            decoded = [shape(**{name: found.get(name) for name in names}) for found in map(facts, texts)]
        rows = map(values_of, decoded)
        return dict(zip(names, zip(*rows, strict=True), strict=True))

    return columns


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
    columns = {name: list(values[name]) for name in (*_NOTED, "scores") if name in values}
    for at, note in enumerate(notes):
        if note:
            row = noted({name: column[at] for name, column in columns.items()}, note)
            for name, column in columns.items():
                column[at] = row[name]
    values.update(columns)


def _whole() -> sa.Select[Any]:
    joined = RUNS.outerjoin(BODIES, BODIES.c.run_id == RUNS.c.run_id)
    return sa.select(RUNS, BODIES.c.prompt, BODIES.c.answer, BODIES.c.rest).select_from(joined)


def one(run_id: str) -> sa.Select[Any]:
    """Select the run of an id."""
    return _whole().where(RUNS.c.run_id == run_id)


def several(connection: sa.Connection, run_ids: Sequence[str]) -> list[Run]:
    """Read the runs of some ids, without the messages that each of them sent."""
    found: list[Run] = []
    for at in range(0, len(run_ids), _IDS_AT_ONCE):
        some = RUNS.c.run_id.in_(list(run_ids[at : at + _IDS_AT_ONCE]))
        found += [read(row._asdict(), messages=False) for row in connection.execute(_whole().where(some))]
    return found


def latest(n: int) -> sa.Select[Any]:
    """Select the last runs, newest first."""
    return _whole().order_by(*_NEWEST_FIRST).limit(max(0, n))


def models(connection: sa.Connection, n: int) -> list[str]:
    """Return the models of the latest runs, the last one first, each once."""
    last = sa.select(RUNS.c.model).where(RUNS.c.model.is_not(None)).order_by(*_NEWEST_FIRST).limit(n)
    return list(dict.fromkeys(str(name) for name in connection.scalars(last)))


def answered(connection: sa.Connection, cache_key: str) -> Run | None:
    """Read the newest successful run with a cache key; None where there is none, or it is damaged."""
    asked = latest(1).where(RUNS.c.cache_key == cache_key, RUNS.c.status == "ok")
    row = connection.execute(asked).first()
    # Half an answer would be shown as the whole of it, for nothing.
    return None if row is None or damaged(row.detail) or damaged(row.rest) else read(row._asdict())


def fetch(connection: sa.Connection, statement: sa.Select[Any]) -> list[Run]:
    """Read whole runs."""
    return [read(row._asdict()) for row in connection.execute(statement)]


@dataclass(frozen=True, slots=True)
class Totals:
    """What was called and what it cost.

    Attributes
    ----------
    calls : int
        All runs, those from a cache and of the demo gateway included.
    failed : int
        Those that ended with an error or incomplete.
    cost_usd : float
        What was paid: neither the demo gateway's play money nor what came from a cache.
    unpriced : int
        Answers that were paid for at an unknown price.
    demo_calls : int
        Runs that the demo gateway answered.
    """

    calls: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    demo_calls: int = 0


def totals(connection: sa.Connection, since: int | None) -> Totals:
    """Sum up the runs since a time, in microseconds since 1970."""
    demo = sa.func.coalesce(RUNS.c.demo, sa.false())
    paid = sa.and_(sa.not_(demo), sa.not_(sa.func.coalesce(RUNS.c.cached, sa.false())))
    unknown = sa.and_(paid, RUNS.c.cost_usd.is_(None), RUNS.c.status.in_(["ok", "incomplete", "interrupted"]))

    def count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    statement = sa.select(
        sa.func.count(),
        count(RUNS.c.status.in_(["error", "incomplete"])),
        sa.func.coalesce(sa.func.sum(sa.case((paid, RUNS.c.cost_usd), else_=0.0)), 0.0),
        count(unknown),
        count(demo),
    ).select_from(RUNS)
    if since is not None:
        statement = statement.where(RUNS.c.started_at >= since)
    calls, failed, cost, unpriced, demos = connection.execute(statement).one()
    return Totals(int(calls), int(failed), float(cost), int(unpriced), int(demos))


def cleared(names: str | Sequence[str]) -> dict[str, None]:
    """Return the notes that take others back.

    Raises
    ------
    StoreError
        When a name is none of a note.
    """
    given = _names("clear", names)
    for name in given:
        if name not in _NOTED:
            raise StoreError(f"{name!r} cannot be cleared; there are {', '.join(sorted(_NOTED))}")
    return dict.fromkeys(given)


def annotate(connection: sa.Connection, run_id: str, fresh: Mapping[str, Any]) -> bool:
    """Add notes to a run inside a writing transaction; False where there is no such run."""
    # Where several write at once the row is locked, lest one note overwrite another; SQLite has one writer.
    row = sa.select(_json(connection, RUNS.c.notes)).where(RUNS.c.run_id == run_id).with_for_update()
    found = connection.execute(row).first()
    if found is None:
        return False
    text = found[0].decode(errors="replace") if isinstance(found[0], bytes) else found[0]
    # What is no JSON is kept as a text, where a person may still find a judgement in it.
    notes: dict[str, Any] = {"damaged": text} if text and damaged(text) else facts(text)
    # When each was noted: where a log is copied into another one, the newer notes win.
    now = to_micros(datetime.now(UTC))
    joined = {**notes, **fresh, "noted_at": {**notes.get("noted_at", {}), **dict.fromkeys(fresh, now)}}
    if "scores" in notes or "scores" in fresh:
        joined["scores"] = {**notes.get("scores", {}), **fresh.get("scores", {})}
    connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(notes=to_json(joined)))
    return True

"""The tables as SQLAlchemy Core knows them, and a Run as their rows and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portkey_nb.engine.column_types import JSON, LABEL, LONGEST_LABEL, TEXT
from portkey_nb.engine.columns import COLUMNS
from portkey_nb.engine.plain import integer, mend, number, plain, to_json, truth
from portkey_nb.engine.record import Run

_meta = sa.MetaData()

RUNS = sa.Table(
    "runs",
    _meta,
    sa.Column("run_id", TEXT, primary_key=True),
    *(sa.Column(name, LABEL) for name in ("group_id", "group_label", "conversation_id", "source", "notebook")),
    sa.Column("started_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger),
    *(sa.Column(name, LABEL) for name in ("status", "provider", "model")),
    sa.Column("demo", sa.Boolean(create_constraint=False)),
    sa.Column("trace_id", LABEL),
    sa.Column("cost_usd", sa.Double),
    sa.Column("cached", sa.Boolean(create_constraint=False)),
    sa.Column("cache_key", LABEL),
    *(sa.Column(name, JSON) for name in ("detail", "notes")),
)
BODIES = sa.Table(
    "bodies",
    _meta,
    sa.Column("run_id", TEXT, primary_key=True),
    *(sa.Column(name, TEXT) for name in ("prompt", "answer")),
    sa.Column("rest", JSON),
)
CONVERSATIONS = sa.Table(
    "conversations",
    _meta,
    sa.Column("scope", TEXT, primary_key=True),
    sa.Column("name", TEXT, primary_key=True),
    *(sa.Column(name, TEXT) for name in ("conversation_id", "head", "system_text")),
    sa.Column("updated_at", sa.BigInteger),
)
TURNS = sa.Table(
    "turns",
    _meta,
    sa.Column("conversation_id", TEXT, primary_key=True),
    sa.Column("turn_id", TEXT, primary_key=True),
    sa.Column("place", sa.Integer),
    sa.Column("content", JSON),
)

BODY_COLUMNS = {"prompt": BODIES.c.prompt, "text": BODIES.c.answer}
"""The texts with columns of their own: those that a frame shows unless told otherwise."""

NOTED = frozenset({"rating", "rating_note", "passed", "tags"})
"""The columns that may be annotated later, beside scores."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def insert_for(connection: sa.Connection, table: sa.Table) -> Any:
    """Return the dialect's INSERT, the one statement here that is not the same in every SQL."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def to_micros(moment: datetime | None) -> int | None:
    """Return microseconds since 1970; a time without zone counts as UTC."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def from_micros(micros: int | None) -> datetime | None:
    """Return an aware time in UTC."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def _text(value: Any) -> str:
    return mend(value) if isinstance(value, str) else mend(str(plain(value)))


_HIDE = frozenset({"params", "dropped_params", "metadata", "vars", "tags"})
_CLEAN: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "category": _text,
    "Int64": integer,
    "Float64": number,
    "boolean": truth,
    "time": to_micros,
}
_FIELDS = attrgetter(*(column.name for column in COLUMNS))
_WRITE = tuple(
    (column.name, _CLEAN.get(column.kind) or partial(plain, hide=column.name in _HIDE)) for column in COLUMNS
)
"""What makes a plain value of each column's."""


def clean(run: Run) -> dict[str, Any]:
    """Return a run's fields as plain JSON values of the right kind, times as microseconds, secrets as ``***``."""
    row: dict[str, Any] = {
        name: None if value is None else write(value) for (name, write), value in zip(_WRITE, _FIELDS(run), strict=True)
    }
    row["status"] = row["status"] or "started"
    row["config"] = _config(row["config"])
    row["cache_key"] = run.cache_key
    row["scores"] = scores(run.scores)
    return row


def scores(given: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the scores that are numbers, by scorer."""
    found = {mend(str(name)): number(score) for name, score in (given or {}).items()}
    return {name: score for name, score in found.items() if score is not None}


def _config(text: str | None) -> str | None:
    """Strike secrets out of an inline Config once more; the caller should have done so."""
    if text is None or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return to_json(plain(msgspec.json.decode(text), hide=True))
    except msgspec.DecodeError:
        return text


_SEARCHED = tuple(column.name for column in COLUMNS if column.place == "column")
_DETAIL = tuple(column.name for column in COLUMNS if column.place == "detail")
_LABELS = tuple(column.name for column in RUNS.columns if column.type is LABEL)
_REST = tuple(column.name for column in COLUMNS if column.place == "body" and column.name not in BODY_COLUMNS)


def split(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a clean row as one of ``runs`` and one of ``bodies``."""
    detail = {name: value for name in _DETAIL if (value := row.get(name)) is not None}
    if row.get("scores"):
        detail["scores"] = row["scores"]
    # Whole, wherever a column holds no more than their beginning.
    detail.update({name: text for name in _LABELS if (text := row.get(name)) and len(text) > LONGEST_LABEL})
    main = {name: row.get(name) for name in _SEARCHED}
    main.update(cache_key=row.get("cache_key"), detail=to_json(detail))
    rest = {name: value for name in _REST if (value := row.get(name)) is not None}
    body = {
        "run_id": row["run_id"],
        "prompt": row.get("prompt"),
        "answer": row.get("text"),
        "rest": to_json(rest),
    }
    return main, body


def sound(row: Mapping[str, Any]) -> bool:
    """Tell whether a row that was read from a file is one that the tables can take."""
    main, body = split(row)
    values = [*main.values(), *body.values()]
    return (
        all(value is None or isinstance(value, str | float) or integer(int(value)) is not None for value in values)
        and isinstance(row["run_id"], str)
        and isinstance(row["started_at"], int)
        and isinstance(row["status"], str)
    )


# msgspec skips what a struct does not name: the long part of a row is not made into objects.
_WITHOUT_MESSAGES = msgspec.defstruct("_WithoutMessages", [(name, Any, None) for name in _REST if name != "messages"])


def read(main: Mapping[str, Any], *, messages: bool = True) -> Run:
    """Make a run of a row of ``runs`` joined with its ``bodies``, with or without the messages that it sent.

    As in a frame, what of it is damaged is unknown.
    """
    row: dict[str, Any] = {name: main[name] for name in (*_SEARCHED, "cache_key")}
    row.update(facts(main["detail"]))
    row.update(facts(main["rest"]) if messages else _without_messages(main["rest"]))
    row.update(prompt=main["prompt"], text=main["answer"])
    row.update(started_at=from_micros(main["started_at"]), ended_at=from_micros(main["ended_at"]))
    return Run.from_row(noted(row, main["notes"]))


DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading a text raises that holds no JSON, or none that can be read."""


def facts(text: str | bytes | None) -> dict[str, Any]:
    """Return the object that a JSON text holds; an empty one where it is damaged, which :func:`upkeep.check` tells."""
    return _decoded(text) or {}


def damaged(text: str | bytes | None) -> bool:
    """Tell whether a text holds no JSON object, or nothing."""
    return _decoded(text) is None


def _decoded(text: str | bytes | None) -> dict[str, Any] | None:
    try:
        return _object(text) if text else None
    except DAMAGE:
        return None


def _without_messages(text: str | bytes | None) -> dict[str, Any]:
    try:
        return msgspec.structs.asdict(msgspec.json.decode(text or "{}", type=_WITHOUT_MESSAGES))
    except DAMAGE:
        return {}


_object = msgspec.json.Decoder(dict[str, Any]).decode


def noted(row: dict[str, Any], notes: str | None) -> dict[str, Any]:
    """Lay what was annotated later over a row; scores add to those there are."""
    if notes:
        later = facts(notes)
        row = {**row, **later, "scores": {**(row.get("scores") or {}), **later.get("scores", {})}}
    return row


def put_run(connection: sa.Connection, row: Mapping[str, Any], *, whole: bool) -> None:
    """Write a clean row.

    Parameters
    ----------
    whole : bool
        True completes or makes the row; False makes it, and leaves one that is there already as it is.
    """
    put_runs(connection, [row], whole=whole)


def put_runs(connection: sa.Connection, rows: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
    """Write several clean rows; parameters as for :func:`put_run`."""
    pairs = [split(row) for row in rows]
    for at, table in enumerate((RUNS, BODIES)):
        given: Any = [pair[at] for pair in pairs]
        # Many rows go to a server without waiting for each; with one row that costs more than it saves.
        connection.execute(_statement(connection.dialect.name, table, whole), given if len(given) > 1 else given[0])


_statements: dict[tuple[str, str, bool], Any] = {}


def _statement(dialect: str, table: sa.Table, whole: bool) -> Any:
    key = (dialect, table.name, whole)
    if key not in _statements:
        names = [column.name for column in table.columns if column.name != "notes"]
        insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
        insert = insert.values({name: sa.bindparam(name) for name in names})
        fresh = {name: insert.excluded[name] for name in names if name != "run_id"}
        _statements[key] = (
            insert.on_conflict_do_update(index_elements=["run_id"], set_=fresh)
            if whole
            else insert.on_conflict_do_nothing(index_elements=["run_id"])
        )
    return _statements[key]

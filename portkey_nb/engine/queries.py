"""What is asked of the run log, as SQLAlchemy Core: whole runs, totals, annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from portkey_nb.engine.filters import names_of
from portkey_nb.engine.parts import NEWEST_FIRST, json_of
from portkey_nb.engine.plain import to_json
from portkey_nb.engine.record import Run
from portkey_nb.engine.tables import BODIES, NOTED, RUNS, damaged, facts, read, to_micros
from portkey_nb.errors import StoreError

_IDS_AT_ONCE = 500
"""Ids in one statement: SQLite takes no more than 999 values in its older builds."""


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
    return _whole().order_by(*NEWEST_FIRST).limit(max(0, n))


def models(connection: sa.Connection, n: int) -> list[str]:
    """Return the models of the latest runs, the last one first, each once."""
    last = sa.select(RUNS.c.model).where(RUNS.c.model.is_not(None)).order_by(*NEWEST_FIRST).limit(n)
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
    given = names_of("clear", names)
    for name in given:
        if name not in NOTED:
            raise StoreError(f"{name!r} cannot be cleared; there are {', '.join(sorted(NOTED))}")
    return dict.fromkeys(given)


def annotate(connection: sa.Connection, run_id: str, fresh: Mapping[str, Any]) -> bool:
    """Add notes to a run inside a writing transaction; False where there is no such run."""
    # Where several write at once the row is locked, lest one note overwrite another; SQLite has one writer.
    row = sa.select(json_of(connection, RUNS.c.notes)).where(RUNS.c.run_id == run_id).with_for_update()
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

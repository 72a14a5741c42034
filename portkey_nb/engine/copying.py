"""A run log copied into another, between databases of any kind, as often as one likes: what is there is left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from portkey_nb.engine.column_types import LONGEST_LABEL
from portkey_nb.engine.faults import FAILURES, fault
from portkey_nb.engine.patience import change
from portkey_nb.engine.plain import to_json
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import BODIES, CONVERSATIONS, RUNS, TURNS, facts, insert_for
from portkey_nb.errors import StoreError

AT_ONCE = 200
"""Rows of one transaction: with images in them these may be large, and others wait for its end."""
_KEY = (RUNS.c.started_at, RUNS.c.run_id)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of copying, so far.

    Attributes
    ----------
    total : int
        Runs of the source when copying began.
    seen : int
        Those looked at.
    added, completed, noted : int
        Runs copied whole that were not there; that were there unfinished; runs whose notes changed.
    conversations, turns : int
        Conversations looked at, and turns copied whole that were not there.
    renamed : int
        Conversations kept under a longer name, since another one has theirs.
    damaged, damaged_turns : int
        Those that a server refused as they are: what of a run is no JSON stays behind, and a turn is kept as a text.
    refused : int
        Runs that a server refused even so, and that are not copied.
    """

    total: int = 0
    seen: int = 0
    added: int = 0
    completed: int = 0
    noted: int = 0
    conversations: int = 0
    turns: int = 0
    renamed: int = 0
    damaged: int = 0
    damaged_turns: int = 0
    refused: int = 0


def copy(source: RunStore, target: RunStore, tell: Callable[[Copied], None] = lambda copied: None) -> Copied:
    """Copy runs with their texts and notes, and conversations with their branches; the source stays as it is.

    Parameters
    ----------
    source, target : RunStore
        What waits in their spools is taken up first.
    tell : callable, optional
        Called after each batch.

    Notes
    -----
    Runs that are there are not written again, but one that had not finished is completed, and of notes the newer ones
    win, each by itself. Broken off, it goes on where it was when it is called again. Of two conversations with one
    name the one changed last keeps it, and the other gets the end of its id behind its name.

    Raises
    ------
    StoreError
        When one of them cannot be read or written, both are the same, or the target's folder is not there.
    """
    if source.url == target.url or _same_file(source, target):
        raise StoreError(f"the run log {source.path or source.url} cannot be copied to itself; name another place")
    if target.path is not None and not target.path.parent.is_dir():  # more likely a slip than a wish
        raise StoreError(f"there is no folder {target.path.parent} to copy into; make it, or mend the path")
    with source.reading() as connection:
        if connection is None:
            raise StoreError(f"there is no run log at {source.path or source.url}, and nothing to copy")
        copied = Copied(total=int(connection.scalar(sa.select(sa.func.count()).select_from(RUNS)) or 0))
    last: Any = None
    while heads := _heads(source, last):
        copied = _copy_runs(source, target, heads, copied)
        last = (heads[-1]["started_at"], heads[-1]["run_id"])
        tell(copied)
    name: Any = None
    while conversation := _next_conversation(source, name):
        copied = _copy_conversation(source, target, conversation, copied)
        name = (conversation["scope"], conversation["name"])
        tell(copied)
    return copied


def _same_file(source: RunStore, target: RunStore) -> bool:
    one, other = source.path, target.path
    return one is not None and other is not None and one.exists() and other.exists() and one.samefile(other)


def _read(store: RunStore, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    with store.reading() as connection:
        return [] if connection is None else [dict(row) for row in connection.execute(statement).mappings()]


def _heads(source: RunStore, last: Any) -> list[dict[str, Any]]:
    """Read what tells whether the next runs have to be copied."""
    heads = sa.select(*_KEY, RUNS.c.status, RUNS.c.notes).order_by(*_KEY).limit(AT_ONCE)
    if last is not None:
        # As one comparison of rows: of two conditions with `or` SQLite would look at all rows before, each time.
        heads = heads.where(sa.tuple_(*_KEY) > sa.tuple_(*last, types=[column.type for column in _KEY]))
    return _read(source, heads)


def _copy_runs(source: RunStore, target: RunStore, heads: Sequence[Row], copied: Copied) -> Copied:
    ids = [head["run_id"] for head in heads]
    some = sa.select(RUNS.c.run_id, RUNS.c.status, RUNS.c.notes).where(RUNS.c.run_id.in_(ids))
    there = {row["run_id"]: row for row in _read(target, some)}
    missing = [head["run_id"] for head in heads if head["run_id"] not in there]
    halves = [
        head["run_id"]
        for head in heads
        if head["run_id"] in there and there[head["run_id"]]["status"] == "started" and head["status"] != "started"
    ]
    noted = {
        head["run_id"]: head["notes"]
        for head in heads
        if head["notes"] and head["run_id"] in there and _joined(there[head["run_id"]]["notes"], head["notes"])
    }
    wanted = [*missing, *halves]
    damaged: set[str] = set()
    refused: set[str] = set()
    if wanted or noted:
        main = _read(source, sa.select(RUNS).where(RUNS.c.run_id.in_(wanted))) if wanted else []
        for row in main:
            _lengthen(row)
        bodies = _read(source, sa.select(BODIES).where(BODIES.c.run_id.in_(wanted))) if wanted else []
        damaged, refused = change(target, lambda connection: _put(connection, main, bodies, noted))
    return replace(
        copied,
        seen=copied.seen + len(heads),
        added=copied.added + len({*missing} - damaged - refused),
        completed=copied.completed + len({*halves} - damaged - refused),
        noted=copied.noted + len(noted),
        damaged=copied.damaged + len(damaged),
        refused=copied.refused + len(refused),
    )


def _lengthen(row: dict[str, Any]) -> None:
    """Give a row the whole of what a server keeps no more of in a searched column than the beginning."""
    cut = [name for name, value in row.items() if isinstance(value, str) and len(value) == LONGEST_LABEL]
    if cut:
        whole = facts(row["detail"])
        row.update({name: whole[name] for name in cut if name in whole})


def _put(
    connection: sa.Connection, main: Sequence[Row], bodies: Sequence[Row], noted: Mapping[str, str]
) -> tuple[set[str], set[str]]:
    """Write runs and notes; return the ids of runs that were refused as they are, and of those refused altogether."""
    damaged: set[str] = set()
    refused: set[str] = set()
    if not _put_rows(connection, main, bodies):
        body_of = {row["run_id"]: [row] for row in bodies}
        for row in main:
            body = body_of.get(row["run_id"], [])
            if not _put_rows(connection, [row], body):
                done = _put_rows(connection, [_sound(row)], [_sound(each) for each in body])
                (damaged if done else refused).add(row["run_id"])
    for run_id, notes in noted.items():
        # Read again, inside the transaction: somebody may have rated it meanwhile.
        found = connection.scalar(sa.select(RUNS.c.notes).where(RUNS.c.run_id == run_id))
        joined = _joined(found, notes)
        if joined is not None:
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(notes=joined))
    return damaged, refused


def _put_rows(connection: sa.Connection, main: Sequence[Row], bodies: Sequence[Row]) -> bool:
    """Write rows of runs; False where one of them is refused, and nothing was written."""

    def put() -> None:
        for table, rows in ((RUNS, main), (BODIES, bodies)):
            if rows:
                insert = insert_for(connection, table)
                fresh = {each.name: insert.excluded[each.name] for each in table.columns if each.name not in _KEPT}
                connection.execute(insert.on_conflict_do_update(index_elements=["run_id"], set_=fresh), list(rows))

    return _done(connection, put)


def _done(connection: sa.Connection, put: Callable[[], object]) -> bool:
    """Write something; False where the database refuses it, and nothing was written."""
    try:
        with connection.begin_nested():
            put()
    except FAILURES as error:
        if not fault(error).of_the_data:
            raise
        return False
    return True


def _sound(row: Row) -> Row:
    """Return a row without what of it is no JSON."""
    checked = {name: row[name] for name in ("detail", "notes", "rest") if row.get(name) is not None}
    return {**row, **{name: to_json(facts(text)) for name, text in checked.items()}}


_KEPT = frozenset({"run_id", "notes"})
"""What a row that is there already keeps: its notes are joined by themselves."""


def _joined(here: str | None, there: str) -> str | None:
    """Return two notes of one run as one, of each name the newer; None where that changes nothing here."""
    mine, theirs = facts(here), facts(there)
    times, other_times = dict(mine.pop("noted_at", {})), theirs.pop("noted_at", {})
    joined = dict(mine)
    for name, note in theirs.items():
        newer = name not in mine or other_times.get(name, 0) > times.get(name, 0)
        if name == "scores" and isinstance(note, dict) and isinstance(mine.get(name), dict):
            joined[name] = {**mine[name], **note} if newer else {**note, **mine[name]}
        elif newer:
            joined[name] = note
        if newer and name in other_times:
            times[name] = other_times[name]
    return None if joined == mine else to_json({**joined, "noted_at": times} if times else joined)


def _next_conversation(source: RunStore, last: Any) -> dict[str, Any] | None:
    key = (CONVERSATIONS.c.scope, CONVERSATIONS.c.name)
    statement = sa.select(CONVERSATIONS).order_by(*key).limit(1)
    if last is not None:
        scope, name = last
        statement = statement.where(sa.or_(key[0] > scope, sa.and_(key[0] == scope, key[1] > name)))
    return next(iter(_read(source, statement)), None)


def _copy_conversation(source: RunStore, target: RunStore, conversation: Row, copied: Copied) -> Copied:
    key = conversation["conversation_id"]
    known = {row["turn_id"] for row in _read(target, _turn_ids(key))}
    missing = [row["turn_id"] for row in _read(source, _turn_ids(key)) if row["turn_id"] not in known]
    damaged = 0
    for at in range(0, len(missing), AT_ONCE):
        some = sa.and_(TURNS.c.conversation_id == key, TURNS.c.turn_id.in_(missing[at : at + AT_ONCE]))
        turns = _read(source, sa.select(TURNS).where(some))
        # The turns first: a conversation never names one that is not there.
        damaged += change(target, lambda connection, turns=turns: _put_turns(connection, turns))  # type: ignore[misc]
    renamed = change(target, lambda connection: _put_conversation(connection, conversation))
    return replace(
        copied,
        conversations=copied.conversations + 1,
        turns=copied.turns + len(missing) - damaged,
        renamed=copied.renamed + renamed,
        damaged_turns=copied.damaged_turns + damaged,
    )


def _turn_ids(key: str) -> sa.Select[Any]:
    return sa.select(TURNS.c.turn_id).where(TURNS.c.conversation_id == key).order_by(TURNS.c.place, TURNS.c.turn_id)


def _put_turns(connection: sa.Connection, turns: Sequence[Row]) -> int:
    """Write turns; return how many were refused as they are."""
    insert = insert_for(connection, TURNS).on_conflict_do_nothing()
    if _done(connection, lambda: connection.execute(insert, list(turns))):
        return 0
    refused = [row for row in turns if not _done(connection, lambda row=row: connection.execute(insert, row))]  # type: ignore[misc]
    for row in refused:
        # As a JSON text, which is no turn either: the log that it comes from cannot read more of it.
        connection.execute(insert, {**row, "content": to_json(row["content"])})
    return len(refused)


def _put_conversation(connection: sa.Connection, given: Row) -> int:
    """Write a conversation; 1 where one of the two that have its name now has a longer one."""
    there = _named(connection, given["scope"], given["name"])
    if there is None:
        connection.execute(sa.insert(CONVERSATIONS).values(**given))
        return 0
    if there["conversation_id"] == given["conversation_id"]:
        if there["updated_at"] < given["updated_at"]:
            connection.execute(_of(there).values(**given))
        return 0
    loser = given if there["updated_at"] >= given["updated_at"] else there
    aside = {**loser, "name": f"{loser['name']} ({loser['conversation_id'][-6:]})"}
    taken = _named(connection, aside["scope"], aside["name"])
    if loser is there:
        connection.execute(_of(there).values(**given))
    if taken is None:
        connection.execute(sa.insert(CONVERSATIONS).values(**aside))
    elif taken["conversation_id"] == aside["conversation_id"] and taken["updated_at"] < aside["updated_at"]:
        connection.execute(_of(taken).values(**aside))
    return int(taken is None)


def _named(connection: sa.Connection, scope: str, name: str) -> Row | None:
    where = sa.and_(CONVERSATIONS.c.scope == scope, CONVERSATIONS.c.name == name)
    found = connection.execute(sa.select(CONVERSATIONS).where(where)).mappings().first()
    return None if found is None else dict(found)


def _of(row: Row) -> sa.Update:
    where = sa.and_(CONVERSATIONS.c.scope == row["scope"], CONVERSATIONS.c.name == row["name"])
    return sa.update(CONVERSATIONS).where(where)

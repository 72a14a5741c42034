"""Conversations in the run log's database: the whole tree is kept, and only new turns are written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from portkey_nb.engine.plain import plain, to_json
from portkey_nb.engine.tables import CONVERSATIONS, TURNS, from_micros, insert_for
from portkey_nb.gateway.conversation import Conversation
from portkey_nb.gateway.turns import Turn, damaged, read_turn

_FEW = 500
"""Turns that are named one by one to be read: SQLite takes no more than 999 values in its older builds."""
_ONE = sa.and_(CONVERSATIONS.c.scope == sa.bindparam("at"), CONVERSATIONS.c.name == sa.bindparam("called"))


def put(connection: sa.Connection, scope: str, name: str, data: Mapping[str, Any], updated_at: int) -> None:
    """Write a conversation, as its ``to_dict()`` gives it; turns that are there already are left as they are.

    Notes
    -----
    A turn's place is its index. Two processes that add to one conversation may use a place twice, but a turn always
    has a higher one than the turn it follows.
    """
    insert = insert_for(connection, CONVERSATIONS).values(
        scope=scope,
        name=name,
        conversation_id=data["conversation_id"],
        head=data["head"],
        system_text=data["system"],
        updated_at=updated_at,
    )
    fresh = {column: insert.excluded[column] for column in ("conversation_id", "head", "system_text", "updated_at")}
    newer = CONVERSATIONS.c.updated_at <= insert.excluded.updated_at  # one that waited in the spool may be older
    connection.execute(insert.on_conflict_do_update(index_elements=["scope", "name"], set_=fresh, where=newer))
    own = TURNS.c.conversation_id == data["conversation_id"]
    known = set(connection.scalars(sa.select(TURNS.c.turn_id).where(own)))
    rows = [
        {
            "conversation_id": data["conversation_id"],
            "turn_id": turn["turn_id"],
            "place": place,
            "content": to_json(plain(turn)),
        }
        for place, turn in enumerate(data["turns"])
        if turn["turn_id"] not in known
    ]
    if rows:
        connection.execute(insert_for(connection, TURNS).on_conflict_do_nothing(), rows)


def find(connection: sa.Connection, scope: str, name: str, known: Conversation | None = None) -> Conversation | None:
    """Read a conversation; None where there is none of that name.

    Parameters
    ----------
    known : Conversation, optional
        As it was read or written before: its turns, which never change, are not read again.
    """
    row = connection.execute(sa.select(CONVERSATIONS).where(_ONE), {"at": scope, "called": name}).first()
    if row is None:
        return None
    same = known is not None and known.conversation_id == row.conversation_id
    turns = {turn.turn_id: turn for turn in known.turns} if known is not None and same else {}
    own = TURNS.c.conversation_id == row.conversation_id
    order = list(connection.scalars(sa.select(TURNS.c.turn_id).where(own).order_by(TURNS.c.place, TURNS.c.turn_id)))
    missing = [turn_id for turn_id in order if turn_id not in turns]
    if missing:
        contents = sa.select(TURNS.c.turn_id, TURNS.c.content).where(own)
        if turns and len(missing) < _FEW:
            contents = contents.where(TURNS.c.turn_id.in_(missing))
        turns.update({each.turn_id: _read(*each) for each in connection.execute(contents)})
    found = Conversation(row.conversation_id, tuple(turns[turn_id] for turn_id in order), row.head, row.system_text)
    return known if found == known else found


def _read(turn_id: str, content: str) -> Turn:
    with suppress(msgspec.DecodeError):
        return read_turn(msgspec.json.decode(content))
    raise damaged(f"its turn {turn_id!r} is no JSON")


def listed(connection: sa.Connection, scope: str) -> list[tuple[str, int, datetime]]:
    """List name, number of turns and time of the last change, the latest first."""
    count = sa.func.count(TURNS.c.turn_id)
    rows = connection.execute(
        sa.select(CONVERSATIONS.c.name, count, CONVERSATIONS.c.updated_at)
        .join(TURNS, TURNS.c.conversation_id == CONVERSATIONS.c.conversation_id, isouter=True)
        .where(CONVERSATIONS.c.scope == scope)
        .group_by(CONVERSATIONS.c.scope, CONVERSATIONS.c.name, CONVERSATIONS.c.updated_at)
        .order_by(CONVERSATIONS.c.updated_at.desc(), CONVERSATIONS.c.name)
    )
    return [(name, turns, moment) for name, turns, at in rows if (moment := from_micros(at)) is not None]


def forget(connection: sa.Connection, scope: str, name: str) -> None:
    """Delete a conversation, and its turns unless it is kept under another name as well."""
    where = {"at": scope, "called": name}
    key = connection.scalar(sa.select(CONVERSATIONS.c.conversation_id).where(_ONE), where)
    connection.execute(sa.delete(CONVERSATIONS).where(_ONE), where)
    others = sa.select(CONVERSATIONS.c.name).where(CONVERSATIONS.c.conversation_id == key)
    if key is not None and connection.execute(others).first() is None:
        connection.execute(sa.delete(TURNS).where(TURNS.c.conversation_id == key))

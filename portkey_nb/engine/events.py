"""What is written into the run log, one event after another: runs that begin and end, conversations."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from portkey_nb.engine import chats
from portkey_nb.engine.spool import Event
from portkey_nb.engine.tables import put_run, put_runs, sound


def apply(connection: sa.Connection, event: Event, *, check: bool = False) -> None:
    """Write an event; one that is misshapen, as a line of a spool may be, is a ValueError."""
    try:
        match event["event"]:
            case "start" | "finish" as kind:
                if check and not sound(event["row"]):
                    raise ValueError("no row of the run log")
                put_run(connection, event["row"], whole=kind == "finish")
            case "conversation":
                chats.put(connection, event["scope"], event["name"], event["data"], event["at"])
            case other:
                raise ValueError(f"no event of the run log: {other!r}")
    except (KeyError, TypeError, AttributeError) as error:
        reason = repr(error)
    else:
        return
    raise ValueError(f"misshapen event: {reason}")


def apply_runs(connection: sa.Connection, events: Sequence[Event]) -> None:
    """Write rows of this process: those that begin first, since one may begin and end among them."""
    for kind in ("start", "finish"):
        rows = [event["row"] for event in events if event["event"] == kind]
        if rows:
            put_runs(connection, rows, whole=kind == "finish")

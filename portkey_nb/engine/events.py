"""What is written into the run log, one event after another: runs that begin and end, conversations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import sqlalchemy as sa

from portkey_nb.engine import chats
from portkey_nb.engine.faults import FAILURES, fault
from portkey_nb.engine.spool import Event
from portkey_nb.engine.tables import put_run, put_runs, sound

_AT_ONCE = 500
"""Rows of a spool that are written together."""
_RUNS = ("start", "finish")


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
    for kind in _RUNS:
        rows = [event["row"] for event in events if event["event"] == kind]
        if rows:
            put_runs(connection, rows, whole=kind == "finish")


def apply_waiting(connection: sa.Connection, events: Sequence[Event]) -> dict[int, str | None]:
    """Write events that waited, oldest first.

    Returns
    -------
    dict of int to str or None
        The places of those that are no events (None), or that the database refuses, with why.
    """
    refused: dict[int, str | None] = {}
    for rows, places in _parts(events):
        if rows and len(places) > 1 and _together(connection, [events[place] for place in places]):
            continue
        for place in places:
            try:
                with connection.begin_nested():
                    apply(connection, events[place], check=True)
            except ValueError:
                refused[place] = None
            except FAILURES as error:
                found = fault(error)
                if not found.of_the_data:
                    raise
                refused[place] = found.said
    return refused


def _parts(events: Sequence[Event]) -> Iterator[tuple[bool, list[int]]]:
    """Give places of events that can be written together, and whether they are rows."""
    for rows, places in groupby(range(len(events)), lambda place: events[place].get("event") in _RUNS):
        same = list(places)
        yield from ((rows, same[at : at + _AT_ONCE]) for at in range(0, len(same), _AT_ONCE))


def _together(connection: sa.Connection, events: Sequence[Event]) -> bool:
    """Write rows; False where one of them cannot be written, and nothing was."""
    try:
        if not all(sound(event["row"]) for event in events):
            return False
        with connection.begin_nested():
            apply_runs(connection, events)
    except (KeyError, TypeError, AttributeError, ValueError):
        return False
    except FAILURES as error:
        if not fault(error).of_the_data:
            raise
        return False
    return True

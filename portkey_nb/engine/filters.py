"""Which runs are meant: filters by status, model, group, conversation and time, in the database's terms."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portkey_nb.engine.record import STATUSES
from portkey_nb.engine.tables import RUNS, to_micros
from portkey_nb.errors import StoreError

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
            names = names_of("status", status)
            for name in names:
                _check_status(name)
            clauses.append(RUNS.c.status.in_(names))
        if model is not None:
            clauses.append(RUNS.c.model.in_(names_of("model", model)))
        if group is not None:
            clauses.append(sa.or_(RUNS.c.group_id == str(group), RUNS.c.group_label == str(group)))
        if conversation is not None:
            clauses.append(RUNS.c.conversation_id == str(conversation))
        if since is not None:
            clauses.append(RUNS.c.started_at >= moment(getattr(since, "to_pydatetime", lambda: since)()))
        return cls(None if n is None else int(n), tuple(clauses))


def names_of(what: str, given: Any) -> list[str]:
    """Return one name, or a sequence of them, as a list.

    Raises
    ------
    StoreError
        When it is neither; ``what`` says what they name.
    """
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

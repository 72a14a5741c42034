"""The run log: every call is a row, written when it starts, completed when it ends, and read as a DataFrame."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from portkey_nb.engine import chats, parts, postgres, queries
from portkey_nb.engine.columns import choose
from portkey_nb.engine.database import Database, resolve
from portkey_nb.engine.filters import Filter
from portkey_nb.engine.journal import Journal
from portkey_nb.engine.plain import integer, mend, plain
from portkey_nb.engine.queries import Totals
from portkey_nb.engine.record import Run
from portkey_nb.engine.spool import Spool
from portkey_nb.engine.tables import clean, to_micros
from portkey_nb.engine.tables import scores as clean_scores
from portkey_nb.errors import StoreError
from portkey_nb.gateway.conversation import Conversation
from portkey_nb.loading import unbroken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunStore", "Totals", "open_store", "runs"]


class RunStore:
    """The log of runs and conversations, in a SQLite file or in PostgreSQL.

    Safe to use from several threads, and several processes at once. Nothing is opened before the first call.

    Parameters
    ----------
    url : str or path, optional
        A file, or a URL of SQLite or PostgreSQL (``postgresql+psycopg://user:password@host/database``, with the extra
        ``postgres``); by default ``PORTKEY_NB_STORE``, else ``runs.sqlite`` in the platform's user data folder.

    Examples
    --------
    >>> with RunStore("project/runs.sqlite") as store:
    ...     failures = store.frame(20, status="error")
    """

    def __init__(self, url: str | os.PathLike[str] | None = None) -> None:
        self._database = Database(resolve(url))
        self._unsaved: dict[tuple[str, str], Conversation] = {}
        self._journal = Journal(self._database, self._unsaved.clear)
        self._finalizer = weakref.finalize(self, self._database.close)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL, its password hidden."""
        return postgres.shown(self._database.url)

    @property
    def path(self) -> Path | None:
        """The database's file; None where it is no file."""
        return self._database.path

    @property
    def spool(self) -> Spool:
        """Where rows wait while the log cannot be written."""
        return self._journal.spool

    def __repr__(self) -> str:
        return f"RunStore({self._database.place!r})"

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        self._database.close()

    # Writing

    def start(self, run: Run) -> None:
        """Write a run that begins. Never raises for a failing database; see :meth:`take_trouble`."""
        self._journal.put({"event": "start", "row": clean(run)})

    def finish(self, run: Run) -> None:
        """Complete a run, or write it whole where its start was lost. Never raises for a failing database."""
        self._journal.put({"event": "finish", "row": clean(run)})

    def write(self, rows: Sequence[tuple[Run, bool]]) -> None:
        """Write runs in one transaction, each with whether it begins. Never raises; see :meth:`take_trouble`."""
        self._journal.put(*({"event": "start" if start else "finish", "row": clean(run)} for run, start in rows))

    def flush(self, within_s: float = 0.0) -> bool:
        """Write what waits in the spool, as before the end of a process whose disk goes with it.

        Parameters
        ----------
        within_s : float
            Seconds for which it is tried again.

        Returns
        -------
        bool
            Whether nothing waits any more. Never raises for a failing database.
        """
        return self._journal.flush(within_s)

    def take_trouble(self) -> str | None:
        """Return what went wrong with writing since the last time, in one sentence, and forget it.

        Returns
        -------
        str or None
            A trouble is told once until it is over; a lock, which comes and goes, once per process.
        """
        return self._journal.take_trouble()

    def annotate(
        self,
        run_id: str,
        *,
        rating: int | None = None,
        rating_note: str | None = None,
        passed: bool | None = None,
        tags: Any = None,
        scores: Mapping[str, float] | None = None,
        clear: str | Sequence[str] = (),
    ) -> None:
        """Add a judgement to a run; what is None stays as it was, scores add to those there are.

        Parameters
        ----------
        run_id : str
        rating : int, optional
            -10 to 10, as Portkey's feedback.
        clear : str or sequence of str
            What of ``rating``, ``rating_note``, ``passed`` and ``tags`` is taken back, so that it is unknown again.

        Raises
        ------
        StoreError
            When there is no such run, a value does not fit, or the log cannot be written.
        """
        if rating is not None and (integer(rating) is None or not -10 <= rating <= 10):
            raise StoreError(f"rating is {rating!r}; give a whole number from -10 to 10")
        notes = {
            "rating": integer(rating),
            "rating_note": None if rating_note is None else mend(rating_note),
            "passed": None if passed is None else bool(passed),
            "tags": plain(tags, hide=True),
            "scores": clean_scores(scores) or None,
        }
        fresh = {**queries.cleared(clear), **{name: note for name, note in notes.items() if note is not None}}
        with self.changing() as connection:
            found = queries.annotate(connection, run_id, fresh)
        if not found:
            raise StoreError(f"no run {run_id!r} in {self._database.place}; `runs()` shows their ids as its index")

    # Reading

    def frame(
        self,
        n: int | None = None,
        *,
        status: str | Sequence[str] | None = None,
        model: str | Sequence[str] | None = None,
        group: str | None = None,
        since: datetime | timedelta | str | None = None,
        conversation: str | None = None,
        columns: str | Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return runs as a DataFrame; parameters, result and errors as for :func:`runs`.

        Those of one ``conversation``, by its id, can be chosen as well.
        """
        with unbroken():
            from portkey_nb.engine import frames  # pandas loads only for frames

        choice = choose(columns)
        which = Filter.of(n=n, status=status, model=model, group=group, since=since, conversation=conversation)
        with self.reading() as connection:
            packed = parts.packed(connection, choice)
            with closing(parts.parts(connection, choice, which)) as found:
                return frames.build(choice, found, packed=packed, backwards=n is not None)

    def get(self, run_id: str) -> Run | None:
        """Return one run; None where there is none of that id. What of it is damaged is unknown, as in a frame."""
        with self.reading() as connection:
            found = [] if connection is None else queries.fetch(connection, queries.one(run_id))
        return next(iter(found), None)

    def several(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Return runs by their ids, those that are there, without the ``messages`` that each of them sent.

        Raises
        ------
        StoreError
            When the log cannot be read.
        """
        with self.reading() as connection:
            found = [] if connection is None else queries.several(connection, run_ids)
        return {run.run_id: run for run in found}

    def cached(self, cache_key: str) -> Run | None:
        """Return the newest successful run with this cache key; None as well while it, or the log, is unreadable."""
        try:
            with self.reading() as connection:
                return None if connection is None else queries.answered(connection, cache_key)
        except StoreError:
            return None  # asking anew is the way on; writing the answer will tell of the trouble

    def totals(self, since: datetime | None = None) -> Totals:
        """Count calls, failures and money.

        Parameters
        ----------
        since : datetime, optional
            Runs that started then or later; all by default.
        """
        with self.reading() as connection:
            return Totals() if connection is None else queries.totals(connection, to_micros(since))

    def models(self, n: int) -> list[str]:
        """Return the models of the latest ``n`` runs, the last one first; without pandas."""
        with self.reading() as connection:
            return [] if connection is None else queries.models(connection, n)

    # Conversations

    def load_conversation(self, scope: str, name: str, known: Conversation | None = None) -> Conversation | None:
        """Return a conversation with all its branches; None where there is none of that name.

        Turns of it that are ``known`` are not read again.
        """
        if (scope, name) in self._unsaved:
            return self._unsaved[scope, name]
        with self.reading() as connection:
            return None if connection is None else chats.find(connection, scope, name, known)

    def save_conversation(self, scope: str, name: str, conversation: Conversation) -> None:
        """Keep a conversation under a name. Never raises for a failing database; see :meth:`take_trouble`.

        Parameters
        ----------
        scope : str
            A notebook's path, or ``"global"``.
        """
        data = plain(conversation.to_dict())
        event = {"event": "conversation", "scope": scope, "name": name, "data": data, "at": _now()}
        if self._journal.put(event):
            self._unsaved.pop((scope, name), None)
        else:
            self._unsaved[scope, name] = conversation

    def conversations(self, scope: str) -> list[tuple[str, int, datetime]]:
        """Return name, number of turns and last change of each conversation, the latest first."""
        with self.reading() as connection:
            return [] if connection is None else chats.listed(connection, scope)

    def forget_conversation(self, scope: str, name: str) -> None:
        """Delete a conversation; its runs stay in the log."""
        self._unsaved.pop((scope, name), None)
        with self.changing() as connection:
            chats.forget(connection, scope, name)

    # Inside

    @contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """Give a connection that sees one state of the log, after taking up what waits; None while there is no log yet.

        Raises
        ------
        StoreError
            When the log cannot be read, then or inside.
        """
        with self._journal.reading() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """Give a connection inside a transaction that may write, committed at the end, for what must not wait.

        Raises
        ------
        StoreError
            When the log cannot be written, then or inside; nothing is changed.
        """
        with self._journal.changing() as connection:
            yield connection


def _now() -> int:
    return to_micros(datetime.now(UTC)) or 0


_open: dict[sa.URL, RunStore] = {}
_open_lock = threading.Lock()


def open_store(url: str | os.PathLike[str] | None = None) -> RunStore:
    """Return the process's one store for a place; parameters as for :class:`RunStore`."""
    key = resolve(url)
    with _open_lock:
        if key not in _open:
            _open[key] = RunStore(key.render_as_string(hide_password=False))
        return _open[key]


def runs(
    n: int | None = None,
    *,
    status: str | Sequence[str] | None = None,
    model: str | Sequence[str] | None = None,
    group: str | None = None,
    since: datetime | timedelta | str | None = None,
    columns: str | Sequence[str] | None = None,
    store: RunStore | str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Return the logged runs, newest last, with ``run_id`` as index.

    Parameters
    ----------
    n : int, optional
        Only the last ``n`` that fit the rest.
    status : str or sequence of str, optional
        ``started``, ``ok``, ``error``, ``interrupted``, ``incomplete``.
    model : str or sequence of str, optional
        The requested model.
    group : str, optional
        A group's id or label.
    since : datetime, timedelta or str, optional
        Runs that started then or later: a time (without zone: local time), its ISO text, or how long ago.
    columns : None, "all", "metrics" or sequence of str
        A handful by default; all; all but the texts and objects; or those named.
    store : RunStore, str or path, optional
        Another log than the default one.

    Returns
    -------
    pandas.DataFrame
        Unknown values are NA, never 0. Empty, with the same columns, while nothing is logged.

    Raises
    ------
    StoreError
        When the log cannot be read, or an argument names no column or status.

    Examples
    --------
    >>> cost = runs(10, status="ok").groupby("model", observed=True)["cost_usd"].sum()
    """
    log = store if isinstance(store, RunStore) else open_store(store)
    return log.frame(n, status=status, model=model, group=group, since=since, columns=columns)

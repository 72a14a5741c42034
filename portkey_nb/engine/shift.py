"""What a Dask worker does: one batch of calls by the same rooms as everywhere, within leases from the notebook."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from ulid import ULID

from portkey_nb import errors
from portkey_nb.engine import queries
from portkey_nb.engine.batch import Batch, Limits, Progress
from portkey_nb.engine.call import Call
from portkey_nb.engine.crossing import Calls
from portkey_nb.engine.handover import Sealed
from portkey_nb.engine.leased import Lease, LeasedGate, Report
from portkey_nb.engine.loop import submit
from portkey_nb.engine.record import Run
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.engine.tables import BODIES, RUNS, to_micros
from portkey_nb.errors import PortkeyError, SettingsError, StoreError, status_error
from portkey_nb.settings import Handed, Secret, take_over

Key = TypeVar("Key")
LOST_S = 60.0
"""Seconds without a word from the notebook's process after which a batch ends by itself."""
AWAY_S = 60.0
"""Seconds for which rows are asked for again while the run log's server is away, as in a restart."""
FLUSH_S = 5.0
"""Seconds for which a worker tries to write what waits on its disk before it says that a batch has ended."""
_AGAIN_S = 0.5
_SKEW = timedelta(minutes=10)
"""How far the clocks of two machines may differ."""
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One batch of calls, as it is handed to a worker.

    Attributes
    ----------
    sweep : str
        Also the topic under which the worker asks for leases.
    number : int
    calls : sequence of Call
    limits : Limits
        Of the whole sweep.
    store : Secret
        The run log's URL, with its password.
    group_id : str or None
        Of the rows.
    handed : Handed
    """

    sweep: str
    number: int
    calls: Sequence[Call]
    limits: Limits
    store: Secret
    group_id: str | None
    handed: Handed


@dataclass(frozen=True, kw_only=True)
class Done:
    """What comes back of a batch: which rows are whose, not the rows themselves.

    Attributes
    ----------
    seat : str
        Who has worked on it.
    rows : mapping
        By the call's place, the id of its row.
    errors : mapping
        By the call's place, why it could not be built.
    unwritten : mapping
        By the call's place, rows that are not in the run log yet.
    trouble : str or None
        What went wrong with writing.
    last : Report
    """

    seat: str
    rows: Mapping[int, str]
    errors: Mapping[int, PortkeyError]
    unwritten: Mapping[int, Run]
    trouble: str | None
    last: Report


class Unfit(Exception):
    """What a worker says that lacks something which the calls need: it was looked at without them."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(address, why)
        self.address, self.why = address, why

    def __str__(self) -> str:
        return self.why


@dataclass(eq=False)
class _Seat:
    """A batch while a worker has it."""

    shift: Shift
    tell: Callable[[Mapping[str, Any]], None]
    address: str
    name: str = field(default_factory=lambda: str(ULID()))
    came: threading.Event = field(default_factory=threading.Event)
    batch: Batch | None = None

    def __post_init__(self) -> None:
        self.gate = LeasedGate(self.shift.limits, self.knock)
        self.lease = Lease()
        self.heard_at = time.monotonic()

    def knock(self) -> None:
        """Ask the notebook's process for a lease."""
        self.tell({"seat": self.name, "batch": self.shift.number, "address": self.address})

    async def take(self, lease: Lease) -> Report:
        """Go by a new lease, and return how the batch stands."""
        self.lease, self.heard_at = lease, time.monotonic()
        self.came.set()
        progress = self.batch.progress() if self.batch is not None else None
        if lease.stop and self.batch is not None:
            self.batch.cancel()
        return self.gate.exchange(lease, *((progress.done, progress.failed) if progress else ()))

    def watch(self, _: Progress) -> None:
        """End a batch that nobody asks after any more."""
        if time.monotonic() - self.heard_at > LOST_S:
            raise PortkeyError(f"no word from the notebook for {LOST_S:.0f} s; its rows are written, run it again")


_seats: dict[str, _Seat] = {}


async def exchange(leases: Mapping[str, Lease]) -> dict[str, Report]:
    """Hand leases to the batches of this process, and return how these stand; runs on the worker's own loop.

    Parameters
    ----------
    leases : mapping
        By seat. One that is here no longer is left out of what is returned.
    """
    found: dict[str, Report] = {}
    for name, lease in leases.items():
        seat = _seats.get(name)
        if seat is not None:
            found[name] = await asyncio.wrap_future(submit(seat.take(lease)))
    return found


def work(sealed: Sealed) -> Done:
    """Make the calls of a batch that have no row yet; this is the task that Dask knows of.

    Raises
    ------
    PortkeyError
        When the notebook's process says nothing any more.
    Unfit
        When something cannot be imported here.
    """
    # In a context of its own: a worker's threads serve several sweeps.
    try:
        return copy_context().run(_work, sealed)
    except ImportError as error:
        why = str(error)
    raise Unfit(_worker().address, why)


def _work(sealed: Sealed) -> Done:
    shift: Shift = sealed.open()
    take_over(shift.handed)
    with _seated(shift) as seat:
        seat.knock()
        if not seat.came.wait(LOST_S):
            raise PortkeyError(f"no word from the notebook for {LOST_S:.0f} s; nothing was sent, run it again")
        store = open_store(shift.store.reveal())
        found, since = {}, seat.lease.since
        if since is not None:
            found = patiently(lambda: answered(store, shift.calls, shift.group_id, since), lambda: seat.lease.stop)
        rows = {index: run.run_id for index, run in found.items()}
        # Rows may have been lost with the worker that had it before: what it had said is paid all the same.
        seat.gate.spent += max(paid(found.values()), seat.lease.spent)
        left = [index for index in range(len(shift.calls)) if index not in rows]
        calls = some(shift.calls, left)
        errors: dict[int, PortkeyError] = {}
        runs: dict[int, Run] = {}
        seat.batch = Batch(Runner(store), calls, shift.limits, tell=seat.watch, gate=seat.gate)
        if not seat.lease.stop:
            for at, outcome in seat.batch.outcomes():
                if isinstance(outcome, PortkeyError):
                    errors[left[at]] = outcome
                else:
                    runs[left[at]] = outcome.run
        last = submit(_last(seat)).result()
    rows.update((index, run.run_id) for index, run in runs.items())
    absent = _absent(store, [run.run_id for run in runs.values()])
    if absent and not seat.lease.stop:
        store.flush(FLUSH_S)
        absent = _absent(store, list(absent))
    unwritten = {index: run for index, run in runs.items() if run.run_id in absent}
    return Done(seat=seat.name, rows=rows, errors=errors, unwritten=unwritten, trouble=store.take_trouble(), last=last)


async def _last(seat: _Seat) -> Report:
    progress = seat.batch.progress() if seat.batch is not None else None
    return seat.gate.report(*((progress.done, progress.failed) if progress else ()))


@contextmanager
def _seated(shift: Shift) -> Iterator[_Seat]:
    worker = _worker()
    seat = _Seat(shift, lambda said: worker.log_event(shift.sweep, dict(said)), str(worker.address))
    _seats[seat.name] = seat
    try:
        yield seat
    finally:
        del _seats[seat.name]


def _worker() -> Any:
    from distributed import get_worker  # only on a worker

    return get_worker()


# Rows and calls


def some(calls: Sequence[Call], indexes: Sequence[int]) -> Sequence[Call]:
    """Return some of the calls, in as little as goes to a worker."""
    if isinstance(calls, Calls):
        return calls.part(indexes)
    return [calls[index] for index in indexes]


def models_of(calls: Sequence[Call]) -> Mapping[str, int]:
    """Return how many calls there are of each model."""
    if isinstance(calls, Calls):
        return calls.models(range(len(calls)))
    return Counter(call.model for call in calls)


def sealed(shift: Shift) -> Sealed:
    """Return a shift as it is handed to a worker.

    Raises
    ------
    SettingsError
        When it holds what cannot be handed over.
    """
    try:
        return Sealed(shift)
    except Exception as error:  # noqa: BLE001 (what pickle says of what it cannot take has no one class)
        reason = f"{type(error).__name__}: {error}"
    raise SettingsError(f"the calls cannot be handed to Dask workers ({reason}); give texts and numbers as cases")


def error_of(run: Run) -> PortkeyError | None:
    """Return the error that a row tells of, as far as a row can."""
    if run.error_type is None:
        return None
    message = run.error or ""
    kind = getattr(errors, run.error_type, None)
    if isinstance(kind, type) and issubclass(kind, errors.APIStatusError) and run.http_status is not None:
        return status_error(message, status=run.http_status)
    if isinstance(kind, type) and issubclass(kind, PortkeyError):
        with suppress(TypeError):
            return kind(message)
    return PortkeyError(message)


def unseen(run_id: str) -> PortkeyError:
    """Return what is said of a row that a worker has seen in the run log, and the notebook does not."""
    return PortkeyError(
        f"a Dask worker has written run {run_id}, and the run log here does not have it; "
        "let the run log's URL name the same server for all"
    )


def patiently(read: Callable[[], dict[Key, Run]], stopped: Callable[[], bool] = lambda: False) -> dict[Key, Run]:
    """Return rows from the run log; one whose server is away is asked again for `AWAY_S`, or until it is stopped.

    Raises
    ------
    StoreError
        When it cannot be read after that either.
    """
    until = time.monotonic() + AWAY_S
    while True:
        try:
            return read()
        except StoreError:
            if stopped() or time.monotonic() > until:
                raise
        time.sleep(_AGAIN_S)


def paid(runs: Any) -> float:
    """Return what was paid for runs."""
    return float(sum(run.cost_usd or 0.0 for run in runs if not run.cached))


def rows_of(store: RunStore, run_ids: Sequence[str]) -> dict[str, Run]:
    """Return whole runs by their ids, those that are there."""
    found: dict[str, Run] = {}
    statement = sa.select(RUNS, *_BODY).join_from(RUNS, BODIES, BODIES.c.run_id == RUNS.c.run_id, isouter=True)
    with store.reading() as connection:
        for at in range(0, len(run_ids) if connection is not None else 0, _AT_ONCE):
            assert connection is not None
            these = statement.where(RUNS.c.run_id.in_(list(run_ids[at : at + _AT_ONCE])))
            found.update((run.run_id, run) for run in queries.fetch(connection, these))
    return found


_BODY = [column for column in BODIES.c if column.name != "run_id"]


def _absent(store: RunStore, run_ids: Sequence[str]) -> set[str]:
    """Return which rows the run log does not have: they wait in a file of this machine."""
    there: set[str] = set()
    try:
        with store.reading() as connection:
            for at in range(0, len(run_ids) if connection is not None else 0, _AT_ONCE):
                assert connection is not None
                asked = sa.select(RUNS.c.run_id).where(
                    RUNS.c.run_id.in_(list(run_ids[at : at + _AT_ONCE])), RUNS.c.status != "started"
                )
                there.update(connection.execute(asked).scalars())
    except PortkeyError:
        return set(run_ids)
    return set(run_ids) - there


def answered(store: RunStore, calls: Sequence[Call], group_id: str | None, since: float) -> dict[int, Run]:
    """Return the rows of calls that a worker has ended before it was lost, by the calls' places.

    Parameters
    ----------
    since : float
        When the first worker began with them, in seconds since 1970; bounds what is searched.
    """
    keys: dict[Any, int] = {}
    for index in range(len(calls)):
        try:
            call = calls[index]
        except PortkeyError:
            continue
        keys[_key(call.facts)] = index
    earliest = to_micros(datetime.fromtimestamp(since, UTC) - _SKEW)
    asked = sa.select(RUNS.c.run_id).where(
        RUNS.c.group_id == group_id,
        RUNS.c.started_at >= earliest,
        RUNS.c.status.in_(("ok", "error", "incomplete")),
    )
    with store.reading() as connection:
        ids = [] if connection is None else list(connection.execute(asked).scalars())
    found: dict[int, Run] = {}
    for at in range(0, len(ids), _AT_ONCE):
        for run in rows_of(store, ids[at : at + _AT_ONCE]).values():
            place = keys.get(_key({name: getattr(run, name) for name in _FACTS}))
            if place is not None and (place not in found or found[place].status != "ok"):
                found[place] = run
    return found


_FACTS = ("source", "parent_run_id", "variant", "case_id", "repeat", "tags")


def _key(facts: Mapping[str, Any]) -> Any:
    """Return what a call and its row are known by within a sweep."""
    tags = facts.get("tags")
    named = (tags.get("prompt"), tags.get("scorer")) if isinstance(tags, Mapping) else (None, None)
    return (*(facts.get(name) for name in _FACTS[:-1]), *named)

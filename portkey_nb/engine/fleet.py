"""A batch of calls on a Dask cluster: cut into shifts, each read back from the run log as it ends."""

from __future__ import annotations

import asyncio
import math
import queue
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from ulid import ULID

from portkey_nb.engine.batch import STOP_S, Item, Limits, Progress
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.crew import ClusterGone, Crew, on_loop, secret_url
from portkey_nb.engine.crossing import Calls
from portkey_nb.engine.handover import Sealed, handed_over
from portkey_nb.engine.record import Run
from portkey_nb.engine.shift import (
    Done,
    Shift,
    Unfit,
    answered,
    error_of,
    models_of,
    paid,
    patiently,
    rows_of,
    sealed,
    some,
    unseen,
    work,
)
from portkey_nb.engine.steward import Steward
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tally import SESSION
from portkey_nb.errors import PortkeyError, SettingsError
from portkey_nb.settings import Handed, Secret

MOST_CALLS = 300
"""Calls of one shift."""
MOST_BYTES = 4_000_000
"""Bytes of one shift: Dask's scheduler keeps it until it is done."""
AHEAD = 2
"""Shifts for each worker that are handed out at once: the one begins while the other ends."""
TRIES = 3
"""How often a shift is handed out whose task failed."""
_TICK_S = 0.5
_RECENT = 200


@dataclass(frozen=True)
class _Part:
    """Some of the calls, by their places."""

    number: int
    indexes: Sequence[int]
    calls: Sequence[Call]
    sealed: Sealed
    wanted: Mapping[str, int]


class Fleet:
    """A Dask cluster that was looked at, and may make calls.

    Parameters
    ----------
    client : distributed.Client
    store : RunStore
        Where workers write the rows.
    base_urls : iterable of str or None
        Where calls will go.
    group_id : str
        Of the rows.

    Raises
    ------
    SettingsError
        Before any call, when a worker cannot do what it is to do.
    """

    def __init__(self, client: Any, store: RunStore, base_urls: Iterable[str | None], group_id: str) -> None:
        self.client, self.store, self.group_id = client, store, group_id
        self.handed: Handed = handed_over(base_urls)
        self.crew = Crew(client, store, self.handed)


class FleetBatch:
    """Many calls, made by the workers of a Dask cluster; used as :class:`portkey_nb.engine.batch.Batch` is.

    Parameters
    ----------
    fleet : Fleet
    calls : sequence of Call
    limits : Limits
        Of all workers together.
    tell : callable, optional
        Told of the progress, in the thread that reads the outcomes.
    """

    def __init__(
        self,
        fleet: Fleet,
        calls: Sequence[Call],
        limits: Limits,
        *,
        tell: Callable[[Progress], None] | None = None,
    ) -> None:
        self._fleet, self._calls, self._limits = fleet, calls, limits
        self._tell = tell or (lambda _: None)
        self._sweep = f"portkey_nb-{ULID()}"
        self._parts: dict[int, _Part] = {}
        self._steward = Steward(fleet.client, self._sweep, limits, self._wanted)
        self._serving: Future[None] | None = None
        self._ready: queue.SimpleQueue[tuple[_Part, Done | BaseException]] = queue.SimpleQueue()
        self._tries: Counter[int] = Counter()
        self._futures: dict[int, Any] = {}
        self._able = fleet.crew.known
        self._keys = count()
        self._given: dict[int, frozenset[str]] = {}
        each = math.ceil(len(calls) / (2 * AHEAD * len(self._able)))
        self._size = max(8, min(MOST_CALLS, each))
        self._cut: deque[Sequence[int]] = deque()
        self._wrong: list[Item] = []
        self._next = 0
        self._told = self._failed = 0
        self._taken: set[int] = set()
        self._recent: deque[tuple[float, int]] = deque(maxlen=_RECENT)

    @property
    def spent_usd(self) -> float:
        """What was paid so far, as far as the workers have said."""
        return self._steward.spent_usd

    @property
    def unsent(self) -> list[int]:
        """The places of the calls that have no outcome."""
        return [index for index in range(len(self._calls)) if index not in self._taken]

    def progress(self) -> Progress:
        """Return how far it has come."""
        done, failed = self._steward.counts()
        done = min(len(self._calls), self._told + done)
        return Progress(
            done, len(self._calls), self._failed + failed, self.spent_usd, self._left_s(done), self._steward.slowed()
        )

    def outcomes(self) -> Generator[Item, None, None]:
        """Have the calls made and yield each one's place and outcome, shift by shift, read from the run log.

        Raises
        ------
        ClusterGone
            When the client is closed, or the cluster stays without workers.
        """
        try:
            self._begin()
            while self._under_way():
                yield from self._take()
        finally:
            self.stop()

    async def aoutcomes(self) -> AsyncGenerator[Item, None]:
        """Do as :meth:`outcomes` for ``async for``."""
        try:
            await asyncio.to_thread(self._begin)
            while await asyncio.to_thread(self._under_way):
                for item in await asyncio.to_thread(self._take):
                    yield item
        finally:
            await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """Send nothing more, cancel what is in flight on the workers, and wait until its rows are written."""
        serving, self._serving = self._serving, None
        if serving is None:
            return
        deadline = time.monotonic() + STOP_S
        while True:
            try:
                with suppress(Exception):  # whatever became of the cluster: there is nothing to stop there
                    on_loop(self._fleet.client, lambda: self._stopped(deadline))
                break
            except KeyboardInterrupt:
                if time.monotonic() > deadline:
                    break  # an impatient second press: the rows still have to be written
        serving.cancel()
        with suppress(BaseException):
            wait([serving], timeout=1)
        with suppress(queue.Empty):
            while True:
                self._keep(self._ready.get_nowait()[1])

    # In the thread that reads

    def _begin(self) -> None:
        if self._next or self._serving is not None:
            raise SettingsError("the outcomes of this batch have been read; make a new one")
        if len(self._calls):
            loop = self._fleet.client.loop.asyncio_loop
            self._serving = asyncio.run_coroutine_threadsafe(self._steward.serve(), loop)
            self._serving.add_done_callback(lambda _: None)

    def _under_way(self) -> bool:
        """Hand out what may be handed out; tell whether anything is still to come."""
        self._able = self._fleet.crew.able()
        for given in [self._parts[number] for number in list(self._futures) if self._able and number in self._parts]:
            if not self._given[given.number] & self._able:
                self._hand_out(given)  # Dask would wait for ever for workers that are gone
        while len(self._parts) < AHEAD * max(1, len(self._able)) and (part := self._another()) is not None:
            self._parts[part.number] = part
            self._submit(part)
        return bool(self._parts or self._wrong)

    def _another(self) -> _Part | None:
        """Return the next shift, small enough for Dask; None where all are handed out."""
        number = len(self._tries)
        if self._cut:
            indexes = self._cut.popleft()
        elif self._next < len(self._calls):
            indexes = range(self._next, min(self._next + self._size, len(self._calls)))
            self._next = indexes[-1] + 1
        else:
            return None
        made = self._built(indexes)
        if made is None:
            return self._another()
        indexes, calls = made
        shift = Shift(
            sweep=self._sweep,
            number=number,
            calls=calls,
            limits=self._limits,
            store=Secret(secret_url(self._fleet.store)),
            group_id=self._fleet.group_id,
            handed=self._fleet.handed,
        )
        content = sealed(shift)
        if content.size > MOST_BYTES and len(indexes) > 1:
            half = len(indexes) // 2
            self._cut.extendleft([indexes[half:], indexes[:half]])
            return self._another()
        self._tries[number] = 0
        wanted = {model: min(count, self._limits.per_model) for model, count in models_of(calls).items()}
        return _Part(number, indexes, calls, content, wanted)

    def _built(self, indexes: Sequence[int]) -> tuple[Sequence[int], Sequence[Call]] | None:
        """Return calls that could be built; what is wrong with others is told at once."""
        if isinstance(self._calls, Calls):
            return indexes, some(self._calls, indexes)
        good: list[int] = []
        calls: list[Call] = []
        for index in indexes:
            try:
                calls.append(self._calls[index])
                good.append(index)
            except PortkeyError as error:
                self._wrong.append((index, error))
        return (good, calls) if good else None

    def _wanted(self, number: int) -> Mapping[str, int] | None:
        part = self._parts.get(number)
        return None if part is None else part.wanted

    def _submit(self, part: _Part) -> None:
        self._tries[part.number] += 1
        self._hand_out(part)

    def _hand_out(self, part: _Part) -> None:
        self._given[part.number] = self._able & self._fleet.crew.known or self._fleet.crew.known
        asyncio.run_coroutine_threadsafe(self._watched(part), self._fleet.client.loop.asyncio_loop)

    def _take(self) -> list[Item]:
        """Return what has ended, after a moment's wait where nothing has."""
        items, self._wrong = self._wrong, []
        if not items:
            try:
                part, result = self._ready.get(timeout=_TICK_S)
            except queue.Empty:
                self._tell(self.progress())
                self._fleet.crew.check(self._able)
                return []
            items = self._ended(part, result)
        for index, outcome in items:
            self._taken.add(index)
            self._told += 1
            self._failed += isinstance(outcome, PortkeyError) or outcome.error is not None
        self._tell(self.progress())
        return items

    # What came

    def _ended(self, part: _Part, result: Done | BaseException) -> list[Item]:
        if part.number not in self._parts:
            return []
        if isinstance(result, Done):
            self._keep(result)
            if result.trouble:
                print(f"portkey_nb: on a Dask worker: {result.trouble}", file=sys.stderr)  # noqa: T201
            there = [run_id for at, run_id in result.rows.items() if at not in result.unwritten]
            found = patiently(lambda: rows_of(self._fleet.store, there)) if there else {}
            del self._parts[part.number]
            rows = {at: found[run_id] for at, run_id in result.rows.items() if run_id in found} | {**result.unwritten}
            lost = {at: unseen(run_id) for at, run_id in result.rows.items() if at not in rows}
            return self._items(part, rows, {**result.errors, **lost})
        name = type(result).__name__
        if name in ("FutureCancelledError", "CancelledError"):
            raise ClusterGone("the Dask cluster has dropped the batches, or its client is closed")
        if isinstance(result, Unfit) and self._fleet.crew.dismiss(result.address, result.why):
            self._tries[part.number] -= 1
        if name != "KilledWorker" and self._tries[part.number] < TRIES:
            self._submit(part)
            return []
        since, rows = self._steward.begun(part.number), {}
        if since is not None:
            rows = patiently(lambda: answered(self._fleet.store, part.calls, self._fleet.group_id, since))
        del self._parts[part.number]
        self._call_soon(lambda: self._steward.ended(part.number, None, None, paid(rows.values())))
        why = "every Dask worker died that had it" if name == "KilledWorker" else f"a Dask worker failed ({result})"
        error = PortkeyError(f"{why}, so this call was not sent again; look at the workers' logs, and compare again")
        left = [at for at in range(len(part.indexes)) if at not in rows]
        return self._items(part, rows, dict.fromkeys(left, error))

    def _keep(self, result: Done | BaseException) -> None:
        """Write what waits on a worker's disk, which may go with the worker; written twice it is one row."""
        if isinstance(result, Done) and result.unwritten:
            self._fleet.store.write([(run, False) for run in result.unwritten.values()])

    def _items(self, part: _Part, rows: Mapping[int, Run], wrong: Mapping[int, PortkeyError]) -> list[Item]:
        items: list[Item] = [(part.indexes[at], error) for at, error in wrong.items()]
        for at, run in sorted(rows.items()):
            SESSION.add(run)
            items.append((part.indexes[at], Outcome(part.calls[at], run, error=error_of(run))))
        self._recent.append((time.monotonic(), len(self._taken) + len(items)))
        return items

    def _left_s(self, done: int) -> float | None:
        if len(self._recent) < 2 or self._recent[-1][1] <= self._recent[0][1]:
            return None
        seconds, calls = self._recent[-1][0] - self._recent[0][0], self._recent[-1][1] - self._recent[0][1]
        return seconds / calls * (len(self._calls) - done)

    # On the client's loop

    def _call_soon(self, work: Callable[[], object]) -> None:
        self._fleet.client.loop.asyncio_loop.call_soon_threadsafe(work)

    async def _watched(self, part: _Part) -> None:
        result: Done | BaseException
        client, before = self._fleet.client, self._futures.get(part.number)
        key, workers = f"{self._sweep}-{part.number}-{next(self._keys)}", sorted(self._given[part.number])
        future = None
        try:
            future = client.submit(work, part.sealed, key=key, pure=False, workers=workers, allow_other_workers=False)
            self._futures[part.number] = future
            if before is not None:
                await client.cancel([before])
            done: Done = await future.result()
            if self._futures.get(part.number) is future and part.number in self._parts:
                self._steward.ended(part.number, done.seat, done.last)
            result = done
        except BaseException as error:  # noqa: BLE001 (handed to the thread that reads)
            result = error
        if self._futures.get(part.number) is not future:
            return  # handed out to others meanwhile
        self._futures.pop(part.number, None)
        self._ready.put((part, result))

    async def _stopped(self, deadline: float) -> None:
        # None is cancelled before: a task that has just begun would wait for its lease, and its worker with it.
        self._steward.stopping = True
        self._steward.ring()
        while self._futures and self._able and time.monotonic() < deadline and self._fleet.client.status == "running":
            await asyncio.sleep(0.02)
        if self._futures:
            await self._fleet.client.cancel(list(self._futures.values()))

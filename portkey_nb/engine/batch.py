"""Many requests: limits on how many at once, on rate and on money; retries; outcomes as they complete."""

from __future__ import annotations

import asyncio
import queue
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass

from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.gate import Gate, Limits, PlaceTurn
from portkey_nb.engine.loop import background_loop, submit
from portkey_nb.engine.pacing import NotSent
from portkey_nb.engine.runner import Runner
from portkey_nb.errors import PortkeyError, SettingsError

__all__ = ["Batch", "Item", "Limits", "Progress"]

STOP_S = 10.0
"""Seconds that a stop waits for interrupted calls to be written down."""
UNREAD = 256
"""Outcomes that may wait to be read before no further call is begun."""
_LOOK_AHEAD = 64
_RECENT = 200
_TICK_S = 0.5

_USUAL = Limits()

Item = tuple[int, Outcome | PortkeyError]


@dataclass(frozen=True)
class Progress:
    """How far a batch has come.

    Attributes
    ----------
    done, total, failed : int
        Calls; ``failed`` counts those that ended with an error.
    spent_usd : float
        What was paid.
    left_s : float or None
        Estimate of the seconds to the end; None while it is unknown.
    slowed : tuple of str
        Models that are being spared because they answered 429.
    """

    done: int
    total: int
    failed: int
    spent_usd: float
    left_s: float | None
    slowed: tuple[str, ...]


class Batch:
    """Many calls, made on the background loop and read as they complete.

    Parameters
    ----------
    runner : Runner
    calls : sequence of Call
        May make its calls only when they are asked for; the batch keeps none that it is done with.
    limits : Limits
    tell : callable, optional
        Told of the progress, in the thread that reads the outcomes.
    gate : Gate, optional
        Decides in place of one of its own which call goes out next.

    Examples
    --------
    >>> calls = [Call(model="demo-fast", messages=[{"role": "user", "content": f"What is {n} + 1?"}], base_url="demo")
    ...          for n in range(3)]
    >>> sorted(index for index, outcome in Batch(Runner(None), calls).outcomes())
    [0, 1, 2]
    """

    def __init__(
        self,
        runner: Runner,
        calls: Sequence[Call],
        limits: Limits = _USUAL,
        *,
        tell: Callable[[Progress], None] | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._runner, self._calls, self._limits = runner, calls, limits
        self._tell = tell or _nobody
        self._gate = Gate(limits) if gate is None else gate
        self._total = len(calls)
        self._ready: queue.SimpleQueue[list[Item] | None] = queue.SimpleQueue()
        self._ended_now: list[Item] = []
        self._future: Future[None] | None = None
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._broken: Exception | None = None
        self._ahead: dict[str, deque[int]] = {}
        self._open: dict[str, int] = {}
        self._next = 0
        self._unsent: set[int] = set()
        self._change: asyncio.Event | None = None
        self._heard: Callable[[], object] | None = None
        self._produced = self._taken = self._done = self._failed = 0
        self._recent: deque[float] = deque(maxlen=_RECENT)

    @property
    def spent_usd(self) -> float:
        """What was paid so far; answers from a cache cost nothing, demo money counts as if it were money."""
        return self._gate.spent

    @property
    def unsent(self) -> list[int]:
        """The places of the calls that were not sent: the budget was used up, or the batch was stopped."""
        waiting = (index for indexes in self._ahead.values() for index in indexes)
        never = range(self._next, self._total) if self._future is None or self._future.done() else ()
        return sorted({*self._unsent, *waiting, *never})

    def progress(self) -> Progress:
        """Return how far it has come."""
        return Progress(self._done, self._total, self._failed, self.spent_usd, self._left_s(), self._gate.slowed())

    def outcomes(self) -> Generator[Item, None, None]:
        """Make the calls and yield each one's place and outcome as it completes, its row being written.

        A call that cannot even be built is yielded as its error. When the reader is interrupted, or stops reading, what
        is in flight is cancelled and written down first.

        Raises
        ------
        SettingsError
            When the batch has been read before.
        """
        self._begin()
        try:
            while True:
                try:
                    items = self._ready.get(timeout=_TICK_S)
                except queue.Empty:
                    self._tell(self.progress())
                    continue
                if items is None:
                    break
                for item in items:
                    self._take(item)
                    yield item
        finally:
            self.stop()
        self._result()

    async def aoutcomes(self) -> AsyncGenerator[Item, None]:
        """Do as :meth:`outcomes` for ``async for``."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        self._heard = lambda: loop.call_soon_threadsafe(came.set)
        self._begin()
        try:
            while True:
                try:
                    items = self._ready.get_nowait()
                except queue.Empty:
                    came.clear()
                    if self._ready.empty():
                        await _within(_TICK_S, came.wait())
                        self._tell(self.progress())
                    continue
                if items is None:
                    break
                for item in items:
                    self._take(item)
                    yield item
        finally:
            self._heard = None
            await asyncio.to_thread(self.stop)
        self._result()

    def cancel(self) -> None:
        """Send nothing more, and cancel what is in flight; its outcomes are still to be read."""
        if self._future is not None:
            background_loop().call_soon_threadsafe(self._cancel)

    def stop(self) -> None:
        """Send nothing more, cancel what is in flight, and wait until its rows are written."""
        future = self._future
        if future is None:
            return
        if not future.done():
            background_loop().call_soon_threadsafe(self._cancel)
        deadline = time.monotonic() + STOP_S
        while not future.done() and time.monotonic() < deadline:
            try:
                wait([future], timeout=0.2)
            except KeyboardInterrupt:
                continue  # an impatient second press: the rows still have to be written

    # In the thread that reads

    def _begin(self) -> None:
        if self._future is not None:
            raise SettingsError("the outcomes of this batch have been read; make a new Batch")
        self._gate.began = self._gate.clock()
        self._future = submit(self._work())

    def _take(self, item: Item) -> None:
        self._taken += 1
        self._done += 1
        outcome = item[1]
        self._failed += isinstance(outcome, PortkeyError) or outcome.error is not None
        if isinstance(outcome, PortkeyError) or not outcome.run.cached:
            self._recent.append(time.monotonic())
        if self._taken % (UNREAD // 2) == 0:
            background_loop().call_soon_threadsafe(self._changed)
        self._tell(self.progress())

    def _left_s(self) -> float | None:
        if len(self._recent) < 2:
            return None
        each = (self._recent[-1] - self._recent[0]) / (len(self._recent) - 1)
        return each * (self._total - self._done)

    def _result(self) -> None:
        if self._future is not None and self._future.done() and not self._future.cancelled():
            self._future.result()

    # On the background loop

    async def _work(self) -> None:
        self._change = asyncio.Event()
        try:
            while not self._gate.stopped:
                self._change.clear()
                more = await self._fill()
                if not self._tasks and self._next >= self._total and not any(self._ahead.values()):
                    break
                if not more:
                    await self._change.wait()
        except BaseException:
            self._cancel()
            raise
        finally:
            while self._tasks:
                await asyncio.wait(self._tasks)
            self._hand_over()
            self._ready.put(None)
            self._wake()
        if self._broken is not None:
            raise self._broken

    async def _fill(self) -> bool:
        """Begin what may begin; tell whether there is more to look at at once."""
        for model in list(self._ahead):
            indexes = self._ahead[model]
            while indexes and self._room() and self._room_for(model):
                self._start(indexes.popleft(), model)
        for _ in range(_LOOK_AHEAD):
            if self._next >= self._total or not self._room():
                return False
            index, self._next = self._next, self._next + 1
            try:
                model = self._calls[index].model
            except PortkeyError as error:
                self._put((index, error))
                continue
            if self._room_for(model):
                self._start(index, model)
            else:
                # Only its place is kept: a call may be large, and thousands may have to wait.
                self._ahead.setdefault(model, deque()).append(index)
        await asyncio.sleep(0)
        return True

    def _room(self) -> bool:
        return self._produced - self._taken < UNREAD

    def _room_for(self, model: str) -> bool:
        # As many again as may be in flight are prepared, or wait to be tried again.
        return self._open.get(model, 0) < 2 * min(self._limits.per_model, self._limits.concurrency)

    def _start(self, index: int, model: str) -> None:
        self._open[model] = self._open.get(model, 0) + 1
        task = asyncio.create_task(self._perform(index, model))
        self._tasks[task] = index
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        index = self._tasks.pop(task)
        if task.cancelled():
            self._unsent.add(index)  # before it had begun, or else it would have seen to it
        self._changed()

    async def _perform(self, index: int, model: str) -> None:
        turn = PlaceTurn(self._gate, index, model)
        try:
            call = self._calls[index]
            if self._gate.over and not call.cache:
                raise NotSent
            self._put((index, await self._runner.perform(call, None, turn)))
        except NotSent:
            self._unsent.add(index)
        except PortkeyError as error:
            self._put((index, error))
        except Exception as error:  # noqa: BLE001 (raised where the outcomes are read)
            self._broken = error
            self._cancel()
        finally:
            turn.leave(NotSent())
            self._open[model] -= 1

    def _put(self, item: Item) -> None:
        self._produced += 1
        self._ended_now.append(item)
        if len(self._ended_now) == 1:
            # What ends at the same moment wakes the reader once.
            asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        if self._ended_now:
            items, self._ended_now = self._ended_now, []
            self._ready.put(items)
            self._wake()

    def _wake(self) -> None:
        if self._heard is not None:
            self._heard()

    def _changed(self) -> None:
        if self._change is not None:
            self._change.set()

    def _cancel(self) -> None:
        self._gate.close()
        for task in self._tasks:
            task.cancel()
        self._changed()


async def _within(seconds: float, work: Awaitable[object]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work


def _nobody(_: Progress) -> None:
    """Hear nothing."""

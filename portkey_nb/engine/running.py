"""Several calls under way at once, watched and stopped from a thread that may be interrupted."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any

from portkey_nb.engine.call import Call, Event, Outcome
from portkey_nb.engine.loop import submit
from portkey_nb.engine.runner import Runner
from portkey_nb.errors import PortkeyError

STOP_S = 10.0
"""Seconds that a stop waits for interrupted calls to be written down."""


class Running:
    """Calls under way on the background loop.

    Parameters
    ----------
    runner : Runner
    calls : sequence of Call
        Started at once, side by side.

    Examples
    --------
    A cell reads the events until there are no more::

        running = Running(runner, calls)
        try:
            for event in running.events(tick=0.05):
                ...
        except KeyboardInterrupt:
            running.stop()
        outcomes = running.outcomes()
    """

    def __init__(self, runner: Runner, calls: Sequence[Call]) -> None:
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._count = self._left = len(calls)
        self._runner = runner
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}
        self._stopped = False
        self._futures: list[Future[None]] = [submit(self._perform(dict(enumerate(calls))))]

    async def _perform(self, calls: Mapping[int, Call]) -> None:
        for index, call in calls.items():
            task = asyncio.create_task(self._runner.perform(call, self._listener(index)))
            task.add_done_callback(self._ended(index))
            self._tasks[index] = task
            if self._stopped:
                task.cancel()
        await asyncio.wait([self._tasks[index] for index in calls])

    def go_on(self, index: int, call: Call) -> None:
        """Start another call in the place of one whose ``done`` event has been seen."""
        self._left += 1
        self._futures.append(submit(self._perform({index: call})))

    def _ended(self, index: int) -> Callable[[object], None]:
        return lambda _: self._queue.put(Event(index, "done"))

    def _listener(self, index: int) -> Any:
        return lambda kind, text: self._queue.put(Event(index, kind, text))

    def events(self, tick: float) -> Iterator[Event | None]:
        """Yield what happens until all calls are done, and None when nothing has happened for ``tick`` seconds."""
        while self._left:
            try:
                event = self._queue.get(timeout=tick)
            except queue.Empty:
                if all(future.done() for future in self._futures) and any(
                    future.exception() is not None for future in self._futures
                ):
                    return
                yield None
                continue
            if event.kind == "done":
                self._left -= 1
            yield event

    def waiting(self) -> Iterator[Event]:
        """Yield what has happened and was not yet seen, without waiting for more."""
        while True:
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return

    def stop(self) -> None:
        """Cancel all calls, close their connections, and wait until each is written down."""
        if not all(future.done() for future in self._futures):
            submit(self._cancel())
        deadline = time.monotonic() + STOP_S
        while not all(future.done() for future in self._futures) and time.monotonic() < deadline:
            try:
                wait(self._futures, timeout=0.2)
            except KeyboardInterrupt:
                continue  # an impatient second press: the rows still have to be written

    async def _cancel(self) -> None:
        self._stopped = True
        for task in self._tasks.values():
            task.cancel()

    def outcome(self, index: int) -> Outcome | PortkeyError | None:
        """Return how one call came out, once its ``done`` event has been seen."""
        task = self._tasks.get(index)
        if task is None or not task.done() or task.cancelled():
            return None
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, PortkeyError):
            return error
        raise error

    def outcomes(self) -> list[Outcome | PortkeyError | None]:
        """Return how each call came out: an outcome, or the error that kept it from being sent."""
        return [self.outcome(index) for index in range(self._count)]

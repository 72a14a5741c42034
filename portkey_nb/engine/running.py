"""Several calls under way at once, watched and stopped from a thread that may be interrupted."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
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
        self._left = len(calls)
        self._tasks: list[asyncio.Task[Outcome]] = []
        self._future: Future[list[Outcome | BaseException]] = submit(self._gather(runner, calls))

    async def _gather(self, runner: Runner, calls: Sequence[Call]) -> list[Outcome | BaseException]:
        for index, call in enumerate(calls):
            task = asyncio.create_task(runner.perform(call, self._listener(index)))
            task.add_done_callback(self._ended(index))
            self._tasks.append(task)
        return await asyncio.gather(*self._tasks, return_exceptions=True)

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
                if self._future.done() and self._future.exception() is not None:
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
        if not self._future.done():
            submit(self._cancel())
        deadline = time.monotonic() + STOP_S
        while not self._future.done() and time.monotonic() < deadline:
            try:
                self._future.result(timeout=0.2)
            except KeyboardInterrupt:
                continue  # an impatient second press: the rows still have to be written
            except TimeoutError:
                continue

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def outcome(self, index: int) -> Outcome | PortkeyError | None:
        """Return how one call came out, once its ``done`` event has been seen."""
        task = self._tasks[index]
        if not task.done():
            return None
        if task.cancelled():
            return None
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, PortkeyError):
            return error
        raise error

    def outcomes(self) -> list[Outcome | PortkeyError | None]:
        """Return how each call came out: an outcome, or the error that kept it from being sent."""
        return [self.outcome(index) for index in range(len(self._tasks))]

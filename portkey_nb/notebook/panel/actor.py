"""Commands done one after the other on the background loop, by a task that lives only while there are some."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, TypeVar

from portkey_nb.engine.loop import background_loop

C = TypeVar("C")


class Actor(Generic[C]):
    """Takes commands in any thread and does them in their order; never two at once.

    Parameters
    ----------
    do : callable
        Does one command. What it raises is given to whoever waits for the command, and to ``failed``.
    failed : callable
        Told of what a command raised.
    """

    def __init__(self, do: Callable[[C], Awaitable[Any]], failed: Callable[[C, Exception], None]) -> None:
        self._do, self._failed = do, failed
        self._waiting: deque[tuple[C, Future[Any]]] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._working = self._closed = False

    @property
    def idle(self) -> bool:
        """Whether no command waits or is being done."""
        return not self._working and not self._waiting

    def post(self, command: C) -> Future[Any]:
        """Take a command, in any thread; its result comes as a future."""
        future: Future[Any] = Future()
        background_loop().call_soon_threadsafe(self._take, command, future)
        return future

    def put(self, command: C) -> None:
        """Take a command on the loop, before whatever is posted from now on."""
        self._take(command, Future())

    def _take(self, command: C, future: Future[Any]) -> None:
        if self._closed:
            future.cancel()
            return
        self._waiting.append((command, future))
        if not self._working:
            self._working = True
            self.start(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                command, future = self._waiting.popleft()
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    found = await self._do(command)
                except asyncio.CancelledError:
                    future.set_exception(CancelledError())  # as whoever waits in a thread knows it
                    raise
                except Exception as error:  # noqa: BLE001 (one command must not cost those after it)
                    future.set_exception(error)
                    self._failed(command, error)
                else:
                    future.set_result(found)
        finally:
            self._working = False

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start further work beside the commands, on the loop alone; it does not outlive the actor."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call a function when so much time has passed since the last such wish, on the loop alone."""
        self.hasten()
        if not self._closed:
            self._timer = asyncio.get_running_loop().call_later(seconds, act)

    def hasten(self) -> None:
        """Drop the wish to be called later."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def close(self, seconds: float) -> None:
        """Do what waits, take no more, and return when all work has ended; not to be called by a command.

        Parameters
        ----------
        seconds : float
            After so long, what still works is cancelled, and what waits is not done. May be repeated.
        """
        self._closed = True
        self.hasten()
        deadline = time.monotonic() + seconds
        while self._tasks and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(list(self._tasks), timeout=left)
        for task in (late := list(self._tasks)):
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=seconds)
        while self._waiting:
            self._waiting.popleft()[1].cancel()

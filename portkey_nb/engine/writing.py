"""Rows written by one thread, in their order, and as many in one transaction as wait together."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from portkey_nb.engine.record import Run
from portkey_nb.engine.store import RunStore

MOST = 500
"""Rows of one transaction: other processes wait for its end."""
CROWD, GATHER_S = 16, 0.003
"""After that many rows at once the next ones are left to gather for a moment: where two threads take turns, each turn
costs both of them more than the rows do."""


@dataclass(slots=True, eq=False)
class _Row:
    store: RunStore
    run: Run
    start: bool
    loop: asyncio.AbstractEventLoop
    waiter: asyncio.Future[None]
    written: bool = False
    error: Exception | None = None


class Writer:
    """One thread that writes rows, off the event loops that wait for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Row] = []
        self._busy = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="portkey_nb-log")

    async def write(self, store: RunStore, run: Run, *, start: bool) -> bool:
        """Write a row to its end, even when cancelled meanwhile.

        Parameters
        ----------
        start : bool
            Whether the run begins; else it is completed.

        Returns
        -------
        bool
            Whether it was cancelled.
        """
        loop = asyncio.get_running_loop()
        row = _Row(store, run, start, loop, loop.create_future())
        self._put(row)
        cancelled = False
        while not row.written:
            try:
                await row.waiter
            except asyncio.CancelledError:
                cancelled = True
                row.waiter = loop.create_future()
        if row.error is not None:
            raise row.error
        return cancelled

    def _put(self, row: _Row) -> None:
        with self._lock:
            self._waiting.append(row)
            idle, self._busy = not self._busy, True
        if idle:
            self._thread.submit(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                rows, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if not rows:
                    self._busy = False
                    return
            for _, same in groupby(rows, key=lambda row: (id(row.store), id(row.loop))):
                _together(list(same))
            if len(rows) > CROWD:
                time.sleep(GATHER_S)


@lru_cache(maxsize=1)
def _writer_of(process: int) -> Writer:
    return Writer()


def writer() -> Writer:
    """Return this process's one writer."""
    return _writer_of(os.getpid())


def _together(rows: list[_Row]) -> None:
    """Write rows of one store, and tell the one event loop that waits for them."""
    try:
        rows[0].store.write([(row.run, row.start) for row in rows])
    except Exception:  # noqa: BLE001 (one row must not cost the others: each for itself)
        for row in rows:
            try:
                row.store.write([(row.run, row.start)])
            except Exception as error:  # noqa: BLE001 (raised where the row is waited for)
                row.error = error
    with suppress(RuntimeError):  # a loop that is gone waits for nothing
        rows[0].loop.call_soon_threadsafe(_tell, rows)


def _tell(rows: list[_Row]) -> None:
    for row in rows:
        row.written = True
        if not row.waiter.done():
            row.waiter.set_result(None)

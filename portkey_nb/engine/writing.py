"""Rows written by one thread, in their order, and as many in one transaction as wait together."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from portkey_nb.engine.record import Run
from portkey_nb.engine.store import RunStore

MOST = 500
"""Rows of one transaction: other processes wait for its end."""


@dataclass(frozen=True)
class _Row:
    store: RunStore
    run: Run
    start: bool
    written: asyncio.Future[None]


class Writer:
    """One thread that writes rows, off the event loops that wait for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Row] = []
        self._busy = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="portkey_nb-log")

    def put(self, store: RunStore, run: Run, *, start: bool) -> asyncio.Future[None]:
        """Hand over a row from an event loop; what is returned is done when the row is written.

        Parameters
        ----------
        start : bool
            Whether the run begins; else it is completed.
        """
        row = _Row(store, run, start, asyncio.get_running_loop().create_future())
        with self._lock:
            self._waiting.append(row)
            idle, self._busy = not self._busy, True
        if idle:
            self._thread.submit(self._write)
        return row.written

    def _write(self) -> None:
        while True:
            with self._lock:
                rows, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if not rows:
                    self._busy = False
                    return
            for _, same in groupby(rows, key=lambda row: (id(row.store), id(row.written.get_loop()))):
                _together(list(same))


@lru_cache(maxsize=1)
def _writer_of(process: int) -> Writer:
    return Writer()


def writer() -> Writer:
    """Return this process's one writer."""
    return _writer_of(os.getpid())


def _together(rows: list[_Row]) -> None:
    """Write rows of one store, and tell the one event loop that waits for them."""
    failed: list[tuple[_Row, Exception]] = []
    try:
        rows[0].store.write([(row.run, row.start) for row in rows])
    except Exception:  # noqa: BLE001 (one row must not cost the others: each for itself)
        for row in rows:
            try:
                row.store.write([(row.run, row.start)])
            except Exception as error:  # noqa: BLE001 (raised where the row is waited for)
                failed.append((row, error))
    with suppress(RuntimeError):  # a loop that is gone waits for nothing
        rows[0].written.get_loop().call_soon_threadsafe(_tell, rows, failed)


def _tell(rows: list[_Row], failed: list[tuple[_Row, Exception]]) -> None:
    for row, error in failed:
        if not row.written.done():
            row.written.set_exception(error)
    for row in rows:
        if not row.written.done():
            row.written.set_result(None)

"""What a call of a sweep costs: in this process and on Dask workers, with rows in SQLite and in PostgreSQL.

Run as ``python -m tests.benchmarks.sweep``; ``--full`` makes 50,000 calls of each. The server answers at once, from a
process of its own that is not counted; processor time is that of this process and of all workers, the database's not.
"""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from portkey_nb import Portkey, compare
from portkey_nb.engine.store import open_store
from tests import postgres
from tests.benchmarks.batch import serving
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, Values

CONCURRENCY = 64
SAFE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
COLUMNS = {"": "ms", ", processor time": "ms", ", processor time of this process": "ms", ", memory here": "KB"}
HERE = "portkey_nb, in one process"


def _processor(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def once(url: str, store: str, calls: int, client: Any, pids: list[int]) -> tuple[float, float, float, float]:
    """Make the calls, and return for each the milliseconds, those of all processors, those of this process; and KB."""
    processes, own = [psutil.Process(pid) for pid in (os.getpid(), *pids)], psutil.Process()
    cases = pd.DataFrame({"q": [f"Case {number}: tell me about foxes" for number in range(calls)]})
    gc.collect()
    began, worked, mine, kept = time.perf_counter(), _processor(processes), _processor([own]), own.memory_info().rss
    found = compare(
        "{{q}}",
        "whole",
        cases=cases,
        params={"stream": False},
        concurrency=CONCURRENCY,
        per_model=CONCURRENCY,
        cache=False,
        progress=False,
        client=Portkey(base_url=url),
        store=store,
        executor=client,
    )
    took, cost, mine = time.perf_counter() - began, _processor(processes) - worked, _processor([own]) - mine
    frame = found.to_frame()
    assert len(frame) == calls
    assert set(frame["status"]) == {"ok"}
    assert frame["case_id"].nunique() == calls
    more = max(0, own.memory_info().rss - kept) / calls / 1000
    return took / calls * 1000, cost / calls * 1000, mine / calls * 1000, more


def sides(url: str, fresh: Callable[[], str], calls: int, rounds: int) -> dict[str, list[tuple[float, ...]]]:
    """Measure one process, one worker and two."""
    from distributed import Client, LocalCluster  # an extra

    took = {HERE: [once(url, fresh(), calls, None, []) for _ in range(rounds)]}
    for workers in (1, 2):
        with (
            LocalCluster(n_workers=workers, threads_per_worker=2, dashboard_address="127.0.0.1:0") as cluster,
            Client(cluster) as client,
        ):
            pids = list(client.run(os.getpid).values())
            once(url, fresh(), 100, client, pids)  # what is imported once does not count
            name = f"{workers} Dask worker{'s' if workers > 1 else ''}"
            took[name] = [once(url, fresh(), calls, client, pids) for _ in range(rounds)]
    return took


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure with SQLite, then with PostgreSQL."""
    calls = size.pick(quick=1_000, default=6_000, full=50_000)
    rounds = size.pick(quick=1, default=3, full=1)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(serving())
        files = iter(range(1_000))
        stores: dict[str, Callable[[], str]] = {"SQLite": lambda: str(folder / f"{next(files)}.sqlite")}
        if postgres.programs() is not None:
            server = stack.enter_context(postgres.running(**SAFE))
            stores["PostgreSQL"] = lambda: server.url(server.fresh())
        for name, fresh in stores.items():
            found = sides(url, fresh, calls, rounds)
            for at, (what, unit) in enumerate(COLUMNS.items()):
                took: dict[str, Values | str] = {who: [values[at] for values in all_] for who, all_ in found.items()}
                yield Measurement(f"a call of a sweep of {calls:,}, rows in {name}{what}", unit, took)
        yield Measurement("a row of a short answer", "bytes on disk", _sizes(stores, url))


def _sizes(stores: dict[str, Callable[[], str]], url: str) -> dict[str, Values | str]:
    found: dict[str, Values | str] = {}
    for name, fresh in stores.items():
        store, calls = fresh(), 3_000
        once(url, store, calls, None, [])
        log = open_store(store)
        if log.path is not None:
            with log.changing() as connection:
                connection.exec_driver_sql("ANALYZE")
            log.close()
            size = sum(file.stat().st_size for file in log.path.parent.glob(f"{log.path.name}*"))
        else:
            with log.reading() as connection:
                assert connection is not None
                size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
                empty = connection.exec_driver_sql("SELECT pg_database_size('template1')").scalar_one()
            size -= empty
            log.close()
        found[name] = [size / calls]
    return found


if __name__ == "__main__":
    face(measurements, __doc__)

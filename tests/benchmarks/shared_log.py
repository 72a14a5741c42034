"""Speed of the run log in PostgreSQL: a row, batches, four processes at once, 100,000 rows read; SQLite beside it.

Run as ``python -m tests.benchmarks.shared_log``; ``--quick`` for fewer rounds. The server is one of this machine, with
its files as safe as by default.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from portkey_nb.engine.record import Run
from portkey_nb.engine.store import RunStore
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, by_turns
from tests.benchmarks.run_log import begun, completed

OWN, BESIDE = "portkey_nb, PostgreSQL", "portkey_nb, SQLite"
WRITERS = 4
TOGETHER = 500
SAFE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}


def _both(folder: Path, url: str) -> dict[str, RunStore]:
    return {OWN: RunStore(url), BESIDE: RunStore(folder / "runs.sqlite")}


def _raw(url: str) -> Callable[[Run, Run], None]:
    import psycopg

    connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
    connection.execute("CREATE SCHEMA raw; CREATE TABLE raw.runs (run_id TEXT PRIMARY KEY, status TEXT, detail JSONB)")

    def write(first: Run, last: Run) -> None:
        start, end = json.dumps(first.to_row(), default=str), json.dumps(last.to_row(), default=str)
        connection.execute("INSERT INTO raw.runs VALUES (%s, %s, %s)", (first.run_id, first.status, start))
        connection.execute(
            "UPDATE raw.runs SET status = %s, detail = %s WHERE run_id = %s", (last.status, end, first.run_id)
        )

    return write


def rows(folder: Path, url: str, rounds: int) -> Measurement:
    """Start and complete one row after another."""

    def both(store: RunStore, first: Run, last: Run) -> None:
        store.start(first)
        store.finish(last)

    def side(write: Callable[[Run, Run], None]) -> Callable[[], float]:
        def once() -> float:
            first = begun(0)
            last = completed(first)
            before = time.perf_counter()
            write(first, last)
            return (time.perf_counter() - before) * 1000

        return once

    stores = _both(folder, url)
    sides = {who: side(partial(both, store)) for who, store in stores.items()}
    took = by_turns({**sides, "psycopg, insert + update": side(_raw(url))}, rounds)
    for store in stores.values():
        store.close()
    return Measurement("a row of 4 KB in the team's run log, started and completed", "ms", took)


def batches(folder: Path, url: str, rounds: int) -> Measurement:
    """Write rows many at a time, as sweeps do."""

    def side(store: RunStore) -> Callable[[], float]:
        def once() -> float:
            runs = [begun(at) for at in range(TOGETHER)]
            ends = [completed(run) for run in runs]
            before = time.perf_counter()
            store.write([(run, True) for run in runs])
            store.write([(run, False) for run in ends])
            return TOGETHER / (time.perf_counter() - before)

        return once

    stores = _both(folder, url)
    took = by_turns({who: side(store) for who, store in stores.items()}, rounds)
    for store in stores.values():
        store.close()
    return Measurement(f"rows started and completed {TOGETHER} at a time by one process", "rows/s", took)


_WRITER = """
import sys
from portkey_nb.engine.store import RunStore
from tests.benchmarks.run_log import begun, completed
store = RunStore(sys.argv[1])
for _ in range(int(sys.argv[2])):
    runs = [begun(at) for at in range(int(sys.argv[3]))]
    store.write([(run, True) for run in runs])
    store.write([(completed(run), False) for run in runs])
print(store.take_trouble() or "")
"""


def _written(url: str, times: int, together: int) -> float:
    before = time.perf_counter()
    command = [sys.executable, "-c", _WRITER, url, str(times), str(together)]
    working = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(WRITERS)]
    for process in working:
        process.communicate()
    taken = time.perf_counter() - before
    with RunStore(url) as store:  # what waited is taken up and counted
        assert store.totals().calls == WRITERS * times * together
    return WRITERS * times * together / taken


def writers(server_url: Callable[[], str], folder: Path, each: int) -> Iterator[Measurement]:
    """Write from several processes at once, rows one by one and many at a time."""
    for together in (1, TOGETHER):
        how = "one by one" if together == 1 else f"{together} at a time"
        times = max(1, each // together)
        took = {
            OWN: [_written(server_url(), times, together)],
            BESIDE: [_written(f"sqlite:///{folder / f'{together}.sqlite'}", times, together)],
        }
        yield Measurement(f"rows of {WRITERS} processes, {how}, their start included", "rows/s", took)


def frames(folder: Path, url: str, count: int, rounds: int) -> Iterator[Measurement]:
    """Read everything into a DataFrame."""
    stores = {OWN: RunStore(url), BESIDE: RunStore(folder / "frames.sqlite")}
    for store in stores.values():
        for at in range(0, count, 1000):
            store.write([(completed(begun(each)), False) for each in range(at, at + 1000)])

    def timed(store: RunStore, columns: str | None) -> float:
        before = time.perf_counter()
        found = store.frame(columns=columns)
        took = time.perf_counter() - before
        assert len(found) == count
        return took

    for label, columns in (("default columns", None), ('columns="metrics"', "metrics")):
        sides = {who: partial(timed, store, columns) for who, store in stores.items()}
        yield Measurement(f"{count:,} rows of the team's run log to a DataFrame, {label}", "s", by_turns(sides, rounds))
    for store in stores.values():
        store.close()


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure a row, batches, several writers, and frames."""
    from tests.postgres import programs, running  # its driver is needed here alone

    if programs() is None:
        yield Measurement("the team's run log", "ms", {OWN: "no PostgreSQL server is installed"})
        return
    random.seed(7)
    with tempfile.TemporaryDirectory() as name, running(**SAFE) as server:
        folder = Path(name)

        def fresh() -> str:
            return server.url(server.fresh())

        yield rows(folder, fresh(), size.pick(quick=300, default=2000))
        yield batches(folder, fresh(), size.pick(quick=4, default=20))
        yield from writers(fresh, folder, size.pick(quick=500, default=2000))
        yield from frames(folder, fresh(), size.pick(quick=10_000, default=100_000), size.pick(quick=3, default=5))


if __name__ == "__main__":
    face(measurements, __doc__)

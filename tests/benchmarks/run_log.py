"""Speed of the run log: a row beside raw sqlite3, 100,000 rows to a DataFrame, four processes writing at once.

Run as ``python -m tests.benchmarks.run_log``; ``--quick`` for fewer rounds.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sized
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import clean, put_run
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, by_turns

ANSWER = "The quick brown fox jumps over the lazy dog. " * 45
WRITERS = 4
OWN = "portkey_nb"


def begun(at: int) -> Run:
    """A run as the magic starts it; with its answer about 4 KB."""
    prompt = f"Case {at}: " + "tell me about foxes and dogs. " * 45
    return Run(
        run_id=new_run_id(),
        source="magic",
        started_at=datetime.now(UTC),
        model=random.choice(["gpt-4o", "claude-sonnet", "gemini-flash"]),
        provider="openai",
        base_url="https://api.portkey.ai/v1",
        notebook="quickstart.ipynb",
        cell_id="a1b2c3",
        demo=False,
        trace_id=new_run_id(),
        prompt=prompt,
        messages=[{"role": "user", "content": prompt}],
        params={"temperature": 0.2},
        stream=True,
        cached=False,
        cache_key="0123456789abcdef" * 4,
        tags={"team": "red"},
    )


def completed(run: Run) -> Run:
    """The same run as it ends."""
    return run.with_(
        status="ok",
        ended_at=datetime.now(UTC),
        text=ANSWER,
        model_response="gpt-4o-2024-08-06",
        response_id="chatcmpl-" + run.run_id,
        finish_reason="stop",
        native_finish_reason="stop",
        input_tokens=random.randrange(50, 4000),
        output_tokens=412,
        total_tokens=500,
        cost_usd=random.random() / 100,
        price={"input_per_m": 2.5, "output_per_m": 10.0, "source": "genai-prices", "date": "2026-11-23"},
        latency_s=random.random(),
        ttft_s=random.random(),
        tokens_per_s=90.0,
        attempts=1,
        http_status=200,
        scores={"exact": 1.0},
    )


def _raw(folder: Path) -> Callable[[Run, Run], None]:
    connection = sqlite3.connect(folder / "raw.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE runs (run_id TEXT PRIMARY KEY, status TEXT, detail TEXT)")

    def write(first: Run, last: Run) -> None:
        start, end = json.dumps(first.to_row(), default=str), json.dumps(last.to_row(), default=str)
        connection.execute("INSERT INTO runs VALUES (?, ?, ?)", (first.run_id, first.status, start))
        connection.execute("UPDATE runs SET status=?, detail=? WHERE run_id=?", (last.status, end, first.run_id))

    return write


def rows(folder: Path, rounds: int) -> Measurement:
    """Start and complete one row after another, in turns with raw sqlite3."""
    store, raw = RunStore(folder / "rows.sqlite"), _raw(folder)

    def ours(first: Run, last: Run) -> None:
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

    took = by_turns({OWN: side(ours), "sqlite3, insert + update": side(raw)}, rounds)
    store.close()
    return Measurement("a row of 4 KB in the run log, started and completed", "ms", took)


def frames(folder: Path, count: int, rounds: int) -> Iterator[Measurement]:
    """Read everything into a DataFrame."""
    store = RunStore(folder / "frames.sqlite")
    for at in range(0, count, 1000):
        with store._database.write() as connection:
            for each in range(at, at + 1000):
                put_run(connection, clean(completed(begun(each))), whole=True)
    store.frame(1)
    raw = sqlite3.connect(folder / "frames.sqlite")
    joined = "runs LEFT JOIN bodies USING (run_id)"
    asked: dict[str, tuple[str | None, str]] = {
        "default columns": (None, f"SELECT runs.*, prompt, answer FROM {joined}"),
        'columns="metrics"': ("metrics", "SELECT * FROM runs"),
        'columns="all"': ("all", f"SELECT * FROM {joined}"),
    }

    def timed(work: Callable[[], Sized]) -> Callable[[], float]:
        def once() -> float:
            before = time.perf_counter()
            found = work()
            took = time.perf_counter() - before
            assert len(found) == count
            return took

        return once

    for label, (columns, query) in asked.items():
        sides = {
            OWN: timed(partial(store.frame, columns=columns)),
            "sqlite3, fetchall()": timed(lambda query=query: raw.execute(query).fetchall()),  # type: ignore[misc]
        }
        yield Measurement(f"{count:,} rows to a DataFrame, {label}", "s", by_turns(sides, rounds))
    raw.close()
    store.close()


_WRITER = """
import sys, time
from portkey_nb.engine.store import RunStore
from tests.benchmarks.run_log import begun, completed
store = RunStore(sys.argv[1])
for at in range(int(sys.argv[2])):
    run = begun(at)
    store.start(run)
    store.finish(completed(run))
print(store.take_trouble() or "")
"""


def writers(folder: Path, each: int) -> Iterator[Measurement]:
    """Write from four processes at once."""
    file = str(folder / "writers.sqlite")
    before = time.perf_counter()
    command: list[Any] = [sys.executable, "-c", _WRITER, file, str(each)]
    working = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(WRITERS)]
    said = [process.communicate()[0].strip() for process in working]
    taken = time.perf_counter() - before
    with RunStore(file) as store:
        found = store.frame(columns=["status"])["status"].value_counts()
    asked = WRITERS * each
    what = f"{WRITERS} processes writing {asked:,} rows at once"
    lost = asked - int(found.get("ok", 0))
    yield Measurement(what, f"of {asked:,} rows lost", {OWN: [lost]}, "none")
    yield Measurement(f"{what}, their start included", "rows/s", {OWN: [asked / taken]})
    yield Measurement(f"{what}: of them had to wait in the spool", "processes", {OWN: [sum(map(bool, said))]})


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure a row, frames, and several writers."""
    random.seed(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield rows(folder, size.pick(quick=500, default=3000))
        yield from frames(folder, size.pick(quick=10_000, default=100_000), size.pick(quick=3, default=7))
        yield from writers(folder, size.pick(quick=200, default=1000))


if __name__ == "__main__":
    face(measurements, __doc__)

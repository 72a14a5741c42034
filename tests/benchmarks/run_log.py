"""Speed of the run log: a row beside raw sqlite3, 100,000 rows to a DataFrame, four processes writing at once.

Run as ``python -m tests.benchmarks.run_log``; ``--quick`` for fewer rounds.
"""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import clean, put_run

ANSWER = "The quick brown fox jumps over the lazy dog. " * 45
WRITERS = 4


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


def rows(folder: Path, rounds: int) -> None:
    """Start and complete one row after another, in turns with raw sqlite3."""
    store, raw = RunStore(folder / "rows.sqlite"), _raw(folder)

    def ours(first: Run, last: Run) -> None:
        store.start(first)
        store.finish(last)

    times: dict[str, list[float]] = {"portkey_nb": [], "sqlite3 insert + update": []}
    for at in range(rounds):
        for name, write in (("portkey_nb", ours), ("sqlite3 insert + update", raw)):
            first = begun(at)
            last = completed(first)
            before = time.perf_counter()
            write(first, last)
            times[name].append(time.perf_counter() - before)
    medians = {name: statistics.median(taken) * 1e6 for name, taken in times.items()}
    print(f"one row of 4 KB started and completed (median of {rounds})")
    for name, median in medians.items():
        print(f"  {name:<26}{median:8.0f} us {median / medians['sqlite3 insert + update']:6.1f} x")
    store.close()


def frames(folder: Path, count: int, rounds: int) -> None:
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
    print(f"{count:,} rows to a DataFrame, beside sqlite3's fetchall() of the stored columns (medians of {rounds})")
    for label, (columns, query) in asked.items():
        ours, cpu, theirs = [], [], []
        for _ in range(rounds):
            before, worked = time.perf_counter(), time.process_time()
            frame = store.frame(columns=columns)
            ours.append(time.perf_counter() - before)
            cpu.append(time.process_time() - worked)
            width = frame.shape[1]
            del frame
            before = time.perf_counter()
            raw.execute(query).fetchall()
            theirs.append(time.perf_counter() - before)
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(
            f"  {label:<20}{width:3d} columns{statistics.median(ours):7.2f} s, fastest {min(ours):.2f} s, "
            f"{statistics.median(cpu):.2f} s of processor {ratio:6.1f} x"
        )
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


def writers(folder: Path, each: int) -> None:
    """Write from four processes at once."""
    file = str(folder / "writers.sqlite")
    before = time.perf_counter()
    command: list[Any] = [sys.executable, "-c", _WRITER, file, str(each)]
    working = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(WRITERS)]
    said = [process.communicate()[0].strip() for process in working]
    taken = time.perf_counter() - before
    with RunStore(file) as store:
        found = store.frame(columns=["status"])["status"].value_counts()
    whole = int(found.get("ok", 0))
    print(f"{WRITERS} processes writing {each:,} rows each at once")
    print(f"  rows per second           {WRITERS * each / taken:8.0f}    (processes' start included)")
    spooled = "yes" if any(said) else "no"
    print(f"  rows lost                 {WRITERS * each - whole:8d}    (spooled meanwhile: {spooled})")


def main() -> None:
    """Print all tables."""
    quick = "--quick" in sys.argv
    random.seed(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows(folder, 500 if quick else 3000)
        frames(folder, 10_000 if quick else 100_000, 3 if quick else 7)
        writers(folder, 200 if quick else 1000)


if __name__ == "__main__":
    main()

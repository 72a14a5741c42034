"""A large run log: how long reading, exporting, copying, backing up and deleting take, and how much memory.

Run as ``python -m tests.benchmarks.large_log``; ``--full`` for 1,000,000 rows, ``--quick`` for 10,000. Each
is measured in a process of its own, since what a process once took is its peak for ever; the log is warm in memory.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from portkey_nb.engine.record import Run
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import clean, put_runs
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ("river", "foxes", "run", "past", "a", "quiet", "mill", "where", "nobody", "counts", "hours", "any", "more")
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet", "gemini-flash")
STATUSES = ("ok",) * 18 + ("error", "interrupted")
AT_ONCE = 1000


def logged(at: int, chance: random.Random) -> Run:
    """A run as a sweep leaves it: 1 KB of texts, 40 facts, every id its own."""
    started = FIRST + timedelta(seconds=20 * at, microseconds=chance.randrange(10**6))
    model, status = chance.choice(MODELS), chance.choice(STATUSES)
    prompt = f"Case {at}: " + " ".join(chance.choices(WORDS, k=60))
    answer = " ".join(chance.choices(WORDS, k=90))
    took = chance.random() * 9
    tokens = chance.randrange(50, 4000)
    return Run(
        run_id=f"01K{at:023}",
        group_id=f"01G{at // 5000:023}",
        group_label=f"sweep {at // 50_000}",
        source="compare",
        notebook="sweeps/rivers.ipynb",
        cell_id="a1b2c3",
        started_at=started,
        ended_at=started + timedelta(seconds=took),
        status=status,
        provider="openai",
        model=model,
        model_response=f"{model}-2026-08-06",
        variant=model,
        base_url="https://api.portkey.ai/v1",
        demo=False,
        trace_id=f"01T{at:023}",
        response_id=f"chatcmpl-{chance.getrandbits(96):024x}",
        prompt=prompt,
        template="Case {{case}}: {{words}}",
        vars={"case": at},
        messages=[{"role": "user", "content": prompt}],
        case_id=f"case {at % 5000}",
        repeat=0,
        params={"temperature": 0.2, "max_tokens": 400},
        stream=True,
        text=answer if status != "error" else None,
        finish_reason="stop" if status == "ok" else None,
        native_finish_reason="stop" if status == "ok" else None,
        input_tokens=tokens,
        output_tokens=412,
        total_tokens=tokens + 412,
        cached_input_tokens=0,
        cost_usd=tokens / 1e6,
        price={"input_per_m": 2.5, "output_per_m": 10.0, "source": "genai-prices", "date": "2026-11-23"},
        latency_s=took,
        ttft_s=took / 7,
        tokens_per_s=90.0 * chance.random(),
        queue_s=0.001,
        attempts=1,
        http_status=200 if status == "ok" else 500,
        cached=False,
        error_type="GatewayError" if status == "error" else None,
        error="the gateway answered 500: the upstream closed the connection" if status == "error" else None,
        cache_key=f"{chance.getrandbits(256):064x}",
        scores={"exact": float(chance.random() < 0.5)} if status == "ok" else {},
    )


def fill(place: Path | str, count: int) -> None:
    """Write that many rows through the engine's own tables."""
    chance = random.Random(7)
    with RunStore(place) as store:
        for at in range(0, count, AT_ONCE):
            rows = [clean(logged(each, chance)) for each in range(at, min(at + AT_ONCE, count))]
            with store.changing() as connection:
                put_runs(connection, rows, whole=True)


_ONE = """
import json, resource, sqlite3, sys, time
from datetime import timedelta
import numpy, pandas, pyarrow.parquet
from portkey_nb.engine.copying import copy
from portkey_nb.engine.exporting import export
from portkey_nb.engine.retention import delete_before, free
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.upkeep import backup
from tests.benchmarks.large_log import FIRST
place, folder, count, rounds, work = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
COLUMNS = "run_id, group_id, group_label, conversation_id, source, notebook, started_at, ended_at, status, provider, "
COLUMNS += "model, demo, trace_id, cost_usd, cached, detail, notes"
def raw():
    cursor = sqlite3.connect(place).execute(f"SELECT {COLUMNS} FROM runs ORDER BY started_at, run_id")
    while cursor.fetchmany(200):
        pass
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
store = RunStore(place)
store.frame(1)
before, times = peak(), []
for _ in range(rounds):
    began = time.perf_counter()
    made = eval(work)
    times.append(time.perf_counter() - began)
    del made
print(json.dumps([times, peak() - before]))
"""

READ = {
    'columns="metrics" (all but texts and objects)': ('store.frame(columns="metrics")', "5 s, 1,000 MB"),
    "three named columns": ('store.frame(columns=["model", "cost_usd", "latency_s"])', ""),
    "the default columns, two texts among them, of the last 1,000": ("store.frame(1000)", ""),
    "one group of 5,000 rows, all columns": ('store.frame(group=f"01G{0:023}", columns="all")', ""),
}
KEEP = {
    "exported to Parquet, all columns": 'export(store, folder + "/runs.parquet", "parquet")',
    "copied to another file": 'copy(store, RunStore(folder + "/copy.sqlite"))',
    "copied again": 'copy(store, RunStore(folder + "/copy.sqlite"))',
    "backed up": 'backup(store, folder + "/backup.sqlite", force=True)',
    "a tenth deleted": "delete_before(store, FIRST + timedelta(seconds=2 * count))",
    "the space given back": "free(store)",
}


def one(place: str, folder: Path, count: int, rounds: int, work: str) -> tuple[list[float], float]:
    """Do one thing some times in a process of its own; return seconds for each, and MB more at the peak."""
    words = [sys.executable, "-c", _ONE, place, str(folder), str(count), str(rounds), work]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    times, peak = json.loads(done.stdout.splitlines()[-1])
    return times, peak


def measurements(size: Size) -> Iterator[Measurement]:
    """Read and keep a large log in SQLite, and read it on PostgreSQL."""
    count = size.pick(quick=10_000, default=100_000, full=1_000_000)
    rounds = size.pick(quick=3, default=3)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = str(folder / "runs.sqlite")
        fill(place, count)
        raw, _ = one(place, folder, count, rounds, "raw()")
        for what, (work, target) in READ.items():
            yield from _both(f"{count:,} rows: {what}", one(place, folder, count, rounds, work), target, raw)
        server = _server(stack)
        if "://" not in server:
            yield Measurement(f"{count:,} rows copied to PostgreSQL", "s", {OWN: server})
        else:
            work = f"copy(store, RunStore({server!r}))"
            yield from _both(f"{count:,} rows copied to PostgreSQL", one(place, folder, count, 1, work))
            for what, (work, target) in READ.items():
                read = one(server, folder, count, rounds, work)
                yield from _both(f"{count:,} rows on PostgreSQL: {what}", read, target)
        for what, work in KEEP.items():
            yield from _both(f"{count:,} rows: {what}", one(place, folder, count, 1, work))


OWN = "portkey_nb"


def _both(what: str, found: tuple[list[float], float], target: str = "", raw: Any = None) -> Iterator[Measurement]:
    times, peak = found
    target = target if what.startswith("1,000,000") else ""
    beside = {"sqlite3, all stored columns but texts": raw} if raw and "metrics" in what else {}
    yield Measurement(what, "s", {OWN: times, **beside}, target.partition(",")[0])
    yield Measurement(f"{what}: memory at the peak", "MB", {OWN: [max(peak, 0.1)]}, target.partition(", ")[2])


def _server(stack: ExitStack) -> str:
    """Start a PostgreSQL, and return the URL of an empty database; the reason in words where there is none."""
    from tests import postgres  # its driver is needed by this alone

    if postgres.programs() is None:
        return "no PostgreSQL server is installed"
    server = stack.enter_context(postgres.running(shared_buffers="512MB"))
    return server.url(server.fresh())


if __name__ == "__main__":
    face(measurements, __doc__)

"""What a span costs each call, with and without an SDK, and how fast exported logs join the runs.

Run as ``python -m tests.benchmarks.traces``. Spans are measured in fresh processes: an SDK is set up once in each. The
logs are 50,000 rows with their requests and answers, 60 MB; beside them stands pandas by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from portkey_nb.engine.reconciling import join_logs
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, by_turns

SPAN = """
import sys, time
from datetime import UTC, datetime
from portkey_nb.engine import spans
from portkey_nb.engine.record import Run
state, count = sys.argv[1], int(sys.argv[2])
if state != "absent":
    import opentelemetry.metrics, opentelemetry.trace
if state in ("sdk", "bare"):
    from opentelemetry.sdk.trace import TracerProvider
    opentelemetry.trace.set_tracer_provider(TracerProvider())
run = Run(
    run_id="r", trace_id="t", started_at=datetime.now(UTC), model="gpt-4o", provider="openai", stream=True, status="ok",
    params={"temperature": 0.5, "max_tokens": 5}, input_tokens=3, output_tokens=5, latency_s=0.5, ttft_s=0.2,
)
tracer = opentelemetry.trace.get_tracer("bare") if state == "bare" else None

def ours():
    watch = spans.begin(run, "https://api.portkey.ai/v1")
    if watch is not None:
        with watch.current():
            pass
        watch.end(run)

def bare():
    with tracer.start_as_current_span("chat gpt-4o"):
        pass

once = bare if tracer else ours
for _ in range(100):
    once()
began = time.perf_counter()
for _ in range(count):
    once()
print((time.perf_counter() - began) / count * 1e6)
"""
STATES = {"sdk": "portkey_nb", "bare": "an SDK's empty span"}
OFF = {"absent": "portkey_nb, OpenTelemetry not imported", "idle": "OpenTelemetry imported, no SDK"}


def span(state: str, count: int) -> Callable[[], float]:
    """Return what measures a call's span in a fresh process, in microseconds."""

    def once() -> float:
        words = [sys.executable, "-c", SPAN, state, str(count)]
        return float(subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout)

    return once


def export(path: Path, rows: int) -> None:
    """Write an export of that many logs."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Why is the sky blue? " * 20}]}
    with path.open("w") as file:
        for number in range(rows):
            row = {
                "id": f"log-{number}",
                "trace_id": f"trace-{number}",
                "created_at": "2026-01-01T00:00:00.123Z",
                "request": {"body": body},
                "response": {"body": body},
                "is_success": 1,
                "ai_org": "openai",
                "ai_model": "gpt-4o",
                "req_units": 100,
                "res_units": 20,
                "cost": 0.0125,
                "cost_currency": "USD",
                "response_time": 812,
                "response_status_code": 200,
            }
            file.write(json.dumps(row) + "\n")


def by_hand(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Join as one does without us: billed cost and attempts alone."""
    logs = pd.read_json(path, lines=True)
    billed = logs.groupby("trace_id").agg(cost=("cost", "sum"), attempts=("cost", "size"))
    return frame.merge(billed, left_on="trace_id", right_index=True, how="left")


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure spans, then logs."""
    count, rounds = size.pick(quick=2_000, default=10_000), size.pick(quick=3, default=7)
    on = by_turns({name: span(state, count) for state, name in STATES.items()}, rounds, warm=0)
    yield Measurement("a run's span", "us", on, "under a thousandth of a call")
    off = by_turns({name: span(state, count) for state, name in OFF.items()}, rounds, warm=0)
    yield Measurement("a call without an SDK for spans", "us", off, "a few microseconds")
    rows = size.pick(quick=5_000, default=50_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logs.jsonl"
        export(path, rows)
        traces = pd.array([f"trace-{number}" for number in range(rows)], dtype="string")
        index = pd.Index([f"run-{number}" for number in range(rows)], name="run_id", dtype="string")
        frame = pd.DataFrame({"trace_id": traces}, index=index)

        def timed(join: Callable[[pd.DataFrame, Path], pd.DataFrame]) -> Callable[[], float]:
            def once() -> float:
                began = time.perf_counter()
                assert len(join(frame, path)) == rows
                return time.perf_counter() - began

            return once

        sides = {"portkey_nb": timed(join_logs), "pandas by hand": timed(by_hand)}
        yield Measurement(f"join {rows:,} exported logs", "s", by_turns(sides, rounds), "under 2 s")


if __name__ == "__main__":
    face(measurements, __doc__)

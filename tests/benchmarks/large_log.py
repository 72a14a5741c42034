"""A large run log: how long reading, exporting, copying, deleting and backing it up take, and how much memory.

Run as ``python -m tests.benchmarks.large_log``; ``--full`` for 1,000,000 rows, ``--quick`` for 10,000.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portkey_nb.engine.record import Run
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import clean, put_runs

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
            with store._database.write() as connection:
                put_runs(connection, rows, whole=True)

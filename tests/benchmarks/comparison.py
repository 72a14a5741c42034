"""Speed of what a comparison of 10,000 rows says: summary, pairs, tables, beside pandas' own ``describe()``.

Run as ``python -m tests.benchmarks.comparison``; ``--quick`` for fewer rounds.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pandas as pd

from portkey_nb.engine.comparison import Comparison
from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.statistics import pairs, summary

WORDS = ("The quick brown fox jumps over the lazy dog. " * 20).split()
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet", "gemini-flash", "llama-local")
GOALS_S = {"summary()": 2.0, "table of 50 rows": 1.0, "table of 50 rows, words": 1.0}


def compared(count: int, repeats: int) -> pd.DataFrame:
    """Return the frame of a comparison of five models with two scorers; 1 row in 50 is an error."""
    rows = []
    for at in range(count):
        cell, model = divmod(at, len(MODELS))
        case, repeat = divmod(cell, repeats)
        failed = random.random() < 0.02
        run = Run(
            run_id=new_run_id(),
            source="compare",
            started_at=datetime.now(UTC),
            status="error" if failed else "ok",
            model=MODELS[model],
            variant=MODELS[model],
            group_label="benchmark",
            case_id=str(case),
            repeat=repeat,
            template="Classify: {{text}}",
            prompt=f"Classify: {case}",
            vars={"text": str(case)},
            text=None if failed else " ".join(random.sample(WORDS, len(WORDS))),
            latency_s=random.random(),
            ttft_s=random.random() / 10,
            tokens_per_s=90.0,
            cost_usd=None if failed else random.random() / 100,
            cached=random.random() < 0.1,
            passed=None if failed else random.random() < 0.6 + model / 20,
            scores={} if failed else {"exact": float(random.random() < 0.5), "similarity": random.random()},
            tags={"prompt": "short"},
        )
        rows.append(run.to_row())
    return to_frame(rows, "all")


def timed(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median and the slowest of several rounds, in seconds."""
    taken = []
    for _ in range(rounds):
        before = time.perf_counter()
        work()
        taken.append(time.perf_counter() - before)
    return statistics.median(taken), max(taken)


def main() -> None:
    """Print the table."""
    rounds = 3 if "--quick" in sys.argv else 9
    random.seed(7)
    for repeats in (1, 5):
        frame = compared(10_000, repeats)
        print(f"10,000 rows, {len(MODELS)} variants, {repeats} repeats (medians of {rounds}; pairs() loads scipy once)")
        yard, _ = timed(frame.select_dtypes("number").describe, rounds)
        works: dict[str, Callable[[], object]] = {
            "summary()": partial(summary, frame),
            "pairs()": partial(pairs, frame),
            'pairs("similarity")': partial(pairs, frame, "similarity"),
            # Each on a new Comparison, which has nothing kept yet.
            "table of 50 rows": lambda frame=frame: Comparison(frame).table(slice(200, 250)).html,
            "table of 50 rows, words": lambda frame=frame: Comparison(frame).table(50, differences=True).html,
            "display": lambda frame=frame: Comparison(frame)._repr_mimebundle_(),
            "different()": lambda frame=frame: Comparison(frame).different(),
            "from_runs()": partial(Comparison.from_runs, frame),
        }
        for name, work in works.items():
            median, slowest = timed(work, rounds)
            goal = f"   goal: under {GOALS_S[name]:.0f} s" if name in GOALS_S else ""
            print(f"  {name:<26}{median:8.3f} s, slowest {slowest:.3f} s {median / yard:7.1f} x describe(){goal}")


if __name__ == "__main__":
    main()

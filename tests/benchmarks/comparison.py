"""Speed of what a comparison of 10,000 rows says: summary, pairs, tables, beside pandas' own ``describe()``.

Run as ``python -m tests.benchmarks.comparison``; ``--quick`` for fewer rounds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pandas as pd

from portkey_nb.engine.comparison import Comparison
from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.statistics import pairs, summary
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, by_turns

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


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Return what does it once and returns the seconds that it took."""

    def once() -> float:
        before = time.perf_counter()
        work()
        return time.perf_counter() - before

    return once


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure each by turns with ``describe()`` of the same frame."""
    rounds = size.pick(quick=3, default=9)
    random.seed(7)
    for repeats in size.pick(quick=(1,), default=(1, 5)):
        frame = compared(10_000, repeats)
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
        repeated = f"{repeats} repeat{'s' if repeats > 1 else ''}"
        yard = timed(frame.select_dtypes("number").describe)
        # With repeats it is the statistics and the widest table that may differ.
        named = works if repeats == 1 else ("summary()", "pairs()", "table of 50 rows, words")
        for name in named:
            goal = f"under {GOALS_S[name]:.0f}" if name in GOALS_S else ""
            took = by_turns({"portkey_nb": timed(works[name]), "DataFrame.describe()": yard}, rounds)
            yield Measurement(f"a comparison of 10,000 rows, {repeated}: {name}", "s", took, goal)


if __name__ == "__main__":
    face(measurements, __doc__)

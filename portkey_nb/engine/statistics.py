"""What a comparison came to: one row per variant, and the tests and intervals that say how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from portkey_nb.engine.agreement import agreement
from portkey_nb.engine.grid import Floats, Grid, floats, read, truths
from portkey_nb.engine.intervals import holm, mcnemar_exact, normal_quantile, wilson
from portkey_nb.engine.paired import pairs
from portkey_nb.engine.ranking import bradley_terry
from portkey_nb.engine.record import SCORE

__all__ = ["agreement", "bradley_terry", "holm", "mcnemar_exact", "pairs", "summary", "wilson"]

_ANSWERED = ("ok", "incomplete", "interrupted")
_FAILED = ("error", "incomplete")
_QUANTILES = "sample quantile by linear interpolation, over calls that came out ok, cached ones with their first times"


def summary(frame: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Return one row per variant of a comparison: what it got right, how fast, for how much.

    Parameters
    ----------
    frame : DataFrame
        Runs with the columns of :func:`portkey_nb.runs`; those that are missing are taken as unknown.
    confidence : float
        Of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        Indexed by variant, in the order first seen; NA where a value is unknown:

        - ``n`` calls, ``ok``, ``errors`` (errors and streams that ended too early), ``judged`` (``passed`` is known),
        - ``pass_rate`` of the judged, with its interval ``pass_low`` to ``pass_high``,
        - ``<name>_mean`` and ``<name>_se`` (standard error) per column ``score_<name>``: the mean over cases, each case
          first averaged over its repeats,
        - ``latency_median_s``, ``latency_p95_s``, ``ttft_median_s``, ``ttft_p95_s``, ``tokens_per_s`` (median),
        - ``cost_usd`` (what the calls cost; cached ones with their first cost), ``cost_paid_usd`` (without cached ones
          and the demo's play money), ``cost_per_call_usd`` (mean over priced calls), ``cost_per_pass_usd`` (cost of
          the priced calls for each of them that passed), ``unpriced`` (answered calls whose cost is unknown, and
          thus in no total).

        ``.attrs["methods"]`` tells per column how an interval or a quantile was made, ``.attrs["confidence"]`` how sure
        the intervals are.

    Raises
    ------
    PromptError
        When the frame has neither variants nor models, or ``confidence`` is no share.

    Notes
    -----
    Answers to one case are alike, so 10 repeats of 20 cases tell less than 200 cases. The interval of ``pass_rate`` is
    therefore Wilson's with the effective number of calls (Kish 1965: calls divided by the design effect of the
    clusters), which is the number of calls where no case is repeated.

    Examples
    --------
    >>> runs = pd.DataFrame({"variant": ["a", "a", "b", "b"], "case_id": ["1", "2", "1", "2"]})
    >>> runs["passed"] = [True, True, True, False]
    >>> summary(runs)[["n", "pass_rate", "pass_low"]].round(2)
             n  pass_rate  pass_low
    variant
    a        2        1.0      0.34
    b        2        0.5      0.09
    """
    normal_quantile(confidence)
    grid = read(frame)
    # One case alone: its repeats are all there is to sample.
    unit = grid.case if grid.cases > 1 else np.arange(len(frame), dtype=np.intp)
    status = frame["status"].astype("string").fillna("").to_numpy() if "status" in frame else np.full(len(frame), "ok")
    data: dict[str, Any] = {
        "n": _count(grid, np.ones(len(frame), np.bool_)),
        "ok": _count(grid, status == "ok"),
        "errors": _count(grid, np.isin(status, _FAILED)),
        **_passes(grid, unit, truths(frame, "passed"), confidence),
    }
    for column in _scores(frame):
        data.update(_score(grid, unit, column, floats(frame, column)))
    data.update(_speeds(grid, frame, status == "ok"))
    data.update(_costs(grid, frame, np.isin(status, _ANSWERED)))
    index = pd.Index(grid.variants, name="variant", dtype="string")
    table = pd.DataFrame({name: _column(values) for name, values in data.items()}, index=index)
    table.attrs.update(confidence=confidence, methods=_methods(grid, unit, table, confidence))
    return table


def _scores(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if isinstance(name, str) and name.startswith(SCORE)]


def _column(values: Any) -> Any:
    whole = np.issubdtype(np.asarray(values).dtype, np.integer)
    return pd.array(values, dtype="Int64" if whole else "Float64")


def _count(grid: Grid, which: Any) -> Any:
    return np.bincount(grid.variant[which], minlength=len(grid.variants))


def _sum(grid: Grid, values: Any, which: Any) -> Floats:
    """Return sums per variant, NaN where there is nothing to add up."""
    total = np.bincount(grid.variant[which], values[which], minlength=len(grid.variants))
    return np.where(_count(grid, which) > 0, total, np.nan)


def _share(above: Any, below: Any) -> Floats:
    found: Floats = np.divide(above, below, out=np.full(len(below), np.nan), where=np.asarray(below) > 0)
    return found


def _passes(grid: Grid, unit: Any, passed: Floats, confidence: float) -> dict[str, Any]:
    known = ~np.isnan(passed)
    judged = _count(grid, known)
    rate = _share(_sum(grid, passed, known), judged)
    rows = pd.DataFrame({"variant": grid.variant, "unit": unit, "passed": passed, "calls": 1.0})[known]
    by_case = rows.groupby(["variant", "unit"])[["passed", "calls"]].sum()
    variant = by_case.index.get_level_values("variant").to_numpy()
    cases = np.bincount(variant, minlength=len(judged))
    off = (by_case["passed"] - rate[variant] * by_case["calls"]).to_numpy() ** 2
    low, high = np.full(len(judged), np.nan), np.full(len(judged), np.nan)
    for place, (n, m, spread) in enumerate(zip(judged, cases, np.bincount(variant, off, len(judged)), strict=True)):
        if n:
            share = float(rate[place])
            calls = _effective(share, float(spread), int(n), int(m))
            low[place], high[place] = wilson(min(share * calls, calls), calls, confidence)
    return {"judged": judged, "pass_rate": rate, "pass_low": low, "pass_high": high}


def _effective(share: float, spread: float, calls: int, cases: int) -> float:
    """Return how many independent calls the clustered calls are worth: at least the cases, at most the calls.

    Parameters
    ----------
    spread : float
        Sum over cases of the squared difference between passes and expected passes.
    """
    if cases < 2 or cases == calls or share in (0, 1):
        return float(cases)
    variance = cases / (cases - 1) * spread / calls**2
    return min(float(calls), max(float(cases), share * (1 - share) / variance)) if variance else float(calls)


def _score(grid: Grid, unit: Any, column: str, values: Floats) -> dict[str, Floats]:
    rows = pd.DataFrame({"variant": grid.variant, "unit": unit, "value": values}).dropna()
    by_case = rows.groupby(["variant", "unit"])["value"].mean().groupby(level="variant")
    every = range(len(grid.variants))
    name = column.removeprefix(SCORE)
    return {
        f"{name}_mean": by_case.mean().reindex(every).to_numpy(np.float64),
        f"{name}_se": by_case.sem().reindex(every).to_numpy(np.float64),
    }


def _speeds(grid: Grid, frame: pd.DataFrame, ok: Any) -> dict[str, Floats]:
    found = {}
    for label, column, share in (
        ("latency_median_s", "latency_s", 0.5),
        ("latency_p95_s", "latency_s", 0.95),
        ("ttft_median_s", "ttft_s", 0.5),
        ("ttft_p95_s", "ttft_s", 0.95),
        ("tokens_per_s", "tokens_per_s", 0.5),
    ):
        taken = pd.Series(floats(frame, column)[ok]).groupby(grid.variant[ok]).quantile(share)
        found[label] = taken.reindex(range(len(grid.variants))).to_numpy(np.float64)
    return found


def _costs(grid: Grid, frame: pd.DataFrame, answered: Any) -> dict[str, Any]:
    cost = floats(frame, "cost_usd")
    # What came from a cache costs nothing, and the demo gateway's money is play money.
    free = (truths(frame, "cached") == 1) | (truths(frame, "demo") == 1)
    priced = ~np.isnan(cost)
    total = _sum(grid, cost, priced)
    paid = _sum(grid, cost, priced & ~free)
    nothing_paid = (_count(grid, free) > 0) & (_count(grid, answered & ~free) == 0)
    passes = _count(grid, priced & (truths(frame, "passed") == 1))
    return {
        "cost_usd": total,
        "cost_paid_usd": np.where(np.isnan(paid) & nothing_paid, 0.0, paid),
        "cost_per_call_usd": _share(total, _count(grid, priced)),
        "cost_per_pass_usd": _share(total, passes),
        "unpriced": _count(grid, answered & ~priced),
    }


def _methods(grid: Grid, unit: Any, table: pd.DataFrame, confidence: float) -> dict[str, str]:
    repeated = bool(pd.DataFrame({"variant": grid.variant, "unit": unit}).duplicated().any())
    level = f"{confidence:.6g}"
    if repeated:
        passing = f"Wilson score interval at {level}, with the effective number of calls: repeats are clustered by case"
        erring = "standard error over cases, each case first averaged over its repeats"
    else:
        sampled = "cases" if grid.cases > 1 else "the repeats of one case, and holds for that case alone"
        passing = f"Wilson score interval at {level}, over {sampled}"
        erring = f"standard error over {sampled}"
    return {
        **dict.fromkeys(("pass_low", "pass_high"), passing),
        **{name: erring for name in table.columns if name.endswith("_se")},
        **{name: _QUANTILES for name in table.columns if name.endswith(("_median_s", "_p95_s", "tokens_per_s"))},
    }

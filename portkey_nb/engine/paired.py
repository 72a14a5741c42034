"""Variants in pairs, on the cells that both answered: who won, by how much, and how sure that is."""

from __future__ import annotations

import inspect
import itertools
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from portkey_nb.engine.grid import Codes, Floats, Grid, floats, read, truths
from portkey_nb.engine.intervals import holm, mcnemar_exact, normal_quantile, scipy_stats, wilson
from portkey_nb.engine.record import SCORE
from portkey_nb.errors import PromptError

MOST = 200
"""So many variants are compared in pairs at most: 19,900 pairs."""

_RESAMPLES = (999, 9_999)
_DRAWS = 100_000_000
"""So many values are drawn for all intervals of a table together, within the bounds of ``_RESAMPLES`` for each."""


def pairs(frame: pd.DataFrame, score: str | None = None, confidence: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Compare every two variants on the cells (prompt, case, repeat) that both answered.

    Parameters
    ----------
    frame : DataFrame
        Runs with the columns of :func:`portkey_nb.runs`. Of several rows for one cell the last known one counts.
    score : str, optional
        ``passed``, ``rating``, or a scorer's name, with or without ``score_``. Without it: ``passed`` where that is
        known, else the first score, else ``rating``. More is better.
    confidence : float
        Of the intervals, between 0 and 1; a difference counts where its adjusted p is below 1 - confidence.
    seed : int
        Of the resampling; the same frame and seed give the same table.

    Returns
    -------
    DataFrame
        One row per pair, in the order in which variants are first seen; NA where a value is unknown:

        - ``first``, ``second``, ``n`` (cells both answered; for scores averaged over repeats), ``cases`` among them,
        - ``win``, ``tie``, ``loss`` of the first,
        - ``pass_rate_first``, ``pass_rate_second`` (for scores ``mean_first``, ``mean_second``), ``difference`` (first
          less second), its bootstrap interval ``low`` to ``high`` and ``method``, which says how that was made,
        - ``p`` (exact McNemar), ``p_adjusted`` (Holm, over all pairs of this table), ``better`` (a label, or NA where
          the difference may be chance).

        ``.attrs`` has ``measure``, ``comparisons`` (p values adjusted together), ``confidence`` and ``methods``.

    Raises
    ------
    PromptError
        When there is nothing to compare by, no such score, or more than 200 variants.
    SettingsError
        When scipy (the extra ``stats``) is not installed.

    Notes
    -----
    Cases are resampled and tested, not cells: repeats of a case are alike. Where cases have several cells, McNemar's
    test counts a case once, for the variant that did better on it (the sign test over cases); else it is the test of
    the textbooks. For scores it is that sign test as well.

    Examples
    --------
    >>> runs = pd.DataFrame({"variant": ["a"] * 9 + ["b"] * 9, "case_id": list("123456789") * 2})
    >>> runs["passed"] = runs["variant"] == "a"
    >>> pairs(runs)[["first", "second", "win", "loss", "p", "better"]].round(4)
      first second  win  loss       p better
    0     a      b    9     0  0.0039      a
    """
    normal_quantile(confidence)
    grid = read(frame)
    measure = _measure(frame, score)
    if len(grid.variants) > MOST:
        raise PromptError(f"{len(grid.variants):,} variants make too many pairs; choose {MOST} at most")
    values = truths(frame, measure) if measure == "passed" else floats(frame, measure)
    table = _Table.of(grid, values, whole=measure == "passed" or grid.cases == 1)
    couples = list(itertools.combinations(range(len(grid.variants)), 2))
    resample = _Resampling(confidence, seed, _DRAWS // max(1, len(couples)), measure == "passed") if couples else None
    rows = [_row(table, grid.variants, couple, resample) for couple in couples if resample]
    adjusted = holm([row["p"] for row in rows])
    for row, p in zip(rows, adjusted, strict=True):
        row["p_adjusted"] = p
        row["better"] = row.pop("ahead") if p < 1 - confidence else None
    found = _frame(rows, "pass_rate" if measure == "passed" else "mean")
    known = sum(not math.isnan(p) for p in adjusted)
    by_case = table.clusters or measure != "passed"
    methods = _methods(known, confidence, by_case=by_case)
    found.attrs.update(measure=measure, comparisons=known, confidence=confidence, methods=methods)
    return found


def _methods(comparisons: int, confidence: float, *, by_case: bool) -> dict[str, str]:
    interval = f"paired bootstrap over cases at {confidence:.6g}; `method` names the kind for each pair"
    test = "exact sign test: each case counts once, for the variant that did better on it"
    return {
        "low": interval,
        "high": interval,
        "p": test if by_case else "exact McNemar test (binomial, two-sided)",
        "p_adjusted": f"Holm over {comparisons} comparisons",
        "better": f"adjusted p below {1 - confidence:.6g} ({comparisons} comparisons)",
    }


def _measure(frame: pd.DataFrame, score: str | None) -> str:
    there = [name for name in frame.columns if isinstance(name, str) and name.startswith(SCORE)]
    if score is not None:
        for name in (score, f"{SCORE}{score}"):
            if name in there or (name in ("passed", "rating") and name in frame):
                return name
        known = ", ".join(repr(name) for name in [*there, "passed", "rating"] if name in frame) or "none of them"
        raise PromptError(f"no score {score!r} in the frame; it has {known}")
    if not np.isnan(truths(frame, "passed")).all():
        return "passed"
    for name in [*there, "rating"]:
        if not np.isnan(floats(frame, name)).all():
            return name
    raise PromptError(
        "nothing to compare by: no row has a known `passed`, `score_<name>` or `rating`; give scorers, or rate answers"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Values by cell and variant, NaN where unknown."""

    values: Any  # cells x variants
    place: Codes  # of each cell
    case: Codes  # of each cell
    whole: bool  # cells are compared as they are, not averaged over repeats
    clusters: bool  # a case has several cells

    @classmethod
    def of(cls, grid: Grid, values: Floats, *, whole: bool) -> _Table:
        known = ~np.isnan(values)
        cell = grid.cells(known)[known]
        size = int(cell.max(initial=-1)) + 1
        filled = np.full((size, len(grid.variants)), np.nan)
        filled[cell, grid.variant[known]] = values[known]  # of several rows for a cell the last one stays
        place, case = np.zeros(size, np.intp), np.zeros(size, np.intp)
        place[cell] = grid.place[known]
        # One case alone: its repeats are all there is to sample.
        case[cell] = grid.case[known] if grid.cases > 1 else cell
        return cls(filled, place, case, whole, len(np.unique(case)) < size)

    def shared(self, first: int, second: int) -> tuple[Floats, Floats, Codes]:
        """Return the values of two variants where both have one, and the case of each."""
        both = ~np.isnan(self.values[:, first]) & ~np.isnan(self.values[:, second])
        ours, theirs, case = self.values[both, first], self.values[both, second], self.case[both]
        if self.whole:
            return ours, theirs, case
        _, at, inverse, count = np.unique(self.place[both], return_index=True, return_inverse=True, return_counts=True)
        return np.bincount(inverse, ours) / count, np.bincount(inverse, theirs) / count, case[at]


def _row(table: _Table, labels: list[str], couple: tuple[int, int], resample: _Resampling) -> dict[str, Any]:
    ours, theirs, case = table.shared(*couple)
    row: dict[str, Any] = {"first": labels[couple[0]], "second": labels[couple[1]], "n": len(ours)}
    difference = _even(ours, theirs)
    row.update(win=int((difference > 0).sum()), tie=int((difference == 0).sum()), loss=int((difference < 0).sum()))
    if not len(ours):
        unknown = dict.fromkeys(("mean_first", "mean_second", "difference", "low", "high", "p"), math.nan)
        return {**row, "cases": 0, **unknown, "method": "no cell that both answered", "ahead": None}
    _, inverse, count = np.unique(case, return_inverse=True, return_counts=True)
    total = np.asarray(np.bincount(inverse, difference), np.float64)
    total[np.abs(total) < 1e-9] = 0
    ahead, behind = int((total > 0).sum()), int((total < 0).sum())
    mean = float(difference.mean())
    low, high, method = resample.interval(total, count)
    # What the test says and what the means say may differ for scores; then neither is better.
    leads = couple[0] if ahead > behind and mean > 0 else couple[1] if behind > ahead and mean < 0 else None
    return {
        **row,
        "cases": len(count),
        "mean_first": float(ours.mean()),
        "mean_second": float(theirs.mean()),
        "difference": mean,
        "low": low,
        "high": high,
        "method": method,
        "p": mcnemar_exact(ahead, behind),
        "ahead": None if leads is None else labels[leads],
    }


def _even(ours: Floats, theirs: Floats) -> Floats:
    """Return differences, 0 where two averages differ by rounding alone."""
    difference = ours - theirs
    difference[np.abs(difference) <= 1e-9 * np.maximum(1, np.maximum(np.abs(ours), np.abs(theirs)))] = 0
    return difference


def _mean(total: Any, count: Any, axis: int = -1) -> Any:
    return total.sum(axis=axis) / count.sum(axis=axis)


class _Resampling:
    """Bootstrap intervals of the mean of differences that come in cases."""

    def __init__(self, confidence: float, seed: int, draws: int, truths_alone: bool) -> None:
        self._stats: Any = scipy_stats("pairs()")
        self._confidence, self._seed, self._draws, self._truths = confidence, seed, draws, truths_alone
        # scipy 1.15 renamed the argument.
        self._rng = "rng" if "rng" in inspect.signature(self._stats.bootstrap).parameters else "random_state"

    def interval(self, total: Floats, count: Any) -> tuple[float, float, str]:
        """Return low, high and how they were found.

        Parameters
        ----------
        total, count : arrays
            Per case, the sum of its differences and how many there are.
        """
        cases, each = len(total), total / count
        if np.ptp(each) < 1e-12:
            return self._alike(float(each[0]), cases)
        least, most = _RESAMPLES
        resamples = min(most, max(least, self._draws // cases))
        given: dict[str, Any] = {
            "paired": True,
            "vectorized": True,
            "batch": max(1, 2_000_000 // cases),
            "confidence_level": self._confidence,
            self._rng: np.random.default_rng(self._seed),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where BCa is undefined it warns and gives NaN, which is seen below
            found = self._stats.bootstrap((total, count), _mean, n_resamples=resamples, method="BCa", **given)
            low, high = map(float, found.confidence_interval)
            kind = "BCa"
            if math.isnan(low) or math.isnan(high):
                kind = "percentile"
                found = self._stats.bootstrap(
                    (total, count), _mean, n_resamples=0, bootstrap_result=found, method=kind, **given
                )
                low, high = map(float, found.confidence_interval)
        return low, high, f"{kind} bootstrap, {resamples:,} resamples of {cases:,} cases"

    def _alike(self, each: float, cases: int) -> tuple[float, float, str]:
        """Return an interval where all cases differ by the same, of which resampling can tell nothing."""
        if not self._truths or each not in (-1.0, 0.0, 1.0):
            return math.nan, math.nan, f"none: {cases:,} cases with the same difference"
        won, lost = (wilson(cases if each == sign else 0, cases, self._confidence) for sign in (1.0, -1.0))
        return (
            won[0] - lost[1],
            won[1] - lost[0],
            f"Wilson bounds of wins and losses: {cases:,} cases with the same difference",
        )


def _frame(rows: list[dict[str, Any]], name: str) -> pd.DataFrame:
    kinds: dict[str, Any] = {
        **dict.fromkeys(("first", "second"), "string"),
        **dict.fromkeys(("n", "cases", "win", "tie", "loss"), "Int64"),
        **dict.fromkeys(("mean_first", "mean_second", "difference", "low", "high"), "Float64"),
        "method": "string",
        **dict.fromkeys(("p", "p_adjusted"), "Float64"),
        "better": "string",
    }
    data = {
        column.replace("mean_", f"{name}_"): pd.array([row[column] for row in rows], dtype=kind)
        for column, kind in kinds.items()
    }
    return pd.DataFrame(data)

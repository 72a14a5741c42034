"""Strengths from who won against whom: the model of Bradley and Terry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from portkey_nb.engine.intervals import normal_quantile
from portkey_nb.engine.plain import integer
from portkey_nb.errors import PromptError

_ROUNDS = 2_000
_POLISH = 100


def bradley_terry(results: pd.DataFrame, confidence: float = 0.95, prior: float = 1.0) -> pd.DataFrame:
    """Rank variants by who won against whom (Bradley and Terry 1952).

    Parameters
    ----------
    results : DataFrame
        One row per comparison: ``first``, ``second`` (labels) and ``outcome`` (1 the first won, 0 tie, -1 it lost). A
        tie counts as half a win for each. Rows with an unknown value are left out.
    confidence : float
        Of the intervals, between 0 and 1.
    prior : float
        Draws with the average variant that each variant is given beforehand, so that one that never lost stays finite.
        With 0 it is the plain maximum likelihood.

    Returns
    -------
    DataFrame
        Indexed by variant, the strongest first: ``strength`` (log scale, mean 0; the difference of two is the log odds
        that the one beats the other) with its interval ``low`` to ``high``, ``p_win`` (the probability to win against a
        variant of strength 0) with ``p_win_low`` and ``p_win_high``, ``games``, ``wins``, ``ties``, ``losses``.
        ``.attrs["methods"]`` tells how the intervals were made; ``.attrs["note"]`` is empty, or says in one line which
        variants no comparison links, so that their strengths cannot be compared.

    Raises
    ------
    PromptError
        When a column is missing, an outcome is none of 1, 0, -1, a variant meets itself, or ``prior`` is 0 and the
        results have no finite maximum.

    Notes
    -----
    Found by the MM iterations of Hunter (2004), finished by Newton steps; intervals from the observed information.

    Examples
    --------
    >>> won = pd.DataFrame({"first": ["a", "a", "b"], "second": ["b", "c", "c"], "outcome": [1, 1, 1]})
    >>> bradley_terry(won)[["strength", "games"]].round(2)
             strength  games
    variant
    a            1.29      2
    b             0.0      2
    c           -1.29      2
    """
    z = normal_quantile(confidence)
    if not 0 <= prior < np.inf:
        raise PromptError(f"prior is {prior!r}; give a number of draws from 0")
    rows = _checked(results)
    labels = list(dict.fromkeys(name for pair in zip(rows["first"], rows["second"], strict=True) for name in pair))
    place = {label: at for at, label in enumerate(labels)}
    first, second = (rows[name].map(place).to_numpy(np.intp) for name in ("first", "second"))
    outcome = rows["outcome"].to_numpy(np.int64)
    size = len(labels)
    wins = np.zeros((size, size))
    np.add.at(wins, (first, second), (outcome + 1) / 2)
    np.add.at(wins, (second, first), (1 - outcome) / 2)
    if prior == 0 and _parts(wins > 0, strong=True) not in (0, 1):
        raise PromptError(
            "without a prior these results have no finite strengths: some variants never lost to others; give prior=1"
        )
    strength = _fit(wins, prior)
    reach = z * np.sqrt(np.diag(_covariance(wins, strength, prior)))
    table = _table(labels, strength, reach, _counts(first, second, outcome, size))
    method = (
        f"Wald interval at {confidence:.6g} from the observed information, ties as half wins, prior of {prior:g} draws"
    )
    table.attrs.update(
        confidence=confidence,
        note=_linked(wins + wins.T > 0, labels),
        methods=dict.fromkeys(("low", "high", "p_win_low", "p_win_high"), method),
    )
    return table


def _counts(first: Any, second: Any, outcome: Any, size: int) -> dict[str, Any]:
    """Return per variant how many comparisons it won, drew and lost."""
    found = {}
    for name, sign in (("wins", 1), ("ties", 0), ("losses", -1)):
        ours, theirs = first[outcome == sign], second[outcome == -sign]
        found[name] = np.bincount(ours, minlength=size) + np.bincount(theirs, minlength=size)
    return found


def _table(labels: list[str], strength: Any, reach: Any, counts: dict[str, Any]) -> pd.DataFrame:
    low, high = strength - reach, strength + reach
    numbers = {
        "strength": strength,
        "low": low,
        "high": high,
        "p_win": _logistic(strength),
        "p_win_low": _logistic(low),
        "p_win_high": _logistic(high),
    }
    counts = {"games": sum(counts.values()), **counts}
    table = pd.DataFrame(
        {
            **{name: pd.array(values, dtype="Float64") for name, values in numbers.items()},
            **{name: pd.array(values, dtype="Int64") for name, values in counts.items()},
        },
        index=pd.Index(labels, name="variant", dtype="string"),
    )
    return table.sort_values("strength", ascending=False, kind="stable")


def _checked(results: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in ("first", "second", "outcome") if name not in results]
    if missing:
        raise PromptError(f"the results have no column {missing[0]!r}; they need `first`, `second` and `outcome`")
    rows = results[["first", "second", "outcome"]].dropna()
    outcomes = [integer(value) for value in rows["outcome"]]
    for given, outcome in zip(rows["outcome"], outcomes, strict=True):
        if outcome not in (-1, 0, 1):
            raise PromptError(f"outcome {given!r} is none of 1 (the first won), 0 (tie) and -1 (it lost)")
    rows = pd.DataFrame({"first": rows["first"].astype(str), "second": rows["second"].astype(str), "outcome": outcomes})
    alone = rows["first"][rows["first"] == rows["second"]]
    if len(alone):
        raise PromptError(f"{alone.iloc[0]!r} is compared with itself; each row needs two different variants")
    return rows


def _fit(wins: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """Return the strengths, centred, of which wins (row against column) are likeliest."""
    size = len(wins)
    games, won = wins + wins.T, wins.sum(axis=1) + prior / 2
    force = np.ones(size)
    for _ in range(_ROUNDS):
        last = force
        force = won / ((games / (last[:, None] + last)).sum(axis=1) + prior / (last + 1)) if size else force
        if not prior and size:
            force = force / np.exp(np.log(force).mean())
        if np.allclose(force, last, rtol=1e-12, atol=0):
            break
    strength = np.log(force)
    for _ in range(_POLISH):  # MM slows down where wins are one-sided
        odds = _logistic(strength[:, None] - strength)
        slope = won - (games * odds).sum(axis=1) - prior * _logistic(strength)
        step = np.linalg.pinv(_information(wins, strength, prior), hermitian=True) @ slope if size else slope
        strength = strength + np.clip(step, -1, 1)
        if np.abs(step).max(initial=0) < 1e-12:
            break
    return strength - strength.mean() if size else strength


def _information(wins: NDArray[np.float64], strength: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    odds = _logistic(strength[:, None] - strength)
    each = (wins + wins.T) * odds * (1 - odds)
    own = _logistic(strength)
    return np.diag(each.sum(axis=1) + prior * own * (1 - own)) - each


def _covariance(wins: NDArray[np.float64], strength: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """Return the covariance of the centred strengths."""
    size = len(wins)
    if not size:
        return np.zeros((0, 0))
    centre = np.eye(size) - 1 / size
    found: NDArray[np.float64] = centre @ np.linalg.pinv(_information(wins, strength, prior), hermitian=True) @ centre
    return found


def _logistic(values: Any) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 0.5 * (1 + np.tanh(np.asarray(values) / 2))  # exp() would overflow
    return found


def _reach(links: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which variant is reached from which, over any number of links."""
    reached = links | np.eye(len(links), dtype=np.bool_)
    for _ in range(len(links).bit_length()):  # each round doubles the length of the ways
        reached = (reached.astype(np.float64) @ reached) > 0
    return reached


def _parts(links: NDArray[np.bool_], *, strong: bool = False) -> int:
    reached = _reach(links)
    return len({tuple(row) for row in (reached & reached.T if strong else reached)})


def _linked(links: NDArray[np.bool_], labels: list[str]) -> str:
    groups = list(dict.fromkeys(tuple(np.flatnonzero(row)) for row in _reach(links)))
    if len(groups) < 2:
        return ""
    shown = " | ".join(", ".join(labels[at] for at in group) for group in groups)
    return f"no comparison links {shown}: strengths can be compared within each group alone; compare some across"

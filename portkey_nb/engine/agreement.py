"""How far two judges of the same answers agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from portkey_nb.engine.intervals import normal_quantile
from portkey_nb.engine.plain import number
from portkey_nb.errors import PromptError


def agreement(
    a: Sequence[Any] | pd.Series[Any], b: Sequence[Any] | pd.Series[Any], confidence: float = 0.95
) -> dict[str, Any]:
    """Return how far two judges agree about the same answers, such as a model and a person.

    Parameters
    ----------
    a, b : sequence
        What each said, answer by answer: numbers, truths or labels. Two Series are matched by their index, others by
        place. Answers about which one of them said nothing (None, NaN, NA) are left out.
    confidence : float
        Of the interval, between 0 and 1.

    Returns
    -------
    dict
        ``n``, ``share`` (that agree exactly), ``kappa`` (Cohen 1960, unweighted: 0 is what chance gives), ``spearman``
        (rank correlation) with ``spearman_low`` and ``spearman_high``, and ``method``. ``pandas.NA`` where a value
        cannot be told: kappa where both always say the same one thing, Spearman for labels, or where one judge does not
        vary.

    Raises
    ------
    PromptError
        When they are not of the same length.

    Notes
    -----
    The interval is Fisher's transformation with the variance of Bonett and Wright (2000); it needs 4 answers, and
    a correlation other than 1 and -1.

    Examples
    --------
    >>> agreement(["good", "bad", "good", "bad"], ["good", "bad", "bad", "bad"])["kappa"]
    0.5
    """
    z = normal_quantile(confidence)
    rows = _matched(a, b)
    found: dict[str, Any] = {"n": len(rows), "share": pd.NA, "kappa": pd.NA, "spearman": pd.NA}
    if len(rows):
        same = float((rows["a"] == rows["b"]).mean())
        says_a, says_b = rows["a"].value_counts(normalize=True), rows["b"].value_counts(normalize=True)
        by_chance = float(sum(share * says_b.get(label, 0.0) for label, share in says_a.items()))
        found["share"] = same
        if by_chance < 1 - 1e-12:
            found["kappa"] = (same - by_chance) / (1 - by_chance)
    rho = _spearman(rows)
    low: Any = pd.NA
    high: Any = pd.NA
    if rho is not None:
        found["spearman"] = rho
        if len(rows) > 3 and abs(rho) < 1 - 1e-12:
            reach = z * math.sqrt((1 + rho**2 / 2) / (len(rows) - 3))
            low, high = math.tanh(math.atanh(rho) - reach), math.tanh(math.atanh(rho) + reach)
    method = (
        f"Spearman's interval at {confidence:.6g} by Fisher's transformation with the variance of Bonett and Wright"
    )
    return {**found, "spearman_low": low, "spearman_high": high, "method": method}


def _matched(a: Any, b: Any) -> pd.DataFrame:
    if isinstance(a, pd.Series) and isinstance(b, pd.Series) and a.index.is_unique and b.index.is_unique:
        both = a.index.intersection(b.index)
        a, b = a.loc[both], b.loc[both]
    first, second = list(a), list(b)
    if len(first) != len(second):
        raise PromptError(
            f"{len(first)} judgements cannot be matched with {len(second)}; give one of each judge per answer"
        )
    rows = pd.DataFrame({"a": pd.Series(first, dtype=object), "b": pd.Series(second, dtype=object)})
    return rows[rows["a"].notna() & rows["b"].notna()]


def _spearman(rows: pd.DataFrame) -> float | None:
    numbers = pd.DataFrame({name: [number(value) for value in rows[name]] for name in ("a", "b")}, dtype="float64")
    texts = any(isinstance(value, str) for name in ("a", "b") for value in rows[name])
    if texts or numbers.isna().any(axis=None) or len(numbers) < 2 or (numbers.nunique() < 2).any():
        return None
    ranks = numbers.rank()
    return max(-1.0, min(1.0, float(ranks["a"].corr(ranks["b"]))))

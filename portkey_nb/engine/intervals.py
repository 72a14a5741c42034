"""Intervals and p values of counts: Wilson, exact McNemar, Holm; closed forms that work without scipy."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import Any

from portkey_nb.errors import PromptError, SettingsError
from portkey_nb.loading import unbroken


def scipy_stats(what: str) -> Any:
    """Return ``scipy.stats``, loaded on first use.

    Parameters
    ----------
    what : str
        What needs it, as it stands in the message.

    Raises
    ------
    SettingsError
        When scipy is not installed; the message names the extra that brings it.
    """
    try:
        with unbroken():
            import scipy.stats as found  # heavy, and an extra
    except ImportError:
        found = None
    if found is None:
        raise SettingsError(f'{what} needs scipy; run: pip install "portkey_nb[stats]"')
    return found


def normal_quantile(confidence: float) -> float:
    """Return how many standard errors an interval of this confidence reaches to each side.

    Raises
    ------
    PromptError
        When the confidence is not between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.95), 2)
    1.96
    """
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 < confidence < 1:
        raise PromptError(f"confidence is {confidence!r}; give a share between 0 and 1, such as 0.95")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(passed: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927), without continuity correction.

    Parameters
    ----------
    passed : float
        How many passed.
    n : float
        Of how many. No whole number where it is an effective sample size. With 0 the interval is all of 0 to 1.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    PromptError
        When ``passed`` is not between 0 and ``n``, or ``confidence`` not between 0 and 1.

    Examples
    --------
    >>> low, high = wilson(81, 263)
    >>> f"{low:.4f} {high:.4f}"
    '0.2553 0.3662'
    """
    z = normal_quantile(confidence)
    if not 0 <= passed <= n or math.isinf(n):
        raise PromptError(f"{passed!r} passed of {n!r} is no share; give counts with 0 <= passed <= n")
    if n == 0:
        return 0.0, 1.0
    share = passed / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the ends the interval begins at the estimate itself; rounding would put it a hair beside.
    low = 0.0 if passed == 0 else max(0.0, middle - reach)
    high = 1.0 if passed == n else min(1.0, middle + reach)
    return low, high


def mcnemar_exact(b: int, c: int) -> float:
    """Return the two-sided p value of McNemar's exact test, a binomial test of the pairs that differ.

    Parameters
    ----------
    b, c : int
        Pairs in which only the first, only the second passed.

    Raises
    ------
    PromptError
        When a count is negative or no whole number.

    Examples
    --------
    >>> round(mcnemar_exact(8, 1), 4)
    0.0391
    """
    counts = []
    for count in (b, c):
        if isinstance(count, bool) or not math.isfinite(count) or count < 0 or int(count) != count:
            raise PromptError(f"{count!r} is no number of pairs; give whole numbers from 0")
        counts.append(int(count))
    n, fewer = sum(counts), min(counts)
    try:
        with unbroken():
            from scipy.stats import binomtest  # heavy, and an extra
    except ImportError:
        at_most = sum(math.comb(n, each) for each in range(fewer + 1))
        return float(min(1.0, 2 * at_most / 2**n))
    return float(binomtest(fewer, n, 0.5).pvalue) if n else 1.0


def holm(p_values: Iterable[float | None]) -> list[float]:
    """Return p values adjusted for being several, by Holm's step-down method (Holm 1979), in the order given.

    Parameters
    ----------
    p_values : iterable of float
        Unknown ones (None, NaN, NA) stay unknown (NaN) and are not counted.

    Raises
    ------
    PromptError
        When a value is not between 0 and 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    known = [(place, p) for place, p in enumerate(map(_probability, p_values))]
    adjusted = [math.nan] * len(known)
    left = sorted((p, place) for place, p in known if not math.isnan(p))
    largest = 0.0
    for done, (p, place) in enumerate(left):
        largest = max(largest, min(1.0, p * (len(left) - done)))
        adjusted[place] = largest
    return adjusted


def _probability(value: float | None) -> float:
    try:
        p = math.nan if value is None else float(value)
    except (TypeError, ValueError):  # pandas.NA has no float
        p = math.nan
    if not (math.isnan(p) or 0 <= p <= 1):
        raise PromptError(f"{value!r} is no p value; give numbers from 0 to 1")
    return p

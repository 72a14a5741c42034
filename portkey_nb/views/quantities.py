"""Numbers in words: money, durations, shares and scores with as many digits as tell something."""

from __future__ import annotations

import math

DASH = "—"
"""What stands where a value is unknown."""


def money(usd: float) -> str:
    """Write US dollars.

    Examples
    --------
    >>> money(0.000123), money(0.0001), money(1.5), money(0.0), money(float("nan"))
    ('$0.00012', '$0.0001', '$1.50', '$0.00', '—')
    """
    if math.isnan(usd):
        return DASH
    if usd == 0 or abs(usd) >= 0.1:
        return f"${usd:,.2f}"
    digits = 1 - math.floor(math.log10(abs(usd)))
    whole, _, part = f"{usd:.{min(12, max(digits, 4))}f}".partition(".")
    return f"${whole}.{part[:4]}{part[4:].rstrip('0')}"


def seconds(value: float) -> str:
    """Write a duration.

    Examples
    --------
    >>> seconds(0.1234), seconds(12.3), seconds(340.0), seconds(float("nan"))
    ('0.12 s', '12.3 s', '340 s', '—')
    """
    if math.isnan(value):
        return DASH
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s" if value < 100 else f"{value:,.0f} s"


def number(value: float, digits: int = 2) -> str:
    """Write a number.

    Examples
    --------
    >>> number(4.2), number(1234567.0), number(80.25), number(float("nan"))
    ('4.20', '1,234,567', '80.2', '—')
    """
    if math.isnan(value):
        return DASH
    return f"{value:,.{max(0, digits - len(str(int(abs(value)))) + 1)}f}"


def percent(share: float, low: float = math.nan, high: float = math.nan) -> str:
    """Write a share, and its interval where it has one.

    Examples
    --------
    >>> percent(0.62, 0.484, 0.741), percent(1.0), percent(0.996), percent(float("nan"))
    ('62 % (48-74)', '100 %', '99.6 %', '—')
    """
    if math.isnan(share):
        return DASH
    known = "" if math.isnan(low) or math.isnan(high) else f" ({_points(low)}-{_points(high)})"
    return f"{_points(share)} %{known}"


def _points(share: float) -> str:
    """Return a share in hundredths: 0 and 100 are exact."""
    points = 100 * share
    return f"{points:.0f}" if share in (0, 1) or 0.5 <= points < 99.5 else f"{points:.1f}"

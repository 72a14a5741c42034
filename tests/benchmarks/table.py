"""Measurements as text: for the terminal, and as the README's table."""

from __future__ import annotations

import statistics

from tests.benchmarks.measurement import Measurement, Values


def number(value: float) -> str:
    """Return a number with three digits that count, and all digits before the point."""
    if value == 0:
        return "0"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(values: Values | str, unit: str) -> str:
    """Return the median and its unit, or the reason why there is none."""
    return f"not measured: {values}" if isinstance(values, str) else f"{number(statistics.median(values))} {unit}"


def spread(values: Values | str) -> str:
    """Return the least and the greatest of the rounds."""
    return "" if isinstance(values, str) or len(values) < 2 else f"{number(min(values))} .. {number(max(values))}"


def printed(measurement: Measurement) -> str:
    """Return a measurement for the terminal: a line for what, and one for each side."""
    lines = [measurement.what + (f"   (target: {measurement.target})" if measurement.target else "")]
    for at, (who, values) in enumerate(measurement.took.items()):
        ratio = measurement.ratio(who) if at else None
        times = "" if ratio is None else f"ratio {number(ratio)}"
        around = spread(values)
        lines.append(f"  {who:26}{shown(values, measurement.unit):>26}   {f'({around})' if around else '':28}{times}")
    return "\n".join(line.rstrip() for line in lines)

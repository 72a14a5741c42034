"""What answers were worth, as pictures: cost against quality with the efficient frontier, and scores with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from portkey_nb.views.drawing import (
    COLOURS,
    GREY,
    MARKERS,
    axes_for,
    clean,
    describe,
    height,
    label,
    name_rows,
    say_nothing,
    text_colour,
    title,
    values,
    wide,
)
from portkey_nb.views.labels import Point, keep_apart
from portkey_nb.views.quantities import money, number, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def cost(summary: pd.DataFrame, ax: Axes | None = None, *, score: str | None = None) -> Axes:
    """Draw cost per call against quality, with intervals, and the variants that none other beats in both as a line.

    Parameters
    ----------
    summary : DataFrame
        One row per variant, as ``summary()`` of a comparison gives it.
    ax : Axes, optional
    score : str, optional
        The scorer whose mean is the quality; by default the pass rate, or the first scorer where that is unknown.

    Returns
    -------
    Axes
        US dollars per call to the right, quality upwards.

    Raises
    ------
    SettingsError
        When matplotlib is not installed.
    """
    ax = axes_for(ax, 4.2)
    paid = values(summary, "cost_per_call_usd")
    quality, low, high, words = _quality(summary, score)
    title(ax, f"Cost against {'pass rate' if words.startswith('passed') else 'score'}", summary)
    shown = np.flatnonzero(~np.isnan(paid) & ~np.isnan(quality))
    if not len(shown):
        missing = "cost" if np.isnan(paid).all() else "pass rate or score"
        return say_nothing(ax, f"no variant with a {missing} to show")
    names = [str(name) for name in summary.index]
    scale = 100 if words.startswith("passed") else 1
    points, told, lines = [], [], []
    for order, at in enumerate(shown):
        colour, x, y = COLOURS[order % len(COLOURS)], float(paid[at]), float(quality[at]) * scale
        if not (math.isnan(low[at]) or math.isnan(high[at])):
            lines.append([(x, float(low[at]) * scale), (x, float(high[at]) * scale)])
            ax.plot(*zip(*lines[-1], strict=True), color=colour, alpha=0.6, linewidth=1.6)
        ax.plot(x, y, MARKERS[order % len(MARKERS)], color=colour, markersize=8, markeredgewidth=0, zorder=4)
        points.append(Point(x, y, names[at]))
        shown_y = percent(y / 100) if scale == 100 else number(y)
        told.append(f"{names[at]} {shown_y} at {money(x)} per call")
    best = _frontier(points)
    if len(best) > 1:
        lines.append([(point.x, point.y) for point in best])
        ax.plot(*zip(*lines[-1], strict=True), "--", color=GREY, linewidth=1.2, zorder=1)
        told.append("not beaten in both: " + ", ".join(point.name for point in best))
    _cost_axes(ax, [point.x for point in points], words, len(best) > 1)
    keep_apart(ax, points, [COLOURS[at % len(COLOURS)] for at in range(len(points))], lines)
    describe(ax, told)
    return ax


def _cost_axes(ax: Axes, paid: Sequence[float], words: str, line: bool) -> None:
    ax.margins(x=0.16, y=0.14)
    if wide(np.array(paid)) or (min(paid) > 0 and max(paid) / min(paid) > 20):
        ax.set_xscale("log")
    elif min(paid) == max(paid):
        ax.set_xlim(0, 2 * paid[0] if paid[0] else 1)
    ax.xaxis.set_major_formatter(lambda value, _: money(value).replace("$", "\\$") if value >= 0 else "")
    ax.xaxis.set_minor_formatter(lambda *_: "")
    below = "; dashed: none is both cheaper and better" if line else ""
    ax.set_xlabel(f"cost per call in US dollars{below}")
    ax.set_ylabel(words)
    clean(ax, grid="both")


def _quality(summary: pd.DataFrame, score: str | None) -> tuple[Any, Any, Any, str]:
    """Return what is drawn upwards: the values, the ends of their intervals, and what they are."""
    sure = float(summary.attrs.get("confidence", 0.95))
    level = f"{percent(sure)} interval"
    rate = values(summary, "pass_rate")
    scorers = _scorers(summary)
    if score is None and (not np.isnan(rate).all() or not scorers):
        return rate, values(summary, "pass_low"), values(summary, "pass_high"), f"passed in percent, with {level}"
    name = scorers[0] if score is None else score
    mean, reach = values(summary, f"{name}_mean"), _reach(summary, name, sure)
    return mean, mean - reach, mean + reach, f"mean {label(name)}, with {level}"


def _scorers(summary: pd.DataFrame) -> list[str]:
    """Return the scorers of which some variant has a mean."""
    names = [str(name).removesuffix("_mean") for name in summary.columns if str(name).endswith("_mean")]
    return [name for name in names if not np.isnan(values(summary, f"{name}_mean")).all()]


def _reach(summary: pd.DataFrame, name: str, sure: float) -> Any:
    """Return half the width of a normal interval around a mean."""
    return NormalDist().inv_cdf((1 + sure) / 2) * values(summary, f"{name}_se")


def _frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points that none other is both cheaper and better than, the cheapest first."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not found or point.y > found[-1].y:
            found.append(point)
    return found


def scores(summary: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mean of each scorer per variant with its interval, and the pass rate where it is known.

    Parameters
    ----------
    summary : DataFrame
        One row per variant, as ``summary()`` of a comparison gives it.
    ax : Axes, optional

    Returns
    -------
    Axes
        A band per scorer, each on a scale of its own where they do not all go from 0 to 1.

    Raises
    ------
    SettingsError
        When matplotlib is not installed.
    """
    sure = float(summary.attrs.get("confidence", 0.95))
    bands = []
    rate = values(summary, "pass_rate")
    if not np.isnan(rate).all():
        bands.append(("passed", rate, values(summary, "pass_low"), values(summary, "pass_high")))
    for name in _scorers(summary):
        mean, reach = values(summary, f"{name}_mean"), _reach(summary, name, sure)
        bands.append((name, mean, mean - reach, mean + reach))
    ax = axes_for(ax, height(max(1, len(bands)) * (len(summary) + 1)))
    title(ax, f"Mean scores with {percent(sure)} intervals", summary)
    if not bands:
        return say_nothing(ax, "no score to show")
    panels = _panels(ax, len(bands))
    told = []
    for panel, (name, mean, low, high) in zip(panels, bands, strict=True):
        told.append(f"{name}: {_band(panel, summary, mean, low, high)}")
        panel.set_ylabel(label(name), color=text_colour(ax))
    describe(ax, told)
    return ax


def _panels(ax: Axes, count: int) -> list[Axes]:
    """Return axes one below the other inside the given ones, which keep their title; or these where one is enough."""
    if count == 1:
        return [ax]
    ax.set_axis_off()
    gap = min(0.2, 0.45 / (ax.get_window_extent().height / ax.figure.dpi))
    tall = (1 - gap * (count - 1)) / count
    panels = []
    for at in range(count):
        panel = ax.inset_axes((0, 1 - (at + 1) * tall - at * gap, 1, tall))
        panel.set_facecolor("none")
        panel.tick_params(colors=ax.title.get_color())
        for spine in panel.spines.values():
            spine.set_color(GREY)
        panels.append(panel)
    return panels


def _band(ax: Axes, summary: pd.DataFrame, mean: Any, low: Any, high: Any) -> str:
    """Draw one scorer and return it in words."""
    told = []
    names = [str(name) for name in summary.index]
    for at, name in enumerate(names):
        colour = COLOURS[at % len(COLOURS)]
        if math.isnan(mean[at]):
            continue
        if not (math.isnan(low[at]) or math.isnan(high[at])):
            ax.plot([low[at], high[at]], [at, at], color=colour, linewidth=2.4, alpha=0.7, solid_capstyle="butt")
        ax.plot(mean[at], at, MARKERS[at % len(MARKERS)], color=colour, markersize=7, markeredgewidth=0, zorder=4)
        told.append(f"{name} {number(mean[at])}")
    known = np.concatenate([part[~np.isnan(part)] for part in (mean, low, high)])
    if known.min() >= -0.3 and known.max() <= 1.3 and np.nanmin(mean) >= 0 and np.nanmax(mean) <= 1:
        ax.set_xlim(min(-0.03, known.min() - 0.03), max(1.03, known.max() + 0.03))
    else:
        ax.margins(x=0.08)
    name_rows(ax, names)
    clean(ax)
    return ", ".join(told)

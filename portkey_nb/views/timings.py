"""How long answers took, as pictures: the race to the first token and to the end, and how times are spread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from portkey_nb.views.drawing import (
    COLOURS,
    GREY,
    axes_for,
    clean,
    describe,
    height,
    is_own,
    name_rows,
    say_nothing,
    text_colour,
    title,
    values,
    wide,
)
from portkey_nb.views.quantities import seconds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_CALM, _FEW = 400, 12
"""Beyond so many points in a row they are drawn fainter and smaller, and below so few larger."""


def race(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw who answers first: per variant the time to the first token and to the end of the stream, in seconds.

    Parameters
    ----------
    frame : DataFrame
        Runs with ``variant``, ``latency_s`` and ``ttft_s``; only those that came out ok are drawn.
    ax : Axes, optional

    Returns
    -------
    Axes
        Bars are medians, dots are calls, the fastest variant stands on top.

    Raises
    ------
    SettingsError
        When matplotlib is not installed.
    """
    groups = _groups(frame, "latency_s", "ttft_s")
    groups.sort(key=lambda group: float(np.median(group[1])))
    ax = axes_for(ax, height(len(groups)))
    title(ax, "Time to first token and to the end", frame)
    if not groups:
        return say_nothing(ax, "no answered call with a time to show")
    told = []
    for at, (name, whole, first) in enumerate(groups):
        colour, end = COLOURS[0], float(np.median(whole))
        known = first[~np.isnan(first)]
        begin = min(float(np.median(known)), end) if len(known) else 0.0
        ax.barh(at, begin, height=0.62, color=colour, alpha=0.3, label="until the first token" if begin else None)
        ax.barh(
            at, end - begin, left=begin, height=0.62, color=colour, alpha=0.75, label=None if begin else "no stream"
        )
        _dots(ax, known, at, COLOURS[3], "|")
        _dots(ax, whole, at, GREY, "o")
        streamed = f"first token {seconds(begin)}, " if len(known) else ""
        told.append(f"{name} {streamed}end {seconds(end)}")
    streams = any(not np.isnan(first).all() for _, _, first in groups)
    _race_legend(ax, streams)
    name_rows(ax, [name for name, _, _ in groups])
    ax.set_xlim(left=0)
    ax.set_xlabel("seconds since the request was sent")
    clean(ax)
    describe(ax, told)
    return ax


def _race_legend(ax: Axes, streams: bool) -> None:
    from matplotlib.lines import Line2D  # heavy, and an extra
    from matplotlib.patches import Patch

    handles: list[Any] = []
    plain: dict[str, Any] = {"linestyle": "none", "markersize": 5}
    if streams:
        handles.append(Patch(color=COLOURS[0], alpha=0.3, label="median first token"))
    handles.append(Patch(color=COLOURS[0], alpha=0.75, label="median end"))
    if streams:
        handles.append(Line2D([], [], marker="|", color=COLOURS[3], label="a call's first token", **plain))
    handles.append(Line2D([], [], marker="o", color=GREY, label="a call's end", **plain))
    looks: dict[str, Any] = {"frameon": False, "fontsize": "small", "labelcolor": text_colour(ax)}
    if is_own(ax):
        ax.figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), **looks)
    else:
        ax.legend(handles=handles, loc="best", **looks)


def latency(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how long whole answers took: per variant each call as a dot, and a box over them, in seconds.

    Parameters
    ----------
    frame : DataFrame
        Runs with ``variant`` and ``latency_s``; only those that came out ok are drawn.
    ax : Axes, optional

    Returns
    -------
    Axes
        The box is the middle half, its line the median, the whiskers reach from the 5th to the 95th percentile. The
        axis is logarithmic where times spread over more than a factor of 50.

    Raises
    ------
    SettingsError
        When matplotlib is not installed.
    """
    groups = [(name, whole) for name, whole, _ in _groups(frame, "latency_s", "ttft_s")]
    ax = axes_for(ax, height(len(groups)))
    title(ax, "Time of whole answers", frame)
    if not groups:
        return say_nothing(ax, "no answered call with a time to show")
    told = []
    for at, (name, whole) in enumerate(groups):
        colour = COLOURS[at % len(COLOURS)]
        _dots(ax, whole, at, colour, "o", spread=0.3)
        low, first, middle, third, high = np.quantile(whole, (0.05, 0.25, 0.5, 0.75, 0.95))
        told.append(f"{name} median {seconds(middle)}, 95th percentile {seconds(high)} of {len(whole):,} calls")
        if len(whole) > 1:
            line: dict[str, Any] = {"color": text_colour(ax), "linewidth": 1.1, "zorder": 4}
            ax.plot([low, first], [at, at], **line)
            ax.plot([third, high], [at, at], **line)
            ax.barh(at, third - first, left=first, height=0.5, facecolor="none", edgecolor=line["color"], zorder=4)
            ax.plot([middle, middle], [at - 0.25, at + 0.25], **{**line, "linewidth": 2.4, "solid_capstyle": "butt"})
    name_rows(ax, [f"{name} (n={len(whole):,})" for name, whole in groups])
    every = np.concatenate([whole for _, whole in groups])
    if wide(every):
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        ax.set_xlim(left=0)
    ax.set_xlabel("seconds")
    if is_own(ax) and any(len(whole) > 1 for _, whole in groups):
        note = "box: middle half of the calls; line: median; whiskers: 5th to 95th percentile"
        ax.figure.supxlabel(note, fontsize="small", color=GREY)
    clean(ax)
    describe(ax, told)
    return ax


def _groups(frame: pd.DataFrame, *names: str) -> list[tuple[str, Any, Any]]:
    """Return per variant, in the order first seen, the values of two columns of the calls that came out ok."""
    by = "variant" if "variant" in frame.columns and frame["variant"].notna().any() else "model"
    if by not in frame.columns or not len(frame):
        return []
    whole, first = (values(frame, name) for name in names)
    taken = ~np.isnan(whole) & frame[by].notna().to_numpy()
    if "status" in frame.columns:
        taken &= (frame["status"].astype("string").fillna("") == "ok").to_numpy(dtype=bool)
    labels = frame[by].astype("string").fillna("").to_numpy(dtype=object)
    order = dict.fromkeys(labels[taken])
    return [(str(one), whole[taken & (labels == one)], first[taken & (labels == one)]) for one in order]


def _dots(ax: Axes, found: Any, at: int, colour: str, marker: str, spread: float = 0.22) -> None:
    """Draw one dot per call, spread over the row so that equal ones are seen; always in the same places."""
    many = len(found) > _CALM
    across = (
        at + np.random.default_rng(at).uniform(-spread, spread, len(found))
        if len(found) > 1
        else np.full(len(found), at)
    )
    faint = max(0.06, 0.55 * math.sqrt(_CALM / len(found)) / 2) if many else 0.55
    size = (26 if marker == "|" else 14) * (0.4 if many else 2.2 if len(found) < _FEW else 1)
    edge = 1.0 if marker == "|" else 0
    marks: dict[str, Any] = {"marker": marker, "alpha": faint, "linewidths": edge, "rasterized": many}
    ax.scatter(found, across, size, colour, zorder=3, **marks)

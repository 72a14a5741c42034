"""What all plots share: axes that show themselves in a notebook, colours for light and dark, words and values."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from portkey_nb.errors import SettingsError
from portkey_nb.views.safety import plain_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

GREY = "#808080"
"""Text and lines: reads on white and on black alike."""

# After Okabe and Ito's colours, which all eyes tell apart; yellow and black, which one background swallows, exchanged.
COLOURS = ("#0a84c6", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c8c8c", "#a58a00")
MARKERS = "osD^vPX*"
_LABEL = 32
_ROW_INCHES, _FRAME_INCHES = 0.42, 1.4
_RESOLUTION = 2


def axes_for(ax: Axes | None, height: float, width: float = 7.0) -> Axes:
    """Return the axes to draw on: those given, or new ones in a figure of their own.

    New axes belong to no window and not to pyplot, so that no notebook shows them twice. Axes alone show as their repr,
    so these are axes that give a notebook their picture.

    Parameters
    ----------
    ax : Axes or None
    height, width : float
        Of a new figure, in inches.

    Raises
    ------
    SettingsError
        When matplotlib is not installed.
    """
    if ax is not None:
        return ax
    made: Axes | None
    try:
        from matplotlib.figure import Figure  # heavy, and an extra

        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # type: ignore[union-attr, call-arg]
        made = figure.add_subplot(axes_class=_shown_axes())
    except ImportError:
        made = None
    if made is None:
        raise SettingsError('plots need matplotlib, which is not installed here; run: pip install "portkey_nb[plots]"')
    made.set_facecolor("none")
    for spine in made.spines.values():
        spine.set_color(GREY)
    made.tick_params(colors=GREY, which="both")
    for text in (made.title, made.xaxis.label, made.yaxis.label):
        text.set_color(GREY)
    return made


@lru_cache(maxsize=1)
def _shown_axes() -> type[Axes]:
    """Return the class of axes that a notebook shows as their picture."""
    from matplotlib.axes import Axes  # heavy, and an extra

    class PlotAxes(Axes):
        """Axes that a notebook shows as their figure."""

        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
            return picture(self)

    return PlotAxes


@contextmanager
def missing_signs() -> Iterator[None]:
    """Draw without a warning for each sign that the font lacks; a box stands in its place."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def is_own(ax: Axes) -> bool:
    """Tell whether axes are ours, with their whole figure, and not the caller's."""
    return hasattr(ax, "_repr_mimebundle_")


def picture(ax: Axes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figure of axes as a PNG at twice the resolution and a line of text, with their metadata."""
    figure: Any = ax.figure
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from", UserWarning
        )  # a box stands where a font lacks a sign
        figure.savefig(file, format="png", dpi=_RESOLUTION * figure.dpi)
    width, height = (round(size * figure.dpi) for size in figure.get_size_inches())
    alt = description(ax)
    data = {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": alt}
    return data, {"image/png": {"width": width, "height": height, "alt": alt}}


def description(ax: Axes) -> str:
    """Return in a line what a plot shows."""
    said = [ax.get_title().replace("\\$", "$"), *(text for text in (getattr(ax, "_portkey_alt", ""),) if text)]
    return ": ".join(part for part in said if part)


def describe(ax: Axes, lines: Sequence[str]) -> None:
    """Keep what a plot shows in words, for those who do not see it."""
    ax._portkey_alt = "; ".join(lines)  # type: ignore[attr-defined]


def label(text: str) -> str:
    """Return text that matplotlib shows as it is: one short line, no dollar of which opens mathematics."""
    flat = " ".join(plain_text(text).split())
    return (flat if len(flat) <= _LABEL else f"{flat[: _LABEL - 1]}…").replace("$", "\\$")


def is_demo(data: pd.DataFrame) -> bool:
    """Tell whether the demo gateway answered: a column ``demo`` of the runs, or ``.attrs["demo"]`` of a summary."""
    if "demo" in data.columns:
        return bool(data["demo"].astype("boolean").fillna(False).any())
    return bool(data.attrs.get("demo", False))


def title(ax: Axes, text: str, data: pd.DataFrame) -> None:
    """Give the axes a title, which says where data are the demo's."""
    ax.set_title(f"{text} (demo data)" if is_demo(data) else text, loc="center")


def text_colour(ax: Axes) -> Any:
    """Return the colour of labels: that of the axes' own title."""
    return ax.title.get_color()


def values(data: pd.DataFrame, name: str) -> Any:
    """Return a column as floats, NaN where it is unknown or not there."""
    if name not in data.columns:
        return np.full(len(data), np.nan)
    found = data[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def say_nothing(ax: Axes, text: str) -> Axes:
    """Leave the axes empty, with a line that says why."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=text_colour(ax))
    ax.set_xticks([])
    ax.set_yticks([])
    describe(ax, [text])
    return ax


def clean(ax: Axes, *, grid: str = "x") -> None:
    """Take away the frame's upper and right line and draw a faint grid."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(axis=grid, color=GREY, alpha=0.22, linewidth=0.7)  # type: ignore[arg-type]
    ax.set_axisbelow(True)


def wide(found: Any) -> bool:
    """Tell whether positive values spread so far that only a logarithmic axis shows them all."""
    return bool(len(found) and np.min(found) > 0 and np.max(found) / np.min(found) > 50)


def height(rows: int) -> float:
    """Return the inches that a figure of so many rows needs."""
    return _FRAME_INCHES + _ROW_INCHES * max(2, rows)


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name the rows, the first on top."""
    ax.set_yticks(range(len(names)), [label(name) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)

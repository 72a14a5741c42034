"""Names beside points, placed so that they cover neither each other nor a point nor a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from portkey_nb.views.drawing import label, missing_signs, text_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where a label may stand: distances from its point in points, then directions, the right one first.
_DISTANCES = (8, 16, 26, 38, 52, 68, 86)
_ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 22, 338, 158, 202)
_STEP = 5  # a line is kept clear of labels by boxes so many points apart


@dataclass(frozen=True)
class Point:
    """A point with its name, in the units of the axes."""

    x: float
    y: float
    name: str


Line = Sequence[tuple[float, float]]


def keep_apart(ax: Axes, points: Sequence[Point], colours: Sequence[str], lines: Sequence[Line] = ()) -> None:
    """Write names beside points so that they cover neither each other nor a point, nor a line where that can be.

    Parameters
    ----------
    points : sequence of Point
    colours : sequence of str
        Of the thin line to a name that stands far from its point.
    lines : sequence of lines
        Each a sequence of places in the units of the axes.
    """
    with missing_signs():
        canvas: Any = ax.figure.canvas
        canvas.figure.draw_without_rendering()  # settles the layout, from which places follow
        scale = canvas.figure.dpi / 72
        frame = ax.get_window_extent()
        places = [ax.transData.transform((point.x, point.y)) for point in points]
        taken = [(x - 6 * scale, y - 6 * scale, x + 6 * scale, y + 6 * scale) for x, y in places]
        for line in lines:
            taken += _along([ax.transData.transform(place) for place in line], scale)
        for point, (x, y), colour in zip(points, places, colours, strict=True):
            box = _write(ax, point, 0, 0).get_window_extent()
            ax.texts[-1].remove()
            dx, dy = _free(x, y, (box.width, box.height), taken, frame, scale)
            far = math.hypot(dx, dy) > _DISTANCES[1] * scale + box.width / 2
            _write(ax, point, dx / scale, dy / scale, colour if far else "")
            half, tall = box.width / 2 + 2 * scale, box.height / 2 + scale
            taken.append((x + dx - half, y + dy - tall, x + dx + half, y + dy + tall))


def _write(ax: Axes, point: Point, dx: float, dy: float, line: str = "") -> Any:
    note = ax.annotate(
        label(point.name),
        (point.x, point.y),
        xytext=(dx, dy),
        textcoords="offset points",
        color=text_colour(ax),
        fontsize="small",
        ha="center",
        va="center",
        arrowprops={"arrowstyle": "-", "color": line, "alpha": 0.7, "linewidth": 0.8} if line else None,
    )
    note.set_in_layout(False)
    return note


def _along(line: Sequence[Any], scale: float) -> list[tuple[float, float, float, float]]:
    """Return small boxes along a line, in pixels."""
    boxes = []
    for (x0, y0), (x1, y1) in pairwise(line):
        steps = max(1, min(200, int(math.hypot(x1 - x0, y1 - y0) / (_STEP * scale))))
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            boxes.append((x - scale, y - scale, x + scale, y + scale))
    return boxes


def _free(
    x: float, y: float, size: tuple[float, float], taken: Sequence[Any], frame: Any, scale: float
) -> tuple[float, float]:
    """Return where the middle of a label goes, from its point: the nearest place that is free, else the freest."""
    best, least = (0.0, 0.0), math.inf
    for distance in _DISTANCES:
        for angle in _ANGLES:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            dx = cos * distance * scale + (size[0] / 2 if cos > 0.1 else -size[0] / 2 if cos < -0.1 else 0)
            dy = sin * distance * scale + (size[1] / 2 if sin > 0.1 else -size[1] / 2 if sin < -0.1 else 0)
            box = (x + dx - size[0] / 2, y + dy - size[1] / 2, x + dx + size[0] / 2, y + dy + size[1] / 2)
            # A label reaches no nearer to the frame than to its neighbours.
            outside = max(0.0, frame.x0 + 3 * scale - box[0]) + max(0.0, box[2] - frame.x1 + 3 * scale)
            outside += max(0.0, frame.y0 - box[1]) + max(0.0, box[3] - frame.y1)
            cost = outside * size[1] + sum(_overlap(box, other) for other in taken)
            if cost == 0:
                return dx, dy
            if cost < least:
                best, least = (dx, dy), cost
    return best


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return wide * tall if wide > 0 and tall > 0 else 0.0

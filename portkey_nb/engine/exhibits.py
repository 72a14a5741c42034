"""What a comparison hands out to be shown: its side-by-side table, and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from portkey_nb.views import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from portkey_nb.engine.comparison import Comparison


class Table:
    """A side-by-side table, ready to be shown.

    Attributes
    ----------
    bundle : mapping
        Its forms by MIME type.
    """

    def __init__(self, bundle: Mapping[str, str], size: str) -> None:
        self.bundle, self._size = dict(bundle), size

    @property
    def html(self) -> str:
        """Static HTML without script; answers are safe in it."""
        return self.bundle["text/html"]

    @property
    def markdown(self) -> str:
        """Markdown that GitHub shows; answers are safe in it."""
        return self.bundle["text/markdown"]

    @property
    def text(self) -> str:
        """Text for a terminal."""
        return self.bundle["text/plain"]

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Table({self._size})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return the table as text, Markdown and HTML."""
        return dict(self.bundle)


class Plots:
    """A comparison as pictures; each method returns matplotlib ``Axes``, drawn on ``ax`` or on a figure of their own.

    matplotlib comes with the extra ``plots``; without it each raises SettingsError.
    """

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def race(self, ax: Axes | None = None) -> Axes:
        """Draw who answers first: the time to the first token and to the end, per variant."""
        return plots.race(self._comparison.to_frame(), ax)

    def latency(self, ax: Axes | None = None) -> Axes:
        """Draw how long whole answers took, per variant."""
        return plots.latency(self._comparison.to_frame(), ax)

    def cost(self, ax: Axes | None = None) -> Axes:
        """Draw cost against quality, with the variants that none is better and cheaper than."""
        return plots.cost(self._comparison.summary(), ax)

    def scores(self, ax: Axes | None = None) -> Axes:
        """Draw pass rate or score with its interval, per variant."""
        return plots.scores(self._comparison.summary(), ax)

    def __repr__(self) -> str:
        return "Plots(.race(), .latency(), .cost(), .scores())"

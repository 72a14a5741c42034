"""Comparisons as pictures: the race, cost against quality, times, scores; each draws on given axes or on its own.

Each function returns matplotlib ``Axes``. Without ``ax`` they are of a figure that pyplot does not know, and they show
themselves in a notebook as a picture: plain ``Axes`` would show as a line of text, and a figure of pyplot's twice. With
``ax`` they are the axes given, whose figure is the caller's to show.
"""

from __future__ import annotations

from portkey_nb.views.merits import cost, scores
from portkey_nb.views.timings import latency, race

__all__ = ["cost", "latency", "race", "scores"]

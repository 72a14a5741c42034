"""What the demo gateway counts, so that a test can await what it cannot see."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["Counter", "Stats"]


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the start.

    Attributes
    ----------
    requests : int
        Chat completions asked for.
    open_streams : int
        Streams being written now.
    disconnects : int
        Answers, streamed or not, whose client went away before their end.
    """

    requests: int = 0
    open_streams: int = 0
    disconnects: int = 0


class Counter:
    """Stats that change on one thread and are awaited on another."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stats = Stats()

    @property
    def now(self) -> Stats:
        """The counts as they are."""
        with self._changed:
            return self._stats

    def add(self, *, requests: int = 0, open_streams: int = 0, disconnects: int = 0) -> None:
        """Change the counts and wake those who wait."""
        with self._changed:
            self._stats = replace(
                self._stats,
                requests=self._stats.requests + requests,
                open_streams=self._stats.open_streams + open_streams,
                disconnects=self._stats.disconnects + disconnects,
            )
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[Stats], bool], timeout: float) -> bool:
        """Wait until the counts fulfil a condition; False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self._stats), timeout)

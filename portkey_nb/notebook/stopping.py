"""The stop button while a cell runs: one press ends the calls, and no press tears what shows and logs them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any


class StopButton:
    """Notes presses of the stop button, where they would otherwise raise KeyboardInterrupt at any point of the code.

    A second, impatient press would else strike while the first one's calls are being cancelled and written down.

    Attributes
    ----------
    pressed : bool
        Whether it was pressed since the cell began.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._earlier: Callable[..., Any] | None = None
        self._lent = False

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let a press strike as KeyboardInterrupt, while a function of the person's own runs."""
        self._lent = True
        try:
            yield
        finally:
            self._lent = False

    def __enter__(self) -> StopButton:
        # Only the main thread is interrupted, and only it may set a handler.
        if threading.current_thread() is threading.main_thread():
            earlier = signal.getsignal(signal.SIGINT)
            # What is no function is ignored by the process, or handled outside Python.
            if callable(earlier):
                self._earlier = earlier
                signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._earlier is not None:
            signal.signal(signal.SIGINT, self._earlier)

    def _press(self, number: int, frame: Any) -> None:
        self.pressed = True
        if self._lent:
            raise KeyboardInterrupt

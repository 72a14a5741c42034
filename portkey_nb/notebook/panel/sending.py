"""A message under way to its models, as Python waits for it."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from typing import Any

from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.engine.running import STOP_S
from portkey_nb.errors import PortkeyError
from portkey_nb.notebook.panel.desk import Desk

TAKEN_S = 1.0
"""Longest time in seconds that a caller waits to hear whether a message is taken; mostly that is a moment."""
CLOSED = "the panel is closed; ChatPanel(chat=...) opens its conversation again"


class Sending:
    """One message under way to its models; given by :meth:`ChatPanel.send`.

    Examples
    --------
    ::

        sending = panel.send("Name three rivers")
        sending.result()
    """

    def __init__(self, desk: Desk, begun: Future[Future[Reply | Replies]]) -> None:
        self._desk, self._begun = desk, begun
        self._stopped = False

    def taken(self) -> Sending:
        """Return it when it is on its way, or after a second: what is before it may take longer.

        Raises
        ------
        PortkeyError
            When it is refused.
        """
        try:
            wait([self._begun], timeout=TAKEN_S)
        except KeyboardInterrupt:
            self._end()
            raise
        if self._begun.done():
            self._answer(None)
        return self

    def _answer(self, timeout: float | None) -> Future[Reply | Replies]:
        """Wait until it is on its way, and return its answer to come."""
        try:
            return self._begun.result(timeout)
        except CancelledError:
            pass
        raise PortkeyError("stopped before it was sent" if self._stopped else CLOSED)

    @property
    def done(self) -> bool:
        """Whether all models have answered, failed or been stopped."""
        if not self._begun.done():
            return False
        if self._begun.cancelled() or self._begun.exception() is not None:
            return True
        return self._begun.result().done()

    def result(self, timeout: float | None = None) -> Reply | Replies:
        """Wait for the answer; of several models, the replies by label.

        Parameters
        ----------
        timeout : float, optional
            Seconds; for as long as it takes by default.

        Raises
        ------
        PortkeyError
            When the call failed, was stopped, or could not be made.
        TimeoutError
            When it is not done in time; it goes on.
        KeyboardInterrupt
            When the cell is interrupted; the call is stopped, and what came is kept.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            return self._answer(timeout).result(None if end is None else max(0.0, end - time.monotonic()))
        except CancelledError:
            pass
        except KeyboardInterrupt:
            self._end()
            raise
        raise PortkeyError(CLOSED)

    def stop(self) -> None:
        """Stop it, unless it is done; what came is kept."""
        if self.done:
            return
        self._stopped = self._begun.cancel()
        if not self._stopped:
            self._desk.stop()

    def _end(self) -> None:
        """Stop it, and wait until what came is written down."""
        self.stop()
        deadline = time.monotonic() + STOP_S
        while not self.done and time.monotonic() < deadline:
            waited: Future[Any] = self._begun.result() if self._begun.done() else self._begun
            # An impatient second press: what came still has to be written.
            with suppress(KeyboardInterrupt):
                wait([waited], timeout=0.2)

    def __repr__(self) -> str:
        return f"<message {self._state()}>"

    def _state(self) -> str:
        if not self._begun.done():
            return "waiting for what is before it"
        if self._begun.cancelled():
            return "not sent"
        if self._begun.exception() is not None:
            return "refused"
        answer = self._begun.result()
        if not answer.done():
            return "under way"
        return "answered" if answer.exception() is None else "not answered; .result() raises why"

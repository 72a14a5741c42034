"""How fast each model may be asked: places, a rate that falls on 429 and rises again, and Retry-After; no I/O."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from portkey_nb.engine.call import Outcome
from portkey_nb.engine.connections import Clients
from portkey_nb.errors import PortkeyError, RateLimitError, asked_wait
from portkey_nb.gateway.transport import retry_delay

LONGEST_PAUSE_S = 600.0
"""Seconds that a Retry-After may ask of a whole model and still be waited for."""
SLOWEST_PER_S = 0.1
"""Requests per second that a model's rate never falls below."""
RISE, LEAST_RISE_PER_S = 0.1, 0.2
"""What each answer that came well adds to a fallen rate: a tenth of it, and this much at least."""
DOUBLING_S = 15.0
"""Seconds in which a rate that is back where it fell may double: past that point it feels its way."""
_WINDOW_S, _BORNE_S, _SHORTEST_S = 1.0, 5.0, 0.25
_REMEMBERED = 256

Clock = Callable[[], float]


class NotSent(Exception):
    """A call is not to be sent any more: the budget is used up, the batch was stopped, or the model is closed."""


class Turn(Protocol):
    """What one call of a batch asks before each attempt, and tells after it."""

    attempts: int
    clients: Clients

    async def admit(self) -> None:
        """Wait until an attempt may be sent; raise :class:`NotSent` where none may."""

    async def again(self, error: PortkeyError, attempt: int, deadline: float | None) -> bool:
        """Give the place back after a failed attempt, and wait; tell whether there is to be another one."""

    def settle(self, outcome: Outcome) -> None:
        """Count what the call cost, and give the place back."""

    @property
    def queue_s(self) -> float | None:
        """Seconds waited before the first attempt; None while waiting."""


class ModelPace:
    """The pace of one model.

    A request may be sent while a place is free, no pause asked by ``Retry-After`` runs, and the rate allows it. There
    is no rate until the first 429: then it is half of what was sent in the last second, or as many as came well in
    each of the last five, if those are more. Further answers 429 lower it again, once a second at most and once for
    all requests that were under way together. Answers that came well raise it, quickly to where it fell and slowly
    beyond; at twice that there is none again.

    Parameters
    ----------
    places : int
        Requests that may be in flight at once.
    clock : callable
        Monotonic seconds.

    Examples
    --------
    >>> pace = ModelPace(places=1)
    >>> pace.wait_s()
    0.0
    >>> moment = pace.sent()
    >>> pace.wait_s() is None
    True
    """

    def __init__(self, places: int, clock: Clock = time.monotonic) -> None:
        self.places = places
        self.in_flight = 0
        self.rate: float | None = None
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=_REMEMBERED)
        self._came_well: deque[float] = deque(maxlen=_REMEMBERED)
        self._ceiling = 0.0
        self._slowed_at = float("-inf")
        self._next_at = self._paused_until = float("-inf")
        self._closed_until = float("-inf")

    @property
    def slowed(self) -> bool:
        """Whether the model is being spared at the moment."""
        return self.rate is not None or self._clock() < max(self._paused_until, self._closed_until)

    @property
    def closed(self) -> bool:
        """Whether the model asked for a pause that is longer than a batch waits."""
        return self._clock() < self._closed_until

    @property
    def paused_s(self) -> float:
        """Seconds that a ``Retry-After`` still asks for."""
        return max(0.0, self._paused_until - self._clock())

    @property
    def closed_s(self) -> float:
        """Seconds that the model is still closed."""
        return max(0.0, self._closed_until - self._clock())

    def wait_s(self) -> float | None:
        """Return the seconds until a request may be sent, 0 for now; None where a place has to become free first."""
        if self.in_flight >= self.places:
            return None
        at = self._paused_until if self.rate is None else max(self._paused_until, self._next_at)
        return max(0.0, at - self._clock())

    def sent(self) -> float:
        """Note that a request goes out, and return the moment."""
        now = self._clock()
        self.in_flight += 1
        self._sent.append(now)
        if self.rate is not None:
            self._next_at = max(now, self._next_at) + 1 / self.rate
        return now

    def ended(self, sent_at: float, error: Exception | None = None) -> None:
        """Note how a request came out that went out at ``sent_at``."""
        self.in_flight -= 1
        if isinstance(error, RateLimitError):
            self._slow(sent_at, error)
        elif error is None:
            self._came_well.append(self._clock())
            if self.rate is not None:
                self.rate = self._rise(self.rate)

    def _slow(self, sent_at: float, error: RateLimitError) -> None:
        now = self._clock()
        if sent_at >= self._slowed_at and now - self._slowed_at >= _WINDOW_S:
            # What was already under way when the rate fell says nothing of the rate that it fell to.
            observed = max(SLOWEST_PER_S, _per_second(self._sent, now, max(_WINDOW_S, now - sent_at + 0.01)))
            self._ceiling = observed if self.rate is None else min(observed, self.rate)
            # What came well of late the model can bear: where one answer in three is 429 at any rate, none would help.
            borne = min(self._ceiling, _per_second(self._came_well, now, _BORNE_S))
            self.rate = max(SLOWEST_PER_S, self._ceiling / 2, borne)
            self._slowed_at = now
            self._next_at = now + 1 / self.rate
        asked = asked_wait(error.headers)
        if asked is not None and asked > LONGEST_PAUSE_S:
            self._closed_until = max(self._closed_until, now + asked)
        elif asked is not None:
            self._paused_until = max(self._paused_until, now + asked)

    def _rise(self, rate: float) -> float | None:
        seconds = self._clock() - self._slowed_at
        highest = self._ceiling * 2 ** (seconds / DOUBLING_S) + LEAST_RISE_PER_S * seconds
        risen = max(rate, min(rate + max(RISE * rate, LEAST_RISE_PER_S), highest))
        return None if risen >= 2 * self._ceiling else risen


def _per_second(moments: deque[float], now: float, window: float) -> float:
    """Return how often something happened per second of the last ones, as far as it is remembered."""
    recent = [moment for moment in moments if moment > now - window]
    if not recent:
        return 0.0
    # Where all that is remembered is recent, it may be younger than the window.
    seconds = now - recent[0] if len(recent) == len(moments) else window
    return len(recent) / max(seconds, _SHORTEST_S)


def pause_s(error: PortkeyError, attempt: int, attempts: int) -> float | None:
    """Return the seconds that a failed call waits by itself before its next attempt; None where it has none.

    A 429 waits as its model does: as long as ``Retry-After`` asks, up to :data:`LONGEST_PAUSE_S`.

    Parameters
    ----------
    error : PortkeyError
        How the attempt ended, before any text came.
    attempt : int
        1 for the first attempt.
    attempts : int
        Attempts in all.

    Examples
    --------
    >>> from portkey_nb.errors import status_error
    >>> pause_s(status_error("slow down", status=429, headers={"retry-after": "90"}), 1, 6)
    90.0
    >>> pause_s(status_error("no such model", status=404), 1, 6) is None
    True
    """
    if isinstance(error, RateLimitError) and attempt < attempts:
        asked = asked_wait(error.headers)
        if asked is not None:
            return asked if asked <= LONGEST_PAUSE_S else None
        # Limits are counted by the minute more often than not: six attempts outlast one.
        return float(0.5 * 3 ** (attempt - 1) * random.uniform(0.75, 1.25))  # noqa: S311 (spreads, hides nothing)
    return retry_delay(error, attempt, attempts - 1)

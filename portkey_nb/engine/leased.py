"""The gate of a batch on a worker: it lets pass what its lease allows, a share of what the whole sweep may do."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.engine.gate import Gate, Limits
from portkey_nb.engine.pacing import Clock, ModelPace
from portkey_nb.errors import RateLimitError, asked_wait

LEASE_S = 5.0
"""Seconds that a lease holds from the moment in which it comes; after that nothing more is sent."""
_NOTED = 512


@dataclass(frozen=True, kw_only=True)
class ModelShare:
    """What a lease says of one model.

    Attributes
    ----------
    places : int
        Requests in flight at once.
    rate : float or None
        Requests per second; None for no rate.
    paused_s, closed_s : float
        Seconds that the model is to be left alone, and that it is closed, from now.
    """

    places: int = 0
    rate: float | None = None
    paused_s: float = 0.0
    closed_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Lease:
    """What one batch may do for the next seconds.

    Attributes
    ----------
    heard : int
        Which of the batch's reports were known when it was made.
    since : float or None
        Where a worker had the batch before: when, in seconds since 1970.
    spent : float
        What these workers had paid for it, as far as they have said.
    stop, over : bool
        Whether the batch is to end at once, and whether the budget is used up.
    may_spend : float or None
        Up to which sum, counted from its beginning; None for no limit.
    models : mapping
    """

    heard: int = 0
    since: float | None = None
    spent: float = 0.0
    stop: bool = False
    over: bool = False
    may_spend: float | None = None
    models: Mapping[str, ModelShare] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a batch stands.

    Attributes
    ----------
    number : int
        Counted from 1.
    in_flight, wanted : mapping
        By model: requests in flight, and those with the ones that wait.
    spent : float
    noted : mapping
        By model, what happened since the last report: seconds ago, what (``sent``, ``well`` or ``refused``), and of
        a refusal how many seconds ago its request was sent and how many ``Retry-After`` asked for.
    done, failed : int
        Calls that have ended.
    """

    number: int
    in_flight: Mapping[str, int]
    wanted: Mapping[str, int]
    spent: float
    noted: Mapping[str, list[tuple[float, str, float, float | None]]]
    done: int = 0
    failed: int = 0


class LeasedPace(ModelPace):
    """The pace of one model as the leases say it: it notes what comes, and draws no conclusion but to wait."""

    def __init__(self, refused: Callable[[], None], clock: Clock) -> None:
        super().__init__(0, clock)
        self._refused = refused
        self.noted: deque[tuple[float, str, float, float | None]] = deque(maxlen=_NOTED)
        self.held = False
        """Whether it was refused something that the notebook may not know of yet."""

    def take(self, share: ModelShare) -> None:
        """Go by a new share."""
        now = self._clock()
        if share.rate is not None and self.rate is None:
            self._next_at = now + 1 / share.rate
        self.places, self.rate = share.places, share.rate
        self._paused_until, self._closed_until = now + share.paused_s, now + share.closed_s
        if not share.closed_s:
            self._closed_until = float("-inf")

    def wait_s(self) -> float | None:
        """Return the seconds until a request may be sent; None where a place or a lease has to come first."""
        return None if self.held else super().wait_s()

    def sent(self) -> float:
        """Note that a request goes out, and return the moment."""
        now = super().sent()
        self.noted.append((now, "sent", now, None))
        return now

    def ended(self, sent_at: float, error: Exception | None = None) -> None:
        """Note how a request came out."""
        self.in_flight -= 1
        if isinstance(error, RateLimitError):
            self.noted.append((self._clock(), "refused", sent_at, asked_wait(error.headers)))
            self.held = True
            self._refused()
        elif error is None:
            self.noted.append((self._clock(), "well", sent_at, None))


class LeasedGate(Gate):
    """A gate that passes on what a lease allows, and nothing once it has run out.

    Parameters
    ----------
    limits : Limits
        Of the whole sweep.
    knock : callable
        Asks the notebook's process for a new lease; called on the background loop.
    """

    def __init__(self, limits: Limits, knock: Callable[[], None], clock: Clock = time.monotonic) -> None:
        super().__init__(limits, clock)
        self._knock = knock
        self._knocked = False
        self._lease = Lease()
        self._until = float("-inf")
        self._reports = 0
        self._held_until: dict[str, int] = {}

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.stopped or self._lease.over

    def pace_of(self, model: str) -> ModelPace:
        """Return what paces a model, going by the lease that there is."""
        pace = LeasedPace(lambda: self._hold(model), self.clock)
        pace.take(self._lease.models.get(model, ModelShare()))
        return pace

    def _hold(self, model: str) -> None:
        self._held_until[model] = self._reports + 1
        self.knock()

    def knock(self) -> None:
        """Ask for a new lease, once until one comes."""
        if not self._knocked:
            self._knocked = True
            self._knock()

    async def enter(self, index: int, model: str) -> float:
        """Wait for a place; one of a model that has none yet is asked for."""
        if not self._lease.models.get(model, ModelShare()).places:
            self.knock()
        return await super().enter(index, model)

    def _foremost(self) -> str | None:
        if self.clock() >= self._until:
            return None
        if self._lease.may_spend is not None and self.spent >= self._lease.may_spend:
            if any(self._waiting.values()):
                self.knock()
            return None
        return super()._foremost()

    # What the notebook's process says and hears

    def exchange(self, lease: Lease, done: int = 0, failed: int = 0) -> Report:
        """Go by a new lease, and return how the batch stands."""
        self._lease, self._knocked = lease, False
        self._until = self.clock() + LEASE_S
        for model, pace in self._paces.items():
            assert isinstance(pace, LeasedPace)
            pace.take(lease.models.get(model, ModelShare()))
            if pace.held and lease.heard >= self._held_until.get(model, 0):
                pace.held = False
        if lease.stop:
            self.close()
        else:
            self.pump()
        return self.report(done, failed)

    def report(self, done: int = 0, failed: int = 0) -> Report:
        """Return how the batch stands."""
        self._reports += 1
        now, noted = self.clock(), {}
        paces: dict[str, Any] = self._paces
        for model, pace in paces.items():
            if pace.noted:
                noted[model] = [(now - at, what, now - sent_at, asked) for at, what, sent_at, asked in pace.noted]
                pace.noted.clear()
        in_flight = {model: pace.in_flight for model, pace in paces.items()}
        waiting = {model: sum(not place.done() for _, place in self._waiting.get(model, ())) for model in in_flight}
        # Closed to what waits, a model is still in need of nothing.
        wanted = {model: min(self.limits.per_model, in_flight[model] + waiting[model]) for model in in_flight}
        return Report(
            number=self._reports,
            in_flight=in_flight,
            wanted=wanted,
            spent=self.spent,
            noted=noted,
            done=done,
            failed=failed,
        )

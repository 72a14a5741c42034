"""The gate of a batch: which attempt goes out next, within the limits on places, rate and money."""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass

from portkey_nb.engine.call import Outcome
from portkey_nb.engine.connections import Clients
from portkey_nb.engine.pacing import Clock, ModelPace, NotSent, pause_s
from portkey_nb.errors import PortkeyError, SettingsError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a batch may do.

    Attributes
    ----------
    concurrency : int
        Requests in flight at once, of all models together.
    per_model : int
        Requests in flight at once of any one model.
    max_cost_usd : float or None
        Nothing more is sent once this much was spent; requests in flight then may exceed it. 0 sends nothing.
    attempts : int
        How often one call is sent at most.

    Raises
    ------
    SettingsError
        When a limit makes no sense.
    """

    concurrency: int = 8
    per_model: int = 4
    max_cost_usd: float | None = None
    attempts: int = 6

    def __post_init__(self) -> None:
        for name in ("concurrency", "per_model", "attempts"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SettingsError(f"{name} is {value!r}; give a whole number from 1")
        cost = self.max_cost_usd
        if cost is not None and (isinstance(cost, bool) or not isinstance(cost, int | float) or not cost >= 0):
            raise SettingsError(f"max_cost_usd is {cost!r}; give US dollars from 0, or None for no limit")


class Gate:
    """Decides on the background loop which attempt goes out next: of those that may, that of the earliest call."""

    def __init__(self, limits: Limits, clock: Clock = time.monotonic) -> None:
        self.limits, self.clock = limits, clock
        self.began = clock()
        self.clients = Clients()
        self.spent = 0.0
        self.stopped = False
        self._in_flight = 0
        self._paces: dict[str, ModelPace] = {}
        self._waiting: dict[str, list[tuple[int, asyncio.Future[bool]]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sent."""
        limit = self.limits.max_cost_usd
        return self.stopped or (limit is not None and self.spent >= limit)

    def slowed(self) -> tuple[str, ...]:
        """Return the models that are being spared."""
        return tuple(model for model, pace in list(self._paces.items()) if pace.slowed)

    def pace_of(self, model: str) -> ModelPace:
        """Return what paces a model that is asked for the first time."""
        return ModelPace(self.limits.per_model, self.clock)

    async def enter(self, index: int, model: str) -> float:
        """Wait for a place, and return the moment from which it is taken; raise :class:`NotSent` where none comes."""
        if model not in self._paces:
            self._paces[model] = self.pace_of(model)
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting.setdefault(model, []), (index, place))
        self.pump()
        try:
            granted = await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.leave(model, self.clock(), NotSent())
            raise
        if not granted:
            raise NotSent
        return self.clock()

    def leave(self, model: str, sent_at: float, error: Exception | None) -> None:
        """Give a place back."""
        self._in_flight -= 1
        self._paces[model].ended(sent_at, error)
        self.pump()

    def close(self) -> None:
        """Let nothing more pass."""
        self.stopped = True
        self.pump()

    def pump(self) -> None:
        """Let pass what may pass, and come back when more may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for model, waiting in self._waiting.items():
            if self.over or self._paces[model].closed:
                while waiting:
                    _answer(heapq.heappop(waiting)[1], granted=False)
        while self._in_flight < self.limits.concurrency:
            foremost = self._foremost()
            if foremost is None:
                break
            if _answer(heapq.heappop(self._waiting[foremost])[1], granted=True):
                self._paces[foremost].sent()
                self._in_flight += 1

    def _foremost(self) -> str | None:
        """Return the model whose turn it is; where all have to wait for their rate, come back when the first may."""
        waits = {model: self._paces[model].wait_s() for model, waiting in self._waiting.items() if waiting}
        ready = [model for model, pause in waits.items() if pause == 0]
        if ready:
            return min(ready, key=lambda model: self._waiting[model][0][0])
        pauses = [pause for pause in waits.values() if pause is not None]
        if pauses:
            self._timer = asyncio.get_running_loop().call_later(min(pauses), self.pump)
        return None


def _answer(place: asyncio.Future[bool], *, granted: bool) -> bool:
    """Tell the one who waits; False where nobody does any more."""
    if place.done():
        return False
    place.set_result(granted)
    return True


class PlaceTurn:
    """One call's way through the gate."""

    def __init__(self, gate: Gate, index: int, model: str) -> None:
        self.attempts, self.clients = gate.limits.attempts, gate.clients
        self._gate, self._index, self._model = gate, index, model
        self._sent_at: float | None = None
        self._waited: float | None = None

    @property
    def queue_s(self) -> float | None:
        """Seconds from the start of the batch to the first attempt; None before."""
        return self._waited

    async def admit(self) -> None:
        """Wait for a place; raise :class:`NotSent` where there is none any more."""
        self._sent_at = await self._gate.enter(self._index, self._model)
        self._waited = self._sent_at - self._gate.began

    async def again(self, error: PortkeyError, attempt: int, deadline: float | None) -> bool:
        """Give the place back, pause, and wait for another one; tell whether there is one."""
        self.leave(error)
        pause = pause_s(error, attempt, self.attempts)
        if pause is None or (deadline is not None and time.monotonic() + pause >= deadline):
            return False
        await asyncio.sleep(pause)
        try:
            self._sent_at = await self._gate.enter(self._index, self._model)
        except NotSent:
            return False
        return True

    def settle(self, outcome: Outcome) -> None:
        """Count the cost first: the place that becomes free must not be given away beyond the budget."""
        run = outcome.run
        if not run.cached:
            self._gate.spent += run.cost_usd or 0.0
        # What is replayed says nothing of how much the model can bear now.
        self.leave(NotSent() if run.status == "interrupted" or run.cached else outcome.error)

    def leave(self, error: Exception | None = None) -> None:
        """Give the place back, if there is one."""
        if self._sent_at is not None:
            sent_at, self._sent_at = self._sent_at, None
            self._gate.leave(self._model, sent_at, error)

"""Who of the workers may do how much: leases handed out from the notebook's process, on the Dask client's own loop."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.engine.gate import Limits
from portkey_nb.engine.leased import LEASE_S, Lease, ModelShare, Report
from portkey_nb.engine.pacing import ModelPace
from portkey_nb.engine.shares import fair_places, next_money, next_places
from portkey_nb.engine.shift import exchange
from portkey_nb.errors import status_error

RENEWED_S = 0.5
"""Seconds after which every lease is renewed, whether or not anybody asks."""
SHORTEST_S = 0.03
"""Seconds between two rounds at least: what is asked in between is answered together."""
SILENT_S = 2 * LEASE_S
"""Seconds after which a worker that does not answer is taken for one that cannot be reached."""
_HANDLER = "portkey_nb_exchange"


def _open_line(dask_scheduler: Any) -> None:
    """Let the scheduler pass leases on: `Client.run` prints an error there for each worker that has died meanwhile."""

    async def passed_on(worker: str, leases: bytes) -> Any:
        """Return what Dask says of a worker that was to take leases; None where it cannot be reached."""
        if worker not in dask_scheduler.workers:
            return None
        try:
            async with asyncio.timeout(SILENT_S):
                return await dask_scheduler.rpc(worker).run(function=pickle.dumps(exchange), args=leases, close=True)
        except Exception:  # noqa: BLE001 (it is gone, in any of Dask's ways of saying so)
            return None

    dask_scheduler.handlers.setdefault(_HANDLER, passed_on)


@dataclass(eq=False)
class _Holder:
    """A batch on a worker, as the notebook's process knows it."""

    name: str
    batch: int
    address: str
    since: float | None
    wanted: Mapping[str, int]
    held: dict[str, int] = field(default_factory=dict)
    may_spend: float = 0.0
    spent: float = 0.0
    floor: float = 0.0
    heard: int = 0
    done: int = 0
    failed: int = 0
    silent_since: float | None = None
    lost: bool = False
    needless: bool = False


class _Clock:
    """A clock that stands where it is put: what workers noted is gone through as if it happened here."""

    def __init__(self) -> None:
        self.at: float | None = None

    def __call__(self) -> float:
        return time.monotonic() if self.at is None else self.at


class Steward:
    """Hands out leases until it is told that all is done; everything but ``progress`` runs on the client's loop.

    Parameters
    ----------
    client : distributed.Client
    topic : str
        Under which workers ask for leases.
    limits : Limits
        Of all workers together.
    wanted : callable
        From a batch's number to its calls by model, for its first lease; None where it has been done.
    """

    def __init__(
        self, client: Any, topic: str, limits: Limits, wanted: Callable[[int], Mapping[str, int] | None]
    ) -> None:
        self._client, self._topic, self._limits, self._wanted = client, topic, limits, wanted
        self._holders: dict[str, _Holder] = {}
        self._gone: set[str] = set()
        self._begun: dict[int, float] = {}
        self._clock = _Clock()
        self._paces: dict[str, ModelPace] = {}
        self._talks: dict[str, asyncio.Task[None]] = {}
        self._bell = asyncio.Event()
        self._spent_before = 0.0
        self.stopping = False

    # What the sweep asks

    @property
    def spent_usd(self) -> float:
        """What was paid, as far as is known."""
        return self._spent_before + sum(holder.spent for holder in self._holders.values())

    @property
    def over(self) -> bool:
        """Whether the budget is used up."""
        limit = self._limits.max_cost_usd
        return limit is not None and self.spent_usd >= limit

    def slowed(self) -> tuple[str, ...]:
        """Return the models that are being spared."""
        return tuple(model for model, pace in list(self._paces.items()) if pace.slowed)

    def counts(self) -> tuple[int, int]:
        """Return how many calls of the batches under way have ended, and how many of these with an error."""
        holders = [holder for holder in list(self._holders.values()) if not holder.lost]
        return sum(holder.done for holder in holders), sum(holder.failed for holder in holders)

    def begun(self, batch: int) -> float | None:
        """Return when a worker first began with a batch, in seconds since 1970; None where none has."""
        return self._begun.get(batch)

    # On the client's loop

    async def serve(self) -> None:
        """Renew the leases until it is cancelled."""
        self._client.subscribe_topic(self._topic, self._knocked)
        try:
            await self._client.run_on_scheduler(_open_line)
            while True:
                self._bell.clear()
                self._round()
                await asyncio.sleep(SHORTEST_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEWED_S):
                        await self._bell.wait()
        finally:
            for talk in self._talks.values():
                talk.cancel()
            with suppress(Exception):  # a client that is closed has nothing to unsubscribe from
                self._client.unsubscribe_topic(self._topic)

    def ring(self) -> None:
        """Have the leases renewed at once."""
        self._bell.set()

    def ended(self, batch: int, seat: str | None, last: Report | None, found_usd: float = 0.0) -> None:
        """Take a batch as done.

        Parameters
        ----------
        seat : str or None
            Who did it; None where nobody could.
        found_usd : float
            What was paid for what the workers left behind that were lost with it.
        """
        known = self._paid_for(batch)
        for holder in [holder for holder in self._holders.values() if holder.batch == batch]:
            if holder.name == seat:
                self._gone.add(holder.name)
                del self._holders[holder.name]
            else:
                self._lose(holder)
        if last is not None:
            self._learn(last)
        self._spent_before += max(known, found_usd if last is None else last.spent)
        self.ring()

    def _paid_for(self, batch: int) -> float:
        """Return what the workers have said that they paid for a batch that has not ended."""
        return sum(holder.spent for holder in self._holders.values() if holder.batch == batch)

    def _knocked(self, event: Any) -> None:
        said = event[1]
        name, batch = str(said["seat"]), int(said["batch"])
        if name not in self._holders and name not in self._gone:
            since = self._begun.get(batch)
            self._begun.setdefault(batch, time.time())
            floor = self._paid_for(batch)
            for other in [holder for holder in self._holders.values() if holder.batch == batch]:
                self._lose(other)
            wanted = self._wanted(batch)
            self._holders[name] = _Holder(
                name,
                batch,
                str(said["address"]),
                since,
                wanted or {},
                spent=floor,
                floor=floor,
                needless=wanted is None,
            )
        self.ring()

    def _lose(self, holder: _Holder) -> None:
        """Take a batch from a worker that was lost: what it paid is counted for the one that has it next."""
        holder.lost, holder.wanted = True, {}
        holder.spent = 0.0
        if holder.silent_since is None:
            holder.silent_since = time.monotonic()

    def _round(self) -> None:
        now = time.monotonic()
        for holder in list(self._holders.values()):
            if holder.silent_since is not None and now - holder.silent_since > LEASE_S:
                holder.held = {}
                if holder.lost:
                    del self._holders[holder.name]
        leases = self._leases()
        for address in {holder.address for holder in self._holders.values()} - self._talks.keys():
            there = {
                holder.name: leases[holder.name]
                for holder in self._holders.values()
                if holder.address == address and not holder.lost
            }
            if not there:
                continue
            for name, lease in there.items():
                self._hold(self._holders[name], lease)
            self._talks[address] = asyncio.create_task(self._talk(address, there))

    def _hold(self, holder: _Holder, lease: Lease) -> None:
        for model, share in lease.models.items():
            holder.held[model] = max(holder.held.get(model, 0), share.places)
        holder.may_spend = max(holder.may_spend, lease.may_spend or 0.0)

    async def _talk(self, address: str, leases: Mapping[str, Lease]) -> None:
        reports: dict[str, Report] = {}
        answered = False
        try:
            async with asyncio.timeout(SILENT_S):
                passed_on = getattr(self._client.scheduler, _HANDLER)
                said = await passed_on(worker=address, leases=pickle.dumps((dict(leases),)))
            if said is not None and said["status"] == "OK":
                answered, reports = True, said["result"]
        except Exception:  # noqa: BLE001 (a worker that is gone, in any of Dask's ways of saying so)
            answered = False
        finally:
            del self._talks[address]
        again = False
        for name, lease in leases.items():
            holder = self._holders.get(name)
            if holder is None:
                continue
            if name in reports:
                again |= self._heard(holder, lease, reports[name])
            elif not answered and holder.silent_since is None:
                # What it holds is given to others once its lease has run out.
                holder.silent_since = time.monotonic()
        if again:
            self.ring()

    def _heard(self, holder: _Holder, lease: Lease, report: Report) -> bool:
        """Take what a worker said; tell whether others wait for what it means."""
        before = sum(holder.held.values())
        if not holder.lost:
            holder.silent_since = None
            # It may still be reading in the log what was paid before.
            holder.wanted, holder.spent = report.wanted, max(report.spent, holder.floor)
            holder.done, holder.failed = report.done, report.failed
        holder.heard = report.number
        named = {*lease.models, *report.in_flight}
        holder.held = {
            model: max(lease.models.get(model, ModelShare()).places, report.in_flight.get(model, 0)) for model in named
        }
        holder.may_spend = max(lease.may_spend or 0.0, report.spent)
        refused = self._learn(report)
        short = [model for model, count in holder.wanted.items() if count > holder.held.get(model, 0)]
        return refused or sum(holder.held.values()) < before or any(map(self._is_free, short))

    def _is_free(self, model: str) -> bool:
        """Tell whether another place of a model can be given away."""
        if self.over or self._pace(model).slowed:
            return False
        held = [holder.held for holder in self._holders.values()]
        of_model = sum(places.get(model, 0) for places in held)
        return of_model < self._limits.per_model and sum(sum(places.values()) for places in held) < (
            self._limits.concurrency
        )

    def _learn(self, report: Report) -> bool:
        """Go through what happened on a worker, by the pace that one process would keep; tell of a refusal."""
        now, refused = time.monotonic(), False
        for model, noted in report.noted.items():
            pace = self._pace(model)
            for ago, what, sent_ago, asked in sorted(noted, key=lambda item: -item[0]):
                self._clock.at = now - ago
                if what == "sent":
                    pace.sent()
                elif what == "well":
                    pace.ended(now - sent_ago)
                else:
                    refused = True
                    headers = {} if asked is None else {"retry-after": str(asked)}
                    pace.ended(now - sent_ago, status_error("", status=429, headers=headers))
        self._clock.at = None
        return refused

    def _pace(self, model: str) -> ModelPace:
        if model not in self._paces:
            self._paces[model] = ModelPace(self._limits.per_model, self._clock)
        return self._paces[model]

    # Leases

    def _leases(self) -> dict[str, Lease]:
        present = {name: holder for name, holder in self._holders.items() if not holder.lost}
        if self.stopping:
            return {name: Lease(heard=holder.heard, since=holder.since, stop=True) for name, holder in present.items()}
        places = self._places(present)
        money = self._money()
        return {
            name: Lease(
                heard=holder.heard,
                since=holder.since,
                spent=holder.floor,
                stop=holder.needless,
                over=self.over,
                may_spend=None if money is None else money[name],
                models=self._shares(name, places),
            )
            for name, holder in present.items()
        }

    def _places(self, present: Mapping[str, _Holder]) -> dict[str, dict[str, int]]:
        held = {name: holder.held for name, holder in self._holders.items()}
        asking = {name: holder for name, holder in present.items() if holder.silent_since is None}
        # Those that have places keep them: with fewer places than batches each would else have to wait for all.
        order = sorted(asking, key=lambda name: (-sum(asking[name].held.values()), asking[name].batch))
        wanted = {name: asking[name].wanted for name in order}
        few = {model: max(1, int(pace.rate)) for model, pace in self._paces.items() if pace.rate is not None}
        desired = fair_places(wanted, self._limits.concurrency, self._limits.per_model, few)
        for name in present:
            desired.setdefault(name, {})
            for model in self._holders[name].held:
                desired[name].setdefault(model, 0)
        return next_places(desired, held, self._limits.concurrency, self._limits.per_model)

    def _money(self) -> dict[str, float] | None:
        limit = self._limits.max_cost_usd
        if limit is None:
            return None
        spent = {name: holder.spent for name, holder in self._holders.items()}
        held = {name: holder.may_spend for name, holder in self._holders.items()}
        return next_money(limit, spent, held, self._spent_before)

    def _shares(self, name: str, places: Mapping[str, Mapping[str, int]]) -> dict[str, ModelShare]:
        made: dict[str, ModelShare] = {}
        for model, count in places.get(name, {}).items():
            pace, rate = self._pace(model), None
            if pace.rate is not None and count:
                rate = pace.rate * count / sum(models.get(model, 0) for models in places.values())
            made[model] = ModelShare(places=count, rate=rate, paused_s=pace.paused_s, closed_s=pace.closed_s)
        return made

"""Which targets of a Config are asked, in which order, how often and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.conditions import matching
from portkey_nb.gateway.demo.config import Route
from portkey_nb.gateway.demo.request import ChatRequest
from portkey_nb.gateway.demo.wire import Answer, Refusal, gateway_error

__all__ = ["Ask", "Outcome", "follow"]

BACK_OFF_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What asking one target came to, at the moment its response headers are known.

    Attributes
    ----------
    status : int
        HTTP status.
    provider, path : str
        Who answered, and the place of that target in the Config.
    body : mapping or None
        An error's body.
    answer : Answer or None
        What the model says.
    request : ChatRequest or None
        The request as this target got it.
    retries : int
        Retries it took; -1 when all were used up in vain.
    fault : str or None
        A misbehaviour still to come while the answer is written.
    cache : str
        ``x-portkey-cache-status``.
    tokens_per_s : float
        Speed at which a stream is to be written.
    """

    status: int
    provider: str
    path: str = "config"
    body: Mapping[str, Any] | None = None
    answer: Answer | None = None
    request: ChatRequest | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retries: int = 0
    fault: str | None = None
    cache: str = "DISABLED"
    tokens_per_s: float = float("inf")

    @property
    def streams(self) -> bool:
        """Whether the answer was asked for as a stream."""
        return self.request is not None and self.request.stream

    @property
    def ok(self) -> bool:
        """Whether the status says that it went well."""
        return 200 <= self.status < 300


Ask = Callable[[Route], Awaitable[Outcome]]
"""Asks the model of one target, once."""


async def follow(
    route: Route, ask: Ask, chance: Chance, *, pace: float, facts: Mapping[str, Any] | None = None
) -> Outcome:
    """Follow a Config to an outcome.

    Parameters
    ----------
    route : Route
        The whole Config, or a part of it.
    ask : callable
        Asks one target once.
    chance : Chance
        Decides where load is balanced.
    pace : float
        Factor on the back-off between retries; 0 for none.
    facts : mapping, optional
        ``metadata``, ``params`` and ``url`` of the request, which conditional routing goes by.

    Returns
    -------
    Outcome
        Of the target that answered, or of the last one that failed.

    Raises
    ------
    Refusal
        400 where conditional routing leads to no target.
    """
    if not route.targets:
        return await _try_target(route, ask, pace)
    if route.mode == "loadbalance":
        chosen = chance.weighted([target.weight for target in route.targets])
        return await follow(route.targets[chosen], ask, chance, pace=pace, facts=facts)
    if route.mode == "single":
        return await follow(route.targets[0], ask, chance, pace=pace, facts=facts)
    if route.mode == "conditional":
        return await follow(_matching(route, facts or {}), ask, chance, pace=pace, facts=facts)
    outcome = await follow(route.targets[0], ask, chance, pace=pace, facts=facts)
    for target in route.targets[1:]:
        # Without a list of codes any failure moves on, 400 and 401 included, as with the open-source gateway.
        codes = route.on_status_codes
        if outcome.ok if codes is None else outcome.status not in codes:
            break
        outcome = await follow(target, ask, chance, pace=pace, facts=facts)
    return outcome


def _matching(route: Route, facts: Mapping[str, Any]) -> Route:
    name = matching(route.conditions, route.default_name, facts)
    for target in route.targets:
        if name is not None and target.name == name:
            return target
    raise Refusal(400, gateway_error("Query router did not resolve to any valid target"))


async def _try_target(route: Route, ask: Ask, pace: float) -> Outcome:
    outcome = await _ask_in_time(route, ask)
    for retry in range(route.attempts):
        if outcome.status not in route.retry_codes:
            return outcome
        await asyncio.sleep(BACK_OFF_S * 2**retry * pace)
        outcome = replace(await _ask_in_time(route, ask), retries=retry + 1)
    if route.attempts and outcome.status in route.retry_codes:
        return replace(outcome, retries=-1)
    return outcome


async def _ask_in_time(route: Route, ask: Ask) -> Outcome:
    if route.timeout_ms is None:
        return await ask(route)
    try:
        async with asyncio.timeout(route.timeout_ms / 1000):
            return await ask(route)
    except TimeoutError:
        message = f"Request exceeded the timeout sent in the request: {route.timeout_ms:g}ms"
        error = {"message": message, "type": "timeout_error", "param": None, "code": None}
        return Outcome(status=408, provider=route.provider or "", path=route.path, body={"error": error})

"""One call to a simulated model: its answer or failure, and the time that it takes."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from portkey_nb.gateway.demo.chance import Chance, chance_for, fingerprint
from portkey_nb.gateway.demo.config import Route, check_model
from portkey_nb.gateway.demo.models import DemoModel, find_model
from portkey_nb.gateway.demo.prefixes import Prefixes
from portkey_nb.gateway.demo.receiving import received
from portkey_nb.gateway.demo.request import ChatRequest, prompt_tokens, read_request
from portkey_nb.gateway.demo.routing import Outcome
from portkey_nb.gateway.demo.speaking import speak
from portkey_nb.gateway.demo.wire import Answer, Refusal, provider_error

__all__ = ["FOREVER_S", "Call", "Simulation"]

FOREVER_S = 3600.0
"""How long a stalled answer keeps its connection open, in seconds."""
_REMEMBERED = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a request says beside its Config.

    Attributes
    ----------
    pace : float
        Factor on every delay but those of faults; 0 for none.
    fault_delay : float
        First token of ``demo-slow``, in seconds.
    """

    body: Mapping[str, Any]
    trace_id: str
    pace: float
    fault_delay: float
    namespace: str = ""
    force_refresh: bool = False
    sent_trace_id: bool = True
    lax: bool = False

    def key(self) -> str:
        """Return what makes this call and its repetitions one request."""
        return fingerprint(self.trace_id if self.sent_trace_id else None, self.body)


@dataclass(slots=True)
class Simulation:
    """The simulated models with what they remember: cached answers, and flaky requests that failed once."""

    _cache: OrderedDict[str, tuple[float, Answer]] = field(default_factory=OrderedDict)
    _failed_once: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _prefixes: Prefixes = field(default_factory=Prefixes)

    async def ask(self, route: Route, call: Call) -> Outcome:
        """Ask the model of one target, once; returns when the response headers would be known."""
        body = route.applied(call.body)
        name = body.get("model")
        model = find_model(name if isinstance(name, str) else "", route.provider)
        provider = route.provider or model.provider
        outcome = Outcome(status=200, provider=provider, path=route.path)
        try:
            check_model(name)
            body = received(provider, body)
            request = read_request(body, provider)
            outcome = replace(outcome, request=request)
            self._fail_early(model, provider, call)
        except Refusal as refusal:
            return replace(outcome, status=refusal.status, body=refusal.body, headers=refusal.headers)
        outcome = replace(outcome, fault=model.fault, tokens_per_s=_speed(model, call))
        if route.cache_age_s is None or model.fault is not None:
            return replace(outcome, answer=await self._answer(model, provider, request, body, call))
        key = fingerprint(call.namespace, call.lax, provider, {**body, "stream": None, "stream_options": None})
        kept = None if call.force_refresh else self._recall(key, route.cache_age_s)
        if kept is not None:
            return replace(outcome, answer=kept, cache="HIT", tokens_per_s=float("inf"))
        answer = await self._answer(model, provider, request, body, call)
        _remember(self._cache, key, (time.monotonic(), answer))
        return replace(outcome, answer=answer, cache="REFRESH" if call.force_refresh else "MISS")

    def _recall(self, key: str, age_s: float) -> Answer | None:
        kept = self._cache.get(key)
        return kept[1] if kept is not None and time.monotonic() - kept[0] <= age_s else None

    def _fail_early(self, model: DemoModel, provider: str, call: Call) -> None:
        if model.fault == "demo-429":
            message = (
                "Rate limit reached for demo-429 on requests per min (RPM): Limit 1, Used 1. Please try again in 1s."
            )
            error = provider_error(provider, message, kind="requests", code="rate_limit_exceeded")
            raise Refusal(429, error, {"retry-after": "1"})
        if model.fault == "demo-flaky":
            key = call.key()
            if key in self._failed_once:
                # Forgotten once it went well, so that the fault can be shown again.
                del self._failed_once[key]
                return
            _remember(self._failed_once, key, None)
        if model.fault in ("demo-500", "demo-flaky"):
            message = f"The server had an error while processing your request ({model.fault} fails on purpose)."
            raise Refusal(500, provider_error(provider, message, kind="server_error"))
        if model.fault == "demo-error200":
            message = "The model is overloaded (demo-error200 fails on purpose)."
            raise Refusal(200, provider_error(provider, message, kind="overloaded_error", code="overloaded"))

    async def _answer(
        self, model: DemoModel, provider: str, request: ChatRequest, body: Mapping[str, Any], call: Call
    ) -> Answer:
        choices = []
        for number in range(request.n):
            chance = chance_for(request.model, body, number)
            choices.append(speak(request, model, provider, chance))
        marked = provider == "anthropic"
        read, written = self._prefixes.counted(request.model, request.messages) if marked else (0, 0)
        answer = Answer(
            model=request.model,
            provider=provider,
            choices=tuple(choices),
            prompt_tokens=prompt_tokens(request, provider),
            cache_read=read,
            cache_written=written,
            logprobs=request.logprobs,
            lax=call.lax,
        )
        await asyncio.sleep(self._waiting_s(model, answer, request, call))
        return answer

    def _waiting_s(self, model: DemoModel, answer: Answer, request: ChatRequest, call: Call) -> float:
        if model.fault == "demo-slow":
            return call.fault_delay
        if model.fault == "demo-stall" and not request.stream:
            return FOREVER_S
        wait = model.first_token_s * Chance(call.trace_id).jitter(0.15)
        for choice in answer.choices[:1]:
            # Thoughts that are not shown pass before the first token.
            hidden = len(choice.thought) if not request.stream or not answer.thinks_aloud else 0
            wait += (hidden + (0 if request.stream else choice.written)) / model.tokens_per_s
        return wait * call.pace


def _speed(model: DemoModel, call: Call) -> float:
    return model.tokens_per_s / call.pace if call.pace > 0 else float("inf")


def _remember(memory: OrderedDict[str, Any], key: str, value: Any) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)

"""One request, whole: called, timed, priced and logged. Every face of the toolkit comes through this room."""

from __future__ import annotations

import asyncio
import atexit
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ulid import ULID

from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.cost import UsageParts, price_call
from portkey_nb.engine.loop import submit
from portkey_nb.engine.normalize import delta_parts, failed_finish, finish_reason, reasoning_text, usage_parts
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.store import RunStore
from portkey_nb.errors import APIStatusError, GatewayError, PortkeyError, StreamIncomplete
from portkey_nb.gateway.client import AsyncPortkey
from portkey_nb.gateway.config import redact
from portkey_nb.gateway.request import Request
from portkey_nb.gateway.streams import AsyncStream
from portkey_nb.gateway.types import ChatCompletion
from portkey_nb.settings import load

Listener = Callable[[str, str], None]
"""Called on the background loop with the kind ("text", "reasoning") and the piece that came."""

DEMO_SERVER = "portkey_nb-demo"
"""The ``server`` header by which the demo gateway says that its answers are simulated."""


@dataclass
class _Progress:
    """What is learnt while a call runs."""

    attempts: int = 0
    first_sent: float | None = None
    last_sent: float | None = None
    first_piece: float | None = None
    ended: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    completion: ChatCompletion | None = None

    def sent(self, attempt: int) -> None:
        now = time.monotonic()
        self.attempts = attempt
        self.first_sent = now if self.first_sent is None else self.first_sent
        self.last_sent = now

    def heard(self) -> None:
        if self.first_piece is None:
            self.first_piece = time.monotonic()


class Runner:
    """Makes calls on the background loop and writes each into the run log.

    Parameters
    ----------
    store : RunStore or None
        Where runs are kept; None keeps none.
    """

    def __init__(self, store: RunStore | None) -> None:
        self.store = store

    async def perform(self, call: Call, listen: Listener | None = None) -> Outcome:
        """Make one call from its first attempt to its last byte.

        Parameters
        ----------
        call : Call
        listen : callable, optional
            Told of each piece as it comes.

        Returns
        -------
        Outcome
            With the error as a value. A cancelled call is an outcome too: its run is ``interrupted``.

        Raises
        ------
        PortkeyError
            When the request cannot be built; nothing was sent and nothing is logged then.
        """
        prepared = await asyncio.to_thread(_prepare, call)
        reused = await self._from_cache(call, prepared, listen)
        if reused is not None:
            return reused
        run = prepared.run
        progress = _Progress()
        error: PortkeyError | None = None
        interrupted = False
        try:
            await self._log(run, start=True)
            await _exchange(prepared, progress, listen or _nobody)
        except asyncio.CancelledError:
            interrupted = True
        except PortkeyError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 (a row that was begun is always ended)
            error = PortkeyError(f"unexpected {type(raised).__name__}: {raised}; the call is logged as failed")
        error = error or _disguised(progress)
        if error is not None and getattr(error, "completion", None) is not None:
            progress.completion = error.completion  # type: ignore[attr-defined]
        outcome = _conclude(prepared, progress, error, interrupted)
        await self._log(outcome.run, start=False)
        return outcome

    async def _from_cache(self, call: Call, prepared: _Prepared, listen: Listener | None) -> Outcome | None:
        if not call.cache or self.store is None or prepared.run.cache_key is None:
            return None
        found = await asyncio.to_thread(self.store.cached, prepared.run.cache_key)
        if found is None:
            return None
        now = datetime.now(UTC)
        fresh = {name: getattr(prepared.run, name) for name in _OWN_FACTS}
        run = found.with_(**fresh, cached=True, attempts=0, started_at=now, ended_at=now, rating=None, rating_note=None)
        if listen is not None and run.text:
            listen("text", run.text)
        await self._log(run, start=False)
        return Outcome(call, run)

    async def _log(self, run: Run, *, start: bool) -> None:
        if self.store is not None:
            write = self.store.start if start else self.store.finish
            # Shielded: an interrupt must not lose the row of what was already paid for.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(_writer(), write, run))


@lru_cache(maxsize=1)
def _writer() -> ThreadPoolExecutor:
    """Return the one thread that writes rows: in order, and off the event loop."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="portkey_nb-log")


_OWN_FACTS = (
    "run_id",
    "group_id",
    "group_label",
    "conversation_id",
    "parent_run_id",
    "source",
    "cell_id",
    "notebook",
    "template",
    "vars",
    "case_id",
    "expected",
    "tags",
    "variant",
)
"""What a run answered from the cache has of its own; the rest is the earlier run's."""


@dataclass(frozen=True)
class _Prepared:
    """A call with its client, its request and its row."""

    call: Call
    client: AsyncPortkey
    request: Request
    run: Run
    prices: Mapping[str, Mapping[str, float]]


def _nobody(kind: str, text: str) -> None:
    """Hear nothing."""


_MOST_CLIENTS = 32
_clients: dict[str, AsyncPortkey] = {}


def client_for(base_url: str | None, options: Mapping[str, Any]) -> AsyncPortkey:
    """Return a client for these options; its connections are kept for the next call with the same ones."""
    settings = load()
    known = [base_url, dict(options), settings.base_url, settings.provider, settings.config]
    known += [secret and secret.reveal() for secret in (settings.api_key, settings.virtual_key)]
    key = json.dumps(known, sort_keys=True, default=str)
    client = _clients.get(key)
    if client is None:
        while len(_clients) >= _MOST_CLIENTS:
            submit(_clients.pop(next(iter(_clients))).close())
        if not _clients:
            atexit.register(_close_clients)
        client = _clients[key] = AsyncPortkey(base_url=base_url, **options)
    return client


def _close_clients() -> None:
    """Close kept connections while the background loop still runs."""
    for client in list(_clients.values()):
        with suppress(Exception):
            submit(client.close()).result(timeout=1)
    _clients.clear()


def _prepare(call: Call) -> _Prepared:
    options = dict(call.options)
    trace_id = str(options.pop("trace_id", None) or ULID())
    run_id = new_run_id()
    client = client_for(call.base_url, options).with_options(trace_id=trace_id)
    params = dict(call.params)
    if call.stream:
        # Without it an OpenAI stream tells no tokens; gateways drop it where it means nothing.
        params.setdefault("stream_options", {"include_usage": True})
    request = client._chat(call.messages, call.model, call.stream, call.timeout, None, params)
    known = client._options
    config = known.get("config")
    run = Run(
        run_id=run_id,
        started_at=datetime.now(UTC),
        model=call.model,
        provider=_provider(call.model, known),
        base_url=client.base_url,
        demo=client.base_url == "demo",
        config=config if isinstance(config, str) or config is None else json.dumps(redact(config)),
        trace_id=trace_id,
        messages=call.messages,
        params=dict(call.params),
        stream=call.stream,
        metadata=known.get("metadata"),
        cache_key=call.cache_key(client.base_url, {name: known.get(name) for name in _ROUTES}),
        cached=False,
        **call.facts,
    )
    return _Prepared(call, client, request, run, load().prices)


_ROUTES = ("provider", "virtual_key", "config", "custom_host")


def _provider(model: str, options: Mapping[str, Any]) -> str | None:
    if model.startswith("@") and not model.startswith(("@cf/", "@hf/")):
        return model[1:].partition("/")[0]
    provider = options.get("provider")
    return str(provider).removeprefix("@") if provider else None


async def _exchange(prepared: _Prepared, progress: _Progress, listen: Listener) -> None:
    try:
        answer = await prepared.client.chat.completions.perform(prepared.request, progress.sent)
        if isinstance(answer, AsyncStream):
            await _follow(answer, progress, listen)
        else:
            progress.completion = answer
            progress.status, progress.headers = 200, answer.response_headers
            for choice in answer.choices[:1]:
                listen("text", choice.message.content or "")
    finally:
        progress.ended = time.monotonic()


async def _follow(stream: AsyncStream, progress: _Progress, listen: Listener) -> None:
    progress.status, progress.headers = stream.status, stream.response_headers
    try:
        async for chunk in stream:
            for choice in chunk._data["choices"]:
                delta = choice["delta"]
                text, thought = delta_parts(delta)
                if text or thought or delta.get("tool_calls"):
                    progress.heard()
                if choice["index"] == 0:
                    if thought:
                        listen("reasoning", thought)
                    if text:
                        listen("text", text)
    finally:
        progress.completion = stream.partial
        await stream.close()


def _disguised(progress: _Progress) -> PortkeyError | None:
    """Return the error that a finish reason stands for, if it does."""
    completion = progress.completion
    for choice in completion.choices if completion is not None else ():
        if failed_finish(choice.finish_reason):
            return GatewayError(
                f"the provider broke the answer off with `{choice.finish_reason}`; run again, or add a fallback",
                status=progress.status or 200,
                code=choice.finish_reason,
                completion=completion,
            )
    return None


def _conclude(prepared: _Prepared, progress: _Progress, error: PortkeyError | None, interrupted: bool) -> Outcome:
    run = prepared.run
    facts = _answer_facts(progress.completion)
    headers = dict(progress.headers)
    if isinstance(error, APIStatusError):
        headers = headers or error.headers
        facts["http_status"] = error.status
    elif progress.status is not None:
        facts["http_status"] = progress.status
    status = "interrupted" if interrupted else "ok" if error is None else "error"
    if isinstance(error, StreamIncomplete) or (error is not None and facts.get("text")):
        status = "incomplete"
    if error is not None:
        facts.update(error_type=type(error).__name__, error=error.message)
    facts.update(_header_facts(headers))
    facts["demo"] = bool(run.demo) or headers.get("server") == DEMO_SERVER
    facts["provider"] = facts.get("provider") or run.provider
    usage = facts.pop("usage")
    if status in ("interrupted", "incomplete") and usage.output_tokens is None and progress.completion is not None:
        usage = _estimate(run, facts.get("text") or "")
        facts["tokens_estimated"] = True
    facts.update(_usage_facts(usage))
    answered = facts.get("model_response")
    priced = price_call(
        run.model or "",
        facts["provider"],
        usage,
        answered=answered,
        demo=facts["demo"],
        at=run.started_at,
        user_prices=prepared.prices,
        demo_prices=_demo_prices(facts["demo"]),
    )
    facts.update(cost_usd=priced.cost_usd, price=priced.price)
    facts.update(_timing(progress, usage))
    done = run.with_(status=status, ended_at=datetime.now(UTC), attempts=progress.attempts or None, **facts)
    return Outcome(prepared.call, done, progress.completion, error)


def _answer_facts(completion: ChatCompletion | None) -> dict[str, Any]:
    if completion is None:
        return {"usage": usage_parts(None)}
    data = completion._data
    facts: dict[str, Any] = {
        "response_id": completion.id,
        "model_response": completion.model or None,
        "provider": data.get("provider"),
        "usage": usage_parts(data.get("usage")),
    }
    if data["choices"]:
        first = data["choices"][0]
        message = first["message"]
        calls = message.get("tool_calls") or None
        native = first.get("finish_reason")
        facts.update(
            text=message.get("content") or ("" if calls is None else None),
            reasoning=reasoning_text(message),
            tool_calls=calls,
            native_finish_reason=native,
            finish_reason=None if failed_finish(native) else finish_reason(native, has_tool_calls=bool(calls)),
        )
    return facts


def _header_facts(headers: Mapping[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "provider": headers.get("x-portkey-provider"),
        "trace_id": headers.get("x-portkey-trace-id"),
        "gateway_target": headers.get("x-portkey-last-used-option-index"),
        "gateway_cache": headers.get("x-portkey-cache-status"),
    }
    retries = headers.get("x-portkey-retry-attempt-count", "")
    if retries.lstrip("-").isdigit():
        facts["gateway_retries"] = int(retries)
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _usage_facts(usage: UsageParts) -> dict[str, Any]:
    known = (usage.input_tokens, usage.output_tokens)
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": None if None in known else sum(known),  # type: ignore[arg-type]
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _estimate(run: Run, text: str) -> UsageParts:
    """Estimate tokens where an answer ended before its usage came: about four characters of English each."""
    asked = sum(len(json.dumps(message.get("content"), ensure_ascii=False)) for message in run.messages or ())
    return UsageParts(max(1, asked // 4), (len(text) + 3) // 4, None, None, None)


def _timing(progress: _Progress, usage: UsageParts) -> dict[str, Any]:
    if progress.first_sent is None or progress.last_sent is None or progress.ended is None:
        return {}
    facts: dict[str, Any] = {"latency_s": progress.ended - progress.first_sent}
    if progress.first_piece is not None:
        facts["ttft_s"] = progress.first_piece - progress.last_sent
        writing = progress.ended - progress.first_piece
        if usage.output_tokens and writing > 0:
            facts["tokens_per_s"] = usage.output_tokens / writing
    return facts


def _demo_prices(demo: bool) -> Mapping[str, Mapping[str, float]]:
    if not demo:
        return {}
    from portkey_nb.gateway.demo.models import PRICES  # only for answers of the demo gateway

    return PRICES

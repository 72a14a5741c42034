"""Chat completions: requests read, outcomes written, clients' leaving noticed."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any

from tornado.iostream import StreamClosedError

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.chunks import CUT, SILENCE, events, sse
from portkey_nb.gateway.demo.config import Route, check_provider, check_virtual_key, read_config, refuse_host
from portkey_nb.gateway.demo.handling import Handler
from portkey_nb.gateway.demo.routing import Outcome, follow
from portkey_nb.gateway.demo.simulation import FOREVER_S, Call
from portkey_nb.gateway.demo.wire import Refusal, completion, gateway_error

__all__ = ["ChatCompletions"]

_AT_ONCE = 32


class ChatCompletions(Handler):
    """Answers chat completions, streamed or whole."""

    _work: asyncio.Task[None] | None = None
    _client_left = False

    async def post(self, *_: str) -> None:
        """Answer, until the client leaves."""
        self.house.counter.add(requests=1)
        self._work = asyncio.create_task(self._respond())
        self.house.work.add(self._work)
        try:
            await self._work
        except (asyncio.CancelledError, StreamClosedError):
            # The client is gone, or the server stops: there is nobody to answer.
            self.house.counter.add(disconnects=int(self._client_left))
            self._leave()
        finally:
            self.house.work.discard(self._work)

    def on_connection_close(self) -> None:
        """Stop working for a client that has left."""
        if self._work is not None and not self._work.done():
            self._client_left = True
            self._work.cancel()

    def _leave(self) -> None:
        if not self._finished:
            self.detach().close()

    async def _respond(self) -> None:
        try:
            self.check_key()
            call, route = self._read()
            outcome = await self._ask(call, route)
        except Refusal as refusal:
            self.answer_json(refusal.status, refusal.body)
            return
        await self._write(outcome)

    async def _ask(self, call: Call, route: Route) -> Outcome:
        seed = call.body.get("seed")
        chance = Chance(secrets.token_hex(8) if seed is None else (seed, call.body.get("messages")))
        facts = {"metadata": self._metadata(), "params": call.body, "url": {"pathname": self.request.path}}
        return await follow(
            route, lambda target: self.house.simulation.ask(target, call), chance, pace=call.pace, facts=facts
        )

    def _metadata(self) -> dict[str, Any]:
        try:
            found = json.loads(self.given("metadata") or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _read(self) -> tuple[Call, Route]:
        provider = check_provider(self.given("provider"))
        check_virtual_key(self.given("virtual-key"))
        refuse_host(self.given("custom-host"))
        body = self.asked_body(provider or "openai")
        base = Route(provider=provider, timeout_ms=self._header_number("request-timeout"))
        speed = self._header_number("demo-speed", zero=True)
        call = Call(
            body=body,
            trace_id=self.trace_id,
            sent_trace_id=bool(self.given("trace-id")),
            pace=self.house.pace if speed is None else 1 / speed if speed else 0.0,
            fault_delay=self.house.fault_delay,
            namespace=self.given("cache-namespace") or "",
            lax=(self.given("strict-open-ai-compliance") or "").lower() == "false",
            force_refresh=(self.given("cache-force-refresh") or "").lower() == "true",
        )
        return call, read_config(self.given("config"), base)

    def asked_body(self, provider: str) -> dict[str, Any]:
        """Return the body of the chat completion that is asked for."""
        return self.read_json(provider)

    def _header_number(self, name: str, *, zero: bool = False) -> float | None:
        value = self.given(name)
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not (0 <= number < float("inf")) or (number == 0 and not zero):
            raise Refusal(400, gateway_error(f"Invalid x-portkey-{name} passed: '{value[:60]}' is no such number"))
        return number

    async def _write(self, outcome: Outcome) -> None:
        self.set_header("x-portkey-provider", outcome.provider)
        self.set_header("x-portkey-last-used-option-index", outcome.path)
        self.set_header("x-portkey-retry-attempt-count", str(outcome.retries))
        self.set_header("x-portkey-cache-status", outcome.cache)
        for name, value in outcome.headers.items():
            self.set_header(name, value)
        if outcome.answer is None or outcome.request is None:
            if outcome.ok and outcome.body is not None and outcome.streams:
                self.set_header("Content-Type", "text/event-stream; charset=utf-8")
                self.finish(sse(json.dumps(outcome.body).encode()))
            else:
                self.answer_json(outcome.status, outcome.body or {})
        elif outcome.request.stream:
            await self._stream(outcome)
        else:
            await self._write_whole(outcome)

    async def _write_whole(self, outcome: Outcome) -> None:
        assert outcome.answer is not None
        body = completion(outcome.answer)
        if outcome.fault == "demo-malformed":
            body = body[: len(body) // 2]
        if outcome.fault == "demo-break":
            self.set_header("Content-Type", "application/json; charset=utf-8")
            self.set_header("Content-Length", str(len(body)))
            self.write(body[: len(body) // 2])
            await self.flush()
            self.detach().close()
            return
        self.answer_json(200, body)

    async def _stream(self, outcome: Outcome) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.house.counter.add(open_streams=1)
        try:
            await self._write_events(outcome)
        finally:
            self.house.counter.add(open_streams=-1)

    async def _write_events(self, outcome: Outcome) -> None:
        started, written = time.monotonic(), 0
        answer, request = outcome.answer, outcome.request
        assert answer is not None
        assert request is not None
        for written, event in enumerate(events(answer, include_usage=request.include_usage, fault=outcome.fault)):
            if event is CUT:
                await self.flush()
                self.detach().close()
                return
            if event is SILENCE:
                await self.flush()
                await asyncio.sleep(FOREVER_S)
                break
            self.write(event)
            ahead = started + written / outcome.tokens_per_s - time.monotonic()
            if ahead > 0:
                await self.flush()
                await asyncio.sleep(ahead)
            elif outcome.tokens_per_s != float("inf") or written % _AT_ONCE == 0:
                await self.flush()
                # Lets a client's leaving be noticed in a stream that never waits.
                await asyncio.sleep(0)
        self.finish()

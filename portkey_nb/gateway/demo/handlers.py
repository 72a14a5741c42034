"""The routes of the demo gateway: requests read, outcomes written, clients' leaving noticed."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tornado.web
from tornado.iostream import StreamClosedError

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.chunks import CUT, SILENCE, events, sse
from portkey_nb.gateway.demo.config import Route, check_provider, check_virtual_key, read_config
from portkey_nb.gateway.demo.models import listed_models
from portkey_nb.gateway.demo.routing import Outcome, follow
from portkey_nb.gateway.demo.simulation import FOREVER_S, Call, Simulation
from portkey_nb.gateway.demo.stats import Counter
from portkey_nb.gateway.demo.wire import Refusal, completion, gateway_error, provider_error

__all__ = ["SERVER", "House", "application"]

SERVER = "portkey_nb-demo"
"""The ``server`` header of every answer: it marks what is simulated."""
WRONG_KEY = "wrong-key"
_AT_ONCE = 32


@dataclass(slots=True)
class House:
    """What all handlers share.

    Attributes
    ----------
    pace : float
        Factor on every delay but those of faults.
    fault_delay : float
        First token of ``demo-slow``, in seconds.
    work : set of asyncio.Task
        Answers being made, to be cancelled when the server stops.
    """

    pace: float
    fault_delay: float
    counter: Counter = field(default_factory=Counter)
    simulation: Simulation = field(default_factory=Simulation)
    work: set[asyncio.Task[None]] = field(default_factory=set)


def application(house: House) -> tornado.web.Application:
    """Return the routes; nothing is written to any log, since a notebook would show it."""
    shared = {"house": house}
    return tornado.web.Application(
        [
            (r"/", _Root, shared),
            (r"/v1/chat/completions/?", _ChatCompletions, shared),
            (r"/v1/models/?", _Models, shared),
        ],
        default_handler_class=_NotFound,
        default_handler_args=shared,
        log_function=lambda handler: None,
    )


class _Handler(tornado.web.RequestHandler):
    house: House
    trace_id: str

    def initialize(self, house: House) -> None:
        self.house = house

    def set_default_headers(self) -> None:
        self.trace_id = self._given("trace-id") or str(uuid.uuid4())
        self.set_header("Server", SERVER)
        self.set_header("x-portkey-trace-id", self.trace_id)
        self.set_header("x-request-id", f"req_demo_{secrets.token_hex(8)}")

    def _given(self, name: str) -> str | None:
        return self.request.headers.get(f"x-portkey-{name}")

    def answer_json(self, status: int, body: Mapping[str, Any] | bytes) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(body if isinstance(body, bytes) else json.dumps(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 405:
            method, path = self.request.method, self.request.path
            allowed = ", ".join(name for name in ("GET", "POST") if _has(type(self), name))
            self.set_header("Allow", allowed)
            self.answer_json(405, gateway_error(f"Method {method} is not allowed on {path}; use {allowed}"))
        else:
            self.answer_json(status_code, gateway_error("Something went wrong"))

    def check_key(self) -> None:
        bearer = self.request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if WRONG_KEY in (self._given("api-key"), bearer):
            message = "Portkey Error: Invalid API Key. Error Code: 03"
            body = {"status": "failure", "message": message, "error": {"message": message, "code": "03"}}
            raise Refusal(401, body)


def _has(handler: type[tornado.web.RequestHandler], method: str) -> bool:
    own = getattr(handler, method.lower())
    return own is not getattr(tornado.web.RequestHandler, method.lower())


class _Root(_Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("The demo gateway of portkey_nb: simulated models, no key needed.")


class _NotFound(_Handler):
    def prepare(self) -> None:
        self.answer_json(404, {"message": "Not Found", "ok": False})


class _Models(_Handler):
    def get(self) -> None:
        try:
            self.check_key()
        except Refusal as refusal:
            self.answer_json(refusal.status, refusal.body)
            return
        data = [
            {"id": model.name, "object": "model", "created": 1767225600, "owned_by": model.provider}
            for model in listed_models()
        ]
        self.answer_json(200, {"object": "list", "data": data})


class _ChatCompletions(_Handler):
    _work: asyncio.Task[None] | None = None
    _client_left = False

    async def post(self) -> None:
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
        except Refusal as refusal:
            self.answer_json(refusal.status, refusal.body)
            return
        seed = call.body.get("seed")
        chance = Chance(secrets.token_hex(8) if seed is None else (seed, call.body.get("messages")))
        outcome = await follow(route, lambda target: self.house.simulation.ask(target, call), chance, pace=call.pace)
        await self._write(outcome)

    def _read(self) -> tuple[Call, Route]:
        kind = self.request.headers.get("Content-Type", "application/json")
        if not kind.lower().startswith("application/json"):
            raise Refusal(400, gateway_error(f"Invalid content type passed: '{kind[:60]}'. Send application/json"))
        provider = check_provider(self._given("provider"))
        check_virtual_key(self._given("virtual-key"))
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            message = "We could not parse the JSON body of your request: it has to be a JSON object."
            kind = "invalid_request_error"
            raise Refusal(400, provider_error(provider or "openai", message, kind=kind, code="invalid_json"))
        base = Route(provider=provider, timeout_ms=self._header_number("request-timeout"))
        speed = self._header_number("demo-speed", zero=True)
        call = Call(
            body=body,
            trace_id=self.trace_id,
            sent_trace_id=bool(self._given("trace-id")),
            pace=self.house.pace if speed is None else 1 / speed if speed else 0.0,
            fault_delay=self.house.fault_delay,
            namespace=self._given("cache-namespace") or "",
            lax=(self._given("strict-open-ai-compliance") or "").lower() == "false",
            force_refresh=(self._given("cache-force-refresh") or "").lower() == "true",
        )
        return call, read_config(self._given("config"), base)

    def _header_number(self, name: str, *, zero: bool = False) -> float | None:
        value = self._given(name)
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

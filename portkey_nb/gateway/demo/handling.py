"""What every route of the demo gateway shares: headers, refusals, the body of a request, and the house it serves."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tornado.web

from portkey_nb.gateway.demo.simulation import Simulation
from portkey_nb.gateway.demo.stats import Counter
from portkey_nb.gateway.demo.wire import Refusal, gateway_error, provider_error

__all__ = ["SERVER", "Handler", "House"]

SERVER = "portkey_nb-demo"
"""The ``server`` header of every answer: it marks what is simulated."""
WRONG_KEY = "wrong-key"


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


class Handler(tornado.web.RequestHandler):
    """Answers with the gateway's headers, and with its own shape where something is wrong."""

    house: House
    trace_id: str

    def initialize(self, house: House) -> None:
        """Take what all handlers share."""
        self.house = house

    def set_default_headers(self) -> None:
        """Mark every answer as simulated, and give it its ids."""
        self.trace_id = self.given("trace-id") or str(uuid.uuid4())
        self.set_header("Server", SERVER)
        self.set_header("x-portkey-trace-id", self.trace_id)
        self.set_header("x-request-id", f"req_demo_{secrets.token_hex(8)}")

    def given(self, name: str) -> str | None:
        """Return an ``x-portkey-`` header."""
        return self.request.headers.get(f"x-portkey-{name}")

    def answer_json(self, status: int, body: Mapping[str, Any] | bytes) -> None:
        """Finish with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(body if isinstance(body, bytes) else json.dumps(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in the gateway's shape what tornado refuses."""
        if status_code == 405:
            method, path = self.request.method, self.request.path
            allowed = ", ".join(name for name in ("GET", "POST") if _has(type(self), name))
            self.set_header("Allow", allowed)
            self.answer_json(405, gateway_error(f"Method {method} is not allowed on {path}; use {allowed}"))
        else:
            self.answer_json(status_code, gateway_error("Something went wrong"))

    def check_key(self) -> None:
        """Refuse the one key that is wrong."""
        bearer = self.request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if WRONG_KEY in (self.given("api-key"), bearer):
            message = "Portkey Error: Invalid API Key. Error Code: 03"
            body = {"status": "failure", "message": message, "error": {"message": message, "code": "03"}}
            raise Refusal(401, body)

    def read_json(self, provider: str) -> dict[str, Any]:
        """Return the body of the request; refuse what is no JSON object."""
        kind = self.request.headers.get("Content-Type", "application/json")
        if not kind.lower().startswith("application/json"):
            raise Refusal(400, gateway_error(f"Invalid content type passed: '{kind[:60]}'. Send application/json"))
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            message = "We could not parse the JSON body of your request: it has to be a JSON object."
            kind = "invalid_request_error"
            raise Refusal(400, provider_error(provider, message, kind=kind, code="invalid_json"))
        return body


def _has(handler: type[tornado.web.RequestHandler], method: str) -> bool:
    own = getattr(handler, method.lower())
    return own is not getattr(tornado.web.RequestHandler, method.lower())

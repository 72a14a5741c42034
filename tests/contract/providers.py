"""Simulated providers on loopback: OpenAI, Anthropic, Gemini, Cohere and Ollama as the gateway meets them.

    with Providers() as upstream:
        portkey = Portkey(base_url="local", provider="anthropic", custom_host=upstream.host("anthropic"), ...)
        ...
        upstream.seen[-1].body          # what the gateway made of the request

What is asked for decides the answer: tools are called, until their result is the last message, thoughts come
where ``thinking`` asks for them. What goes wrong is said by ``host(provider, fault)``, or by a model of that name:

=================  ======================================================================
e400 .. e599       an error of this status, as the provider words it (429 with retry-after)
html502, text500   errors that are no JSON
notjson, empty     200 with half a JSON text, 200 with nothing
gone               the connection ends before any byte
slow:S             the answer begins after S seconds
hold               the answer begins when ``release`` is set
flaky:N            500 N times, then an answer, and again; flaky429:N with retry-after 1
ra:S               429 with retry-after S once, then an answer, and again
midabort           the stream is reset after four events
midclose           the stream ends in good order after four events, unfinished
miderr             an error event follows four events
midstall:S         S seconds of silence after four events
midhold            silence after four events until ``release`` is set
long:N             N pieces of text
think, plain       thoughts, or none, whatever was asked
maxtok, stopseq, refusal, pause, safety, blocked      why the answer ends
=================  ======================================================================
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast

from tests.contract.shapes import PIECES, Asked, Shape, anthropic, cohere, gemini, ollama, openai

_SHAPES = {
    "openai": openai,
    "anthropic": anthropic,
    "google": gemini,
    "cohere": cohere,
    "ollama": ollama,
}
SIMULATED = tuple(_SHAPES)
_HOST_ENDS = {"openai": "/v1", "anthropic": "/v1"}
"""What a provider's base URL ends in; the others take a bare host."""
_FAULT = re.compile(
    r"(e[45]\d\d|html502|text500|notjson|empty|gone|hold|midabort|midclose|miderr|midhold|think|plain|maxtok|stopseq|"
    r"refusal|pause|safety|blocked|(?:slow|midstall|flaky|flaky429|ra|long):[\d.]+)"
)
_PATH = re.compile(r"/(?P<provider>\w+)\.(?P<serial>\d+)/(?P<fault>[^/]+)(?P<rest>/.*)")
_CHAT = re.compile(r"/(chat/completions|messages|chat|models/[^/]+:\w+)(\?.*)?$")
_MODEL_IN_PATH = re.compile(r"/models/(?P<model>[^:]+(?::[\d.]+)?):(?P<call>\w+)")
_AFTER = 4
"""Events that come before a stream goes wrong."""
_TRACE = {"x-request-id": "req_fake_up"}
_LIMITED = {
    "retry-after": "20",
    "x-ratelimit-limit-requests": "3",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "20s",
}


@dataclass(frozen=True)
class Seen:
    """One request as a provider received it.

    Attributes
    ----------
    provider, method : str
    path : str
        The provider's own path with its query, such as ``/v1/messages``.
    headers : dict[str, str]
        Names in lower case.
    body : object
        The decoded JSON; None where there was none.
    """

    provider: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Providers:
    """All simulated providers behind one port; a context manager.

    Parameters
    ----------
    pause : float
        Seconds between two events of a stream.

    Attributes
    ----------
    seen : list[Seen]
        What was asked, in order.
    release : threading.Event
        Ends ``hold`` and ``midhold``.
    stopped : threading.Event
        Set when the providers close.
    """

    def __init__(self, *, pause: float = 0.0) -> None:
        self.pause = pause
        self.seen: list[Seen] = []
        self.release = threading.Event()
        self.stopped = threading.Event()
        self._serials = itertools.count(1)
        self._tries: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Providers:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.close_all()
        self._thread.join(5)

    @property
    def port(self) -> int:
        """The port of all hosts."""
        return int(self._server.server_address[1])

    def host(self, provider: str, fault: str = "ok", *, name: str = "127.0.0.1") -> str:
        """Return the ``custom_host`` under which the gateway finds a provider.

        Parameters
        ----------
        provider : str
            ``openai``, ``anthropic``, ``google``, ``cohere`` or ``ollama``.
        fault : str
            How it behaves (see the module). What is counted, as in ``flaky:2``, is counted for this host alone.
        name : str
            Another name of this machine.
        """
        if provider not in _SHAPES:
            raise ValueError(f"no provider {provider!r} is simulated; known are {', '.join(_SHAPES)}")
        if fault != "ok" and not _FAULT.fullmatch(fault):
            raise ValueError(f"unknown fault {fault!r}")
        return f"http://{name}:{self.port}/{provider}.{next(self._serials)}/{fault}{_HOST_ENDS.get(provider, '')}"

    def saw(self, provider: str) -> Seen:
        """Return the last request to a provider."""
        return next(seen for seen in reversed(self.seen) if seen.provider == provider)

    def _count(self, key: str) -> int:
        with self._lock:
            self._tries[key] += 1
            return self._tries[key] - 1

    def _note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def _wait(self, seconds: float | None, event: threading.Event | None = None) -> None:
        """Wait for an event or for seconds, and no longer than the providers live."""
        if event is None:
            self.stopped.wait(seconds)
            return
        while not event.wait(0.01) and not self.stopped.is_set():
            pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, owner: Providers) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave are what is tried."""

    def close_all(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def version_string(self) -> str:
        return "fake"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        owner = self.server.owner
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        found = _PATH.fullmatch(self.path)
        if found is None:
            self._json(404, {"error": {"message": f"no provider is at {self.path}"}})
            return
        provider, rest = found["provider"], found["rest"]
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner._note(Seen(provider, self.command, rest, headers, body))
        shape = cast("Shape", _SHAPES[provider])
        if self.command == "GET" and rest.endswith("/models"):
            model = {"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "fake"}
            self._json(200, {"object": "list", "data": [model]}, trace={})
            return
        if not _CHAT.search(rest):
            self._json(200, {"echo": rest}, trace={})
            return
        in_path = _MODEL_IN_PATH.search(rest)
        asked_for = body if isinstance(body, dict) else {}
        model_name = in_path["model"] if in_path else str(asked_for.get("model") or "")
        fault = found["fault"]
        if fault == "ok" and _FAULT.fullmatch(model_name):
            fault = model_name
        streamed = in_path["call"].startswith("stream") if in_path else bool(asked_for.get("stream"))
        key = f"{provider}.{found['serial']}" if fault == found["fault"] else f"{provider} {model_name}"
        self._behave(shape, provider, fault, key, _asked(model_name, fault, asked_for), streamed)

    def _behave(self, shape: Shape, provider: str, fault: str, key: str, asked: Asked, streamed: bool) -> None:
        owner = self.server.owner
        name, _, number = fault.partition(":")
        if name == "slow":
            owner._wait(float(number))
        elif name == "hold":
            owner._wait(None, owner.release)
        elif name in ("flaky", "flaky429", "ra"):
            failures = 1 if name == "ra" else int(number)
            if owner._count(key) % (failures + 1) < failures:
                limited = {**_LIMITED, "retry-after": number if name == "ra" else "1"}
                self._json(*((500, shape.error(500, "")) if name == "flaky" else (429, shape.error(429, ""), limited)))
                return
        if re.fullmatch(r"e\d+", name):
            status = int(name[1:])
            self._json(status, shape.error(status, asked.model), _LIMITED if status == 429 else {})
        elif name == "html502":
            self._send(502, b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "text/html")
        elif name == "text500":
            self._send(500, b"upstream exploded", "text/plain")
        elif name == "notjson":
            self._send(200, b'{"id": "chatcmpl-FAKE1", "choi', "application/json")
        elif name == "empty":
            self._send(200, b"", "application/json")
        elif name == "gone":
            self.close_connection = True
        elif streamed:
            self._stream(shape, name, number, asked, _passed(provider))
        else:
            more = {**_passed(provider), "x-ratelimit-remaining-requests": "99"} if provider == "openai" else {}
            self._json(200, shape.whole(asked), more, trace={})

    def _json(
        self, status: int, value: Any, more: Mapping[str, str] | None = None, *, trace: Mapping[str, str] = _TRACE
    ) -> None:
        self._send(status, json.dumps(value).encode(), "application/json; charset=utf-8", {**trace, **(more or {})})

    def _send(self, status: int, content: bytes, kind: str, more: Mapping[str, str] | None = None) -> None:
        self._head(status, {"content-type": kind, "content-length": str(len(content)), **(more or {})})
        self.wfile.write(content)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self, shape: Shape, fault: str, number: str, asked: Asked, more: Mapping[str, str]) -> None:
        owner = self.server.owner
        self._head(200, {"content-type": shape.STREAM_TYPE, "transfer-encoding": "chunked", **more})
        events: Iterable[bytes] = shape.events(asked)
        for count, event in enumerate(events):
            if count == _AFTER and fault.startswith("mid"):
                if fault == "midabort":
                    # A reset throws away what the other side has not yet read.
                    owner._wait(0.1)
                    self._cut()
                    return
                if fault == "midclose":
                    break
                if fault == "miderr":
                    self._piece(shape.late_error())
                    break
                owner._wait(float(number) if number else None, None if number else owner.release)
            elif count and owner.pause:
                owner._wait(owner.pause)
            self._piece(event)
        self.wfile.write(b"0\r\n\r\n")

    def _piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _cut(self) -> None:
        """End the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def _passed(provider: str) -> dict[str, str]:
    """Return headers of the provider's own that the gateway passes on."""
    return {**_TRACE, "openai-processing-ms": "33"} if provider == "openai" else {}


def _asked(model: str, fault: str, body: dict[str, Any]) -> Asked:
    name, _, number = fault.partition(":")
    config = body.get("generationConfig") or {}
    thinks = body.get("thinking") or body.get("think") or config.get("thinkingConfig") or config.get("thinking_config")
    wanted = name == "think" or (name != "plain" and _enabled(thinks))
    pieces = ("Hel",) * int(number) if name == "long" else PIECES
    return Asked(model, name, pieces, _tools(body), wanted, body)


def _enabled(thinks: Any) -> bool:
    return bool(thinks) and not (isinstance(thinks, dict) and thinks.get("type") == "disabled")


def _tools(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the tools offered, of any provider's shape; none where their result has just come."""
    told = body.get("messages") or body.get("contents") or [""]
    if re.search(r'"role": "tool"|"type": "tool_result"|"functionResponse"', json.dumps(told[-1])):
        return ()
    names = []
    for tool in body.get("tools") or ():
        for described in tool.get("functionDeclarations") or [tool.get("function") or tool]:
            names.append(str(described.get("name")))
    return tuple(names)

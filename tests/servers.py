"""A real HTTP server on loopback that plays scripts byte for byte, records what it was asked and sees clients leave."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

RESET = object()
"""Step: cut the connection with a TCP reset."""
CLOSE = object()
"""Step: close the connection in good order."""
STALL = object()
"""Step: say nothing more until the client leaves."""

Step = bytes | threading.Event | object


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    raw_names: tuple[str, ...] = field(default=(), repr=False)

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


def head(status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return status line and headers."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def whole(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> list[Step]:
    """Return the script of an answer in one piece; ``body`` is bytes, or a value that is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if isinstance(body, bytes) else {"content-type": "application/json"}
    return [head(status, {**kind, "content-length": str(len(content)), **(headers or {})}) + content]


def piece(data: bytes) -> bytes:
    """Return bytes as one chunk of a chunked answer."""
    return b"%x\r\n%s\r\n" % (len(data), data)


END = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(data: Any) -> bytes:
    """Return one server-sent event."""
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


def chunk(text: str | None = None, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return a chat completion chunk."""
    if text is not None:
        delta["content"] = text
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def streamed(*steps: Any, headers: Mapping[str, str] | None = None, end: bool = True) -> list[Step]:
    """Return the script of a stream: dicts are events, bytes go as they are, other steps between the pieces."""
    script: list[Step] = [
        head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked", **(headers or {})})
    ]
    for step in steps:
        data = event(step) if isinstance(step, dict) else step
        script.append(piece(data) if isinstance(data, bytes) else data)
    return [*script, END] if end else script


HELLO = (chunk("", role="assistant"), chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE)
COMPLETION: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


class ScriptedServer:
    """Answers the first request with the first script, and so on; the last one is played again and again.

    Parameters
    ----------
    *scripts : sequence of steps
    aside : mapping, optional
        Path -> the script that answers it each time, without being counted among the requests.

    Attributes
    ----------
    requests : list[Seen]
        What was asked.
    left : threading.Event
        Set when a client has closed its connection before its answer's end.
    """

    def __init__(self, *scripts: Sequence[Step], aside: Mapping[str, Sequence[Step]] | None = None) -> None:
        self._scripts = list(scripts) or [whole(COMPLETION)]
        self._aside = dict(aside or {})
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._stopped = threading.Event()
        self.requests: list[Seen] = []
        self.connections = 0
        self.left = threading.Event()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> ScriptedServer:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopped.set()
        # Only a shutdown wakes a thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)

    def _start(self, work: Any, *given: Any) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.append(connection)
            self._start(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = connection.recv(65536)
                    if not data:
                        return
                    buffer += data
                top, _, buffer = buffer.partition(b"\r\n\r\n")
                first, *lines = top.decode("latin-1").split("\r\n")
                pairs = [line.partition(":")[::2] for line in lines]
                headers = {name.lower(): value.strip() for name, value in pairs}
                while len(buffer) < int(headers.get("content-length", "0")):
                    buffer += connection.recv(65536)
                length = int(headers.get("content-length", "0"))
                body, buffer = buffer[:length], buffer[length:]
                method, path, _ = first.split(" ")
                script = self._script(Seen(method, path, headers, body, number, tuple(name for name, _ in pairs)))
                if not self._play(connection, script):
                    return
        except OSError:
            self.left.set()
        finally:
            with self._lock:
                self._open.remove(connection)
            connection.close()

    def _script(self, seen: Seen) -> Sequence[Step]:
        if seen.path in self._aside:
            return self._aside[seen.path]
        with self._lock:
            self.requests.append(seen)
            return self._scripts[min(len(self.requests), len(self._scripts)) - 1]

    def _play(self, connection: socket.socket, script: Sequence[Step]) -> bool:
        for step in script:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif step is RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            elif step is CLOSE:
                return False
            else:
                waited = step if isinstance(step, threading.Event) else self._stopped
                if not self._wait(connection, waited):
                    self.left.set()
                    return False
        return True

    def _wait(self, connection: socket.socket, waited: threading.Event) -> bool:
        """Wait for an event; False when the client, or the test, is gone first."""
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        while not waited.is_set():
            if self._stopped.is_set():
                return False
            if poll.poll(5) and not connection.recv(65536, socket.MSG_PEEK):
                return False
        return waited is not self._stopped

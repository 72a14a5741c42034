"""A loopback server for many requests at once, on one asyncio loop; counts what is in flight."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tests.servers import COMPLETION, DONE, END, chunk, event, head, piece


@dataclass(frozen=True)
class Played:
    """What one request is answered with.

    Attributes
    ----------
    pieces : sequence of bytes
        Written one after the other; the first one holds the status line.
    gap_s : float
        Seconds before each piece but the first, and before an answer of one piece.
    cut : bool
        Whether the connection is closed behind the last piece.
    held : bool
        Whether the last piece waits for :meth:`ManyServer.release`.
    """

    pieces: Sequence[bytes]
    gap_s: float = 0.0
    cut: bool = False
    held: bool = False


def whole(text: str = "Hello", **more: Any) -> Played:
    """Return a completion in one piece."""
    message = {"role": "assistant", "content": text}
    return said({**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}, **more)


def said(body: Any, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> Played:
    """Return any JSON in one piece."""
    content = json.dumps(body).encode()
    top = head(status, {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})})
    return Played([top + content], **more)


def refused(status: int, **headers: str) -> Played:
    """Return an error in the OpenAI shape."""
    return said({"error": {"message": "not now", "type": "error"}}, status, headers)


def streamed(words: Sequence[str], **more: Any) -> Played:
    """Return a stream of one chunk for each word, and what ends it."""
    start = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": len(words)}}
    events = [*(event(chunk(word)) for word in words), event(chunk(finish="stop")), event(usage), DONE]
    return Played([start, *map(piece, events[:-1]), piece(events[-1]) + END], **more)


@dataclass
class Counts:
    """What the server has seen."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    left: int = 0


class ManyServer:
    """Answers each request as ``decide`` says, given its body and how often a request like it came before.

    Parameters
    ----------
    decide : callable
        From the decoded body and the number of earlier requests with the same body to a :class:`Played`.
    remember : bool
        Whether the bodies are kept.

    Attributes
    ----------
    seen : Counts
        Bodies and headers as they came; requests in flight, now and at most, by model and in all (under ``""``);
        and how many clients left before the end of their answer.
    """

    def __init__(self, decide: Callable[[dict[str, Any], int], Played], *, remember: bool = True) -> None:
        self.decide, self._remember = decide, remember
        self.seen = Counts()
        self.changed = threading.Condition()
        self._repeats: Counter[bytes] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.connections: set[_Connection] = set()

    def __enter__(self) -> ManyServer:
        self._thread.start()
        listening = self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for connection in list(self.connections):
            connection.end()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def wait_for(self, true: Callable[[Counts], bool]) -> bool:
        """Wait until something is true of what was seen."""
        with self.changed:
            return self.changed.wait_for(lambda: true(self.seen), timeout=20)

    def release(self) -> None:
        """Let all answers that are held back end."""
        self._loop.call_soon_threadsafe(lambda: [connection.release() for connection in list(self.connections)])

    def begun(self, top: bytes, body: bytes) -> tuple[str, Played]:
        """Note a request, and decide on its answer."""
        asked = json.loads(body)
        model = asked["model"]
        with self.changed:
            earlier = self._repeats[body]
            if self._remember:
                self._repeats[body] += 1
                self.seen.requests.append(asked)
                lines = [line.partition(":") for line in top.decode("latin-1").split("\r\n")[1:]]
                self.seen.headers.append({name.lower(): value.strip() for name, _, value in lines})
            for name in (model, ""):
                self.seen.in_flight[name] += 1
                self.seen.most[name] = max(self.seen.most[name], self.seen.in_flight[name])
            self.changed.notify_all()
        return model, self.decide(asked, earlier)

    def ended(self, model: str, *, whole: bool) -> None:
        """Note that an answer was written, or its reader is gone."""
        with self.changed:
            for name in (model, ""):
                self.seen.in_flight[name] -= 1
            self.seen.left += not whole
            self.changed.notify_all()


class _Connection(asyncio.Protocol):
    def __init__(self, server: ManyServer) -> None:
        self._server = server
        self._buffer = b""
        self._now: tuple[str, Played] | None = None
        self._at = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        top, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = top.lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length"))
        if len(rest) < length:
            return
        body, self._buffer = rest[:length], rest[length:]
        self._now, self._at = self._server.begun(top, body), 0
        self._play()

    def _play(self, held: bool = True) -> None:
        assert self._now is not None
        model, played = self._now
        while self._at < len(played.pieces):
            last = self._at == len(played.pieces) - 1
            if held and last and played.held:
                return
            if held and played.gap_s and (self._at or last):
                self._timer = asyncio.get_running_loop().call_later(played.gap_s, self._play, False)
                return
            self._transport.write(played.pieces[self._at])
            self._at += 1
            held = True
        self._now = None
        self._server.ended(model, whole=True)
        if played.cut:
            self._transport.close()

    def release(self) -> None:
        if self._now is not None and self._now[1].held:
            self._play(held=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._now is not None:
            model, self._now = self._now[0], None
            self._server.ended(model, whole=False)

    def end(self) -> None:
        self._transport.abort()

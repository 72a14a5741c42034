"""Replaying: requests are answered from a recording, without a network, a key or a cost."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec

from portkey_nb.errors import NotRecordedError
from portkey_nb.gateway.backends import Known
from portkey_nb.gateway.known_keys import byte_form_of
from portkey_nb.gateway.matching import Sent, asked, asked_anywhere, fits, key_of, nearest, sent_of, struck_again
from portkey_nb.gateway.striking import Striker, striker_for
from portkey_nb.gateway.tape import Answer, Asked, Exchange, Line, Tape, as_bytes, read
from portkey_nb.gateway.taping import PLAYED, absolute, checked_pace, hearer, shown

_FAILURES: dict[str, type[httpx.TransportError]] = {
    kind.__name__: kind
    for kind in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.LocalProtocolError,
        httpx.ProxyError,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.UnsupportedProtocol,
        httpx.WriteError,
        httpx.WriteTimeout,
    )
}


class Player:
    """Answers requests from a recording; safe in any thread and event loop.

    Parameters
    ----------
    path : path
        A recording; it is read with the first request.
    pace : {"recorded", "none"}
        Whether answers and their pieces come when they came, or at once.

    Attributes
    ----------
    place : str
        The file without links on its way, by which two are told to be the same.
    count : int
        How many answers it has given.
    """

    def __init__(self, path: str | os.PathLike[str], pace: str | None = None) -> None:
        self.count = 0
        self.path = absolute(path)
        self.place = os.path.realpath(self.path)
        self.pace = checked_pace(pace)
        self._lock = threading.Lock()
        self._tape: Tape | None = None
        self._known: dict[str, Known] = {}
        self._struck: dict[str, None] = {}
        self._given: set[int] = set()

    def load(self) -> int:
        """Read the recording, and return how many exchanges are in it.

        Raises
        ------
        RecordingError
            When it cannot be read, with the line that is wrong.
        """
        with self._lock:
            return len(self._read().lines)

    def send(self, sent: Sent, _go: Callable[[], httpx.Response] | None = None) -> httpx.Response:
        """Answer a request of a blocking client.

        Raises
        ------
        NotRecordedError
            When the recording has no answer to it, with the nearest request and the difference, or those of several
            backends, of which none can be told to be the one asked.
        httpx.TransportError
            When that is how the recorded request ended.
        """
        played = self._found(sent)
        played.wait(played.times.began_s)
        return played.response(_Reel(played))

    async def asend(self, sent: Sent, _go: Callable[[], Awaitable[httpx.Response]] | None = None) -> httpx.Response:
        """As :meth:`send`, for an asynchronous client."""
        played = self._found(sent)
        await played.await_(played.times.began_s)
        return played.response(_AsyncReel(played))

    def pause(self, delay_s: float) -> float:
        """Return how long a pause between two attempts really is."""
        return delay_s if self.pace == "recorded" else 0.0

    def _found(self, sent: Sent) -> PlayedExchange:
        striker = striker_for(sent.headers)
        request = asked(sent, striker)
        plain = asked_anywhere(sent)
        listener = hearer.get()
        with self._lock:
            tape = self._read()
            line = self._next(request, plain, None if listener is None else listener.repeat)
        if line is None:
            raise self._missing(request, tape, striker)
        played = PlayedExchange(line.exchange(), paced=self.pace == "recorded")
        if listener is not None:
            listener.replayed(played)
        return played

    def _next(self, request: Asked, plain: Asked, repeat: int | None) -> Line | None:
        known = self._known.get(key_of(request))
        if known is None and (known := self._known.get(key := key_of(plain))) is None:
            # This process need not know the keys of the one that recorded.
            known = next((self._known[each] for each in self._struck if fits(each, key)), None)
        if known is None:
            return None
        answers = known.answers_to(request)
        if answers is None:
            raise NotRecordedError(
                f"several backends answered {_named(request)} in {shown(self.path)}, and nothing tells which is asked; "
                "ask with the ports and virtual keys of the recording, or record again (`%portkey record FILE`)"
            )
        self.count += 1
        return answers.take(repeat)

    def _read(self) -> Tape:
        if self._tape is None:
            tape = read(self.path)
            for line in _in_order(tape.lines):
                key = key_of(line.request if byte_form_of(line.data) is None else struck_again(line.request))
                known = self._known.get(key)
                if known is None:
                    known = self._known[key] = Known(self._given)
                known.add(line)
                if line.request.struck:
                    self._struck[key] = None
            self._tape = tape
            if tape.cut:
                lines = ", ".join(map(str, tape.cut))
                which = f"line {lines}" if len(tape.cut) == 1 else f"lines {lines}"
                text = f"{which} of {shown(self.path)} ended too early; record again what is missing"
                print(f"portkey_nb: {text}", file=sys.stderr)  # noqa: T201 (once; the rest is answered)
        return self._tape

    def _missing(self, request: Asked, tape: Tape, striker: Striker) -> NotRecordedError:
        what = f"no recording of {_named(request)} in {shown(self.path)}"
        found = nearest(request, tape.lines)
        if found is None:
            return NotRecordedError(f"{what}, which holds no request; record it first (`%portkey record FILE`)")
        line = replace(found[0], request=struck_again(found[0].request, striker))
        _, differences = nearest(request, [line]) or found
        if not differences:  # its gateway has no answer left to it
            differences = ["nothing that decides the answer"]
        return NotRecordedError(
            f"{what}; nearest is line {line.number}: {', '.join(differences)}; "
            "record again (`%portkey record FILE`), or ask as it was recorded"
        )


def _in_order(lines: list[Line]) -> list[Line]:
    """Return lines as their requests were sent, whatever the order in which their answers ended."""
    sessions: dict[str, int] = {}
    for line in lines:
        sessions.setdefault(line.times.session, len(sessions))
    return sorted(lines, key=lambda line: (sessions[line.times.session], line.times.sent_at_s))


def _named(request: Asked) -> str:
    body = request.body
    model = body.get("model") if isinstance(body, dict) else None
    return f"{request.method} {request.path}" + (f" to {model}" if isinstance(model, str) and model else "")


class PlayedExchange:
    """A recorded exchange as it is handed out again.

    Parameters
    ----------
    exchange : Exchange
    paced : bool
        Whether it takes as long as it took.
    """

    def __init__(self, exchange: Exchange, *, paced: bool) -> None:
        self.exchange, self.paced = exchange, paced
        self.request, self.times = exchange.request, exchange.times
        self.session = exchange.times.session
        self.sent_at = self.now = exchange.times.sent_at_s
        self.sent = exchange.times.sent
        row = exchange.row
        found: dict[str, Any] = {} if row is None else msgspec.structs.asdict(row)
        self.row: Mapping[str, Any] = {name: value for name, value in found.items() if value is not None}
        self.closed = threading.Event()
        self._began = time.monotonic()

    def clock(self) -> float:
        """Return the moment of what was handed out last, in seconds of the recorder's clock."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Wait until so many seconds after the request; no longer than until it is closed."""
        self.now = self.sent_at + seconds
        left = self._began + seconds - time.monotonic()
        if self.paced and left > 0:
            self.closed.wait(left)

    async def await_(self, seconds: float) -> None:
        """As :meth:`wait`, for an event loop."""
        self.now = self.sent_at + seconds
        while self.paced and not self.closed.is_set():
            left = self._began + seconds - time.monotonic()
            if left <= 0:
                return
            # In short turns, as the stream may be closed by another task.
            await asyncio.sleep(min(left, 0.05))

    def response(self, stream: Any) -> httpx.Response:
        """Return the answer, or raise how the connection ended."""
        answer = self.exchange.answer
        if answer.status is None:
            self.now = self.sent_at + self.times.ended_s
            error: Any = failure_of(answer)
            error.played = self  # there is no response that could say so
            raise error
        # Bytes as they are: a header may hold any character.
        headers = [(_header(name), _header(value)) for name, value in answer.headers.items()]
        return httpx.Response(answer.status, headers=headers, stream=stream, extensions={PLAYED: self})

    def pieces(self) -> list[tuple[float, bytes]]:
        """Return the answer in its pieces."""
        answer, ended = self.exchange.answer, self.times.ended_s
        if answer.pieces is not None:
            return [(at, as_bytes(text)) for at, text in answer.pieces]
        if isinstance(answer.body, msgspec.Raw):
            return [(ended, bytes(answer.body))]
        return [(ended, as_bytes(answer.text or ""))]


def _header(text: str) -> bytes:
    return " ".join(text.split()).encode("latin-1", "replace")


def failure_of(answer: Answer) -> httpx.TransportError:
    """Return the error by which a connection ended."""
    failure = answer.failure
    if failure is None:
        return httpx.ReadError("the connection broke")
    return _FAILURES.get(failure.kind, httpx.ReadError)(failure.says)


class _Reel(httpx.SyncByteStream):
    """The bytes of a recorded answer."""

    def __init__(self, played: PlayedExchange) -> None:
        self._played = played

    def __iter__(self) -> Iterator[bytes]:
        played = self._played
        for at, data in played.pieces():
            played.wait(at)
            if played.closed.is_set():
                return
            if data:
                yield data
        played.wait(played.times.ended_s)
        if played.exchange.answer.ended == "broken":
            raise failure_of(played.exchange.answer)

    def close(self) -> None:
        self._played.closed.set()


class _AsyncReel(httpx.AsyncByteStream):
    """As :class:`_Reel`, for an event loop."""

    def __init__(self, played: PlayedExchange) -> None:
        self._played = played

    async def __aiter__(self) -> AsyncIterator[bytes]:
        played = self._played
        for at, data in played.pieces():
            await played.await_(at)
            if played.closed.is_set():
                return
            if data:
                yield data
        await played.await_(played.times.ended_s)
        if played.exchange.answer.ended == "broken":
            raise failure_of(played.exchange.answer)

    async def aclose(self) -> None:
        self._played.closed.set()


class ReplayingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that answers from a recording; see :func:`replaying`.

    Attributes
    ----------
    player : Player
    """

    def __init__(self, path: str | os.PathLike[str], pace: str | None = None) -> None:
        self.player = Player(path, pace)

    def __repr__(self) -> str:
        return f"replaying({str(self.player.path)!r}, pace={self.player.pace!r})"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of any blocking httpx client."""
        return self.player.send(sent_of(request, request.read()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of any asynchronous httpx client."""
        return await self.player.asend(sent_of(request, await request.aread()))


def replaying(path: str | os.PathLike[str], *, pace: str | None = None) -> ReplayingTransport:
    """Return a transport that answers requests from a recording: no key, no cost, no network.

    Parameters
    ----------
    path : path
        A file that :func:`~portkey_nb.recording`, ``%portkey record`` or ``PORTKEY_NB_RECORD`` wrote. A request that
        was recorded several times is answered in that order, and from then on as the last time.
    pace : {"none", "recorded"}
        Whether answers and their pieces come at once, or when they came.

    Returns
    -------
    ReplayingTransport
        For ``Portkey(transport=...)`` and ``AsyncPortkey(transport=...)``, and for any client of httpx.

    Raises
    ------
    RecordingError
        With the first request, when the file cannot be read; the message names the line.
    NotRecordedError
        When a request is not in it, with the nearest one and the difference; or when several backends answered it
        there, and neither port nor virtual key tells which one is asked.

    Examples
    --------
    >>> import tempfile
    >>> from portkey_nb import Portkey, recording, replaying
    >>> path = tempfile.mkdtemp() + "/test.jsonl"
    >>> messages = [{"role": "user", "content": "Say this is a test"}]
    >>> for transport in (recording(path), replaying(path)):
    ...     portkey = Portkey(base_url="demo", transport=transport)
    ...     print(portkey.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message.content)
    This is a test.
    This is a test.
    """
    return ReplayingTransport(Path(path), pace)

"""Recording: every request and its answer become a line of a file, without a key and without a word in between."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec
from ulid import ULID

from portkey_nb.errors import NotRecordedError, RecordingError
from portkey_nb.gateway.known_keys import remember
from portkey_nb.gateway.matching import Sent, asked, asked_anywhere
from portkey_nb.gateway.striking import Striker, is_secret_header, secrets_of, striker_for
from portkey_nb.gateway.tape import Answer, Exchange, Failure, Row, Times, as_text, encoded
from portkey_nb.gateway.tape_writing import append, begin
from portkey_nb.gateway.taping import PLAYED, Played, absolute, hearer, shown

Ended = Literal["whole", "closed", "broken"]

_UNSENT = (NotRecordedError, RecordingError)
"""Errors of a tape that this one is inside of: nothing was asked."""
_KEPT_HEADERS = ("content-type", "server", "retry-after", "retry-after-ms")


class Recorder:
    """Adds what goes over the wire to a file; safe in any thread and event loop.

    Parameters
    ----------
    path : path
        Where to. It is begun with the first request, and added to where it is there.

    Attributes
    ----------
    place : str
        The file without links on its way, by which two are told to be the same.
    count : int
        How many exchanges it has written, without those that were removed with their file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = absolute(path)
        self.place = os.path.realpath(self.path)
        self.session = str(ULID())
        self.count = 0
        self.zero = time.monotonic()
        self._lock = threading.Lock()
        self._begun = self._silent = False

    def begin(self) -> int:
        """Make sure that the file can be written, and return how many exchanges are in it.

        Raises
        ------
        RecordingError
            When it cannot be written, or is a file of something else.
        """
        with self._lock:
            count = begin(self.path)
            self._begun = True
            return count

    def send(self, sent: Sent, go: Callable[[], httpx.Response]) -> httpx.Response:
        """Let a blocking client send a request, and return its answer, which is recorded as it is read."""
        take = self._take(sent)
        try:
            response = go()
        except _UNSENT:
            raise
        except BaseException as error:
            take.failed(error)
            raise
        take.answered(response)
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Stream(response.stream, take)
        return response

    async def asend(self, sent: Sent, go: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """As :meth:`send`, for an asynchronous client."""
        take = self._take(sent)
        try:
            response = await go()
        except _UNSENT:
            raise
        except BaseException as error:
            take.failed(error)
            raise
        take.answered(response)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _AsyncStream(response.stream, take)
        return response

    def pause(self, delay_s: float) -> float:
        """Return how long a pause between two attempts really is."""
        return delay_s

    def _take(self, sent: Sent) -> Recorded:
        if not self._begun:
            self.begin()
        return Recorded(self, sent)

    def write(self, exchange: Exchange) -> None:
        """Add an exchange; what cannot be written is said once, and no answer is lost by it."""
        try:
            anew = append(self.path, encoded(exchange))
            with self._lock:
                lost = self.count if anew else 0
                self.count += 1 - lost
        except (OSError, ValueError) as error:
            self.complain(getattr(error, "strerror", None) or str(error))
            return
        if lost:
            were = "1 exchange that was" if lost == 1 else f"{lost:,} exchanges that were"
            text = f"{shown(self.path)} was removed or emptied; it is begun anew, without the {were} recorded before"
            print(f"portkey_nb: {text}", file=sys.stderr)  # noqa: T201 (beside the answers, which come first)

    def complain(self, reason: str) -> None:
        """Say once that something is missing in the file."""
        with self._lock:
            said, self._silent = self._silent, True
        if not said:
            text = f"{shown(self.path)} cannot be written ({reason}); answers come, and are not in the recording"
            print(f"portkey_nb: {text}", file=sys.stderr)  # noqa: T201 (beside the answers, which come first)


class Recorded:
    """One exchange as it happens: it is written when its answer ended."""

    def __init__(self, recorder: Recorder, sent: Sent) -> None:
        self._recorder, self._sent = recorder, sent
        self._listener = hearer.get()
        self._date = datetime.now(UTC)
        self._at = time.monotonic()
        self._played: Played | None = None
        remember(secrets_of(sent.headers))
        self._began_s = self._ended_s = 0.0
        self._status: int | None = None
        self._headers: list[tuple[str, str]] = []
        self._ended: Ended | None = None
        self._failure: Failure | None = None
        self._written = False
        self.pieces: list[tuple[float, bytes]] = []

    @property
    def path(self) -> Path:
        """The recording that it goes into."""
        return self._recorder.path

    def clock(self) -> float:
        """Return the moment; of an answer that comes from another recording, that of its piece."""
        played = self._played
        return time.monotonic() if played is None else self._at + played.clock() - played.sent_at

    def answered(self, response: httpx.Response) -> None:
        """Note that the answer began."""
        self._played = response.extensions.get(PLAYED)
        self._began_s = self.clock() - self._at
        self._status = response.status_code
        self._headers = [(name.lower(), value) for name, value in response.headers.multi_items()]
        # A transport of one's own may give an answer that was read already; its stream is not read again.
        with suppress(httpx.ResponseNotRead):
            content = response.content
            self._headers = [(name, value) for name, value in self._headers if name != "content-encoding"]
            self.pieces.append((self.clock(), content))
            self.ended("whole")

    def failed(self, error: BaseException) -> None:
        """Note that no answer began."""
        self._played = getattr(error, "played", None)
        self.ended("broken", error)

    def ended(self, how: Ended, error: BaseException | None = None) -> None:
        """Note how the answer ended; only the first time counts."""
        if self._ended is not None:
            return
        self._ended, self._ended_s = how, self.clock() - self._at
        if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
            self._failure = Failure("ReadTimeout", "stopped before an answer came")
        elif error is not None:
            self._failure = Failure(type(error).__name__, str(error))
        if self._listener is None:
            self.keep()
        else:
            self._listener.recorded(self)

    def keep(self, row: Mapping[str, Any] | None = None) -> None:
        """Write it, once, with what the run log says of the call."""
        if self._written:
            return
        self._written = True
        try:
            exchange = self._exchange(row)
        except Exception as error:  # noqa: BLE001 (whatever came has been handed on already)
            self._recorder.complain(f"{type(error).__name__}: {error}")
            return
        self._recorder.write(exchange)

    def __del__(self) -> None:
        # Of an answer that nobody reads any more, what came is kept.
        if not self._written and self._status is not None:
            with suppress(Exception):
                self._ended = self._ended or "closed"
                self.keep()

    def _exchange(self, row: Mapping[str, Any] | None) -> Exchange:
        sent, recorder = self._sent, self._recorder
        striker = striker_for(sent.headers)
        # A key that the answer sets, such as a cookie, is never kept; one that it repeats is struck out.
        request = asked(sent, striker)
        if request != asked_anywhere(sent):
            request = msgspec.structs.replace(request, struck=True)
        repeat = None if self._listener is None else self._listener.repeat
        began_s, ended_s, played = _rounded(self._began_s), _rounded(self._ended_s), self._played
        times = Times(recorder.session, _rounded(self._at - recorder.zero), self._date, began_s, ended_s, repeat)
        if played is not None and played.request.struck:
            request = played.request
        if played is not None:  # a copy tells when it was asked, and what it cost then
            times, row = Times(played.session, played.sent_at, played.sent, began_s, ended_s, repeat), row or played.row
        known = {name: value for name, value in (row or {}).items() if value is not None}
        return Exchange(request, self._answer(striker), times, Row(**known) if known else None)

    def _answer(self, striker: Striker) -> Answer:
        headers = {name: striker.text(value) for name, value in self._headers if _is_kept(name)}
        ended: Ended = self._ended or "closed"
        failure = self._failure and Failure(self._failure.kind, striker.text(self._failure.says))
        if self._status is None:
            return Answer(failure=failure or Failure("ReadError", "no answer came"), ended="broken")
        pieces = [(_rounded(at - self._at), data) for at, data in self._decoded(headers)]
        streamed = headers.get("content-type", "").startswith("text/event-stream")
        streamed = streamed or any(data.startswith(b"data:") for _, data in pieces[:1])
        if streamed or ended != "whole":
            texts = [(at, as_text(data)) for at, data in striker.pieces(pieces) if data]
            return Answer(self._status, headers, pieces=texts, ended=ended, failure=failure)
        data = striker.whole(b"".join(data for _, data in pieces))
        try:
            msgspec.json.decode(data)
            data.decode("utf-8")
            return Answer(self._status, headers, body=msgspec.Raw(data))
        except (ValueError, RecursionError):
            return Answer(self._status, headers, text=as_text(data))

    def _decoded(self, headers: dict[str, str]) -> list[tuple[float, bytes]]:
        """Return the pieces unpacked; what was compressed comes in one."""
        packed = [(name, value) for name, value in self._headers if name == "content-encoding"]
        if not self.pieces or not packed or packed[0][1] == "identity":
            return self.pieces
        try:
            data = httpx.Response(200, headers=packed, content=b"".join(data for _, data in self.pieces)).content
        except httpx.DecodingError:
            headers["content-encoding"] = packed[0][1]
            return self.pieces
        return [(self.pieces[-1][0], data)]


def _rounded(seconds: float) -> float:
    return max(0.0, round(seconds, 6))


def _is_kept(name: str) -> bool:
    return name in _KEPT_HEADERS or (name.startswith("x-portkey-") and not is_secret_header(name))


class _Stream(httpx.SyncByteStream):
    """An answer's bytes, noted as they are handed on."""

    def __init__(self, inner: httpx.SyncByteStream, take: Recorded) -> None:
        self._inner, self._take = inner, take

    def __iter__(self) -> Iterator[bytes]:
        take, note, clock = self._take, self._take.pieces.append, self._take.clock
        try:
            for data in self._inner:
                note((clock(), data))
                yield data
        except Exception as error:
            take.ended("broken", error)
            raise
        take.ended("whole")

    def close(self) -> None:
        self._inner.close()
        self._take.ended("closed")


class _AsyncStream(httpx.AsyncByteStream):
    """As :class:`_Stream`, for an event loop."""

    def __init__(self, inner: httpx.AsyncByteStream, take: Recorded) -> None:
        self._inner, self._take = inner, take

    async def __aiter__(self) -> AsyncIterator[bytes]:
        take, note, clock = self._take, self._take.pieces.append, self._take.clock
        try:
            async for data in self._inner:
                note((clock(), data))
                yield data
        except Exception as error:
            take.ended("broken", error)
            raise
        take.ended("whole")

    async def aclose(self) -> None:
        await self._inner.aclose()
        self._take.ended("closed")

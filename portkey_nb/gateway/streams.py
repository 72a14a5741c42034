"""Streams of chunks, sync and async: thin shells that carry bytes from the connection to the reader."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import AsyncGeneratorType, GeneratorType
from typing import Self, cast

import httpx

from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.answers import body_error, is_error, no_answer
from portkey_nb.gateway.request import Request
from portkey_nb.gateway.streaming import ChunkReader, as_chunk, decode_object
from portkey_nb.gateway.taping import PLAYED
from portkey_nb.gateway.transport import read_until, wake
from portkey_nb.gateway.types import PORTKEY_PREFIX, ChatCompletion, ChatCompletionChunk

_DRAIN_S = 1.0
"""Seconds that a stream waits after ``[DONE]`` for the end that lets its connection be used again."""

_ENDINGS = (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError)


class _Answer:
    """One streamed answer: its connection, its reader, and how an end is judged.

    It knows nothing of the stream that shows it, so that a stream which nobody holds any more ends at once. It keeps
    the client's connections open, which close with a client that nobody holds.
    """

    def __init__(self, response: httpx.Response, request: Request, deadline: float | None, keep: object) -> None:
        self.response = response
        self.deadline = deadline
        self.keep = keep
        self.headers = dict(response.headers)
        self.secrets = request.secrets
        self.reader = ChunkReader(self.headers, request.secrets)
        self.closed = self.folding = False
        self.fed_at: float | None = None
        played = response.extensions.get(PLAYED)
        self.clock: Callable[[], float] = time.monotonic if played is None else played.clock

    @property
    def comes_whole(self) -> bool:
        """Whether it came as one document in place of a stream."""
        return self.headers.get("content-type", "").startswith(("application/json", "text/html"))

    @property
    def encoded(self) -> bool:
        """Whether it has to be unpacked."""
        return self.headers.get("content-encoding", "identity") != "identity"

    def whole(self, content: bytes) -> list[ChatCompletionChunk]:
        """Read an answer that came in one piece."""
        if b"data:" in content[:200] and not content.lstrip().startswith(b"{"):
            return self.reader.feed(content)
        body = decode_object(content)
        if body is not None and is_error(body):
            raise body_error(body, self.response.status_code, self.headers, secrets=self.secrets())
        if body is not None and isinstance(body.get("choices"), list):
            with contextlib.suppress(ValueError):
                return self.reader.feed(as_chunk(body))
        raise no_answer(content, self.response.status_code, self.headers, self.secrets())

    def left_over(self) -> list[ChatCompletionChunk]:
        """Read what came where no event did: an answer that does not say of itself that it is no stream."""
        rest = self.reader.take_rest() if self.reader.count == 0 else b""
        return self.whole(rest) if rest.lstrip().startswith((b"{", b"<")) else []

    def ending(self, error: Exception | None) -> PortkeyError | None:
        """Judge how the stream ended; None when it came whole."""
        if self.reader.failure is not None:
            return self.reader.failure
        if self.closed:
            reason = "was closed"
        elif error is None:
            reason = "ended"
        elif self.deadline is not None and time.monotonic() >= self.deadline - 0.01:
            reason = "passed the time limit of the whole call"
        elif isinstance(error, httpx.TimeoutException | TimeoutError):
            reason = "stalled (nothing came within the idle limit)"
        else:
            reason = f"broke ({str(error) or type(error).__name__})"
        return self.reader.broken(reason)

    def __del__(self) -> None:
        # A stream of which nothing was ever read still holds a connection.
        if isinstance(self.response.stream, httpx.SyncByteStream):
            with contextlib.suppress(Exception):
                self.response.close()


class _Shown:
    """What both streams tell of their answer."""

    def __init__(self, answer: _Answer) -> None:
        self._answer = answer

    @property
    def headers(self) -> dict[str, str]:
        """All ``x-portkey-*`` headers of the answer, in lower case."""
        return {name: value for name, value in self._answer.headers.items() if name.startswith(PORTKEY_PREFIX)}

    @property
    def response_headers(self) -> dict[str, str]:
        """All headers of the answer, in lower case."""
        return dict(self._answer.headers)

    @property
    def trace_id(self) -> str | None:
        """The answer's ``x-portkey-trace-id``."""
        return self._answer.headers.get("x-portkey-trace-id") or None

    @property
    def status(self) -> int:
        """The answer's HTTP status."""
        return self._answer.response.status_code

    @property
    def partial(self) -> ChatCompletion:
        """What has come so far, as one completion."""
        return self._answer.reader.completion()

    def _final(self) -> ChatCompletion:
        reader = self._answer.reader
        broken = reader.failure or reader.broken("was closed")
        if broken is not None:
            raise broken
        return reader.completion()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} status={self.status} events={self._answer.reader.count}>"


class Stream(_Shown):
    """An iterator of :class:`ChatCompletionChunk`, and a context manager.

    Iterating raises :class:`StreamIncomplete` when the stream ends before every choice has a finish reason.
    """

    def __init__(self, response: httpx.Response, request: Request, deadline: float | None, keep: object) -> None:
        super().__init__(_Answer(response, request, deadline, keep))
        self._chunks = cast("GeneratorType[ChatCompletionChunk, None, None]", _read(self._answer))

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        # The generator itself: a call less for every chunk.
        return self._chunks

    def __next__(self) -> ChatCompletionChunk:
        return next(self._chunks)

    def close(self) -> None:
        """End the stream, also from another thread: the connection is closed, and the gateway sees it."""
        self._answer.closed = True
        if self._chunks.gi_running:
            wake(self._answer.response)
            return
        self._answer.response.close()
        self._chunks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_final_completion(self) -> ChatCompletion:
        """Read the stream to its end and return all of it as one completion.

        Raises
        ------
        StreamIncomplete
            When it ends, or was closed, too early.
        """
        for _ in self._chunks:
            pass
        return self._final()


def _read(answer: _Answer) -> Generator[ChatCompletionChunk, None, None]:
    reader, response, deadline = answer.reader, answer.response, answer.deadline
    feed = reader.feed
    error: Exception | None = None
    try:
        # The transport's own stream spares a generator for each piece.
        pieces = iter(response.iter_bytes() if answer.encoded else response.stream)  # type: ignore[arg-type]
        with read_until(response, deadline):
            if answer.comes_whole:
                yield from answer.whole(response.read())
            for data in () if answer.comes_whole else pieces:
                yield from feed(data)
                if reader.over:
                    break
                if deadline is not None and time.monotonic() > deadline:
                    raise TimeoutError
        if reader.done:
            with read_until(response, time.monotonic() + _DRAIN_S):
                for _ in pieces:
                    pass
        yield from answer.left_over()
    except _ENDINGS as raised:
        error = raised
    finally:
        response.close()
    ending = answer.ending(error)
    if ending is not None:
        raise ending


class AsyncStream(_Shown):
    """An asynchronous iterator of :class:`ChatCompletionChunk`, and an asynchronous context manager."""

    def __init__(self, response: httpx.Response, request: Request, deadline: float | None, keep: object) -> None:
        super().__init__(_Answer(response, request, deadline, keep))
        self._chunks = cast("AsyncGeneratorType[ChatCompletionChunk, None]", _aread(self._answer))

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return self._chunks

    async def __anext__(self) -> ChatCompletionChunk:
        return await anext(self._chunks)

    def fold(self) -> None:
        """Hand out no more chunks: iterating reads the rest into :attr:`partial`, which takes less time."""
        self._answer.folding = True

    @property
    def fed_at(self) -> float | None:
        """When the last piece came: monotonic seconds, or those of a recording that is replayed."""
        return self._answer.fed_at

    async def close(self) -> None:
        """End the stream, also from another task: the connection is closed, and the gateway sees it."""
        self._answer.closed = True
        await self._answer.response.aclose()
        if not self._chunks.ag_running:
            await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get_final_completion(self) -> ChatCompletion:
        """Read the stream to its end and return all of it as one completion.

        Raises
        ------
        StreamIncomplete
            When it ends, or was closed, too early.
        """
        async for _ in self._chunks:
            pass
        return self._final()


async def _aread(answer: _Answer) -> AsyncGenerator[ChatCompletionChunk, None]:
    reader, response, deadline = answer.reader, answer.response, answer.deadline
    feed, clock = reader.feed, answer.clock
    error: Exception | None = None
    try:
        if answer.comes_whole:
            async with asyncio.timeout(None if deadline is None else deadline - time.monotonic()):
                content = await response.aread()
            for chunk in answer.whole(content):
                yield chunk
        else:
            pieces = aiter(response.aiter_bytes() if answer.encoded else response.stream)  # type: ignore[arg-type]
            async for data in pieces if deadline is None else _timed(pieces, deadline):
                chunks = feed(data)
                answer.fed_at = clock()
                for chunk in () if answer.folding else chunks:
                    yield chunk
                if reader.over:
                    break
            if reader.done:
                async with asyncio.timeout(_DRAIN_S):
                    async for _ in pieces:
                        pass
            for chunk in answer.left_over():
                yield chunk
    except _ENDINGS as raised:
        error = raised
    finally:
        await response.aclose()
    ending = answer.ending(error)
    if ending is not None:
        raise ending


async def _timed(pieces: AsyncIterator[bytes], deadline: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                data = await anext(pieces)
        except StopAsyncIteration:
            return
        yield data

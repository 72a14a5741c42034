"""Streams of chunks, sync and async: thin shells that carry bytes from the connection to the reader."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Self

import httpx

from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.answers import body_error
from portkey_nb.gateway.streaming import ChunkReader, as_chunk, decode_object
from portkey_nb.gateway.types import PORTKEY_PREFIX, ChatCompletion, ChatCompletionChunk

_DRAIN_S = 1.0
"""Seconds that an asynchronous stream waits after ``[DONE]`` for the end that lets its connection be used again."""


class _Reading:
    """What both streams share: the answer, its reader, and how an end is judged."""

    def __init__(self, response: httpx.Response, deadline: float | None) -> None:
        self._response = response
        self._deadline = deadline
        self._headers = dict(response.headers)
        self._reader = ChunkReader(self._headers)
        self._closed = False

    @property
    def headers(self) -> dict[str, str]:
        """All ``x-portkey-*`` headers of the answer, in lower case."""
        return {name: value for name, value in self._headers.items() if name.startswith(PORTKEY_PREFIX)}

    @property
    def response_headers(self) -> dict[str, str]:
        """All headers of the answer, in lower case."""
        return dict(self._headers)

    @property
    def trace_id(self) -> str | None:
        """The answer's ``x-portkey-trace-id``."""
        return self._headers.get("x-portkey-trace-id") or None

    @property
    def status(self) -> int:
        """The answer's HTTP status."""
        return self._response.status_code

    @property
    def partial(self) -> ChatCompletion:
        """What has come so far, as one completion."""
        return self._reader.completion()

    @property
    def _plain(self) -> bool:
        return "content-encoding" not in self._headers

    @property
    def _json(self) -> bool:
        return self._headers.get("content-type", "").startswith("application/json")

    def _whole(self, content: bytes) -> Iterator[ChatCompletionChunk]:
        """Read an answer that came as JSON in place of a stream."""
        body = decode_object(content)
        if body is None:
            shown = content[:60].decode("utf-8", "replace")
            raise body_error(f"the answer is no JSON object: {shown!r}", self.status, self._headers)
        if body.get("error"):
            raise body_error(body, self.status, self._headers)
        yield from self._reader.feed(as_chunk(body))

    def _ending(self, error: Exception | None) -> PortkeyError | None:
        """Judge how the stream ended; None when it came whole."""
        if self._reader.failure is not None:
            return self._reader.failure
        if error is None:
            reason = "ended"
        elif isinstance(error, httpx.TimeoutException | TimeoutError):
            over = self._deadline is not None and time.monotonic() >= self._deadline - 0.01
            reason = (
                "passed the time limit of the whole call" if over else "stalled (nothing came within the idle limit)"
            )
        elif isinstance(error, httpx.StreamClosed | httpx.StreamConsumed):
            reason = "was closed"
        else:
            reason = f"broke ({str(error) or type(error).__name__})"
        return self._reader.broken(reason)


_ENDINGS = (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError)


class Stream(_Reading):
    """An iterator of :class:`ChatCompletionChunk`, and a context manager.

    Iterating raises :class:`StreamIncomplete` when the stream ends before every choice has a finish reason.
    """

    def __init__(self, response: httpx.Response, deadline: float | None) -> None:
        super().__init__(response, deadline)
        self._chunks = self._read()

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        # The generator itself: a call less for every chunk.
        return self._chunks

    def __next__(self) -> ChatCompletionChunk:
        return next(self._chunks)

    def _read(self) -> Iterator[ChatCompletionChunk]:
        reader, response, deadline = self._reader, self._response, self._deadline
        error: Exception | None = None
        try:
            if self._json:
                yield from self._whole(response.read())
            else:
                for data in response.iter_raw() if self._plain else response.iter_bytes():
                    yield from reader.feed(data)
                    if reader.failure is not None:
                        break
                    if deadline is not None and time.monotonic() > deadline and not reader.complete:
                        error = TimeoutError()
                        break
        except _ENDINGS as raised:
            error = raised
        finally:
            response.close()
        ending = self._ending(error)
        if ending is not None:
            raise ending

    def close(self) -> None:
        """End the stream: the connection is closed, and the gateway sees it."""
        self._response.close()
        self._chunks.close()  # type: ignore[attr-defined]

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
        broken = self._reader.failure or self._reader.broken("was closed")
        if broken is not None:
            raise broken
        return self.partial


class AsyncStream(_Reading):
    """An asynchronous iterator of :class:`ChatCompletionChunk`, and an asynchronous context manager."""

    def __init__(self, response: httpx.Response, deadline: float | None) -> None:
        super().__init__(response, deadline)
        self._chunks = self._read()

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return self._chunks

    async def __anext__(self) -> ChatCompletionChunk:
        return await anext(self._chunks)

    async def _read(self) -> AsyncIterator[ChatCompletionChunk]:
        reader = self._reader
        error: Exception | None = None
        try:
            if self._json:
                for chunk in self._whole(await self._response.aread()):
                    yield chunk
            else:
                async for data in self._bytes():
                    for chunk in reader.feed(data):
                        yield chunk
                    if reader.failure is not None or reader.done:
                        break
                if reader.done:
                    await self._drain()
        except _ENDINGS as raised:
            error = raised
        finally:
            await self._response.aclose()
        ending = self._ending(error)
        if ending is not None:
            raise ending

    def _bytes(self) -> AsyncIterator[bytes]:
        source = self._response.aiter_raw() if self._plain else self._response.aiter_bytes()
        self._source = source
        return source if self._deadline is None else self._timed(source, self._deadline)

    async def _timed(self, source: AsyncIterator[bytes], deadline: float) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    data = await anext(source)
            except StopAsyncIteration:
                return
            yield data

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                async for _ in self._source:
                    pass
        except _ENDINGS:
            pass  # the answer is whole; only its connection is lost

    async def close(self) -> None:
        """End the stream: the connection is closed, and the gateway sees it."""
        await self._response.aclose()
        await self._chunks.aclose()  # type: ignore[attr-defined]

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
        broken = self._reader.failure or self._reader.broken("was closed")
        if broken is not None:
            raise broken
        return self.partial

"""Speed of the client beside the SDKs, raw httpx and a bare socket: chunks per second, time to the first chunk.

Run as ``python -m tests.benchmarks.client``; ``--quick`` for fewer rounds. The goals: chunks eight times as fast as the
openai SDK; the first chunk on a warm connection within 0.5 ms of httpx, that of a fresh client in less than 5 ms.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from portkey_nb import AsyncPortkey, Portkey
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, Values, by_turns
from tests.benchmarks.peers import all_made
from tests.benchmarks.server import running

CHUNKS = 20_000
MESSAGES: list[Any] = [{"role": "user", "content": "Say this is a test"}]
FEW = "5x1"
OWN = "portkey_nb"
SOCKET = "bare socket, bytes"
HTTPX = "raw httpx, bytes"


def _openai() -> Any:
    import openai  # a peer may be missing

    return openai


def _portkey_ai() -> Any:
    import portkey_ai  # a peer may be missing

    return portkey_ai


def clients(url: str) -> dict[str, Callable[[], Any]]:
    """Return what makes each synchronous client with the signature of the SDKs."""
    return {
        OWN: lambda: Portkey(base_url=url),
        "openai": lambda: _openai().OpenAI(api_key="none", base_url=url),
        "portkey-ai": lambda: _portkey_ai().Portkey(api_key="none", base_url=url),
    }


def async_clients(url: str) -> dict[str, Callable[[], Any]]:
    """Return what makes each asynchronous one."""
    return {
        OWN: lambda: AsyncPortkey(base_url=url),
        "openai": lambda: _openai().AsyncOpenAI(api_key="none", base_url=url),
        "portkey-ai": lambda: _portkey_ai().AsyncPortkey(api_key="none", base_url=url),
    }


def _body(model: str) -> dict[str, object]:
    return {"model": model, "messages": MESSAGES, "stream": True}


class Socket:
    """A connection that sends the request as it is written here, and reads bytes: what no client can be faster than."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._path = parts.netloc, parts.path + "/chat/completions"
        self._connection = socket.create_connection((parts.hostname, parts.port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pieces(self, model: str) -> Iterator[bytes]:
        """Ask, and give the answer's bytes as they come."""
        self._connection.sendall(self.request(model))
        tail = b""
        while not tail.endswith(b"0\r\n\r\n"):
            data = self._connection.recv(65536)
            if not data:
                raise ConnectionError("the server has closed the connection")
            tail = (tail + data)[-5:]
            yield data

    def request(self, model: str) -> bytes:
        """Return the request's bytes."""
        body = json.dumps(_body(model)).encode()
        top = f"POST {self._path} HTTP/1.1\r\nhost: {self._host}\r\ncontent-type: application/json\r\n"
        return f"{top}content-length: {len(body)}\r\n\r\n".encode() + body


def _sdk(client: Any) -> Callable[[str], Iterator[Any]]:
    return lambda model: iter(client.chat.completions.create(model=model, messages=MESSAGES, stream=True))


def _raw(client: httpx.Client, url: str) -> Callable[[str], Iterator[bytes]]:
    def read(model: str) -> Iterator[bytes]:
        with client.stream("POST", url + "/chat/completions", json=_body(model)) as response:
            yield from response.iter_bytes()

    return read


def _async_sdk(client: Any) -> Callable[[str], AsyncIterator[Any]]:
    async def read(model: str) -> AsyncIterator[Any]:
        async for chunk in await client.chat.completions.create(model=model, messages=MESSAGES, stream=True):
            yield chunk

    return read


def _async_raw(client: httpx.AsyncClient, url: str) -> Callable[[str], AsyncIterator[bytes]]:
    async def read(model: str) -> AsyncIterator[bytes]:
        async with client.stream("POST", url + "/chat/completions", json=_body(model)) as response:
            async for data in response.aiter_bytes():
                yield data

    return read


@contextmanager
def sync_readers(url: str) -> Iterator[dict[str, Callable[[str], Iterator[Any]] | str]]:
    """Give what reads a stream, piece by piece, on a connection that stays open."""
    with httpx.Client(trust_env=False) as raw:
        found = all_made({who: lambda make=make: _sdk(make()) for who, make in clients(url).items()})  # type: ignore[misc]
        yield {**found, HTTPX: _raw(raw, url), SOCKET: Socket(url).pieces}


@asynccontextmanager
async def async_readers(url: str) -> AsyncIterator[dict[str, Callable[[str], AsyncIterator[Any]] | str]]:
    """Give the same, asynchronously."""
    async with httpx.AsyncClient(trust_env=False) as raw:
        found = all_made({who: lambda make=make: _async_sdk(make()) for who, make in async_clients(url).items()})  # type: ignore[misc]
        yield {**found, HTTPX: _async_raw(raw, url)}


def _first(read: Callable[[str], Iterator[Any]]) -> float:
    """Return milliseconds to the first piece."""
    began = time.perf_counter()
    pieces = read(FEW)
    next(pieces)
    took = time.perf_counter() - began
    for _ in pieces:
        pass
    return took * 1000


async def _first_async(read: Callable[[str], AsyncIterator[Any]]) -> float:
    began = time.perf_counter()
    pieces = read(FEW)
    await anext(pieces)
    took = time.perf_counter() - began
    async for _ in pieces:
        pass
    return took * 1000


def _check(who: str, pieces: int, size: int, model: str) -> None:
    if who in (HTTPX, SOCKET):
        assert size > CHUNKS * 200, (who, size)
    else:
        assert pieces == CHUNKS, (who, pieces, model)


def _whole(who: str, read: Callable[[str], Iterator[Any]], model: str) -> float:
    """Return chunks per second of a whole stream."""
    pieces = size = 0
    began = time.perf_counter()
    for one in read(model):
        pieces += 1
        size += len(one) if isinstance(one, bytes) else 0
    took = time.perf_counter() - began
    _check(who, pieces, size, model)
    return CHUNKS / took


async def _whole_async(who: str, read: Callable[[str], AsyncIterator[Any]], model: str) -> float:
    pieces = size = 0
    began = time.perf_counter()
    async for one in read(model):
        pieces += 1
        size += len(one) if isinstance(one, bytes) else 0
    took = time.perf_counter() - began
    _check(who, pieces, size, model)
    return CHUNKS / took


def sync_figures(url: str, measure: Callable[..., float], rounds: int) -> dict[str, Values | str]:
    """Measure the synchronous readers by turns; ``measure`` takes who and what reads."""
    with sync_readers(url) as readers:
        return by_turns(
            {
                who: read if isinstance(read, str) else (lambda who=who, read=read: measure(who, read))
                for who, read in readers.items()
            },
            rounds,
        )


def async_figures(url: str, measure: Callable[..., Any], rounds: int) -> dict[str, Values | str]:
    """Measure the asynchronous readers by turns, all on one loop."""
    with asyncio.Runner() as runner:
        opened = async_readers(url)
        readers = runner.run(opened.__aenter__())
        try:
            return by_turns(
                {
                    who: read if isinstance(read, str) else (lambda who=who, read=read: runner.run(measure(who, read)))
                    for who, read in readers.items()
                },
                rounds,
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))


def _fresh(make: Callable[[], Any]) -> float:
    """Return milliseconds to make a client and get its first chunk."""
    began = time.perf_counter()
    client = make()
    made = (time.perf_counter() - began) * 1000
    took = made + _first(_sdk(client))
    client.close() if hasattr(client, "close") else None
    return took


def fresh(url: str, rounds: int) -> dict[str, Values | str]:
    """Measure clients that were just made."""

    def bare() -> float:
        began = time.perf_counter()
        connection = Socket(url)
        return (time.perf_counter() - began) * 1000 + _first(connection.pieces)

    sides: Mapping[str, Any] = {who: lambda make=make: _fresh(make) for who, make in clients(url).items()}
    # Made once and dropped, so that a peer that is missing says why in the words of the others.
    present = all_made(clients(url))
    sides = {who: one if isinstance(one := present[who], str) else side for who, side in sides.items()}
    return by_turns({**sides, SOCKET: bare}, rounds)


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure first chunks, then whole streams."""
    firsts = size.pick(quick=50, default=300)
    rounds = size.pick(quick=3, default=7)
    with running() as url:
        for kind, figures, measure in (
            ("sync", sync_figures, lambda _, read: _first(read)),
            ("async", async_figures, lambda _, read: _first_async(read)),
        ):
            took = figures(url, measure, firsts)
            yield Measurement(f"first chunk, warm connection, {kind}", "ms", took, "0.5 more than httpx or less")
        took = fresh(url, max(9, firsts // 10))
        yield Measurement("first chunk, a client just made", "ms", took, "under 5")
        for per_write in (1, 64):
            model = f"{CHUNKS}x{per_write}"
            how = f"a stream of {CHUNKS:,} chunks, {per_write} per write"
            target = "8 times openai or more"
            took = sync_figures(url, lambda who, read, model=model: _whole(who, read, model), rounds)
            yield Measurement(f"{how}, sync", "chunks/s", took, target)
            took = async_figures(url, lambda who, read, model=model: _whole_async(who, read, model), rounds)
            yield Measurement(f"{how}, async", "chunks/s", took, target)


if __name__ == "__main__":
    face(measurements, __doc__)

"""Speed of the client beside the openai SDK and raw httpx: chunks per second, and time to the first chunk.

Run as ``python -m tests.benchmarks.client``; ``--quick`` for fewer rounds.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import openai

from portkey_nb import AsyncPortkey, Portkey
from tests.benchmarks.server import running

CHUNKS = 20_000
MESSAGES = [{"role": "user", "content": "Say this is a test"}]
Run = Callable[[str], int]
AsyncRun = Callable[[str], Awaitable[int]]


def _body(model: str) -> dict[str, object]:
    return {"model": model, "messages": MESSAGES, "stream": True}


def _sync_readers(url: str) -> dict[str, Run]:
    ours = Portkey(base_url=url)
    theirs = openai.OpenAI(api_key="none", base_url=url)
    raw = httpx.Client(trust_env=False)

    def read_ours(model: str) -> int:
        return sum(1 for _ in ours.chat.completions.create(model=model, messages=MESSAGES, stream=True))

    def read_theirs(model: str) -> int:
        return sum(1 for _ in theirs.chat.completions.create(model=model, messages=MESSAGES, stream=True))

    def read_raw(model: str) -> int:
        with raw.stream("POST", url + "/chat/completions", json=_body(model)) as response:
            return b"".join(response.iter_bytes()).count(b"\n\n") - 1

    return {"portkey_nb": read_ours, "openai": read_theirs, "httpx bytes": read_raw}


def _async_readers(url: str) -> dict[str, AsyncRun]:
    ours = AsyncPortkey(base_url=url)
    theirs = openai.AsyncOpenAI(api_key="none", base_url=url)
    raw = httpx.AsyncClient(trust_env=False)

    async def read_ours(model: str) -> int:
        count = 0
        async for _ in await ours.chat.completions.create(model=model, messages=MESSAGES, stream=True):
            count += 1
        return count

    async def read_theirs(model: str) -> int:
        count = 0
        async for _ in await theirs.chat.completions.create(model=model, messages=MESSAGES, stream=True):
            count += 1
        return count

    async def read_raw(model: str) -> int:
        async with raw.stream("POST", url + "/chat/completions", json=_body(model)) as response:
            return b"".join([data async for data in response.aiter_bytes()]).count(b"\n\n") - 1

    return {"portkey_nb": read_ours, "openai": read_theirs, "httpx bytes": read_raw}


def _table(title: str, figures: dict[str, list[float]], unit: str, digits: int = 0) -> None:
    print(f"\n{title}")
    for name, values in figures.items():
        middle = statistics.median(values)
        print(f"  {name:24}{middle:12,.{digits}f} {unit}   ({min(values):,.{digits}f} .. {max(values):,.{digits}f})")


def _ratio(figures: dict[str, list[float]], ours: str, theirs: str) -> float:
    """Return the median of the ratios round by round, so that a busy moment touches both sides alike."""
    return statistics.median(a / b for a, b in zip(figures[ours], figures[theirs], strict=True))


def throughput(url: str, per_write: int, rounds: int) -> None:
    """Print chunks per second of each client, sync and async."""
    model = f"{CHUNKS}x{per_write}"
    for kind in ("sync", "async"):
        figures: dict[str, list[float]] = {}
        if kind == "sync":
            readers = _sync_readers(url)
            for _ in range(rounds):
                for name, read in readers.items():
                    began = time.perf_counter()
                    assert read(model) == CHUNKS, name
                    figures.setdefault(name, []).append(CHUNKS / (time.perf_counter() - began))
        else:
            figures = asyncio.run(_async_rounds(url, model, rounds))
        _table(f"{CHUNKS:,} chunks, {per_write} per write, {kind}", figures, "chunks/s")
        print(f"  portkey_nb : openai = {_ratio(figures, 'portkey_nb', 'openai'):.1f}   (goal: 8 or more)")


async def _async_rounds(url: str, model: str, rounds: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {}
    readers = _async_readers(url)
    for _ in range(rounds):
        for name, read in readers.items():
            began = time.perf_counter()
            assert await read(model) == CHUNKS, name
            figures.setdefault(name, []).append(CHUNKS / (time.perf_counter() - began))
    return figures


def _first_ours(client: Portkey) -> float:
    began = time.perf_counter()
    stream = client.chat.completions.create(model="5x1", messages=MESSAGES, stream=True)
    next(iter(stream))
    took = time.perf_counter() - began
    for _ in stream:
        pass
    return took * 1000


def _first_theirs(client: openai.OpenAI) -> float:
    began = time.perf_counter()
    stream = client.chat.completions.create(model="5x1", messages=MESSAGES, stream=True)  # type: ignore[arg-type]
    next(iter(stream))
    took = time.perf_counter() - began
    for _ in stream:
        pass
    return took * 1000


def _first_raw(client: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    with client.stream("POST", url + "/chat/completions", json=_body("5x1")) as response:
        pieces = response.iter_bytes()
        next(pieces)
        took = time.perf_counter() - began
        for _ in pieces:
            pass
    return took * 1000


async def _first_chunk_async(url: str, rounds: int) -> dict[str, list[float]]:
    ours, theirs = AsyncPortkey(base_url=url), openai.AsyncOpenAI(api_key="none", base_url=url)
    raw = httpx.AsyncClient(trust_env=False)
    took: dict[str, list[float]] = {"portkey_nb": [], "openai": [], "httpx bytes": []}
    clients: dict[str, Any] = {"portkey_nb": ours, "openai": theirs}
    for _ in range(rounds):
        for name, client in clients.items():
            began = time.perf_counter()
            stream = await client.chat.completions.create(model="5x1", messages=MESSAGES, stream=True)
            await anext(aiter(stream))
            took[name].append((time.perf_counter() - began) * 1000)
            async for _ in stream:
                pass
        began = time.perf_counter()
        async with raw.stream("POST", url + "/chat/completions", json=_body("5x1")) as response:
            pieces = response.aiter_bytes()
            await anext(pieces)
            took["httpx bytes"].append((time.perf_counter() - began) * 1000)
            async for _ in pieces:
                pass
    return took


def _warm(kind: str, figures: dict[str, list[float]]) -> None:
    _table(f"first chunk, warm connection, {kind}", figures, "ms", 3)
    over = statistics.median(figures["portkey_nb"]) - statistics.median(figures["httpx bytes"])
    print(f"  portkey_nb - httpx = {over:.3f} ms   (goal: within 0.5, and under openai)")


def first_chunk(url: str, rounds: int) -> None:
    """Print the time to the first chunk: on a warm connection, and on a client that was just made."""
    ours, theirs, raw = (
        Portkey(base_url=url),
        openai.OpenAI(api_key="none", base_url=url),
        httpx.Client(trust_env=False),
    )
    warm: dict[str, list[float]] = {"portkey_nb": [], "openai": [], "httpx bytes": []}
    for _ in range(rounds):
        warm["portkey_nb"].append(_first_ours(ours))
        warm["openai"].append(_first_theirs(theirs))
        warm["httpx bytes"].append(_first_raw(raw, url))
    _warm("sync", warm)
    _warm("async", asyncio.run(_first_chunk_async(url, rounds)))
    fresh: dict[str, list[float]] = {"portkey_nb": [], "portkey_nb (https)": [], "openai": []}
    Portkey(api_key="none").close()  # the process's one TLS context
    for _ in range(max(9, rounds // 10)):
        began = time.perf_counter()
        client = Portkey(base_url=url)
        made = (time.perf_counter() - began) * 1000
        fresh["portkey_nb"].append(made + _first_ours(client))
        client.close()
        began = time.perf_counter()
        hosted = Portkey(api_key="none")
        fresh["portkey_nb (https)"].append((time.perf_counter() - began) * 1000)
        hosted.close()
        began = time.perf_counter()
        other = openai.OpenAI(api_key="none", base_url=url)
        made = (time.perf_counter() - began) * 1000
        fresh["openai"].append(made + _first_theirs(other))
        other.close()
    _table("first chunk, fresh client (https: the client alone)", fresh, "ms", 3)
    print("  goal: portkey_nb under 5 ms")


def main() -> None:
    """Print all tables."""
    quick = "--quick" in sys.argv
    with running() as url:
        first_chunk(url, 50 if quick else 300)
        throughput(url, 1, 3 if quick else 7)
        throughput(url, 64, 3 if quick else 7)


if __name__ == "__main__":
    main()

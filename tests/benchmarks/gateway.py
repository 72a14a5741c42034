"""What the client adds to the real gateway: time to the first chunk beside raw httpx, and 60 parallel streams.

Run as ``python -m tests.benchmarks.gateway``; ``--quick`` for fewer rounds. Needs Node; the gateway is installed on
first use.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from portkey_nb import AsyncPortkey, Portkey
from portkey_nb.gateway.local import LocalGateway
from tests.contract.providers import Providers

MESSAGES = [{"role": "user", "content": "Say this is a test"}]
PARALLEL = 60
GOAL_MS = 1.0


class Readers:
    """The same stream, read by our clients and by raw httpx, each on a connection of its own."""

    def __init__(self, base_url: str, host: str) -> None:
        self.url = base_url + "/chat/completions"
        self.options: dict[str, Any] = {
            "base_url": base_url,
            "provider": "openai",
            "custom_host": host,
            "Authorization": "Bearer sk-made-up",
            "max_retries": 0,
        }
        self.headers = {
            "content-type": "application/json",
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": host,
            "authorization": "Bearer sk-made-up",
        }
        self.content = json.dumps({"model": "m", "messages": MESSAGES, "stream": True})
        self.ours, self.raw = Portkey(**self.options), httpx.Client(trust_env=False)

    def first_ours(self) -> float:
        """Return milliseconds to our first chunk."""
        began = time.perf_counter()
        stream = self.ours.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        next(stream)
        took = time.perf_counter() - began
        for _ in stream:
            pass
        return took * 1000

    def first_raw(self) -> float:
        """Return milliseconds to the first piece that httpx reads."""
        began = time.perf_counter()
        with self.raw.stream("POST", self.url, content=self.content, headers=self.headers) as response:
            pieces = response.iter_raw()
            next(pieces)
            took = time.perf_counter() - began
            for _ in pieces:
                pass
        return took * 1000

    async def first_async(self, rounds: int) -> dict[str, list[float]]:
        """Return the same of the asynchronous clients, by turns."""
        async with AsyncPortkey(**self.options) as ours, httpx.AsyncClient(trust_env=False) as raw:

            async def ours_once() -> float:
                began = time.perf_counter()
                stream = await ours.chat.completions.create(model="m", messages=MESSAGES, stream=True)
                await anext(stream)
                took = time.perf_counter() - began
                async for _ in stream:
                    pass
                return took * 1000

            async def raw_once() -> float:
                began = time.perf_counter()
                async with raw.stream("POST", self.url, content=self.content, headers=self.headers) as response:
                    pieces = response.aiter_raw()
                    await anext(pieces)
                    took = time.perf_counter() - began
                    async for _ in pieces:
                        pass
                return took * 1000

            return await _by_turns(rounds, {"portkey_nb": ours_once, "httpx": raw_once})


async def _by_turns(rounds: int, readers: dict[str, Callable[[], Awaitable[float]]]) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(rounds + 3):
        # Whoever comes second finds the gateway warmer: they change places.
        for name in sorted(readers, reverse=bool(number % 2)):
            milliseconds = await readers[name]()
            if number >= 3:
                took[name].append(milliseconds)
    return took


def _show(kind: str, took: dict[str, list[float]]) -> None:
    print(f"\nfirst chunk through the gateway, {kind}, {len(took['httpx'])} rounds by turns")
    for name, values in took.items():
        print(f"  {name:12}{statistics.median(values):9.3f} ms   ({min(values):.3f} .. {max(values):.3f})")
    ours, raw = statistics.median(took["portkey_nb"]), statistics.median(took["httpx"])
    pairs = statistics.median(a - b for a, b in zip(took["portkey_nb"], took["httpx"], strict=True))
    quiet = min(took["portkey_nb"]) - min(took["httpx"])
    print(
        f"  portkey_nb - httpx = {ours - raw:.3f} ms (round by round {pairs:.3f}, in the quietest {quiet:.3f}), "
        f"ratio {ours / raw:.3f}"
    )
    print(f"  goal: under {GOAL_MS:g} ms more")


async def parallel(options: dict[str, Any]) -> None:
    """Print how 60 streams at once came out."""
    firsts: list[float] = []

    async def one(client: AsyncPortkey) -> str | None:
        began = time.perf_counter()
        stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        await anext(stream)
        firsts.append((time.perf_counter() - began) * 1000)
        return (await stream.get_final_completion()).choices[0].finish_reason

    async with AsyncPortkey(**options) as client:
        began = time.perf_counter()
        ends = await asyncio.gather(*(one(client) for _ in range(PARALLEL)), return_exceptions=True)
        took = time.perf_counter() - began
    whole = sum(end == "stop" for end in ends)
    print(f"\n{PARALLEL} parallel streams: {whole} complete in {took:.2f} s, first chunk after a median of", end=" ")
    print(f"{statistics.median(firsts):.0f} ms   (goal: all complete)")


def main() -> None:
    """Print all figures."""
    rounds = 20 if "--quick" in sys.argv else 200

    async def sync_by_turns(readers: Readers) -> dict[str, list[float]]:
        async def ours() -> float:
            return readers.first_ours()

        async def raw() -> float:
            return readers.first_raw()

        return await _by_turns(rounds, {"portkey_nb": ours, "httpx": raw})

    with LocalGateway(port=0) as gateway, Providers(pause=0.002) as upstream:
        readers = Readers(gateway.base_url, upstream.host("openai"))
        _show("sync", asyncio.run(sync_by_turns(readers)))
        _show("async", asyncio.run(readers.first_async(rounds)))
        asyncio.run(parallel({**readers.options, "custom_host": upstream.host("openai", "long:50")}))


if __name__ == "__main__":
    main()

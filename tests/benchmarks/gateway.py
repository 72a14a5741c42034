"""What the client adds to the real gateway: time to the first chunk beside raw httpx, and 60 parallel streams.

Run as ``python -m tests.benchmarks.gateway``; ``--quick`` for fewer rounds. Needs Node; the gateway is installed on
first use.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx

from portkey_nb import AsyncPortkey, Portkey
from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.local import LocalGateway
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, Values, by_turns, reason
from tests.contract.providers import Providers

MESSAGES = [{"role": "user", "content": "Say this is a test"}]
PARALLEL = 60
GOAL_MS = 1.0
WARM = 3
OWN, RAW = "portkey_nb", "raw httpx, bytes"


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

    async def first_async(self, rounds: int) -> dict[str, Values | str]:
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

            took: dict[str, list[float]] = {OWN: [], RAW: []}
            for number in range(-WARM, rounds):
                # Whoever comes second finds the gateway warmer: they change places.
                for name, once in sorted({OWN: ours_once, RAW: raw_once}.items(), reverse=bool(number % 2)):
                    milliseconds = await once()
                    if number >= 0:
                        took[name].append(milliseconds)
            return dict(took)


async def parallel(options: dict[str, Any]) -> tuple[int, float, float]:
    """Return how many of 60 streams at once were whole, their seconds in all, and the median first chunk in ms."""
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
    return sum(end == "stop" for end in ends), took, statistics.median(firsts)


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure through the gateway, or say why it is not there."""
    try:
        gateway = LocalGateway(port=0).start()
    except PortkeyError as error:
        yield Measurement("first chunk through the open-source gateway", "ms", {OWN: reason(error)})
        return
    rounds = size.pick(quick=30, default=200)
    target = f"less than {GOAL_MS:g} more than httpx"
    with gateway, Providers(pause=0.002) as upstream:
        readers = Readers(gateway.base_url, upstream.host("openai"))
        took = by_turns({OWN: readers.first_ours, RAW: readers.first_raw}, rounds, WARM)
        yield Measurement("first chunk through the open-source gateway, sync", "ms", took, target)
        took = asyncio.run(readers.first_async(rounds))
        yield Measurement("first chunk through the open-source gateway, async", "ms", took, target)
        options = {**readers.options, "custom_host": upstream.host("openai", "long:50")}
        came = [asyncio.run(parallel(options)) for _ in range(size.pick(quick=2, default=5))]
    whole, seconds, firsts = ([float(value) for value in column] for column in zip(*came, strict=True))
    what = f"{PARALLEL} parallel streams through it"
    yield Measurement(what, f"of {PARALLEL} whole", {OWN: whole}, "all")
    yield Measurement(f"{what}: until the last has ended", "s", {OWN: seconds})
    yield Measurement(f"{what}: first chunk", "ms", {OWN: firsts})


if __name__ == "__main__":
    face(measurements, __doc__)

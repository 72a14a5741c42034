"""Many requests at once beside loops by hand over the SDKs: answers per second, memory, streams open together.

Run as ``python -m tests.benchmarks.batch``; ``--quick`` for fewer rounds. The goals: three times the answers per second
of ``openai.AsyncOpenAI`` for whole answers and six times for streams of 50 chunks, with every row logged; 10,000 rows
in less than 300 MB. The limit is asyncio's own streams with the request's bytes ready and the answer's not decoded.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from portkey_nb.engine.batch import Batch, Limits
from portkey_nb.engine.call import Call
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.store import RunStore
from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, Values, by_turns
from tests.benchmarks.peers import made
from tests.many_server import ManyServer, streamed, whole

REQUESTS = 2000
CONCURRENCY = 100
CHUNKS = 50
SLOW_S = 0.02
"""Seconds between the pieces of a slow stream."""
OWN = "portkey_nb (logged)"
LIMIT = "bare asyncio, bytes"
WORDS = [f"word{n} " for n in range(CHUNKS)]


def serve() -> None:
    """Serve until the standard input is closed; the first line of output is the base URL."""
    prepared = {"whole": whole("".join(WORDS)), "stream": streamed(WORDS), "slow": streamed(WORDS, gap_s=SLOW_S)}
    with ManyServer(lambda body, _: prepared[body["model"]], remember=False) as server:
        print(server.url, flush=True)
        sys.stdin.read()


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a process of its own and give its base URL."""
    command = [sys.executable, "-m", "tests.benchmarks.batch", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


class Calls(Sequence[Call]):
    """Calls that are made when they are asked for."""

    def __init__(self, url: str, model: str, count: int) -> None:
        self._url, self._model, self._count = url, model, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Call:
        messages = [{"role": "user", "content": f"Case {index}: tell me about foxes"}]
        facts = {"source": "compare", "case_id": str(index), "group_label": "benchmark"}
        return Call(
            model=self._model, messages=messages, base_url=self._url, stream=self._model != "whole", facts=facts
        )


def ours(url: str, model: str, count: int, concurrency: int, folder: Path) -> list[int]:
    """Make the calls as a batch, logged; return the length of each answer."""
    limits = Limits(concurrency=concurrency, per_model=concurrency)
    with RunStore(folder / f"{time.monotonic_ns()}.sqlite") as store:
        batch = Batch(Runner(store), Calls(url, model, count), limits)
        return [len(getattr(outcome, "run").text or "") for _, outcome in batch.outcomes()]  # noqa: B009


async def _by_hand(client: Any, model: str, index: int) -> int:
    """Ask once as people write it, and return the answer's length."""
    messages = [{"role": "user", "content": f"Case {index}: tell me about foxes"}]
    if model == "whole":
        answer = await client.chat.completions.create(model=model, messages=messages)
        return len(answer.choices[0].message.content or "")
    options = {"stream_options": {"include_usage": True}}
    stream = await client.chat.completions.create(model=model, messages=messages, stream=True, **options)
    texts = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    return len("".join(texts))


async def theirs(client: Any, model: str, count: int, concurrency: int) -> list[int]:
    """Make the same calls by hand with an SDK, logging nothing."""
    places = asyncio.Semaphore(concurrency)

    async def one(index: int) -> int:
        async with places:
            return await _by_hand(client, model, index)

    return await asyncio.gather(*(one(index) for index in range(count)))


async def with_openai(url: str, model: str, count: int, concurrency: int) -> list[int]:
    """Make them with the openai SDK."""
    import openai  # a peer may be missing

    async with openai.AsyncOpenAI(api_key="none", base_url=url) as client:
        return await theirs(client, model, count, concurrency)


async def with_portkey_ai(url: str, model: str, count: int, concurrency: int) -> list[int]:
    """Make them with the portkey-ai SDK."""
    import portkey_ai  # a peer may be missing

    client = portkey_ai.AsyncPortkey(api_key="none", base_url=url)
    try:
        return await theirs(client, model, count, concurrency)
    finally:
        # It has no way to be closed, and closes its connections as it is collected, on a loop that has to run yet.
        del client
        gc.collect()
        await asyncio.sleep(0.01)


async def bare(url: str, model: str, count: int, concurrency: int) -> list[int]:
    """Make them as bytes over asyncio's streams, one connection for each place; return the answers' bytes."""
    parts = urlsplit(url)
    end = b"0\r\n\r\n"
    left = iter(range(count))
    sizes: list[int] = []

    async def place() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for index in left:
            asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": f"Case {index}"}]}
            body = json.dumps({**asked, **({} if model == "whole" else {"stream": True})}).encode()
            top = f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(top.encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            if model == "whole":
                line = next(one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length"))
                sizes.append(len(await reader.readexactly(int(line.partition(b":")[2]))))
            else:
                sizes.append(len(await reader.readuntil(end)))
        writer.close()

    await asyncio.gather(*(place() for _ in range(concurrency)))
    return sizes


def throughput(url: str, model: str, rounds: int, folder: Path, requests: int) -> Iterator[Measurement]:
    """Measure answers per second, and the processor's time for each."""
    length = len("".join(WORDS))
    cpu: dict[str, list[float]] = {}

    def side(who: str, run: Callable[[], list[int]]) -> Callable[[], float]:
        def once() -> float:
            began, worked = time.perf_counter(), time.process_time()
            answers = run()
            took = time.perf_counter() - began
            cpu.setdefault(who, []).append((time.process_time() - worked) / requests * 1000)
            wrong = sum(answer < length if who == LIMIT else answer != length for answer in answers)
            assert len(answers) == requests, (who, len(answers))
            assert not wrong, (who, wrong)
            return requests / took

        return once

    def by_hand(run: Callable[..., Coroutine[Any, Any, list[int]]]) -> Callable[[], list[int]]:
        return lambda: asyncio.run(run(url, model, requests, CONCURRENCY))

    sides: dict[str, Callable[[], float] | str] = {
        OWN: side(OWN, lambda: ours(url, model, requests, CONCURRENCY, folder))
    }
    for who, package, run in (
        ("openai.AsyncOpenAI", "openai", with_openai),
        ("portkey_ai.AsyncPortkey", "portkey_ai", with_portkey_ai),
    ):
        present = made(lambda package=package: importlib.import_module(package))  # type: ignore[misc]
        sides[who] = present if isinstance(present, str) else side(who, by_hand(run))
    sides[LIMIT] = side(LIMIT, by_hand(bare))
    kind = "whole answers" if model == "whole" else f"streams of {CHUNKS} chunks"
    what = f"{requests:,} {kind}, {CONCURRENCY} at once"
    took = by_turns(sides, rounds)
    yield Measurement(what, "answers/s", took, f"{3 if model == 'whole' else 6} times openai or more")
    spent: dict[str, Values | str] = {
        who: values if isinstance(values, str) else cpu[who][-rounds:] for who, values in took.items()
    }
    yield Measurement(f"{what}: processor time of each", "ms", spent)


def memory(url: str, folder: Path, rows: int) -> Measurement:
    """Measure how much a batch of so many rows adds to the process."""
    process = psutil.Process()
    before = process.memory_info().rss
    count = len(ours(url, "whole", rows, CONCURRENCY, folder))
    added = (process.memory_info().rss - before) / 1e6
    return Measurement(f"memory that a batch of {count:,} logged rows adds", "MB", {OWN: [added]}, "under 300")


def together(url: str, folder: Path) -> Iterator[Measurement]:
    """Measure whether 500 streams open at once lose a chunk."""
    began = time.perf_counter()
    answers = ours(url, "slow", 500, 500, folder)
    took = time.perf_counter() - began
    whole_ones = answers.count(len("".join(WORDS)))
    yield Measurement("500 streams open at once", "of 500 whole", {OWN: [whole_ones]}, "all")
    least = SLOW_S * (CHUNKS + 2)
    yield Measurement("the same, until the last has ended", "s", {OWN: [took], "as slow as they are sent": [least]})


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure memory first, in a process that has done nothing yet."""
    rounds = size.pick(quick=2, default=5)
    requests = size.pick(quick=500, default=REQUESTS)
    with tempfile.TemporaryDirectory() as name, serving() as url:
        folder = Path(name)
        yield memory(url, folder, size.pick(quick=2_000, default=10_000))
        yield from together(url, folder)
        yield from throughput(url, "whole", rounds, folder, requests)
        yield from throughput(url, "stream", rounds, folder, requests)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        face(measurements, __doc__)

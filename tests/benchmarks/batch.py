"""Many requests at once beside a loop over openai.AsyncOpenAI: answers per second, memory, streams open together.

Run as ``python -m tests.benchmarks.batch``; ``--quick`` for fewer rounds. The goals: three times the answers per second
for whole answers and six times for streams of 50 chunks, with every row logged; 10,000 rows in less than 300 MB.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import psutil

from portkey_nb.engine.batch import Batch, Limits
from portkey_nb.engine.call import Call
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.store import RunStore
from tests.many_server import ManyServer, streamed, whole

REQUESTS = 2000
CONCURRENCY = 100
CHUNKS = 50
WORDS = [f"word{n} " for n in range(CHUNKS)]


def serve() -> None:
    """Serve until the standard input is closed; the first line of output is the base URL."""
    prepared = {"whole": whole("".join(WORDS)), "stream": streamed(WORDS), "slow": streamed(WORDS, gap_s=0.02)}
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


async def theirs(url: str, model: str, count: int, concurrency: int) -> list[int]:
    """Make the same calls as people write them by hand, logging nothing."""
    places = asyncio.Semaphore(concurrency)
    async with openai.AsyncOpenAI(api_key="none", base_url=url) as client:

        async def one(index: int) -> int:
            messages: Any = [{"role": "user", "content": f"Case {index}: tell me about foxes"}]
            async with places:
                if model == "whole":
                    answer = await client.chat.completions.create(model=model, messages=messages)
                    return len(answer.choices[0].message.content or "")
                stream = await client.chat.completions.create(
                    model=model, messages=messages, stream=True, stream_options={"include_usage": True}
                )
                texts = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
                return len("".join(texts))

        return await asyncio.gather(*(one(index) for index in range(count)))


def throughput(url: str, model: str, rounds: int, folder: Path) -> None:
    """Print answers per second of both, taking turns, and their ratio."""
    length = len("".join(WORDS))
    sides: dict[str, Callable[[], list[int]]] = {
        "portkey_nb (logged)": lambda: ours(url, model, REQUESTS, CONCURRENCY, folder),
        "openai": lambda: asyncio.run(theirs(url, model, REQUESTS, CONCURRENCY)),
    }
    figures: dict[str, list[float]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            began, worked = time.perf_counter(), time.process_time()
            answers = run()
            figures[name].append(REQUESTS / (time.perf_counter() - began))
            cpu[name].append((time.process_time() - worked) / REQUESTS * 1000)
            assert answers.count(length) == REQUESTS, name
    print(f"\n{REQUESTS:,} answers, {model}, concurrency {CONCURRENCY}")
    for name, values in figures.items():
        spent = statistics.median(cpu[name])
        print(
            f"  {name:24}{statistics.median(values):9,.0f} answers/s   ({min(values):,.0f} .. {max(values):,.0f})"
            f"   {spent:6.2f} ms of processor each"
        )
    ratio = statistics.median(a / b for a, b in zip(*figures.values(), strict=True))
    print(f"  portkey_nb : openai = {ratio:.1f}   (goal: {3 if model == 'whole' else 6} or more)")


def memory(url: str, folder: Path) -> None:
    """Print how much a batch of 10,000 rows adds to the process."""
    process = psutil.Process()
    before = process.memory_info().rss
    count = len(ours(url, "whole", 10_000, CONCURRENCY, folder))
    print(f"\n{count:,} rows add {(process.memory_info().rss - before) / 1e6:.0f} MB   (goal: under 300)")


def together(url: str, folder: Path) -> None:
    """Print whether 500 streams open at once lose a chunk."""
    began = time.perf_counter()
    answers = ours(url, "slow", 500, 500, folder)
    whole_ones = answers.count(len("".join(WORDS)))
    print(f"\n500 streams at once: {whole_ones} whole, in {time.perf_counter() - began:.1f} s of at least 1.0 s")


def main() -> None:
    """Print all figures."""
    rounds = 3 if "--quick" in sys.argv else 5
    with tempfile.TemporaryDirectory() as name, serving() as url:
        folder = Path(name)
        memory(url, folder)
        together(url, folder)
        throughput(url, "whole", rounds, folder)
        throughput(url, "stream", rounds, folder)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        main()

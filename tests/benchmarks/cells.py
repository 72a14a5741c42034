"""A ``%%portkey`` cell beside ``%%ai``, chatlas and a loop by hand, each in a real kernel of its own.

Run as ``python -m tests.benchmarks.cells``; ``--quick`` for a shorter reply. A loopback server generates a reply at a
steady rate; who does not ask for a stream gets it whole when it would have ended. Measured are the time from the
sending of the cell to the first words of the reply on the output channel, the bytes of all that is shown per byte of
reply, and the processor time of the kernel, warm.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.benchmarks.face import face
from tests.benchmarks.kernel import SHOWN, Kernel
from tests.benchmarks.measurement import Measurement, Size, Values, by_turns, reason
from tests.benchmarks.painting import MIXED, reply
from tests.benchmarks.peers import MAGICS, ai_python, why_missing
from tests.many_server import ManyServer, streamed, whole

FIRST = "Foxes"
"""The first words of each reply, which no prompt holds."""
MODELS = 4
OWN = "%%portkey"
AI = "%%ai"

BY_HAND = """
import openai, time
from IPython.display import Markdown, display
client = openai.OpenAI(api_key="none", base_url={url!r})
def by_hand(model):
    handle, text, painted = display(Markdown("…"), display_id=True), "", 0.0
    messages = [{{"role": "user", "content": "Tell me of sorting"}}]
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        if text and time.monotonic() - painted >= 0.1:
            painted = time.monotonic()
            handle.update(Markdown(text))
    handle.update(Markdown(text))
"""
CHATLAS = """
from chatlas import ChatOpenAICompletions
def asked(model):
    return ChatOpenAICompletions(base_url={url!r}, model=model, api_key="none").chat("Tell me of sorting")
"""
ALIAS = "%ai alias {model} openai/{model} --api-base {url}\n"


@dataclass(frozen=True)
class Side:
    """How a reply is asked for in a cell.

    Attributes
    ----------
    setup : str
        Run once; ``{url}`` is the base URL.
    cell : callable
        From the models to the cell; who can ask one at a time asks them in turn.
    package : str
        What has to be installed.
    """

    setup: str
    cell: Callable[[list[str]], str]
    package: str = ""


SIDES = {
    OWN: Side(
        "%load_ext portkey_nb",
        lambda models: f"%%portkey {' '.join(f'-m {model}' for model in models)} --base-url URL\nTell me of sorting",
    ),
    AI: Side(
        "%load_ext jupyter_ai_magic_commands",
        lambda models: (
            f"%%ai {models[0]}\nTell me of sorting"
            if len(models) == 1
            else "\n".join(
                f"display(get_ipython().run_cell_magic('ai', {one!r}, 'Tell me of sorting'))" for one in models
            )
        ),
        MAGICS,
    ),
    "chatlas": Side(CHATLAS, lambda models: "\n".join(f"_ = asked({model!r})" for model in models), "chatlas"),
    "openai by hand, 10 Hz": Side(BY_HAND, lambda models: "\n".join(f"by_hand({one!r})" for one in models), "openai"),
}


def text_of(tokens: int) -> str:
    """Return a reply."""
    return f"{FIRST} sort.\n\n" + reply(MIXED, tokens)


def serve() -> None:
    """Serve until the standard input is closed; the first line of output is the base URL.

    The model's name says what is wanted: ``TOKENS-RATE-NAME``.
    """

    def answer(body: dict[str, object], _: int) -> object:
        tokens, rate = (int(word) for word in str(body["model"]).split("-")[:2])
        text = text_of(tokens)
        if not body.get("stream"):
            return whole(text, gap_s=tokens / rate)
        cuts = [int(n * len(text) / tokens) for n in range(tokens + 1)]
        return streamed([text[a:b] for a, b in pairwise(cuts)], gap_s=1 / rate)

    with ManyServer(answer, remember=False) as server:  # type: ignore[arg-type]
        print(server.url, flush=True)
        sys.stdin.read()


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a process of its own and give its base URL."""
    command = [sys.executable, "-m", "tests.benchmarks.cells", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


class Asking:
    """The kernels, each ready to ask, and what is known of their cells.

    Attributes
    ----------
    size, cpu, last : dict
        Who -> bytes shown, seconds of processor time and seconds until the end, round by round.
    """

    def __init__(self, stack: ExitStack, folder: Path, url: str) -> None:
        self._url = url
        self.kernels: dict[str, Kernel | str] = {}
        self.clear()
        for number, (who, side) in enumerate(SIDES.items()):
            python = ai_python() if who == AI else sys.executable
            if python is None:
                self.kernels[who] = why_missing(MAGICS)
                continue
            home = folder / f"kernel-{number}"
            kernel = stack.enter_context(Kernel(home, python, {"OPENAI_API_KEY": "none"}))
            self.kernels[who] = kernel
            try:
                kernel.run(side.setup.replace("{{", "{").replace("}}", "}").replace("{url!r}", repr(url)))
            except RuntimeError as error:
                if who == OWN:
                    raise
                absent = "ModuleNotFoundError" in str(error)
                self.kernels[who] = why_missing(side.package) if absent else reason(error)

    def clear(self) -> None:
        """Forget what was measured."""
        self.size: dict[str, list[float]] = {who: [] for who in SIDES}
        self.cpu: dict[str, list[float]] = {who: [] for who in SIDES}
        self.last: dict[str, list[float]] = {who: [] for who in SIDES}

    def side(self, who: str, models: list[str]) -> Callable[[], float] | str:
        """Return what runs the cell once and returns the seconds to the first words, or why it cannot."""
        kernel = self.kernels[who]
        if isinstance(kernel, str):
            return kernel
        if who == AI:
            kernel.run("".join(ALIAS.format(model=model, url=self._url) for model in models))
        cell = SIDES[who].cell(models).replace("URL", self._url)

        def once() -> float:
            before = kernel.cpu()
            if who == AI:
                kernel.run("%ai reset")  # or each request would be longer than the one before
            ran = kernel.run(cell)
            self.cpu[who].append(kernel.cpu() - before)
            self.size[who].append(ran.size(*SHOWN))
            self.last[who].append(ran.arrivals[-1])
            return ran.shows(FIRST)

        return once

    def told(
        self, took: dict[str, Values | str], values: dict[str, list[float]], by: float = 1
    ) -> dict[str, Values | str]:
        """Return what else is known of the rounds that counted."""
        return {
            who: found if isinstance(found, str) else [one / by for one in values[who][-len(found) :]]
            for who, found in took.items()
        }


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure one model, then four side by side."""
    tokens, rate = size.pick(quick=300, default=2_000, full=2_000), size.pick(quick=100, default=200, full=100)
    rounds = size.pick(quick=2, default=3)
    with tempfile.TemporaryDirectory() as folder, serving() as url, ExitStack() as stack:
        asking = Asking(stack, Path(folder), url)
        models = [f"{tokens}-{rate}-a"]
        took = by_turns({who: asking.side(who, models) for who in SIDES}, rounds)
        what = f"a cell, {tokens:,} tokens at {rate}/s"
        yield Measurement(f"{what}: first words shown", "s", took)
        length = len(text_of(tokens).encode())
        told = asking.told(took, asking.size, length)
        yield Measurement(
            f"{what}: shown for each byte of reply", "bytes", told, "12 or less" if tokens >= 2_000 else ""
        )
        yield Measurement(f"{what}: processor time of the kernel", "s", asking.told(took, asking.cpu))
        asking.clear()
        tokens = size.pick(quick=100, default=500)
        models = [f"{tokens}-100-{letter}" for letter in "abcd"[:MODELS]]
        took = by_turns({who: asking.side(who, models) for who in SIDES}, rounds)
        what = f"{MODELS} models in one cell, {tokens} tokens each at 100/s"
        yield Measurement(f"{what}: until all have answered", "s", asking.told(took, asking.last))
        yield Measurement(f"{what}: processor time of the kernel", "s", asking.told(took, asking.cpu))


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        face(measurements, __doc__)

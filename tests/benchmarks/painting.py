"""What painting a running cell sends on the kernel's output channel, and what it costs the kernel.

Run it with ``python -m tests.benchmarks.painting [--full]``. A real kernel paints replies that come at 100 tokens/s by
a clock of its own, faster than real time; the ``content`` of every output and widget message is counted in UTF-8 bytes
against the reply's own, from the opening of the widget to the final state. ``--full`` adds replies of 32,000 tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

TOKENS_PER_S = 100
CHARACTERS_PER_TOKEN = 4.5
COUNTED = {"comm_open", "comm_msg", "comm_close", "display_data", "update_display_data"}
ROUNDS = 3

MIXED = """## Part {n}: sorting and searching

To sort a list in Python, use **`sorted`**, which returns a new list, or `list.sort`, which works *in place*. Both are
stable, take a `key` and cost $O(n \\log n)$ comparisons; see [the guide](https://docs.python.org/3/howto/sorting.html).

1. Decide whether the original order is still needed.
2. Write a key function for step {n}, such as `len` or `str.casefold`.
3. Measure with realistic data:
   - a few small lists,
   - one list of a million numbers,
   - one that is sorted already.

| method | returns | in place | cost |
|--------|---------|:--------:|-----:|
| `sorted(x)` | a new list | no | {n}.5 ms |
| `x.sort()` | `None` | yes | {n}.2 ms |
| `heapq.nsmallest` | the first few | no | {n}.9 ms |

The difference is rarely of importance. What matters more is to sort once, outside the loop, and to search in what has
been sorted with `bisect`, for a linear search costs more than all the sorting would.

```python
def nearest(numbers: list[float], wanted: float) -> float:
    \"\"\"Return the number that is closest to the wanted one.\"\"\"
    at = bisect.bisect_left(numbers, wanted)
    around = numbers[max(0, at - 1) : at + 1]
    return min(around, key=lambda x: abs(x - wanted))  # ties go left
```

"""

CODE = """class Ledger{n}(Base):
    \"\"\"Entries of account {n}, newest last.\"\"\"

    def __init__(self, path: str, limit: int = {n}00) -> None:
        self.path = Path(path)
        self.limit = limit
        self._rows: list[dict[str, float]] = []

    def add(self, name: str, amount: float) -> None:
        # Nothing is rounded before it is shown.
        if amount < 0 or len(self._rows) >= self.limit:
            raise ValueError(f"cannot add {{amount}} to {{name!r}}")
        self._rows.append({{"name": name, "amount": amount}})

    def total(self) -> float:
        return sum(row["amount"] for row in self._rows if row["amount"] is not None)


"""

PROGRAM = """
import time
from itertools import pairwise
from portkey_nb.notebook.live import LiveCell
from portkey_nb.views.columns import Column, bundle
from IPython.display import Markdown, display

def replay(texts, technique, size):
    places = [[int(n * size) for n in range(int(len(text) / size) + 2)] for text in texts]
    pieces = [[text[a:b] for a, b in pairwise(cuts)] for text, cuts in zip(texts, places)]
    now = [0.0]
    labels = [f"model-{i}" for i in range(len(texts))]
    begun = time.process_time()
    if technique == "delta":
        cell = LiveCell(labels, clock=lambda: now[0])
        cell.start()
        painted = 0
        for tokens in zip(*pieces):
            now[0] += RATE
            for i, token in enumerate(tokens):
                cell.push(i, token)
            cell.paint()
            if now[0] - painted > 1:
                painted = now[0]
                time.sleep(0.005)  # let the output channel drain
        for i in range(len(texts)):
            cell.footer(i, f"model-{i} · 20 → 2,000 tokens · $0.0021 · first token 0.31 s · total 20.1 s")
        cell.paint(force=True)
        foot = "model · 20 → 2,000 tokens · $0.0021 · first token 0.31 s · total 20.1 s"
        cell.close(bundle([Column(label=label, text=text, footer=foot) for label, text in zip(labels, texts)]))
    else:
        handle, shown, painted = display(Markdown("…"), display_id=True), "", 0
        for token in pieces[0]:
            now[0] += RATE
            shown += token
            if now[0] - painted >= 0.1:
                painted = now[0]
                handle.update(Markdown(shown))
                time.sleep(0.0005)
        handle.update(Markdown(shown))
    print("CPU", time.process_time() - begun, now[0])
"""


def reply(part: str, tokens: int, fence: str = "") -> str:
    """Return a reply of so many tokens made of numbered parts."""
    length = int(tokens * CHARACTERS_PER_TOKEN)
    text = "".join(part.format(n=n) for n in range(1, length // len(part) + 3))[:length]
    return f"```{fence}\n{text}\n```\n" if fence else text


class Kernel:
    """A kernel and the messages that it sends."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(cwd=root, env={**os.environ, "PYTHONPATH": root})
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, code: str) -> tuple[int, int, str]:
        """Run a cell; return the bytes and the number of its messages, and what it printed."""
        request = self._client.execute(code)
        size = count = 0
        printed = ""
        while True:
            message: dict[str, Any] = self._client.get_iopub_msg(timeout=600)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind in COUNTED:
                size += len(json.dumps(content, ensure_ascii=False).encode())
                count += 1
            elif kind == "stream":
                printed += content["text"]
            elif kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return size, count, printed

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


def measure(kernel: Kernel, text: str, models: int, technique: str) -> tuple[float, float, int]:
    """Return bytes sent per byte of reply, CPU per second of reply, and the number of messages."""
    texts = [text] * models
    call = f"replay({texts!r}, {technique!r}, {CHARACTERS_PER_TOKEN})"
    kernel.run(PROGRAM.replace("RATE", repr(1 / TOKENS_PER_S)))
    runs = []
    for _ in range(ROUNDS if len(text) < 50_000 else 1):
        size, count, printed = kernel.run(call)
        cpu, seconds = map(float, printed.split("CPU")[1].split())
        runs.append((size / sum(len(one.encode()) for one in texts), cpu / seconds, count))
    return tuple(statistics.median(column) for column in zip(*runs, strict=True))  # type: ignore[return-value]


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--full", action="store_true", help="replies of 32,000 tokens as well")
    full = arguments.parse_args().full
    kernel = Kernel()
    try:
        print(
            f"{'reply':<34}{'models':>7}{'messages':>10}{'bytes per byte':>16}{'target':>8}{'CPU at 100 tokens/s':>21}"
        )
        for tokens in (2_000, 32_000) if full else (2_000,):
            mixed, code = reply(MIXED, tokens), reply(CODE, tokens, "python")
            rows = [("mixed Markdown", mixed, 1, "delta", 12), ("mixed Markdown", mixed, 4, "delta", 12)]
            rows += [("one block of code", code, 1, "delta", 30)]
            rows += [("update_display(Markdown), 10 Hz", mixed, 1, "whole", 0)]
            for name, text, models, technique, target in rows:
                ratio, cpu, count = measure(kernel, text, models, technique)
                aim = f"{target}x" if target else ""
                print(f"{f'{name}, {tokens:,}':<34}{models:>7}{count:>10.0f}{ratio:>15.1f}x{aim:>8}{cpu:>20.1%}")
                sys.stdout.flush()
    finally:
        kernel.close()


if __name__ == "__main__":
    main()

"""What painting a running cell sends on the kernel's output channel, and what it costs the kernel.

Run as ``python -m tests.benchmarks.painting [--full]``. A real kernel paints replies that come at 100 tokens/s by
a clock of its own, faster than real time; the ``content`` of every output and widget message is counted in UTF-8 bytes
against the reply's own, from the opening of the widget to the final state. ``--full`` adds replies of 32,000 tokens.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.face import face
from tests.benchmarks.kernel import Kernel
from tests.benchmarks.measurement import Measurement, Size, Values, by_turns

TOKENS_PER_S = 100
CHARACTERS_PER_TOKEN = 4.5
COUNTED = ("comm_open", "comm_msg", "comm_close", "display_data", "update_display_data")
ROUNDS = 3
OWN, PEER = "portkey_nb", "update_display(Markdown), 10 Hz"

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


def measure(kernel: Kernel, text: str, models: int, technique: str) -> tuple[float, float]:
    """Return bytes sent per byte of reply, and percent of one core at the rate of the reply."""
    texts = [text] * models
    ran = kernel.run(f"replay({texts!r}, {technique!r}, {CHARACTERS_PER_TOKEN})")
    cpu, seconds = map(float, ran.printed.split("CPU")[1].split())
    return ran.size(*COUNTED) / sum(len(one.encode()) for one in texts), cpu / seconds * 100


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure mixed Markdown and code, one model and four, by turns with what repaints the whole."""
    with tempfile.TemporaryDirectory() as folder, Kernel(Path(folder)) as kernel:
        kernel.run(PROGRAM.replace("RATE", repr(1 / TOKENS_PER_S)))
        for tokens in size.pick(quick=(2_000,), default=(2_000,), full=(2_000, 32_000)):
            rounds = ROUNDS if tokens < 10_000 else 1
            mixed, code = reply(MIXED, tokens), reply(CODE, tokens, "python")
            for name, text, models, target in (
                ("mixed Markdown", mixed, 1, 12),
                ("mixed Markdown", mixed, 4, 12),
                ("one block of code", code, 1, 30),
            ):
                sides = {OWN: (text, models, "delta"), **({PEER: (text, 1, "whole")} if models == 1 else {})}
                cpu: dict[str, list[float]] = {}

                def side(who: str, *asked: Any, cpu: dict[str, list[float]] = cpu) -> float:
                    sent, worked = measure(kernel, *asked)
                    cpu.setdefault(who, []).append(worked)
                    return sent

                # A warm round of the long one would take as long as all of the others.
                took = by_turns({who: partial(side, who, *asked) for who, asked in sides.items()}, rounds, rounds > 1)
                spent: dict[str, Values | str] = {
                    who: one if isinstance(one, str) else cpu[who][-rounds:] for who, one in took.items()
                }
                what = f"painting {name}, {tokens:,} tokens, {models} model{'s' if models > 1 else ''}"
                yield Measurement(f"{what}: sent for each byte of reply", "bytes", took, f"{target} or less")
                yield Measurement(f"{what}: at {TOKENS_PER_S} tokens/s", "% of one core", spent)


if __name__ == "__main__":
    face(measurements, __doc__)

"""A comparison killed twenty times at random moments: whether it goes on with what is missing, and asks nothing twice.

Run it with ``python -m tests.benchmarks.kills``. A real server counts what it is asked; the comparison runs in
processes of its own that are ended by SIGKILL; after the last resumption each cell has to be there exactly once, and no
request whose row was complete may have been sent again.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator

from portkey_nb import runs
from tests.benchmarks.face import arguments, face
from tests.benchmarks.measurement import Measurement, Size
from tests.engine.test_compare import begun, cells, done_cells, slowly
from tests.many_server import ManyServer

CASES = 300
STORE = "PORTKEY_NB_STORE"
OWN = "portkey_nb"


def killed(times: int, seed: int) -> tuple[int, int, int]:
    """Kill a comparison again and again; return cells, cells that are not there once, and requests sent again."""
    chance = random.Random(seed)
    settled: dict[tuple[str, str], int] = {}
    with ManyServer(slowly) as server:
        for kill in range(times):
            child = begun(server, "killed", CASES)
            asked = len(server.seen.requests)
            least = asked + chance.randint(1, 25)
            server.wait_for(lambda seen, least=least: len(seen.requests) >= least)  # type: ignore[misc]
            time.sleep(chance.random() * 0.05)
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=30)
            count = cells(server)
            for cell in done_cells("killed"):
                settled.setdefault(cell, count[cell])
            print(f"kill {kill + 1:2}: {len(settled):4} of {2 * CASES} cells done", file=sys.stderr)
        begun(server, "killed", CASES).communicate(timeout=300)
        count = cells(server)
    frame = runs(group="killed", status="ok", columns=["variant", "case_id"])
    there = Counter(zip(frame["variant"], frame["case_id"], strict=True))
    again = sum(count[cell] != asked for cell, asked in settled.items())
    return len(there), sum(number != 1 for number in there.values()), again


def measurements(size: Size, times: int | None = None, seed: int = 0) -> Iterator[Measurement]:
    """Kill it again and again, and count what is there."""
    times = times or size.pick(quick=3, default=20)
    before = os.environ.get(STORE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[STORE] = os.path.join(folder, "runs.sqlite")
        try:
            there, odd, again = killed(times, seed)
        finally:
            os.environ.pop(STORE) if before is None else os.environ.update({STORE: before})
    what = f"a comparison of {2 * CASES} cells, killed {times} times"
    yield Measurement(what, f"of {2 * CASES} cells there", {OWN: [there]}, "all")
    yield Measurement(f"{what}: cells that are not there exactly once", "cells", {OWN: [odd]}, "none")
    yield Measurement(f"{what}: completed requests that were sent again", "requests", {OWN: [again]}, "none")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--times", type=int, help="how often it is killed")
    parser.add_argument("--seed", type=int, default=0)
    face(measurements, __doc__, parser)

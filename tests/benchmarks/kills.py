"""A comparison killed twenty times at random moments: whether it goes on with what is missing, and asks nothing twice.

Run it with ``python -m tests.benchmarks.kills``. A real server counts what it is asked; the comparison runs in
processes of its own that are ended by SIGKILL; after the last resumption each cell has to be there exactly once, and no
request whose row was complete may have been sent again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter

from portkey_nb import runs
from tests.engine.test_compare import begun, cells, done_cells, slowly
from tests.many_server import ManyServer

CASES = 300


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
            print(f"kill {kill + 1:2}: {len(settled):4} of {2 * CASES} cells done")
        begun(server, "killed", CASES).communicate(timeout=300)
        count = cells(server)
    frame = runs(group="killed", status="ok", columns=["variant", "case_id"])
    there = Counter(zip(frame["variant"], frame["case_id"], strict=True))
    again = sum(count[cell] != asked for cell, asked in settled.items())
    return len(there), sum(number != 1 for number in there.values()), again


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PORTKEY_NB_STORE"] = os.path.join(folder, "runs.sqlite")
        there, odd, again = killed(given.times, given.seed)
    print(f"{there} of {2 * CASES} cells there, {odd} of them not exactly once; {again} completed requests sent again")


if __name__ == "__main__":
    main()

"""What ``%load_ext portkey_nb`` costs in a bare IPython beside ``import openai``, each in fresh processes.

Run as ``python -m tests.benchmarks.imports``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 9
HEAVY = ("pandas", "ipywidgets", "anywidget", "sqlalchemy", "httpx", "matplotlib", "pydantic", "tornado.web", "msgspec")
COMMANDS = {"%load_ext portkey_nb": "%load_ext portkey_nb", "import openai": "import openai"}

SHELL = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
command = sys.argv[1]
began = time.perf_counter()
result = shell.run_line_magic("load_ext", "portkey_nb") if command.startswith("%") else __import__("openai")
took = time.perf_counter() - began
heavy = [name for name in sys.argv[2:] if name in set(sys.modules) - before]
print(json.dumps({"ms": took * 1000, "modules": len(set(sys.modules) - before), "heavy": heavy}))
"""


def measure(command: str) -> dict[str, object]:
    """Run one command in a fresh shell and return its time, and what it imported."""
    found_here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", SHELL, command, *HEAVY],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=found_here,
    )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    figures: dict[str, list[dict[str, object]]] = {command: [] for command in COMMANDS}
    for _ in range(ROUNDS):
        for command in COMMANDS:
            figures[command].append(measure(command))
    middle = {}
    for command, runs in figures.items():
        times = [float(str(run["ms"])) for run in runs]
        middle[command] = statistics.median(times)
        print(
            f"{command:24}{middle[command]:9.1f} ms   ({min(times):.1f} .. {max(times):.1f})   "
            f"{runs[0]['modules']} modules   heavy ones: {runs[0]['heavy'] or 'none'}"
        )
    ours, theirs = middle.values()
    print(f"ratio {ours / theirs:.3f}   (goal: 0.15 or less, and no heavy module)")


if __name__ == "__main__":
    main()

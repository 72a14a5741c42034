"""What ``%load_ext portkey_nb`` costs in a bare IPython, beside importing the SDKs and loading ``%%ai``.

Run as ``python -m tests.benchmarks.imports``. Each is loaded in fresh processes. The goals: 0.15 of ``import openai``
or less, and no heavy module.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.face import face
from tests.benchmarks.measurement import Measurement, Size, by_turns
from tests.benchmarks.peers import MAGICS, ai_python, why_missing

HEAVY = ("pandas", "ipywidgets", "anywidget", "sqlalchemy", "httpx", "matplotlib", "pydantic", "tornado.web", "msgspec")
OWN = "%load_ext portkey_nb"
AI = "%load_ext jupyter_ai_magic_commands"
COMMANDS = (OWN, "import openai", "import portkey_ai", "import chatlas", AI)

SHELL = """
import json, sys, time
from importlib import import_module
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
how, name = sys.argv[1].split()
began = time.perf_counter()
result = shell.extension_manager.load_extension(name) if how == "%load_ext" else import_module(name)
took = time.perf_counter() - began
heavy = [name for name in sys.argv[2:] if name in set(sys.modules) - before]
print(json.dumps({"ms": took * 1000, "modules": len(set(sys.modules) - before), "heavy": heavy}))
"""


def measure(command: str, python: str = sys.executable) -> dict[str, Any]:
    """Run one command in a fresh shell and return its time, and what it imported."""
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [python, "-c", SHELL, command, *HEAVY]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=place)
    if done.returncode:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        name = command.split()[1]
        absent = f"No module named {name!r}" in said
        raise RuntimeError(why_missing(name.replace("_", "-")) if absent else said)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measurements(size: Size) -> Iterator[Measurement]:
    """Measure time and modules."""
    found: dict[str, list[dict[str, Any]]] = {command: [] for command in COMMANDS}

    def side(command: str, python: str) -> Callable[[], float]:
        def once() -> float:
            found[command].append(measure(command, python))
            return float(found[command][-1]["ms"])

        return once

    interpreters = {command: ai_python() if command == AI else sys.executable for command in COMMANDS}
    took = by_turns(
        {command: side(command, python) if python else why_missing(MAGICS) for command, python in interpreters.items()},
        size.pick(quick=5, default=9),
    )
    yield Measurement(f"{OWN} in a bare IPython", "ms", took, "0.15 of import openai or less")
    counted = {command: [runs[0]["modules"]] if runs else took[command] for command, runs in found.items()}
    yield Measurement("modules that it imports", "modules", counted)
    heavy = found[OWN][0]["heavy"]
    named = f" ({', '.join(heavy)})" if heavy else ""
    yield Measurement(f"heavy ones among these{named}", "modules", {OWN: [len(heavy)]}, "none")


if __name__ == "__main__":
    face(measurements, __doc__)

"""One benchmark in a process of its own: its rows go to a file, line by line, as they come.

Run by ``python -m tests.benchmarks`` as ``python -m tests.benchmarks.one NAME SIZE FILE``; with ``--versions NAME...``
it says which version of each package is there, as JSON.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from tests.benchmarks.measurement import Size


def versions(packages: list[str]) -> dict[str, str]:
    """Return the versions of Python and of the packages that are there."""
    known = {"Python": platform.python_version()}
    for package in packages:
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            continue
    return known


def main(name: str, size: str, file: str) -> None:
    """Measure."""
    module = importlib.import_module(f"tests.benchmarks.{name}")
    with open(file, "a", encoding="utf-8") as lines:
        for measurement in module.measurements(Size(size)):
            lines.write(measurement.to_json() + "\n")
            lines.flush()


if __name__ == "__main__":
    if sys.argv[1] == "--versions":
        print(json.dumps(versions(sys.argv[2:])))
    else:
        main(*sys.argv[1:])

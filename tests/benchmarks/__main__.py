"""The benchmark page: every benchmark beside its peers in one run, one table, and the README's figures.

Run as ``python -m tests.benchmarks``; ``--list`` says what there is, ``--quick`` takes some minutes, ``--full`` the
sizes that the project names, ``--only NAME...`` some of it. The checkout and its peers are installed in a throw-away
environment by the pip of this machine; while measuring, nothing speaks to anything but loopback. The README's figures
are written at the end, unless the run is a quick one or of some benchmarks alone; ``--readme`` and ``--no-readme`` say
otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tests.benchmarks import figures
from tests.benchmarks.environment import ROOT, Environment, throw_away
from tests.benchmarks.face import arguments
from tests.benchmarks.measurement import Measurement, Size
from tests.benchmarks.modules import Module, found
from tests.benchmarks.table import printed

LIMIT_S = {Size.QUICK: 900.0, Size.DEFAULT: 3600.0, Size.FULL: 14_400.0}
"""How long one benchmark may take."""


@dataclass
class Page:
    """What came of a run.

    Attributes
    ----------
    rows : list of Row
    measured : dict
        The benchmarks that came to their end -> their size, as :attr:`figures.Row.size`.
    failed : dict
        The others -> why.
    loads : list of float
        The load average as each began.
    """

    rows: list[figures.Row] = field(default_factory=list)
    measured: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)

    def take(self, environment: Environment, module: Module, size: Size) -> None:
        """Run one benchmark, and print and keep its rows."""
        file = environment.folder / f"{module.name}.jsonl"
        file.touch()
        load = os.getloadavg()[0]
        self.loads.append(load)
        began = time.monotonic()
        print(f"\n== {module.name}: {module.about} (load {load:.1f})", flush=True)
        failed = environment.measure(module.name, size.value, file, LIMIT_S[size])
        for line in file.read_text(encoding="utf-8").splitlines():
            measurement = Measurement.from_json(line)
            self.rows.append(figures.row(measurement, module.name, size))
            print(printed(measurement), flush=True)
        if failed:
            self.failed[module.name] = failed
            print(f"stopped: {failed}", flush=True)
        else:
            self.measured[module.name] = figures.LARGER[size.flag]
        print(f"   {time.monotonic() - began:.0f} s", flush=True)


def given(argv: Sequence[str] | None, known: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says."""
    parser = arguments(__doc__)
    parser.prog = "python -m tests.benchmarks"
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=known, help="these benchmarks alone")
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    parser.add_argument("--readme", action=argparse.BooleanOptionalAction, help="write the README's figures")
    parser.add_argument("--keep", action="store_true", help="keep the environment, and say where it is")
    asked = parser.parse_args(argv)
    if asked.readme is None:
        asked.readme = asked.size is not Size.QUICK and not asked.only
    return asked


def write(readme: Path, page: Page, foot: str) -> None:
    """Put the figures into the README."""
    text = readme.read_text(encoding="utf-8")
    readme.write_text(figures.updated(text, page.rows, page.measured, foot, found()), encoding="utf-8")
    print(f"\nwritten: {len(page.rows)} figures in {readme.name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; return the exit status."""
    modules = found()
    asked = given(argv, [module.name for module in modules])
    if asked.list:
        for module in modules:
            print(f"{module.name:14}{module.about}")
        return 0
    figures.split((ROOT / "README.md").read_text(encoding="utf-8"))  # before hours of work, not behind them
    page = Page()
    with throw_away(lambda words: print(f"-- {words}", flush=True), keep=asked.keep) as environment:
        for module in modules:
            if not asked.only or module.name in asked.only:
                page.take(environment, module, asked.size)
        versions = environment.versions()
        missing = environment.missing
    foot = figures.conditions(versions, page.loads, os.cpu_count() or 1, date.today().isoformat())
    heads, lines = (*figures.HEADS, "command"), [(*row.cells, f"`{row.command}`") for row in page.rows]
    print(f"\n{figures.table(heads, lines)}\n\n{foot}")
    for name, why in {**missing, **page.failed}.items():
        print(f"{name}: {why}")
    if asked.readme:
        write(ROOT / "README.md", page, foot)
    return 1 if page.failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The table of the README: rows out of measurements, and the README with these in place of earlier ones."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.measurement import Measurement, Size
from tests.benchmarks.table import number, shown, spread

BEGIN = "<!-- figures: written by python -m tests.benchmarks -->"
END = "<!-- end of the figures -->"
HEADS = ("what", "here", "spread", "beside it, in the same run", "ratio", "command")
COMMAND = re.compile(r"^python -m tests\.benchmarks --only (\w+)( --quick| --full)?$")
LARGER = {" --quick": 0, "": 1, " --full": 2}


@dataclass(frozen=True)
class Row:
    """One row, as its cells.

    Attributes
    ----------
    what, here, spread, beside, ratio : str
        Peers stand below one another in ``beside``, each with its own spread, and their ratios beside them.
    command : str
        What measures it again.
    """

    what: str
    here: str
    spread: str
    beside: str
    ratio: str
    command: str

    @property
    def module(self) -> str:
        """The benchmark that it came from."""
        return _understood(self.command)[1]

    @property
    def size(self) -> int:
        """How much was measured, as a number that grows with it."""
        return LARGER[_understood(self.command)[2] or ""]

    def __str__(self) -> str:
        cells = (self.what, self.here, self.spread, self.beside, self.ratio, f"`{self.command}`")
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _understood(command: str) -> re.Match[str]:
    match = COMMAND.match(command)
    if match is None:
        raise ValueError(f"{command!r} is no command of a benchmark")
    return match


def row(measurement: Measurement, module: str, size: Size) -> Row:
    """Return a measurement as a row of the README."""
    beside, ratios = [], []
    for who, values in measurement.beside.items():
        around = spread(values)
        beside.append(f"{who}: {shown(values, measurement.unit)}" + (f" ({around})" if around else ""))
        ratio = measurement.ratio(who)
        ratios.append("" if ratio is None else number(ratio))
    return Row(
        what=_plain(measurement.what),
        here=_plain(shown(measurement.here, measurement.unit)),
        spread=spread(measurement.here),
        beside=_plain("<br>".join(beside)),
        ratio="<br>".join(ratios) if any(ratios) else "",
        command=f"python -m tests.benchmarks --only {module}{size.flag}",
    )


def _plain(text: str) -> str:
    return " ".join(text.split())


def parsed(table: str) -> list[Row]:
    """Return the rows of such a table."""
    rows = []
    for line in table.splitlines():
        cells = [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)]
        if len(cells) == len(HEADS) + 2 and COMMAND.match(cells[-2].strip("`")):
            rows.append(Row(*cells[1:-2], cells[-2].strip("`")))
    return rows


def merged(earlier: Sequence[Row], new: Sequence[Row], measured: Mapping[str, int]) -> list[Row]:
    """Return the rows that stand after a run, by their modules.

    Parameters
    ----------
    earlier, new : sequence of Row
        What stood there, and what was measured now.
    measured : mapping
        The modules that came to their end -> how much was measured. Their earlier rows go, unless more was measured
        for them than now.
    """
    fresh = {one.what for one in new}
    stay = [one for one in earlier if one.what not in fresh and one.size > measured.get(one.module, -1)]
    return sorted([*new, *stay], key=lambda one: one.module)


def table(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| " + " | ".join(HEADS) + " |", "| " + " | ".join("---" for _ in HEADS) + " |", *map(str, rows)]
    return "\n".join(lines)


def split(readme: str) -> tuple[str, str, str]:
    """Return what stands before, between and behind the two marks.

    Raises
    ------
    ValueError
        Unless both are there once, in order.
    """
    before, began, rest = readme.partition(BEGIN)
    between, ended, after = rest.partition(END)
    if not began or not ended or BEGIN in rest or END in after:
        raise ValueError(f"the README needs {BEGIN!r} and {END!r}, once each, in this order")
    return before, between, after


def updated(readme: str, new: Sequence[Row], measured: Mapping[str, int], foot: str) -> str:
    """Return the README with the rows that were measured; all outside the two marks stays as it is."""
    before, between, after = split(readme)
    rows = merged(parsed(between), new, measured)
    return f"{before}{BEGIN}\n\n{table(rows)}\n\n{_plain(foot)}\n\n{END}{after}"


def conditions(versions: Mapping[str, str], loads: Sequence[float], processors: int, day: str) -> str:
    """Return a sentence on when and on what it was measured."""
    load = f"{min(loads):.1f} to {max(loads):.1f}, median {statistics.median(loads):.1f}" if loads else "unknown"
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"Measured on {day} on {processors} processors; load average as each benchmark began: {load}. {listed}."

"""The figures of the README: rows out of measurements, and the README with these in place of earlier ones.

A short table stands first; below it each benchmark has a folded table of its own under the command that measures it.
"""

from __future__ import annotations

import html
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

from tests.benchmarks.measurement import Measurement, Size
from tests.benchmarks.modules import Module
from tests.benchmarks.table import number, shown, spread

BEGIN = "<!-- figures: written by python -m tests.benchmarks -->"
END = "<!-- end of the figures -->"
ONE_ROUND, ALONE = "one round", "no peer"
"""What stands where there is no spread and no ratio."""
HEADS = ("what", "here", "spread", "beside it, in the same run", "ratio")
FIRST = (
    "%load_ext portkey_nb in a bare IPython",
    "first chunk, warm connection, sync",
    "a stream of 20,000 chunks, 1 per write, sync",
    "2,000 streams of 50 chunks, 100 at once",
    "a cell, 2,000 tokens at 100/s: first words shown",
    "4 models in one cell, * tokens each at 100/s: until all have answered",
    "painting mixed Markdown, 2,000 tokens, 1 model: sent for each byte of reply",
    "a chat panel's reply of 2,000 tokens: sent for each byte of it",
    "in Chromium, 200 messages, while 100 tokens/s stream: a key shows",
    "a row of 4 KB in the run log, started and completed",
    '* rows: columns="metrics" (all but texts and objects)',
    '* rows on PostgreSQL: columns="metrics" (all but texts and objects)',
    "a comparison of * cells, killed * times: completed requests that were sent again",
)
"""What the short table shows, in its order; ``*`` stands for a number."""
COMMAND = re.compile(r"^python -m tests\.benchmarks --only (\w+)( --quick| --full)?$")
SUMMARY = re.compile(r"^<summary><b>.*<code>(.*)</code></summary>$")
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

    @property
    def cells(self) -> tuple[str, ...]:
        """What its line in a table says, where the command stands above the table."""
        return self.what, self.here, self.spread, self.beside, self.ratio


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
        spread=spread(measurement.here) or ("" if isinstance(measurement.here, str) else ONE_ROUND),
        beside=_plain("<br>".join(beside)),
        ratio="<br>".join(ratios) if any(ratios) else "" if beside else ALONE,
        command=f"python -m tests.benchmarks --only {module}{size.flag}",
    )


def _plain(text: str) -> str:
    return " ".join(text.split())


def parsed(section: str) -> list[Row]:
    """Return the rows of the folded tables."""
    rows: list[Row] = []
    command, above = "", 0
    for line in section.splitlines():
        if summary := SUMMARY.match(line):
            command, above = summary[1], len(("heads", "rule"))
        elif line == "</details>":
            command = ""
        elif command and line.startswith("| ") and above:
            above -= 1
        elif command and line.startswith("| "):
            cells = [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)]
            rows.append(Row(*cells[1:-1], command))
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
    return sorted([*new, *stay], key=lambda one: (one.module, one.size))


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        for cells in (heads, ["---"] * len(heads), *lines)
    )


def first(rows: Sequence[Row]) -> Iterator[Row]:
    """Pick those of the short table: of each the one of the largest run."""
    for pattern in FIRST:
        if fitting := [row for row in rows if fnmatchcase(row.what, pattern)]:
            yield max(fitting, key=lambda row: row.size)


def section(rows: Sequence[Row], foot: str, modules: Sequence[Module] = ()) -> str:
    """Return all that stands between the marks: a short table, the foot, and a folded table for each benchmark."""
    about = {module.name: f": {html.escape(module.about.replace('`', ''), quote=False)}" for module in modules}
    parts = []
    if short := [(*row.cells, f"`--only {row.command.partition('--only ')[2]}`") for row in first(rows)]:
        parts.append(table((*HEADS, "`python -m tests.benchmarks`"), short))
    parts.append(_plain(foot))
    for command, group in groupby(rows, lambda row: row.command):
        some = list(group)
        name = some[0].module
        parts.append(
            f"<details>\n<summary><b>{name}</b>{about.get(name, '')} <code>{command}</code></summary>\n\n"
            f"{table(HEADS, [row.cells for row in some])}\n\n</details>"
        )
    return "\n\n".join(parts)


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


def updated(
    readme: str, new: Sequence[Row], measured: Mapping[str, int], foot: str, modules: Sequence[Module] = ()
) -> str:
    """Return the README with the rows that were measured; all outside the two marks stays as it is."""
    before, between, after = split(readme)
    rows = merged(parsed(between), new, measured)
    return f"{before}{BEGIN}\n\n{section(rows, foot, modules)}\n\n{END}{after}"


def conditions(versions: Mapping[str, str], loads: Sequence[float], processors: int, day: str) -> str:
    """Return a sentence on when and on what it was measured."""
    load = f"{min(loads):.1f} to {max(loads):.1f}, median {statistics.median(loads):.1f}" if loads else "unknown"
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"Measured on {day} on {processors} processors; load average as each benchmark began: {load}. {listed}."

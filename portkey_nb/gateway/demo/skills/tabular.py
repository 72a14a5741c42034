"""Tables in a prompt, as Markdown, CSV or pandas text: counted, measured and looked up."""

from __future__ import annotations

import csv
import io
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from portkey_nb.gateway.demo.draft import Draft, Question, in_words
from portkey_nb.gateway.demo.skills.arithmetic import shown
from portkey_nb.gateway.demo.skills.comparing import markdown_table


@dataclass(frozen=True, slots=True)
class _Table:
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def numbers(self, name: str) -> list[float]:
        place = self.names.index(name)
        values = (_number(row[place]) for row in self.rows)
        return [value for value in values if value is not None]

    @property
    def numeric(self) -> list[str]:
        """The columns of which every filled cell is a number, the index left out."""
        return [name for name in self.names if name.strip() and len(self.numbers(name)) >= max(1, len(self.rows) // 2)]


def _number(cell: str) -> float | None:
    try:
        return float(re.sub(r"[$€£,% ]", "", cell))
    except ValueError:
        return None


def describe(question: Question) -> Draft | None:
    """Answer a question about the table that stands in the prompt."""
    table = _read(question.text) or next(filter(None, map(_read, reversed(question.said))), None)
    if table is None:
        return None
    asked = _without_table(question.text)
    wanted = _read(question.text) is not None or re.search(r"\b(?:table|rows?|columns?|data|frame)\b", asked)
    if not wanted or re.search(r"\bwrite (?:a )?(?:python|sql|code|function)\b", asked):
        return None
    for reader in (_count, _measure, _extreme):
        draft = reader(table, asked)
        if draft is not None:
            return draft
    return _overview(table)


def _without_table(text: str) -> str:
    """Return the question in lower case, without the lines that look like a row."""
    lines = [
        line
        for line in text.splitlines()
        if re.search(r"[?.:!]\s*$", line) or not re.search(r"[|,;\t]|\S {2,}\S", line)
    ]
    return " ".join(" ".join(lines).lower().split())


def _read(text: str) -> _Table | None:
    return _markdown(text) or _comma(text) or _pandas(text)


def _markdown(text: str) -> _Table | None:
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("|") or line.count("|") > 1]
    rules = [place for place, line in enumerate(lines) if re.fullmatch(r"[|\s:+-]+", line) and "-" in line]
    if not rules or rules[0] == 0:
        return None
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in lines
        if not re.fullmatch(r"[|\s:+-]+", line)
    ]
    return _even(cells)


def _comma(text: str) -> _Table | None:
    for mark in (",", ";", "\t"):
        lines = [line for line in text.splitlines() if line.count(mark) >= 1]
        often = max(((line.count(mark)) for line in lines), default=0)
        lines = [line for line in lines if line.count(mark) == often]
        if len(lines) >= 3 and often and not any(re.search(r"[.!?]\s", line) for line in lines):
            return _even(
                [
                    tuple(cell.strip() for cell in row)
                    for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=mark)
                ]
            )
    return None


def _pandas(text: str) -> _Table | None:
    lines = [line.rstrip() for line in text.splitlines() if re.search(r"\S\s{2,}\S|^\d+\s+\S", line)]
    body = [re.split(r"\s{2,}", line.strip()) for line in lines if re.match(r"\s*\d+\s{2,}", line)]
    heads = [line for line in lines if re.match(r"\s{2,}\S", line) and not re.match(r"\s*\d+\s{2,}", line)]
    if len(body) < 2 or not heads:
        return None
    names = re.split(r"\s{1,}", heads[0].strip())
    rows = [tuple(row[1:]) for row in body]
    return _even([tuple(names), *rows])


def _even(cells: Sequence[tuple[str, ...]]) -> _Table | None:
    if len(cells) < 2 or len(cells[0]) < 2:
        return None
    names, rows = cells[0], tuple(row for row in cells[1:] if len(row) == len(cells[0]))
    if not rows or len(set(names)) != len(names):
        return None
    if (not names[0] or names[0].lower() == "index") and all(row[0] == str(place) for place, row in enumerate(rows)):
        names, rows = names[1:], tuple(row[1:] for row in rows)
    return _Table(tuple(names), rows)


def _count(table: _Table, asked: str) -> Draft | None:
    rows, columns = len(table.rows), len(table.names)
    if not re.search(r"\bhow (?:many|big|large)\b|\bnumber of\b|\bshape\b|\bcount\b", asked):
        return None
    data = {"rows": rows, "columns": columns}
    if re.search(r"\brows?\b|\brecords?\b|\bentries\b|\blines\b", asked) and "column" not in asked:
        return Draft(lead=f"The table has **{rows}** rows.", short=str(rows), data=data)
    if "column" in asked and not re.search(r"\brows?\b", asked):
        return Draft(
            lead=f"The table has **{columns}** columns: {in_words(table.names)}.", short=str(columns), data=data
        )
    if re.search(r"\brows?\b|\bcolumns?\b|\bshape\b|\bbig\b|\blarge\b", asked):
        return Draft(
            lead=f"The table has **{rows}** rows and **{columns}** columns.", short=f"{rows} × {columns}", data=data
        )
    return None


_MEASURES: Mapping[str, tuple[str, Callable[[Sequence[float]], float]]] = {
    r"mean|average": ("mean", statistics.fmean),
    r"median": ("median", statistics.median),
    r"sum|total": ("sum", sum),
    r"standard deviation|std": (
        "standard deviation",
        lambda values: statistics.stdev(values) if len(values) > 1 else 0.0,
    ),
    r"maximum|max|highest value|largest value": ("maximum", max),
    r"minimum|min|lowest value|smallest value": ("minimum", min),
    r"range": ("range", lambda values: max(values) - min(values)),
}


def _columns(table: _Table, asked: str) -> list[str]:
    named = [
        name
        for name in table.numeric
        if re.search(rf"\b{re.escape(name.lower().replace('_', ' '))}s?\b", asked.replace("_", " "))
    ]
    return named or table.numeric


def _measure(table: _Table, asked: str) -> Draft | None:
    measures = [(name, work) for pattern, (name, work) in _MEASURES.items() if re.search(rf"\b(?:{pattern})\b", asked)]
    columns = _columns(table, asked)
    if not measures or not columns:
        return None
    results = {column: {name: work(table.numbers(column)) for name, work in measures} for column in columns}
    if len(columns) == len(measures) == 1:
        column, name = columns[0], measures[0][0]
        answer = shown(results[column][name])
        return Draft(
            lead=f"The {name} of {column} is **{answer}**.",
            short=answer,
            title=column,
            more=(f"It is taken over {len(table.numbers(column))} values.",),
            data={column: results[column][name]},
        )
    lines = [["column", *(name for name, _ in measures)]]
    lines += [[column, *(shown(value) for value in values.values())] for column, values in results.items()]
    return Draft(lead="Here are the figures:", block=markdown_table(lines), title="Figures", data=results)


def _extreme(table: _Table, asked: str) -> Draft | None:
    most = re.search(r"\b(?:highest|largest|most|biggest|greatest|top|best|oldest|longest|tallest)\b", asked)
    least = re.search(r"\b(?:lowest|smallest|least|fewest|youngest|shortest|cheapest|worst)\b", asked)
    columns = _columns(table, asked)
    if not (most or least) or not columns:
        return None
    column = columns[0]
    place = table.names.index(column)
    filled = [row for row in table.rows if _number(row[place]) is not None]
    pick = max if most else min
    row = pick(filled, key=lambda cells: _number(cells[place]) or 0.0)
    label = next(
        (cell for name, cell in zip(table.names, row, strict=True) if name not in table.numeric),
        f"row {table.rows.index(row) + 1}",
    )
    return Draft(
        lead=f"**{label}** has the {'highest' if most else 'lowest'} {column}: {row[place]}.",
        short=label,
        data=dict(zip(table.names, row, strict=True)),
    )


def _overview(table: _Table) -> Draft:
    rows, columns = len(table.rows), len(table.names)
    more = []
    for name in table.numeric[:4]:
        values = table.numbers(name)
        more.append(
            f"{name} runs from {shown(min(values))} to {shown(max(values))} with a mean of "
            f"{shown(statistics.fmean(values))}."
        )
    words = [name for name in table.names if name not in table.numeric]
    if words:
        place = table.names.index(words[0])
        different = len({row[place] for row in table.rows})
        more.append(f"{words[0]} holds {different} different values.")
    return Draft(
        lead=f"The table has {rows} rows and {columns} columns: {in_words(table.names)}.",
        more=tuple(more),
        title="The table",
        short=f"{rows} × {columns}",
        data={"rows": rows, "columns": list(table.names)},
    )

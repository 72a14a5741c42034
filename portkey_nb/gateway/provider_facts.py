"""The table of what the gateway makes of each request parameter by provider, read from ``parameters.txt``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

VERSION = "1.15.2"
"""Of the open-source gateway whose behaviour the table holds; ``"2.x"`` names the hosted one."""

_CELL = re.compile(r"(\w+)(?:>([\w.]+))?(?:\[(-?\d*)\.\.(-?\d*)\])?(~?)(!?)")


@dataclass(frozen=True)
class Cell:
    """What becomes of one parameter that a provider keeps: one word of the table.

    Attributes
    ----------
    place : str
        Where it arrives in the provider's request, as a dotted path.
    low, high : int or None
        Limits that the gateway sets, both included.
    reshaped : bool
        Whether it is said in the provider's own words there.
    needed : bool
        Whether the provider refuses a request without it.
    """

    place: str
    low: int | None = None
    high: int | None = None
    reshaped: bool = False
    needed: bool = False

    def limit(self, value: Any) -> Any:
        """Return what arrives of a number."""
        if self.low is not None and value < self.low:
            return self.low
        return self.high if self.high is not None and value > self.high else value


@dataclass(frozen=True)
class Row:
    """What one provider keeps (parameter -> cell), and what its messages lose."""

    cells: Mapping[str, Cell]
    lost: frozenset[str] = frozenset()


@cache
def table(gateway: str = VERSION) -> Mapping[str, Row]:
    """Return the rows of ``parameters.txt`` by provider, or ``provider:family``, for a version of the gateway.

    >>> table()["anthropic"].cells["temperature"]
    Cell(place='temperature', low=0, high=1, reshaped=False, needed=False)
    """
    sections = re.split(r"^== *(.+)$", files(__package__).joinpath("parameters.txt").read_text("utf-8"), flags=re.M)
    rows: dict[str, Row] = {}
    for version, text in zip(sections[1::2], sections[2::2], strict=True):
        if version.strip() in (VERSION, gateway):
            for provider, row in _rows(text):
                before = rows.get(provider, Row({}))
                rows[provider] = Row({**before.cells, **row.cells}, before.lost | row.lost)
    return rows


def _rows(text: str) -> Iterator[tuple[str, Row]]:
    lines = "\n".join(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    for block in re.split(r"\n(?=\S)", lines):
        head, _, body = block.partition("\n")
        words = body.split()
        row = Row(
            dict(_cell(word) for word in words if not word.startswith("-")),
            frozenset(word[1:] for word in words if word.startswith("-")),
        )
        yield from ((provider, row) for provider in head.split())


def _cell(word: str) -> tuple[str, Cell]:
    found = _CELL.fullmatch(word)
    if found is None:
        raise ValueError(f"parameters.txt: {word!r} is no cell")
    name, place, low, high, reshaped, needed = found.groups()
    lowest, highest = (int(limit) if limit else None for limit in (low, high))
    return name, Cell(place or name, lowest, highest, bool(reshaped), bool(needed))


def row_of(provider: str | None, gateway: str, model: str | None) -> Row | None:
    """Return a provider's row, that of the model's family where it has its own; None for the unknown."""
    rows = table(gateway)
    for family in (model or "").split(".")[:-1]:
        if f"{provider}:{family}" in rows:
            return rows[f"{provider}:{family}"]
    return rows.get(provider or "")

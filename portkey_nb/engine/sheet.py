"""A frame of runs as the rows of a table: a row per prompt and case, a cell per variant, repeats taken together."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from portkey_nb.engine.grid import Grid, floats, read, truths
from portkey_nb.engine.plain import plain
from portkey_nb.engine.record import SCORE
from portkey_nb.views.quantities import money, number, seconds
from portkey_nb.views.tables import TableCell, TableRow

_LIMITS = ("latency", "cost", "length")
"""Scorers of time, money and size: an answer is not the best of its row by these."""
_LABEL = 60  # characters of a template where it stands for a prompt's label
_READ = ("case_id", "expected", "vars", "prompt", "template", "tags", "status", "text", "error", "finish_reason")


@dataclass(frozen=True, eq=False)
class Sheet:
    """Where each run of a frame stands in the table.

    Attributes
    ----------
    frame : DataFrame
        Runs with all columns.
    grid : Grid
        Its variants, prompts and cases.
    """

    frame: pd.DataFrame
    grid: Grid

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Sheet:
        """Read a frame of runs."""
        return cls(frame, read(frame))

    @cached_property
    def members(self) -> dict[int, dict[int, list[int]]]:
        """Per prompt and case, in the order first seen, and per variant: the places of its runs in the frame."""
        found: dict[int, dict[int, list[int]]] = {}
        for at, (place, variant) in enumerate(zip(self.grid.place.tolist(), self.grid.variant.tolist(), strict=True)):
            found.setdefault(place, {}).setdefault(variant, []).append(at)
        return found

    @property
    def places(self) -> list[int]:
        """The rows of the table: each prompt and case, in the order first seen."""
        return list(self.members)

    @cached_property
    def measure(self) -> str | None:
        """By what answers are the best or the worst of their row: the first known score, else ``passed``."""
        names = [name for name in self.scores if name.removeprefix(SCORE) not in _LIMITS]
        for name in names:
            if not np.isnan(floats(self.frame, name)).all():
                return name
        return "passed" if not np.isnan(truths(self.frame, "passed")).all() else None

    @cached_property
    def scores(self) -> list[str]:
        """The columns of scores."""
        return [name for name in self.frame.columns if isinstance(name, str) and name.startswith(SCORE)]

    @cached_property
    def holes(self) -> int:
        """How many answers are not there that another variant has for the same prompt and case."""
        counts = [[len(runs) for runs in row.values()] for row in self.members.values()]
        return sum(max(row) * len(self.grid.variants) - sum(row) for row in counts)

    @cached_property
    def repeats(self) -> int:
        """The most answers that a variant gave to one prompt and case."""
        return max((len(runs) for row in self.members.values() for runs in row.values()), default=0)

    @cached_property
    def prompts(self) -> list[str]:
        """The labels of the prompts (``tags["prompt"]``, else the template), in the order first seen."""
        tags = self.frame["tags"] if "tags" in self.frame else [None] * len(self.frame)
        templates = self.frame["template"] if "template" in self.frame else [None] * len(self.frame)
        found = (_prompt(tag, template) for tag, template in zip(tags, templates, strict=True))
        return list(dict.fromkeys(label for label in found if label))

    def cases(self) -> list[str | None]:
        """Return the case id of each row of the table."""
        firsts = [min(runs[0] for runs in row.values()) for row in self.members.values()]
        if "case_id" not in self.frame:
            return [None] * len(firsts)
        return [None if value is pd.NA else str(value) for value in self.frame["case_id"].iloc[firsts]]

    def differing(self, variants: Sequence[int]) -> list[int]:
        """Return the rows of the table in which two of some variants answered differently, blank around texts aside.

        Failed calls are no answers. With repeats, answers of the same repeat are compared.
        """
        if "text" not in self.frame:
            return []
        texts = self.frame["text"].astype("string").str.strip()
        known = texts.notna().to_numpy(bool) & np.isin(self.grid.variant, list(variants))
        rows = pd.DataFrame(
            {
                "place": self.grid.place,
                "cell": self.grid.cells(known),
                "variant": self.grid.variant,
                "text": texts.to_numpy(dtype=object),
            }
        )[known]
        rows = rows.drop_duplicates(["cell", "variant"], keep="last")
        different = rows.groupby("cell")["text"].nunique() > 1
        places = set(rows.loc[rows["cell"].map(different).to_numpy(bool), "place"].tolist())
        return [place for place in self.places if place in places]

    def rows(self, places: Sequence[int], variants: Sequence[int]) -> list[TableRow]:
        """Return rows of the table.

        Parameters
        ----------
        places : sequence of int
            Which rows.
        variants : sequence of int
            Which columns.
        """
        wanted = [at for place in places for runs in self.members[place].values() for at in runs]
        told = dict(zip(wanted, self._facts(wanted), strict=True))
        order = {place: at + 1 for at, place in enumerate(self.places)}
        made = []
        for place in places:
            runs = self.members[place]
            every = [told[at] for at in sorted(at for each in runs.values() for at in each)]
            cells = [[told[at] for at in runs.get(variant, ())] for variant in variants]
            made.append(
                TableRow(
                    head=_head(every[0], order[place], several=len(self.prompts) > 1),
                    expected=next((fact["expected"] for fact in every if fact["expected"] is not None), None),
                    cells=_cells(cells, self.scores, self.measure),
                )
            )
        return made

    def _facts(self, wanted: Sequence[int]) -> list[dict[str, Any]]:
        """Return what the table says of some runs; None where a text is unknown, NaN where a number is."""
        part = self.frame.iloc[list(wanted)]
        columns: dict[str, Sequence[Any]] = {name: _known(part, name) for name in _READ}
        for name in ("cost_usd", "latency_s", *self.scores):
            columns[name] = floats(part, name).tolist()
        for name in ("passed", "cached", "demo"):
            columns[name] = truths(part, name).tolist()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _known(frame: pd.DataFrame, column: str) -> list[Any]:
    if column not in frame:
        return [None] * len(frame)
    return [
        None if value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value
        for value in frame[column].astype(object)
    ]


def _prompt(tag: Any, template: Any) -> str | None:
    """Return a prompt's label, or its template on one line."""
    label = tag.get("prompt") if isinstance(tag, Mapping) else None
    if label is not None:
        return str(label)
    if not isinstance(template, str):
        return None
    flat = " ".join(template[: 4 * _LABEL].split())
    return flat if len(flat) <= _LABEL else f"{flat[: _LABEL - 1]}…"


def _head(fact: Mapping[str, Any], number: int, *, several: bool) -> str:
    """Return the case's id, the prompt where there are several, and in further lines what went into the prompt."""
    label = _prompt(fact["tags"], fact["template"])
    case = None if fact["case_id"] is None else str(fact["case_id"])
    named = label if several or case is None else None
    title = " · ".join(" ".join(part.split()) for part in (case, named) if part) or str(number)
    given = fact["vars"] if isinstance(fact["vars"], Mapping) else {}
    said = {"expected": fact["expected"], "case_id": case, "id": case}
    texts = {name: _text(value) for name, value in given.items()}
    lines = [f"{name}: {text}" for name, text in texts.items() if said.get(name) != text]
    if not lines and isinstance(fact["prompt"], str) and (case is not None or label is None or several):
        lines = [fact["prompt"]]
    return "\n".join([title, *lines])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def _cells(
    cells: Sequence[Sequence[Mapping[str, Any]]], scores: Sequence[str], measure: str | None
) -> list[TableCell | None]:
    """Return the cells of a row, the best and the worst of them marked."""
    merits = [_mean(facts, measure) if measure else math.nan for facts in cells]
    known = [merit for merit in merits if not math.isnan(merit)]
    top, bottom = (max(known), min(known)) if len(known) > 1 else (0.0, 0.0)
    # Where most are alike, only those that differ are worth a mark.
    best, worst = (top != bottom and 2 * known.count(merit) <= len(known) for merit in (top, bottom))
    made: list[TableCell | None] = []
    for facts, merit in zip(cells, merits, strict=True):
        if not facts:
            made.append(None)
            continue
        # Of several answers the first that came is shown.
        shown = next((fact for fact in facts if fact["text"] is not None and fact["status"] != "error"), facts[0])
        passed = {fact["passed"] for fact in facts}
        agreed = passed.pop() if len(passed) == 1 else math.nan
        means = {name.removeprefix(SCORE): _mean(facts, name) for name in scores}
        made.append(
            TableCell(
                text=shown["text"] or "",
                footer=_footer(facts, shown),
                error=_error(shown),
                passed=None if math.isnan(agreed) else agreed == 1,
                scores={name: number(mean) for name, mean in means.items() if not math.isnan(mean)},
                best=best and merit == top,
                worst=worst and merit == bottom,
            )
        )
    return made


def _mean(facts: Sequence[Mapping[str, Any]], name: str) -> float:
    known = [fact[name] for fact in facts if not math.isnan(fact[name])]
    return math.fsum(known) / len(known) if known else math.nan


def _error(fact: Mapping[str, Any]) -> str | None:
    if fact["status"] == "started":
        return "no answer: the call began and never ended"
    if fact["status"] in ("error", "incomplete"):
        return " ".join(str(fact["error"] or f"the call ended as {fact['status']}").split())
    return None


def _footer(facts: Sequence[Mapping[str, Any]], shown: Mapping[str, Any]) -> str:
    """Return what is said under an answer: which of how many, how many passed, cost, time, and what was odd."""
    count = len(facts)
    parts = []
    if count > 1:
        failed = sum(fact["status"] in ("error", "incomplete", "started") for fact in facts)
        place = next(at for at, fact in enumerate(facts) if fact is shown) + 1
        which = f"{place} of {count}{f', {failed} failed' if failed else ''}"
        parts.append(f"({which})" if failed < count else f"(all {count} failed)")
        judged = [fact["passed"] for fact in facts if not math.isnan(fact["passed"])]
        if 0 < sum(judged) < len(judged) or 0 < len(judged) < count:
            parts.append(f"{sum(judged):.0f} of {len(judged)} passed")
    cost, latency = _mean(facts, "cost_usd"), _mean(facts, "latency_s")
    about = "ø " if count > 1 else ""
    parts += [f"{about}{money(cost)}"] if not math.isnan(cost) else []
    parts += [f"{about}{seconds(latency)}"] if not math.isnan(latency) else []
    cached = sum(fact["cached"] == 1 for fact in facts)
    if cached:
        parts.append("cached" if cached == count else f"{cached} cached")
    if shown["status"] == "interrupted":
        parts.append("interrupted")
    if shown["finish_reason"] == "length":
        parts.append("cut at the token limit")
    elif shown["finish_reason"] == "content_filter":
        parts.append("stopped by a content filter")
    return " · ".join(parts)

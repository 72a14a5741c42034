"""Runs as a DataFrame: each column with the type that its table says, NA where a value is unknown."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from portkey_nb.engine.arrays import Packed, Scores, builder, unknown
from portkey_nb.engine.columns import COLUMNS, Choice, choose
from portkey_nb.engine.parts import Part
from portkey_nb.engine.record import SCORE
from portkey_nb.engine.tables import scores as clean_scores
from portkey_nb.engine.tables import to_micros

__all__ = ["COLUMNS", "build", "to_frame"]


def to_frame(rows: Iterable[Mapping[str, Any]], columns: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Return rows, as ``Run.to_row()`` gives them, as a DataFrame like that of :func:`portkey_nb.runs`.

    Parameters
    ----------
    rows : iterable of mappings
        In the order in which they are to stand.
    columns : None, "all", "metrics" or sequence of str
        As for :func:`portkey_nb.runs`.

    Raises
    ------
    StoreError
        When a name is no column.
    """
    choice = choose(columns)
    given = list(rows)
    values: dict[str, list[Any]] = {column.name: [row.get(column.name) for row in given] for column in choice.columns}
    for column in choice.columns:
        if column.kind == "time":
            values[column.name] = [to_micros(moment) for moment in values[column.name]]
    scored = [
        clean_scores({key.removeprefix(SCORE): row[key] for key in row if key.startswith(SCORE)}) for row in given
    ]
    return build(choice, [Part([str(row["run_id"]) for row in given], values, scored)])


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles from looking through the kernel's memory again and again: rows make no cycles."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def build(
    choice: Choice, parts: Iterable[Part], *, packed: Sequence[str] = (), backwards: bool = False
) -> pd.DataFrame:
    """Return rows as a DataFrame; of the parts no more than one is held at a time.

    Parameters
    ----------
    choice : Choice
        Which columns, in which order; one that a part does not have is all NA.
    parts : iterable of Part
    packed : sequence of str
        Which columns each part has as one.
    backwards : bool
        Whether the last row comes first.
    """
    index, scores, few = (
        builder("string"),
        Scores(),
        Packed([column for column in choice.columns if column.name in packed]),
    )
    columns = {each.name: builder(each.kind) for each in choice.columns if each.name not in packed}
    with _uncollected():
        for part in parts:
            index.add(part.run_ids)
            for name, column in columns.items():
                values = part.values.get(name, ())
                if unknown(values):
                    column.skip(len(part.run_ids))
                else:
                    column.add(values)
            few.add(part.packed)
            if part.scores:
                scores.add(part.scores)
            else:
                scores.skip(len(part.run_ids))
    repeated = few.done()
    data: dict[str, Any] = {}
    for each in choice.columns:  # each is let go as soon as it is whole
        data[each.name] = repeated.pop(each.name) if each.name in packed else columns.pop(each.name).done()
    for scorer, scored in scores.done(choice.scores).items():
        data[SCORE + scorer] = scored
    frame = pd.DataFrame(data, index=pd.Index(index.done(), name="run_id"), copy=False)
    return frame[::-1] if backwards else frame

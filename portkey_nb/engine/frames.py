"""Runs as a DataFrame: each column with the type that its table says, NA where a value is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from portkey_nb.engine.columns import COLUMNS, Choice, choose
from portkey_nb.engine.plain import integer, number, truth
from portkey_nb.engine.queries import Found
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
    names = sorted({name for each in scored for name in each})
    scores = {name: [each.get(name) for each in scored] for name in names}
    return build(choice, Found([str(row["run_id"]) for row in given], values, scores))


def build(choice: Choice, found: Found) -> pd.DataFrame:
    """Return lists of values as a DataFrame.

    Parameters
    ----------
    choice : Choice
        Which columns, in which order.
    found : Found
        Values by column, times as microseconds since 1970; a column that is not there is all NA.
    """
    size = len(found.run_ids)
    nothing: list[Any] = [None] * size
    data: dict[str, Any] = {}
    for column in choice.columns:
        data[column.name] = _KINDS[column.kind](found.values.get(column.name, nothing))
    scorers = found.scores if choice.scores is None else choice.scores
    for scorer in scorers:
        data[SCORE + scorer] = _floats(found.scores.get(scorer, nothing))
    index = pd.Index(_strings(found.run_ids), name="run_id", dtype="string")
    return pd.DataFrame(data, index=index)


def _objects(values: Sequence[Any]) -> Any:
    made = np.empty(len(values), dtype=object)
    made[:] = values  # numpy takes lists inside for elements here, as np.array() would not
    return made


def _strings(values: Sequence[Any]) -> Any:
    if values.count(None) == len(values):  # many columns are: not one value need be looked at
        return pd.Series(None, index=pd.RangeIndex(len(values)), dtype="string").array
    return pd.array(_objects(values), dtype="string")


def _categories(values: Sequence[Any]) -> Any:
    return pd.Categorical(_objects(values))


def _integers(values: Sequence[Any]) -> Any:
    return pd.arrays.IntegerArray(*_masked(values, np.int64, integer))


def _floats(values: Sequence[Any]) -> Any:
    return pd.arrays.FloatingArray(*_masked(values, np.float64, number))


def _booleans(values: Sequence[Any]) -> Any:
    return pd.arrays.BooleanArray(*_masked(values, np.bool_, truth))


def _times(values: Sequence[Any]) -> Any:
    numbers, unknown = _masked(values, np.int64, integer)
    moments = numbers.view("datetime64[us]")
    moments[unknown] = np.datetime64("NaT")
    return pd.Series(moments).dt.tz_localize("UTC").array


def _masked(values: Sequence[Any], dtype: Any, read: Any) -> tuple[Any, Any]:
    """Return numbers of a type and a mask of the unknown ones.

    Parameters
    ----------
    read : callable
        Reads one value of any kind; used only where some are not of the expected kind.
    """
    kinds = set(map(type, values))
    if not kinds <= _EXPECTED[dtype] | {type(None)}:
        values = [read(value) for value in values]
        kinds = set(map(type, values))
    if dtype is np.float64:
        numbers = np.array(values, dtype)  # makes NaN of None
        unknown = ~np.isfinite(numbers)
    elif type(None) not in kinds:
        return np.array(values, dtype), np.zeros(len(values), np.bool_)
    else:
        column = _objects(values)
        unknown = column == None  # noqa: E711 (element by element)
        column[unknown] = 0
        numbers = column.astype(dtype)
    numbers[unknown] = 0
    return numbers, unknown


_EXPECTED: Mapping[Any, set[type]] = {np.int64: {int}, np.float64: {int, float}, np.bool_: {bool, int}}


_KINDS: Mapping[str, Any] = {
    "string": _strings,
    "category": _categories,
    "boolean": _booleans,
    "Int64": _integers,
    "Float64": _floats,
    "time": _times,
    "object": _objects,
}

"""Python objects as plain data and as text for a model: models, dataclasses, frames, arrays, bounded in length."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import islice
from typing import Any

from portkey_nb.engine.plain import DEEPEST, mend, plain

LONGEST_TEXT = 50_000
"""Characters of a result that a model is given."""
MOST_ROWS = 200
"""Rows of a table that a model is given."""
_MOST_ITEMS = LONGEST_TEXT // 2
"""Items of a list that could still show: each takes two characters."""


def text_of(value: Any) -> str:
    """Return a value as text for a model: text as it is, everything else as JSON.

    Parameters
    ----------
    value : object
        Models, dataclasses, dates, numpy's numbers; a DataFrame or Series gives its records, at most 200 rows.

    Returns
    -------
    str
        At most 50,000 characters and a note of what was left out.

    Examples
    --------
    >>> text_of("sunny"), text_of({"low": 3, "high": 7.5})
    ('sunny', '{"low": 3, "high": 7.5}')
    """
    note = ""
    if isinstance(value, str):
        text = mend(str(value))
    else:
        rows = _length_of_table(value)
        if rows is not None and rows > MOST_ROWS:
            note = f"\n({rows - MOST_ROWS:,} of {rows:,} rows left out)"
        text = json.dumps(plain(data_of(value)), ensure_ascii=False)
    if len(text) > LONGEST_TEXT:
        note = f"\n(cut: only the first {LONGEST_TEXT:,} characters are shown){note}"
    return text[:LONGEST_TEXT] + note


def data_of(value: Any, level: int = 0) -> Any:
    """Return models, dataclasses, named tuples, frames and arrays as dicts and lists, however deep they lie."""
    if level >= DEEPEST or isinstance(value, str | bytes | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.value
    fields = fields_of(value)
    if fields is not None:
        return {str(name): data_of(item, level + 1) for name, item in islice(fields.items(), _MOST_ITEMS)}
    if _length_of_table(value) is not None:
        return _records(value)
    if _is_from("numpy", value) and hasattr(value, "tolist"):
        return data_of(value[:_MOST_ITEMS].tolist() if getattr(value, "ndim", 0) else value.tolist(), level + 1)
    if isinstance(value, list | tuple | AbstractSet | Iterator):
        return [data_of(item, level + 1) for item in islice(value, _MOST_ITEMS)]
    return None if _is_missing(value) else value


def fields_of(value: Any) -> dict[Any, Any] | None:
    """Return an object's fields by name: of a mapping, a model, a dataclass, a named tuple; None for anything else."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, type):
        return None
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, Mapping) and hasattr(value, "model_dump"):
        extra = getattr(value, "__pydantic_extra__", None) or {}
        return {**{name: getattr(value, name) for name in fields}, **extra}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return dict(value._asdict())
    return None


def _is_from(library: str, value: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == library for kind in type(value).__mro__)


def _length_of_table(value: Any) -> int | None:
    names = {kind.__name__ for kind in type(value).__mro__} if _is_from("pandas", value) else set()
    return len(value) if names & {"DataFrame", "Series"} else None


def _records(table: Any) -> list[dict[str, Any]]:
    part = table.iloc[:MOST_ROWS]
    if not hasattr(part, "columns"):
        part = part.to_frame(name="value" if part.name is None else part.name)
    index: list[list[Any]] = []
    if not (type(part.index).__name__ == "RangeIndex" and part.index.name is None):
        index = [list(row) if isinstance(row, tuple) else [row] for row in part.index]
    names = [*_index_names(part.index if index else None), *(_label(column) for column in part.columns)]
    names = [name if name not in names[:place] else f"{name} ({place + 1})" for place, name in enumerate(names)]
    columns = [list(part.iloc[:, place]) for place in range(part.shape[1])]
    cells = [[*(index[row] if index else ()), *(column[row] for column in columns)] for row in range(len(part))]
    return [dict(zip(names, [data_of(cell, 2) for cell in row], strict=True)) for row in cells]


def _index_names(index: Any) -> list[str]:
    if index is None:
        return []
    plain_name = "index" if index.nlevels == 1 else "level_{}"
    return [plain_name.format(place) if name is None else str(name) for place, name in enumerate(index.names)]


def _label(column: Any) -> str:
    return " ".join(str(part) for part in column) if isinstance(column, tuple) else str(column)


def _is_missing(value: Any) -> bool:
    """Tell whether a value is one of pandas' marks of a missing cell."""
    return type(value).__name__ in ("NAType", "NaTType") and _is_from("pandas", value)

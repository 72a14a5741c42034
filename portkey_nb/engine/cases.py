"""The cases of a comparison: a DataFrame or a list of mappings, each row with its id and its expected answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from portkey_nb.engine.plain import mend, plain, to_json
from portkey_nb.engine.shapes import quoted
from portkey_nb.errors import PromptError

IDS = ("case_id", "id")
"""Columns that name a case, the first one first."""
EXPECTED = "expected"
"""The column of the reference answer."""
_EXAMPLE = "cases=pd.DataFrame({'question': [...], 'expected': [...]})"


@dataclass(frozen=True, slots=True)
class Case:
    """One row.

    Attributes
    ----------
    case_id : str or None
        None where a comparison has no cases.
    columns : mapping
        As given; None where the table has nothing.
    expected : str or None
        The reference answer.
    shown : mapping
        The columns as the run log takes them: plain values, secrets as ``***``.
    """

    case_id: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    expected: str | None = None
    shown: Mapping[str, Any] | None = None


def cases_of(given: Any) -> list[Case]:
    """Return the cases of a table; without one, a single case that has no columns.

    Parameters
    ----------
    given : DataFrame, iterable of mappings, or None
        Ids come from a column ``case_id`` or ``id``, else rows are numbered from 1.

    Raises
    ------
    PromptError
        When the table is empty, is none, or two cases have the same id.

    Examples
    --------
    >>> [case.case_id for case in cases_of([{"text": "one"}, {"text": "two"}])]
    ['1', '2']
    """
    if given is None:
        return [Case()]
    rows = _rows(given)
    if not rows:
        raise PromptError(f"the table of cases is empty; give at least one row, as in {_EXAMPLE}")
    named = next((name for name in IDS if any(name in row for row in rows)), None)
    found: list[Case] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        case_id = str(number) if named is None else as_text(row.get(named))
        if not case_id:
            raise PromptError(f"case {number} has no {named!r}; fill the column in, or leave it out to number the rows")
        if case_id in seen:
            raise PromptError(
                f"case id {quoted(case_id)} stands in row {seen[case_id]} and in row {number}; "
                f"make the column {named!r} unique, or leave it out to number the rows"
            )
        seen[case_id] = number
        expected = as_text(row.get(EXPECTED))
        found.append(Case(case_id, row, expected, plain(row, hide=True)))
    return found


def as_text(value: Any) -> str | None:
    """Return a value of a table as text; None where there is nothing (None, NaN, NA)."""
    if isinstance(value, str):
        return mend(value)
    if _missing(value):
        return None
    if isinstance(value, Mapping | list | tuple | set):
        return to_json(plain(value))
    # A column of whole numbers becomes one of floats where a row has nothing.
    return (
        str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else mend(str(value))
    )


def _missing(value: Any) -> bool:
    return (
        value is None or value is pd.NA or value is pd.NaT or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
    )


def _rows(given: Any) -> list[dict[str, Any]]:
    if isinstance(given, pd.DataFrame):
        names = [str(name) for name in given.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise PromptError(f"the table of cases has two columns {twice!r}; rename one of them")
        rows: list[Any] = given.set_axis(names, axis=1).to_dict("records")
    elif isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise PromptError(f"cases is {quoted(given)}; give a DataFrame or a list of mappings, as in {_EXAMPLE}")
    else:
        rows = list(given)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise PromptError(f"case {number} is {quoted(row)}; give a mapping of columns, as in {{'question': '...'}}")
    return [{str(name): None if _missing(value) else value for name, value in row.items()} for row in rows]

"""What the run log holds of a comparison: the answers that need not be asked for again, if they are to the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pandas as pd

from portkey_nb.engine.columns import COLUMNS
from portkey_nb.engine.crossing import Crossing
from portkey_nb.engine.plain import plain
from portkey_nb.engine.record import SCORE, Run
from portkey_nb.engine.shapes import quoted
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.variants import Variant
from portkey_nb.errors import SettingsError, StoreError

Row = dict[str, Any]
Facts = Mapping[str, Any]
_BEFORE = 20
"""Characters shown before the first one that differs."""
_OBJECTS = frozenset(column.name for column in COLUMNS if column.kind == "object")


def earlier_rows(store: RunStore, name: str, grid: Crossing, now: Mapping[str, Facts]) -> dict[int, Run]:
    """Return the logged answers of the cells of a comparison, by the cells' places.

    Parameters
    ----------
    store : RunStore
    name : str
        The comparison's.
    grid : Crossing
    now : mapping
        By the variant's label: what a row of it would hold as ``model``, ``params`` and ``config``, and as ``demo``
        whether the demo gateway is asked.

    Raises
    ------
    SettingsError
        When answers of this name are to another template, system message, parameters or case.
    StoreError
        When the log cannot be read: what was paid for would be asked again.
    """
    try:
        frame = store.frame(group=name, status="ok", columns="all")
    except StoreError as error:
        said = f"the answers of {quoted(name)} cannot be looked up, and none is paid for twice, so nothing is asked"
        raise StoreError(f"{said}: {error.message}") from None
    frame = frame[(frame["group_label"] == name) & (frame["source"] == "compare")]
    # Of a damaged row one of these is unknown: it is asked again.
    frame = frame[frame["variant"].notna() & frame["messages"].notna()]
    if not len(frame):
        return {}
    places = {key: place for place, key in enumerate(grid.keys())}
    found: dict[int, Run] = {}
    for row in _rows(frame):
        key = (row["variant"], _label(row), row["case_id"], row["repeat"])
        changed = _changed(row, grid, now)
        if changed is not None:
            raise SettingsError(
                f"the comparison {quoted(name)} has answers in the run log, but {changed}; "
                "choose another name for what is new, so that the two are never mixed"
            )
        if key in places:
            found[places[key]] = Run.from_row(row)  # the newest, since rows come oldest first
    return found


def _rows(frame: pd.DataFrame) -> list[Row]:
    columns: dict[str, list[Any]] = {}
    for name in frame.columns:
        values = frame[name]
        if name not in _OBJECTS:
            values = values.astype(object).where(values.notna(), None)
        columns[str(name)] = values.tolist()
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for run_id, row in zip(frame.index, rows, strict=True):
        row["run_id"] = str(run_id)
        for name in [name for name, value in row.items() if name.startswith(SCORE) and value is None]:
            del row[name]
    return rows


def _label(row: Mapping[str, Any]) -> str | None:
    return row["tags"].get("prompt") if isinstance(row["tags"], Mapping) else None


def _changed(row: Row, grid: Crossing, now: Mapping[str, Facts]) -> str | None:
    """Say what in an answered question is not as it was; of what is not asked now, nothing."""
    variant = next((variant for variant in grid.variants if variant.name == row["variant"]), None)
    return (
        _changed_template(row, grid)
        or _changed_case(row, grid)
        or (None if variant is None else _changed_variant(row, grid, variant, now[variant.name]))
    )


def _changed_template(row: Row, grid: Crossing) -> str | None:
    label = _label(row)
    template = grid.by_label.get(label)
    if template is None or template.text == row["template"]:
        return None
    which = "the template" if label is None else f"the prompt {quoted(label)}"
    return f"{which} changed{_difference(row['template'], template.text)}"


def _changed_case(row: Row, grid: Crossing) -> str | None:
    case = grid.by_id.get(row["case_id"])
    if case is None:
        return None
    before, after = (
        {"expected": row["expected"], **(row["vars"] or {})},
        {"expected": case.expected, **(case.shown or {})},
    )
    for column in before:
        if column in after and before[column] != after[column]:
            said = _difference(before[column], after[column])
            return f"case {quoted(case.case_id)} changed in the column {column!r}{said}"
    return None


def _changed_variant(row: Row, grid: Crossing, variant: Variant, now: Facts) -> str | None:
    was = {**row, "params": row["params"] or {}, "demo": row["base_url"] == "demo"}
    for column, said in _FACTS.items():
        before, after = _comparable(was[column]), _comparable(now[column])
        if before != after:
            return f"{said} of {quoted(variant.name)} changed{_difference(before, after)}"
    case = grid.by_id.get(row["case_id"])
    template = grid.by_label.get(_label(row))
    if case is None or template is None:
        return None
    after = grid.system_of(variant, template, case)
    if row["system"] == after:
        return None
    return (
        f"the system message of {quoted(variant.name)} changed: it was {quoted(row['system'])} and is {quoted(after)}"
    )


def _difference(before: Any, after: Any, path: str = "") -> str:
    """Say where two values begin to differ, and how."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        name = next(name for name in {**before, **after} if before.get(name) != after.get(name))
        return _difference(before.get(name), after.get(name), f"{path}.{name}" if path else str(name))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        at = next(at for at, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1])
        return _difference(before[at], after[at], f"{path}[{at}]")
    if isinstance(before, str) and isinstance(after, str):
        # Of long texts the place is shown: they often begin alike.
        pairs = enumerate(zip(before, after, strict=False))
        begin = next((at for at, (a, b) in pairs if a != b), min(len(before), len(after))) - _BEFORE
        if begin > 0:
            before, after = f"…{before[begin:]}", f"…{after[begin:]}"
    return f"{f' in `{path}`' if path else ''}: it was {quoted(before)} and is {quoted(after)}"


def _comparable(value: Any) -> Any:
    """Return a value as the run log would, and what is written as JSON without its spaces."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError):
            value = json.loads(value)
    return plain(value, hide=True)


_FACTS = {
    "model": "the model",
    "params": "the parameters",
    "config": "the config",
    "demo": "the use of the demo gateway",
}

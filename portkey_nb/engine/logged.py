"""Logged runs made ready to be compared: any frame of runs as one with all columns, variants and cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from portkey_nb.engine.columns import COLUMNS
from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.record import FIELDS, SCORE, Run, new_run_id, whole
from portkey_nb.errors import PromptError

_WAY = "give runs(columns='all'), or a comparison's .to_frame()"
_OBJECTS = {column.name for column in COLUMNS if column.kind == "object"}
_TEXTS = {column.name for column in COLUMNS if column.kind in ("string", "category")}
_LAST = ("started", "interrupted", "incomplete", "error", "ok")
"""Of two rows for one cell of a comparison the one counts that stands later here, else the later row."""


def comparable(frame: Any) -> tuple[pd.DataFrame, list[str]]:
    """Return a frame of logged runs with all columns, and what is to be said of what was done to it.

    A row without a variant gets its model as variant; repeats of a model are one variant. Rows without a case are
    grouped by their prompt. What was done for other runs is taken out: the calls of judges, requests that only called
    tools (their cost and time go to the answer they led to), and attempts at a cell that a later one made good.

    Raises
    ------
    PromptError
        When it is no frame of runs, or has none to compare.
    """
    _check(frame)
    rows = _rows(frame)
    notes: list[str] = []
    if "text" not in frame:
        notes.append("the frame has no column `text`, so that no answer is shown; runs(columns='all') has it")
    elif not {"case_id", "cached", "demo"} <= set(frame.columns):
        notes.append(
            "the frame has not all columns; runs(columns='all') also tells of cases, cached answers and play money"
        )
    for row in rows:
        _complete(row)
    for keep, said in ((_answers, "judges"), (_last_rounds, "tools"), (_last_attempts, "attempts")):
        kept = keep(rows)
        if len(kept) < len(rows):
            notes.append(_SAID[said].format(_calls(len(rows) - len(kept))))
        rows = kept
    _name_cases(rows)
    return to_frame(rows, "all"), notes


_SAID = {
    "judges": "{} of judges left out",
    "tools": "{} that only called tools left out, with their cost and time in the answer they led to",
    "attempts": "{} left out that a later attempt at the same cell replaced",
}


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _check(frame: Any) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise PromptError(f"a comparison is made of a DataFrame of runs, and this is {type(frame).__name__}; {_WAY}")
    missing = [
        "` or `".join(names)
        for names in (("variant", "model"), ("text", "status"), ("case_id", "prompt", "template"))
        if not any(name in frame.columns for name in names)
    ]
    if missing:
        raise PromptError(f"the frame has no column `{missing[0]}`, which runs have; {_WAY}")
    if not len(frame):
        raise PromptError("the frame has no runs to compare; `runs()` shows what is logged")


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the frame's rows by column, None where a value is unknown."""
    scores = [name for name in frame.columns if isinstance(name, str) and name.startswith(SCORE)]
    names = [name for name in (*FIELDS, *scores) if name in frame.columns]
    columns = {name: _values(name, frame[name]) for name in names}
    if "run_id" not in columns and frame.index.name == "run_id":
        columns["run_id"] = [str(each) for each in frame.index]
    made = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for row in made:
        row["run_id"] = row.get("run_id") or new_run_id()
    return made


def _values(name: str, series: pd.Series[Any]) -> list[Any]:
    if name in ("started_at", "ended_at"):
        series = pd.to_datetime(series, utc=True, errors="coerce")
    unknown = series.isna().to_numpy(bool)
    values = [None if none else value for value, none in zip(series.astype(object), unknown, strict=True)]
    if name in _OBJECTS:
        return [_read(value) for value in values]
    if name in _TEXTS:
        return [value if value is None else _words(value) for value in values]
    return values


def _read(value: Any) -> Any:
    """Return an object that a CSV file carried as JSON."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _words(value: Any) -> str:
    """Return a text; whole numbers as people write them, though a column with gaps made floats of them."""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _complete(row: dict[str, Any]) -> None:
    """Give a row the variant and the status that it lacks."""
    model = row.get("model")
    variant = row.get("variant")
    if variant is None:
        row["variant"] = model or "(unnamed)"
    elif model is not None and row.get("repeat") and variant == f"{model} ({row['repeat'] + 1})":
        # A cell with --repeat labels each answer; to a comparison they are repeats of one variant.
        row["variant"] = model
    if row.get("status") is None:
        row["status"] = "ok" if row.get("text") is not None and row.get("error") is None else "error"


def _answers(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows without the calls of judges, where there are others."""
    return [row for row in rows if row.get("source") != "judge"] or list(rows)


def _last_rounds(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows without requests that only called tools, where the request that followed is there."""
    by_id = {row["run_id"]: row for row in rows if row.get("finish_reason") == "tool_calls"}
    followed = {row.get("parent_run_id") for row in rows}
    rounds: dict[str, list[dict[str, Any]]] = {}
    gone: set[str] = set()
    for row in rows:
        if row["run_id"] in by_id and row["run_id"] in followed:
            continue  # a request on the way; the last one gathers those before it
        before = by_id.get(row.get("parent_run_id") or "")
        while before is not None and before["run_id"] not in gone:
            gone.add(before["run_id"])
            rounds.setdefault(row["run_id"], []).insert(0, before)
            before = by_id.get(before.get("parent_run_id") or "")
    kept = []
    for row in rows:
        if row["run_id"] in gone:
            continue
        earlier = rounds.get(row["run_id"])
        kept.append({**row, **_summed(row, earlier)} if earlier else row)
    return kept


def _summed(row: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    given = [Run.from_row({"started_at": None, **each}) for each in (*earlier, row)]
    return whole(given[-1], given[:-1]).to_row()


def _last_attempts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each cell of a named comparison, though it was asked again after an interrupt."""
    best: dict[Any, int] = {}
    for at, row in enumerate(rows):
        cell = _cell(row)
        if cell is None:
            continue
        other = best.get(cell)
        if other is None or _LAST.index(row["status"]) >= _LAST.index(rows[other]["status"]):
            best[cell] = at
    kept = set(best.values())
    return [row for at, row in enumerate(rows) if at in kept or _cell(row) is None]


def _cell(row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if row.get("group_label") is None or row.get("repeat") is None or row.get("status") not in _LAST:
        return None
    tags = row.get("tags")
    label = tags.get("prompt") if isinstance(tags, Mapping) else None
    prompt = None if row.get("case_id") is not None else row.get("prompt")
    return (
        row["group_label"],
        row["variant"],
        row.get("template"),
        str(label),
        row.get("case_id"),
        prompt,
        row["repeat"],
    )


def _name_cases(rows: Sequence[dict[str, Any]]) -> None:
    """Give rows without a case the number of their prompt."""
    nameless = [row for row in rows if row.get("case_id") is None]
    if len(nameless) < len(rows) or any(row.get("prompt") is not None for row in nameless):
        numbers: dict[str, int] = {}
        for row in nameless:
            text = row.get("prompt") or row.get("template") or ""
            row["case_id"] = f"prompt {numbers.setdefault(str(text), len(numbers) + 1)}"

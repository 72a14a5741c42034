"""The columns of the run log: one typed table, from which store and frames take names, kinds and places."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from portkey_nb.engine.record import SCORE
from portkey_nb.errors import StoreError

Kind = Literal["string", "category", "boolean", "Int64", "Float64", "time", "object"]
Place = Literal["column", "detail", "body"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes
    ----------
    name : str
        As in :func:`portkey_nb.runs`, and as the field of a Run.
    kind : str
        Its pandas dtype; ``time`` is ``datetime64[us, UTC]``.
    place : {"column", "detail", "body"}
        Stored as a column that is searched, in the JSON of small facts, or apart with the texts.
    metric : bool
        Whether ``columns="metrics"`` has it: all but the texts and objects.
    """

    name: str
    kind: Kind
    place: Place = "detail"
    metric: bool = True


def _text(name: str) -> Column:
    return Column(name, "string", "body", metric=False)


def _object(name: str) -> Column:
    return Column(name, "object", "body", metric=False)


COLUMNS: tuple[Column, ...] = (
    Column("run_id", "string", "column"),
    Column("group_id", "string", "column"),
    Column("group_label", "string", "column"),
    Column("conversation_id", "string", "column"),
    Column("parent_run_id", "string"),
    Column("source", "category", "column"),
    Column("cell_id", "string"),
    Column("notebook", "string", "column"),
    Column("started_at", "time", "column"),
    Column("ended_at", "time", "column"),
    Column("status", "category", "column"),
    Column("provider", "category", "column"),
    Column("model", "category", "column"),
    Column("model_response", "category"),
    Column("variant", "category"),
    Column("base_url", "string"),
    Column("demo", "boolean", "column"),
    Column("config", "string"),
    Column("trace_id", "string", "column"),
    Column("response_id", "string"),
    _text("template"),
    _object("vars"),
    _text("system"),
    _text("prompt"),
    _object("messages"),
    Column("case_id", "string"),
    _text("expected"),
    Column("repeat", "Int64"),
    _object("params"),
    _object("dropped_params"),
    Column("stream", "boolean"),
    _text("text"),
    _text("reasoning"),
    _object("tool_calls"),
    Column("finish_reason", "category"),
    Column("native_finish_reason", "category"),
    Column("input_tokens", "Int64"),
    Column("output_tokens", "Int64"),
    Column("total_tokens", "Int64"),
    Column("cached_input_tokens", "Int64"),
    Column("cache_write_tokens", "Int64"),
    Column("reasoning_tokens", "Int64"),
    Column("tokens_estimated", "boolean"),
    Column("cost_usd", "Float64", "column"),
    _object("price"),
    Column("latency_s", "Float64"),
    Column("ttft_s", "Float64"),
    Column("tokens_per_s", "Float64"),
    Column("queue_s", "Float64"),
    Column("attempts", "Int64"),
    Column("gateway_retries", "Int64"),
    Column("gateway_target", "string"),
    Column("gateway_cache", "category"),
    Column("cached", "boolean", "column"),
    Column("http_status", "Int64"),
    Column("error_type", "string"),
    Column("error", "string"),
    Column("passed", "boolean"),
    Column("rating", "Int64"),
    Column("rating_note", "string", metric=False),
    _object("tags"),
    _object("metadata"),
)

BY_NAME = {column.name: column for column in COLUMNS}

DEFAULT = (
    "started_at",
    "source",
    "model",
    "status",
    "prompt",
    "text",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "ttft_s",
    "latency_s",
    "finish_reason",
    "error",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns that were asked for, in order.

    Attributes
    ----------
    columns : tuple of Column
        Without the index.
    scores : tuple of str or None
        The scorers asked for; None takes all there are.
    """

    columns: tuple[Column, ...]
    scores: tuple[str, ...] | None = ()


def choose(columns: str | Sequence[str] | None = None) -> Choice:
    """Read what a caller gave as ``columns``.

    Parameters
    ----------
    columns : None, "all", "metrics", or sequence of str
        None are the default columns; a sequence those named, ``score_<name>`` among them.

    Raises
    ------
    StoreError
        When a name is no column; it tells the nearest ones.
    """
    data = COLUMNS[1:]
    if columns is None:
        return Choice(tuple(BY_NAME[name] for name in DEFAULT))
    if isinstance(columns, str):
        if columns == "all":
            return Choice(data, None)
        if columns == "metrics":
            return Choice(tuple(column for column in data if column.metric), None)
        columns = [columns]
    picked: list[Column] = []
    scores: list[str] = []
    for name in columns:
        if not isinstance(name, str) or not (name in BY_NAME or name.startswith(SCORE)):
            raise StoreError(_unknown(name))
        if name in BY_NAME and name != "run_id" and BY_NAME[name] not in picked:
            picked.append(BY_NAME[name])
        elif name.startswith(SCORE) and name.removeprefix(SCORE) not in scores:
            scores.append(name.removeprefix(SCORE))
    return Choice(tuple(picked), tuple(scores))


def _unknown(name: object) -> str:
    close = difflib.get_close_matches(str(name), [*BY_NAME, "all", "metrics"], 3, 0.5)
    hint = "did you mean " + " or ".join(f"`{match}`" for match in close) if close else "columns='all' shows them all"
    return f"no column {name!r} in the run log; {hint}"

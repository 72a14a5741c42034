"""A value of the notebook as the text that a prompt gets: text, Markdown table, JSON, or a refusal."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portkey_nb.errors import PromptError

__all__ = ["ROWS_SHOWN", "as_text"]

ROWS_SHOWN = 200
"""Rows of a table that a prompt gets; a last line tells how many more there are."""

_ONE_LINE = 80
"""Characters up to which JSON stays on one line."""

_ADDRESS = re.compile(r"<.* at 0x[0-9A-Fa-f]+>", re.DOTALL)


def as_text(value: Any, reference: str) -> str:
    """Write a value as a prompt should hold it.

    Parameters
    ----------
    value : object
        A text goes in as it is; a pandas DataFrame or Series as a Markdown table; a mapping, sequence, set or
        array as JSON; anything else as ``str`` writes it.
    reference : str
        How the prompt calls it, for the error.

    Raises
    ------
    PromptError
        For what has no text worth sending: None and NA, bytes, functions, classes, modules, and objects that show
        only their address.
    """
    problem = _unfit(value)
    text = ""
    if problem is None:
        try:
            text = _written(value)
        except Exception as error:  # noqa: BLE001 (a value's own methods may raise anything)
            problem = f"cannot be written as text ({type(error).__name__}: {error!s:.80}); insert a part of it"
        if problem is None and not isinstance(value, str) and _ADDRESS.fullmatch(text):
            problem = f"is {text:.60}, which says nothing to a model; insert a part of it, or str() of it"
    if problem is not None:
        raise PromptError(" ".join(f"`{{{{{reference}}}}}` {problem}".split()))
    return text


def _unfit(value: Any) -> str | None:
    """Tell why a value cannot go into a prompt, and what can instead; None where it can."""
    if value is None or _is_missing_marker(value):
        return f"is {value}; give it a value first, or take it out of the prompt"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"is {type(value).__name__}, no text; insert `.decode()` of it, bound to a name"
    if inspect.isroutine(value):
        return "is a function, and a reference makes no calls; bind its result to a name and insert that"
    if inspect.isclass(value) or inspect.ismodule(value):
        return f"is a {'class' if inspect.isclass(value) else 'module'}; insert a value"
    return None


def _written(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if _is_pandas(value, "DataFrame"):
        return _frame_table(value)
    if _is_pandas(value, "Series"):
        return _frame_table(value.to_frame(value.name if value.name is not None else "value"))
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _as_json(value)
    if callable(getattr(value, "tolist", None)):
        plain = value.tolist()
        return _as_json(plain) if isinstance(plain, list) else str(plain)
    return str(value)


def _as_json(value: Any) -> str:
    try:
        short = json.dumps(value, ensure_ascii=False, default=_plain)
        if len(short) <= _ONE_LINE:
            return short
        return json.dumps(value, ensure_ascii=False, default=_plain, indent=2)
    except (TypeError, ValueError):
        # Keys that JSON has no form for, or a circle.
        return str(value)


def _plain(value: Any) -> Any:
    """Give ``json`` something it knows for a value it does not."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if _is_pandas(value, "DataFrame"):
        return value.to_dict("records")
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    return None if _is_missing_marker(value) else str(value)


def _is_pandas(value: Any, name: str) -> bool:
    # By name: a prompt without a frame must not wait for pandas to load.
    return any(kind.__name__ == name and kind.__module__.split(".")[0] == "pandas" for kind in type(value).__mro__)


def _is_missing_marker(value: Any) -> bool:
    return type(value).__name__ in {"NAType", "NaTType"} and type(value).__module__.split(".")[0] == "pandas"


def _frame_table(frame: Any) -> str:
    if not len(frame.columns):
        return f"(a table of {len(frame):,} rows and no columns)"
    index = frame.index
    with_index = type(index).__name__ != "RangeIndex" or index.name is not None
    head = [_label(name) for name in frame.columns]
    if with_index:
        head = ["" if name is None else _label(name) for name in index.names] + head
    rows: list[Sequence[Any]] = []
    for key, *cells in frame.iloc[:ROWS_SHOWN].itertuples(index=True, name=None):
        keys = [] if not with_index else list(key) if index.nlevels > 1 else [key]
        rows.append([*keys, *cells])
    lines = [_row(head), _row(["---"] * len(head)), *(_row(map(_cell, row)) for row in rows)]
    left_out = len(frame) - len(rows)
    if left_out:
        lines.append(f"\n({len(rows):,} of {len(frame):,} rows; the last {left_out:,} are left out)")
    elif not rows:
        lines.append("\n(no rows)")
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _label(name: Any) -> str:
    return _cell(" / ".join(map(str, name)) if isinstance(name, tuple) else name)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value) or _is_missing_marker(value):
        return ""
    # A backslash before a pipe would eat the one that protects the pipe.
    text = re.sub(r"(\\*)\|", lambda found: found[1] * 2 + r"\|", str(value))
    return re.sub(r"\r\n|\r|\n", "<br>", text)

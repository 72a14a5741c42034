"""``%portkey compare``: logged runs as a Comparison, by group, or the latest ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from portkey_nb.engine.store import open_store, runs
from portkey_nb.errors import PromptError

if TYPE_CHECKING:
    import pandas as pd

    from portkey_nb.engine.comparison import Comparison

_LINE = re.compile(
    r"""compare(?:\s+(?:last\s+(?P<last>\d+)|"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<word>\S+)))?""", re.ASCII
)
_LOOK_BACK = (200, 20_000, None)
"""So many of the latest runs are searched for a group, step by step: logs grow long."""


def find_comparison(line: str) -> Callable[[Any], Comparison] | None:
    """Return the command that a line is, None when it is a prompt.

    Examples
    --------
    >>> find_comparison("compare Rome and Oslo") is None, find_comparison("compare last 20") is None
    (True, False)
    """
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    group = found["double"] or found["single"] or found["word"]
    last = None if found["last"] is None else int(found["last"])
    return lambda magics: _compare(group, last)


def _compare(group: str | None, last: int | None) -> Comparison:
    from portkey_nb.engine.comparison import Comparison  # pandas loads only for frames

    if last == 0:
        raise PromptError("`compare last 0` compares nothing; give how many of the latest runs")
    if last is not None:
        frame = runs(last, columns="all")
        if not len(frame):
            raise PromptError("the run log has no runs yet; a `%%portkey` cell with several -m makes some to compare")
    else:
        named = group or _latest()
        if named is None:
            raise PromptError(
                "no runs were made together yet; try several -m in one cell, or `%portkey compare last 20`"
            )
        frame = runs(group=named, columns="all")
        if not len(frame):
            raise PromptError(f"no group {named!r} in the run log; {_known()}")
    return Comparison.from_runs(frame, store=open_store())


def _latest() -> str | None:
    """Return the group of the latest runs that were made together: its label, else its id."""
    for count in _LOOK_BACK:
        names = _names(runs(count, columns=["group_id", "group_label"]))
        if names:
            return names[-1]
    return None


def _names(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame["group_label"].fillna(frame["group_id"]).dropna()]


def _known() -> str:
    """Name the latest groups."""
    names = list(dict.fromkeys(reversed(_names(runs(_LOOK_BACK[0], columns=["group_id", "group_label"])))))
    return f"the latest: {', '.join(map(repr, names[:3]))}" if names else "`%portkey compare last 20` needs none"

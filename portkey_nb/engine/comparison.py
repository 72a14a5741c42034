"""A comparison: runs of several variants on the same prompts and cases, as tables, statistics and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from portkey_nb.engine.store import RunStore


class Comparison:
    """Answers of several variants to the same prompts and cases.

    Parameters
    ----------
    frame : DataFrame
        Runs with all columns of :func:`portkey_nb.runs`.
    name : str, optional
    store : RunStore, optional
        Where the runs are logged.
    notes : sequence of str
        What is to be said under the tables.
    """

    def __init__(
        self, frame: pd.DataFrame, *, name: str | None = None, store: RunStore | None = None, notes: Sequence[str] = ()
    ) -> None:
        self._frame, self._name, self._store, self._given = frame, name, store, tuple(notes)

    @property
    def name(self) -> str | None:
        """What the comparison is called."""
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said under the tables."""
        return self._given

    def to_frame(self) -> pd.DataFrame:
        """Return the runs as a DataFrame, with the columns of :func:`portkey_nb.runs`."""
        return self._frame.copy()

    def __len__(self) -> int:
        return len(self._frame)

"""A comparison: runs of several variants on the same prompts and cases, as tables, statistics and pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from portkey_nb.engine import statistics
from portkey_nb.engine.columns import COLUMNS
from portkey_nb.engine.exhibits import Plots, Table
from portkey_nb.engine.grid import truths
from portkey_nb.engine.logged import comparable
from portkey_nb.engine.plain import plain, to_json
from portkey_nb.engine.record import SCORE
from portkey_nb.engine.sheet import Sheet
from portkey_nb.errors import PromptError
from portkey_nb.views.stacking import stacked
from portkey_nb.views.tables import comparison_bundle, summary_bundle

if TYPE_CHECKING:
    from portkey_nb.engine.store import RunStore
    from portkey_nb.notebook.rating import Rating

Rows: TypeAlias = int | slice | Sequence[str] | None

_FIRST = 10
_FAILED = ("error", "incomplete")


class Comparison:
    """Answers of several variants to the same prompts and cases, side by side and summed up.

    A notebook shows a summary per variant and the first rows of the side-by-side table. A row is a prompt and case, a
    column a variant. Where a variant answered a case several times, the first answer is shown with "(1 of 3)", and
    scores, cost and time are means.

    Parameters
    ----------
    frame : DataFrame
        Runs with all columns of :func:`portkey_nb.runs`; :meth:`from_runs` takes any others.
    name : str, optional
        What it is called.
    store : RunStore, optional
        Where the runs are logged.
    notes : sequence of str
        What is to be said under the tables.

    Examples
    --------
    >>> from portkey_nb import ask, runs
    >>> for model in ("gpt-4o", "claude-sonnet"):
    ...     reply = ask("Say this is a test", model=model, base_url="demo")
    >>> Comparison.from_runs(runs(2))
    Comparison(2 variants, 1 case, 2 runs)
    """

    def __init__(
        self, frame: pd.DataFrame, *, name: str | None = None, store: RunStore | None = None, notes: Sequence[str] = ()
    ) -> None:
        self._frame, self._name, self._store, self._notes = frame, name, store, tuple(notes)

    @classmethod
    def from_runs(cls, frame: pd.DataFrame, *, name: str | None = None, store: RunStore | None = None) -> Comparison:
        """Make a comparison of any frame of logged runs.

        Parameters
        ----------
        frame : DataFrame
            As :func:`portkey_nb.runs` gives it, with whatever columns. A row without ``variant`` goes by its model,
            rows without ``case_id`` are grouped by their prompt.
        name : str, optional
            By default the label of the group that all rows are of.
        store : RunStore, optional
            Where the runs are logged.

        Raises
        ------
        PromptError
            When it is no frame of runs, or has none.
        """
        found, notes = comparable(frame)
        labels = found["group_label"].dropna().unique()
        if name is None and len(labels) == 1 and found["group_label"].notna().all():
            name = str(labels[0])
        return cls(found, name=name, store=store, notes=notes)

    @property
    def name(self) -> str | None:
        """What the comparison is called."""
        return self._name

    @property
    def store(self) -> RunStore | None:
        """Where its runs are logged; None stands for the usual run log."""
        return self._store

    @property
    def variants(self) -> list[str]:
        """The labels of the variants, in the order first seen."""
        return list(self._sheet.grid.variants)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is said under the tables: what was given, and failures, holes, cached answers and play money."""
        return tuple(dict.fromkeys((*self._notes, *self._observed())))

    @property
    def plot(self) -> Plots:
        """The comparison as pictures: ``.plot.race()``, ``.latency()``, ``.cost()``, ``.scores()``."""
        return Plots(self)

    def to_frame(self) -> pd.DataFrame:
        """Return the runs as a DataFrame, with all columns of :func:`portkey_nb.runs`."""
        return self._frame.copy()

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return one row per variant; see :func:`portkey_nb.engine.statistics.summary` for its columns.

        Raises
        ------
        PromptError
            When ``confidence`` is no share.
        """
        found = statistics.summary(self._frame, confidence)
        # The rows know by whom they were answered, their sums do not.
        found.attrs["demo"] = bool(self._frame["demo"].astype("boolean").fillna(False).any())
        return found

    def pairs(self, score: str | None = None, confidence: float = 0.95) -> pd.DataFrame:
        """Compare every two variants on what both answered; see :func:`portkey_nb.engine.statistics.pairs`.

        Parameters
        ----------
        score : str, optional
            ``passed``, ``rating`` or a scorer's name; by default what is known of these.
        confidence : float
            Of the intervals.

        Raises
        ------
        PromptError
            When there is nothing to compare by, or no such score.
        SettingsError
            When scipy (the extra ``stats``) is not installed.
        """
        return statistics.pairs(self._frame, score, confidence)

    def table(
        self,
        rows: Rows = _FIRST,
        *,
        different: bool = False,
        differences: bool = False,
        columns: str | Sequence[str] | None = None,
    ) -> Table:
        """Return answers side by side, a row per prompt and case and a column per variant.

        Parameters
        ----------
        rows : int, slice, list of case ids, or None
            The first so many, those of a slice, those of these cases, or all.
        different : bool
            Only rows in which answers differ; see :meth:`different`.
        differences : bool
            Mark the words that differ from the first answer of the row; answers are shown as plain text then.
        columns : str or sequence of str, optional
            Only these variants, in this order.

        Returns
        -------
        Table
            Shows itself in a notebook; ``.html``, ``.markdown`` and ``.text`` are its forms.

        Raises
        ------
        PromptError
            When there is no such case or variant.
        """
        wanted = self._variants(columns)
        if not different:
            return self._table(rows, wanted, differences)
        places = self._sheet.differing(wanted)
        said = (
            f"{len(places):,} of {_count(len(self._sheet.places), 'row')} {'differs' if len(places) == 1 else 'differ'}"
        )
        return self._table(rows, wanted, differences, places, said)

    def diff(self, a: str, b: str, rows: Rows = _FIRST) -> Table:
        """Return the answers of two variants where they differ, with the words that differ marked.

        Parameters
        ----------
        a, b : str
            Two variants.
        rows : int, slice, list of case ids, or None
            As for :meth:`table`, of the rows that differ.

        Raises
        ------
        PromptError
            When there is no such variant or case.
        """
        return self.table(rows, different=True, differences=True, columns=[a, b])

    def different(self) -> Comparison:
        """Return a comparison of only those prompts and cases to which variants answered differently.

        Blank around answers is no difference, and a failed call is no answer. Of several repeats those of the same
        number are compared.
        """
        return self._only(np.isin(self._sheet.grid.place, self._sheet.differing(self._variants(None))))

    def rate(self, seed: int | None = None) -> Rating:
        """Rate answers blindly: two at a time, in random order and without names.

        Each rating is written to the run log at once; the next ``rate()`` goes on with the pairs that are left.

        Parameters
        ----------
        seed : int, optional
            Of the order of pairs and sides.

        Returns
        -------
        Rating
            Shows itself in a notebook as a widget with the keys 1, 2, 0 (tie) and u (undo), and in the end a ranking;
            ``.pair``, ``.answer()``, ``.results`` and ``.ranking()`` do the same from Python.

        Raises
        ------
        PromptError
            When there are no two different answers of two variants to the same prompt and case.
        """
        from portkey_nb.notebook.rating import Rating  # the one way up: loaded when a person rates

        self._frame = self._frame.copy()  # ratings are laid into it, and it may be shared with another comparison
        return Rating(self._frame, name=self._name, store=self._store, seed=seed)

    def to_markdown(self, rows: Rows = None) -> str:
        """Return summary, side-by-side table and notes as Markdown that GitHub shows.

        Parameters
        ----------
        rows : int, slice, list of case ids, or None
            As for :meth:`table`; all by default.
        """
        return self._display(rows)["text/markdown"]

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Write the runs as CSV, objects as JSON; :meth:`from_runs` takes what ``pandas.read_csv`` reads of it.

        Parameters
        ----------
        path : path, optional
            Without it the CSV is returned as text.
        """
        frame = self._frame.copy()
        for name in (column.name for column in COLUMNS if column.kind == "object" and column.name in frame):
            frame[name] = [None if value is None else to_json(plain(value)) for value in frame[name]]
        text: str | None = frame.to_csv(path)
        return text

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self._frame)

    def __getstate__(self) -> dict[str, Any]:
        # Connections to a run log belong to their process.
        return {**self.__dict__, "_store": None}

    def __repr__(self) -> str:
        name = [] if self._name is None else [repr(self._name)]
        return f"Comparison({': '.join([*name, self._size()])})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return summary, the first rows and notes as text, safe Markdown and safe HTML."""
        return self._display(_FIRST)

    @cached_property
    def _sheet(self) -> Sheet:
        return Sheet.of(self._frame)

    def _display(self, rows: Rows) -> dict[str, str]:
        heading = " · ".join(part for part in (self._name, self._size()) if part)
        parts = [summary_bundle(self.summary()), self._table(rows, self._variants(None), False).bundle]
        return stacked(heading, parts, [*self.notes, *self._reading()])

    def _table(
        self,
        rows: Rows,
        variants: Sequence[int],
        differences: bool,
        among: Sequence[int] | None = None,
        said: str = "",
    ) -> Table:
        """Make a table of some rows of the sheet, or of those ``among`` some of them."""
        every = self._sheet.places if among is None else list(among)
        places, left, which = self._choose(rows, every)
        if said and left:
            left, which = 0, f"the first {len(places):,} of them"
        bundle = comparison_bundle(
            [self.variants[at] for at in variants],
            self._sheet.rows(places, variants),
            differences=differences,
            caption="; ".join(part for part in (said, which) if part),
            left=left,
        )
        return Table(bundle, f"{_count(len(places), 'row')}, {_count(len(variants), 'variant')}")

    def _choose(self, rows: Rows, places: list[int]) -> tuple[list[int], int, str]:
        """Return which rows are shown, how many are left below, and words for what was chosen."""
        if rows is None:
            return places, 0, ""
        if isinstance(rows, slice):
            chosen = places[rows]
            begin, end, step = rows.indices(len(places))
            told = f"rows {begin + 1:,} to {end:,} of {len(places):,}" if step == 1 and chosen else ""
            return chosen, 0, told
        if isinstance(rows, (int, np.integer)) and not isinstance(rows, bool):
            if rows < 0:
                raise PromptError(f"rows is {rows}; give how many rows to show, a slice, or a list of case ids")
            return places[:rows], max(0, len(places) - int(rows)), ""
        if isinstance(rows, str) or not isinstance(rows, (Sequence, np.ndarray, pd.Series, pd.Index)):
            rows = [rows]  # type: ignore[list-item]
        wanted = list(dict.fromkeys(str(each) for each in rows))
        cases = dict(zip(self._sheet.places, self._sheet.cases(), strict=True))
        missing = [case for case in wanted if case not in cases.values()]
        if missing:
            known = ", ".join(repr(case) for case in dict.fromkeys(cases.values()) if case is not None)
            shown = known if len(known) <= 100 else f"{known[:100].rpartition(',')[0]}, ..."
            raise PromptError(f"no case {missing[0]!r} in the comparison; it has {shown or 'no case ids'}")
        return [place for case in wanted for place in places if cases[place] == case], 0, ""

    def _variants(self, columns: str | Sequence[str] | None) -> list[int]:
        if columns is None:
            return list(range(len(self.variants)))
        named = [columns] if isinstance(columns, str) else list(columns)
        return [self._place(name) for name in dict.fromkeys(named)]

    def _place(self, variant: str) -> int:
        if variant not in self.variants:
            known = ", ".join(repr(name) for name in self.variants)
            raise PromptError(f"no variant {variant!r} in the comparison; it has {known}")
        return self.variants.index(variant)

    def _only(self, which: Any) -> Comparison:
        return Comparison(self._frame[which], name=self._name, store=self._store, notes=self._notes)

    def _size(self) -> str:
        sheet = self._sheet
        cases = {case for case in sheet.cases() if case is not None}
        parts = [_count(len(sheet.grid.variants), "variant")]
        parts += [_count(len(sheet.prompts), "prompt")] if len(sheet.prompts) > 1 else []
        parts += [_count(len(cases), "case")] if cases else []
        parts += [f"up to {sheet.repeats} answers each"] if sheet.repeats > 1 else []
        return ", ".join([*parts, _count(len(self), "run")])

    def _observed(self) -> list[str]:
        """Return what is out of the ordinary in the runs."""
        frame, total = self._frame, len(self)
        said = []
        status = frame["status"].astype("string") if "status" in frame else pd.Series(dtype="string")
        failed = int(status.isin(_FAILED).sum())
        if failed:
            said.append(f"{failed:,} of {_count(total, 'call')} failed")
        if self._sheet.holes and not any("not asked" in note for note in self._notes):
            said.append(f"{_count(self._sheet.holes, 'answer')} missing: not every variant was asked everything")
        cached = int((truths(frame, "cached") == 1).sum())
        if cached:
            which = f"{cached:,} of {_count(total, 'answer')}"
            said.append(f"{which} from a cache, with their first cost and time; nothing was paid for them")
        demo = int((truths(frame, "demo") == 1).sum())
        if demo:
            which = "answers" if demo == total else f"{demo:,} of {_count(total, 'answer')}"
            said.append(f"{which} of the demo gateway are simulated, and their cost is play money")
        return said

    def _reading(self) -> list[str]:
        """Return how the table is read."""
        sheet = self._sheet
        said = []
        if sheet.measure and len(self.variants) > 1:
            by = "whether it passed" if sheet.measure == "passed" else f"its score, {sheet.measure.removeprefix(SCORE)}"
            said.append(f"▲ best and ▼ worst of a row by {by}")
        if sheet.repeats > 1:
            said.append("of several answers the first is shown; scores, cost and time (ø) are means of all")
        return said


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

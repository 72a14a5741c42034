"""Which answers are still to be rated against each other, and the lines by which ratings are kept on runs."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import TypeAlias

import pandas as pd

from portkey_nb.engine.grid import Grid
from portkey_nb.errors import PromptError

Runs: TypeAlias = tuple[str, str]
"""The ids of two runs."""

_OUTCOMES = {"won": 1, "tie": 0, "lost": -1}
_WORDS = {outcome: word for word, outcome in _OUTCOMES.items()}
_LINE = re.compile(r"blind: (won|lost|tie) against (\S+)")
TAKEN_BACK = "blind: taken back"
"""A line of a run whose rating is unknown again, for which the run log has no word: it stays 0."""


class Pairing:
    """The pairs of answers that are left, drawn so that all variants meet about equally often.

    Parameters
    ----------
    frame : DataFrame
        Runs with all columns, of which those with status ``ok`` and a text are rated.
    grid : Grid
        Where they stand.
    done : iterable of pairs of run ids
        What was rated before.
    seed : int, optional
        Of the order.

    Attributes
    ----------
    same : int
        How many pairs are left out because both answers are the same.

    Raises
    ------
    PromptError
        When there are no answers of two variants, or nothing to be rated and nothing was.
    """

    def __init__(self, frame: pd.DataFrame, grid: Grid, done: Iterable[Runs], seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 (nothing secret is drawn)
        self._variant = {str(run_id): code for run_id, code in zip(frame.index, grid.variant.tolist(), strict=True)}
        self._left: dict[tuple[int, int], list[Runs]] = {}
        self._met: Counter[tuple[int, int]] = Counter()
        self._games: Counter[int] = Counter()
        self.same = 0
        rated = set()
        for runs in done:
            rated.add(frozenset(runs))
            self.count(runs, 1)
        self._fill(frame, grid, rated)
        if not self._left and not rated:
            reason = "the answers to each case are the same" if self.same else "no two variants answered the same case"
            raise PromptError(f"there is nothing to rate: {reason}")

    def _fill(self, frame: pd.DataFrame, grid: Grid, rated: set[frozenset[str]]) -> None:
        texts = frame["text"].astype("string").fillna("").str.strip().to_numpy(dtype=object)
        known = (frame["status"].astype("string").fillna("") == "ok").to_numpy(bool) & (texts != "")
        if len(set(grid.variant[known].tolist())) < 2:
            raise PromptError("blind rating needs answers of two variants or more; compare several models or configs")
        cells: dict[int, dict[int, int]] = {}
        for at, (cell, variant) in enumerate(zip(grid.cells(known).tolist(), grid.variant.tolist(), strict=True)):
            if cell >= 0:
                cells.setdefault(cell, {})[variant] = at
        for members in cells.values():
            for pair in combinations(sorted(members), 2):
                one, other = (members[variant] for variant in pair)
                runs = (str(frame.index[one]), str(frame.index[other]))
                if texts[one] == texts[other]:
                    self.same += 1
                elif frozenset(runs) not in rated:
                    self._left.setdefault(pair, []).append(runs)
        for waiting in self._left.values():
            self._random.shuffle(waiting)

    def __len__(self) -> int:
        """How many pairs are left."""
        return sum(map(len, self._left.values()))

    def draw(self) -> Runs | None:
        """Take a pair of those variants that have met least, in random order; None when none is left."""
        waiting = [pair for pair, runs in self._left.items() if runs]
        if not waiting:
            return None
        self._random.shuffle(waiting)
        chosen = min(waiting, key=lambda pair: (self._met[pair], self._games[pair[0]] + self._games[pair[1]]))
        runs = self._left[chosen].pop()
        return runs if self._random.random() < 0.5 else runs[::-1]

    def put_back(self, runs: Runs) -> None:
        """Put a pair back that was drawn, but not rated."""
        one, other = sorted(runs, key=self._variant.__getitem__)
        self._left[self._pair(runs)].append((one, other))

    def count(self, runs: Runs, by: int) -> None:
        """Note that a pair was rated (1), or that its rating was taken back (-1)."""
        pair = self._pair(runs)
        self._met[pair] += by
        for variant in pair:
            self._games[variant] += by

    def _pair(self, runs: Runs) -> tuple[int, int]:
        one, other = sorted(self._variant[run_id] for run_id in runs)
        return one, other


def noted(frame: pd.DataFrame) -> dict[Runs, int]:
    """Return the ratings that the notes of runs tell of, each once.

    Returns
    -------
    dict
        (run, other run) -> 1 where the first won, 0 for a tie, -1 where it lost.
    """
    found: dict[Runs, int] = {}
    if "rating_note" not in frame:
        return found
    known = {str(run_id) for run_id in frame.index}
    for index, note in frame["rating_note"].dropna().items():
        run_id = str(index)
        for line in str(note).splitlines():
            told = _LINE.fullmatch(line)
            if told and told[2] in known and told[2] != run_id and (told[2], run_id) not in found:
                found[run_id, told[2]] = _OUTCOMES[told[1]]
    return found


def joined(note: str, other: str, outcome: int | None, before: int | None = None) -> tuple[int, str]:
    r"""Return a run's rating and note with its rating against another run added, or taken away.

    Parameters
    ----------
    note : str
        As it was; lines that are no blind ratings stay.
    other : str
        The other run's id.
    outcome : int or None
        1 won, 0 tie, -1 lost; None takes the rating away.
    before : int, optional
        What the rating was when there was none of these.

    Returns
    -------
    tuple of int and str
        The rating is the sign of the sum of all outcomes. The run log knows no way back to an unknown rating: 0 and a
        word of it stand for that.

    Examples
    --------
    >>> joined("blind: lost against B\nnice", "C", 1)
    (0, 'blind: lost against B\nnice\nblind: won against C')
    """
    lines = []
    for line in note.splitlines():
        told = _LINE.fullmatch(line)
        if line != TAKEN_BACK and not (told and told[2] == other):
            lines.append(line)
    if outcome is not None:
        lines.append(f"blind: {_WORDS[outcome]} against {other}")
    outcomes = [_OUTCOMES[told[1]] for told in map(_LINE.fullmatch, lines) if told]
    if outcomes:
        total = sum(outcomes)
        return (total > 0) - (total < 0), "\n".join(lines)
    return before or 0, "\n".join(lines if before is not None else [*lines, TAKEN_BACK])

"""Blind rating: two answers side by side without names, rated by a key, and at the end who won how surely."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pandas as pd

from portkey_nb.engine.sheet import Sheet
from portkey_nb.engine.statistics import bradley_terry
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import PromptError, StoreError
from portkey_nb.notebook.pairing import TAKEN_BACK, Pairing, Runs, joined, noted
from portkey_nb.notebook.ranked import Screen, ranking_bundle
from portkey_nb.views.folding import MUTED, bounded
from portkey_nb.views.rendering import render_html
from portkey_nb.views.safety import escape_prose
from portkey_nb.views.stacking import stacked

Verdict: TypeAlias = Literal["left", "right", "tie"]

_OUTCOMES = {"left": 1, "right": -1, "tie": 0}
_LONGEST = 50_000
"""So many characters of an answer are shown; a person reads no more."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two answers to the same prompt and case; who gave them is not told.

    Attributes
    ----------
    left, right : str
        The answers.
    inputs : str
        The case's id, and in further lines what went into the prompt.
    expected : str or None
        The reference answer.
    runs : tuple of str
        The ids of the two runs, the left one first.
    """

    left: str
    right: str
    inputs: str
    expected: str | None
    runs: Runs = field(repr=False)


class Rating:
    """Blind ratings of a comparison's answers; a notebook shows it as a widget.

    Each rating is written to the run log at once: ``rating`` of a run is 1, 0 or -1 (of several ratings the sign of
    their sum), and ``rating_note`` keeps each of them as a line ``blind: won against <run id>``. What is found there is
    not asked again. Methods may be called from any thread.

    Parameters
    ----------
    frame : DataFrame
        Runs with all columns; ratings are laid into it, too.
    name : str, optional
        What the comparison is called.
    store : RunStore, optional
        Where the runs are logged; the usual run log by default.
    seed : int, optional
        Of the order of pairs and sides; the same seed draws the same pairs.

    Raises
    ------
    PromptError
        When there are no two different answers of two variants to the same prompt and case.
    """

    def __init__(
        self, frame: pd.DataFrame, *, name: str | None = None, store: RunStore | None = None, seed: int | None = None
    ) -> None:
        self._frame, self._name, self._log = frame, name, store
        self._lock = threading.RLock()
        self._sheet = Sheet.of(frame)
        self._places = {str(run_id): at for at, run_id in enumerate(frame.index)}
        self._results = noted(frame)
        self._pairing = Pairing(frame, self._sheet.grid, self._results, seed)
        # What was given here can be taken back: the runs, and what their ratings were before.
        self._history: list[tuple[Runs, Mapping[str, int | None]]] = []
        self._runs = self._pairing.draw()
        self._revealed = self._runs is None
        self._turn = 0
        self._screen: Screen | None = None

    @property
    def pair(self) -> Pair | None:
        """The pair to be rated now; None when all are."""
        with self._lock:
            if self._runs is None:
                return None
            left, right = (self._places[run_id] for run_id in self._runs)
            row = self._sheet.rows([int(self._sheet.grid.place[left])], [])[0]
            texts = self._frame["text"]
            return Pair(
                left=str(texts.iloc[left]),
                right=str(texts.iloc[right]),
                inputs=row.head,
                expected=row.expected,
                runs=self._runs,
            )

    @property
    def rated(self) -> int:
        """How many pairs were rated, those of earlier sessions included."""
        return len(self._results)

    @property
    def total(self) -> int:
        """How many pairs there are."""
        with self._lock:
            return len(self._results) + len(self._pairing) + (self._runs is not None)

    @property
    def results(self) -> pd.DataFrame:
        """One row per rating: ``first`` and ``second`` (variants), ``outcome`` (1 the first won, 0 tie, -1 it lost)."""
        with self._lock:
            rows = [(*map(self._variant, runs), outcome) for runs, outcome in self._results.items()]
        found = pd.DataFrame(rows, columns=["first", "second", "outcome"])
        return found.astype({"first": "string", "second": "string", "outcome": "Int64"})

    def ranking(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return the strengths of the variants; see :func:`portkey_nb.engine.statistics.bradley_terry`.

        Raises
        ------
        PromptError
            When ``confidence`` is no share.
        """
        return bradley_terry(self.results, confidence)

    def answer(self, verdict: Verdict) -> None:
        """Rate the pair, write that to the run log, and go on to the next pair.

        Parameters
        ----------
        verdict : {"left", "right", "tie"}
            Which answer is better.

        Raises
        ------
        PromptError
            When the verdict is no such word, or all pairs are rated.
        StoreError
            When the log cannot be written, or does not have the runs; the pair stays.
        """
        if verdict not in _OUTCOMES:
            raise PromptError(f"verdict {verdict!r} is none of 'left', 'right' and 'tie'")
        with self._lock:
            runs = self._runs
            if runs is None:
                raise PromptError("all pairs are rated; .ranking() tells who won")
            outcome = _OUTCOMES[verdict]
            before = self._write(runs, outcome, {})
            self._results[runs] = outcome
            self._pairing.count(runs, 1)
            self._history.append((runs, before))
            self._runs = self._pairing.draw()
            self._revealed = self._revealed or self._runs is None
            self._show()

    def undo(self) -> None:
        """Take the last rating back, and ask for it again; nothing happens where none was given through this object.

        Raises
        ------
        StoreError
            When the log cannot be written; the rating stays.
        """
        with self._lock:
            if not self._history:
                return
            runs, before = self._history[-1]
            self._write(runs, None, before)
            self._history.pop()
            del self._results[runs]
            self._pairing.count(runs, -1)
            if self._runs is not None:
                self._pairing.put_back(self._runs)
            self._runs, self._revealed = runs, False
            self._show()

    def reveal(self) -> None:
        """Show the ranking in the widget's place; the pairs that are left wait for the next time."""
        with self._lock:
            self._revealed = True
            self._show()

    def __repr__(self) -> str:
        return f"Rating({self.rated:,} of {_count(self.total, 'pair')} rated)"

    def _ipython_display_(self) -> None:
        with self._lock:
            self._revealed = self._runs is None
            self._screen = Screen(self._act)
            self._screen.open(self._page(), self._record())

    def _act(self, message: Mapping[str, Any]) -> None:
        """Do what a key or button of the page asks for."""
        with self._lock:
            if message.get("token") != self._turn or self._screen is None:
                return  # a key was pressed twice before the next pair was there
            try:
                match message.get("do"):
                    case "left" | "right" | "tie" as verdict:
                        self.answer(verdict)
                    case "undo":
                        self.undo()
                    case "reveal":
                        self.reveal()
            except (PromptError, StoreError) as error:
                self._screen.trouble(str(error))

    def _show(self) -> None:
        self._turn += 1
        if self._screen is not None:
            self._screen.update(self._page(), self._record())

    def _page(self) -> dict[str, Any] | None:
        """Return what the widget shows, as safe HTML: nothing in it tells who answered. None when it is to close."""
        pair = self.pair
        if pair is None or self._revealed:
            return None
        expected = [] if pair.expected is None else [f"expected: {pair.expected}"]
        given = "\n".join(bounded(part, _LONGEST) for part in (pair.inputs, *expected))
        return {
            "token": self._turn,
            "progress": f"{self.rated + 1:,} of {self.total:,}",
            "inputs": escape_prose(given),
            "left": _answer_html(pair.left),
            "right": _answer_html(pair.right),
            "undo": bool(self._history),
            "trouble": "",
        }

    def _record(self) -> dict[str, str]:
        """Return what was rated so far, and once it is revealed the ranking, as text, Markdown and HTML."""
        of = "" if self._name is None else f" of {self._name}"
        title = f"Blind rating{of}: {self.rated:,} of {_count(self.total, 'pair')} rated"
        on = ".rate() goes on with the pairs that are left"
        if not self._revealed or not self._results:
            return stacked(title, [], [f"Each rating is in the run log; {on}."])
        ranking = self.ranking()
        notes = [
            f"from {_count(self.rated, 'blind rating')}; preferred: probability to be preferred to an average variant",
            str(ranking.attrs["methods"]["p_win_low"]),
            str(ranking.attrs["note"]),
            f"{_count(self._pairing.same, 'pair')} of equal answers not asked" if self._pairing.same else "",
            on if self._runs is not None else "",
        ]
        return stacked(title, [ranking_bundle(ranking)], [note for note in notes if note])

    def _variant(self, run_id: str) -> str:
        return self._sheet.grid.variants[int(self._sheet.grid.variant[self._places[run_id]])]

    def _write(self, runs: Runs, outcome: int | None, before: Mapping[str, int | None]) -> dict[str, int | None]:
        """Write a rating to both runs, or take it from them; what their ratings were is returned."""
        log = self._log or open_store()
        one, other = runs
        known = {run_id: log.get(run_id) for run_id in runs}
        notes = {run_id: (run.rating_note if run else None) or "" for run_id, run in known.items()}
        ratings = {
            run_id: None if run is None or TAKEN_BACK in notes[run_id].splitlines() else run.rating
            for run_id, run in known.items()
        }
        lost = None if outcome is None else -outcome
        fresh = {
            one: joined(notes[one], other, outcome, before.get(one)),
            other: joined(notes[other], one, lost, before.get(other)),
        }
        log.annotate(one, rating=fresh[one][0], rating_note=fresh[one][1])
        try:
            log.annotate(other, rating=fresh[other][0], rating_note=fresh[other][1])
        except StoreError:
            with suppress(StoreError):  # half a rating is none
                log.annotate(one, rating=ratings[one] or 0, rating_note=notes[one])
            raise
        for run_id, (rating, note) in fresh.items():
            self._frame.loc[run_id, "rating"] = rating
            self._frame.loc[run_id, "rating_note"] = note
        return ratings


def _answer_html(text: str) -> str:
    shown = bounded(text, _LONGEST)
    more = len(text) - len(shown)
    said = f'<div style="color:{MUTED};font-size:.85em">… {_count(more, "character")} more</div>'
    return render_html(shown) + (said if more > 0 else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

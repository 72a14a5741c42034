"""Scorers at work on the answers of a comparison: rules at once, judges by their calls, what failed counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.judging import Judge
from portkey_nb.engine.record import Run
from portkey_nb.engine.scores import Answer, Score, Scorer
from portkey_nb.engine.scoring import score_run
from portkey_nb.errors import PortkeyError

NOTES = "scorers"
"""Under this name a row's tags hold what the scorers said, by scorer."""


class Grader:
    """Scores runs, and remembers which scorer could say nothing.

    Parameters
    ----------
    scorers : sequence of Scorer
        Under names that differ.
    """

    def __init__(self, scorers: Sequence[Scorer]) -> None:
        self.judges = {scorer.name: judge for scorer in scorers if (judge := judge_in(scorer)) is not None}
        self.rules = [scorer for scorer in scorers if scorer.name not in self.judges]
        self._silent: dict[str, list[str]] = {}
        self._scored = 0

    def __bool__(self) -> bool:
        return bool(self.judges or self.rules)

    @property
    def base_urls(self) -> list[str | None]:
        """Where the judges are asked."""
        return [judge.options.get("base_url") for judge in self.judges.values()]

    def by_rules(self, run: Run, case: Mapping[str, Any]) -> Run:
        """Return a run with the scores that need no model; earlier ones of other scorers stay."""
        if run.status != "ok":
            return run
        self._scored += 1
        values, passed, notes = score_run(run, self.rules, case)
        for rule in self.rules:
            if rule.name not in values and rule.name in notes:
                self._silent.setdefault(rule.name, []).append(notes[rule.name])
        mine = {*self.judges, *(rule.name for rule in self.rules)}
        kept = {name: value for name, value in run.scores.items() if name not in mine}
        return run.with_(scores={**kept, **values}, passed=passed, tags=_tagged(run, notes, fresh=True))

    def by_judge(self, run: Run, name: str, outcome: Outcome | PortkeyError) -> Run:
        """Return a run with the score that a judge's call holds."""
        if isinstance(outcome, Outcome):
            score = self.judges[name].read(outcome.call, outcome)
        else:
            score = Score.unknown(f"{type(outcome).__name__}: {outcome.message}")
        if score.value is None:
            self._silent.setdefault(name, []).append(score.note)
        else:
            run = run.with_(scores={**run.scores, name: float(score.value)})
        if score.passed is not None:
            run = run.with_(passed=score.passed and run.passed is not False)
        return run.with_(tags=_tagged(run, {name: score.note})) if score.note else run

    def notes(self) -> list[str]:
        """Return what is to be said: of each scorer that could not score every answer, how often and why first."""
        return [
            f"scorer `{name}` gave no score to {len(said)} of {self._scored} answers; the first: {said[0]}"
            for name, said in self._silent.items()
        ]


class Judgements(Sequence[Call]):
    """The calls of judges, each made when it is asked for.

    Parameters
    ----------
    judges : mapping
        By name.
    runs : mapping
        Answers by their place.
    cases : mapping
        The columns of their cases, by place.
    """

    def __init__(
        self, judges: Mapping[str, Judge], runs: Mapping[int, Run], cases: Mapping[int, Mapping[str, Any]]
    ) -> None:
        self._judges, self._runs, self._cases = judges, runs, cases
        self.items = [(place, name) for place, run in runs.items() if run.status == "ok" for name in judges]

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> list[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | list[Call]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        place, name = self.items[index]
        return self._judges[name].call(Answer.of(self._runs[place], self._cases[place]))


def judge_in(scorer: Any) -> Judge | None:
    """Return the judge that a scorer is, maybe under another name."""
    while not isinstance(scorer, Judge):
        scorer = getattr(scorer, "inner", None)
        if scorer is None:
            return None
    return scorer


def _tagged(run: Run, notes: Mapping[str, str], *, fresh: bool = False) -> dict[str, Any] | None:
    """Return a run's tags with what scorers said."""
    tags = dict(run.tags) if isinstance(run.tags, Mapping) else {}
    said = {**({} if fresh else tags.pop(NOTES, {})), **notes}
    tags.pop(NOTES, None)
    return {**tags, **({NOTES: said} if said else {})} or None

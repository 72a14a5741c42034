"""Scorers of answers, public as ``portkey_nb.scorers``: rules, Python functions, and models as judges.

A scorer gives each answer a :class:`Score`: a number of which more is better, whether the answer passes, and why. What
``compare(scorers=[...])`` takes is made by the functions here, or by :func:`scorer_of` from a name ("exact"), a
compiled pattern, or any function of ``(text)``, ``(text, expected)`` or ``(text, expected, case)``.

Examples
--------
>>> from portkey_nb.engine.scoring import contains, score_text
>>> score_text(contains("Paris"), "It is Paris.").passed
True
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from portkey_nb.engine.checks import contains, exact, json_schema, json_valid, number, regex
from portkey_nb.engine.functions import function_scorer
from portkey_nb.engine.judging import (
    Judge,
    PairJudge,
    Verdict,
    agreement_with_people,
    judge,
    judge_pair,
)
from portkey_nb.engine.loop import background_loop
from portkey_nb.engine.measures import cost, latency, length, similarity
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.scores import Answer, Check, Score, Scorer, attempted
from portkey_nb.engine.shapes import quoted
from portkey_nb.errors import PromptError

__all__ = [
    "Answer",
    "Judge",
    "PairJudge",
    "Score",
    "Scorer",
    "Verdict",
    "agreement_with_people",
    "answer_of",
    "contains",
    "cost",
    "exact",
    "json_schema",
    "json_valid",
    "judge",
    "judge_pair",
    "latency",
    "length",
    "number",
    "regex",
    "score_run",
    "score_text",
    "scorer_of",
    "scorers_of",
    "similarity",
]

_BARE: Mapping[str, Callable[[], Check]] = {
    "exact": exact,
    "contains": contains,
    "number": number,
    "json_valid": json_valid,
    "similarity": similarity,
}
"""Builders that need no arguments."""
_NEEDY: Mapping[str, tuple[Callable[..., Any], str]] = {
    "regex": (regex, "regex(r'\\d+')"),
    "json_schema": (json_schema, "json_schema({...})"),
    "length": (length, "length(at_most=500)"),
    "latency": (latency, "latency(at_most_s=2)"),
    "cost": (cost, "cost(at_most_usd=0.001)"),
    "judge": (judge, "judge('gpt-4o', 'Is it right and polite?')"),
}


def scorer_of(thing: Any, name: str | None = None) -> Scorer:
    """Make a scorer of what a person gave as one.

    Parameters
    ----------
    thing : Scorer, str, compiled pattern or callable
        A builder's name ("exact", "contains", "number", "json_valid", "similarity"); a pattern that has to match; a
        function of ``(text)``, ``(text, expected)`` or ``(text, expected, case)`` that returns a bool, a number, a
        Score or None, coroutine functions among them.
    name : str, optional
        What it is to be called; its own name by default ("scorer" for a lambda).

    Returns
    -------
    Scorer

    Raises
    ------
    PromptError
        When it cannot be one, in one line.

    Examples
    --------
    >>> scorer_of("exact"), scorer_of(re.compile("[0-9]+")), scorer_of(lambda text: len(text) < 80)
    (<scorer exact>, <scorer regex>, <scorer scorer>)
    """
    found = _made(thing)
    return found if name is None or name == found.name else _Named(found, name)


def _made(thing: Any) -> Scorer:
    if isinstance(thing, Scorer):
        return thing if getattr(thing, "name", None) else _Named(thing, type(thing).__name__)
    if isinstance(thing, PairJudge):
        raise PromptError(
            "a pair judge compares two answers, it scores none; use judge(...), or .prefer(first, second)"
        )
    if isinstance(thing, re.Pattern):
        return regex(thing)
    for called, builder in _BARE.items():
        if thing is builder or (isinstance(thing, str) and thing == called):
            return builder()
    for called, (needy, example) in _NEEDY.items():
        if thing is needy or (isinstance(thing, str) and thing == called):
            raise PromptError(f"the scorer {called!r} has to know more; write {example}")
    if isinstance(thing, str):
        raise PromptError(f"no scorer is called {quoted(thing)}; there are {', '.join([*_BARE, *_NEEDY])}")
    if isinstance(thing, type) and (issubclass(thing, Scorer) or is_dataclass(thing) or hasattr(thing, "model_fields")):
        hint = f"{thing.__name__}()" if issubclass(thing, Scorer) else f"json_schema({thing.__name__})"
        raise PromptError(f"{thing.__name__} is a class; write {hint}")
    if not callable(thing):
        raise PromptError(
            f"{quoted(thing)} is no scorer; give a name such as 'exact', a function of (text), or a Scorer"
        )
    return function_scorer(thing)


class _Named(Scorer):
    """A scorer under another name."""

    def __init__(self, inner: Scorer, name: str) -> None:
        self.name = name
        self.inner = inner

    def score(self, answer: Answer) -> Score:
        return self.inner.score(answer)


def scorers_of(things: Any, **ask_options: Any) -> list[Scorer]:
    """Make scorers of what a person gave, under names that differ.

    Parameters
    ----------
    things : scorer-like, iterable or mapping
        As for :func:`scorer_of`, one or several; a mapping gives names to them.
    **ask_options
        What judges are asked with where they say nothing themselves, such as ``store``.

    Returns
    -------
    list of Scorer
        Of the same names, the second is called ``<name>_2``, and so on.

    Raises
    ------
    PromptError
        When one cannot be a scorer.

    Examples
    --------
    >>> scorers_of([len, lambda text: True, lambda text: None])
    [<scorer len>, <scorer scorer>, <scorer scorer_2>]
    >>> scorers_of({"short": lambda text: len(text) < 80})
    [<scorer short>]
    """
    if isinstance(things, Mapping):
        found = [scorer_of(thing, str(name)) for name, thing in things.items()]
    elif things is None:
        found = []
    elif isinstance(things, str | Scorer | re.Pattern) or callable(things) or not isinstance(things, Iterable):
        found = [scorer_of(things)]
    else:
        found = [scorer_of(thing) for thing in things]
    unique: dict[str, Scorer] = {}
    for scorer in found:
        name, count = scorer.name, 1
        while name in unique:
            count += 1
            name = f"{scorer.name}_{count}"
        unique[name] = scorer_of(_within(scorer, ask_options), name)
    return list(unique.values())


def _within(scorer: Scorer, options: Mapping[str, Any]) -> Scorer:
    if isinstance(scorer, _Named):
        return _Named(_within(scorer.inner, options), scorer.name)
    return scorer.within(**options) if options and isinstance(scorer, Judge) else scorer


def score_run(
    run: Run, scorers: Iterable[Scorer], case: Mapping[str, Any] | None = None
) -> tuple[dict[str, float], bool | None, dict[str, str]]:
    """Score the answer of a run.

    Parameters
    ----------
    run : Run
        One that is not ``ok`` has no answer to score.
    scorers : iterable of Scorer
    case : mapping, optional
        The case's columns; ``run.vars`` by default.

    Returns
    -------
    scores : dict
        Value by scorer, for those that have one.
    passed : bool or None
        Whether all pass that say so; None where none does.
    notes : dict
        What scorers said, by scorer.

    Raises
    ------
    RuntimeError
        On the background loop's own thread, where a judge would wait for itself; use :func:`asyncio.to_thread` there.
    """
    if _on_background_loop():
        raise RuntimeError("score_run() waits; call it from another thread than the background loop's")
    values: dict[str, float] = {}
    notes: dict[str, str] = {}
    verdicts: list[bool] = []
    if run.status != "ok":
        return values, None, notes
    answer = Answer.of(run, case)
    for scorer in scorers:
        found = attempted(partial(scorer.score, answer))
        if found.value is not None:
            values[scorer.name] = float(found.value)
        if found.passed is not None:
            verdicts.append(bool(found.passed))
        if found.note:
            notes[scorer.name] = found.note
    return values, all(verdicts) if verdicts else None, notes


def _on_background_loop() -> bool:
    try:
        return asyncio.get_running_loop() is background_loop()
    except RuntimeError:
        return False


def answer_of(text: str, expected: str | None = None, case: Mapping[str, Any] | None = None, **facts: Any) -> Answer:
    """Make an answer by hand, to try a scorer on.

    Parameters
    ----------
    text : str
    expected : str, optional
    case : mapping, optional
        The case's columns.
    **facts
        Fields of the run, such as ``prompt`` or ``latency_s``.

    Examples
    --------
    >>> latency(at_most_s=2).score(answer_of("Hello", latency_s=1.5)).passed
    True
    """
    now = datetime.now(UTC)
    known = {"run_id": new_run_id(), "started_at": now, "ended_at": now, "status": "ok", **facts}
    return Answer.of(Run(text=text, expected=expected, vars=case, **known))


def score_text(
    scorer: Any, text: str, expected: str | None = None, case: Mapping[str, Any] | None = None, **facts: Any
) -> Score:
    """Try a scorer on a text.

    Parameters
    ----------
    scorer : scorer-like
        As for :func:`scorer_of`.
    text, expected, case, **facts
        As for :func:`answer_of`.

    Examples
    --------
    >>> score_text("number", "That makes 42.", expected="42")
    Score(value=1.0, passed=True, note='')
    """
    answer, made = answer_of(text, expected, case, **facts), scorer_of(scorer)
    return attempted(lambda: made.score(answer))

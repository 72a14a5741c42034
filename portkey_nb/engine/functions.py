"""Python functions as scorers: what they take, what they return, and coroutine functions too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from portkey_nb.engine.loop import submit
from portkey_nb.engine.plain import number, truth
from portkey_nb.engine.scores import Answer, Check, Score
from portkey_nb.engine.shapes import quoted
from portkey_nb.errors import PromptError

_PLACES = ("text", "expected", "case")
_NAMELESS = "scorer"


def function_scorer(function: Callable[..., Any], name: str | None = None) -> Check:
    """Make a scorer of a function.

    Parameters
    ----------
    function : callable
        Takes the answer's text; the text and the expected answer; or the text, the expected answer and the case.
        Parameters with a default are left alone, unless they are called ``expected`` or ``case``. It returns a bool
        (which passes or not), a number, a :class:`Score`, or None where it cannot say; it may be a coroutine function.
    name : str, optional
        Its own name by default; that of a lambda is "scorer".

    Raises
    ------
    PromptError
        When it takes something else.

    Notes
    -----
    A function of text and expected answer is not called where no answer is expected. One that takes the case as well
    is, with None.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> def brief(text):
    ...     return len(text) < 10
    >>> score_text(function_scorer(brief), "Yes.")
    Score(value=1.0, passed=True, note='')
    """
    called = _name(function) if name is None else name
    places, keywords = _taken(function, called)

    def work(answer: Answer) -> Score:
        given = {"text": answer.text, "expected": answer.expected, "case": answer.case}
        found = function(*(given[place] for place in places), **{key: given[key] for key in keywords})
        if inspect.isawaitable(found):
            found = _awaited(found)
        return _score(found)

    return Check(called, work, needs_expected=tuple(places) == ("text", "expected"))


def _taken(function: Callable[..., Any], name: str) -> tuple[list[str], list[str]]:
    """Return what a function is given, by position and by keyword."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return ["text"], []  # a few built-in functions do not tell
    kinds = inspect.Parameter
    if any(one.kind is kinds.VAR_POSITIONAL for one in parameters):
        return list(_PLACES), []
    positional = [one for one in parameters if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    needed = [one for one in positional if one.default is kinds.empty] or positional[:1]
    known = {one.name for one in parameters if one.name in _PLACES[1:] and one.kind is not kinds.POSITIONAL_ONLY}
    keywords = sorted(known - {one.name for one in needed})
    needed_names = {one.name for one in parameters if one.kind is kinds.KEYWORD_ONLY and one.default is kinds.empty}
    odd = needed_names - set(keywords)
    if odd or not 1 <= len(needed) <= len(_PLACES):
        raise PromptError(
            f"the scorer {name} takes ({', '.join(str(one) for one in parameters)}); "
            "give a function of (text), (text, expected) or (text, expected, case)"
        )
    # `(text, case)` says by its names what it means.
    places = [one.name if at and one.name in _PLACES[1:] else _PLACES[at] for at, one in enumerate(needed)]
    return places, keywords


def _name(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    own = getattr(function, "__name__", None) or type(function).__name__
    return _NAMELESS if own == "<lambda>" else str(own)


def _awaited(awaitable: Awaitable[Any]) -> Any:
    """Wait for a coroutine on the background loop; an interrupt cancels it."""

    async def whole() -> Any:
        return await awaitable

    waiting = submit(whole())
    try:
        return waiting.result()
    except BaseException:
        waiting.cancel()
        raise


def _score(found: Any) -> Score:
    """Return what a function gave as a score."""
    if isinstance(found, Score):
        return found
    if found is None or type(found).__name__ in ("NAType", "NaTType"):
        return Score(None)
    so = truth(found)
    if so is not None:
        return Score.of(so)
    value = None if isinstance(found, str | bytes) else number(found)
    if value is None:
        raise TypeError(f"it returned {quoted(found)}; return a bool, a finite number, a Score or None")
    return Score(value)

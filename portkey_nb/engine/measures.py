"""Scorers that measure an answer: how alike it is to the expected one, how long, how late and how dear."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, Literal

from portkey_nb.engine.scores import Answer, Check, Score, comparable
from portkey_nb.errors import PromptError

LONGEST_COMPARED = 50_000
"""Characters of a text that similarity reads with rapidfuzz."""
LONGEST_COMPARED_SLOWLY = 4_000
"""Characters of a text that similarity reads without it: difflib's time grows with the square."""


def similarity(
    at_least: float | None = None, *, ignore_case: bool = False, strip: bool = True, name: str = "similarity"
) -> Check:
    """Make a scorer of how alike an answer and the expected one are, letter by letter.

    Parameters
    ----------
    at_least : float, optional
        From 0 to 1: from where on an answer passes.

    Returns
    -------
    Check
        From 0.0, nothing in common, to 1.0, the same: twice the length of what both share by the length of both, by
        rapidfuzz (``normalized_similarity`` of Indel) where it is installed, else by difflib; the note says which.

    Raises
    ------
    PromptError
        When ``at_least`` is not from 0 to 1.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(similarity(at_least=0.8), "a small test", expected="a small rest").passed
    True
    """
    if at_least is not None and not (isinstance(at_least, int | float) and 0 <= at_least <= 1):
        raise PromptError(f"similarity(at_least={at_least!r}): give a number from 0 to 1")

    def work(answer: Answer) -> Score:
        said, expected = comparable(answer.text, answer.expected or "", ignore_case, strip)
        ratio, longest, by = _ratio()
        note = f"by {by}"
        if max(len(said), len(expected)) > longest:
            note += f", of the first {longest:,} characters"
        value = ratio(said[:longest], expected[:longest])
        return Score(value, None if at_least is None else value >= at_least, note)

    return Check(name, work, needs_expected=True)


def _ratio() -> tuple[Callable[[str, str], float], int, str]:
    try:
        from rapidfuzz.distance import Indel  # optional: it comes with portkey_nb[stats]
    except ImportError:
        return (
            (lambda a, b: difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()),
            LONGEST_COMPARED_SLOWLY,
            "difflib",
        )
    return Indel.normalized_similarity, LONGEST_COMPARED, "rapidfuzz"


def length(
    at_most: float | None = None,
    at_least: float | None = None,
    unit: Literal["characters", "words"] = "characters",
    *,
    name: str = "length",
) -> Check:
    """Make a scorer of answers that have to keep to a length.

    Parameters
    ----------
    at_most, at_least : int, optional
        The limits; one of them at least.
    unit : {"characters", "words"}
        Words are what white space stands between.

    Raises
    ------
    PromptError
        When there is no limit, or the unit is neither.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(length(at_most=3, unit="words"), "No more than three words")
    Score(value=0.0, passed=False, note='5 words')
    """
    if unit not in ("characters", "words"):
        raise PromptError(f"length(unit={unit!r}); give 'characters' or 'words'")
    if at_most is None and at_least is None:
        raise PromptError("length() has no limit; give at_most or at_least, as in length(at_most=100, unit='words')")
    low, high = (0 if at_least is None else at_least), (float("inf") if at_most is None else at_most)

    def work(answer: Answer) -> Score:
        count = len(answer.text) if unit == "characters" else len(answer.text.split())
        return Score.of(low <= count <= high, f"{count:,} {unit}")

    return Check(name, work)


def latency(at_most_s: float, *, name: str = "latency") -> Check:
    """Make a scorer of answers that have to be there in time.

    Parameters
    ----------
    at_most_s : float
        Seconds from the first attempt to the last byte. An answer from the cache keeps the time of its first asking.

    Examples
    --------
    >>> latency(at_most_s=2.5)
    <scorer latency>
    """
    limit = _limit("latency", at_most_s)

    def work(answer: Answer) -> Score:
        seconds = answer.run.latency_s
        if seconds is None:
            return Score.unknown("the latency is not known")
        return Score.of(seconds <= limit, f"{seconds:.2f} s")

    return Check(name, work)


def cost(at_most_usd: float, *, name: str = "cost") -> Check:
    """Make a scorer of answers that have to be cheap enough.

    Parameters
    ----------
    at_most_usd : float
        US dollars. An answer from the cache keeps the cost of its first asking.

    Examples
    --------
    >>> cost(at_most_usd=0.001)
    <scorer cost>
    """
    limit = _limit("cost", at_most_usd)

    def work(answer: Answer) -> Score:
        dollars = answer.run.cost_usd
        if dollars is None:
            return Score.unknown("the cost is not known: the model has no price")
        return Score.of(dollars <= limit, f"${dollars:.6f}")

    return Check(name, work)


def _limit(what: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not given >= 0:
        raise PromptError(f"{what}({given!r}): give a limit that is 0 or more")
    return float(given)

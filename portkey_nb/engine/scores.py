"""What is scored and what comes of it: Answer, Score, and the Scorer that makes one of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.engine.plain import number, truth
from portkey_nb.engine.record import Run
from portkey_nb.engine.shapes import one_line, quoted
from portkey_nb.errors import PortkeyError

LONGEST_NOTE = 300
"""Characters kept of a note."""
UNKNOWN = "no expected answer"
"""The note of a scorer that had nothing to hold the answer against."""


@dataclass(frozen=True)
class Score:
    """What a scorer says of one answer.

    Attributes
    ----------
    value : float or None
        More is better; None where nothing can be said.
    passed : bool or None
        Whether the answer is good enough; None where the scorer does not say.
    note : str
        Why, in one line.

    Examples
    --------
    >>> Score(0.5, note="half of the words")
    Score(value=0.5, passed=None, note='half of the words')
    """

    value: float | None
    passed: bool | None = None
    note: str = ""

    @classmethod
    def of(cls, passed: bool, note: str = "") -> Score:
        """Return the score of what is either so or not: 1.0 or 0.0; the note is kept where it is not."""
        return cls(float(passed), bool(passed), "" if passed else one_line(note, LONGEST_NOTE))

    @classmethod
    def unknown(cls, note: str) -> Score:
        """Return the score of an answer of which nothing can be said, and why."""
        return cls(None, None, one_line(note, LONGEST_NOTE))


@dataclass(frozen=True)
class Answer:
    """One answer, with all that a scorer may look at.

    Attributes
    ----------
    text : str
        What the model answered.
    expected : str or None
        The reference; None where the case has none.
    case : mapping
        The case's columns by name.
    run : Run
        The row: its latency, cost, tokens, finish reason.
    """

    text: str
    expected: str | None
    case: Mapping[str, Any]
    run: Run = field(repr=False)

    @classmethod
    def of(cls, run: Run, case: Mapping[str, Any] | None = None) -> Answer:
        """Return the answer of a run.

        Parameters
        ----------
        run : Run
        case : mapping, optional
            The case's columns; those of the run by default. Its ``expected`` counts where the run has none.
        """
        columns = dict((run.vars or {}) if case is None else case)
        given = columns.get("expected") if run.expected is None else run.expected
        return cls(run.text or "", _text(given), columns, run)


def _text(value: Any) -> str | None:
    """Return a value of a case as text; None for what a table has where it has nothing (None, NaN, NA)."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float) and value != value:
        return None
    return value if isinstance(value, str) else str(value)


class Scorer:
    """Scores answers; subclass it, or give any function to ``scorer_of``.

    Attributes
    ----------
    name : str
        Its column is ``score_<name>``.

    Examples
    --------
    >>> class Polite(Scorer):
    ...     name = "polite"
    ...     def score(self, answer):
    ...         return Score.of("please" in answer.text.lower(), "no please")
    >>> Polite()
    <scorer polite>
    """

    name: str

    def score(self, answer: Answer) -> Score:
        """Score one answer.

        Parameters
        ----------
        answer : Answer

        Returns
        -------
        Score
        """
        raise NotImplementedError(f"{type(self).__name__} has no score(answer); write one that returns a Score")

    def __repr__(self) -> str:
        return f"<scorer {getattr(self, 'name', type(self).__name__)}>"


@dataclass(frozen=True, repr=False)
class Check(Scorer):
    """A scorer made of a function; what the function raises becomes the note of an unknown score.

    Parameters
    ----------
    name : str
    work : callable
        Takes an Answer, returns a Score.
    needs_expected : bool
        Whether it has nothing to say where no answer is expected.
    """

    name: str
    work: Callable[[Answer], Score]
    needs_expected: bool = False

    def score(self, answer: Answer) -> Score:
        """Score one answer; never raises."""
        if self.needs_expected and answer.expected is None:
            return Score.unknown(UNKNOWN)
        return attempted(lambda: self.work(answer))


def comparable(text: str, expected: str, ignore_case: bool, strip: bool) -> tuple[str, str]:
    """Return an answer and the expected one without what is not to tell them apart."""
    both = [text.strip(), expected.strip()] if strip else [text, expected]
    return (both[0].casefold(), both[1].casefold()) if ignore_case else (both[0], both[1])


def attempted(work: Callable[[], Score]) -> Score:
    """Return the score that some work gives; what it raises becomes the note of an unknown score.

    An interrupt goes on: it is the person's, not the scorer's.
    """
    try:
        found = work()
    except PortkeyError as raised:
        return Score.unknown(f"{type(raised).__name__}: {raised.message}")
    except Exception as raised:  # noqa: BLE001 (a user's function may raise anything; its row stays)
        return Score.unknown(f"{type(raised).__name__}: {_said(raised)}".rstrip(": "))
    if not isinstance(found, Score):
        return Score.unknown(f"the scorer returned {type(found).__name__}, not a Score")
    value = None if found.value is None or isinstance(found.value, str | bytes) else number(found.value)
    if value is None and found.value is not None:
        return Score.unknown(f"the score is {quoted(found.value)}; give a finite number or None")
    return Score(value, truth(found.passed), one_line(str(found.note), LONGEST_NOTE))


def _said(raised: Exception) -> str:
    try:
        return str(raised)
    except Exception:  # noqa: BLE001 (a foreign error's own text may fail)
        return ""

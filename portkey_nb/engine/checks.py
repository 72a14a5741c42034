"""Scorers that hold an answer against a rule: its text, its words, a pattern, its number, its JSON."""

from __future__ import annotations

import re
from typing import Any, Literal

from portkey_nb.engine.extraction import json_values
from portkey_nb.engine.quantities import Take, candidates
from portkey_nb.engine.schemas import schema_of
from portkey_nb.engine.scores import Answer, Check, Score, comparable
from portkey_nb.engine.shapes import quoted
from portkey_nb.errors import PromptError, SchemaError

_OPENING = re.compile(r"(?:^|\n)[ \t]*(?:`{3,}|~{3,})[ \t]*\w*[ \t]*\r?\n\s*$")


def exact(ignore_case: bool = False, strip: bool = True, *, name: str = "exact") -> Check:
    """Make a scorer of answers that have to be the expected one, character for character.

    Parameters
    ----------
    ignore_case : bool
        Take upper and lower case for the same.
    strip : bool
        Leave out the white space around both.
    name : str
        Its column is ``score_<name>``; so for every scorer.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(exact(ignore_case=True), "paris\\n", expected="Paris").passed
    True
    """

    def work(answer: Answer) -> Score:
        said, expected = comparable(answer.text, answer.expected or "", ignore_case, strip)
        return Score.of(said == expected, f"expected {quoted(answer.expected)}")

    return Check(name, work, needs_expected=True)


def contains(
    *words: str, need: Literal["all", "any", "none"] = "all", ignore_case: bool = False, name: str = "contains"
) -> Check:
    """Make a scorer of answers that have to hold words, or the expected answer where no words are given.

    Parameters
    ----------
    *words : str
        Texts to look for, as they stand.
    need : {"all", "any", "none"}
        With "all", the score is the share of the words that are there. "none" forbids them.
    ignore_case : bool

    Raises
    ------
    PromptError
        When a word is not text, or ``need`` is none of the three.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(contains("Paris", "Seine"), "Paris lies on the Marne.")
    Score(value=0.5, passed=False, note="missing: 'Seine'")
    """
    if need not in ("all", "any", "none"):
        raise PromptError(f"contains(need={need!r}); give 'all', 'any' or 'none'")
    for word in words:
        if not isinstance(word, str) or not word:
            raise PromptError(f"contains({quoted(word)}): give texts to look for, as in contains('Paris', 'Seine')")

    def work(answer: Answer) -> Score:
        said = answer.text.casefold() if ignore_case else answer.text
        wanted = list(words) or [(answer.expected or "").strip()]
        there = [word for word in wanted if (word.casefold() if ignore_case else word) in said]
        if need == "none":
            return Score.of(not there, f"holds: {_listed(there)}")
        missing = [word for word in wanted if word not in there]
        passed = bool(there) if need == "any" else not missing
        value = float(passed) if need == "any" else len(there) / len(wanted)
        return Score(value, passed, "" if passed else f"missing: {_listed(missing)}")

    return Check(name, work, needs_expected=not words)


def regex(
    pattern: str | re.Pattern[str],
    *,
    flags: int = 0,
    full: bool = False,
    group: int | str | None = None,
    name: str = "regex",
) -> Check:
    """Make a scorer of answers in which a regular expression has to match.

    Parameters
    ----------
    pattern : str or compiled pattern
    flags : int
        As for :func:`re.compile`.
    full : bool
        Whether it has to match the whole answer (white space around it left out).
    group : int or str, optional
        The group that has to be the expected answer; so "Answer: B" is held against "B".

    Raises
    ------
    PromptError
        When the pattern cannot be read, or has no such group.

    Notes
    -----
    Python's expressions can take very long on a text made for it: keep to patterns without nested repetition.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(regex(r"Answer: ([A-D])", group=1), "I think so. Answer: B", expected="B").passed
    True
    """
    fault = ""
    try:
        compiled = re.compile(pattern, flags)
        if not isinstance(compiled.pattern, str):
            fault = "it is made of bytes"
        elif group is not None and group not in (*range(compiled.groups + 1), *compiled.groupindex):
            fault = f"it has no group {group!r}"
    except (re.error, TypeError, ValueError, RecursionError) as raised:
        fault = str(raised)
    if fault:
        raise PromptError(f"regex({quoted(pattern)}): {fault}; mend the pattern")

    def work(answer: Answer) -> Score:
        found = compiled.fullmatch(answer.text.strip()) if full else compiled.search(answer.text)
        if found is None or group is None:
            return Score.of(found is not None, f"no match of {compiled.pattern}")
        said, expected = (found[group] or "").strip(), (answer.expected or "").strip()
        return Score.of(said == expected, f"found {quoted(said)}, expected {quoted(expected)}")

    return Check(name, work, needs_expected=group is not None)


def number(tolerance: float = 0, relative: float = 0, *, take: Take = "last", name: str = "number") -> Check:
    """Make a scorer of answers whose number has to be the expected one.

    Parameters
    ----------
    tolerance : float
        How far it may be off.
    relative : float
        How far it may be off as a share of the expected number; the wider of both holds.
    take : {"last", "first", "any"}
        Which number of the answer counts. One that is marked as the answer ("the answer is 7", ``\\\\boxed{7}``,
        ``#### 7``) goes before the last one.

    Returns
    -------
    Check
        Currency signs, thousands separators, percent signs, minus signs and powers of ten are read; "12 %" is taken
        for 0.12 as well where the expected number has no percent sign. An answer without a number fails with 0.0.

    Raises
    ------
    PromptError
        When a tolerance is negative or no number.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(number(tolerance=1), "It comes to about $1,234.50 in all.", expected="1235").passed
    True
    """
    for said, given in (("tolerance", tolerance), ("relative", relative)):
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < float("inf"):
            raise PromptError(f"number({said}={given!r}): give a number that is 0 or more")
    if take not in ("last", "first", "any"):
        raise PromptError(f"number(take={take!r}); give 'last', 'first' or 'any'")

    def work(answer: Answer) -> Score:
        target = candidates(answer.expected or "", "last" if take == "any" else take)
        if not target:
            return Score.unknown(f"no number in the expected answer {quoted(answer.expected)}")
        found = candidates(answer.text, take)
        if not found:
            return Score.of(False, "no number in the answer")
        near = any(one.is_near(target[0], tolerance, relative) for one in found)
        return Score.of(near, f"found {found[-1].value}, expected {target[0].value}")

    return Check(name, work, needs_expected=True)


def json_valid(anywhere: bool = False, *, name: str = "json_valid") -> Check:
    """Make a scorer of answers that have to be JSON: the whole answer, or a fenced block in it.

    Parameters
    ----------
    anywhere : bool
        Whether an object or list among the words counts too.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(json_valid(), 'Here it is: {"a": 1}').passed
    False
    """

    def work(answer: Answer) -> Score:
        values = json_values(answer.text)
        if anywhere or not values or values[0] == answer.text.strip().removeprefix("\ufeff").strip():
            return Score.of(bool(values), "no JSON in the answer")
        fenced = any(_OPENING.search(answer.text[: answer.text.find(value)][-200:]) for value in values)
        return Score.of(fenced, "there are words around the JSON")

    return Check(name, work)


def json_schema(schema: Any, *, name: str = "json_schema") -> Check:
    """Make a scorer of answers that have to hold JSON that fits a schema.

    Parameters
    ----------
    schema : type, mapping or str
        A pydantic model class, a dataclass, a TypedDict, ``list[...]`` of these, or a JSON schema.

    Raises
    ------
    PromptError
        When it cannot be a schema.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> score_text(json_schema(list[int]), "[1, 2]").passed
    True
    """
    wanted = schema_of(schema)

    def work(answer: Answer) -> Score:
        try:
            wanted.parse(answer.text)
        except SchemaError as raised:
            return Score.of(False, raised.message)
        return Score.of(True)

    return Check(name, work)


def _listed(words: list[str]) -> str:
    return ", ".join(quoted(word) for word in words[:5]) + (" …" if len(words) > 5 else "")

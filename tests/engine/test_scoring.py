"""Scorers: what passes, with what score, and that nothing a scorer does costs a row."""

from __future__ import annotations

import asyncio
import functools
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from portkey_nb import aask, runs
from portkey_nb.engine import scoring
from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.loop import submit
from portkey_nb.engine.scoring import (
    Answer,
    Score,
    Scorer,
    answer_of,
    contains,
    cost,
    exact,
    json_schema,
    json_valid,
    latency,
    length,
    number,
    regex,
    score_run,
    score_text,
    scorer_of,
    scorers_of,
    similarity,
)
from portkey_nb.errors import PromptError
from portkey_nb.gateway.demo.server import DemoGateway
from tests.engine.runs_of import done


@pytest.mark.parametrize(
    ("scorer", "text", "expected", "passed"),
    [
        (exact(), " Paris\n", "Paris", True),
        (exact(), "paris", "Paris", False),
        (exact(ignore_case=True), "STRASSE", "straße", True),
        (exact(strip=False), "Paris ", "Paris", False),
        (exact(), "", "", True),
        (contains(), "It is Paris.", "Paris", True),
        (contains(), "It is Rome.", " Paris ", False),
        (contains("a", "b"), "a and b", None, True),
        (contains("a", "b"), "a alone", None, False),
        (contains("x", "b", need="any"), "b", None, True),
        (contains("as an AI", need="none"), "As a model", None, True),
        (contains("as an AI", need="none", ignore_case=True), "As an ai, I", None, False),
        (contains("1+1 (sum)"), "so 1+1 (sum)", None, True),
        (regex(r"\d{4}"), "born in 1815", None, True),
        (regex(r"\d{4}", full=True), "born in 1815", None, False),
        (regex(r"\d{4}", full=True), " 1815\n", None, True),
        (regex("PARIS", flags=re.I), "paris", None, True),
        (regex(re.compile("^b", re.M)), "a\nb", None, True),
        (regex(r"Answer: (\w)", group=1), "Answer: B", "B", True),
        (regex(r"Answer: (?P<letter>\w)", group="letter"), "Answer: C", "B", False),
        (regex(r"(x)?y", group=1), "y", "", True),
        (json_valid(), ' {"a": [1]}\n', None, True),
        (json_valid(), 'Here:\n```json\n{"a": 1}\n```\nDone.', None, True),
        (json_valid(), '{"a": 1,}', None, False),
        (json_valid(), 'see [1] and {"a": 1}', None, False),
        (json_valid(anywhere=True), 'see {"a": 1}', None, True),
        (json_valid(), "", None, False),
        (json_valid(), "[NaN]", None, False),
        (json_schema({"type": "object", "required": ["a"]}), 'Sure: {"a": 1}', None, True),
        (json_schema({"type": "object", "required": ["a"]}), '{"b": 1}', None, False),
        (json_schema(list[int]), "[1, 2]", None, True),
        (length(at_most=3, unit="words"), "one two  three\n", None, True),
        (length(at_most=3), "four", None, False),
        (length(at_least=1), "", None, False),
        (length(2, 2), "ab", None, True),
        (similarity(at_least=1), "same", "same", True),
        (similarity(at_least=0.5), "abcd", "wxyz", False),
        (similarity(at_least=1, ignore_case=True), "SAME", " same", True),
    ],
)
def test_a_rule_passes_what_it_should(scorer: Scorer, text: str, expected: str | None, passed: bool) -> None:
    found = score_text(scorer, text, expected)
    assert found.passed is passed
    assert found.value is not None
    assert 0 <= found.value <= 1
    assert passed or found.note
    assert "\n" not in found.note


NUMBERS = [
    ("391", "391"),
    ("The result is **391**. As a check, 391 ÷ 23 is 17 again.", "391"),
    ("First 3, then 4, so 12.", "12"),
    ("#### 18\nThat is 3 more than 15.", "18"),
    (r"so $\boxed{7}$ for n = 3", "7"),
    ("The answer is about 12 of 30 apples.", "12"),
    ("The answer is x = -4, since 4 - 8 = -4 and 2 < 3", "-4"),
    ("It costs $1,234.50.", "1234.5"),
    ("Es kostet 1.234,50 €", "1234.5"),
    ("1 234 567 people", "1234567"),
    ("1\u202f234\u00a0567", "1234567"),
    ("CHF 1'000.50", "1000.5"),
    ("12,34,567", "1234567"),
    ("drei Komma fünf: 3,5", "3.5"),
    ("−5 degrees", "-5"),
    ("minus 5", "-5"),
    ("-$5", "-5"),
    ("USD -5", "-5"),
    ("between 3-5", "5"),
    ("- 5 apples", "5"),
    ("10-3=7", "7"),
    ("1.5e3", "1500"),
    ("1.5 × 10^{-3} m", "0.0015"),
    ("10^6", "1000000"),
    ("$1.2 million", "1200000"),
    ("1,2,3", "3"),
    ("5km", "5"),
    (".5", "0.5"),
    ("It is 5.", "5"),
    ("7 is what GPT-4o and v1.2.3 say", "7"),
    ("42 is it:\n1. First.\n2. Second.", "42"),
    ("1. First.\n2. Second.", "2"),
    ("12 %", "12%"),
    ("12 percent", "0.12"),
    ("0.12", "12 %"),
    ("0.1", "1e-1"),
    ("123456789012345678901234567890", "123456789012345678901234567890"),
]


@pytest.mark.parametrize(("text", "expected"), NUMBERS)
def test_a_number_is_found_in_prose(text: str, expected: str) -> None:
    found = score_text(number(), text, expected)
    assert found == Score(1.0, True), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "-5"),
        ("1.234", "1234"),
        ("1,234", "1.234"),
        ("12", "0.12"),
        ("1 and 2", "1"),
        ("123456789012345678901234567891", "123456789012345678901234567890"),
        ("none at all", "5"),
        ("", "0"),
        ("GPT-4", "4"),
    ],
)
def test_another_number_or_none_fails_with_zero(text: str, expected: str) -> None:
    found = score_text(number(), text, expected)
    assert (found.value, found.passed) == (0.0, False)
    assert found.note


@pytest.mark.parametrize(
    ("scorer", "text", "passed"),
    [
        (number(tolerance=0.2), "0.3", True),  # in binary fractions 0.3 - 0.1 is more than 0.2
        (number(tolerance=0.2), "0.31", False),
        (number(tolerance=0.3), "0.4", True),  # and 0.3 is less than three tenths
        (number(relative=0.1), "0.11", True),
        (number(relative=0.1), "0.12", False),
        (number(tolerance=1, relative=0.01), "1.05", True),
        (number(take="first"), "0.1 or 5", True),
        (number(take="any"), "5, 0.1 or 6", True),
        (number(take="any"), "5 or 6", False),
        (number(tolerance=1), "1e999", False),
    ],
)
def test_a_number_may_be_off_by_its_tolerance(scorer: Scorer, text: str, passed: bool) -> None:
    assert score_text(scorer, text, "0.1").passed is passed


def test_a_number_cannot_be_judged_against_words() -> None:
    assert score_text(number(), "5", "five") == Score(None, None, "no number in the expected answer 'five'")


WRITTEN = st.decimals(-(10**12), 10**12, places=3, allow_nan=False, allow_infinity=False)


@given(WRITTEN, st.sampled_from(("{}", "{:,}", "${:,}", "So it is {:,}.", "{:,} %", "a {} b", "**{}**", "(={:,})")))
def test_any_number_is_read_as_it_was_written(value: Any, form: str) -> None:
    expected = f"{value}%" if "%" in form else f"{value}"
    assert score_text(number(), form.format(value), expected).passed is True


@given(st.text(alphabet="0123456789.,'’ -−–+*%$€eE×^{}()\n\\abn#", max_size=60) | st.text(max_size=60))
def test_any_text_has_its_numbers_read(text: str) -> None:
    for scorer in (number(), number(take="any"), number(take="first")):
        found = score_text(scorer, text, "3.5")
        assert found.value in (0.0, 1.0)
        assert found.passed is bool(found.value)


@given(st.text(max_size=40), st.text(max_size=40))
def test_every_rule_takes_every_text(text: str, expected: str) -> None:
    for scorer in (exact(), contains(), similarity(), json_valid(), length(at_most=5), json_schema(list[str])):
        found = score_text(scorer, text, expected)
        assert found.value is not None, found
        assert 0 <= found.value <= 1


def test_a_share_of_the_words_is_a_share_of_the_score() -> None:
    found = score_text(contains("Paris", "Seine", "Louvre", "Metro"), "Paris on the Seine")
    assert found == Score(0.5, False, "missing: 'Louvre', 'Metro'")


def test_similarity_says_what_measured_it() -> None:
    found = score_text(similarity(), "a small test", "a small rest")
    assert found.value == pytest.approx(11 / 12)
    assert (found.passed, found.note) == (None, "by rapidfuzz")
    assert "of the first 50,000 characters" in score_text(similarity(), "a" * 60_000, "a" * 60_000).note


def test_similarity_needs_no_rapidfuzz() -> None:
    code = (
        "import sys; sys.modules['rapidfuzz'] = None\n"
        "from portkey_nb.engine.scoring import score_text, similarity\n"
        "print(score_text(similarity(at_least=0.9), 'a small test', 'a small rest'))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "value=0.9166" in said
    assert "passed=True, note='by difflib'" in said


def test_scorers_load_neither_pandas_nor_rapidfuzz_nor_scipy() -> None:
    code = (
        "import sys; import portkey_nb.engine.scoring\n"
        "print([name for name in ('pandas', 'numpy', 'scipy', 'rapidfuzz', 'matplotlib') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_time_and_money_are_of_the_run() -> None:
    assert score_text(latency(at_most_s=2), "x", latency_s=2.0).passed is True
    assert score_text(latency(at_most_s=2), "x", latency_s=2.5) == Score(0.0, False, "2.50 s")
    assert score_text(latency(at_most_s=2), "x").value is None
    assert score_text(cost(at_most_usd=0.01), "x", cost_usd=0.002).passed is True
    assert score_text(cost(at_most_usd=0.001), "x", cost_usd=0.002).note == "$0.002000"
    unpriced = score_text(cost(at_most_usd=1), "x")
    assert (unpriced.value, unpriced.passed) == (None, None)
    assert "price" in unpriced.note


@pytest.mark.parametrize("scorer", [exact(), contains(), number(), similarity(), regex("(a)", group=1)])
def test_without_an_expected_answer_nothing_is_claimed(scorer: Scorer) -> None:
    assert score_text(scorer, "a") == Score(None, None, "no expected answer")


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: contains(3), "texts to look for"),  # type: ignore[arg-type]
        (lambda: contains(need="most"), "'all', 'any' or 'none'"),  # type: ignore[arg-type]
        (lambda: regex("("), "mend the pattern"),
        (lambda: regex(b"x"), "bytes"),  # type: ignore[arg-type]
        (lambda: regex("x", group=1), "no group 1"),
        (lambda: number(tolerance=-1), "0 or more"),
        (lambda: number(relative=float("nan")), "0 or more"),
        (lambda: number(take="best"), "'last', 'first' or 'any'"),  # type: ignore[arg-type]
        (lambda: json_schema({}), "JSON schema"),
        (lambda: similarity(at_least=80), "from 0 to 1"),
        (lambda: length(), "at_most"),
        (lambda: length(at_most=3, unit="pages"), "'characters' or 'words'"),  # type: ignore[arg-type]
        (lambda: latency("2 s"), "a limit"),  # type: ignore[arg-type]
        (lambda: cost(-1), "0 or more"),
        (lambda: scorer_of("exakt"), "there are exact, contains"),
        (lambda: scorer_of("regex"), "write regex("),
        (lambda: scorer_of(scoring.judge), "write judge("),
        (lambda: scorer_of(3), "is no scorer"),
        (lambda: scorer_of(None), "is no scorer"),
        (lambda: scorer_of(Model), "json_schema(Model)"),
        (lambda: scorer_of(lambda: 1), "(text, expected)"),
        (lambda: scorer_of(lambda a, b, c, d: 1), "(text, expected, case)"),
        (lambda: scorer_of(lambda text, *, level: 1), "(text, expected)"),
    ],
)
def test_what_cannot_be_a_scorer_is_said_in_one_line(make: Any, hint: str) -> None:
    with pytest.raises(PromptError) as caught:
        make()
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


class Model(BaseModel):
    name: str


@pytest.mark.parametrize("name", ["exact", "contains", "number", "json_valid", "similarity"])
def test_a_builder_is_known_by_name_and_by_itself(name: str) -> None:
    assert scorer_of(name).name == scorer_of(getattr(scoring, name)).name == name
    assert score_text(name, "1", "1").passed in (True, None)


def polite(text: str) -> bool:
    return "please" in text


def same(text: str, expected: str) -> bool:
    return text == expected


def by_case(text: str, expected: str | None, case: Any) -> float:
    return float(case["weight"])


def by_name(text: str, case: Any) -> float:
    return float(case["weight"])


def with_default(text: str, threshold: float = 0.5) -> bool:
    return threshold == 0.5


def with_known_default(text: str, threshold: float = 0.5, *, case: Any = None) -> float:
    return float(case["weight"])


class Callable_:
    def __call__(self, text: str) -> bool:
        return True

    def method(self, text: str, expected: str) -> bool:
        return text == expected


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        (polite, "polite", 0.0),
        (same, "same", 1.0),
        (by_case, "by_case", 2.5),
        (by_name, "by_name", 2.5),
        (with_default, "with_default", 1.0),
        (with_known_default, "with_known_default", 2.5),
        (len, "len", 2.0),
        (lambda text: 0.25, "scorer", 0.25),
        (lambda *given: float(len(given)), "scorer", 3.0),
        (functools.partial(with_default, threshold=0.5), "with_default", 1.0),
        (Callable_(), "Callable_", 1.0),
        (Callable_().method, "method", 1.0),
        (str.isdigit, "isdigit", 0.0),
        (lambda text: np.bool_(True), "scorer", 1.0),
        (lambda text: np.float32(0.5), "scorer", 0.5),
        (lambda text: Score(0.75, True, "mine"), "scorer", 0.75),
        (lambda text: None, "scorer", None),
        (lambda text: pd.NA, "scorer", None),
    ],
)
def test_any_function_is_a_scorer(function: Any, name: str, value: float | None) -> None:
    scorer = scorer_of(function)
    assert scorer.name == name
    found = score_text(scorer, "ok", "ok", {"weight": 2.5})
    assert found.value == value
    assert not found.note or found.note == "mine"


def test_a_bool_passes_or_fails_and_a_number_only_counts() -> None:
    assert score_text(lambda text: True, "x") == Score(1.0, True)
    assert score_text(lambda text: False, "x") == Score(0.0, False)
    assert score_text(lambda text: 0, "x") == Score(0.0, None)


def test_a_function_of_text_and_expected_waits_for_an_expected_answer() -> None:
    assert score_text(same, "None") == Score(None, None, "no expected answer")


def test_a_coroutine_function_is_a_scorer_that_may_ask(demo: DemoGateway) -> None:
    async def agrees(text: str) -> bool:
        reply = await aask("Say this is a test", model="demo-fast", base_url=demo.base_url)
        return "test" in reply and text == "x"

    assert scorer_of(agrees).name == "agrees"
    assert score_text(agrees, "x") == Score(1.0, True)

    async def in_a_notebook() -> Score:
        return score_text(agrees, "x")  # a notebook's cell runs inside a loop of its own

    assert asyncio.run(in_a_notebook()).passed is True
    assert len(runs()) == 2


def raising(error: BaseException) -> Any:
    def broken(text: str) -> bool:
        raise error

    return broken


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("function", "note"),
    [
        (raising(ValueError("not a\nsingle \x1b[31mline")), "ValueError: not a single [31mline"),
        (raising(KeyError("k")), "KeyError: 'k'"),
        (raising(AssertionError()), "AssertionError"),
        (raising(Unprintable()), "Unprintable"),
        (raising(PromptError("use another")), "PromptError: use another"),
        (lambda text: "good", "TypeError: it returned 'good'; return a bool, a finite number, a Score or None"),
        (lambda text: float("nan"), "TypeError: it returned nan; return a bool, a finite number, a Score or None"),
        (lambda text: Score("good"), "the score is 'good'; give a finite number or None"),  # type: ignore[arg-type]
        (lambda text: Score(float("inf")), "the score is inf; give a finite number or None"),
        (lambda text: [1], "TypeError: it returned [1]; return a bool, a finite number, a Score or None"),
    ],
)
def test_a_scorer_that_raises_says_so_and_harms_nothing(function: Any, note: str) -> None:
    assert score_text(function, "x") == Score(None, None, note)


def test_a_long_complaint_is_cut() -> None:
    assert len(score_text(raising(ValueError("x" * 10_000)), "x").note) <= 300


def test_an_interrupt_is_the_persons_own() -> None:
    with pytest.raises(KeyboardInterrupt):
        score_text(raising(KeyboardInterrupt()), "x")


def test_names_differ() -> None:
    names = [scorer.name for scorer in scorers_of([lambda text: 1, lambda text: 2, "exact", exact(), len, "exact"])]
    assert names == ["scorer", "scorer_2", "exact", "exact_2", "len", "exact_3"]
    named = scorers_of({"short": lambda text: len(text) < 3, "right": "exact"})
    assert [scorer.name for scorer in named] == ["short", "right"]
    assert [score_text(scorer, "ab", "ab").passed for scorer in named] == [True, True]
    taken = scorers_of([exact(name="exact_2"), "exact", "exact"])
    assert [scorer.name for scorer in taken] == ["exact_2", "exact", "exact_3"]


@pytest.mark.parametrize(
    ("given_", "names"),
    [(None, []), ((), []), ("exact", ["exact"]), (len, ["len"]), (exact(), ["exact"]), (re.compile("a"), ["regex"])],
)
def test_one_scorer_needs_no_list(given_: Any, names: list[str]) -> None:
    assert [scorer.name for scorer in scorers_of(given_)] == names


def test_a_subclass_is_a_scorer_with_or_without_a_name() -> None:
    class Long(Scorer):
        def score(self, answer: Answer) -> Score:
            return Score(float(len(answer.text) + answer.case["more"]))

    class Wrong(Scorer):
        name = "wrong"

        def score(self, answer: Answer) -> Score:
            raise ZeroDivisionError("by zero")

    scores, passed, notes = score_run(done(vars={"more": 4}), scorers_of([Long(), Wrong()]))
    assert (scores, passed, notes) == ({"Long": 10.0}, None, {"wrong": "ZeroDivisionError: by zero"})


def test_a_run_is_scored_whole() -> None:
    run = done(text="It is Paris.", expected="Paris", latency_s=1.0, vars={"country": "France"})
    scorers = scorers_of([contains(), latency(at_most_s=2), len, raising(ValueError("no")), "number"])
    scores, passed, notes = score_run(run, scorers, {"country": "France"})
    assert scores == {"contains": 1.0, "latency": 1.0, "len": 12.0}
    assert passed is True
    assert notes == {"broken": "ValueError: no", "number": "no number in the expected answer 'Paris'"}
    assert score_run(run, scorers_of([contains(), exact()]))[1] is False
    assert score_run(run, [])[1] is None
    row = to_frame([run.with_(scores=scores, passed=passed).to_row()], "all").iloc[0]
    assert (row["score_contains"], row["passed"]) == (1.0, True)


def test_what_was_expected_is_the_runs_or_else_the_cases() -> None:
    scorers = scorers_of("exact")
    assert score_run(done(text="7"), scorers, {"expected": 7})[0] == {"exact": 1.0}
    assert score_run(done(text="7", expected="7"), scorers, {"expected": 8})[0] == {"exact": 1.0}
    assert score_run(done(text="7"), scorers, {"expected": float("nan")})[2] == {"exact": "no expected answer"}
    assert score_run(done(text="7"), scorers, {"expected": pd.NA})[2] == {"exact": "no expected answer"}
    assert score_run(done(text=None), scorers, {"expected": ""})[0] == {"exact": 1.0}


@pytest.mark.parametrize("status", ["error", "interrupted", "incomplete", "started"])
def test_what_did_not_come_out_well_is_not_scored(status: str) -> None:
    assert score_run(done(status=status), scorers_of([len, "json_valid"])) == ({}, None, {})


def test_scoring_on_the_background_loop_is_refused_rather_than_waited_for() -> None:
    async def work() -> Any:
        return score_run(done(), [])

    with pytest.raises(RuntimeError, match="another thread"):
        submit(work()).result(10)


def test_an_answer_by_hand_has_a_run() -> None:
    answer = answer_of("Hi", expected="Hello", case={"a": 1}, prompt="Greet me")
    assert (answer.text, answer.expected, answer.case, answer.run.prompt) == ("Hi", "Hello", {"a": 1}, "Greet me")
    assert scoring.Answer.of(answer.run) == answer


def test_all_public_names_are_there() -> None:
    assert all(getattr(scoring, name) is not None for name in scoring.__all__)
    assert all((getattr(scoring, name).__doc__ or "").strip() for name in scoring.__all__)

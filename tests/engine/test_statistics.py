"""Summaries and paired tests: published worked examples, scipy on the same data, frames that tell little."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.statistics import holm, mcnemar_exact, pairs, summary, wilson
from portkey_nb.errors import PromptError
from tests.engine.runs_of import done


def table(passed: dict[str, Sequence[Any]], repeats: int = 1, **columns: Any) -> pd.DataFrame:
    """Return a frame of one row per variant and cell, the cells of a case following each other."""
    rows = [
        {"variant": variant, "case_id": f"c{at // repeats}", "repeat": at % repeats, "status": "ok", "passed": value}
        for variant, values in passed.items()
        for at, value in enumerate(values)
    ]
    frame = pd.DataFrame(rows).astype({"passed": "boolean", "repeat": "Int64"})
    return frame.assign(**columns)


# Counts


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(passed: int, n: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3 (score without continuity correction)."""
    assert wilson(passed, n) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)
@given(n=st.integers(1, 5000), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_wilson_is_scipys_and_holds_the_estimate(n: int, share: float, confidence: float) -> None:
    passed = round(share * n)
    low, high = wilson(passed, n, confidence)
    theirs = scipy.stats.binomtest(passed, n).proportion_ci(confidence, method="wilson")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert 0 <= low <= passed / n <= high <= 1
    assert wilson(n - passed, n, confidence) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_wilson_of_nothing_excludes_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("given", [(3, 2), (-1, 2), (0, -1), (math.nan, 3), (1, math.inf)])
def test_wilson_refuses_what_is_no_share(given: tuple[float, float]) -> None:
    with pytest.raises(PromptError, match="is no share"):
        wilson(*given)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1, math.nan, "high", True])
def test_a_confidence_is_a_share(confidence: Any) -> None:
    for ask in (lambda: wilson(1, 2, confidence), lambda: summary(table({"a": [True]}), confidence)):
        with pytest.raises(PromptError, match=r"such as 0\.95"):
            ask()


@pytest.mark.parametrize(("b", "c", "p"), [(86, 150, 3.716e-05), (5, 15, 0.0414), (0, 0, 1.0), (7, 7, 1.0)])
def test_mcnemar_gives_the_published_p(b: int, c: int, p: float) -> None:
    """86 and 150: approval of the President, Agresti (1990), Categorical Data Analysis, p. 350; p of exact2x2 (R)."""
    assert mcnemar_exact(b, c) == pytest.approx(p, rel=1e-3)
    assert mcnemar_exact(c, b) == mcnemar_exact(b, c)


@pytest.mark.parametrize("count", [-1, 1.5, math.nan, math.inf, True])
def test_mcnemar_refuses_what_is_no_count(count: Any) -> None:
    with pytest.raises(PromptError, match="no number of pairs"):
        mcnemar_exact(3, count)


def test_holm_gives_the_published_p_values() -> None:
    """The example of Wikipedia's "Holm-Bonferroni method": at 0.05 the fourth and first are rejected, no other."""
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1) | st.none(), max_size=20))
def test_holm_is_holms_procedure(p_values: list[float | None]) -> None:
    """Holm (1979), Scandinavian Journal of Statistics 6, 65-70: reject the smallest while p < alpha / (number left)."""
    adjusted = holm(p_values)
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    assert [math.isnan(p) for p in adjusted] == [p is None for p in p_values]
    ordered = [adjusted[at] for _, at in known]
    assert ordered == sorted(ordered)
    assert all(p <= after <= min(1, p * len(known)) for (p, _), after in zip(known, ordered, strict=True))
    for alpha in (0.01, 0.05, 0.2):
        rejected = 0
        while rejected < len(known) and known[rejected][0] * (len(known) - rejected) < alpha:
            rejected += 1
        assert sum(p < alpha for p in ordered) == rejected


def test_holm_leaves_unknown_ones_out_and_refuses_what_is_no_p() -> None:
    assert holm([0.02, math.nan, 0.03])[0] == pytest.approx(0.04)
    assert math.isnan(holm([pd.NA])[0])  # type: ignore[list-item]
    assert holm([]) == []
    with pytest.raises(PromptError, match=r"1\.5 is no p value"):
        holm([0.1, 1.5])


def test_counts_need_no_scipy_and_the_rest_says_what_to_install() -> None:
    code = """
import sys
sys.modules["scipy"] = None
import pandas as pd
from portkey_nb.engine.statistics import *
from portkey_nb.errors import SettingsError
frame = pd.DataFrame({"variant": ["a", "b"] * 3, "case_id": list("112233"), "passed": [True, False] * 3})
assert abs(mcnemar_exact(86, 150) - 3.7159361395713866e-05) < 1e-15
assert mcnemar_exact(0, 0) == 1 and mcnemar_exact(5000, 5000) == 1
assert wilson(0, 20)[1] < 0.17 and holm([0.5]) == [0.5]
assert summary(frame).loc["a", "pass_rate"] == 1
assert bradley_terry(pd.DataFrame({"first": ["a"], "second": ["b"], "outcome": [1]})).index[0] == "a"
assert agreement([1, 2, 3], [1, 2, 4])["spearman"] == 1
try:
    pairs(frame)
except SettingsError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ('pairs() needs scipy; run: pip install "portkey_nb[stats]"\n', "")


# Summary


def test_a_summary_of_logged_runs_has_what_each_variant_did() -> None:
    facts: list[dict[str, Any]] = [
        {
            "variant": "z",
            "passed": True,
            "latency_s": 1.0,
            "ttft_s": 0.1,
            "tokens_per_s": 10.0,
            "scores": {"exact": 1.0},
        },
        {"variant": "a", "passed": True, "latency_s": 5.0, "cost_usd": None},
        {
            "variant": "z",
            "passed": False,
            "latency_s": 3.0,
            "ttft_s": 0.3,
            "tokens_per_s": 30.0,
            "scores": {"exact": 0.0},
        },
        {
            "variant": "z",
            "passed": None,
            "status": "error",
            "text": None,
            "cost_usd": None,
            "latency_s": 99.0,
            "error": "no",
        },
        {"variant": "z", "passed": None, "status": "incomplete", "cost_usd": 0.5, "latency_s": 99.0},
        {"variant": "z", "passed": None, "status": "interrupted", "cost_usd": None, "latency_s": 99.0},
        {"variant": "z", "passed": True, "cached": True, "latency_s": 2.0, "ttft_s": 0.2, "tokens_per_s": 20.0},
    ]
    rows = [done(case_id=str(at), **each).to_row() for at, each in enumerate(facts)]
    found = summary(to_frame(rows, "all"))
    assert list(found.index) == ["z", "a"], "as first seen"
    assert found.loc["z"].to_dict() == pytest.approx(
        {
            "n": 6,
            "ok": 3,
            "errors": 2,
            "judged": 3,
            "pass_rate": 2 / 3,
            "pass_low": wilson(2, 3)[0],
            "pass_high": wilson(2, 3)[1],
            "exact_mean": 0.5,
            "exact_se": 0.5,
            "latency_median_s": 2.0,
            "latency_p95_s": 2.9,
            "ttft_median_s": 0.2,
            "ttft_p95_s": 0.29,
            "tokens_per_s": 20.0,
            "cost_usd": 1.25,
            "cost_paid_usd": 1.0,
            "cost_per_call_usd": 1.25 / 4,
            "cost_per_pass_usd": 1.25 / 2,
            "unpriced": 1,
        }
    )
    other = found.loc["a"]
    unknown = ["exact_mean", "exact_se", "ttft_median_s", "ttft_p95_s", "tokens_per_s"]
    unknown += ["cost_usd", "cost_paid_usd", "cost_per_call_usd", "cost_per_pass_usd"]
    assert list(other.index[other.isna()]) == unknown, "unknown is NA, never 0"
    assert other["unpriced"] == 1
    assert set(found.dtypes.astype(str)) == {"Int64", "Float64"}


def test_the_way_an_interval_was_made_is_said() -> None:
    once = summary(table({"a": [True, False]}, score_x=[0.5, 1.0]), confidence=0.9).attrs
    assert once["confidence"] == 0.9
    assert "Wilson score interval at 0.9, over cases" in once["methods"]["pass_low"]
    again = summary(table({"a": [True, False] * 2}, repeats=2, score_x=1.0)).attrs["methods"]
    assert "clustered by case" in again["pass_high"]
    assert "first averaged over its repeats" in again["x_se"]
    alone = summary(table({"a": [True, False, True]}, repeats=3)).attrs["methods"]
    assert "that case alone" in alone["pass_low"]


def test_what_was_paid_for_cached_answers_alone_is_nothing() -> None:
    frame = table({"a": [True, True]}, cost_usd=0.25, cached=pd.array([True, True], dtype="boolean"))
    assert summary(frame).loc["a", ["cost_usd", "cost_paid_usd"]].to_list() == [0.5, 0.0]
    frame["cost_usd"] = [0.25, None]
    frame["cached"] = [True, False]
    assert pd.isna(summary(frame).loc["a", "cost_paid_usd"]), "the one call that was paid has no price"


def test_play_money_is_never_paid() -> None:
    frame = table({"a": [True, True]}, cost_usd=0.25, demo=pd.array([True, True], dtype="boolean"))
    assert summary(frame).loc["a", ["cost_usd", "cost_paid_usd"]].to_list() == [0.5, 0.0]


def test_a_pass_of_unknown_cost_makes_the_others_no_cheaper() -> None:
    found = summary(table({"a": [True, True, False]}, cost_usd=[0.5, None, 0.25])).loc["a"]
    assert found[["cost_usd", "cost_per_pass_usd", "cost_per_call_usd", "unpriced"]].to_list() == [0.75, 0.75, 0.375, 1]


def test_nothing_passed_has_no_cost_per_pass() -> None:
    found = summary(table({"a": [False, False]}, cost_usd=0.25)).loc["a"]
    assert pd.isna(found["cost_per_pass_usd"])
    assert found["cost_per_call_usd"] == 0.25
    assert (found["pass_rate"], found["pass_low"]) == (0, 0)
    assert found["pass_high"] == pytest.approx(wilson(0, 2)[1])


def test_scores_are_averaged_over_the_repeats_of_a_case_first() -> None:
    scores = [1.0, 3.0, 2.0, 6.0, 6.0, 9.0]
    found = summary(table({"a": [None] * 6}, repeats=2, score_x=scores)).loc["a"]
    by_case = [2.0, 4.0, 7.5]
    assert found["x_mean"] == pytest.approx(np.mean(by_case))
    assert found["x_se"] == pytest.approx(scipy.stats.sem(by_case))
    assert pd.isna(found["pass_rate"])
    assert found["judged"] == 0


def test_a_case_with_more_repeats_weighs_no_more() -> None:
    frame = table({"a": [None] * 3}, score_x=[0.0, 0.0, 1.0]).assign(case_id=["1", "1", "2"], repeat=[0, 1, 0])
    assert summary(frame).loc["a", "x_mean"] == 0.5


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(2, 5))
def test_asking_again_for_the_same_answers_makes_no_interval_narrower(passed: list[bool], repeats: int) -> None:
    once = summary(table({"a": passed}))
    again = summary(table({"a": [value for value in passed for _ in range(repeats)]}, repeats))
    columns = ["pass_rate", "pass_low", "pass_high"]
    assert again.loc["a", columns].to_list() == pytest.approx(once.loc["a", columns].to_list())


def test_repeats_that_differ_tell_more_than_one_and_less_than_so_many_cases() -> None:
    chance = np.random.default_rng(5)
    passed = (chance.random((40, 1)) * 0.5 + chance.random((40, 5)) * 0.5 > 0.5).ravel()
    found = summary(table({"a": list(passed)}, repeats=5)).loc["a"]
    width = found["pass_high"] - found["pass_low"]
    as_calls, as_cases = (np.ptp(wilson(passed.mean() * n, n)) for n in (200, 40))
    assert as_calls < width < as_cases


def test_the_interval_of_repeated_cases_holds_the_truth_as_often_as_it_says() -> None:
    """Each case has its own chance to pass, 0.5 on average; an interval over calls would hold 0.5 far too seldom."""
    chance = np.random.default_rng(11)
    chances = chance.beta(0.5, 0.5, size=(400, 30))
    draws = chance.random((400, 30, 8)) < chances[:, :, None]
    frame = pd.DataFrame({"passed": draws.ravel()})
    frame["variant"] = np.repeat(np.arange(400), 240).astype(str)
    frame["case_id"] = np.tile(np.repeat(np.arange(30), 8), 400).astype(str)
    found = summary(frame)
    assert 0.92 < ((found["pass_low"] <= 0.5) & (found["pass_high"] >= 0.5)).mean() < 0.98
    over_calls = [wilson(rate * 240, 240) for rate in found["pass_rate"]]
    assert np.mean([low <= 0.5 <= high for low, high in over_calls]) < 0.8


def test_a_list_of_questions_without_cases_is_sampled_by_question() -> None:
    frame = pd.DataFrame(
        {"variant": "a", "prompt": ["p", "p", "q", "q", "r", "r"], "passed": [True, True, True, True, False, False]}
    )
    assert summary(frame).loc["a", "pass_low"] == pytest.approx(wilson(2, 3)[0])
    told = frame.assign(prompt="filled in", tags=[{"prompt": name} for name in frame["prompt"]])
    assert summary(told).loc["a", "pass_low"] == pytest.approx(wilson(2, 3)[0])
    templates = frame.assign(case_id="0", template=frame["prompt"])
    assert summary(templates).loc["a", "pass_low"] == pytest.approx(wilson(2, 3)[0])


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from("123"),
            st.sampled_from(["ok", "error", "interrupted", "incomplete", None]),
            st.sampled_from([True, False, None]),
            st.none() | st.floats(allow_nan=True, allow_infinity=True),
            st.none() | st.floats(0, 1),
        ),
        max_size=25,
    )
)
def test_any_frame_has_a_summary_that_is_what_its_rows_say(rows: list[tuple[Any, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=["variant", "case_id", "status", "passed", "score_x", "cost_usd"])
    found = summary(frame)
    assert list(found.index) == list(dict.fromkeys(frame["variant"]))
    for variant, row in found.iterrows():
        mine = frame[frame["variant"] == variant]
        costs = [cost for cost in mine["cost_usd"] if pd.notna(cost)]
        assert row["n"] == len(mine)
        assert row["ok"] == (mine["status"] == "ok").sum()
        assert pd.isna(row["cost_usd"]) if not costs else row["cost_usd"] == pytest.approx(sum(costs))
        judged = [value for value in mine["passed"] if value is not None and not pd.isna(value)]
        assert pd.isna(row["pass_rate"]) if not judged else row["pass_rate"] == pytest.approx(np.mean(judged))
        if judged:
            assert 0 <= row["pass_low"] <= row["pass_rate"] <= row["pass_high"] <= 1
        usable = [value for value in mine["score_x"] if pd.notna(value) and abs(value) <= 1e150]
        assert pd.isna(row["x_mean"]) == (not usable)


def test_rows_without_a_variant_go_by_their_model() -> None:
    frame = pd.DataFrame({"variant": [None, "mine", None], "model": ["gpt-4o", "gpt-4o", None]})
    assert list(summary(frame).index) == ["gpt-4o", "mine", "(unnamed)"]
    with pytest.raises(PromptError, match="no column `variant` or `model`"):
        summary(pd.DataFrame({"passed": [True]}))


def test_what_is_no_number_is_unknown() -> None:
    frame = table({"a": [True] * 4}, score_x=[1.0, math.inf, math.nan, 2.0], latency_s=["soon", None, "1.5", 2.5])
    found = summary(frame.astype({"score_x": object})).loc["a"]
    assert found[["x_mean", "latency_median_s"]].to_list() == [1.5, 2.0]
    assert summary(frame).loc["a", "x_mean"] == 1.5
    assert summary(frame.assign(score_x=[1.0, 1e308, -1e308, 2.0])).loc["a", "x_mean"] == 1.5
    read_again = frame.assign(passed=[1, 0, None, 2])
    assert summary(read_again).loc["a", ["judged", "pass_rate"]].to_list() == [2, 0.5]


def test_an_empty_frame_has_an_empty_summary() -> None:
    found = summary(to_frame([], "all"))
    assert len(found) == 0
    assert "pass_rate" in found


def test_the_frame_that_is_given_stays_as_it_is() -> None:
    frame = table({"a": [True, False], "b": [True, None]}, score_x=[0.5, math.inf, 1.0, 2.0])
    before = frame.copy()
    summary(frame)
    pairs(frame, "x")
    pd.testing.assert_frame_equal(frame, before)


# Pairs


def test_a_pair_has_who_won_by_how_much_and_how_sure() -> None:
    """Approval of the President, Agresti (1990), p. 350: 150 in the first survey alone, 86 in the second alone."""
    first = [True] * 794 + [True] * 150 + [False] * 86 + [False] * 570
    second = [True] * 794 + [False] * 150 + [True] * 86 + [False] * 570
    found = pairs(table({"before": first, "after": second}))
    row = found.loc[0]
    assert row[["first", "second", "n", "cases", "win", "tie", "loss"]].to_list() == [
        "before", "after", 1600, 1600, 150, 1364, 86,
    ]  # fmt: skip
    assert row["pass_rate_first"] == pytest.approx(944 / 1600)
    assert row["pass_rate_second"] == pytest.approx(880 / 1600)
    assert row["difference"] == pytest.approx(64 / 1600)
    # Agresti (1990), p. 350: the asymptotic interval of the difference is 0.04 +- 0.0187.
    assert (row["low"], row["high"]) == pytest.approx((0.0213, 0.0587), abs=0.002)
    assert "BCa bootstrap" in row["method"]
    assert row["p"] == row["p_adjusted"] == pytest.approx(3.716e-05, rel=1e-3)
    assert row["better"] == "before"


def test_nothing_is_better_without_saying_how_many_comparisons_were_made() -> None:
    passes = {"a": 12, "b": 6, "c": 12, "d": 12, "e": 12}
    frame = table({name: [at < count for at in range(12)] for name, count in passes.items()})
    alone = pairs(frame[frame["variant"].isin(["a", "b"])])
    assert alone.loc[0, ["p", "p_adjusted", "better"]].to_list() == [0.03125, 0.03125, "a"]
    assert alone.attrs["comparisons"] == 1
    among = pairs(frame)
    assert among.attrs["comparisons"] == 10
    assert "Holm over 10 comparisons" in among.attrs["methods"]["p_adjusted"]
    assert among.loc[0, ["p", "p_adjusted"]].to_list() == [0.03125, 0.3125]
    assert among["better"].isna().all()
    assert list(among["p_adjusted"]) == holm(among["p"])
    assert list(pairs(frame, confidence=0.6)["better"].dropna()) == ["a", "c", "d", "e"]


def test_pairs_are_in_the_order_first_seen() -> None:
    found = pairs(table({"z": [True], "m": [True], "a": [False]}))
    assert list(zip(found["first"], found["second"], strict=True)) == [("z", "m"), ("z", "a"), ("m", "a")]


def test_only_cells_that_both_answered_are_compared() -> None:
    found = pairs(table({"a": [True, None, False, True], "b": [None, True, True, False]})).loc[0]
    assert found[["n", "win", "tie", "loss"]].to_list() == [2, 1, 0, 1]
    assert found[["pass_rate_first", "pass_rate_second"]].to_list() == [0.5, 0.5]


def test_no_cell_in_common_is_said_and_not_counted() -> None:
    found = pairs(table({"a": [True, None], "b": [None, True], "c": [True, True]}))
    row = found.loc[0]
    assert row["n"] == 0
    assert row[["pass_rate_first", "difference", "low", "high", "p", "p_adjusted", "better"]].isna().all()
    assert row["method"] == "no cell that both answered"
    assert found.attrs["comparisons"] == 2


def test_of_several_rows_for_a_cell_the_last_known_one_counts() -> None:
    frame = table({"a": [True], "b": [False]})
    again = table({"a": [False], "b": [None]})
    found = pairs(pd.concat([frame, again])).loc[0]
    assert found[["n", "win", "tie", "loss"]].to_list() == [1, 0, 1, 0]


def test_rows_without_a_repeat_are_matched_as_they_come() -> None:
    frame = table({"a": [True, False, True, True], "b": [False, False, True, False]}, repeats=2)
    frame["repeat"] = pd.NA
    assert pairs(frame).loc[0, ["n", "win", "tie", "loss"]].to_list() == [4, 2, 2, 0]


def test_asking_again_for_the_same_answers_makes_nobody_better() -> None:
    once, other = [True] * 5 + [False] * 5, [False] * 4 + [True] * 2 + [False] * 4
    few = pairs(table({"a": once, "b": other})).loc[0]
    many = pairs(table({"a": np.repeat(once, 20).tolist(), "b": np.repeat(other, 20).tolist()}, repeats=20))
    assert many.loc[0, ["n", "cases", "win", "tie", "loss"]].to_list() == [200, 10, 80, 100, 20]
    for column in ("p", "difference", "low", "high"):
        assert many.loc[0, column] == pytest.approx(few[column])
    assert "each case counts once" in many.attrs["methods"]["p"]
    assert mcnemar_exact(80, 20) < 1e-8, "what counting cells would have claimed"
    assert pd.isna(many.loc[0, "better"])


def test_the_repeats_of_a_single_case_are_compared_with_each_other() -> None:
    found = pairs(table({"a": [True] * 10, "b": [False] * 10}, repeats=10)).loc[0]
    assert found[["n", "cases", "win"]].to_list() == [10, 10, 10]
    assert found["p"] == pytest.approx(2 / 2**10)


def test_scores_are_compared_by_their_average_over_repeats() -> None:
    frame = table({"a": [None] * 6, "b": [None] * 6}, repeats=2)
    frame["score_x"] = [0.1, 0.2, 0.5, 0.5, 1.0, 0.0, 0.3, 0.0, 0.4, 0.4, None, 0.75]
    found = pairs(frame)
    row = found.loc[0]
    assert found.attrs["measure"] == "score_x"
    assert row[["n", "win", "tie", "loss"]].to_list() == [3, 1, 1, 1], "0.1 and 0.2 are 0.3 and 0.0 on average"
    assert row["mean_first"] == pytest.approx((0.15 + 0.5 + 0.0) / 3), "the repeat that only the first has is left out"
    assert row["mean_second"] == pytest.approx((0.15 + 0.4 + 0.75) / 3)
    assert row["difference"] == pytest.approx(row["mean_first"] - row["mean_second"])


def test_a_case_asked_with_several_prompts_counts_once() -> None:
    rows = [
        {"variant": variant, "case_id": case, "tags": {"prompt": prompt}, "score_x": score}
        for case in "12"
        for prompt, better in (("long", 0.1), ("short", 0.2), ("polite", -0.3))
        for variant, score in (("a", max(better, 0)), ("b", max(-better, 0)))
    ]
    row = pairs(pd.DataFrame(rows)).loc[0]
    assert row[["n", "cases", "win", "tie", "loss"]].to_list() == [6, 2, 4, 0, 2]
    assert row["p"] == 1, "0.1 + 0.2 - 0.3 is no win"


def test_the_interval_is_scipys() -> None:
    chance = np.random.default_rng(3)
    ours, theirs = chance.random(25), chance.random(25) ** 2
    frame = table({"a": [None] * 25, "b": [None] * 25}, score_x=np.concatenate([ours, theirs]))
    row = pairs(frame, seed=42).loc[0]
    order = np.argsort([f"c{at}" for at in range(25)])
    by_scipy = scipy.stats.bootstrap(
        ((ours - theirs)[order],), np.mean, method="BCa", rng=np.random.default_rng(42)
    ).confidence_interval
    assert (row["low"], row["high"]) == pytest.approx((by_scipy.low, by_scipy.high), abs=0.01)
    assert row["p"] == scipy.stats.binomtest(int(row["win"]), 25).pvalue
    pd.testing.assert_frame_equal(pairs(frame, seed=42), pairs(frame, seed=42))
    assert pairs(frame, seed=43).loc[0, "low"] != row["low"]


def test_where_bca_is_undefined_the_interval_is_of_percentiles_and_says_so() -> None:
    huge = [1e120, 2e120, 4e120, 8e120]  # whose cubes, in the acceleration of BCa, are beyond all floats
    row = pairs(table({"a": [None] * 4, "b": [None] * 4}, score_x=[*huge, 0, 0, 0, 0])).loc[0]
    assert "percentile bootstrap" in row["method"]
    assert row["low"] < row["difference"] < row["high"]


def test_a_score_is_named_with_or_without_its_prefix() -> None:
    frame = table({"a": [True, True], "b": [True, False]}, score_x=[1.0, 2.0, 3.0, 4.0], rating=[1, 0, 0, -1])
    assert pairs(frame).attrs["measure"] == "passed"
    assert pairs(frame, "x").attrs["measure"] == pairs(frame, "score_x").attrs["measure"] == "score_x"
    assert pairs(frame, "rating").loc[0, "difference"] == 1.0
    assert pairs(frame.drop(columns=["passed", "score_x"])).attrs["measure"] == "rating"
    with pytest.raises(PromptError, match="no score 'exakt' in the frame; it has 'score_x', 'passed', 'rating'"):
        pairs(frame, "exakt")
    for nothing in (frame[["variant"]], table({"a": [None], "b": [None]}, score_x=math.nan)):
        with pytest.raises(PromptError, match="nothing to compare by"):
            pairs(nothing)


@pytest.mark.parametrize(("first", "difference"), [(True, 0.0), (False, 0.0), (None, 1.0)])
def test_where_all_cases_are_alike_the_interval_is_no_point(first: bool | None, difference: float) -> None:
    ours, theirs = ([True] * 8, [False] * 8) if first is None else ([first] * 8, [first] * 8)
    row = pairs(table({"a": ours, "b": theirs})).loc[0]
    assert row["difference"] == difference
    assert row["low"] <= difference <= row["high"]
    assert row["high"] - row["low"] > 0.3, "eight cases say little"
    assert "Wilson" in row["method"]
    assert row["p"] == (mcnemar_exact(8, 0) if first is None else 1.0)


def test_scores_that_all_differ_by_the_same_have_no_interval() -> None:
    row = pairs(table({"a": [None] * 3, "b": [None] * 3}, score_x=[1.0, 2.0, 3.0, 0.5, 1.5, 2.5])).loc[0]
    assert row["difference"] == 0.5
    assert pd.isna(row["low"])
    assert "none: 3 cases with the same difference" in row["method"]


def test_one_variant_has_no_pairs() -> None:
    found = pairs(table({"a": [True, False]}))
    assert len(found) == 0
    assert found.attrs["comparisons"] == 0
    assert {"pass_rate_first", "p_adjusted", "better"} <= set(found)


def test_too_many_variants_are_refused() -> None:
    with pytest.raises(PromptError, match="201 variants make too many pairs"):
        pairs(table({f"m{at}": [True] for at in range(201)}))


_VALUES = st.sampled_from([True, False, None])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(_VALUES, _VALUES), min_size=1, max_size=15), st.integers(1, 3))
def test_a_pair_turned_round_is_its_mirror(cells: list[tuple[Any, Any]], repeats: int) -> None:
    ours, theirs = ([cell[at] for cell in cells] for at in (0, 1))
    if all(value is None for value in [*ours, *theirs]):
        return
    row = pairs(table({"a": ours, "b": theirs}, repeats), confidence=0.9).loc[0]
    mirror = pairs(table({"b": theirs, "a": ours}, repeats), confidence=0.9).loc[0]
    assert [row["win"], row["tie"], row["loss"], row["n"]] == [
        mirror["loss"],
        mirror["tie"],
        mirror["win"],
        mirror["n"],
    ]
    assert row["win"] + row["tie"] + row["loss"] == row["n"]
    same = [(row["p"], mirror["p"]), (row["difference"], -mirror["difference"])]
    same += [(row["low"], -mirror["high"]), (row["high"], -mirror["low"])]
    for mine, its in same:
        assert (pd.isna(mine) and pd.isna(its)) or mine == pytest.approx(its, abs=1e-9)
    if pd.notna(row["low"]):
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["low"] >= -1
        assert row["high"] <= 1


def test_ten_thousand_rows_are_no_matter() -> None:
    chance = np.random.default_rng(2)
    frame = table(
        {f"m{at}": (chance.random(2000) < 0.5 + at / 20).tolist() for at in range(5)}, latency_s=1.0, cost_usd=0.01
    )
    assert summary(frame)["n"].sum() == 10_000
    found = pairs(frame)
    assert len(found) == 10
    assert found.loc[3, "better"] == "m4"

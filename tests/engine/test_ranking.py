"""Rankings from comparisons, and how far two judges agree: published tables, degenerate ones, and properties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.engine.statistics import agreement, bradley_terry
from portkey_nb.errors import PromptError

TEAMS = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
BASEBALL = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
"""Wins of row over column in the American League of 1987: Agresti (2002), Categorical Data Analysis, table 10.10."""


def results(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["first", "second", "outcome"])


def season() -> pd.DataFrame:
    return results(
        *(
            (TEAMS[row], TEAMS[column], 1)
            for row, wins in enumerate(BASEBALL)
            for column, count in enumerate(wins)
            for _ in range(count)
        )
    )


def test_the_ranking_of_the_baseball_teams_is_the_published_one() -> None:
    """Estimates against Baltimore: the vignette of R's BradleyTerry2, after Agresti (2002), section 10.6."""
    found = bradley_terry(season(), prior=0)
    assert list(found.index) == TEAMS
    against = found["strength"] - found.loc["Baltimore", "strength"]
    assert against.to_list() == pytest.approx([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0], abs=5e-5)
    assert found["strength"].mean() == pytest.approx(0, abs=1e-12)
    assert found.loc["Milwaukee", ["games", "wins", "ties", "losses"]].to_list() == [78, 50, 0, 28]


def test_of_two_alone_the_difference_is_the_log_odds() -> None:
    """Its error is that of Woolf (1955), Annals of Human Genetics 19, 251-253; each strength has half of both."""
    found = bradley_terry(results(*[("a", "b", 1)] * 30, *[("a", "b", -1)] * 10), prior=0)
    log_odds, error = math.log(3), math.sqrt(1 / 30 + 1 / 10)
    assert found.loc["a", "strength"] == pytest.approx(log_odds / 2)
    assert found.loc["a", "high"] - found.loc["a", "strength"] == pytest.approx(1.959964 * error / 2, rel=1e-5)


def test_the_strengths_are_the_likeliest_and_the_intervals_their_curvature() -> None:
    wins = np.array(BASEBALL, dtype=float)

    def unlikeliness(strength: Any) -> float:
        return float(np.sum(wins * np.logaddexp(0, strength - np.asarray(strength)[:, None])))

    best = scipy.optimize.minimize(unlikeliness, np.zeros(7), method="BFGS", options={"gtol": 1e-8}).x
    found = bradley_terry(season(), prior=0)
    assert found["strength"].to_numpy(float) == pytest.approx(best - best.mean(), abs=1e-5)
    step, at = 1e-3, np.eye(7)
    curvature = np.array(
        [
            [
                sum(sign * unlikeliness(best + step * (a * at[i] + b * at[j])) for a, b, sign in
                    ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))) / (4 * step**2)
                for j in range(7)
            ]
            for i in range(7)
        ]
    )  # fmt: skip
    errors = np.sqrt(np.diag(np.linalg.pinv(curvature, rcond=1e-4)))
    reach = (found["high"] - found["strength"]).to_numpy(float)
    assert reach / 1.959964 == pytest.approx(errors, rel=1e-3)


def test_the_prior_moves_a_season_little_and_nobody_past_another() -> None:
    plain, mild = bradley_terry(season(), prior=0), bradley_terry(season())
    assert list(plain.index) == list(mild.index)
    assert (plain["strength"] - mild["strength"]).abs().max() < 0.02
    hardly = bradley_terry(season(), prior=1e-6)
    for column in ("low", "strength", "high"):  # what all variants share is no part of how sure a strength is
        assert hardly[column].to_list() == pytest.approx(plain[column].to_list(), abs=1e-4)
    assert "prior of 1 draws" in mild.attrs["methods"]["low"]


def test_a_variant_that_never_lost_stays_finite() -> None:
    found = bradley_terry(results(*[("a", "b", 1)] * 500, *[("b", "c", 1)] * 500))
    assert list(found.index) == ["a", "b", "c"]
    assert np.isfinite(found[["strength", "low", "high", "p_win"]].to_numpy(float)).all()
    assert found.loc["b", "strength"] == pytest.approx(0, abs=1e-9), "as far from the one as from the other"
    assert found.loc["a", "p_win"] > 0.95
    with pytest.raises(PromptError, match="without a prior these results have no finite strengths"):
        bradley_terry(results(("a", "b", 1)), prior=0)


def test_a_tie_is_half_a_win_for_each() -> None:
    ties = bradley_terry(results(*[("a", "b", 0)] * 4, ("a", "b", 1), ("b", "a", 1), ("a", "b", 1)))
    wins = bradley_terry(results(*[("a", "b", 1)] * 4, *[("a", "b", -1)] * 3))
    assert ties.loc["a", "strength"] == pytest.approx(wins.loc["a", "strength"])
    assert ties.loc["a", ["games", "wins", "ties", "losses"]].to_list() == [7, 2, 4, 1]
    level = bradley_terry(results(("a", "b", 0)))
    assert level["strength"].to_list() == pytest.approx([0, 0], abs=1e-9)
    assert level["p_win"].to_list() == pytest.approx([0.5, 0.5])


def test_groups_that_no_comparison_links_are_said_in_one_line() -> None:
    found = bradley_terry(results(("a", "b", 1), ("c", "d", 1), ("d", "e", 0)))
    assert found.attrs["note"].startswith("no comparison links a, b | c, d, e:")
    assert "\n" not in found.attrs["note"]
    assert bradley_terry(results(("a", "b", 1), ("b", "c", 1))).attrs["note"] == ""


def test_no_results_are_an_empty_ranking() -> None:
    found = bradley_terry(results())
    assert len(found) == 0
    assert list(found)[:3] == ["strength", "low", "high"]
    unknown = results(("a", "b", 1)).assign(outcome=pd.array([None], dtype="Int64"))
    assert len(bradley_terry(unknown)) == 0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (results(("a", "b", 2)), "outcome 2 is none of 1"),
        (results(("a", "b", 1)).assign(outcome=0.5), r"outcome (np.float64\()?0\.5"),
        (results(("a", "b", 1)).assign(outcome="won"), "outcome 'won'"),
        (results(("a", "a", 1)), "'a' is compared with itself"),
        (results(("a", "b", 1)).drop(columns="second"), "no column 'second'"),
    ],
)
def test_results_that_cannot_be_read_are_refused(rows: pd.DataFrame, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        bradley_terry(rows)


@pytest.mark.parametrize("prior", [-1, math.nan, math.inf])
def test_a_prior_is_a_number_of_draws(prior: float) -> None:
    with pytest.raises(PromptError, match="number of draws"):
        bradley_terry(season(), prior=prior)


_GAMES = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde"), st.sampled_from([1, 0, -1])).filter(
        lambda game: game[0] != game[1]
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(_GAMES)
def test_who_is_named_first_is_no_matter(games: list[tuple[str, str, int]]) -> None:
    found = bradley_terry(results(*games))
    turned = bradley_terry(results(*((second, first, -outcome) for first, second, outcome in games)))
    columns = ["strength", "low", "high", "p_win", "wins", "ties", "losses"]
    for name in found.index:
        assert turned.loc[name, columns].to_list() == pytest.approx(found.loc[name, columns].to_list(), abs=1e-6)
    assert (found["low"] <= found["strength"]).all()
    assert (found["strength"] <= found["high"]).all()
    assert found["strength"].is_monotonic_decreasing
    assert found["wins"].sum() == found["losses"].sum()
    assert found["strength"].mean() == pytest.approx(0, abs=1e-9)
    won = bradley_terry(results(*games, *[("a", "b", 1)] * 5))
    if {"a", "b"} <= set(found.index):
        before, after = (table["strength"]["a"] - table["strength"]["b"] for table in (found, won))
        assert after > before


# Agreement


def test_kappa_is_the_published_one() -> None:
    """Two readers of 50 grant proposals, 20 both yes and 15 both no (Wikipedia, "Cohen's kappa")."""
    a = ["yes"] * 25 + ["no"] * 25
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = agreement(a, b)
    assert found["kappa"] == pytest.approx(0.40)
    assert (found["n"], found["share"]) == (50, 0.7)
    assert found["spearman"] is pd.NA, "labels have no order"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=3, max_size=40))
def test_spearman_is_scipys_and_its_interval_holds_it(said: list[tuple[int, int]]) -> None:
    a, b = ([pair[at] for pair in said] for at in (0, 1))
    found, mirror = agreement(a, b), agreement(b, a)
    assert found["share"] == pytest.approx(np.mean(np.equal(a, b)))
    for name in ("kappa", "spearman", "spearman_low", "spearman_high"):
        assert mirror[name] is found[name] is pd.NA or mirror[name] == pytest.approx(found[name])
    if len(set(a)) < 2 or len(set(b)) < 2:
        assert found["spearman"] is pd.NA
        return
    assert found["spearman"] == pytest.approx(scipy.stats.spearmanr(a, b).statistic, abs=1e-9)
    if found["spearman_low"] is not pd.NA:
        assert -1 <= found["spearman_low"] <= found["spearman"] <= found["spearman_high"] <= 1


def test_the_interval_of_a_rank_correlation_narrows_with_what_is_known() -> None:
    """Bonett and Wright (2000), Psychometrika 65, 23-28: tanh(atanh(r) +- z sqrt((1 + r^2 / 2) / (n - 3)))."""
    chance = np.random.default_rng(4)
    a = chance.random(100)
    found = agreement(a, a + chance.random(100))
    r = found["spearman"]
    reach = 1.959964 * math.sqrt((1 + r**2 / 2) / 97)
    assert found["spearman_low"] == pytest.approx(math.tanh(math.atanh(r) - reach), rel=1e-5)
    assert found["spearman_high"] == pytest.approx(math.tanh(math.atanh(r) + reach), rel=1e-5)


@pytest.mark.parametrize(
    ("a", "b", "known"),
    [
        ([], [], {"n": 0}),
        ([None, 1], [2, math.nan], {"n": 0}),
        ([True, True], [True, True], {"n": 2, "share": 1.0}),
        ([1, 1, 1], [1, 2, 3], {"n": 3, "share": 1 / 3, "kappa": 0.0}),
        ([1, 2, 3, 4], [1, 2, 3, 4], {"n": 4, "share": 1.0, "kappa": 1.0, "spearman": 1.0}),
    ],
)
def test_what_cannot_be_told_is_na(a: list[Any], b: list[Any], known: dict[str, float]) -> None:
    found = agreement(a, b)
    told = {name: value for name, value in found.items() if name != "method" and value is not pd.NA}
    assert told == pytest.approx(known)


def test_series_are_matched_by_their_index() -> None:
    a = pd.Series([1, 2, 3], index=["x", "y", "z"], dtype="Int64")
    b = pd.Series([3.0, 1.0, None, 9.0], index=["z", "x", "y", "w"], dtype="Float64")
    found = agreement(a, b)
    assert (found["n"], found["share"]) == (2, 1.0)
    with pytest.raises(PromptError, match="2 judgements cannot be matched with 3"):
        agreement([1, 2], [1, 2, 3])

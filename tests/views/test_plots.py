"""Plots: what they draw is what the numbers say, they show in a notebook once, and hostile labels stay labels."""

from __future__ import annotations

import base64
import io
import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from matplotlib.axes import Axes
from PIL import Image

from portkey_nb.engine.statistics import summary
from portkey_nb.errors import PortkeyError
from portkey_nb.views import plots
from tests.hostile import REPLIES

PLOTS: dict[str, Callable[..., Axes]] = {
    "race": plots.race,
    "latency": plots.latency,
    "cost": lambda runs, ax=None: plots.cost(summary(runs), ax),
    "scores": lambda runs, ax=None: plots.scores(summary(runs), ax),
}
every_plot = pytest.mark.parametrize("name", PLOTS)


def runs(variants: list[str], cases: int = 12, *, demo: bool = False) -> pd.DataFrame:
    """Return runs of which the second variant takes twice as long as the first, the third three times, and so on."""
    rows = [
        {
            "variant": variant,
            "case_id": str(case),
            "status": "ok",
            "ttft_s": 0.1 * place * (case + 1),
            "latency_s": 1.0 * place * (case + 1),
            "cost_usd": 0.001 * place,
            "passed": case % (place + 1) > 0,
            "score_exact": float(case % 2),
            "score_judge": 1.0 + case % 5,
            "demo": demo,
        }
        for place, variant in enumerate(variants, 1)
        for case in range(cases)
    ]
    kinds = dict.fromkeys(["ttft_s", "latency_s", "cost_usd", "score_exact", "score_judge"], "Float64")
    return pd.DataFrame(rows).astype({**kinds, "passed": "boolean", "demo": "boolean", "variant": "category"})


def shown(ax: Axes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what IPython makes of a cell's value."""
    return DisplayFormatter().format(ax)


def words(ax: Axes) -> str:
    return " ".join(text.get_text() for text in ax.texts) + ax.get_title()


@every_plot
def test_a_plot_shows_itself_in_a_notebook(name: str) -> None:
    ax = PLOTS[name](runs(["one", "two", "three"]))
    assert isinstance(ax, Axes)
    data, about = shown(ax)
    assert set(data) == {"image/png", "text/plain"}
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size == tuple(2 * about["image/png"][side] for side in ("width", "height"))
    assert picture.getpixel((0, 0)) == (255, 255, 255, 0)
    for variant in ("one", "two", "three"):
        assert variant in data["text/plain"]
    assert about["image/png"]["alt"] == data["text/plain"]


def test_pyplot_is_left_alone() -> None:
    code = """
import sys, pandas as pd
from portkey_nb.views import plots, tables
assert "matplotlib" not in sys.modules
plots.race(pd.DataFrame({"variant": ["a"], "latency_s": [1.0]}))._repr_mimebundle_()
assert "matplotlib.figure" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@every_plot
def test_given_axes_are_drawn_on_and_returned(name: str) -> None:
    figure = matplotlib.figure.Figure()
    left, right = figure.subplots(1, 2)
    assert PLOTS[name](runs(["one", "two"]), right) is right
    figure.savefig(io.BytesIO())
    assert right.get_title()
    assert not left.get_title()


@every_plot
@pytest.mark.parametrize(
    "frame", [runs(["a"])[:0], runs(["a"]).assign(latency_s=pd.NA, cost_usd=pd.NA)], ids=["no", "NA"]
)
def test_nothing_to_draw_is_said(name: str, frame: pd.DataFrame) -> None:
    frame = frame.assign(passed=pd.NA, score_exact=pd.NA, score_judge=pd.NA)
    ax = PLOTS[name](frame)
    assert "to show" in words(ax)
    assert "to show" in shown(ax)[0]["text/plain"]


def test_columns_that_are_not_there_are_unknown() -> None:
    assert "to show" in words(plots.race(pd.DataFrame({"variant": ["a"]})))
    assert "to show" in words(plots.latency(pd.DataFrame()))
    assert "to show" in words(plots.cost(pd.DataFrame({"n": [1]}, index=["a"])))
    assert "to show" in words(plots.scores(pd.DataFrame(index=["a"])))


@every_plot
def test_demo_data_are_named(name: str) -> None:
    frame = runs(["one", "two"], demo=True)
    if name in ("race", "latency"):
        ax = PLOTS[name](frame)
    else:
        table = summary(frame)
        table.attrs["demo"] = True
        ax = getattr(plots, name)(table)
    assert "(demo data)" in ax.get_title()
    assert "demo" not in PLOTS[name](runs(["one"])).get_title()


def test_the_race_is_won_by_the_fastest_and_errors_do_not_run() -> None:
    frame = runs(["slow", "fast"], cases=3)
    frame["latency_s"] = [4.0, 5.0, 6.0, 1.0, 2.0, 99.0]
    frame["ttft_s"] = [0.5, 1.0, 1.5, 0.2, 0.4, 0.1]
    frame["status"] = ["ok", "ok", "ok", "ok", "ok", "error"]
    ax = plots.race(frame)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["fast", "slow"]
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert np.allclose(bars, [(0, 0.3), (0.3, 1.2), (0, 1.0), (1.0, 4.0)])
    assert "seconds" in ax.get_xlabel()
    assert max(dots.get_offsets()[:, 0].max() for dots in ax.collections) == 6


def test_answers_that_were_not_streamed_race_without_a_first_token() -> None:
    ax = plots.race(runs(["a"]).assign(ttft_s=pd.NA))
    assert "first token" not in shown(ax)[0]["text/plain"].split(":")[1]


@pytest.mark.parametrize("cases", [1, 2, 5_000])
def test_times_are_drawn_one_by_one_however_many(cases: int) -> None:
    ax = plots.latency(runs(["a"], cases=cases))
    assert sum(len(dots.get_offsets()) for dots in ax.collections) == cases
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [f"a (n={cases:,})"]
    assert shown(ax)[0]["image/png"]
    box = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert box == [] if cases == 1 else np.allclose(box, [(1 + (cases - 1) / 4, (cases - 1) / 2)])
    assert ax.get_xscale() == ("log" if cases == 5_000 else "linear")


def test_the_frontier_holds_those_that_none_beats() -> None:
    table = pd.DataFrame(
        {"cost_per_call_usd": [0.001, 0.002, 0.003, 0.004], "pass_rate": [0.5, 0.4, 0.9, 0.9]},
        index=["cheap", "beaten", "good", "dear"],
    )
    ax = plots.cost(table)
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 1
    assert np.allclose(dashed[0].get_xydata(), [(0.001, 50), (0.003, 90)])
    assert "not beaten in both: cheap, good" in shown(ax)[0]["text/plain"]
    assert "US dollars" in ax.get_xlabel()
    assert "percent" in ax.get_ylabel()


def test_cost_goes_against_a_score_where_nothing_passed_or_failed() -> None:
    table = pd.DataFrame(
        {"cost_per_call_usd": [0.0, 0.1], "judge_mean": [3.0, 4.0], "judge_se": [0.1, 0.2]}, index=["a", "b"]
    )
    for ax in (plots.cost(table), plots.cost(table.assign(pass_rate=0.5), score="judge")):
        assert "mean judge" in ax.get_ylabel()
        spans = sorted(tuple(line.get_ydata()) for line in ax.lines if len(line.get_ydata()) == 2 and line.get_alpha())
        assert np.allclose(spans, [(2.804, 3.196), (3.608, 4.392)], atol=1e-3)


@pytest.mark.parametrize("apart", [0.0, 1e-5, 1.0])
def test_eight_names_do_not_cover_each_other(apart: float) -> None:
    table = pd.DataFrame(
        {
            "cost_per_call_usd": [0.001 * (1 + apart * at) for at in range(8)],
            "pass_rate": [0.5 + 0.001 * at for at in range(8)],
        },
        index=[f"provider/model-{at}-2024" for at in range(8)],
    )
    ax = plots.cost(table)
    ax.figure.draw_without_rendering()
    frame, *boxes = [part.get_window_extent() for part in (ax, *ax.texts)]
    assert len(boxes) == 8
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1


def test_scores_of_one_scale_share_an_axis_and_others_have_their_own() -> None:
    one = plots.scores(pd.DataFrame({"exact_mean": [0.5, 0.7], "exact_se": [0.1, 0.1]}, index=["a", "b"]))
    assert one.child_axes == []
    assert [tick.get_text() for tick in one.get_yticklabels()] == ["a", "b"]
    ax = plots.scores(summary(runs(["a", "b"])))
    assert [panel.get_ylabel() for panel in ax.child_axes] == ["passed", "exact", "judge"]
    low, high = ax.child_axes[2].get_xlim()
    assert low > 1
    assert high < 5


@settings(max_examples=12, deadline=None)
@given(
    st.text(max_size=20)
    | st.sampled_from(list(REPLIES.values()))
    | st.sampled_from(["$\\frac$", "$", "a_b^c$x$", "模型"])
)
def test_hostile_names_are_drawn_as_they_are(text: str) -> None:
    frame = runs(["x", text + " "]).rename(columns={"score_judge": f"score_{text}"})
    for plot in PLOTS.values():
        assert shown(plot(frame))[0]["image/png"]


def test_without_matplotlib_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PortkeyError, match=r'pip install "portkey_nb\[plots\]"') as caught:
        plots.race(runs(["a"]))
    assert caught.value.__context__ is None

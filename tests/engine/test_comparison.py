"""Comparisons of runs: what their tables, summaries and notes say, from whatever frame they are made."""

from __future__ import annotations

import contextlib
import io
import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb import Comparison, Replies, Reply, RunStore, ask, runs
from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.errors import GatewayError, PromptError
from tests.engine.runs_of import begun, done
from tests.hostile import REPLIES
from tests.safe_html import dangers
from tests.views.test_tables import GITHUB, OURS, Grid

ANSWERS = {"gpt-4o": ("Paris", "Rome"), "claude-sonnet": ("Paris", "It is Rome.")}
CASES = (("fr", "France", "Paris"), ("it", "Italy", "Rome"))


def asked(model: str, case: int, text: str | None, **facts: Any) -> Run:
    name, country, expected = CASES[case]
    known: dict[str, Any] = {
        "source": "compare",
        "model": model,
        "variant": model,
        "group_label": "capitals",
        "template": "Capital of {{country}}?",
        "prompt": f"Capital of {country}?",
        "vars": {"country": country},
        "case_id": name,
        "expected": expected,
        "repeat": 0,
        "text": text,
        "latency_s": 1.5,
        "demo": False,
        "cached": False,
    }
    if text is None:
        known |= {"status": "error", "error": "RateLimitError: too many requests", "cost_usd": None}
    return done(**{**known, **facts})


def capitals() -> list[Run]:
    return [asked(model, case, texts[case]) for model, texts in ANSWERS.items() for case in (0, 1)]


def comparison(*rows: Run) -> Comparison:
    return Comparison(to_frame([run.to_row() for run in rows or capitals()], "all"), name="capitals")


def shown(of: Any) -> dict[str, str]:
    bundle: dict[str, str] = of._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown", "text/html"}
    return bundle


def cells(of: Any) -> list[list[str]]:
    return Grid(re.sub(r"<(?=/?div)", " <", of.html)).rows


def test_a_table_has_a_row_per_case_and_a_column_per_variant() -> None:
    head, *rows = cells(comparison().table())
    assert head == ["case", "gpt-4o", "claude-sonnet"]
    assert [row[0] for row in rows] == ["fr country: France expected: Paris", "it country: Italy expected: Rome"]
    assert rows[1][1:] == ["Rome $0.25 · 1.50 s", "It is Rome. $0.25 · 1.50 s"]


def test_a_comparison_shows_summary_first_rows_and_notes() -> None:
    rows = [asked(model, 0, str(number), case_id=f"c{number}") for number in range(14) for model in ANSWERS]
    rows[0] = asked("gpt-4o", 0, None, case_id="c0")
    found = comparison(*rows[:-1])
    assert repr(found) == "Comparison('capitals': 2 variants, 14 cases, 27 runs)"
    assert len(found) == 27
    for text in shown(found).values():
        assert "capitals" in text
        assert "passed" not in text
        assert "cost per call" in text
        assert "RateLimitError: too many requests" in text
        assert "and 4 more rows" in text
        assert "1 of 27 calls failed" in text
        assert "1 answer missing" in text
        assert "c9" in text
        assert "c10" not in text


def test_rows_are_chosen_by_number_slice_and_case() -> None:
    rows = [asked(model, 0, "x", case_id=f"c{number}") for number in range(5) for model in ANSWERS]
    found = comparison(*rows)

    def ids(table: Any) -> list[str]:
        return [row[0].split()[0] for row in cells(table)[1:]]

    assert ids(found.table(2)) == ["c0", "c1"]
    assert ids(found.table(slice(3, 9))) == ["c3", "c4"]
    assert "rows 4 to 5 of 5" in found.table(slice(3, 9)).text
    assert ids(found.table(["c4", "c1"])) == ["c4", "c1"]
    assert len(ids(found.table(None))) == 5
    assert cells(found.table(columns=["claude-sonnet"]))[0] == ["case", "claude-sonnet"]
    with pytest.raises(PromptError, match=r"no case 'c7' in the comparison; it has 'c0', 'c1'"):
        found.table(["c7"])
    with pytest.raises(PromptError, match=r"no variant 'gpt-9' .* it has 'gpt-4o', 'claude-sonnet'"):
        found.table(columns="gpt-9")
    with pytest.raises(PromptError, match="rows is -1"):
        found.table(-1)


def test_a_table_shows_itself_and_hands_out_its_forms() -> None:
    table = comparison().table(1)
    assert shown(table) == {"text/plain": table.text, "text/markdown": table.markdown, "text/html": table.html}
    assert (str(table), repr(table)) == (table.text, "Table(1 row, 2 variants)")


def test_different_keeps_the_rows_whose_answers_differ() -> None:
    rows = [*capitals(), asked("llama-local", 0, "  Paris\n"), asked("llama-local", 1, None)]
    kept = comparison(*rows).different()
    assert kept.to_frame()["case_id"].tolist() == ["it", "it", "it"]
    assert kept.name == "capitals"
    alike = comparison(*rows).table(different=True, columns=["gpt-4o", "llama-local"])
    assert "0 of 2 rows differ" in alike.text


def test_nothing_that_differs_is_an_empty_comparison() -> None:
    kept = comparison(asked("a", 0, "Paris"), asked("b", 0, "Paris ")).different()
    assert len(kept) == 0
    assert "no rows" in shown(kept)["text/html"]


def test_repeats_are_compared_with_the_same_repeat() -> None:
    rows = [
        asked(model, case, text, repeat=repeat)
        for model, case, texts in (("a", 0, "xy"), ("b", 0, "xy"), ("a", 1, "xy"), ("b", 1, "xz"))
        for repeat, text in enumerate(texts)
    ]
    assert set(comparison(*rows).different().to_frame()["case_id"]) == {"it"}


def test_a_diff_shows_two_variants_and_marks_words() -> None:
    found = comparison(*capitals(), asked("llama-local", 1, "Milan"))
    table = found.diff("claude-sonnet", "gpt-4o")
    head, row = cells(table)
    assert head == ["case", "claude-sonnet", "gpt-4o"]
    assert row[0].startswith("it")
    assert "1 of 2 rows differs" in table.text
    assert "<ins" in table.html or "<mark" in table.html


def test_several_answers_show_the_first_and_the_means() -> None:
    rows = [
        asked("a", 0, None, repeat=0),
        asked("a", 0, "Paris", repeat=1, passed=True, scores={"exact": 1.0}, cost_usd=0.5, latency_s=2.5),
        asked("a", 0, "Lyon", repeat=2, passed=False, scores={"exact": 0.5}, cost_usd=0.25, latency_s=1.5),
    ]
    (row,) = cells(comparison(*rows).table())[1:]
    assert row[1].startswith("Paris")
    for part in ("(2 of 3, 1 failed)", "1 of 2 passed", "exact 0.75", "ø $0.38"):
        assert part in row[1]
    assert "Lyon" not in row[1]
    assert "up to 3 answers each" in repr(comparison(*rows))


def test_the_best_and_the_worst_of_a_row_are_by_score_then_by_passed_and_never_by_time_or_money() -> None:
    def marks(**facts: Sequence[Any]) -> list[str]:
        rows = [
            asked(model, 0, "x", cost_usd=cost, latency_s=cost, **{name: each[at] for name, each in facts.items()})
            for at, (model, cost) in enumerate((("a", 1.0), ("b", 2.0), ("c", 3.0)))
        ]
        (row,) = cells(comparison(*rows).table())[1:]
        return ["▲" if "▲ best" in cell else "▼" if "▼ worst" in cell else "" for cell in row[1:]]

    assert marks() == ["", "", ""]
    assert marks(scores=[{"cost": 1.0}, {"cost": 0.0}, {}]) == ["", "", ""]
    assert marks(passed=[False, True, None]) == ["▼", "▲", ""]
    assert marks(passed=[False, True, True], scores=[{"exact": 0.9}, {"exact": 0.5}, {"exact": 0.1}]) == ["▲", "", "▼"]
    assert marks(passed=[True, True, True]) == ["", "", ""]


def test_holes_failures_and_partial_answers_are_told_apart() -> None:
    rows = [
        asked("a", 0, "Paris"),
        asked("b", 0, None),
        asked("c", 1, "Rome"),
        asked("d", 0, "Par", status="incomplete", error="StreamIncomplete: the stream ended too early"),
        asked("e", 0, None, status="started", error=None),
        asked("f", 0, "Pa", status="interrupted"),
        asked("g", 0, "", finish_reason="length"),
    ]
    row = cells(comparison(*rows).table())[1][1:]
    assert row[1] == "error: RateLimitError: too many requests 1.50 s"
    assert row[2] == "—"
    assert row[3].startswith("Par error: StreamIncomplete: the stream ended too early")
    assert row[4].startswith("error: no answer: the call began and never ended")
    assert row[5].endswith("interrupted")
    assert row[6].startswith("(empty answer)")
    assert row[6].endswith("cut at the token limit")


def test_play_money_and_cached_answers_are_said() -> None:
    rows = [asked("a", 0, "Paris", demo=True), asked("b", 0, "Paris", cached=True)]
    found = comparison(*rows)
    assert "1 of 2 answers of the demo gateway are simulated, and their cost is play money" in found.notes
    assert any("1 of 2 answers from a cache" in note for note in found.notes)
    assert cells(found.table())[1][2].endswith("cached")
    both = comparison(*(run.with_(demo=True) for run in rows)).notes
    assert "answers of the demo gateway are simulated, and their cost is play money" in both


def test_several_prompts_are_named_in_the_head_of_a_row() -> None:
    rows = [
        asked("a", 0, "Paris", tags={"prompt": "short"}),
        asked("a", 0, "The capital is Paris.", tags={"prompt": "long"}, template="Tell me the capital of {{country}}."),
    ]
    heads = [row[0] for row in cells(comparison(*rows).table())[1:]]
    assert [head.split(" country")[0] for head in heads] == ["fr · short", "fr · long"]
    assert "2 prompts, 1 case" in repr(comparison(*rows))


def test_summary_and_pairs_are_those_of_the_statistics() -> None:
    rows = [run.with_(passed=run.text == run.expected) for run in capitals()]
    found = comparison(*rows)
    assert found.summary()["pass_rate"].tolist() == [1.0, 0.5]
    assert found.pairs().loc[0, ["first", "second", "win", "tie", "loss"]].tolist() == [
        "gpt-4o",
        "claude-sonnet",
        1,
        1,
        0,
    ]
    with pytest.raises(PromptError, match="nothing to compare by"):
        comparison().pairs()


def test_every_plot_is_drawn_on_the_axes_that_are_given() -> None:
    from matplotlib.figure import Figure

    found = comparison(*(run.with_(passed=run.text == run.expected, ttft_s=0.5) for run in capitals()))
    for name in ("race", "latency", "cost", "scores"):
        ax = Figure().add_subplot()
        assert getattr(found.plot, name)(ax) is ax
        assert ax.get_title()
    assert "race" in repr(found.plot)


def test_the_frame_is_a_copy() -> None:
    found = comparison()
    frame = found.to_frame()
    frame["text"] = "changed"
    assert "changed" not in found.table().text


def test_a_comparison_can_be_pickled_without_its_log() -> None:
    with RunStore() as store:
        found = Comparison.from_runs(comparison().to_frame(), store=store)
        assert found.store is store
        back = pickle.loads(pickle.dumps(found))
    assert (shown(back), back.store) == (shown(found), None)


def test_markdown_holds_the_whole_table() -> None:
    rows = [asked("a", 0, f"answer {number}", case_id=f"c{number}") for number in range(12)]
    text = comparison(*rows).to_markdown()
    assert all(f"answer {number}" in text for number in range(12))
    assert text.startswith("**capitals")
    assert "answer 2" not in comparison(*rows).to_markdown(2)


def test_a_csv_file_comes_back_as_the_same_comparison(tmp_path: Path) -> None:
    found = comparison(*capitals(), asked("llama-local", 1, None))
    found.to_csv(tmp_path / "capitals.csv")
    back = Comparison.from_runs(pd.read_csv(tmp_path / "capitals.csv"))
    assert back.name == "capitals"
    assert shown(back) == shown(found)
    text = found.to_csv()
    assert text is not None
    assert len(pd.read_csv(io.StringIO(text))) == 5


def test_default_columns_are_enough() -> None:
    rows = [
        done(model=model, prompt=prompt, text=f"{model}: {prompt}").to_row()
        for prompt in ("One?", "Two?")
        for model in ("gpt-4o", "gemini-flash")
    ]
    found = Comparison.from_runs(to_frame(rows))
    head, *body = cells(found.table())
    assert head == ["case", "gpt-4o", "gemini-flash"]
    assert [row[0] for row in body] == ["prompt 1 One?", "prompt 2 Two?"]
    assert body[1][2].startswith("gemini-flash: Two?")
    assert set(found.to_frame()["case_id"]) == {"prompt 1", "prompt 2"}
    assert found.to_frame().index.tolist() == [row["run_id"] for row in rows]
    assert found.notes == (
        "the frame has not all columns; runs(columns='all') also tells of cases, cached answers and play money",
    )


def test_metrics_alone_are_compared_without_answers() -> None:
    frame = to_frame([run.to_row() for run in capitals()], "metrics")
    found = Comparison.from_runs(frame)
    assert any("no column `text`" in note for note in found.notes)
    assert found.summary()["n"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame(), "no column `variant` or `model`"),
        (pd.DataFrame({"model": ["a"], "answer": ["x"]}), "no column `text` or `status`"),
        (pd.DataFrame({"model": ["a"], "text": ["x"]}), "no column `case_id` or `prompt` or `template`"),
        (to_frame([]), "has no runs to compare"),
        ([{"model": "a"}], "this is list"),
    ],
)
def test_what_is_no_frame_of_runs_is_refused_in_one_line(frame: Any, said: str) -> None:
    with pytest.raises(PromptError, match=said) as caught:
        Comparison.from_runs(frame)
    assert "\n" not in str(caught.value)


def test_a_frame_of_ones_own_making_is_compared() -> None:
    frame = pd.DataFrame({"variant": ["a", "b"], "prompt": ["2+2?", "2+2?"], "text": ["4", None], "case_id": [1, 1]})
    found = Comparison.from_runs(frame)
    assert found.summary()["errors"].tolist() == [0, 1]
    assert cells(found.table())[1][0] == "1 2+2?"


def test_attempts_at_a_cell_that_a_later_one_made_good_are_left_out() -> None:
    rows = [
        begun(**{name: value for name, value in asked("a", 0, None).to_row().items() if name in ("variant", "case_id")},
              group_label="capitals", repeat=0, template="Capital of {{country}}?"),
        asked("a", 0, None),
        asked("a", 0, "Paris"),
        asked("a", 1, "Rome"),
        asked("a", 1, None),
    ]  # fmt: skip
    found = Comparison.from_runs(to_frame([run.to_row() for run in rows], "all"))
    assert found.to_frame()["text"].tolist() == ["Paris", "Rome"]
    assert found.notes == ("3 calls left out that a later attempt at the same cell replaced",)


def test_of_two_answers_to_a_cell_the_later_one_counts() -> None:
    rows = [asked("a", 0, "Lyon"), asked("a", 0, "Paris"), asked("a", 1, "Rome", repeat=None)]
    found = Comparison.from_runs(to_frame([run.to_row() for run in rows], "all"))
    assert found.to_frame()["text"].tolist() == ["Paris", "Rome"]


def test_judges_calls_are_no_answers() -> None:
    rows = [*capitals(), asked("judge", 0, "5", source="judge")]
    found = Comparison.from_runs(to_frame([run.to_row() for run in rows], "all"))
    assert found.variants == ["gpt-4o", "claude-sonnet"]
    assert found.notes == ("1 call of judges left out",)


def test_rounds_of_tool_calls_are_one_answer_with_the_cost_of_all() -> None:
    first = asked("a", 0, "", finish_reason="tool_calls", repeat=None, cost_usd=0.25)
    second = asked("a", 0, "", finish_reason="tool_calls", repeat=None, cost_usd=0.5, parent_run_id=first.run_id)
    last = asked("a", 0, "Paris", repeat=None, cost_usd=1.0, parent_run_id=second.run_id)
    found = Comparison.from_runs(to_frame([run.to_row() for run in (first, second, last)], "all"))
    assert found.to_frame()["text"].tolist() == ["Paris"]
    assert found.to_frame()["cost_usd"].tolist() == [1.75]


def test_repeats_that_a_cell_labelled_one_by_one_are_one_variant() -> None:
    rows = [
        done(model="gpt-4o", variant=label, repeat=repeat, prompt="Hi", text=str(repeat))
        for repeat, label in enumerate(("gpt-4o", "gpt-4o (2)", "gpt-4o (3)"))
    ]
    found = Comparison.from_runs(to_frame([run.to_row() for run in rows], "all"))
    assert found.variants == ["gpt-4o"]
    assert "(1 of 3)" in found.table().text


def test_logged_runs_of_the_demo_gateway_are_compared(demo: Any) -> None:
    for model in ("gpt-4o", "claude-sonnet", "demo-500"):
        with contextlib.suppress(GatewayError):  # a failed call is a row too
            ask("What is the capital of France?", model=model, base_url=demo.base_url, max_retries=0)
    found = Comparison.from_runs(runs(columns="all"))
    assert found.variants == ["gpt-4o", "claude-sonnet", "demo-500"]
    row = cells(found.table())[1]
    assert row[0] == "prompt 1 What is the capital of France?"
    assert "Paris" in row[1]
    assert row[3].startswith("error: ")
    assert any("simulated" in note for note in found.notes)


def test_replies_make_a_comparison() -> None:
    replies = Replies({run.variant: Reply(run) for run in capitals()[::2]})
    found = replies.comparison
    assert found.variants == ["gpt-4o", "claude-sonnet"]
    assert "Paris" in found.table().text
    with pytest.raises(PromptError, match="no runs to compare"):
        Replies().comparison  # noqa: B018


def test_long_texts_and_odd_values_do_not_break_a_table() -> None:
    rows = [
        asked("a", 0, "long " * 200_000, vars={"text": "x" * 1_000_000, "number": float("nan"), "list": [1, {"a": 2}]}),
        asked("b|`\n", 0, "x", vars=None, expected="", scores={"exact": 0.5}),
    ]
    bundle = shown(comparison(*rows))
    assert all(len(text) < 400_000 for text in bundle.values())


def varied() -> list[dict[str, Any]]:
    first = asked("a", 0, "", finish_reason="tool_calls", tags={"prompt": "x"}, tool_calls=[{"id": "1"}])
    rows = [*capitals(), first, asked("a", 1, "Rome", parent_run_id=first.run_id, passed=True, scores={"exact": 1.0})]
    return [run.to_row() for run in (*rows, asked("b", 1, None, rating=1), begun(), done(prompt=None, text=""))]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_columns_of_a_log_make_a_comparison_or_one_line(data: st.DataObject) -> None:
    whole = to_frame(varied(), "all")
    names = data.draw(st.sets(st.sampled_from(sorted(whole.columns)), min_size=20))
    frame = whole[[name for name in whole.columns if name in names]]
    frame = frame.sample(frac=1, replace=data.draw(st.booleans()), random_state=1)
    if data.draw(st.booleans()):
        frame = frame.reset_index(drop=True)
    needed = [{"variant", "model"}, {"text", "status"}, {"case_id", "prompt", "template"}]
    if not all(each & names for each in needed):
        with pytest.raises(PromptError, match="has no column"):
            Comparison.from_runs(frame)
        return
    found = Comparison.from_runs(frame)
    assert set(found.to_frame().columns) >= set(to_frame([], "all").columns)
    assert shown(found)["text/plain"]
    assert len(found.different()) <= len(found) <= len(whole)


hostile = st.sampled_from(sorted(REPLIES)).map(REPLIES.__getitem__)


@settings(max_examples=40, deadline=None)
@given(hostile, hostile, hostile)
def test_hostile_texts_stay_text(text: str, name: str, value: str) -> None:
    run = Run(
        run_id=new_run_id(), started_at=begun().started_at, status="ok", model="a", variant=name[:300], text=text,
        case_id=value[:300], vars={name[:50]: value}, expected=text, error=value, group_label=name, prompt=text,
    )  # fmt: skip
    found = Comparison(to_frame([run.to_row()], "all"), name=name, notes=(text[:2000], value[:2000]))
    bundle = shown(found)
    for page in (bundle["text/html"], GITHUB.render(bundle["text/markdown"])):
        assert not [danger for danger in dangers(page) if not OURS.fullmatch(danger)]
    assert "\n" not in repr(found)

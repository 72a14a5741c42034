"""Frames: the promised columns and types, empty and filled, NA where unknown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from portkey_nb import runs
from portkey_nb.engine.columns import COLUMNS
from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.store import RunStore
from portkey_nb.errors import StoreError
from tests.engine.runs_of import START, begun, done

# Section 3 of the interface, word for word.
STRING = [
    "group_id",
    "group_label",
    "conversation_id",
    "parent_run_id",
    "cell_id",
    "notebook",
    "base_url",
    "config",
    "trace_id",
    "response_id",
    "template",
    "system",
    "prompt",
    "case_id",
    "expected",
    "text",
    "reasoning",
    "gateway_target",
    "error_type",
    "error",
    "rating_note",
]
CATEGORY = [
    "source",
    "status",
    "provider",
    "model",
    "model_response",
    "variant",
    "finish_reason",
    "native_finish_reason",
    "gateway_cache",
]
BOOLEAN = ["demo", "stream", "tokens_estimated", "cached", "passed"]
INTEGER = [
    "repeat",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "attempts",
    "gateway_retries",
    "http_status",
    "rating",
]
FLOAT = ["cost_usd", "latency_s", "ttft_s", "tokens_per_s", "queue_s"]
OBJECT = ["vars", "messages", "params", "dropped_params", "tool_calls", "price", "tags", "metadata"]
TIME = ["started_at", "ended_at"]
DEFAULT = [
    "started_at",
    "source",
    "model",
    "status",
    "prompt",
    "text",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "ttft_s",
    "latency_s",
    "finish_reason",
    "error",
]
TEXTS = ["template", "system", "prompt", "expected", "text", "reasoning", "rating_note"]


def check_types(frame: pd.DataFrame) -> None:
    for name in frame.columns:
        kind = frame[name].dtype
        if name in STRING:
            assert isinstance(kind, pd.StringDtype), name
            assert kind.na_value is pd.NA
        elif name in CATEGORY:
            assert isinstance(kind, pd.CategoricalDtype), name
        elif name in BOOLEAN:
            assert kind == "boolean", name
        elif name in INTEGER:
            assert kind == "Int64", name
        elif name in FLOAT or name.startswith("score_"):
            assert kind == "Float64", name
        elif name in TIME:
            assert isinstance(kind, pd.DatetimeTZDtype), name
            assert str(kind.tz) == "UTC"
        else:
            assert name in OBJECT, name
            assert kind == np.dtype(object)
    assert isinstance(frame.index.dtype, pd.StringDtype)
    assert frame.index.name == "run_id"


ALL = {*STRING, *CATEGORY, *BOOLEAN, *INTEGER, *FLOAT, *OBJECT, *TIME}


def names_for(columns: Any) -> set[str]:
    return {None: set(DEFAULT), "all": ALL, "metrics": ALL - set(OBJECT) - set(TEXTS)}[columns]


@pytest.fixture
def store(place: str) -> Any:
    with RunStore(place) as store:
        yield store


@pytest.mark.parametrize("columns", [None, "all", "metrics"])
def test_without_a_log_the_frame_is_empty_and_typed(store: RunStore, columns: Any) -> None:
    frame = store.frame(columns=columns)
    assert set(frame.columns) == names_for(columns)
    assert len(frame) == 0
    check_types(frame)
    assert store.path is None or not store.path.parent.exists()  # looking makes no file


@pytest.mark.parametrize("columns", [None, "all", "metrics"])
def test_a_filled_frame_has_the_same_types(store: RunStore, columns: Any) -> None:
    store.start(begun())
    store.finish(done(scores={"exact": 1}, demo=False, tags=["a"], messages=[{"role": "user", "content": "x"}]))
    frame = store.frame(columns=columns)
    assert set(frame.columns) == names_for(columns) | ({"score_exact"} if columns else set())
    check_types(frame)
    empty = store.frame(0, columns=columns).dtypes
    assert empty.map(str).to_dict() == frame.dtypes.map(str).drop("score_exact", errors="ignore").to_dict()


def test_default_columns_stand_in_their_order(store: RunStore) -> None:
    assert list(store.frame().columns) == DEFAULT


def test_unknown_is_na_and_never_zero(store: RunStore) -> None:
    store.start(begun(prompt=None, model=None))
    row = store.frame(columns="all").iloc[0]
    known = {"source", "status", "started_at"}
    for column in COLUMNS[1:]:
        assert pd.isna(row[column.name]) == (column.name not in known), column.name


def test_zero_and_false_are_not_unknown(store: RunStore) -> None:
    store.finish(done(input_tokens=0, cost_usd=0.0, demo=False, cached=False, passed=False, text="", scores={"a": 0}))
    row = store.frame(columns="all").iloc[0]
    assert [row[name] for name in ("input_tokens", "cost_usd", "score_a")] == [0, 0, 0]
    assert not any(row[name] for name in ("demo", "cached", "passed"))
    assert row["text"] == ""


def test_figures_add_up_over_gaps(store: RunStore) -> None:
    for tokens in (1, None, 2**53 + 1):
        store.finish(done(input_tokens=tokens, cost_usd=None if tokens is None else 0.5))
    frame = store.frame()
    assert frame["input_tokens"].sum() == 2**53 + 2
    assert frame["cost_usd"].sum() == 1.0
    assert frame["cost_usd"].isna().sum() == 1


def test_times_keep_their_microseconds(store: RunStore) -> None:
    store.finish(done())
    row = store.frame(columns=["started_at", "ended_at"]).iloc[0]
    assert row["started_at"].to_pydatetime() == START
    assert row["ended_at"] - row["started_at"] == timedelta(seconds=2)


def test_objects_stay_objects_even_when_equally_long(store: RunStore) -> None:
    for word in "ab":
        store.finish(done(tags=[word, word], messages=[{"role": "user", "content": word}]))
    frame = store.frame(columns=["tags", "messages"])
    assert list(frame["tags"]) == [["a", "a"], ["b", "b"]]
    assert frame["messages"].iloc[1] == [{"role": "user", "content": "b"}]


def test_scores_become_columns_and_gaps_na(store: RunStore) -> None:
    store.finish(done(scores={"exact": 1.0}))
    store.finish(done(scores={"style": 0.5}))
    frame = store.frame(columns="metrics")
    assert frame["score_exact"].tolist() == [1.0, pd.NA]
    named = store.frame(columns=["score_style", "score_none"])
    assert list(named.columns) == ["score_style", "score_none"]
    assert named["score_none"].isna().all()


def test_columns_by_name_keep_the_order_asked_for(store: RunStore) -> None:
    store.finish(done())
    frame = store.frame(columns=["text", "run_id", "model", "text"])
    assert list(frame.columns) == ["text", "model"]
    assert frame.index.name == "run_id"
    assert list(store.frame(columns="text").columns) == ["text"]


def test_an_unknown_column_names_the_near_ones(store: RunStore) -> None:
    with pytest.raises(StoreError, match=r"no column 'input_token' in the run log; did you mean `input_tokens`"):
        store.frame(columns=["input_token"])
    with pytest.raises(StoreError, match=r"`metrics`"):
        runs(columns="metric")
    with pytest.raises(StoreError, match="no column 3"):
        store.frame(columns=[3])  # type: ignore[list-item]


def test_rows_in_memory_make_the_same_frame_as_the_log(store: RunStore) -> None:
    rows = [done(scores={"exact": 1.0}, tags={"a": 1}, demo=True), begun()]
    for run in rows:
        store.finish(run)
    for columns in (None, "all", "metrics", ["text", "score_exact"]):
        pd.testing.assert_frame_equal(to_frame([run.to_row() for run in rows], columns), store.frame(columns=columns))
    assert to_frame([]).dtypes.equals(store.frame(0).dtypes)


@pytest.mark.parametrize("size", [1, 199, 200, 201, 1001])
def test_rows_read_part_by_part_are_those_written(store: RunStore, size: int) -> None:
    odd = ("a\x00b", 'quo"ted', "“ü”", "", None)
    runs = [
        done(
            run_id=f"r{at:05}",
            model=odd[at % 5],
            notebook=odd[-at % 5],
            trace_id=odd[at % 5],
            case_id=None if at % 3 else f"case {at} é",
            demo=(True, False, None)[at % 3],
            input_tokens=None if at > 300 else at,
            latency_s=None if at % 7 == 0 else at / 3,
            rating=None if at % 2 else at % 10,
            scores={f"s{at // 400}": at / 2} if at % 4 else {},
        )
        for at in range(size)
    ]
    store.write([(run, False) for run in runs])
    for columns in ("metrics", "all", ["model", "trace_id"], ["demo", "status", "model"]):
        pd.testing.assert_frame_equal(store.frame(columns=columns), to_frame([run.to_row() for run in runs], columns))
    latest = store.frame(7, columns="all")
    pd.testing.assert_frame_equal(latest, to_frame([run.to_row() for run in runs[-7:]], "all"), check_like=True)


def test_each_column_is_the_same_asked_for_alone_and_with_all(store: RunStore) -> None:
    odd = "NUL \x00, SUB \x1a, SUB 0 \x1a0, “quoted” \\u001a0"
    given = {
        **dict.fromkeys(["source", "model", "notebook", "error", "prompt", "text", "reasoning", "finish_reason"], odd),
        "group_label": odd + "long" * 300,
        **{"vars": {odd: [odd]}, "tool_calls": [{"name": odd}], "messages": [{"role": "user", "content": odd}]},
        **{
            "cost_usd": 1e16,
            "latency_s": 5e-324,
            "ttft_s": 2.0,
            "input_tokens": 2**63 - 1,
            "demo": False,
            "stream": True,
        },
    }
    run = done(scores={"exact": 1.0, odd: 0.5}, tags={"a": 1e300}, **given)
    store.write([(run, False), (done(), False), (begun(), True)])
    store.annotate(run.run_id, rating=3, rating_note=odd, scores={"late": 2.0})
    whole = store.frame(columns="all")
    for name, value in given.items():
        assert whole.at[run.run_id, name] == value, name
    assert whole.at[run.run_id, "rating_note"] == odd
    for name in whole.columns:
        pd.testing.assert_series_equal(store.frame(columns=name)[name], whole[name])
    assert whole[f"score_{odd}"].tolist() == [0.5, pd.NA, pd.NA]


def test_frames_are_the_same_where_pandas_keeps_texts_as_objects(store: RunStore) -> None:
    store.write([(done(text=None if at % 3 else f"text {at}", base_url="same"), False) for at in range(450)])
    here = store.frame(columns="all")
    with pd.option_context("mode.string_storage", "python"):
        there = store.frame(columns="all")
        check_types(there)
        assert there["text"].dtype.storage == "python"
    assert there.columns.tolist() == here.columns.tolist()
    assert there.index.tolist() == here.index.tolist()
    for name in here.columns:
        assert there[name].astype(object).fillna(0).tolist() == here[name].astype(object).fillna(0).tolist(), name


def test_odd_values_in_rows_are_read_or_unknown() -> None:
    rows = [
        done(input_tokens=np.int64(4), demo=np.True_, cost_usd=float("nan")).to_row(),
        {**done().to_row(), "input_tokens": "many", "demo": "perhaps", "cost_usd": "free"},
    ]
    frame = to_frame(rows, ["input_tokens", "demo", "cost_usd"])
    assert frame["input_tokens"].tolist() == [4, pd.NA]
    assert frame["demo"].tolist() == [True, pd.NA]
    assert frame["cost_usd"].isna().all()

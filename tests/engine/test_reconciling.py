"""Runs joined with exports of Portkey's logs: what is billed, whose it is, and what the files may look like."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb import ask, runs
from portkey_nb.engine.reconciling import join_logs
from portkey_nb.errors import StoreError
from tests.servers import COMPLETION, ScriptedServer, whole

RUNS = ("01J00000000000000000000000", "01J00000000000000000000001", "01J00000000000000000000002")


def frame(*traces: str | None, **columns: Sequence[Any]) -> pd.DataFrame:
    index = pd.Index(RUNS[: len(traces)], name="run_id", dtype="string")
    return pd.DataFrame({"trace_id": pd.array(list(traces), dtype="string"), **columns}, index=index)


def log(number: int, trace: str | None, **fields: Any) -> dict[str, Any]:
    """A row as an export of all fields holds it."""
    row = {
        "id": f"log-{number}",
        "trace_id": trace,
        "created_at": f"2026-01-01T00:00:{number:02}.000Z",
        "request": {"url": "https://api.openai.com/v1/chat/completions", "body": {"messages": []}},
        "response": {"body": {}},
        "is_success": 1,
        "ai_org": "openai",
        "ai_model": "gpt-4o-2024-08-06",
        "req_units": 10,
        "res_units": 5,
        "total_units": 15,
        "request_url": "https://api.openai.com/v1/chat/completions",
        "cost": 0.25,
        "cost_currency": "USD",
        "response_time": 812,
        "response_status_code": 200,
        "mode": "single",
        "config": "pc-1",
        "prompt_slug": None,
        "metadata": {"team": "red"},
    }
    return {**row, **fields}


def write(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def test_a_run_is_given_what_was_billed_and_who_answered(tmp_path: Path) -> None:
    path = write(tmp_path / "logs.jsonl", [log(1, "t-1"), log(2, "elsewhere"), log(3, None)])
    found = frame("t-1", "t-2").portkey.join_logs(path)
    row = found.loc[RUNS[0]].drop("trace_id")
    assert row.astype(object).where(row.notna(), None).to_dict() == {
        "billed_cost_usd": 0.0025,  # 0.25 US cents
        "logged_attempts": 1,
        "logged_retries": None,
        "logged_provider": "openai",
        "logged_model": "gpt-4o-2024-08-06",
        "logged_status": 200,
        "logged_success": True,
        "logged_response_s": 0.812,
        "logged_input_tokens": 10,
        "logged_output_tokens": 5,
        "logged_cache": None,
        "logged_mode": "single",
        "logged_config": "pc-1",
        "logged_at": pd.Timestamp("2026-01-01T00:00:01Z"),
    }
    assert found.loc[RUNS[1]].drop("trace_id").isna().all()
    note = "1 of 3 exported rows belong to 1 of 2 runs; 1 of other calls; 1 without a trace id"
    assert found.attrs["join_logs"] == note


def test_attempts_of_one_trace_are_summed_and_the_last_that_went_well_answered() -> None:
    rows = [
        log(3, "t-1", is_success=1, ai_org="anthropic", retry_success_count=1),
        log(1, "t-1", is_success=0, response_status_code=429, cost=0, res_units=0, cache_status="MISS"),
        log(4, "t-1", is_success=0, response_status_code=500, cost=None, response_time=188),
    ]
    found = frame("t-1").portkey.join_logs(rows).iloc[0]
    assert (found["billed_cost_usd"], found["logged_attempts"], found["logged_retries"]) == (0.0025, 3, 1)
    assert (found["logged_provider"], found["logged_status"], found["logged_success"]) == ("anthropic", 200, True)
    assert found["logged_response_s"] == pd.Series([0.812, 0.812, 0.188]).sum()
    assert found["logged_output_tokens"] == 10
    assert found["logged_at"] == pd.Timestamp("2026-01-01T00:00:01Z")


def test_a_trace_that_runs_share_is_divided_by_the_run_id_or_not_at_all() -> None:
    told = [log(1, "t", metadata={"run_id": RUNS[0]}), log(2, "t", metadata=json.dumps({"run_id": RUNS[1]}), cost=1)]
    found = join_logs(frame("t", "t"), told)
    assert found["billed_cost_usd"].tolist() == [0.0025, 0.01]
    found = join_logs(frame("t", "t"), [log(1, "t"), log(2, "t", metadata={"run_id": "the user's own"})])
    assert found["billed_cost_usd"].isna().all()
    assert "2 of a trace that several runs share" in found.attrs["join_logs"]


def test_another_runs_log_is_not_taken_for_the_runs_that_are_here() -> None:
    found = join_logs(frame("t"), [log(1, "t", metadata={"run_id": RUNS[2]})])
    assert found["billed_cost_usd"].isna().all()


def test_what_the_run_log_answered_itself_has_no_bill() -> None:
    given = frame("t", "t", attempts=pd.array([1, 0], dtype="Int64"))
    assert join_logs(given, [log(1, "t")])["billed_cost_usd"].tolist() == [0.0025, pd.NA]
    given = frame("t", "t", cached=pd.array([False, True], dtype="boolean"))
    assert join_logs(given, [log(1, "t")])["billed_cost_usd"].tolist() == [0.0025, pd.NA]


def test_a_gateways_own_cache_hit_is_joined() -> None:
    given = frame("t", cached=pd.array([True], dtype="boolean"))
    found = join_logs(given, [log(1, "t", cost=0, cache_status="HIT")]).iloc[0]
    assert (found["billed_cost_usd"], found["logged_cache"]) == (0.0, "HIT")


def test_the_frame_of_runs_as_it_comes_is_enough_and_the_run_log_stays_as_it_is(tmp_path: Path) -> None:
    with ScriptedServer(whole(COMPLETION)) as server:
        replies = [ask("Hello", model="m", base_url=server.url, stream=False) for _ in range(2)]
        ask("Hello", model="m", base_url=server.url, stream=False)
    before = runs(columns="all")
    path = write(
        tmp_path / "logs.jsonl",
        [log(1, replies[0].trace_id), log(2, "t", metadata={"run_id": replies[1].run.run_id})],
    )
    given = runs()
    assert "trace_id" not in given
    found = given.portkey.join_logs(path)
    assert found["billed_cost_usd"].tolist() == [0.0025, 0.0025, pd.NA]
    pd.testing.assert_frame_equal(found[list(given)], given, check_flags=False)
    assert list(given) == list(runs())
    pd.testing.assert_frame_equal(runs(columns="all"), before)


def test_exports_that_overlap_count_once_and_a_second_join_takes_the_place_of_the_first(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.jsonl", [log(1, "t-1"), log(number, "t-1")]) for number in (2, 3)]
    found = join_logs(frame("t-1"), *paths)
    assert found["logged_attempts"].tolist() == [3]
    assert join_logs(found, [paths[0]])["logged_attempts"].tolist() == [2]
    assert list(join_logs(found, paths)) == list(found)


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "json", "csv", "csv.gz", "bom", "frame", "rows"])
def test_an_export_may_be_a_file_of_several_kinds_a_frame_or_rows(form: str, tmp_path: Path) -> None:
    rows = [log(1, "t-1"), log(2, "t-2", cost=None, metadata={"run_id": RUNS[1]})]
    path = tmp_path / f"logs.{form}"
    given: Any = path
    if form.startswith("jsonl") or form == "bom":
        text = "\n\n".join(map(json.dumps, rows)).encode()
        path.write_bytes(gzip.compress(text) if form.endswith("gz") else b"\xef\xbb\xbf" + text)
    elif form == "json":
        path.write_text(json.dumps(rows, indent=1))
    elif form.startswith("csv"):
        flat = [{**row, "metadata": json.dumps(row["metadata"])} for row in rows]
        pd.DataFrame(flat).to_csv(path, index=False)
    else:
        given = pd.DataFrame(rows) if form == "frame" else rows
    found = join_logs(frame("t-1", "t-x"), given)
    assert found["billed_cost_usd"].tolist() == [0.0025, pd.NA]
    assert found["logged_input_tokens"].tolist() == [10, 10]
    assert found["logged_success"].tolist() == [True, True]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("logs.jsonl", b'{"trace_id": "t-1"}\n\n{"trace_id": "t-', "logs.jsonl, line 3: cut, or not one log as JSON"),
        ("logs.jsonl", b'{"trace_id": "t-1"}\n[1, 2]\n', "line 2: cut, or not one log"),
        ("logs.jsonl", b'{"trace_id": "\xff"}\n', "line 1: cut, or not one log"),
        ("logs.json", b'[{"trace_id": "t-1"},', "is no list of logs"),
        ("logs.jsonl.gz", gzip.compress(b'{"trace_id": "t-1"}\n' * 100)[:-20], "is cut"),
        ("logs.csv", b"trace_id,cost\nt-1,1\nt-2,1,2,3\n", "line 3: cut, or no row \\(4 fields where"),
        ("logs.csv", b"trace_id,cost\nt-1,1\nt-2", "line 3: cut, or no row"),
        ("logs.csv", b'trace_id,cost\nt-1,1\n"t-2', "line 3: cut, or no row"),
        ("logs.csv", b"Trace ID,Cost\nt-1,1\n", "none of the columns trace_id, .*, but 'Trace ID', 'Cost'; name them"),
        ("logs.csv", b'"trace_id";"cost"\n"t-1";1\n', "separates its fields by semicolons; save it with commas"),
        ("logs.csv", "trace_id,cost\nt-1,1\n".encode("utf-16"), "is UTF-16 or no text; save it as UTF-8"),
        ("logs.jsonl", '{"trace_id": "t-1"}\n'.encode("utf-16-le"), "is UTF-16 or no text; save it as UTF-8"),
        ("logs.xlsx", b"PK\x03\x04\x14\0", "is an Excel workbook or an archive; save its table as CSV"),
        ("away.jsonl", None, "cannot be read \\(No such file"),
    ],
)
def test_a_file_that_is_cut_or_edited_is_refused_in_one_line(
    name: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(StoreError, match=said) as caught:
        join_logs(frame("t-1"), tmp_path / name)
    assert "\n" not in caught.value.message
    assert name in caught.value.message


def test_what_is_no_export_and_what_is_no_frame_of_runs_is_refused() -> None:
    for exports in ((), (7,), ([7],), (b"logs",)):
        with pytest.raises(StoreError, match="export of Portkey's logs"):
            join_logs(frame("t-1"), *exports)
    with pytest.raises(StoreError, match=r"this DataFrame has none of the columns .*'Trace ID'"):
        join_logs(frame("t-1"), pd.DataFrame({"Trace ID": ["t-1"], "Cost": [1]}))
    with pytest.raises(StoreError, match="neither run ids nor trace ids"):
        join_logs(pd.DataFrame({"text": ["a"]}), [log(1, "t-1")])


def test_other_money_is_not_taken_for_dollars() -> None:
    found = join_logs(frame("t-1"), [log(1, "t-1", cost_currency="INR")])
    assert found["billed_cost_usd"].isna().all()
    assert "1 billed in another currency" in found.attrs["join_logs"]


@pytest.mark.parametrize("odd", ["$1.50", "free", -5])
def test_what_is_no_cost_is_left_out_and_said(odd: object, capsys: pytest.CaptureFixture[str]) -> None:
    found = join_logs(frame("t-1", "t-2"), [log(1, "t-1", cost=odd), log(2, "t-2"), log(3, "other", cost=odd)])
    assert found["billed_cost_usd"].tolist() == [pd.NA, 0.0025]
    said = f"1 left out of the bill, being no cost in US cents ('{odd}')"
    assert said in found.attrs["join_logs"]
    assert said in capsys.readouterr().err


def test_when_nothing_fits_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    join_logs(frame("t-1"), [log(1, "other")])
    assert capsys.readouterr().err == "join_logs: 0 of 1 exported rows belong to 0 of 1 runs; 1 of other calls\n"
    for name, content in (("logs.jsonl", ""), ("logs.csv", ""), ("logs.csv", "trace_id,cost\n")):
        (tmp_path / name).write_text(content)
        join_logs(frame("t-1"), tmp_path / name)
        assert capsys.readouterr().err == "join_logs: 0 of 0 exported rows belong to 0 of 1 runs\n"
    empty = join_logs(frame(), [])
    assert str(empty["billed_cost_usd"].dtype) == "Float64"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("odd", ["\ud800", float("inf"), [], {"a": [1]}, b"x", pd.NA, pd.NaT, 10**30])
def test_one_odd_value_costs_no_other(odd: Any) -> None:
    for name in log(1, "t-1", cache_status=None, retry_success_count=None):
        found = join_logs(frame("t-1", "t-2"), [log(1, "t-1", **{name: odd}), log(2, "t-2")])
        assert found["billed_cost_usd"].iloc[1] == 0.0025
        assert not np.isinf(found["billed_cost_usd"].fillna(0).astype(float)).any()


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)
FIELD = st.sampled_from(sorted(log(1, "t-1", cache_status=None, retry_success_count=None)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.dictionaries(FIELD, ODD | st.dictionaries(st.text(max_size=6), ODD, max_size=2)), max_size=6))
def test_fields_of_any_kind_are_read_or_unknown(rows: list[dict[str, Any]]) -> None:
    found = join_logs(frame("t-1", "t-2"), [{"trace_id": "t-1", **row} for row in rows])
    assert len(found) == 2
    assert str(found["billed_cost_usd"].dtype) == "Float64"
    assert str(found["logged_status"].dtype) == "Int64"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["t-1", "t-2", "t-3", None]), st.integers(0, 10_000)), max_size=30))
def test_no_cent_is_lost_or_counted_twice(bills: list[tuple[str | None, int]]) -> None:
    rows = [log(number, trace, cost=cents) for number, (trace, cents) in enumerate(bills)]
    found = join_logs(frame("t-1", "t-2"), rows)
    mine = sum(cents for trace, cents in bills if trace in ("t-1", "t-2"))
    assert found["billed_cost_usd"].sum() == pytest.approx(mine / 100)
    assert found["logged_attempts"].sum() == sum(trace in ("t-1", "t-2") for trace, _ in bills)

"""Exports of the run log: the same rows as `runs()`, in batches, and no half file."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet

from portkey_nb.engine import exporting
from portkey_nb.engine.columns import COLUMNS
from portkey_nb.engine.exporting import export, format_of, stream_to
from portkey_nb.engine.store import RunStore
from portkey_nb.errors import SettingsError, StoreError
from tests.engine.runs_of import START, begun, done

ROWS = 950
LATER = START + timedelta(hours=1)
OBJECTS = {column.name for column in COLUMNS if column.kind == "object"}


@pytest.fixture
def store(place: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(exporting, "ROWS", 400)  # several batches of few rows
    with RunStore(place) as store:
        rows = [
            done(
                started_at=START + timedelta(seconds=at),
                model="a" if at % 2 else "b",
                text=f"line {at}\n, “quoted”",
                tags={"at": at},
                cost_usd=at / 7,
                scores={"late": 1.0} if at == ROWS - 1 else {},
            )
            for at in range(ROWS - 1)
        ]
        store.write([(run, False) for run in [*rows, done(started_at=START + timedelta(days=1), scores={"late": 0.5})]])
        store.start(begun(started_at=START + timedelta(days=2)))
        yield store


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.DataFrame(csv.DictReader(io.StringIO(path.read_text()))).set_index("run_id")
    return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()]).set_index("run_id")


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl", "json"])
def test_a_file_has_every_row_once_in_order(store: RunStore, tmp_path: Path, format: Any) -> None:
    told: list[int] = []
    path = tmp_path / f"runs.{format}"
    assert export(store, path, format, tell=told.append) == ROWS + 1
    assert len(told) > 1
    frame, whole = read(path), store.frame(columns="all")
    assert list(frame.index) == list(whole.index)
    assert list(frame.columns) == list(whole.columns)
    assert "score_late" in frame.columns
    if format.startswith("json"):
        assert frame["started_at"].iloc[0] == "2026-03-01T12:00:00.123456Z"
        assert frame["tags"].iloc[3] == {"at": 3}
    assert list(frame["text"])[:-1] == list(whole["text"])[:-1]
    if format == "csv":
        known = dict(frame["tags"])
        assert [json.loads(known[run_id]) for run_id in whole.index[:2]] == [{"at": 0}, {"at": 1}]
    assert [float(cost) for cost in frame["cost_usd"][:-1]] == list(whole["cost_usd"][:-1])
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [path.name]


def test_parquet_keeps_types_and_one_schema(store: RunStore, tmp_path: Path) -> None:
    export(store, tmp_path / "runs.parquet", "parquet")
    file = parquet.ParquetFile(tmp_path / "runs.parquet")
    assert file.num_row_groups > 1
    frame, whole = pd.read_parquet(tmp_path / "runs.parquet"), store.frame(columns="all")
    for name, kind in whole.dtypes.items():
        if name in OBJECTS:
            assert [None if pd.isna(text) else json.loads(text) for text in frame[name]] == list(whole[name])
        elif isinstance(kind, pd.CategoricalDtype):
            assert list(frame[name].astype(object)[:-1]) == list(whole[name].astype(object)[:-1])
            assert isinstance(frame[name].dtype, pd.CategoricalDtype)
        else:
            pd.testing.assert_series_equal(frame[name], whole[name], check_index_type=False)


def test_objects_are_json_in_csv_and_empty_where_unknown(tmp_path: Path) -> None:
    odd = {"vars": {"case": 99999, "note": "it's \x00 “quoted”,\n\\"}, "params": {"stop": [None, True]}, "tags": []}
    with RunStore(tmp_path / "runs.sqlite") as store:
        store.finish(done(run_id="r1", messages=[{"role": "user", "content": "naïve"}], **odd))
        export(store, tmp_path / "runs.csv", "csv")
        whole = store.frame(columns="all").loc["r1"]
    row = read(tmp_path / "runs.csv").loc["r1"]
    for name in sorted(OBJECTS):
        assert (json.loads(row[name]) if row[name] else None) == whole[name], name
    assert row["tool_calls"] == row["price"] == ""
    assert "naïve" in row["messages"]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.parquet", "parquet"),
        ("a.CSV", "csv"),
        ("a.b.jsonl", "jsonl"),
        ("a.json", "json"),
        ("a.txt", None),
        ("a", None),
        ("/dev/stdout", None),
    ],
)
def test_the_end_of_a_name_tells_the_format(name: str, format: str | None) -> None:
    assert format_of(name) == format


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv.gz", "a.2026"])
def test_an_end_that_is_no_format_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"\{Path(name).suffix}; .*\.parquet, \.csv, \.jsonl, \.json"):
        format_of(name)


@pytest.mark.parametrize(
    "given",
    [
        {"n": 7},
        {"n": 0},
        {"n": 5000},
        {"model": "a", "n": 3},
        {"status": "started"},
        {"since": START + timedelta(hours=1)},
        {"since": "2 hours"},
    ],
    ids=str,
)
def test_filters_are_those_of_runs(store: RunStore, tmp_path: Path, given: Any) -> None:
    export(store, tmp_path / "some.json", "json", columns="metrics", **given)
    ids = [json.loads(line)["run_id"] for line in (tmp_path / "some.json").read_text().splitlines()]
    assert ids == list(store.frame(columns="metrics", **given).index)


@pytest.mark.parametrize("format", ["parquet", "csv", "json"])
def test_an_export_that_fails_leaves_what_was_there(store: RunStore, tmp_path: Path, format: Any) -> None:
    path = tmp_path / "runs.out"
    path.write_text("as it was")

    def full(rows: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        export(store, path, format, tell=full)
    assert path.read_text() == "as it was"
    with pytest.raises(OSError, match="No such file"):
        export(store, tmp_path / "nowhere" / "runs.out", format)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["runs.out"]


@pytest.mark.parametrize("format", ["parquet", "csv", "json"])
def test_no_log_makes_an_empty_file(tmp_path: Path, format: Any) -> None:
    with RunStore(tmp_path / "none" / "runs.sqlite") as none:
        assert export(none, tmp_path / f"runs.{format}", format) == 0
    if format == "parquet":
        assert len(pd.read_parquet(tmp_path / "runs.parquet")) == 0
    assert not (tmp_path / "none").exists()


def test_a_stream_gets_the_same_bytes(store: RunStore, tmp_path: Path) -> None:
    stream = io.BytesIO()
    stream_to(store, stream, "csv")
    export(store, tmp_path / "runs.csv", "csv")
    assert stream.getvalue() == (tmp_path / "runs.csv").read_bytes()


def test_what_cannot_be_asked_for_is_said_before_a_file_is_made(store: RunStore, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no format 'xlsx'; there are parquet, csv, json"):
        export(store, tmp_path / "runs.xlsx", "xlsx")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="no status 'okay'"):
        export(store, tmp_path / "runs.csv", "csv", status="okay")
    assert not list(tmp_path.glob("runs.*"))


@pytest.mark.parametrize("broken", ["{broken", "{},{}", "[]"])
@pytest.mark.parametrize("where", ["runs SET notes", "runs SET detail", "bodies SET rest"])
def test_a_damaged_row_costs_no_other(tmp_path: Path, where: str, broken: str) -> None:
    with RunStore(tmp_path / "runs.sqlite") as store:
        for at in range(3):
            store.finish(done(run_id=f"r{at}", params={"seed": at}, messages=[{"role": "user", "content": str(at)}]))
            store.annotate(f"r{at}", rating=at)
        whole = store.frame(columns="all")
        with store.changing() as connection:
            connection.exec_driver_sql(f"UPDATE {where} = '{broken}' WHERE run_id = 'r1'")
        out = io.BytesIO()
        assert stream_to(store, out, "json") == 3
        frame = store.frame(columns="all")
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["run_id"] for row in rows] == ["r0", "r1", "r2"]
    assert [row["rating"] for row in rows][::2] == [0, 2]
    others = ["r0", "r2"]
    assert frame.loc[others].to_dict("records") == whole.loc[others].to_dict("records")

"""The run as a value, and what of foreign values and secrets comes into the log."""

from __future__ import annotations

import dataclasses
import enum
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portkey_nb.engine.columns import COLUMNS
from portkey_nb.engine.plain import plain
from portkey_nb.engine.record import FIELDS, Run, new_run_id
from portkey_nb.engine.store import RunStore
from portkey_nb.settings import Secret
from tests.engine.runs_of import START, begun, done


def test_a_run_has_a_field_for_every_column() -> None:
    assert set(FIELDS) == {column.name for column in COLUMNS} | {"scores", "cache_key"}


def test_a_run_is_frozen_and_copied_with_changes() -> None:
    run = begun()
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.status = "ok"  # type: ignore[misc]
    assert (run.status, run.source) == ("started", "api")
    assert run.with_(status="ok").status == "ok"
    assert run.status == "started"


def test_a_row_and_back() -> None:
    run = done(scores={"exact": 1.0}, tags={"a": "b"}, cache_key="k")
    row = run.to_row()
    assert row["score_exact"] == 1.0
    assert Run.from_row({**row, "a_newer_fact": 1}) == run


def test_times_come_back_aware_and_in_utc() -> None:
    here = START.astimezone(timezone(timedelta(hours=5)))
    row = begun(started_at=here).to_row()
    assert Run.from_row({**row, "ended_at": "2026-03-01T13:00:00+01:00"}).ended_at == START.replace(microsecond=0)
    assert Run.from_row(row).started_at.tzinfo is UTC


def test_ids_sort_in_the_order_of_their_making() -> None:
    ids = [new_run_id() for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {26}


def test_ids_of_several_threads_differ() -> None:
    found: list[str] = []
    workers = [threading.Thread(target=lambda: found.extend(new_run_id() for _ in range(500))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(found)) == 2000


class Colour(enum.Enum):
    RED = "red"


class Stubborn:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (Path("/data/x.csv"), "/data/x.csv"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (b"\x00raw", "b'\\x00raw'"),
        ({3, 1, 2}, [1, 2, 3]),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (2**80, str(2**80)),
        (Colour.RED, "red"),
        (Stubborn(), "<Stubborn>"),
        ((1, 2), [1, 2]),
        ({1: "a"}, {"1": "a"}),
        ("\ud83d\ude00 \ud83d", "😀 \ufffd"),
        (Secret("pk-1"), "***"),
        (None, None),
    ],
)
def test_what_json_does_not_know_is_stored_readably(tmp_path: Path, value: Any, stored: Any) -> None:
    with RunStore(tmp_path / "runs.sqlite") as store:
        store.finish(run := done(params={"it": value}, vars={"it": value}, tags={"it": value}))
        assert store.take_trouble() is None
        found = store.get(run.run_id)
    assert found is not None
    assert found.params == found.vars == found.tags == {"it": stored}


def test_an_object_that_holds_itself_is_stored() -> None:
    knot: dict[str, Any] = {}
    knot["self"] = knot
    assert "..." in str(plain(knot))


def test_secrets_are_struck_out_on_the_way_to_the_disk(tmp_path: Path) -> None:
    run = done(
        config='{"targets":[{"provider":"openai","api_key":"sk-config"}]}',
        params={"api_key": "sk-params", "max_tokens": 5, "tools": [{"headers": {"Authorization": "Bearer sk-deep"}}]},
        metadata={"client_secret": "sk-meta", "team": "red"},
        vars={"access_token": "sk-vars", "cache_read_tokens": 9},
        tags={"password": ["sk-tags"]},
    )
    with RunStore(tmp_path / "runs.sqlite") as store:
        store.start(run.with_(status="started"))
        store.finish(run)
        found = store.get(run.run_id)
    assert found is not None
    assert found.params == {"api_key": "***", "max_tokens": 5, "tools": [{"headers": {"Authorization": "***"}}]}
    assert found.metadata == {"client_secret": "***", "team": "red"}
    assert found.vars == {"access_token": "***", "cache_read_tokens": 9}
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    assert b"openai" in written
    assert b"sk-" not in written


def test_a_saved_configs_id_stays(tmp_path: Path) -> None:
    with RunStore(tmp_path / "runs.sqlite") as store:
        store.finish(run := done(config="pc-abc123"))
        found = store.get(run.run_id)
    assert found is not None
    assert found.config == "pc-abc123"

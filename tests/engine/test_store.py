"""The run log in good times: rows and back, filters, judgements, totals, the cache's look-up, conversations."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portkey_nb import runs
from portkey_nb.engine.record import STATUSES, Run, new_run_id
from portkey_nb.engine.store import RunStore, Totals, open_store
from portkey_nb.engine.tables import RUNS
from portkey_nb.errors import StoreError
from portkey_nb.gateway.conversation import Conversation, Turn
from tests.engine.runs_of import START, begun, done


@pytest.fixture
def store(place: str) -> Iterator[RunStore]:
    with RunStore(place) as store:
        yield store


# Rows


def test_a_run_is_there_from_its_start_and_complete_at_its_end(store: RunStore) -> None:
    run = begun(messages=[{"role": "user", "content": "Hello?"}])
    store.start(run)
    assert store.get(run.run_id) == run
    end = run.with_(status="ok", text="Hello!", ended_at=START + timedelta(seconds=1), scores={"exact": 1.0})
    store.finish(end)
    assert store.get(run.run_id) == end
    assert len(store.frame()) == 1


def test_a_run_whose_start_was_lost_is_written_whole(store: RunStore) -> None:
    store.finish(run := done())
    assert store.get(run.run_id) == run


def test_a_late_start_does_not_undo_the_end(store: RunStore) -> None:
    store.finish(run := done())
    store.start(run.with_(status="started", text=None))
    assert store.get(run.run_id) == run


def test_what_another_process_opens_afterwards_is_all_there(place: str) -> None:
    with RunStore(place) as store:
        store.finish(run := done())
    with RunStore(place) as again:
        assert again.get(run.run_id) == run


def test_no_such_run(store: RunStore) -> None:
    assert store.get("nothing") is None
    assert store.cached("nothing") is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
COUNT = st.none() | st.integers(0, 2**62)
SECONDS = st.none() | st.floats(0, 1e6)
WHEN = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@st.composite
def any_run(draw: st.DrawFn) -> Run:
    facts: dict[str, Any] = {
        "status": draw(st.sampled_from(STATUSES)),
        "started_at": draw(WHEN),
        "ended_at": draw(st.none() | WHEN),
        "params": draw(st.none() | st.dictionaries(st.sampled_from(["stop", "top_p", "é"]), JSON, max_size=3)),
        "tool_calls": draw(st.none() | st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=2)),
        "messages": draw(st.none() | st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=2)),
        "scores": draw(st.dictionaries(TEXT, st.floats(-1e9, 1e9), max_size=3)),
        "demo": draw(st.none() | st.booleans()),
        "cost_usd": draw(SECONDS),
        "ttft_s": draw(SECONDS),
    }
    for name in ("model", "prompt", "text", "system", "error", "finish_reason", "group_id", "notebook", "rating_note"):
        facts[name] = draw(st.none() | TEXT)
    for name in ("input_tokens", "output_tokens", "attempts", "http_status", "repeat"):
        facts[name] = draw(COUNT)
    return Run(run_id=new_run_id(), **facts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(run=any_run())
def test_any_run_comes_back_as_it_went_in(store: RunStore, run: Run) -> None:
    store.start(run.with_(status="started"))
    store.finish(run)
    assert store.take_trouble() is None
    assert store.get(run.run_id) == run
    assert store.frame(columns=["model"]).loc[run.run_id] is not None


def test_broken_text_and_long_text(store: RunStore) -> None:
    store.finish(run := done(prompt="half \ud83d a pair", text="x\x00y" * 400_000, error="\udcff"))
    found = store.get(run.run_id)
    assert found is not None
    assert (found.prompt, found.error) == ("half \ufffd a pair", "\ufffd")
    assert found.text == run.text


def test_a_number_that_python_does_not_write_is_kept_as_a_text(store: RunStore) -> None:
    store.write([(run := done(params={"seed": 10**5000}), False)])
    assert store.take_trouble() is None
    found = store.get(run.run_id)
    assert found is not None
    assert found.params is not None
    assert found.params["seed"].startswith("0x")


def test_several_threads_write_and_read_at_once(store: RunStore) -> None:
    def work() -> None:
        for _ in range(50):
            run = begun()
            store.start(run)
            store.finish(run.with_(status="ok"))
            store.frame(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(store.frame()["status"]) == ["ok"] * 200
    assert store.take_trouble() is None


def test_a_log_in_memory() -> None:
    with RunStore(":memory:") as store:
        assert store.path is None
        store.finish(run := done())
        assert store.get(run.run_id) == run
        worker = threading.Thread(target=store.start, args=(begun(),))
        worker.start()
        worker.join()
        assert len(store.frame()) == 2


# Places


def test_the_default_place(tmp_path: Path, clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert RunStore().path == clean_environment / "runs.sqlite"
    monkeypatch.setenv("PORTKEY_NB_STORE", f"sqlite:///{tmp_path}/other.sqlite")
    assert RunStore().path == tmp_path / "other.sqlite"
    monkeypatch.delenv("PORTKEY_NB_STORE")
    path = RunStore().path
    assert path is not None
    assert (path.name, path.parent.name) == ("runs.sqlite", "portkey_nb")
    assert clean_environment in path.parents


def test_a_password_is_never_shown() -> None:
    store = RunStore("postgresql://me:hunter2@host/db")
    assert "hunter2" not in store.url + repr(store)
    assert "***" in store.url


def test_a_url_that_is_none() -> None:
    with pytest.raises(StoreError, match="give a path, or a URL"):
        RunStore("://nowhere")


def test_one_store_for_a_place_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("a.sqlite") is open_store(tmp_path / "a.sqlite") is open_store(f"sqlite:///{tmp_path}/a.sqlite")
    assert open_store("b.sqlite") is not open_store("a.sqlite")


def test_runs_reads_the_store_it_is_given(store: RunStore, place: str) -> None:
    store.finish(run := done())
    assert list(runs(store=store).index) == [run.run_id]
    assert list(runs(store=place).index) == [run.run_id]
    assert len(runs()) == 0


# Filters


@pytest.fixture
def week(store: RunStore) -> RunStore:
    """Seven runs, a day apart, the oldest first."""
    for day in range(7):
        store.finish(
            done(
                run_id=f"r{day}",
                started_at=START + timedelta(days=day),
                model=("gpt-4o", "claude-sonnet")[day % 2],
                status="error" if day == 3 else "ok",
                group_id=f"g{day // 2}",
                group_label="first try" if day < 4 else None,
            )
        )
    return store


@pytest.mark.parametrize(
    ("how", "ids"),
    [
        ({"n": 2}, "r5 r6"),
        ({"n": 0}, ""),
        ({"n": 100}, "r0 r1 r2 r3 r4 r5 r6"),
        ({"status": "error"}, "r3"),
        ({"status": ["error", "started"]}, "r3"),
        ({"model": "claude-sonnet", "n": 2}, "r3 r5"),
        ({"model": ["claude-sonnet", "gpt-4o"], "status": "ok", "n": 3}, "r4 r5 r6"),
        ({"group": "g1"}, "r2 r3"),
        ({"group": "first try"}, "r0 r1 r2 r3"),
        ({"since": START + timedelta(days=5)}, "r5 r6"),
        ({"since": "2026-03-06T12:00:00.123456+00:00"}, "r5 r6"),
        ({"since": "2026-03-06T12:00:00.123457Z"}, "r6"),
        ({"since": date(2026, 3, 7)}, "r6"),
        ({"model": "nobody"}, ""),
    ],
)
def test_filters(week: RunStore, how: dict[str, Any], ids: str) -> None:
    assert list(week.frame(**how).index) == ids.split()


def test_since_a_while_ago(store: RunStore) -> None:
    store.finish(done())
    store.finish(new := done(started_at=datetime.now(UTC) - timedelta(minutes=5)))
    assert list(store.frame(since=timedelta(hours=1)).index) == [new.run_id]


def test_a_time_without_zone_is_local_time(store: RunStore) -> None:
    store.finish(run := done(started_at=datetime.now(UTC)))
    now = datetime.now()
    assert list(store.frame(since=now - timedelta(minutes=1)).index) == [run.run_id]
    assert len(store.frame(since=now + timedelta(minutes=1))) == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"status": "errors"}, "no status 'errors'; did you mean `error`?"),
        ({"status": 3}, "status is 3"),
        ({"n": -1}, "n is -1"),
        ({"n": "5"}, "n is '5'"),
        ({"since": "yesterday"}, "since is 'yesterday'"),
        ({"since": 5}, "since is 5"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(store: RunStore, how: dict[str, Any], said: str) -> None:
    with pytest.raises(StoreError) as caught:
        store.frame(**how)
    assert said in str(caught.value)


# Judgements


def test_annotations_lie_over_the_run(store: RunStore) -> None:
    store.finish(run := done(tags={"a": 1}, scores={"exact": 1.0}))
    store.annotate(run.run_id, rating=-3, passed=False, scores={"style": 0.5})
    store.annotate(run.run_id, rating=7, rating_note="better")
    expected = run.with_(rating=7, rating_note="better", passed=False, scores={"exact": 1.0, "style": 0.5})
    assert store.get(run.run_id) == expected
    row = store.frame(columns="all").iloc[0]
    assert (row["rating"], row["rating_note"], row["passed"]) == (7, "better", False)
    assert (row["score_exact"], row["score_style"], row["tags"]) == (1.0, 0.5, {"a": 1})
    store.annotate(run.run_id, tags=["b"])
    assert store.frame(columns=["tags"])["tags"].tolist() == [["b"]]


def test_an_annotation_outlives_the_completing_of_the_row(store: RunStore) -> None:
    store.start(run := begun())
    store.annotate(run.run_id, rating=1)
    store.finish(run.with_(status="ok"))
    found = store.get(run.run_id)
    assert found is not None
    assert (found.status, found.rating) == ("ok", 1)


def test_an_annotation_that_cannot_be_kept_is_refused(store: RunStore) -> None:
    with pytest.raises(StoreError, match="no run 'nothing'"):
        store.annotate("nothing", rating=1)
    with pytest.raises(StoreError, match="rating is 11; give a whole number from -10 to 10"):
        store.annotate("nothing", rating=11)


def test_a_judgement_can_be_taken_back(store: RunStore) -> None:
    store.finish(run := done(tags={"a": 1}))
    store.annotate(run.run_id, rating=-3, passed=False, scores={"style": 0.5})
    store.annotate(run.run_id, clear="rating")
    store.annotate(run.run_id, clear=["passed"], rating_note="no opinion")
    assert store.get(run.run_id) == run.with_(rating_note="no opinion", scores={"style": 0.5})
    assert store.frame(columns=["rating", "passed"]).isna().all(axis=None)
    store.annotate(run.run_id, clear="rating", rating=2)
    assert store.frame(columns=["rating"])["rating"].tolist() == [2]
    with pytest.raises(StoreError, match="'ratings' cannot be cleared"):
        store.annotate(run.run_id, clear=["ratings"])


# Several and by conversation


def test_several_runs_are_read_by_their_ids(store: RunStore) -> None:
    assert store.several(["nothing"]) == {}
    kept = [done(conversation_id="c" if at % 2 else "d", messages=[{"role": "user"}]) for at in range(1200)]
    store.write([(run, False) for run in kept])
    found = store.several([*(run.run_id for run in kept), "nothing"])
    assert found == {run.run_id: run.with_(messages=None) for run in kept}
    assert store.several([]) == {}
    assert (
        list(store.frame(3, conversation="c").index) == [run.run_id for run in kept if run.conversation_id == "c"][-3:]
    )


# Money


def test_the_models_of_the_latest_runs_come_once_each_the_last_one_first(store: RunStore) -> None:
    assert store.models(10) == []
    for number, name in enumerate(["old", "b", "a", None, "b"]):
        store.finish(done(model=name, started_at=START + timedelta(seconds=number)))
    assert store.models(10) == ["b", "a", "old"]
    assert store.models(2) == ["b", "a"]


def test_totals_count_what_was_paid(store: RunStore) -> None:
    assert store.totals() == Totals()
    store.finish(done(cost_usd=0.5))
    store.finish(done(cost_usd=0.25, demo=False, cached=False))
    store.finish(done(cost_usd=100.0, demo=True))
    store.finish(done(cost_usd=100.0, cached=True))
    store.finish(done(cost_usd=None))
    store.finish(done(cost_usd=None, status="error"))
    store.finish(done(cost_usd=0.125, status="incomplete"))
    store.start(begun())
    assert store.totals() == Totals(calls=8, failed=2, cost_usd=0.875, unpriced=1, demo_calls=1)


def test_totals_since(store: RunStore) -> None:
    store.finish(done(cost_usd=1.0))
    store.finish(done(cost_usd=2.0, started_at=START + timedelta(days=1)))
    assert store.totals(START + timedelta(hours=1)).cost_usd == 2.0
    assert store.totals(START).calls == 2


def test_the_cache_gives_the_newest_success(store: RunStore) -> None:
    for day, status in enumerate(["ok", "ok", "error", "started"]):
        store.finish(done(run_id=f"r{day}", status=status, cache_key="k", started_at=START + timedelta(days=day)))
    store.finish(done(run_id="other", cache_key="other", started_at=START + timedelta(days=9)))
    found = store.cached("k")
    assert found is not None
    assert found.run_id == "r1"
    assert found.cache_key == "k"


# Conversations


def talk(*texts: str) -> Conversation:
    conversation = Conversation.new("Be brief.")
    for text in texts:
        conversation = conversation.append(turn(text))
    return conversation


def turn(text: str, cell: str | None = None) -> Turn:
    said = [{"role": "user", "content": text}, {"role": "assistant", "content": text.upper()}]
    return Turn.new(said, cell_key=cell or text)


def test_a_conversation_and_all_its_branches_come_back(store: RunStore) -> None:
    assert store.load_conversation("a.ipynb", "tea") is None
    first = talk("one", "two", "three")
    store.save_conversation("a.ipynb", "tea", first)
    forked, left = first.fork_for("two")
    assert left == 1
    forked = forked.append(turn("other", "two"))
    store.save_conversation("a.ipynb", "tea", forked)
    assert store.load_conversation("a.ipynb", "tea") == forked
    assert len(forked.branches()) == 2


def kept_turns(store: RunStore) -> set[tuple[str, str]]:
    """Return each turn with the place of its row, which changes when the row is written again."""
    with store.reading() as connection:
        assert connection is not None
        row = "rowid" if connection.dialect.name == "sqlite" else "ctid"
        return {(str(at), turn_id) for at, turn_id in connection.exec_driver_sql(f"SELECT {row}, turn_id FROM turns")}


def test_saving_again_writes_only_new_turns(store: RunStore) -> None:
    first = talk(*(str(n) for n in range(30)))
    store.save_conversation("a.ipynb", "tea", first)
    ids = kept_turns(store)
    grown = first.append(turn("more"))
    store.save_conversation("a.ipynb", "tea", grown)
    now = kept_turns(store)
    assert ids < now
    assert len(now) == 31


def test_turns_that_two_processes_added_are_both_kept(place: str) -> None:
    with RunStore(place) as one, RunStore(place) as two:
        start = talk("one")
        one.save_conversation("a.ipynb", "tea", start)
        here, there = start.append(turn("here")), start.append(turn("there"))
        one.save_conversation("a.ipynb", "tea", here)
        two.save_conversation("a.ipynb", "tea", there)
        found = one.load_conversation("a.ipynb", "tea")
        assert found is not None
        assert found.head == there.head
        assert {each.turn_id for each in found.turns} == {each.turn_id for each in (*here.turns, *there.turns)}
        one.save_conversation("a.ipynb", "tea", grown := found.append(turn("on")))
        assert two.load_conversation("a.ipynb", "tea") == grown


def test_names_belong_to_their_notebook(store: RunStore) -> None:
    store.save_conversation("a.ipynb", "tea", talk("one"))
    store.save_conversation("b.ipynb", "tea", talk("one", "two"))
    store.save_conversation("a.ipynb", "empty", Conversation.new())
    assert [(name, turns) for name, turns, _ in store.conversations("a.ipynb")] == [("empty", 0), ("tea", 1)]
    assert [(name, turns) for name, turns, _ in store.conversations("b.ipynb")] == [("tea", 2)]
    assert store.conversations("a.ipynb")[0][2].tzinfo is UTC
    assert store.conversations("global") == []


def test_forgetting_a_conversation(store: RunStore) -> None:
    shared = talk("one")
    store.save_conversation("a.ipynb", "tea", shared)
    store.save_conversation("global", "tea", shared)
    store.forget_conversation("a.ipynb", "tea")
    assert store.load_conversation("a.ipynb", "tea") is None
    assert store.load_conversation("global", "tea") == shared
    store.forget_conversation("global", "tea")
    store.forget_conversation("global", "never")
    assert store.conversations("global") == []


# Odd texts that a database may refuse


def test_long_and_odd_labels_are_kept_whole_and_found(store: RunStore) -> None:
    odd = "a\x00b\x1a0" + "é" * 5000
    store.finish(
        run := done(group_label=odd, model=odd, notebook=odd, trace_id=odd, conversation_id=odd, cache_key=odd)
    )
    assert store.take_trouble() is None
    assert store.get(run.run_id) == run
    assert list(store.frame(group=odd).index) == [run.run_id]
    assert list(store.frame(model=odd, conversation=odd).index) == [run.run_id]
    assert store.cached(odd) == run


def test_numbers_come_back_as_what_they_were(store: RunStore) -> None:
    numbers = {
        "big": 1e22,
        "odd": 2.694600608756843e16,
        "small": 5e-324,
        "whole": 2**63 - 1,
        "one": 1.0,
        "text": "1e16,1e16",
    }
    store.finish(run := done(params=numbers, tags=[1e300, '"', -1e17]))
    found = store.get(run.run_id)
    assert found is not None
    assert found.params == numbers
    assert found.tags == [1e300, '"', -1e17]
    assert {name: type(each) for name, each in found.params.items()} == {
        name: type(each) for name, each in numbers.items()
    }


# Damaged rows


def damages(store: RunStore) -> list[str]:
    """Return what a JSON column may hold that is no object; a server takes nothing that is no JSON at all."""
    return ["[]", '"torn"'] if store.path is None else ["{torn", "", "[]"]


def hurt(store: RunStore, where: str, text: str) -> None:
    with store.changing() as connection:
        connection.exec_driver_sql(f"UPDATE {where} = '{text}' WHERE run_id = 'r1'")


@pytest.mark.parametrize("where", ["runs SET detail", "runs SET notes", "bodies SET rest"])
def test_a_damaged_row_is_read_as_a_frame_reads_it(store: RunStore, where: str) -> None:
    whole = done(run_id="r1", params={"seed": 7}, finish_reason="stop")
    unknown = {"detail": "finish_reason", "notes": "rating", "rest": "params"}[where.split()[-1]]
    for damage in damages(store):
        store.finish(whole)
        store.annotate("r1", rating=5)
        hurt(store, where, damage)
        run, seen = store.get("r1"), store.frame(columns="all").loc["r1"]
        assert run is not None
        assert (run.text, run.model, run.status) == ("Hello!", "gpt-4o", "ok")
        for name in ("finish_reason", "rating", "params"):
            assert (getattr(run, name) is None) == bool(pd.isna(seen[name])) == (name == unknown)
        assert store.several(["r1"])["r1"] == run.with_(messages=None)


@pytest.mark.parametrize("odd", ["1" * 5000, "1e400", "[" * 2000 + "]" * 2000, '{"a": 1}', '"many"'])
def test_what_no_run_can_say_is_unknown_however_it_is_asked_for(store: RunStore, odd: str) -> None:
    runs = [done(latency_s=1.0, input_tokens=2, scores={"exact": 1.0}) for _ in range(3)]
    store.write([(run, False) for run in runs])
    for name in ("latency_s", "input_tokens", "scores"):
        with store.changing() as connection:
            damaged = sa.text(f"UPDATE runs SET detail = '{{\"{name}\": {odd}}}' WHERE run_id = :id")
            connection.execute(damaged, {"id": runs[1].run_id})
        for columns in (name if name != "scores" else "score_exact", "metrics", "all"):
            frame = store.frame(columns=columns)
            column = frame["score_exact" if name == "scores" else name]
            assert column.isna().tolist() == [False, True, False]
        assert store.frame()["prompt"].tolist() == ["Hello?"] * 3


@pytest.mark.parametrize("where", ["runs SET detail", "bodies SET rest"])
def test_the_cache_gives_no_damaged_row(store: RunStore, where: str) -> None:
    store.finish(run := done(run_id="r1", cache_key="k"))
    assert store.cached("k") == run
    for damage in damages(store):
        hurt(store, where, damage)
        assert store.cached("k") is None
    store.finish(again := done(run_id="r2", cache_key="k", started_at=START + timedelta(seconds=1)))
    assert store.cached("k") == again


def test_a_judgement_of_a_run_with_damaged_notes_is_kept(store: RunStore) -> None:
    store.finish(done(run_id="r1"))
    for damage in damages(store):
        hurt(store, "runs SET notes", damage)
        store.annotate("r1", rating=5, scores={"exact": 1.0})
        store.annotate("r1", passed=True)
        found = store.get("r1")
        assert found is not None
        assert (found.rating, found.passed, found.scores) == (5, True, {"exact": 1.0})
        with store.reading() as connection:
            assert connection is not None
            notes = json.loads(connection.execute(sa.select(RUNS.c.notes)).scalar_one())
        assert notes.get("damaged", "") == damage

"""compare on a Dask cluster of separate processes: the same answers, one set of limits, nothing lost with a worker."""

from __future__ import annotations

import asyncio
import importlib
import io
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from dask import config
from distributed import Client, LocalCluster
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb import AsyncPortkey, Comparison, Portkey, RunStore, Variant, acompare, compare, runs, scorers
from portkey_nb.engine import crew, steward
from portkey_nb.engine.fleet import Fleet, FleetBatch
from portkey_nb.engine.gate import Limits
from portkey_nb.engine.leased import Lease, Report
from portkey_nb.engine.shares import fair_places, next_money, next_places
from portkey_nb.engine.steward import Steward
from portkey_nb.engine.store import _open as stores
from portkey_nb.errors import PortkeyError, SettingsError
from portkey_nb.settings import data_dir
from tests.engine.test_batch import calls, priced
from tests.many_server import ManyServer, Played, refused, said, streamed, whole
from tests.postgres import PASSWORD, URL_PASSWORD, Server, running

SECRET = "pk-a-secret-key-0123456789"
UNLIKE = ("group_id", "metadata", "started_at", "ended_at", "trace_id", "response_id")
"""Columns in which two comparisons differ, besides those that hold seconds."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Run a scheduler, and two workers in processes of their own."""
    folder = tmp_path_factory.mktemp("dask")
    # Of a worker that was lost so long ago Dask looks whether it is back: not while it is lost a second time.
    patience = {"distributed.deploy.lost-worker-timeout": "1 hour"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "DASK_CONFIG", "XDG_DATA_HOME"):
            patch.setenv(name, str(folder))
        with (
            config.set(patience),
            LocalCluster(
                n_workers=2,
                threads_per_worker=2,
                processes=True,
                dashboard_address="127.0.0.1:0",
                local_directory=str(folder),
            ) as made,
        ):
            yield made


@pytest.fixture
def dask(cluster: LocalCluster) -> Iterator[Client]:
    """Connect to the cluster, both workers being there."""
    with Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


def echo(body: dict[str, Any], _earlier: int) -> Played:
    """Answer with the question."""
    return streamed([str(body["messages"][-1]["content"])])


def slowly(body: dict[str, Any], _earlier: int) -> Played:
    """Answer with the question, after a moment."""
    return whole(str(body["messages"][-1]["content"]), gap_s=0.03)


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"q": str(number)} for number in range(count)]


def client_of(server: ManyServer) -> Portkey:
    return Portkey(base_url=server.url, provider="openai")


def asked(server: ManyServer) -> Counter[str]:
    return Counter(str(body["messages"][-1]["content"]) for body in server.seen.requests)


def table(found: Comparison) -> list[dict[str, Any]]:
    frame = found.to_frame()
    kept = [name for name in frame if name not in UNLIKE and not str(name).endswith("_s")]
    return frame[kept].astype(object).where(frame[kept].notna(), None).to_dict("records")


def test_a_cluster_gives_what_this_process_gives(dask: Client) -> None:
    def decide(body: dict[str, Any], earlier: int) -> Played:
        return refused(404) if body["model"] == "nope" else echo(body, earlier)

    with ManyServer(decide) as server:
        options: dict[str, Any] = {
            "models": ["m", Variant("n", label="cool", params={"temperature": 0}, system="be {{q}}"), "nope"],
            "cases": pd.DataFrame({"id": list("abcdefghij"), "q": range(10), "expected": ["1"] * 10}),
            "params": {"seed": 4},
            "repeats": 2,
            "scorers": ["exact", lambda text: len(text)],
            "cache": False,
            "progress": False,
            "client": client_of(server),
        }
        prompts = {"plain": "{{q}}", "polite": "Please: {{q}}"}
        there = compare(prompts, executor=dask, **options)
        here = compare(prompts, **options)
    assert len(there) == 120
    assert table(there) == table(here)
    logged = runs(columns="all")
    assert len(logged) == 240
    assert set(logged["status"]) == {"ok", "error"}
    ours = logged.loc[there.to_frame().index]
    assert ours["score_exact"].tolist() == there.to_frame()["score_exact"].astype(ours["score_exact"].dtype).tolist()


def test_the_demo_gateway_is_this_process_s_own_and_judges_are_asked_there_too(dask: Client) -> None:
    found = compare(
        "What is the capital of {{country}}?",
        ["demo-fast", "gpt-4o"],
        cases=[{"country": "France"}, {"country": "Peru"}],
        scorers=[scorers.judge("gpt-4o", "Is it right?", name="right")],
        client=Portkey(base_url="demo"),
        executor=dask,
        progress=False,
    ).to_frame()
    assert found["demo"].all()
    assert set(found["base_url"]) == {"demo"}
    assert found["score_right"].notna().all()
    assert Counter(runs(columns=["source"])["source"]) == {"compare": 4, "judge": 4}


def test_rows_of_a_frame_and_coroutines_go_to_the_cluster_too(dask: Client, cluster: LocalCluster) -> None:
    with ManyServer(echo) as server:
        frame = pd.DataFrame({"q": ["one", "two", "three"]})
        answered = frame.portkey.complete(
            "{{q}}", "m", client=client_of(server), executor=dask, progress=False, max_tokens=5
        )
        assert answered["answer"].tolist() == ["one", "two", "three"]

        async def compared() -> Comparison:
            async with Client(cluster.scheduler_address, asynchronous=True) as client:
                with pytest.raises(SettingsError, match="acompare"):
                    compare("{{q}}", "m", cases=numbered(1), executor=client)
                portkey = AsyncPortkey(base_url=server.url, provider="openai")
                return await acompare("{{q}}", "m", cases=numbered(40), client=portkey, executor=client, progress=False)

        assert asyncio.run(compared()).to_frame()["text"].tolist() == [str(number) for number in range(40)]


def test_limits_hold_for_all_workers_together(dask: Client) -> None:
    with ManyServer(lambda body, _: whole(held=True)) as server:

        def release() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] == 5)
            server.decide = slowly
            server.release()

        releaser = threading.Thread(target=release)
        releaser.start()
        options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False}
        found = compare("{{q}}", ["m", "n"], cases=numbered(60), concurrency=5, per_model=3, **options)
        releaser.join()
    assert set(found.to_frame()["status"]) == {"ok"}
    assert server.seen.most[""] == 5
    assert max(server.seen.most["m"], server.seen.most["n"]) == 3


def test_what_one_worker_is_refused_all_spare(dask: Client) -> None:
    came: list[float] = []

    def decide(body: dict[str, Any], earlier: int) -> Played:
        came.append(time.monotonic())
        return refused(429, **{"retry-after": "2"}) if len(came) == 30 else slowly(body, earlier)

    with ManyServer(decide) as server:
        found = compare(
            "{{q}}", "m", cases=numbered(100), per_model=8, client=client_of(server), executor=dask, progress=False
        )
    assert sorted(found.to_frame()["attempts"]) == [1] * 99 + [2]
    # The answers that were under way, and what the other worker sent before it heard of it.
    assert [at for at in came[30:] if came[29] + 1 < at < came[29] + 1.9] == []
    assert len(came) == 101


def test_a_budget_is_exceeded_by_what_is_in_flight_only(dask: Client) -> None:
    with ManyServer(lambda body, _: said(priced(0.001), gap_s=0.02)) as server:
        options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False, "name": "costly"}
        found = compare("{{q}}", "gpt-4o", cases=numbered(200), per_model=4, max_cost_usd=0.03, **options)
        sent = len(server.seen.requests)
        assert 30 <= sent <= 34
        assert len(found) == sent
        assert f"{200 - sent} of 200 cells were not asked: max_cost_usd=0.03 is used up" in found.notes[0]
        compare("{{q}}", "gpt-4o", cases=numbered(200), per_model=4, **options)
        assert len(server.seen.requests) == 200


@pytest.mark.usefixtures("either_log")
def test_a_killed_worker_costs_what_was_in_flight_alone(dask: Client) -> None:
    with ManyServer(slowly) as server:

        def kill() -> None:
            assert server.wait_for(lambda seen: len(seen.requests) >= 60)
            os.kill(dask.run(os.getpid).popitem()[1], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False}
        found = compare("{{q}}", "m", cases=numbered(300), per_model=8, **options)
        killer.join()
        times = asked(server)
    frame = found.to_frame()
    assert frame["text"].tolist() == [str(number) for number in range(300)]
    assert set(times) == {str(number) for number in range(300)}
    assert sum(times.values()) <= 300 + 8
    logged = runs(columns=["status", "case_id"])
    assert (logged["status"] == "ok").sum() == logged[logged["status"] == "ok"]["case_id"].nunique() == 300
    assert (logged["status"] == "started").sum() <= 8


def test_nothing_is_printed_of_a_worker_that_is_no_longer_asked(dask: Client, cluster: LocalCluster) -> None:
    scheduler: Any = cluster.scheduler
    said: list[str] = []
    ear = logging.Handler(logging.WARNING)
    ear.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("distributed.scheduler")
    with ManyServer(lambda body, _: whole("x", held=len(server.seen.requests) > 20)) as server:

        def kill() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] >= 8)
            before = set(scheduler.workers)
            os.kill(dask.run(os.getpid).popitem()[1], signal.SIGKILL)
            # One is started anew meanwhile: long enough for a connection to the dead one to be given up.
            until = time.monotonic() + 60
            while len(set(scheduler.workers) - before) < 1 and time.monotonic() < until:
                time.sleep(0.02)
            server.decide = slowly
            server.release()

        killer = threading.Thread(target=kill)
        killer.start()
        logger.addHandler(ear)
        try:
            options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False}
            with config.set({"distributed.comm.timeouts.connect": "300ms"}):
                found = compare("{{q}}", "m", cases=numbered(60), per_model=8, **options).to_frame()
            killer.join()
        finally:
            logger.removeHandler(ear)
    assert set(found["status"]) == {"ok"}
    assert not [text for text in said if "broadcast" in text]


class Line:
    """A line to workers that answer each lease with what they have spent."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.leases: dict[str, Lease] = {}
        self.knock: Any = None
        self.workers = ("first", "next", "other")
        self.handlers: dict[str, Any] = {}

    def subscribe_topic(self, _topic: str, heard: Any) -> None:
        self.knock = lambda seat, batch: heard((0.0, {"seat": seat, "batch": batch, "address": seat}))

    def unsubscribe_topic(self, _topic: str) -> None:
        pass

    async def run_on_scheduler(self, opened: Any) -> None:
        opened(self)
        self.scheduler = SimpleNamespace(**self.handlers)

    def rpc(self, _worker: str) -> Line:
        return self

    async def run(self, args: bytes, **_: Any) -> dict[str, Any]:
        (leases,) = pickle.loads(args)
        self.leases |= leases
        said = {
            name: Report(number=1, in_flight={}, wanted={"m": 4}, spent=self.spent[name], noted={}) for name in leases
        }
        return {"status": "OK", "result": said}

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.005)


def test_what_a_lost_worker_paid_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steward, "LEASE_S", 0.0)

    async def swept() -> None:
        line = Line()
        kept = Steward(line, "sweep", Limits(per_model=8, max_cost_usd=1.25), lambda _: {"m": 4})
        serving = asyncio.create_task(kept.serve())
        await line.until(lambda: line.knock)
        line.spent = {"first": 1.0, "next": 0.0, "other": 0.0}
        line.knock("first", 0)
        await line.until(lambda: kept.spent_usd == 1)
        line.knock("next", 0)  # the first was lost, and this one has not read the log yet
        await line.until(lambda: "next" in line.leases)
        line.knock("other", 1)
        await line.until(lambda: "other" in line.leases)
        assert kept.spent_usd == 1
        assert line.leases["next"].spent == 1
        assert (line.leases["other"].may_spend or 0) <= 0.25
        last = Report(number=2, in_flight={}, wanted={}, spent=0.5, noted={})
        kept.ended(0, "next", last)
        assert kept.spent_usd == 1
        line.spent["other"] = 0.125
        await line.until(lambda: kept.spent_usd == 1.125)
        kept.ended(1, None, None, 0.0625)
        assert kept.spent_usd == 1.125
        serving.cancel()

    asyncio.run(swept())


@pytest.mark.parametrize("lack", [1, 2])
def test_a_worker_that_lacks_a_module_of_the_calls_is_given_no_more(
    dask: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lack: int,
) -> None:
    (tmp_path / f"words{lack}.py").write_text("class Word(str): pass")
    monkeypatch.syspath_prepend(tmp_path)
    word = importlib.import_module(f"words{lack}").Word("x")
    workers = sorted(dask.scheduler_info()["workers"])
    lacking, able = workers[:lack], workers[lack:]
    if able:
        dask.run(lambda: sys.path.append(str(tmp_path)), workers=able)
    with ManyServer(slowly) as server, RunStore() as store:
        fleet = Fleet(dask, store, [server.url], "sweep")
        given = calls(server.url, 64, params={"user": word})
        found = dict(FleetBatch(fleet, given, Limits(concurrency=8, per_model=8)).outcomes())
        assert asked(server).total() == (64 if able else 0)
    errors = [outcome for outcome in found.values() if isinstance(outcome, PortkeyError)]
    assert (len(found), len(errors)) == (64, 0 if able else 64)
    assert all(f"No module named 'words{lack}'" in str(error) for error in errors)
    said = capsys.readouterr().err
    assert [f"{worker} is given no more calls: No module named" in said for worker in lacking] == [True] * lack


def test_a_batch_that_kills_workers_ends_as_errors(dask: Client, cluster: LocalCluster) -> None:
    scheduler: Any = cluster.scheduler
    allowed, scheduler.allowed_failures = scheduler.allowed_failures, 0
    with ManyServer(lambda body, _: whole(held=len(server.seen.requests) > 20)) as server:

        def kill() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] >= 8)
            for pid in dask.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)
            server.decide = slowly

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False, "name": "hard"}
            found = compare("{{q}}", "m", cases=numbered(60), per_model=8, **options).to_frame()
            killer.join()
            errors = found[found["status"] == "error"]
            assert len(found) == 60
            assert 0 < len(errors) < 60
            assert errors["error"].str.contains("every Dask worker died that had it").all()
            scheduler.allowed_failures = allowed
            server.decide = slowly
            dask.wait_for_workers(2, timeout=60)
            again = compare("{{q}}", "m", cases=numbered(60), per_model=8, **options).to_frame()
            assert set(again["status"]) == {"ok"}
        finally:
            scheduler.allowed_failures = allowed


def test_an_interrupt_stops_the_workers_and_the_name_goes_on(dask: Client) -> None:
    with ManyServer(lambda body, _: whole("x", held=len(server.seen.requests) > 40)) as server:

        def interrupt() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] >= 8)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False, "name": "long"}
        with pytest.raises(PortkeyError, match="interrupted: 40 of 100 cells are done"):
            compare("{{q}}", "m", cases=numbered(100), per_model=8, **options)
        assert server.wait_for(lambda seen: seen.in_flight[""] == 0)
        assert Counter(runs(columns=["status"])["status"]) == {"ok": 40, "interrupted": 8}
        server.decide = echo
        before = len(server.seen.requests)
        found = compare("{{q}}", "m", cases=numbered(100), per_model=8, **options)
        assert set(found.to_frame()["status"]) == {"ok"}
        assert len(server.seen.requests) == before + 60


@pytest.mark.timeout(400)
def test_a_sweep_of_50000_is_whole(dask: Client, postgres: Server) -> None:
    database = postgres.fresh()
    prepared = whole("Hello")
    with ManyServer(lambda body, _: prepared, remember=False) as server, RunStore(postgres.url(database)) as store:
        found = compare(
            "{{q}}",
            "m",
            cases=numbered(50_000),
            params={"stream": False},
            concurrency=64,
            per_model=64,
            cache=False,
            client=client_of(server),
            executor=dask,
            store=store,
            progress=False,
        ).to_frame()
        rows = store.frame(columns=["status", "case_id"])
        assert Counter(rows["status"]) == Counter(found["status"]) == {"ok": 50_000}
        assert set(rows["case_id"]) == set(found["case_id"]) == {str(number) for number in range(1, 50_001)}
    postgres.drop(database)


@pytest.mark.usefixtures("either_log")
def test_a_key_shows_nowhere_on_its_way(dask: Client, cluster: LocalCluster) -> None:
    shown: list[str] = []
    scheduler: Any = cluster.scheduler
    with ManyServer(lambda body, _: whole(held=True)) as server:

        def look() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] == 4)
            for key, task in dict(scheduler.tasks).items():
                shown.extend([str(key), repr(task), str(task), str(task.run_spec), repr(task.run_spec)])
            shown.append(str(dask.processing()))
            shown.append(str(dask.call_stack()))
            server.decide = slowly
            server.release()

        looker = threading.Thread(target=look)
        looker.start()
        portkey = Portkey(base_url=server.url, provider="openai", api_key=SECRET)
        compare("{{q}}", "m", cases=numbered(30), client=portkey, executor=dask, progress=False)
        looker.join()
        assert {headers["x-portkey-api-key"] for headers in server.seen.headers} == {SECRET}
    shown += [str(dask.get_worker_logs()), str(dask.get_scheduler_logs()), str(scheduler.get_events())]
    assert any("portkey_nb" in text for text in shown)
    assert not any(word in text for text in shown for word in (SECRET, PASSWORD, URL_PASSWORD))


def placed(address: str, database: str | None) -> None:
    """Let a worker mean a database by a URL that names none; for one that is open, from its next connection on."""
    os.environ.pop("PGDATABASE", None)
    if database is not None:
        os.environ["PGDATABASE"] = database
    for store in stores.values():
        if address in store.url:
            store.close()


def test_a_server_that_is_restarted_ends_no_sweep(dask: Client) -> None:
    with running() as own, ManyServer(slowly) as server, RunStore(own.url(own.fresh())) as store:
        fleet = Fleet(dask, store, [server.url], "sweep")
        batch = FleetBatch(fleet, calls(server.url, 64), Limits(concurrency=8, per_model=8))
        own.stop()
        found = {}
        waiting = False
        for at, outcome in batch.outcomes():
            if not waiting:
                # Of workers that nothing could be written by; what they had is here now, should their disks be lost.
                waiting = any((data_dir() / "waiting").iterdir())
                own.start()
            assert not isinstance(outcome, PortkeyError)
            found[at] = outcome.run
        assert waiting
        assert {at: run.text for at, run in found.items()} == {at: f"case {at}" for at in range(64)}
        assert asked(server).total() == 64
        assert store.flush(10)
        rows = store.frame(columns=["status"])
        assert set(rows.index) == {run.run_id for run in found.values()}
        assert set(rows["status"]) == {"ok"}


def test_what_a_lost_worker_has_answered_is_looked_up_when_the_server_is_back(
    dask: Client, cluster: LocalCluster
) -> None:
    def decide(body: dict[str, Any], _earlier: int) -> Played:
        text = str(body["messages"][-1]["content"])
        return whole(text, held=True) if len(server.seen.requests) > 20 else whole(text)

    with running() as own, ManyServer(decide) as server, RunStore(own.url(own.fresh())) as store:
        fleet = Fleet(dask, store, [server.url], "sweep")
        given = [replace(call, facts={**call.facts, "group_id": "sweep"}) for call in calls(server.url, 64)]
        batch = FleetBatch(fleet, given, Limits(concurrency=8, per_model=8))
        knocks: dict[int, set[str]] = {}
        taken_over, read = threading.Event(), threading.Event()

        def heard(event: Any) -> None:
            said = event[1]
            knocks.setdefault(said["batch"], set()).add(said["address"])
            if len(knocks[said["batch"]]) > 1:
                taken_over.set()

        def hurt() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] == 8)
            deadline = time.monotonic() + 30
            while len(store.frame(status="ok", columns=[])) < len(server.seen.requests) - 8:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            own.stop()
            os.kill(dask.run(os.getpid).popitem()[1], signal.SIGKILL)
            server.decide = slowly
            server.release()
            assert taken_over.wait(60)
            with socket.create_server(("127.0.0.1", own.port)) as door:
                door.settimeout(20)
                for _ in range(16):  # so often it is asked in vain, more than a shift has tries
                    door.accept()[0].close()
            own.start()
            assert read.wait(60)  # the server ends with the thread that started it

        hurting = threading.Thread(target=hurt)
        with Client(cluster) as other:  # a client hears a topic once, and this one's steward does
            other.subscribe_topic(batch._sweep, heard)
            hurting.start()
            found = dict(batch.outcomes())
            read.set()
            hurting.join()
        assert taken_over.is_set()
        assert not [outcome for outcome in found.values() if isinstance(outcome, PortkeyError)]
        assert sorted(found) == list(range(64))
        # What had ended is not asked for again.
        assert asked(server).total() <= 64 + 8


def test_another_database_behind_the_same_url_is_noticed(
    dask: Client, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = postgres.fresh(), postgres.fresh()
    monkeypatch.setenv("PGDATABASE", here)
    address = f"127.0.0.1:{postgres.port}"
    with ManyServer(echo) as server, RunStore(postgres.url("")) as store:
        try:
            dask.run(placed, address, here)
            fleet = Fleet(dask, store, [server.url], "sweep")
            dask.run(placed, address, there)
            with pytest.raises(SettingsError, match="is another database there than here"):
                Fleet(dask, store, [server.url], "sweep")
            # And where it comes to that meanwhile, no call is without an outcome.
            found = dict(FleetBatch(fleet, calls(server.url, 10), Limits()).outcomes())
            assert len(found) == 10
            assert all("and the run log here does not have it" in str(error) for error in found.values())
        finally:
            dask.run(placed, address, None)
    for database in (here, there):
        postgres.drop(database)


def test_what_is_recorded_and_replayed_is_asked_in_this_process(
    dask: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = "portkey_nb: requests are recorded or replayed here, and not on a Dask cluster: "
    here += "the calls are made in this process\n"
    path = str(tmp_path / "run.jsonl")
    with ManyServer(echo) as server:
        client = client_of(server)

        def swept() -> list[Any]:
            found = compare("{{q}}", ["m", "n"], cases=numbered(3), executor=dask, client=client, progress=False)
            frame = pd.DataFrame({"q": ["7"]})
            filled = frame.portkey.complete("{{q}}", "m", executor=dask, client=client, progress=False)
            return [list(found.to_frame()["text"]), list(filled.iloc[:, 1])]

        monkeypatch.setenv("PORTKEY_NB_RECORD", path)
        first = swept()
        assert capsys.readouterr().err == 2 * here
        assert len(server.seen.requests) == 7
        monkeypatch.delenv("PORTKEY_NB_RECORD")
        monkeypatch.setenv("PORTKEY_NB_REPLAY", path)
        assert swept() == first
        assert capsys.readouterr().err == 2 * here
        assert len(server.seen.requests) == 7


@pytest.mark.parametrize("executor", [3, "tcp://127.0.0.1:8786", object])
def test_what_is_no_client_is_refused(executor: Any) -> None:
    with pytest.raises(SettingsError, match=r"executor is .*; give a dask\.distributed\.Client"):
        compare("{{q}}", "m", cases=numbered(1), executor=executor)


def test_a_closed_client_is_refused(dask: Client, cluster: LocalCluster) -> None:
    other = Client(cluster)
    other.close()
    with pytest.raises(SettingsError, match="the Dask client is closed"):
        compare("{{q}}", "m", cases=numbered(1), executor=other)


@pytest.mark.parametrize("place", [":memory:", "sqlite://", "sqlite:///:memory:"])
def test_a_log_in_memory_is_refused(dask: Client, place: str) -> None:
    options: dict[str, Any] = {"executor": dask, "client": Portkey(base_url="demo")}
    with pytest.raises(SettingsError, match=r"in memory cannot be shared.*PORTKEY_NB_STORE=postgresql"):
        compare("{{q}}", "m", cases=numbered(1), store=place, **options)


def test_without_distributed_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['distributed'] = None\n"
        "from portkey_nb import compare\n"
        "try: compare('a', 'm', executor=3)\n"
        "except Exception as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "distributed is not installed: pip install 'portkey_nb[dask]'" in told


def test_dask_is_imported_for_an_executor_alone() -> None:
    code = (
        "import sys\n"
        "from portkey_nb import Portkey, compare\n"
        "compare('a', 'm', client=Portkey(base_url='demo'), store=':memory:', progress=False)\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed')])\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"


STRANGER = """
import sys
{before}
from distributed.cli.dask_worker import main
main([sys.argv[1], "--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", sys.argv[2]])
"""


@pytest.mark.parametrize(
    ("before", "complaint"),
    [
        ("sys.modules['portkey_nb'] = None", "portkey_nb is not installed; pip install 'portkey_nb=="),
        ("import portkey_nb; portkey_nb.__version__ = '0.0.1'", "it has portkey_nb 0.0.1, and here it is"),
    ],
)
def test_workers_that_cannot_do_it_are_named_before_any_call(before: str, complaint: str, tmp_path: Path) -> None:
    patched = {"DASK_CONFIG": str(tmp_path)}
    with (
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", local_directory=str(tmp_path)) as bare,
        Client(bare) as client,
        ManyServer(echo) as server,
    ):
        command = [sys.executable, "-c", STRANGER.format(before=before), bare.scheduler_address, str(tmp_path)]
        worker = subprocess.Popen(command, env={**os.environ, **patched}, stderr=subprocess.DEVNULL)
        try:
            client.wait_for_workers(1, timeout=60)
            with pytest.raises(SettingsError) as raised:
                compare("{{q}}", "m", cases=numbered(3), client=client_of(server), executor=client, progress=False)
        finally:
            worker.kill()
            worker.wait()
        assert "the Dask worker tcp://127.0.0.1:" in raised.value.message
        assert complaint in raised.value.message
        assert not server.seen.requests
        assert not len(runs())


def test_a_worker_that_joins_and_cannot_do_it_is_given_nothing(
    dask: Client, cluster: LocalCluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = STRANGER.format(before="sys.modules['portkey_nb'] = None")
    command = [sys.executable, "-c", code, cluster.scheduler_address, str(tmp_path)]
    with ManyServer(lambda body, _: whole("x", held=len(server.seen.requests) > 20)) as server:

        def join() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] >= 8)
            joined.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            dask.wait_for_workers(3, timeout=60)
            server.decide = slowly
            server.release()

        joined: list[subprocess.Popen[bytes]] = []
        joiner = threading.Thread(target=join)
        joiner.start()
        try:
            options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False}
            found = compare("{{q}}", "m", cases=numbered(200), per_model=8, **options).to_frame()
            joiner.join()
        finally:
            for worker in joined:
                worker.kill()
                worker.wait()
    assert set(found["status"]) == {"ok"}
    assert capfd.readouterr().err.count("a worker that joined is given no calls") == 1


def test_workers_that_take_the_place_of_all_others_go_on(dask: Client) -> None:
    with ManyServer(slowly) as server:

        def kill() -> None:
            assert server.wait_for(lambda seen: len(seen.requests) >= 20)
            for pid in dask.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        options: dict[str, Any] = {"client": client_of(server), "executor": dask, "progress": False}
        found = compare("{{q}}", "m", cases=numbered(100), per_model=8, **options).to_frame()
        killer.join()
    assert found["text"].tolist() == [str(number) for number in range(100)]


def test_a_cluster_without_workers_is_waited_for_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "WORKERS_S", 0.2)
    with (
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", local_directory=str(tmp_path)) as bare,
        Client(bare) as client,
        pytest.raises(SettingsError, match="has no workers"),
    ):
        compare("{{q}}", "m", cases=numbered(1), client=Portkey(base_url="demo"), executor=client, progress=False)


@contextmanager
def apart(folder: Path) -> Iterator[tuple[Client, Callable[[], subprocess.Popen[bytes]]]]:
    """Run a scheduler without workers; what starts one, by itself, is given with its client."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", STRANGER.format(before=""), bare.scheduler_address, str(folder)]
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return started[-1]

    with (
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", local_directory=str(folder)) as bare,
        Client(bare) as client,
    ):
        try:
            start()
            client.wait_for_workers(1, timeout=60)
            yield client, start
        finally:
            for worker in started:
                worker.kill()
                worker.wait()


class Told(io.StringIO):
    """Standard error on which a sentence is waited for."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence, self.came = sentence, threading.Event()

    def write(self, text: str) -> int:
        if self.sentence in text:
            self.came.set()
        return super().write(text)


def test_a_cluster_that_loses_all_its_workers_says_so_once_and_goes_on_with_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "WORKERS_S", 2.0)
    told = Told("the Dask cluster has no workers any more that can do this (waited 2 s); start some")
    monkeypatch.setattr(sys, "stderr", told)
    with (
        apart(tmp_path) as (client, start),
        ManyServer(lambda body, _: whole("x", held=len(server.seen.requests) > 20)) as server,
    ):

        def lose() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] >= 4)
            for pid in client.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)
            server.decide = slowly
            server.release()
            came.append(told.came.wait(30))
            start()

        came: list[bool] = []
        loser = threading.Thread(target=lose)
        loser.start()
        options: dict[str, Any] = {"client": client_of(server), "executor": client, "progress": False}
        found = compare("{{q}}", "m", cases=numbered(60), **options).to_frame()
        loser.join()
    assert came == [True]
    assert told.getvalue().count("no workers") == 1
    assert set(found["status"]) == {"ok"}


def test_a_cluster_that_stays_without_workers_is_given_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "ALONE_S", 0.1)
    with apart(tmp_path) as (client, _), ManyServer(lambda body, _: whole(held=True)) as server:

        def lose() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] >= 4)
            os.kill(client.run(os.getpid).popitem()[1], signal.SIGKILL)

        loser = threading.Thread(target=lose)
        loser.start()
        options: dict[str, Any] = {"client": client_of(server), "executor": client, "progress": False}
        with pytest.raises(PortkeyError, match=r"has had no workers .*: 0 of 60 cells are done; .* give it a name"):
            compare("{{q}}", "m", cases=numbered(60), **options)
        loser.join()


@pytest.mark.parametrize("awaited", [False, True])
def test_a_cluster_that_is_gone_says_what_is_done_and_that_the_name_goes_on(awaited: bool, tmp_path: Path) -> None:
    with ManyServer(lambda body, _: whole("x", held=len(server.seen.requests) > 20)) as server:
        options: dict[str, Any] = {"cases": numbered(60), "name": "gone", "progress": False}
        with apart(tmp_path) as (client, _):

            def close() -> None:
                assert server.wait_for(lambda seen: seen.in_flight[""] >= 4)
                until = time.monotonic() + 30
                while (runs(columns=["status"])["status"] == "ok").sum() < 20 and time.monotonic() < until:
                    time.sleep(0.02)
                client.close()

            closer = threading.Thread(target=close)
            closer.start()
            sentence = "(is closed|dropped the batches).*: 20 of 60 cells are done; call it again with name='gone'"
            given = {**options, "client": client_of(server), "executor": client}
            with pytest.raises(PortkeyError, match=sentence):
                asyncio.run(acompare("{{q}}", "m", **given)) if awaited else compare("{{q}}", "m", **given)
            closer.join()
        server.decide = echo
        server.release()
        before = len(server.seen.requests)
        found = compare("{{q}}", "m", client=client_of(server), **options).to_frame()
        assert set(found["status"]) == {"ok"}
        assert len(server.seen.requests) == before + 40


counts = st.dictionaries(st.sampled_from("abc"), st.integers(0, 30), max_size=3)
places = st.dictionaries(st.sampled_from("1234"), counts, max_size=4)


@given(places, st.integers(1, 40), st.integers(1, 20))
def test_places_are_all_given_and_never_more(wanted: dict[str, dict[str, int]], total: int, per_model: int) -> None:
    made = fair_places(wanted, total, per_model)
    used = Counter({model: sum(each.get(model, 0) for each in made.values()) for model in "abc"})
    assert sum(used.values()) <= total
    assert all(count <= per_model for count in used.values())
    assert all(made[holder][model] <= count for holder, models in wanted.items() for model, count in models.items())
    want = Counter({model: min(per_model, sum(each.get(model, 0) for each in wanted.values())) for model in "abc"})
    assert sum(used.values()) == min(total, sum(want.values()))


@given(st.lists(places, min_size=1, max_size=6), st.integers(1, 40), st.integers(1, 20))
def test_what_is_held_never_passes_the_limits(
    rounds: list[dict[str, dict[str, int]]], total: int, per_model: int
) -> None:
    held: dict[str, dict[str, int]] = {}
    for wanted in rounds:
        desired = {**{holder: dict.fromkeys(models, 0) for holder, models in held.items()}, **wanted}
        granted = next_places(fair_places(desired, total, per_model), held, total, per_model)
        for holder, models in granted.items():
            for model, count in models.items():
                mine = held.setdefault(holder, {})
                mine[model] = max(mine.get(model, 0), count)  # until it says that it has given places back
        assert sum(sum(models.values()) for models in held.values()) <= total
        assert all(sum(models.get(model, 0) for models in held.values()) <= per_model for model in "abc")
        held = granted if len(rounds) % 2 else held


@given(st.floats(0, 100), st.dictionaries(st.sampled_from("1234"), st.floats(0, 20), max_size=4), st.floats(0, 50))
def test_money_is_promised_once(limit: float, spent: dict[str, float], gone: float) -> None:
    held = next_money(limit, spent, dict.fromkeys(spent, 0.0), gone)
    later = next_money(limit, spent, held, gone)
    most = sum(max(held[holder], later[holder], spent[holder]) for holder in spent) + gone
    assert most <= max(limit, sum(spent.values()) + gone) + 1e-9

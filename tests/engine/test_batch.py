"""Many calls at once against a real server: limits, retries, budget, interrupt, rows."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from portkey_nb import runs
from portkey_nb.engine.batch import Batch, Limits, Progress
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import APIConnectionError, PortkeyError, PromptError, SettingsError
from portkey_nb.gateway.demo.server import DemoGateway
from tests.many_server import ManyServer, Played, refused, said, streamed, whole
from tests.servers import COMPLETION, END, ScriptedServer, piece

SECRET = "pk-a-secret-key-0123456789"


def call(url: str, index: int, model: str = "m", **more: Any) -> Call:
    messages = [{"role": "user", "content": f"case {index}"}]
    facts = {"source": "compare", "case_id": str(index)}
    return Call(**{"model": model, "messages": messages, "base_url": url, "stream": False, "facts": facts, **more})


def calls(url: str, count: int, model: str = "m", **more: Any) -> list[Call]:
    return [call(url, index, model, **more) for index in range(count)]


def read(batch: Batch) -> dict[int, Outcome]:
    """Read a batch to its end; every item has to be an outcome, once."""
    found: dict[int, Outcome] = {}
    for index, outcome in batch.outcomes():
        assert isinstance(outcome, Outcome)
        assert index not in found
        found[index] = outcome
    return found


def priced(cost: float) -> dict[str, Any]:
    """A completion whose price is known: gpt-4o's million input tokens cost 2.5 USD."""
    usage = {"prompt_tokens": int(cost / 2.5e-6), "completion_tokens": 0, "total_tokens": int(cost / 2.5e-6)}
    return {**COMPLETION, "model": "gpt-4o", "usage": usage}


def test_all_calls_are_made_and_each_is_one_row() -> None:
    with ManyServer(lambda asked, _: whole(asked["messages"][0]["content"])) as server:
        outcomes = read(Batch(Runner(open_store()), calls(server.url, 200), Limits(concurrency=50, per_model=50)))
    assert {index: outcome.run.text for index, outcome in outcomes.items()} == {n: f"case {n}" for n in range(200)}
    rows = runs(columns="all")
    assert set(rows["status"]) == {"ok"}
    assert sorted(map(int, rows["case_id"])) == list(range(200))
    assert (rows["attempts"] == 1).all()
    assert (rows["queue_s"] >= 0).all()
    assert len(server.seen.requests) == 200


def test_an_outcome_is_in_the_log_when_it_is_read() -> None:
    store = open_store()
    with ManyServer(lambda asked, _: whole()) as server:
        for _, outcome in Batch(Runner(store), calls(server.url, 30)).outcomes():
            assert isinstance(outcome, Outcome)
            logged = store.get(outcome.run.run_id)
            assert logged is not None
            assert logged.status == "ok"


@pytest.mark.parametrize(("concurrency", "per_model", "at_once"), [(5, 2, 5), (50, 3, 9), (1, 4, 1)])
def test_limits_hold_for_all_and_for_each_model(concurrency: int, per_model: int, at_once: int) -> None:
    models = ["a", "b", "c"]
    with ManyServer(lambda asked, _: whole(held=True)) as server:

        def release() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] == at_once)
            server.decide = lambda asked, _: whole(gap_s=0.005)
            server.release()

        releaser = threading.Thread(target=release)
        releaser.start()
        made = [call(server.url, n, models[n % 3]) for n in range(60)]
        assert len(read(Batch(Runner(None), made, Limits(concurrency=concurrency, per_model=per_model)))) == 60
        releaser.join()
    assert server.seen.most[""] == at_once
    assert max(server.seen.most[name] for name in models) == min(per_model, at_once)


def test_a_model_that_is_full_does_not_hold_up_those_behind_it() -> None:
    def decide(asked: dict[str, Any], _: int) -> Played:
        return whole(held=asked["model"] == "held")

    with ManyServer(decide) as server:
        made = [*calls(server.url, 20, "held"), *(call(server.url, n, "free") for n in range(20, 40))]
        outcomes = Batch(Runner(None), made, Limits(concurrency=4, per_model=2)).outcomes()
        first = [index for index, _ in (next(outcomes) for _ in range(20))]
        assert sorted(first) == list(range(20, 40))
        server.decide = lambda asked, _: whole()
        server.release()
        assert sorted(index for index, _ in outcomes) == list(range(20))


def test_a_third_of_answers_failing_costs_no_case() -> None:
    def decide(asked: dict[str, Any], earlier: int) -> Played:
        case = int(asked["messages"][0]["content"].split()[1])
        if earlier < (case % 10 in (1, 4, 7)):
            return refused(429 if case % 2 else 500)
        return whole(str(case)) if not asked.get("stream") else streamed([str(case)])

    with ManyServer(decide) as server:
        made = [call(server.url, n, stream=bool(n % 3)) for n in range(100)]
        outcomes = read(Batch(Runner(open_store()), made, Limits(concurrency=20, per_model=20)))
    assert {index: outcome.run.text for index, outcome in outcomes.items()} == {n: str(n) for n in range(100)}
    rows = runs(columns="all").set_index("case_id")
    assert len(rows) == 100
    assert {int(case) for case in rows.index[rows["attempts"] == 2]} == {n for n in range(100) if n % 10 in (1, 4, 7)}
    assert len(server.seen.requests) == 130


def test_retry_after_is_waited_for_by_the_whole_model_and_told_of() -> None:
    def decide(asked: dict[str, Any], earlier: int) -> Played:
        first = len(server.seen.requests) == 1
        return refused(429, **{"retry-after": "1"}) if first else whole()

    told: list[Progress] = []
    with ManyServer(decide) as server:
        batch = Batch(Runner(None), calls(server.url, 3), Limits(concurrency=1, per_model=1), tell=told.append)
        outcomes = read(batch)
    first, *others = sorted((outcome.run for outcome in outcomes.values()), key=lambda run: run.queue_s or 0)
    assert [first.attempts, *(run.attempts for run in others)] == [2, 1, 1]
    # From the first attempt to the last byte, the pause between them included; the others waited in the queue.
    assert (first.latency_s or 0) >= 1
    assert all((run.queue_s or 0) >= 1 for run in others)
    assert any(progress.slowed == ("m",) for progress in told)
    assert (told[-1].done, told[-1].total, told[-1].failed) == (3, 3, 0)


def test_what_never_ends_well_is_an_error_after_so_many_attempts() -> None:
    with ManyServer(lambda asked, _: refused(500)) as server:
        outcomes = read(Batch(Runner(open_store()), calls(server.url, 3), Limits(attempts=2)))
    assert len(server.seen.requests) == 6
    assert {outcome.run.status for outcome in outcomes.values()} == {"error"}
    assert {(row.attempts, row.http_status) for row in runs(columns="all").itertuples()} == {(2, 500)}


def test_what_stays_wrong_is_sent_once() -> None:
    with ManyServer(lambda asked, _: refused(404)) as server:
        read(Batch(Runner(None), calls(server.url, 3)))
    assert len(server.seen.requests) == 3


def test_a_config_with_its_own_retry_leaves_trying_to_the_gateway() -> None:
    with ManyServer(lambda asked, _: refused(500)) as server:
        config = {"retry": {"attempts": 3}, "provider": "openai"}
        outcomes = read(Batch(Runner(None), calls(server.url, 2, options={"config": config})))
    assert len(server.seen.requests) == 2
    assert all(outcome.error is not None for outcome in outcomes.values())


OVERLOADED = b'data: {"error": {"message": "overloaded", "code": 429}}\n\n'


@pytest.mark.parametrize("end", [b"", piece(OVERLOADED) + END])
def test_nothing_is_tried_again_once_text_has_come(end: bytes) -> None:
    broken = [*streamed(["Hel", "lo"]).pieces[:2], end]
    with ManyServer(lambda asked, _: Played(broken, cut=True)) as server:
        outcomes = read(Batch(Runner(None), calls(server.url, 2, stream=True)))
    assert len(server.seen.requests) == 2
    assert [(o.run.status, o.run.text) for o in outcomes.values()] == [("incomplete", "Hel")] * 2


def test_an_error_inside_a_stream_is_tried_again_while_no_text_has_come() -> None:
    def decide(asked: dict[str, Any], earlier: int) -> Played:
        return streamed(["fine"]) if earlier else Played([streamed([]).pieces[0], piece(OVERLOADED) + END])

    with ManyServer(decide) as server:
        outcomes = read(Batch(Runner(None), calls(server.url, 2, stream=True)))
    assert [(o.run.status, o.run.text, o.run.attempts) for o in outcomes.values()] == [("ok", "fine", 2)] * 2


@pytest.mark.parametrize("came", [b"", streamed([]).pieces[0]])
def test_a_connection_that_breaks_before_any_text_is_tried_again(came: bytes) -> None:
    def decide(asked: dict[str, Any], earlier: int) -> Played:
        return streamed(["fine"]) if earlier else Played([came], cut=True)

    with ManyServer(decide) as server:
        outcomes = read(Batch(Runner(None), calls(server.url, 2, stream=True)))
    assert [(o.run.status, o.run.attempts) for o in outcomes.values()] == [("ok", 2)] * 2


def test_a_dead_server_is_one_line_in_each_row() -> None:
    with ScriptedServer() as gone:
        url = gone.url
    outcomes = read(Batch(Runner(None), calls(url, 2), Limits(attempts=1)))
    for outcome in outcomes.values():
        assert isinstance(outcome.error, APIConnectionError)
        assert "cannot reach" in outcome.error.message
        assert "\n" not in outcome.error.message


@pytest.mark.parametrize(
    ("timeout", "stream", "status"),
    [({"answer": 0.2}, False, "error"), ({"idle": 0.2}, True, "incomplete"), ({"total": 0.2}, True, "incomplete")],
)
def test_time_limits_hold(timeout: dict[str, float], stream: bool, status: str) -> None:
    with ManyServer(lambda asked, _: streamed(["a", "b"], held=True) if stream else whole(held=True)) as server:
        server.decide = lambda asked, _: stalled if stream else whole(held=True)
        outcomes = read(Batch(Runner(None), calls(server.url, 2, stream=stream, timeout=timeout)))
        assert server.wait_for(lambda seen: seen.left == 2)
    assert len(server.seen.requests) == 2
    assert {outcome.run.status for outcome in outcomes.values()} == {status}


_whole_stream = streamed(["a", "b"])
stalled = Played([*_whole_stream.pieces[:3], b"".join(_whole_stream.pieces[3:])], held=True)


def test_a_budget_is_exceeded_by_what_is_in_flight_at_most() -> None:
    with ManyServer(lambda asked, _: said(priced(0.10))) as server:
        made = calls(server.url, 50, "gpt-4o")
        batch = Batch(Runner(open_store()), made, Limits(concurrency=4, per_model=4, max_cost_usd=0.55))
        outcomes = read(batch)
    assert 6 <= len(outcomes) <= 9
    assert len(server.seen.requests) == len(outcomes) == len(runs())
    assert batch.spent_usd == pytest.approx(0.10 * len(outcomes))
    assert sorted([*outcomes, *batch.unsent]) == list(range(50))


def test_a_budget_of_nothing_sends_nothing(demo: DemoGateway) -> None:
    batch = Batch(Runner(open_store()), calls(demo.base_url, 20, "demo-fast"), Limits(max_cost_usd=0))
    assert read(batch) == {}
    assert batch.unsent == list(range(20))
    assert len(runs()) == 0


def test_demo_money_counts_against_a_budget_since_else_none_could_be_tried(demo: DemoGateway) -> None:
    batch = Batch(Runner(None), calls("demo", 40, "gpt-4o"), Limits(max_cost_usd=1e-9))
    assert 1 <= len(read(batch)) <= 4
    assert batch.spent_usd > 0


def test_what_is_known_is_not_asked_again_and_costs_nothing() -> None:
    store = open_store()
    with ManyServer(lambda asked, _: said(priced(0.10))) as server:
        made = calls(server.url, 10, "gpt-4o", cache=True)
        first = read(Batch(Runner(store), made))
        batch = Batch(Runner(store), [*made, call(server.url, 10, "gpt-4o")], Limits(max_cost_usd=0.05))
        again = read(batch)
        none = Batch(Runner(store), [*made, call(server.url, 11, "gpt-4o", cache=True)], Limits(max_cost_usd=0))
        assert sorted(read(none)) == list(range(10))
        assert none.unsent == [10]
    assert len(server.seen.requests) == 11
    assert batch.spent_usd == pytest.approx(0.10)
    for index in range(10):
        run = again[index].run
        assert run.cached
        assert (run.cost_usd, run.latency_s) == (first[index].run.cost_usd, first[index].run.latency_s)
    assert again[10].run.cached is False


def test_a_call_that_cannot_be_built_is_its_error_and_no_row() -> None:
    with ManyServer(lambda asked, _: whole()) as server:
        made = calls(server.url, 3)
        made[1] = call(server.url, 1, messages=[])
        items = dict(Batch(Runner(open_store()), made).outcomes())
    assert isinstance(items[1], PromptError)
    assert isinstance(items[0], Outcome)
    assert len(runs()) == len(server.seen.requests) == 2


class Lazy(Sequence[Call]):
    """Makes its calls when they are asked for, and counts how many are alive."""

    def __init__(self, url: str, count: int, fault: Exception | None = None) -> None:
        self.url, self.count, self.fault, self.made = url, count, fault, 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Call:
        self.made += 1
        if self.fault is not None and index == 5:
            raise self.fault
        return call(self.url, index)


def test_calls_may_be_made_as_they_are_needed() -> None:
    with ManyServer(lambda asked, _: whole()) as server:
        lazy = Lazy(server.url, 1000)
        outcomes = Batch(Runner(None), lazy, Limits(concurrency=4, per_model=4)).outcomes()
        next(outcomes)
        # A reader that takes its time is waited for.
        assert server.wait_for(lambda seen: len(seen.requests) > 200)
        threading.Event().wait(0.2)
        assert len(server.seen.requests) < 400
        assert sum(1 for _ in outcomes) == 999


def test_a_call_that_fails_in_the_making_is_its_error() -> None:
    with ManyServer(lambda asked, _: whole()) as server:
        items = dict(Batch(Runner(None), Lazy(server.url, 10, PromptError("no column"))).outcomes())
        assert isinstance(items[5], PromptError)
        assert sum(isinstance(item, Outcome) for item in items.values()) == 9
        with pytest.raises(ZeroDivisionError):
            list(Batch(Runner(None), Lazy(server.url, 10, ZeroDivisionError())).outcomes())


def interrupted(batch: Batch, when: threading.Event) -> list[tuple[int, Outcome | PortkeyError]]:
    """Read a batch and press the stop button once."""
    found = []

    def press() -> None:
        assert when.wait(20)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    # Where the tests run behind a shell, the signal is ignored from the start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    presser = threading.Thread(target=press)
    presser.start()
    try:
        for item in batch.outcomes():
            found.append(item)
    except KeyboardInterrupt:
        return found
    finally:
        presser.join()
        signal.signal(signal.SIGINT, before)
    raise AssertionError("nothing was interrupted")


def test_an_interrupt_keeps_what_was_done_and_closes_what_is_in_flight() -> None:
    pressed = threading.Event()

    def decide(asked: dict[str, Any], _: int) -> Played:
        case = int(asked["messages"][0]["content"].split()[1])
        return whole() if case < 10 else whole(held=True)

    with ManyServer(decide) as server:
        batch = Batch(Runner(open_store()), calls(server.url, 100), Limits(concurrency=4, per_model=4))

        def watch() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] == 4 and len(seen.requests) == 14)
            pressed.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        found = interrupted(batch, pressed)
        watcher.join()
        assert server.wait_for(lambda seen: seen.left == 4)
    assert sorted(index for index, _ in found) == list(range(10))
    rows = runs(columns="all")
    assert sorted(rows["status"]) == ["interrupted"] * 4 + ["ok"] * 10
    sent = [int(case) for case in rows["case_id"]]
    assert sorted([*sent, *batch.unsent]) == list(range(100))


def test_a_reader_that_stops_reading_stops_the_batch() -> None:
    with ManyServer(lambda asked, _: whole(gap_s=0.01)) as server:
        batch = Batch(Runner(open_store()), calls(server.url, 1000))
        outcomes: Iterator[Any] = batch.outcomes()
        for _ in range(3):
            next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
        assert len(server.seen.requests) < 900
        assert set(runs()["status"]) <= {"ok", "interrupted"}
        assert len(runs()) + len(batch.unsent) == 1000


def test_stop_from_another_thread_ends_the_reading_with_what_was_interrupted() -> None:
    with ManyServer(lambda asked, _: whole(held=True)) as server:
        batch = Batch(Runner(None), calls(server.url, 30))

        def stop() -> None:
            assert server.wait_for(lambda seen: seen.in_flight[""] == 4)
            batch.stop()

        stopper = threading.Thread(target=stop)
        stopper.start()
        outcomes = read(batch)
        stopper.join()
    assert {outcome.run.status for outcome in outcomes.values()} == {"interrupted"}
    assert sorted([*outcomes, *batch.unsent]) == list(range(30))


def test_async_for_reads_the_same() -> None:
    async def main(url: str) -> tuple[dict[int, Any], Batch]:
        told: list[Progress] = []
        batch = Batch(Runner(open_store()), calls(url, 50), tell=told.append)
        found = {index: outcome async for index, outcome in batch.aoutcomes()}
        assert told[-1].done == 50
        return found, batch

    with ManyServer(lambda asked, _: whole()) as server:
        found, batch = asyncio.run(main(server.url))
    assert sorted(found) == list(range(50))
    assert batch.unsent == []
    assert set(runs()["status"]) == {"ok"}


def test_a_cancelled_reader_closes_what_is_in_flight() -> None:
    async def main(server: ManyServer) -> None:
        batch = Batch(Runner(open_store()), calls(server.url, 50))

        async def consume() -> None:
            async for _ in batch.aoutcomes():
                pass

        task = asyncio.create_task(consume())
        assert await asyncio.to_thread(server.wait_for, lambda seen: seen.in_flight[""] == 4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with ManyServer(lambda asked, _: whole(held=True)) as server:
        asyncio.run(main(server))
        assert server.wait_for(lambda seen: seen.left == 4)
    assert set(runs()["status"]) == {"interrupted"}


def test_500_streams_open_at_once_lose_no_chunk() -> None:
    words = [f"w{n} " for n in range(20)]

    def decide(asked: dict[str, Any], _: int) -> Played:
        return streamed([f"{asked['messages'][0]['content']}: ", *words], held=True)

    with ManyServer(decide) as server:
        made = calls(server.url, 500, stream=True)
        outcomes = Batch(Runner(open_store()), made, Limits(concurrency=500, per_model=500)).outcomes()
        released = threading.Thread(
            target=lambda: server.wait_for(lambda seen: seen.in_flight[""] == 500) and server.release()
        )
        released.start()
        found = dict(outcomes)
        released.join()
    assert server.seen.most[""] == 500
    for index, outcome in found.items():
        assert isinstance(outcome, Outcome)
        assert outcome.run.text == f"case {index}: " + "".join(words)


def test_the_key_is_sent_and_shown_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    with ManyServer(lambda asked, _: refused(401)) as server:
        made = calls(server.url, 2, options={"api_key": SECRET})
        outcomes = read(Batch(Runner(open_store()), made))
        assert [headers["x-portkey-api-key"] for headers in server.seen.headers] == [SECRET] * 2
    shown = (
        repr([(outcome, outcome.error, outcome.call) for outcome in outcomes.values()]) + runs(columns="all").to_csv()
    )
    assert SECRET not in shown
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"per_model": True}, {"attempts": 1.5}, {"max_cost_usd": -1}])
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Limits(**wrong)


def test_nothing_to_do_is_done_at_once_and_once() -> None:
    batch = Batch(Runner(None), [])
    assert list(batch.outcomes()) == []
    with pytest.raises(SettingsError, match="new Batch"):
        list(batch.outcomes())


def test_a_log_that_cannot_be_written_costs_no_answer(tmp_path: Any) -> None:
    (tmp_path / "folder").mkdir()
    store = RunStore(tmp_path / "folder")
    with ManyServer(lambda asked, _: whole()) as server:
        outcomes = read(Batch(Runner(store), calls(server.url, 20)))
    assert len(outcomes) == 20
    assert store.take_trouble()

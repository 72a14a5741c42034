"""Answers that nobody foresaw, stops at the worst moment, forks: the row is completed and the reply is kept."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from portkey_nb import ask, runs
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.record import Run
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import Running
from portkey_nb.engine.store import RunStore
from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.demo.server import DemoGateway
from portkey_nb.gateway.streams import _DRAIN_S
from tests.servers import HELLO, STALL, ScriptedServer, chunk, streamed, whole

USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}


def answer(**more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    return {"id": "x", "object": "chat.completion", "model": "gpt-4o", "choices": [choice], "usage": USAGE, **more}


@pytest.mark.parametrize(
    "odd",
    [
        {"provider": {"name": "x"}},
        {"model": 5},
        {"id": 7},
        {"usage": "x"},
        {"usage": {**USAGE, "prompt_tokens_details": [1]}},
        {"usage": {"prompt_tokens": -1, "completion_tokens": "many"}},
        {"choices": [{"message": {"content": "Hi"}, "finish_reason": 1}]},
        {"choices": [{"message": {"content": [{"type": "text", "text": "Hi"}]}, "finish_reason": "stop"}]},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_an_odd_field_costs_neither_reply_nor_row(odd: dict[str, Any]) -> None:
    headers = {"x-portkey-retry-attempt-count": "--5"}
    with ScriptedServer(whole(answer(**odd), headers=headers)) as server:
        assert ask("hello", model="gpt-4o", base_url=server.url, stream=False) == "Hi"
    row = runs(columns="all").iloc[0]
    assert (row["status"], row["text"]) == ("ok", "Hi")


def test_a_gateway_cache_hit_is_not_paid_for() -> None:
    with ScriptedServer(whole(answer(), headers={"x-portkey-cache-status": "HIT"})) as server:
        reply = ask("hello", model="gpt-4o", base_url=server.url, stream=False)
    assert reply.run.cached
    assert reply.cost_usd is not None
    assert RunStore().totals().cost_usd == 0


def test_reasoning_counts_where_tokens_are_estimated() -> None:
    thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "thinking " * 100}}]}
    with ScriptedServer(streamed(thought, end=False)) as server, pytest.raises(PortkeyError):
        ask("hello", model="gpt-4o", base_url=server.url, timeout={"idle": 1})
    row = runs(columns="all").iloc[0]
    assert row["tokens_estimated"]
    assert row["output_tokens"] == 225


class SlowStore(RunStore):
    """A run log whose completing write takes until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.writing, self.go = threading.Event(), threading.Event()

    def write(self, rows: Sequence[tuple[Run, bool]]) -> None:
        if not all(start for _, start in rows):
            self.writing.set()
            self.go.wait(10)
        super().write(rows)


def test_a_stop_while_the_row_is_written_keeps_the_whole_answer() -> None:
    store = SlowStore()
    with ScriptedServer(streamed(chunk("Hi"), chunk(finish="stop"))) as server:
        call = Call(model="gpt-4o", messages=[{"role": "user", "content": "x"}], base_url=server.url)
        running = Running(Runner(store), [call])
        assert store.writing.wait(10)
        letting_go = threading.Timer(0.3, store.go.set)
        letting_go.start()
        running.stop()
        letting_go.join()
    outcome = running.outcomes()[0]
    assert isinstance(outcome, Outcome)
    assert (outcome.run.status, outcome.run.text) == ("ok", "Hi")
    store.close()


def test_calls_with_other_tags_share_connections_and_cut_nothing_off(demo: DemoGateway) -> None:
    call = Call(
        model="demo-stall",
        messages=[{"role": "user", "content": "x"}],
        base_url=demo.base_url,
        options={"metadata": {"n": "long"}},
    )
    running = Running(Runner(None), [call])
    next(running.events(5.0))
    with ScriptedServer(*[whole(answer()) for _ in range(40)]) as server:
        for number in range(40):
            ask("hello", model="gpt-4o", base_url=server.url, stream=False, tags={"n": str(number)})
        assert server.connections == 1
    running.stop()
    outcome = running.outcomes()[0]
    assert isinstance(outcome, Outcome)
    assert outcome.run.status == "interrupted"


def _ask_in_child(url: str, answers: Any) -> None:
    answers.put(str(ask("Say this is a test", model="demo-fast", base_url=url)))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork (Linux, macOS)")
def test_a_forked_child_can_ask_as_well(demo: DemoGateway) -> None:
    ask("Say this is a test", model="demo-fast", base_url=demo.base_url)
    forked = multiprocessing.get_context("fork")
    answers = forked.Queue()
    child = forked.Process(target=_ask_in_child, args=(demo.base_url, answers))
    child.start()
    assert "this is a test" in answers.get(timeout=20).lower()
    child.join(10)
    assert len(runs(status="ok")) == 2


def test_the_time_of_an_answer_ends_with_its_last_piece() -> None:
    # The gateway keeps the connection open behind [DONE]; waiting for its end is not the answer's time.
    with ScriptedServer(streamed(*HELLO, STALL, end=False)) as server:
        begun = time.monotonic()
        reply = ask("hello", model="gpt-4o", base_url=server.url)
        took = time.monotonic() - begun
    assert reply.run.latency_s is not None
    assert reply.run.latency_s < took - _DRAIN_S / 2

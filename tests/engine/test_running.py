"""One call or several, from Python: called, timed, priced, logged, stopped."""

from __future__ import annotations

import asyncio
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from portkey_nb import aask, ask, runs
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.normalize import finish_reason, usage_parts
from portkey_nb.engine.record import Run
from portkey_nb.engine.reply import Replies, Reply, unique_labels
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import Running
from portkey_nb.engine.store import open_store
from portkey_nb.engine.summary import footer
from portkey_nb.engine.tally import SESSION
from portkey_nb.errors import APIConnectionError, PromptError, RateLimitError, SettingsError, StreamIncomplete
from portkey_nb.gateway.demo.server import DemoGateway, embedded
from tests.servers import ScriptedServer, chunk, streamed

HELLO = [{"role": "user", "content": "Say this is a test"}]


def call(demo: DemoGateway, model: str, **more: Any) -> Call:
    return Call(model=model, messages=HELLO, base_url=demo.base_url, label=model, **more)


def test_ask_gives_a_reply_and_a_row(demo: DemoGateway) -> None:
    reply = ask("Say this is a test", model="demo-fast", base_url=demo.base_url, temperature=0, tags={"team": "red"})
    assert "this is a test" in reply.lower()
    row = runs(columns="all").iloc[0]
    assert (row["source"], row["status"], row["prompt"]) == ("api", "ok", "Say this is a test")
    assert row["params"] == {"temperature": 0}
    assert row["tags"] == {"team": "red"}
    assert reply.usage["total_tokens"] == row["total_tokens"] == row["input_tokens"] + row["output_tokens"]
    assert reply.trace_id == row["trace_id"]


def test_aask_does_the_same_and_many_run_at_once(demo: DemoGateway) -> None:
    async def many() -> list[Reply]:
        asked = [aask(f"What is {n} + 1?", model="demo-fast", base_url=demo.base_url) for n in range(20)]
        return list(await asyncio.gather(*asked))

    replies = asyncio.run(many())
    assert all(str(n + 1) in reply for n, reply in enumerate(replies))
    assert len(runs(status="ok")) == 20


def test_a_failed_ask_raises_and_is_logged(demo: DemoGateway) -> None:
    with pytest.raises(RateLimitError) as caught:
        ask("hello", model="demo-429", base_url=demo.base_url)
    assert caught.value.status == 429
    row = runs(columns="all").iloc[0]
    assert (row["status"], row["http_status"], row["error_type"]) == ("error", 429, "RateLimitError")
    assert row["attempts"] == 3


def test_a_dead_server_is_one_line_and_a_row() -> None:
    with ScriptedServer() as gone:
        url = gone.url
    with pytest.raises(APIConnectionError, match="cannot reach"):
        ask("hello", model="gpt-4o", base_url=url, timeout={"total": 1})
    assert list(runs()["status"]) == ["error"]


@pytest.mark.parametrize("prompt", [[], 5, None])
def test_a_prompt_that_is_none_is_refused_before_any_call(prompt: Any, demo: DemoGateway) -> None:
    with pytest.raises(PromptError):
        ask(prompt, model="gpt-4o", base_url=demo.base_url)
    with pytest.raises(SettingsError, match="no model"):
        ask("hello", base_url=demo.base_url)
    assert len(runs()) == 0


def test_a_stopped_call_closes_its_connection_and_keeps_what_came(demo: DemoGateway) -> None:
    before = demo.stats().disconnects
    store = open_store()
    running = Running(Runner(store), [call(demo, "demo-stall"), call(demo, "demo-fast")])
    heard = ""
    for event in running.events(0.5):
        if event is not None and event.index == 0 and event.kind == "text":
            heard += event.text
        done = running.outcome(1)
        if heard and isinstance(done, Outcome):
            break
    running.stop()
    assert demo.wait_for_disconnect(before + 1, timeout=5)
    stalled, fast = running.outcomes()
    assert isinstance(stalled, Outcome)
    assert isinstance(fast, Outcome)
    assert (stalled.run.status, fast.run.status) == ("interrupted", "ok")
    assert stalled.run.text
    assert stalled.run.text.startswith(heard)
    assert stalled.run.tokens_estimated
    assert set(runs()["status"]) == {"interrupted", "ok"}


def test_a_stall_ends_at_the_idle_limit_and_keeps_what_came(demo: DemoGateway) -> None:
    with pytest.raises(StreamIncomplete, match="stalled"):
        ask("hello", model="demo-stall", base_url=demo.base_url, timeout={"idle": 0.3})
    row = runs(columns="all").iloc[0]
    assert row["status"] == "incomplete"
    assert row["text"]


def test_a_row_is_there_while_the_call_runs(demo: DemoGateway) -> None:
    running = Running(Runner(open_store()), [call(demo, "demo-stall")])
    for event in running.events(0.5):
        if event is not None:
            break
    assert list(runs()["status"]) == ["started"]
    running.stop()
    assert list(runs()["status"]) == ["interrupted"]


def test_times_and_prices_are_those_of_the_call(demo: DemoGateway) -> None:
    reply = ask("Say this is a test", model="gpt-4o", base_url=demo.base_url)
    run = reply.run
    assert run.ttft_s is not None
    assert run.latency_s is not None
    assert 0 < run.ttft_s <= run.latency_s
    assert run.price is not None
    expected = (run.input_tokens * run.price["input_per_m"] + run.output_tokens * run.price["output_per_m"]) / 1e6
    assert run.cost_usd == pytest.approx(expected)
    whole = ask("Say this is a test", model="gpt-4o", base_url=demo.base_url, stream=False)
    assert whole.ttft_s is None
    assert str(whole) == str(ask("Say this is a test", model="gpt-4o", base_url=demo.base_url, stream=False))


def test_an_unknown_price_is_unknown_and_never_zero() -> None:
    answer = streamed(
        chunk("Hi"), chunk(finish="stop"), {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    )
    with ScriptedServer(answer) as server:
        reply = ask("hello", model="model-of-my-own", base_url=server.url)
    assert reply.cost_usd is None
    assert runs()["cost_usd"].isna().all()
    assert "cost n/a" in footer(reply.run)


def test_an_error_in_disguise_is_an_error() -> None:
    with (
        ScriptedServer(streamed(chunk("Hal"), chunk(finish="overloaded_error"))) as server,
        pytest.raises(Exception, match="overloaded_error"),
    ):
        ask("hello", model="claude-x", base_url=server.url)
    row = runs(columns="all").iloc[0]
    assert (row["status"], row["text"], row["native_finish_reason"]) == ("incomplete", "Hal", "overloaded_error")


@pytest.mark.parametrize(
    ("native", "calls", "mapped"),
    [
        ("stop", False, "stop"),
        ("end_turn", False, "stop"),
        ("MAX_TOKENS", False, "length"),
        ("tool_use", False, "tool_calls"),
        ("STOP", True, "tool_calls"),
        ("SAFETY", False, "content_filter"),
        ("something_new", False, "stop"),
        (None, False, None),
    ],
)
def test_finish_reasons_in_one_language(native: str | None, calls: bool, mapped: str | None) -> None:
    assert finish_reason(native, has_tool_calls=calls) == mapped


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (None, None, None, None, None)),
        ({"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}, (12, 8, None, None, None)),
        # Anthropic through the gateway: cache reads and writes stand beside the prompt.
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 8,
                "total_tokens": 26,
                "cache_read_input_tokens": 4,
                "cache_creation_input_tokens": 2,
            },
            (18, 8, 4, 2, None),
        ),
        # Gemini: thoughts stand beside the completion.
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 8,
                "total_tokens": 23,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            (12, 11, None, None, 3),
        ),
    ],
)
def test_usage_means_the_same_whoever_sent_it(usage: Any, expected: tuple[int | None, ...]) -> None:
    parts = usage_parts(usage)
    found = (
        parts.input_tokens,
        parts.output_tokens,
        parts.cached_input_tokens,
        parts.cache_write_tokens,
        parts.reasoning_tokens,
    )
    assert found == expected


def make_reply(text: str) -> Reply:
    return Reply(Run(run_id="1", started_at=datetime.now(UTC), model="m", text=text, messages=HELLO))


def test_the_session_is_counted_as_the_log_counts(demo: DemoGateway) -> None:
    before = SESSION.totals()
    ask("hello", model="demo-fast", base_url=demo.base_url)
    with pytest.raises(RateLimitError):
        ask("hello", model="demo-429", base_url=demo.base_url)
    ask("hello", model="demo-fast", base_url=demo.base_url, cache=True, temperature=0)
    ask("hello", model="demo-fast", base_url=demo.base_url, cache=True, temperature=0)
    counted, logged = SESSION.totals(), open_store().totals()
    for name in ("calls", "failed", "cost_usd", "unpriced", "demo_calls"):
        assert getattr(counted, name) - getattr(before, name) == getattr(logged, name), name


def test_a_reply_is_a_str_that_knows_its_code_and_its_json() -> None:
    reply = make_reply('Look:\n\n```python\nx = 1\n```\n\nand\n\n~~~json\n{"a": [1, 2]}\n~~~\n')
    assert [(block.language, str(block)) for block in reply.code_blocks] == [
        ("python", "x = 1\n"),
        ("json", '{"a": [1, 2]}\n'),
    ]
    assert reply.json() == {"a": [1, 2]}
    assert make_reply('Sure: {"a": 1}, as asked').json() == {"a": 1}
    assert make_reply("[1, 2]").json() == [1, 2]
    with pytest.raises(PromptError, match="no JSON"):
        make_reply("none here").json()
    assert reply.messages == [*HELLO, {"role": "assistant", "content": str(reply)}]
    assert f"{reply}" == str(reply)
    assert json.dumps({"reply": reply})
    copy = pickle.loads(pickle.dumps(reply))
    assert (copy, copy.run, copy.messages) == (reply, reply.run, reply.messages)


def test_labels_are_made_unique() -> None:
    assert unique_labels(["a", "b", "a", "a (2)", "a"]) == ["a", "b", "a (2)", "a (2) (2)", "a (3)"]
    replies = Replies({"m": make_reply("x")})
    assert list(replies.to_frame()["text"]) == ["x"]


def test_a_demo_gateway_that_has_moved_is_found_again() -> None:
    for _ in range(2):
        assert ask("Say this is a test", model="demo-fast", base_url="demo").run.status == "ok"
        embedded().stop()

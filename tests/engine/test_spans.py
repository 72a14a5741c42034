"""Each run as an OpenTelemetry span: what it says, whose child it is, and that it never costs a run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from portkey_nb import Portkey, aask, ask, compare, runs
from portkey_nb.engine import spans
from portkey_nb.engine.call import Call
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import Running
from portkey_nb.engine.store import open_store
from portkey_nb.errors import RateLimitError, StreamIncomplete
from portkey_nb.gateway.demo.server import DemoGateway
from tests.servers import COMPLETION, DONE, HELLO, STALL, ScriptedServer, chunk, streamed, whole
from tests.telemetry import Telemetry

SECRET = "pk-a-secret-key-0123456789"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def the_one(telemetry: Telemetry) -> ReadableSpan:
    (span,) = telemetry.spans
    return span


def said(span: ReadableSpan) -> str:
    return span.to_json()


def test_a_run_is_one_span_in_the_conventions_words() -> None:
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 20,
        "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    last = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}
    headers = {"x-portkey-provider": "vertex-ai", "x-portkey-retry-attempt-count": "1"}
    with Telemetry() as telemetry, ScriptedServer(streamed(*HELLO[:-1], last, DONE, headers=headers)) as server:
        reply = ask(
            "Hello",
            model="gpt-4o",
            base_url=server.url,
            temperature=0.5,
            top_p=1,
            max_tokens=7,
            seed=3,
            stop="end",
            n=1,
            response_format={"type": "json_object"},
        )
        port = int(server.url.split(":")[2].split("/")[0])
    span = the_one(telemetry)
    assert (span.name, span.kind, span.status.status_code) == ("chat gpt-4o", SpanKind.CLIENT, StatusCode.UNSET)
    facts = dict(span.attributes or {})
    assert facts.pop("gen_ai.response.time_to_first_chunk") == reply.run.ttft_s
    assert {name: value for name, value in facts.items() if not name.startswith("portkey_nb.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.vertex_ai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 1.0,
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.seed": 3,
        "gen_ai.request.stop_sequences": ("end",),
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "m",
        "gen_ai.response.id": "c1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
    }
    assert facts["portkey_nb.run_id"] == reply.run.run_id
    assert facts["portkey_nb.trace_id"] == reply.trace_id
    assert facts["portkey_nb.gateway_retries"] == 1
    assert facts["portkey_nb.status"] == "ok"


def test_time_and_tokens_are_measured() -> None:
    with Telemetry() as telemetry, ScriptedServer(whole(COMPLETION)) as server:
        reply = ask("Hello", model="gpt-4o", base_url=server.url, provider="openai", stream=False)
        measured = telemetry.measurements
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in measured["gen_ai.client.token.usage"]}
    assert tokens == {"input": 3, "output": 2}
    (took,) = measured["gen_ai.client.operation.duration"]
    assert took.sum == reply.run.latency_s
    assert took.attributes["gen_ai.provider.name"] == "openai"
    assert reply.run.run_id not in map(str, took.attributes.values())


def test_the_span_is_the_child_of_the_one_that_was_current_where_it_was_asked() -> None:
    with Telemetry() as telemetry, ScriptedServer(whole(COMPLETION)) as server:

        async def asking(name: str) -> tuple[str, int]:
            with telemetry.tracer.start_as_current_span(name) as parent:
                reply = await aask("Hello", model="m", base_url=server.url, stream=False)
                return reply.run.run_id, parent.get_span_context().span_id

        async def both() -> list[tuple[str, int]]:
            return list(await asyncio.gather(*(asking(f"task {number}") for number in range(4))))

        asked = asyncio.run(both())
        threads = [threading.Thread(target=lambda number=n: asked.append(in_thread(number))) for n in range(4)]

        def in_thread(number: int) -> tuple[str, int]:
            with telemetry.tracer.start_as_current_span(f"thread {number}") as parent:
                run = ask("Hello", model="m", base_url=server.url, stream=False).run
                return run.run_id, parent.get_span_context().span_id

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        alone = ask("Hello", model="m", base_url=server.url, stream=False)
    parents = {span.attributes["portkey_nb.run_id"]: span.parent for span in telemetry.spans if span.attributes}
    assert parents.pop(alone.run.run_id) is None
    assert {run: parent.span_id for run, parent in parents.items() if parent} == dict(asked)
    assert len(asked) == 8


def test_a_comparisons_spans_are_all_children_of_the_cell_that_ran_it(demo: DemoGateway) -> None:
    with Telemetry() as telemetry:
        with telemetry.tracer.start_as_current_span("cell") as cell:
            made = compare(
                "What is {{n}} + 1?",
                ["gpt-4o", "claude-sonnet"],
                cases=[{"n": 1}, {"n": 2}, {"n": 3}],
                client=Portkey(base_url=demo.base_url),
                progress=False,
                cache=False,
            )
        found = telemetry.spans
    assert len(found) == 6
    assert {span.parent.span_id for span in found if span.parent} == {cell.get_span_context().span_id}
    assert {span.attributes["portkey_nb.run_id"] for span in found if span.attributes} == set(made.to_frame().index)
    (group,) = {span.attributes["portkey_nb.group_id"] for span in found if span.attributes}
    assert group == made.to_frame()["group_id"].iloc[0]


def test_an_error_is_the_spans_status_by_its_class_alone() -> None:
    refused = whole({"error": {"message": "slow down, Ana said hello"}}, 429)
    with Telemetry() as telemetry, ScriptedServer(refused) as server:
        with pytest.raises(RateLimitError):
            ask("hello", model="m", base_url=server.url, config={"provider": "openai", "retry": {"attempts": 1}})
        points = telemetry.measurements["gen_ai.client.operation.duration"]
    span = the_one(telemetry)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "RateLimitError")
    assert span.attributes is not None
    assert span.attributes["error.type"] == "RateLimitError"
    assert span.attributes["http.response.status_code"] == 429
    assert "Ana" not in said(span)
    assert [point.attributes["error.type"] for point in points] == ["RateLimitError"]


def test_an_incomplete_run_ends_its_span() -> None:
    with Telemetry() as telemetry, ScriptedServer(streamed(chunk("Hel"))) as server, pytest.raises(StreamIncomplete):
        ask("hello", model="m", base_url=server.url)
    span = the_one(telemetry)
    assert span.status.description == "StreamIncomplete"
    assert span.attributes is not None
    assert span.attributes["portkey_nb.status"] == "incomplete"


def test_an_interrupted_run_ends_its_span() -> None:
    with Telemetry() as telemetry, ScriptedServer(streamed(chunk("Hel"), STALL)) as server:
        call = Call(model="m", messages=[{"role": "user", "content": "hello"}], base_url=server.url)
        running = Running(Runner(open_store()), [call])
        assert any(event is not None and event.kind == "text" for event in running.events(tick=5))
        running.stop()
        assert running.outcomes()[0] is not None
    span = the_one(telemetry)
    assert span.attributes is not None
    assert span.attributes["portkey_nb.status"] == "interrupted"
    assert span.status.status_code is StatusCode.UNSET


def test_an_answer_from_the_run_log_is_a_span_that_spent_nothing(demo: DemoGateway) -> None:
    with Telemetry() as telemetry:
        for _ in range(2):
            reply = ask("Say this is a test", model="gpt-4o", base_url=demo.base_url, cache=True)
        counted = sum(point.count for point in telemetry.measurements["gen_ai.client.operation.duration"])
    paid, reused = telemetry.spans
    assert paid.attributes is not None
    assert reused.attributes is not None
    assert (paid.attributes["portkey_nb.cached"], reused.attributes["portkey_nb.cached"]) == (False, True)
    assert "gen_ai.usage.output_tokens" in paid.attributes
    assert paid.attributes["portkey_nb.cost_usd"] == reply.cost_usd
    assert not [name for name in reused.attributes if name.startswith("gen_ai.usage.")]
    assert counted == 1


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Weather?"}, PICTURE]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"of": "Oslo"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "t1", "content": "rainy"},
]


@pytest.mark.parametrize("wanted", ["SPAN_ONLY", "span_and_event", "true"])
def test_what_was_said_is_there_only_where_it_is_asked_for(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_API_KEY", SECRET)
    with Telemetry() as telemetry, ScriptedServer(whole(COMPLETION)) as server:
        for value in ("", "NO_CONTENT", "EVENT_ONLY", "false", wanted):
            monkeypatch.setenv(CAPTURE, value)
            ask(CHAT, model="m", base_url=server.url, stream=False)
    *silent, telling = telemetry.spans
    assert SECRET not in "".join(map(said, telemetry.spans))
    for word in ("Be brief", "Weather", "rainy", "Hello", "QUJD"):
        assert word not in "".join(map(said, silent))
    assert telling.attributes is not None
    assert json.loads(str(telling.attributes["gen_ai.input.messages"])) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}, {"type": "image_url"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "t1", "name": "weather", "arguments": {"of": "Oslo"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "rainy"}]},
    ]
    assert json.loads(str(telling.attributes["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}
    ]


class Failing(SpanProcessor):
    """Somebody else's listener, broken."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        raise OSError("the collector is away")

    def on_end(self, span: ReadableSpan) -> None:
        raise ValueError("the collector is away")


def test_a_listener_that_fails_costs_no_run_and_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    spans._said.clear()
    with Telemetry(Failing()), ScriptedServer(whole(COMPLETION)) as server:
        for _ in range(3):
            assert ask("Hello", model="m", base_url=server.url, stream=False) == "Hello"
    assert list(runs()["status"]) == ["ok"] * 3
    assert [record.getMessage() for record in caplog.records if record.name == "portkey_nb"] == [
        "OpenTelemetry: a run has no whole span (OSError: the collector is away)"
    ]


def test_the_hosted_gateway_is_told_the_span_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with Telemetry() as telemetry, ScriptedServer(whole(COMPLETION)) as server:
        ask("Hello", model="m", base_url=server.url, stream=False)
        # A proxy is the one who sees what goes to the hosted gateway.
        monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
        monkeypatch.setenv("PORTKEY_API_KEY", SECRET)
        reply = ask("Hello", model="m", base_url="http://api.portkey.ai/v1", stream=False)
    other, hosted = server.requests
    assert "traceparent" not in other.headers
    context = telemetry.spans[-1].get_span_context()
    assert hosted.headers["traceparent"].startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")
    assert hosted.headers["x-portkey-trace-id"] == reply.trace_id


UNTRACED = """
import sys
from portkey_nb import ask
ask("Say this is a test", model="gpt-4o", base_url="demo")
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
import opentelemetry.trace, opentelemetry.metrics
from portkey_nb.engine import spans
reply = ask("Say this is a test", model="gpt-4o", base_url="demo")
assert spans.begin(reply.run, "http://127.0.0.1") is None
"""


def test_without_an_sdk_there_is_no_span_and_nothing_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", UNTRACED], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

"""What the client sends and gives back: one suite for the blocking and the asynchronous client."""

from __future__ import annotations

import asyncio
import copy
import gc
import gzip
import inspect
import json
import pickle
import signal
import threading
from collections import OrderedDict
from typing import Any

import httpx
import numpy as np
import pytest

from portkey_nb import AsyncPortkey, Portkey
from portkey_nb.errors import APIStatusError, ConfigError, PromptError, SettingsError, StreamIncomplete
from tests.gateway.sides import MESSAGES, Side
from tests.servers import COMPLETION, DONE, HELLO, STALL, ScriptedServer, chunk, event, streamed, whole

PREFIX = "x-portkey-"


def _options_seen(server: ScriptedServer) -> dict[str, str]:
    headers = server.requests[-1].headers
    return {name.removeprefix(PREFIX): value for name, value in headers.items() if name.startswith(PREFIX)}


def test_only_what_is_given_is_sent(side: Side) -> None:
    with ScriptedServer() as server:
        client = side.client(base_url=server.url)
        side.create(client)
        side.create(client, temperature=0, stop=["x"], seed=None, brand_new={"deep": [1, None]})
        plain, full = server.requests
        assert (plain.method, plain.path) == ("POST", "/v1/chat/completions")
        assert plain.json == {"messages": MESSAGES, "model": "m"}
        assert full.json == {
            "messages": MESSAGES,
            "model": "m",
            "temperature": 0,
            "stop": ["x"],
            "brand_new": {"deep": [1, None]},
        }
        assert _options_seen(server) == {"strict-open-ai-compliance": "false"}
        assert "authorization" not in plain.headers


def test_a_stream_asks_for_a_stream_and_for_no_usage(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO)) as server:
        side.read(side.create(side.client(base_url=server.url), stream=True))
        assert server.requests[0].json == {"messages": MESSAGES, "model": "m", "stream": True}


def test_options_travel_as_headers(side: Side) -> None:
    with ScriptedServer() as server:
        client = side.client(
            api_key="pk-1",
            base_url=server.url,
            virtual_key="vk-1",
            provider="openai",
            trace_id="t-1",
            metadata={"_user": "José", "n": 1},
            cache_namespace=None,
            cache_force_refresh=True,
            custom_host="http://127.0.0.1:11434",
            Authorization="sk-1",
            debug=False,
            aws_region="eu-west-1",
            request_timeout=3000,
            brand_new="yes",
        )
        side.create(client, extra_headers={"X-Mine": "here", "X-None": None})
        assert _options_seen(server) == {
            "api-key": "pk-1",
            "virtual-key": "vk-1",
            "provider": "openai",
            "trace-id": "t-1",
            "metadata": '{"_user": "Jos\\u00e9", "n": "1"}',
            "cache-force-refresh": "true",
            "custom-host": "http://127.0.0.1:11434",
            "debug": "false",
            "strict-open-ai-compliance": "false",
            "aws-region": "eu-west-1",
            "request-timeout": "3000",
            "brand-new": "yes",
        }
        headers = server.requests[0].headers
        assert headers["authorization"] == "Bearer sk-1"
        assert headers["x-mine"] == "here"
        assert "x-none" not in headers


@pytest.mark.parametrize(
    ("given", "sent"), [("sk", "Bearer sk"), ("Bearer sk", "Bearer sk"), ("Basic YQ==", "Basic YQ==")]
)
def test_authorization_has_a_scheme(given: str, sent: str) -> None:
    with ScriptedServer() as server, Portkey(base_url=server.url, Authorization=given) as client:
        client.chat.completions.create(messages=MESSAGES, model="m")
        assert server.requests[0].headers["authorization"] == sent


def test_forwarded_headers_travel_without_the_prefix() -> None:
    with ScriptedServer() as server:
        with Portkey(base_url=server.url, forward_headers=["X_Foo", "x-bar"], x_foo="1", x_bar="2") as client:
            client.chat.completions.create(messages=MESSAGES, model="m")
        headers = server.requests[0].headers
        assert headers["x-portkey-forward-headers"] == "x-foo,x-bar"
        assert (headers["x-foo"], headers["x-bar"]) == ("1", "2")


def test_config_is_an_id_or_compact_ascii_json(side: Side) -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}, {"provider": "é"}]}
    with ScriptedServer() as server:
        side.create(side.client(base_url=server.url, config="pc-1"))
        assert _options_seen(server)["config"] == "pc-1"
        for given in (config, json.dumps(config), OrderedDict(config)):
            side.create(side.client(base_url=server.url, config=given))
            sent = _options_seen(server)["config"]
            assert json.loads(sent) == config
            assert sent.isascii()
            assert ": " not in sent


def test_with_options_overrides_and_never_mutates(side: Side) -> None:
    with ScriptedServer() as server:
        client = side.client(base_url=server.url, config="pc-1", trace_id="t-1", debug=True)
        other = client.with_options(config="pc-2", debug=False, metadata={"a": "b"})
        third = client.with_options({"config": "sample-7g5tr4", "trace_id": None})
        for made in (other, third, client):
            side.create(made)
        first, second, last = (
            {name.removeprefix(PREFIX): value for name, value in seen.headers.items() if name.startswith(PREFIX)}
            for seen in server.requests
        )
        assert (first["config"], first["trace-id"], first["debug"]) == ("pc-2", "t-1", "false")
        assert json.loads(first["metadata"]) == {"a": "b"}
        assert second["config"] == "sample-7g5tr4"
        assert "trace-id" not in second
        assert (last["config"], last["trace-id"], last["debug"]) == ("pc-1", "t-1", "true")
        assert "metadata" not in last
        assert isinstance(other, type(client))
        assert server.connections == 1


def test_with_options_refuses_what_belongs_to_the_client() -> None:
    with ScriptedServer() as server, Portkey(base_url=server.url) as client:
        with pytest.raises(SettingsError, match="base_url"):
            client.with_options(base_url="demo")
        with pytest.raises(SettingsError, match="mapping"):
            client.with_options("pc-1")  # type: ignore[arg-type]


def test_the_signature_names_the_options() -> None:
    for kind in (Portkey, AsyncPortkey):
        names = list(inspect.signature(kind).parameters)
        assert names[0] == "api_key"
        assert {"base_url", "virtual_key", "config", "timeout", "max_retries", "transport"} <= set(names)


def test_an_answer_has_the_openai_shape_and_all_it_came_with(side: Side) -> None:
    body = {**COMPLETION, "brand_new": {"deep": [1]}, "system_fingerprint": None}
    answer_headers = {"x-portkey-trace-id": "t-9", "x-portkey-provider": "openai", "x-request-id": "r"}
    with ScriptedServer(whole(body, headers=answer_headers)) as server:
        answer = side.create(side.client(base_url=server.url))
    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 5
    assert answer.brand_new.deep == [1]
    assert answer.headers == {"x-portkey-trace-id": "t-9", "x-portkey-provider": "openai"}
    assert answer.trace_id == "t-9"
    print(answer)
    before = str(answer)
    assert json.loads(before) == body
    assert answer.model_dump() == body
    assert json.loads(answer.model_dump_json()) == body
    assert str(answer) == before
    assert answer.headers["x-portkey-trace-id"] == "t-9"
    assert copy.deepcopy(answer) == answer == pickle.loads(pickle.dumps(answer))


def test_model_list(side: Side) -> None:
    body = {"object": "list", "data": [{"id": "gpt-4o", "owned_by": "openai", "extra": 1}, {"id": "b"}]}
    with ScriptedServer(whole(body)) as server:
        models = side.models(side.client(base_url=server.url, provider="openai"))
        assert server.requests[0].method == "GET"
        assert server.requests[0].path == "/v1/models"
        assert server.requests[0].headers["x-portkey-provider"] == "openai"
    assert [model.id for model in models] == [model.id for model in models.data] == ["gpt-4o", "b"]
    assert models.data[0].extra == 1
    assert len(models) == 2


def test_a_stream_hands_out_chunks_and_the_whole(side: Side) -> None:
    usage = {**chunk(), "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    script = streamed(*HELLO[:-1], usage, DONE, headers={"x-portkey-trace-id": "t-2", "server": "x"})
    with ScriptedServer(script) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        assert stream.headers == {"x-portkey-trace-id": "t-2"}
        assert stream.trace_id == "t-2"
        chunks = side.read(stream)
        assert [one.choices[0].delta.content for one in chunks[:-1]] == ["", "Hel", "lo", None]
        assert chunks[-1].choices == []
        assert chunks[-1].usage.total_tokens == 5
        assert chunks[0].trace_id == "t-2"
        final = side.final(stream)
        assert final.choices[0].message.content == "Hello"
        assert final.choices[0].finish_reason == "stop"
        assert final.object == "chat.completion"
        assert final.usage.total_tokens == 5
        assert final.trace_id == "t-2"
        assert side.read(stream) == []
        assert "Hello" in str(final)


def test_ollamas_closing_chunk_is_not_handed_on(side: Side) -> None:
    closing = {**chunk(), "choices": []}
    with ScriptedServer(streamed(*HELLO[:-1], closing, DONE)) as server:
        chunks = side.read(side.create(side.client(base_url=server.url), stream=True))
    assert len(chunks) == 4
    assert all(one.choices for one in chunks)


def test_guardrail_results_without_choices_are_handed_on(side: Side) -> None:
    first = {"hook_results": {"before_request_hooks": [{"verdict": False}]}}
    with ScriptedServer(streamed(first, *HELLO)) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        chunks = side.read(stream)
    assert chunks[0].choices == []
    assert chunks[0].hook_results.before_request_hooks[0].verdict is False
    assert side.final(stream).hook_results == chunks[0].hook_results


def test_a_stream_request_answered_by_a_document_is_one_chunk(side: Side) -> None:
    for headers in ({}, {"content-type": "text/plain"}):
        with ScriptedServer(whole(COMPLETION, headers=headers)) as server:
            stream = side.create(side.client(base_url=server.url), stream=True)
            (only,) = side.read(stream)
        assert only.choices[0].delta.content == "Hello"
        assert side.final(stream).usage.total_tokens == 5


def test_events_under_a_wrong_content_type_are_read(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO, headers={"content-type": "application/json"})) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        assert side.final(stream).choices[0].message.content == "Hello"


def test_a_compressed_stream_is_read(side: Side) -> None:
    data = gzip.compress(b"".join(one if isinstance(one, bytes) else event(one) for one in HELLO))
    script = streamed(data[:20], data[20:], headers={"content-encoding": "gzip"})
    with ScriptedServer(script) as server:
        assert (
            side.final(side.create(side.client(base_url=server.url), stream=True)).choices[0].message.content == "Hello"
        )


def test_misshapen_answers_are_mended(side: Side) -> None:
    body = {
        "choices": [{"message": {"role": "assistant", "tool_calls": {"id": "t"}}, "finish_reason": "tool_calls"}, {}]
    }
    with ScriptedServer(whole(body)) as server:
        answer = side.create(side.client(base_url=server.url))
    first, second = answer.choices
    assert first.index == 0
    assert first.message.content is None
    assert [call.id for call in first.message.tool_calls] == ["t"]
    assert second.message.content is None
    assert second.message.tool_calls == []
    assert answer.usage is None


def test_misshapen_chunks_are_mended(side: Side) -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    script = streamed(
        {"choices": [{"delta": {"role": "assistant"}}]},
        {"choices": [{"delta": {"tool_calls": call}}], "usage": None},
        {"choices": [{"index": None, "finish_reason": "tool_calls"}]},
    )
    with ScriptedServer(script) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        chunks = side.read(stream)
    assert [one.choices[0].index for one in chunks] == [0, 0, 0]
    assert chunks[1].choices[0].delta.tool_calls[0].function.name == "f"
    message = side.final(stream).choices[0].message
    assert message.content is None
    assert message.tool_calls[0].function.arguments == "{}"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "content", [b"<html><h1>Welcome</h1></html>", b"", b"[1]", b'{"hello": 1}', b'{"choices": ["x"]}'], ids=repr
)
def test_what_is_no_answer_says_to_check_the_base_url(side: Side, content: bytes, stream: bool) -> None:
    kind = "text/html" if content.startswith(b"<") else "application/json"
    with ScriptedServer(whole(content, headers={"content-type": kind})) as server:
        client = side.client(base_url=server.url)
        ask = (lambda: side.read(side.create(client, stream=True))) if stream else (lambda: side.create(client))
        with pytest.raises(APIStatusError, match="check the base URL") as caught:
            ask()
    assert caught.value.status == 200


def test_a_stream_is_a_context_manager_that_closes(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO[:2], STALL)) as server:
        first = side.first_in_block(side.create(side.client(base_url=server.url), stream=True))
        assert first.choices[0].delta.role == "assistant"
        assert server.left.wait(1)


def test_closing_a_stream_is_seen_by_the_server(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO[:2], STALL)) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        side.next(stream)
        side.close(stream)
        assert server.left.wait(1)
        assert side.read(stream) == []
        assert stream.partial.choices[0].message.content == ""


def test_a_blocking_stream_that_is_dropped_closes_its_connection() -> None:
    for read in (0, 1):
        with ScriptedServer(streamed(*HELLO[:2], STALL)) as server, Portkey(base_url=server.url) as client:
            stream = client.chat.completions.create(messages=MESSAGES, model="m", stream=True)
            for _ in range(read):
                next(stream)
            del stream
            assert server.left.wait(1)


def test_a_stream_is_read_to_its_end_where_nobody_holds_its_client(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO)) as server:
        stream = side.create(side.kind(base_url=server.url), stream=True)
        gc.collect()
        assert len(side.read(stream)) == 4
        side.close(stream)


def test_a_blocking_stream_is_closed_from_another_thread() -> None:
    with ScriptedServer(streamed(*HELLO[:2], STALL)) as server, Portkey(base_url=server.url) as client:
        stream = client.chat.completions.create(messages=MESSAGES, model="m", stream=True)
        next(stream)
        next(stream)
        threading.Timer(0.05, stream.close).start()
        with pytest.raises(StreamIncomplete, match="was closed") as caught:
            next(stream)
        assert caught.value.completion.choices[0].message.content == "Hel"
        assert server.left.wait(1)


def test_an_asynchronous_stream_is_closed_from_another_task() -> None:
    async def main(url: str) -> None:
        async with AsyncPortkey(base_url=url) as client:
            stream = await client.chat.completions.create(messages=MESSAGES, model="m", stream=True)
            reading = asyncio.create_task(stream.get_final_completion())
            while stream.partial.choices == [] or stream.partial.choices[0].message.content != "Hel":
                await asyncio.sleep(0)
            await stream.close()
            with pytest.raises(StreamIncomplete, match="was closed"):
                await reading

    with ScriptedServer(streamed(*HELLO[:2], STALL)) as server:
        asyncio.run(main(server.url))
        assert server.left.wait(1)


def test_cancelling_a_task_is_seen_by_the_server() -> None:
    async def main(url: str) -> None:
        async with AsyncPortkey(base_url=url) as client:
            stream = await client.chat.completions.create(messages=MESSAGES, model="m", stream=True)
            started = asyncio.Event()

            async def read() -> None:
                async for chunk in stream:
                    if chunk.choices[0].delta.content:
                        started.set()

            task = asyncio.create_task(read())
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(server.left.wait, 1)
            assert stream.partial.choices[0].message.content == "Hel"

    with ScriptedServer(streamed(*HELLO[:2], STALL)) as server:
        asyncio.run(main(server.url))
        assert server.left.is_set()


def test_a_finished_stream_leaves_its_connection_for_the_next(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO)) as server:
        client = side.client(base_url=server.url)
        for _ in range(3):
            side.read(side.create(client, stream=True))
        assert server.connections == 1


def test_a_server_that_keeps_the_connection_open_after_done_does_not_hold_the_reader(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO, STALL)) as server:
        client = side.client(base_url=server.url, timeout={"idle": 50})
        stream = side.create(client, stream=True)
        assert len(side.read(stream)) == 4
        assert server.left.wait(1)


def test_an_asynchronous_client_works_in_one_loop_after_another(recwarn: pytest.WarningsRecorder) -> None:
    async def ask(client: AsyncPortkey) -> Any:
        stream = await client.chat.completions.create(messages=MESSAGES, model="m", stream=True)
        return [one async for one in stream]

    with ScriptedServer(streamed(*HELLO)) as server:
        client = AsyncPortkey(base_url=server.url)
        assert len(asyncio.run(ask(client))) == 4
        assert len(asyncio.run(ask(client))) == 4
        del client
        gc.collect()
    assert [str(warning.message) for warning in recwarn if issubclass(warning.category, ResourceWarning)] == []


def test_a_blocking_client_that_is_dropped_leaves_no_socket(recwarn: pytest.WarningsRecorder) -> None:
    with ScriptedServer() as server:
        client = Portkey(base_url=server.url)
        client.chat.completions.create(messages=MESSAGES, model="m")
        del client
        gc.collect()
    assert [str(warning.message) for warning in recwarn if issubclass(warning.category, ResourceWarning)] == []


def test_clients_are_context_managers() -> None:
    async def main(url: str) -> str:
        async with AsyncPortkey(base_url=url) as client:
            answer = await client.chat.completions.create(messages=MESSAGES, model="m")
            return str(answer.choices[0].message.content)

    with ScriptedServer() as server:
        with Portkey(base_url=server.url) as client:
            assert client.chat.completions.create(messages=MESSAGES, model="m").choices[0].message.content == "Hello"
        assert asyncio.run(main(server.url)) == "Hello"


def test_a_transport_of_ones_own() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={**COMPLETION, "id": request.headers["x-portkey-provider"]})

    with Portkey("k", provider="openai", transport=httpx.MockTransport(answer)) as client:
        assert client.chat.completions.create(messages=MESSAGES, model="m").id == "openai"
        assert client.base_url == "https://api.portkey.ai/v1"


class Tagged(str):
    __slots__ = ()


def test_messages_may_be_answers_and_texts_of_ones_own_kind(side: Side) -> None:
    with ScriptedServer() as server:
        client = side.client(base_url=server.url)
        answer = side.create(client)
        told = OrderedDict(role="user", content=Tagged('é\u2028"x"'))
        side.create(client, messages=(answer.choices[0].message, told), model=Tagged("m"))
        assert server.requests[1].json["messages"] == [
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": 'é\u2028"x"'},
        ]


def test_numpy_values_are_sent_as_numbers() -> None:
    with ScriptedServer() as server, Portkey(base_url=server.url) as client:
        client.chat.completions.create(messages=MESSAGES, model="m", temperature=np.float32(0.5), seed=np.int64(7))
        assert server.requests[0].json["temperature"] == 0.5
        assert server.requests[0].json["seed"] == 7


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"messages": []}, "messages is empty"),
        ({"messages": "hello"}, "messages is str"),
        ({"messages": [MESSAGES[0], "x"]}, r"messages\[1\] is str"),
        ({"model": ""}, "model is ''"),
        ({"model": None}, "model is None"),
        ({"stream": "true"}, "stream is 'true'"),
        ({"messages": [{"role": "user", "content": object()}]}, "object cannot be sent"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "surrogate"),
        ({"timeout": -1}, "`total` is -1"),
        ({"timeout": {"idel": 1}}, "unknown time limit `idel`"),
        ({"extra_headers": {"x y": "1"}}, "'x y'"),
        ({"extra_headers": {"x-y": "a\nb"}}, "`x-y`"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(side: Side, params: dict[str, Any], said: str) -> None:
    with ScriptedServer() as server:
        client = side.client(base_url=server.url)
        with pytest.raises((PromptError, SettingsError, ConfigError), match=said) as caught:
            side.create(client, **params)
        assert server.requests == []
        assert "\n" not in caught.value.message


def test_an_interrupt_closes_the_connection() -> None:
    with ScriptedServer(streamed(*HELLO[:2], STALL)) as server, Portkey(base_url=server.url) as client:
        stream = client.chat.completions.create(messages=MESSAGES, model="m", stream=True)
        main = threading.main_thread().ident
        assert main is not None
        next(stream)
        next(stream)
        threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        assert server.left.wait(1)
        assert stream.partial.choices[0].message.content == "Hel"

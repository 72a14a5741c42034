"""The demo gateway on the wire: shapes, headers, parameters and refusals, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.errors import SettingsError
from portkey_nb.gateway.demo.models import FAULTS, MODELS, PRICES
from portkey_nb.gateway.demo.server import DemoGateway, embedded
from portkey_nb.gateway.demo.tokens import count, pieces

ASKED = [{"role": "user", "content": "Say this is a test"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[DemoGateway]:
    with DemoGateway(speed=0) as running:
        yield running


@pytest.fixture
def http(gateway: DemoGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.base_url) as client:
        yield client


def ask(http: httpx.Client, text: str = "Explain recursion", headers: dict[str, str] | None = None, **body: Any) -> Any:
    body = {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": text}], **body}
    return http.post("/chat/completions", json=body, headers=headers)


def text_of(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def events(response: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_a_completion_has_openais_shape_and_honest_counts(http: httpx.Client) -> None:
    response = ask(http, "Say this is a test")
    body = response.json()
    assert response.status_code == 200
    assert body["object"] == "chat.completion"
    assert body["model"] == "gpt-4o"
    choice = body["choices"][0]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert choice["message"] == {"role": "assistant", "content": "This is a test.", "refusal": None}
    usage = body["usage"]
    assert usage["completion_tokens"] == count("This is a test.")
    assert usage["prompt_tokens"] == count("Say this is a test") + 6
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}


def test_a_stream_joins_to_the_same_text(http: httpx.Client) -> None:
    whole = text_of(ask(http))
    response = ask(http, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, done = events(response)
    assert done == "[DONE]"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    deltas = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(deltas) == whole
    assert max(map(len, deltas)) < 10
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all("usage" not in chunk for chunk in chunks)


def test_usage_in_a_stream_comes_last_and_is_null_before(http: httpx.Client) -> None:
    *chunks, last, done = events(ask(http, stream=True, stream_options={"include_usage": True}))
    assert done == "[DONE]"
    assert last["choices"] == []
    assert last["usage"] == ask(http).json()["usage"]
    assert all(chunk["usage"] is None for chunk in chunks)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_token_limit_cuts_and_says_length(http: httpx.Client, name: str) -> None:
    whole = text_of(ask(http))
    body = ask(http, **{name: 5}).json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 5
    assert whole.startswith(body["choices"][0]["message"]["content"])
    streamed = events(ask(http, stream=True, **{name: 5}))
    assert streamed[-2]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stop", ["calling", ["nowhere to be found", "calling"]])
def test_stop_cuts_before_the_sequence(http: httpx.Client, stop: Any) -> None:
    whole = text_of(ask(http))
    body = ask(http, stop=stop).json()
    assert body["choices"][0]["message"]["content"] == whole.partition("calling")[0]
    assert body["choices"][0]["finish_reason"] == "stop"


def test_n_choices_differ_with_temperature_and_stream_by_index(http: httpx.Client) -> None:
    body = ask(http, "Write a poem", n=8, temperature=1, seed=3).json()
    texts = [choice["message"]["content"] for choice in body["choices"]]
    assert [choice["index"] for choice in body["choices"]] == list(range(8))
    assert len(set(texts)) > 1
    assert body["usage"]["completion_tokens"] == sum(map(count, texts))
    joined = dict.fromkeys(range(8), "")
    for chunk in events(ask(http, "Write a poem", n=8, temperature=1, seed=3, stream=True))[:-1]:
        choice = chunk["choices"][0]
        joined[choice["index"]] += choice["delta"].get("content", "")
    assert list(joined.values()) == texts


def test_the_same_seed_and_temperature_0_give_the_same_text(http: httpx.Client) -> None:
    def several(**body: Any) -> set[str]:
        return {text_of(ask(http, "Write an essay about tea", **body)) for _ in range(6)}

    assert len(several(temperature=0)) == 1
    assert len(several(temperature=1.0, seed=7)) == 1
    assert len(several(temperature=1.0)) == 6
    assert several(temperature=1.0, seed=7) != several(temperature=1.0, seed=8)


def test_models_answer_the_same_question_each_in_its_own_way(http: httpx.Client) -> None:
    texts = {text_of(ask(http, "Explain overfitting", model=name)) for name in MODELS}
    assert len(texts) == len(MODELS)
    assert all("overfitting" in text.lower() for text in texts)


def test_json_mode_answers_in_json(http: httpx.Client) -> None:
    for question in ("What is 6 * 7? JSON", "List three fruits as JSON", "Why is glass green, in JSON?"):
        value = json.loads(text_of(ask(http, question, response_format={"type": "json_object"})))
        assert isinstance(value, dict)
    assert json.loads(text_of(ask(http, "What is 6 * 7?", response_format={"type": "json_object"}))) == {"answer": 42}


def test_headers_tell_who_answered(http: httpx.Client) -> None:
    response = ask(http, headers={"x-portkey-trace-id": "nb-1"}, model="claude-sonnet")
    assert response.headers["x-portkey-trace-id"] == "nb-1"
    assert response.headers["x-portkey-provider"] == "anthropic"
    assert response.headers["x-portkey-last-used-option-index"] == "config"
    assert response.headers["x-portkey-retry-attempt-count"] == "0"
    assert response.headers["x-portkey-cache-status"] == "DISABLED"
    assert response.headers["server"] == "portkey_nb-demo"
    assert response.headers["x-request-id"]
    assert response.json()["provider"] == "anthropic"
    assert ask(http).headers["x-portkey-trace-id"] not in ("", ask(http).headers["x-portkey-trace-id"])


def test_models_are_listed_under_their_providers(http: httpx.Client) -> None:
    body = http.get("/models").json()
    owners = {model["id"]: model["owned_by"] for model in body["data"]}
    assert body["object"] == "list"
    assert {"gpt-4o": "openai", "claude-sonnet": "anthropic", "gemini-flash": "google"}.items() <= owners.items()
    assert {"gpt-4o-mini": "openai", "gpt-3.5-turbo": "openai", "llama-local": "ollama"}.items() <= owners.items()
    assert set(FAULTS) <= set(owners)
    assert set(owners) == set(PRICES)


def test_any_other_name_is_answered_too(http: httpx.Client) -> None:
    response = ask(http, "What is 2 + 2?", model="some-model-of-mine")
    assert "4" in text_of(response)
    assert response.json()["model"] == "some-model-of-mine"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"model": None}, "model"),
        ({"model": 4}, "model"),
        ({"stream": "true"}, "stream"),
        ({"top_p": "high"}, "top_p"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"seed": "x"}, "seed"),
        ({"stop": [1]}, "stop"),
        ({"stop": list("abcde")}, "stop"),
        ({"stream_options": []}, "stream_options"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
        ),
        ({"tools": {}}, "tools"),
        ({"tools": []}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "1"}]}, "messages[0].role"),
        ({"messages": [*ASKED, {"role": "assistant", "tool_calls": [CALL]}]}, "messages"),
    ],
)
def test_a_wrong_parameter_is_named(http: httpx.Client, change: dict[str, Any], param: str) -> None:
    body = {"model": "gpt-4o", "messages": ASKED, **change}
    response = http.post("/chat/completions", json={name: value for name, value in body.items() if value is not None})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(f"{response.json()['provider']} error: ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'"text"', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_a_400(http: httpx.Client, content: bytes) -> None:
    response = http.post("/chat/completions", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert "JSON" in response.json()["error"]["message"]


def test_the_wrong_key_and_only_it_is_refused(http: httpx.Client) -> None:
    for headers in ({"x-portkey-api-key": "wrong-key"}, {"Authorization": "Bearer wrong-key"}):
        response = ask(http, headers=headers)
        assert response.status_code == 401
        assert response.json()["status"] == "failure"
        assert response.json()["error"] == {
            "message": "Portkey Error: Invalid API Key. Error Code: 03",
            "code": "03",
        }
    assert ask(http, headers={"x-portkey-api-key": "pk-anything"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "model"),
    [
        ({"x-portkey-config": "pc-abc-123"}, "gpt-4o"),
        ({"x-portkey-virtual-key": "my-key-1a2b"}, "gpt-4o"),
        ({"x-portkey-provider": "@openai-prod"}, "gpt-4o"),
        ({}, "@openai-prod/gpt-4o"),
    ],
)
def test_what_is_kept_on_hosted_portkey_is_refused_with_the_way_on(
    http: httpx.Client, headers: dict[str, str], model: str
) -> None:
    response = ask(http, headers=headers, model=model)
    assert response.status_code == 400
    assert "demo gateway keeps no saved" in response.json()["message"]


def test_the_placeholders_of_portkeys_own_examples_are_known(http: httpx.Client) -> None:
    headers = {"x-portkey-virtual-key": "VIRTUAL_KEY", "x-portkey-config": "sample-7g5tr4"}
    assert ask(http, headers=headers).status_code == 200


def test_other_paths_and_methods_get_portkeys_shapes(gateway: DemoGateway, http: httpx.Client) -> None:
    root = gateway.base_url.removesuffix("/v1")
    assert http.get(f"{root}/").status_code == 200
    for response in (http.get("/nowhere"), http.post("/logs", json={})):
        assert (response.status_code, response.json()) == (404, {"message": "Not Found", "ok": False})
    wrong = http.get("/chat/completions")
    assert (wrong.status_code, wrong.headers["allow"], wrong.json()["status"]) == (405, "POST", "failure")
    text = http.post("/chat/completions", content=b"{}", headers={"content-type": "text/plain"})
    assert (text.status_code, text.json()["status"]) == (400, "failure")


def test_the_openai_sdk_works_against_it(gateway: DemoGateway) -> None:
    with openai.OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0) as client:
        whole = client.chat.completions.create(model="gpt-4o", messages=ASKED)  # type: ignore[arg-type]
        assert whole.choices[0].message.content == "This is a test."
        stream = client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True)  # type: ignore[call-overload]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "This is a test."
        assert "gpt-4o" in {model.id for model in client.models.list()}
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="demo-429", messages=ASKED)  # type: ignore[arg-type]
        with pytest.raises(openai.BadRequestError, match="messages"):
            client.chat.completions.create(model="gpt-4o", messages=[])


async def _collect(gateway: DemoGateway) -> str:
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key="any") as client:
        stream = await client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True)  # type: ignore[call-overload]
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


def test_the_async_openai_sdk_works_against_it(gateway: DemoGateway) -> None:
    assert asyncio.run(_collect(gateway)) == "This is a test."


def test_many_clients_are_served_at_once(gateway: DemoGateway) -> None:
    texts: list[str] = []

    def run(number: int) -> None:
        with httpx.Client(base_url=gateway.base_url) as client:
            texts.append(text_of(ask(client, f"What is {number} + 1?", model="demo-fast")))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(any(f"**{number + 1}**" in text for text in texts) for number in range(20))


def test_stopping_closes_the_port_and_starting_again_works() -> None:
    gateway = DemoGateway(speed=0).start()
    assert gateway.start() is gateway
    port = int(gateway.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
    with httpx.stream(
        "POST", f"{gateway.base_url}/chat/completions", json={"model": "demo-stall", "stream": True, "messages": ASKED}
    ) as response:
        received = response.iter_raw()
        next(received)
        gateway.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            list(received)
    gateway.stop()
    assert not gateway.running
    with pytest.raises(SettingsError, match="not running"):
        _ = gateway.base_url
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with gateway:
        assert httpx.get(f"{gateway.base_url}/models").status_code == 200


def test_stopping_closes_connections_that_are_kept_open() -> None:
    gateway = DemoGateway(speed=0).start()
    port = int(gateway.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
    with socket.create_connection(("127.0.0.1", port), timeout=5) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        gateway.stop()
        while idle.recv(65536):
            pass


def test_a_port_in_use_is_one_line(gateway: DemoGateway) -> None:
    port = int(gateway.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
    with pytest.raises(SettingsError, match=f"port {port} on 127.0.0.1 cannot be used") as caught:
        DemoGateway(port).start()
    assert "\n" not in str(caught.value)
    for wrong in (-1, 70_000, "8787"):
        with pytest.raises(SettingsError, match="no TCP port"):
            DemoGateway(wrong)  # type: ignore[arg-type]


def test_a_speed_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_DEMO_SPEED", "fast")
    with pytest.raises(SettingsError, match="'fast'"):
        DemoGateway()
    with pytest.raises(SettingsError, match="-1"):
        DemoGateway(speed=-1)


def test_embedded_is_one_per_process() -> None:
    assert embedded() is embedded()
    assert httpx.get(f"{embedded().base_url}/models").status_code == 200
    embedded().stop()
    assert embedded().running
    embedded().stop()


SERVE = """
import sys
from portkey_nb.gateway.demo.server import serve_forever
serve_forever(on_ready=lambda url: print(url, file=sys.stderr, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_serving_ends_quietly_with_ctrl_c() -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = server.stderr.readline().strip()
        assert httpx.post(f"{url}/chat/completions", content=b"{").status_code == 400
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=20)
    assert (out, err, server.returncode) == ("", "", 0)


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_pieces_are_about_four_characters_of_english() -> None:
    text = "The quick brown fox jumps over the lazy dog, while seventeen travellers were watching from the window."
    assert 3 <= len(text) / count(text) <= 5.5

"""The client, given what was given when a recording was made, sends what was sent then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb import Portkey, errors
from tests.contract.openapi import complaints, request_validator
from tests.contract.recorded import ANSWERED, OF_THE_CONNECTION, Recording, client_options, recording
from tests.gateway import conftest
from tests.gateway.sides import Blocking, Side
from tests.servers import COMPLETION, DONE, ScriptedServer, Seen, chunk, streamed, whole

side = conftest.side

CHATS = [name for name in [*ANSWERED, "openai-nonstream-cut"] if recording(name).is_chat]

# Requests that the client does not let out, and a word of why.
REFUSED: dict[str, tuple[type[errors.PortkeyError], str]] = {
    "gw-config-badmode": (errors.ConfigError, "mode"),
    "gw-badconfig-json": (errors.ConfigError, "JSON"),
    "hdr-config-17k": (errors.ConfigError, "bytes"),
    "hdr-config-40k": (errors.ConfigError, "bytes"),
    "openai-n-stream": (errors.PromptError, "stream is 'true'"),
    **dict.fromkeys(("cfg-conditional-nomatch", "cfg-conditional-params"), (errors.ConfigError, "needs `default`")),
    # The documented name is the plural; the one that was tried here has no effect either.
    **dict.fromkeys(
        ("cfg-retry-after", "cfg-retry-after-3", "cfg-retry-after-120"), (errors.ConfigError, "use_retry_after_headers")
    ),
}

OTHERWISE: dict[str, dict[str, str]] = {
    # The recording tries what the gateway says to another type; the client knows JSON alone.
    "gw-badcontenttype": {"content-type": "application/json"},
    # Names of headers know no case, and need no space between them.
    "hdr-forward": {"x-portkey-forward-headers": "x-foo,x-bar"},
}
"""Headers in which the client differs on purpose."""


def _send(side: Side, call: Recording, server: ScriptedServer) -> None:
    options, extra = client_options(call.headers)
    client = side.client(base_url=server.url, max_retries=0, **options)
    answer = side.create(client, **{"extra_headers": extra, **call.params})
    if call.streamed:
        side.final(answer)


def _answering(call: Recording) -> ScriptedServer:
    return ScriptedServer(streamed(chunk("Hi", "stop"), DONE) if call.streamed else whole(COMPLETION))


def _meant(headers: dict[str, str]) -> dict[str, Any]:
    """Return headers without those of the connection, a config as what it says."""
    found: dict[str, Any] = {name: value for name, value in headers.items() if name not in OF_THE_CONNECTION}
    if found.get("x-portkey-config", "").startswith("{"):
        found["x-portkey-config"] = json.loads(found["x-portkey-config"])
    return found


def _as_sent(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body as the client puts it: no nulls, which the gateway would hand on, and ``stop`` as a list."""
    sent = {name: value for name, value in body.items() if value is not None}
    if isinstance(sent.get("stop"), str):
        sent["stop"] = [sent["stop"]]
    return sent


@pytest.mark.parametrize("name", [name for name in CHATS if name not in REFUSED])
def test_requests_are_those_recorded(side: Side, name: str) -> None:
    call = recording(name)
    with _answering(call) as server:
        _send(side, call, server)
    (seen,) = server.requests
    assert (seen.method, seen.path) == (call.sent["method"], call.sent["path"])
    assert seen.json == _as_sent(call.params)
    assert _meant(seen.headers) == {**_meant(call.headers), **OTHERWISE.get(name, {})}


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_the_client_refuses(side: Side, name: str) -> None:
    kind, word = REFUSED[name]
    call = recording(name)
    with _answering(call) as server, pytest.raises(kind, match=word):
        _send(side, call, server)
    assert server.requests == []


@pytest.mark.parametrize("said", ["150 of 168 recordings are chat requests, 10 of them refused"])
def test_chats_are_counted(said: str) -> None:
    assert (len(CHATS), len(REFUSED)) == (150, 10)
    assert set(ANSWERED) - set(CHATS) == {
        *("gw-404", "gw-badjson", "gw-emptybody"),
        *(
            "route-embeddings",
            "route-feedback",
            "route-health",
            "route-messages",
            "route-models",
            "route-models-noprov",
        ),
        *("route-options", "route-prompts-completions", "route-prompts-render", "route-proxy", "route-public"),
        "route-root",
    }


@pytest.mark.parametrize("name", [name for name in CHATS if name not in REFUSED])
def test_requests_fit_the_description(name: str) -> None:
    request_validator()
    call = recording(name)
    with _answering(call) as server, Blocking() as blocking:
        _send(blocking, call, server)
    assert complaints(server.requests[0].json) == []


def test_the_description_is_no_formality() -> None:
    good = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    assert complaints(good) == []
    assert complaints({**good, "temperature": 3})
    assert complaints({**good, "messages": [{"role": "user"}]})
    assert complaints({"model": "m"})


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)
SCHEMA = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(NAME, st.just({"type": "string"}), max_size=3)}
)
PART = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}),
    st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}),
)
CALL = st.fixed_dictionaries(
    {
        "id": NAME,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": NAME, "arguments": st.just("{}")}),
    }
)
MESSAGE = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "developer", "user", "assistant"]), "content": TEXT}),
    st.fixed_dictionaries({"role": st.just("user"), "content": st.lists(PART, min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.none(), "tool_calls": st.lists(CALL, min_size=1, max_size=2)}
    ),
    st.fixed_dictionaries({"role": st.just("tool"), "tool_call_id": NAME, "content": TEXT}),
)
TOOL = st.fixed_dictionaries(
    {
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": NAME, "description": TEXT, "parameters": SCHEMA}),
    }
)
PARAMS: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "n": st.integers(1, 128),
    "max_tokens": st.integers(1, 10_000),
    "max_completion_tokens": st.integers(1, 10_000),
    "presence_penalty": st.floats(-2, 2),
    "frequency_penalty": st.floats(-2, 2),
    "logit_bias": st.dictionaries(st.from_regex(r"[0-9]{1,5}", fullmatch=True), st.integers(-100, 100), max_size=3),
    "logprobs": st.booleans(),
    "top_logprobs": st.integers(0, 20),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "stop": TEXT | st.lists(TEXT, min_size=1, max_size=4),
    "user": TEXT,
    "response_format": st.one_of(
        st.just({"type": "json_object"}),
        st.builds(lambda name, schema: _json_schema(name, schema), NAME, SCHEMA),
    ),
    "tools": st.lists(TOOL, min_size=1, max_size=2),
    "tool_choice": st.sampled_from(["none", "auto", "required"]),
    "parallel_tool_calls": st.booleans(),
    "thinking": st.fixed_dictionaries({"type": st.just("enabled"), "budget_tokens": st.integers(1, 9999)}),
    "stream": st.booleans(),
}


def _json_schema(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}


@pytest.fixture(scope="module")
def listener() -> Iterator[ScriptedServer]:
    """A server that answers all; a stream request too may be answered in one piece."""
    with ScriptedServer(whole(COMPLETION)) as server:
        yield server


@settings(deadline=None)
@given(
    messages=st.lists(MESSAGE, min_size=1, max_size=4),
    params=st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in PARAMS.items()}),
)
def test_any_request_fits_the_description(
    listener: ScriptedServer, messages: list[Any], params: dict[str, Any]
) -> None:
    request_validator()
    if params.get("stream", False) is None:
        del params["stream"]
    with Portkey(base_url=listener.url, max_retries=0) as client:
        answer = client.chat.completions.create(messages=messages, model="m", **params)
        if params.get("stream"):
            answer.close()
    seen: Seen = listener.requests.pop()
    assert complaints(seen.json) == []
    given = {"model": "m", "messages": messages, **_as_sent(params)}
    if not params.get("stream"):
        given.pop("stream", None)
    assert seen.json == given

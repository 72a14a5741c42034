"""Every recorded answer of the open-source gateway 1.15.2, replayed byte for byte into both clients."""

from __future__ import annotations

import re
from typing import Any

import pytest

from portkey_nb import errors
from portkey_nb.engine.normalize import reasoning_text
from tests.contract.recorded import ANSWERED, NO_ANSWERS, Told, names, recording, told
from tests.gateway import conftest
from tests.gateway.sides import Side
from tests.servers import CLOSE, ScriptedServer

side = conftest.side

RECORDED = 168
REPLAYED = 164

STATUS_CLASS: dict[int, type[errors.APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    404: errors.NotFoundError,
    408: errors.RequestTimeoutError,
    429: errors.RateLimitError,
    431: errors.BadRequestError,
    446: errors.GuardrailError,
    500: errors.GatewayError,
    502: errors.GatewayError,
    503: errors.GatewayError,
}

# Answers with HTTP status 200 that are none: class, and words of the message.
FALSE_SUCCESS: dict[str, tuple[type[errors.APIStatusError], str]] = {
    "google-stop-blocked": (errors.APIStatusError, "Invalid response received from google"),
    "openai-stream-miderr": (errors.GatewayError, "The server had an error while processing your request"),
    # Other routes of the gateway, and what it passes on to the provider, are no chat completions.
    "route-root": (errors.APIStatusError, "AI Gateway says hey!"),
    "route-embeddings": (errors.APIStatusError, "is no answer of a gateway"),
    "route-feedback": (errors.APIStatusError, "is no answer of a gateway"),
    "route-proxy": (errors.APIStatusError, "is no answer of a gateway"),
    "route-messages": (errors.APIStatusError, "is no answer of a gateway"),
}

# What no status line and no body says.
SPECIAL_WORDS = {
    "hdr-config-17k": "the config is too large for a header",
    "hdr-config-40k": "the config is too large for a header",
    "up-html502": "502 Bad Gateway nginx",
    "gw-404": "404 Not Found",
    "gw-config-badmode": "path: strategy,mode",
    "cfg-timeout": "300ms",
}

UNFINISHED = {
    "openai-stream-midabort": "Hello from",
    "openai-stream-midclose": "Hello from",
    "anthropic-stream-midabort": "Hel",
    "anthropic-stream-midclose": "Hel",
    "cfg-fallback-midstream": "Hello from",
    "openai-stream-cut": "HelHel",
    "anthropic-stream-cut": "",
}


def _told(name: str) -> Told:
    call = recording(name)
    return told(b"".join(call.wire), call.sent["method"])


def _kind(name: str) -> str:
    """Sort a recording by what the second reader finds in it."""
    answer = _told(name)
    if name == "route-models":
        return "models"
    if answer.status >= 400:
        return "error"
    if name in FALSE_SUCCESS:
        return "false success"
    return "unfinished" if recording(name).streamed and answer.unfinished else "answer"


KINDS = {name: _kind(name) for name in ANSWERED}


def _of(kind: str) -> list[str]:
    return [name for name in ANSWERED if KINDS[name] == kind]


def _call(side: Side, name: str, server: ScriptedServer) -> Any:
    client = side.client(base_url=server.url, max_retries=0)
    return side.create(client, stream=recording(name).streamed)


def _replay(name: str) -> ScriptedServer:
    return ScriptedServer([*recording(name).wire, CLOSE])


@pytest.mark.parametrize("said", [f"{REPLAYED} of {RECORDED} recordings"])
def test_replayed(said: str) -> None:
    assert len(names()) == RECORDED
    assert len(ANSWERED) == REPLAYED
    assert set(names()) - set(ANSWERED) == set(NO_ANSWERS)
    assert sorted(_of("answer") + _of("unfinished") + _of("error") + _of("false success") + _of("models")) == ANSWERED
    assert set(_of("unfinished")) == set(UNFINISHED)
    assert set(_of("false success")) == set(FALSE_SUCCESS)


@pytest.mark.parametrize("name", _of("answer"))
def test_answers(side: Side, name: str) -> None:
    expected = _told(name)
    with _replay(name) as server:
        answer = _call(side, name, server)
        if recording(name).streamed:
            chunks = side.read(answer)
            answer = side.final(answer)
            for index, said in expected.choices.items():
                pieces = [choice.delta.content or "" for c in chunks for choice in c.choices if choice.index == index]
                assert "".join(pieces) == (said.text or "")
    assert [choice.index for choice in answer.choices] == sorted(expected.choices)
    for choice in answer.choices:
        said = expected.choices[choice.index]
        message = choice.message
        assert message.role == "assistant"
        assert message.content == said.text
        assert choice.finish_reason == said.finish
        called = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls]
        assert called == said.called
        assert message.content_blocks == said.content_blocks
        assert reasoning_text(message.model_dump()) == said.thoughts
    assert (answer.usage and answer.usage.model_dump()) == expected.usage
    assert answer.headers == expected.portkey_headers
    assert answer.trace_id == (expected.headers.get("x-portkey-trace-id") or None)
    hooks = next(
        (each["hook_results"] for each in (expected.data, *expected.events) if each and "hook_results" in each), None
    )
    assert answer.model_dump().get("hook_results") == hooks


@pytest.mark.parametrize("name", _of("unfinished"))
def test_streams_that_end_too_early(side: Side, name: str) -> None:
    expected = _told(name)
    assert (expected.choices[0].text or "").startswith(UNFINISHED[name])
    with _replay(name) as server:
        stream = _call(side, name, server)
        with pytest.raises(errors.StreamIncomplete, match="before the answer was finished") as caught:
            side.final(stream)
        assert stream.headers == expected.portkey_headers
    (choice,) = caught.value.completion.choices
    assert choice.message.content == expected.choices[0].text
    assert choice.finish_reason is None


def _words(body: dict[str, Any]) -> str:
    """Return the sentence of an error body, by the order in which a client has to look."""
    error = body.get("error")
    for said in (
        error.get("message") if isinstance(error, dict) else None,
        body.get("message"),
        body.get("html-message"),
    ):
        if said:
            return " ".join(re.sub("<[^>]*>", " ", said).split()).rstrip(".")
    return ""


@pytest.mark.parametrize("name", _of("error"))
def test_errors(side: Side, name: str) -> None:
    expected = _told(name)
    body = expected.data or {}
    with _replay(name) as server, pytest.raises(errors.APIStatusError) as caught:
        _call(side, name, server)
    error = caught.value
    assert type(error) is STATUS_CLASS[expected.status]
    assert error.status == expected.status
    assert error.message.startswith(f"{expected.status} ")
    assert _words(body) in error.message
    assert SPECIAL_WORDS.get(name, "") in error.message
    detail = body.get("error") if isinstance(body.get("error"), dict) else {}
    assert error.code == (None if detail.get("code") is None else str(detail["code"]))
    assert error.provider == (expected.headers.get("x-portkey-provider") or body.get("provider"))
    assert error.trace_id == (expected.headers.get("x-portkey-trace-id") or None)
    assert error.body == (body or expected.body.decode())
    assert {key: error.headers[key] for key in expected.portkey_headers} == expected.portkey_headers
    if expected.status == 429:
        assert error.retry_after == float(expected.headers["retry-after"])


@pytest.mark.parametrize("name", _of("false success"))
def test_errors_behind_status_200(side: Side, name: str) -> None:
    expected = _told(name)
    kind, words = FALSE_SUCCESS[name]
    with _replay(name) as server, pytest.raises(errors.APIStatusError) as caught:
        side.final(_call(side, name, server))
    error = caught.value
    assert type(error) is kind
    assert error.status == expected.status == 200
    assert words in error.message
    assert error.provider == expected.headers.get("x-portkey-provider")
    came = expected.choices.get(0)
    assert (error.completion and error.completion.choices[0].message.content) == (came and came.text)


@pytest.mark.parametrize("name", _of("models"))
def test_model_list(side: Side, name: str) -> None:
    with _replay(name) as server:
        found = side.models(side.client(base_url=server.url, provider="openai"))
    assert [model.id for model in found] == [model["id"] for model in _told(name).data["data"]]
    assert found.headers == _told(name).portkey_headers
    assert server.requests[0].path == recording(name).sent["path"]

"""Every recorded answer of the open-source gateway 1.15.2, replayed byte for byte into both clients."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_nb import errors
from tests.contract.checks import assert_answer, assert_error
from tests.contract.recorded import ANSWERED, NO_ANSWERS, Told, names, recording, told
from tests.gateway import conftest
from tests.gateway.sides import Side
from tests.servers import CLOSE, ScriptedServer

side = conftest.side

RECORDED = 168
REPLAYED = 164

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
    assert_answer(answer, expected)


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


@pytest.mark.parametrize("name", _of("error"))
def test_errors(side: Side, name: str) -> None:
    expected = _told(name)
    with _replay(name) as server, pytest.raises(errors.APIStatusError) as caught:
        _call(side, name, server)
    assert_error(caught.value, expected)
    assert SPECIAL_WORDS.get(name, "") in caught.value.message


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

"""A key is sent where it belongs, and shows nowhere: not in a repr, an error, a traceback or a log."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import portkey_nb
from portkey_nb import AsyncPortkey, Portkey, settings
from portkey_nb.errors import PortkeyError
from portkey_nb.settings import Secret, load, login, logout
from tests.gateway.sides import MESSAGES, Side
from tests.servers import COMPLETION, HELLO, ScriptedServer, chunk, streamed, whole

KEYS = {
    "api_key": "pk-portkey-key-1",
    "virtual_key": "vk-virtual-key-2",
    "Authorization": "sk-provider-key-3",
    "aws_secret_access_key": "aws-secret-4",
}
CONFIG = {"targets": [{"provider": "openai", "api_key": "sk-inside-config-5"}], "strategy": {"mode": "fallback"}}
ALL = [*KEYS.values(), "sk-inside-config-5", "sk-extra-6"]
EXTRA = {"x-api-key": "sk-extra-6"}


def _reveals(text: str) -> list[str]:
    return [key for key in ALL if key in text]


def _told(error: BaseException) -> str:
    return f"{error} {error!r} {error.args} {vars(error)}"


def _locals(error: BaseException) -> str:
    """Return what a traceback with local names shows of the package's own frames; the caller's hold the keys anyway."""
    stack = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    home = str(Path(portkey_nb.__file__).parent)
    return "\n".join(f"{frame.name} {frame.locals}" for frame in stack if frame.filename.startswith(home))


def test_a_secret_shows_as_dots_and_is_sent_as_it_is() -> None:
    secret = Secret("pk-abcdefgh")
    assert _is_dots(repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{secret}")
    assert secret.reveal() == "pk-abcdefgh"
    assert Secret(secret).reveal() == "pk-abcdefgh"
    assert type(secret.reveal()) is str
    assert secret == "pk-abcdefgh"
    assert pickle.loads(pickle.dumps(secret)).reveal() == "pk-abcdefgh"


def _is_dots(*shown: str) -> bool:
    return all("***" in text and "abc" not in text for text in shown)


def test_the_keys_arrive(side: Side) -> None:
    with ScriptedServer() as server:
        side.create(side.client(base_url=server.url, config=CONFIG, **KEYS), extra_headers=EXTRA)
        headers = server.requests[0].headers
    assert headers["x-portkey-api-key"] == KEYS["api_key"]
    assert headers["x-portkey-virtual-key"] == KEYS["virtual_key"]
    assert headers["authorization"] == f"Bearer {KEYS['Authorization']}"
    assert headers["x-portkey-aws-secret-access-key"] == KEYS["aws_secret_access_key"]
    assert json.loads(headers["x-portkey-config"]) == CONFIG
    assert headers["x-api-key"] == "sk-extra-6"


def test_nothing_that_can_be_printed_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with Portkey(base_url="http://127.0.0.1:9/v1", config=CONFIG, **KEYS) as client:
        other = client.with_options(config=CONFIG, api_key=KEYS["api_key"])
        request = client._chat(MESSAGES, "m", True, None, EXTRA, {})
        shown = [client, str(client), vars(client), vars(other), client.chat, request, request.headers, other]
        assert _reveals(" ".join(map(repr, shown))) == []
    monkeypatch.setenv("PORTKEY_API_KEY", KEYS["api_key"])
    monkeypatch.setenv("PORTKEY_VIRTUAL_KEY", KEYS["virtual_key"])
    assert _reveals(f"{load()} {load()!r}") == []
    monkeypatch.delenv("PORTKEY_API_KEY")
    login(KEYS["api_key"])
    try:
        assert _reveals(f"{load()!r} {settings._session!r}") == []
    finally:
        logout()


ECHOES: dict[str, Callable[[str], Any]] = {
    "provider's message": lambda key: whole({"error": {"message": f"Incorrect API key: {key}.", "code": key}}, 401),
    "plain text": lambda key: whole(f"no such key {key}".encode(), 500),
    "cut text": lambda key: whole(("x" * 490 + key).encode(), 500),
    "deep in the body": lambda key: whole({"error": {"message": "no"}, "request": {"headers": [{key: key}]}}, 400),
    "a header": lambda key: whole({"error": {"message": "no"}}, 400, {"x-echo": f"Bearer {key}"}),
    "under status 200": lambda key: whole({"error": {"message": f"key {key}"}}),
    "no JSON under status 200": lambda key: whole(f"hello {key}".encode()),
    "no answer": lambda key: whole({"key": key}),
}


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_that_is_echoed_is_struck_out(side: Side, echo: str, key: str) -> None:
    with ScriptedServer(ECHOES[echo](key)) as server:
        client = side.client(base_url=server.url, config=CONFIG, max_retries=0, **KEYS)
        with pytest.raises(PortkeyError) as caught:
            side.create(client, extra_headers=EXTRA)
    told = _told(caught.value)
    assert _reveals(told) == []
    assert key[:10] not in told
    assert "***" in told


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("form", ["error", "malformed"])
def test_a_key_that_a_stream_echoes_is_struck_out(side: Side, form: str, key: str) -> None:
    bad = {"error": {"message": f"bad {key}"}} if form == "error" else b"data: " + b"x" * 50 + key.encode() + b"\n\n"
    with ScriptedServer(streamed(chunk("a"), bad)) as server:
        client = side.client(base_url=server.url, config=CONFIG, **KEYS)
        stream = side.create(client, stream=True, extra_headers=EXTRA)
        with pytest.raises(PortkeyError) as caught:
            side.read(stream)
    told = _told(caught.value)
    assert _reveals(told) == []
    assert key[:10] not in told


def _fails_on_the_way(**more: Any) -> Callable[[type], None]:
    def fail(kind: type) -> None:
        client = kind(**{"base_url": "http://127.0.0.1:9/v1", "max_retries": 0, **KEYS, "config": CONFIG})
        asked = client.chat.completions.create(messages=MESSAGES, **{"model": "m", "extra_headers": EXTRA, **more})
        if kind is AsyncPortkey:
            asyncio.run(asked)

    return fail


MISTAKES: dict[str, Callable[[type], None]] = {
    "no connection": _fails_on_the_way(),
    "no model": _fails_on_the_way(model=""),
    "a bad parameter": _fails_on_the_way(tools=object()),
    "a bad header": _fails_on_the_way(extra_headers={**EXTRA, "x-y": "a\nb"}),
    "a key of two lines": _fails_on_the_way(extra_headers={"x-api-key": "sk-extra-6\nsk-extra-6"}),
    "a bad URL": lambda kind: kind(base_url="nonsense", **KEYS),
    "a bad timeout": lambda kind: kind(base_url="local", timeout=-1, **KEYS),
    "a bad config": lambda kind: kind(base_url="local", config={**CONFIG, "strategy": {"mode": "x"}}, **KEYS),
    "a bad config as text": lambda kind: kind(base_url="local", config=json.dumps({**CONFIG, "strategy": {}}), **KEYS),
    "broken config text": lambda kind: kind(base_url="local", config=json.dumps(CONFIG)[:-1], **KEYS),
    "a bad option": lambda kind: kind(base_url="local", **KEYS).with_options(config={**CONFIG, "cache": 1}),
}


@pytest.mark.parametrize("kind", [Portkey, AsyncPortkey])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_mistake_brings_a_key_to_light(mistake: str, kind: type) -> None:
    with pytest.raises(PortkeyError) as caught:
        MISTAKES[mistake](kind)
    assert _reveals(_told(caught.value)) == []
    assert _reveals(_locals(caught.value)) == []
    assert _locals(caught.value)
    assert caught.value.__context__ is None


def test_logs_at_the_lowest_level_hold_no_key(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    for name in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(1)
    with ScriptedServer(whole(COMPLETION), streamed(*HELLO), whole({"error": {"message": "no"}}, 401)) as server:
        client = side.client(base_url=server.url, config=CONFIG, **KEYS)
        side.create(client, extra_headers=EXTRA)
        side.read(side.create(client, stream=True, extra_headers=EXTRA))
        with pytest.raises(PortkeyError):
            side.create(client, extra_headers=EXTRA)
    told = " ".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert _reveals(told) == []


def test_a_dead_server_is_reached_without_a_key_in_the_log(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = side.client(base_url=f"http://127.0.0.1:{port}/v1", max_retries=0, config=CONFIG, **KEYS)
    with pytest.raises(PortkeyError):
        side.create(client)
    assert _reveals(caplog.text) == []

"""Which failures are tried again, how often, and when not."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from portkey_nb import AsyncPortkey
from portkey_nb.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    GatewayError,
    RateLimitError,
    StreamIncomplete,
)
from portkey_nb.gateway import transport
from tests.gateway.sides import MESSAGES, Side
from tests.servers import CLOSE, COMPLETION, HELLO, RESET, ScriptedServer, chunk, head, streamed, whole

NOW = {"retry-after": "0"}
PROBLEM = {"error": {"message": "no"}}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
def test_a_passing_failure_is_tried_again(side: Side, status: int, stream: bool) -> None:
    good = streamed(*HELLO) if stream else whole(COMPLETION)
    with ScriptedServer(whole(PROBLEM, status, NOW), whole(PROBLEM, status, NOW), good) as server:
        answer = side.create(side.client(base_url=server.url), stream=stream)
        answer = side.final(answer) if stream else answer
        assert answer.choices[0].message.content == "Hello"
        assert len(server.requests) == 3
        assert len({seen.body for seen in server.requests}) == 1


@pytest.mark.parametrize("broken", [[CLOSE], [RESET], [head(200), RESET]], ids=["closed", "reset", "reset after head"])
def test_a_connection_that_breaks_before_the_answer_is_tried_again(side: Side, broken: list[Any]) -> None:
    with ScriptedServer(broken, whole(COMPLETION)) as server:
        assert side.create(side.client(base_url=server.url)).id == "c1"
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 422, 446])
def test_a_refusal_is_final(side: Side, status: int) -> None:
    with ScriptedServer(whole(PROBLEM, status)) as server:
        client = side.client(base_url=server.url)
        with pytest.raises(APIStatusError):
            side.create(client)
        assert len(server.requests) == 1


@pytest.mark.parametrize("most", [0, 1, 3])
def test_max_retries_counts_the_tries_beyond_the_first(side: Side, most: int) -> None:
    with ScriptedServer(whole(PROBLEM, 500, NOW)) as server:
        client = side.client(base_url=server.url, max_retries=most)
        with pytest.raises(GatewayError):
            side.create(client)
        assert len(server.requests) == most + 1
        with pytest.raises(GatewayError):
            side.create(client.with_options(max_retries=0))
        assert len(server.requests) == most + 2


@pytest.mark.parametrize(
    "config",
    [
        {"retry": {"attempts": 3}, "provider": "openai"},
        {"strategy": {"mode": "fallback"}, "targets": [{"provider": "a"}, {"provider": "b", "retry": {"attempts": 1}}]},
        '{"provider": "openai", "retry": {"attempts": 2}}',
    ],
)
def test_the_client_leaves_retrying_to_a_config_that_does_it(side: Side, config: Any) -> None:
    with ScriptedServer(whole(PROBLEM, 500, NOW)) as server:
        client = side.client(base_url=server.url, config=config)
        with pytest.raises(GatewayError):
            side.create(client)
        assert len(server.requests) == 1


def test_retry_after_is_honoured(side: Side) -> None:
    with ScriptedServer(whole(PROBLEM, 429, {"retry-after": "0.3"}), whole(COMPLETION)) as server:
        client = side.client(base_url=server.url)
        began = time.monotonic()
        side.create(client)
        assert time.monotonic() - began >= 0.3
        assert len(server.requests) == 2


def test_a_retry_after_that_is_too_long_is_told_at_once(side: Side) -> None:
    for asked in ("3600", formatdate(time.time() + 3600, usegmt=True)):
        with ScriptedServer(whole(PROBLEM, 429, {"retry-after": asked})) as server:
            client = side.client(base_url=server.url)
            with pytest.raises(RateLimitError):
                side.create(client)
            assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        (lambda: {"retry-after": "2"}, 2, 2),
        (lambda: {"retry-after": formatdate(time.time() + 30, usegmt=True)}, 1, 30),
        (lambda: {"retry-after": formatdate(time.time() - 30, usegmt=True)}, 0, 0),
        (lambda: {"retry-after": "soon"}, 0.3, 0.7),
        (dict, 0.3, 0.7),
    ],
)
def test_how_long_the_first_wait_is(headers: Callable[[], dict[str, str]], low: float, high: float) -> None:
    for status, kind in ((429, RateLimitError), (503, GatewayError)):
        delay = transport.retry_delay(kind("no", status=status, headers=headers()), 1, 2)
        assert delay is not None
        assert low <= delay <= high


def test_a_dead_server_is_tried_again_and_then_told_in_one_line(side: Side) -> None:
    client = side.client(base_url=f"http://127.0.0.1:{_free_port()}/v1", max_retries=1)
    with pytest.raises(APIConnectionError, match=r"cannot reach http://127\.0\.0\.1") as caught:
        side.create(client)
    assert "is the gateway running" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.__context__ is None


def test_nothing_is_tried_again_after_the_first_byte(side: Side) -> None:
    with ScriptedServer(streamed(chunk("Hel"), RESET)) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        with pytest.raises(StreamIncomplete):
            side.read(stream)
        assert len(server.requests) == 1


def test_attempts_are_told_as_they_are_sent() -> None:
    async def main(url: str) -> None:
        async with AsyncPortkey(base_url=url) as client:
            request = client._chat(MESSAGES, "m", False, None, None, {})
            await client.chat.completions.perform(request, attempts.append)

    attempts: list[int] = []
    with ScriptedServer(whole(PROBLEM, 500, NOW), whole(PROBLEM, 429, NOW), whole(COMPLETION)) as server:
        asyncio.run(main(server.url))
    assert attempts == [1, 2, 3]


def test_the_model_list_is_tried_again_too(side: Side) -> None:
    with ScriptedServer(whole(PROBLEM, 503, NOW), whole({"data": []})) as server:
        assert len(side.models(side.client(base_url=server.url))) == 0
        assert len(server.requests) == 2


def test_the_last_error_is_the_one_raised(side: Side) -> None:
    with ScriptedServer(whole(PROBLEM, 500, NOW), whole(PROBLEM, 401)) as server:
        client = side.client(base_url=server.url)
        with pytest.raises(AuthenticationError):
            side.create(client)


@pytest.mark.parametrize("wrong", [-1, 1.5, "2", True, None])
def test_max_retries_is_a_whole_number(side: Side, wrong: Any) -> None:
    with pytest.raises(Exception, match="max_retries is"):
        side.client(base_url="local", max_retries=wrong)

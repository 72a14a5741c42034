"""The connections for many requests at once do what httpx's own do: the same answers, errors, limits and silence."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import traceback
from collections.abc import Sequence
from typing import Any

import pytest

from portkey_nb import AsyncPortkey
from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.many import ManyTransport, proxied
from tests.conftest import REQUIRE_ALL
from tests.servers import CLOSE, COMPLETION, HELLO, RESET, STALL, ScriptedServer, Step, chunk, head, streamed, whole

try:
    import aiohttp  # noqa: F401
except ImportError:
    if os.environ.get(REQUIRE_ALL) == "1":
        raise
    pytest.skip("needs aiohttp, which `pip install aiohttp` brings", allow_module_level=True)

MESSAGES = [{"role": "user", "content": "hello"}]
SECRET = "pk-secret-0123456789abcdef"
PACKED = gzip.compress(json.dumps(COMPLETION).encode())


def clients(url: str, **more: Any) -> list[AsyncPortkey]:
    options = {"base_url": url, "api_key": SECRET, "max_retries": 0, **more}
    return [AsyncPortkey(**options), AsyncPortkey(**options, transport=ManyTransport())]


async def said(client: AsyncPortkey, stream: bool) -> tuple[str, str]:
    """Make a call; return what came, or the error in its one line."""
    async with client:
        try:
            answer = await client.chat.completions.create(model="m", messages=MESSAGES, stream=stream)
            if stream:
                answer = await answer.get_final_completion()
        except PortkeyError as raised:
            error = raised
        else:
            return "answer", answer.choices[0].message.content or ""
    assert SECRET not in "".join(traceback.format_exception(error))
    assert error.__cause__ is None
    assert error.__context__ is None
    return type(error).__name__, error.message


ANSWERS: dict[str, tuple[Sequence[Step], bool]] = {
    "whole": (whole(COMPLETION), False),
    "packed": (whole(PACKED, headers={"content-type": "application/json", "content-encoding": "gzip"}), False),
    "stream": (streamed(*HELLO), True),
    "stream as one document": (whole(COMPLETION), True),
    "long header": (whole(COMPLETION, headers={"x-portkey-trace-id": "t" * 20_000}), False),
    "401": (whole({"error": {"message": "wrong key"}}, 401), False),
    "429 to a stream": (whole({"error": {"message": "slow down"}}, 429, {"retry-after": "7"}), True),
    "502 in HTML": (whole(b"<html>bad gateway</html>", 502, {"content-type": "text/html"}), False),
    "redirect": (whole(b"", 302, {"location": "http://127.0.0.1:1/"}), False),
    "nothing": ([CLOSE], False),
    "no HTTP": ([b"what?\r\n\r\n", CLOSE], False),
    "cut body": ([head(200, {"content-length": "100"}) + b'{"id":', CLOSE], False),
    "cut stream": (streamed(chunk("Hel"), CLOSE, end=False), True),
    "stalled stream": (streamed(chunk("Hel"), STALL, end=False), True),
    "stalled answer": ([STALL], False),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_same_comes_of_the_same_answer(name: str) -> None:
    script, stream = ANSWERS[name]

    async def both(url: str) -> list[tuple[str, str]]:
        return [await said(client, stream) for client in clients(url, timeout={"idle": 0.2, "answer": 0.2})]

    with ScriptedServer(script) as server:
        ours, fast = asyncio.run(both(server.url))
    kind, message = fast
    assert kind == ours[0]
    if name not in ("no HTTP", "cut body", "cut stream"):  # whose reason, in brackets, is the library's
        assert message == ours[1]
    assert message.split("(")[0] == ours[1].split("(")[0]
    assert "\n" not in message


@pytest.mark.parametrize("stream", [False, True])
def test_a_reset_is_a_broken_connection(stream: bool) -> None:
    async def both(url: str) -> list[tuple[str, str]]:
        return [await said(client, stream) for client in clients(url)]

    with ScriptedServer([RESET]) as server:
        ours, fast = asyncio.run(both(server.url))
        said_first = f"the connection to {server.url} broke before an answer came"
    assert fast[0] == ours[0] == "APIConnectionError"
    assert fast[1].startswith(said_first)
    assert "()" not in fast[1]


def test_a_gateway_that_is_not_there_is_said_in_the_same_words() -> None:
    with ScriptedServer() as gone:
        url = gone.url

    async def both(url: str) -> list[tuple[str, str]]:
        return [await said(client, False) for client in clients(url)]

    ours, fast = asyncio.run(both(url))
    assert fast == ours
    ours, fast = asyncio.run(both("http://nowhere.invalid/v1"))
    assert fast[0] == ours[0]
    assert fast[1].split("(")[0] == ours[1].split("(")[0]


def test_what_is_sent_is_the_same_key_included() -> None:
    async def both(url: str) -> None:
        for client in clients(url, provider="openai", config={"retry": {"attempts": 2}, "api_key": SECRET}):
            assert (await said(client, True))[0] == "answer"

    with ScriptedServer(streamed(*HELLO)) as server:
        asyncio.run(both(server.url))
    ours, fast = server.requests
    assert (fast.method, fast.path, fast.json) == (ours.method, ours.path, ours.json)
    own = {"host", "content-length"}
    assert {n: v for n, v in fast.headers.items() if n not in own} == {
        n: v for n, v in ours.headers.items() if n not in own
    }
    assert fast.headers["x-portkey-api-key"] == SECRET


def test_connections_are_used_again() -> None:
    async def many(url: str) -> None:
        async with AsyncPortkey(base_url=url, transport=ManyTransport()) as client:
            for stream in (False, True, False):
                answer = await client.chat.completions.create(model="m", messages=MESSAGES, stream=stream)
                if stream:
                    await answer.get_final_completion()

    with ScriptedServer(whole(COMPLETION), streamed(*HELLO), whole(COMPLETION)) as server:
        asyncio.run(many(server.url))
    assert server.connections == 1


@pytest.mark.parametrize("script", [[STALL], streamed(chunk("Hel"), STALL, end=False)])
def test_a_cancelled_call_closes_its_connection_at_once(script: Sequence[Step]) -> None:
    async def cancelled(server: ScriptedServer) -> None:
        async with AsyncPortkey(base_url=server.url, transport=ManyTransport()) as client:
            heard = asyncio.Event()

            async def call() -> None:
                stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
                async with stream:
                    async for _ in stream:
                        heard.set()

            task = asyncio.create_task(call())
            if len(script) > 1:
                await heard.wait()
            else:
                while not server.requests:
                    await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.left.wait, 5)

    with ScriptedServer(script) as server:
        asyncio.run(cancelled(server))


def test_a_stream_that_is_closed_early_closes_its_connection() -> None:
    async def early(server: ScriptedServer) -> None:
        async with AsyncPortkey(base_url=server.url, transport=ManyTransport()) as client:
            stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            await anext(stream)
            await stream.close()
            assert await asyncio.to_thread(server.left.wait, 5)

    with ScriptedServer(streamed(chunk("Hel"), STALL, end=False)) as server:
        asyncio.run(early(server))


def test_a_proxy_of_the_environment_is_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert not proxied("https://api.portkey.ai/v1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert proxied("https://api.portkey.ai/v1")
    assert not proxied("http://api.portkey.ai/v1")
    monkeypatch.setenv("NO_PROXY", "portkey.ai")
    assert not proxied("https://api.portkey.ai/v1")


def test_a_proxy_of_the_environment_is_used_and_loopback_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(url: str) -> tuple[str, str]:
        return await said(AsyncPortkey(base_url=url, max_retries=0, transport=ManyTransport()), False)

    with ScriptedServer() as proxy, ScriptedServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        assert asyncio.run(ask("http://gateway.example/v1")) == ("answer", "Hello")
        assert asyncio.run(ask(server.url)) == ("answer", "Hello")
    assert len(proxy.requests) == len(server.requests) == 1
    assert proxy.requests[0].path.startswith("http://gateway.example/v1")

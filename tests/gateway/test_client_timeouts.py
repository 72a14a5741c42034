"""The client's own time limits: connecting, between two pieces, a whole answer, a whole call."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from portkey_nb.errors import APITimeoutError, SettingsError, StreamIncomplete
from portkey_nb.gateway.transport import Timeouts
from tests.gateway.sides import Side
from tests.servers import COMPLETION, HELLO, STALL, ScriptedServer, chunk, event, head, piece, streamed, whole


@pytest.fixture
def full() -> Iterator[str]:
    """Give the URL of a server whose queue of connections is full, so that no further one is ever made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        for one in waiting:
            one.close()


def test_the_limits_when_nothing_is_said() -> None:
    assert Timeouts() == Timeouts(connect=10, idle=60, answer=600, total=None)
    assert Timeouts.of(5, Timeouts()) == Timeouts(total=5)
    assert Timeouts.of({"idle": None, "connect": 1}, Timeouts(total=3)) == Timeouts(connect=1, idle=None, total=3)


@pytest.mark.parametrize("wrong", [0, -1, "5", True, {"total": 0}, {"nope": 1}])
def test_a_limit_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(SettingsError, match="time limit"):
        Timeouts.of(wrong, Timeouts())


@pytest.mark.parametrize("timeout", [{"connect": 0.1}, 0.1])
def test_connecting(side: Side, full: str, timeout: Any) -> None:
    client = side.client(base_url=full, timeout=timeout, max_retries=0)
    with pytest.raises(APITimeoutError, match=r"no connection to .* within 0.1 s|no answer within 0.1 s") as caught:
        side.create(client)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("where", ["client", "call", "options"])
def test_a_server_that_never_answers(side: Side, where: str, stream: bool) -> None:
    limits = {"idle": 0.1, "answer": 0.1}
    with ScriptedServer([STALL]) as server:
        client = side.client(base_url=server.url, timeout=limits if where == "client" else None)
        client = client.with_options(timeout=limits) if where == "options" else client
        extra = {"timeout": limits} if where == "call" else {}
        with pytest.raises(APITimeoutError, match=r"gave no answer within 0.1 s; run again"):
            side.create(client, stream=stream, **extra)
        assert len(server.requests) == 1, "a provider that may be at work is not asked twice"
        assert server.left.wait(1)


def test_a_stream_that_stalls(side: Side) -> None:
    with ScriptedServer(streamed(chunk("Hel"), STALL)) as server:
        stream = side.create(side.client(base_url=server.url, timeout={"idle": 0.5}), stream=True)
        with pytest.raises(StreamIncomplete, match="stalled") as caught:
            side.read(stream)
        assert server.left.wait(1)
    assert caught.value.completion.choices[0].message.content == "Hel"
    assert caught.value.completion.choices[0].finish_reason is None


def test_a_stream_that_stalls_after_it_is_finished_is_whole(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO[:-1], STALL)) as server:
        stream = side.create(side.client(base_url=server.url, timeout={"idle": 0.5}), stream=True)
        assert len(side.read(stream)) == 4
        assert side.final(stream).choices[0].message.content == "Hello"


class Dripping:
    """Steps without end: one piece every few milliseconds, none of them late for the idle limit."""

    def __init__(self, first: bytes, drop: bytes) -> None:
        self.first, self.drop = first, drop

    def __iter__(self) -> Iterator[Any]:
        yield self.first
        while True:
            yield self.drop
            threading.Event().wait(0.02)


def test_the_whole_call_is_limited_although_pieces_keep_coming(side: Side) -> None:
    drip = Dripping(streamed(end=False)[0], piece(event(chunk("x"))))  # type: ignore[arg-type]
    with ScriptedServer(drip) as server:  # type: ignore[arg-type]
        client = side.client(base_url=server.url)
        began = time.monotonic()
        stream = side.create(client, stream=True, timeout=0.3)
        with pytest.raises(StreamIncomplete, match="time limit of the whole call") as caught:
            side.read(stream)
        assert 0.25 < time.monotonic() - began < 5
        assert "xx" in caught.value.completion.choices[0].message.content
        assert server.left.wait(1)


def test_the_whole_call_is_limited_while_a_stream_is_silent(side: Side) -> None:
    with ScriptedServer(streamed(chunk("x"), STALL)) as server:
        stream = side.create(side.client(base_url=server.url), stream=True, timeout={"total": 0.3, "idle": None})
        with pytest.raises(StreamIncomplete, match="time limit of the whole call"):
            side.read(stream)
        assert server.left.wait(1)


def test_the_whole_call_is_limited_while_a_document_drips(side: Side) -> None:
    drip = Dripping(head(200, {"content-length": "100000"}), b" ")
    with ScriptedServer(drip) as server:  # type: ignore[arg-type]
        client = side.client(base_url=server.url, timeout=0.3)
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match=r"within 0.3 s"):
            side.create(client)
        assert time.monotonic() - began < 5
        assert len(server.requests) == 1


def test_the_whole_call_counts_its_retries(side: Side) -> None:
    with ScriptedServer(whole({"error": "no"}, 503, {"retry-after": "50"})) as server:
        client = side.client(base_url=server.url, timeout=1)
        with pytest.raises(Exception, match="503"):
            side.create(client)
        assert len(server.requests) == 1


def test_a_limit_of_one_call_leaves_the_next_alone(side: Side) -> None:
    for first in (streamed(*HELLO), whole(COMPLETION)):
        later = threading.Event()
        top, body = whole(COMPLETION)[0].split(b"\r\n\r\n")  # type: ignore[union-attr]
        with ScriptedServer(first, [top + b"\r\n\r\n", later, body]) as server:
            client = side.client(base_url=server.url)
            stream = side.create(client, stream=True, timeout=0.3)
            side.read(stream)
            threading.Timer(0.6, later.set).start()
            assert side.create(client).id == "c1"
            assert server.connections == 1

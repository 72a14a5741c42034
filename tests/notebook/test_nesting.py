"""Tapes inside of tapes: an outer recording holds what was really asked, and inside a replay nothing is sent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from portkey_nb import AsyncPortkey, Portkey, ask, compare, errors, recording, replaying, runs
from portkey_nb.gateway.tape import read
from tests.gateway.test_recording import MESSAGES, answer_of, lines_of, told
from tests.gateway.test_replaying import NOBODY, saying
from tests.servers import COMPLETION, DONE, RESET, ScriptedServer, chunk, streamed, whole

Magic = Callable[[str], None]
STREAMED = streamed(chunk("He"), chunk("llo"), chunk(finish="stop"), DONE)


@pytest.fixture
def outer(tmp_path: Path) -> Path:
    return tmp_path / "outer.jsonl"


@pytest.fixture
def inner(tmp_path: Path) -> Path:
    return tmp_path / "inner.jsonl"


@pytest.fixture
def magic(shell: Any) -> Magic:
    """Type ``%portkey ...``."""
    return lambda line: shell.run_line_magic("portkey", line)


def asked_in(path: Path) -> list[str]:
    """Return what was asked, by what is in a recording."""
    return [line.request.body["messages"][-1]["content"] for line in read(path).lines]


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("the network was used")


def record_outer(path: Path, monkeypatch: pytest.MonkeyPatch, *scripts: Any) -> None:
    """Record what is asked below into a file, each answer of a script."""
    monkeypatch.setenv("PORTKEY_NB_RECORD", str(path))
    with ScriptedServer(*scripts) as server:
        for _ in scripts:
            answer_of(Portkey(base_url=server.url, max_retries=0))
    monkeypatch.delenv("PORTKEY_NB_RECORD")


def test_what_is_recorded_inside_is_in_the_outer_recording_too(
    outer: Path, inner: Path, magic: Magic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTKEY_NB_RECORD", str(outer))
    options: dict[str, Any] = {"base_url": "demo", "model": "gpt-4o"}
    ask("one", **options)
    magic(f"record {inner}")
    ask("two", **options)
    magic("record off")
    ask("three", **options)
    magic(f"replay {inner}")
    ask("two", **options)
    magic("replay off")
    ask("four", **options)
    assert asked_in(inner) == ["two"]
    assert asked_in(outer) == ["one", "two", "three", "four"]
    # What it cost is in both.
    rows = [line.exchange().row for path in (inner, outer) for line in read(path).lines]
    assert all(row is not None and row.cost_usd for row in rows)


def test_inside_a_replay_a_recording_is_of_what_was_replayed_and_nothing_is_sent(
    outer: Path, inner: Path, magic: Magic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def notebook() -> list[Any]:
        inner.unlink(missing_ok=True)
        magic(f"record {inner}")
        found = [ask(text, base_url="demo", model="gpt-4o") for text in ("one", "two", "one")]
        magic(f"replay {inner}")
        found += [ask(text, base_url="demo", model="gpt-4o") for text in ("one", "two")]
        magic("replay off")
        found.append(ask("three", base_url="demo", model="gpt-4o"))
        return [(str(reply), reply.ttft_s, reply.run.cost_usd, reply.run.latency_s) for reply in found]

    monkeypatch.setenv("PORTKEY_NB_RECORD", str(outer))
    first = notebook()
    copied = lines_of(inner)
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert notebook() == first
    assert runs(6, columns="all")["cached"].all()
    # The copy is what was copied: when it was asked, how its pieces came, what it cost.
    again = lines_of(inner)
    sessions = {line["times"].pop("session") for line in copied}, {line["times"].pop("session") for line in again}
    assert [len(each) for each in sessions] == [1, 1]
    outer_lines = lines_of(outer)
    assert sessions[1] == {line["times"].pop("session") for line in outer_lines}
    assert again == outer_lines[:3]


def test_a_copy_holds_no_key_that_only_the_recorder_knew(
    outer: Path, inner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = [{"role": "user", "content": "is Vq7+hh/81kk2 mine?"}]
    monkeypatch.setenv("MY_TOKEN", "Vq7+hh/81kk2")
    with ScriptedServer(whole(COMPLETION)) as server:
        answer_of(Portkey(base_url=server.url, transport=recording(outer)), messages=asking)
    monkeypatch.delenv("MY_TOKEN")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    assert answer_of(Portkey(base_url=NOBODY, transport=recording(inner)), messages=asking) == "Hello"
    monkeypatch.delenv("PORTKEY_NB_REPLAY")
    assert asked_in(inner) == asked_in(outer) == ["is *** mine?"]
    assert answer_of(Portkey(base_url=NOBODY, transport=replaying(inner)), messages=asking) == "Hello"


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_records_does_so_inside_of_what_the_process_does(
    outer: Path, inner: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    def said(url: str, path: Path) -> list[str]:
        options: dict[str, Any] = {"model": "m", "messages": MESSAGES, "stream": stream}

        async def asked() -> str:
            async with AsyncPortkey(base_url=url, transport=recording(path)) as client:
                answer: Any = await client.chat.completions.create(**options)
                return str(answer.choices[0].message.content) if not stream else told([part async for part in answer])

        portkey = Portkey(base_url=url, transport=recording(path))
        answer: Any = portkey.chat.completions.create(**options)
        return [told(answer) if stream else answer.choices[0].message.content, asyncio.run(asked())]

    monkeypatch.setenv("PORTKEY_NB_RECORD", str(outer))
    with ScriptedServer(*[STREAMED if stream else saying("Hello")] * 2) as server:
        assert said(server.url, inner) == ["Hello", "Hello"]
    assert len(read(outer).lines) == len(read(inner).lines) == 2
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    copy = inner.with_name("copy.jsonl")
    assert said(NOBODY, copy) == ["Hello", "Hello"]
    assert [line["answer"] for line in lines_of(copy)] == [line["answer"] for line in lines_of(outer)]
    assert [line["times"] for line in lines_of(copy)] == [line["times"] for line in lines_of(outer)]


def test_other_clients_of_httpx_that_record_send_nothing_inside_a_replay(
    outer: Path, inner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(url: str, path: Path) -> list[str]:
        async def asked() -> str:
            async with httpx.AsyncClient(transport=recording(path)) as client:
                return (await client.post(f"{url}/chat/completions", json={"model": "m"})).text

        with httpx.Client(transport=recording(path)) as client:
            return [client.post(f"{url}/chat/completions", json={"model": "m"}).text, asyncio.run(asked())]

    monkeypatch.setenv("PORTKEY_NB_RECORD", str(outer))
    with ScriptedServer(whole(COMPLETION), saying("again")) as server:
        first = answered(server.url, inner)
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    assert answered(NOBODY, inner.with_name("copy.jsonl")) == first


def test_errors_and_broken_connections_are_copied(outer: Path, inner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(url: str, **options: Any) -> None:
        portkey = Portkey(base_url=url, max_retries=0, **options)
        for kind in (errors.APIConnectionError, errors.RateLimitError):
            with pytest.raises(kind):
                answer_of(portkey)

    monkeypatch.setenv("PORTKEY_NB_RECORD", str(outer))
    with ScriptedServer([RESET], whole({"error": {"message": "slow down"}}, 429)) as server:
        failed(server.url)
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    failed(NOBODY, transport=recording(inner))
    assert [(line["answer"], line["times"]) for line in lines_of(inner)] == [
        (line["answer"], line["times"]) for line in lines_of(outer)
    ]


def test_what_the_outer_replay_does_not_know_fails_and_is_not_written_down(
    outer: Path, inner: Path, magic: Magic, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_outer(outer, monkeypatch, saying("Hello"))
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    magic(f"record {inner}")
    with pytest.raises(errors.NotRecordedError, match=r"no recording of .* in .*outer\.jsonl"):
        answer_of(Portkey(base_url=NOBODY), seed=1)
    assert answer_of(Portkey(base_url=NOBODY)) == "Hello"
    assert len(read(inner).lines) == 1


def test_the_outer_replay_goes_on_where_it_was(
    outer: Path, inner: Path, magic: Magic, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_outer(outer, monkeypatch, saying("one"), saying("two"), saying("three"))
    record_outer(inner, monkeypatch, saying("other"))
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    portkey = Portkey(base_url=NOBODY)
    said = [answer_of(portkey)]
    magic(f"replay {inner}")
    said.append(answer_of(portkey))
    magic("replay off")
    said += [answer_of(portkey), answer_of(Portkey(base_url=NOBODY, transport=replaying(inner))), answer_of(portkey)]
    assert said == ["one", "other", "two", "other", "three"]


@pytest.mark.parametrize("mode", ["RECORD", "REPLAY"])
def test_a_file_that_the_outer_one_holds_already_is_not_written_twice(
    outer: Path, magic: Magic, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    if mode == "REPLAY":
        record_outer(outer, monkeypatch, saying("Hello"))
    link = outer.with_name("link.jsonl")
    link.symlink_to(outer)
    monkeypatch.setenv(f"PORTKEY_NB_{mode}", str(outer))
    magic(f"record {link}")
    with ScriptedServer(saying("Hello")) as server:
        assert answer_of(Portkey(base_url=server.url, transport=recording(link))) == "Hello"
        assert len(server.requests) == (mode == "RECORD")
    assert len(read(outer).lines) == 1


def test_inside_a_replay_nobody_waits_before_a_retry(outer: Path, inner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_RECORD", str(outer))
    refused = whole({"error": {"message": "later"}}, 429, {"retry-after": "30"})
    with ScriptedServer(refused) as server, pytest.raises(errors.RateLimitError):
        answer_of(Portkey(base_url=server.url, max_retries=0))
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    with pytest.raises(errors.RateLimitError):  # at once: 30 seconds would end the test
        answer_of(Portkey(base_url=NOBODY, max_retries=1, transport=recording(inner)), timeout=60)
    assert len(read(inner).lines) == 2


def test_a_comparison_is_in_both_recordings(
    outer: Path, inner: Path, magic: Magic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared() -> list[Any]:
        magic(f"record {inner}")
        found = compare("Say {{n}}", ["gpt-4o", "demo-fast"], cases=[{"n": "one"}, {"n": "two"}], progress=False)
        magic("record off")
        return list(found.to_frame()[["model", "text", "cost_usd", "latency_s"]].itertuples(index=False, name=None))

    monkeypatch.setenv("PORTKEY_BASE_URL", "demo")
    monkeypatch.setenv("PORTKEY_NB_RECORD", str(outer))
    first = compared()
    assert sorted(asked_in(inner)) == sorted(asked_in(outer)) == ["Say one", "Say one", "Say two", "Say two"]
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(outer))
    inner.unlink()
    assert compared() == first
    assert len(read(inner).lines) == 4

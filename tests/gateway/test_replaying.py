"""What is replayed: the recorded answer to the same request, in its time or at once, or a reason why there is none."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from portkey_nb import (
    AsyncPortkey,
    Config,
    DemoGateway,
    LocalGateway,
    Portkey,
    ask,
    compare,
    errors,
    recording,
    replaying,
    runs,
)
from portkey_nb.engine.summary import footer
from portkey_nb.engine.tally import SESSION
from tests.gateway.test_recording import MESSAGES, answer_of, told
from tests.servers import COMPLETION, DONE, HELLO, ScriptedServer, chunk, streamed, whole

NOBODY = "http://nobody.invalid/v1"


def saying(text: str, **more: Any) -> Any:
    """Return the script of a whole answer."""
    message = {"role": "assistant", "content": text}
    return whole({**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


@pytest.fixture
def shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shut the network."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)


def record(path: Path, *scripts: Any, **asked: Any) -> None:
    """Record one request with these options, as often as there are answers to it."""
    with ScriptedServer(*scripts) as server:
        portkey = Portkey(base_url=server.url, max_retries=0, transport=recording(path), **asked.pop("options", {}))
        for _ in scripts:
            if asked.get("stream"):
                list(portkey.chat.completions.create(model="m", messages=MESSAGES, **asked))
            else:
                answer_of(portkey, **asked)


def replayer(path: Path, **options: Any) -> Portkey:
    pace = options.pop("pace", None)
    return Portkey(base_url=NOBODY, max_retries=0, transport=replaying(path, pace=pace), **options)


def test_the_same_request_is_answered_in_its_order_and_then_with_the_last_again(path: Path) -> None:
    record(path, saying("one"), saying("two"), saying("three"))
    portkey = replayer(path)
    assert [answer_of(portkey) for _ in range(5)] == ["one", "two", "three", "three", "three"]


def test_lines_in_another_order_are_answered_as_they_were_asked(path: Path) -> None:
    record(path, saying("one"), saying("two"), saying("three"))
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(lines)]) + "\n")
    portkey = replayer(path)
    assert [answer_of(portkey) for _ in range(3)] == ["one", "two", "three"]


SAME: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({}, {"trace_id": "t1", "metadata": {"run_id": "1"}}, {}, {"trace_id": "t2"}),
    ({}, {"api_key": "pk-recorded"}, {}, {}),
    ({}, {"virtual_key": "vk-one"}, {}, {"virtual_key": "vk-two"}),
    ({"temperature": 0}, {}, {"temperature": 0.0, "top_p": None}, {}),
    (
        {},
        {"config": {"provider": "openai", "api_key": "sk-1234", "custom_host": "http://127.0.0.1:4001/v1"}},
        {},
        {"config": {"custom_host": "http://127.0.0.1:4002/v1", "provider": "openai"}},
    ),
    (
        {"response_format": {"type": "json_object", "a": 1}},
        {},
        {"response_format": {"a": 1, "type": "json_object"}},
        {},
    ),
]


@pytest.mark.parametrize(("asked", "options", "asked_again", "other_options"), SAME)
def test_what_decides_no_answer_does_not_count(
    path: Path, asked: Any, options: Any, asked_again: Any, other_options: Any
) -> None:
    record(path, saying("yes"), options=options, **asked)
    assert answer_of(replayer(path, **other_options), **asked_again) == "yes"


OTHER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"temperature": 0.7}, {}, "temperature 0.2 there, 0.7 here"),
    ({}, {}, "temperature 0.2 there, none here"),
    ({"temperature": 0.2, "seed": 7}, {}, "no seed there, 7 here"),
    ({"temperature": 0.2}, {"provider": "anthropic"}, "no provider there, 'anthropic' here"),
    ({"temperature": 0.2}, {"config": {"retry": {"attempts": 3}}}, "no config.retry.attempts there, 3 here"),
    (
        {"temperature": 0.2, "messages": [{"role": "user", "content": "Hello, world"}]},
        {},
        "messages[0].content 'Hello' there, 'Hello, world' here",
    ),
    ({"temperature": 0.2, "stream": True}, {}, "no stream there, true here"),
]


@pytest.mark.parametrize(("asked", "options", "difference"), OTHER)
def test_what_was_not_recorded_fails_with_the_nearest_and_the_difference(
    path: Path, asked: Any, options: Any, difference: str
) -> None:
    record(path, saying("far"), temperature=0.9, max_tokens=5, user="somebody")
    record(path, saying("near"), temperature=0.2)
    with pytest.raises(errors.NotRecordedError) as refused:
        answer_of(replayer(path, **options), **asked)
    said = refused.value.message
    assert said.startswith(f"no recording of POST /chat/completions to m in {path}; nearest is line 3: ")
    assert difference in said
    assert "record again" in said
    assert "\n" not in said


def test_the_difference_shows_no_key(path: Path) -> None:
    record(path, saying("yes"), options={"config": {"provider": "openai", "api_key": "sk-SECRET-1"}})
    with pytest.raises(errors.NotRecordedError) as refused:
        answer_of(
            replayer(path, config={"provider": "azure-openai", "api_key": "sk-SECRET-2"}, api_key="pk-SECRET-3"),
            messages=[{"role": "user", "content": "my key is sk-SECRET-2"}],
        )
    assert "SECRET" not in refused.value.message
    assert "config.provider 'openai' there, 'azure-openai' here" in refused.value.message


def test_an_empty_recording_says_so(path: Path) -> None:
    path.write_text('{"portkey_nb_recording": 1}\n')
    with pytest.raises(errors.NotRecordedError, match="holds no request; record it first"):
        answer_of(replayer(path))


def test_two_gateways_have_answers_of_their_own(path: Path) -> None:
    for word, text in (("http://a.invalid/v1", "from a"), ("http://b.invalid/v1", "from b")):
        own = httpx.MockTransport(lambda _, text=text: httpx.Response(200, json=answer(text)))  # type: ignore[misc]
        assert answer_of(Portkey(base_url=word, transport=recording(path, transport=own))) == text
    for word, text in (("http://b.invalid/v1", "from b"), ("http://a.invalid/v1", "from a")):
        assert answer_of(Portkey(base_url=word, transport=replaying(path))) == text


def host(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


TWO_KEYS = [{"virtual_key": "vk-first-1"}, {"virtual_key": "vk-second-2"}]
BACKENDS: dict[str, list[dict[str, Any]]] = {
    "gateways": [{"base_url": host(8001)}, {"base_url": host(8002)}],
    "custom hosts": [{"provider": "openai", "custom_host": host(port)} for port in (11434, 8000)],
    "Configs": [{"config": {"provider": "openai", "custom_host": host(port)}} for port in (11434, 8000)],
    "targets": [
        {"config": {"strategy": {"mode": "fallback"}, "targets": [{"custom_host": host(port)} for port in ports]}}
        for ports in ((4, 5), (5, 4))
    ],
    "virtual keys": TWO_KEYS,
    "virtual keys of Configs": [{"config": {"retry": {"attempts": 1}, **key}} for key in TWO_KEYS],
}


def record_backends(path: Path, *backends: dict[str, Any]) -> None:
    """Record the same request to each backend, all in one session; the n-th says `from n`."""
    says = iter(range(len(backends)))
    own = httpx.MockTransport(lambda _: httpx.Response(200, json=answer(f"from {next(says)}")))
    transport = recording(path, transport=own)
    for options in backends:
        answer_of(Portkey(transport=transport, **{"base_url": host(9000), **options}))


def replayed_of(transport: Any, **options: Any) -> str:
    return answer_of(Portkey(transport=transport, **{"base_url": host(9000), **options}))


@pytest.mark.parametrize("backends", BACKENDS.values(), ids=BACKENDS)
def test_each_backend_has_answers_of_its_own_whatever_the_order(path: Path, backends: list[dict[str, Any]]) -> None:
    record_backends(path, *backends)
    transport = replaying(path)
    first, second = backends
    assert [replayed_of(transport, **options) for options in (second, first, second)] == ["from 1", "from 0", "from 1"]
    # The gateway itself may be at another port today; what it is to ask is told all the same.
    if "base_url" not in first:
        today = replaying(path)
        said = [replayed_of(today, **{**options, "base_url": host(9999)}) for options in (second, first)]
        assert said == ["from 1", "from 0"]


UNTOLD: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "another port": (BACKENDS["gateways"], {"base_url": host(8003)}),
    "another host": (BACKENDS["gateways"], {"base_url": NOBODY}),
    "another custom host": (BACKENDS["custom hosts"], {"provider": "openai", "custom_host": host(8003)}),
    "no virtual key": (BACKENDS["virtual keys"], {}),
    "another virtual key": (BACKENDS["virtual keys"], {"virtual_key": "vk-third-3"}),
    "no key, no server": (BACKENDS["virtual keys"], {"base_url": host(8787)}),
}


@pytest.mark.parametrize(("backends", "options"), UNTOLD.values(), ids=UNTOLD)
def test_what_may_be_any_of_several_backends_is_not_guessed(
    path: Path, backends: list[dict[str, Any]], options: dict[str, Any]
) -> None:
    record_backends(path, *backends)
    with pytest.raises(errors.NotRecordedError, match=r"several backends answered POST .* in .*; ask with the ports"):
        replayed_of(replaying(path), **options)
    assert "vk-" not in path.read_text()


def test_a_backend_at_another_port_each_day_is_one(path: Path) -> None:
    for port in (8001, 8002):
        record_backends(path, {"base_url": host(port)}, {"base_url": host(port)})
    transport = replaying(path)
    said = [replayed_of(transport, base_url=host(port)) for port in (8003, 8003, 8002, 8003, 8003)]
    assert said == ["from 0", "from 1", "from 0", "from 1", "from 1"]


@pytest.mark.parametrize(
    ("ports", "servers"),
    [
        ([8001, 8002], [LocalGateway, DemoGateway]),
        ([8001, 8002, 8003], [partial(LocalGateway, 0)] * 3),
        # The gateway's own port is one that it has in a replay too; a free one is not.
        ([8787, 8002], [LocalGateway, partial(LocalGateway, 0)]),
        ([8002, 8787], [partial(LocalGateway, 0), LocalGateway]),
        ([8001, 8787, 8002], [partial(LocalGateway, 0), LocalGateway, partial(LocalGateway, 0)]),
        ([8001, 9123, 8002], [partial(LocalGateway, 0), partial(LocalGateway, 9123), partial(LocalGateway, 0)]),
    ],
)
def test_servers_that_a_replay_does_not_start_answer_in_their_order(
    path: Path, monkeypatch: pytest.MonkeyPatch, ports: list[int], servers: list[Any]
) -> None:
    record_backends(path, *({"base_url": host(port)} for port in ports))
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
    said = []
    for make in servers:
        with make() as server:
            said.append(answer_of(Portkey(base_url=server.base_url)))
    assert said == [f"from {number}" for number in range(len(ports))]


def answer(text: str) -> Any:
    message = {"role": "assistant", "content": text}
    return {**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def test_metadata_count_where_the_config_chooses_by_them(path: Path) -> None:
    tiers = Config.conditional({"paid": {"metadata.tier": {"$eq": "paid"}}}, {"paid": "openai", "free": "groq"}, "free")
    for tier in ("paid", "free"):
        record(path, saying(tier), options={"config": tiers, "metadata": {"tier": tier, "run": "1"}})
    for tier in ("free", "paid"):
        assert answer_of(replayer(path, config=tiers, metadata={"tier": tier, "run": "2"})) == tier


def test_a_text_that_was_changed_by_hand_is_what_is_answered(path: Path) -> None:
    record(path, saying("The capital is Paris"))
    record(path, streamed(chunk("Par"), chunk("is"), chunk(finish="stop"), DONE), stream=True)
    text = path.read_text()
    path.write_text(text.replace("is Paris", "is Lyon, not Paris").replace('\\"Par\\"', '\\"Mars\\"'))
    portkey = replayer(path)
    assert answer_of(portkey) == "The capital is Lyon, not Paris"
    stream = portkey.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    assert told(stream) == "Marsis"


def test_errors_and_their_retries_are_replayed_without_waiting(path: Path) -> None:
    busy = whole({"error": {"message": "slow down"}}, 429, {"retry-after": "0"})
    with ScriptedServer(busy, saying("now")) as server:
        assert answer_of(Portkey(base_url=server.url, transport=recording(path))) == "now"
    path.write_text(path.read_text().replace('"retry-after":"0"', '"retry-after":"50"'))
    portkey = Portkey(base_url=NOBODY, transport=replaying(path))
    assert answer_of(portkey) == "now"
    again = replayer(path)
    with pytest.raises(errors.RateLimitError, match="slow down") as refused:
        answer_of(again)
    assert refused.value.retry_after == 50


def test_streams_come_as_they_came_or_at_once(path: Path) -> None:
    record(path, streamed(*HELLO), stream=True)
    header, line = path.read_text().splitlines()
    exchange = json.loads(line)
    data = "".join(text for _, text in exchange["answer"]["pieces"])
    events = [text + "\n\n" for text in data.split("\n\n") if text]
    exchange["answer"]["pieces"] = [[0.05 * at, text] for at, text in enumerate(events)]
    exchange["times"].update(began_s=0.0, ended_s=0.05 * len(events))
    path.write_text(f"{header}\n{json.dumps(exchange)}\n")
    for pace in ("recorded", "none"):
        stream = replayer(path, pace=pace).chat.completions.create(model="m", messages=MESSAGES, stream=True)
        assert told(stream) == "Hello"

    async def closed() -> str:
        async with AsyncPortkey(base_url=NOBODY, transport=replaying(path, pace="recorded")) as portkey:
            stream = await portkey.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            first = await anext(stream)
            await stream.close()
            return str(first.choices[0].delta.role)

    assert asyncio.run(closed()) == "assistant"
    with pytest.raises(errors.SettingsError, match=r"pace .* 'fast'; give `recorded`"):
        replaying(path, pace="fast")


def test_a_stream_at_its_own_pace_is_closed_from_another_thread(path: Path) -> None:
    record(path, streamed(*HELLO), stream=True)
    text = path.read_text()
    exchange = json.loads(text.splitlines()[1])
    exchange["answer"]["pieces"] = [
        [0.0, "".join(t for _, t in exchange["answer"]["pieces"][:1])],
        [3600, "data: x\n\n"],
    ]
    path.write_text(f"{text.splitlines()[0]}\n{json.dumps(exchange)}\n")
    stream = replayer(path, pace="recorded").chat.completions.create(model="m", messages=MESSAGES, stream=True)
    assert next(stream).choices
    reading = threading.Thread(target=lambda: list_quietly(stream))
    reading.start()
    stream.close()
    reading.join(30)
    assert not reading.is_alive()


def list_quietly(stream: Any) -> None:
    try:
        list(stream)
    except (errors.StreamIncomplete, ValueError):
        return


MEASURES = [
    "text",
    "status",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "ttft_s",
    "latency_s",
    "tokens_per_s",
    "demo",
    "error",
]


def test_rows_keep_what_it_cost_and_how_long_it_took_and_nothing_is_paid(
    path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("PORTKEY_BASE_URL", "demo")
    monkeypatch.setenv("PORTKEY_NB_RECORD", str(path))
    for model in ("gpt-4o", "claude-sonnet", "demo-429"):
        asked(model)
    recorded = runs(3, columns="all")
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
    request.getfixturevalue("shut")
    paid = SESSION.totals()
    for model in ("gpt-4o", "claude-sonnet", "demo-429"):
        asked(model)
    replayed = runs(3, columns="all")
    for name in MEASURES:
        assert plain(recorded, name) == plain(replayed, name), name
    assert list(replayed["cached"]) == [True] * 3
    assert not set(replayed["trace_id"]) & set(recorded["trace_id"])
    assert not recorded["cached"].any()
    assert SESSION.totals().cost_usd == paid.cost_usd
    assert footer(ask("Hello", model="gpt-4o", stream=True).run).endswith("replayed, nothing paid")


def plain(frame: Any, name: str) -> list[Any]:
    return [None if missing else value for value, missing in zip(frame[name], frame[name].isna(), strict=True)]


def asked(model: str) -> None:
    try:
        ask("Hello", model=model, stream=True)
    except errors.PortkeyError:
        return


def test_the_price_is_that_of_the_day_of_the_recording(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(saying("yes", model="gpt-4o")) as server:
        ask_with(server.url, path, monkeypatch, "PORTKEY_NB_RECORD")
    exchange = json.loads(path.read_text().splitlines()[1])
    assert exchange["row"]["cost_usd"] > 0
    exchange["row"]["cost_usd"] = 12.5
    path.write_text(f'{{"portkey_nb_recording": 1}}\n{json.dumps(exchange)}\n')
    ask_with("http://127.0.0.1:9/v1", path, monkeypatch, "PORTKEY_NB_REPLAY")
    assert runs(1)["cost_usd"].item() == 12.5


def ask_with(url: str, path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for name in ("PORTKEY_NB_RECORD", "PORTKEY_NB_REPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(path))
    ask("Hello", model="gpt-4o", base_url=url, provider="openai")


def test_a_comparison_is_replayed_whole_in_whatever_order(
    path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    cases = [{"n": number} for number in range(12)]

    def made(name: str) -> list[list[Any]]:
        models = ["gpt-4o", "claude-sonnet"]
        found = compare("What is {{n}} + 1?", models, cases=cases, repeats=2, progress=False, name=name).to_frame()
        columns = ["model", "case_id", "repeat", "status", "text", "cost_usd", "ttft_s", "latency_s"]
        found = found.sort_values(columns[:3])
        return [plain(found, name) for name in columns]

    with DemoGateway(speed=0) as gateway:
        monkeypatch.setenv("PORTKEY_BASE_URL", gateway.base_url)
        monkeypatch.setenv("PORTKEY_NB_RECORD", str(path))
        recorded = made("first")
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
    request.getfixturevalue("shut")
    assert made("second") == recorded


@pytest.mark.parametrize("kind", [recording, replaying])
def test_a_comparison_does_not_pass_a_client_s_tape_by(path: Path, kind: Any) -> None:
    path.write_text('{"portkey_nb_recording": 1}\n')
    with ScriptedServer(saying("Hello")) as server:
        portkey = Portkey(base_url=server.url, transport=kind(path))
        with pytest.raises(errors.SettingsError, match="past the client's recording or replay; leave transport out"):
            compare("Say {{n}}", ["m"], cases=[{"n": 1}], client=portkey, progress=False)
        assert not server.requests


def test_a_batch_does_not_wait_where_it_waited_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = whole({"error": {"message": "slow down"}}, 429, {"retry-after": "0"})
    with ScriptedServer(busy, busy, saying("now")) as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        monkeypatch.setenv("PORTKEY_NB_RECORD", str(path))
        assert compare("Hello", ["m"], progress=False).to_frame()["text"].tolist() == ["now"]
    path.write_text(path.read_text().replace('"retry-after":"0"', '"retry-after":"3600"', 1))
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
    path.write_text(path.read_text().replace('"retry-after":"0"', '"retry-after":"110"', 1))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2], lines[3]]) + "\n")
    row = compare("Hello", ["m"], progress=False).to_frame()
    assert row["text"].tolist() == ["now"]
    assert row["attempts"].tolist() == [2]


def test_what_is_replayed_answers_no_real_call_later(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_for() -> list[str]:
        found = compare("Hello", ["m"], progress=False).to_frame()
        return list(found["text"])

    with ScriptedServer(saying("recorded"), saying("real")) as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        monkeypatch.setenv("PORTKEY_NB_RECORD", str(path))
        assert asked_for() == ["recorded"]
        monkeypatch.delenv("PORTKEY_NB_RECORD")
        monkeypatch.setenv("PORTKEY_NB_STORE", str(tmp_path / "other.sqlite"))
        monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
        assert asked_for() == ["recorded"]
        monkeypatch.delenv("PORTKEY_NB_REPLAY")
        assert asked_for() == ["real"]


def test_a_server_cannot_say_that_it_is_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = {"portkey_nb.played": "1", "x-portkey-nb-played": "1", "x-portkey-cached": "true"}
    with ScriptedServer(streamed(*HELLO, headers=forged)) as server:
        ask("Hello", model="gpt-4o", base_url=server.url)
    assert not runs(1, columns="all")["cached"].any()


@pytest.mark.usefixtures("shut")
def test_neither_key_nor_gateway_is_needed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text('{"portkey_nb_recording": 1}\n')
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
    for url in (None, "demo"):
        with pytest.raises(errors.NotRecordedError):
            answer_of(Portkey(base_url=url))
    with LocalGateway() as gateway, DemoGateway() as provider:
        assert gateway.alive
        assert gateway.base_url.startswith("http://127.0.0.1:")
        assert provider.base_url.startswith("http://127.0.0.1:")


def test_a_client_made_during_a_replay_finds_the_demo_gateway_after_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text('{"portkey_nb_recording": 1}\n')
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
    portkey = Portkey(base_url="demo")
    with pytest.raises(errors.NotRecordedError):
        answer_of(portkey)
    monkeypatch.delenv("PORTKEY_NB_REPLAY")
    answer = portkey.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Say this is a test"}]
    )
    assert answer.choices[0].message.content == "This is a test."


def test_feedback_and_lists_are_replayed_whatever_the_trace(path: Path) -> None:
    def hosted(url: str, transport: Any, trace: str) -> tuple[int, Any]:
        portkey = Portkey(api_key="pk-1234", base_url=url, transport=transport)
        models = portkey.models.list()
        return len(models.data), portkey.feedback.create(trace_id=trace, value=1)

    listed, thanked = whole({"object": "list", "data": [{"id": "m"}]}), whole({"status": "success"})
    with ScriptedServer(listed, thanked) as server:
        first = hosted(server.url, recording(path), "t1")[0]
    assert hosted(NOBODY, replaying(path), "t2")[0] == first == 1


def test_both_at_once_and_other_contradictions_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_RECORD", str(path))
    monkeypatch.setenv("PORTKEY_NB_REPLAY", "other.jsonl")
    with pytest.raises(errors.SettingsError, match="are both set; unset one of them"):
        Portkey(base_url="demo")
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    monkeypatch.setenv("PORTKEY_NB_REPLAY_PACE", "slow")
    with pytest.raises(errors.SettingsError, match="'slow'; give `recorded`"):
        Portkey(base_url="demo")

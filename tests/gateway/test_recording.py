"""What is recorded: everything that came, as far as it came, and no key in whatever form one was sent or came back."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb import AsyncPortkey, Portkey, ask, compare, errors, recording, replaying
from portkey_nb.gateway.matching import Sent, asked, asked_anywhere, fits, key_of
from portkey_nb.gateway.striking import SHORTEST, Striker, is_secret, secrets_of, striker_for
from portkey_nb.gateway.tape import as_bytes, read
from tests.servers import CLOSE, COMPLETION, DONE, HELLO, STALL, ScriptedServer, chunk, event, piece, streamed, whole

MESSAGES = [{"role": "user", "content": "Hello"}]
KEYS = {
    "api_key": "pk-SECRET-portkey-1",
    "virtual_key": "vk-SECRET-virtual-2",
    "Authorization": "Bearer sk-SECRET-provider-3",
    "aws_secret_access_key": "SECRET/aws+key=4",
    "config": {
        "strategy": {"mode": "fallback"},
        "targets": [{"provider": "openai", "api_key": "sk-SECRET-config-5"}, {"virtual_key": "vk-SECRET-6"}],
    },
}
EXTRA = {"cookie": "session=SECRET-cookie-7", "x-acme-auth": "SECRET-acme-8", "x-odd": "SECRET-of-an-unknown-name-9"}
SECRETS = [
    "pk-SECRET-portkey-1",
    "vk-SECRET-virtual-2",
    "sk-SECRET-provider-3",
    "SECRET/aws+key=4",
    "sk-SECRET-config-5",
    "vk-SECRET-6",
    "SECRET-cookie-7",
    "SECRET-acme-8",
    "SECRET-of-an-unknown-name-9",
]


def answer_of(portkey: Portkey, **more: Any) -> str:
    answer = portkey.chat.completions.create(model="m", messages=more.pop("messages", MESSAGES), **more)
    return str(answer.choices[0].message.content)


def told(stream: Any) -> str:
    return "".join(part.choices[0].delta.content or "" for part in stream if part.choices)


def lines_of(path: Path) -> list[Any]:
    """Return the exchanges as plain JSON."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def split_up(text: str) -> list[dict[str, Any]]:
    """Return chunks that carry a text in parts of three letters."""
    return [chunk(text[at : at + 3]) for at in range(0, len(text), 3)]


JSON = {"content-type": "application/json"}
ECHO = " and ".join(SECRETS)
SAID = {
    **COMPLETION,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ECHO}, "finish_reason": "stop"}],
}
CUT_IN = [piece(event(chunk(SECRETS[0]))[:60]), piece(event(chunk(SECRETS[0]))[60:])]


@pytest.mark.parametrize(
    ("script", "stream"),
    [
        (whole(SAID, headers={"x-portkey-note": SECRETS[0], "set-cookie": "a=b"}), False),
        (whole({"error": {"message": f"Incorrect API key provided: {ECHO}", "code": "bad"}}, 401), False),
        (whole(f"<html>{ECHO}</html>".encode(), 502, {"content-type": "text/html"}), False),
        (whole(json.dumps(SAID).replace("S", "\\u0053").replace("/", "\\/").encode(), 200, JSON), False),
        (streamed(*split_up(ECHO), chunk(finish="stop"), DONE), True),
        (streamed(event({"error": {"message": ECHO}})), True),
        ([*streamed(end=False), *CUT_IN, piece(event(chunk(finish="stop")) + DONE), b"0\r\n\r\n"], True),
        ([*streamed(*split_up(f"The key is {SECRETS[0][:-3]}"), end=False), CLOSE], True),
        (whole(gzip.compress(json.dumps(SAID).encode()), 200, {**JSON, "content-encoding": "gzip"}), False),
    ],
    ids=["answer", "error", "page", "escapes", "deltas", "error event", "split event", "cut within", "gzip"],
)  # fmt: skip
def test_no_key_is_in_the_file(tmp_path: Path, script: Any, stream: bool) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer(script) as server:
        portkey = Portkey(base_url=server.url, max_retries=0, transport=recording(path), **KEYS)
        try:
            answer = portkey.chat.completions.create(
                model="m",
                messages=[
                    {"role": "user", "content": f"is {SECRETS[2]} mine? https://me:SECRETpw@host/?key=SECRETinurl"}
                ],
                stream=stream,
                extra_headers=EXTRA,
                extra_body={"tools": [{"type": "mcp", "authorization": "SECRET-in-the-body"}]},
            )
            if stream:
                list(answer)
        except errors.PortkeyError:
            pass
    written = path.read_text(encoding="utf-8")
    assert len(written.splitlines()) == 2
    exchange = lines_of(path)[0]
    pieces = "".join(text for _, text in exchange["answer"].get("pieces", []))
    came = [json.loads(found) for found in re.findall(r"^data: (\{.*\})$", pieces, re.M)]
    folded = "".join(part["choices"][0]["delta"].get("content") or "" for part in came if part.get("choices"))
    for text in (written, folded, json.dumps(exchange)):
        for secret in (*SECRETS, "SECRETpw", "SECRETinurl", "SECRET-in-the-body", SECRETS[0][:-3]):
            assert secret not in text, secret
        assert "SECRET" not in text.replace("SECRETS", "")
    assert "***" in written


def test_the_file_tells_the_exchange(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer(streamed(*HELLO, headers={"x-portkey-provider": "openai", "date": "today"})) as server:
        portkey = Portkey(base_url=server.url, provider="openai", trace_id="t", transport=recording(path))
        assert (
            told(portkey.chat.completions.create(model="m", messages=MESSAGES, stream=True, temperature=0.2)) == "Hello"
        )
    (exchange,) = lines_of(path)
    request, answer = exchange["request"], exchange["answer"]
    assert request["path"] == "/chat/completions"
    assert request["headers"]["provider"] == "openai"
    assert "trace-id" not in request["headers"]
    assert request["body"]["temperature"] == 0.2
    assert answer["headers"] == {
        "content-type": "text/event-stream",
        "x-portkey-provider": "openai",
    }
    times = [at for at, _ in answer["pieces"]]
    assert times == sorted(times)
    assert 0 <= exchange["times"]["began_s"] <= times[0] <= times[-1] <= exchange["times"]["ended_s"]


def closed_early(portkey: Portkey) -> None:
    with portkey.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
        next(stream)


def forgotten(portkey: Portkey) -> None:
    next(portkey.chat.completions.create(model="m", messages=MESSAGES, stream=True))


def read_to_its_end(portkey: Portkey) -> None:
    with pytest.raises(errors.StreamIncomplete):
        list(portkey.chat.completions.create(model="m", messages=MESSAGES, stream=True))


@pytest.mark.parametrize(
    ("read_it", "ending", "ended"),
    [
        (closed_early, threading.Event(), "closed"),
        (forgotten, threading.Event(), "closed"),
        (read_to_its_end, CLOSE, "broken"),
        (read_to_its_end, b"0\r\n\r\n", "whole"),
    ],
    ids=["closed", "forgotten", "broken", "ended"],
)
def test_a_stream_is_recorded_as_far_as_it_came_and_replays_as_incomplete(
    tmp_path: Path, read_it: Callable[[Portkey], None], ending: Any, ended: str
) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer([*streamed(chunk("Hel"), end=False), ending]) as server:
        read_it(Portkey(base_url=server.url, transport=recording(path)))
    (line,) = read(path).lines
    answer = line.exchange().answer
    assert answer.ended == ended
    assert b"Hel" in b"".join(as_bytes(text) for _, text in answer.pieces or ())
    replay = Portkey(base_url="http://nobody.invalid/v1", transport=replaying(path))
    with pytest.raises(errors.StreamIncomplete) as incomplete:
        list(replay.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert incomplete.value.completion.choices[0].message.content == "Hel"


def test_what_never_began_is_recorded_too(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    portkey = Portkey(base_url="http://127.0.0.1:1/v1", max_retries=0, transport=recording(path))
    said = []
    for client in (portkey, Portkey(base_url="http://127.0.0.1:1/v1", max_retries=0, transport=replaying(path))):
        with pytest.raises(errors.APIConnectionError) as refused:
            answer_of(client)
        said.append(refused.value.message)
    assert said[0] == said[1]


def test_other_clients_of_httpx_can_record_and_replay(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def ask_async(transport: Any, url: str) -> Any:
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.post(f"{url}/chat/completions", json={"model": "async"})
            return answer.json()

    with ScriptedServer(whole(COMPLETION)) as server:
        with httpx.Client(transport=recording(path)) as client:
            first = client.post(f"{server.url}/chat/completions", json={"model": "m"}).json()
        second = asyncio.run(ask_async(recording(path), server.url))
        url = server.url
    with httpx.Client(transport=replaying(path)) as client:
        assert client.post(f"{url}/chat/completions", json={"model": "m"}).json() == first
    assert asyncio.run(ask_async(replaying(path), url)) == second


def test_threads_record_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer(whole(COMPLETION)) as server:
        portkey = Portkey(base_url=server.url, transport=recording(path))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: answer_of(portkey, seed=number), range(64)))
    assert sorted(line.request.body["seed"] for line in read(path).lines) == list(range(64))


def test_a_transport_of_ones_own_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    own = httpx.MockTransport(lambda request: httpx.Response(200, json=COMPLETION))
    assert answer_of(Portkey(base_url="http://x.invalid/v1", transport=recording(path, transport=own))) == "Hello"
    assert answer_of(Portkey(base_url="http://x.invalid/v1", transport=replaying(path))) == "Hello"


def test_everything_of_a_process_is_recorded_the_batch_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    monkeypatch.setenv("PORTKEY_BASE_URL", "demo")
    earlier = compare("Say {{n}}", ["gpt-4o"], cases=[{"n": "one"}], progress=False)
    monkeypatch.setenv("PORTKEY_NB_RECORD", str(path))
    ask("Hello", model="gpt-4o-mini")
    # What the run log knows is asked anew: the recording is whole by itself.
    again = compare("Say {{n}}", ["gpt-4o"], cases=[{"n": "one"}], progress=False)
    assert list(again.to_frame()["text"]) == list(earlier.to_frame()["text"])

    async def listed() -> int:
        async with AsyncPortkey() as portkey:
            return len((await portkey.models.list()).data)

    assert asyncio.run(listed()) > 3
    asked = [(line.request.path, line.request.gateway) for line in read(path).lines]
    assert asked == [("/chat/completions", "demo")] * 2 + [("/models", "demo")]
    costs = [line.exchange().row for line in read(path).lines]
    assert [row is not None and row.cost_usd is not None for row in costs] == [True, True, False]


def test_a_file_that_cannot_be_written_any_more_costs_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer(whole(COMPLETION)) as server:
        portkey = Portkey(base_url=server.url, transport=recording(path))
        assert answer_of(portkey) == "Hello"
        path.unlink()
        path.mkdir()
        assert [answer_of(portkey), answer_of(portkey)] == ["Hello", "Hello"]
    said = capsys.readouterr().err
    assert said.count("cannot be written") == 1
    assert str(path) in said


def test_a_file_that_was_removed_is_said_and_its_exchanges_count_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer(whole(COMPLETION)) as server:
        way = recording(path)
        portkey = Portkey(base_url=server.url, transport=way)
        answer_of(portkey)
        assert "removed" not in capsys.readouterr().err
        path.unlink()
        answer_of(portkey)
        answer_of(portkey)
    said = capsys.readouterr().err
    assert said.count("was removed or emptied; it is begun anew, without the 1 exchange that was recorded before") == 1
    assert way.recorder.count == len(read(path).lines) == 2


def test_a_stopped_wait_is_recorded_as_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer([STALL]) as server:
        portkey = Portkey(base_url=server.url, max_retries=0, timeout=0.3, transport=recording(path))
        with pytest.raises(errors.APITimeoutError):
            answer_of(portkey)
    replay = Portkey(base_url="http://nobody.invalid/v1", max_retries=0, transport=replaying(path))
    with pytest.raises(errors.APITimeoutError):
        answer_of(replay)


FORMED = ["sk-proj-Abc123Def456Ghi789", "AKIAIOSFODNN7EXAMPLE", "ghp_" + "a1B2" * 9, "AIza" + "Sy-9_" * 7]
UNFORMED = {"MY_TOKEN": "Vq7+hh/81kk2", "DB_PASSWORD": "hunter-2-hunter"}


@pytest.mark.parametrize("stream", [False, True])
def test_keys_that_the_process_knows_and_what_looks_like_one_are_struck_out_and_replayed_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    path, more = tmp_path / "run.jsonl", "Pz3-of-dotenv-77"
    (tmp_path / ".env").write_text(f"OTHER_API_KEY={more}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    other = "client-A-key-4711"
    told_keys = [*FORMED, *UNFORMED.values(), more, other]
    asking: dict[str, Any] = {
        "messages": [{"role": "user", "content": f"is {text} mine?"} for text in told_keys],
        "user": other,
        "stream": stream,
    }
    for name, value in UNFORMED.items():
        monkeypatch.setenv(name, value)
    echo = " and ".join(told_keys)
    reply = streamed(*split_up(echo), chunk(finish="stop"), DONE) if stream else whole({"id": echo, **COMPLETION})

    def said(portkey: Portkey, **options: Any) -> Any:
        answer = portkey.chat.completions.create(model="m", **options)
        return told(answer) if options["stream"] else answer.id

    with ScriptedServer(whole(COMPLETION), reply) as server:
        answer_of(Portkey(base_url=server.url, api_key=other, transport=recording(path)))
        said(Portkey(base_url=server.url, transport=recording(path)), **asking)
    written = path.read_text(encoding="utf-8")
    pieces = "".join(
        json.loads(found)["choices"][0]["delta"].get("content") or ""
        for _, piece_ in lines_of(path)[1]["answer"].get("pieces", [])
        for found in re.findall(r"^data: (\{.*\})$", piece_, re.M)
    )
    for text in told_keys:
        assert text not in written
        assert json.dumps(text)[1:-1] not in written
        assert text not in pieces
    # The process that replays knows none of them, nor need it.
    for name in UNFORMED:
        monkeypatch.delenv(name)
    (tmp_path / ".env").unlink()
    monkeypatch.setattr("portkey_nb.gateway.known_keys._seen", {})
    replay = Portkey(base_url="http://nobody.invalid/v1", transport=replaying(path))
    assert "***" in said(replay, **asking) if stream else said(replay, **asking)
    asking["messages"][-1]["content"] = "is it mine?"
    with pytest.raises(errors.NotRecordedError):
        said(replay, **asking)


def test_a_request_recorded_in_clear_is_found_by_a_process_that_knows_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    asking = [{"role": "user", "content": "is Vq7+hh/81kk2 mine?"}]
    with ScriptedServer(whole(COMPLETION)) as server:
        answer_of(Portkey(base_url=server.url, transport=recording(path)), messages=asking)
    monkeypatch.setenv("MY_TOKEN", "Vq7+hh/81kk2")
    replay = Portkey(base_url="http://nobody.invalid/v1", transport=replaying(path))
    assert answer_of(replay, messages=asking) == "Hello"
    with pytest.raises(errors.NotRecordedError) as missing:
        answer_of(replay, messages=[{"role": "user", "content": "was Vq7+hh/81kk2 yours?"}])
    assert "Vq7" not in str(missing.value)


def test_what_only_resembles_a_key_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_BASE_URL", "http://gateway.example/v1")
    monkeypatch.setenv("KEY_FILE", str(tmp_path))
    monkeypatch.setenv("MONKEY_NAME", "chimpanzee-no-1")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false-for-now-1")
    striker = striker_for({})
    text = f"risk-2024-assessment-of-tasks, sk-learn-pipelines-of-mine, chimpanzee-no-1, false-for-now-1, {tmp_path}"
    assert striker.text(text) == text
    assert striker.text("http://gateway.example/v1") == "http://gateway.example/v1"


secret_texts = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=SHORTEST, max_size=24).filter(
    lambda text: is_secret(text) and "*" not in text
)
plain_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(secret_texts, min_size=1, max_size=3, unique=True), plain_texts, plain_texts)
def test_a_struck_request_is_found_by_who_knows_none_of_its_keys(secrets: list[str], before: str, after: str) -> None:
    texts = [f"{before} {secret} {after}" for secret in secrets]
    body = {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}
    sent = Sent("POST", "/chat/completions", "demo", {}, msgspec.json.encode(body))
    struck = asked(sent, Striker(sorted(secrets, key=len, reverse=True)))
    written = msgspec.json.encode(struck).decode()
    assert not any(json.dumps(secret)[1:-1] in json.dumps(json.loads(written)) for secret in secrets)
    assert fits(key_of(struck), key_of(asked_anywhere(sent)))
    longer = {**body, "messages": [*body["messages"], {"role": "user", "content": "and?"}]}
    other = Sent("POST", "/chat/completions", "demo", {}, msgspec.json.encode(longer))
    assert not fits(key_of(struck), key_of(asked_anywhere(other)))


alphabet = st.text('abSK-12/"\\é', min_size=4, max_size=12).filter(str.strip)


@settings(max_examples=150, deadline=None)
@given(st.lists(alphabet, min_size=1, max_size=3), st.text("abSK-12é ", max_size=20), st.data())
def test_a_secret_is_struck_out_wherever_a_stream_is_cut(secrets: list[str], between: str, data: Any) -> None:
    text = between.join(["", *secrets, ""])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    joined = b"".join(event(chunk(part)) for part in parts)
    at = sorted(data.draw(st.lists(st.integers(0, len(joined)), max_size=8)))
    given_pieces = [(0.0, joined[a:b]) for a, b in zip([0, *at], [*at, len(joined)], strict=True)]
    struck = Striker(sorted(secrets, key=len, reverse=True)).pieces(given_pieces)
    assert len(struck) == len(given_pieces)
    whole_text = b"".join(piece for _, piece in struck).decode()
    found = [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in whole_text.split("\n") if line]
    for secret in secrets:
        assert secret not in "".join(found)


def test_ordinary_words_stay() -> None:
    striker = Striker(secrets_of({"x-portkey-provider": "openai", "authorization": "Bearer abc", "x-team": "research"}))
    logprobs = {"content": [{"token": "research", "logprob": -0.1}], "password_policy": {"min": 8}}
    assert striker.value(logprobs) == logprobs
    assert (
        striker.text("openai does research at a@b.c, see http://x/?n=12345")
        == "openai does research at a@b.c, see http://x/?n=12345"
    )


@pytest.mark.parametrize("key", ["ollama", "test", "EMPTY", "none", "lm-studio", "not-needed"])
def test_a_dummy_key_strikes_out_no_word(tmp_path: Path, key: str) -> None:
    path, asked = tmp_path / "run.jsonl", f"What is {key}? Is it 'Bearer {key}'?"
    said = {**COMPLETION, "model": key}
    with ScriptedServer(whole(said, headers={"x-portkey-provider": key})) as server:
        portkey = Portkey(
            base_url=server.url,
            provider=key,
            Authorization=f"Bearer {key}",
            azure_auth_mode="entra",
            transport=recording(path),
        )
        answer_of(portkey, messages=[{"role": "user", "content": asked}])
    (exchange,) = lines_of(path)
    request, answer = exchange["request"], exchange["answer"]
    assert request["body"]["messages"][0]["content"] == asked
    assert request["headers"]["provider"] == key
    assert request["headers"]["azure-auth-mode"] == "entra"
    assert answer["body"]["model"] == answer["headers"]["x-portkey-provider"] == key


def test_a_short_key_is_written_at_none_of_its_places(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with ScriptedServer(whole(COMPLETION)) as server:
        portkey = Portkey(
            base_url=server.url,
            api_key="pk-1",
            Authorization="Bearer sk-22",
            config={"provider": "openai", "api_key": "short3", "custom_host": "http://me:word4@127.0.0.1/v1"},
            transport=recording(path),
        )
        answer_of(portkey)
        with httpx.Client(transport=recording(path)) as client:
            more = {"x-portkey-extra": '{"api_key": "inner5"}', "cookie": "a=crumb6"}
            client.post(f"{server.url}/chat/completions", json={"model": "m"}, headers=more)
    written = path.read_text(encoding="utf-8")
    for key in ("pk-1", "sk-22", "short3", "word4", "inner5", "crumb6"):
        assert key not in written


class Careful(Striker):
    """Says when it takes the events of a stream apart, which takes long."""

    def _events(self, joined: bytes) -> list[tuple[int, int, bytes]]:
        raise AssertionError(joined)


def test_an_ordinary_stream_is_not_taken_apart() -> None:
    joined = b"".join([event(chunk("Hel")), event(chunk("lo")), event(chunk(finish="stop")), DONE])
    pieces = [(0.0, joined)]
    assert Careful(["sk-SECRET-1"]).pieces(pieces) == pieces

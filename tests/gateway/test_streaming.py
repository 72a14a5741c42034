"""Server-sent events read by the standard, chunks folded into one completion, and how a stream may end."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portkey_nb.errors import APIStatusError, GatewayError, RateLimitError, StreamIncomplete
from portkey_nb.gateway.folding import CompletionBuilder
from portkey_nb.gateway.streaming import ChunkReader, SSEDecoder, as_chunk, decode_object
from portkey_nb.gateway.types import mend
from tests.gateway.sides import Side
from tests.servers import CLOSE, DONE, HELLO, RESET, ScriptedServer, chunk, event, streamed


def reference(stream: bytes) -> list[bytes]:
    """Read a stream letter by letter, as the standard words it; events whose data is empty are left out."""
    text = stream[3:] if stream.startswith(b"\xef\xbb\xbf") else stream
    lines: list[bytes] = []
    line = b""
    at = 0
    while at < len(text):
        letter = text[at : at + 1]
        if letter == b"\r":
            lines.append(line)
            line = b""
            at += 2 if text[at + 1 : at + 2] == b"\n" else 1
        elif letter == b"\n":
            lines.append(line)
            line = b""
            at += 1
        else:
            line += letter
            at += 1
    found: list[bytes] = []
    data: list[bytes] = []
    for line in lines:
        if line == b"":
            if any(data):
                found.append(b"\n".join(data))
            data = []
        elif not line.startswith(b":"):
            name, colon, value = line.partition(b":")
            if colon and value.startswith(b" "):
                value = value[1:]
            if name == b"data":
                data.append(value)
    return found


def pieces(stream: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({min(cut, len(stream)) for cut in cuts})
    for start, stop in zip([0, *places], [*places, len(stream)], strict=True):
        yield stream[start:stop]


ENDINGS = st.sampled_from(["\n", "\r\n", "\r"])
VALUES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
LINES = st.one_of(
    VALUES.map("data: {}".format),
    VALUES.map("data:{}".format),
    st.sampled_from(
        ["data", "data:", "data: ", "data: {}", 'data: {"a": 1}', "data: [DONE]", "dataset: 1", " data: x"]
    ),
    VALUES.map(": {}".format),
    VALUES.map("event: {}".format),
    st.sampled_from(["", "", "", "retry: 5", "id: 1", "data: \u2028\u2029\x85\x0b\x0c", "\ufeffdata: x"]),
)
STREAMS = st.builds(
    lambda bom, lines: b"\xef\xbb\xbf" * bom + "".join(line + end for line, end in lines).encode(),
    st.integers(0, 1),
    st.lists(st.tuples(LINES, ENDINGS), max_size=12),
)


@given(STREAMS, st.lists(st.integers(0, 200), max_size=30))
@example(b"data: a\r\n\r\ndata: b\r\n\r\n", [8, 9, 10, 11])
@example(b"data: a\r\rdata: b\n\n", [8, 9])
@example(b"\xef\xbb\xbfdata: a\n\n", [1, 2])
@example(b"data: a\n\n\n\ndata: b\n\n", [])
def test_any_stream_cut_anywhere_gives_what_the_standard_says(stream: bytes, cuts: list[int]) -> None:
    decoder = SSEDecoder()
    found = [payload for piece in pieces(stream, cuts) for payload in decoder.feed(piece)]
    assert found == reference(stream)


@given(STREAMS)
def test_byte_by_byte_is_the_same_as_at_once(stream: bytes) -> None:
    slow, fast = SSEDecoder(), SSEDecoder()
    assert [got for at in range(len(stream)) for got in slow.feed(stream[at : at + 1])] == fast.feed(stream)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), JSON), min_size=1, max_size=6),
    st.lists(st.integers(0, 2000), max_size=40),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.booleans(),
)
def test_chunks_come_out_as_they_went_in(
    said: list[tuple[str, Any]], cuts: list[int], end: bytes, escaped: bool
) -> None:
    sent = [{**chunk(text), "extra": extra} for text, extra in said] + [chunk(finish="stop")]
    stream = b"".join(b"data: %s%s%s" % (json.dumps(one, ensure_ascii=escaped).encode(), end, end) for one in sent)
    reader = ChunkReader({})
    got = [one for piece in pieces(stream + b"data: [DONE]" + end + end, cuts) for one in reader.feed(piece)]
    assert [one.model_dump() for one in got] == sent
    assert reader.done
    assert reader.broken("ended") is None
    assert reader.completion().choices[0].message.content == "".join(text for text, _ in said)


def test_line_separators_inside_json_are_text() -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"
    reader = ChunkReader({})
    (got,) = reader.feed(b"data: " + json.dumps(chunk(text), ensure_ascii=False).encode() + b"\n\n")
    assert got.choices[0].delta.content == text


@pytest.mark.timeout(20)
def test_a_long_event_in_many_lines_costs_no_more_than_its_length() -> None:
    """Read 30 MB that come as 60,000 pieces: an instant, or minutes where each piece is put to all before it."""
    decoder = SSEDecoder()
    line = b"data: " + b"x" * 493 + b"\n"
    assert decoder.feed(line) == []
    for _ in range(60_000 - 1):
        decoder.feed(line)
    (payload,) = decoder.feed(b"\n")
    assert len(payload) == 60_000 * 494 - 1


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"a": NaN}', "nan"),
        (b'{"a": "\\ud800"}', "\ufffd"),
        (b'{"a": "\\ud83d\\ude00"}', "\U0001f600"),
        (b'{"a": "\xff"}', "\ufffd"),
        (b'{"a": 123456789012345678901234567890}', 123456789012345678901234567890),
    ],
)
def test_json_that_bends_the_standard_is_read(payload: bytes, value: Any) -> None:
    decoded = decode_object(payload)
    assert decoded is not None
    assert decoded["a"] == value or str(decoded["a"]) == value


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b"null", b'"x"', b"{" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_object_is_none(payload: bytes) -> None:
    assert decode_object(payload) is None


def _folded(*chunks: dict[str, Any]) -> dict[str, Any]:
    builder = CompletionBuilder()
    for one in chunks:
        builder.add(mend(one, "delta"))
    return builder.completion().model_dump()


def test_tool_calls_grow_by_index() -> None:
    whole = _folded(
        chunk(tool_calls=[{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"x"'}}]),
        chunk(tool_calls=[{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}]),
        chunk(tool_calls=[{"index": 0, "type": "function", "function": {"name": "f", "arguments": ": 1}"}}]),
    )
    message = whole["choices"][0]["message"]
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert message["content"] is None


def test_tool_calls_without_index_belong_to_the_latest() -> None:
    whole = _folded(
        chunk(tool_calls={"id": "a", "function": {"name": "f", "arguments": "{"}}),
        chunk(tool_calls={"function": {"arguments": "}"}}),
        chunk(tool_calls={"id": "b", "function": {"name": "g"}}),
    )
    calls = whole["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls] == [
        ("a", "f", "{}"),
        ("b", "g", ""),
    ]


def test_choices_grow_side_by_side_and_all_must_finish() -> None:
    reader = ChunkReader({})
    for index, text in ((1, "b"), (0, "a"), (1, "d"), (0, "c")):
        reader.feed(event({"choices": [{"index": index, "delta": {"content": text}}]}))
    reader.feed(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    assert not reader.complete
    assert isinstance(reader.broken("ended"), StreamIncomplete)
    reader.feed(event({"choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]}))
    assert reader.complete
    whole = reader.completion()
    assert [(one.index, one.message.content, one.finish_reason) for one in whole.choices] == [
        (0, "ac", "stop"),
        (1, "bd", "length"),
    ]


def test_reasoning_refusals_logprobs_and_unknown_parts_are_kept() -> None:
    first, second = chunk("a", reasoning_content="th", audio={"id": "x", "data": "AA"}), chunk("b", refusal="no")
    first["choices"][0]["logprobs"] = {"content": [{"token": "a"}], "refusal": None}
    second["choices"][0].update(logprobs={"content": [{"token": "b"}]}, groundingMetadata={"q": [1]})
    second["choices"][0]["delta"].update(reasoning_content="ink", audio={"data": "BB"}, annotations=[{"n": 1}])
    third = chunk(annotations=[{"n": 2}])
    whole = _folded(first, second, third)
    choice = whole["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": "ab",
        "reasoning_content": "think",
        "audio": {"id": "x", "data": "AABB"},
        "refusal": "no",
        "annotations": [{"n": 1}, {"n": 2}],
    }
    assert choice["logprobs"]["content"] == [{"token": "a"}, {"token": "b"}]
    assert choice["groundingMetadata"] == {"q": [1]}
    assert first["choices"][0]["logprobs"]["content"] == [{"token": "a"}], "a chunk handed out stays as it was"
    assert second["choices"][0]["delta"]["annotations"] == [{"n": 1}]


def test_what_comes_empty_first_is_filled_in_later() -> None:
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [1]}
    whole = _folded(first, {**chunk("a"), "system_fingerprint": "fp"})
    assert (whole["id"], whole["model"], whole["created"]) == ("c1", "m", 1)
    assert whole["prompt_filter_results"] == [1]
    assert whole["system_fingerprint"] == "fp"
    assert whole["object"] == "chat.completion"


def test_the_last_usage_counts() -> None:
    assert _folded({**chunk("a"), "usage": {"total_tokens": 1}}, {**chunk("b"), "usage": None})["usage"] == {
        "total_tokens": 1
    }
    assert _folded({**chunk("a"), "usage": {"total_tokens": 1}}, {**chunk("b"), "usage": {"total_tokens": 2}})[
        "usage"
    ] == {"total_tokens": 2}


def test_a_whole_answer_as_one_event() -> None:
    reader = ChunkReader({})
    (got,) = reader.feed(as_chunk({"id": "x", "choices": [{"message": {"content": "é"}, "finish_reason": "stop"}]}))
    assert got.choices[0].delta.content == "é"
    assert got.object == "chat.completion.chunk"
    assert reader.complete


# How streams end, over a real connection.

BROKEN = {
    "a clean end without finish_reason": (streamed(*HELLO[:3]), "ended"),
    "done without finish_reason": (streamed(*HELLO[:3], DONE), "ended"),
    "nothing at all": (streamed(), "ended"),
    "a reset": (streamed(*HELLO[:3], RESET), "broke"),
    "a close in mid-stream": (streamed(*HELLO[:3], CLOSE), "broke"),
    "a cut event": (streamed(*HELLO[:3], event(chunk(finish="stop"))[:-9]), "ended"),
    "broken JSON": (streamed(*HELLO[:3], b'data: {"choices": [{"del\n\n', *HELLO[3:]), "event 4 of the stream"),
    "plain text": (streamed(*HELLO[:3], b"data: upstream died\n\n", *HELLO[3:]), "'upstream died'"),
    "another value": (streamed(*HELLO[:3], b"data: 42\n\n", *HELLO[3:]), "event 4 of the stream"),
    "a choice that is none": (streamed(*HELLO[:3], {"choices": ["x"]}, *HELLO[3:]), "event 4 of the stream"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_stream_that_ends_too_early_keeps_what_came(side: Side, case: str) -> None:
    script, said = BROKEN[case]
    with ScriptedServer(script) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        got = [] if case == "nothing at all" else [side.next(stream) for _ in range(3)]
        with pytest.raises(StreamIncomplete, match=said) as caught:
            side.next(stream)
        assert "what came" in caught.value.message
        assert "run again" in caught.value.message
        assert "\n" not in caught.value.message
        if case != "nothing at all":
            assert [one.choices[0].delta.content for one in got] == ["", "Hel", "lo"]
            assert caught.value.completion.choices[0].message.content == "Hello"
            assert caught.value.completion.choices[0].finish_reason is None
        assert stream.partial == caught.value.completion
        with pytest.raises(StreamIncomplete):
            side.final(stream)


@pytest.mark.parametrize("end", [RESET, CLOSE, DONE], ids=["reset", "closed", "done"])
def test_a_connection_that_breaks_after_the_answer_is_finished_does_no_harm(side: Side, end: Any) -> None:
    with ScriptedServer(streamed(*HELLO[:-1], end, end=False)) as server:
        stream = side.create(side.client(base_url=server.url, timeout={"idle": 0.2}), stream=True)
        assert len(side.read(stream)) == 4
        assert side.final(stream).choices[0].message.content == "Hello"


def test_nothing_is_read_after_done(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO, chunk("more"), b"data: {\n\n")) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        assert side.final(stream).choices[0].message.content == "Hello"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"message": "The server had an error", "type": "server_error", "code": None}, GatewayError, None),
        ({"message": "slow down", "code": "rate_limit_exceeded"}, RateLimitError, "rate_limit_exceeded"),
        ({"message": "slow down", "code": 429}, RateLimitError, "429"),
        ("just a text", APIStatusError, None),
    ],
)
def test_an_error_object_in_the_middle_is_an_error(
    side: Side, error: Any, kind: type[APIStatusError], code: str | None
) -> None:
    with ScriptedServer(streamed(*HELLO[:3], {"error": error}, headers={"x-portkey-provider": "openai"})) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        with pytest.raises(kind) as caught:
            side.read(stream)
    assert caught.value.status == 200
    assert caught.value.code == code
    assert caught.value.provider == "openai"
    assert caught.value.completion.choices[0].message.content == "Hello"
    assert (error if isinstance(error, str) else error["message"]) in caught.value.message


def test_leaving_early_is_no_error_until_the_whole_is_asked_for(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO)) as server:
        stream = side.create(side.client(base_url=server.url), stream=True)
        side.next(stream)
        side.close(stream)
        assert side.read(stream) == []
        with pytest.raises(StreamIncomplete, match="was closed"):
            side.final(stream)

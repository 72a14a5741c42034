"""Answers that break the gateway's own description, as 1.15.2 sends them: read for what they mean."""

from __future__ import annotations

from typing import Any

from tests.gateway import conftest
from tests.gateway.sides import Side
from tests.servers import DONE, ScriptedServer, streamed

side = conftest.side

COHERE = {"x-portkey-provider": "cohere"}


def _chunk(index: int | None, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice: dict[str, Any] = {"delta": delta, "logprobs": None, "finish_reason": finish}
    if index is not None:
        choice["index"] = index
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def _read(side: Side, *chunks: dict[str, Any], headers: dict[str, str]) -> Any:
    with ScriptedServer(streamed(*chunks, DONE, headers=headers)) as server:
        return side.final(side.create(side.client(base_url=server.url), stream=True))


def test_blocks_of_cohere_are_parts_of_one_answer(side: Side) -> None:
    answer = _read(
        side,
        _chunk(None, {"role": "assistant", "content": "", "tool_calls": []}),
        _chunk(0, {"role": "assistant", "content": ""}),
        _chunk(1, {"role": "assistant", "content": "Hel"}),
        _chunk(1, {"role": "assistant", "content": "lo"}),
        _chunk(1, {}, "COMPLETE"),
        headers=COHERE,
    )
    (choice,) = answer.choices
    assert (choice.index, choice.message.content, choice.finish_reason) == (0, "Hello", "COMPLETE")


def test_parallel_tool_calls_of_cohere_are_kept_apart(side: Side) -> None:
    def call(index: int, **said: Any) -> dict[str, Any]:
        return _chunk(index, {"role": "assistant", "content": "", "tool_calls": said})

    answer = _read(
        side,
        call(0, id="a_0", type="function", function={"name": "a", "arguments": ""}),
        call(0, function={"arguments": '{"x":'}),
        call(0, function={"arguments": "1}"}),
        call(1, id="b_1", type="function", function={"name": "b", "arguments": ""}),
        call(1, function={"arguments": "{}"}),
        _chunk(1, {}, "TOOL_CALL"),
        headers=COHERE,
    )
    (choice,) = answer.choices
    called = [(made.id, made.function.name, made.function.arguments) for made in choice.message.tool_calls]
    assert called == [("a_0", "a", '{"x":1}'), ("b_1", "b", "{}")]


def test_choices_of_other_providers_stay_choices(side: Side) -> None:
    chunks = [_chunk(0, {"content": "a"}, "stop"), _chunk(1, {"content": "b"}, "stop")]
    answer = _read(side, *chunks, headers={"x-portkey-provider": "openai"})
    assert [choice.message.content for choice in answer.choices] == ["a", "b"]

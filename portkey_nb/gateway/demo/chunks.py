"""The events of a streamed answer, each provider's in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from portkey_nb.gateway.demo.calling import ToolCall
from portkey_nb.gateway.demo.wire import Answer, Choice, call_id, head_of

__all__ = ["CUT", "SILENCE", "events", "sse"]

CUT = b"cut"
"""Stands where a stream is to break off."""
SILENCE = b"silence"
"""Stands where a stream is to fall silent."""
_HEARD_BEFORE_STALL = 4
_PIECE = 8


def sse(data: bytes) -> bytes:
    """Return one server-sent event."""
    return b"data: " + data + b"\n\n"


class _Writer:
    """Writes the chunks of one streamed answer, all under one id."""

    def __init__(self, answer: Answer, *, include_usage: bool) -> None:
        self._head = head_of(answer, "chat.completion.chunk")
        self._tail: dict[str, Any] = {"usage": None} if include_usage else {}
        self._answer = answer

    def delta(self, index: int, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        """Return the event of one choice's delta."""
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(msgspec.json.encode(self._head | {"choices": [choice]} | self._tail))

    def usage(self) -> bytes:
        """Return the closing event with the token counts and no choices."""
        return sse(msgspec.json.encode(self._head | {"choices": [], "usage": self._answer.usage()}))


def events(answer: Answer, *, include_usage: bool, fault: str | None = None) -> Iterator[bytes]:
    """Yield the events of a stream, and the signs of a fault on its way.

    Parameters
    ----------
    include_usage : bool
        Whether chunks carry ``usage``: null in all but the last.
    fault : str or None
        The fault model that is to show itself.
    """
    writer = _Writer(answer, include_usage=include_usage)
    for index in range(len(answer.choices)):
        yield writer.delta(index, {"role": "assistant", "content": ""})
    spoken = [list(_deltas(answer, choice)) for choice in answer.choices]
    longest = max(map(len, spoken))
    for place in range(longest):
        if place == min(_HEARD_BEFORE_STALL, longest - 1) and fault == "demo-stall":
            yield SILENCE
        if place == longest // 2 and fault == "demo-break":
            yield CUT
        if place == longest // 2 and fault == "demo-malformed":
            yield b'data: {"id": "chatcmpl-demo", "choices": [{"delta": {"content": "oh\n\n'
        for index, deltas in enumerate(spoken):
            if place < len(deltas):
                yield writer.delta(index, deltas[place])
    if fault == "demo-noend":
        return
    for index, choice in enumerate(answer.choices):
        yield writer.delta(index, {}, answer.finish(choice))
    if include_usage:
        yield writer.usage()
    yield sse(b"[DONE]")


def _deltas(answer: Answer, choice: Choice) -> Iterator[Mapping[str, Any]]:
    """Yield what one choice says, piece by piece."""
    for part in choice.parts:
        yield {"content": part}
    if answer.provider == "google" and choice.calls:
        # Gemini calls functions whole, in one delta.
        calls = [
            _opening(answer, place, call) | {"function": {"name": call.name, "arguments": call.arguments}}
            for place, call in enumerate(choice.calls)
        ]
        yield {"role": "assistant", "tool_calls": calls}
        return
    for place, call in enumerate(choice.calls):
        yield {"tool_calls": [_opening(answer, place, call)]}
        if answer.provider == "anthropic":
            yield {"tool_calls": [{"index": place, "function": {"arguments": ""}}]}
        for piece in re.findall(rf"(?s).{{1,{_PIECE}}}", call.arguments):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


def _opening(answer: Answer, place: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": ""}
    return {"index": place, "id": call_id(answer, call), "type": "function", "function": function}

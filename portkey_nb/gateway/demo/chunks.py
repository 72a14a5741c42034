"""The events of a streamed answer, each provider's in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from portkey_nb.gateway.demo.calling import ToolCall
from portkey_nb.gateway.demo.likelihood import likelihoods
from portkey_nb.gateway.demo.thinking import signature
from portkey_nb.gateway.demo.wire import GEMINI, Answer, Choice, call_id, head_of

__all__ = ["CUT", "SILENCE", "events", "sse"]

CUT = b"cut"
"""Stands where a stream is to break off."""
SILENCE = b"silence"
"""Stands where a stream is to fall silent."""
_HEARD_BEFORE_STALL = 4
_PIECE = 8
_REMEMBERED = 64


def sse(data: bytes) -> bytes:
    """Return one server-sent event."""
    return b"data: " + data + b"\n\n"


class _Writer:
    """Writes the chunks of one streamed answer, all under one id."""

    def __init__(self, answer: Answer, *, include_usage: bool) -> None:
        self._head = head_of(answer, "chat.completion.chunk")
        self._answer = answer
        # Anthropic and Gemini tell the usage with the last delta, asked or not.
        self.own_way = answer.provider in ("anthropic", *GEMINI)
        self._tail: dict[str, Any] = {"usage": None} if include_usage and not self.own_way else {}
        self._said = [""] * len(answer.choices)

    def delta(self, index: int, delta: Mapping[str, Any], finish: str | None = None, *, last: bool = False) -> bytes:
        """Return the event of one choice's delta."""
        choice = {"index": index, "delta": delta, "logprobs": self._logprobs(index, delta), "finish_reason": finish}
        tail = {"usage": self._answer.usage()} if last and self.own_way else self._tail
        return sse(msgspec.json.encode(self._head | {"choices": [choice]} | tail))

    def _logprobs(self, index: int, delta: Mapping[str, Any]) -> dict[str, Any] | None:
        text = delta.get("content")
        if self._answer.logprobs is None or not text:
            return None
        told = likelihoods([text], self._answer.logprobs, self._said[index])
        self._said[index] = f"{self._said[index]}{text}"[-_REMEMBERED:]
        return told

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
    gemini = answer.provider in GEMINI
    for index in range(0 if gemini else len(answer.choices)):
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
                yield writer.delta(index, {"role": "assistant", **deltas[place]} if gemini else deltas[place])
    if fault == "demo-noend":
        return
    for index, choice in enumerate(answer.choices):
        closing = {"role": "assistant", "content": ""} if gemini else {}
        yield writer.delta(index, closing, answer.finish(choice), last=index == len(answer.choices) - 1)
    if include_usage and not writer.own_way:
        yield writer.usage()
    if not gemini:
        yield sse(b"[DONE]")


def _deltas(answer: Answer, choice: Choice) -> Iterator[Mapping[str, Any]]:
    """Yield what one choice says, piece by piece."""
    yield from _thought(answer, choice)
    block = int(bool(choice.thought))
    if answer.provider == "anthropic" and choice.parts:
        yield _block(block, {"text": ""}) if answer.blocks else {}
    for part in choice.parts:
        yield {"content": part, **(_block(block, {"text": part}) if answer.blocks else {})}
    yield from _called(answer, choice)


def _thought(answer: Answer, choice: Choice) -> Iterator[Mapping[str, Any]]:
    """Yield what the model thinks, where its provider tells it."""
    if not choice.thought:
        return
    if answer.thinks_aloud:
        for part in choice.thought:
            yield {"reasoning_content": part}
    elif answer.provider == "anthropic":
        # Without content_blocks the same events pass, but empty.
        yield _block(0, {"thinking": "", "signature": ""}) if answer.blocks else {}
        for part in choice.thought:
            yield _block(0, {"thinking": part}) if answer.blocks else {}
        yield _block(0, {"signature": signature("".join(choice.thought))}) if answer.blocks else {}
    elif answer.provider in GEMINI:
        for part in choice.thought:
            yield {"content": "", **(_block(0, {"thinking": part}) if answer.blocks else {})}


def _block(index: int, delta: Mapping[str, Any]) -> dict[str, Any]:
    return {"content_blocks": [{"index": index, "delta": delta}]}


def _called(answer: Answer, choice: Choice) -> Iterator[Mapping[str, Any]]:
    """Yield a choice's tool calls."""
    if answer.provider in GEMINI and choice.calls:
        # Gemini calls functions whole, in one delta.
        calls = [
            _opening(answer, place, call) | {"function": {"name": call.name, "arguments": call.arguments}}
            for place, call in enumerate(choice.calls)
        ]
        yield {"tool_calls": calls}
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

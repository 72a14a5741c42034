"""Cohere's chat, version 2 (https://docs.cohere.com/reference/chat and chat-stream)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.shapes import ARGUMENTS, INPUT, OUTPUT, THOUGHT, Asked, event

STREAM_TYPE = "text/event-stream"

_ID = "c14c80c3-18eb-4519-9460-6c92edd8cfb4"
_FINISH = {"maxtok": "MAX_TOKENS", "stopseq": "STOP_SEQUENCE"}
_ERRORS = {
    400: "invalid request: message must be at least 1 token long or tool results must be specified.",
    401: "invalid api token",
    429: "You are using a Trial key, which is limited to 10 API calls / minute.",
    500: "internal server error, this has been reported to our developers.",
    503: "the service is unavailable, please try again later.",
}


def _usage() -> dict[str, Any]:
    counted = {"input_tokens": INPUT, "output_tokens": OUTPUT}
    return {"billed_units": {"input_tokens": INPUT - 2, "output_tokens": OUTPUT}, "tokens": counted}


def _finish(asked: Asked) -> str:
    return "TOOL_CALL" if asked.tools else _FINISH.get(asked.kind, "COMPLETE")


def whole(asked: Asked) -> dict[str, Any]:
    """Return a chat answer."""
    content: list[dict[str, Any]] = [{"type": "thinking", "thinking": THOUGHT}] if asked.thinking else []
    message: dict[str, Any] = {"role": "assistant"}
    if asked.tools:
        function = {"name": asked.tools[0], "arguments": ARGUMENTS}
        message["tool_plan"] = "I will look it up."
        message["tool_calls"] = [{"id": f"{asked.tools[0]}_0", "type": "function", "function": function}]
    else:
        content.append({"type": "text", "text": asked.text})
    if content:
        message["content"] = content
    return {"id": _ID, "finish_reason": _finish(asked), "message": message, "usage": _usage()}


def events(asked: Asked) -> Iterator[bytes]:
    """Yield the events of a chat stream."""
    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield _named("message-start", {"message": begun}, id=_ID)
    index = 0
    if asked.thinking:
        yield from _content(index, "thinking", (THOUGHT,))
        index += 1
    if asked.tools:
        yield from _call(asked.tools[0])
    else:
        yield from _content(index, "text", asked.pieces)
    yield _named("message-end", {"finish_reason": _finish(asked), "usage": _usage()})


def _content(index: int, kind: str, pieces: tuple[str, ...]) -> Iterator[bytes]:
    yield _named("content-start", {"message": {"content": {"type": kind, kind: ""}}}, index=index)
    for piece in pieces:
        yield _named("content-delta", {"message": {"content": {kind: piece}}}, index=index)
    yield _named("content-end", None, index=index)


def _call(name: str) -> Iterator[bytes]:
    yield _named("tool-plan-delta", {"message": {"tool_plan": "I will look it up."}})
    begun = {"id": f"{name}_0", "type": "function", "function": {"name": name, "arguments": ""}}
    yield _named("tool-call-start", {"message": {"tool_calls": begun}}, index=0)
    for piece in (ARGUMENTS[:4], ARGUMENTS[4:11], ARGUMENTS[11:]):
        yield _named("tool-call-delta", {"message": {"tool_calls": {"function": {"arguments": piece}}}}, index=0)
    yield _named("tool-call-end", None, index=0)


def _named(name: str, delta: dict[str, Any] | None, **more: Any) -> bytes:
    return event({"type": name, **more, **({} if delta is None else {"delta": delta})}, name)


def error(status: int, model: str) -> dict[str, Any]:
    """Return an error as Cohere words it."""
    return {"id": _ID, "message": _ERRORS.get(status, f"error {status} for {model}")}


def late_error() -> bytes:
    """Return the end of a message that failed."""
    return _named("message-end", {"finish_reason": "ERROR", "error": "internal server error"})

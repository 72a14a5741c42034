"""Anthropic's Messages API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.contract.shapes import ARGUMENTS, CACHED, INPUT, OUTPUT, THOUGHT, WRITTEN, Asked, event

STREAM_TYPE = "text/event-stream; charset=utf-8"

_STOP = {"maxtok": "max_tokens", "stopseq": "stop_sequence", "refusal": "refusal", "pause": "pause_turn"}
_ERRORS = {
    400: ("invalid_request_error", "max_tokens: Field required"),
    401: ("authentication_error", "invalid x-api-key"),
    429: ("rate_limit_error", "This request would exceed the rate limit for your organization"),
    500: ("api_error", "Internal server error"),
    503: ("server_error", "The engine is currently overloaded, please try again later"),
}


def _usage(output: int) -> dict[str, Any]:
    return {
        "input_tokens": INPUT,
        "cache_creation_input_tokens": WRITTEN,
        "cache_read_input_tokens": CACHED,
        "output_tokens": output,
        "service_tier": "standard",
    }


def _message(asked: Asked, content: list[Any], stop: str | None, output: int) -> dict[str, Any]:
    return {
        "id": "msg_FAKE1",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": _usage(output),
    }


def _stop(asked: Asked) -> str:
    return "tool_use" if asked.tools else _STOP.get(asked.kind, "end_turn")


def whole(asked: Asked) -> dict[str, Any]:
    """Return a message."""
    content: list[dict[str, Any]] = []
    if asked.thinking:
        content.append({"type": "thinking", "thinking": THOUGHT, "signature": "SIG=="})
    content.append({"type": "text", "text": asked.text})
    if asked.tools:
        content.append({"type": "tool_use", "id": "toolu_A", "name": asked.tools[0], "input": json.loads(ARGUMENTS)})
    return _message(asked, content, _stop(asked), OUTPUT)


def events(asked: Asked) -> Iterator[bytes]:
    """Yield the events of a message, block by block."""
    index = 0
    yield _named("message_start", message=_message(asked, [], None, 1))
    if asked.thinking:
        yield _begin(index, {"type": "thinking", "thinking": "", "signature": ""})
        yield _delta(index, {"type": "thinking_delta", "thinking": THOUGHT})
        yield _delta(index, {"type": "signature_delta", "signature": "SIG=="})
        yield _named("content_block_stop", index=index)
        index += 1
    yield _begin(index, {"type": "text", "text": ""})
    yield _named("ping")
    for piece in asked.pieces:
        yield _delta(index, {"type": "text_delta", "text": piece})
    yield _named("content_block_stop", index=index)
    if asked.tools:
        index += 1
        yield _begin(index, {"type": "tool_use", "id": "toolu_A", "name": asked.tools[0], "input": {}})
        for piece in ("", ARGUMENTS[:4], ARGUMENTS[4:11], ARGUMENTS[11:]):
            yield _delta(index, {"type": "input_json_delta", "partial_json": piece})
        yield _named("content_block_stop", index=index)
    stop = {"stop_reason": _stop(asked), "stop_sequence": None}
    yield _named("message_delta", delta=stop, usage={"output_tokens": OUTPUT})
    yield _named("message_stop")


def _named(name: str, **data: Any) -> bytes:
    return event({"type": name, **data}, name)


def _begin(index: int, block: dict[str, Any]) -> bytes:
    return _named("content_block_start", index=index, content_block=block)


def _delta(index: int, delta: dict[str, Any]) -> bytes:
    return _named("content_block_delta", index=index, delta=delta)


def error(status: int, model: str) -> dict[str, Any]:
    """Return an error as Anthropic words it."""
    kind, message = _ERRORS.get(status, ("api_error", f"Error {status} for {model}"))
    return {"type": "error", "error": {"type": kind, "message": message}}


def late_error() -> bytes:
    """Return an error event."""
    return _named("error", error={"type": "overloaded_error", "message": "Overloaded"})

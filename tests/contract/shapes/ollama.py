"""Ollama's OpenAI-compatible route: OpenAI's shape with the reasoning beside the text, and shorter usage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.shapes import INPUT, OUTPUT, THOUGHT, Asked, event, openai

STREAM_TYPE = openai.STREAM_TYPE
late_error = openai.late_error


def _usage() -> dict[str, int]:
    return {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}


def whole(asked: Asked) -> dict[str, Any]:
    """Return a chat completion."""
    data = openai.whole(asked)
    if asked.thinking:
        data["choices"][0]["message"]["reasoning"] = THOUGHT
    for name in ("service_tier", "x_unknown_field"):
        del data[name]
    return {**data, "id": "chatcmpl-1", "model": asked.model, "system_fingerprint": "fp_ollama", "usage": _usage()}


def events(asked: Asked) -> Iterator[bytes]:
    """Yield the chunks."""

    def chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
        data = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.model}
        return event({**data, "system_fingerprint": "fp_ollama", "choices": choices, **more})

    def said(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return chunk([{"index": 0, "delta": {"role": "assistant", "content": "", **delta}, "finish_reason": finish}])

    if asked.thinking:
        yield said({"reasoning": THOUGHT})
    if asked.tools:
        function = {"name": asked.tools[0], "arguments": '{"city":"Paris"}'}
        yield said({"tool_calls": [{"index": 0, "id": "call_A", "type": "function", "function": function}]})
    else:
        for piece in asked.pieces:
            yield said({"content": piece})
    yield said({}, "tool_calls" if asked.tools else "length" if asked.kind == "maxtok" else "stop")
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        yield chunk([], usage=_usage())
    yield event(b"[DONE]")


def error(status: int, model: str) -> dict[str, Any]:
    """Return an error as Ollama words it."""
    message = f'model "{model}" not found, try pulling it first' if status == 404 else f"error {status} of the server"
    return {"error": {"message": message, "type": "api_error", "param": None, "code": None}}

"""OpenAI's chat completions, which Ollama speaks as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.shapes import ARGUMENTS, CACHED, CREATED, INPUT, OUTPUT, REASONED, Asked, event

STREAM_TYPE = "text/event-stream"

_FINISH = {"maxtok": "length", "safety": "content_filter", "refusal": "content_filter"}
_ERRORS: dict[int, tuple[str, str, str | None, str | None]] = {
    400: (
        "Unsupported value: 'temperature' does not support 0.2 with this model.",
        "invalid_request_error",
        "temperature",
        "unsupported_value",
    ),
    401: (
        "Incorrect API key provided: sk-bad. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_request_error",
        None,
        "invalid_api_key",
    ),
    429: (
        "Rate limit reached for gpt-4o-mini in organization org-x on requests per min (RPM): Limit 3, Used 3, "
        "Requested 1. Please try again in 20s.",
        "requests",
        None,
        "rate_limit_exceeded",
    ),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None, None),
    503: ("The engine is currently overloaded, please try again later", "server_error", None, None),
}


def usage() -> dict[str, Any]:
    """Return the token counts: input with cached, output with reasoning."""
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": REASONED,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _finish(asked: Asked) -> str:
    return "tool_calls" if asked.tools else _FINISH.get(asked.kind, "stop")


def _count(asked: Asked) -> int:
    return int(asked.body.get("n") or 1)


def whole(asked: Asked) -> dict[str, Any]:
    """Return a chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": asked.text, "refusal": None, "annotations": []}
    if asked.tools:
        function = {"name": asked.tools[0], "arguments": ARGUMENTS}
        call = {"id": "call_A", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    return {
        "id": "chatcmpl-FAKE1",
        "object": "chat.completion",
        "created": CREATED,
        "model": f"{asked.model}-2025",
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": _finish(asked)}
            for index in range(_count(asked))
        ],
        "usage": usage(),
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
        "x_unknown_field": {"kept": True},
    }


def events(asked: Asked) -> Iterator[bytes]:
    """Yield the chunks; usage comes in one of its own where ``stream_options`` asks for it."""
    counted = bool((asked.body.get("stream_options") or {}).get("include_usage"))

    def chunk(choices: list[dict[str, Any]], used: Any = None) -> bytes:
        data: dict[str, Any] = {
            "id": "chatcmpl-FAKE1",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": f"{asked.model}-2025",
            "service_tier": "default",
            "system_fingerprint": "fp_fake",
            "choices": choices,
        }
        return event({**data, "usage": used} if counted else data)

    for index in range(_count(asked)):
        for delta, finish in _deltas(asked):
            yield chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}])
    if counted:
        yield chunk([], usage())
    yield event(b"[DONE]")


def _deltas(asked: Asked) -> Iterator[tuple[dict[str, Any], str | None]]:
    yield {"role": "assistant", "content": None if asked.tools else "", "refusal": None}, None
    if asked.tools:
        for call in _calls(asked.tools[0]):
            yield {"tool_calls": [call]}, None
    else:
        for piece in asked.pieces:
            yield {"content": piece}, None
    yield {}, _finish(asked)


def _calls(name: str) -> Iterator[dict[str, Any]]:
    function: dict[str, Any] = {"name": name, "arguments": ""}
    yield {"index": 0, "id": "call_A", "type": "function", "function": function}
    for piece in (ARGUMENTS[:4], ARGUMENTS[4:11], ARGUMENTS[11:]):
        yield {"index": 0, "function": {"arguments": piece}}
    # A second call at once, as parallel tool calls are streamed.
    if name == "get_weather":
        yield {"index": 1, "id": "call_B", "type": "function", "function": {"name": "get_time", "arguments": ""}}
        yield {"index": 1, "function": {"arguments": "{}"}}


def error(status: int, model: str) -> dict[str, Any]:
    """Return an error as OpenAI words it."""
    message, kind, param, code = _ERRORS.get(status, (f"Error {status} for {model}", "server_error", None, None))
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def late_error() -> bytes:
    """Return an error event."""
    message = "The server had an error while processing your request"
    return event({"error": {"message": message, "type": "server_error", "param": None, "code": None}})

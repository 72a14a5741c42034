"""Gemini's generateContent; a stream is a JSON array that arrives piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.contract.shapes import ARGUMENTS, CACHED, INPUT, OUTPUT, PIECES, REASONED, THOUGHT, Asked

STREAM_TYPE = "application/json; charset=UTF-8"

_FINISH = {"maxtok": "MAX_TOKENS", "safety": "SAFETY"}
_STREAMED = ("Hello", " from the", " fake up", "stream.")
_ERRORS = {
    400: ("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}
_DETAILS = [{"modality": "TEXT", "tokenCount": INPUT}]


def _usage() -> dict[str, Any]:
    return {
        "promptTokenCount": INPUT,
        "candidatesTokenCount": OUTPUT,
        "totalTokenCount": INPUT + OUTPUT + REASONED,
        "thoughtsTokenCount": REASONED,
        "cachedContentTokenCount": CACHED,
        "promptTokensDetails": _DETAILS,
    }


def _call(name: str) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": json.loads(ARGUMENTS)}, "thoughtSignature": "TS=="}


def whole(asked: Asked) -> dict[str, Any]:
    """Return a generated content; a blocked prompt has no candidate."""
    if asked.kind == "blocked":
        counted = {"promptTokenCount": INPUT, "totalTokenCount": INPUT}
        return {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": counted, "modelVersion": asked.model}
    parts: list[dict[str, Any]] = [{"text": THOUGHT, "thought": True}] if asked.thinking else []
    parts.append(_call(asked.tools[0]) if asked.tools else {"text": asked.text})
    candidate = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": _FINISH.get(asked.kind, "STOP"),
        "index": 0,
        "avgLogprobs": -0.1,
    }
    return {"candidates": [candidate], "usageMetadata": _usage(), "modelVersion": asked.model, "responseId": "RID"}


def events(asked: Asked) -> Iterator[bytes]:
    """Yield the elements of the array."""
    parts: list[tuple[dict[str, Any], bool]] = []
    if asked.thinking:
        parts.append(({"text": THOUGHT, "thought": True}, False))
    if asked.tools:
        parts.append((_call(asked.tools[0]), True))
    else:
        pieces = _STREAMED if asked.pieces == PIECES else asked.pieces
        parts += [({"text": piece}, False) for piece in pieces]
        parts.append(({"text": ""}, True))
    for number, (part, last) in enumerate(parts):
        yield (b",\r\n" if number else b"[") + _element(asked, part, last)
    yield b"]\n"


def _element(asked: Asked, part: dict[str, Any], last: bool) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": [part], "role": "model"}, "index": 0}
    counted: dict[str, Any] = {"promptTokenCount": INPUT, "totalTokenCount": INPUT, "promptTokensDetails": _DETAILS}
    if last:
        candidate["finishReason"] = _FINISH.get(asked.kind, "STOP")
        counted = _usage()
    data = {
        "candidates": [candidate],
        "usageMetadata": counted,
        "modelVersion": asked.model,
        "responseId": "RID",
    }
    return json.dumps(data, indent=2).encode() + b"\n"


def error(status: int, model: str) -> dict[str, Any]:
    """Return an error as Google words it."""
    kind, message = _ERRORS.get(status, ("UNKNOWN", f"Error {status} for {model}"))
    return {"error": {"code": status, "message": message, "status": kind}}


def late_error() -> bytes:
    """Return an element that is an error."""
    return b",\r\n" + json.dumps(error(503, ""), indent=2).encode() + b"\n"

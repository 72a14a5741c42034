"""What a client has to make of an answer, held against what the second reader found in it."""

from __future__ import annotations

import re
from typing import Any

from portkey_nb import errors
from portkey_nb.engine.normalize import reasoning_text
from tests.contract.recorded import Told

STATUS_CLASS: dict[int, type[errors.APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    404: errors.NotFoundError,
    408: errors.RequestTimeoutError,
    429: errors.RateLimitError,
    431: errors.BadRequestError,
    446: errors.GuardrailError,
    500: errors.GatewayError,
    502: errors.GatewayError,
    503: errors.GatewayError,
}


_NEW_EACH_TIME = {"id", "created", "created_at", "execution_time"}


def _as_it_is(value: Any) -> Any:
    return value


def settled(value: Any) -> Any:
    """Return a decoded answer without what is new each time: ids, dates, durations."""
    if isinstance(value, dict):
        return {name: "" if name in _NEW_EACH_TIME else settled(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [settled(item) for item in value]
    return "portkey-" if isinstance(value, str) and value.startswith("portkey-") else value


def assert_answer(answer: Any, expected: Told, *, live: bool = False) -> None:
    """Compare a completion; ``live`` where ids and times are new with each answer."""
    tidy = settled if live else _as_it_is
    assert [choice.index for choice in answer.choices] == sorted(expected.choices)
    for choice in answer.choices:
        said = expected.choices[choice.index]
        message = choice.message
        assert message.role == "assistant"
        assert message.content == said.text
        assert choice.finish_reason == said.finish
        called = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls]
        assert tidy(called) == tidy(said.called)
        assert message.content_blocks == said.content_blocks
        assert reasoning_text(message.model_dump()) == said.thoughts
    assert (answer.usage and answer.usage.model_dump()) == expected.usage
    assert answer.headers == expected.portkey_headers
    assert answer.trace_id == (expected.headers.get("x-portkey-trace-id") or None)
    assert tidy(answer.model_dump().get("hook_results")) == tidy(expected.hook_results)


def _words(body: dict[str, Any]) -> str:
    """Return the sentence of an error body, by the order in which a client has to look."""
    error = body["error"].get("message") if isinstance(body.get("error"), dict) else None
    for said in (error, body.get("message"), body.get("html-message")):
        if said:
            return " ".join(re.sub("<[^>]*>", " ", said).split()).rstrip(".")
    return ""


def assert_error(error: errors.APIStatusError, expected: Told, *, live: bool = False) -> None:
    """Compare an exception; ``live`` where ids and times are new with each answer."""
    tidy = settled if live else _as_it_is
    body = expected.data or {}
    assert type(error) is STATUS_CLASS[expected.status]
    assert error.status == expected.status
    assert error.message.startswith(f"{expected.status} ")
    assert _words(body) in error.message
    detail = body.get("error") if isinstance(body.get("error"), dict) else {}
    assert error.code == (None if detail.get("code") is None else str(detail["code"]))
    assert error.provider == (expected.headers.get("x-portkey-provider") or body.get("provider"))
    assert error.trace_id == (expected.headers.get("x-portkey-trace-id") or None)
    assert tidy(error.body) == tidy(body or expected.body.decode())
    assert {key: error.headers[key] for key in expected.portkey_headers} == expected.portkey_headers
    if expected.status == 429:
        assert error.retry_after == float(expected.headers["retry-after"])

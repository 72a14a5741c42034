"""Answers of the open-source gateway 1.15.2, recorded byte for byte, read by the client over a real connection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from portkey_nb import errors
from tests.gateway.sides import Side
from tests.servers import CLOSE, ScriptedServer

HERE = Path(__file__).parent / "recordings"
HELLO = "Hello from the fake upstream."
PARIS = ("get_weather", '{"city":"Paris"}')
OPENAI, ANTHROPIC, GOOGLE = (12, 8, 20), (12, 8, 26), (12, 8, 23)

# name -> finish reason as sent, text, tool calls, usage (prompt, completion, total tokens)
ANSWERS: dict[str, tuple[str, str | None, list[tuple[str, str]], tuple[int, int, int] | None]] = {
    "openai-min": ("stop", HELLO, [], OPENAI),
    "openai-stream": ("stop", HELLO, [], OPENAI),
    "openai-tools": ("tool_calls", None, [PARIS], OPENAI),
    "openai-tools-stream": ("tool_calls", None, [PARIS, ("get_time", "{}")], None),
    "anthropic-stream": ("stop", HELLO, [], ANTHROPIC),
    "anthropic-tools-stream": ("tool_calls", HELLO, [PARIS], ANTHROPIC),
    "anthropic-think-stream-lax": ("end_turn", HELLO, [], ANTHROPIC),
    "anthropic-stop-refusal-lax": ("refusal", HELLO, [], ANTHROPIC),
    "anthropic-stream-miderr": ("overloaded_error", "Hel", [], None),
    "google-stream": ("stop", HELLO, [], GOOGLE),
    "google-tools": ("stop", None, [PARIS], GOOGLE),
    "google-tools-stream": ("stop", None, [PARIS], GOOGLE),
    "google-think-stream-lax": ("STOP", HELLO, [], GOOGLE),
    "google-blocked-stream": ("stop", HELLO, [], GOOGLE),
    "cfg-guard-in-stream-lax": ("stop", HELLO, [], OPENAI),
}

# name -> class, status, words of the message, text that had come
ERRORS: dict[str, tuple[type[errors.PortkeyError], int | None, str, str | None]] = {
    "openai-err429": (errors.RateLimitError, 429, "openai error: Rate limit reached", None),
    "openai-stream-miderr": (errors.GatewayError, 200, "The server had an error", "Hello from"),
    "openai-stream-midabort": (errors.StreamIncomplete, None, "ended before the answer was finished", "Hello from"),
    "openai-stream-midclose": (errors.StreamIncomplete, None, "ended before the answer was finished", "Hello from"),
    "anthropic-err400": (errors.BadRequestError, 400, "anthropic error: max_tokens: Field required", None),
    "google-stop-blocked": (errors.APIStatusError, 200, "promptFeedback", None),
    "cfg-guard-in-deny": (errors.GuardrailError, 446, "guardrail checks defined in the config failed", None),
    "cfg-timeout": (errors.RequestTimeoutError, 408, "300ms", None),
    "gw-404": (errors.NotFoundError, 404, "Not Found", None),
    "gw-config-badmode": (errors.BadRequestError, 400, "Must be one of: single, loadbalance", None),
    "hdr-config-17k": (errors.BadRequestError, 431, "save a config of more than 15 KB", None),
    "up-html502": (errors.GatewayError, 502, "502 Bad Gateway nginx", None),
}


def _recorded(name: str) -> tuple[dict[str, Any], list[Any]]:
    recording = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return recording["sent_by_client"], [*(piece.encode() for piece in recording["client_got"]["wire"]), CLOSE]


def _replay(side: Side, name: str, client: Any) -> Any:
    asked, _ = _recorded(name)
    answer = side.create(client, stream=bool(asked["body"].get("stream")))
    return side.final(answer) if asked["body"].get("stream") else answer


def test_every_recording_is_tried() -> None:
    assert {path.stem for path in HERE.glob("*.json")} == {*ANSWERS, *ERRORS, "route-models"}


@pytest.mark.parametrize("name", ANSWERS)
def test_recorded_answers(side: Side, name: str) -> None:
    finish, text, calls, usage = ANSWERS[name]
    with ScriptedServer(_recorded(name)[1]) as server:
        answer = _replay(side, name, side.client(base_url=server.url))
    (choice,) = answer.choices
    assert choice.index == 0
    assert choice.finish_reason == finish
    assert choice.message.role == "assistant"
    assert choice.message.content == text
    assert [(call.function.name, call.function.arguments) for call in choice.message.tool_calls] == calls
    got = answer.usage and (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
    assert got == usage
    assert answer.headers["x-portkey-last-used-option-index"].startswith("config")
    assert answer.headers["x-portkey-provider"] == name.partition("-")[0] or name.startswith("cfg")
    assert answer.trace_id is None


def test_recorded_thinking_is_kept(side: Side) -> None:
    with ScriptedServer(_recorded("anthropic-think-stream-lax")[1]) as server:
        answer = _replay(side, "anthropic-think-stream-lax", side.client(base_url=server.url))
    assert answer.choices[0].message.content_blocks == [
        {"type": "thinking", "thinking": "Let me think", "signature": "SIG=="},
        {"type": "text", "text": HELLO},
    ]
    assert answer.usage.cache_read_input_tokens == 4


def test_recorded_guardrail_results_are_kept(side: Side) -> None:
    with ScriptedServer(_recorded("cfg-guard-in-stream-lax")[1]) as server:
        answer = _replay(side, "cfg-guard-in-stream-lax", side.client(base_url=server.url))
    assert answer.hook_results.before_request_hooks[0].verdict is False


@pytest.mark.parametrize("name", ERRORS)
def test_recorded_errors(side: Side, name: str) -> None:
    kind, status, said, text = ERRORS[name]
    with ScriptedServer(_recorded(name)[1]) as server:
        client = side.client(base_url=server.url, max_retries=0)
        with pytest.raises(errors.PortkeyError) as caught:
            _replay(side, name, client)
    error: Any = caught.value
    assert type(error) is kind
    assert said in error.message
    assert getattr(error, "status", None) == status
    assert (error.completion and error.completion.choices[0].message.content) == text


def test_recorded_model_list(side: Side) -> None:
    with ScriptedServer(_recorded("route-models")[1]) as server:
        assert [model.id for model in side.models(side.client(base_url=server.url))] == ["gpt-4o-mini"]

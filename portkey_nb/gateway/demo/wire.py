"""The shapes on the wire: what a model says, as a whole completion, and the error bodies of Portkey."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from portkey_nb.gateway.demo.calling import ToolCall
from portkey_nb.gateway.demo.tokens import count

__all__ = [
    "Answer",
    "Choice",
    "Refusal",
    "call_id",
    "completion",
    "gateway_error",
    "head_of",
    "provider_error",
]

_NATIVE: Mapping[str, Mapping[str, str]] = {
    "anthropic": {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"},
    "google": {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"},
}
"""Provider -> finish reason in OpenAI's words -> the provider's own, seen with strict-open-ai-compliance false."""
_PER_CALL = 4
_CALL_IDS = {"anthropic": "toolu_"}


class Refusal(Exception):
    """An answer that is an error, on its way to the wire.

    Parameters
    ----------
    status : int
        HTTP status.
    body : mapping
        One of the error shapes of reference 1.4.
    headers : mapping
        Further response headers.
    """

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def provider_error(
    provider: str, message: str, *, kind: str, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return the error body of a provider: ``{"error": {...}, "provider": ...}``."""
    text = f"{provider} error: {message}"
    return {"error": {"message": text, "type": kind, "param": param, "code": code}, "provider": provider}


def gateway_error(message: str, errors: Sequence[str] = ()) -> dict[str, Any]:
    """Return an error body of the gateway itself: ``{"status": "failure", "message": ...}``."""
    return {"status": "failure", "message": message} | ({"errors": list(errors)} if errors else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One choice of an answer.

    Attributes
    ----------
    parts : tuple of str
        The text in its pieces.
    finish : str
        Finish reason in OpenAI's words.
    calls : tuple of ToolCall
        Tools to be called.
    """

    parts: tuple[str, ...]
    finish: str
    calls: tuple[ToolCall, ...] = ()

    @property
    def text(self) -> str:
        """The text as a whole."""
        return "".join(self.parts)

    @property
    def written(self) -> int:
        """Tokens of the text and of the calls."""
        return len(self.parts) + sum(count(call.name) + count(call.arguments) + _PER_CALL for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model has to say: its choices and the token counts.

    Attributes
    ----------
    lax : bool
        Whether the request said ``strict-open-ai-compliance: false``, so that native finish reasons come through.
    """

    model: str
    provider: str
    choices: tuple[Choice, ...]
    prompt_tokens: int
    lax: bool = False

    def usage(self) -> dict[str, Any]:
        """Return the ``usage`` object."""
        written = sum(choice.written for choice in self.choices)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }

    def finish(self, choice: Choice) -> str:
        """Return a choice's finish reason as the gateway sends it."""
        if self.lax:
            return _NATIVE.get(self.provider, {}).get(choice.finish, choice.finish)
        # Gemini ends with STOP when it calls tools, and the gateway makes “stop” of it.
        return "stop" if self.provider == "google" and choice.finish == "tool_calls" else choice.finish


def call_id(answer: Answer, call: ToolCall) -> str:
    """Return the id of a call in its provider's way."""
    if answer.provider == "google":
        return f"portkey-{uuid.UUID(call.id)}"
    return f"{_CALL_IDS.get(answer.provider, 'call_')}{call.id[:24]}"


def head_of(answer: Answer, kind: str) -> dict[str, Any]:
    """Return the fields that stand beside the choices."""
    head: dict[str, Any] = {
        "id": f"chatcmpl-demo-{secrets.token_hex(10)}",
        "object": kind,
        "created": int(time.time()),
        "model": answer.model,
        "system_fingerprint": "fp_portkey_nb_demo",
    }
    # Portkey adds the provider to every answer but OpenAI's own.
    return head if answer.provider == "openai" else head | {"provider": answer.provider}


def completion(answer: Answer) -> bytes:
    """Return a whole ``chat.completion`` as JSON."""
    choices = [
        {
            "index": index,
            "message": _message(answer, choice),
            "logprobs": None,
            "finish_reason": answer.finish(choice),
        }
        for index, choice in enumerate(answer.choices)
    ]
    return msgspec.json.encode(head_of(answer, "chat.completion") | {"choices": choices, "usage": answer.usage()})


def _message(answer: Answer, choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": None}
    if not choice.calls:
        return message
    message["content"] = choice.text or None
    if answer.provider == "google":
        # Content beside a call is lost there, and so is its key.
        del message["content"]
    message["tool_calls"] = [
        {
            "id": call_id(answer, call),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in choice.calls
    ]
    return message

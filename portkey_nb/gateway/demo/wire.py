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
from portkey_nb.gateway.demo.likelihood import likelihoods
from portkey_nb.gateway.demo.thinking import signature
from portkey_nb.gateway.demo.tokens import count

__all__ = [
    "GEMINI",
    "Answer",
    "Choice",
    "Refusal",
    "blocks_of",
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
GEMINI = ("google", "vertex-ai")
_SILENT = ("openai", "azure-openai")
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
    thought : tuple of str
        What the model thought before, in its pieces.
    """

    parts: tuple[str, ...]
    finish: str
    calls: tuple[ToolCall, ...] = ()
    thought: tuple[str, ...] = ()

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
    cache_read, cache_written : int
        Tokens of the prompt that came from the provider's prompt cache, and that went into it.
    logprobs : int or None
        How many alternatives to tell for each token; None for no log probabilities.
    lax : bool
        Whether the request said ``strict-open-ai-compliance: false``, so that thoughts and native finish reasons come
        through.
    """

    model: str
    provider: str
    choices: tuple[Choice, ...]
    prompt_tokens: int
    cache_read: int = 0
    cache_written: int = 0
    logprobs: int | None = None
    lax: bool = False

    @property
    def blocks(self) -> bool:
        """Whether texts and thoughts come as ``content_blocks`` too."""
        return self.lax and self.provider in ("anthropic", *GEMINI)

    @property
    def thinks_aloud(self) -> bool:
        """Whether thoughts come as ``reasoning_content``."""
        return self.provider not in (*_SILENT, "anthropic", *GEMINI)

    def usage(self) -> dict[str, Any]:
        """Return the ``usage`` object, which means something else with each kind of provider (1.15.2)."""
        written = sum(choice.written for choice in self.choices)
        thought = sum(len(choice.thought) for choice in self.choices)
        total = self.prompt_tokens + written + thought
        if self.provider == "anthropic":
            return _anthropic_usage(self, written + thought)
        # Gemini counts thoughts beside the completion, all others within it.
        gemini = self.provider in GEMINI
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written if gemini else written + thought,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": thought},
        }

    def finish(self, choice: Choice) -> str:
        """Return a choice's finish reason as the gateway sends it."""
        if self.lax:
            return _NATIVE.get(self.provider, {}).get(choice.finish, choice.finish)
        # Gemini ends with STOP when it calls tools, and the gateway makes “stop” of it.
        return "stop" if self.provider in GEMINI and choice.finish == "tool_calls" else choice.finish


def _anthropic_usage(answer: Answer, written: int) -> dict[str, Any]:
    """Return a usage whose ``prompt_tokens`` leave out what came from the prompt cache and what went into it."""
    read, new = answer.cache_read, answer.cache_written
    usage: dict[str, Any] = {
        "prompt_tokens": answer.prompt_tokens - read - new,
        "completion_tokens": written,
        "total_tokens": answer.prompt_tokens + written,
        "prompt_tokens_details": {"cached_tokens": read},
    }
    return usage | ({"cache_read_input_tokens": read, "cache_creation_input_tokens": new} if read or new else {})


def call_id(answer: Answer, call: ToolCall) -> str:
    """Return the id of a call in its provider's way."""
    if answer.provider in GEMINI:
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
            "logprobs": None if answer.logprobs is None else likelihoods(choice.parts, answer.logprobs),
            "finish_reason": answer.finish(choice),
        }
        for index, choice in enumerate(answer.choices)
    ]
    return msgspec.json.encode(head_of(answer, "chat.completion") | {"choices": choices, "usage": answer.usage()})


def _message(answer: Answer, choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": None}
    thought = "".join(choice.thought)
    if thought and answer.thinks_aloud:
        message["reasoning_content"] = thought
    if answer.blocks and (thought or choice.text):
        message["content_blocks"] = blocks_of(answer, choice)
    if not choice.calls:
        return message
    message["content"] = choice.text or None
    if answer.provider in GEMINI:
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


def blocks_of(answer: Answer, choice: Choice) -> list[dict[str, Any]]:
    """Return a choice's ``content_blocks``: the thought with its signature, and the text."""
    blocks: list[dict[str, Any]] = []
    if thought := "".join(choice.thought):
        signed = {} if answer.provider in GEMINI else {"signature": signature(thought)}
        blocks.append({"type": "thinking", "thinking": thought, **signed})
    if choice.text:
        blocks.append({"type": "text", "text": choice.text})
    return blocks

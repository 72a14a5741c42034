"""The shapes on the wire: a checked request, completions, chunks and the error bodies of Portkey."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from portkey_nb.gateway.demo.tokens import count_messages

__all__ = [
    "Answer",
    "ChatRequest",
    "ChunkWriter",
    "Refusal",
    "completion",
    "gateway_error",
    "prompt_tokens",
    "provider_error",
    "read_request",
    "sse",
]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_NOT_YET = ("tools", "functions", "tool_choice", "function_call", "modalities", "audio", "logprobs", "thinking")


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
class ChatRequest:
    """The parameters of a chat completion that the simulated models heed, checked."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool = False
    n: int = 1
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    json_mode: bool = False
    include_usage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model has to say: the pieces and the finish reason of each choice, and the token counts."""

    model: str
    provider: str
    choices: tuple[tuple[tuple[str, ...], str], ...]
    prompt_tokens: int

    def usage(self) -> dict[str, Any]:
        """Return the ``usage`` object."""
        written = sum(len(parts) for parts, _ in self.choices)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


class _Reader:
    """Reads one parameter after another, refusing what does not fit as OpenAI does."""

    def __init__(self, body: Mapping[str, Any], provider: str) -> None:
        self.body = body
        self.provider = provider

    def refuse(self, message: str, param: str | None, code: str) -> Refusal:
        return Refusal(
            400,
            provider_error(self.provider, message, kind="invalid_request_error", param=param, code=code),
        )

    def wrong_type(self, name: str, expected: str, value: Any) -> Refusal:
        shown = type(value).__name__
        return self.refuse(
            f"Invalid type for '{name}': expected {expected}, but got {shown} instead.", name, "invalid_type"
        )

    def number(self, name: str, low: float, high: float, *, whole: bool = False) -> float | None:
        value = self.body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise self.wrong_type(name, "an integer" if whole else "a number", value)
        if not low <= value <= high:
            raise self.refuse(
                f"Invalid value for '{name}': {value} is not between {low:g} and {high:g}.", name, "invalid_value"
            )
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        value = self.number(name, low, high, whole=True)
        return None if value is None else int(value)

    def flag(self, name: str, source: Mapping[str, Any] | None = None) -> bool:
        value = (self.body if source is None else source).get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong_type(name, "a boolean", value)
        return bool(value)

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if value is None:
            raise self.refuse(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        if not isinstance(value, str):
            raise self.wrong_type(name, "a string", value)
        if not value.strip():
            raise self.refuse(f"Invalid '{name}': empty string.", name, "invalid_value")
        return value

    def stops(self) -> tuple[str, ...]:
        value = self.body.get("stop")
        if value is None:
            return ()
        stops = [value] if isinstance(value, str) else value
        if not isinstance(stops, list) or not all(isinstance(item, str) for item in stops):
            raise self.wrong_type("stop", "a string or an array of strings", value)
        if len(stops) > 4:
            raise self.refuse("Invalid 'stop': at most 4 sequences.", "stop", "array_above_max_length")
        return tuple(item for item in stops if item)

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self.body.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong_type(name, "an object", value)
        return value

    def messages(self) -> list[dict[str, Any]]:
        value = self.body.get("messages")
        if value is None:
            raise self.refuse("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
        if not isinstance(value, list):
            raise self.wrong_type("messages", "an array of objects", value)
        if not value:
            raise self.refuse("Invalid 'messages': empty array.", "messages", "empty_array")
        for place, message in enumerate(value):
            self._check_message(f"messages[{place}]", message)
        return value

    def _check_message(self, place: str, message: Any) -> None:
        if not isinstance(message, dict):
            raise self.wrong_type(place, "an object", message)
        role = message.get("role")
        if role not in ROLES:
            known = ", ".join(f"'{item}'" for item in ROLES)
            raise self.refuse(
                f"Invalid value: {role!r}. Supported values are: {known}.", f"{place}.role", "invalid_value"
            )
        content = message.get("content")
        if isinstance(content, list):
            for number, part in enumerate(content):
                self._check_part(f"{place}.content[{number}]", part)
        elif not isinstance(content, str) and not (content is None and role == "assistant"):
            raise self.wrong_type(f"{place}.content", "a string or an array of parts", content)

    def _check_part(self, place: str, part: Any) -> None:
        if not isinstance(part, dict):
            raise self.wrong_type(place, "an object", part)
        if part.get("type") != "text":
            raise self.refuse(
                f"The demo gateway reads text parts only, not {part.get('type')!r} yet.", place, "unsupported_value"
            )
        if not isinstance(part.get("text"), str):
            raise self.wrong_type(f"{place}.text", "a string", part.get("text"))

    def json_mode(self) -> bool:
        kind = self.mapping("response_format").get("type", "text")
        if kind not in ("text", "json_object"):
            raise self.refuse(
                f"The demo gateway knows response_format types 'text' and 'json_object', not {kind!r} yet.",
                "response_format.type",
                "unsupported_value",
            )
        return bool(kind == "json_object")

    def nothing_unknown(self) -> None:
        for name in _NOT_YET:
            if self.body.get(name):
                raise self.refuse(
                    f"The demo gateway does not simulate '{name}' yet; leave it out.", name, "unsupported_parameter"
                )


def read_request(body: Mapping[str, Any], provider: str) -> ChatRequest:
    """Check the body of a request and return what the simulated models heed.

    Parameters
    ----------
    body : mapping
        The decoded JSON, after the Config's ``override_params``.
    provider : str
        Who would refuse it.

    Raises
    ------
    Refusal
        400, naming the parameter.
    """
    reader = _Reader(body, provider)
    reader.number("temperature", 0, 2)
    reader.number("top_p", 0, 1)
    reader.number("presence_penalty", -2, 2)
    reader.number("frequency_penalty", -2, 2)
    reader.whole("seed", -(2**63), 2**63 - 1)
    reader.nothing_unknown()
    model, messages = reader.text("model"), reader.messages()
    newer = reader.whole("max_completion_tokens", 1, 2**31)
    return ChatRequest(
        model=model,
        messages=messages,
        stream=reader.flag("stream"),
        n=reader.whole("n", 1, 128) or 1,
        max_tokens=newer or reader.whole("max_tokens", 1, 2**31),
        stop=reader.stops(),
        json_mode=reader.json_mode(),
        include_usage=reader.flag("include_usage", reader.mapping("stream_options")),
    )


def _head(answer: Answer, kind: str) -> dict[str, Any]:
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
            "message": {"role": "assistant", "content": "".join(parts), "refusal": None},
            "logprobs": None,
            "finish_reason": finish,
        }
        for index, (parts, finish) in enumerate(answer.choices)
    ]
    return msgspec.json.encode(_head(answer, "chat.completion") | {"choices": choices, "usage": answer.usage()})


def sse(data: bytes) -> bytes:
    """Return one server-sent event."""
    return b"data: " + data + b"\n\n"


class ChunkWriter:
    """Writes the chunks of one streamed answer, all under one id.

    Parameters
    ----------
    answer : Answer
        Whose chunks they are.
    include_usage : bool
        Whether chunks carry ``usage``: null in all but the last.
    """

    def __init__(self, answer: Answer, *, include_usage: bool) -> None:
        self._head = _head(answer, "chat.completion.chunk")
        self._tail: dict[str, Any] = {"usage": None} if include_usage else {}
        self._answer = answer

    def delta(self, index: int, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        """Return the event of one choice's delta."""
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(msgspec.json.encode(self._head | {"choices": [choice]} | self._tail))

    def usage(self) -> bytes:
        """Return the closing event with the token counts and no choices."""
        return sse(msgspec.json.encode(self._head | {"choices": [], "usage": self._answer.usage()}))


def prompt_tokens(request: ChatRequest) -> int:
    """Return what a request's messages count as."""
    return count_messages(request.messages)

"""One request to the gateway, put together and checked before anything is sent; no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from portkey_nb.errors import PromptError, SettingsError
from portkey_nb.gateway.config import has_retry, header_name, header_value, secrets_in, to_headers
from portkey_nb.gateway.parameters import prepared
from portkey_nb.gateway.transport import Timeouts
from portkey_nb.gateway.types import View
from portkey_nb.settings import Secret

CONFIG_HEADER = header_name("config")
_SHORTEST_SECRET = 4
"""Letters below which striking a secret out would eat ordinary words."""
_ENCODE = msgspec.json.Encoder(enc_hook=lambda value: _plain(value)).encode


@dataclass(frozen=True)
class Request:
    """What goes over the wire, and the limits it goes under."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    stream: bool
    limits: Timeouts
    max_retries: int

    def secrets(self) -> list[str]:
        """Return the secret texts that this request carries, longest first, to be struck out of what echoes them."""
        found: set[str] = set()
        for name, value in self.headers.items():
            if not isinstance(value, Secret):
                continue
            plain = value.reveal()
            if name != CONFIG_HEADER:
                found.update((plain, plain.rpartition(" ")[2]))
            elif plain.startswith("{"):
                found.update(secrets_in(json.loads(plain)))
        return sorted((secret for secret in found if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)


def _plain(value: Any) -> Any:
    if isinstance(value, View):
        return value._data
    if isinstance(value, str):  # a Reply, for one
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__}")


def chat_request(
    options: Mapping[str, Any],
    *,
    messages: Any,
    model: str,
    stream: bool,
    params: Mapping[str, Any],
    extra_headers: Mapping[str, str] | None,
    limits: Timeouts,
    max_retries: int,
) -> Request:
    """Build ``POST /chat/completions``.

    Parameters
    ----------
    options : mapping
        Request options by keyword; they become headers.
    messages : sequence of mappings
        The conversation; :class:`Message` objects of an earlier answer may stand in it. A null ``content`` is sent,
        other nulls are not.
    params : mapping
        Further request parameters, sent as :func:`~portkey_nb.gateway.parameters.prepared` leaves them: no nulls,
        and ``stop`` as a list.

    Raises
    ------
    PromptError
        When messages or parameters cannot be sent as they are.
    SettingsError
        When the model is missing.
    """
    if not isinstance(model, str) or not model.strip():
        raise SettingsError(f"model is {model!r}; name one, such as `gpt-4o` (`%portkey models` lists them)")
    if not isinstance(stream, bool):
        raise PromptError(f"stream is {stream!r}; give True or False")
    body: dict[str, Any] = {"model": model, "messages": _messages(messages)}
    if stream:
        body["stream"] = True
    body.update(prepared(params))
    headers = {
        "content-type": "application/json",
        **to_headers(options),
        **{
            name.lower(): header_value(name, value)
            for name, value in (extra_headers or {}).items()
            if value is not None
        },
    }
    if stream:
        # Events are to be read as they come: a compressing proxy would hold them back.
        headers.update({"accept": "text/event-stream", "accept-encoding": "identity"})
    retries = 0 if has_retry(options.get("config")) else max_retries
    return Request("POST", "/chat/completions", headers, _encode(body), stream, limits, retries)


def models_request(options: Mapping[str, Any], limits: Timeouts, max_retries: int) -> Request:
    """Build ``GET /models``."""
    return Request("GET", "/models", to_headers(options), None, False, limits, max_retries)


def _messages(messages: Any) -> list[Any]:
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable):
        raise PromptError(
            f"messages is {type(messages).__name__}; give a list such as [{{'role': 'user', 'content': 'Hello'}}]"
        )
    found = list(messages)
    if not found:
        raise PromptError("messages is empty; give one message at least")
    for index, message in enumerate(found):
        if not isinstance(message, Mapping | View):
            raise PromptError(f"messages[{index}] is {type(message).__name__}; give a mapping with role and content")
    return [_without_unset(message._data if isinstance(message, View) else message) for message in found]


def _without_unset(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the nulls of a message, which providers refuse, but for ``content``: beside tool calls it is null."""
    if all(value is not None for value in message.values()):
        return message
    return {name: value for name, value in message.items() if value is not None or name == "content"}


def _encode(body: dict[str, Any]) -> bytes:
    try:
        return _ENCODE(body)
    except UnicodeEncodeError:
        reason = "a text holds half of a surrogate pair, which UTF-8 cannot carry; decode it with errors='replace'"
    except (TypeError, RecursionError, msgspec.MsgspecError) as error:
        reason = f"a value of type {error} cannot be sent as JSON; convert it first"
    raise PromptError(f"the request cannot be encoded: {reason}")

"""The routes that Portkey's hosted gateway has beside chat: prompts, feedback, configs and models; no I/O.

Shapes are those of Portkey's OpenAPI document: ``/prompts/{promptId}/render`` and ``/completions``, ``/feedback``,
``/prompts``, ``/configs`` and ``/models``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from portkey_nb.errors import APIStatusError, AuthenticationError, PermissionDeniedError, PromptError
from portkey_nb.gateway.config import has_retry, header_value, to_headers
from portkey_nb.gateway.parameters import prepared
from portkey_nb.gateway.request import Request, models_request
from portkey_nb.gateway.transport import Timeouts
from portkey_nb.gateway.types import Answer, Field, Parts, View

NOT_ALLOWED = "is not allowed for this key"
_STILL = {
    "models": "name the model you know, such as `gpt-4o` or `@slug/model`",
    "prompts": "name the prompt you know by its id, such as `pp-...`",
    "configs": "name the config you know by its id, such as `pc-...`",
}
"""What a key may still do that may not list."""


class Entry(View):
    """One saved thing in a list; a config's ``slug`` is the id that requests name, as is a prompt's."""

    id = Field[str | None]()
    slug = Field[str | None]()
    name = Field[str | None]()
    status = Field[str | None]()


class Listing(Answer):
    """What is saved in Portkey of one kind; iterating gives :class:`Entry`."""

    __slots__ = ()

    data = Parts(Entry)
    total = Field[int | None]()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


class RenderedPrompt(Answer):
    """A prompt template with its variables filled in.

    Examples
    --------
    >>> rendered = RenderedPrompt({"success": True, "data": {
    ...     "model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": "Hi"}]}})
    >>> rendered.messages, rendered.model, rendered.params
    ([{'role': 'user', 'content': 'Hi'}], 'gpt-4o', {'temperature': 0})
    """

    __slots__ = ()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages, ready for ``chat.completions.create``; a template of plain text is one user message."""
        data = self._rendered
        messages = data.get("messages")
        if isinstance(messages, list):
            return [dict(message) for message in messages if isinstance(message, Mapping)]
        return [{"role": "user", "content": data["prompt"]}] if isinstance(data.get("prompt"), str) else []

    @property
    def model(self) -> str | None:
        """The model that the template names."""
        model = self._rendered.get("model")
        return str(model) if model else None

    @property
    def params(self) -> dict[str, Any]:
        """The request parameters that the template sets."""
        apart = ("messages", "prompt", "model", "stream")
        return {name: value for name, value in self._rendered.items() if name not in apart and value is not None}

    @property
    def _rendered(self) -> dict[str, Any]:
        data = self._data.get("data")
        return data if isinstance(data, dict) else {}


class FeedbackAnswer(Answer):
    """What came of sending feedback."""

    __slots__ = ()

    status = Field[str | None]()
    message = Field[str | None]()
    feedback_ids = Field[list[str] | None]()


def prompt_request(
    options: Mapping[str, Any],
    *,
    prompt_id: str,
    variables: Mapping[str, Any] | None,
    overrides: Mapping[str, Any],
    stream: bool,
    extra_headers: Mapping[str, str] | None,
    limits: Timeouts,
    max_retries: int,
) -> Request:
    """Build ``POST /prompts/{id}/completions``.

    Parameters
    ----------
    options : mapping
        Request options by keyword; they become headers.
    prompt_id : str
        The template's id; ``pp-...@3`` and ``pp-...@latest`` name a version.
    variables : mapping
        What fills the template.
    overrides : mapping
        Request parameters beside those of the template; those that are None are not sent.

    Raises
    ------
    PromptError
        When the id or the variables cannot be sent as they are.
    """
    if not isinstance(stream, bool):
        raise PromptError(f"stream is {stream!r}; give True or False")
    body = _prompt_body(variables, overrides)
    headers = {**_JSON, **to_headers(options)}
    headers |= {
        name.lower(): header_value(name, value) for name, value in (extra_headers or {}).items() if value is not None
    }
    if stream:
        body["stream"] = True
        headers |= {"accept": "text/event-stream", "accept-encoding": "identity"}
    retries = 0 if has_retry(options.get("config")) else max_retries
    return Request("POST", _prompt_path(prompt_id, "completions"), headers, _content(body), stream, limits, retries)


def render_request(
    options: Mapping[str, Any],
    *,
    prompt_id: str,
    variables: Mapping[str, Any] | None,
    overrides: Mapping[str, Any],
    limits: Timeouts,
    max_retries: int,
) -> Request:
    """Build ``POST /prompts/{id}/render``; parameters and errors as for :func:`prompt_request`."""
    content = _content(_prompt_body(variables, overrides))
    headers = {**_JSON, **_who(options)}
    return Request("POST", _prompt_path(prompt_id, "render"), headers, content, False, limits, max_retries)


def feedback_request(
    options: Mapping[str, Any],
    *,
    trace_id: str,
    value: int,
    weight: float | None,
    metadata: Mapping[str, Any] | None,
    limits: Timeouts,
) -> Request:
    """Build ``POST /feedback``, which is never sent twice.

    Raises
    ------
    PromptError
        When the value is no whole number from -10 to 10, or the weight is not from 0 to 1.
    """
    if not isinstance(trace_id, str) or not trace_id.strip():
        raise PromptError(f"trace_id is {trace_id!r}; give that of the answer, as in `answer.trace_id`")
    if isinstance(value, bool) or not isinstance(value, int) or not -10 <= value <= 10:
        raise PromptError(f"feedback value is {value!r}; give a whole number from -10 to 10")
    if weight is not None and (isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1):
        raise PromptError(f"feedback weight is {weight!r}; give a number from 0 to 1")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise PromptError(f"feedback metadata is {type(metadata).__name__}; give a mapping")
    # A trace id and a reply's text may be subclasses of str with a text of their own.
    body = {"trace_id": str.__str__(trace_id), "value": value, "weight": weight, "metadata": metadata}
    content = _content({name: item for name, item in body.items() if item is not None})
    return Request("POST", "/feedback", {**_JSON, **_who(options)}, content, False, limits, 0)


def listing_request(
    options: Mapping[str, Any], what: str, query: Mapping[str, Any], limits: Timeouts, max_retries: int
) -> Request:
    """Build ``GET /models``, ``/prompts`` or ``/configs``; what is None in the query is left out.

    With a provider or config among the options ``/models`` lists what that provider offers, else Portkey's catalogue.
    """
    request = models_request(options, limits, max_retries)
    if what != "models":
        request = replace(request, headers=_who(options))
    asked = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }
    return replace(request, path=f"/{what}" + (f"?{urlencode(asked)}" if asked else ""))


def denied(error: APIStatusError, what: str) -> APIStatusError:
    """Build the exception for a listing that a key may not see, of the same class; :func:`not_allowed` knows it."""
    said = error.message.partition("; ")[0].removeprefix(str(error.status)).strip()
    return type(error)(
        f"{error.status} listing {what} {NOT_ALLOWED} ({said}); {_STILL[what]}",
        status=error.status,
        code=error.code,
        provider=error.provider,
        trace_id=error.trace_id,
        body=error.body,
        headers=error.headers,
    )


def not_allowed(error: BaseException) -> bool:
    """Tell whether an error says no more than that this key may not list something.

    Listings need scopes that keys for calling models often lack, so that this is a note rather than a failure.
    """
    return isinstance(error, AuthenticationError | PermissionDeniedError) and NOT_ALLOWED in error.message


_JSON = {"content-type": "application/json"}


def _who(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that say who asks; a provider's key is not for Portkey's own routes."""
    name = "api_key" if options.get("api_key") else "Authorization"
    return to_headers({name: options.get(name)})


def _prompt_path(prompt_id: Any, action: str) -> str:
    if not isinstance(prompt_id, str) or not prompt_id.strip():
        raise PromptError(f"prompt_id is {prompt_id!r}; give a prompt's id, such as `pp-...`")
    return f"/prompts/{quote(prompt_id.strip(), safe='@')}/{action}"


def _prompt_body(variables: Mapping[str, Any] | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    if variables is not None and not isinstance(variables, Mapping):
        raise PromptError(f"variables is {type(variables).__name__}; give a mapping such as {{'topic': 'salt'}}")
    return {**prepared(overrides), "variables": dict(variables or {})}


def _content(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, default=_plain, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise PromptError(f"the request cannot be encoded: {reason}; convert the value first")


def _plain(value: Any) -> Any:
    if isinstance(value, View):
        return value._data
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    raise TypeError(f"a value of type {type(value).__name__} is no JSON")

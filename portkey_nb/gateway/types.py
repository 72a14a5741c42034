"""Chat completion objects: typed views over the decoded JSON, so that unknown fields are kept.

An answer stays the dictionary that came over the wire. These classes give it attribute access in the shapes of the
OpenAI API, names for its parts, and a readable form. A field that a provider leaves out is None (a list: empty);
a field that the specification does not know is there under its own name.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")
V = TypeVar("V", bound="View")

PORTKEY_PREFIX = "x-portkey-"


class View:
    """Attribute access to one JSON object.

    Parameters
    ----------
    data : dict
        The decoded object; it is not copied.
    """

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getattr__(self, name: str) -> Any:
        """Return a field that the class does not name; nested objects become views."""
        if not name.startswith("_") and name in self._data:
            return _wrap(self._data[name])
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def model_dump(self) -> dict[str, Any]:
        """Return the object as plain dictionaries and lists (a copy)."""
        return copy.deepcopy(self._data)

    def model_dump_json(self, indent: int | None = None) -> str:
        """Return the object as JSON text."""
        return json.dumps(self._data, ensure_ascii=False, indent=indent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and type(self) is type(other) and self._data == other._data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_wrap(value)!r}" for name, value in self._data.items())
        return f"{type(self).__name__}({fields})"

    def __str__(self) -> str:
        return self.model_dump_json(indent=2)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._data})


def _wrap(value: Any) -> Any:
    if isinstance(value, dict):
        return View(value)
    if isinstance(value, list):
        return [_wrap(item) for item in value]
    return value


class Field(Generic[T]):
    """A named field that is handed out as it came, None where it is absent."""

    __slots__ = ("name",)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> T: ...
    def __get__(self, view: View | None, owner: type) -> T | Self:
        """Look the field up in the view's data."""
        return self if view is None else view._data.get(self.name)  # type: ignore[return-value]


class Part(Generic[V]):
    """A field that is an object of a class of its own; None where it is absent."""

    __slots__ = ("kind", "name")

    def __init__(self, kind: type[V]) -> None:
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> V: ...
    def __get__(self, view: View | None, owner: type) -> V | Self | None:
        """Wrap the object, if there is one."""
        if view is None:
            return self
        value = view._data.get(self.name)
        return self.kind(value) if isinstance(value, dict) else None


class Parts(Generic[V]):
    """A field that is a list of objects; an empty list where it is absent."""

    __slots__ = ("kind", "name")

    def __init__(self, kind: type[V]) -> None:
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> list[V]: ...
    def __get__(self, view: View | None, owner: type) -> list[V] | Self:
        """Wrap each object of the list."""
        if view is None:
            return self
        return [self.kind(item) for item in view._data.get(self.name) or () if isinstance(item, dict)]


class FunctionCall(View):
    """Name and JSON arguments of a called function."""

    name = Field[str | None]()
    arguments = Field[str | None]()


class ToolCall(View):
    """One call of a tool; in streams its arguments arrive in pieces."""

    index = Field[int | None]()
    id = Field[str | None]()
    type = Field[str | None]()
    function = Part(FunctionCall)


class Message(View):
    """What one participant said: of a request's history, or of an answer."""

    role = Field[str | None]()
    content = Field[str | None]()
    refusal = Field[str | None]()
    tool_calls = Parts(ToolCall)
    content_blocks = Field[list[dict[str, Any]] | None]()
    reasoning_content = Field[str | None]()


class Delta(Message):
    """What a chunk adds to a message."""


class TokenDetails(View):
    """Shares of a token count."""

    cached_tokens = Field[int | None]()
    reasoning_tokens = Field[int | None]()
    audio_tokens = Field[int | None]()
    accepted_prediction_tokens = Field[int | None]()
    rejected_prediction_tokens = Field[int | None]()


class Usage(View):
    """Tokens as the gateway sent them; their meaning differs by provider."""

    prompt_tokens = Field[int | None]()
    completion_tokens = Field[int | None]()
    total_tokens = Field[int | None]()
    prompt_tokens_details = Part(TokenDetails)
    completion_tokens_details = Part(TokenDetails)


class Choice(View):
    """One of the ``n`` answers of a completion."""

    index = Field[int]()
    message = Part(Message)
    finish_reason = Field[str | None]()
    logprobs = Part(View)


class ChunkChoice(View):
    """What a chunk adds to one of the ``n`` answers."""

    index = Field[int]()
    delta = Part(Delta)
    finish_reason = Field[str | None]()
    logprobs = Part(View)


class Answer(View):
    """A JSON answer together with the headers it came with."""

    __slots__ = ("_headers",)

    def __init__(self, data: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self._data = data
        self._headers: Mapping[str, str] = headers if headers is not None else {}

    @property
    def headers(self) -> dict[str, str]:
        """All ``x-portkey-*`` headers of the answer, in lower case."""
        return {name: value for name, value in self._headers.items() if name.startswith(PORTKEY_PREFIX)}

    @property
    def response_headers(self) -> dict[str, str]:
        """All headers of the answer, in lower case."""
        return dict(self._headers)

    @property
    def trace_id(self) -> str | None:
        """The answer's ``x-portkey-trace-id``."""
        return self._headers.get("x-portkey-trace-id") or None


class ChatCompletion(Answer):
    """A whole answer, in the shape of OpenAI's chat completion object.

    Examples
    --------
    >>> answer = ChatCompletion({"choices": [{"index": 0, "message": {"content": "Hi"}}], "brand_new": 1})
    >>> answer.choices[0].message.content, answer.brand_new, answer.usage
    ('Hi', 1, None)
    """

    __slots__ = ()

    id = Field[str | None]()
    object = Field[str | None]()
    created = Field[int | None]()
    model = Field[str | None]()
    provider = Field[str | None]()
    system_fingerprint = Field[str | None]()
    choices = Parts(Choice)
    usage = Part(Usage)


class ChatCompletionChunk(Answer):
    """One event of a streamed answer, in the shape of OpenAI's chunk object."""

    __slots__ = ()

    id = Field[str | None]()
    object = Field[str | None]()
    created = Field[int | None]()
    model = Field[str | None]()
    provider = Field[str | None]()
    system_fingerprint = Field[str | None]()
    choices = Parts(ChunkChoice)
    usage = Part(Usage)


class Model(View):
    """One entry of a model list."""

    id = Field[str]()
    object = Field[str | None]()
    created = Field[int | None]()
    owned_by = Field[str | None]()


class ModelList(Answer):
    """The models that a gateway offers; iterating gives :class:`Model`."""

    __slots__ = ()

    data = Parts(Model)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


def mend(data: dict[str, Any], part: str) -> dict[str, Any]:
    """Put right in place what providers leave out or misshape in an answer or a chunk.

    Parameters
    ----------
    data : dict
        A decoded chat completion (``part="message"``) or chunk (``part="delta"``).
    part : str
        The name of the field that holds what was said.

    Returns
    -------
    dict
        The same object: ``choices`` is a list, every choice has an ``index`` and its ``part``, and ``tool_calls`` is a
        list where there are any.

    Raises
    ------
    ValueError
        When what was said is no object, so that nothing could be read of it.

    Notes
    -----
    Cohere's streams leave out the index of the first chunk and send ``tool_calls`` as one object; see the deviations
    of the gateway's answers from its own specification (Portkey gateway 1.15.2).
    """
    choices = data.get("choices")
    if choices.__class__ is not list:
        choices = data["choices"] = [] if choices is None else [choices]
    for choice in choices:
        if choice.__class__ is not dict:
            raise ValueError("a choice is no object")
        if choice.get("index").__class__ is not int:
            choice["index"] = 0
        said = choice.get(part)
        if said.__class__ is not dict:
            if said is not None:
                raise ValueError(f"{part} is no object")
            choice[part] = {}
        elif "tool_calls" in said:
            calls = said["tool_calls"]
            if calls.__class__ is not list and calls is not None:
                said["tool_calls"] = [calls]
    return data

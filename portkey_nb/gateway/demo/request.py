"""A request as the simulated models heed it: checked, with its tools and the form that its answer is to have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portkey_nb.gateway.demo.calling import Tool
from portkey_nb.gateway.demo.images import image_tokens
from portkey_nb.gateway.demo.messages import checked_messages
from portkey_nb.gateway.demo.reader import Reader
from portkey_nb.gateway.demo.thinking import EFFORTS
from portkey_nb.gateway.demo.tokens import count, count_messages
from portkey_nb.gateway.demo.validity import problem_of

__all__ = ["ChatRequest", "prompt_tokens", "read_request"]

_NOT_YET = ("functions", "function_call", "modalities", "audio")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CHOICES = ("auto", "none", "required")
_FORMATS = ("text", "json_object", "json_schema")
_PER_TOOL = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """The parameters of a chat completion that the simulated models heed, checked.

    Attributes
    ----------
    tool_choice : str
        ``"auto"``, ``"none"``, ``"required"``, or the name of a tool.
    parallel : bool
        Whether several tools may be called at once.
    schema : mapping or None
        The JSON schema that the answer is to fit.
    effort : str
        How hard the model is to think; ``"none"`` for not at all.
    budget : int or None
        The most tokens of thought.
    logprobs : int or None
        How many alternatives to tell for each token; None for no log probabilities.
    """

    model: str
    messages: list[dict[str, Any]]
    stream: bool = False
    n: int = 1
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    json_mode: bool = False
    include_usage: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    parallel: bool = True
    schema: Mapping[str, Any] | None = None
    effort: str = "none"
    budget: int | None = None
    logprobs: int | None = None


def prompt_tokens(request: ChatRequest, provider: str) -> int:
    """Return what a request's messages, images and tools count as."""
    tools = sum(
        _PER_TOOL + count(f"{tool.name} {tool.description} {' '.join(map(str, tool.parameters.get('properties', ())))}")
        for tool in request.tools
    )
    return count_messages(request.messages) + image_tokens(request.messages, provider) + tools


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
    reader = Reader(body, provider)
    reader.number("temperature", 0, 2)
    reader.number("top_p", 0, 1)
    reader.number("presence_penalty", -2, 2)
    reader.number("frequency_penalty", -2, 2)
    reader.whole("seed", -(2**63), 2**63 - 1)
    for name in _NOT_YET:
        if body.get(name):
            raise reader.refuse(
                f"The demo gateway does not simulate '{name}' yet; leave it out.", name, "unsupported_parameter"
            )
    model, messages = reader.text("model"), checked_messages(reader)
    newer = reader.whole("max_completion_tokens", 1, 2**31)
    tools = _tools(reader)
    form, schema = _format(reader)
    effort, budget = _thinking(reader)
    return ChatRequest(
        model=model,
        messages=messages,
        stream=reader.flag("stream"),
        n=reader.whole("n", 1, 128) or 1,
        max_tokens=newer or reader.whole("max_tokens", 1, 2**31),
        stop=reader.stops(),
        json_mode=form == "json_object",
        include_usage=reader.flag("include_usage", reader.mapping("stream_options")),
        tools=tools,
        tool_choice=_tool_choice(reader, tools),
        parallel=body.get("parallel_tool_calls") is None or reader.flag("parallel_tool_calls"),
        schema=schema,
        effort=effort,
        budget=budget,
        logprobs=_logprobs(reader),
    )


def _thinking(reader: Reader) -> tuple[str, int | None]:
    """Return how hard to think, and with how many tokens at most."""
    effort = reader.body.get("reasoning_effort")
    if effort is not None and effort not in EFFORTS:
        known = ", ".join(f"'{item}'" for item in EFFORTS)
        raise reader.refuse(
            f"Invalid value: {effort!r}. Supported values are: {known}.", "reasoning_effort", "invalid_value"
        )
    thinking = reader.mapping("thinking")
    kind = thinking.get("type", "disabled")
    if kind not in ("enabled", "disabled", "adaptive"):
        raise reader.refuse(
            f"Invalid value: {kind!r}. Supported values are: 'enabled', 'disabled'.", "thinking.type", "invalid_value"
        )
    if kind == "disabled":
        return effort or "none", None
    budget = Reader(thinking, reader.provider).whole("budget_tokens", 1, 2**31)
    most = reader.body.get("max_tokens")
    if reader.provider == "anthropic" and isinstance(most, int) and budget is not None and most <= budget:
        raise reader.refuse(
            "`max_tokens` must be greater than `thinking.budget_tokens`.", "max_tokens", "invalid_request_error"
        )
    return effort or "medium", budget


def _logprobs(reader: Reader) -> int | None:
    """Return how many alternatives to tell for each token; None where none are wanted."""
    wanted = reader.flag("logprobs")
    top = reader.whole("top_logprobs", 0, 20)
    if top is not None and not wanted:
        raise reader.refuse(
            "Invalid value for 'top_logprobs': it is only allowed when 'logprobs' is true.",
            "top_logprobs",
            "invalid_value",
        )
    return (top or 0) if wanted else None


def _tools(reader: Reader) -> tuple[Tool, ...]:
    given = reader.body.get("tools")
    if given is None:
        return ()
    if not isinstance(given, list):
        raise reader.wrong_type("tools", "an array of objects", given)
    if not given:
        raise reader.refuse("Invalid 'tools': empty array. Leave it out instead.", "tools", "empty_array")
    return tuple(_tool(reader, f"tools[{place}]", tool) for place, tool in enumerate(given))


def _tool(reader: Reader, place: str, tool: Any) -> Tool:
    if not isinstance(tool, dict):
        raise reader.wrong_type(place, "an object", tool)
    if tool.get("type") != "function":
        raise reader.refuse(
            f"Invalid value: {tool.get('type')!r}. Supported values are: 'function'.", f"{place}.type", "invalid_value"
        )
    function = tool.get("function")
    if not isinstance(function, dict):
        raise reader.refuse(
            f"Missing required parameter: '{place}.function'.", f"{place}.function", "missing_required_parameter"
        )
    name, told, schema = function.get("name"), function.get("description"), function.get("parameters")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise reader.refuse(
            f"Invalid '{place}.function.name': {name!r} does not match '^[a-zA-Z0-9_-]{{1,64}}$'.",
            f"{place}.function.name",
            "invalid_value",
        )
    if told is not None and not isinstance(told, str):
        raise reader.wrong_type(f"{place}.function.description", "a string", told)
    parameters = _schema(reader, f"{place}.function.parameters", {} if schema is None else schema, name)
    return Tool(name=name, description=told or "", parameters={"type": "object", **parameters})


def _schema(reader: Reader, place: str, schema: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(schema, dict):
        raise reader.wrong_type(place, "an object", schema)
    problem = problem_of(schema) if schema else None
    if problem is None and schema.get("type", "object") != "object":
        problem = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {schema['type']!r}'"
    if problem is not None:
        raise reader.refuse(f"Invalid schema for '{name}': {problem}.", place, "invalid_json_schema")
    return schema


def _tool_choice(reader: Reader, tools: tuple[Tool, ...]) -> str:
    given = reader.body.get("tool_choice")
    if given is None:
        return "auto"
    if not tools and given not in ("none", "auto"):
        raise reader.refuse("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice", "invalid_value")
    if isinstance(given, str) and given in _CHOICES:
        return given
    function = given.get("function") if isinstance(given, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        known = ", ".join(f"'{item}'" for item in _CHOICES)
        raise reader.refuse(
            f"Invalid value: {given!r}. Supported values are: {known}, or an object that names a function.",
            "tool_choice",
            "invalid_value",
        )
    if name not in {tool.name for tool in tools}:
        raise reader.refuse(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice", "invalid_value")
    return name


def _format(reader: Reader) -> tuple[str, Mapping[str, Any] | None]:
    """Return the type of the answer, and its schema where it is to fit one."""
    form = reader.mapping("response_format")
    kind = form.get("type", "text")
    if kind not in _FORMATS:
        known = ", ".join(f"'{item}'" for item in _FORMATS)
        raise reader.refuse(
            f"Invalid value: {kind!r}. Supported values are: {known}.", "response_format.type", "invalid_value"
        )
    if kind != "json_schema":
        return kind, None
    place = "response_format.json_schema"
    given = form.get("json_schema")
    if not isinstance(given, dict):
        raise reader.refuse(f"Missing required parameter: '{place}'.", place, "missing_required_parameter")
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise reader.refuse(
            f"Invalid '{place}.name': {name!r} does not match '^[a-zA-Z0-9_-]{{1,64}}$'.",
            f"{place}.name",
            "invalid_value" if "name" in given else "missing_required_parameter",
        )
    if "schema" not in given:
        raise reader.refuse(
            f"Missing required parameter: '{place}.schema'.", f"{place}.schema", "missing_required_parameter"
        )
    return kind, _schema(reader, f"{place}.schema", given["schema"], name)

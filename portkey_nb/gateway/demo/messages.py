"""The messages of a request, checked as OpenAI checks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portkey_nb.gateway.demo.images import read_picture
from portkey_nb.gateway.demo.reader import Reader

__all__ = ["checked_messages"]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def checked_messages(reader: Reader) -> list[dict[str, Any]]:
    """Return the messages; refuse what is none, and tool results that answer no call."""
    value = reader.body.get("messages")
    if value is None:
        raise reader.refuse("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(value, list):
        raise reader.wrong_type("messages", "an array of objects", value)
    if not value:
        raise reader.refuse("Invalid 'messages': empty array.", "messages", "empty_array")
    for place, message in enumerate(value):
        _check_message(reader, f"messages[{place}]", message)
    _check_answers(reader, value)
    return value


def _check_message(reader: Reader, place: str, message: Any) -> None:
    if not isinstance(message, dict):
        raise reader.wrong_type(place, "an object", message)
    role = message.get("role")
    if role not in ROLES:
        known = ", ".join(f"'{item}'" for item in ROLES)
        raise reader.refuse(
            f"Invalid value: {role!r}. Supported values are: {known}.", f"{place}.role", "invalid_value"
        )
    content = message.get("content")
    if isinstance(content, list):
        for number, part in enumerate(content):
            _check_part(reader, f"{place}.content[{number}]", part, role)
    elif not isinstance(content, str) and not (content is None and role == "assistant"):
        raise reader.wrong_type(f"{place}.content", "a string or an array of parts", content)
    if message.get("tool_calls") is not None:
        _check_calls(reader, f"{place}.tool_calls", message["tool_calls"])


def _check_part(reader: Reader, place: str, part: Any, role: str) -> None:
    if not isinstance(part, dict):
        raise reader.wrong_type(place, "an object", part)
    if part.get("type") == "image_url":
        _check_image(reader, place, part, role)
    elif part.get("type") != "text":
        raise reader.refuse(
            f"The demo gateway reads parts of type 'text' and 'image_url', not {part.get('type')!r}.",
            place,
            "unsupported_value",
        )
    elif not isinstance(part.get("text"), str):
        raise reader.wrong_type(f"{place}.text", "a string", part.get("text"))


def _check_image(reader: Reader, place: str, part: Mapping[str, Any], role: str) -> None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str):
        raise reader.wrong_type(f"{place}.image_url", "an object with 'url'", image)
    if role != "user":
        message = f"Image URLs are only allowed for messages with role 'user', not with {role!r}."
        raise reader.refuse(message, place, "invalid_value")
    try:
        read_picture(url)
    except ValueError as error:
        wrong = str(error)
    else:
        return
    raise reader.refuse(
        f"Invalid image in '{place}.image_url.url': {wrong}.", f"{place}.image_url.url", "invalid_image"
    )


def _check_calls(reader: Reader, place: str, calls: Any) -> None:
    if not isinstance(calls, list):
        raise reader.wrong_type(place, "an array of objects", calls)
    for number, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(call.get("id"), str):
            raise reader.wrong_type(f"{place}[{number}]", "an object with 'id' and 'function'", call)
        for name in ("name", "arguments"):
            if not isinstance(function.get(name), str):
                raise reader.wrong_type(f"{place}[{number}].function.{name}", "a string", function.get(name))


def _check_answers(reader: Reader, messages: Sequence[Mapping[str, Any]]) -> None:
    """Check that each tool call has its result, and each result its call."""
    open_ids: list[str] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_ids:
                raise reader.refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message "
                    "with 'tool_calls'.",
                    f"messages[{place}].role",
                    "invalid_value",
                )
            open_ids.remove(message["tool_call_id"])
            continue
        if open_ids:
            break
        open_ids = [call["id"] for call in message.get("tool_calls") or ()]
    if open_ids:
        raise reader.refuse(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_ids)}",
            "messages",
            "invalid_value",
        )

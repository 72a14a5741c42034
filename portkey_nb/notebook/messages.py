"""A cell's body taken apart into messages: by role markers, or as a YAML or JSON list."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from portkey_nb.errors import PromptError

__all__ = ["Part", "read_list", "split_markers"]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MARKER = re.compile(r"(system|developer|user|assistant):[ \t\r]*")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*\Z)|~{3,})(.*)", re.DOTALL)
_AS_LIST = "write `- role: user` and, below it, `  content: ...` for each message"


class Part(NamedTuple):
    """A message and where it stands, for errors."""

    message: dict[str, Any]
    place: str


def split_markers(body: str) -> list[Part]:
    """Take a body apart at its role markers.

    A marker is a line that is just a role and a colon. There are none unless the first line is one, and none inside
    a code fence that is closed again.

    Returns
    -------
    list of Part
        One user message, byte for byte, where the first line is no marker.
    """
    lines = body.split("\n")
    if not _MARKER.fullmatch(lines[0]):
        return [Part({"role": "user", "content": body}, "the prompt")]
    fenced = _fenced(lines)
    starts = [i for i, line in enumerate(lines) if i not in fenced and _MARKER.fullmatch(line)]
    parts = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        role = lines[start].partition(":")[0]
        content = _without_blank_edges(lines[start + 1 : end])
        parts.append(Part({"role": role, "content": content}, f"the `{role}:` message at line {start + 1}"))
    return parts


def _without_blank_edges(lines: list[str]) -> str:
    first, last = 0, len(lines)
    while first < last and not lines[first].strip():
        first += 1
    while last > first and not lines[last - 1].strip():
        last -= 1
    return "\n".join(lines[first:last]).removesuffix("\r")


def _fenced(lines: list[str]) -> set[int]:
    """Number the lines inside code fences.

    A fence that is never closed (an answer begun with one, say) shields nothing, or it would swallow all markers
    below it.
    """
    inside: set[int] = set()
    hopeless: dict[str, int] = {}
    at = 0
    while at < len(lines):
        opened = _FENCE.fullmatch(lines[at])
        if opened and len(opened[1]) < hopeless.get(opened[1][0], len(opened[1]) + 1):
            end = _closing(lines, at + 1, opened[1])
            if end is not None:
                inside.update(range(at, end + 1))
                at = end
            else:
                # None this long below here, so none longer either: the lines are not searched again.
                hopeless[opened[1][0]] = len(opened[1])
        at += 1
    return inside


def _closing(lines: list[str], start: int, fence: str) -> int | None:
    for i in range(start, len(lines)):
        closed = _FENCE.fullmatch(lines[i])
        if closed and closed[1].startswith(fence) and not closed[2].strip():
            return i
    return None


def read_list(body: str) -> list[Part]:
    """Read a YAML or JSON list of messages.

    In YAML a ``content`` or ``text`` is text however it looks: ``1.50`` and ``yes`` arrive as written.

    Raises
    ------
    PromptError
        In one line, with line and column where the syntax is wrong, with the message's number where its sense is.
    """
    items = _parsed(body)
    if not isinstance(items, list) or not items:
        raise PromptError(f"--messages takes a list, and this is {_kind(items)}; {_AS_LIST}")
    return [_checked(item, f"message {number}") for number, item in enumerate(items, 1)]


def _kind(value: Any) -> str:
    if value is None or value == []:
        return "empty"
    return "a mapping" if isinstance(value, dict) else "a text" if isinstance(value, str) else f"{value!r:.40}"


def _checked(item: Any, place: str) -> Part:
    if not isinstance(item, dict):
        raise PromptError(f"{place} is {_kind(item)}, not a mapping of role and content; {_AS_LIST}")
    try:
        message: dict[str, Any] = json.loads(json.dumps(item, allow_nan=False))
        problem = None
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    if problem is not None:
        raise PromptError(f"{place} holds what JSON cannot carry ({problem:.120}); put the value in quotes")
    role = message.get("role")
    if role not in _ROLES:
        said = "has no role" if "role" not in message else f"has the role {role!r:.40}"
        raise PromptError(f"{place} {said}; use one of {', '.join(_ROLES)}")
    content = message.get("content")
    if content is None and (message.get("tool_calls") or message.get("function_call")):
        return Part(message, f"{place} ({role})")
    if content is None:
        raise PromptError(f"{place} ({role}) has no content; add `content: ...` to it")
    if not isinstance(content, str | list):
        raise PromptError(
            f"{place} ({role}) has {_kind(content)} as content; give a text, in quotes, or a list of parts"
        )
    if isinstance(content, list):
        for part in content:
            if not isinstance(part, dict) or not isinstance(part.get("type"), str):
                raise PromptError(f"{place} ({role}) has the part {part!r:.40}; give it a type, such as `type: text`")
    return Part(message, f"{place} ({role})")


def _parsed(body: str) -> Any:
    json_problem = None
    if body.lstrip().startswith("["):
        try:
            return json.loads(body)
        except json.JSONDecodeError as error:
            json_problem = f"line {error.lineno}, column {error.colno}: {error.msg}"
        except (ValueError, RecursionError) as error:
            json_problem = str(error)
    found, problem = _parsed_yaml(body)
    if problem is not None:
        raise PromptError(" ".join(f"--messages cannot read the list: {json_problem or problem}; {_AS_LIST}".split()))
    return found


def _parsed_yaml(body: str) -> tuple[Any, str | None]:
    """Return the value, or what is wrong with it."""
    import yaml  # loads with the first list

    try:
        loader = yaml.SafeLoader(body)
        try:
            node = loader.get_single_node()
            problem = _keep_as_written(node)
            return (None, problem) if problem or node is None else (loader.construct_document(node), None)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return None, f"{where}{error.problem or error.context}"
    except yaml.reader.ReaderError as error:
        line = body.count("\n", 0, error.position) + 1
        return None, f"line {line}: the character {chr(int(error.character))!r} is not allowed in YAML"
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # PyYAML lets these through for impossible dates, wrong explicit tags and bottomless nesting.
        return None, f"{type(error).__name__}: {error!s:.80}"


def _keep_as_written(node: Any) -> str | None:
    """Make every content and text of a YAML tree a text; return a problem if a list or mapping is used twice.

    Repeated branches are how a few lines of YAML grow without bound or bite their own tail.
    """
    import yaml  # already loaded by the caller

    seen: set[int] = set()
    left = [node]
    while left:
        at = left.pop()
        if not isinstance(at, yaml.CollectionNode):
            continue
        if id(at) in seen:
            mark = at.start_mark
            return f"line {mark.line + 1}, column {mark.column + 1}: an alias repeats a list or mapping; write it out"
        seen.add(id(at))
        if isinstance(at, yaml.SequenceNode):
            left.extend(at.value)
            continue
        for key, value in at.value:
            left.extend((key, value))
            written = isinstance(value, yaml.ScalarNode) and value.tag != "tag:yaml.org,2002:null"
            if written and key.value in ("content", "text"):
                value.tag = "tag:yaml.org,2002:str"
    return None

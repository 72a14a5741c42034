"""What is typed into a panel's parameter fields: text -> value, where an empty field is no value at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from portkey_nb.errors import PromptError
from portkey_nb.gateway.config import OPTION_NAMES
from portkey_nb.gateway.secrecy import HIDDEN, holds_secret, names_secret, redact

LONGEST = 20_000
"""So many characters of further parameters are read: they are, while one types."""

_DEEPEST = 50
# Reading YAML takes time by the square of this.

_KEY = "a key does not belong among the parameters, where it would be saved; run `%portkey login`"
_ELSEWHERE = {
    "messages": "is the conversation itself; write it there",
    "model": "has pickers over the conversation",
    "stream": "has a switch under Routing",
    "system": "has a field of its own above",
    "base_url": "has a field under Routing",
    **dict.fromkeys(
        ("cache", "image", "images", "schema", "store", "tags", "timeout", "tool"),
        "is no parameter of a request; give it to ChatPanel(...)",
    ),
    **{name: "is no parameter of a request; give it to ChatPanel(...)" for name in OPTION_NAMES},
    **dict.fromkeys(("provider", "virtual_key"), "has a field under Routing"),
    "config": "has an editor of its own",
}
"""What would not travel as a request parameter, and where it goes."""

_KEY_LINE = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]{1,80})(?P<middle>["']?\s*[:=]\s*)(?P<value>"[^"\n]*"?|'[^'\n]*'?|[^\s,}\]][^\n,}\]]*)"""
)


@dataclass(frozen=True)
class Parameter:
    """A request parameter with a field of its own.

    Attributes
    ----------
    name : str
        As in the request.
    takes : str
        What it may be, in a few words.
    read : callable
        Text -> value; raises ValueError where the text is none.
    choices : tuple of str
        What is offered while one types.
    """

    name: str
    takes: str
    read: Callable[[str], Any]
    choices: tuple[str, ...] = ()


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:  # nor is NaN within
            raise ValueError(text)
        return int(value) if text.lstrip("+-").isdecimal() else value

    return read


def _whole(low: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        # The gateway's JSON numbers are exact up to 64 bits.
        if abs(value) >= 2**63 or (low is not None and value < low):
            raise ValueError(text)
        return value

    return read


def _stop(text: str) -> Any:
    if text[0] not in '["':
        return text
    value = json.loads(text)
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(one, str) and one for one in texts):
        raise ValueError(text)
    return value


def _word(text: str) -> str:
    if not text.replace("_", "").replace("-", "").isalnum():
        raise ValueError(text)
    return text


def _format(text: str) -> dict[str, str]:
    if text != "json_object":
        raise ValueError(text)
    return {"type": text}


PARAMETERS = {
    one.name: one
    for one in (
        Parameter("temperature", "a number from 0 to 2", _number(0, 2)),
        Parameter("max_tokens", "a whole number from 1", _whole(1)),
        Parameter("top_p", "a number from 0 to 1", _number(0, 1)),
        Parameter("seed", "a whole number", _whole()),
        Parameter("stop", 'a text, or a JSON list such as ["END", "\\n\\n"]', _stop),
        Parameter("frequency_penalty", "a number from -2 to 2", _number(-2, 2)),
        Parameter("presence_penalty", "a number from -2 to 2", _number(-2, 2)),
        Parameter(
            "reasoning_effort", "one word, such as low", _word, ("none", "minimal", "low", "medium", "high", "xhigh")
        ),
        Parameter("response_format", "json_object", _format, ("json_object",)),
    )
}
"""Ranges as in OpenAI's reference of chat completions; what else a model takes goes among the further parameters."""


def read_value(name: str, text: str) -> Any:
    """Return the value of a parameter's field; None where it is empty, so that nothing is sent.

    Raises
    ------
    PromptError
        In one line: what it may be.

    Examples
    --------
    >>> read_value("temperature", "0"), read_value("temperature", " "), read_value("stop", '["END", "###"]')
    (0, None, ['END', '###'])
    >>> read_value("max_tokens", "many")
    Traceback (most recent call last):
    ...
    portkey_nb.errors.PromptError: max_tokens is 'many'; give a whole number from 1, or leave it empty
    """
    parameter, typed = PARAMETERS[name], text.strip()
    if not typed:
        return None
    try:
        return parameter.read(typed)
    except (ValueError, RecursionError):
        pass
    raise PromptError(f"{name} is {_short(typed)!r}; give {parameter.takes}, or leave it empty")


def write_value(name: str, value: Any) -> str | None:
    """Return the text that a parameter's field shows for a value; None where no text of it would read as that value.

    Examples
    --------
    >>> write_value("temperature", 0), write_value("stop", ["a", "b"]), write_value("temperature", 5)
    ('0', '["a", "b"]', None)
    """
    if name not in PARAMETERS:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if name == "response_format" and isinstance(value, Mapping):
        text = str(value.get("type"))
    for typed in (text, json.dumps(text, ensure_ascii=False)):
        try:
            if _same(read_value(name, typed), value):
                return typed
        except PromptError:
            continue
    return None


def _same(one: Any, other: Any) -> bool:
    """Compare so that True is not 1."""
    return type(one) is type(other) and bool(one == other)


def read_more(text: str) -> dict[str, Any]:
    """Return further parameters, written as a mapping in JSON or YAML; None as a value means that it is not sent.

    Raises
    ------
    PromptError
        In one line: it is no mapping, a name has a field elsewhere, or a value is none of JSON's.

    Examples
    --------
    >>> read_more("top_k: 5\\nlogprobs: false")
    {'top_k': 5, 'logprobs': False}
    """
    if not text.strip():
        return {}
    _check_size(text)
    found = _mapping(text)
    for name, value in found.items():
        _check(name, value)
    return {name: value for name, value in found.items() if value is not None}


def _check_size(text: str) -> None:
    if len(text) > LONGEST:
        raise PromptError(f"more parameters are {len(text):,} characters long, and {LONGEST:,} are read; shorten them")
    if _depth(text) > _DEEPEST:
        raise PromptError(f"more parameters are nested deeper than {_DEEPEST} brackets; write them flatter")


def _depth(text: str) -> int:
    """Return how deep brackets are nested, at the most."""
    depth = deepest = 0
    for char in text:
        depth += (char in "[{") - (char in "]}")
        deepest = max(deepest, depth)
    return deepest


def _mapping(text: str) -> dict[str, Any]:
    import yaml  # only where further parameters are written

    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = yaml.load(text, _loader())  # noqa: S506 (a safe loader)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            found = PromptError(f"more parameters: {getattr(error, 'problem', None) or 'cannot be read'}{place}")
    if isinstance(found, PromptError):
        raise found
    if not isinstance(found, dict):
        raise PromptError(f"more parameters are {_short(text)!r}; write names and values, such as `top_k: 5`")
    return found


@cache
def _loader() -> Any:
    """Return a safe loader to which words, dates and times are texts, and numbers are those of JSON.

    YAML 1.1 takes ``no`` for false, ``12:30`` for 750, ``010`` for 8 and ``1e-3`` for a text. Aliases are not read: a
    few lines of aliases to aliases can stand for more than memory holds.
    """
    import yaml  # as above

    def compose_node(self: Any, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="YAML aliases are not read; write the value out", problem_mark=self.peek_event().start_mark
            )
        return yaml.SafeLoader.compose_node(self, parent, index)

    own = {"yaml_implicit_resolvers": {}, "compose_node": compose_node}
    loader: Any = type("Loader", (yaml.SafeLoader,), own)
    for kind, pattern, first in (
        ("bool", r"true|True|false|False", "tTfF"),
        ("null", r"~|null|Null|", ["~", "n", "N", ""]),
        ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
        ("float", r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", "-+.0123456789"),
        ("float", r"[-+]?\.(?:inf|nan)", "-+."),
    ):
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"(?:{pattern})\Z"), list(first))
    return loader


def _check(name: Any, value: Any) -> None:
    if not isinstance(name, str) or not name.strip() or any(char.isspace() for char in name):
        raise PromptError(f"more parameters: {name!r:.60} is no name of a parameter; write `name: value`")
    if name in _ELSEWHERE and name not in ("api_key", "Authorization"):
        raise PromptError(f"`{name}` {_ELSEWHERE[name]}")
    if names_secret(name) or holds_secret(value) or redact(value) != value:
        raise PromptError(f"`{name}`: {_KEY}")
    if name == "n" and value not in (None, 1):
        raise PromptError("n asks for several answers at once, and one is shown; compare with another model instead")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        pass
    else:
        return
    raise PromptError(
        f"`{name}` is {str(value)[:60]!r}, which JSON cannot carry; use text, numbers, lists and mappings"
    )


def write_more(params: Mapping[str, Any]) -> str:
    """Return parameters as YAML, one line each where they are short.

    Examples
    --------
    >>> write_more({"top_k": 5, "logit_bias": {"50256": -100}})
    'top_k: 5\\nlogit_bias: {"50256": -100}'
    """
    return "\n".join(f"{name}: {_written(value)}" for name, value in params.items())


def _written(value: Any) -> str:
    """Return JSON that YAML reads as well, which takes no invisible characters as they are."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)


def redacted(text: str) -> str:
    """Return what stands in the field of further parameters without the keys in it.

    Examples
    --------
    >>> redacted("top_k: 5\\napi_key: sk-1")
    'top_k: 5\\napi_key: "***"'
    >>> redacted('{"api_key": "sk-1"')
    '{"api_key": "***"'
    >>> redacted("top_k:  5")
    'top_k:  5'
    """
    try:
        _check_size(text)
        found = _mapping(text)
    except PromptError:
        return _KEY_LINE.sub(_struck, text)
    shown = redact(found)
    return text if shown == found else write_more(shown)


def _struck(found: re.Match[str]) -> str:
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['name']}{found['middle']}{quote}{HIDDEN}{quote}" if names_secret(found["name"]) else found[0]


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= 40 else shown[:39] + "…"


__all__ = ["LONGEST", "PARAMETERS", "Parameter", "read_more", "read_value", "redacted", "write_more", "write_value"]

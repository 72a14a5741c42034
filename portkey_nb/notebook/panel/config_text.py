"""A Config as JSON text: read with the place of what is wrong, and written for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portkey_nb.errors import ConfigError

_LONGEST = 100_000
"""Characters; a gateway reads headers of some 15,000 bytes."""

_SHORT = 30
"""So many characters of an object or a list stand in one line."""


def read(text: str) -> dict[str, Any]:
    """Return the object that a JSON text is.

    Raises
    ------
    ConfigError
        In one line: where the text stops being JSON, or that it is no object. Nothing of the text is in it but names.

    Examples
    --------
    >>> read('{"provider": "openai"}')
    {'provider': 'openai'}
    """
    if not text.strip():
        raise ConfigError('the config is empty; write one as JSON, such as {"provider": "openai"}')
    if len(text) > _LONGEST:
        raise ConfigError(f"the config has {len(text):,} characters; a gateway reads some 15,000")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        wrong = _said(text, error.msg, error.pos, error.lineno, error.colno)
    except RecursionError:
        wrong = "the config is nested too deeply; a gateway reads some levels"
    except _Twice as error:
        wrong = str(error)
    except ValueError:
        wrong = "the config has a number too long to be read; shorten it"
    else:
        if isinstance(found, dict):
            return found
        wrong = "the config is no JSON object; it begins with `{`"
    raise ConfigError(wrong)


def written(value: Any, indent: str = "") -> str:
    """Return plain data as JSON text for a narrow column: what is short stands in one line.

    Examples
    --------
    >>> print(written({"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}]}))
    {
      "strategy": {"mode": "fallback"},
      "targets": [{"provider": "openai"}]
    }
    """
    flat = json.dumps(value, ensure_ascii=False, default=str)
    if not isinstance(value, Mapping | list) or not value or (len(flat) <= _SHORT and indent):
        return flat
    inner = indent + "  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + written(item, inner) for item in value) + f"\n{indent}]"
    parts = (f"{inner}{json.dumps(name, ensure_ascii=False)}: {written(item, inner)}" for name, item in value.items())
    return "{\n" + ",\n".join(parts) + f"\n{indent}}}"


class _Twice(Exception):
    """What JSON allows, or Python's reader of it, and no gateway would understand."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"`{_short(twice)}` stands twice in one object of the config; leave one of them")
    return found


def _no_constant(name: str) -> Any:
    raise _Twice(f"the config is no valid JSON: {name} is no number in it; give a number")


def _said(text: str, message: str, at: int, line: int, column: int) -> str:
    where = f"line {line}, column {column}"
    before = text[:at].rstrip()
    if at >= len(text.rstrip()):
        return f"the config is no valid JSON yet: it ends too early ({where}); close what is open"
    if before.endswith(",") and text[at] in "]}":
        return f"the config is no valid JSON: a comma stands before `{text[at]}` ({where}); remove it"
    if message.startswith("Illegal trailing comma"):
        return f"the config is no valid JSON: a comma stands before a closing bracket ({where}); remove it"
    if text[at] == "'" or message.startswith("Expecting property name"):
        return f"the config is no valid JSON: names stand in double quotes ({where})"
    return f"the config is no valid JSON: {message[0].lower()}{message[1:]} ({where})"


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= 40 else name[:37] + "..."

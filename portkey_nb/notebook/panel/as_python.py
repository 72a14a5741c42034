"""A call as Python that reads well: texts of several lines between triple quotes, secrets from the environment."""

from __future__ import annotations

import ast
import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.gateway.config import OPTION_NAMES, names_secret
from portkey_nb.notebook.panel.asked import (
    UNSEEN,
    Asked,
    Variable,
    Variables,
    is_name,
    open_config,
    read_by_ipython,
    without_secrets,
)
from portkey_nb.settings import Secret

_WIDTH = 100
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.|In \[)")
"""How lines begin that IPython takes for a prompt before code, even inside a text."""


class Source(str):
    """Python that is written as it is."""


def python_of(asked: Asked, variables: Variables, notes: dict[str, None]) -> str:
    """Write the calls as Python; what has to be done before is added to the notes."""
    arguments = _arguments(asked, variables, notes)
    for readable in (True, False):
        found = _module(asked, arguments, readable=readable)
        # IPython takes prompts and blanks out even of texts.
        if not readable or read_by_ipython(found) == f"{found}\n":
            break
    return found


def _module(asked: Asked, arguments: Mapping[str, Any], *, readable: bool) -> str:
    names = _Names(asked)
    rooms = {room: names.module(room) for room, as_json in (("json", True), ("os", False)) if _uses(arguments, as_json)}
    arguments = {name: _opened(value, rooms) for name, value in arguments.items()}
    head = [f"import {_as(room, name)}" for room, name in rooms.items()]
    head += [""] if head else []
    several = len(asked.models) > 1
    alike = len(set(asked.models)) < len(asked.models)
    config = asked.config_name
    wanted = [*(["Config"] if config else []), *(["Replies"] if several and not alike else []), "ask"]
    ours = {name: names.ours(name) for name in wanted}
    lines, prompt = _prompt(asked, names, readable=readable)
    if config is not None:
        written = literal(arguments["config"], 0, readable=readable)
        lines = [f"{config} = {ours['Config']}({written})", "", *lines]
        arguments = {**arguments, "config": Source(config)}
    model: Any = Source(names.free("model", asked.models[-1])) if several else asked.models[0]
    call = _call(ours["ask"], [prompt], {"model": model, **arguments}, 4 if several else 0, readable=readable)
    models = literal(list(asked.models), 0, readable=readable)
    reply = names.free("replies" if several else "reply")
    if not several:
        lines += [f"{reply} = {call}", reply]
    elif alike:
        lines += [f"{reply} = []", f"for {model} in {models}:", f"    {reply}.append({call})", reply]
    else:
        lines += [
            f"{reply} = {ours['Replies']}()",
            f"for {model} in {models}:",
            f"    {reply}[{model}] = {call}",
            reply,
        ]
    imported = ", ".join(_as(name, called) for name, called in ours.items())
    return "\n".join([*head, f"from portkey_nb import {imported}", "", *lines])


def _prompt(asked: Asked, names: _Names, *, readable: bool) -> tuple[list[str], Any]:
    """Return the lines that give what is long a name, and what is asked with."""
    prompt: Any = asked.messages
    if [list(message) for message in asked.messages] == [["role", "content"]] and asked.messages[0]["role"] == "user":
        content = asked.messages[0]["content"]
        prompt = content if isinstance(content, str) else asked.messages
    first = literal(prompt, 0, readable=readable)
    if len(first) <= 60 and "\n" not in first:
        return [], prompt
    name = names.free("prompt" if isinstance(prompt, str) else "messages", prompt)
    return [f"{name} = {first}", ""], Source(name)


def _as(name: str, called: str) -> str:
    return name if name == called else f"{name} as {called}"


class _Names:
    """Names that the code may bind: nothing of the notebook's is lost, and nothing that the code calls by its name."""

    def __init__(self, asked: Asked) -> None:
        self._names = asked.names
        self._taken = {*asked.calls, *([asked.config_name] if asked.config_name else [])}
        if (named := asked.name_of(asked.options.get("config"))) is not None:
            self._taken.add(named)

    def free(self, wish: str, value: Any = None) -> str:
        """Return a name for a value; that of an earlier run of such code may be used again."""
        return self._first(wish, lambda bound: isinstance(bound, Reply | Replies) or _equal(bound, value))

    def module(self, name: str) -> str:
        """Return a name for one of Python's modules."""
        return self._first(name, lambda bound: bound is sys.modules.get(name))

    def ours(self, name: str) -> str:
        """Return a name for what is imported from this package."""
        return self._first(name, lambda bound: bound is getattr(sys.modules["portkey_nb"], name))

    def _first(self, wish: str, fits: Callable[[Any], bool]) -> str:
        for name in (wish, f"panel_{wish}", *(f"panel_{wish}_{number}" for number in range(2, 1000))):
            if name not in self._taken and (name not in self._names or fits(self._names[name])):
                break
        self._taken.add(name)
        return name


def _equal(bound: Any, value: Any) -> bool:
    return type(bound) is type(value) and type(bound) in (str, list) and bool(bound == value)


def _opened(value: Any, rooms: Mapping[str, str]) -> Any:
    """Return plain data with the Python that reads a variable in its place."""
    if isinstance(value, Variable):
        read = f'{rooms["os"]}.environ["{value.name}"]'
        return Source(f"{rooms['json']}.loads({read})" if value.as_json else read)
    if isinstance(value, Mapping):
        return {name: _opened(item, rooms) for name, item in value.items()}
    return [_opened(item, rooms) for item in value] if isinstance(value, list) else value


def _uses(value: Any, as_json: bool) -> bool:
    if isinstance(value, Variable):
        return value.as_json or not as_json
    if isinstance(value, Mapping):
        return any(_uses(item, as_json) for item in value.values())
    return isinstance(value, list) and any(_uses(item, as_json) for item in value)


def _arguments(asked: Asked, variables: Variables, notes: dict[str, None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if asked.system is not None:
        found["system"] = asked.system
    found.update({name: without_secrets(value, variables, name=name) for name, value in asked.params.items()})
    for name, value in asked.options.items():
        if name == "config":
            found[name] = _config(value, asked, variables)
        elif OPTION_NAMES[name].secret or isinstance(value, Secret) or names_secret(name):
            found[name] = variables.of(value, f"portkey_{name}", f"the {name.replace('_', ' ')}")
        else:
            found[name] = without_secrets(value, variables, "portkey", name)
    for name, value in asked.own.items():
        found[name] = _own(name, value, asked, variables, notes)
    if asked.base_url is not None:
        found["base_url"] = asked.base_url
    return found


def _config(value: Any, asked: Asked, variables: Variables) -> Any:
    named = asked.name_of(value)
    if named is not None:
        return Source(named)
    return without_secrets(open_config(value)[0], variables)


def _own(name: str, value: Any, asked: Asked, variables: Variables, notes: dict[str, None]) -> Any:
    if name == "tools":
        functions, definitions = asked.tools(notes)
        shown = without_secrets(definitions, variables, name="tools")
        many = [*(Source(function) for function in functions), *shown]
        return many[0] if len(many) == 1 and functions else many
    if name == "schema" and not isinstance(value, Mapping):
        return Source(asked.called(value, notes))
    if name == "tags" and isinstance(value, Mapping):
        value = {str(key): str(item) for key, item in value.items()}
    return without_secrets(value, variables, name, name)


def _call(ask: str, given: list[Any], named: Mapping[str, Any], indent: int, *, readable: bool) -> str:
    plain = {name: value for name, value in named.items() if is_name(name)}
    odd = {name: value for name, value in named.items() if not is_name(name)}
    inner = indent + 4
    parts = [literal(value, inner, readable=readable) for value in given]
    parts += [f"{name}={literal(value, inner, readable=readable)}" for name, value in plain.items()]
    parts += [f"**{literal(odd, inner, readable=readable)}"] if odd else []
    short = f"{ask}({', '.join(parts)})"
    if len(short) + indent <= _WIDTH and "\n" not in short:
        return short
    pad = " " * inner
    return f"{ask}(\n" + "".join(f"{pad}{part},\n" for part in parts) + " " * indent + ")"


def literal(value: Any, indent: int, *, readable: bool = True) -> str:
    """Write a value as Python.

    Parameters
    ----------
    value : JSON value or Source
    indent : int
        Columns at which further lines begin.
    readable : bool
        Whether texts of several lines may stand between triple quotes.

    Examples
    --------
    >>> print(literal({"a": [1, None], "b": "it's"}, 0))
    {"a": [1, None], "b": "it's"}
    """
    if isinstance(value, Source):
        return value
    if isinstance(value, str):
        return _text(value, readable=readable)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, Mapping):
        items = [
            f"{literal(name, indent + 4, readable=readable)}: {literal(item, indent + 4, readable=readable)}"
            for name, item in value.items()
        ]
        return _enclosed("{", items, "}", indent)
    if isinstance(value, list | tuple):
        return _enclosed("[", [literal(item, indent + 4, readable=readable) for item in value], "]", indent)
    return repr(value)


def _enclosed(opening: str, items: list[str], closing: str, indent: int) -> str:
    short = f"{opening}{', '.join(items)}{closing}"
    if len(short) + indent <= _WIDTH - 10 and "\n" not in short:
        return short
    pad = " " * (indent + 4)
    return f"{opening}\n" + "".join(f"{pad}{item},\n" for item in items) + " " * indent + closing


def _text(value: str, *, readable: bool) -> str:
    value = str.__str__(value)
    lines = value.split("\n")
    if readable and len(lines) > 1 and all(_shows(line) for line in lines) and not value.endswith('"'):
        escaped = value.replace("\\", "\\\\")
        written = f'"""{escaped}"""'
        # The one sure way to know is to read it.
        if '"""' not in value and ast.literal_eval(written) == value:
            return written
    written = repr(value)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in written else written


def _shows(line: str) -> bool:
    """Tell whether a line arrives as it is: nothing invisible in it, and no blanks that editors or IPython take."""
    return line == line.rstrip() and not UNSEEN.search(line) and not _PROMPT.match(line)

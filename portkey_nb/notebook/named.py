"""What flags name in a notebook: configs, tools, schemas and images."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from types import GenericAlias
from typing import Any

from portkey_nb.engine.images import image_part
from portkey_nb.engine.schemas import Schema, schema_of
from portkey_nb.engine.tools import Tool, tools_of
from portkey_nb.errors import ConfigError, PromptError
from portkey_nb.gateway.routing import parse_config
from portkey_nb.gateway.secrecy import hidden
from portkey_nb.notebook.completion import config_names, fitting

KEY_IN_CELL = (
    "a key stands in this cell and is saved with the notebook; keep it in a variable, and write {{name}} in "
    "%%portkey_config"
)

_PLAIN = {kind.__name__: kind for kind in (str, int, float, bool, list, dict)}
"""Python's own types, which need no definition to be named as a schema."""


def find_config(text: str, namespace: Mapping[str, Any]) -> Any:
    """Return the config that a text means: JSON, a name in the notebook, or a saved config's id.

    Raises
    ------
    ConfigError
        When it is JSON that does not fit, or neither a name here nor the id of a saved config.
    """
    if text.lstrip().startswith("{"):
        return parse_config(text)
    if text in namespace:
        value = namespace[text]
        if not isinstance(value, Mapping | str):
            raise ConfigError(
                f"`{text}` is {type(value).__name__}, no config; compose one with `%%portkey_config {text}`"
            )
        # Hidden at once: what goes wrong from here on may show every local name.
        return hidden(value) if isinstance(value, Mapping) else parse_config(value)
    if text.isidentifier() and not text.startswith(("pc_", "cf_")):
        close = difflib.get_close_matches(text, config_names(namespace), 1)
        hint = f"did you mean `{close[0]}`?" if close else f"compose it with `%%portkey_config {text}`"
        raise ConfigError(f"no config named `{text}` in this notebook; {hint} (a saved config's id looks like pc-...)")
    return parse_config(text)


def find_tools(names: list[str], namespace: Mapping[str, Any]) -> dict[str, Tool]:
    """Return the functions that ``--tools`` names, by the names they have for the model.

    Raises
    ------
    PromptError
        When a name is not defined, or is no function that can be a tool.
    """
    wanted = [name.strip() for given in names for name in given.split(",") if name.strip()]
    things: list[Any] = []
    for name in wanted:
        thing = _value(name, namespace, "--tools", "a function")
        things += list(thing) if isinstance(thing, list | tuple) else [thing]
    return tools_of(things)


def find_schema(text: str | None, namespace: Mapping[str, Any]) -> Schema | None:
    """Return the schema that ``--schema`` names: a class or a mapping of the notebook, or JSON.

    Raises
    ------
    PromptError
        When the name is not defined, or what it names is no schema.
    """
    if text is None:
        return None
    if text.lstrip().startswith("{"):
        return schema_of(text)
    return schema_of(_expression(text, namespace))


def _expression(text: str, namespace: Mapping[str, Any]) -> Any:
    """Read ``Person``, ``shapes.Person`` or ``list[Person]``."""
    if text.startswith("list[") and text.endswith("]"):
        return GenericAlias(list, (_expression(text[5:-1].strip(), namespace),))
    if text in _PLAIN and text not in namespace:
        return _PLAIN[text]
    return _value(text, namespace, "--schema", "a class")


def find_images(names: list[str], namespace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the images that ``--image`` names: variables of the notebook, else files.

    Raises
    ------
    PromptError
        When there is neither such a variable nor such a file, or it is no image.
    """
    parts = []
    for name in names:
        if _is_name(name) and name.split(".")[0] in namespace and not os.path.exists(os.path.expanduser(name)):
            parts.append(image_part(_value(name, namespace, "--image", "an image"), name=name))
        elif name.isidentifier() and not os.path.exists(name):
            raise PromptError(f"--image {name}: no variable and no file of that name; give a path or a variable")
        else:
            parts.append(image_part(name, name=name))
    return parts


def _is_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _value(name: str, namespace: Mapping[str, Any], flag: str, what: str) -> Any:
    first, *rest = name.split(".")
    if not _is_name(name):
        raise PromptError(f"{flag} {name!r} is no name; define {what} in the notebook and name it")
    if first not in namespace:
        close = difflib.get_close_matches(first, fitting(flag, namespace), 1)
        hint = f"did you mean `{close[0]}`?" if close else "run the cell that defines it"
        raise PromptError(f"{flag} {name}: `{first}` is not defined in this notebook; {hint}")
    value = namespace[first]
    for part in rest:
        try:
            value = getattr(value, part)
        except AttributeError:
            missing = part
            break
    else:
        return value
    raise PromptError(f"{flag} {name}: there is no `{missing}` in it")

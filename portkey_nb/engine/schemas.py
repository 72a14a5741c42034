"""Schemas of answers: a Python type or a JSON schema as what a request asks for, and the answer as an object of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from portkey_nb.engine.extraction import json_values
from portkey_nb.engine.jsonschemas import checked, misfit_of, strict_form, wrapped
from portkey_nb.engine.kinds import called, instance_of, modern, name_of
from portkey_nb.engine.objects import fields_of
from portkey_nb.engine.shapes import fitting_name, json_schema_of, mismatches, one_line, quoted
from portkey_nb.errors import PromptError, SchemaError

Reader = Callable[[str], Any]
"""Takes JSON text, returns the object; ValueError in one line when it does not fit."""


@dataclass(frozen=True, eq=False)
class Schema:
    """What an answer is to fit.

    Attributes
    ----------
    name : str
        What requests and messages call it.
    json_schema : dict
        As it is sent: an object at the root, so a list stands in it as ``items``, a number or union as ``value``.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Town:
    ...     name: str
    ...     people: int
    >>> schema_of(list[Town]).parse('Here: [{"name": "Ulm", "people": 126000}]')
    [Town(name='Ulm', people=126000)]
    """

    name: str
    json_schema: dict[str, Any]
    description: str = ""
    _readers: tuple[Reader, ...] = field(default=(), repr=False)

    @property
    def response_format(self) -> dict[str, Any]:
        """The schema as ``response_format`` of an OpenAI request; strict where that leaves its meaning as it is."""
        strict = strict_form(self.json_schema)
        shape = {"name": self.name, "schema": strict or self.json_schema, "strict": strict is not None}
        return {"type": "json_schema", "json_schema": shape}

    @property
    def tool(self) -> dict[str, Any]:
        """The function tool whose arguments are the answer, for providers that drop ``response_format``."""
        said = self.description or f"Give the answer as {self.name}."
        return {
            "type": "function",
            "function": {"name": self.name, "description": said, "parameters": self.json_schema},
        }

    @property
    def tool_choice(self) -> dict[str, Any]:
        """What makes a model call that tool."""
        return {"type": "function", "function": {"name": self.name}}

    def parse(self, text: str) -> Any:
        """Read an answer.

        Parameters
        ----------
        text : str
            JSON alone, in a fenced block, or with words around it: the largest value that fits is taken.

        Returns
        -------
        object
            An instance of the type; plain data where the schema is a JSON schema.

        Raises
        ------
        SchemaError
            One line with the first three mismatches; ``.reply`` is the text.
        """
        first = ""
        for candidate in json_values(text):
            for read in self._readers:
                try:
                    return read(candidate)
                except ValueError as raised:
                    # Of several readers and values, the first is what the request asked for.
                    first = first or str(raised)
        if first:
            said = f"the answer does not fit {self.name}: {first}; ask again, or loosen the schema"
        elif text.strip():
            said = f"the answer holds no JSON for {self.name}: {quoted(text.strip())}; ask again"
        else:
            said = f"the answer is empty, where JSON for {self.name} was asked for; ask again"
        raise SchemaError(said, reply=text)


def schema_of(thing: Any) -> Schema:
    """Make a schema of a Python type or a JSON schema.

    Parameters
    ----------
    thing : type, mapping or str
        A pydantic model class, a dataclass, a TypedDict or NamedTuple; ``list[...]``, ``dict[str, ...]``, a union,
        ``Literal`` or Enum of these; a JSON schema as mapping or JSON text. A :class:`Schema` stays.

    Raises
    ------
    PromptError
        When it cannot be one, in one line.
    """
    if isinstance(thing, Schema):
        return thing
    if isinstance(thing, str):
        thing = _decoded(thing)
    if not isinstance(thing, Mapping):
        return _of_type(thing)
    with suppress(RecursionError):
        return _of_mapping(thing)
    raise PromptError("the JSON schema is nested too deep; put its parts under `$defs` and refer to them")


def records(value: Any) -> list[dict[str, Any]]:
    """Return the rows of a table.

    Parameters
    ----------
    value : object
        Objects (models, dataclasses, mappings) in a list; an object whose only list holds objects gives that list's
        rows, any other object one row; numbers and texts give the column ``value``.

    Returns
    -------
    list of dict
        Nested objects are dicts and lists, members of an Enum their values.

    Raises
    ------
    SchemaError
        When there is nothing to make rows of.

    Examples
    --------
    >>> records({"towns": [{"name": "Ulm"}, {"name": "Bonn"}]})
    [{'name': 'Ulm'}, {'name': 'Bonn'}]
    """
    fields = fields_of(value)
    if fields is not None:
        lists = [item for item in fields.values() if isinstance(item, list | tuple) and fields_of(item) is None]
        alone = len(fields) == 1 and lists == [[]]
        if len(lists) == 1 and (alone or (lists[0] and all(fields_of(item) is not None for item in lists[0]))):
            value = list(lists[0])
        else:
            value = [value]
    elif isinstance(value, str | int | float | Decimal | Enum | date | time | timedelta):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        raise SchemaError(f"{quoted(value)} holds no rows; a table is made of an object or a list of objects")
    return [_row(item) for item in value]


def _row(item: Any) -> dict[str, Any]:
    found = _unfolded(item)
    return {str(name): cell for name, cell in found.items()} if isinstance(found, dict) else {"value": found}


def _unfolded(value: Any) -> Any:
    fields = fields_of(value)
    if fields is not None:
        return {name: _unfolded(item) for name, item in fields.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_unfolded(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _decoded(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise PromptError(f"{quoted(text)} is not a JSON schema's text; give a schema, a model class or a dataclass")
    return found


def _of_mapping(given: Mapping[str, Any]) -> Schema:
    name, said = "", ""
    if given.get("type") == "json_schema" and isinstance(given.get("json_schema"), Mapping):
        given = given["json_schema"]
    if isinstance(given.get("schema"), Mapping) and isinstance(given.get("name"), str):
        name, said, given = given["name"], str(given.get("description") or ""), given["schema"]
    schema, validator = checked(given)
    name = fitting_name(name or str(schema.get("title") or ""), "answer")

    def read(text: str) -> Any:
        try:
            value = json.loads(text)
            fault = misfit_of(validator, value)
        except RecursionError:
            fault = "it is nested too deep, or the schema refers to itself without end"
        if fault:
            raise ValueError(fault)
        return value

    whole, key = wrapped(schema)
    return Schema(name, whole, said or str(schema.get("description") or ""), _both(read, key))


def _of_type(thing: Any) -> Schema:
    # heavy: loads with the first schema
    from pydantic import TypeAdapter, ValidationError

    if kind := instance_of(thing):
        raise PromptError(f"this is an instance of {kind}, not a type; give the class {kind} itself")
    if thing is None:
        raise PromptError("None cannot be a schema; give a pydantic model class, a dataclass or a JSON schema")
    if isinstance(thing, list | tuple) and len(thing) == 1 and isinstance(thing[0], type):
        raise PromptError(f"[{called(thing[0])}] is a list, not a type; write list[{called(thing[0])}]")
    fault = ""
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(modern(thing))
        schema = json_schema_of(adapter)
    except Exception as raised:  # noqa: BLE001 (a foreign type's own hooks may raise anything)
        fault = one_line(str(raised).partition("\n")[0], 160)
    if fault:
        raise PromptError(f"{called(thing)} cannot be a schema: {fault}; give a pydantic model class or a dataclass")

    def read(text: str) -> Any:
        try:
            return adapter.validate_json(text)
        except ValidationError as raised:
            fault = mismatches(raised)
        except Exception as raised:  # noqa: BLE001 (validators of the user's type may raise anything)
            fault = one_line(f"{type(raised).__name__}: {raised}", 200)
        raise ValueError(fault)

    whole, key = wrapped(schema)
    return Schema(name_of(thing), whole, str(schema.get("description") or ""), _both(read, key))


def _both(read: Reader, key: str) -> tuple[Reader, ...]:
    """Return the readers of a value that is asked for under a key, and may come without it."""
    if not key:
        return (read,)

    def under(text: str) -> Any:
        try:
            found = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
            found = {}
        if list(found) != [key]:
            raise ValueError("")
        return read(bytes(found[key]).decode())

    return (under, read)

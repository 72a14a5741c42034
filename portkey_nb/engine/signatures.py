"""A Python function's parameters as a pydantic model and a JSON schema, described by its docstring."""

from __future__ import annotations

import enum
import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import docstring_parser

from portkey_nb.engine.kinds import modern
from portkey_nb.engine.shapes import json_schema_of, one_line
from portkey_nb.errors import PromptError
from portkey_nb.gateway.config import names_secret
from portkey_nb.settings import Secret

if TYPE_CHECKING:
    from pydantic import BaseModel

LONGEST_DESCRIPTION = 1024
"""Characters of a description (OpenAI's limit for a function's)."""

_OF_DEFAULTS = (bool, int, float, str, list, dict, tuple, set, date, datetime, time, timedelta, Decimal)


_STARS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


@dataclass(frozen=True, eq=False)
class Signature:
    """What a function takes, as a model sees it and as Python checks it.

    Attributes
    ----------
    description : str
        The docstring's summary and long description.
    schema : dict
        JSON schema of the arguments.
    """

    description: str
    schema: dict[str, Any]
    _checked: type[BaseModel]
    _fields: Mapping[str, str]
    _filled: frozenset[str] = frozenset()

    def bind(self, text: str) -> dict[str, Any]:
        """Return the keyword arguments that a JSON object gives, checked and brought to their types.

        Raises
        ------
        pydantic.ValidationError
            When they do not fit.
        """
        found = self._checked.model_validate_json(text)
        # Left out is what the model left out, so that the function's own defaults hold.
        given = found.model_fields_set | self._filled
        return {name: getattr(found, field) for field, name in self._fields.items() if field in given}


def signature_of(function: Callable[..., Any], name: str) -> Signature:
    """Read a function's signature, annotations and docstring.

    Parameters
    ----------
    function : callable
    name : str
        What the function is called in messages.

    Raises
    ------
    PromptError
        When a parameter cannot be given by a model, in one line.
    """
    inner = unwrapped(function)
    parameters = _parameters(function, inner, name)
    hints = _hints(inner, name)
    description, described = _docstring(inner)
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(parameters):
        hint = hints.get(parameter.name, _guessed(parameter.default))
        fields[f"p{number}"] = _field(parameter, hint, described.get(parameter.name, ""))
    checked, schema = _built(name, fields, parameters)
    names = {f"p{number}": parameter.name for number, parameter in enumerate(parameters)}
    # A default written as pydantic's Field is nothing that the function itself could use.
    filled = frozenset(field for field, (_, default) in fields.items() if type(default).__name__ == "FieldInfo")
    return Signature(description, schema, checked, names, filled)


def unwrapped(function: Any) -> Any:
    """Return the function inside ``functools.partial``, and the method behind an object that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function):
        return function
    return type(function).__call__ if callable(function) else function


def _parameters(function: Any, inner: Any, name: str) -> list[inspect.Parameter]:
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        found = None
    if found is None:
        raise PromptError(f"{name} does not tell its parameters; write a small Python function that calls it")
    bound: set[str] = set()
    layer = function
    while isinstance(layer, functools.partial):
        # What was bound beforehand is the user's own, and may be a key: the model neither sees nor sets it.
        bound |= set(layer.keywords)
        layer = layer.func
    kept = []
    for parameter in found:
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise PromptError(f"{name} takes `{parameter.name}` by position only; a model gives names: drop the `/`")
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = _STARS[parameter.kind]
            raise PromptError(f"{name} takes `{stars}{parameter.name}`; a model needs parameters named one by one")
        if parameter.name not in bound and not _is_own(parameter):
            kept.append(parameter)
    return kept


def _is_own(parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter is a key that the user has set, which a model is neither told nor asked for."""
    given = parameter.default is not parameter.empty
    return isinstance(parameter.default, Secret) or (given and names_secret(parameter.name))


def _hints(inner: Any, name: str) -> dict[str, Any]:
    try:
        hints = get_type_hints(inspect.unwrap(inner), include_extras=True)
        return {parameter: modern(hint) for parameter, hint in hints.items()}
    except Exception as raised:  # noqa: BLE001 (an annotation is an expression, and may raise anything)
        said = one_line(f"{type(raised).__name__}: {raised}", 200)
    raise PromptError(f"{name}: an annotation cannot be read ({said}); define the type where the function is defined")


def _guessed(default: Any) -> Any:
    """Return the type of a parameter without annotation."""
    if default is inspect.Parameter.empty:
        return str
    if isinstance(default, enum.Enum) or type(default) in _OF_DEFAULTS:
        return type(default)
    return str | None if default is None else Any


def _field(parameter: inspect.Parameter, hint: Any, described: str) -> tuple[Any, Any]:
    from pydantic import Field  # heavy: loads with the first tool
    from pydantic.fields import FieldInfo

    default = ... if parameter.default is parameter.empty else parameter.default
    if default is None and type(None) not in get_args(hint) and hint is not Any:
        hint = hint | None if not isinstance(hint, str) else hint
    extras = hint.__metadata__ if get_origin(hint) is Annotated else ()
    own = [extra.description for extra in extras if isinstance(extra, FieldInfo) and extra.description]
    if isinstance(default, FieldInfo) and default.description:
        own.append(default.description)
    # Text beside a type, bare or as typing.Doc, is how several libraries describe a parameter.
    own += [extra for extra in extras if isinstance(extra, str)]
    own += [extra.documentation for extra in extras if isinstance(getattr(extra, "documentation", None), str)]
    text = (own or [described])[0]
    given = {"description": one_line(text, LONGEST_DESCRIPTION)} if text else {}
    # The alias keeps names that a pydantic model could not have: `schema`, `copy`, `_x`.
    return Annotated[hint, Field(alias=parameter.name, **given)], default  # type: ignore[call-overload,unused-ignore]


def _built(
    name: str, fields: dict[str, Any], parameters: list[inspect.Parameter]
) -> tuple[type[BaseModel], dict[str, Any]]:
    from pydantic import ConfigDict, TypeAdapter, create_model  # heavy: loads with the first tool

    config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, protected_namespaces=())
    said = ""
    try:
        checked: type[BaseModel] = create_model(name, __config__=config, **fields)
        return checked, _simple(json_schema_of(TypeAdapter(checked)))
    except Exception as raised:  # noqa: BLE001 (a foreign type's own hooks may raise anything)
        said = one_line(f"{raised}", 160)
    for (field, built), parameter in zip(fields.items(), parameters, strict=True):
        try:
            json_schema_of(TypeAdapter(create_model(name, __config__=config, **{field: built})))
        except Exception:  # noqa: BLE001 (as above; this finds the parameter at fault)
            said = f"`{parameter.name}` has a type that JSON cannot give"
            break
    raise PromptError(f"{name}: {said}; use numbers, text, lists, dicts, dataclasses or pydantic models")


def _simple(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the arguments with `null` left out where leaving the argument out says the same."""
    properties = {}
    for name, one in schema.get("properties", {}).items():
        properties[name] = one
        if one.get("default", ...) is not None:
            continue
        given = {word: value for word, value in one.items() if word != "default"}
        choices = [choice for choice in given.get("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:
            given = {**choices[0], **{word: value for word, value in given.items() if word != "anyOf"}}
        properties[name] = given
    found = {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }
    if "$defs" in schema:
        found["$defs"] = schema["$defs"]
    # A copy by way of JSON: what a user's type left in its schema and JSON does not know shows here.
    copy: dict[str, Any] = json.loads(json.dumps(found))
    return copy


def _docstring(inner: Any) -> tuple[str, dict[str, str]]:
    """Return a docstring's description, and what it says of each parameter."""
    text = inspect.getdoc(inner) or ""
    if getattr(inner, "__name__", "") == "__call__" and text == inspect.getdoc(object.__call__):
        text = ""
    try:
        parsed = docstring_parser.parse(text)
    except docstring_parser.ParseError:
        return one_line(text.partition("\n\n")[0], LONGEST_DESCRIPTION), {}
    whole = "\n\n".join(part for part in (parsed.short_description, parsed.long_description) if part)
    if len(whole) > LONGEST_DESCRIPTION:
        whole = whole[: LONGEST_DESCRIPTION - 1] + "…"
    described = {
        name.strip().lstrip("*"): parameter.description or ""
        for parameter in parsed.params
        for name in parameter.arg_name.split(",")
    }
    return whole, described

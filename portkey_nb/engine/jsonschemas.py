"""JSON schemas: checked, brought to the form that requests take, and held against what a model answered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from portkey_nb.engine.shapes import LISTED, NAMED, SINGLE, listed, mapped, one_line, pruned, rooted, walked
from portkey_nb.errors import PromptError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_KNOWN = {*NAMED, *LISTED, *SINGLE, "type", "enum", "const", "$ref", "required", "minItems", "pattern", "format"}
_STRICT = {
    *("type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs"),
    *("description", "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minItems", "maxItems"),
}
"""Keywords of OpenAI's strict mode (its guide "Structured model outputs", supported schemas)."""
_ANNOTATIONS = {"title", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id"}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
_MOST_MISMATCHES = 100


def checked(given: Mapping[str, Any]) -> tuple[dict[str, Any], Validator]:
    """Return a JSON schema as plain data, with what validates by it.

    Raises
    ------
    PromptError
        When it is no JSON schema, or refers to something outside itself.
    """
    # heavy: loads with the first JSON schema
    from jsonschema.exceptions import SchemaError as Invalid
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    fault = ""
    try:
        schema = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as raised:
        fault = one_line(str(raised), 120)
    if fault:
        raise PromptError(f"the JSON schema is not plain JSON: {fault}")
    if not _KNOWN & set(schema):
        said = "is empty" if not schema else f"says nothing (keys: {one_line(', '.join(schema), 60)})"
        raise PromptError(f'the JSON schema {said}; it looks like {{"type": "object", "properties": {{...}}}}')
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except Invalid as raised:
        place = ".".join(str(step) for step in raised.absolute_path)
        fault = f"{place}: {one_line(raised.message, 160)}" if place else one_line(raised.message, 160)
    if fault:
        raise PromptError(f"the JSON schema is not valid at {fault}; mend it there")
    _refuse_loose_references(schema)
    # An empty registry: what a schema refers to is never fetched.
    return schema, kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)


def _refuse_loose_references(schema: dict[str, Any]) -> None:
    for one in walked(schema):
        reference = one.get("$ref")
        if isinstance(reference, str) and _target(schema, reference) is None:
            raise PromptError(f"the JSON schema refers to {reference!r}, which is not in it; put it under `$defs`")


def _target(schema: Any, reference: str) -> Any:
    if reference != "#" and not reference.startswith("#/"):
        return None
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdigit() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, Mapping) and name in schema:
            schema = schema[name]
        else:
            return None
    return schema


def misfit_of(validator: Validator, value: Any, most: int = 3) -> str:
    """Return what of a value a schema refuses, the first few by path; nothing where it fits."""
    from jsonschema.exceptions import relevance  # heavy: loaded by now

    found = []
    for error in validator.iter_errors(value):
        found.append(error)
        if len(found) >= _MOST_MISMATCHES:
            break
    found.sort(key=lambda error: (_in_order(error.absolute_path), relevance(error)))
    lines = []
    for error in found[:most]:
        path = ".".join(str(step) for step in error.absolute_path)
        said = one_line(error.message, 160)
        lines.append(f"{path}: {said}" if path else said)
    return listed(lines, len(found))


def _in_order(path: Iterable[Any]) -> list[tuple[bool, int, str]]:
    return [(False, step, "") if isinstance(step, int) else (True, 0, str(step)) for step in path]


def wrapped(schema: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return a schema with an object at its root, and the key under which the value asked for stands, or nothing.

    Examples
    --------
    >>> wrapped({"type": "integer"})[1]
    'value'
    """
    schema = rooted(schema)
    if schema.get("type") == "object" or ("type" not in schema and "properties" in schema):
        return {"type": "object", **schema}, ""
    key = "items" if schema.get("type") == "array" else "value"
    shared: dict[str, Any] = {word: schema[word] for word in ("$defs", "definitions") if word in schema}
    inner = {word: value for word, value in schema.items() if word not in (*shared, "$schema", "$id")}

    def moved(one: dict[str, Any]) -> dict[str, Any]:
        reference = str(one.get("$ref", ""))
        if reference.startswith("#") and not reference.startswith(("#/$defs/", "#/definitions/")):
            one["$ref"] = f"#/properties/{key}{reference[1:]}"
        return one

    whole: dict[str, Any] = {
        "type": "object",
        "properties": {key: inner},
        "required": [key],
        "additionalProperties": False,
        **shared,
    }
    found: dict[str, Any] = mapped(whole, moved)
    return found, key


def strict_form(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return a schema in the form of OpenAI's strict mode; None where that would change what it means.

    There every object lists its properties, all of them required, and no others: a property that may be left out must
    take null, and an object with further keys has no such form.

    Examples
    --------
    >>> strict_form({"type": "object", "properties": {"a": {"type": ["integer", "null"]}}})["required"]
    ['a']
    >>> strict_form({"type": "object", "properties": {"a": {"type": "integer"}}}) is None
    True
    """
    if schema.get("type") != "object" or any(_is_loose(one, schema) for one in walked(schema)):
        return None

    def closed(one: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in one:
            return {word: value for word, value in one.items() if word in ("$ref", "$defs")}
        kept = {word: value for word, value in one.items() if word not in _ANNOTATIONS}
        if "properties" in kept:
            kept |= {"type": kept.get("type", "object")}
            kept |= {"required": list(kept["properties"]), "additionalProperties": False}
        return kept

    return pruned(mapped(schema, closed))


def _is_loose(one: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Tell whether a schema, its inner ones apart, has no strict form."""
    if not set(one) <= _STRICT | _ANNOTATIONS or not {"type", "anyOf", "enum", "const", "$ref"} & set(one):
        return True
    if "$ref" in one and set(one) - _ANNOTATIONS - {"$ref", "$defs", "description"}:
        return True
    if one.get("format", "date") not in _FORMATS or any(isinstance(inner, bool) for inner in one.get("anyOf", ())):
        return True
    kinds = one.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "array" in kinds and not isinstance(one.get("items"), Mapping):
        return True
    if "object" not in kinds and "properties" not in one:
        return False
    properties = one.get("properties")
    if not isinstance(properties, Mapping) or one.get("additionalProperties", False) is not False:
        return True
    required = one.get("required", ())
    if not set(required) <= set(properties):
        return True
    return any(
        not isinstance(inner, Mapping) or (name not in required and not _takes_null(inner, root))
        for name, inner in properties.items()
    )


def _takes_null(schema: Any, root: Mapping[str, Any], level: int = 0) -> bool:
    if not isinstance(schema, Mapping) or level > 20:
        return False
    if "$ref" in schema:
        return _takes_null(_target(root, str(schema["$ref"])), root, level + 1)
    if "anyOf" in schema:
        return any(_takes_null(choice, root, level + 1) for choice in schema["anyOf"])
    kind = schema.get("type")
    if "enum" in schema and None not in schema["enum"]:
        return False
    return kind == "null" or (isinstance(kind, list) and "null" in kind)

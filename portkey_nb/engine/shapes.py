"""JSON schemas in the form that every provider takes, and what does not fit one in a line a model can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords that hold schemas by name."""
LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
"""Keywords that hold a list of schemas."""
SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
"""Keywords that hold one schema."""
LONGEST_VALUE = 60
"""Characters of a value that a message quotes."""


def mapped(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Return a copy of a JSON schema with each schema in it changed, innermost first.

    Defaults, constants and the members of an enum are values, and stay as they are.
    """
    if not isinstance(schema, Mapping):
        return schema
    copy: dict[str, Any] = {}
    for word, value in schema.items():
        if word in NAMED and isinstance(value, Mapping):
            copy[word] = {name: mapped(inner, change) for name, inner in value.items()}
        elif word in LISTED + SINGLE and isinstance(value, list):
            copy[word] = [mapped(inner, change) for inner in value]
        elif word in SINGLE:
            copy[word] = mapped(value, change)
        else:
            copy[word] = value
    return change(copy)


def walked(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a JSON schema and every schema in it."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for word, value in schema.items():
        inner: Iterable[Any] = ()
        if word in NAMED and isinstance(value, Mapping):
            inner = value.values()
        elif word in LISTED + SINGLE and isinstance(value, list):
            inner = value
        elif word in SINGLE:
            inner = (value,)
        for each in inner:
            yield from walked(each)


def tidied(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of pydantic's without titles made from names, and with the definitions that are used alone.

    Examples
    --------
    >>> tidied({"title": "F", "type": "object", "properties": {"title": {"title": "Title", "type": "string"}}})
    {'type': 'object', 'properties': {'title': {'type': 'string'}}}
    """

    def bare(one: dict[str, Any]) -> dict[str, Any]:
        return {word: value for word, value in one.items() if word not in ("title", "discriminator")}

    whole: dict[str, Any] = mapped(schema, bare)
    return pruned(whole)


def rooted(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose root is not a reference: providers want to see its type there."""
    definition: Any = None
    for word in ("$defs", "definitions"):
        held, name = schema.get(word), str(schema.get("$ref", "")).removeprefix(f"#/{word}/")
        if isinstance(held, Mapping) and name in held:
            definition = held[name]
    if not isinstance(definition, Mapping):
        return schema
    return {**definition, **{word: value for word, value in schema.items() if word != "$ref"}}


def pruned(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without the definitions that nothing refers to."""
    definitions = schema.get("$defs")
    if not isinstance(definitions, Mapping):
        return schema
    body = {word: value for word, value in schema.items() if word != "$defs"}
    used: dict[str, Any] = {}
    waiting: list[Any] = [body]
    while waiting:
        for one in walked(waiting.pop()):
            name = str(one.get("$ref", "")).removeprefix("#/$defs/").partition("/")[0]
            if name in definitions and name not in used:
                used[name] = definitions[name]
                waiting.append(definitions[name])
    return {**body, **({"$defs": {name: definitions[name] for name in definitions if name in used}} if used else {})}


def json_schema_of(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """Return the tidied schema of what a pydantic adapter takes.

    Raises
    ------
    pydantic.errors.PydanticInvalidForJsonSchema
        When a type has no JSON form.
    """
    from pydantic.json_schema import GenerateJsonSchema  # heavy: loads with the first schema

    class Quiet(GenerateJsonSchema):
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 (pydantic's own type)

    return tidied(adapter.json_schema(schema_generator=Quiet))


def mismatches(error: ValidationError, *, within: str = "", most: int = 3) -> str:
    """Return what pydantic refused as one line, the first few by path with what came.

    Parameters
    ----------
    error : pydantic.ValidationError
    within : str
        A first step of every path that is left out, for it is not the user's.
    most : int
        How many are named.

    Returns
    -------
    str
        ``"people.0.age: Input should be a valid integer, got 'ten'"``.
    """
    found = error.errors(include_url=False)
    lines = []
    for each in found[:most]:
        steps = [str(step) for step in each["loc"]]
        path = ".".join(steps[1:] if within and steps[:1] == [within] else steps)
        said = each["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        came = "" if each["type"] == "missing" else f", got {quoted(each['input'])}"
        lines.append(f"{path}: {said}{came}" if path else f"{said}{came}")
    return listed(lines, len(found))


def listed(lines: list[str], total: int) -> str:
    """Return mismatches as one line that says how many more there are."""
    text = "; ".join(one_line(line, 300) for line in lines)
    return f"{text}; and {total - len(lines):,} more" if total > len(lines) else text


def quoted(value: Any) -> str:
    """Return a value as a message quotes it: one line, short, without control characters."""
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        value = value[: LONGEST_VALUE - 3] + "…"  # before it is quoted, so that the quotes stand
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 (a foreign object's repr may raise anything)
        shown = f"<{type(value).__name__}>"
    return one_line(shown, LONGEST_VALUE)


def one_line(text: str, most: int) -> str:
    """Return text without line breaks and control characters, cut to a number of characters.

    Examples
    --------
    >>> one_line("two\\n lines\\x1b", 20)
    'two lines'
    """
    # Cut twice: joining the words of a very long text would cost more than the message is worth.
    said = re.sub(r"[\x00-\x1f\x7f-\x9f]+", "", " ".join(text[: 4 * most].split()))
    return said if len(said) <= most and len(text) <= 4 * most else said[: most - 1] + "…"


def fitting_name(text: str, otherwise: str) -> str:
    """Return a name as OpenAI takes it for functions and schemas: 1 to 64 letters, digits, ``_`` or ``-``.

    Examples
    --------
    >>> fitting_name("Box[int]", "answer")
    'Box_int'
    """
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", text).strip("_")[:64] or otherwise

"""Python types as pydantic takes them, and what they are called in messages and requests."""

from __future__ import annotations

import dataclasses
import functools
import operator
import sys
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from portkey_nb.engine.shapes import fitting_name, quoted


def modern(kind: Any) -> Any:
    """Return a type with each ``typing.TypedDict`` in it as the one of typing_extensions.

    Pydantic takes no other before Python 3.12.
    """
    if sys.version_info >= (3, 12):
        return kind
    if typing.is_typeddict(kind):
        return _extended(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if not arguments or origin is typing.Literal:
        return kind
    if origin is Annotated:
        return Annotated[(modern(arguments[0]), *arguments[1:])]  # type: ignore[return-value,unused-ignore]
    inner = tuple(modern(argument) for argument in arguments)
    if inner == arguments:
        return kind
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, inner)
    return origin[inner] if origin is not None else kind


def _extended(kind: Any) -> Any:
    # heavy: comes with pydantic, which is about to load
    import typing_extensions

    if type(kind).__module__ == "typing_extensions":
        return kind
    hints = {name: modern(hint) for name, hint in typing.get_type_hints(kind, include_extras=True).items()}
    fields = {
        name: typing_extensions.Required[hint]
        if name in kind.__required_keys__
        else typing_extensions.NotRequired[hint]
        for name, hint in hints.items()
    }
    make: Any = typing_extensions.TypedDict
    made = make(kind.__name__, fields)
    made.__doc__, made.__module__ = kind.__doc__, kind.__module__
    return made


def instance_of(thing: Any) -> str:
    """Return the name of the class whose instance was given where the class itself is wanted; else nothing."""
    if isinstance(thing, type) or get_origin(thing) is not None:
        return ""
    kind = type(thing)
    if dataclasses.is_dataclass(thing) or isinstance(getattr(kind, "model_fields", None), Mapping):
        return kind.__name__
    return ""


def called(kind: Any) -> str:
    """Return what a message calls a type.

    Examples
    --------
    >>> called(int), called(list[int]), called(3)
    ('int', 'list[int]', '3')
    """
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    if get_origin(kind) is not None:
        return _written(kind)
    return quoted(kind)


def _written(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is None:
        return "None" if kind is type(None) else getattr(kind, "__name__", str(kind))
    if origin is Annotated:
        return _written(arguments[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    inner = [_written(argument) if argument is not ... else "..." for argument in arguments]
    if origin in (Union, types.UnionType):
        return " | ".join(inner)
    return f"{getattr(origin, '__name__', str(origin))}[{', '.join(inner)}]"


def name_of(kind: Any) -> str:
    """Return a type's name as requests take it.

    Examples
    --------
    >>> name_of(list[int])
    'list_int'
    """
    return fitting_name(called(kind), "answer")

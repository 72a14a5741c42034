"""The types of the run log's columns: on PostgreSQL jsonb for JSON, and texts with what PostgreSQL refuses escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

LONGEST_LABEL = 500
"""Characters of a searched text that PostgreSQL's column has, since its indexes take no more than 2,704 bytes."""

_HUGE = re.compile(r"[:\[,]-?\d+(?:\.\d+)?e\d")
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|(-?\d+(?:\.\d+)?e\d+)')
_ESCAPES = re.compile(r"\\(?:u00(00|1a)|.)")
_ESCAPED = re.compile(r"\\(?:u001a([01])|.)")


def escape(text: str) -> str:
    r"""Return a text without NUL, which PostgreSQL refuses: it becomes SUB and ``0``, and SUB becomes SUB and ``1``.

    Examples
    --------
    >>> escape("a\x00b")
    'a\x1a0b'
    """
    if "\x00" in text or "\x1a" in text:
        return text.replace("\x1a", "\x1a1").replace("\x00", "\x1a0")
    return text


def unescape(text: str) -> str:
    r"""Return the text that was escaped.

    Examples
    --------
    >>> unescape("a\x1a0b")
    'a\x00b'
    """
    return text.replace("\x1a0", "\x00").replace("\x1a1", "\x1a") if "\x1a" in text else text


def escape_json(text: str) -> str:
    r"""Do in JSON what :func:`escape` does in the texts it holds, and let no huge float become a whole number.

    Examples
    --------
    >>> escape_json(r'["a\u0000b",1e16]')
    '["a\\u001a0b",10000000000000000.0]'
    """
    if r"\u0000" in text or r"\u001a" in text:
        text = _ESCAPES.sub(lambda found: _SAFE.get(found[1], found[0]), text)
    if _HUGE.search(text):
        # jsonb has one kind of numbers, and writes them without an exponent: the point makes a float of it again.
        text = _TOKENS.sub(lambda found: f"{Decimal(found[1]):f}.0" if found[1] else found[0], text)
    return text


def unescape_json(text: str) -> str:
    """Return the JSON that was escaped."""
    if _MARK not in text:
        return text
    return _ESCAPED.sub(lambda found: _UNSAFE.get(found[1], found[0]), text)


_MARK = r"\u001a"
_SAFE = {"00": r"\u001a0", "1a": r"\u001a1"}
_UNSAFE = {"0": r"\u0000", "1": r"\u001a"}


def read(column: sa.ColumnElement[Any], values: Sequence[str | None]) -> Sequence[str | None]:
    """Return what the driver gave of a PostgreSQL column as the column's type would, looked through at once."""
    if column.type not in (TEXT, LABEL, JSON) or values.count(None) == len(values):
        return values
    mark, back = (_MARK, unescape_json) if column.type is JSON else ("\x1a", unescape)
    try:
        whole = "".join(values)  # type: ignore[arg-type]
    except TypeError:
        whole = "".join(filter(None, values))
    return [value and back(value) for value in values] if mark in whole else values


class _Escaped(sa.types.UserDefinedType[str]):
    """A text on PostgreSQL."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT"

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        return lambda text: text if text is None else escape(text)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        return lambda text: unescape(text) if text is not None and "\x1a" in text else text


class _Label(_Escaped):
    """A text that is searched by; the whole of a long one is in the row's JSON."""

    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        return lambda text: text if text is None else escape(text[:LONGEST_LABEL])


class _Jsonb(_Escaped):
    """JSON, given and taken as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSONB"

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        return lambda text: text if text is None else escape_json(text)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        return lambda text: unescape_json(text) if text is not None and _MARK in text else text


TEXT = sa.Text().with_variant(_Escaped(), "postgresql")
LABEL = sa.Text().with_variant(_Label(), "postgresql")
JSON = sa.Text().with_variant(_Jsonb(), "postgresql")

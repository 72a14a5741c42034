"""Any Python value as plain JSON: odd values as readable text, secrets as ``***``, broken text mended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from enum import Enum
from typing import Any

import msgspec

from portkey_nb.gateway.config import names_secret

DEEPEST = 60
"""Levels of nesting that are kept; what lies deeper is written as text."""
LONGEST_REPR = 2_000
"""Characters kept of an object that JSON does not know."""

_encode = msgspec.json.Encoder().encode
_INT64 = range(-(2**63), 2**63)


def to_json(value: Any) -> str:
    """Encode a plain value; see :func:`plain`."""
    return _encode(value).decode()


def mend(text: str) -> str:
    """Return text that UTF-8 can carry: halves of surrogate pairs are joined, lone ones become U+FFFD.

    Examples
    --------
    >>> mend("\\ud83d\\ude00 \\ud83d")
    '😀 �'
    """
    if type(text) is not str:
        text = str(text)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def plain(value: Any, *, hide: bool = False, level: int = 0) -> Any:
    """Return a copy of a value that JSON can carry.

    Parameters
    ----------
    value : object
        Numbers of numpy become numbers; dates ISO texts; sets lists; paths, bytes and other objects readable texts.
    hide : bool
        Replace the text under every key that names a secret by ``***``.
    """
    kind = type(value)
    if kind is str:
        return mend(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if value in _INT64 else _large(value)
    if kind is float:
        return value if math.isfinite(value) else str(value)
    if kind is dict or kind is list or isinstance(value, Mapping | list | tuple | AbstractSet):
        return _deep(value, hide, level)
    return _odd(value)


def _deep(value: Any, hide: bool, level: int) -> Any:
    if level >= DEEPEST:
        return _readable(value)
    if type(value) is dict or isinstance(value, Mapping):
        return {
            mend(name) if isinstance(name, str) else str(plain(name)): "***"
            if hide and isinstance(item, str | bytes | list | tuple) and item and names_secret(name)
            else plain(item, hide=hide, level=level + 1)
            for name, item in value.items()
        }
    items = [plain(item, hide=hide, level=level + 1) for item in value]
    return sorted(items, key=str) if type(value) is not list and isinstance(value, AbstractSet) else items


def _odd(value: Any) -> Any:
    if isinstance(value, str):
        return mend(str(value))
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return _shortened(repr(bytes(value[:LONGEST_REPR])))
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        item = value.item()
        return plain(item) if isinstance(item, str | int | float | bool) else _readable(value)
    if isinstance(value, int):
        return plain(int(value))
    if isinstance(value, float):
        return plain(float(value))
    return _readable(value)


def _large(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # of more digits than Python writes
        return _shortened(hex(value))


def _readable(value: Any) -> str:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 (a foreign object's repr may raise anything)
        text = f"<{type(value).__name__}>"
    return mend(_shortened(text))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}… ({len(text):,} characters)"


def integer(value: Any) -> int | None:
    """Return a whole number that fits 64 bits; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = int(value)
        return number if number == value and number in _INT64 else None
    except (TypeError, ValueError, OverflowError):
        return None


def number(value: Any) -> float | None:
    """Return a finite float; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def truth(value: Any) -> bool | None:
    """Return True or False (numpy's too); None for anything else."""
    return bool(value) if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool") else None

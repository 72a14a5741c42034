"""Typed columns built part by part: a few thousand Python objects at a time, whatever the size of the whole."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import is_
from typing import Any, Protocol

import msgspec
import numpy as np
import pandas as pd

from portkey_nb.engine.columns import Column
from portkey_nb.engine.plain import integer, number, truth

Values = Sequence[Any]


class Builder(Protocol):
    """What makes one column."""

    def add(self, values: Values) -> None:
        """Add the next rows, None where a value is unknown."""

    def skip(self, count: int) -> None:
        """Add rows whose value is unknown."""

    def done(self) -> Any:
        """Return the whole as a pandas array."""


def builder(kind: str) -> Builder:
    """Return what makes a column of a kind; see :class:`portkey_nb.engine.columns.Column`."""
    return _KINDS[kind]()


def unknown(values: Values) -> bool:
    """Tell whether not one value is known: many columns are so, and need not be looked at one by one."""
    return not len(values) or (values[0] is None and values.count(None) == len(values))


def _same(values: Values) -> bool:
    """Tell whether all values are the same one, which is quicker to find out than to look each of them up."""
    return bool(values) and _alike(values[0], values[-1]) and values.count(values[0]) == len(values)


def _alike(one: Any, other: Any) -> bool:
    return one is other or (type(one) is str and one == other)


class _Gaps:
    """Which rows are unknown: often none, or all of them."""

    def __init__(self) -> None:
        self._said: list[tuple[int, int, Any]] = []

    def add(self, begin: int, end: int, mask: Any = True) -> None:
        """Say that rows are unknown, or those of them for which a mask is true."""
        if mask is True and self._said and self._said[-1][1:] == (begin, True):
            begin = self._said.pop()[0]
        self._said.append((begin, end, mask))

    def mask(self, size: int) -> Any:
        """Return a mask of all rows."""
        whole = np.zeros(size, np.bool_)
        for begin, end, mask in self._said:
            whole[begin:end] = mask if mask is True else np.frombuffer(mask, np.bool_)
        return whole


def _extend(numbers: array[Any], values: Iterable[Any], count: int) -> None:
    """Add values to an array, all or none of them; ``struct`` takes each several times as quickly as ``array`` does."""
    numbers.frombytes(struct.pack(f"{count}{numbers.typecode}", *values))


class _Numbers:
    """Numbers with a mask of the unknown ones.

    They grow in an array of Python's, in place, so that the memory is not left full of holes.
    """

    def __init__(self, dtype: Any, code: str, expected: set[type], read: Callable[[Any], Any], finish: Any) -> None:
        self._dtype, self._expected, self._read, self._finish = dtype, expected, read, finish
        self._numbers = array(code)
        self._gaps = _Gaps()

    def add(self, values: Values) -> None:
        try:
            if _same(values):
                self._numbers.extend(array(self._numbers.typecode, values[:1]) * len(values))
            else:
                _extend(self._numbers, values, len(values))
        except (TypeError, ValueError, OverflowError, struct.error):
            self._add_with_gaps(values)

    def skip(self, count: int) -> None:
        begin = len(self._numbers)
        self._numbers.frombytes(bytes(count * self._numbers.itemsize))
        self._gaps.add(begin, begin + count)

    def done(self) -> Any:
        numbers = np.frombuffer(self._numbers, self._numbers.typecode)
        mask = self._gaps.mask(len(numbers))
        if self._dtype is np.float64:
            mask |= ~np.isfinite(numbers)
        numbers[mask] = 0
        return self._finish(numbers.view(self._dtype), mask)

    def _add_with_gaps(self, values: Values) -> None:
        if not set(map(type, values)) <= self._expected | {type(None)}:
            values = [self._read(value) for value in values]
        column = objects(values)
        mask = column == None  # noqa: E711 (element by element)
        column[mask] = 0
        try:
            fresh = column.astype(self._numbers.typecode)
        except OverflowError:  # a number that is larger than all of its kind is unknown
            self._add_with_gaps([self._read(value) for value in values])
            return
        self._gaps.add(len(self._numbers), len(self._numbers) + len(values), mask.tobytes())
        self._numbers.frombytes(fresh.tobytes())


def _moments(numbers: Any, mask: Any) -> Any:
    moments = numbers.view("datetime64[us]")
    moments[mask] = np.datetime64("NaT")
    return pd.Series(moments, copy=False).dt.tz_localize("UTC").array


class _Objects:
    """Lists, mappings and whatever else."""

    def __init__(self) -> None:
        self._objects: list[Any] = []

    def add(self, values: Values) -> None:
        self._objects.extend(values)

    def skip(self, count: int) -> None:
        self._objects.extend((None,) * count)

    def done(self) -> Any:
        made, self._objects = objects(self._objects), []
        return made


class _Strings:
    """Texts as objects, of which equal ones are shared."""

    def __init__(self) -> None:
        self._objects: list[Any] = []
        self._shared: dict[Any, Any] | None = {}

    def add(self, values: Values) -> None:
        column = pd.array(objects(values), dtype="string").to_numpy(object)
        if self._shared is not None:
            shared = self._shared
            column = objects([shared.setdefault(value, value) for value in column])
            if len(shared) > _MANY:
                self._shared = None  # each row has its own: nothing is saved
        self._objects.extend(column)

    def skip(self, count: int) -> None:
        self._objects.extend((pd.NA,) * count)

    def done(self) -> Any:
        return pd.arrays.StringArray(objects(self._objects))


class _ArrowStrings:
    """Texts in Arrow's memory, where pandas keeps them if it can: one behind the other, and where each one ends."""

    def __init__(self, arrow: Any) -> None:
        self._arrow = arrow
        self._text = bytearray()
        self._sizes = array("q")
        self._gaps = _Gaps()

    def add(self, values: Values) -> None:
        if _same(values) and type(values[0]) is str:
            text = values[0].encode()
            self._sizes.extend(array("q", (len(text),)) * len(values))
            self._text += text * len(values)
            return
        try:
            joined = "".join(values)
        except TypeError:
            joined, values = self._without_gaps(values)
        if joined.isascii():
            _extend(self._sizes, map(len, values), len(values))
            self._text += joined.encode("ascii")
        else:
            encoded = [value.encode() for value in values]
            _extend(self._sizes, map(len, encoded), len(encoded))
            self._text += b"".join(encoded)

    def skip(self, count: int) -> None:
        begin = len(self._sizes)
        self._sizes.frombytes(bytes(count * self._sizes.itemsize))
        self._gaps.add(begin, begin + count)

    def done(self) -> Any:
        size = len(self._sizes)
        mask = self._gaps.mask(size)
        ends = np.zeros(size + 1, np.int64)
        if self._text:
            np.cumsum(np.frombuffer(self._sizes, np.int64), out=ends[1:])
        known = np.packbits(~mask, bitorder="little") if mask.any() else None
        buffers = [None if each is None else self._arrow.py_buffer(each) for each in (known, ends, self._text)]
        whole = self._arrow.Array.from_buffers(self._arrow.large_string(), size, buffers)
        return pd.arrays.ArrowStringArray(self._arrow.chunked_array([whole]))

    def _without_gaps(self, values: Values) -> tuple[str, Values]:
        if not set(map(type, values)) <= {str, type(None)}:  # read as pandas does
            values = [None if value is pd.NA else value for value in pd.array(objects(values), dtype="string")]
        mask = bytes(map(is_, values, repeat(None)))
        self._gaps.add(len(self._sizes), len(self._sizes) + len(values), mask)
        texts = [value or "" for value in values]
        return "".join(texts), texts


_MANY = 10_000
"""Different texts of one column among which equal ones are looked for."""


def _texts() -> Builder:
    if pd.StringDtype().storage != "pyarrow":
        return _Strings()
    import pyarrow  # no requirement: pandas takes it where it is installed

    return _ArrowStrings(pyarrow)


class _Codes(dict[Any, int]):
    def __missing__(self, value: Any) -> int:
        self[value] = code = len(self)
        return code


def _encode(codes: array[int], words: _Codes, values: Values) -> None:
    if _same(values):
        codes.extend(array(codes.typecode, (words[values[0]],)) * len(values))
    else:
        _extend(codes, map(words.__getitem__, values), len(values))


class _Categories:
    """Words that repeat, as numbers of a list of words."""

    def __init__(self) -> None:
        self._words = _Codes()
        self._codes = array("i")

    def add(self, values: Values) -> None:
        _encode(self._codes, self._words, values)

    def skip(self, count: int) -> None:
        self.add((None,) * count)

    def done(self) -> Any:
        # As pandas orders them, and of the type that it gives them.
        few = pd.Categorical(objects(list(self._words)))
        codes = np.frombuffer(self._codes, np.int32)
        return pd.Categorical.from_codes(few.codes[codes] if len(few) else codes, dtype=few.dtype)


class Packed:
    """Columns that come as one JSON list for each row, of which there are few different ones.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the list.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._words = _Codes()
        self._codes = array("i")

    def add(self, texts: Sequence[str]) -> None:
        """Add the lists of the next rows."""
        _encode(self._codes, self._words, texts)

    def done(self) -> dict[str, Any]:
        """Return the columns by name."""
        made: dict[str, Any] = {}
        codes = np.frombuffer(self._codes, np.int32)
        lists = [msgspec.json.decode(text) for text in self._words]
        for at, column in enumerate(self._columns):
            few = builder(column.kind)
            few.add([each[at] for each in lists])
            made[column.name] = few.done().take(codes)
        return made


class Scores:
    """One column per scorer, of which each part may bring new ones."""

    def __init__(self) -> None:
        self._builders: dict[str, Builder] = {}
        self._size = 0

    def add(self, values: Sequence[Mapping[str, Any] | None]) -> None:
        """Add the scores of the next rows."""
        if not {*map(type, values)} <= {dict, type(None)}:  # damaged
            values = [row if isinstance(row, dict) else None for row in values]
        sets = {tuple(row) for row in values if row}
        names = {name for each in sets for name in each}
        for name in names - self._builders.keys():
            self._builders[name] = _KINDS["Float64"]()
            self._builders[name].skip(self._size)
        for name, each in self._builders.items():
            if name in names:
                each.add([row.get(name, math.nan) if row else math.nan for row in values])
            else:
                each.skip(len(values))
        self._size += len(values)

    def skip(self, count: int) -> None:
        """Add rows without scores."""
        for each in self._builders.values():
            each.skip(count)
        self._size += count

    def done(self, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the columns of some scorers, else of all that there were, by name."""
        made: dict[str, Any] = {}
        for name in sorted(self._builders) if names is None else names:
            if name not in self._builders:
                self._builders[name] = _KINDS["Float64"]()
                self._builders[name].skip(self._size)
            made[name] = self._builders.pop(name).done()
        return made


def objects(values: Values) -> Any:
    """Return an array of objects; lists among them stay elements, which ``np.array`` would not leave them."""
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


_KINDS: Mapping[str, Callable[[], Builder]] = {
    "string": _texts,
    "category": _Categories,
    "object": _Objects,
    "boolean": lambda: _Numbers(np.bool_, "b", {bool, int}, truth, pd.arrays.BooleanArray),
    "Int64": lambda: _Numbers(np.int64, "q", {int}, integer, pd.arrays.IntegerArray),
    "Float64": lambda: _Numbers(np.float64, "d", {int, float}, number, pd.arrays.FloatingArray),
    "time": lambda: _Numbers(np.int64, "q", {int}, integer, _moments),
}

"""Typed columns built part by part: a few thousand Python objects at a time, whatever the size of the whole."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

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


class _Growing:
    """An array that doubles when it is full: many small ones would leave the memory full of holes once joined."""

    def __init__(self, dtype: Any, fill: Any) -> None:
        self._fill = fill
        self._values = np.empty(_FIRST, dtype)
        self._size = 0

    def add(self, values: Any) -> None:
        """Add values of the array's type."""
        begin = self._room(len(values))
        self._values[begin : self._size] = values

    def skip(self, count: int) -> None:
        """Add rows of the filling value."""
        begin = self._room(count)
        self._values[begin : self._size] = self._fill

    def done(self) -> Any:
        """Return the whole; what is beyond its end was never written, and takes no memory."""
        return self._values[: self._size]

    def _room(self, count: int) -> int:
        begin = self._size
        self._size += count
        if self._size > len(self._values):
            larger = np.empty(max(2 * len(self._values), self._size), self._values.dtype)
            larger[:begin] = self._values[:begin]
            self._values = larger
        return begin


_FIRST = 4096
"""Rows for which there is room at first."""


class _Numbers:
    """Numbers with a mask of the unknown ones."""

    def __init__(self, dtype: Any, code: str, expected: set[type], read: Callable[[Any], Any], finish: Any) -> None:
        self._code, self._expected, self._read, self._finish = code, expected, read, finish
        self._numbers, self._mask = _Growing(dtype, 0), _Growing(np.bool_, True)

    def add(self, values: Values) -> None:
        try:
            # The buffer of an array: several times as quick as numpy's own way of looking at each value first.
            part = np.frombuffer(array(self._code, values), self._code)
            mask = ~np.isfinite(part) if self._code == "d" else np.zeros(len(values), np.bool_)
        except (TypeError, ValueError, OverflowError):
            part, mask = self._with_gaps(values)
        self._numbers.add(part)
        self._mask.add(mask)

    def skip(self, count: int) -> None:
        self._numbers.skip(count)
        self._mask.skip(count)

    def done(self) -> Any:
        numbers, mask = self._numbers.done(), self._mask.done()
        numbers[mask] = 0
        return self._finish(numbers, mask)

    def _with_gaps(self, values: Values) -> tuple[Any, Any]:
        if not set(map(type, values)) <= self._expected | {type(None)}:
            values = [self._read(value) for value in values]
        column = objects(values)
        mask = column == None  # noqa: E711 (element by element)
        column[mask] = 0
        numbers = column.astype(self._code)
        return numbers, mask | ~np.isfinite(numbers) if self._code == "d" else mask


def _moments(numbers: Any, mask: Any) -> Any:
    moments = numbers.view("datetime64[us]")
    moments[mask] = np.datetime64("NaT")
    return pd.Series(moments, copy=False).dt.tz_localize("UTC").array


class _Objects:
    """Lists, mappings and whatever else."""

    def __init__(self) -> None:
        self._objects = _Growing(object, None)

    def add(self, values: Values) -> None:
        self._objects.add(objects(values))

    def skip(self, count: int) -> None:
        self._objects.skip(count)

    def done(self) -> Any:
        return self._objects.done()


class _Strings:
    """Texts as objects, of which equal ones are shared."""

    def __init__(self) -> None:
        self._objects = _Growing(object, pd.NA)
        self._shared: dict[Any, Any] | None = {}

    def add(self, values: Values) -> None:
        column = pd.array(objects(values), dtype="string").to_numpy(object)
        if self._shared is not None:
            shared = self._shared
            column = objects([shared.setdefault(value, value) for value in column])
            if len(shared) > _MANY:
                self._shared = None  # each row has its own: nothing is saved
        self._objects.add(column)

    def skip(self, count: int) -> None:
        self._objects.skip(count)

    def done(self) -> Any:
        return pd.arrays.StringArray(self._objects.done())


class _ArrowStrings:
    """Texts in Arrow's memory, where pandas keeps them if it can."""

    def __init__(self, arrow: Any) -> None:
        self._arrow = arrow
        self._held: list[Any] = []
        self._parts: list[Any] = []

    def add(self, values: Values) -> None:
        self._held.extend(values)
        if len(self._held) >= _HELD:
            self._flush()

    def skip(self, count: int) -> None:
        self.add((None,) * count)

    def done(self) -> Any:
        self._flush()
        parts, self._parts = self._parts, []
        return pd.arrays.ArrowStringArray(self._arrow.chunked_array(parts, self._arrow.large_string()))

    def _flush(self) -> None:
        try:
            part = self._arrow.array(self._held, self._arrow.large_string())
        except (self._arrow.ArrowInvalid, self._arrow.ArrowTypeError):
            part = self._arrow.array(pd.array(objects(self._held), dtype="string"), self._arrow.large_string())
        self._parts.append(part)
        self._held.clear()


_HELD = 1 << 14
"""Texts that are handed to Arrow together."""
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


class _Categories:
    """Words that repeat, as numbers of a list of words."""

    def __init__(self) -> None:
        self._words = _Codes()
        self._codes = _Growing(np.int32, 0)

    def add(self, values: Values) -> None:
        self._codes.add(np.frombuffer(array("i", map(self._words.__getitem__, values)), np.int32))

    def skip(self, count: int) -> None:
        self.add((None,) * count)

    def done(self) -> Any:
        # As pandas orders them, and of the type that it gives them.
        few = pd.Categorical(objects(list(self._words)))
        codes = self._codes.done()
        return pd.Categorical.from_codes(few.codes[codes] if len(few) else codes, dtype=few.dtype)


class Scores:
    """One column per scorer, of which each part may bring new ones."""

    def __init__(self) -> None:
        self._builders: dict[str, Builder] = {}
        self._size = 0

    def add(self, values: Sequence[Mapping[str, Any] | None]) -> None:
        """Add the scores of the next rows."""
        names = set().union(*filter(None, values)) if any(values) else set()
        for name in names - self._builders.keys():
            self._builders[name] = _KINDS["Float64"]()
            self._builders[name].skip(self._size)
        for name, each in self._builders.items():
            if name in names:
                each.add([row.get(name, math.nan) if row else math.nan for row in values])
            else:
                each.skip(len(values))
        self._size += len(values)

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

"""The run log as a file, Parquet, CSV or JSON lines, written batch by batch: its size does not matter to memory."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Literal, cast

import msgspec
import numpy as np
import pandas as pd
import sqlalchemy as sa

from portkey_nb.engine import frames
from portkey_nb.engine.columns import Choice, choose
from portkey_nb.engine.filters import Filter
from portkey_nb.engine.parts import Part, packed, parts
from portkey_nb.engine.placing import check_target, in_place
from portkey_nb.engine.plain import to_json
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import RUNS
from portkey_nb.errors import SettingsError

Format = Literal["parquet", "csv", "jsonl", "json"]
Tell = Callable[[int], None]

ROWS, CHARACTERS = 8192, 1 << 24
"""A batch ends with that many rows or characters of text, whichever comes first."""


def export(
    store: RunStore,
    path: str | os.PathLike[str],
    format: Format,
    *,
    n: int | None = None,
    status: str | Sequence[str] | None = None,
    model: str | Sequence[str] | None = None,
    group: str | None = None,
    since: datetime | timedelta | str | None = None,
    columns: str | Sequence[str] | None = "all",
    tell: Tell = lambda rows: None,
) -> int:
    """Write runs into a file, oldest first, and return how many.

    Parameters
    ----------
    store : RunStore
    path : str or path
        It is there when all is written, and as it was before when writing fails. Another file of that name is
        replaced, but never a run log or another SQLite database.
    format : {"parquet", "csv", "jsonl", "json"}
        ``jsonl`` and ``json`` are both JSON Lines, one object to a line. Parquet has one type to a column: objects
        are JSON texts in it, as in CSV, where what is unknown is empty.
    n, status, model, group, since, columns
        As for :func:`portkey_nb.runs`; all columns by default.
    tell : callable, optional
        Called after each batch with the number of rows so far.

    Raises
    ------
    StoreError
        When the log cannot be read, or an argument names no column or status.
    SettingsError
        When the format is none of these, or needs pyarrow, which is not installed, or the file is a run log.
    OSError
        When the file cannot be written.
    """
    check_format(format)
    choice = choose(columns)
    which = Filter.of(n=n, status=status, model=model, group=group, since=since)
    with in_place(check_target(path, store)) as stream:
        return _write(store, stream, format, choice, which, tell)


def stream_to(
    store: RunStore, stream: IO[bytes], format: Format, *, columns: str | Sequence[str] | None = "all", **filters: Any
) -> int:
    """Write runs into an open binary stream, such as a pipe; parameters and errors as for :func:`export`."""
    check_format(format)
    which = Filter.of(**{"n": None, "status": None, "model": None, "group": None, "since": None, **filters})
    return _write(store, stream, format, choose(columns), which, lambda rows: None)


def format_of(path: str | os.PathLike[str]) -> Format | None:
    """Return the format that the end of a file's name tells; None for ``.txt`` and none at all, which are text.

    Raises
    ------
    SettingsError
        When the end is another one.

    Examples
    --------
    >>> format_of("runs.parquet"), format_of("runs.txt")
    ('parquet', None)
    """
    suffix = Path(path).suffix
    ending = suffix.lower().removeprefix(".")
    if ending in ("", "txt"):
        return None
    if ending not in _WRITERS:
        known = ", ".join(f".{name}" for name in _WRITERS)
        raise SettingsError(f"{path}: no export ends in {suffix}; end it in {known}, or say which one by --format")
    return cast(Format, ending)


def check_format(format: str) -> None:
    """Refuse a format that is not known, or cannot be written here.

    Raises
    ------
    SettingsError
        With what to do.
    """
    if format not in _WRITERS:
        raise SettingsError(f"no format {format!r}; there are {', '.join(_WRITERS)}")
    if format == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise SettingsError('writing parquet needs pyarrow; run: pip install "portkey_nb[parquet]"')


def _write(store: RunStore, stream: IO[bytes], format: Format, choice: Choice, which: Filter, tell: Tell) -> int:
    done = 0
    failed: OSError | None = None
    with store.reading() as connection:
        if connection is not None:
            which = _bounded(connection, which)
            if choice.scores is None:
                choice = Choice(choice.columns, _scorers(connection, which))
        together = packed(connection, choice)
        found = parts(connection, choice, which)
        try:
            with closing(found), _WRITERS[format](stream, frames.build(choice, [])) as write:
                for batch in _batches(found):
                    frame = frames.build(choice, batch, packed=together)
                    write(frame)
                    done += len(frame)
                    tell(done)
        except OSError as error:
            failed = error  # the file's, and none of the log's, as it would be taken for here
    if failed is not None:
        raise failed
    return done


def _bounded(connection: sa.Connection, which: Filter) -> Filter:
    """Say "the last n" as "from this run on", so that they can be read oldest first."""
    if which.n is None:
        return which
    key = (RUNS.c.started_at, RUNS.c.run_id)
    newest = sa.select(*key).where(*which.clauses).order_by(*(column.desc() for column in key))
    first = connection.execute(newest.offset(which.n - 1).limit(1)).first() if which.n else None
    if not which.n:
        return Filter(None, (sa.false(),))
    if first is None:
        return Filter(None, which.clauses)
    later = sa.or_(RUNS.c.started_at > first[0], sa.and_(RUNS.c.started_at == first[0], RUNS.c.run_id >= first[1]))
    return Filter(None, (*which.clauses, later))


def _scorers(connection: sa.Connection, which: Filter) -> tuple[str, ...]:
    """Return whose scores there are: all batches have the same columns."""
    names: set[str] = set()
    with closing(parts(connection, Choice((), None), which)) as found:
        for part in found:
            names.update(*filter(None, part.scores))
    return tuple(sorted(names))


def _batches(found: Iterator[Part]) -> Iterator[list[Part]]:
    batch: list[Part] = []
    rows = characters = 0
    for part in found:
        batch.append(part)
        rows, characters = rows + len(part.run_ids), characters + part.characters
        if rows >= ROWS or characters >= CHARACTERS:
            yield batch
            batch, rows, characters = [], 0, 0
    if batch:
        yield batch


Write = Callable[[pd.DataFrame], object]
"""Writes a batch."""


@contextmanager
def _csv(stream: IO[bytes], empty: pd.DataFrame) -> Iterator[Write]:
    objects = list(empty.select_dtypes("object").columns)

    def lines(frame: pd.DataFrame) -> bytes:
        texts: dict[str, Any] = {str(name): _json_texts(frame[name]) for name in objects}
        return frame.assign(**texts).to_csv(header=False, lineterminator="\n").encode()

    stream.write(empty.to_csv(lineterminator="\n").encode())
    yield lambda frame: stream.write(lines(frame))


def _json_texts(series: Any) -> list[str | None]:
    return [None if value is None else to_json(value) for value in series]


@contextmanager
def _json(stream: IO[bytes], _empty: pd.DataFrame) -> Iterator[Write]:
    encode = msgspec.json.Encoder().encode_lines

    def lines(frame: pd.DataFrame) -> bytes:
        columns = [frame.index.tolist(), *(_values(frame[name]) for name in frame.columns)]
        names = ["run_id", *frame.columns]
        return encode([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])

    yield lambda frame: stream.write(lines(frame))


def _values(series: Any) -> list[Any]:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        moments = series.dt.tz_localize(None).to_numpy("datetime64[us]")
        return [None if text == "NaT" else f"{text}Z" for text in np.datetime_as_string(moments, unit="us").tolist()]
    values: list[Any] = series.tolist()
    if series.dtype != object:
        for at in series.isna().to_numpy().nonzero()[0].tolist():
            values[at] = None
    return values


@contextmanager
def _parquet(stream: IO[bytes], empty: pd.DataFrame) -> Iterator[Write]:
    import pyarrow  # no requirement of the package
    from pyarrow import parquet

    # The types are said here, not guessed from each batch; what pandas made of them stands in the metadata.
    objects = list(empty.select_dtypes("object").columns)
    typed = empty.astype(dict.fromkeys(objects, "string"))
    fields = [pyarrow.field(str(name), _arrow_type(pyarrow, kind)) for name, kind in typed.dtypes.items()]
    schema = pyarrow.schema([*fields, pyarrow.field("run_id", pyarrow.string())])
    schema = schema.with_metadata(pyarrow.Schema.from_pandas(empty).metadata)

    def table(frame: pd.DataFrame) -> Any:
        columns = []
        for field in list(schema)[:-1]:
            series: Any = frame[field.name]
            if field.name in objects:
                series = _json_texts(series)
            elif isinstance(series.dtype, pd.CategoricalDtype):
                series = pyarrow.array(series.astype("string"), pyarrow.string()).dictionary_encode()
            columns.append(series if isinstance(series, pyarrow.Array) else pyarrow.array(series, field.type))
        columns.append(pyarrow.array(frame.index, pyarrow.string()))
        return pyarrow.Table.from_arrays(columns, schema=schema)

    with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        yield lambda frame: writer.write_table(table(frame))


def _arrow_type(arrow: Any, dtype: Any) -> Any:
    if isinstance(dtype, pd.CategoricalDtype):
        return arrow.dictionary(arrow.int32(), arrow.string())
    if isinstance(dtype, pd.DatetimeTZDtype):
        return arrow.timestamp("us", "UTC")
    return {"boolean": arrow.bool_(), "Int64": arrow.int64(), "Float64": arrow.float64()}.get(
        str(dtype), arrow.string()
    )


_WRITERS: dict[str, Callable[[IO[bytes], pd.DataFrame], AbstractContextManager[Write]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _json,
    "json": _json,
}

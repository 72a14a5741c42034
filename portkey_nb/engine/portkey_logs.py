"""Portkey's exported logs as a table of typed columns: files, frames or mappings in, one row for each logged attempt.

The fields are those of ``POST /logs/exports`` and of the export page (docs, product/observability/logs-export), where
``cost`` is in US cents and ``response_time`` in milliseconds. Requests and responses are not read.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from portkey_nb.errors import StoreError

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class LogRow(msgspec.Struct):
    """What is read of a logged attempt; whatever else an export holds is passed over without being decoded."""

    id: Any = None
    trace_id: Any = None
    created_at: Any = None
    is_success: Any = None
    ai_org: Any = None
    ai_model: Any = None
    req_units: Any = None
    res_units: Any = None
    cost: Any = None
    cost_currency: Any = None
    response_time: Any = None
    response_status_code: Any = None
    cache_status: Any = None
    retry_success_count: Any = None
    mode: Any = None
    config: Any = None
    metadata: Any = None


FIELDS: tuple[str, ...] = LogRow.__struct_fields__
_RUN_COLUMN = "metadata.run_id"
"""How a table without nested values may name the run."""
_NAMING = ("trace_id", "metadata", _RUN_COLUMN)
"""What tells whose a row is: a table has one of these columns."""

_decode = msgspec.json.Decoder(LogRow).decode
_decode_list = msgspec.json.Decoder(list[LogRow]).decode
_decode_any = msgspec.json.Decoder().decode


def exported(sources: Iterable[Any]) -> pd.DataFrame:
    """Read exports of Portkey's logs.

    Parameters
    ----------
    sources : iterable
        Paths (``.jsonl``, ``.json``, ``.csv``, each gzipped or not), DataFrames, mappings, or lists of any of these.

    Returns
    -------
    DataFrame
        A row for each logged attempt, with the columns of :data:`FIELDS` as they stand there, and ``run_id`` from the
        metadata. An attempt that several exports hold stands once.

    Raises
    ------
    StoreError
        In one line, with the line's number: a file is cut, or holds what is no log. Or a file is of another kind, or a
        table's columns name neither traces nor runs.
    """
    parts = [part for part in map(_table, sources) if len(part)]
    found = pd.concat(parts, ignore_index=True) if parts else _framed([])
    # Exports of times that overlap hold the same attempt twice, and it was paid once.
    return found[~(found["id"].duplicated() & found["id"].notna())].reset_index(drop=True)


def _table(source: Any) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return _picked(source)
    if isinstance(source, Mapping):
        return _framed([_row(source)])
    if isinstance(source, str | os.PathLike):
        return _read(Path(source))
    if isinstance(source, Iterable) and not isinstance(source, bytes):
        given = list(source)
        if given and all(isinstance(one, Mapping) for one in given):
            return _framed([_row(one) for one in given])
        return exported(given)
    raise StoreError(
        f"an export of Portkey's logs cannot be a {type(source).__name__}; give a path, a DataFrame or a list of rows"
    )


def _row(given: Mapping[Any, Any]) -> LogRow:
    row = LogRow(**{name: given[name] for name in FIELDS if name in given})
    if row.metadata is None and _RUN_COLUMN in given:
        row.metadata = {"run_id": given[_RUN_COLUMN]}
    return row


def _framed(rows: list[LogRow]) -> pd.DataFrame:
    data = {name: [getattr(row, name) for row in rows] for name in FIELDS}
    found = pd.DataFrame(data, columns=list(FIELDS), dtype=object)
    return found.assign(run_id=pd.Series([run_of(row.metadata) for row in rows], dtype=object))


def _picked(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame):
        _refuse_nameless("this DataFrame", frame.columns)
    found = frame.reindex(columns=list(FIELDS)).astype(object)
    runs = found["metadata"].map(run_of)
    if _RUN_COLUMN in frame:
        runs = runs.where(runs.notna(), frame[_RUN_COLUMN].astype(object))
    return found.where(found.notna(), None).assign(run_id=runs).reset_index(drop=True)


def _refuse_nameless(table: object, names: Iterable[Any]) -> None:
    found = [str(name) for name in names]
    if found and not any(name in found for name in _NAMING):
        raise StoreError(
            f"{table} has none of the columns {', '.join(_NAMING)}, but {', '.join(map(repr, found)):.200}; "
            "name them as Portkey's export does"
        )


def run_of(metadata: Any) -> str | None:
    """Return the run that a log's metadata names: of a mapping, its JSON, or a list of keys with their values.

    Examples
    --------
    >>> run_of('{"run_id": "01J", "team": "red"}'), run_of([{"key": "run_id", "value": "01J"}]), run_of(None)
    ('01J', '01J', None)
    """
    if isinstance(metadata, str) and "run_id" in metadata:
        try:
            metadata = _decode_any(metadata.encode("utf-8", "replace"))
        except msgspec.DecodeError:
            return None
    if isinstance(metadata, list):
        pairs = [one for one in metadata if isinstance(one, Mapping)]
        metadata = {str(one.get("key")): one.get("value") for one in pairs}
    found = metadata.get("run_id") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, str) and found else None


def _read(path: Path) -> pd.DataFrame:
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (EOFError, zlib.error) as error:
        reason = f"is cut ({error})"
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    else:
        reason = ""
    if reason:
        raise StoreError(f"{path} {reason}; download the export again")
    _refuse_other_kinds(path, content)
    content = content.removeprefix(_BOM)
    if ".csv" in (suffix.lower() for suffix in path.suffixes[-2:]):
        return _read_csv(path, content)
    return _framed(list(_rows(path, content)))


def _refuse_other_kinds(path: Path, content: bytes) -> None:
    if content.startswith(_WORKBOOKS):
        raise StoreError(f"{path} is an Excel workbook or an archive; save its table as CSV, or unpack it")
    if content.startswith(_WIDE) or b"\0" in content[:4]:
        raise StoreError(f"{path} is UTF-16 or no text; save it as UTF-8")


def _rows(path: Path, content: bytes) -> Iterator[LogRow]:
    if content.lstrip()[:1] == b"[":
        try:
            yield from _decode_list(content)
            return
        except msgspec.DecodeError as error:
            reason = str(error)
        raise StoreError(f"{path} is no list of logs ({reason}); download the export again")
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = str(error)
        else:
            yield row
            continue
        raise StoreError(
            f"{path}, line {number}: cut, or not one log as JSON ({reason}); mend or remove the line, or export again"
        )


def _read_csv(path: Path, content: bytes) -> pd.DataFrame:
    first = content.split(b"\n", 1)[0].decode("utf-8", "replace")
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if first.count(separator) > first.count(","):
            raise StoreError(f"{path} separates its fields by {called}; save it with commas")
    lines = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""), strict=True)
    most = csv.field_size_limit(max(len(content), 1))  # a request stands in one field
    rows: list[LogRow] = []
    try:
        names = next(lines, [])
        _refuse_nameless(path, names)
        for cells in lines:
            if cells and len(cells) != len(names):
                raise csv.Error(f"{len(cells)} fields where the first line names {len(names)}")
            if cells:
                rows.append(_row({name: cell for name, cell in zip(names, cells, strict=True) if cell}))
        return _framed(rows)
    except csv.Error as error:
        reason = str(error)
    finally:
        csv.field_size_limit(most)
    raise StoreError(f"{path}, line {lines.line_num}: cut, or no row ({reason}); mend or remove it, or export again")

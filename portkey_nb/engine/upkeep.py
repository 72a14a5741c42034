"""Whether a run log is sound, and a copy of it as a file while it is in use."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from portkey_nb.engine.database import resolve
from portkey_nb.engine.migrations import LATEST, version
from portkey_nb.engine.placing import check_target, is_database
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import BODIES, RUNS, TURNS, to_micros
from portkey_nb.errors import SettingsError, StoreError

STALE = timedelta(hours=1)
"""How long after it began a run that has not ended counts as left by a process that died."""
_AT_ONCE = 500
_NAMED = 3
"""Ids that a line names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        One line.
    sound : bool
        False where something is wrong; what is only worth knowing is sound.
    """

    what: str
    sound: bool = True


def check(store: RunStore) -> list[Finding]:
    """Look whether a run log is whole; nothing is changed, but that waiting rows are taken up.

    Raises
    ------
    StoreError
        When it cannot be read at all.
    """
    found: list[Finding] = []
    failed: StoreError | None = None
    try:
        with store.reading() as connection:
            if connection is None:
                found.append(Finding(f"no run log at {store.path or store.url} yet"))
            else:
                for finding in _look(connection):  # one by one: what was found before a failure counts
                    found.append(finding)
    except StoreError as error:
        failed = error
    if failed is not None:
        if store.path is not None and not any(_DAMAGED in finding.what for finding in found):
            found += _damage(store.path)
        if not found:
            raise failed
        found.append(Finding(f"not all could be looked at: {failed.message}", False))
    return [*found, _waiting(store)]


def _damage(path: Path) -> list[Finding]:
    """Look where a file is damaged, by itself; nothing where it cannot even be asked."""
    for most in (_FINDINGS, 3, 1):  # where it stumbles over a page itself, it still tells of those before
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                return [_integrity(connection.execute(_INTEGRITY.format(most)))]
        except sqlite3.Error:
            continue
    return []


def _integrity(said: Iterable[Any]) -> Finding:
    lines = [line for row in said for line in str(row[0]).splitlines() if not line.startswith("***")]
    return Finding("the file is sound") if lines == ["ok"] else Finding(f"{_DAMAGED}: {'; '.join(lines)}", False)


_INTEGRITY = "PRAGMA integrity_check({})"
_FINDINGS = 5
_DAMAGED = "the file is damaged"


def _look(connection: sa.Connection) -> Iterator[Finding]:
    yield Finding(f"schema version {version(connection)} of {LATEST}", version(connection) == LATEST)
    if connection.dialect.name == "sqlite":
        yield _integrity(connection.exec_driver_sql(_INTEGRITY.format(_FINDINGS)))
    count = connection.scalar(sa.select(sa.func.count()).select_from(RUNS))
    yield Finding(f"{count:,} runs")
    joined = BODIES.c.run_id == RUNS.c.run_id
    bare = sa.select(RUNS.c.run_id).outerjoin(BODIES, joined).where(BODIES.c.run_id.is_(None))
    stray = sa.select(BODIES.c.run_id).outerjoin(RUNS, joined).where(RUNS.c.run_id.is_(None))
    yield _these("runs without their texts", connection.scalars(bare))
    yield _these("texts without their run", connection.scalars(stray))
    yield _these(
        "runs with facts that are no JSON", _broken(connection, RUNS, RUNS.c.run_id, RUNS.c.detail, RUNS.c.notes)
    )
    yield _these("runs with texts that are no JSON", _broken(connection, BODIES, BODIES.c.run_id, BODIES.c.rest))
    yield _these("turns that are no JSON", _broken(connection, TURNS, TURNS.c.turn_id, TURNS.c.content))
    yield from _open_ended(connection)


def _open_ended(connection: sa.Connection) -> Iterator[Finding]:
    old = to_micros(datetime.now(UTC) - STALE)
    began = sa.select(RUNS.c.run_id).where(RUNS.c.status == "started")
    found = _these(
        "runs begun more than an hour ago never ended (their process died)",
        connection.scalars(began.where(RUNS.c.started_at < old)),
    )
    young = _these(
        "runs begun within the last hour have not ended (under way, or their process died)",
        connection.scalars(began.where(RUNS.c.started_at >= old)),
    )
    yield from (Finding(found.what), Finding(young.what))  # they are as they should be after a kill


def _these(what: str, ids: Iterable[str]) -> Finding:
    count, named = 0, []
    for each in ids:
        count += 1
        if count <= _NAMED:
            named.append(each)
    more = ", …" if count > _NAMED else ""
    return Finding(f"{count:,} {what}" + (f": {', '.join(named)}{more}" if named else ""), not count)


def _broken(connection: sa.Connection, table: sa.Table, key: Any, *texts: Any) -> Iterator[str]:
    statement = sa.select(key, *texts).select_from(table).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(statement):
        try:
            for text in row[1:]:
                if text is not None:
                    _object(text)
        except (msgspec.DecodeError, TypeError):
            yield str(row[0])


_object: Callable[[Any], Any] = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _waiting(store: RunStore) -> Finding:
    files, lines = store.spool.left()
    for file in files:
        with suppress(OSError), open(file, "rb") as stream:
            lines += sum(1 for _ in stream)
    broken = [str(file) for file in store.spool.damaged]
    said = f"{lines:,} rows wait to be written" + (f" in {', '.join(map(str, files))}" if files else "")
    if broken:
        said += f"; what could not be read, or was refused, is in {', '.join(broken)}"
    return Finding(said, not lines and not broken)


def backup(store: RunStore, path: str | os.PathLike[str], *, force: bool = False) -> int:
    """Copy a SQLite run log into a file while it is in use, and return its size in bytes.

    Parameters
    ----------
    store : RunStore
        What waits in its spool is taken up first.
    path : str or path
        It is there when all is copied, readable by its owner alone. Symbolic links are followed.
    force : bool
        Whether an earlier backup that is there, or another SQLite database, is replaced.

    Raises
    ------
    StoreError
        When there is no log, it is no SQLite file, or reading it fails.
    SettingsError
        When the file is there already, is none that may be replaced, or is in use as a log itself.
    OSError
        When it cannot be written.
    """
    if store.path is None:
        raise _other_backup(store, path)
    target = check_target(path, store, databases=True)
    _check_replaceable(target, force)
    with store.reading() as connection:
        if connection is None:
            raise StoreError(f"there is no run log at {store.path}, and nothing to back up")
    _check_unused(target)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _copy_pages(store.path, part)
        _check_unused(target)
        _check_replaceable(target, force)
        os.replace(part, target)
    finally:
        for file in (part, *_beside(part)):
            with suppress(FileNotFoundError):
                file.unlink()
    return target.stat().st_size


def _check_replaceable(target: Path, force: bool) -> None:
    if not target.exists():
        return
    if not target.is_file():
        raise SettingsError(f"{target} is no file; choose another name")
    if not is_database(target) and target.stat().st_size:
        raise SettingsError(f"{target} is there, and no backup that could be replaced; choose another name")
    if not force:
        raise SettingsError(f"{target} is there already; choose another name, or add --force to replace it")


def _beside(file: Path) -> list[Path]:
    """Return where SQLite keeps what belongs to a file while it is open, or was when its process died."""
    return [file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal")]


def _check_unused(target: Path) -> None:
    # What is found beside a file is played over it when it is opened: another one's pages over the backup's.
    for file in _beside(target):
        if os.path.lexists(file):
            raise SettingsError(
                f"{target} is in use as a log, or was when its process died, as {file.name} tells; choose another name"
            )


def _copy_pages(source: Path, target: Path) -> None:
    failed: sqlite3.Error | None = None
    try:
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target, isolation_level=None)) as there:
            # One read of the whole: pages that others write meanwhile would else make it start again and again.
            here.backup(there, pages=-1)
            there.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, whole by itself
            said = there.execute("PRAGMA quick_check(1)").fetchall()
            if said != [("ok",)]:
                raise sqlite3.DatabaseError(str(said[0][0]))
    except sqlite3.Error as error:
        failed = error
    if failed is not None:
        raise StoreError(f"the run log {source} could not be copied ({failed}); `portkey-nb runs --check` looks at it")


def _other_backup(store: RunStore, path: str | os.PathLike[str]) -> StoreError:
    if resolve(store.url).get_backend_name() == "sqlite":
        return StoreError(f"{store.url} is kept in no file that could be backed up; --copy-to FILE copies it")
    return StoreError(
        "PostgreSQL's own pg_dump backs up a log that is kept there, and nothing is written by this command; "
        f"run: {dump_command(store.url, path)}"
    )


def dump_command(url: str, path: str | os.PathLike[str] = "runs.dump") -> str:
    """Return the command that backs up a PostgreSQL log; it asks for the password, or takes it from ``PGPASSWORD``."""
    found = resolve(url)
    words = ["pg_dump", "--format=custom", f"--file={os.fspath(path)}"]
    for flag, value in (("--host", found.host), ("--port", found.port), ("--username", found.username)):
        words += [f"{flag}={value}"] if value else []
    return shlex.join([*words, *filter(None, [found.database])])

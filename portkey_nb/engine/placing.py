"""Where an export or a backup is put: never in the place of a run log, and there only when it is whole."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from portkey_nb.engine.store import RunStore
from portkey_nb.errors import SettingsError

# https://www.sqlite.org/fileformat.html, section 1.3; a database that is just made has no byte yet.
_HEADER = b"SQLite format 3\0"
_BELONGS = re.compile(r"(.+?)(?:-wal|-shm|-journal|\.spool\..+)", re.S)
"""What SQLite and the log keep beside a database, behind whose name it is named."""


def is_database(path: Path) -> bool:
    """Tell whether a file is a SQLite database that has something in it."""
    if not path.is_file():
        return False
    with open(path, "rb") as stream:
        return stream.read(len(_HEADER)) == _HEADER


def check_target(path: str | os.PathLike[str], store: RunStore, *, databases: bool = False) -> Path:
    """Return where a file is to be written, symbolic links followed; a device or a pipe is itself.

    Parameters
    ----------
    path : str or path
    store : RunStore
        What is written comes from it.
    databases : bool
        Whether another SQLite database may be replaced.

    Raises
    ------
    SettingsError
        When it is a run log, or belongs to one.
    OSError
        When its folder is not there.
    """
    given = Path(path)
    if given.exists() and not given.is_file():
        return given  # what /dev/stdout leads to may have no path
    target = given.resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
    if store.path is not None and (target == store.path.resolve() or _same(target, store.path)):
        raise SettingsError(f"{target} is the run log itself; choose another name")
    if is_database(target) and not databases:
        raise SettingsError(f"{target} is a run log or another SQLite database, and stays; choose another name")
    named = _BELONGS.fullmatch(target.name)
    owner = None if named is None else target.with_name(named[1])
    waiting = [*store.spool.left()[0], *store.spool.damaged]
    if target in waiting or (owner is not None and is_database(owner)):
        raise SettingsError(f"{target} belongs to a run log, which may need it; choose another name")
    return target


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


@contextmanager
def in_place(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of the one of that name when all is written.

    Raises
    ------
    OSError
        With its name, when it cannot be written, then or inside.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists() and not path.is_file():  # a device or a pipe: nothing can take its place
            with open(path, "wb") as stream:
                yield stream
            return
        with open(part, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except OSError as error:
        # The file's name is what was given, and not that of its unfinished part.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    finally:
        with suppress(OSError):
            part.unlink()

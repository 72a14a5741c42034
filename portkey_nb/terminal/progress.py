"""One line that tells how far something is, where a person looks on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

EVERY_S = 0.2


@contextmanager
def line(said: str) -> Iterator[Callable[..., None]]:
    """Give what tells a number, and its line on standard error; nothing where that is no terminal.

    Parameters
    ----------
    said : str
        What stands behind the number, with names in braces for what is told besides.
    """
    shown = sys.stderr.isatty()
    last = 0.0

    def tell(count: int, **more: Any) -> None:
        nonlocal last
        if shown and time.monotonic() - last >= EVERY_S:
            last = time.monotonic()
            sys.stderr.write(f"\r\x1b[K{count:,} {said.format(**more)}")
            sys.stderr.flush()

    try:
        yield tell
    finally:
        if last:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

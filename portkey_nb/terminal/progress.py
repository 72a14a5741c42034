"""One line that tells how far something is, where a person looks on, and one when they stop it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

EVERY_S = 0.2


@contextmanager
def line(said: str) -> Iterator[Callable[..., None]]:
    """Give what tells a number, and its line on standard error; nothing where no person sees it grow there.

    Parameters
    ----------
    said : str
        What stands behind the number, with names in braces for what is told besides.
    """
    shown = sys.stderr.isatty() and not _within_kernel()
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


@contextmanager
def stopped(said: Callable[[], str]) -> Iterator[None]:
    """Let Ctrl-C say in one line on standard error what became of it, and go on as before.

    Parameters
    ----------
    said : callable
        What stands there now, and what to do next.
    """
    try:
        yield
    except KeyboardInterrupt:
        # A terminal writes `^C` where it was typed.
        cleared = "\r\x1b[K" if sys.stderr.isatty() and not _within_kernel() else ""
        print(f"{cleared}portkey-nb: stopped; {said()}", file=sys.stderr, flush=True)
        raise


def _within_kernel() -> bool:
    # A notebook's `!command` runs in a terminal too, whose text stays in the notebook. IPython's kernel turns pagers
    # off for that reason, by these two (ipykernel.zmqshell, `init_environment`).
    return os.environ.get("PAGER") == os.environ.get("GIT_PAGER") == "cat"

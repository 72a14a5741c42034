"""Changes made while others write: tried again where the run log is locked for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from portkey_nb.engine.store import RunStore
from portkey_nb.errors import StoreError

Result = TypeVar("Result")
TRIES, PAUSE_S = 40, 0.05
"""Beside the wait of each attempt itself: together about ten seconds."""


def change(store: RunStore, work: Callable[[sa.Connection], Result]) -> Result:
    """Do some work in one transaction of a run log.

    Parameters
    ----------
    store : RunStore
    work : callable
        May be called again from the start, since a transaction that fails leaves nothing behind.

    Raises
    ------
    StoreError
        When the log cannot be written, or stays locked.
    """
    for _ in range(TRIES):
        try:
            with store.changing() as connection:
                return work(connection)
        except StoreError as error:
            if "is locked" not in error.message:
                raise
        time.sleep(PAUSE_S)
    with store.changing() as connection:
        return work(connection)

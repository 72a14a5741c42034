"""Replaying: requests are answered from a recording, without a network."""

from __future__ import annotations

import os


def replaying(path: str | os.PathLike[str], *, pace: str | None = None) -> object:
    """Return a transport that answers from a recording."""
    raise NotImplementedError

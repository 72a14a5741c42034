"""A panel's present state as a ``%%portkey`` cell and as Python: both run, and send the same request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from portkey_nb.notebook.panel.composed import Composed


@dataclass(frozen=True, kw_only=True)
class Code:
    """The same call, written twice.

    Attributes
    ----------
    cell : str
        A ``%%portkey`` cell; empty where no cell can say it, and the note tells why.
    python : str
    note : str
        What is to be done before they run, in words; empty where nothing is.
    """

    cell: str
    python: str
    note: str


def as_code(
    composed: Composed, messages: Sequence[Mapping[str, Any]], *, names: Mapping[str, Any] = MappingProxyType({})
) -> Code:
    """Write what a panel would send as a cell and as Python.

    Parameters
    ----------
    composed : Composed
    messages : sequence of mappings
        What would be sent, without the system prompt.
    names : mapping, optional
        The notebook's variables: Configs, functions and classes are called by their names there.
    """
    return Code(cell="", python="", note="not written yet")

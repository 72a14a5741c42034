"""A panel's present state as a ``%%portkey`` cell and as Python: both run, and send the same request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from IPython.core.getipython import get_ipython

from portkey_nb.errors import PortkeyError
from portkey_nb.notebook.panel.as_cell import Defaults, cell_of
from portkey_nb.notebook.panel.as_python import python_of
from portkey_nb.notebook.panel.asked import Variables, asked_of
from portkey_nb.notebook.panel.composed import Composed

_PLACEHOLDER = "Write the message here."
_TAKEN = ("prompt", "model", "messages")


@dataclass(frozen=True, kw_only=True)
class Code:
    """The same call, written twice.

    Attributes
    ----------
    cell : str
        A ``%%portkey`` cell; empty where no cell can say it, and the note tells why.
    python : str
        Empty where nothing can be sent at all.
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

    A Config that the notebook has is called by its name there. What its name calls secret (a key, a token, a password),
    in options, parameters, tags, tools, schema or Config, and a URL with a login in it, is read from the environment by
    the Python, and the note says what to set; no cell says it, but for a virtual key that the settings hold. Messages
    and the system prompt are written as they are, whatever stands in them.

    Parameters
    ----------
    composed : Composed
    messages : sequence of mappings
        What would be sent, without the system prompt.
    names : mapping, optional
        The notebook's variables: Configs, functions and classes are called by their names there.

    Examples
    --------
    >>> code = as_code(Composed(models=("gpt-4o",), params={"temperature": 0}), [{"role": "user", "content": "Hi"}])
    >>> print(code.cell)
    %%portkey -m gpt-4o -t 0
    Hi
    >>> print(code.python)
    from portkey_nb import ask
    <BLANKLINE>
    reply = ask("Hi", model="gpt-4o", temperature=0)
    reply
    """
    notes: dict[str, None] = {}
    if not composed.models:
        return Code(cell="", python="", note="No model: choose one above the conversation.")
    if not messages:
        messages = [{"role": "user", "content": _PLACEHOLDER}]
        notes["There is no message yet; write yours in the place of the one here."] = None
    given = {**composed.others, **composed.params, **composed.options, "base_url": composed.base_url}
    try:
        asked = asked_of(composed.models, composed.system, given, messages, names)
        taken = [name for name in _TAKEN if name in asked.params]
        if taken:
            return Code(cell="", python="", note=f"`{taken[0]}` is no parameter; take it out.")
        variables = Variables()
        python = python_of(asked, variables, notes)
        cell = cell_of(asked, _defaults(names, notes), notes)
    except PortkeyError as error:
        return Code(cell="", python="", note=error.message)
    for name, what in variables.known.items():
        notes[f'Set {what} first: `os.environ["{name}"] = getpass.getpass()`.'] = None
    return Code(cell=cell, python=python, note=" ".join(notes))


def _defaults(names: Mapping[str, Any], notes: dict[str, None]) -> Defaults:
    """Return what the running notebook adds to its cells."""
    # A notebook's own variables hold the way to its shell; the process has one where nobody said which.
    own = names.get("get_ipython", get_ipython)
    shell: Any = own() if callable(own) else None
    manager = getattr(shell, "magics_manager", None)
    if manager is None:
        return Defaults()
    magics = manager.registry.get("PortkeyMagics")
    if magics is None:
        notes["The cell needs `%load_ext portkey_nb`."] = None
        return Defaults()
    return Defaults(magics.system, magics.base_url, magics.route)

"""Scripts and styles of widgets: files of this package joined into what is sent to the page."""

from __future__ import annotations

import re
from importlib.resources import files

_SCRIPT_DROPPED = re.compile(r"^\s*//.*\n|^\s+", re.MULTILINE)
_STYLE_DROPPED = re.compile(r"/\*.*?\*/|^\s+", re.MULTILINE | re.DOTALL)


def script(*names: str) -> str:
    """Return one ES module made of script files.

    Files share one scope: those before the last hold plain functions, and the last has the ``export``. Comment lines
    and indentation are left out, for some of it goes over the wire with each cell.

    Parameters
    ----------
    *names : str
        Files below ``portkey_nb/notebook``, such as ``"column.js"`` or ``"panel/panel.js"``.

    Examples
    --------
    >>> "function typeset" in script("typeset.js")
    True
    """
    return _SCRIPT_DROPPED.sub("", _joined(names))


def style(*names: str) -> str:
    """Return style files joined, in this order, without comments and indentation."""
    return _STYLE_DROPPED.sub("", _joined(names))


def _joined(names: tuple[str, ...]) -> str:
    folder = files("portkey_nb.notebook")
    texts = [folder.joinpath(*name.split("/")).read_text(encoding="utf-8") for name in names]
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in texts)

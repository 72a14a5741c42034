"""The benchmarks of this folder, found by name and read without being imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Module:
    """A benchmark.

    Attributes
    ----------
    name : str
        Of the module.
    about : str
        The first sentence of its docstring.
    """

    name: str
    about: str


def found(folder: Path = FOLDER) -> list[Module]:
    """Return every module that defines ``measurements``, by name."""
    modules = []
    for file in sorted(folder.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
        if any(isinstance(one, ast.FunctionDef) and one.name == "measurements" for one in tree.body):
            modules.append(Module(file.stem, (ast.get_docstring(tree) or "").partition("\n")[0]))
    return modules

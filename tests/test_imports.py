"""Loading the extension stays light: heavy libraries wait until they are used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        print("called out:", event)

sys.addaudithook(refuse)
shell.run_line_magic("load_ext", "portkey_nb")
found = sorted({name.partition(".")[0] for name in set(sys.modules) - before} & set(sys.argv[1:]))
assert "portkey" in shell.magics_manager.magics["cell"], "the magic is not there"
print(*found, end="")
"""

HEAVY = ["pandas", "ipywidgets", "anywidget", "sqlalchemy", "httpx", "matplotlib", "pydantic", "openai", "genai_prices"]


def _run(code: str, *given: str) -> str:
    found_here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code, *given], capture_output=True, text=True, timeout=60, env=found_here
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_load_ext_prints_nothing_calls_nobody_and_imports_nothing_heavy() -> None:
    assert _run(SHELL, *HEAVY, "tornado") == ""


def test_importing_the_package_imports_nothing_but_itself() -> None:
    code = "import sys, portkey_nb; print(*sorted(n for n in sys.argv[1:] if n in sys.modules), end='')"
    assert _run(code, *HEAVY, "tornado", "IPython") == ""


@pytest.mark.parametrize("name", ["Portkey", "AsyncPortkey"])
def test_the_client_needs_neither_pandas_nor_widgets_nor_pydantic(name: str) -> None:
    code = f"import sys, portkey_nb; portkey_nb.{name}(base_url='local'); "
    code += "print(*sorted(n for n in sys.argv[1:] if n in sys.modules), end='')"
    assert _run(code, *(module for module in HEAVY if module != "httpx"), "tornado", "IPython") == ""

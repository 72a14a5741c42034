"""Heavy libraries are loaded late: whole whenever the stop button is pressed, and pandas with ``df.portkey``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from portkey_nb.loading import unbroken
from tests.kernels import Kernel

PRESS = """
import signal, sys
class Press:
    def __init__(self, at):
        self.at = at
    def find_spec(self, name, path=None, target=None):
        if name == self.at:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Press({at!r}))
"""
"""Presses the stop button as one module begins to be imported."""

ASK = "portkey_nb.ask('What is 2+2?', model='demo-fast')"
CLIENT = "portkey_nb.Portkey(base_url='demo')"


def run(code: str) -> str:
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PORTKEY_BASE_URL": "demo"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=place)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("first", "at"),
    [
        ("portkey_nb.runs()", "sqlalchemy.exc"),
        ("portkey_nb.runs()", "sqlalchemy.sql.schema"),
        ("portkey_nb.runs()", "asyncio.sslproto"),
        ("portkey_nb.runs()", "numpy.exceptions"),
        ("from portkey_nb import ask", "sqlalchemy.sql.schema"),
        (ASK, "sqlalchemy.sql.schema"),
        (ASK, "asyncio.sslproto"),
        (CLIENT, "tornado.httputil"),
        (CLIENT, "httpcore._models"),
        ("from portkey_nb.engine.intervals import mcnemar_exact as f; f(1, 2)", "scipy._lib._ccallback"),
    ],
)
def test_an_interrupt_while_libraries_load_strikes_and_breaks_none_of_them(first: str, at: str) -> None:
    code = f"""{PRESS.format(at=at)}
import portkey_nb
try:
    {first}
except KeyboardInterrupt:
    print("interrupted")
print(any(isinstance(finder, Press) for finder in sys.meta_path))
print(str({ASK}), len(portkey_nb.runs()))
{CLIENT}
{first}
"""
    assert run(code).splitlines() == ["interrupted", "False", "2 + 2 = **4**. 1"]


@pytest.mark.kernel
@pytest.mark.parametrize("at", ["sqlalchemy.sql.schema", "tornado.httputil", "ipywidgets.widgets"])
def test_the_first_cell_interrupted_while_it_loads_fails_in_one_line_and_the_next_one_works(
    tmp_path: Path, at: str
) -> None:
    with Kernel(tmp_path / "own", {"PORTKEY_BASE_URL": "demo"}) as kernel:
        assert kernel.execute("%load_ext portkey_nb\n" + PRESS.format(at=at)).status == "ok"
        stopped = kernel.execute("%%portkey -m demo-fast\nWhat is 2+2?")
        assert stopped.status == "error"
        assert stopped.evalue == "interrupted before anything came; run the cell again"
        output = stopped.outputs[-1]  # above it may stand the empty column
        assert len(output["traceback"]) == 1
        again = kernel.execute("%%portkey -m demo-fast\nWhat is 2+2?")
        assert again.status == "ok", again.evalue
        assert "4" in again.html
        assert kernel.execute("import portkey_nb; len(portkey_nb.runs())").text == "1"


@pytest.fixture
def struck() -> Iterator[list[int]]:
    """Give the numbers of the signals that reach the process's own handler."""
    found: list[int] = []
    earlier = signal.signal(signal.SIGINT, lambda number, frame: found.append(number))
    yield found
    signal.signal(signal.SIGINT, earlier)


def test_what_is_held_back_strikes_once_at_the_outer_end(struck: list[int]) -> None:
    handler = signal.getsignal(signal.SIGINT)
    with unbroken():
        with unbroken():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        assert not struck
    assert struck == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_error_goes_through_and_the_handler_is_back(struck: list[int]) -> None:
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(ImportError), unbroken():
        raise ImportError
    assert signal.getsignal(signal.SIGINT) is handler
    assert not struck


def test_a_handler_that_is_set_meanwhile_stays(struck: list[int]) -> None:
    with unbroken():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_in_other_threads_and_where_interrupts_are_ignored_nothing_changes(struck: list[int]) -> None:
    found: list[object] = []

    def look() -> None:
        with unbroken():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with unbroken():
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


COMPLETE = """
import sys
made = pd.DataFrame({"n": ["2+2"]}).portkey.complete("What is {{n}}?", model="demo-fast", progress=False)
print(made["answer"].tolist())
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import portkey_nb, pandas as pd",
        "import pandas as pd, portkey_nb",
        "import portkey_nb, importlib; importlib.util.find_spec('pandas'); import pandas as pd",
        "import portkey_nb, importlib; importlib.reload(portkey_nb); import pandas as pd; importlib.reload(pd)",
        "import pandas as pd, portkey_nb, importlib; importlib.reload(portkey_nb)",
        "import portkey_nb; from pandas.core import frame; import pandas as pd",
    ],
)
def test_frames_have_their_accessor_however_both_are_imported(imports: str) -> None:
    assert run(f"import importlib.util; {imports}\n{COMPLETE}") == "['2 + 2 = **4**.']\n"


@pytest.mark.parametrize(
    "first", ["%load_ext portkey_nb\nimport pandas as pd", "import pandas as pd\n%load_ext portkey_nb"]
)
def test_frames_have_their_accessor_in_the_cell_that_loads_both(first: str) -> None:
    shell = "from IPython.core.interactiveshell import InteractiveShell as S; "
    assert run(f"{shell}S().run_cell({first + COMPLETE!r}).raise_error()") == "['2 + 2 = **4**.']\n"


def test_the_accessor_brings_neither_pandas_nor_the_engine() -> None:
    code = """
import sys, portkey_nb
print("pandas" in sys.modules)
import pandas as pd
print(pd.DataFrame({"n": []}).portkey.complete.__doc__.splitlines()[0])
print("portkey" in dir(pd.DataFrame()), "sqlalchemy" in sys.modules, "httpx" in sys.modules)
print(type(pd.__loader__).__name__, type(pd.__spec__.loader).__name__)
print([finder for finder in sys.meta_path if type(finder).__module__.startswith("portkey_nb")])
"""
    assert run(code).splitlines() == [
        "False",
        "Ask a model about each row, and return the frame with the answers in a new column.",
        "True False False",
        "SourceFileLoader SourceFileLoader",
        "[]",
    ]


def test_the_accessor_comes_once_pandas_is_whole(tmp_path: Path) -> None:
    # A stand-in that imports the package while it is loaded itself, and has what pandas has only then.
    (tmp_path / "pandas.py").write_text(
        "import portkey_nb\n"
        "class DataFrame: pass\n"
        "class api:\n"
        "    class extensions:\n"
        "        @staticmethod\n"
        "        def register_dataframe_accessor(name):\n"
        "            return lambda kind: setattr(DataFrame, name, kind)\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pandas; import colorsys; "
    assert run(code + "print(hasattr(pandas.DataFrame, 'portkey'))") == "True\n"


def test_an_odd_pandas_and_one_that_fails_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise OSError('no disk')\n")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
import portkey_nb
try:
    import pandas
except OSError as error:
    print(error)
open({str(tmp_path / "pandas.py")!r}, "w").write("name = 'something else altogether'")
import pandas
print(pandas.name)
"""
    assert run(code).splitlines() == ["no disk", "something else altogether"]

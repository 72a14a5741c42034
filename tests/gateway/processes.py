"""What the tests of the local gateway share: Python and the command line as processes of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import portkey_nb
from tests.servers import whole

WAIT_S = 60
GREETING = whole(b"AI Gateway says hey!", headers={"content-type": "text/plain"})
"""What ``GET /`` of the gateway answers."""

MAIN = "import sys; from portkey_nb.cli import main; sys.exit(main())"


def port_of(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


def environment(**given: str) -> dict[str, str]:
    path = [str(Path(portkey_nb.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **given}


@contextlib.contextmanager
def command(*words: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        python(MAIN, "gateway", *words), stdout=pipe, stderr=pipe, text=True, env=environment(), start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python(MAIN, "gateway", *words), capture_output=True, text=True, timeout=WAIT_S, env=environment()
    )


def one_line(text: str) -> str:
    assert text.startswith("portkey-nb: ")
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text

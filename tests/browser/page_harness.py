"""The chat panel's page by itself: its scripts and styles in a plain page, and messages as a kernel sends them."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from portkey_nb.notebook.assets import script, style
from portkey_nb.notebook.growth import Growth, LiveColumn
from portkey_nb.views.fragments import block_html
from portkey_nb.views.transcript import message_html

PARTS = (
    "elements",
    "wire",
    "commands",
    "answers",
    "editor",
    "entries",
    "images",
    "composer",
    "transcript",
    "code",
    "twin",
    "notices",
)
SCRIPTS = ("column.js", "kernel.js", "typeset.js", *(f"panel/{name}.js" for name in PARTS), "panel/panel.js")
STYLES = ("live.css", "panel/panel.css")
_LAB = Path(sys.prefix) / "share/jupyter/lab"

# A widget's model as anywidget gives it: what the page sends is kept, what the test delivers is heard.
_MODEL = """
import panel from "/panel.mjs";
const heard = {};
const signal = () => ({
  all: [],
  connect(act) { this.all.push(act); },
  disconnect(act) { this.all = this.all.filter(one => one !== act); },
});
window.sent = [];
window.typeset = [];
window.kernel = { statusChanged: signal(), disposed: signal() };
const latexTypesetter = { typeset: node => window.typeset.push(node.textContent) };
const model = {
  widget_manager: { kernel: window.kernel, rendermime: { latexTypesetter } },
  get: () => undefined,
  on: (name, act) => (heard[name] ??= []).push(act),
  off: (name, act) => { heard[name] = (heard[name] ?? []).filter(one => one !== act); },
  send: (content, callbacks, buffers) => {
    window.sent.push({ ...structuredClone(content), buffers: (buffers ?? []).map(one => one.byteLength) });
  },
};
window.deliver = message => heard["msg:custom"].forEach(act => act(structuredClone(message), []));
window.die = () => window.kernel.statusChanged.all.forEach(act => act(null, "dead"));
const widget = typeof panel === "function" ? panel() : panel;
widget.initialize({ model });
window.join = width => {
  const el = document.createElement("div");
  el.style.width = `${width}px`;
  document.querySelector("main").append(el);
  const leave = widget.render({ model, el });
  return () => { leave(); el.remove(); };
};
window.joinIn = el => { widget.render({ model, el }); };
window.outside = [];
document.addEventListener("keydown", event => window.outside.push(event.key));
window.ready = true;
"""


@cache
def _rendered_rules() -> str:
    """Return JupyterLab's rules for rendered text, which its scripts bring along."""
    scripts = (path.read_text(encoding="utf-8") for path in (_LAB / "static").glob("jlab_core.*.js"))
    source = "".join(scripts).replace("\\n", "\n")
    return "\n".join(re.findall(r"[^{}/*;`]*\.jp-RenderedHTMLCommon[^{}`]*\{[^}`]*\}", source))


def _theme(name: str) -> str:
    path = _LAB / f"themes/@jupyterlab/theme-{name}-extension/index.css"
    return path.read_text(encoding="utf-8") if path.exists() else ""


class PanelPage:
    """One page with one panel, and the kernel's part of the talk played by the test.

    Parameters
    ----------
    page : playwright page
    address : str
        Where the page is served.
    width : int
        Of the first view, in CSS pixels.
    theme : {"light", "dark"}
    """

    def __init__(self, page: Any, address: str, width: int = 700, theme: str = "light") -> None:
        self.page = page
        self.errors: list[str] = []
        self.number = 0
        self._growths: dict[str, Growth] = {}
        page.set_default_timeout(15_000)
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{address}/{theme}")
        page.wait_for_function("window.ready")
        self.join(width)

    def join(self, width: int = 700) -> None:
        """Show one more view."""
        self.page.evaluate("width => { (window.leave ??= []).push(join(width)); }", width)

    def locator(self, selector: str) -> Any:
        """Find elements."""
        return self.page.locator(selector)

    def button(self, name: str) -> Any:
        """Find a button by its accessible name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def sent(self, do: str) -> list[dict[str, Any]]:
        """Return what the page has sent of a kind."""
        said: list[dict[str, Any]] = self.page.evaluate("do_ => sent.filter(one => one.do === do_)", do)
        return said

    def wait_sent(self, do: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until the page has sent so many of a kind."""
        self.page.wait_for_function("([do_, n]) => sent.filter(one => one.do === do_).length >= n", arg=[do, count])
        return self.sent(do)

    def welcome(self, entries: Sequence[Mapping[str, Any]] = (), **bar: Any) -> None:
        """Answer the last hello."""
        view = self.wait_sent("hello")[-1]["view"]
        whole = {"entries": list(entries), "bar": {**BAR, **bar}}
        self.page.evaluate("message => deliver(message)", {"s": self.number, "all": whole, "to": view})
        self.frame()

    def deliver(self, **message: Any) -> None:
        """Send a change, with the next number; entries that it puts have been painted when this returns.

        Until the page has found out which entries are in sight (``content-visibility: auto``), they have no inner text.
        """
        self.number += 1
        self.page.evaluate("message => deliver(message)", {"s": self.number, **message})
        if "put" in message:
            self.frame()

    def tell(self, **message: Any) -> None:
        """Send what has no number."""
        self.page.evaluate("message => deliver(message)", message)

    def done(self, sent: Mapping[str, Any]) -> None:
        """Say that a command is done."""
        self.tell(to=sent["view"], done=sent["n"])

    def refuse(self, sent: Mapping[str, Any], why: str) -> None:
        """Say that a command is refused."""
        self.tell(to=sent["view"], refused=sent["n"], why=why)

    def grow(self, entry: str, column: str, live: LiveColumn) -> None:
        """Send what a reply under way has grown by."""
        growth = self._growths.setdefault(column, Growth())
        if change := growth.change(live):
            self.deliver(grow=[[entry, column, change]])

    def frame(self) -> None:
        """Wait until the page has painted."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


BAR: dict[str, Any] = {
    "title": "draft",
    "busy": False,
    "ready": True,
    "why": "",
    "totals": "",
    "models": ["gpt-4o"],
    "known": ["gpt-4o", "gpt-4o-mini", "claude-sonnet"],
    "draft": {"text": "", "images": [], "by": None, "n": 0},
    "undo": True,
    "redo": False,
    "clear": True,
    "open": False,
    "notice": {},
}
EVERYTHING = ["edit", "move_up", "move_down", "remove", "copy"]


def said(name: str, text: str, role: str = "user", **given: Any) -> dict[str, Any]:
    """Return the entry of a message."""
    entry = {"id": name, "role": role, "html": message_html(text), "columns": [], "images": [], "can": EVERYTHING}
    return {**entry, "branch": None, "note": "", "turn": name, **given}


def column(name: str, text: str | None = None, **given: Any) -> dict[str, Any]:
    """Return a column: with a text one that has ended, else one under way."""
    found: dict[str, Any] = {"id": name, "label": "gpt-4o", "footer": "", "error": "", "chosen": True, "rating": 0}
    if text is None:
        return {**found, "state": "live", "waited": 0.0, "log": [], "can": [], **given}
    return {**found, "state": "done", "html": block_html(text, {}), "can": ["rate"], **given}


def answered(name: str, *columns: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Return the entry of answers."""
    can = [*EVERYTHING, "retry", "retry_with"] if len(columns) == 1 else ["edit", "remove", "retry"]
    return {**said(name, "", "assistant"), "html": "", "columns": list(columns), "can": can, **given}


class PageServer:
    """Serves the page to a browser, so that it is as secure a page as a notebook on this machine."""

    def __init__(self) -> None:
        pages: dict[str, Callable[[], tuple[str, str]]] = {
            "/panel.mjs": lambda: ("text/javascript", script(*SCRIPTS)),
            "/light": lambda: ("text/html", _html("light")),
            "/dark": lambda: ("text/html", _html("dark")),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, text = pages.get(self.path, lambda: ("text/plain", ""))()
                body = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> PageServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _html(theme: str) -> str:
    light = json.dumps(str(theme == "light").lower())
    styles = f"{_theme(theme)}\n{_rendered_rules()}\n{style(*STYLES)}"
    page = "body { margin: 0; padding: 16px; background: var(--jp-layout-color0); } main { display: grid; gap: 16px; }"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>A panel</title>'
        f"<style>{styles}\n{page}</style><body data-jp-theme-light={light} class='jp-ThemedContainer'><main></main>"
        f'<script type="module">{_MODEL}</script></body></html>'
    )

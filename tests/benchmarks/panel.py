"""What a chat panel sends on the comm channel, how long it takes to open, and how soon a key shows while it streams.

Run as ``python -m tests.benchmarks.panel [--full] [--no-browser]``. A loopback server streams replies at 100
tokens/s to a real kernel; the ``content`` of every widget message between the sending and the rest of a panel is
counted in UTF-8 bytes against the reply's own: the user's message, the growing reply, its end and the bar. ``--full``
adds a reply of 32,000 tokens, which takes five minutes. In Chromium (JupyterLab), with a transcript of 200 messages,
keys are typed into the composer while a reply streams.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks.face import arguments, face
from tests.benchmarks.kernel import PATIENCE_S, Kernel
from tests.benchmarks.measurement import Measurement, Size, Values
from tests.benchmarks.painting import CHARACTERS_PER_TOKEN, MIXED, TOKENS_PER_S, reply
from tests.servers import chunk, event
from tests.servers import piece as framed

OWN = "portkey_nb"
MESSAGES = 200
KEYS = 120
KEYS_PER_S = 12

OPENING = """
import statistics, time
from portkey_nb import ChatPanel, conversation
TEXT = {text!r}
def opened(chat, count):
    talk = conversation(chat)
    pairs = ({{"role": "user", "content": f"Question {{n}}"}} if n % 2 == 0
             else {{"role": "assistant", "content": f"Answer {{n}} of {{chat}}\\n\\n" + TEXT}} for n in range(count))
    talk.change(lambda known: known.rewritten(list(pairs)))
    began, busy = time.perf_counter(), time.thread_time()
    panel = ChatPanel("mixed-{tokens}", chat=chat, base_url={url!r}, api_key="none")
    panel._ipython_display_()
    return panel, (time.perf_counter() - began) * 1000, (time.thread_time() - busy) * 1000
"""

PEER = """
import ipywidgets
from portkey_nb.views.rendering import render_html
from itertools import pairwise
def repaint(text, rate, size):
    shown = ipywidgets.HTML()
    cuts = range(0, len(text) + int(size * rate), int(size * rate))
    for end in cuts:
        shown.value = render_html(text[:end])
        time.sleep(0.0005)
    return shown
"""


WATCH = """
panel => {
    window.keys = [];
    const field = panel.querySelector("textarea[aria-label=Message]");
    field.addEventListener("keydown", event => requestAnimationFrame(() => {
        // What comes after a frame's callbacks comes after its painting.
        const after = new MessageChannel();
        after.port1.onmessage = () => window.keys.push(performance.now() - event.timeStamp);
        after.port2.postMessage(null);
    }), true);
}
"""


class _Paced(BaseHTTPRequestHandler):
    """Streams the reply that the model's name asks for, ``mixed-TOKENS``, token by token."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        tokens = int(asked["model"].rpartition("-")[2])
        text = reply(MIXED, tokens)
        places = [int(n * CHARACTERS_PER_TOKEN) for n in range(tokens + 1)]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        began = time.monotonic()
        try:
            for number, (start, end) in enumerate(pairwise(places)):
                time.sleep(max(0.0, began + number / TOKENS_PER_S - time.monotonic()))
                self.wfile.write(framed(event(chunk(text[start:end]))))
            self.wfile.write(framed(event(chunk(finish="stop"))) + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        body = b'{"data": []}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def paced() -> Iterator[str]:
    """Run the server in threads of this process and give its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Paced)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class PanelKernel(Kernel):
    """A kernel whose messages are all kept, and whose panels find a page."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[dict[str, Any]] = []
        super().__init__(folder)

    def hear(self, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """Take up the next message."""
        message = super().hear(timeout)
        self.heard.append(message)
        return message

    def twin(self, holding: str) -> None:
        """Wait until the static twin of a panel holds a text, which no other one does."""
        kinds = ("display_data", "update_display_data")
        seen = 0
        while True:
            for message in self.heard[seen:]:
                if message["msg_type"] in kinds and holding in message["content"]["data"].get("text/html", ""):
                    return
            seen = len(self.heard)
            self.hear()

    def hello(self) -> str:
        """Be the page of the panel opened last: say hello, and return the id of its widget once it has answered."""
        opened = [message["content"] for message in self.heard if message["msg_type"] == "comm_open"]
        model: str = next(one["comm_id"] for one in reversed(opened) if "growingColumn" in str(one["data"]["state"]))
        data = {"method": "custom", "content": {"do": "hello", "view": "bench"}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", {"comm_id": model, "data": data}))
        while "all" not in self.custom(self.hear()):
            continue
        return model

    @staticmethod
    def custom(message: dict[str, Any]) -> dict[str, Any]:
        """Return what a widget was told, if it was told something."""
        data = message["content"].get("data", {}) if message["msg_type"] == "comm_msg" else {}
        return dict(data.get("content") or {})


def sizes(messages: list[dict[str, Any]], *kinds: str) -> list[int]:
    """Return the UTF-8 bytes of the contents of messages of some types."""
    return [
        len(json.dumps(message["content"], ensure_ascii=False).encode())
        for message in messages
        if message["msg_type"] in kinds
    ]


def wire(kernel: PanelKernel, url: str, tokens: int) -> Iterator[Measurement]:
    """Measure what one reply costs on the comm channel, beside a widget that is repainted at the same rate."""
    text = reply(MIXED, tokens)
    length = len(text.encode())
    kernel.run(OPENING.format(text="", tokens=tokens, url=url) + f"\npanel, *_ = opened('wire-{tokens}', 0)\n")
    kernel.hello()
    start = len(kernel.heard)
    kernel.run("panel.send('Tell me of sorting and searching').result()\ntime.sleep(1)")
    sent = kernel.heard[start:]
    static = sum(sizes(sent, "update_display_data", "display_data")) / length
    took: dict[str, Values | str] = {OWN: [sum(sizes(sent, "comm_msg")) / length]}
    if tokens <= 2_000:  # what the peer renders and sends grows with the square of the reply
        start = len(kernel.heard)
        kernel.run(PEER + f"\n_ = repaint({text!r}, {TOKENS_PER_S * 0.08}, {CHARACTERS_PER_TOKEN})")
        took["ipywidgets.HTML repainted"] = [sum(sizes(kernel.heard[start:], "comm_msg")) / length]
    what = f"a chat panel's reply of {tokens:,} tokens: sent for each byte of it"
    yield Measurement(what, "bytes", took, "12 or less")
    yield Measurement(f"{what}, the static twin beside it", "bytes", {OWN: [static]})


def opening(kernel: PanelKernel, url: str, rounds: int) -> Iterator[Measurement]:
    """Measure how long the kernel takes to open a panel, empty and with a transcript."""
    kernel.run(OPENING.format(text=reply(MIXED, 200), tokens=100, url=url))
    first = kernel.run("print(*opened('first', 0)[1:])").printed.split()
    yield Measurement("the first chat panel of a kernel opens", "ms", {OWN: [float(first[0])]})
    for count in (0, MESSAGES):
        taken = []
        for number in range(rounds):
            chat = f"open-{count}-{number}"
            said = kernel.run(f"panel, *ms = opened({chat!r}, {count})\nprint(*ms)").printed
            began = time.perf_counter()
            kernel.hello()
            page = time.perf_counter() - began
            kernel.twin(f"Answer {count - 1} of {chat}" if count else chat)
            then = time.perf_counter() - began
            taken.append([*(float(one) for one in said.split()), page * 1000, then * 1000])
        opened, _, page_has_it, and_twin = (list(column) for column in zip(*taken, strict=True))
        what = f"a chat panel with {count} messages"
        yield Measurement(f"{what} opens", "ms", {OWN: opened}, "under 300")
        yield Measurement(f"{what}: then a page has it", "ms", {OWN: page_has_it})
        yield Measurement(f"{what}: and its static twin", "ms", {OWN: and_twin})


class Tasks:
    """The tasks of a page's main thread, as Chromium traces them: (duration, processor time) of each, in ms."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)
        self._events: list[dict[str, Any]] = []
        self._whole = True
        self._session.on("Tracing.dataCollected", lambda data: self._events.extend(data["value"]))
        self._session.on("Tracing.tracingComplete", lambda _: setattr(self, "_whole", True))

    def begin(self) -> None:
        """Begin anew."""
        self._events, self._whole = [], False
        self._session.send("Tracing.start", {"categories": "toplevel", "transferMode": "ReportEvents"})

    def end(self) -> list[tuple[float, float]]:
        """Return the tasks since the beginning."""
        self._session.send("Tracing.end")
        while not self._whole:
            self._page.wait_for_timeout(100)
        mains = {
            (one["pid"], one["tid"]) for one in self._events if one.get("args", {}).get("name") == "CrRendererMain"
        }
        return [
            (one["dur"] / 1000, one.get("tdur", 0) / 1000)
            for one in self._events
            if one["ph"] == "X" and (one["pid"], one["tid"]) in mains and one["name"].endswith("RunTask")
        ]


def typed(page: Any, composer: Any) -> list[float]:
    """Type into the composer; return the milliseconds until each key showed."""
    page.evaluate("() => { window.keys = []; }")
    composer.press_sequentially("typing goes on " * (KEYS // 15 + 1), delay=1000 / KEYS_PER_S)
    page.wait_for_timeout(500)
    keys: list[float] = page.evaluate("() => window.keys")
    return keys


def browser(url: str) -> Iterator[Measurement]:
    """Measure how soon keys show in Chromium, and the longest task, at rest and while a reply streams."""
    # The extra of the tests in a browser.
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM
    from tests.browser.lab import Lab, LabPage

    text = reply(MIXED, 200)
    code = OPENING.format(text=text, tokens=2_000, url=url) + f"_ = opened('browser', {MESSAGES})"
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = LabPage(lab, chromium.new_context(viewport={"width": 1280, "height": 1000}).new_page())
        lab.write("panel.ipynb", [code])
        page.open("panel.ipynb").run_all()
        view = page.page
        count = "document.querySelectorAll('.pk-panel .pk-entry').length"
        view.wait_for_function(f"{count} === {MESSAGES}")
        page.settle()
        view.wait_for_timeout(4000)  # until the static twin is there too
        view.locator(".pk-panel").first.evaluate(WATCH)
        # Not by role: to look for roles in so many elements would be the longest task.
        composer = view.locator(".pk-panel textarea[aria-label=Message]").first
        tasks, live = Tasks(view), "document.querySelector('.pk-panel .pk-is-live')"
        tasks.begin()
        rows = [("at rest", typed(view, composer), tasks.end())]
        composer.fill("Tell me of sorting and searching")
        tasks.begin()
        composer.press("Enter")
        view.wait_for_function(f"{live} !== null")
        begun = tasks.end()
        tasks.begin()
        keys = typed(view, composer)
        if not view.evaluate(f"{live} !== null"):
            print("the reply had ended before the last key")
        rows.append(("while 100 tokens/s stream", keys, tasks.end()))
        tasks.begin()
        view.wait_for_function(f"{live} === null")
        view.wait_for_timeout(4000)  # until the static twin is there too
        rows += [("as it is sent", [], begun), ("as it ends", [], tasks.end())]
        chromium.close()
    for name, keys, found in rows:
        what = f"in Chromium, {MESSAGES} messages, {name}"
        if keys:
            yield Measurement(f"{what}: a key shows", "ms", {OWN: keys}, "50 for 95 of 100 keys")
            slow = statistics.quantiles(keys, n=20)[-1]
            yield Measurement(f"{what}: the slowest 5 of 100 keys show after", "ms", {OWN: [slow]}, "under 50")
        longest, busiest = (max((one[at] for one in found), default=0.0) for at in (0, 1))
        yield Measurement(f"{what}: longest task", "ms", {OWN: [longest]}, "under 100")
        yield Measurement(f"{what}: most processor time of one task", "ms", {OWN: [busiest]})


def measurements(size: Size, kernel: bool = True, chromium: bool | None = None) -> Iterator[Measurement]:
    """Measure in the kernel, then in Chromium, which a quick run leaves out unless it is asked for."""
    with paced() as url, tempfile.TemporaryDirectory() as folder:
        if kernel:
            with PanelKernel(Path(folder)) as ours:
                yield from opening(ours, url, size.pick(quick=3, default=5))
                for tokens in size.pick(quick=(2_000,), default=(2_000,), full=(2_000, 32_000)):
                    yield from wire(ours, url, tokens)
        if chromium if chromium is not None else size is not Size.QUICK:
            if shutil.which("chromium"):
                yield from browser(url)
            else:
                yield Measurement(f"in Chromium, {MESSAGES} messages", "ms", {OWN: "Chromium is not there"})


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--no-browser", dest="chromium", action="store_false", default=None, help="no Chromium")
    parser.add_argument("--only-browser", dest="kernel", action="store_false", help="only what needs Chromium")
    face(measurements, __doc__, parser)

"""A real kernel driven message by message: what is sent is awaited with a limit, and nothing waits for time to pass."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat.v4
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

import portkey_nb

WAIT_S = 30.0
"""Longest wait for any one thing; a test that needs it has failed."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

Message = dict[str, Any]


def scratch_environment(home: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment with a home of its own, none of the user's settings, and what is given.

    Parameters
    ----------
    home : Path
        Made if it is not there; data, configuration, caches and the run log go below it.
    given : mapping, optional
        Variables that go above the others.
    """
    foreign = ("PORTKEY_", "OPENAI_", "JPY_", "JUPYTER", "IPYTHON", "XDG_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    for name, folder in {
        "HOME": ".",
        "XDG_DATA_HOME": "data",
        "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache",
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "jupyter",
        "JUPYTER_DATA_DIR": "jupyter-data",
        "JUPYTER_RUNTIME_DIR": "jupyter-runtime",
    }.items():
        (home / folder).mkdir(parents=True, exist_ok=True)
        environment[name] = str((home / folder).resolve())
    environment["PORTKEY_NB_STORE"] = str(home / "runs.sqlite")
    environment["PYTHONPATH"] = str(Path(portkey_nb.__file__).parents[1])
    return {**environment, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **(given or {})}


class Cell:
    """One execution: the messages that came of it and the outputs as a front end would hold them."""

    def __init__(self, kernel: Kernel, code: str) -> None:
        self._kernel = kernel
        self.code = code
        self.messages: list[Message] = []
        self.arrivals: list[float] = []
        self.reply: Message | None = None
        self.idle = False

    def until(self, condition: Callable[[Message], bool]) -> Message:
        """Return the first message on the output channel that fulfils a condition, waiting for it."""
        seen = 0
        deadline = time.monotonic() + WAIT_S
        while True:
            while seen < len(self.messages):
                if condition(self.messages[seen]):
                    return self.messages[seen]
                seen += 1
            self._kernel.hear(deadline, f"a message that fits, of {self.code!r}")

    def until_text(self, text: str) -> Message:
        """Return the first output, or message to a widget, that holds a text."""
        echoes = ("execute_input", "status")
        return self.until(lambda message: message["msg_type"] not in echoes and text in str(message["content"]))

    def finish(self) -> Cell:
        """Wait for the reply and for the kernel to be idle again."""
        deadline = time.monotonic() + WAIT_S
        while self.reply is None or (not self.idle and self.status != "aborted"):
            self._kernel.hear(deadline, f"the end of {self.code!r}")
        return self

    def until_replied(self) -> Cell:
        """Wait for the reply alone."""
        deadline = time.monotonic() + WAIT_S
        while self.reply is None:
            self._kernel.hear(deadline, f"the reply to {self.code!r}")
        return self

    def take(self, message: Message) -> None:
        """Take up one message of the output channel."""
        self.messages.append(message)
        self.arrivals.append(time.monotonic())
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            self.idle = True

    @property
    def status(self) -> str | None:
        """``ok``, ``error`` or ``aborted``; None while it runs."""
        return None if self.reply is None else str(self.reply["content"]["status"])

    @property
    def ename(self) -> str:
        """The class of the error with which it failed."""
        return str((self.reply or {"content": {}})["content"].get("ename", ""))

    @property
    def evalue(self) -> str:
        """The message of that error."""
        return str((self.reply or {"content": {}})["content"].get("evalue", ""))

    def of(self, *kinds: str) -> list[Message]:
        """Return the messages of these types, in order."""
        return [message for message in self.messages if message["msg_type"] in kinds]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The outputs as they would be saved: updates taken up, adjoining pieces of a stream joined."""
        kept: list[dict[str, Any]] = []
        shown: dict[str, list[dict[str, Any]]] = {}
        for message in self.of("display_data", "execute_result", "stream", "error", "update_display_data"):
            content, kind = message["content"], message["msg_type"]
            name = (content.get("transient") or {}).get("display_id")
            if kind == "update_display_data":
                for output in shown.get(name, []):
                    output.update(data=content["data"], metadata=content["metadata"])
                continue
            output = dict(nbformat.v4.output_from_msg(message))
            if kind == "stream" and kept and kept[-1].get("name") == output["name"]:
                kept[-1]["text"] += output["text"]
                continue
            kept.append(output)
            if name:
                shown.setdefault(name, []).append(output)
        return kept

    def data(self, kind: str) -> str:
        """Return what the outputs hold in one representation, joined."""
        return "\n".join(str(output["data"][kind]) for output in self.outputs if kind in output.get("data", {}))

    @property
    def html(self) -> str:
        """The final text/html."""
        return self.data("text/html")

    @property
    def markdown(self) -> str:
        """The final text/markdown."""
        return self.data("text/markdown")

    @property
    def text(self) -> str:
        """The final text/plain."""
        return self.data("text/plain")

    @property
    def printed(self) -> str:
        """What went to stdout and stderr."""
        return "".join(output["text"] for output in self.outputs if output["output_type"] == "stream")


class Kernel:
    """An ipykernel in a process of its own, run by this interpreter.

    Parameters
    ----------
    folder : Path
        Its home; its working folder is ``work`` below it.
    given : mapping, optional
        Environment variables.
    """

    def __init__(self, folder: Path, given: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = scratch_environment(folder, given)
        self.heard: list[Message] = []
        self._cells: dict[str, Cell] = {}
        self._context = zmq.Context()
        # No kernelspec of the user's: the spec that ipykernel makes for the running interpreter.
        specs = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
        self._manager = KernelManager(kernel_name="python3", kernel_spec_manager=specs, context=self._context)
        self._manager.connection_file = str(folder / "jupyter-runtime" / "kernel.json")
        self._client: BlockingKernelClient | None = None

    @property
    def journal(self) -> Path:
        """What the process itself writes, beside its messages."""
        return self.folder / "kernel.log"

    @property
    def store(self) -> Path:
        """Its run log."""
        return Path(self.environment["PORTKEY_NB_STORE"])

    def __enter__(self) -> Kernel:
        self._start()
        return self

    def _start(self) -> None:
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        with self.journal.open("ab") as journal:
            self._manager.start_kernel(env=self.environment, cwd=str(work), stdout=journal, stderr=journal)
        self._connect()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._disconnect()
        self._manager.shutdown_kernel(now=True)
        self._context.destroy(linger=0)

    def _connect(self) -> None:
        client = self._manager.client()
        assert isinstance(client, BlockingKernelClient)
        self._client = client
        client.start_channels(hb=False)
        client.wait_for_ready(timeout=WAIT_S)

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.stop_channels()
            self._client = None

    def begin(self, code: str, *, cell_id: str | None = None, stdin: bool = False) -> Cell:
        """Send code to be run, and return without waiting."""
        assert self._client is not None
        cell = Cell(self, code)
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": stdin,
            "stop_on_error": True,
        }
        # A front end says in the metadata which cell it runs; the client's own execute() cannot.
        message = self._client.session.msg("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})
        self._cells[message["header"]["msg_id"]] = cell
        self._client.shell_channel.send(message)
        return cell

    def execute(self, code: str, *, cell_id: str | None = None) -> Cell:
        """Run code to its end."""
        return self.begin(code, cell_id=cell_id).finish()

    def ask(self, code: str, answer: str) -> Cell:
        """Run code that asks for a line of input once, and answer it."""
        assert self._client is not None
        cell = self.begin(code, stdin=True)
        asked = self._client.get_stdin_msg(timeout=WAIT_S)
        assert asked["msg_type"] == "input_request"
        self.heard.append(asked)
        self._client.input(answer)
        return cell.finish()

    def hear(self, deadline: float, wanted: str) -> None:
        """Take up the next messages, or fail when the deadline has passed."""
        assert self._client is not None
        poller = zmq.Poller()
        channels = {channel.socket: channel for channel in (self._client.shell_channel, self._client.iopub_channel)}
        for socket in channels:
            poller.register(socket, zmq.POLLIN)
        ready = poller.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            raise TimeoutError(f"waited {WAIT_S:.0f} s for {wanted}")
        for socket, _ in ready:
            message = channels[socket].get_msg(timeout=0)
            self.heard.append(message)
            cell = self._cells.get(message["parent_header"].get("msg_id", ""))
            if cell is None:
                continue
            if message["msg_type"] == "execute_reply":
                cell.reply = message
            elif socket is self._client.iopub_channel.socket:
                cell.take(message)

    def interrupt(self) -> None:
        """Press the stop button."""
        self._manager.interrupt_kernel()

    def kill(self) -> None:
        """End the process at once, as the system does when memory runs out."""
        self._manager.signal_kernel(signal.SIGKILL)

    @property
    def busy(self) -> bool:
        """Whether a cell has not been heard to end."""
        return any(cell.reply is None for cell in self._cells.values())

    def restart(self) -> None:
        """Start a new process in place of the old one."""
        self._cells.clear()
        self._disconnect()
        self._manager.shutdown_kernel(now=True, restart=True)
        self._start()

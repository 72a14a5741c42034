"""A real kernel of any interpreter, in a home of its own, and the messages that a cell sends."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

from tests.benchmarks.environment import QUIET
from tests.kernels import scratch_environment

PATIENCE_S = 600.0
SHOWN = ("comm_open", "comm_msg", "comm_close", "display_data", "update_display_data", "execute_result", "stream")
"""What shows something on the page."""


class _OneSpec(KernelSpecManager):
    """Knows one kernel: that of an interpreter."""

    def __init__(self, python: str) -> None:
        super().__init__(kernel_dirs=[])
        self._python = python

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [self._python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


@dataclass
class Ran:
    """A cell that was run.

    Attributes
    ----------
    messages : list
        What it sent on the output channel.
    arrivals : list of float
        Seconds from its sending to each of these.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the contents of the messages of these types."""
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    def size(self, *kinds: str) -> int:
        """Return the bytes of these contents, as UTF-8 JSON."""
        return sum(len(json.dumps(content, ensure_ascii=False).encode()) for content in self.of(*kinds))

    @property
    def printed(self) -> str:
        """What it printed."""
        return "".join(content["text"] for content in self.of("stream"))

    def shows(self, text: str) -> float:
        """Return the seconds until something shown held a text."""
        for message, arrival in zip(self.messages, self.arrivals, strict=True):
            if message["msg_type"] in SHOWN and text in json.dumps(message["content"], ensure_ascii=False):
                return arrival
        raise AssertionError(f"{text!r} was never shown; printed: {self.printed[-300:]!r}")


class Kernel:
    """A kernel in a process of its own.

    Parameters
    ----------
    folder : Path
        Its home.
    python : str, optional
        The interpreter; this one if none is given.
    given : mapping, optional
        Environment variables.
    """

    def __init__(self, folder: Path, python: str = sys.executable, given: Mapping[str, str] | None = None) -> None:
        environment = scratch_environment(folder, {**QUIET, **(given or {})})
        self._manager = KernelManager(kernel_name="python3", kernel_spec_manager=_OneSpec(python))
        self._manager.connection_file = str(folder / "jupyter-runtime" / "kernel.json")
        with (folder / "kernel.log").open("ab") as log:
            self._manager.start_kernel(cwd=str(folder), env=environment, stdout=log, stderr=log)
        client = self._manager.client()
        assert isinstance(client, BlockingKernelClient)
        self.client = client
        client.start_channels()
        client.wait_for_ready(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def hear(self, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """Return the next message of the output channel.

        Raises
        ------
        RuntimeError
            If it is an error of a cell.
        """
        message: dict[str, Any] = self.client.get_iopub_msg(timeout=timeout)
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(message["content"]["traceback"]))
        return message

    def run(self, code: str) -> Ran:
        """Run a cell to its end."""
        ran = Ran()
        began = time.perf_counter()
        request = self.client.execute(code)
        while True:
            message = self.hear()
            if message["parent_header"].get("msg_id") != request:
                continue
            ran.messages.append(message)
            ran.arrivals.append(time.perf_counter() - began)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return ran

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used."""
        return float(self.run("print(__import__('time').process_time())").printed)

    def close(self) -> None:
        """End it."""
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)

"""The open-source Portkey gateway on this machine: started on loopback only, watched, and stopped by its own id."""

from __future__ import annotations

import atexit
import contextlib
import logging
import logging.handlers
import os
import re
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from portkey_nb.errors import APIConnectionError, SettingsError
from portkey_nb.gateway import presence
from portkey_nb.gateway.node import FILES, find_node, install
from portkey_nb.gateway.presence import PORT, running
from portkey_nb.gateway.taping import is_replaying
from portkey_nb.settings import data_dir

__all__ = ["PORT", "LocalGateway", "running"]

START_S = 30.0
STOP_S = 5.0
LOG_BYTES = 1_000_000

PASSED = (
    "TRUSTED_CUSTOM_HOSTS",
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "NODE_USE_ENV_PROXY"),
    *("NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR"),
)
"""What the gateway gets of the user's environment: no key, and no cloud credential that it would use by itself."""

_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SPINNER = re.compile(r"^. Starting AI Gateway\.\.\.")
_LISTENING = re.compile(r"portkey_nb: listening on \S+:(\d+)")
_FAULT = re.compile(r"\w*Error\b.*: ")


class LocalGateway:
    """The open-source Portkey gateway, running on this machine for this process.

    It is installed on first use (25 MB, by npm, pinned), listens on 127.0.0.1 alone, has no log page, is given none
    of the keys in the environment, and ends with the process that started it. Providers' keys travel with each
    request.

    Parameters
    ----------
    port : int, optional
        8787 by default; 0 takes a free one.
    env : mapping, optional
        Further environment variables for the gateway. ``TRUSTED_CUSTOM_HOSTS`` (also taken from the environment)
        *replaces* the gateway's list of the private names that it accepts as ``custom_host`` (``localhost``,
        ``127.0.0.1``, ``::1``, ``host.docker.internal``), so name all that you need:
        ``{"TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1,192.168.1.10"}``.
    log : path, optional
        File that what the gateway says is appended to; ``gateway.log`` in the user's data folder by default. At
        1 MB it is renamed to ``.1`` and begun anew.

    Notes
    -----
    Ollama on the same machine is reached by ``provider="ollama"`` alone: the client tells the gateway its address, from
    ``OLLAMA_HOST`` or ``http://127.0.0.1:11434``. Another model server that speaks OpenAI's API is reached by
    ``provider="openai"`` and ``custom_host`` (its address, with ``/v1``).

    Examples
    --------
    >>> from portkey_nb import Portkey
    >>> with LocalGateway(port=0) as gateway:  # doctest: +SKIP
    ...     portkey = Portkey(base_url=gateway.base_url, provider="ollama")
    """

    def __init__(
        self, port: int | None = None, *, env: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        self._wanted = PORT if port is None else port
        if not 0 <= self._wanted <= 65535:
            raise SettingsError(f"{port} is no port; give one from 1 to 65535, or 0 for a free one")
        self._env = dict(env or {})
        self.log = Path(log) if log is not None else data_dir() / "gateway.log"
        self._port = self._wanted
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._ready = threading.Event()
        self._last = self._fault = ""
        self._stands_in = False

    @property
    def base_url(self) -> str:
        """Where requests go, ending in ``/v1``."""
        if self._port == 0:
            raise SettingsError("this gateway has no address before it is started; call .start() first")
        return presence.address(self._port)

    @property
    def pid(self) -> int | None:
        """Process id of the gateway; None before it is started."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether the gateway's process is running, or a replay answers in its place."""
        return self._stands_in or (self._process is not None and self._process.poll() is None)

    def start(self, *, tell: Callable[[str], None] | None = None) -> Self:
        """Install the gateway where needed, start it, and wait until it answers; nothing of it while a replay is on.

        Parameters
        ----------
        tell : callable, optional
            Called with one line before the gateway is installed, which takes some seconds, once.

        Raises
        ------
        SettingsError
            When Node is missing, npm cannot fetch the gateway, or the port is taken.
        APIConnectionError
            When the gateway ends or says nothing within 30 s.
        """
        if self.alive:
            return self
        self.stop()
        if is_replaying():
            # Nobody will ask it; what a notebook says of its address has to stand.
            self._port, self._stands_in = self._wanted or presence.NOWHERE, True
            presence.started(self._port)
            return self
        if self._wanted and presence.is_open(self._wanted):
            raise presence.taken(self._wanted)
        server = install(tell)
        node = find_node()
        words = ["--import", (FILES / "loopback.mjs").as_uri()]
        # `localhost`, where Ollama is looked for, shall mean 127.0.0.1 to every version of Node.
        words += ["--dns-result-order=ipv4first", str(server), f"--port={self._wanted}", "--headless"]
        self._ready.clear()
        self._last = self._fault = ""
        self._process = subprocess.Popen(  # noqa: S603 (Node as found, and our own words)
            [node.program, *words],
            cwd=server.parent,
            env={**{name: os.environ[name] for name in PASSED if name in os.environ}, **self._env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C in a terminal, or a kernel's stop button, is not meant for the gateway.
            start_new_session=True,
        )
        atexit.register(self.stop)
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="gateway-log", daemon=True)
        self._reader.start()
        try:
            self._await_answer(self._process)
        except BaseException:
            self.stop()
            raise
        presence.started(self._port)
        return self

    def _await_answer(self, process: subprocess.Popen[str]) -> None:
        if not self._ready.wait(START_S):
            raise APIConnectionError(
                f"the Portkey gateway does not start within {START_S:.0f} s; its log is {self.log}"
            )
        if process.poll() is None and presence.greets(self._port, START_S):
            return
        self.stop()
        if "EADDRINUSE" in self._fault:
            raise presence.taken(self._wanted)
        raise APIConnectionError(
            f"the Portkey gateway ended as it started, with {self.last_words}; its log is {self.log}"
        )

    @property
    def last_words(self) -> str:
        """The last error that the gateway wrote to its log, else the last line."""
        return repr(self._fault or self._last or "no word")

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Keep what the gateway says, without its spinner, until it ends."""
        assert process.stdout is not None
        with process.stdout as lines, contextlib.closing(_Log(self.log)) as log:
            for raw in lines:
                line = _SPINNER.sub("", _CONTROL.sub("", raw).strip())
                if not line:
                    continue
                log.keep(line)
                self._last = line
                if _FAULT.match(line):
                    self._fault = line
                if found := _LISTENING.fullmatch(line):
                    self._port = int(found[1])
                    self._ready.set()
        self._ready.set()

    def wait(self) -> int:
        """Wait until the gateway ends, and return its exit status (negative: the signal that ended it)."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """End the gateway: asked first, forced after 5 s; nothing happens where it is not running."""
        atexit.unregister(self.stop)
        presence.stopped(self._port)
        self._stands_in = False
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if self._reader is not None:
            self._reader.join(STOP_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


class _Log:
    """A file of at most 1 MB and its predecessor, for the user's eyes alone; one that cannot be written is none."""

    def __init__(self, path: Path) -> None:
        self._handler: logging.Handler | None = None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            self._handler = logging.handlers.RotatingFileHandler(
                path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8"
            )
            self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

    def keep(self, line: str) -> None:
        if self._handler is not None:
            self._handler.handle(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        if self._handler is not None:
            self._handler.close()

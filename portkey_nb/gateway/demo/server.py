"""The demo gateway itself: a real HTTP server on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from tornado.httpserver import HTTPServer

from portkey_nb.errors import SettingsError
from portkey_nb.gateway.demo.handlers import SERVER, House, application
from portkey_nb.gateway.demo.stats import Stats
from portkey_nb.gateway.taping import is_replaying

__all__ = ["SERVER", "DemoGateway", "Stats", "embedded", "serve_forever"]

HOST = "127.0.0.1"
SPEED_VARIABLE = "PORTKEY_NB_DEMO_SPEED"
"""Environment variable with the speed of every demo gateway that is not given one."""


class DemoGateway:
    """A Portkey-like gateway with simulated models, on loopback.

    Parameters
    ----------
    port : int
        TCP port; 0 for a free one.
    speed : float, optional
        How many times faster than usual the models are; 0 for no delays at all. By default what
        ``PORTKEY_NB_DEMO_SPEED`` says, else 1. A request's header ``x-portkey-demo-speed`` goes above it.
    fault_delay : float
        How long ``demo-slow`` keeps silent, in seconds; ``speed`` does not touch it.

    Examples
    --------
    >>> with DemoGateway(speed=0) as demo:
    ...     print(demo.base_url)
    http://127.0.0.1:...
    """

    def __init__(self, port: int = 0, *, speed: float | None = None, fault_delay: float = 5.0) -> None:
        self._wanted_port = _checked_port(port)
        self._house = House(pace=_pace(speed), fault_delay=fault_delay)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: asyncio.Event | None = None
        self._port: int | None = None

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT/v1``, to be given to any OpenAI-compatible client."""
        if self._port is None:
            raise SettingsError("the demo gateway is not running; call .start(), or use it in a `with` statement")
        return f"http://{HOST}:{self._port}/v1"

    @property
    def running(self) -> bool:
        """Whether it is being served."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> DemoGateway:
        """Bind the port and serve; returns itself. Starting twice does nothing, nor does it while a replay is on.

        Raises
        ------
        SettingsError
            When the port cannot be bound.
        """
        if self._thread is not None:
            return self
        if is_replaying():
            # Nobody will ask it; what a notebook says of its address has to stand.
            self._port = self._wanted_port or 1
            return self
        sockets = _bind(self._wanted_port)
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(sockets, ready), name="portkey_nb demo gateway", daemon=True
        )
        self._thread.start()
        ready.wait()
        self._port = sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Cut what is open, close every socket and join the thread. Stopping twice does nothing."""
        thread, loop, leave = self._thread, self._loop, self._leave
        if thread is None or loop is None or leave is None:
            self._port = None
            return
        if thread.is_alive():
            loop.call_soon_threadsafe(leave.set)
            thread.join()
        self._thread = self._loop = self._leave = self._port = None

    def __enter__(self) -> DemoGateway:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"DemoGateway({self.base_url if self._port else 'not running'})"

    def stats(self) -> Stats:
        """Return what was counted since the gateway was made."""
        return self._house.counter.now

    def wait_for(self, condition: Callable[[Stats], bool], timeout: float = 5.0) -> bool:
        """Wait until the counts fulfil a condition; False after ``timeout`` seconds."""
        return self._house.counter.wait_for(condition, timeout)

    def wait_for_disconnect(self, n: int = 1, timeout: float = 5.0) -> bool:
        """Wait until ``n`` clients in all went away before their answer's end; False after ``timeout`` seconds."""
        return self.wait_for(lambda stats: stats.disconnects >= n, timeout)

    def _run(self, sockets: list[socket.socket], ready: threading.Event) -> None:
        # Tornado wants a selector loop, which is not what Windows gives by itself.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve(sockets, ready))

    async def _serve(self, sockets: list[socket.socket], ready: threading.Event) -> None:
        self._loop, self._leave = asyncio.get_running_loop(), asyncio.Event()
        server = HTTPServer(application(self._house))
        server.add_sockets(sockets)
        ready.set()
        await self._leave.wait()
        server.stop()
        work = list(self._house.work)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await server.close_all_connections()


def _checked_port(port: int) -> int:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise SettingsError(f"port {port!r} is no TCP port; give a whole number from 1 to 65535, or 0 for a free one")
    return port


def _bind(port: int) -> list[socket.socket]:
    try:
        # Not tornado's bind_sockets: it leaves the socket open when the port is taken.
        listening = socket.create_server((HOST, port), backlog=128)
        listening.setblocking(False)
        return [listening]
    except OSError as error:
        reason = error.strerror or str(error)
    raise SettingsError(f"port {port} on {HOST} cannot be used ({reason}); choose another, or 0 for a free one")


def _pace(speed: float | None) -> float:
    said: object = os.environ.get(SPEED_VARIABLE, "1") if speed is None else speed
    try:
        factor = float(said)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        factor = math.nan
    if not 0 <= factor < math.inf:
        raise SettingsError(f"demo speed {said!r} is no number of 0 or more; 1 is the usual speed, 0 means no delays")
    return 1 / factor if factor else 0.0


_embedded: dict[int, DemoGateway] = {}
_embedding = threading.Lock()


def embedded() -> DemoGateway:
    """Return this process's own demo gateway, started on first use and stopped with the process."""
    with _embedding:
        # Keyed by process: a forked child has the object but not its thread.
        gateway = _embedded.get(os.getpid())
        if gateway is None or not gateway.running:
            gateway = DemoGateway().start()
            _embedded[os.getpid()] = gateway
            atexit.register(gateway.stop)
        return gateway


def serve_forever(port: int = 0, *, on_ready: Callable[[str], object] | None = None) -> None:
    """Serve until KeyboardInterrupt; prints nothing.

    Parameters
    ----------
    port : int
        TCP port; 0 for a free one.
    on_ready : callable, optional
        Called once with the base URL.

    Raises
    ------
    SettingsError
        When the port cannot be bound.
    """
    with DemoGateway(port) as gateway:
        if on_ready is not None:
            on_ready(gateway.base_url)
        try:
            while gateway.running:
                # In short turns, since Windows does not interrupt a wait without end.
                threading.Event().wait(0.5)
        except KeyboardInterrupt:
            return

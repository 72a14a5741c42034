"""Connections: one TLS context made once and shared, time limits, retries, and httpx's errors in our own words."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import httpx

from portkey_nb.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    PortkeyError,
    SettingsError,
    asked_wait,
)
from portkey_nb.gateway.many import KEPT_S, ManyClient, ManyTransport
from portkey_nb.gateway.tapes import inner_way
from portkey_nb.gateway.taping import PLAYED
from portkey_nb.gateway.target import Target
from portkey_nb.loading import unbroken

LONGEST_WAIT = 60.0
"""Seconds that a Retry-After may ask for and still be honoured."""


@dataclass(frozen=True)
class Timeouts:
    """The client's time limits in seconds; None is no limit.

    Attributes
    ----------
    connect : float or None
        Until the connection stands.
    idle : float or None
        Between two pieces of a streamed answer, and until its first one.
    answer : float or None
        Until a whole (not streamed) answer begins.
    total : float or None
        For the call from its first attempt to its last byte.
    """

    connect: float | None = 10.0
    idle: float | None = 60.0
    answer: float | None = 600.0
    total: float | None = None

    @classmethod
    def of(cls, value: Any, default: Timeouts) -> Timeouts:
        """Read what a person gave: seconds for the whole call, or a mapping of limits by name.

        Examples
        --------
        >>> Timeouts.of({"idle": 5}, Timeouts()).idle
        5.0
        """
        if value is None or value is ...:
            return default
        if isinstance(value, Timeouts):
            return value
        given = value if isinstance(value, Mapping) else {"total": value}
        known = [item.name for item in fields(cls)]
        for name, seconds in given.items():
            if name not in known:
                raise SettingsError(f"unknown time limit `{name}`; known are {', '.join(known)} (seconds)")
            ok = seconds is None or (isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0)
            if not ok:
                raise SettingsError(f"time limit `{name}` is {seconds!r}; give seconds above 0, or None for no limit")
        return replace(default, **{name: None if s is None else float(s) for name, s in given.items()})

    def for_httpx(self, stream: bool, left: float | None) -> httpx.Timeout:
        """Return the limits as httpx takes them, none longer than the ``left`` seconds of the whole call."""
        read = self.idle if stream else self.answer
        if left is not None:
            left = max(left, 0.001)
            read = left if read is None else min(read, left)
        connect = self.connect if left is None or self.connect is None else min(self.connect, left)
        return _limits(read, connect) if left is None else httpx.Timeout(read, connect=connect, pool=None)


@lru_cache(maxsize=64)
def _limits(read: float | None, connect: float | None) -> httpx.Timeout:
    return httpx.Timeout(read, connect=connect, pool=None)


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return the process's one TLS context; making one costs about 15 ms."""
    return httpx.create_ssl_context()


def sync_client(target: Target, transport: Any = None) -> httpx.Client:
    """Open a connection pool for blocking calls."""
    transport = inner_way(transport)
    with unbroken():  # httpx loads the rest of itself with the first client
        return httpx.Client(**_client_options(target, transport))


def async_client(target: Target, transport: Any = None) -> httpx.AsyncClient | ManyClient:
    """Open a connection pool for one event loop."""
    transport = inner_way(transport)
    if isinstance(transport, ManyTransport):
        options = _client_options(target, None)
        fast = transport.open(target.url, options["verify"], trust_env=options["trust_env"])
        return httpx.AsyncClient(**options) if fast is None else fast
    return httpx.AsyncClient(**_client_options(target, transport))


def _client_options(target: Target, transport: Any) -> dict[str, Any]:
    # A loopback http URL needs no certificates: an empty context costs nothing.
    plain = target.url.startswith("http://")
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else tls_context()
    return {
        "transport": transport,
        "verify": verify,
        "trust_env": transport is None and not target.loopback,
        # Notebook cells are run minutes apart; a connection that the other side has dropped is noticed before use.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=KEPT_S),
        "follow_redirects": False,
    }


HEADERS_READ = 16 * 1024
"""Bytes of all headers together that Node's server reads; it answers 431 beyond, and may close before that is read."""


def connection_error(
    error: Exception, target: Target, limits: Timeouts, *, stream: bool, headers: int = 0
) -> APIConnectionError:
    """Say in one line what went wrong on the way to the gateway.

    Parameters
    ----------
    error : Exception
        What httpx raised before an answer began.
    headers : int
        Bytes of the request's headers.
    """
    where = "the demo gateway" if target.kind == "demo" else target.url
    if isinstance(error, httpx.ConnectTimeout):
        return APITimeoutError(
            f"no connection to {where} within {_shorter(limits.connect, limits.total)}; "
            "check the base URL and the network",
            connected=False,
        )
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        limit = _shorter(limits.idle if stream else limits.answer, limits.total)
        return APITimeoutError(
            f"{where} gave no answer within {limit}; run again, choose another model, or raise `timeout`"
        )
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return APIConnectionError(
            f"cannot reach {where} ({reason}); is the gateway running, and is the base URL right?"
        )
    if headers > HEADERS_READ:
        return APIConnectionError(
            f"{where} closed the connection, for the config is too large for a header: all headers together have "
            f"{headers:,} bytes and may have {HEADERS_READ:,}; shorten it, or save it in Portkey and name its id"
        )
    return APIConnectionError(f"the connection to {where} broke before an answer came ({reason}); run again")


def _shorter(limit: float | None, total: float | None) -> str:
    known = [seconds for seconds in (limit, total) if seconds is not None]
    return f"{min(known):g} s" if known else "its time limit"


@contextlib.contextmanager
def read_until(response: httpx.Response, moment: float | None) -> Iterator[None]:
    """Let no read of an answer's connection wait beyond a moment.

    Parameters
    ----------
    response : httpx.Response
        An answer that is being read by a blocking client.
    moment : float or None
        Monotonic seconds; None for no bound.
    """
    stream: Any = response.extensions.get("network_stream")
    if moment is None or stream is None:
        yield
        return
    read = stream.read

    # httpx fixes the limit of a single read with the request; what is left of the call shrinks from read to read.
    def read_in_time(max_bytes: int, timeout: float | None = None) -> bytes:
        left = max(0.001, moment - time.monotonic())
        data: bytes = read(max_bytes, left if timeout is None else min(left, timeout))
        return data

    stream.read = read_in_time
    try:
        yield
    finally:
        del stream.read


def wake(response: httpx.Response) -> None:
    """Let a thread that waits for an answer's next byte go on, finding the connection's end."""
    if PLAYED in response.extensions:
        response.extensions[PLAYED].closed.set()
    stream: Any = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None:
        with contextlib.suppress(OSError):
            # Below TLS, whose own shutdown would wait for the other side.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


def retry_delay(error: PortkeyError, attempt: int, max_retries: int) -> float | None:
    """Decide whether a failed attempt is tried again.

    Parameters
    ----------
    error : PortkeyError
        How the attempt ended, before the first byte of an answer.
    attempt : int
        1 for the first attempt.
    max_retries : int
        Tries beyond the first.

    Returns
    -------
    float or None
        Seconds to wait; None when it is not to be tried again.
    """
    if attempt > max_retries:
        return None
    if isinstance(error, APIStatusError):
        if error.status not in (408, 429) and error.status < 500:
            return None
        asked = asked_wait(error.headers)
        if asked is not None:
            return asked if asked <= LONGEST_WAIT else None
    elif not isinstance(error, APIConnectionError) or getattr(error, "connected", False):
        # After a time limit the provider may be working on it: only a connection that never stood is tried again.
        return None
    # Jitter spreads clients apart; nothing secret depends on it.
    return float(min(8.0, 0.5 * 2 ** (attempt - 1)) * (0.75 + 0.5 * random.random()))  # noqa: S311

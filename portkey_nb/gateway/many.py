"""The way to the network for many requests at once: aiohttp's connections, spoken to as httpx's are.

httpx's own pool walks all of its requests and connections at each step: at a hundred requests in flight it takes
several times longer than the requests themselves.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from portkey_nb.settings import Secret

if TYPE_CHECKING:
    import aiohttp

KEPT_S = 60.0
"""Seconds that an idle connection is kept."""
_LONGEST_LINE = 65_536
_DEFAULTS = {"accept": "*/*", "accept-encoding": "gzip, deflate", "connection": "keep-alive"}


class ManyTransport:
    """What an asynchronous client takes as ``transport`` to be fast with many requests at once.

    Where the environment names a proxy for the gateway, or aiohttp is missing, httpx's own connections serve.
    """

    def __repr__(self) -> str:
        return "ManyTransport()"

    def open(self, url: str, verify: ssl.SSLContext, *, trust_env: bool) -> ManyClient | None:
        """Return a client for one event loop; None where httpx's own is to serve.

        Parameters
        ----------
        url : str
            The gateway's base URL.
        trust_env : bool
            Whether the environment's proxies count.
        """
        if trust_env and proxied(url):
            return None
        try:
            import aiohttp  # noqa: F401 (loads only for batches)
        except ImportError:
            return None
        return ManyClient(verify)


def proxied(url: str) -> bool:
    """Tell whether the environment names a proxy for a URL."""
    parts = urlsplit(url)
    known = getproxies()
    return bool(known.get(parts.scheme) or known.get("all")) and not proxy_bypass(parts.netloc)


@dataclass(frozen=True)
class Prepared:
    """A request as it goes out."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    timeout: httpx.Timeout

    def __repr__(self) -> str:
        return f"Prepared({self.method} {self.url})"


class ManyClient:
    """The part of :class:`httpx.AsyncClient` that the client needs: build a request, send it, close.

    Errors are httpx's.

    Parameters
    ----------
    verify : ssl.SSLContext
    """

    def __init__(self, verify: ssl.SSLContext) -> None:
        self._verify = verify
        self._session: aiohttp.ClientSession | None = None

    def build_request(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None, timeout: httpx.Timeout
    ) -> Prepared:
        """Return a request with what every request says of itself."""
        return Prepared(method, url, {**_DEFAULTS, **headers}, content, timeout)

    async def send(self, request: Any, *, stream: bool) -> httpx.Response:
        """Send a request and return its answer as far as the headers; ``stream`` is always meant.

        Parameters
        ----------
        request : Prepared
            What :meth:`build_request` returned.

        Raises
        ------
        httpx.TransportError
            When there is no answer.
        """
        session = self._session or self._opened()
        try:
            # A secret text would be written as the dots that it shows.
            response = await session.request(
                request.method,
                request.url,
                headers={n: v.reveal() if isinstance(v, Secret) else v for n, v in request.headers.items()},
                data=request.content,
                allow_redirects=False,
                timeout=_limits(request.timeout),
            )
        except Exception as raised:  # noqa: BLE001 (what is not of the network goes on as it is)
            error = _as_httpx(raised)
        else:
            return httpx.Response(response.status, headers=list(response.raw_headers), stream=_Body(response))
        raise error

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        import aiohttp  # loads only for batches

        # Made inside the event loop that it belongs to.
        connector = aiohttp.TCPConnector(limit=0, ssl=self._verify, keepalive_timeout=KEPT_S)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            skip_auto_headers=("user-agent", "content-type"),
        )
        return self._session


class _Body(httpx.AsyncByteStream):
    """The bytes of an answer as they come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = self._response.content.readany
        error: Exception | None = None
        whole = False
        try:
            while data := await read():
                yield data
            whole = True
        except Exception as raised:  # noqa: BLE001 (as above)
            error = _as_httpx(raised)
        finally:
            if not whole:
                self._response.close()
        if error is not None:
            raise error

    async def aclose(self) -> None:
        # A connection whose answer came whole has gone back by itself; any other one is closed at once.
        self._response.close()


def _limits(timeout: httpx.Timeout) -> aiohttp.ClientTimeout:
    import aiohttp  # loads only for batches

    return aiohttp.ClientTimeout(total=None, connect=timeout.connect, sock_read=timeout.read)


def _as_httpx(error: Exception) -> Exception:
    """Return what httpx would have raised."""
    import aiohttp  # loads only for batches

    reason = " ".join(str(error).split())
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(reason)
        case TimeoutError():
            return httpx.ReadTimeout(reason)
        case aiohttp.ClientConnectorCertificateError():
            return httpx.ConnectError(str(error.certificate_error))
        case aiohttp.ClientConnectorDNSError() | aiohttp.ClientConnectorSSLError():
            return httpx.ConnectError(str(error.os_error))
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError("All connection attempts failed")
        case aiohttp.ServerDisconnectedError():
            return httpx.RemoteProtocolError("Server disconnected without sending a response.")
        case aiohttp.ClientPayloadError():
            return httpx.RemoteProtocolError("peer closed connection without sending complete message body")
        case aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError(" ".join(error.message.split()))
        case aiohttp.InvalidURL():
            return httpx.UnsupportedProtocol(reason)
        case aiohttp.ClientError() | OSError():
            return httpx.ReadError(reason)
    return error

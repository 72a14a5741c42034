"""A transport that records, for a client of one's own or of another library."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from portkey_nb.gateway.matching import sent_of
from portkey_nb.gateway.nesting import nested
from portkey_nb.gateway.recording import Recorder


class RecordingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that records; see :func:`recording`.

    Attributes
    ----------
    recorder : Recorder
    inner : httpx.BaseTransport, httpx.AsyncBaseTransport or None
        The way to the network; None for that which the client would take by itself.
    """

    def __init__(self, path: str | os.PathLike[str], inner: Any = None) -> None:
        self.recorder = Recorder(path)
        self.inner = inner
        self._own: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"recording({str(self.recorder.path)!r})"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request of any blocking httpx client, and record it."""
        if self.inner is None and None not in self._own:
            self._own[None] = httpx.HTTPTransport()
        way: httpx.BaseTransport = self.inner or self._own[None]
        sent = sent_of(request, request.read())
        return nested(self.recorder).send(sent, partial(way.handle_request, request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As :meth:`handle_request`, for any asynchronous httpx client."""
        loop = asyncio.get_running_loop()
        if self.inner is None and loop not in self._own:
            # Connections belong to the event loop that opened them.
            self._own[loop] = httpx.AsyncHTTPTransport()
        way: httpx.AsyncBaseTransport = self.inner or self._own[loop]
        sent = sent_of(request, await request.aread())
        return await nested(self.recorder).asend(sent, partial(way.handle_async_request, request))

    def close(self) -> None:
        """Close what was opened for blocking clients."""
        way = self._own.pop(None, self.inner)
        if isinstance(way, httpx.BaseTransport):
            way.close()

    async def aclose(self) -> None:
        """Close what was opened for this event loop."""
        way = self._own.pop(asyncio.get_running_loop(), self.inner)
        if isinstance(way, httpx.AsyncBaseTransport):
            await way.aclose()


def recording(path: str | os.PathLike[str], *, transport: Any = None) -> RecordingTransport:
    """Return a transport that adds each request and its answer to a file; no key gets into it.

    Inside of what the process records or replays (``%portkey``, ``PORTKEY_NB_RECORD``, ``PORTKEY_NB_REPLAY``) the
    request is written down there too, or answered from there, in which case that answer is what is recorded.

    Parameters
    ----------
    path : path
        A file in JSON Lines, begun where it is not there. Several threads and processes may write one.
    transport : httpx.BaseTransport or httpx.AsyncBaseTransport, optional
        The way to the network.

    Returns
    -------
    RecordingTransport
        For ``Portkey(transport=...)`` and ``AsyncPortkey(transport=...)``, and for any client of httpx.

    Raises
    ------
    RecordingError
        With the first request, when the file cannot be written or is a file of something else.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from portkey_nb import Portkey, recording
    >>> path = pathlib.Path(tempfile.mkdtemp(), "test.jsonl")
    >>> portkey = Portkey(base_url="demo", transport=recording(path))
    >>> messages = [{"role": "user", "content": "Say this is a test"}]
    >>> _ = portkey.chat.completions.create(model="gpt-4o", messages=messages)
    >>> len(path.read_text().splitlines())
    2
    """
    return RecordingTransport(Path(path), transport)

"""Portkey and AsyncPortkey: ``chat.completions.create``, ``with_options`` and more; shells around one core."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Literal, Self, TypeVar, overload

import httpx

from portkey_nb.errors import AuthenticationError, PermissionDeniedError, PortkeyError
from portkey_nb.gateway.config import hidden
from portkey_nb.gateway.core import Core, deadline_of
from portkey_nb.gateway.many import ManyClient
from portkey_nb.gateway.request import Request
from portkey_nb.gateway.resources import (
    AsyncConfigs,
    AsyncFeedback,
    AsyncModels,
    AsyncPrompts,
    Configs,
    Feedback,
    Models,
    Prompts,
)
from portkey_nb.gateway.streams import AsyncStream, Stream
from portkey_nb.gateway.tapes import inner_way, tape_for
from portkey_nb.gateway.transport import async_client, read_until, sync_client
from portkey_nb.gateway.types import Answer, ChatCompletion

A = TypeVar("A", bound=Answer)

Observer = Callable[[int], None]
"""Called with the number of each attempt as it is sent, from 1."""


class Portkey(Core):
    """A client of Portkey's chat completions.

    Parameters
    ----------
    api_key : str, optional
        The Portkey key; ``PORTKEY_API_KEY`` by default.
    base_url : str, optional
        A gateway's URL, or ``"demo"`` or ``"local"``; ``PORTKEY_BASE_URL``, else the hosted gateway, by default.
    virtual_key, provider, config : optional
        Where the request goes: a saved credential, a provider's name, a saved config's id or a Config as a mapping.
    timeout : float or mapping, optional
        Seconds for the whole call, or limits by name (``connect`` 10, ``idle`` 60, ``answer`` 600, ``total`` none).
    max_retries : int
        Tries beyond the first after connection errors, 408, 429 and 5xx; none where the Config has its own ``retry``.
    transport : httpx.BaseTransport, optional
        Another way to the network, such as ``portkey_nb.recording(path)`` or ``portkey_nb.replaying(path)``.
    **headers
        Any other option; it travels as ``x-portkey-<name-with-dashes>``.

    Raises
    ------
    SettingsError
        When neither a key nor a base URL is known.
    ConfigError
        When the config does not fit its schema.

    Examples
    --------
    >>> portkey = Portkey(base_url="demo")
    >>> answer = portkey.chat.completions.create(
    ...     model="gpt-4o", messages=[{"role": "user", "content": "Say this is a test"}])
    >>> answer.choices[0].message.content
    'This is a test.'
    """

    def _open(self) -> None:
        self._http = sync_client(self._target, self._transport)
        if inner_way(self._transport) is None:
            # Sockets are closed with the client, also where nobody says close().
            ways = [self._http._transport, *self._http._mounts.values()]
            self._closer = weakref.finalize(self._http, _close_all, [way for way in ways if way is not None])

    @property
    def chat(self) -> Chat:
        """The chat endpoints: ``chat.completions.create``."""
        return Chat(self)

    @property
    def models(self) -> Models:
        """The model list: ``models.list()``."""
        return Models(self)

    @property
    def prompts(self) -> Prompts:
        """Prompt templates saved in Portkey: ``prompts.render``, ``prompts.completions.create``, ``prompts.list``."""
        return Prompts(self)

    @property
    def feedback(self) -> Feedback:
        """Feedback on answers by their trace id: ``feedback.create``."""
        return Feedback(self)

    @property
    def configs(self) -> Configs:
        """Configs saved in Portkey: ``configs.list()``."""
        return Configs(self)

    def close(self) -> None:
        """Close the connections; the client and those made of it by ``with_options`` are done then."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _complete(self, request: Request) -> ChatCompletion | Stream:
        deadline = deadline_of(request)
        answer = self._send(request, deadline)
        return Stream(answer, request, deadline, self._http) if request.stream else self._completion(answer, request)

    def _read(self, request: Request, kind: type[A]) -> A:
        response = self._send(request, deadline_of(request))
        return kind(*self._answer(response, request))

    def _list(self, what: str, query: Mapping[str, Any], kind: type[A]) -> A:
        try:
            return self._read(self._listing(what, query), kind)
        except (AuthenticationError, PermissionDeniedError) as error:
            refused = self._denied(error, what)
        raise refused

    def _send(self, request: Request, deadline: float | None) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            outcome = self._attempt(request, deadline)
            if isinstance(outcome, httpx.Response):
                return outcome
            time.sleep(self._pause_s(outcome, attempt, request, deadline))

    def _attempt(self, request: Request, deadline: float | None) -> httpx.Response | PortkeyError:
        def go() -> httpx.Response:
            return self._http.send(self._httpx_request(self._http, request, deadline), stream=True)

        try:
            tape = tape_for(self._transport)
            response = tape.send(self._sent(request), go) if tape is not None else go()
            if response.is_success and request.stream:
                return response
            with read_until(response, deadline):
                response.read()
            return response if response.is_success else self._refusal(response, request)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return self._broken(error, request, deadline)


def _close_all(ways: list[httpx.BaseTransport]) -> None:
    for way in ways:
        way.close()


class Chat:
    """The chat endpoints of a client."""

    def __init__(self, client: Portkey) -> None:
        self.completions = Completions(client)


class Completions:
    """``create`` for blocking calls."""

    def __init__(self, client: Portkey) -> None:
        self._client = client

    @overload
    def create(self, *, messages: Any, model: str, stream: Literal[False] = False, **params: Any) -> ChatCompletion: ...
    @overload
    def create(self, *, messages: Any, model: str, stream: Literal[True], **params: Any) -> Stream: ...
    @overload
    def create(self, *, messages: Any, model: str, stream: bool, **params: Any) -> ChatCompletion | Stream: ...
    def create(
        self,
        *,
        messages: Any,
        model: str,
        stream: bool = False,
        timeout: Any = ...,
        extra_headers: Mapping[str, str] | None = None,
        **request_params: Any,
    ) -> ChatCompletion | Stream:
        """Ask for a chat completion.

        Parameters
        ----------
        messages : sequence of mappings
            The conversation, each message with ``role`` and ``content``.
        model : str
            The model's name.
        stream : bool
            Whether to return a :class:`Stream` of chunks in place of the whole answer.
        timeout : float or mapping, optional
            As for the client, for this call.
        extra_headers : mapping, optional
            Further headers, as they are.
        **request_params
            Any parameter of the request body; those that are None are not sent.

        Returns
        -------
        ChatCompletion or Stream

        Raises
        ------
        APIStatusError
            When the gateway answers with an error.
        APIConnectionError
            When it cannot be reached, or gives no answer in time.
        """
        client, extra_headers = self._client, hidden(extra_headers)
        request = client._chat(messages, model, stream, timeout, extra_headers, request_params)
        return client._complete(request)


class AsyncPortkey(Core):
    """The client for ``await``; parameters as for :class:`Portkey`.

    Examples
    --------
    >>> import asyncio
    >>> async def main():
    ...     async with AsyncPortkey(base_url="demo") as portkey:
    ...         answer = await portkey.chat.completions.create(
    ...             model="gpt-4o", messages=[{"role": "user", "content": "Say this is a test"}])
    ...         return answer.choices[0].message.content
    >>> asyncio.run(main())
    'This is a test.'
    """

    def _open(self) -> None:
        # Connections belong to the event loop that opened them.
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}

    @property
    def chat(self) -> AsyncChat:
        """The chat endpoints: ``await chat.completions.create``."""
        return AsyncChat(self)

    @property
    def models(self) -> AsyncModels:
        """The model list: ``await models.list()``."""
        return AsyncModels(self)

    @property
    def prompts(self) -> AsyncPrompts:
        """Prompt templates saved in Portkey, as :attr:`Portkey.prompts`."""
        return AsyncPrompts(self)

    @property
    def feedback(self) -> AsyncFeedback:
        """Feedback on answers by their trace id: ``await feedback.create``."""
        return AsyncFeedback(self)

    @property
    def configs(self) -> AsyncConfigs:
        """Configs saved in Portkey: ``await configs.list()``."""
        return AsyncConfigs(self)

    async def close(self) -> None:
        """Close this event loop's connections."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.keeper.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _pool(self) -> httpx.AsyncClient | ManyClient:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            for known in [known for known in self._pools if known.is_closed()]:
                del self._pools[known]
            pool = self._pools[loop] = _Pool(async_client(self._target, self._transport))
            await anext(pool.keeper)
        return pool.http

    async def _complete(self, request: Request, observe: Observer | None = None) -> ChatCompletion | AsyncStream:
        deadline = deadline_of(request)
        response = await self._send(request, deadline, observe)
        if not request.stream:
            return self._completion(response, request)
        return AsyncStream(response, request, deadline, self._pools)

    async def _read(self, request: Request, kind: type[A]) -> A:
        response = await self._send(request, deadline_of(request), None)
        return kind(*self._answer(response, request))

    async def _list(self, what: str, query: Mapping[str, Any], kind: type[A]) -> A:
        try:
            return await self._read(self._listing(what, query), kind)
        except (AuthenticationError, PermissionDeniedError) as error:
            refused = self._denied(error, what)
        raise refused

    async def _send(self, request: Request, deadline: float | None, observe: Observer | None) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            if observe is not None:
                observe(attempt)
            outcome = await self._attempt(request, deadline)
            if isinstance(outcome, httpx.Response):
                return outcome
            await asyncio.sleep(self._pause_s(outcome, attempt, request, deadline))

    async def _attempt(self, request: Request, deadline: float | None) -> httpx.Response | PortkeyError:
        async def go() -> httpx.Response:
            pool = await self._pool()
            return await pool.send(self._httpx_request(pool, request, deadline), stream=True)

        try:
            async with asyncio.timeout_at(_loop_time(deadline)):
                tape = tape_for(self._transport)
                response = await (go() if tape is None else tape.asend(self._sent(request), go))
                if response.is_success and request.stream:
                    return response
                await response.aread()
                return response if response.is_success else self._refusal(response, request)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            return self._broken(error, request, deadline)


class _Pool:
    """One event loop's connections, closed with the loop also where nobody says ``close()``."""

    def __init__(self, http: httpx.AsyncClient | ManyClient) -> None:
        self.http = http
        # A loop that shuts down ends its asynchronous generators: the one hook it offers.
        self.keeper = _kept(http)


async def _kept(http: httpx.AsyncClient | ManyClient) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await http.aclose()


def _loop_time(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    return asyncio.get_running_loop().time() + deadline - time.monotonic()


class AsyncChat:
    """The chat endpoints of an asynchronous client."""

    def __init__(self, client: AsyncPortkey) -> None:
        self.completions = AsyncCompletions(client)


class AsyncCompletions:
    """``create`` for ``await``."""

    def __init__(self, client: AsyncPortkey) -> None:
        self._client = client

    @overload
    async def create(
        self, *, messages: Any, model: str, stream: Literal[False] = False, **params: Any
    ) -> ChatCompletion: ...
    @overload
    async def create(self, *, messages: Any, model: str, stream: Literal[True], **params: Any) -> AsyncStream: ...
    @overload
    async def create(
        self, *, messages: Any, model: str, stream: bool, **params: Any
    ) -> ChatCompletion | AsyncStream: ...
    async def create(
        self,
        *,
        messages: Any,
        model: str,
        stream: bool = False,
        timeout: Any = ...,
        extra_headers: Mapping[str, str] | None = None,
        **request_params: Any,
    ) -> ChatCompletion | AsyncStream:
        """Ask for a chat completion; parameters, result and errors as for :meth:`Completions.create`."""
        extra_headers = hidden(extra_headers)
        request = self._client._chat(messages, model, stream, timeout, extra_headers, request_params)
        return await self.perform(request)

    async def perform(self, request: Request, observe: Observer | None = None) -> ChatCompletion | AsyncStream:
        """Send a request that is already built, telling ``observe`` of each attempt."""
        return await self._client._complete(request, observe)

"""The clients' parts beside chat: models, prompts, feedback and configs, for blocking calls and for ``await``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from portkey_nb.gateway.hosted import FeedbackAnswer, Listing, RenderedPrompt
from portkey_nb.gateway.secrecy import hidden
from portkey_nb.gateway.streams import AsyncStream, Stream
from portkey_nb.gateway.types import ChatCompletion, ModelList

if TYPE_CHECKING:
    from portkey_nb.gateway.client import AsyncPortkey, Portkey


class Models:
    """``list`` for blocking calls."""

    def __init__(self, client: Portkey) -> None:
        self._client = client

    def list(
        self,
        *,
        ai_service: str | None = None,
        provider: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        sort: str | None = None,
        order: str | None = None,
        **query: Any,
    ) -> ModelList:
        """Return the models that the gateway offers.

        Where the client has a provider, these are that provider's, as it lists them itself; else those of Portkey's
        Model Catalog, which the open-source gateway has not.

        Parameters
        ----------
        ai_service, provider : str, optional
            Only the models of one AI service, or of one provider's slug.
        limit, offset : int, optional
            How many, and from which on.
        sort, order : str, optional
            ``name``, ``provider`` or ``ai_service``; ``asc`` or ``desc``.
        **query
            Further query parameters.

        Raises
        ------
        AuthenticationError, PermissionDeniedError
            When the key may not list models; ``gateway.hosted.not_allowed`` tells this from a failure.
        SettingsError
            For the catalogue of an open-source gateway.
        """
        asked = {"ai_service": ai_service, "provider": provider, "limit": limit, "offset": offset}
        return self._client._list("models", {**asked, "sort": sort, "order": order, **query}, ModelList)


class Prompts:
    """Prompt templates saved in Portkey, for blocking calls."""

    def __init__(self, client: Portkey) -> None:
        self._client = client

    @property
    def completions(self) -> PromptCompletions:
        """Answers to a template: ``prompts.completions.create``."""
        return PromptCompletions(self._client)

    def render(self, *, prompt_id: str, variables: Mapping[str, Any] | None = None, **overrides: Any) -> RenderedPrompt:
        """Fill a template's variables in, and call no model.

        Parameters
        ----------
        prompt_id : str
            The template's id; ``pp-...@3`` names a version.
        variables : mapping, optional
            Name -> value.
        **overrides
            Request parameters in place of the template's own.

        Returns
        -------
        RenderedPrompt
            With ``.messages``, ``.model`` and ``.params``.

        Raises
        ------
        APIStatusError
            When there is no such template, or the key may not read it.
        SettingsError
            On the open-source gateway, which has no templates.
        """
        return self._client._read(self._client._render(prompt_id, variables, overrides), RenderedPrompt)

    def list(self, **query: Any) -> Listing:
        """Return the templates that are saved; the query (``collection_id``, ``page_size`` ...) narrows it down."""
        return self._client._list("prompts", query, Listing)


class PromptCompletions:
    """``create`` for blocking calls."""

    def __init__(self, client: Portkey) -> None:
        self._client = client

    @overload
    def create(
        self,
        *,
        prompt_id: str,
        variables: Mapping[str, Any] | None = None,
        stream: Literal[False] = False,
        **overrides: Any,
    ) -> ChatCompletion: ...
    @overload
    def create(
        self, *, prompt_id: str, variables: Mapping[str, Any] | None = None, stream: Literal[True], **overrides: Any
    ) -> Stream: ...
    @overload
    def create(
        self, *, prompt_id: str, variables: Mapping[str, Any] | None = None, stream: bool, **overrides: Any
    ) -> ChatCompletion | Stream: ...
    def create(
        self,
        *,
        prompt_id: str,
        variables: Mapping[str, Any] | None = None,
        stream: bool = False,
        timeout: Any = ...,
        extra_headers: Mapping[str, str] | None = None,
        **overrides: Any,
    ) -> ChatCompletion | Stream:
        """Ask the template's model, with the template's messages.

        Parameters
        ----------
        prompt_id, variables, **overrides
            As for :meth:`Prompts.render`.
        stream, timeout, extra_headers
            As for ``chat.completions.create``, as are result and errors.
        """
        extra_headers = hidden(extra_headers)
        request = self._client._prompt(prompt_id, variables, stream, timeout, extra_headers, overrides)
        return self._client._complete(request)


class Feedback:
    """``create`` for blocking calls."""

    def __init__(self, client: Portkey) -> None:
        self._client = client

    def create(
        self,
        *,
        trace_id: str,
        value: int,
        weight: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> FeedbackAnswer:
        """Keep feedback on the requests of a trace.

        Parameters
        ----------
        trace_id : str
            As in ``answer.trace_id``.
        value : int
            From -10 to 10.
        weight : float, optional
            From 0 to 1; Portkey takes 1 by default.
        metadata : mapping, optional
            Facts kept with it.

        Returns
        -------
        FeedbackAnswer
            With ``.feedback_ids``.

        Raises
        ------
        PromptError
            When value or weight is outside its range.
        SettingsError
            On the open-source gateway, which keeps no feedback.
        """
        return self._client._read(self._client._feedback(trace_id, value, weight, metadata), FeedbackAnswer)


class Configs:
    """``list`` for blocking calls."""

    def __init__(self, client: Portkey) -> None:
        self._client = client

    def list(self, **query: Any) -> Listing:
        """Return the configs that are saved, each with ``.slug``, the id that requests name, and ``.name``."""
        return self._client._list("configs", query, Listing)


class AsyncModels:
    """``list`` for ``await``."""

    def __init__(self, client: AsyncPortkey) -> None:
        self._client = client

    async def list(
        self,
        *,
        ai_service: str | None = None,
        provider: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        sort: str | None = None,
        order: str | None = None,
        **query: Any,
    ) -> ModelList:
        """Return the models that the gateway offers, as :meth:`Models.list`."""
        asked = {"ai_service": ai_service, "provider": provider, "limit": limit, "offset": offset}
        return await self._client._list("models", {**asked, "sort": sort, "order": order, **query}, ModelList)


class AsyncPrompts:
    """Prompt templates saved in Portkey, for ``await``."""

    def __init__(self, client: AsyncPortkey) -> None:
        self._client = client

    @property
    def completions(self) -> AsyncPromptCompletions:
        """Answers to a template: ``await prompts.completions.create``."""
        return AsyncPromptCompletions(self._client)

    async def render(
        self, *, prompt_id: str, variables: Mapping[str, Any] | None = None, **overrides: Any
    ) -> RenderedPrompt:
        """Fill a template's variables in, as :meth:`Prompts.render`."""
        return await self._client._read(self._client._render(prompt_id, variables, overrides), RenderedPrompt)

    async def list(self, **query: Any) -> Listing:
        """Return the templates that are saved, as :meth:`Prompts.list`."""
        return await self._client._list("prompts", query, Listing)


class AsyncPromptCompletions:
    """``create`` for ``await``."""

    def __init__(self, client: AsyncPortkey) -> None:
        self._client = client

    @overload
    async def create(
        self,
        *,
        prompt_id: str,
        variables: Mapping[str, Any] | None = None,
        stream: Literal[False] = False,
        **overrides: Any,
    ) -> ChatCompletion: ...
    @overload
    async def create(
        self, *, prompt_id: str, variables: Mapping[str, Any] | None = None, stream: Literal[True], **overrides: Any
    ) -> AsyncStream: ...
    @overload
    async def create(
        self, *, prompt_id: str, variables: Mapping[str, Any] | None = None, stream: bool, **overrides: Any
    ) -> ChatCompletion | AsyncStream: ...
    async def create(
        self,
        *,
        prompt_id: str,
        variables: Mapping[str, Any] | None = None,
        stream: bool = False,
        timeout: Any = ...,
        extra_headers: Mapping[str, str] | None = None,
        **overrides: Any,
    ) -> ChatCompletion | AsyncStream:
        """Ask the template's model, as :meth:`PromptCompletions.create`."""
        extra_headers = hidden(extra_headers)
        request = self._client._prompt(prompt_id, variables, stream, timeout, extra_headers, overrides)
        return await self._client._complete(request)


class AsyncFeedback:
    """``create`` for ``await``."""

    def __init__(self, client: AsyncPortkey) -> None:
        self._client = client

    async def create(
        self,
        *,
        trace_id: str,
        value: int,
        weight: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> FeedbackAnswer:
        """Keep feedback on the requests of a trace, as :meth:`Feedback.create`."""
        return await self._client._read(self._client._feedback(trace_id, value, weight, metadata), FeedbackAnswer)


class AsyncConfigs:
    """``list`` for ``await``."""

    def __init__(self, client: AsyncPortkey) -> None:
        self._client = client

    async def list(self, **query: Any) -> Listing:
        """Return the configs that are saved, as :meth:`Configs.list`."""
        return await self._client._list("configs", query, Listing)

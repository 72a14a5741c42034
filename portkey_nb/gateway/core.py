"""What both clients share: settings and options read, requests built, answers judged; no I/O."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from portkey_nb.errors import APIStatusError, PortkeyError, SettingsError
from portkey_nb.gateway.answers import body_error, is_error, no_answer
from portkey_nb.gateway.config import header_name, hidden, metadata_texts, parse_config
from portkey_nb.gateway.hosted import denied, feedback_request, listing_request, prompt_request, render_request
from portkey_nb.gateway.ollama import with_address
from portkey_nb.gateway.refusals import refuse_hosted_only, refuse_route
from portkey_nb.gateway.request import Request, chat_request
from portkey_nb.gateway.secrecy import revealed
from portkey_nb.gateway.streaming import decode_object
from portkey_nb.gateway.tapes import Sent, needs_no_gateway, tape_for
from portkey_nb.gateway.target import Target, awake, resolve
from portkey_nb.gateway.transport import Timeouts, connection_error, retry_delay
from portkey_nb.gateway.types import ChatCompletion, mend
from portkey_nb.settings import DEMO, Secret, load

_ROUTES = ("provider", "virtual_key", "config")


class Core:
    """A client without a network: parameters as for :class:`~portkey_nb.gateway.client.Portkey`."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        virtual_key: str | None = None,
        provider: str | None = None,
        config: str | Mapping[str, Any] | None = None,
        trace_id: str | None = None,
        metadata: Mapping[str, Any] | str | None = None,
        cache_namespace: str | None = None,
        cache_force_refresh: bool | None = None,
        custom_host: str | None = None,
        forward_headers: list[str] | None = None,
        Authorization: str | None = None,
        strict_open_ai_compliance: bool | None = False,
        debug: bool | None = None,
        timeout: float | Mapping[str, float | None] | Timeouts | None = None,
        max_retries: int = 2,
        transport: Any = None,
        **headers: Any,
    ) -> None:
        # Hidden at once: what goes wrong from here on may show every local name.
        api_key, Authorization, virtual_key = _secret(api_key), _secret(Authorization), _secret(virtual_key)
        headers, config = hidden(headers), hidden(config)
        settings = load()
        base_url = (base_url or settings.base_url or "").strip() or None
        routes: dict[str, Any] = {"provider": provider, "virtual_key": virtual_key, "config": config}
        # The demo gateway takes any name; the user's own key and routes are for the real one.
        if base_url != DEMO:
            api_key = api_key or settings.api_key
            if all(value is None for value in routes.values()):
                routes = {name: getattr(settings, name) for name in _ROUTES}
        options = {
            "api_key": api_key,
            **routes,
            "trace_id": trace_id,
            "metadata": metadata,
            "cache_namespace": cache_namespace,
            "cache_force_refresh": cache_force_refresh,
            "custom_host": custom_host,
            "forward_headers": forward_headers,
            "Authorization": Authorization,
            "strict_open_ai_compliance": strict_open_ai_compliance,
            "debug": debug,
            **headers,
        }
        offline = needs_no_gateway(transport)
        self._target: Target = resolve(base_url, has_key=offline or bool(api_key or Authorization), offline=offline)
        self._options = self._checked(options)
        self._limits = Timeouts.of(timeout, Timeouts())
        self._max_retries = _count(max_retries)
        self._transport = transport
        self._open()

    def _open(self) -> None:
        """Prepare the way to the network."""

    @property
    def base_url(self) -> str:
        """Where requests go; the word ``demo`` for the embedded demo gateway."""
        return self._target.label

    def __repr__(self) -> str:
        # Also of a client that could not be made: what shows a traceback's names asks for it.
        target: Target | None = getattr(self, "_target", None)
        return f"{type(self).__name__}(base_url={target and target.label!r})"

    def with_options(self, options: Mapping[str, Any] | None = None, /, **config_params: Any) -> Self:
        """Return a client with other request options; this one stays as it is.

        Parameters
        ----------
        options : mapping, optional
            Options by name, as in ``with_options({"config": "pc-..."})``.
        **config_params
            Options by keyword. ``timeout`` and ``max_retries`` may be among them; None removes an option.

        Returns
        -------
        Portkey or AsyncPortkey
            Sharing this client's connections.

        Raises
        ------
        ConfigError
            When a config does not fit its schema.
        """
        if options is not None and not isinstance(options, Mapping):
            raise SettingsError(f"with_options takes a mapping or keywords, not {type(options).__name__}")
        changes = options = config_params = hidden({**(options or {}), **config_params})
        other = copy.copy(self)
        if "timeout" in changes:
            other._limits = Timeouts.of(changes.pop("timeout"), self._limits)
        if "max_retries" in changes:
            other._max_retries = _count(changes.pop("max_retries"))
        for name in ("base_url", "transport"):
            if name in changes:
                raise SettingsError(f"`{name}` belongs to the client: make a new one with {name}=...")
        merged = {**self._options, **changes}
        other._options = self._checked(merged)
        return other

    def _checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: value for name, value in options.items() if value is not None}
        if "config" in found:
            found["config"] = hidden(parse_config(found["config"]))
        if "metadata" in found and self._target.kind != "local":
            found["metadata"] = metadata_texts(found["metadata"])
        return found

    def _chat(self, messages: Any, model: str, stream: bool, timeout: Any, extra: Any, params: Any) -> Request:
        named = {name: value for name in _ROUTES if (value := (extra or {}).get(header_name(name)))}
        refuse_hosted_only(self._target, {**self._options, **named}, model if isinstance(model, str) else None)
        return chat_request(
            self._routed(),
            messages=messages,
            model=model,
            stream=stream,
            params=params,
            extra_headers=extra,
            limits=Timeouts.of(timeout, self._limits),
            max_retries=self._max_retries,
        )

    def _prompt(self, prompt_id: str, variables: Any, stream: bool, timeout: Any, extra: Any, params: Any) -> Request:
        refuse_route(self._target, "prompt templates", "send the messages themselves")
        return prompt_request(
            self._options,
            prompt_id=prompt_id,
            variables=variables,
            overrides=params,
            stream=stream,
            extra_headers=extra,
            limits=Timeouts.of(timeout, self._limits),
            max_retries=self._max_retries,
        )

    def _render(self, prompt_id: str, variables: Any, params: Any) -> Request:
        refuse_route(self._target, "prompt templates", "send the messages themselves")
        return render_request(
            self._options,
            prompt_id=prompt_id,
            variables=variables,
            overrides=params,
            limits=self._limits,
            max_retries=self._max_retries,
        )

    def _feedback(self, trace_id: str, value: int, weight: float | None, metadata: Any) -> Request:
        refuse_route(self._target, "feedback and the logs it belongs to", "keep it in the notebook")
        return feedback_request(
            self._options, trace_id=trace_id, value=value, weight=weight, metadata=metadata, limits=self._limits
        )

    def _listing(self, what: str, query: Mapping[str, Any]) -> Request:
        if what != "models":
            instead = "give the Config inline" if what == "configs" else "send the messages themselves"
            refuse_route(self._target, f"saved {what}", instead)
        elif not self._options.get("provider") and not isinstance(self._options.get("config"), Mapping):
            refuse_route(self._target, "the models of a catalogue", "give `provider`, whose own list it hands on")
        refuse_hosted_only(self._target, self._options)
        return listing_request(self._routed(), what, query, self._limits, self._max_retries)

    def _routed(self) -> Mapping[str, Any]:
        """Return the options as they are sent: the local gateway is told where Ollama is."""
        return with_address(self._options) if self._target.kind == "local" else self._options

    def _denied(self, error: APIStatusError, what: str) -> APIStatusError:
        # What the open-source gateway hands on is the provider's own answer.
        return error if self._target.kind == "local" else denied(error, what)

    def _httpx_request(self, client: Any, request: Request, deadline: float | None) -> httpx.Request:
        left = None if deadline is None else deadline - time.monotonic()
        built: httpx.Request = client.build_request(
            request.method,
            awake(self._target).url + request.path,
            headers={"user-agent": "portkey_nb", **request.headers},
            content=request.content,
            timeout=request.limits.for_httpx(request.stream, left),
        )
        return built

    def _pause_s(self, error: PortkeyError, attempt: int, request: Request, deadline: float | None) -> float:
        """Return the seconds to wait before the next attempt; raise the error when there is none."""
        delay = retry_delay(error, attempt, request.max_retries)
        if delay is None or (deadline is not None and time.monotonic() + delay >= deadline):
            raise error
        tape = tape_for(self._transport)
        return delay if tape is None else tape.pause(delay)

    def _sent(self, request: Request) -> Sent:
        return Sent(request.method, request.path, self._target.label, request.headers, request.content)

    def _refusal(self, response: httpx.Response, request: Request) -> APIStatusError:
        body: Any = decode_object(response.content)
        return body_error(
            response.text if body is None else body,
            response.status_code,
            dict(response.headers),
            secrets=request.secrets(),
            hint=self._address_hint(response.status_code),
        )

    def _address_hint(self, status: int) -> str | None:
        if status != 404 or urlsplit(self._target.url).path:
            return None
        return f"the base URL has no path; most gateways answer at {self._target.url}/v1"

    def _answer(self, response: httpx.Response, request: Request) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the body and the headers of an answer that came whole."""
        body, headers = decode_object(response.content), dict(response.headers)
        if body is None:
            raise no_answer(response.content, response.status_code, headers, request.secrets())
        if is_error(body):
            raise body_error(body, response.status_code, headers, secrets=request.secrets())
        return body, headers

    def _completion(self, response: httpx.Response, request: Request) -> ChatCompletion:
        body, headers = self._answer(response, request)
        if "choices" not in body and isinstance(body.get("body"), dict):
            # As Portkey documents the answer of /prompts/{id}/completions: {status, headers, body}.
            body = body["body"]
        if isinstance(body.get("choices"), list):
            try:
                return ChatCompletion(mend(body, "message"), headers)
            except ValueError:
                pass
        raise no_answer(response.content, response.status_code, headers, request.secrets())

    def _broken(self, error: Exception, request: Request, deadline: float | None) -> PortkeyError:
        if deadline is not None and time.monotonic() >= deadline - 0.01 and not isinstance(error, httpx.ConnectTimeout):
            error = TimeoutError()
        size = sum(len(name) + len(revealed(value)) + 4 for name, value in request.headers.items())
        return connection_error(error, self._target, request.limits, stream=request.stream, headers=size)


def _secret(value: str | None) -> Secret | None:
    # A key taken out of a Config shows its letters only when it is asked to.
    plain = revealed(value)
    return Secret(plain) if plain and plain.strip() else None


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SettingsError(f"max_retries is {value!r}; give a whole number, 0 for none")
    return value


def deadline_of(request: Request) -> float | None:
    """Return the moment (monotonic seconds) at which the whole call must be over."""
    return None if request.limits.total is None else time.monotonic() + request.limits.total

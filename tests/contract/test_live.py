"""Both clients through the running gateway to every simulated provider, in good luck and in bad."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portkey_nb import AsyncPortkey, Portkey, errors
from portkey_nb.engine.normalize import finish_reason, reasoning_text
from portkey_nb.gateway.local import LocalGateway
from portkey_nb.gateway.node import HOME
from tests.contract.conftest import Started
from tests.contract.providers import SIMULATED, Providers
from tests.contract.shapes import TEXT, THOUGHT
from tests.gateway import conftest
from tests.gateway.sides import MESSAGES, Side

pytestmark = pytest.mark.node
side = conftest.side

KEY = "sk-made-up"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
THINKING = {"type": "enabled", "budget_tokens": 1024}
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EVERY = pytest.mark.parametrize("provider", SIMULATED)


@pytest.fixture
def upstream() -> Iterator[Providers]:
    with Providers() as providers:
        yield providers


def _ask(side: Side, client: Any, **params: Any) -> Any:
    answer = side.create(client, **{"max_tokens": 2000, **params})
    return side.final(answer) if params.get("stream") else answer


def _to(side: Side, gateway: Started | LocalGateway, host: str, provider: str, **options: Any) -> Any:
    options = {"provider": provider, "custom_host": host, "Authorization": KEY, "max_retries": 0, **options}
    return side.client(base_url=gateway.base_url, **options)


def _by(side: Side, gateway: Started, config: dict[str, Any], **options: Any) -> Any:
    return side.client(base_url=gateway.base_url, config=config, **{"max_retries": 0, **options})


def _target(upstream: Providers, provider: str, fault: str = "ok", **more: Any) -> dict[str, Any]:
    return {"provider": provider, "api_key": KEY, "custom_host": upstream.host(provider, fault), **more}


@STREAMED
@EVERY
def test_text(side: Side, local_gateway: Started, upstream: Providers, provider: str, stream: bool) -> None:
    client = _to(side, local_gateway, upstream.host(provider), provider, trace_id="t-1")
    answer = _ask(side, client, stream=stream)
    (choice,) = answer.choices
    assert choice.message.content == TEXT
    assert finish_reason(choice.finish_reason) == "stop"
    assert answer.headers["x-portkey-provider"] == provider
    assert answer.trace_id == "t-1"
    (seen,) = upstream.seen
    assert seen.provider == provider
    # Ollama knows no keys, and is sent none; Gemini's travels in the query.
    assert (KEY in seen.path + json.dumps(seen.headers)) is (provider != "ollama")
    assert not [name for name in seen.headers if name.startswith("x-portkey-")]


@STREAMED
@EVERY
def test_tool_calls(side: Side, local_gateway: Started, upstream: Providers, provider: str, stream: bool) -> None:
    client = _to(side, local_gateway, upstream.host(provider), provider)
    answer = _ask(side, client, stream=stream, tools=[WEATHER])
    (choice,) = answer.choices
    called = choice.message.tool_calls[0]
    assert called.id
    assert called.function.name == "get_weather"
    assert json.loads(called.function.arguments) == {"city": "Paris"}
    assert finish_reason(choice.finish_reason, has_tool_calls=True) == "tool_calls"


@STREAMED
@pytest.mark.parametrize("provider", ["anthropic", "google", "ollama"])
def test_thinking(side: Side, local_gateway: Started, upstream: Providers, provider: str, stream: bool) -> None:
    client = _to(side, local_gateway, upstream.host(provider), provider)
    answer = _ask(side, client, stream=stream, thinking=THINKING)
    message = answer.choices[0].message
    assert message.content == TEXT
    assert reasoning_text(message.model_dump()) == THOUGHT


@STREAMED
def test_thoughts_of_cohere_are_lost_and_its_text_is_not(
    side: Side, local_gateway: Started, upstream: Providers, stream: bool
) -> None:
    client = _to(side, local_gateway, upstream.host("cohere"), "cohere")
    answer = _ask(side, client, stream=stream, thinking=THINKING)
    (choice,) = answer.choices
    assert upstream.seen[0].body["thinking"] == THINKING
    assert choice.message.content == TEXT
    assert reasoning_text(choice.message.model_dump()) is None


ERRORS = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    429: errors.RateLimitError,
    500: errors.GatewayError,
    503: errors.GatewayError,
}


@STREAMED
@pytest.mark.parametrize("status", ERRORS)
@EVERY
def test_errors(
    side: Side, local_gateway: Started, upstream: Providers, provider: str, status: int, stream: bool
) -> None:
    client = _to(side, local_gateway, upstream.host(provider, f"e{status}"), provider, trace_id="t-2")
    with pytest.raises(errors.APIStatusError) as caught:
        _ask(side, client, stream=stream)
    error = caught.value
    assert type(error) is ERRORS[status]
    assert error.message.startswith(f"{status} {provider} error: ")
    assert (error.status, error.provider, error.trace_id) == (status, provider, "t-2")
    assert status != 429 or error.retry_after == 20


@pytest.mark.parametrize("fault", ["midclose", "midabort"])
@EVERY
def test_a_stream_that_the_provider_cuts_is_incomplete(
    side: Side, local_gateway: Started, upstream: Providers, provider: str, fault: str
) -> None:
    client = _to(side, local_gateway, upstream.host(provider, fault), provider)
    stream = side.create(client, stream=True, max_tokens=9)
    with pytest.raises(errors.StreamIncomplete) as caught:
        side.final(stream)
    assert stream.status == 200
    text = caught.value.completion.choices[0].message.content
    assert text
    assert TEXT.startswith(text)
    assert caught.value.completion.choices[0].finish_reason is None


def test_fallback(side: Side, local_gateway: Started, upstream: Providers) -> None:
    targets = [_target(upstream, "openai", "e500"), _target(upstream, "anthropic")]
    client = _by(side, local_gateway, {"strategy": {"mode": "fallback"}, "targets": targets})
    for stream in (False, True):
        answer = _ask(side, client, stream=stream)
        assert answer.choices[0].message.content == TEXT
        assert answer.headers["x-portkey-last-used-option-index"] == "config.targets[1]"
        assert answer.headers["x-portkey-provider"] == "anthropic"
    assert [seen.provider for seen in upstream.seen] == ["openai", "anthropic"] * 2


def test_fallback_only_for_some_errors(side: Side, local_gateway: Started, upstream: Providers) -> None:
    strategy = {"mode": "fallback", "on_status_codes": [500]}
    targets = [_target(upstream, "openai", "e429"), _target(upstream, "anthropic")]
    with pytest.raises(errors.RateLimitError):
        _ask(side, _by(side, local_gateway, {"strategy": strategy, "targets": targets}))
    assert [seen.provider for seen in upstream.seen] == ["openai"]


def test_fallback_cannot_help_in_mid_stream(side: Side, local_gateway: Started, upstream: Providers) -> None:
    targets = [_target(upstream, "openai", "midabort"), _target(upstream, "anthropic")]
    client = _by(side, local_gateway, {"strategy": {"mode": "fallback"}, "targets": targets})
    with pytest.raises(errors.StreamIncomplete) as caught:
        _ask(side, client, stream=True)
    assert TEXT.startswith(caught.value.completion.choices[0].message.content)
    assert [seen.provider for seen in upstream.seen] == ["openai"]


def test_load_balance(side: Side, local_gateway: Started, upstream: Providers) -> None:
    targets = [_target(upstream, "openai", weight=0.5), _target(upstream, "anthropic", weight=0.5)]
    client = _by(side, local_gateway, {"strategy": {"mode": "loadbalance"}, "targets": targets})
    answered = {_ask(side, client).headers["x-portkey-last-used-option-index"] for _ in range(40)}
    assert answered == {"config.targets[0]", "config.targets[1]"}


def test_retries_are_the_gateways_where_the_config_has_them(
    side: Side, local_gateway: Started, upstream: Providers
) -> None:
    retry = {"retry": {"attempts": 1, "on_status_codes": [500]}}
    answer = _ask(side, _by(side, local_gateway, {**_target(upstream, "openai", "flaky:1"), **retry}, max_retries=2))
    assert answer.headers["x-portkey-retry-attempt-count"] == "1"
    assert len(upstream.seen) == 2
    with pytest.raises(errors.GatewayError) as caught:
        _ask(side, _by(side, local_gateway, {**_target(upstream, "openai", "e500"), **retry}, max_retries=2))
    assert caught.value.headers["x-portkey-retry-attempt-count"] == "-1"
    assert len(upstream.seen) == 4


def test_conditional_routing(side: Side, local_gateway: Started, upstream: Providers) -> None:
    conditions = [{"query": {"metadata.tier": {"$eq": "paid"}}, "then": "good"}]
    strategy = {"mode": "conditional", "conditions": conditions, "default": "cheap"}
    targets = [_target(upstream, "anthropic", name="good"), _target(upstream, "ollama", name="cheap")]
    config = {"strategy": strategy, "targets": targets}
    for tier, provider in {"paid": "anthropic", "free": "ollama"}.items():
        answer = _ask(side, _by(side, local_gateway, config, metadata={"tier": tier}))
        assert answer.headers["x-portkey-provider"] == provider


@STREAMED
def test_the_gateways_own_time_limit(side: Side, local_gateway: Started, upstream: Providers, stream: bool) -> None:
    client = _by(side, local_gateway, {**_target(upstream, "openai", "hold"), "request_timeout": 100})
    with pytest.raises(errors.RequestTimeoutError, match="100ms"):
        _ask(side, client, stream=stream)


def test_guardrails(side: Side, local_gateway: Started, upstream: Providers) -> None:
    def guarded(deny: bool) -> Any:
        check = {"default.contains": {"operator": "none", "words": ["test"]}, "deny": deny}
        return _by(side, local_gateway, {**_target(upstream, "openai"), "input_guardrails": [check]})

    with pytest.raises(errors.GuardrailError, match="guardrail checks") as caught:
        _ask(side, guarded(True))
    (hook,) = caught.value.body["hook_results"]["before_request_hooks"]
    assert hook["verdict"] is False
    assert upstream.seen == []
    for stream in (False, True):
        answer = _ask(side, guarded(False), stream=stream)
        assert answer.choices[0].message.content == TEXT
        assert answer.hook_results.before_request_hooks[0].verdict is False


def test_a_config_that_the_gateway_refuses(side: Side, local_gateway: Started) -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}]}
    with pytest.raises(errors.BadRequestError, match="Invalid config passed: path: targets,0"):
        _ask(side, _by(side, local_gateway, config))


def test_a_config_too_large_for_a_header(side: Side, local_gateway: Started, upstream: Providers) -> None:
    config = _target(upstream, "openai", override_params={"user": "u" * 14_000})
    answer = _ask(side, _by(side, local_gateway, config))
    assert answer.choices[0].message.content == TEXT
    # Each header by itself is short enough; it is their sum that the gateway limits.
    crowded = _by(side, local_gateway, config, metadata={"note": "n" * 3_000})
    # Node closes behind its answer 431 while the request is still being sent, so that the answer may be lost.
    kinds = (errors.BadRequestError, errors.APIConnectionError)
    with pytest.raises(kinds, match="the config is too large for a header") as caught:
        _ask(side, crowded)
    if isinstance(caught.value, errors.BadRequestError):
        assert (caught.value.status, caught.value.body) == (431, "")


def test_private_hosts_are_refused(side: Side, local_gateway: Started, upstream: Providers) -> None:
    with pytest.raises(errors.BadRequestError, match="Invalid custom host"):
        _ask(side, _to(side, local_gateway, upstream.host("ollama", name="127.0.0.2"), "ollama"))
    assert upstream.seen == []


def test_sixty_parallel_streams(local_gateway: Started) -> None:
    options: dict[str, Any] = {"provider": "openai", "Authorization": KEY, "max_retries": 0}
    params: dict[str, Any] = {"messages": MESSAGES, "model": "m", "stream": True}
    with Providers(pause=0.005) as upstream:
        options |= {"base_url": local_gateway.base_url, "custom_host": upstream.host("openai", "long:40")}

        async def all_async() -> list[Any]:
            async def one(client: AsyncPortkey) -> Any:
                stream = await client.chat.completions.create(**params)
                return await stream.get_final_completion()

            async with AsyncPortkey(**options) as client:
                return await asyncio.gather(*(one(client) for _ in range(60)))

        with Portkey(**options) as client, ThreadPoolExecutor(60) as pool:

            def one(_: int) -> Any:
                return client.chat.completions.create(**params).get_final_completion()

            answers = [*pool.map(one, range(60)), *asyncio.run(all_async())]
    assert {answer.choices[0].message.content for answer in answers} == {"Hel" * 40}
    assert {answer.choices[0].finish_reason for answer in answers} == {"stop"}
    assert (len(answers), len(upstream.seen)) == (120, 120)


@pytest.fixture
def own_gateway(
    gateway_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[LocalGateway]:
    """A gateway of the test's own; parameter: its environment."""
    monkeypatch.setenv(HOME, str(gateway_home))
    with LocalGateway(port=0, log=tmp_path / "gateway.log", env=getattr(request, "param", None)) as gateway:
        yield gateway


@pytest.mark.parametrize("own_gateway", [{"TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.2"}], indirect=True)
def test_trusted_hosts_replace_the_gateways_own(side: Side, own_gateway: LocalGateway, upstream: Providers) -> None:
    answer = _ask(side, _to(side, own_gateway, upstream.host("openai", name="localhost"), "openai"))
    assert answer.choices[0].message.content == TEXT
    with pytest.raises(errors.BadRequestError, match="Invalid custom host"):
        _ask(side, _to(side, own_gateway, upstream.host("openai"), "openai"))


def test_a_gateway_that_dies_in_mid_stream(side: Side, own_gateway: LocalGateway, upstream: Providers) -> None:
    stream = side.create(_to(side, own_gateway, upstream.host("openai", "midhold"), "openai"), stream=True)
    while stream.partial.choices == [] or stream.partial.choices[0].message.content != "Hello from":
        side.next(stream)
    assert own_gateway.pid is not None
    os.kill(own_gateway.pid, signal.SIGKILL)
    with pytest.raises(errors.StreamIncomplete, match="before the answer was finished") as caught:
        side.final(stream)
    assert caught.value.completion.choices[0].message.content == "Hello from"
    upstream.release.set()
    with pytest.raises(errors.APIConnectionError):
        _ask(side, _to(side, own_gateway, upstream.host("openai"), "openai"))

"""Tokens and money mean the same whoever answered, in recorded answers and in live ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from portkey_nb.engine.cost import UsageParts, price_call
from portkey_nb.engine.normalize import failed_finish, usage_parts
from tests.contract.conftest import Started
from tests.contract.providers import SIMULATED, Providers
from tests.contract.recorded import ANSWERED, recording, told
from tests.contract.shapes import CACHED, INPUT, OUTPUT, REASONED, WRITTEN
from tests.gateway import conftest
from tests.gateway.sides import Side

side = conftest.side

# The providers count 12, 8, 4 cached, 2 written and 3 reasoned, each in its own way: Anthropic's input leaves the
# cache out, Gemini's output leaves the thoughts out, Cohere and Ollama tell neither.
MEANT = {
    "openai": UsageParts(INPUT, OUTPUT, CACHED, None, REASONED),
    "anthropic": UsageParts(INPUT + CACHED + WRITTEN, OUTPUT, CACHED, WRITTEN, None),
    "google": UsageParts(INPUT, OUTPUT + REASONED, CACHED, None, REASONED),
    "cohere": UsageParts(INPUT, OUTPUT),
    "ollama": UsageParts(INPUT, OUTPUT),
}
NOTHING = UsageParts()
AT = datetime(2026, 1, 1, tzinfo=UTC)

PRICES = {"m": {"input": 1.0, "output": 10.0, "cached": 0.1, "cache_write": 1.25}}
"""US dollars per million tokens."""

MILLIONTHS = {
    "openai": 8 * 1.0 + 4 * 0.1 + 8 * 10.0,
    "anthropic": 12 * 1.0 + 4 * 0.1 + 2 * 1.25 + 8 * 10.0,
    "google": 8 * 1.0 + 4 * 0.1 + 11 * 10.0,
    "cohere": 12 * 1.0 + 8 * 10.0,
    "ollama": 12 * 1.0 + 8 * 10.0,
}

COUNTED = [
    name
    for name in ANSWERED
    if name != "route-messages" and told(b"".join(recording(name).wire), recording(name).sent["method"]).usage
]


@pytest.mark.parametrize("name", COUNTED)
def test_recorded_usage(name: str) -> None:
    answer = told(b"".join(recording(name).wire))
    assert usage_parts(answer.usage) == MEANT[answer.headers["x-portkey-provider"]]


@pytest.mark.parametrize("said", ["81 of 168 recordings count tokens"])
def test_recordings_with_usage_are_counted(said: str) -> None:
    answered = [told(b"".join(recording(name).wire)).headers["x-portkey-provider"] for name in COUNTED]
    counts = {provider: answered.count(provider) for provider in set(answered)}
    assert counts == {"openai": 41, "anthropic": 24, "google": 16}


@pytest.mark.node
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", SIMULATED)
def test_live_usage(side: Side, local_gateway: Started, upstream: Providers, provider: str, stream: bool) -> None:
    host = upstream.host(provider)
    client = side.client(base_url=local_gateway.base_url, provider=provider, custom_host=host, Authorization="sk-1")
    params: dict[str, Any] = {"stream_options": {"include_usage": True}} if stream else {}
    answer = side.create(client, stream=stream, max_tokens=99, **params)
    answer = side.final(answer) if stream else answer
    parts = usage_parts(answer.usage and answer.usage.model_dump())
    # The gateway takes the usage out of Ollama's streams.
    assert parts == (NOTHING if stream and provider == "ollama" else MEANT[provider])


@pytest.fixture
def upstream() -> Iterator[Providers]:
    with Providers() as providers:
        yield providers


@pytest.mark.parametrize("provider", SIMULATED)
def test_cost_by_an_own_table(provider: str) -> None:
    priced = price_call("m", provider, MEANT[provider], demo=False, at=AT, user_prices=PRICES)
    assert priced.cost_usd == pytest.approx(MILLIONTHS[provider] / 1e6)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-4o-mini"), ("anthropic", "claude-sonnet-4-20250514"), ("google", "gemini-2.5-flash")],
)
def test_cached_tokens_have_a_price_of_their_own(provider: str, model: str) -> None:
    used = MEANT[provider]
    priced = price_call(model, provider, used, demo=False, at=AT)
    assert priced.price is not None
    unit = priced.price
    assert unit["cached_input_per_m"] < unit["input_per_m"]
    cached, written = used.cached_input_tokens or 0, used.cache_write_tokens or 0
    assert used.input_tokens is not None
    assert used.output_tokens is not None
    expected = (used.input_tokens - cached - written) * unit["input_per_m"] + used.output_tokens * unit["output_per_m"]
    expected += cached * unit["cached_input_per_m"]
    if written:
        assert unit["cache_write_per_m"] > unit["input_per_m"]
        expected += written * unit["cache_write_per_m"]
    assert priced.cost_usd == pytest.approx(expected / 1e6)


def test_unknown_usage_has_no_cost() -> None:
    priced = price_call("gpt-4o-mini", "openai", NOTHING, demo=False, at=AT)
    assert priced.cost_usd is None
    assert priced.reason


@pytest.mark.parametrize("native", ["overloaded_error", "api_error", "ERROR", "TIMEOUT", "error"])
def test_ends_that_are_failures(native: str) -> None:
    assert failed_finish(native)


@pytest.mark.parametrize("native", ["stop", "COMPLETE", "MAX_TOKENS", "end_turn", "tool_use", "refusal", None])
def test_ends_that_are_none(native: str | None) -> None:
    assert not failed_finish(native)

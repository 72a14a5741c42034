"""The toolkit above the client, through the running gateway: tools in rounds, schemas, images, usage and rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from portkey_nb import ask, runs
from portkey_nb.errors import SchemaError, StreamIncomplete
from tests.contract.conftest import Started
from tests.contract.providers import SIMULATED, Providers
from tests.contract.shapes import TEXT, THOUGHT
from tests.engine.test_rounds import PNG

pytestmark = pytest.mark.node

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
FORCED = ("anthropic",)
"""Of the simulated providers, those for which the gateway drops ``response_format``."""


@pytest.fixture
def upstream() -> Iterator[Providers]:
    with Providers() as providers:
        yield providers


def asked(gateway: Started, upstream: Providers, provider: str, fault: str = "ok", **more: Any) -> Any:
    return ask(
        "What is the weather in Paris?",
        model="m-1",
        base_url=gateway.base_url,
        provider=provider,
        custom_host=upstream.host(provider, fault),
        Authorization="sk-made-up",
        **{"max_tokens": 2000, **more},
    )


@STREAMED
@pytest.mark.parametrize("provider", SIMULATED)
def test_a_tool_is_called_and_its_result_reaches_the_provider(
    local_gateway: Started, upstream: Providers, provider: str, stream: bool
) -> None:
    cities = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        cities.append(city)
        return f"eighteen degrees in {city}"

    reply = asked(local_gateway, upstream, provider, tools=[get_weather], stream=stream)
    assert cities == ["Paris"]
    assert reply == TEXT
    first, second = upstream.seen
    assert "get_weather" in json.dumps(first.body)
    assert "eighteen degrees in Paris" in json.dumps(second.body)
    rows = runs(columns="all")
    assert list(rows["status"]) == ["ok", "ok"]
    assert list(rows["finish_reason"]) == ["tool_calls", "stop"]
    assert set(rows["provider"]) == {provider}


def test_gemini_is_told_whose_result_it_is(local_gateway: Started, upstream: Providers) -> None:
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return "mild"

    asked(local_gateway, upstream, "google", tools=[get_weather])
    assert "gateway-tool-filler-name" not in json.dumps(upstream.seen[1].body)
    assert '"functionResponse": {"name": "get_weather"' in json.dumps(upstream.seen[1].body)


def test_anthropic_gets_its_signed_thoughts_back(local_gateway: Started, upstream: Providers) -> None:
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return "mild"

    thinking = {"type": "enabled", "budget_tokens": 1024}
    reply = asked(local_gateway, upstream, "anthropic", tools=[get_weather], thinking=thinking)
    assert reply.reasoning is not None
    assert THOUGHT in reply.reasoning
    (spoken,) = [message for message in upstream.seen[1].body["messages"] if message["role"] == "assistant"]
    assert spoken["content"][0]["type"] == "thinking"
    assert spoken["content"][0]["signature"] == "SIG=="


class GetWeather(BaseModel):
    city: str


@STREAMED
@pytest.mark.parametrize("provider", FORCED)
def test_a_forced_tool_call_gives_the_object(
    local_gateway: Started, upstream: Providers, provider: str, stream: bool
) -> None:
    reply = asked(local_gateway, upstream, provider, schema=GetWeather, stream=stream)
    assert reply.parsed == GetWeather(city="Paris")
    body = upstream.seen[0].body
    assert body["tool_choice"] == {"type": "tool", "name": "GetWeather"}
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("provider", [provider for provider in SIMULATED if provider not in FORCED])
def test_a_response_format_reaches_the_others(local_gateway: Started, upstream: Providers, provider: str) -> None:
    with pytest.raises(SchemaError, match=r"fit|JSON"):
        asked(local_gateway, upstream, provider, schema=GetWeather)
    assert "city" in json.dumps(upstream.seen[0].body)
    assert "tool_choice" not in upstream.seen[0].body


@pytest.mark.parametrize("provider", SIMULATED)
def test_an_image_reaches_every_provider(local_gateway: Started, upstream: Providers, provider: str) -> None:
    assert asked(local_gateway, upstream, provider, images=[PNG]) == TEXT
    sent = json.dumps(upstream.seen[0].body)
    assert "iVBORw0KGgo" in sent
    assert "image/png" in sent


def test_usage_means_the_same_in_the_rows(local_gateway: Started, upstream: Providers) -> None:
    for provider in ("openai", "anthropic", "google"):
        asked(local_gateway, upstream, provider)
    rows = runs(columns=["provider", "input_tokens", "output_tokens", "total_tokens", "cached_input_tokens"])
    assert (rows["total_tokens"] == rows["input_tokens"] + rows["output_tokens"]).all()
    anthropic = rows[rows["provider"] == "anthropic"].iloc[0]
    assert (anthropic["input_tokens"], anthropic["cached_input_tokens"]) == (18, 4)


def test_a_cut_stream_is_an_incomplete_row(local_gateway: Started, upstream: Providers) -> None:
    with pytest.raises(StreamIncomplete):
        asked(local_gateway, upstream, "openai", "midclose", max_retries=0)
    row = runs(columns="all").iloc[0]
    assert row["status"] == "incomplete"
    assert row["text"]
    assert row["tokens_estimated"]


def test_no_key_is_in_the_log(local_gateway: Started, upstream: Providers, clean_environment: Any) -> None:
    asked(local_gateway, upstream, "anthropic")
    for path in clean_environment.rglob("*"):
        if path.is_file():
            assert b"sk-made-up" not in path.read_bytes(), path

"""What a call cost: whose price counts, what cached tokens cost, and when the cost is unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.engine.cost import Priced, UsageParts, bare_model, price_call

AT = datetime(2026, 3, 1, tzinfo=UTC)
USAGE = UsageParts(1_000_000, 100_000)
MINE = {"gpt-4o": {"input": 1.0, "output": 2.0, "cached": 0.5, "cache_write": 1.5}}


def price(model: str, provider: str | None = "openai", usage: UsageParts = USAGE, **more: Any) -> Priced:
    return price_call(model, provider, usage, **{"demo": False, "at": AT, **more})


@pytest.mark.parametrize("model", ["gpt-4o", "@my-openai/gpt-4o", "gpt-4o-2024-08-06"])
def test_a_known_model_has_its_price_source_and_date(model: str) -> None:
    found = price(model)
    assert found.cost_usd == pytest.approx(2.5 + 1.0)
    assert found.price is not None
    assert found.reason is None
    assert {name: found.price[name] for name in ("input_per_m", "output_per_m", "cached_input_per_m", "date")} == {
        "input_per_m": 2.5,
        "output_per_m": 10.0,
        "cached_input_per_m": 1.25,
        "date": "2026-03-01",
    }
    assert found.price["source"].startswith("genai-prices ")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("mistral-ai", "mistral-small-latest"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("azure-openai", "gpt-4o"),
        ("perplexity-ai", "sonar"),
        ("fireworks-ai", "accounts/fireworks/models/deepseek-v3p2"),
        ("together-ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("vertex-ai", "gemini-2.5-pro"),
        ("google", "gemini-2.5-pro"),
        ("groq", "llama-3.3-70b-versatile"),
        ("deepseek", "deepseek-chat"),
        (None, "gpt-4o"),
    ],
)
def test_portkeys_names_of_providers_are_understood(provider: str | None, model: str) -> None:
    found = price(model, provider)
    assert found.cost_usd is not None, found.reason
    assert found.cost_usd > 0


def test_cached_tokens_are_part_of_the_input_and_cheaper() -> None:
    assert price("gpt-4o", usage=UsageParts(1_000_000, 0, 400_000)).cost_usd == pytest.approx(0.6 * 2.5 + 0.4 * 1.25)


def test_a_tier_shows_the_prices_that_were_charged() -> None:
    low = price("gemini-2.5-pro", "google", UsageParts(200_000, 1000))
    high = price("gemini-2.5-pro", "google", UsageParts(200_001, 1000))
    assert low.price is not None
    assert high.price is not None
    assert low.price["input_per_m"] < high.price["input_per_m"]
    for usage, found in ((200_000, low), (200_001, high)):
        assert found.price is not None
        figured = (usage * found.price["input_per_m"] + 1000 * found.price["output_per_m"]) / 1e6
        assert found.cost_usd == pytest.approx(figured)


def test_the_users_own_table_goes_first() -> None:
    found = price("gpt-4o", usage=UsageParts(1_000_000, 100_000, 200_000, 100_000), user_prices=MINE)
    assert found.cost_usd == pytest.approx(0.7 * 1.0 + 0.2 * 0.5 + 0.1 * 1.5 + 0.1 * 2.0)
    assert found.price is not None
    assert found.price["source"] == "user"
    assert price("gpt-4o", demo=True, user_prices=MINE).price == {**found.price}


def test_an_own_price_without_cached_takes_the_full_one() -> None:
    table = {"house-model": {"input": 1.0, "output": 2.0}}
    found = price("house-model", "ollama", UsageParts(1_000_000, 0, 500_000), user_prices=table)
    assert found.cost_usd == pytest.approx(1.0)


def test_an_own_price_of_zero_is_a_price() -> None:
    found = price("llama", "ollama", user_prices={"llama": {"input": 0, "output": 0}})
    assert found.cost_usd == 0.0


def test_a_deployment_has_its_own_price() -> None:
    table = {"my-deployment": {"input": 1.0, "output": 1.0}}
    found = price("my-deployment", "azure-openai", answered="gpt-4o-2024-08-06", user_prices=table)
    assert found.cost_usd == pytest.approx(1.1)


def test_the_model_that_answered_is_paid_for() -> None:
    asked = price("gpt-4o", answered="gpt-4o-mini-2024-07-18")
    assert asked.cost_usd == price("gpt-4o-mini").cost_usd
    own = price("gpt-4o", answered="gpt-4o-mini-2024-07-18", user_prices=MINE)
    assert own.cost_usd == asked.cost_usd
    dated = price("gpt-4o", answered="gpt-4o-2024-08-06", user_prices=MINE)
    assert dated.price is not None
    assert dated.price["source"] == "user"


def test_demo_money_comes_from_the_demos_table_alone() -> None:
    table = {"gpt-4o": {"input": 0.1, "output": 0.2}}
    found = price("gpt-4o", demo=True, demo_prices=table)
    assert found.cost_usd == pytest.approx(0.12)
    assert found.price is not None
    assert found.price["source"] == "demo"
    assert price("gpt-4o", demo=True).cost_usd is None


@pytest.mark.parametrize(
    ("model", "provider", "usage", "said"),
    [
        ("no-such-model", "openai", USAGE, "no price is known for 'no-such-model' of openai"),
        ("gpt-4o", "ollama", USAGE, "no price is known for 'gpt-4o' of ollama"),
        ("gpt-4o", "openai", UsageParts(), "did not say how many tokens"),
        ("gpt-4o", "openai", UsageParts(5, None), "did not say how many tokens"),
        ("gpt-4o", "openai", UsageParts(-5, 3), "-5 tokens"),
        ("gpt-4o", "openai", UsageParts(5, 3, 9), "9 cached tokens in 5"),
        ("", None, USAGE, "no price is known for ''"),
    ],
)
def test_an_unknown_cost_is_none_with_a_reason(model: str, provider: str | None, usage: UsageParts, said: str) -> None:
    found = price(model, provider, usage)
    assert found.cost_usd is None
    assert found.price is None
    assert found.reason is not None
    assert said in found.reason


@pytest.mark.parametrize("bad", [{"input": "dear"}, {"input": 1.0}, {}, 3, {"input": -1, "output": 1}, {"input": None}])
def test_a_broken_own_price_is_a_reason_and_no_crash(bad: Any) -> None:
    found = price("gpt-4o", user_prices={"gpt-4o": bad})
    assert found.cost_usd is None
    assert "user price of 'gpt-4o'" in (found.reason or "")


COUNT = st.none() | st.integers(-10, 10**7)


@given(
    st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "x", "", "@", "@a/", "é\ud800"]),
    st.none() | st.sampled_from(["openai", "anthropic", "google", "nobody", "@prod", ""]),
    st.builds(UsageParts, COUNT, COUNT, COUNT, COUNT, COUNT),
    st.none() | st.sampled_from(["gpt-4o", "?"]),
)
def test_any_usage_is_priced_or_has_a_reason(
    model: str, provider: str | None, usage: UsageParts, answered: str | None
) -> None:
    found = price(model, provider, usage, answered=answered)
    assert (found.cost_usd is None) == (found.price is None) == (found.reason is not None)
    assert found.cost_usd is None or found.cost_usd >= 0


def test_a_slug_is_left_out() -> None:
    assert bare_model("@openai-prod/gpt-4o") == "gpt-4o"
    assert bare_model("@cf/meta/llama-3-8b") == "@cf/meta/llama-3-8b"
    assert bare_model("meta/llama") == "meta/llama"


def test_the_model_that_answered_sets_the_demos_price() -> None:
    usage = UsageParts(1000, 1000, None, None, None)
    prices = {"small": {"input": 1.0, "output": 1.0}, "large": {"input": 10.0, "output": 10.0}}
    priced = price_call("small", None, usage, answered="large", demo=True, at=datetime.now(UTC), demo_prices=prices)
    assert priced.cost_usd == pytest.approx(0.02)

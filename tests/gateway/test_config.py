"""Configs are checked before anything is sent, and options become headers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb import Portkey
from portkey_nb.errors import ConfigError
from portkey_nb.gateway.config import OPTIONS, has_retry, hidden, parse_config, redact, to_headers

WRONG: dict[str, tuple[Any, tuple[str, ...]]] = {
    "unknown mode": (
        {"strategy": {"mode": "roundrobin"}, "targets": [{}]},
        ("strategy.mode", "'roundrobin'", "fallback"),
    ),
    "mode missing": ({"strategy": {}, "targets": [{}]}, ("strategy.mode", "missing")),
    "targets missing": ({"strategy": {"mode": "fallback"}}, ("'fallback'", "targets")),
    "targets empty": ({"strategy": {"mode": "loadbalance"}, "targets": []}, ("targets",)),
    "negative weight": (
        {"strategy": {"mode": "loadbalance"}, "targets": [{"weight": 0.5}, {"weight": -0.5}]},
        ("targets[1].weight", "-0.5", "greater than or equal to 0"),
    ),
    "all weights zero": ({"strategy": {"mode": "loadbalance"}, "targets": [{"weight": 0}]}, ("weights", "0")),
    "nested": (
        {"strategy": {"mode": "fallback"}, "targets": [{"strategy": {"mode": "what"}, "targets": [{}]}]},
        ("targets[0].strategy.mode", "'what'"),
    ),
    "a slip": ({"target": [{"provider": "x"}]}, ("`target`", "did you mean `targets`")),
    "a slip inside": ({"retry": {"attemps": 2}}, ("`retry.attemps`", "`attempts`")),
    "attempts as text": ({"retry": {"attempts": "3"}}, ("retry.attempts", "'3'")),
    "attempts missing": ({"retry": {}}, ("retry.attempts", "missing")),
    "too many attempts": ({"retry": {"attempts": 6}}, ("retry.attempts", "6", "less than or equal to 5")),
    "no status code": ({"retry": {"attempts": 1, "on_status_codes": [4290]}}, ("retry.on_status_codes[0]", "4290")),
    "unknown": ({"provider": "openai", "brand_new": 1}, ("unknown key `brand_new`", "override_params")),
    "a slip in a provider's option": ({"aws_acess_key_id": "x"}, ("`aws_acess_key_id`", "`aws_access_key_id`")),
    "a request's parameter": ({"provider": "openai", "model": "gpt-4o"}, ("`model`", "`override_params`")),
    "a hidden key": ({"provider": "openai", "api_key": "***"}, ("`api_key` is ***", "the key itself")),
    "targets without a strategy": ({"targets": [{"provider": "openai"}]}, ("`targets` without a `strategy`",)),
    "conditions without a default": (
        {"strategy": {"mode": "conditional", "conditions": [{"query": {}, "then": "a"}]}, "targets": [{"name": "a"}]},
        ("'conditional' needs `default`",),
    ),
    "a default without conditions": (
        {"strategy": {"mode": "conditional", "default": "a"}, "targets": [{"name": "a"}]},
        ("'conditional' needs `conditions`",),
    ),
    "a way to nowhere": (
        {
            "strategy": {"mode": "conditional", "conditions": [{"query": {}, "then": "b"}], "default": "a"},
            "targets": [{"name": "a"}],
        },
        ("leads to 'b'", "'a'"),
    ),
    "an unknown operator": (
        {
            "strategy": {
                "mode": "conditional",
                "conditions": [{"query": {"$or": [{"metadata.x": {"$is": 1}}]}, "then": "a"}],
                "default": "a",
            },
            "targets": [{"name": "a"}],
        },
        ("'$is'", "$eq"),
    ),
    "a slip in a condition": (
        {"strategy": {"mode": "conditional", "conditions": [{"qery": {}}], "default": "a"}, "targets": [{"name": "a"}]},
        ("strategy.conditions[0].qery", "`query`"),
    ),
    "cache mode": ({"cache": {"mode": "clever"}}, ("cache.mode", "'clever'")),
    "timeout": ({"request_timeout": 0}, ("request_timeout", "0")),
    "empty": ({}, ("empty",)),
    "empty text": ("  ", ("empty",)),
    "broken JSON": ('{"retry": }', ("not valid JSON", "column 11")),
    "a list": ([1], ("list",)),
    "a number": (5, ("int",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str) -> None:
    config, said = WRONG[case]
    with pytest.raises(ConfigError) as caught:
        Portkey(base_url="local", config=config)
    for word in said:
        assert word in caught.value.message
    assert "\n" not in caught.value.message
    with Portkey(base_url="local") as client, pytest.raises(ConfigError):
        client.with_options(config=config)


def test_a_key_in_a_wrong_place_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        Portkey(base_url="local", config={"api_key": ["sk-very-secret"], "provider": "openai"})
    assert "sk-very-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        {"provider": "openai", "api_key": "sk"},
        {"retry": {"attempts": 5, "on_status_codes": [429]}},
        {"strategy": {"mode": "single"}, "targets": [{"provider": "openai"}]},
        {"strategy": {"mode": "conditional", "conditions": [{"query": {"metadata.x": {"$eq": 1}}, "then": "a"}],
                      "default": "a"},
         "targets": [{"name": "a", "virtual_key": "v"}]},
        {"provider": "azure-openai", "azure_resource_name": "x", "azure_brand_new": {"deep": 1}},
        {"targets": [{"override_params": {"model": "gpt-4o", "temperature": 0}}], "strategy": {"mode": "fallback"}},
        {"cache": {"mode": "simple", "max_age": 60}, "request_timeout": 5000},
        {"input_guardrails": [{"default.contains": {"operator": "none", "words": ["x"]}, "deny": True}]},
    ],
)  # fmt: skip
def test_documented_configs_pass_as_they_are(config: dict[str, Any]) -> None:
    assert parse_config(config) == config


def test_a_saved_id_is_left_alone() -> None:
    assert parse_config(" pc-abc ") == "pc-abc"


def test_redact_keeps_the_shape_and_hides_the_secrets() -> None:
    config = {
        "targets": [{"provider": "x", "api_key": "sk-1", "aws_secret_access_key": "s", "weight": 1}],
        "strategy": {"mode": "single"},
        "override_params": {"max_tokens": 3},
    }
    assert redact(config) == {
        "targets": [{"provider": "x", "api_key": "***", "aws_secret_access_key": "***", "weight": 1}],
        "strategy": {"mode": "single"},
        "override_params": {"max_tokens": 3},
    }
    assert "sk-1" not in repr(hidden(config))
    assert to_headers({"config": hidden(config)})["x-portkey-config"].encode().count(b"sk-1") == 1


def test_has_retry() -> None:
    assert has_retry({"retry": {"attempts": 1}})
    assert has_retry({"targets": [{"targets": [{"retry": {"attempts": 1}}]}]})
    assert not has_retry({"targets": [{"provider": "x"}]})
    assert not has_retry("pc-1")
    assert not has_retry(None)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("provider", "opén", "'opén'"),
        ("trace_id", "a\r\nx-evil: 1", "`trace_id`"),
        ("metadata", {"x": object()}, "`metadata`"),
        ("metadata", {"x": "y" * 20_000}, "20,009"),
        ("api_key", "pk-é-secret", "its value"),
        ("x y", "1", "'x y'"),
    ],
)
def test_what_no_header_can_carry_is_told(option: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        to_headers({option: value})
    assert "secret" not in caught.value.message


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,10}", fullmatch=True), st.text(max_size=10) | st.integers() | st.booleans()
    )
)
def test_headers_are_always_safe_to_send(options: dict[str, Any]) -> None:
    try:
        headers = to_headers({**options, "metadata": options})
    except ConfigError:
        return
    for name, value in headers.items():
        assert name.isascii()
        assert value.encode().isascii()
        assert not set("\r\n\0") & {chr(byte) for byte in value.encode()}


def test_the_table_of_options_has_a_help_for_each() -> None:
    assert {option.name for option in OPTIONS} >= {
        "api_key",
        "virtual_key",
        "provider",
        "config",
        "trace_id",
        "metadata",
    }
    assert all(option.help for option in OPTIONS)
    assert {option.name for option in OPTIONS if option.secret} == {"api_key", "virtual_key", "Authorization"}

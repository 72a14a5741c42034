"""What lives in Portkey alone is refused before it reaches the open-source gateway; what has no effect is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portkey_nb import Config
from portkey_nb.errors import ConfigError, PortkeyError, SettingsError
from portkey_nb.gateway.refusals import config_warnings, refuse_hosted_only
from portkey_nb.gateway.target import Target
from tests.gateway.sides import Side
from tests.servers import ScriptedServer

URL = "http://127.0.0.1:8787/v1"
LOCAL = Target(URL, URL, "local")
OTHERS = [Target(URL, URL, kind) for kind in ("hosted", "demo", "custom")]

SAVED: dict[str, tuple[dict[str, Any], str | None, str, str]] = {
    "a saved config": ({"config": "pc-abc"}, None, "`pc-abc` is a config saved in Portkey", "inline"),
    "a saved provider": ({"provider": "@openai-prod"}, None, "`@openai-prod` is saved in Portkey", "plain provider"),
    "a virtual key": ({"virtual_key": "vk-secret"}, None, "virtual key is saved in Portkey", "Authorization"),
    "a model of a saved provider": ({"provider": "openai"}, "@prod/gpt-4o", "`@prod/gpt-4o` names", "write `gpt-4o`"),
    "a model that is a slug alone": ({"provider": "openai"}, "@prod", "`@prod` names", "write `prod`"),
    "a saved provider in a Config": ({"config": Config(provider="@p")}, None, "config: provider `@p`", "api_key"),
    "a saved provider in a target": (
        {"config": Config.fallback("openai", "@p")},
        None,
        "config.targets[1]: provider `@p`",
        "plain provider",
    ),
    "a virtual key in a target": (
        {"config": Config.fallback("openai", Config.fallback({"virtual_key": "vk-secret"}))},
        None,
        "config.targets[1].targets[0]: `virtual_key` is saved",
        "`api_key`",
    ),
    "a prompt in a Config": ({"config": {"prompt_id": "pp-1"}}, None, "config: prompt `pp-1`", "messages"),
    "a model in a Config": (
        {"config": Config(provider="openai").with_params(model="@prod/x")},
        None,
        "config: model `@prod/x`",
        "plain name",
    ),
    "a saved guardrail": (
        {"config": Config(provider="openai", input_guardrails=["pg-abc"])},
        None,
        "`input_guardrails` has `pg-abc`",
        "without any guard",
    ),
}


@pytest.mark.parametrize("case", SAVED)
def test_what_is_saved_in_portkey_is_refused_in_one_line(case: str) -> None:
    options, model, said, instead = SAVED[case]
    with pytest.raises(PortkeyError) as caught:
        refuse_hosted_only(LOCAL, options, model)
    assert type(caught.value) in (ConfigError, SettingsError)
    message = caught.value.message
    assert said in message
    assert instead in message
    assert URL in message
    assert "\n" not in message
    assert "vk-secret" not in message
    for other in OTHERS:
        refuse_hosted_only(other, options, model)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({}, None),
        ({"provider": "openai", "Authorization": "Bearer sk"}, "gpt-4o"),
        ({"provider": "workers-ai"}, "@cf/meta/llama-3"),
        ({"provider": "huggingface"}, "@hf/thebloke/zephyr"),
        ({"config": Config.fallback({"provider": "openai", "api_key": "sk"}, "ollama").with_retry(2)}, "m"),
        ({"config": {"provider": "openai", "input_guardrails": [{"default.contains": {"words": ["x"]}}]}}, "m"),
        ({"api_key": "pk-1", "trace_id": "t", "metadata": {"a": "b"}}, "m"),
    ],
)
def test_what_the_open_source_gateway_knows_passes(options: dict[str, Any], model: str | None) -> None:
    refuse_hosted_only(LOCAL, options, model)


def test_a_client_of_the_open_source_gateway_sends_nothing_of_it(side: Side) -> None:
    client = side.client(base_url="local", config="pc-abc", provider=None)
    with pytest.raises(ConfigError, match="`pc-abc` is a config saved in Portkey"):
        side.create(client)
    with pytest.raises(SettingsError, match="write `gpt-4o`"):
        side.create(client.with_options(config=None), model="@prod/gpt-4o")


def test_other_gateways_are_sent_it(side: Side) -> None:
    with ScriptedServer() as server:
        client = side.client(base_url=server.url, config="pc-abc", virtual_key="vk-1")
        side.create(client, model="@prod/gpt-4o")
    assert server.requests[0].headers["x-portkey-config"] == "pc-abc"
    assert server.requests[0].json["model"] == "@prod/gpt-4o"


WARNED: dict[str, tuple[dict[str, Any], str, str]] = {
    "cache": ({"provider": "openai", "cache": {"mode": "simple"}}, "local", "config: `cache` has no effect"),
    "default_params": ({"provider": "openai", "default_params": {"n": 1}}, "local", "`override_params`"),
    "drop_params": ({"provider": "openai", "drop_params": ["n"]}, "local", "`drop_params` has no effect"),
    "circuit breaker": ({"provider": "openai", "cb_config": {"failure_threshold": 3}}, "local", "circuit breaker"),
    "retry after": (
        Config.fallback(Config(provider="openai").with_retry(1, use_retry_after_headers=True)),
        "local",
        "config.targets[0]: `retry.use_retry_after_headers` has no effect",
    ),
    "sticky": (
        {"strategy": {"mode": "loadbalance", "sticky": True}, "targets": [{"provider": "openai"}]},
        "local",
        "`strategy.sticky`",
    ),
    "codes in the wrong place": ({"provider": "openai", "on_status_codes": [429]}, "local", "under `strategy`"),
    "codes without fallback": (
        {"strategy": {"mode": "loadbalance", "on_status_codes": [429]}, "targets": [{"provider": "openai"}]},
        "hosted",
        "mode is loadbalance",
    ),
    "weights without balance": (
        Config.fallback({"provider": "openai", "weight": 1}, "groq"),
        "custom",
        "weights count with mode loadbalance alone",
    ),
    "targets never asked": (
        {"strategy": {"mode": "single"}, "targets": [{"provider": "openai"}, {"provider": "groq"}]},
        "demo",
        "the first of its 2 targets alone",
    ),
    "a short cache": (Config(provider="openai").with_cache(max_age=5), "hosted", "5 s, and Portkey keeps"),
    "texts sent elsewhere": (
        {
            "provider": "openai",
            "output_guardrails": [{"default.webhook": {"webhookURL": "https://ana:pw@a.example/x?token=secret"}}],
        },
        "hosted",
        "`default.webhook` in `output_guardrails` sends the texts to https://a.example",
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_has_no_effect_is_told(case: str) -> None:
    config, kind, said = WARNED[case]
    (sentence,) = config_warnings(Config(config), kind)
    assert said in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize("kind", ["local", "hosted", "custom", "demo"])
def test_nothing_is_told_of_what_works(kind: str) -> None:
    config = Config.fallback("openai", Config(provider="groq").with_retry(1), on_status_codes=[429]).with_timeout(3)
    assert config_warnings(config, kind) == ()
    assert config_warnings(Config.loadbalance({"openai": 1, "groq": 2}), kind) == ()
    assert config_warnings("pc-abc", kind) == config_warnings(None, kind) == ()
    assert config_warnings(Config(provider="openai").with_cache(max_age=100), "hosted") == ()


def test_metadata_travels_as_short_texts(side: Side) -> None:
    with ScriptedServer() as server:
        client = side.client(base_url=server.url, metadata={"run": 7, "final": True, "no": None, "tags": ["a", "b"]})
        side.create(client)
        side.create(client.with_options(metadata='{"as": "it is"}'))
        with pytest.raises(ConfigError, match="metadata `note` is 129 characters long and Portkey takes 128"):
            client.with_options(metadata={"note": "x" * 129})
        with pytest.raises(ConfigError, match="metadata `what` is object"):
            client.with_options(metadata={"what": object()})
        client.with_options(metadata={"note": "x" * 128})
    sent = [json.loads(request.headers["x-portkey-metadata"]) for request in server.requests]
    assert sent == [{"run": "7", "final": "true", "tags": '["a", "b"]'}, {"as": "it is"}]


def test_the_open_source_gateway_compares_metadata_by_kind(side: Side) -> None:
    # Conditions of a Config tell 7 from "7" there, and it knows no limit.
    client = side.client(base_url="local", metadata={"run": 7, "note": "x" * 200})
    assert client._options["metadata"] == {"run": 7, "note": "x" * 200}


def test_a_mistyped_provider_is_named_before_anything_is_sent() -> None:
    target = Target("http://127.0.0.1:8787/v1", "http://127.0.0.1:8787/v1", "local")
    with pytest.raises(ConfigError, match="no provider `olama`; did you mean `ollama`"):
        refuse_hosted_only(target, {"provider": "olama"}, "m")

"""A Config is built in Python, checked at once, shown without its keys, and sent with them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb import Config, Portkey
from portkey_nb.errors import ConfigError
from portkey_nb.gateway.outline import leaves, providers_of, target_name, target_of, target_place
from tests.servers import ScriptedServer

KEY = "sk-do-not-show-me"
FULL = (
    Config.fallback(
        {"provider": "openai", "api_key": KEY},
        Config(name="spare", provider="anthropic", api_key=KEY + "2").with_params(model="claude-x", max_tokens=64),
        Config.loadbalance({"groq": 3, "@prod/llama": 1}),
        on_status_codes=[429, 500],
    )
    .with_retry(3, [429])
    .with_timeout(1.5)
    .with_cache(max_age=100)
)


def test_a_config_is_what_portkey_documents() -> None:
    assert FULL == {
        "strategy": {"mode": "fallback", "on_status_codes": [429, 500]},
        "targets": [
            {"provider": "openai", "api_key": KEY},
            {
                "name": "spare",
                "provider": "anthropic",
                "api_key": KEY + "2",
                "override_params": {"model": "claude-x", "max_tokens": 64},
            },
            {
                "strategy": {"mode": "loadbalance"},
                "targets": [
                    {"provider": "groq", "weight": 3},
                    {"provider": "@prod", "override_params": {"model": "llama"}, "weight": 1},
                ],
            },
        ],
        "retry": {"attempts": 3, "on_status_codes": [429]},
        "request_timeout": 1500,
        "cache": {"mode": "simple", "max_age": 100},
    }


def test_it_reads_at_a_glance() -> None:
    assert repr(FULL) == str(FULL)
    assert repr(FULL).splitlines() == [
        "Config: fallback on 429, 500",
        "  1. openai (api_key ***)",
        "  2. spare: anthropic (api_key ***, model claude-x, max_tokens 64)",
        "  3. loadbalance",
        "     1. groq (weight 3)",
        "     2. @prod (weight 1, model llama)",
        "  retry 3 times on 429, timeout 1.5 s, simple cache up to 100 s",
    ]
    assert repr(Config(provider="ollama", custom_host="http://me:pw@box/", retry={"attempts": 1})) == (
        "Config: ollama (custom_host http://***@box/), retry once"
    )
    assert repr(Config(retry={"attempts": 2})) == "Config: any provider, retry 2 times"


@pytest.mark.parametrize(
    "look",
    [
        repr, str, json.dumps, lambda config: json.dumps(config, indent=2), lambda config: repr(dict(config)),
        lambda config: f"{config['targets'][0]['api_key']}", lambda config: repr(list(config.items())),
        lambda config: config.to_json(), lambda config: "".join(map(str, config["targets"])),
        lambda config: repr(config | {"request_timeout": 5}), lambda config: repr(config.redacted()),
        lambda config: repr({**config}), lambda config: config["targets"][0]["api_key"][:20],
    ],
)  # fmt: skip
def test_nothing_that_people_do_shows_a_key(look: Callable[[Config], str]) -> None:
    assert KEY not in look(FULL)
    assert "***" in look(FULL) or "openai" not in look(FULL)


def test_a_key_set_later_is_hidden_too() -> None:
    config = Config(provider="openai")
    config["api_key"] = KEY
    config |= {"retry": {"attempts": 1}}
    assert KEY not in json.dumps(config)
    assert config.setdefault("api_key", "other") == KEY


def test_its_keys_are_sent() -> None:
    with ScriptedServer() as server, Portkey(base_url=server.url, config=FULL) as client:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
        client.with_options(config=FULL.with_retry(1)).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}]
        )
        # A key taken out of a Config serves as an option as well.
        client.with_options(config=None, Authorization=FULL["targets"][0]["api_key"]).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}]
        )
    first, second, third = (request.headers for request in server.requests)
    assert json.loads(first["x-portkey-config"]) == FULL
    assert json.loads(second["x-portkey-config"])["retry"] == {"attempts": 1}
    assert third["authorization"] == f"Bearer {KEY}"


def test_keys_come_out_where_it_is_said() -> None:
    assert FULL["targets"][0]["api_key"].reveal() == KEY
    assert json.loads(FULL.to_json(reveal=True)) == FULL
    assert Config.from_json(FULL.to_json(reveal=True)) == FULL
    with pytest.raises(ConfigError, match="the key itself"):
        Config.from_json(FULL.to_json())


def test_copies_are_equal_and_their_own() -> None:
    for made in (copy.copy(FULL), copy.deepcopy(FULL), FULL.copy(), Config(FULL), Config(dict(FULL))):
        assert made == FULL
        assert type(made) is type(made["targets"][0]) is Config
        made["request_timeout"] = 7
        assert FULL["request_timeout"] == 1500
    other = copy.deepcopy(FULL)
    other["targets"][0]["api_key"] = "another"
    assert other != FULL


def test_pickling_does_not_write_keys_out() -> None:
    with pytest.raises(ConfigError, match="holds a key"):
        pickle.dumps(FULL)
    without = Config.fallback("openai", "groq").with_retry(1)
    again = pickle.loads(pickle.dumps(without))
    assert again == without
    assert type(again) is Config


def test_a_config_is_checked_whenever_it_changes() -> None:
    config = FULL.copy()
    with pytest.raises(ConfigError, match="attempts"):
        config["retry"] = {"attempts": 9}
    with pytest.raises(ConfigError, match="did you mean `retry`"):
        config.update(retri={"attempts": 1})
    with pytest.raises(ConfigError, match="mode"):
        config |= {"strategy": {"mode": "round"}}
    assert config == FULL


def test_builders_never_mutate() -> None:
    plain = Config(provider="openai")
    plain.with_retry(1), plain.with_cache(), plain.with_timeout(1), plain.with_params(model="x"), plain | {"name": "n"}
    assert plain == {"provider": "openai"}
    assert plain.with_params(a=1).with_params(b=2) == {"provider": "openai", "override_params": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Config(), "empty"),
        (lambda: Config("pc-abc"), "saved config is used as it is"),
        (lambda: Config([1]), "not of list"),
        (lambda: Config.fallback(), "needs `targets`"),
        (lambda: Config.fallback("gpt-4o"), "'gpt-4o' is no provider"),
        (lambda: Config.fallback("openai/gpt-4o"), "'override_params': {'model': 'gpt-4o'}"),
        (lambda: Config.fallback(KEY), "its text is no provider"),
        (lambda: Config.fallback("@"), "'@' is no provider"),
        (lambda: Config.fallback(3), "a target is int"),
        (lambda: Config.fallback("openai", on_status_codes=["429"]), "on_status_codes"),
        (lambda: Config.loadbalance("openai", "groq", weights=[1]), "1 weights for 2 targets"),
        (lambda: Config.loadbalance({"openai": 0, "groq": 0}), "all weights"),
        (lambda: Config.loadbalance({"openai": -1, "groq": 1}), r"targets\[0\].weight"),
        (lambda: Config(provider="openai").with_timeout(0), "timeout is 0"),
        (lambda: Config(provider="openai").with_timeout(True), "timeout is True"),
        (lambda: Config(provider="openai").with_cache("clever"), "'clever'"),
        (lambda: Config.conditional({"a": {"params.model": {"$eq": "x"}}}, {"a": "openai"}, "b"), "leads to 'b'"),
        (lambda: Config.from_json("[1]"), "no JSON object"),
        (lambda: Config.from_json("{"), "not valid JSON"),
        (lambda: Config.from_yaml("a: [1"), "not valid YAML at line 1"),
        (lambda: Config.from_yaml("just words"), "keys and values"),
    ],
)
def test_what_makes_no_config_is_told_in_one_line(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        make()
    assert "\n" not in caught.value.message
    assert KEY not in caught.value.message


def test_texts_of_configs() -> None:
    assert Config.from_yaml("provider: openai\nretry: {attempts: 2}") == Config(provider="openai").with_retry(2)
    assert Config.from_json('{"provider": "openai"}') == {"provider": "openai"}


def test_conditions_as_a_mapping_or_in_order() -> None:
    paid = {"metadata.plan": {"$eq": "paid"}}
    targets = {"good": "openai", "free": {"provider": "ollama"}}
    config = Config.conditional({"good": paid}, targets, "free")
    assert config == Config.conditional([(paid, "good")], targets, "free")
    assert config["strategy"] == {
        "mode": "conditional",
        "conditions": [{"query": paid, "then": "good"}],
        "default": "free",
    }
    assert [target["name"] for target in config["targets"]] == ["good", "free"]
    assert repr(config).splitlines()[0] == "Config: conditional, good where metadata.plan $eq paid, else free"


def test_targets_by_the_paths_that_answers_name() -> None:
    assert providers_of(FULL) == ("openai", "anthropic", "groq", "@prod")
    assert providers_of(FULL.to_json()) == providers_of(FULL)
    assert providers_of("pc-abc") == providers_of(None) == providers_of("{broken") == ()
    assert target_of(FULL, "config.targets[2].targets[1]") == FULL["targets"][2]["targets"][1]
    assert target_of(FULL, "config") == FULL
    assert target_name(FULL, "config.targets[1]") == "spare"
    assert target_name(FULL, "config.targets[0]") == "openai"
    assert target_place(FULL, "config.targets[2].targets[0]") == (3, 4)
    assert target_place(Config(provider="openai"), "config") == (1, 1)
    for path in ("config.targets[9]", "config.targets[0].targets[0]", "elsewhere", "", None):
        assert target_of(FULL, path) is None
        assert target_place(FULL, path) is None
        assert target_name(FULL, path) == (path or "")
    assert target_name("pc-abc", "config.targets[1]") == "config.targets[1]"


TARGETS = st.recursive(
    st.sampled_from(["openai", "groq", "@slug"]).map(lambda name: {"provider": name}),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(
        lambda targets: {"strategy": {"mode": "fallback"}, "targets": targets}
    ),
    max_leaves=8,
)


@given(TARGETS)
def test_every_path_leads_to_its_target(config: dict[str, Any]) -> None:
    made = Config(config)
    assert Config.from_json(made.to_json()) == made == config
    paths = list(leaves(made))
    assert [target_place(made, path) for path, _ in paths] == [(n + 1, len(paths)) for n in range(len(paths))]
    assert all(target_of(made, path) == target for path, target in paths)
    assert len(repr(made).splitlines()) >= len(paths)

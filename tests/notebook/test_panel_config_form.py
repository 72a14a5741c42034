"""A Config as a form and back: nothing is lost, and what a field says is what is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.errors import ConfigError
from portkey_nb.gateway.routing import Config
from portkey_nb.gateway.schema import check
from portkey_nb.notebook.panel.config_form import Form, Row, config_of, form_of, further, further_of, troubles, unshown

TEXTS = st.text(max_size=12)
CODES = st.lists(st.integers(100, 599), max_size=4)
WEIGHTS = st.one_of(st.integers(0, 10**6), st.floats(0, 1e6, allow_nan=False))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
RETRIES = st.fixed_dictionaries(
    {"attempts": st.integers(0, 5)},
    optional={"on_status_codes": CODES, "use_retry_after_headers": st.booleans()},
)
CACHES = st.fixed_dictionaries(
    {"mode": st.sampled_from(["simple", "semantic"])},
    optional={"max_age": st.one_of(st.integers(1, 10**9), st.floats(1e-9, 1e9))},
)
PARAMS = st.dictionaries(st.sampled_from(["model", "temperature", "max_tokens", "messages"]), ANYTHING, max_size=3)
RULES: dict[str, Any] = {"retry": RETRIES, "cache": CACHES, "request_timeout": st.integers(1, 10**9)}
FACTS: dict[str, Any] = {
    "provider": TEXTS,
    "api_key": TEXTS,
    "virtual_key": TEXTS,
    "name": TEXTS,
    "weight": WEIGHTS,
    "override_params": PARAMS,
    "custom_host": TEXTS,
    "strict_open_ai_compliance": st.booleans(),
    "aws_region": TEXTS,
    "input_guardrails": st.lists(TEXTS, max_size=2),
}


def shuffled(configs: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return configs.flatmap(lambda config: st.permutations(list(config.items())).map(dict))


SINGLE = shuffled(st.fixed_dictionaries({}, optional={**FACTS, **RULES}))
MODES = st.sampled_from(["single", "fallback", "loadbalance"])
STRATEGIES = st.fixed_dictionaries({"mode": MODES}, optional={"on_status_codes": CODES, "sticky": ANYTHING})
ROUTED = shuffled(
    st.fixed_dictionaries(
        {"strategy": STRATEGIES, "targets": st.lists(SINGLE, min_size=1, max_size=4)}, optional={**FACTS, **RULES}
    )
)


def fits(config: dict[str, Any]) -> bool:
    try:
        check(config)
    except ConfigError:
        return False
    return True


@given(st.one_of(SINGLE, ROUTED))
def test_a_form_nobody_touched_is_the_config_it_was_made_of(config: dict[str, Any]) -> None:
    before = json.dumps(config)
    assert unshown(config) == ""
    assert json.dumps(config_of(form_of(config))) == before  # also in the order of its keys
    assert json.dumps(config) == before


@given(st.one_of(SINGLE, ROUTED).filter(fits))
def test_a_config_that_fits_is_no_trouble_in_the_form(config: dict[str, Any]) -> None:
    assert troubles(form_of(config)) == {}


@given(
    st.dictionaries(st.sampled_from([*FACTS, *RULES, "strategy", "targets", "other"]), ANYTHING, max_size=5)
    | st.fixed_dictionaries({"strategy": STRATEGIES, "targets": ANYTHING | st.lists(ANYTHING, max_size=3)})
)
def test_any_object_is_shown_without_loss_or_said_to_be_too_much(config: dict[str, Any]) -> None:
    if reason := unshown(config):
        with pytest.raises(ConfigError, match="edit it as JSON") as caught:
            form_of(config)
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)
    else:
        form = form_of(config)
        assert config_of(form) == config
        assert all("\n" not in said for said in troubles(form).values())


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "codes": CODES.map(lambda codes: ", ".join(map(str, codes))),
        "attempts": st.integers(0, 5).map(str),
        "retry_codes": CODES.map(lambda codes: " ".join(map(str, codes))),
        "cache": st.sampled_from(["", "simple", "semantic"]),
        "max_age": st.integers(1, 10**6).map(str),
        "timeout": st.decimals("0.001", "99999", places=3).map(str),
        "mode": MODES,
    },
)


@given(st.one_of(SINGLE, ROUTED), FIELDS)
def test_an_edit_changes_what_it_says_and_keeps_the_rest(config: dict[str, Any], edit: dict[str, str]) -> None:
    form = form_of(config)
    edited = config_of(replace(form, **edit))
    again = form_of(edited)
    # Configs say 2.5 where a text said 2.50: the second time around nothing changes any more.
    assert config_of(form_of(config_of(again))) == edited
    assert len(again.rows) == len(form.rows)
    for name in ("provider", "api_key", "virtual_key", "custom_host", "aws_region"):
        for row, before in zip(again.rows, form.rows, strict=True):
            assert row.base.get(name) == before.base.get(name)
    if "timeout" in edit:
        assert edited["request_timeout"] == round(float(edit["timeout"]) * 1000)
    # Undone, it is as it was.
    assert config_of(replace(replace(form, **edit), **{name: getattr(form, name) for name in edit})) == config


def test_one_provider_becomes_the_first_target_and_again_one_provider() -> None:
    config = {"provider": "openai", "api_key": "***1***", "retry": {"attempts": 2}, "custom_host": "https://h/v1"}
    form = replace(form_of(config), mode="fallback", codes="429 503")
    form = replace(form, rows=(*form.rows, Row(provider="@spare", model="m")))
    assert config_of(form) == {
        "strategy": {"mode": "fallback", "on_status_codes": [429, 503]},
        "targets": [
            {"provider": "openai", "api_key": "***1***", "custom_host": "https://h/v1"},
            {"provider": "@spare", "override_params": {"model": "m"}},
        ],
        "retry": {"attempts": 2},
    }
    assert config_of(replace(form, mode="single", codes="", rows=form.rows[:1])) == config


def test_a_form_from_nothing_makes_the_documented_config() -> None:
    rows = (Row(provider="openai", weight="0.7", key="***1***"), Row(provider="anthropic", model="claude", weight="1"))
    form = Form(mode="loadbalance", rows=rows, attempts="3", cache="semantic", max_age="60", timeout="0.5")
    assert troubles(form) == {}
    assert Config(config_of(form)) == {
        "strategy": {"mode": "loadbalance"},
        "targets": [
            {"provider": "openai", "weight": 0.7, "api_key": "***1***"},
            {"provider": "anthropic", "override_params": {"model": "claude"}, "weight": 1},
        ],
        "retry": {"attempts": 3},
        "cache": {"mode": "semantic", "max_age": 60},
        "request_timeout": 500,
    }


@pytest.mark.parametrize(
    ("edit", "field", "said"),
    [
        ({"attempts": "6"}, "attempts", "0 to 5"),
        ({"attempts": "often"}, "attempts", "'often'"),
        ({"attempts": "2.5"}, "attempts", "whole number"),
        ({"retry_codes": "429"}, "attempts", "how often?"),
        ({"attempts": "1", "retry_codes": "429, 700"}, "retry_codes", "100 to 599"),
        ({"mode": "fallback", "codes": "4xx"}, "codes", "'4xx'"),
        ({"timeout": "0"}, "timeout", "such as 30"),
        ({"timeout": "30s"}, "timeout", "'30s'"),
        ({"timeout": "1.2345"}, "timeout", "'1.2345'"),
        ({"timeout": "1e999999999"}, "timeout", "give seconds"),
        ({"timeout": "-3"}, "timeout", "'-3'"),
        ({"cache": "simple", "max_age": "0"}, "max_age", "above 0"),
        ({"max_age": "60"}, "cache", "choose"),
        ({"rows": (Row(),)}, "rows.0.provider", "name a provider"),
        ({"mode": "fallback", "rows": (Row(provider="openai"), Row())}, "rows.1.provider", "@slug"),
        ({"rows": (Row(provider="openai", weight="heavy" * 20),)}, "rows.0.weight", "..."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_kept_as_typed(edit: dict[str, Any], field: str, said: str) -> None:
    form = replace(Form(rows=(Row(provider="openai"),)), **edit)
    assert list(troubles(form)) == [field]
    assert said in troubles(form)[field]
    assert not fits(config_of(form)) or field.startswith("rows")
    assert config_of(form_of(config_of(form))) == config_of(form)


def test_what_the_form_has_no_field_for_is_named() -> None:
    target = {"provider": "openai", "weight": "2", "override_params": {"model": "m", "top_p": 1}, "aws_region": "eu"}
    config = {
        "strategy": {"mode": "loadbalance", "sticky": 1},
        "targets": [target],
        "cb_config": {"minimum_requests": 1},
    }
    form = form_of(config)
    assert further(form) == ["strategy.sticky", "cb_config"]
    assert further_of(form.rows[0]) == ["weight", "override_params.top_p", "aws_region"]
    assert further(form_of({"provider": "openai", "retry": {"attempts": 1}})) == []


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (dict(Config.conditional({"a": {"params.model": {"$eq": "m"}}}, {"a": "openai"}, default="a")), "conditions"),
        (
            {"strategy": {"mode": "fallback"}, "targets": [{"provider": "a"}, dict(Config.fallback("openai"))]},
            "target 2",
        ),
        ({"targets": [{"provider": "openai"}]}, "no strategy"),
        ({"strategy": "fallback", "targets": []}, "no object"),
    ],
)
def test_a_structure_that_no_form_shows_is_said(config: dict[str, Any], reason: str) -> None:
    assert reason in unshown(config)

"""What is said of parameters before they are sent, and what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.gateway.parameters import altered, keeps, lost_in_messages, needed, prepared
from portkey_nb.gateway.provider_facts import table
from portkey_nb.gateway.types import Message
from tests.contract.recorded import recording
from tests.gateway import conftest
from tests.gateway.sides import Side
from tests.servers import COMPLETION, ScriptedServer, whole

side = conftest.side

HELLO = {"role": "user", "content": "Hello"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "f"}}
PROVIDERS = st.sampled_from([*sorted(table()), "nobody", "@my-openai"]) | st.none()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted({name for row in table().values() for name in row.cells} | {"made_up"}))
PARAMS = st.dictionaries(NAMES, VALUES, max_size=6)


def _said(provider: str | None, params: dict[str, Any], **options: str) -> list[str]:
    return [one.sentence for one in altered(provider, params, **options)]


@pytest.mark.parametrize(
    ("provider", "params", "sentences"),
    [
        ("anthropic", {"temperature": 1.5}, ["`temperature` 1.5 is limited to 1 by anthropic"]),
        ("anthropic", {"temperature": 0.7, "top_p": 0.9, "stop": ["x"], "user": "u"}, []),
        ("anthropic", {"response_format": {"type": "json_object"}}, ["`response_format` is dropped by anthropic"]),
        (
            "anthropic",
            {"seed": 1, "made_up": 2},
            ["`seed` is dropped by anthropic", "`made_up` is dropped by anthropic"],
        ),
        (
            "anthropic",
            {"max_tokens": 5, "max_completion_tokens": 7},
            ["`max_tokens` 5 gives way to `max_completion_tokens` 7 at anthropic"],
        ),
        (
            "bedrock",
            {"max_tokens": 5, "max_completion_tokens": 7},
            ["`max_completion_tokens` 7 gives way to `max_tokens` 5 at bedrock"],
        ),
        ("openai", {"max_tokens": 5, "max_completion_tokens": 7}, []),
        ("openai", {"presence_penalty": -3}, ["`presence_penalty` -3 is limited to -2 by openai"]),
        ("openai", {"top_k": 5}, ["`top_k` is dropped by openai"]),
        ("mistral-ai", {"stop": ["x"]}, ["`stop` is dropped by mistral-ai"]),
        ("ollama", {"tool_choice": "required", "tools": [TOOL]}, ["`tool_choice` is dropped by ollama"]),
        ("cohere", {"tool_choice": NAMED, "tools": [TOOL]}, []),
        (
            "cohere",
            {"tool_choice": NAMED, "tools": [TOOL, TOOL]},
            ["`tool_choice` reaches cohere as `required`, without the function's name"],
        ),
        ("bedrock", {"tool_choice": "none", "tools": [TOOL]}, ["`tool_choice` none is dropped by bedrock"]),
        ("google", {"reasoning_effort": "none"}, ["`reasoning_effort` none is dropped by google"]),
        (
            "together-ai",
            {"frequency_penalty": 0.2},
            ["`frequency_penalty` 0.2 reaches together-ai as `repetition_penalty`, which means something else"],
        ),
    ],
)
def test_only_what_changes_is_said(provider: str, params: dict[str, Any], sentences: list[str]) -> None:
    assert _said(provider, params) == sentences


def test_an_alteration_says_what_was_asked_and_what_came_of_it() -> None:
    (limited,) = altered("anthropic", {"temperature": 1.5})
    assert (limited.parameter, limited.kind, limited.value, limited.provider) == (
        "temperature",
        "limited",
        1.5,
        "anthropic",
    )
    assert [one.kind for one in altered("ollama", {"seed": 1, "n": 2, "thinking": {"budget_tokens": 3}})] == [
        "dropped",
        "partial",
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"n": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}, "logprobs": False, "store": False},
        {"response_format": {"type": "text"}, "parallel_tool_calls": True, "modalities": ["text"], "seed": None},
        {"stream_options": {"include_usage": True}},
    ],
)
def test_a_dropped_value_that_asks_for_nothing_is_no_loss(params: dict[str, Any]) -> None:
    assert _said("anthropic", params) == []


def test_a_number_is_not_taken_for_a_truth_value() -> None:
    assert _said("anthropic", {"n": True, "logprobs": 0}) == [
        "`n` is dropped by anthropic",
        "`logprobs` is dropped by anthropic",
    ]


def test_the_family_of_a_model_decides_where_a_provider_serves_several() -> None:
    params = {"top_k": 5, "seed": 1}
    assert _said("vertex-ai", params) == _said("vertex-ai", params, model="gemini-2.5-pro") == []
    assert _said("vertex-ai", params, model="anthropic.claude-sonnet-4") == ["`seed` is dropped by vertex-ai"]
    assert _said("bedrock", {"top_k": 5}, model="us.anthropic.claude-sonnet-4-v1:0") == []
    assert _said("bedrock", {"top_k": 5}, model="us.meta.llama3-v1:0") == ["`top_k` is dropped by bedrock"]
    assert needed("vertex-ai", model="anthropic.claude-sonnet-4") == ("max_tokens",)


def test_the_hosted_gateway_keeps_more() -> None:
    params = {"response_format": {"type": "json_object"}, "reasoning_effort": "low", "temperature": 1.5}
    assert [one.parameter for one in altered("anthropic", params)] == [
        "response_format",
        "reasoning_effort",
        "temperature",
    ]
    assert [one.parameter for one in altered("anthropic", params, gateway="2.x")] == ["temperature"]
    assert not keeps("openai", "prompt_cache_retention")
    assert keeps("openai", "prompt_cache_retention", gateway="2.x")


@pytest.mark.parametrize("provider", ["nobody", "@my-openai", None, ""])
def test_nothing_is_said_of_the_unknown(provider: str | None) -> None:
    assert altered(provider, {"temperature": 99}) == ()
    assert lost_in_messages(provider, [HELLO]) == ()
    assert keeps(provider, "response_format")
    assert needed(provider) == ()


@pytest.mark.parametrize(
    ("provider", "messages", "texts"),
    [
        ("google", [{"role": "system", "content": "a"}, HELLO], []),
        (
            "google",
            [HELLO, {"role": "system", "content": "a"}, {"role": "developer", "content": "b"}],
            ["lose 2 system messages on the way to google, which takes one alone, in first place"],
        ),
        ("anthropic", [{**HELLO, "name": "bob"}], ["lose 1 `name` on the way to anthropic"]),
        ("openai", [{**HELLO, "name": "bob"}], []),
        (
            "cohere",
            [HELLO, {"role": "assistant", "content": "I look", "tool_calls": [{"id": "1"}, {"id": "2"}]}],
            ["lose 2 tool calls on the way to cohere, and which result is whose"],
        ),
        (
            "vertex-ai",
            [HELLO, {"role": "assistant", "content": "I look", "tool_calls": [{"id": "1"}]}, {"role": "tool"}],
            [
                "lose 1 text beside tool calls on the way to vertex-ai",
                "lose 1 name of tools on the way to vertex-ai; add `name` to messages of role tool",
            ],
        ),
    ],
)
def test_what_conversations_lose(provider: str, messages: list[Any], texts: list[str]) -> None:
    found = lost_in_messages(provider, messages)
    assert [one.text for one in found] == texts
    assert {(one.parameter, one.kind) for one in found} <= {("messages", "partial")}


@given(PROVIDERS, PARAMS)
def test_any_value_is_borne(provider: str | None, params: dict[str, Any]) -> None:
    for one in altered(provider, params):
        assert params[one.parameter] is one.value
        assert len(one.sentence.splitlines()) == 1


@given(
    PROVIDERS, st.lists(st.dictionaries(st.sampled_from(["role", "content", "name", "tool_calls"]), VALUES) | VALUES)
)
def test_any_message_is_borne(provider: str | None, messages: list[Any]) -> None:
    lost_in_messages(provider, messages)


@given(PARAMS)
def test_what_is_sent_holds_no_null_but_in_lists_and_schemas(params: dict[str, Any]) -> None:
    found = prepared(params)
    assert prepared(found) == found
    assert set(found) == {name for name, value in params.items() if value is not None}
    assert not isinstance(found.get("stop"), str)

    def check(value: Any) -> None:
        if isinstance(value, dict):
            assert None not in value.values()
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(inner)

    check(found)


def test_a_null_in_a_schema_is_a_value() -> None:
    schema = {"enum": ["a", None], "default": None, "properties": {"b": {"const": None}}}
    params = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": None, "schema": schema}},
        "tools": [{"type": "function", "function": {"name": "f", "description": None, "parameters": schema}}],
    }
    assert prepared(params) == {
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
    }


@pytest.mark.parametrize("name", ["anthropic-nulls", "cfg-catalog-params-null"])
def test_the_nulls_that_the_gateway_hands_on_are_never_sent(side: Side, name: str) -> None:
    call = recording(name)
    assert None in json.loads(call.upstream[0]["body"]).values()
    with ScriptedServer(whole(COMPLETION)) as server:
        side.create(side.client(base_url=server.url), **call.params)
    assert server.requests[0].json == {name: value for name, value in call.params.items() if value is not None}


def test_messages_lose_their_nulls_but_for_content(side: Side) -> None:
    answer = Message({"role": "assistant", "content": None, "refusal": None, "tool_calls": [{"id": "1"}]})
    with ScriptedServer(whole(COMPLETION)) as server:
        side.create(
            side.client(base_url=server.url),
            model="m",
            messages=[HELLO, answer, {"role": "assistant", "content": "x", "tool_calls": None}],
            stop="END",
        )
    sent = server.requests[0].json
    assert sent["messages"] == [
        HELLO,
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "assistant", "content": "x"},
    ]
    assert sent["stop"] == ["END"]


@pytest.mark.parametrize("name", ["anthropic-full", "google-full", "openai-full"])
def test_the_table_agrees_with_the_recordings(name: str) -> None:
    call = recording(name)
    (provider, _, _), sent = name.partition("-"), call.params
    received = json.loads(call.upstream[0]["body"])
    missing = {parameter for parameter in sent if not keeps(provider, parameter)} - {"model", "messages", "stream"}
    assert missing
    for parameter in set(sent) - {"model", "messages", "stream"}:
        place: Any = received
        for step in (table()[provider].cells[parameter].place if parameter not in missing else parameter).split("."):
            place = place.get(step, ...) if isinstance(place, dict) else ...
        if parameter in missing:
            assert place is ... or place != sent[parameter], parameter
        else:
            assert place is not ..., parameter

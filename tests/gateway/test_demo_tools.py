"""The demo's models and tools: what is called with which arguments, and what is said when the results are there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.gateway.client import Portkey
from portkey_nb.gateway.demo.models import MODELS
from portkey_nb.gateway.demo.server import DemoGateway

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}


def tool(name: str, about: str = "", required: list[str] | None = None, /, **fields: Any) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": fields,
        "required": list(fields) if required is None else required,
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


UNIT = {"enum": ["celsius", "fahrenheit"], "default": "celsius"}
WEATHER = tool("get_weather", "Return the current weather in a city.", ["city"], city=TEXT, unit=UNIT)
ADD, MULTIPLY = tool("add", "Add two numbers.", a=NUMBER, b=NUMBER), tool("multiply", a=NUMBER, b=NUMBER)
SEARCH = tool("search_docs", "Search the documentation.", ["query"], query=TEXT, limit={**WHOLE, "default": 5})
MAIL = tool("send_email", "Send an email.", to={**TEXT, "format": "email"}, subject=TEXT, body=TEXT)
BORN = tool("birth_year", "The year in which a person was born.", name=TEXT)
CLOCK = tool("now", "The current time in a timezone.", [], timezone={**TEXT, "default": "UTC"})
AVERAGE = tool("average", "The mean of numbers.", numbers={"type": "array", "items": NUMBER})
BOOK = tool(
    "book_table",
    "Book a table at a restaurant.",
    guest={"type": "object", "properties": {"name": TEXT, "people": WHOLE}, "required": ["name", "people"]},
    date={**TEXT, "format": "date"},
)
ROLL = tool("roll_dice", "Roll dice.", ["sides"], sides=WHOLE, times={**WHOLE, "default": 1})
ALL = [WEATHER, ADD, MULTIPLY, SEARCH, MAIL, BORN, CLOCK, AVERAGE, BOOK, ROLL]


@pytest.fixture(scope="module")
def portkey() -> Iterator[Portkey]:
    with DemoGateway(speed=0) as gateway:
        yield Portkey(base_url=gateway.base_url)


def ask(portkey: Portkey, *messages: Any, model: str = "gpt-4o", tools: Any = ALL, **params: Any) -> Any:
    said = [{"role": "user", "content": one} if isinstance(one, str) else one for one in messages]
    return portkey.chat.completions.create(model=model, messages=said, tools=tools, temperature=0, **params).choices[0]


def calls(choice: Any) -> list[tuple[str, Any]]:
    return [(one.function.name, json.loads(one.function.arguments)) for one in choice.message.tool_calls or ()]


def answered(choice: Any, *results: str) -> list[dict[str, Any]]:
    message = choice.message.model_dump()
    ids = [one["id"] for one in message["tool_calls"]]
    return [
        message,
        *({"role": "tool", "tool_call_id": id_, "content": text} for id_, text in zip(ids, results, strict=True)),
    ]


def weather(*cities: str, unit: str = "celsius") -> list[tuple[str, Any]]:
    return [("get_weather", {"city": city, "unit": unit}) for city in cities]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What is the weather in Paris?", weather("Paris")),
        ("What is the weather in Paris and Rome?", weather("Paris", "Rome")),
        ("Compare the weather in Paris, Rome and Oslo.", weather("Paris", "Rome", "Oslo")),
        ("how warm is it in berlin, in Fahrenheit?", weather("Berlin", unit="fahrenheit")),
        ("Should I take an umbrella in Springfield?", weather("Springfield")),
        ("What is 17 * 23?", [("multiply", {"a": 17, "b": 23})]),
        ("Add 2 and -3.5", [("add", {"a": 2, "b": -3.5})]),
        ("What is 2 + 3, and what is 4 * 5?", [("add", {"a": 2, "b": 3}), ("multiply", {"a": 4, "b": 5})]),
        ("Search the docs for streaming responses", [("search_docs", {"query": "streaming responses", "limit": 5})]),
        (
            'Send an email to ada@example.com with subject "Hi" and body "See you"',
            [("send_email", {"to": "ada@example.com", "subject": "Hi", "body": "See you"})],
        ),
        ("When was Ada Lovelace born?", [("birth_year", {"name": "Ada Lovelace"})]),
        ("What time is it?", [("now", {"timezone": "UTC"})]),
        ("What is the average of 4, 8 and 15?", [("average", {"numbers": [4, 8, 15]})]),
        (
            "Book a table for Grace Hopper for four people on 2026-05-06",
            [("book_table", {"guest": {"name": "Grace Hopper", "people": 4}, "date": "2026-05-06"})],
        ),
        ("Roll a 20-sided die", [("roll_dice", {"sides": 20, "times": 1})]),
        ("Hello!", []),
        ("Explain recursion in one sentence.", []),
        ("What is the capital of France?", []),
        ("Write a haiku about the sea.", []),
        ("What is the weather?", []),
    ],
)
@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet"])
def test_the_tool_that_fits_is_called_with_what_the_question_holds(
    portkey: Portkey, model: str, question: str, wanted: Any
) -> None:
    choice = ask(portkey, question, model=model)
    assert calls(choice) == wanted
    assert bool(choice.message.content) == (not wanted or model == "claude-sonnet")


def test_choosing_is_the_callers_where_it_says_so(portkey: Portkey) -> None:
    question = "What is the weather in Paris?"
    assert calls(ask(portkey, question, tool_choice="none")) == []
    forced = {"type": "function", "function": {"name": "birth_year"}}
    assert [name for name, _ in calls(ask(portkey, question, tool_choice=forced))] == ["birth_year"]
    assert len(calls(ask(portkey, "Hello!", tool_choice="required"))) == 1
    assert calls(ask(portkey, question, tool_choice="required")) == weather("Paris")


def test_calls_come_one_by_one_where_they_may_not_come_together(portkey: Portkey) -> None:
    question = "What is the weather in Paris and Rome?"
    first = ask(portkey, question, parallel_tool_calls=False)
    assert calls(first) == weather("Paris")
    history = [question, *answered(first, "sunny")]
    second = ask(portkey, *history, parallel_tool_calls=False)
    assert calls(second) == weather("Rome")
    last = ask(portkey, *history, *answered(second, "rain"), parallel_tool_calls=False)
    assert calls(last) == []
    assert "sunny" in last.message.content
    assert "rain" in last.message.content


@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "function": {"name": "get_weather"}}])
@pytest.mark.parametrize("model", [*MODELS])
def test_a_call_is_never_made_twice(portkey: Portkey, model: str, choice: Any) -> None:
    first = ask(portkey, "What is the weather in Paris?", model=model, tool_choice=choice)
    assert calls(first) == weather("Paris")
    then = ask(
        portkey, "What is the weather in Paris?", *answered(first, '{"temp_c": 21}'), model=model, tool_choice=choice
    )
    if choice == "required":
        assert calls(then) != weather("Paris")
    else:
        assert calls(then) == []
        assert "21" in then.message.content


def test_where_a_tool_has_to_be_called_the_next_one_is_told_what_came(portkey: Portkey) -> None:
    report = tool("report", "Give the answer.", temp_c=WHOLE)
    question, tools = "What is the weather in Paris?", [WEATHER, report]
    first = ask(portkey, question, tools=tools, tool_choice="required")
    assert calls(first) == weather("Paris")
    then = ask(portkey, question, *answered(first, '{"temp_c": 21}'), tools=tools, tool_choice="required")
    assert calls(then) == [("report", {"temp_c": 21})]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ('{"temperature": 21, "sky": "sunny"}', "temperature 21 and sky sunny"),
        ("391", "**391**"),
        ("It will rain all day.", "It will rain all day"),
        ("[]", "gave nothing"),
        ('["a", "b", "c"]', "3 items: a, b, c"),
        ("Error: no such city 'Paris'", "failed for Paris, celsius: no such city 'Paris'"),
        ('{"error": "quota used up"}', "failed for Paris, celsius: quota used up"),
        ("ValueError: too far", "failed for Paris, celsius: ValueError: too far"),
        ("<script>alert(1)</script> " * 500, "…"),
    ],
)
def test_results_are_told_and_errors_plainly(portkey: Portkey, result: str, said: str) -> None:
    first = ask(portkey, "What is the weather in Paris?")
    answer = ask(portkey, "What is the weather in Paris?", *answered(first, result)).message.content
    assert said in answer
    assert len(answer) < 1000


def test_results_fill_a_schema(portkey: Portkey) -> None:
    schema = {
        "type": "object",
        "properties": {"city": TEXT, "temperature": NUMBER},
        "required": ["city", "temperature"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    question = "What is the weather in Paris?"
    first = ask(portkey, question, response_format=form)
    then = ask(portkey, question, *answered(first, '{"temperature": 21.5}'), response_format=form)
    assert json.loads(then.message.content) == {"city": "Paris", "temperature": 21.5}


def test_a_provider_that_drops_the_format_answers_by_a_forced_tool(portkey: Portkey) -> None:
    schema = {"type": "object", "properties": {"name": TEXT, "year": WHOLE}, "required": ["name", "year"]}
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    fact = "Ada Lovelace was born in 1815."
    prose = ask(portkey, fact, model="claude-sonnet", tools=None, response_format=form).message.content
    assert not prose.startswith("{")
    standing_in = {"type": "function", "function": {"name": "person", "parameters": schema}}
    choice = {"type": "function", "function": {"name": "person"}}
    called = ask(portkey, fact, model="claude-sonnet", tools=[standing_in], tool_choice=choice)
    assert calls(called) == [("person", {"name": "Ada Lovelace", "year": 1815})]


def pieces(portkey: Portkey, model: str, lax: bool) -> list[dict[str, Any]]:
    client = portkey.with_options(strict_open_ai_compliance=not lax)
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "What is the weather in Paris and Rome?"}],
        tools=ALL,
        stream=True,
    )
    return [chunk.model_dump() for chunk in stream]


@pytest.mark.parametrize(
    ("model", "prefix", "finish", "native"),
    [
        ("gpt-4o", "call_", "tool_calls", "tool_calls"),
        ("claude-sonnet", "toolu_", "tool_calls", "tool_use"),
        ("gemini-flash", "portkey-", "stop", "STOP"),
        ("llama-local", "call_", "tool_calls", "tool_calls"),
    ],
)
def test_calls_stream_in_each_providers_way(
    portkey: Portkey, model: str, prefix: str, finish: str, native: str
) -> None:
    for lax, reason in ((False, finish), (True, native)):
        chunks = pieces(portkey, model, lax)
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        called = [delta["tool_calls"] for delta in deltas if delta.get("tool_calls")]
        assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == reason
        opened = [one for group in called for one in group if one.get("id")]
        assert [one["function"]["name"] for one in opened] == ["get_weather"] * 2
        assert all(one["id"].startswith(prefix) for one in opened)
        texts = ["", ""]
        for one in (one for group in called for one in group):
            texts[one["index"]] += one["function"].get("arguments", "")
        assert [json.loads(text)["city"] for text in texts] == ["Paris", "Rome"]
        if model == "gemini-flash":
            assert len(called) == 1
        else:
            assert opened[0]["function"]["arguments"] == ""
            assert len(called) > 4
        empty = [one for group in called for one in group if "id" not in one and not one["function"]["arguments"]]
        assert len(empty) == (2 if model == "claude-sonnet" else 0)


def test_a_token_limit_cuts_a_call(portkey: Portkey) -> None:
    choice = ask(portkey, "What is the weather in Paris?", max_tokens=9)
    assert choice.finish_reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice.message.tool_calls[0].function.arguments)


@given(
    st.text(max_size=200),
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        st.sampled_from((TEXT, NUMBER, WHOLE, UNIT, {"type": "boolean"}, {"type": "array", "items": TEXT})),
        max_size=4,
    ),
)
@settings(max_examples=60, deadline=None)
def test_forced_calls_validate_whatever_is_asked(question: str, fields: dict[str, Any]) -> None:
    portkey = Portkey(base_url="demo")
    given_tool = tool("do_it", **fields)
    choice = ask(portkey, question, tools=[given_tool], tool_choice="required", model="demo-fast")
    for _, arguments in calls(choice):
        jsonschema.validate(arguments, given_tool["function"]["parameters"])
    assert choice.message.tool_calls

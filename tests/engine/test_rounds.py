"""Tools, schemas and images through ``ask``: what is sent, what is run, what is logged, what comes back."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy
import pytest

from portkey_nb import aask, ask, runs
from portkey_nb.engine.asking import call_from
from portkey_nb.engine.loop import submit
from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.errors import PortkeyError, PromptError, SchemaError
from tests.servers import COMPLETION, DONE, ScriptedServer, chunk, streamed, whole

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001"
    "0005fe02fea7e20000000049454e44ae426082"
)


def blocking(prompt: Any, **params: Any) -> Reply:
    return ask(prompt, **params)


def awaited(prompt: Any, **params: Any) -> Reply:
    return asyncio.run(aask(prompt, **params))


@pytest.fixture(params=[blocking, awaited], ids=["ask", "aask"])
def asking(request: pytest.FixtureRequest) -> Callable[..., Reply]:
    """The two ways to ask from Python, which do the same."""
    way: Callable[..., Reply] = request.param
    return way


def calling(*calls: tuple[str, str], text: str | None = None) -> dict[str, Any]:
    """Return an answer that calls functions with these arguments."""
    called = [
        {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(calls)
    ]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "tool_calls": called},
        "finish_reason": "tool_calls",
    }
    return {**COMPLETION, "choices": [choice]}


def weather(city: str, days: int = 1) -> dict[str, Any]:
    """Tell the weather.

    Args:
        city: Where.
        days: How many days ahead.
    """
    if city == "Atlantis":
        raise ValueError("no such city")
    return {"city": city, "celsius": 18, "days": days}


def test_a_tool_is_called_and_its_result_goes_back(asking: Callable[..., Reply]) -> None:
    with ScriptedServer(whole(calling(("weather", '{"city": "Oslo"}'))), whole(COMPLETION)) as server:
        reply = asking("Weather in Oslo?", model="m", base_url=server.url, tools=[weather], stream=False)
    assert reply == "Hello"
    first, second = (request.json for request in server.requests)
    (tool,) = first["tools"]
    assert tool["function"]["name"] == "weather"
    assert tool["function"]["parameters"]["required"] == ["city"]
    assert tool["function"]["parameters"]["properties"]["city"]["description"] == "Where."
    asked, called, given = second["messages"]
    assert asked == {"role": "user", "content": "Weather in Oslo?"}
    assert called["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}
    assert (given["role"], given["tool_call_id"], given["name"]) == ("tool", "call_0", "weather")
    assert json.loads(given["content"]) == {"city": "Oslo", "celsius": 18, "days": 1}
    # The conversation, whole, as one would go on with it.
    assert reply.messages == [asked, called, given, {"role": "assistant", "content": "Hello"}]


def test_each_round_is_a_row_and_the_reply_sums_them_up() -> None:
    with ScriptedServer(whole(calling(("weather", '{"city": "Oslo"}'))), whole(COMPLETION)) as server:
        reply = ask("Weather?", model="gpt-4o", base_url=server.url, tools=[weather], stream=False)
    rows = runs(columns="all")
    assert list(rows["status"]) == ["ok", "ok"]
    assert rows["parent_run_id"].iloc[1] == rows.index[0]
    assert rows["tool_calls"].iloc[0][0]["function"]["name"] == "weather"
    assert [run.run_id for run in reply.runs] == list(rows.index)
    assert reply.usage["input_tokens"] == 6
    assert reply.cost_usd == pytest.approx(rows["cost_usd"].sum())
    assert pickle.loads(pickle.dumps(reply)).usage == reply.usage


def test_a_streamed_tool_call_is_run_too() -> None:
    first = streamed(
        chunk("Let me look.", role="assistant"),
        chunk(
            tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}}]
        ),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"city": '}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '"Rome"}'}}]),
        chunk(finish="tool_calls"),
        DONE,
    )
    with ScriptedServer(first, streamed(chunk("18 degrees"), chunk(finish="stop"), DONE)) as server:
        reply = ask("Weather?", model="m", base_url=server.url, tools=[weather])
    assert reply == "18 degrees"
    assert server.requests[1].json["messages"][1]["content"] == "Let me look."
    shown = reply._repr_mimebundle_()
    assert "Let me look." in shown["text/html"]
    assert "weather(city=&#x27;Rome&#x27;)" in shown["text/html"]
    assert shown["text/plain"] == "18 degrees"
    assert "2 requests" in shown["text/html"]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("weather", '{"city": "Atlantis"}', "no such city"),
        ("weather", '{"city": 5, "days": "many"}', "days"),
        ("weather", "{oh no", "JSON"),
        ("weather", '{"town": "Oslo"}', "town"),
        ("wether", "{}", "there is no tool named 'wether'; there are: weather"),
    ],
)
def test_what_goes_wrong_in_a_tool_is_told_to_the_model(name: str, arguments: str, told: str) -> None:
    with ScriptedServer(whole(calling((name, arguments))), whole(COMPLETION)) as server:
        reply = ask("Weather?", model="m", base_url=server.url, tools=[weather], stream=False)
    answer = server.requests[1].json["messages"][-1]
    assert told in answer["content"]
    assert "Traceback" not in answer["content"]
    # What was no JSON is not sent back: providers refuse it.
    json.loads(server.requests[1].json["messages"][1]["tool_calls"][0]["function"]["arguments"])
    assert "failed: " in reply._repr_mimebundle_()["text/html"]


def test_several_calls_in_one_answer_are_answered_one_by_one() -> None:
    both = calling(("weather", '{"city": "Oslo"}'), ("weather", '{"city": "Rome"}'))
    with ScriptedServer(whole(both), whole(COMPLETION)) as server:
        ask("Weather?", model="m", base_url=server.url, tools=[weather], stream=False)
    given = [message for message in server.requests[1].json["messages"] if message["role"] == "tool"]
    assert [(each["tool_call_id"], json.loads(each["content"])["city"]) for each in given] == [
        ("call_0", "Oslo"),
        ("call_1", "Rome"),
    ]


def test_a_model_that_never_stops_calling_is_stopped(asking: Callable[..., Reply]) -> None:
    with (
        ScriptedServer(whole(calling(("weather", '{"city": "Oslo"}')))) as server,
        pytest.raises(PortkeyError, match="m still calls tools after 8 requests"),
    ):
        asking("Weather?", model="m", base_url=server.url, tools=[weather], stream=False)
    assert len(server.requests) == 8
    assert len(runs()) == 8


def test_what_a_model_signed_of_its_thinking_goes_back_with_the_result() -> None:
    answer = calling(("weather", '{"city": "Oslo"}'))
    blocks = [{"type": "thinking", "thinking": "Oslo, then.", "signature": "SIG=="}]
    answer["choices"][0]["message"]["content_blocks"] = blocks
    with ScriptedServer(whole(answer), whole(COMPLETION)) as server:
        reply = ask("Weather?", model="m", base_url=server.url, tools=[weather], stream=False)
    assert server.requests[1].json["messages"][1]["content_blocks"] == blocks
    assert reply.reasoning == "Oslo, then."


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([lambda city: city], "lambda"),
        ([weather, weather], "weather"),
        (["weather"], "weather"),
    ],
)
def test_what_cannot_be_a_tool_is_said_before_any_call(tools: Any, said: str) -> None:
    with ScriptedServer() as server, pytest.raises(PromptError, match=said):
        ask("Weather?", model="m", base_url=server.url, tools=tools)
    assert not server.requests


def test_tool_definitions_are_sent_as_they_are_and_nothing_is_run() -> None:
    definition = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    with ScriptedServer(whole(calling(("look", "{}"), text="see"))) as server:
        reply = ask("Look", model="m", base_url=server.url, tools=[definition], stream=False)
    assert server.requests[0].json["tools"] == [definition]
    assert len(server.requests) == 1
    assert reply.run.tool_calls[0]["function"]["name"] == "look"


@dataclass
class City:
    name: str
    people: int


ULM = '{"name": "Ulm", "people": 126000}'


def answering(text: str, finish: str = "stop") -> list[Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return whole({**COMPLETION, "choices": [choice]})


def test_an_answer_is_read_by_its_schema(asking: Callable[..., Reply]) -> None:
    with ScriptedServer(answering(ULM)) as server:
        reply = asking("Ulm?", model="m", base_url=server.url, schema=City, stream=False)
    assert reply.parsed == City("Ulm", 126000)
    wanted = server.requests[0].json["response_format"]
    assert wanted["type"] == "json_schema"
    assert set(wanted["json_schema"]["schema"]["properties"]) == {"name", "people"}
    assert reply == ULM
    assert "```" not in reply._repr_mimebundle_()["text/plain"]


def test_a_list_of_objects_becomes_a_frame() -> None:
    with ScriptedServer(answering('{"items": [' + ULM + ', {"name": "Aalen", "people": 68000}]}')) as server:
        reply = ask("Cities?", model="m", base_url=server.url, schema=list[City], stream=False)
    assert reply.parsed == [City("Ulm", 126000), City("Aalen", 68000)]
    frame = reply.frame()
    assert list(frame.columns) == ["name", "people"]
    assert frame["people"].sum() == 194000


@pytest.mark.parametrize("stream", [True, False])
def test_a_forced_tool_call_stands_in_where_the_provider_drops_the_format(stream: bool) -> None:
    called = [{"index": 0, "id": "t1", "type": "function", "function": {"name": "City", "arguments": ""}}]
    pieces = streamed(
        chunk(role="assistant", tool_calls=called),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ULM[:10]}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ULM[10:]}}]),
        chunk(finish="tool_calls"),
        DONE,
    )
    with ScriptedServer(pieces if stream else whole(calling(("City", ULM)))) as server:
        reply = ask(
            "Ulm?", model="m", base_url=server.url, provider="anthropic", max_tokens=99, schema=City, stream=stream
        )
    sent = server.requests[0].json
    assert "response_format" not in sent
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "City"}}
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["City"]
    assert reply.parsed == City("Ulm", 126000)
    assert reply == reply.run.text == ULM
    assert len(server.requests) == 1


def test_tools_and_a_schema_work_together_where_the_format_is_dropped() -> None:
    with ScriptedServer(whole(calling(("weather", '{"city": "Ulm"}'))), whole(calling(("City", ULM)))) as server:
        reply = ask(
            "Ulm?",
            model="m",
            base_url=server.url,
            provider="anthropic",
            max_tokens=99,
            schema=City,
            tools=[weather],
            stream=False,
        )
    assert reply.parsed == City("Ulm", 126000)
    assert [request.json["tool_choice"] for request in server.requests] == ["required", "required"]


def test_an_answer_that_does_not_fit_is_logged_and_said_in_one_line(asking: Callable[..., Reply]) -> None:
    text = '{"name": "Ulm", "people": "many"}'
    with ScriptedServer(answering(text)) as server, pytest.raises(SchemaError, match="people") as caught:
        asking("Ulm?", model="m", base_url=server.url, schema=City, stream=False)
    assert caught.value.reply == text
    assert "\n" not in caught.value.message
    assert runs()["text"].iloc[0] == text


def test_an_answer_cut_at_the_limit_says_so() -> None:
    with ScriptedServer(answering('{"name": "Ul', "length")) as server, pytest.raises(SchemaError, match="max_tokens"):
        ask("Ulm?", model="m", base_url=server.url, schema=City, stream=False, max_tokens=5)


def test_images_stand_behind_the_text_of_the_last_user_message() -> None:
    with ScriptedServer() as server:
        ask("What is it?", model="m", base_url=server.url, images=[PNG, "https://example.org/cat.png"], stream=False)
    text, first, second = server.requests[0].json["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    assert first["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert second["image_url"]["url"] == "https://example.org/cat.png"
    assert runs()["prompt"].iloc[0] == "What is it?"


def test_the_provider_that_needs_max_tokens_is_asked_for_them_beforehand() -> None:
    with (
        ScriptedServer() as server,
        pytest.raises(PromptError, match="anthropic answers only where `max_tokens` is set"),
    ):
        ask("Hello", model="m", base_url=server.url, provider="anthropic")
    assert not server.requests


def test_dropped_and_limited_parameters_are_on_the_run_and_in_the_footer() -> None:
    with ScriptedServer() as server:
        reply = ask(
            "Hello", model="m", base_url=server.url, provider="anthropic", max_tokens=9, temperature=1.5, seed=3
        )
    lost = runs(columns=["dropped_params"])["dropped_params"].iloc[0]
    assert lost == {"temperature": "1.5 is limited to 1 by anthropic", "seed": "is dropped by anthropic"}
    shown = reply._repr_mimebundle_()["text/markdown"]
    assert "is limited to 1 by anthropic" in shown
    assert runs(columns=["params"])["params"].iloc[0] == {"max_tokens": 9, "temperature": 1.5, "seed": 3}


def test_who_answered_decides_what_was_dropped() -> None:
    config = {
        "strategy": {"mode": "fallback"},
        "targets": [{"provider": "openai", "api_key": "k-1"}, {"provider": "anthropic", "api_key": "k-2"}],
    }
    headers = {"x-portkey-provider": "openai", "x-portkey-last-used-option-index": "config.targets[0]"}
    with ScriptedServer(whole(COMPLETION, headers=headers)) as server:
        ask("Hello", model="m", base_url=server.url, config=config, temperature=1.5, stream=False)
    assert runs(columns=["dropped_params"])["dropped_params"].isna().all()


def test_the_run_is_found_again_in_portkeys_logs_by_its_metadata() -> None:
    with ScriptedServer() as server:
        reply = ask("Hello", model="m", base_url=server.url, tags={"team": "red"}, stream=False)
    sent = json.loads(server.requests[0].headers["x-portkey-metadata"])
    assert sent == {"team": "red", "run_id": reply.run.run_id}


def test_definitions_beside_functions_are_the_askers_to_answer() -> None:
    clock = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
    with ScriptedServer(whole(calling(("clock", "{}")))) as server:
        reply = ask("Time?", model="m", base_url=server.url, tools=[weather, clock], stream=False)
    assert len(server.requests) == 1
    assert reply.run.tool_calls[0]["function"]["name"] == "clock"


def test_a_tool_and_a_schema_of_one_name_are_refused() -> None:
    schema = {"name": "weather", "schema": {"type": "object"}}
    with ScriptedServer() as server, pytest.raises(PromptError, match="both named `weather`"):
        ask("Weather?", model="m", base_url=server.url, tools=[weather], schema=schema)
    assert not server.requests


def test_what_was_odd_in_an_earlier_round_is_in_the_footer() -> None:
    retried = {"x-portkey-retry-attempt-count": "2"}
    first = whole(calling(("weather", '{"city": "Oslo"}')), headers=retried)
    with ScriptedServer(first, whole(COMPLETION)) as server:
        reply = ask("Weather?", model="m", base_url=server.url, tools=[weather], stream=False)
    assert "after 3 tries by the gateway" in reply._repr_mimebundle_()["text/markdown"]
    assert len(Replies({"m": reply}).to_frame()) == 2


def test_the_notebooks_name_and_not_its_path_goes_to_portkey() -> None:
    with ScriptedServer() as server:
        call, runner = call_from("Hello", "m", {"base_url": server.url, "stream": False})
        call = replace(call, facts={**call.facts, "notebook": "/home/ana/clients/secret/report.ipynb"})
        submit(runner.perform(call)).result()
    assert json.loads(server.requests[0].headers["x-portkey-metadata"])["notebook"] == "report.ipynb"


def test_arrays_are_sent_as_lists() -> None:
    with ScriptedServer() as server:
        ask("Hello", model="m", base_url=server.url, provider="openai", stop=numpy.array(["a", "b"]), stream=False)
    assert server.requests[0].json["stop"] == ["a", "b"]


def test_demo_models_call_a_tool_and_then_answer_by_the_schema() -> None:
    @dataclass
    class Report:
        city: str
        celsius: int

    for model in ("gpt-4o", "claude-sonnet", "gemini-flash"):
        reply = ask("What is the weather in Oslo?", model=model, base_url="demo", tools=[weather], schema=Report)
        assert reply.parsed == Report("Oslo", 18), model

"""Python functions as tools: what the model is told of them, what they are given, and what comes back."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from portkey_nb.engine.tools import Tool, ToolResult, tool_of, tools_of
from portkey_nb.errors import PromptError
from portkey_nb.settings import Secret


class Unit(enum.Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


@dataclasses.dataclass
class Place:
    town: str
    country: str = "DE"


class Window(BaseModel):
    first: date
    days: int = Field(default=1, ge=1, description="how many days")


class Options(typing.TypedDict, total=False):
    verbose: bool


def forecast(
    place: Place,
    window: Window,
    unit: Unit = Unit.CELSIUS,
    detail: Literal["short", "long"] = "short",
    hours: list[int] | None = None,
    note: Annotated[str, Field(description="a note", max_length=9)] = "",
) -> str:
    """Tell the weather of a place.

    Parameters
    ----------
    place : Place
        Where.
    detail : str
        How much
        to tell.
    """
    return f"{place!r} {window.first:%Y} {window.days} {unit.name} {detail} {hours} {note}"


def error_of(result: ToolResult) -> str:
    assert result.error is not None
    assert "\n" not in result.error
    return result.error


def test_the_model_is_told_name_description_and_types() -> None:
    tool = tool_of(forecast)
    assert tool.definition == {
        "type": "function",
        "function": {"name": "forecast", "description": "Tell the weather of a place.", "parameters": tool.parameters},
    }
    schema = tool.parameters
    assert schema["type"] == "object"
    assert schema["required"] == ["place", "window"]
    assert schema["additionalProperties"] is False
    properties = schema["properties"]
    assert list(properties) == ["place", "window", "unit", "detail", "hours", "note"]
    assert properties["place"]["description"] == "Where."
    assert properties["detail"] == {
        "type": "string",
        "enum": ["short", "long"],
        "default": "short",
        "description": "How much to tell.",
    }
    assert properties["hours"] == {"type": "array", "items": {"type": "integer"}}
    assert properties["note"]["description"] == "a note"
    assert schema["$defs"]["Unit"]["enum"] == ["celsius", "kelvin"]
    assert schema["$defs"]["Window"]["properties"]["days"]["description"] == "how many days"
    assert '"title"' not in json.dumps(schema)


def test_arguments_arrive_as_the_types_of_the_annotations() -> None:
    arguments = {
        "place": {"town": "Ulm"},
        "window": {"first": "2026-03-01", "days": 2},
        "unit": "kelvin",
        "hours": ["6", 18],
    }
    result = tool_of(forecast).call(json.dumps(arguments))
    assert result.error is None
    assert result.text == "Place(town='Ulm', country='DE') 2026 2 KELVIN short [6, 18] "
    assert result.arguments == arguments
    assert (result.name, result.seconds >= 0) == ("forecast", True)


GOOGLE = """Add.

    Args:
        a: the first
            number
        b (int): the second
    """
NUMPY = """Add.

    Parameters
    ----------
    a, b : int
        the numbers
    """
REST = """Add.

    :param a: the first
    :param int b: the second
    """


@pytest.mark.parametrize(
    ("docstring", "first", "second"),
    [
        (GOOGLE, "the first number", "the second"),
        (NUMPY, "the numbers", "the numbers"),
        (REST, "the first", "the second"),
    ],
)
def test_docstrings_describe_the_parameters(docstring: str, first: str, second: str) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    add.__doc__ = docstring
    tool = tool_of(add)
    assert tool.description == "Add."
    assert [one["description"] for one in tool.parameters["properties"].values()] == [first, second]


def test_a_function_without_docstring_or_parameters_is_a_tool() -> None:
    def now() -> str:
        return "noon"

    tool = tool_of(now)
    assert "description" not in tool.definition["function"]
    assert tool.parameters == {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    for nothing in ("", "  ", "{}", "null"):
        assert tool.call(nothing).text == "noon"


def test_a_long_docstring_is_bounded() -> None:
    def talk() -> None: ...

    talk.__doc__ = "Talk.\n\n" + "word " * 5000
    assert len(tool_of(talk).description) == 1024


def test_parameters_without_annotation_take_the_type_of_their_default() -> None:
    def f(a, b=3, c=True, d=0.5, e=None, f=Unit.KELVIN, g=(1,)):  # type: ignore[no-untyped-def]
        return [a, b, c, d, e, f, g]

    properties = tool_of(f).parameters["properties"]
    kinds = [properties[name].get("type") for name in "abcde"]
    assert kinds == ["string", "integer", "boolean", "number", "string"]
    assert json.loads(tool_of(f).call('{"a": 5, "b": "7", "f": "celsius"}').text) == [
        *("5", 7, True, 0.5, None, "celsius", [1])
    ]


def test_names_that_pydantic_keeps_to_itself_are_fine() -> None:
    def f(schema: int, copy: int, _x: int, model_config: int, self: int = 1) -> int:
        return schema + copy + _x + model_config + self

    assert tool_of(f).call('{"schema": 1, "copy": 2, "_x": 3, "model_config": 4}').text == "11"


def test_optional_parameters_may_be_left_out_or_null() -> None:
    def f(a: Optional[int] = None, b: int = None) -> list[Any]:  # type: ignore[assignment] # noqa: RUF013, UP045
        return [a, b]

    tool = tool_of(f)
    assert tool.parameters["properties"] == {"a": {"type": "integer"}, "b": {"type": "integer"}}
    for arguments in ("{}", '{"a": null, "b": null}'):
        assert tool.call(arguments).text == "[null, null]"


def test_a_description_may_stand_beside_the_type() -> None:
    def f(a: Annotated[int, "how many"], b: int = Field(default=3, ge=1, description="how often")) -> int:
        return a * b

    tool = tool_of(f)
    assert [one["description"] for one in tool.parameters["properties"].values()] == ["how many", "how often"]
    assert tool.call('{"a": 2}').text == "6"
    assert "b: Input should be greater than or equal to 1" in error_of(tool.call('{"a": 2, "b": 0}'))


def test_typed_dicts_are_taken() -> None:
    def f(options: Options, several: list[Options]) -> int:
        return len(options) + len(several)

    assert tool_of(f).call('{"options": {"verbose": true}, "several": [{}]}').text == "2"


def test_a_decorated_function_keeps_its_parameters() -> None:
    @functools.cache
    def double(n: int) -> int:
        """Double."""
        return 2 * n

    @functools.wraps(double)
    def told(*parts: Any, **named: Any) -> int:
        return double(*parts, **named)

    for function in (double, told):
        tool = tool_of(function)
        assert (tool.name, tool.description, tool.parameters["required"]) == ("double", "Double.", ["n"])
        assert tool.call('{"n": "4"}').text == "8"


class Station:
    def __init__(self) -> None:
        self.asked: list[int] = []

    def read(self, hour: int) -> int:
        """Read the thermometer."""
        self.asked.append(hour)
        return 20 + hour

    def __call__(self, hour: int) -> int:
        """Read it too."""
        return self.read(hour)


def test_methods_partials_and_callable_objects_are_tools() -> None:
    station = Station()
    method, whole = tool_of(station.read), tool_of(station)
    assert (method.name, method.description, method.call('{"hour": 3}').text) == ("read", "Read the thermometer.", "23")
    assert (whole.name, whole.description, whole.call('{"hour": 4}').text) == ("Station", "Read it too.", "24")
    assert station.asked == [3, 4]


def test_what_a_partial_binds_is_hidden_from_the_model() -> None:
    def fetch(api_key: str, city: str, days: int = 1) -> str:
        """Fetch."""
        return f"{api_key[:2]} {city} {days}"

    tool = tool_of(functools.partial(fetch, api_key="sk-secret"))
    assert (tool.name, tool.description, list(tool.parameters["properties"])) == ("fetch", "Fetch.", ["city", "days"])
    assert "sk-secret" not in json.dumps(tool.definition) + repr(tool)
    assert tool.call('{"city": "Ulm"}').text == "sk Ulm 1"
    assert tool.call('{"city": "Ulm", "api_key": "other"}').error is not None
    bound = tool_of(functools.partial(functools.partial(fetch, city="Ulm"), api_key="sk"))
    assert list(bound.parameters["properties"]) == ["days"]
    assert bound.call('{"days": 3}').text == "sk Ulm 3"
    assert tool_of(functools.partial(fetch, "sk-secret")).call('{"city": "Ulm", "days": 2}').text == "sk Ulm 2"


def test_a_key_that_has_a_default_is_hidden_from_the_model() -> None:
    def fetch(city: str, api_key: str = "sk-default", token: str = Secret("sk-other")) -> str:
        return city

    told = json.dumps(tool_of(fetch).definition)
    assert "sk-" not in told
    assert list(tool_of(fetch).parameters["properties"]) == ["city"]


async def slowly(town: str) -> str:
    """Answer later."""
    await asyncio.sleep(0)
    return f"rain in {town}"


def test_a_coroutine_function_is_run_to_its_end() -> None:
    assert tool_of(slowly).call('{"town": "Ulm"}').text == "rain in Ulm"
    assert tool_of(functools.partial(slowly, town="Bonn")).call("").text == "rain in Bonn"


def test_a_coroutine_function_is_run_where_a_loop_runs_already() -> None:
    async def cell() -> ToolResult:
        return tool_of(slowly).call('{"town": "Ulm"}')

    assert asyncio.run(cell()).text == "rain in Ulm"


def test_a_coroutine_function_that_fails_tells_the_model() -> None:
    async def failing() -> None:
        raise LookupError("no such town")

    async def cell() -> ToolResult:
        return tool_of(failing).call("")

    for result in (tool_of(failing).call(""), asyncio.run(cell())):
        assert error_of(result) == "LookupError: no such town"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"days": "many"}', "days: Input should be a valid integer"),
        ('{"days": 1, "dayz": 2}', "dayz: Extra inputs are not permitted, got 2"),
        ("{}", "days: Field required"),
        ('{"days": 1', "the arguments are not valid JSON: Expecting ',' delimiter at character 11"),
        ("[1]", "a JSON object, got [1]"),
        ("3", "a JSON object, got 3"),
        ('{"days": NaN}', "NaN is no JSON number"),
        ('{"days": ' + "9" * 5000 + "}", "the arguments do not fit"),
        ("[" * 100_000, "the arguments"),
        ('{"days": "\\u001b[31m\\n"}', "days: Input should be a valid integer"),
        ('{"days": "\\ud800"}', "the arguments do not fit"),
    ],
)
def test_arguments_that_do_not_fit_are_told_to_the_model(arguments: str, expected: str) -> None:
    ran = []

    def f(days: int) -> None:
        ran.append(days)

    result = tool_of(f).call(arguments)
    assert expected in error_of(result)
    assert expected in result.text
    assert len(result.text) < 600
    assert "\x1b" not in result.text
    assert not ran


def test_arguments_that_a_model_encoded_twice_are_read() -> None:
    def f(days: int) -> int:
        return days

    assert tool_of(f).call(json.dumps('{"days": 3}')).text == "3"


@given(st.text() | st.from_regex(r"[\[{\]}\",:0-9a\\]*", fullmatch=True))
def test_no_text_makes_a_call_raise(arguments: str) -> None:
    def f(a: int = 0, b: list[str] | None = None) -> str:
        return "ran"

    result = tool_of(f).call(arguments)
    assert (result.text == "ran") == (result.error is None)


def raising(error: BaseException) -> Callable[[], None]:
    def f() -> None:
        raise error

    return f


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no town\nnamed \x1b[31mUlmm"), "ValueError: no town named [31mUlmm"),
        (KeyError("town"), "KeyError: 'town'"),
        (RuntimeError(), "RuntimeError"),
        (Mute(), "Mute"),
        (SystemExit(2), "SystemExit: 2"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
)
def test_an_exception_is_told_to_the_model(error: BaseException, line: str) -> None:
    result = tool_of(raising(error)).call("{}")
    assert error_of(result) == line
    assert result.text == f"the function failed: {line}"
    assert len(error_of(tool_of(raising(ValueError("x" * 10_000))).call(""))) <= 500


def test_an_exception_tells_no_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_API_KEY", "wk-1234567890")
    result = tool_of(raising(RuntimeError("401 for key wk-1234567890"))).call("")
    assert result.text == "the function failed: RuntimeError: 401 for key ***"
    assert "wk-12" not in error_of(result)


def test_the_persons_stop_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        tool_of(raising(KeyboardInterrupt())).call("")


STOPPED = """
import asyncio, sys
from portkey_nb.engine.tools import tool_of

async def wait():
    try:
        print("waiting", flush=True)
        await asyncio.sleep(60)
    finally:
        print("cleaned up", flush=True)

async def cell():
    tool_of(wait).call("")

try:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(cell())
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a child")
def test_a_coroutine_is_cancelled_when_the_person_stops_the_cell() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert rest == "cleaned up\nstopped\n"


def giving(value: Any) -> Tool:
    def f() -> Any:
        return value

    return tool_of(f)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        (None, "null"),
        (3, "3"),
        ({"a": [1, 2.5, True, None]}, '{"a": [1, 2.5, true, null]}'),
        (Place("Köln"), '{"town": "Köln", "country": "DE"}'),
        ([Window(first=date(2026, 1, 2))], '[{"first": "2026-01-02", "days": 1}]'),
        (Unit.KELVIN, '"kelvin"'),
        (np.float64(1.5), "1.5"),
        (np.int64(3), "3"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (np.array(7), "7"),
        (datetime(2026, 1, 2, 3, 4), '"2026-01-02T03:04:00"'),
        (Decimal("1.10"), '"1.10"'),
        ((1, {2}), "[1, [2]]"),
        (float("nan"), "null"),
        (Path("/data/x"), '"/data/x"'),
        (Secret("pk-1234"), "***"),
        ({"key": Secret("pk-1234")}, '{"key": "***"}'),
        ("\ud83d\ude00 \ud800", "😀 \ufffd"),
        (Place, "\"<class 'tests.engine.test_tools.Place'>\""),
    ],
)
def test_results_become_text(value: Any, text: str) -> None:
    result = giving(value).call("")
    assert result.error is None
    assert result.text == text
    result.text.encode()


def test_a_generator_is_read() -> None:
    def count() -> Iterator[int]:
        yield from range(10**12)

    result = tool_of(count).call("")
    assert result.text.startswith("[0, 1, 2")
    assert len(result.text) < 50_100


def test_a_frame_gives_its_records() -> None:
    frame = pd.DataFrame(
        {"town": ["Ulm", None], "people": [1, 2], "when": [pd.Timestamp("2026-01-02"), pd.NaT], "x": [np.nan, 2.0]}
    )
    assert json.loads(giving(frame).call("").text) == [
        {"town": "Ulm", "people": 1, "when": "2026-01-02T00:00:00", "x": None},
        {"town": None, "people": 2, "when": None, "x": 2.0},
    ]


def test_a_frames_index_goes_with_it() -> None:
    named = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="town"))
    assert json.loads(giving(named).call("").text) == [{"town": "a", "n": 1}, {"town": "b", "n": 2}]
    nested = pd.DataFrame([[1, 2]], index=pd.MultiIndex.from_tuples([("x", 1)]), columns=["a", "a"])
    assert json.loads(giving(nested).call("").text) == [{"level_0": "x", "level_1": 1, "a": 1, "a (4)": 2}]
    series = pd.Series([1.5], index=["a"], name="mean")
    assert json.loads(giving(series).call("").text) == [{"index": "a", "mean": 1.5}]


def test_a_long_frame_says_what_was_left_out() -> None:
    text = giving(pd.DataFrame({"n": range(1500)})).call("").text
    rows, note = text.split("\n")
    assert len(json.loads(rows)) == 200
    assert note == "(1,300 of 1,500 rows left out)"


def test_a_long_result_says_that_it_was_cut() -> None:
    text = giving("x" * 60_000).call("").text
    assert text == "x" * 50_000 + "\n(cut: only the first 50,000 characters are shown)"
    assert len(giving(list(range(100_000))).call("").text) < 50_100


def test_an_object_that_holds_itself_ends() -> None:
    knot: list[Any] = []
    knot.append(knot)
    assert giving(knot).call("").error is None


def test_what_the_function_prints_stays_in_the_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    def f() -> str:
        print("looking")
        return "found"

    assert tool_of(f).call("").text == "found"
    assert capsys.readouterr().out == "looking\n"


def test_tools_are_called_from_several_threads() -> None:
    tool = tool_of(slowly)
    found: list[str] = []
    workers = [threading.Thread(target=lambda: found.append(tool.call('{"town": "Ulm"}').text)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == ["rain in Ulm"] * 8


def by_position(a: int, /) -> None: ...


def starred(*parts: int) -> None: ...


def loose(a: int, **options: Any) -> None: ...


def of_frame(a: int, frame: pd.DataFrame) -> None: ...


def of_function(key: Callable[[int], int]) -> None: ...


def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined] # noqa: F821


def größe() -> None: ...


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (lambda x: x, "a lambda has no name"),
        (by_position, "by_position takes `a` by position only"),
        (starred, "starred takes `*parts`"),
        (loose, "loose takes `**options`"),
        (of_frame, "of_frame: `frame` has a type that JSON cannot give"),
        (of_function, "of_function: `key` has a type that JSON cannot give"),
        (unknown, "NameError: name 'Nowhere' is not defined"),
        (größe, "'größe' cannot be a tool's name"),
        (Place, "the class Place cannot be a tool"),
        (Place("Ulm"), "cannot be a tool"),
        ("forecast", "'forecast' cannot be a tool"),
        (3, "3 cannot be a tool"),
        (None, "None cannot be a tool"),
        (max, "max"),
        ({"type": "function", "function": {"name": "f"}}, "holds no function to call"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_in_a_line(thing: Any, said: str) -> None:
    with pytest.raises(PromptError) as refused:
        tools_of([thing])
    assert said in refused.value.message
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 300


def test_several_tools_by_name() -> None:
    found = tools_of([forecast, tool_of(slowly)])
    assert list(found) == ["forecast", "slowly"]
    assert list(tools_of(forecast)) == list(tools_of((tool_of(forecast),))) == ["forecast"]
    assert tools_of([]) == {}
    assert tools_of([found["slowly"], found["slowly"]]) == {"slowly": found["slowly"]}
    with pytest.raises(PromptError, match="two tools are named 'forecast'"):
        tools_of([forecast, tool_of(forecast)])

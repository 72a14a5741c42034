"""The demo gateway's values for JSON schemas: they validate, and they hold what the text says."""

from __future__ import annotations

import datetime
import enum
import json
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from portkey_nb.gateway.demo.instances import Hints, instance
from portkey_nb.gateway.demo.patterns import example

WORDS = st.sampled_from(
    ("name", "city", "year", "age", "price", "items", "tags", "is_open", "answer", "summary", "when")
)
TEXTS = st.sampled_from(
    (
        "",
        "Ada Lovelace was born in 1815, and Alan Turing in 1912 in London.",
        "Order 3 apples for $1.20 and 2 pears for $0.80 by 2024-05-06 at 19:30, and mail ada@example.com.",
        "name: Bob, age: 41, tags: red; open, see https://example.org/x and \"the quick brown fox\"",
        "Ein Satz mit Ümläuten, 1e5 und −3,5 %: 日本語 \x00 \ud800 {} [] null",
    )
)  # fmt: skip


def bounded(schema: dict[str, Any], low: str, high: str, pair: tuple[Any, Any]) -> dict[str, Any]:
    first, second = sorted(pair)
    return {**schema, low: first, high: second}


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


LEAVES = st.one_of(
    st.just({"type": "string"}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": ["integer", "string"]}),
    st.sampled_from(("date", "date-time", "time", "email", "uuid", "uri")).map(
        lambda form: {"type": "string", "format": form}
    ),
    pairs(0, 30).map(lambda pair: bounded({"type": "string"}, "minLength", "maxLength", pair)),
    st.sampled_from((r"^[A-Z]{2}-\d{3}$", r"^\w+@\w+\.com$", r"^(red|green)$", r"\d", r"^[a-z]{1,8}$")).map(
        lambda pattern: {"type": "string", "pattern": pattern}
    ),
    pairs(-50, 50).map(lambda pair: bounded({"type": "integer"}, "minimum", "maximum", pair)),
    pairs(-50, 50).map(lambda pair: bounded({"type": "number"}, "minimum", "maximum", pair)),
    st.integers(-9, 9).map(lambda low: {"type": "integer", "exclusiveMinimum": low, "exclusiveMaximum": low + 2}),
    st.integers(-9, 9).map(lambda low: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 1}),
    st.sampled_from((3, 0.5, 7)).map(lambda step: {"type": "number", "multipleOf": step, "minimum": 2}),
    st.lists(st.one_of(st.text(max_size=8), st.integers(), st.none(), st.booleans()), min_size=1, max_size=4).map(
        lambda options: {"enum": options}
    ),
    st.one_of(st.text(max_size=8), st.integers(), st.none()).map(lambda value: {"const": value}),
    st.sampled_from(({"$ref": "#/$defs/Thing"}, {"$ref": "#/$defs/Tree"})),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def made(fields: dict[str, Any], closed: bool, some: int) -> dict[str, Any]:
        schema = {"type": "object", "properties": fields, "required": list(fields)[:some]}
        return {**schema, "additionalProperties": False} if closed else schema

    return st.builds(made, st.dictionaries(WORDS, inner, max_size=4), st.booleans(), st.integers(0, 4))


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        objects(inner),
        st.builds(
            lambda items, pair: bounded({"type": "array", "items": items}, "minItems", "maxItems", pair),
            inner,
            pairs(0, 5),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
        inner.map(lambda part: {"anyOf": [part, {"type": "null"}], "default": None}),
        inner.map(lambda part: {"type": "object", "additionalProperties": part}),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
        ),
    )


SCHEMAS = objects(st.recursive(LEAVES, grown, max_leaves=8))
DEFINITIONS = {
    "Thing": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    "Tree": {
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "left": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
        },
        "required": ["value", "left", "children"],
    },
}


@given(SCHEMAS, TEXTS)
@settings(max_examples=300, deadline=None)
def test_an_instance_validates_whatever_the_schema(schema: dict[str, Any], text: str) -> None:
    whole = {**schema, "$defs": DEFINITIONS}
    value = instance(whole, text, Hints(short="42", prose="It is so.", data={"answer": 42}, whole=text)).value
    jsonschema.Draft202012Validator(whole).validate(json.loads(json.dumps(value)))


class Kind(enum.Enum):
    """A kind of thing."""

    small = "small"
    large = "large"


class Person(BaseModel):
    """Somebody."""

    model_config = ConfigDict(extra="forbid")
    name: str
    year: int


class Everything(BaseModel):
    """One field of each kind that pydantic writes."""

    model_config = ConfigDict(extra="forbid")
    kind: Kind
    people: list[Person] = Field(min_length=1)
    tags: set[str]
    pair: tuple[int, str]
    scores: dict[str, float]
    code: Annotated[str, Field(pattern=r"^[A-Z]{3}\d{2}$")]
    share: Annotated[float, Field(gt=0, lt=1)]
    day: datetime.date
    at: datetime.datetime
    maybe: int | None
    mode: Literal["on", "off"] = "on"


@pytest.mark.parametrize("text", ["", "Ada Lovelace was born in 1815 (ABC12), large, a: 1.5, b: 2, on 2024-05-06."])
def test_pydantic_reads_what_its_own_schema_gave(text: str) -> None:
    read = Everything.model_validate(instance(Everything.model_json_schema(), text).value)
    if text:
        assert read.people == [Person(name="Ada Lovelace", year=1815)]
        assert (read.kind, read.code, read.day) == (Kind.large, "ABC12", datetime.date(2024, 5, 6))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Person, "Ada Lovelace was born in 1815.", {"name": "Ada Lovelace", "year": 1815}),
        (
            list[Person],
            "Ada Lovelace was born in 1815, Alan Turing in 1912.",
            [{"name": "Ada Lovelace", "year": 1815}, {"name": "Alan Turing", "year": 1912}],
        ),
        (dict[str, int], "apples: 3, pears: 5", {"apples": 3, "pears": 5}),
        (list[int], "Sort 5, 3 and 9", [5, 3, 9]),
        (Literal["positive", "negative"], "I love it, it is great", "positive"),
        (Literal["positive", "negative"], "Terrible, it broke", "negative"),
    ],
)
def test_the_facts_of_a_text_are_found(kind: Any, text: str, value: Any) -> None:
    assert instance(TypeAdapter(kind).json_schema(), text).value == value


@pytest.mark.parametrize(
    ("field", "schema", "text", "value"),
    [
        ("city", {"type": "string"}, "How is the weather in paris today?", "Paris"),
        ("email", {"type": "string", "format": "email"}, "Write to ada@example.org.", "ada@example.org"),
        ("url", {"type": "string", "format": "uri"}, "See https://example.org/a, please", "https://example.org/a"),
        ("date", {"type": "string", "format": "date"}, "We meet on 3 May 2024", "2024-05-03"),
        ("at", {"type": "string", "format": "time"}, "We meet at 9:30", "09:30:00Z"),
        ("age", {"type": "integer"}, "Bob, 36 years old, has 4 cats", 36),
        ("cats", {"type": "integer"}, "Bob, 36 years old, has 4 cats", 4),
        ("price", {"type": "number"}, "2 tickets for $12.50", 12.5),
        ("temperature", {"type": "number"}, "On day 3 it was −4.5 °C", -4.5),
        ("days", {"type": "integer", "default": 3}, "The next 5 days in Rome", 5),
        ("unit", {"enum": ["celsius", "fahrenheit"]}, "in Fahrenheit, please", "fahrenheit"),
        ("vegetarian", {"type": "boolean"}, "A vegetarian menu", True),
        ("vegetarian", {"type": "boolean"}, "It is not vegetarian", False),
        ("title", {"type": "string"}, 'She wrote "Notes" then', "Notes"),
        ("id", {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"}, "Look at AB-77 first", "AB-77"),
    ],
)
def test_a_field_is_filled_by_its_name_and_kind(field: str, schema: Any, text: str, value: Any) -> None:
    whole = {"type": "object", "properties": {field: schema}, "required": [field]}
    filled = instance(whole, text)
    assert filled.value == {field: value}
    assert filled.sure


def test_what_is_not_told_is_not_invented() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "born": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "nickname": {"type": "string"},
        },
        "required": ["name", "born"],
    }
    filled = instance(schema, "tell me something")
    assert filled.value == {"name": "unknown", "born": None}
    assert not filled.sure


@given(st.from_regex(r"[\^a-z0-9\[\]{}()|?*+\\.$-]{0,12}"))
def test_examples_of_patterns_fit_or_are_not_given(pattern: str) -> None:
    made = example(pattern)
    assert made is None or isinstance(made, str)


@pytest.mark.parametrize(
    "text", ["A " * 50_000, "Ada Lovelace met Bob in Paris, " * 4_000, "1 + " * 25_000, "a.b@" * 25_000]
)
def test_long_texts_and_greedy_schemas_stay_small(text: str) -> None:
    greedy = {
        "type": "object",
        "minProperties": 10**9,
        "properties": {
            "note": {"type": "string", "minLength": 10**9},
            "numbers": {"type": "array", "minItems": 10**9, "items": {"type": "integer"}},
        },
        "required": ["note", "numbers"],
    }
    assert len(json.dumps(instance(greedy, text).value)) < 100_000

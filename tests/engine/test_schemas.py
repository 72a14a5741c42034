"""Schemas of answers: what a request asks for, what is read out of an answer, and rows for a table."""

from __future__ import annotations

import dataclasses
import enum
import json
import typing
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import jsonschema
import pandas as pd
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from portkey_nb.engine.schemas import Schema, records, schema_of
from portkey_nb.errors import PromptError, SchemaError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int | None = None
    born: date | None = None


class People(BaseModel):
    people: list[Person]


@dataclasses.dataclass
class Town:
    name: str
    people: int = 0


@pydantic.dataclasses.dataclass
class Checked:
    size: int


class Movie(typing.TypedDict):
    title: str
    year: typing.NotRequired[int]


class Pair(NamedTuple):
    left: int
    right: str


class Node(BaseModel):
    value: int
    children: list[Node] = []


class Whole(BaseModel):
    colour: Colour
    kind: Literal["a", "b"]
    parts: list[Node]
    price: Annotated[float, Field(ge=0)]


PERSON = {
    "title": "A person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


INT = {"type": "integer"}


def refused(schema: Schema, text: str) -> str:
    with pytest.raises(SchemaError) as raised:
        schema.parse(text)
    assert raised.value.reply == text
    message = raised.value.message
    assert "\n" not in message
    assert len(message) < 1000
    return message


@pytest.mark.parametrize(
    ("thing", "text", "value"),
    [
        (Person, '{"name": "Ada", "born": "1815-12-10"}', Person(name="Ada", born=date(1815, 12, 10))),
        (Town, '{"name": "Ulm"}', Town("Ulm")),
        (Checked, '{"size": 3}', Checked(3)),
        (Movie, '{"title": "M"}', {"title": "M"}),
        (Pair, '{"left": 1, "right": "b"}', Pair(1, "b")),
        (list[Town], '{"items": [{"name": "Ulm"}]}', [Town("Ulm")]),
        (list[Town], '[{"name": "Ulm"}]', [Town("Ulm")]),
        (list[Movie], '{"items": [{"title": "M", "year": 1931}]}', [{"title": "M", "year": 1931}]),
        (dict[str, Town], '{"a": {"name": "Ulm"}}', {"a": Town("Ulm")}),
        (dict[str, int], '{"value": 3}', {"value": 3}),
        (Town | Checked, '{"value": {"size": 3}}', Checked(3)),
        (Town | None, '{"value": null}', None),
        (Literal["yes", "no"], '{"value": "yes"}', "yes"),
        (Literal["yes", "no"], '"yes"', "yes"),
        (Literal["yes", "no"], 'So:\n```json\n"yes"\n```', "yes"),
        (Colour, '{"value": "red"}', Colour.RED),
        (int, '{"value": 3}', 3),
        (int, "3", 3),
        (Decimal, '{"value": "0.10"}', Decimal("0.10")),
        (Node, '{"value": 1, "children": [{"value": 2}]}', Node(value=1, children=[Node(value=2)])),
        (PERSON, '{"name": "Ada", "age": 36}', {"name": "Ada", "age": 36}),
        (json.dumps(PERSON), '{"name": "Ada", "age": 36}', {"name": "Ada", "age": 36}),
        ({"type": "array", "items": {"type": "integer"}}, '{"items": [1, 2]}', [1, 2]),
        ({"definitions": {"P": PERSON}, "$ref": "#/definitions/P"}, '{"name": "A", "age": 1}', {"name": "A", "age": 1}),
        ({"enum": ["a", "b"]}, '{"value": "a"}', "a"),
    ],
)
def test_an_answer_becomes_an_object(thing: Any, text: str, value: Any) -> None:
    schema = schema_of(thing)
    assert schema.parse(text) == value
    assert type(schema.parse(text)) is type(value)
    assert schema.json_schema["type"] == "object"
    jsonschema.Draft202012Validator.check_schema(schema.json_schema)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\ufeff \n", "\n\n"),
        ("```json\n", "\n```"),
        ("Here you are:\n\n```JSON\n", "\n```\nAnything else?"),
        ("```\n", "\n```"),
        ("~~~json\n", "\n~~~"),
        ("```json\r\n", "\r\n```\r\n"),
        ("Sure! ", " Hope that helps."),
        ("As in [1], {so to speak}: ", " (see {2})."),
        ("Not `{}` nor [] but ", ""),
        ("```json\n{}\n```\nbetter:\n```json\n", "\n```"),
        ("```json\n", ""),
        ("<think>{name}</think>", ""),
    ],
)
def test_json_is_found_among_words(before: str, after: str) -> None:
    body = json.dumps({"people": [{"name": "``` {Ada}\u2028"}]}, indent=1, ensure_ascii=False)
    assert schema_of(People).parse(before + body + after) == People(people=[Person(name="``` {Ada}\u2028")])


def test_the_largest_value_that_fits_is_taken() -> None:
    text = 'First {"name": "Bo"}, then {"name": "Ada", "age": 36}; not {"title": "longer, but it does not fit at all"}.'
    assert schema_of(Person).parse(text) == Person(name="Ada", age=36)


def test_what_does_not_fit_is_named_by_path() -> None:
    answer = {"people": [{"name": "Ada", "age": "ten"}, {"age": 1}, {"name": "Bo", "age": "x\n\x1b[31m" * 90}, {}]}
    message = refused(schema_of(People), json.dumps(answer))
    assert message.startswith("the answer does not fit People: people.0.age: Input should be a valid integer")
    assert "got 'ten'; people.1.name: Field required; people.2.age:" in message
    assert message.endswith("; and 1 more; ask again, or loosen the schema")
    assert "\x1b" not in message


def test_a_json_schemas_mismatches_are_named_by_path() -> None:
    schema = schema_of({"type": "array", "items": PERSON, "title": "Crew"})
    message = refused(schema, '{"items": [{"name": "Ada", "age": "ten"}, {"name": "Bo", "x": 1}]}')
    assert message.startswith("the answer does not fit Crew: 0.age: 'ten' is not of type 'integer'; 1: ")
    assert "'age' is a required property" in message
    assert "people" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the answer is empty"),
        ("  \n", "the answer is empty"),
        ("I cannot do\nthat.", r"the answer holds no JSON for Person: 'I cannot do\\nthat.'; ask again"),
        ('{"name": "Ada', "the answer holds no JSON for Person"),
        ('{"name": NaN}', "the answer holds no JSON"),
        ("[" * 200_000, "the answer holds no JSON"),
        ('{"a":' * 100_000, "the answer holds no JSON"),
        ("```json\n" * 50_000, "the answer holds no JSON"),
        ('{"name": "\\ud800"}', "the answer does not fit Person: "),
        ("3", "the answer does not fit Person: Input should be an object, got 3"),
        ("null", "the answer does not fit Person"),
    ],
)
def test_what_is_no_answer_is_said_in_a_line(text: str, said: str) -> None:
    assert refused(schema_of(Person), text).startswith(said.replace("\\\\", "\\"))


def test_a_schema_without_end_ends() -> None:
    assert "without end" in refused(schema_of({"$ref": "#"}), "{}")
    assert "nested too deep" in refused(schema_of({"type": "array", "items": {"$ref": "#"}}), "[" * 800 + "]" * 800)


def test_a_validator_of_the_users_may_raise_anything() -> None:
    class Odd(BaseModel):
        size: int

        @pydantic.field_validator("size")
        @classmethod
        def _look(cls, value: int) -> int:
            if value > 1:
                raise ValueError("too\nlarge")
            return {}[value]

    assert "size: too large, got 2" in refused(schema_of(Odd), '{"size": 2}')
    assert "KeyError: 1" in refused(schema_of(Odd), '{"size": 1}')


@given(st.text() | st.from_regex(r"[`\n\[{\]}\",:0-9a\\ ]*", fullmatch=True))
def test_no_text_breaks_the_parser(text: str) -> None:
    schema = schema_of(Town)
    try:
        found = schema.parse(text)
    except SchemaError:
        refused(schema, text)
    else:
        assert isinstance(found, Town)


def strictly(thing: Any) -> dict[str, Any] | None:
    """Return the schema that is sent as strict."""
    shape = schema_of(thing).response_format["json_schema"]
    return shape["schema"] if shape["strict"] else None


def test_the_response_format_is_openais() -> None:
    class Answer(BaseModel):
        title: str
        note: str | None = None

    assert schema_of(Answer).response_format == {
        "type": "json_schema",
        "json_schema": {
            "name": "Answer",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"title": {"type": "string"}, "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                "required": ["title", "note"],
                "additionalProperties": False,
            },
        },
    }


def test_strict_closes_every_object_and_keeps_definitions() -> None:
    class Holder(BaseModel):
        person: Person = Field(description="who")
        others: list[Person]

    schema = strictly(Holder)
    assert schema is not None
    person = schema["$defs"]["Person"]
    assert (person["required"], person["additionalProperties"]) == (["name", "age", "born"], False)
    assert schema["properties"]["person"] == {"$ref": "#/$defs/Person"}
    assert "default" not in json.dumps(schema)


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Keyed(BaseModel):
    counts: dict[str, int]


@pytest.mark.parametrize(
    ("thing", "strict"),
    [
        (Person, True),
        (list[Person], True),
        (Colour, True),
        (int, True),
        (PERSON, True),
        ({**PERSON, "additionalProperties": True}, False),
        ({**PERSON, "required": ["name"]}, False),
        ({**PERSON, "minProperties": 1}, False),
        ({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}, True),
        ({"type": "object", "properties": {"a": True}, "required": ["a"]}, False),
        ({"type": "object", "properties": {"a": {"anyOf": [True]}}, "required": ["a"]}, False),
        ({"type": "object"}, False),
        (
            {**PERSON, "properties": {"name": INT, "age": {"$ref": "#/$defs/A", "minimum": 3}}, "$defs": {"A": INT}},
            False,
        ),
        ({**PERSON, "properties": {"name": INT, "age": {"$ref": "#/$defs/A"}}, "$defs": {"A": INT}}, True),
        ({"type": "object", "properties": {"a": {"type": "string", "format": "uri"}}, "required": ["a"]}, False),
        ({"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}, "required": ["a"]}, False),
        (Town, False),
        (Movie, False),
        (Node, False),
        (Whole, False),
        (Loose, False),
        (Keyed, False),
        (dict[str, int], False),
        (Any, False),
    ],
)
def test_strict_only_where_the_meaning_stays(thing: Any, strict: bool) -> None:
    found = strictly(thing)
    assert (found is not None) is strict
    if found is not None:
        for text in ('{"name": "Ada", "age": 3, "born": null}', '{"items": []}', '{"value": 3}', '{"a": null}'):
            # What the strict form lets through is what the schema itself takes.
            if jsonschema.Draft202012Validator(found).is_valid(json.loads(text)):
                schema_of(thing).parse(text)


def test_the_tool_that_stands_in() -> None:
    schema = schema_of(list[Person])
    assert schema.name == "list_Person"
    assert schema.tool["function"]["parameters"] == schema.json_schema
    assert schema.tool["function"]["name"] == schema.name
    assert schema.tool_choice == {"type": "function", "function": {"name": "list_Person"}}
    assert schema_of(Person).tool["function"]["description"] == "Somebody."


def test_a_recursive_types_root_is_an_object() -> None:
    schema = schema_of(Node).json_schema
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert "Node" in schema["$defs"]


def test_a_wrapped_json_schemas_references_still_hold() -> None:
    tree = {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"$ref": "#"}]}}
    schema = schema_of(tree)
    validator = jsonschema.Draft202012Validator(schema.json_schema)
    assert validator.is_valid({"items": [1, [2, [3]]]})
    assert not validator.is_valid({"items": [1, ["x"]]})
    assert schema.parse('{"items": [1, [2, [3]]]}') == [1, [2, [3]]]


def test_openais_own_form_is_taken() -> None:
    shape = {"name": "who", "strict": True, "schema": PERSON}
    for form in (shape, {"type": "json_schema", "json_schema": shape}):
        schema = schema_of(form)
        assert (schema.name, schema.json_schema["properties"]) == ("who", PERSON["properties"])
    assert schema_of(PERSON).name == "A_person"
    assert schema_of({"type": "string"}).name == "answer"
    assert schema_of(schema) is schema


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (Person(name="Ada"), "an instance of Person, not a type; give the class Person"),
        (Town("Ulm"), "an instance of Town, not a type; give the class Town"),
        ([Person], "write list[Person]"),
        ("Person", "'Person' is not a JSON schema's text"),
        ("[1]", "'[1]' is not a JSON schema's text"),
        ("", "'' is not a JSON schema's text"),
        ({}, "the JSON schema is empty"),
        ({"name": "str", "age": "int"}, "the JSON schema says nothing (keys: name, age)"),
        ({"name": str}, "the JSON schema is not plain JSON"),
        ({"type": "objekt"}, "the JSON schema is not valid at type: 'objekt' is not valid"),
        (
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": "x"}}},
            "not valid at properties.a.minimum: 'x' is not of type 'number'",
        ),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/B"}}}, "refers to '#/$defs/B', which is not in it"),
        ({"$ref": "http://127.0.0.1:9/x"}, "refers to 'http://127.0.0.1:9/x', which is not in it"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}, "not valid"),
        (pd.DataFrame, "DataFrame cannot be a schema"),
        (pd.DataFrame({"a": [1]}), "cannot be a schema"),
        (Callable[[int], int], "cannot be a schema"),
        (3, "3 cannot be a schema"),
        (None, "None cannot be a schema"),
        (len, "cannot be a schema"),
        ('{"items":' * 400 + "{}" + "}" * 400, "the JSON schema is nested too deep"),
    ],
)
def test_what_cannot_be_a_schema_is_refused_in_a_line(thing: Any, said: str) -> None:
    with pytest.raises(PromptError) as raised:
        schema_of(thing)
    assert said in raised.value.message
    assert "\n" not in raised.value.message
    assert len(raised.value.message) < 400


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
@pytest.mark.parametrize(
    "thing", [Person, People, Town, Movie, Node, Whole, list[Person], Town | Checked, dict[str, Town]]
)
def test_what_a_type_writes_is_read_back(thing: Any, data: st.DataObject) -> None:
    value = data.draw(INSTANCES[str(thing)])
    text = TypeAdapter(list[Person] if thing == list[Person] else type(value)).dump_json(value, warnings=False).decode()
    schema = schema_of(thing)
    key = next(iter(schema.json_schema.get("properties", {})), "")
    wrapped = f'{{"{key}": {text}}}' if key in ("items", "value") and thing is not Node else text
    jsonschema.Draft202012Validator(schema.json_schema).validate(json.loads(wrapped))
    for written in (wrapped, text, f"Here:\n```json\n{wrapped}\n```"):
        assert schema.parse(written) == value


NODES = st.recursive(
    st.builds(Node, value=st.integers(-(2**63), 2**63 - 1), children=st.just([])),
    lambda inner: st.builds(Node, value=st.integers(0, 9), children=st.lists(inner, max_size=3)),
    max_leaves=5,
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
PERSONS = st.builds(Person, name=TEXTS, age=st.none() | st.integers(0, 9**15), born=st.none() | st.dates())
TOWNS = st.builds(Town, name=TEXTS, people=st.integers(0, 9**9))
WHOLES = st.builds(
    Whole,
    colour=st.sampled_from(Colour),
    kind=st.sampled_from(["a", "b"]),
    parts=st.lists(NODES, max_size=3),
    price=st.floats(0, 1e9),
)
INSTANCES: dict[str, st.SearchStrategy[Any]] = {
    str(Person): PERSONS,
    str(People): st.builds(People, people=st.lists(PERSONS, max_size=3)),
    str(Town): TOWNS,
    str(Movie): st.fixed_dictionaries({"title": TEXTS}, optional={"year": st.integers(0, 9999)}),
    str(Node): NODES,
    str(Whole): WHOLES,
    str(list[Person]): st.lists(PERSONS, max_size=3),
    str(Town | Checked): TOWNS | st.builds(Checked, size=st.integers(0, 99)),
    str(dict[str, Town]): st.dictionaries(TEXTS, TOWNS, max_size=3),
}


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([Person(name="Ada", age=36)], [{"name": "Ada", "age": 36, "born": None}]),
        ([Town("Ulm", 3), Town("Bonn")], [{"name": "Ulm", "people": 3}, {"name": "Bonn", "people": 0}]),
        ([{"a": 1}, {"b": [1, {"c": Colour.RED}]}], [{"a": 1}, {"b": [1, {"c": "red"}]}]),
        (People(people=[Person(name="Ada")]), [{"name": "Ada", "age": None, "born": None}]),
        ({"towns": [], "x": 1}, [{"towns": [], "x": 1}]),
        ({"towns": []}, []),
        ({"title": "x", "rows": [{"a": 1}]}, [{"a": 1}]),
        ({"left": [{"a": 1}], "right": [{"b": 1}]}, [{"left": [{"a": 1}], "right": [{"b": 1}]}]),
        ({"tags": ["a", "b"]}, [{"tags": ["a", "b"]}]),
        (Node(value=1, children=[]), [{"value": 1, "children": []}]),
        (Pair(1, "b"), [{"left": 1, "right": "b"}]),
        ([Pair(1, "b")], [{"left": 1, "right": "b"}]),
        ([1, 2], [{"value": 1}, {"value": 2}]),
        ([Colour.RED], [{"value": "red"}]),
        ([], []),
        (3, [{"value": 3}]),
        ("yes", [{"value": "yes"}]),
        (True, [{"value": True}]),
        (Colour.BLUE, [{"value": "blue"}]),
        ({1: 2}, [{"1": 2}]),
    ],
)
def test_rows_of_an_object(value: Any, rows: list[dict[str, Any]]) -> None:
    assert records(value) == rows
    pd.DataFrame(records(value))


def test_dates_stay_dates_in_rows() -> None:
    assert records(Person(name="Ada", born=date(1815, 12, 10)))[0]["born"] == date(1815, 12, 10)


@pytest.mark.parametrize("value", [None, object(), len])
def test_what_holds_no_rows_is_refused(value: Any) -> None:
    with pytest.raises(SchemaError, match="holds no rows"):
        records(value)

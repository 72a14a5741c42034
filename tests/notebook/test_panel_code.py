"""A panel's state as a cell and as Python: both run, and what arrives at the gateway is what the panel sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portkey_nb.engine.loop import submit
from portkey_nb.gateway.routing import Config
from portkey_nb.gateway.secrecy import redact
from portkey_nb.notebook.panel.code import Code, as_code
from portkey_nb.notebook.panel.composed import Composed
from portkey_nb.settings import Secret
from tests.hostile import REPLIES
from tests.servers import COMPLETION, DONE, HELLO, ScriptedServer, Seen, chunk, streamed, whole

Messages = Sequence[Mapping[str, Any]]


class Desk(NamedTuple):
    """A notebook, and the gateway that its calls reach."""

    shell: Any
    server: ScriptedServer

    def sent(self) -> list[Any]:
        """Take what has arrived since, without what differs from call to call."""
        seen, self.server.requests[:] = list(self.server.requests), []
        return sorted((_told(one) for one in seen), key=lambda told: json.dumps(told, sort_keys=True))

    def by_panel(self, composed: Composed, messages: Messages) -> list[Any]:
        calls, runner = composed.calls(messages, {})
        for call in calls:
            submit(runner.perform(call)).result(30)
        return self.sent()

    def by_cell(self, code: Code) -> list[Any]:
        self.shell.run_cell(code.cell, store_history=False).raise_error()
        return self.sent()

    def by_python(self, code: Code) -> list[Any]:
        self.shell.run_cell(code.python, store_history=False).raise_error()
        return self.sent()

    def check(self, composed: Composed, messages: Messages) -> Code:
        """Fail unless cell and Python send what the panel sends; return them."""
        code = as_code(composed, messages, names=self.shell.user_ns)
        wanted = self.by_panel(composed, messages)
        assert len(wanted) == len(composed.models)
        assert self.by_python(code) == wanted
        assert code.cell, code.note
        assert self.by_cell(code) == wanted
        return code


def _told(seen: Seen) -> Any:
    kept: dict[str, Any] = {
        name: value
        for name, value in seen.headers.items()
        if (name.startswith("x-portkey-") or name in ("authorization", "accept")) and name != "x-portkey-trace-id"
    }
    metadata = json.loads(kept.pop("x-portkey-metadata", "{}"))
    ours = ("run_id", "notebook", "cell_id", "group_id")
    kept["metadata"] = {name: value for name, value in metadata.items() if name not in ours}
    return [seen.path, kept, seen.json]


@pytest.fixture
def desk(shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with ScriptedServer(streamed(*HELLO)) as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        yield Desk(shell, server)


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


ONE = Composed(models=("gpt-4o",))

TEXTS = [
    "Hello",
    "two\nlines\n\nand a third",
    "",
    " ",
    "\n",
    " leading blank",
    "trailing blank ",
    "\n\nleading lines",
    "trailing lines\n\n",
    "a\n   \nblank line of blanks",
    "    all\n    indented",
    "user:\nnot a marker\nassistant:\nnor this",
    "```\nsystem:\n```",
    "{{name}} and {{ a.b[0] }} and {{{x}}} and { y }",
    ">>> 1 + 1\n2",
    "  >>> 1\n  ... 2",
    "In [1]: x\n   ...: y",
    "%%bash\nls",
    "%portkey what?\n!ls\n?help\nhelp?",
    "$HOME {x} $$ `x` \\n \\",
    'a """ b',
    "'''a''' \"\"\"b\"\"\"",
    '"',
    '\n"""',
    'ends with a quote\n"',
    "ends with a backslash\n\\",
    "C:\\new\\table\n\\u0041",
    "carriage\r\nreturns\rhere",
    "nul \x00 bell \x07 escape \x1b[31m",
    "tab\tand vertical \x0b form \x0c",
    "separators \u2028 \u2029 \x85 \x1c",
    "directions \u202e \u2066 bom \ufeff",
    "emoji 👩‍👩‍👧 and \U000e0041 and nbsp\u00a0.",
    "- role: user\n  content: x",
    '[{"role": "user", "content": "x"}]',
    "-m other",
    "<< x",
    "x <<\ny",
    "# comment: [1, 2]\nkey: |\n  text",
    "---\n...",
    "?",
    "ends?",
    *list(REPLIES.values())[:-1],
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_message_arrives_as_it_is_whatever_stands_in_it(desk: Desk, text: str) -> None:
    messages = [user(text)] if text.strip() else [user("x"), {"role": "assistant", "content": text}, user("y")]
    if text.strip():
        desk.check(ONE, messages)
    else:
        code = as_code(ONE, messages)
        assert desk.by_python(code) == desk.by_panel(ONE, messages)
        assert not code.cell
        assert "empty" in code.note


@pytest.mark.parametrize("text", TEXTS)
def test_so_do_a_system_prompt_and_a_history(desk: Desk, text: str) -> None:
    said = text if text.strip() else "x"
    messages = [user("first"), {"role": "assistant", "content": said}, user("Go on")]
    desk.check(Composed(models=("gpt-4o",), system=said), messages)


@pytest.mark.parametrize("text", [text for text in TEXTS if text.strip() and len(text) < 200])
def test_a_short_system_prompt_stands_in_the_line_where_it_can(desk: Desk, text: str) -> None:
    code = desk.check(Composed(models=("gpt-4o",), system=text), [user("Hello")])
    if "\n" not in text and text.isprintable() and "\\" not in text and len(text) < 100:
        assert "-s" in code.cell.split("\n")[0] or "--system" in code.cell.split("\n")[0]


def test_plain_things_are_written_plainly(desk: Desk) -> None:
    code = desk.check(Composed(models=("gpt-4o",), system="Be brief.", params={"temperature": 0}), [user("Hi {there}")])
    assert code.cell == '%%portkey -m gpt-4o -t 0 -s "Be brief."\nHi {there}'
    call = 'ask("Hi {there}", model="gpt-4o", system="Be brief.", temperature=0)'
    assert code.python == f"from portkey_nb import ask\n\nreply = {call}\nreply"
    assert code.note == ""
    history = [user("One?\nTwo?"), {"role": "assistant", "content": "Three."}, user("Four?")]
    code = desk.check(Composed(models=("gpt-4o",), system="Be brief.\nBe kind."), history)
    assert code.cell == (
        "%%portkey -m gpt-4o\nsystem:\nBe brief.\nBe kind.\n\nuser:\nOne?\nTwo?\n\nassistant:\nThree.\n\nuser:\nFour?"
    )
    assert '"""One?\nTwo?"""' in code.python


PARAMS: list[dict[str, Any]] = [
    {"temperature": 0},
    {"temperature": 0.7, "max_tokens": 50},
    {"temperature": -1.5},
    {"temperature": True},
    {"max_tokens": 0},
    {"stop": ["a b", "it's", '"quoted"', "\n", "{", "\\"]},
    {"stop": "one two"},
    {"seed": 7, "top_p": 1.0, "logprobs": True, "frequency_penalty": -0.5},
    {"user": "1_000"},
    {"user": "true"},
    {"user": "- dash"},
    {"user": "back\\slash \\"},
    {"user": 'ends in quote\'" \\"'},
    {"user": "line\nbreak \u2028 \u202e \x00"},
    {"user": ""},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"a": ["]", "}"]}}}},
    {"logit_bias": {"50256": -100}, "metadata": {"plan": "paid"}},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
    {"unset": None, "presence_penalty": 0.0},
    {"a-b": 1, "class": 2, "with space": [None, {"x": None}]},
    {"n": 1},
]


@pytest.mark.parametrize("params", PARAMS)
def test_parameters_arrive_as_they_are(desk: Desk, params: dict[str, Any]) -> None:
    desk.check(Composed(models=("gpt-4o",), params=params), [user("Hello")])


@pytest.mark.parametrize(("params", "why"), [({"n": 2}, "--repeat"), ({"a=b": 1}, "a=b"), ({"api_key": None}, "")])
def test_what_no_cell_can_say_is_said_by_python_and_told(desk: Desk, params: dict[str, Any], why: str) -> None:
    code = as_code(Composed(models=("gpt-4o",), params=params), [user("Hello")])
    assert desk.by_python(code) == desk.by_panel(Composed(models=("gpt-4o",), params=params), [user("Hello")])
    assert bool(code.cell) is not bool(why)
    assert why in code.note


def test_several_models_are_asked_one_after_another(desk: Desk) -> None:
    code = desk.check(Composed(models=("gpt-4o", "@team/claude-sonnet", "llama3:8b")), [user("Hello")])
    assert code.cell.startswith("%%portkey -m gpt-4o -m @team/claude-sonnet -m llama3:8b\n")
    assert 'for model in ["gpt-4o", "@team/claude-sonnet", "llama3:8b"]:' in code.python
    desk.check(Composed(models=("gpt-4o", "gpt-4o")), [user("Hello")])


def test_a_request_without_streaming(desk: Desk) -> None:
    desk.server._scripts[:] = [whole(COMPLETION)]
    code = desk.check(Composed(models=("m",), others={"stream": False, "cache": False}), [user("Hello")])
    assert "--no-stream" in code.cell
    assert "stream=False" in code.python


def test_tags_time_limits_and_addresses(desk: Desk) -> None:
    others = {"tags": {"team": "a b", "run": "=1"}, "timeout": 20}
    code = desk.check(Composed(models=("m",), others=others, base_url=desk.server.url), [user("Hello")])
    assert f"--base-url {desk.server.url}" in code.cell
    assert "timeout=20" in code.python
    assert "time limit" in code.note


def test_images_travel_as_they_are(desk: Desk) -> None:
    url = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
    content = [{"type": "text", "text": "Look at {{this}}"}, {"type": "image_url", "image_url": {"url": url}}]
    code = desk.check(Composed(models=("m",), system="See."), [user(content)])
    assert "--messages" in code.cell
    desk.check(Composed(models=("m",), others={"images": [url]}), [user("Look")])


def test_tool_calls_of_the_history_travel_as_they_are(desk: Desk) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": "{{b}}"}'}}
    messages = [
        user("Weather?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "name": "f", "content": "12.50"},
        {"role": "assistant", "content": "12"},
        user("yes"),
    ]
    desk.check(Composed(models=("m",), system="Be brief."), messages)


def test_functions_and_schemas_are_called_by_their_names(desk: Desk) -> None:
    desk.shell.run_cell(
        "from dataclasses import dataclass\n"
        "def weather(city: str) -> str:\n    '''Tell the weather.'''\n    return 'sunny'\n"
        "def alarm(hour: int) -> str:\n    '''Set an alarm.'''\n    return 'set'\n"
        "@dataclass\nclass Person:\n    name: str\n"
        "both = [weather, alarm]\n"
    ).raise_error()
    space = desk.shell.user_ns
    code = desk.check(Composed(models=("m",), others={"tools": [space["weather"], space["alarm"]]}), [user("Hi")])
    assert "--tools weather,alarm" in code.cell
    assert "tools=[weather, alarm]" in code.python
    assert "--tools both" in desk.check(Composed(models=("m",), others={"tools": space["both"]}), [user("Hi")]).cell
    definition = {"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}}
    desk.check(Composed(models=("m",), others={"tools": [definition]}), [user("Hi")])
    desk.server._scripts[:] = [streamed(chunk('{"name": "Ann"}'), chunk(finish="stop"), DONE)]
    assert (
        "--schema Person" in desk.check(Composed(models=("m",), others={"schema": space["Person"]}), [user("?")]).cell
    )
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "title": "it's"}
    desk.check(Composed(models=("m",), others={"schema": schema}), [user("?")])


def test_what_the_notebook_does_not_define_is_asked_for() -> None:
    def weather() -> str:
        """Tell the weather."""
        return ""

    code = as_code(Composed(models=("m",), others={"tools": [weather]}), [user("Hi")])
    assert "--tools weather" in code.cell
    assert "`weather` has to be defined first." in code.note


def test_a_route_is_written_out_or_called_by_its_name(desk: Desk) -> None:
    for options in (
        {"config": "pc-prod-1"},
        {"config": {"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}, {"provider": "@x"}]}},
        {"config": Config.fallback("openai", "ollama").with_params(model="it's {")},
        {"config": '{"provider": "openai"}'},
        {"provider": "openai"},
        {"provider": "@team one", "config": "pc-1"},
    ):
        desk.check(Composed(models=("m",), options=options), [user("Hello")])
    desk.shell.user_ns["test"] = Config(provider="openai", api_key="sk-other-secret")
    desk.shell.user_ns["prod"] = prod = Config(provider="openai", api_key="sk-very-secret")
    same = Config(provider="openai", api_key="sk-very-secret")
    assert "--config prod" in desk.check(Composed(models=("m",), options={"config": same}), [user("Hello")]).cell
    code = desk.check(Composed(models=("m",), options={"config": prod}), [user("Hello")])
    assert "--config prod" in code.cell
    assert "config=prod" in code.python
    assert code.note == ""


def test_a_key_without_a_name_is_read_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python makes the Config, after which the cell knows it by name."""
    config = Config.fallback(
        {"provider": "openai", "api_key": "sk-very-secret"},
        {"provider": "azure-openai", "api_key": "sk-other-secret", "custom_host": "https://me:sk-login@host/v1"},
    )
    code = as_code(Composed(models=("m",), options={"config": config}), [user("Hello")], names=desk.shell.user_ns)
    assert "secret" not in "".join([code.cell, code.python, code.note, repr(code)])
    assert "sk-login" not in code.python + code.cell
    wanted = desk.by_panel(Composed(models=("m",), options={"config": config}), [user("Hello")])
    names = re.findall(r'os\.environ\["(\w+)"\]', code.python)
    assert names == ["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_CUSTOM_HOST"]
    for name, value in zip(names, ["sk-very-secret", "sk-other-secret", "https://me:sk-login@host/v1"], strict=True):
        assert name in code.note
        monkeypatch.setenv(name, value)
    assert desk.by_python(code) == wanted
    assert desk.by_cell(code) == wanted


def test_a_virtual_key_comes_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    composed = Composed(models=("m",), options={"virtual_key": Secret("vk-very-secret")})
    code = as_code(composed, [user("Hello")])
    assert "secret" not in "".join([code.cell, code.python, code.note])
    assert "PORTKEY_VIRTUAL_KEY" in code.note
    wanted = desk.by_panel(composed, [user("Hello")])
    monkeypatch.setenv("PORTKEY_VIRTUAL_KEY", "vk-very-secret")
    assert desk.by_python(code) == wanted
    assert desk.by_cell(code) == wanted
    beside = Composed(models=("m",), options={"virtual_key": Secret("vk-very-secret"), "provider": "openai"})
    code = as_code(beside, [user("Hello")])
    assert not code.cell
    assert "virtual key" in code.note
    assert desk.by_python(code) == desk.by_panel(beside, [user("Hello")])


def test_defaults_of_the_notebook_change_nothing(desk: Desk) -> None:
    desk.shell.run_line_magic("config", "PortkeyMagics.system = 'Talk like a pirate.'")
    desk.shell.run_line_magic("config", "PortkeyMagics.base_url = 'http://127.0.0.1:9/v1'")
    for messages in ([user("Hello")], [user("a"), {"role": "assistant", "content": " b"}, user("c\n")]):
        desk.check(ONE, messages)
        desk.check(Composed(models=("m",), system="Be brief."), messages)
    desk.shell.run_line_magic("config", "PortkeyMagics.config = 'pc-1'")
    assert "PortkeyMagics.config" in as_code(ONE, [user("Hello")], names=desk.shell.user_ns).note


def test_what_a_notebook_calls_what_does_not_matter(desk: Desk) -> None:
    desk.shell.user_ns.update(name="no", a={"b": ["no"]}, prompt="no", messages="no", config="no")
    desk.check(Composed(models=("m",), system="{{name}}", options={"config": "pc-1"}), [user("{{a.b[0]}} {{prompt}}")])


def test_before_anything_is_written_the_place_for_it_is_shown(desk: Desk) -> None:
    code = as_code(ONE, [])
    assert code.cell.endswith("\nWrite the message here.")
    assert "no message yet" in code.note
    assert desk.by_cell(code) == desk.by_python(code)
    assert as_code(Composed(), [user("Hello")]).note.startswith("No model")


@pytest.mark.parametrize("text", ["x" * 1_000_000, "a line of {{words}}\n" * 50_000, "\\\"'" * 300_000 + " "])
def test_a_megabyte_is_no_trouble(desk: Desk, text: str) -> None:
    desk.check(Composed(models=("m",), system="Be brief."), [user(text)])


def test_half_of_a_character_is_refused_by_all_alike(desk: Desk) -> None:
    code = as_code(ONE, [user("half \ud83d")])
    for source in (code.cell, code.python):
        assert desk.shell.run_cell(source, store_history=False).error_in_exec is not None
    assert desk.sent() == []


pieces = st.sampled_from(
    [part for text in TEXTS for part in re.findall(r"\S+|\s+", text[:200])] + ["user:", "assistant:", "{{x}}", '"""']
)
texts = (st.lists(pieces | st.text(max_size=8), min_size=1, max_size=12).map("".join)).filter(
    lambda text: bool(text.strip()) and not re.search("[\ud800-\udfff]", text)
)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
params = st.dictionaries(
    st.sampled_from(["temperature", "max_tokens", "top_p", "stop", "seed", "user", "logit_bias", "x-y"]),
    values,
    max_size=3,
).filter(lambda found: redact(found) == found)
messages = st.lists(
    st.builds(
        lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant", "developer"]), texts
    ),
    max_size=4,
)


NAMES = ("prompt", "messages", "model", "reply", "replies", "ask", "Replies", "Config", "config", "json", "os")
"""What the Python would call its own things where nothing else is called so."""


def _tool(name: str) -> Any:
    def tool(x: int) -> int:
        """Tell."""
        return x

    tool.__name__ = name
    return tool


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages, texts, st.none() | texts, params, st.sets(st.sampled_from(NAMES)))
def test_whatever_is_composed_arrives_the_same_by_all_three(
    desk: Desk,
    before: list[dict[str, Any]],
    last: str,
    system: str | None,
    given: dict[str, Any],
    called: set[str],
) -> None:
    for name in NAMES:
        desk.shell.user_ns.pop(name, None)
    tools = {name: _tool(name) for name in sorted(called)}
    desk.shell.user_ns.update(tools)
    others = {"tools": list(tools.values())} if tools else {}
    composed = Composed(models=("m",), system=system, params=given, others=others)
    desk.check(composed, [*before, user(last)])
    assert {name: desk.shell.user_ns[name] for name in tools} == tools


@pytest.mark.parametrize("models", [("m",), ("m", "n"), ("m", "m")])
def test_python_binds_no_name_of_the_notebook_anew(
    desk: Desk, models: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {name: _tool(name) for name in NAMES}
    desk.shell.user_ns.update(mine)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    composed = Composed(
        models=models,
        options={"config": {"provider": "openai", "api_key": "sk-1"}},
        others={"tools": [mine["prompt"], mine["model"]]},
    )
    for asked in (
        [user("a long line of words " * 5)],
        [user("x" * 60), {"role": "assistant", "content": "y"}, user("?")],
    ):
        code = as_code(composed, asked, names=desk.shell.user_ns)
        assert desk.by_python(code) == desk.by_panel(composed, asked)
        assert {name: desk.shell.user_ns[name] for name in NAMES} == mine


def test_python_that_ran_once_reads_the_same_afterwards(desk: Desk) -> None:
    asked = [user("a long line of words " * 5)]
    for composed in (ONE, Composed(models=("m", "n"))):
        code = as_code(composed, asked, names=desk.shell.user_ns)
        desk.by_python(code)
        assert as_code(composed, asked, names=desk.shell.user_ns).python == code.python


def test_keys_in_every_place_are_read_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    composed = Composed(
        models=("m",),
        params={
            "azure_api_key": "sk-secret-1",
            "extra": {"client_secret": "sk-secret-2", "hosts": ["https://me:sk-secret-3@host"]},
            "session": Secret("sk-secret-4"),
        },
        options={
            "custom_host": "https://me:sk-secret-5@host/v1",
            "api_key": Secret("sk-secret-6"),
            "Authorization": Secret("Bearer sk-secret-7"),
            "virtual_key": Secret("sk-secret-8"),
            "config": {"provider": "openai", "api_key": "sk-secret-9"},
        },
        others={"tags": {"api_key": "sk-secret-10", "team": "a"}},
    )
    code = as_code(composed, [user("Hello")])
    assert "secret-" not in "".join([code.cell, code.python, code.note, repr(code), repr(composed)])
    assert code.cell == ""
    wanted = desk.by_panel(composed, [user("Hello")])
    assert json.dumps(wanted).count("sk-secret-") == 10
    for name, value in zip(re.findall(r'environ\["(\w+)"\]', code.python), _keys(composed), strict=True):
        assert name in code.note
        monkeypatch.setenv(name, value)
    assert desk.by_python(code) == wanted


def _keys(value: Any) -> list[str]:
    """The secrets of what is composed, in the order in which the Python names them."""
    # A Config that has a key is made first.
    found = [value.options["config"]["api_key"]]
    found += [value.params["azure_api_key"], value.params["extra"]["client_secret"], *value.params["extra"]["hosts"]]
    found += [value.params["session"].reveal(), value.options["custom_host"]]
    found += [value.options[name].reveal() for name in ("api_key", "Authorization", "virtual_key")]
    return [*found, value.others["tags"]["api_key"]]


@pytest.mark.parametrize(
    "composed",
    [
        Composed(models=("m",), params={"azure_api_key": "sk-secret"}),
        Composed(models=("m",), params={"extra": [{"password": "sk-secret"}]}),
        Composed(models=("m",), params={"session": Secret("sk-secret")}),
        Composed(models=("m",), others={"tags": {"token": "sk-secret"}}),
        Composed(models=("m",), others={"tools": [{"type": "function", "server": "https://me:sk-secret@host"}]}),
        Composed(models=("m",), others={"schema": {"type": "object", "api_key": "sk-secret"}}),
        Composed(models=("m",), base_url="https://me:sk-secret@host/v1?api_key=sk-secret"),
    ],
)
def test_no_cell_holds_a_key(composed: Composed) -> None:
    code = as_code(composed, [user("Hello")])
    assert "secret" not in code.cell
    assert "sk-secret" not in code.python + code.note + repr(code) + repr(composed)
    assert code.python


def test_what_a_schema_calls_its_properties_is_no_secret(desk: Desk) -> None:
    parameters = {"type": "object", "properties": {"password": {"type": "string"}, "api_key": {"type": "string"}}}
    definition = {"type": "function", "function": {"name": "login", "parameters": parameters}}
    code = desk.check(Composed(models=("m",), others={"tools": [definition]}), [user("Hello")])
    assert code.note == ""

"""The panel's fields, used as a page uses them: values arrive, lines are shown, and what would be sent is read."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from portkey_nb import Config
from portkey_nb.engine.loop import submit
from portkey_nb.notebook.completion import config_names
from portkey_nb.settings import Secret
from tests.kernels import Kernel
from tests.notebook.fields_page import WAIT_S, Page, pages, states
from tests.servers import COMPLETION, ScriptedServer, whole

KEY = "vk-very-secret-0123456789"


DATED = {"user": "2026-01-01", "a": "12:30", "b": "no"}


@pytest.fixture
def panel() -> Iterator[Callable[..., Page]]:
    with pages() as make:
        yield make


# Parameters


def test_empty_fields_send_nothing(panel: Callable[..., Page]) -> None:
    page = panel()
    assert (page.params, page.trouble) == ({}, "")
    page.type("temperature", "0.5")
    page.type("temperature", " ")
    assert page.params == {}
    assert page.fields.composed.system is None


@pytest.mark.parametrize(
    ("label", "text", "params"),
    [
        ("temperature", "0", {"temperature": 0}),
        ("top_p", "0.0", {"top_p": 0.0}),
        ("max_tokens", " 256 ", {"max_tokens": 256}),
        ("seed", "-7", {"seed": -7}),
        ("stop", "END", {"stop": "END"}),
        ("stop", '["END", "\\n\\n"]', {"stop": ["END", "\n\n"]}),
        ("frequency_penalty", "-2", {"frequency_penalty": -2}),
        ("presence_penalty", "1.5", {"presence_penalty": 1.5}),
        ("reasoning_effort", "low", {"reasoning_effort": "low"}),
        ("response_format", "json_object", {"response_format": {"type": "json_object"}}),
        ("More parameters", "logprobs: false\nn: 1", {"logprobs": False, "n": 1}),
        ("More parameters", '{"logit_bias": {"50256": -100}}', {"logit_bias": {"50256": -100}}),
        ("More parameters", "temperature: 3", {"temperature": 3}),
        ("More parameters", "user: 2026-01-01\na: 12:30\nb: no\nc: 1e-3\nd: 010", {**DATED, "c": 0.001, "d": "010"}),
    ],
)
def test_what_is_typed_is_sent(panel: Callable[..., Page], label: str, text: str, params: dict[str, Any]) -> None:
    page = panel()
    control = page.control(label)
    page.type(label, text) if not hasattr(control, "index") else control.set_state({"index": 1})
    assert page.params == params
    assert [type(value) for value in page.params.values()] == [type(value) for value in params.values()]
    assert (page.trouble, page.told) == ("", 1)


@pytest.mark.parametrize(
    ("label", "text", "said"),
    [
        ("temperature", "1,5", "temperature is '1,5'; give a number from 0 to 2, or leave it empty"),
        ("temperature", "nan", "give a number from 0 to 2"),
        ("top_p", "7", "give a number from 0 to 1"),
        ("max_tokens", "0", "give a whole number from 1"),
        ("max_tokens", "1e3", "give a whole number from 1"),
        ("seed", "9" * 5000, "give a whole number"),
        ("stop", '["END"', "JSON list"),
        ("stop", "[" * 100_000, "JSON list"),
        ("reasoning_effort", "very low", "one word"),
        ("More parameters", "just words", "write names and values"),
        ("More parameters", "top_k: [1", "at line 1"),
        ("More parameters", "messages: []", "the conversation itself"),
        ("More parameters", "virtual_key: x", "under Routing"),
        ("More parameters", "n: 3", "compare with another model"),
        ("More parameters", "top_k: .inf", "JSON cannot carry"),
        ("More parameters", "a b: 1", "no name of a parameter"),
        ("More parameters", "user: &a [x]\ntop_k: *a", "aliases"),
        ("More parameters", "y" * 1_000_000, "1,000,000 characters"),
        ("More parameters", "x: " + "[" * 10_000, "nested deeper than 50"),
        ("More parameters", "- " * 9_000, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(panel: Callable[..., Page], label: str, text: str, said: str) -> None:
    page = panel(params={"seed": 3, "user": "me"} if label != "seed" else {})
    before = page.params
    page.type(label, text)
    assert said in page.trouble
    assert "\n" not in page.trouble
    assert 'role="alert"' in page.line(label)
    assert page.params == before
    page.type(label, "")
    assert page.trouble == page.line(label) == ""


def test_the_first_trouble_is_told_and_the_next_when_it_is_gone(panel: Callable[..., Page]) -> None:
    page = panel()
    page.type("seed", "x")
    page.type("temperature", "y")
    assert page.trouble.startswith("temperature")
    page.type("temperature", "")
    assert page.trouble.startswith("seed")
    page.type("seed", "1")
    assert page.trouble == ""


def test_a_parameter_is_given_once(panel: Callable[..., Page]) -> None:
    page = panel(others={"tools": [{"type": "function", "function": {"name": "weather"}}]})
    page.type("More parameters", "temperature: 1")
    page.type("temperature", "0.5")
    assert "`temperature` is given twice" in page.trouble
    page.type("temperature", "")
    assert (page.trouble, page.params) == ("", {"temperature": 1})
    page.type("More parameters", "tools: []")
    assert "`tools` is given twice" in page.trouble


def test_given_parameters_show_in_their_fields_or_among_the_others(panel: Callable[..., Page]) -> None:
    thing = object()
    page = panel(params={"temperature": 0, "top_p": 4, "stop": "[INST]", "top_k": 5, "made": thing})
    assert page.control("temperature").value == "0"
    assert page.control("More parameters").value == "top_p: 4\ntop_k: 5"
    assert page.params == {"temperature": 0, "top_p": 4, "stop": "[INST]", "top_k": 5, "made": thing}
    assert "as given: made" in page.lines()
    assert (page.trouble, page.told) == ("", 0)


# Keys


def test_a_virtual_key_is_sent_and_stands_in_no_widget(panel: Callable[..., Page]) -> None:
    with ScriptedServer(whole(COMPLETION)) as server:
        page = panel(base_url=server.url)
        page.type("Virtual key", f" {KEY}\n")
        control = page.control("Virtual key")
        assert (control.value, control.placeholder) == ("", "set, kept in this kernel only")
        assert page.fields.composed.options == {"virtual_key": Secret(KEY)}
        assert KEY not in states() + repr(page.fields.composed) + str(page.fields.composed.options)
        (call,), runner = page.fields.composed.calls([{"role": "user", "content": "Hi"}], {})
        submit(runner.perform(call)).result(WAIT_S)
        assert server.requests[0].headers["x-portkey-virtual-key"] == KEY
    page.control("Clear the virtual key").click()
    assert page.fields.composed.options == {}
    assert control.placeholder == "unset"
    assert page.told == 2


def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(panel: Callable[..., Page]) -> None:
    page = panel()
    page.type("Virtual key", "schlüssel")
    assert "no header can carry" in page.trouble
    assert "schl" not in states() + page.trouble
    page.control("Clear the virtual key").click()
    assert page.trouble == ""


@pytest.mark.parametrize(
    "text",
    [
        f"top_k: 5\napi_key: {KEY}",
        f'{{"api_key": "{KEY}"',
        f"Authorization: Bearer {KEY}",
        f"server: https://me:{KEY}@host.example",
        f'tools: [{{"headers": {{"authorization": "{KEY}"}}}}]',
        f"api_key: >\n  {KEY}",
    ],
)
def test_keys_among_the_parameters_are_taken_out_of_the_field(panel: Callable[..., Page], text: str) -> None:
    page = panel()
    page.type("More parameters", text)
    assert page.trouble
    assert KEY not in states() + page.trouble
    assert "***" in page.control("More parameters").value
    assert page.params == {}


def test_a_login_in_the_base_url_is_left_out(panel: Callable[..., Page]) -> None:
    page = panel(base_url=f"https://me:{KEY}@gateway.example/v1")
    assert page.fields.composed.base_url == "https://gateway.example/v1"
    page.type("Base URL", f"http://me:{KEY}@127.0.0.1:9/v1?api_key={KEY}")
    assert page.fields.composed.base_url == page.control("Base URL").value == "http://127.0.0.1:9/v1"
    assert "left out" in page.line("Base URL")
    assert KEY not in states()


def test_keys_in_every_place_stand_in_no_widget(panel: Callable[..., Page]) -> None:
    page = panel(
        base_url=f"https://me:{KEY}@127.0.0.1:9/v1",
        params={"azure_api_key": KEY, "extra": {"client_secret": KEY}, "session": Secret(KEY), "seed": 5},
        options={
            "custom_host": f"https://me:{KEY}@host/v1",
            "config": {"provider": "openai", "api_key": KEY, "custom_host": f"https://me:{KEY}@host/v1"},
            "virtual_key": Secret(KEY),
            "Authorization": Secret(KEY),
            "api_key": Secret(KEY),
        },
        others={"tags": {"api_key": KEY, "host": f"https://me:{KEY}@host", "session": Secret(KEY), "run": 7}},
    )
    page.fields.refresh()
    page.until(lambda: "No list of models" in page.lines())
    shown = [states(), repr(page.fields), repr(page.fields.composed), repr(vars(page.fields)), page.trouble]
    assert [text for text in shown if KEY in text] == []
    assert "Parameters · azure_api_key, extra, session, seed 5" in " ".join(page.labels())
    assert "run=7" in page.lines()
    assert page.params["azure_api_key"] == KEY


@pytest.mark.kernel
def test_no_message_of_a_kernel_carries_a_key(tmp_path: Any) -> None:
    code = """
from ipywidgets.widgets.widget import _instances
from portkey_nb.notebook.panel.fields import Fields
from portkey_nb.notebook.panel.composed import Composed
fields = Fields(Composed(models=("gpt-4o",), base_url="demo"), lambda: None)
control = next(one for one in _instances.values() if getattr(one, "description", "") == "Virtual key")
print(control.comm.comm_id)
"""
    with Kernel(tmp_path) as kernel:
        comm_id = kernel.execute(code).printed.strip()
        assert re.fullmatch(r"\w{32}", comm_id)
        client = kernel._client
        assert client is not None
        content = {"comm_id": comm_id, "data": {"method": "update", "state": {"value": KEY}, "buffer_paths": []}}
        client.shell_channel.send(client.session.msg("comm_msg", content))
        said = kernel.execute("print(len(fields.composed.options['virtual_key'].reveal()), [control.value])").printed
        assert said.strip() == f"{len(KEY)} ['']"
        assert KEY not in json.dumps(kernel.heard, default=str)


# Routing


def test_routing_goes_into_the_options(panel: Callable[..., Page]) -> None:
    page = panel(base_url=None, options={"config": "pc-1", "trace_id": "t", "provider": "openai"})
    assert page.fields.composed.options == {"config": "pc-1", "trace_id": "t", "provider": "openai"}
    page.type("Provider", "@prod ")
    assert page.fields.composed.options["provider"] == "@prod"
    page.type("Provider", "")
    assert "provider" not in page.fields.composed.options
    page.type("Base URL", "local")
    assert page.fields.composed.base_url == "local"
    page.type("Base URL", "")
    assert page.fields.composed.base_url is None
    assert page.fields.composed.others["stream"] is True
    page.type("Stream the reply", False)
    assert page.fields.composed.others["stream"] is False


@pytest.mark.parametrize(
    ("label", "text", "said"),
    [
        ("Base URL", "gateway", "is no address"),
        ("Base URL", "https://host:port/v1", "is no address"),
        ("Provider", "open ai", "@slug"),
    ],
)
def test_wrong_routing_is_said_at_the_field(panel: Callable[..., Page], label: str, text: str, said: str) -> None:
    page = panel(options={"provider": "openai"})
    page.type(label, text)
    assert said in page.trouble
    assert 'role="alert"' in page.line(label)
    assert page.fields.composed.base_url == "demo"
    assert page.fields.composed.options == {"provider": "openai"}
    page.type(label, "")
    assert page.trouble == ""


def test_a_provider_nobody_knows_is_only_doubted(panel: Callable[..., Page]) -> None:
    page = panel()
    page.type("Provider", "opnai")
    assert "did you mean openai?" in page.line("Provider")
    assert (page.trouble, page.fields.composed.options) == ("", {"provider": "opnai"})


def test_a_given_config_is_sent_as_it_is(panel: Callable[..., Page]) -> None:
    config = Config(provider="openai", api_key=KEY)
    page = panel(options={"config": config})
    sent = page.fields.composed.options["config"]
    assert sent["api_key"] == KEY
    assert KEY not in states()


# What is set from Python


def test_what_python_sets_is_not_told_as_a_change(panel: Callable[..., Page]) -> None:
    page = panel(system="Be brief")
    page.fields.set_system("Be long")
    page.fields.set_models(["a", "b", "a"])
    assert page.fields.composed.system == page.control("System prompt").value == "Be long"
    assert page.fields.composed.models == ("a", "b", "a")
    page.fields.set_system(None)
    page.fields.set_models([])
    assert (page.fields.composed.system, page.fields.composed.models, page.told) == (None, (), 0)
    page.type("System prompt", "typed")
    assert page.told == 1


def test_changes_that_come_in_several_threads_are_all_told(panel: Callable[..., Page]) -> None:
    page = panel()
    labels = ["temperature", "top_p", "max_tokens", "seed"]
    threads = [
        threading.Thread(target=lambda label=label: [page.type(label, str(1 - n % 2)) for n in range(50)])
        for label in labels
    ]
    quiet = threading.Thread(target=lambda: [page.fields.set_system(str(n)) for n in range(50)])
    for thread in [*threads, quiet]:
        thread.start()
    for thread in [*threads, quiet]:
        thread.join(WAIT_S)
    page.type("max_tokens", "7")
    assert page.params == {"temperature": 0, "top_p": 0, "max_tokens": 7, "seed": 0}
    assert page.fields.composed.system == "49"
    assert page.told == 201


# What is read, and by whom


def test_reading_what_is_set_touches_no_widget_and_leaves_a_half_typed_key_alone(panel: Callable[..., Page]) -> None:
    page = panel(options={"config": "{}"})
    text = json.dumps({"provider": "openai", "api_key": KEY})
    page.type("Config as JSON", text)
    changes: list[Any] = []
    for widget in page.widgets():
        widget.observe(changes.append)
    seen = [(page.fields.composed, page.fields.trouble, page.fields.known) for _ in range(3)]
    assert changes == []
    assert page.control("Config as JSON").value == text
    assert [trouble for _, trouble, _ in seen] == ["", "", ""]
    assert {one.options["config"].to_json(reveal=True) for one, _, _ in seen} == {text}
    page.fields.settle()
    assert KEY not in states()
    assert page.fields.composed.options["config"].to_json(reveal=True) == text


def test_it_is_read_while_another_thread_holds_the_fields(panel: Callable[..., Page]) -> None:
    """A page's change may take its time; whoever repaints meanwhile, on the event loop, does not wait for it."""
    page, reached, go_on = panel(options={"config": {"provider": "openai"}}), threading.Event(), threading.Event()

    def hold(_change: Any) -> None:
        reached.set()
        go_on.wait(WAIT_S)

    page.control("Config as JSON").observe(hold, "value")
    typing = threading.Thread(target=page.control("Edit as JSON").click)
    typing.start()
    read = threading.Event()

    def look() -> None:
        assert (page.fields.composed.options["config"]["provider"], page.fields.trouble) == ("openai", "")
        assert page.fields.known
        read.set()

    try:
        assert reached.wait(WAIT_S)
        threading.Thread(target=look).start()
        assert read.wait(WAIT_S / 6)
    finally:
        go_on.set()
        typing.join(WAIT_S)


def test_a_config_that_a_cell_binds_anew_goes_out_as_it_is_now(
    panel: Callable[..., Page], shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InteractiveShell, "_instance", shell)
    shell.user_ns["mine"] = Config(provider="openai")
    page = panel(options={"config": "mine"})
    assert page.fields.composed.options["config"] is shell.user_ns["mine"]
    shell.user_ns["mine"] = later = Config(provider="ollama")
    assert page.fields.composed.options["config"] is later
    del shell.user_ns["mine"]
    assert "no Config named mine any more" in page.fields.trouble
    assert page.told == 0


def test_names_are_found_while_a_cell_binds_others() -> None:
    space: dict[str, Any] = {}

    class Config:
        @property
        def redacted(self) -> None:
            space[f"new{len(space)}"] = 1

    space.update(one=Config(), two=Config())
    assert config_names(space) == ["one", "two"]


def test_closed_fields_keep_no_key(panel: Callable[..., Page]) -> None:
    config = Config(provider="openai", api_key=KEY)
    page = panel(options={"config": config, "virtual_key": Secret(KEY)})
    page.fields.close()
    assert (page.fields.composed.options, page.fields.composed.models) == ({}, ("gpt-4o",))

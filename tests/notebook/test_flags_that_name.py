"""Cells with --tools, --schema, --image and --prompt: what they name in the notebook, and what comes of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

from portkey_nb import errors, runs
from portkey_nb.engine.call import Call
from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.errors import PortkeyError, PromptError, SchemaError
from portkey_nb.notebook.live import LiveCell
from portkey_nb.notebook.plan import Plan
from portkey_nb.notebook.prompt import compose
from portkey_nb.notebook.stopping import StopButton
from portkey_nb.notebook.watching import watch
from tests.engine.test_rounds import PNG, ULM, answering, calling
from tests.servers import COMPLETION, DONE, STALL, ScriptedServer, chunk, streamed, whole


@dataclass
class City:
    name: str
    people: int


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"


def cell(shell: Any, line: str, body: str) -> Any:
    return shell.run_cell_magic("portkey", line, body)


def test_a_cell_calls_functions_of_the_notebook(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["weather"] = weather
    with ScriptedServer(whole(calling(("weather", '{"city": "Oslo"}'))), whole(COMPLETION)) as server:
        reply = cell(shell, f"-m m --tools weather --base-url {server.url} --no-stream", "Weather?")
    assert reply == "Hello"
    shown = capsys.readouterr().out
    assert "weather(city='Oslo') → 18 degrees in Oslo" in shown
    assert "2 requests" in shown
    assert list(runs(columns=["source"])["source"]) == ["magic", "magic"]


def test_models_side_by_side_each_call_tools_of_their_own(shell: Any) -> None:
    shell.user_ns["weather"] = weather

    def script(city: str) -> list[Any]:
        return whole(calling(("weather", json.dumps({"city": city}))))

    with ScriptedServer(script("Oslo"), script("Rome"), whole(COMPLETION)) as server:
        replies = cell(shell, f"-m a -m b --tools weather --base-url {server.url} --no-stream", "Weather?")
    assert isinstance(replies, Replies)
    cities = {reply.steps[0].result.arguments["city"] for reply in replies.values()}
    assert cities == {"Oslo", "Rome"}
    assert len(server.requests) == 4


def test_a_conversation_keeps_what_tools_gave(shell: Any) -> None:
    shell.user_ns["weather"] = weather
    with ScriptedServer(whole(calling(("weather", '{"city": "Oslo"}'))), whole(COMPLETION)) as server:
        line = f"-m m --chat trip --base-url {server.url} --no-stream"
        cell(shell, f"{line} --tools weather", "Weather?")
        cell(shell, line, "And tomorrow?")
    roles = [message["role"] for message in server.requests[-1].json["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


def test_the_stop_button_reaches_a_tool(shell: Any) -> None:
    def slow(city: str) -> str:
        """Tell the weather."""
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the press did not strike")

    shell.user_ns["slow"] = slow
    with (
        ScriptedServer(whole(calling(("slow", '{"city": "Oslo"}')))) as server,
        pytest.raises(PortkeyError, match="interrupted while tools were called"),
    ):
        cell(shell, f"-m m --tools slow --base-url {server.url} --no-stream", "Weather?")
    assert len(server.requests) == 1
    assert list(runs()["status"]) == ["interrupted"]


@pytest.mark.parametrize("line", ["town << -m m --schema City", "-m m --schema City -o town"])
def test_a_name_is_bound_to_the_object_and_the_reply_stays_at_hand(shell: Any, line: str) -> None:
    shell.user_ns["City"] = City
    with ScriptedServer(answering(ULM)) as server:
        assert cell(shell, f"{line} --base-url {server.url} --no-stream", "Ulm?") is None
    assert shell.user_ns["town"] == City("Ulm", 126000)
    assert isinstance(shell.user_ns["_"], Reply)
    assert shell.user_ns["_"].parsed == City("Ulm", 126000)


@pytest.mark.parametrize("schema", ["list[City]", "Cities"])
def test_lists_and_json_schemas_are_named_as_well(shell: Any, schema: str) -> None:
    space = shell.user_ns
    space["City"], space["Cities"] = City, {"type": "array", "items": {"type": "object"}}
    with ScriptedServer(answering(f'{{"items": [{ULM}]}}')) as server:
        reply = cell(shell, f"-m m --schema {schema} --base-url {server.url} --no-stream", "Cities?")
    assert reply.frame()["people"].sum() == 126000


def test_a_schema_as_json_in_the_line(shell: Any) -> None:
    schema = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    with ScriptedServer(answering('{"n": 3}')) as server:
        reply = cell(shell, f"-m m --schema {schema} --base-url {server.url} --no-stream", "n?")
    assert reply.parsed == {"n": 3}


def test_a_misfit_is_shown_kept_and_fails_the_cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["City"] = City
    with ScriptedServer(answering('{"name": "Ulm"}')) as server:
        line = f"%%portkey town << -m m --schema City --base-url {server.url} --no-stream"
        result = shell.run_cell(f"{line}\nUlm?")
    assert isinstance(result.error_in_exec, SchemaError)
    shown = capsys.readouterr().out
    assert "Traceback" not in shown
    assert "people" in shown
    assert shell.user_ns["town"] == '{"name": "Ulm"}'
    assert list(runs()["text"]) == ['{"name": "Ulm"}']


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--tools wether", "did you mean `weather`?"),
        ("--tools nothing", "not defined"),
        ("--tools City.nope", "there is no `nope`"),
        ("--tools 3", "no name"),
        ("--schema Nothing", "not defined"),
        ("--schema ulm", "City"),
        ("--schema opem", "run the cell that defines it"),
        ("--schema {broken", "closed"),
        ("--image nothing", "no variable and no file"),
        ("--image ./nothing.png", "nothing.png"),
        ("--image ulm", "ulm"),
    ],
)
def test_a_wrong_name_is_one_line_and_nothing_is_sent(shell: Any, flag: str, said: str) -> None:
    shell.user_ns.update(weather=weather, City=City, ulm=City("Ulm", 1))
    with ScriptedServer() as server, pytest.raises(errors.PortkeyError) as caught:
        cell(shell, f"-m m {flag} --base-url {server.url}", "Hello")
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert not server.requests
    assert runs().empty


def test_images_from_files_variables_and_figures(shell: Any) -> None:
    from matplotlib.figure import Figure
    from PIL import Image

    Path("cat.png").write_bytes(PNG)
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    shell.user_ns.update(picture=Image.new("RGB", (2, 2)), figure=figure, raw=PNG)
    flags = "--image cat.png --image picture --image figure --image raw"
    with ScriptedServer() as server:
        cell(shell, f"-m m {flags} --base-url {server.url} --no-stream", "What is it?")
    text, *images = server.requests[0].json["messages"][0]["content"]
    assert text["text"] == "What is it?"
    assert all(image["image_url"]["url"].startswith("data:image/png;base64,") for image in images)
    assert len(images) == 4


def test_a_dry_run_counts_an_images_bytes_and_shows_none(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["raw"] = PNG * 100
    cell(shell, "-m m --image raw --dry-run", "What is it?")
    shown = capsys.readouterr().out
    assert "characters)" in shown
    assert len(shown) < 2000
    assert "beside the images" in shown


def test_what_becomes_of_parameters_is_said_beforehand_and_in_the_footer(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "-m m --provider anthropic --max-tokens 9 -t 1.5 -p seed=3"
    with ScriptedServer() as server:
        cell(shell, f"{line} --base-url {server.url} --dry-run", "Hello")
        before = capsys.readouterr().out
        cell(shell, f"{line} --base-url {server.url} --no-stream", "Hello")
        after = capsys.readouterr().out
    for shown in (before, after):
        assert "`temperature` 1.5 is limited to 1 by anthropic" in shown
        assert "`seed` is dropped by anthropic" in shown


def test_a_schema_streams_as_json(shell: Any) -> None:
    shell.user_ns["City"] = City
    script = streamed(chunk(ULM[:9]), chunk(ULM[9:]), chunk(finish="stop"), DONE)
    with ScriptedServer(script) as server:
        shell.run_line_magic("config", "PortkeyMagics.live = 'html'")
        reply = cell(shell, f"-m m --schema City --base-url {server.url}", "Ulm?")
    html = reply._repr_mimebundle_()["text/html"]
    assert "<pre" in html
    assert "126000" in html


RENDERED = {
    "success": True,
    "data": {
        "model": "gpt-4o",
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Sum up: $5 & more"},
        ],
    },
}


def test_a_template_is_rendered_shown_and_sent(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["article"] = "$5 & more"
    with ScriptedServer(whole(RENDERED), whole(COMPLETION)) as server:
        reply = cell(shell, f"--prompt pp-sum --base-url {server.url} --no-stream", "text: {{article}}\nwords: 9")
    render, chat = server.requests
    assert render.path.endswith("/prompts/pp-sum/render")
    assert render.json["variables"] == {"text": "$5 & more", "words": 9}
    assert chat.json["messages"] == RENDERED["data"]["messages"]  # type: ignore[index]
    assert (chat.json["model"], chat.json["temperature"]) == ("gpt-4o", 0.5)
    assert "Sum up: $5 & more" in capsys.readouterr().out
    row = runs(columns="all").loc[reply.run.run_id]
    assert (row["template"], row["vars"]) == ("pp-sum", {"text": "$5 & more", "words": 9})
    assert (row["system"], row["prompt"]) == ("Be brief.", "Sum up: $5 & more")


def test_a_template_needs_variables_and_brings_its_own_messages(shell: Any) -> None:
    with pytest.raises(PromptError, match="variables"):
        cell(shell, "--prompt pp-sum --base-url http://127.0.0.1:9", "just text")
    with pytest.raises(PromptError, match="leave -s out"):
        cell(shell, "--prompt pp-sum -s x --base-url http://127.0.0.1:9", "a: b")


def test_tab_offers_what_a_flag_could_name(shell: Any) -> None:
    shell.user_ns.update(weather=weather, City=City, raw=PNG)
    for flag, name in {"--tools": "weather", "--schema": "City", "--image": "raw"}.items():
        text = f"%%portkey {flag} "
        with provisionalcompleter():
            found = [completion.text for completion in shell.Completer.completions(text, len(text))]
        assert name in found


def test_what_a_config_cannot_do_here_is_said(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    strategy = {"mode": "single", "on_status_codes": [429]}
    config = json.dumps({"provider": "openai", "strategy": strategy, "targets": [{"api_key": "k"}]})
    with ScriptedServer() as server:
        cell(shell, f"-m m --config {config} --base-url {server.url} --no-stream", "Hello")
    assert "`strategy.on_status_codes` counts with mode fallback alone" in capsys.readouterr().out


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_list_models_is_a_note(
    shell: Any, capsys: pytest.CaptureFixture[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(whole({"error": {"message": "no scope"}}, status)) as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        assert shell.run_cell("%portkey models").success
    assert "not allowed for this key" in capsys.readouterr().out


def test_who_answered_after_how_many_tries(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    targets = [{"provider": "openai"}, {"name": "spare", "provider": "groq"}]
    config = json.dumps({"strategy": {"mode": "fallback"}, "targets": targets})
    headers = {"x-portkey-last-used-option-index": "config.targets[1]", "x-portkey-retry-attempt-count": "2"}
    with ScriptedServer(whole(COMPLETION, headers=headers)) as server:
        cell(shell, f"-m m --config {config} --base-url {server.url} --no-stream", "Hello")
    assert "answered by spare, target 2 of 2 · after 3 tries by the gateway" in capsys.readouterr().out


def test_a_dry_run_of_a_template_sends_nothing(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer() as server:
        cell(shell, f"--prompt pp-sum --base-url {server.url} --dry-run", "text: a")
    assert not server.requests
    shown = capsys.readouterr().out
    assert "/prompts/pp-sum/render" in shown
    assert '"text": "a"' in shown


@pytest.mark.parametrize("data", [{"messages": [{"content": "x"}]}, {"messages": []}, {}])
def test_a_template_without_messages_is_one_line(shell: Any, data: dict[str, Any]) -> None:
    with ScriptedServer(whole({"success": True, "data": data})) as server, pytest.raises(PromptError, match="pp-sum"):
        cell(shell, f"-m m --prompt pp-sum --base-url {server.url}", "text: a")


def test_the_stop_button_ends_a_rendering(shell: Any) -> None:
    with ScriptedServer([STALL]) as server:
        threading.Thread(target=lambda: (arrived(server), os.kill(os.getpid(), signal.SIGINT))).start()
        with pytest.raises(PortkeyError, match="interrupted while the template was rendered"):
            cell(shell, f"-m m --prompt pp-sum --base-url {server.url}", "text: a")
        assert server.left.wait(10)


def arrived(server: ScriptedServer, count: int = 1) -> None:
    """Wait until a server has been asked."""
    for _ in range(1000):
        if len(server.requests) >= count:
            return
        threading.Event().wait(0.01)


def test_what_came_stays_when_the_next_round_is_stopped(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["weather"] = weather
    with ScriptedServer(whole(calling(("weather", '{"city": "Oslo"}'))), [STALL]) as server:
        threading.Thread(target=lambda: (arrived(server, 2), os.kill(os.getpid(), signal.SIGINT))).start()
        with pytest.raises(PortkeyError, match="interrupted"):
            cell(shell, f"-m m --tools weather --base-url {server.url} --no-stream", "Weather?")
    assert "18 degrees in Oslo" in capsys.readouterr().out
    assert sorted(runs()["status"]) == ["interrupted", "ok"]


def test_a_tool_that_swallows_the_press_does_not_go_on(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = []

    def stubborn(city: str) -> str:
        """Tell the weather."""
        made.append(city)
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        return "mild"

    shell.user_ns["stubborn"] = stubborn
    both = calling(("stubborn", '{"city": "Oslo"}'), ("stubborn", '{"city": "Rome"}'))
    with (
        ScriptedServer(whole(both), whole(COMPLETION)) as server,
        pytest.raises(PortkeyError, match="interrupted while tools were called"),
    ):
        cell(shell, f"-m m --tools stubborn --base-url {server.url} --no-stream", "Weather?")
    assert made == ["Oslo"]
    logged = runs(columns=["tool_calls"])["tool_calls"].iloc[0]
    assert [call.get("result", {}).get("text") for call in logged] == ["mild", None]
    assert len(server.requests) == 1
    assert "m → " not in capsys.readouterr().out
    assert shell.user_ns["_"].run.tool_calls


def test_a_round_that_cannot_be_sent_keeps_what_came(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(city: str) -> str:
        """Tell the weather."""
        return "half of a pair: \ud800"

    shell.user_ns["broken"] = broken
    with ScriptedServer(whole(calling(("broken", '{"city": "Oslo"}'))), whole(COMPLETION)) as server:
        result = shell.run_cell(f"%%portkey -m m --tools broken --base-url {server.url} --no-stream\nWeather?")
    shown = capsys.readouterr().out
    if result.success:
        assert len(server.requests) == 2
    else:
        assert isinstance(result.error_in_exec, PortkeyError)
        assert "broken(city='Oslo')" in shown
        assert shell.user_ns["_"].run.status == "ok"


def test_a_press_before_anything_was_sent_sends_nothing() -> None:
    stop = StopButton()
    stop.pressed = True
    with ScriptedServer() as server:
        call = Call(model="m", messages=[{"role": "user", "content": "Hello"}], base_url=server.url, label="m")
        prompt = compose("Hello", {})
        (question,) = watch(Plan([call], prompt, None, None), LiveCell(["m"], mode="text"), stop)
    assert question.outcome is None
    assert not server.requests


def test_a_tool_and_a_schema_of_one_name_are_refused(shell: Any) -> None:
    shell.user_ns.update(weather=weather, Weather={"title": "weather", "type": "object"})
    with ScriptedServer() as server, pytest.raises(PromptError, match="rename one"):
        cell(shell, f"-m m --tools weather --schema Weather --base-url {server.url}", "Hello")
    assert not server.requests


def test_what_a_target_demands_is_asked_for_or_said(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    anthropic = {"provider": "anthropic", "api_key": "k"}
    fallback = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai", "api_key": "k"}, anthropic]}
    shell.user_ns.update(alone=anthropic, fallback=fallback)
    with ScriptedServer() as server:
        with pytest.raises(PromptError, match="anthropic answers only where `max_tokens` is set"):
            cell(shell, f"-m m --config alone --base-url {server.url}", "Hello")
        assert not server.requests
        cell(shell, f"-m m --config fallback --base-url {server.url} --no-stream", "Hello")
    assert "anthropic answers only where `max_tokens` is set: add --max-tokens" in capsys.readouterr().out


def test_a_key_typed_into_a_cell_is_noticed(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.dumps({"provider": "openai", "api_key": "sk-typed-here"})
    with ScriptedServer() as server:
        cell(shell, f"-m m --config {config} --base-url {server.url} --no-stream", "Hello")
        shown = capsys.readouterr().out
        assert "a key stands in this cell" in shown
        assert "sk-typed-here" not in shown
        shell.run_cell_magic("portkey_config", "typed", config)
        assert "a key stands in this cell" in capsys.readouterr().out
        shell.user_ns["key"] = "sk-typed-here"
        shell.run_cell_magic("portkey_config", "named", 'provider: openai\napi_key: "{{key}}"')
        assert capsys.readouterr().out == ""


def test_an_answer_that_fails_its_schema_is_no_success_in_the_log(shell: Any) -> None:
    shell.user_ns["City"] = City
    with ScriptedServer(answering('{"name": "Ulm"}')) as server, pytest.raises(SchemaError):
        cell(shell, f"-m m --schema City --base-url {server.url} --no-stream", "Ulm?")
    row = runs(columns="all").iloc[0]
    assert (row["status"], row["passed"], row["error_type"]) == ("ok", False, "SchemaError")


def test_who_would_have_answered_is_not_said_to_have(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.dumps({"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}, {"provider": "groq"}]})
    headers = {"x-portkey-last-used-option-index": "config.targets[1]"}
    with ScriptedServer(whole({"error": {"message": "no"}}, 401, headers)) as server, pytest.raises(PortkeyError):
        cell(shell, f"-m m --config {config} --base-url {server.url} --no-stream", "Hello")
    assert "last asked: groq, target 2 of 2" in capsys.readouterr().out

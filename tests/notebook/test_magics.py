"""What a person types into cells, and what comes of it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

from portkey_nb import Portkey, conversation, errors, runs
from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.errors import ConfigError, PortkeyError, PromptError, SettingsError, StoreError
from portkey_nb.gateway.conversation import Conversation, Turn
from tests.servers import ScriptedServer, chunk, streamed, whole


def cell(shell: Any, line: str, body: str) -> Any:
    return shell.run_cell_magic("portkey", line, body)


def test_a_cell_answers_logs_and_gives_its_reply(shell: Any) -> None:
    result = shell.run_cell("%%portkey -m demo-fast -t 0\nSay this is a test")
    assert result.success
    reply = result.result
    assert isinstance(reply, Reply)
    assert "this is a test" in reply.lower()
    assert shell.user_ns["_"] is reply
    frame = runs(columns="all")
    row = frame.loc[reply.run.run_id]
    assert (row["status"], row["source"], row["model"], row["text"]) == ("ok", "magic", "demo-fast", str(reply))
    assert row["demo"]
    assert row["params"] == {"temperature": 0.0}
    assert row["input_tokens"] > 0
    assert row["output_tokens"] > 0
    assert 0 <= row["ttft_s"] <= row["latency_s"]


def test_the_painted_reply_is_not_shown_twice_and_is_shown_when_evaluated_later(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%%portkey -m demo-fast\nSay this is a test")
    shown = capsys.readouterr().out
    assert shown.lower().count("this is a test") == 1
    assert "demo-fast" in shown
    shell.run_cell("_")
    assert "this is a test" in capsys.readouterr().out.lower()


def test_several_models_give_replies_by_label(shell: Any) -> None:
    replies = cell(shell, "-m demo-fast -m demo-fast -m gpt-4o", "Say this is a test")
    assert isinstance(replies, Replies)
    assert list(replies) == ["demo-fast", "demo-fast (2)", "gpt-4o"]
    frame = replies.to_frame()
    assert list(frame["model"]) == ["demo-fast", "demo-fast", "gpt-4o"]
    logged = runs(columns=["group_id", "variant"])
    assert logged["group_id"].nunique() == 1
    assert set(logged["variant"]) == set(replies)


def test_repeat_asks_again_under_numbered_labels(shell: Any) -> None:
    replies = cell(shell, "-m demo-fast --repeat 3", "Say this is a test")
    assert list(replies) == ["demo-fast", "demo-fast (2)", "demo-fast (3)"]
    assert sorted(runs(columns=["repeat"])["repeat"]) == [0, 1, 2]


@pytest.mark.parametrize("line", ["answer << -m demo-fast", "-m demo-fast -o answer"])
def test_a_reply_is_bound_by_name(shell: Any, line: str) -> None:
    assert cell(shell, line, "Say this is a test") is None
    answer = shell.user_ns["answer"]
    assert answer.run.status == "ok"
    assert answer.messages[-1] == {"role": "assistant", "content": str(answer)}
    assert answer.trace_id


def test_a_bound_reply_is_shown_when_it_is_evaluated(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("%%portkey answer << -m demo-fast\nSay this is a test")
    capsys.readouterr()
    for _ in range(2):
        shell.run_cell("answer")
        assert "this is a test" in capsys.readouterr().out.lower()


def test_one_failing_model_keeps_the_others_and_then_fails_the_cell(shell: Any) -> None:
    with pytest.raises(PortkeyError) as caught:
        cell(shell, "both << -m demo-fast -m demo-500", "Say this is a test")
    assert "1 of 2 models failed" in caught.value.message
    assert "demo-500" in caught.value.message
    both = shell.user_ns["both"]
    assert both["demo-fast"].run.status == "ok"
    assert both["demo-500"].run.status == "error"
    assert list(runs(status="error")["model"]) == ["demo-500"]


@pytest.mark.parametrize(
    ("model", "status", "kind"),
    [
        ("demo-429", "error", errors.RateLimitError),
        ("demo-500", "error", errors.GatewayError),
        ("demo-error200", "error", errors.GatewayError),
        ("demo-break", "incomplete", errors.StreamIncomplete),
        ("demo-noend", "incomplete", errors.StreamIncomplete),
        ("demo-malformed", "incomplete", errors.StreamIncomplete),
    ],
)
def test_faults_are_one_line_and_one_row(shell: Any, model: str, status: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        cell(shell, f"-m {model} -p max_tokens=60", "Write a long text about rivers")
    rendered = caught.value._render_traceback_()  # type: ignore[attr-defined]
    assert len(rendered) == 1
    assert "\n" not in rendered[0]
    frame = runs(columns="all")
    assert list(frame["status"]) == [status]
    assert frame["error_type"].iloc[0] == kind.__name__
    if status == "incomplete":
        assert frame["text"].iloc[0]
        assert frame["tokens_estimated"].iloc[0]


def test_a_failed_cell_shows_one_line_and_no_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run_cell("%%portkey -m demo-500\nhello")
    assert not result.success
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert "GatewayError: 500" in shown.out + shown.err


@pytest.mark.parametrize(
    ("line", "body", "kind", "said"),
    [
        ("--modle gpt-4o", "x", PromptError, "did you mean `--model`"),
        ("", "x", SettingsError, "no model"),
        ("-m demo-fast", "{{nmae}}", PromptError, "nmae"),
        ("-m demo-fast", "   \n", PromptError, "empty"),
        ('-m demo-fast --config {"strategy": {"mode": "falback"}, "targets": [{}]}', "x", ConfigError, "falback"),
        ("-m demo-fast --config nosuch", "x", ConfigError, "nosuch"),
        ("-m demo-fast --chat a --repeat 2", "x", PromptError, "--chat"),
        ("-m demo-fast --cache --no-log", "x", PromptError, "--cache"),
        ('-m demo-fast -s "Be brief"', "system:\nBe long\nuser:\nHi", PromptError, "twice"),
    ],
)
def test_mistakes_are_said_before_any_call(shell: Any, line: str, body: str, kind: type[Exception], said: str) -> None:
    shell.user_ns["name"] = "Ana"
    with pytest.raises(kind) as caught:
        cell(shell, line, body)
    assert said in str(caught.value)
    assert len(runs()) == 0


def test_the_body_arrives_byte_for_byte(shell: Any) -> None:
    body = 'JSON {"a": 1}, {% raw %}, {{ .Values.x }}, $x^2$, \\frac{1}{2}\n\n  indented'
    cell(shell, "-m demo-fast", body + "\n")
    assert runs(columns=["messages"])["messages"].iloc[0] == [{"role": "user", "content": body}]


def test_every_flag_changes_the_request(shell: Any) -> None:
    shell.user_ns["city"] = "Lyon"
    line = '-m demo-fast -s "Be brief" -t 0 --max-tokens 40 -p top_p=0.5 -p seed=7 --tag team=red --no-stream'
    cell(shell, line, "Tell me about {{city}}")
    row = runs(columns="all").iloc[0]
    assert row["params"] == {"top_p": 0.5, "seed": 7, "temperature": 0.0, "max_tokens": 40}
    assert row["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Tell me about Lyon"},
    ]
    assert row["tags"] == {"team": "red"}
    assert row["metadata"] == {"team": "red", "run_id": row.name}
    assert row["template"] == "Tell me about {{city}}"
    assert row["vars"] == {"city": "Lyon"}
    assert not row["stream"]


def test_role_markers_and_message_lists_make_conversations(shell: Any) -> None:
    cell(shell, "-m demo-fast", "system:\nBe brief\nuser:\nHello")
    cell(shell, "-m demo-fast --messages", json.dumps([{"role": "user", "content": "Hello"}]))
    first, second = runs(columns=["messages"])["messages"]
    assert [message["role"] for message in first] == ["system", "user"]
    assert second == [{"role": "user", "content": "Hello"}]


def test_a_config_is_composed_checked_used_and_shown_without_its_keys(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns["KEY"] = "sk-very-secret"
    shell.run_cell_magic(
        "portkey_config",
        "steady",
        "strategy: {mode: fallback, on_status_codes: [429]}\n"
        "targets:\n"
        "  - {api_key: '{{KEY}}', override_params: {model: demo-429}}\n"
        "  - {override_params: {model: demo-fast}}\n",
    )
    reply = cell(shell, "-m gpt-4o --config steady", "Say this is a test")
    assert reply.run.gateway_target == "config.targets[1]"
    shell.run_line_magic("portkey", "config")
    shown = capsys.readouterr().out
    assert "config.targets[1]" in shown
    everything = shown + repr(shell.user_ns["steady"]) + str(runs(columns="all").to_dict())
    assert "sk-very-secret" not in everything


@pytest.mark.parametrize(
    ("body", "said"),
    [("strategy: {mode: fallbak}", "fallbak"), ("a: [", "neither YAML nor JSON"), ("- 1", "list")],
)
def test_a_config_that_does_not_fit_is_refused_at_once(shell: Any, body: str, said: str) -> None:
    with pytest.raises(PortkeyError, match=said):
        shell.run_cell_magic("portkey_config", "broken", body)
    assert "broken" not in shell.user_ns


def test_a_chat_remembers_and_a_failed_turn_leaves_no_trace(shell: Any) -> None:
    cell(shell, "-m demo-fast --chat friends", "My name is Ana")
    with pytest.raises(PortkeyError):
        cell(shell, "-m demo-500 --chat friends", "Forget everything")
    reply = cell(shell, "-m demo-fast --chat friends", "What is my name?")
    assert "Ana" in reply
    assert [message["content"] for message in reply.run.messages if message["role"] == "user"] == [
        "My name is Ana",
        "What is my name?",
    ]
    frame = runs(status="ok", columns="all")
    assert frame["conversation_id"].nunique() == 1
    assert frame["parent_run_id"].iloc[1] == frame.index[0]


def test_running_a_chat_cell_again_forks_at_its_own_turn(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.get_parent = lambda: {"metadata": {"cellId": shell.user_ns["cell_id"]}}
    for number, body in enumerate(["My name is Ana", "I like astronomy", "What is my name?"]):
        shell.user_ns["cell_id"] = f"cell-{number}"
        cell(shell, "-m demo-fast --chat friends", body)
    capsys.readouterr()
    shell.user_ns["cell_id"] = "cell-1"
    reply = cell(shell, "-m demo-fast --chat friends", "I like sailing")
    assert "1 later turn stays on the old branch" in capsys.readouterr().out
    assert [message["content"] for message in reply.run.messages] == [
        "My name is Ana",
        reply.run.messages[1]["content"],
        "I like sailing",
    ]


def test_without_cell_ids_a_cell_is_known_by_its_text(shell: Any) -> None:
    for body in ("My name is Ana", "I like astronomy", "My name is Ana"):
        reply = cell(shell, "-m demo-fast --chat friends", body)
    assert [message["content"] for message in reply.run.messages] == ["My name is Ana"]


def test_the_cache_answers_the_same_question_and_keeps_its_cost(shell: Any) -> None:
    shell.user_ns["one"] = {"provider": "openai", "api_key": "sk-one"}
    shell.user_ns["two"] = {"provider": "openai", "api_key": "sk-two"}
    first = cell(shell, "-m gpt-4o --cache -t 0", "Say this is a test")
    second = cell(shell, "-m gpt-4o --cache -t 0", "Say this is a test")
    others = [
        cell(shell, f"-m gpt-4o --cache {line}", "Say this is a test")
        for line in ("-t 0.5", "-t 0 --config one", "-t 0 --config two")
    ]
    assert (first.run.cached, second.run.cached) == (False, True)
    assert not any(other.run.cached for other in others)
    assert second.cost_usd == first.cost_usd
    assert second.run.latency_s == first.run.latency_s
    assert str(second) == str(first)
    assert len(runs()) == 5


def test_a_dry_run_shows_the_request_and_sends_nothing(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cell(shell, "-m gpt-4o -t 0 --dry-run", "Hello there") is None
    shown = capsys.readouterr().out
    assert "Hello there" in shown
    assert '"temperature": 0.0' in shown
    assert len(runs()) == 0


def test_no_log_leaves_no_row(shell: Any) -> None:
    reply = cell(shell, "-m demo-fast --no-log", "Say this is a test")
    assert reply.run.status == "ok"
    assert len(runs()) == 0


def test_defaults_are_traits(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_line_magic("config", "PortkeyMagics")
    listed = capsys.readouterr().out
    for name in ("model", "config", "base_url", "system", "log", "trace_metadata", "live"):
        assert f"PortkeyMagics.{name}" in listed
    shell.run_line_magic("config", "PortkeyMagics.model = 'demo-fast'")
    shell.run_line_magic("config", "PortkeyMagics.system = 'Be brief'")
    shell.run_line_magic("config", 'PortkeyMagics.config = \'{"cache": {"mode": "simple"}}\'')
    reply = cell(shell, "", "Hello")
    assert reply.run.model == "demo-fast"
    assert reply.run.system == "Be brief"
    assert json.loads(reply.run.config) == {"cache": {"mode": "simple"}}
    shell.run_line_magic("config", "PortkeyMagics.config = ''")
    assert cell(shell, "", "Hello").run.config is None


def test_the_line_form_takes_prompts_and_whole_subcommands(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reply = shell.run_line_magic("portkey", "-m demo-fast what's the status of the union?")
    assert reply.run.prompt == "what's the status of the union?"
    assert shell.run_line_magic("portkey", "-m demo-fast -- status").run.prompt == "status"
    shell.run_line_magic("portkey", "status")
    shown = capsys.readouterr().out
    assert "2 calls" in shown
    assert "demo" in shown
    assert len(shell.run_line_magic("portkey", "runs 1")) == 1
    models = shell.run_line_magic("portkey", "models claude")
    assert list(models["model"]) == ["claude-sonnet"]
    shell.run_line_magic("portkey", "help")
    assert "--max-tokens" in capsys.readouterr().out


def test_chats_are_listed_shown_and_forgotten(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cell(shell, "-m demo-fast --chat draft", "My name is Ana")
    cell(shell, "-m demo-fast --chat global:shared", "Hello")
    capsys.readouterr()
    shell.run_line_magic("portkey", "chat")
    assert capsys.readouterr().out.split("\n")[:2] == ["draft  1 turn", "global:shared  1 turn"]
    shell.run_line_magic("portkey", "chat draft")
    assert "user: My name is Ana" in capsys.readouterr().out
    shell.run_line_magic("portkey", "reset draft")
    with pytest.raises(PromptError, match="no conversation named `draft`"):
        shell.run_line_magic("portkey", "chat draft")
    assert len(runs()) == 2


def test_a_cell_and_python_hold_one_conversation(shell: Any) -> None:
    chat, heard = conversation("friends"), list[int]()
    end = chat.listen(lambda now: heard.append(len(now.messages())))
    cell(shell, "-m demo-fast --chat friends", "My name is Ana")
    assert "Ana" in chat.ask("What is my name?", model="demo-fast")
    chat.system = "Rhyme."
    answers = [message["content"] for message in chat.messages if message["role"] == "assistant"]
    reply = cell(shell, "-m demo-fast --chat friends", "Thank you")
    assert [message["content"] for message in reply.run.messages] == [
        "Rhyme.",
        "My name is Ana",
        answers[0],
        "What is my name?",
        answers[1],
        "Thank you",
    ]
    cell(shell, "-m demo-fast --chat friends --system Brief.", "Bye")
    with pytest.raises(PortkeyError):
        cell(shell, "-m demo-500 --chat friends", "Forget everything")
    shell.run_line_magic("portkey", "reset friends")
    end()
    assert heard == [2, 4, 5, 7, 9, 0]
    assert list(runs(status="ok", columns=["system"])["system"])[2:] == ["Rhyme.", "Brief."]
    assert chat.messages == []


def test_a_cell_whose_conversation_was_edited_still_forks_at_its_own_turn(shell: Any) -> None:
    shell.get_parent = lambda: {"metadata": {"cellId": shell.user_ns["cell_id"]}}
    for number, body in enumerate(["My name is Ana", "I like astronomy"]):
        shell.user_ns["cell_id"] = f"cell-{number}"
        cell(shell, "-m demo-fast --chat friends", body)
    chat = conversation("friends")
    edited = [{"role": "user", "content": "My name is Bo"}, *chat.messages[1:]]
    chat.change(lambda now: now.rewritten(edited))
    reply = cell(shell, "-m demo-fast --chat friends", "I like sailing")
    assert [message["content"] for message in reply.run.messages] == [
        "My name is Bo",
        edited[1]["content"],
        "I like sailing",
    ]
    assert len(chat.branches()) == 3


def test_a_conversation_that_is_damaged_can_be_reset(shell: Any) -> None:
    chat = conversation("global:friends")
    store = chat.store
    store.save_conversation("global", "friends", Conversation.new().append(Turn.new([])))
    assert store.path is not None
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE conversations SET head = 'nowhere'")
    connection.close()
    for line in ("-m demo-fast --chat global:friends", "-m demo-fast --chat global:friends --dry-run"):
        with pytest.raises(StoreError, match="%portkey reset"):
            cell(shell, line, "Hi")
    shell.run_line_magic("portkey", "reset global:friends")
    cell(shell, "-m demo-fast --chat global:friends", "Hi")
    assert len(chat) == 2


def test_tab_completes_flags_models_and_configs(shell: Any) -> None:
    shell.run_cell_magic("portkey_config", "steady", "provider: openai")
    for line, expected in [
        ("%%portkey --max", "--max-tokens"),
        ("%%portkey -m claude", "claude-sonnet"),
        ("%%portkey -m gpt-4o --config st", "steady"),
        ("%portkey sta", "status"),
    ]:
        with provisionalcompleter():
            found = [line[: c.start] + c.text + line[c.end :] for c in shell.Completer.completions(line, len(line))]
        assert any(completed.endswith(f" {expected}") for completed in found), (line, found)


def test_help_is_one_page_however_it_is_asked_for(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cell(shell, "-h", "\n")
    page = capsys.readouterr().out
    assert shell.find_cell_magic("portkey").__doc__.strip() == page.strip()
    assert len(runs()) == 0


def test_a_damaged_run_log_never_costs_the_reply(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"this is no database, whatever its name says" * 100)
    monkeypatch.setenv("PORTKEY_NB_STORE", str(damaged))
    reply = cell(shell, "-m demo-fast", "Say this is a test")
    assert "this is a test" in reply.lower()
    first = capsys.readouterr().err
    assert first.count("\n") == 1
    assert str(damaged) in first
    cell(shell, "-m demo-fast", "Say this is a test")
    assert capsys.readouterr().err == ""
    assert damaged.read_bytes().startswith(b"this is no database")


def test_the_client_and_the_magic_agree_on_the_gateway(shell: Any) -> None:
    assert {model.id for model in Portkey().models.list()} >= {"gpt-4o", "claude-sonnet"}


def test_a_prompt_may_end_in_a_question_mark_and_a_cell_may_be_empty(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    result = shell.run_cell("%portkey -m demo-fast -- is numpy?")
    assert result.success
    assert result.result.run.prompt == "is numpy?"
    shell.run_cell("kept = %portkey -m demo-fast what is love??")
    assert shell.user_ns["kept"].run.prompt == "what is love??"
    shell.run_cell("%%portkey -h")
    assert "--max-tokens" in capsys.readouterr().out
    assert not shell.run_cell("%%portkey -m demo-fast").success
    assert not shell.run_cell("%%portkey_config c").success
    shell.run_cell('text = """\n%portkey is this a magic?\n"""')
    assert shell.user_ns["text"] == "\n%portkey is this a magic?\n"


def test_completion_offers_ours_alone(shell: Any) -> None:
    def offered(line: str) -> list[str]:
        with provisionalcompleter():
            return [found.text for found in shell.Completer.completions(line, len(line))]

    assert all(found.startswith("--") for found in offered("%%portkey --"))
    assert offered("%%portkey -m gpt-4o --base-url ") == ["demo", "local"]
    assert "abs" in offered("ab")


def test_a_default_config_with_a_key_is_shown_without_it(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTKEY_CONFIG", '{"provider": "openai", "api_key": "sk-very-secret"}')
    shell.run_line_magic("portkey", "config")
    shell.run_line_magic("config", 'PortkeyMagics.config = \'{"provider": "openai", "api_key": "sk-very-secret"}\'')
    for line in ("status", "config"):
        shell.run_line_magic("portkey", line)
    shell.run_line_magic("config", "PortkeyMagics")
    shown = capsys.readouterr().out
    assert "sk-very-secret" not in shown
    assert "openai" in shown


def test_control_characters_of_a_server_reach_no_terminal(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]52;c;AAAA\x07\x1b[2Jred"
    with ScriptedServer(
        streamed(chunk(evil), chunk(finish="stop")), whole({"error": {"message": evil}}, 400)
    ) as server:
        cell(shell, f"-m m --base-url {server.url}", "hello")
        shell.run_cell(f"%%portkey -m m --base-url {server.url}\nhello")
    shown = capsys.readouterr()
    assert "red" in shown.out
    assert not set("\x1b\x07") & set(shown.out.replace("\x1b[0m", "").replace("\x1b[31m", "") + shown.err)


@pytest.mark.parametrize(
    ("line", "said"),
    [("-p n=2", "--repeat 2"), ("-t 0 -p temperature=1", "twice"), ("--schema X", "not defined")],
)
def test_what_would_be_lost_in_silence_is_refused(shell: Any, line: str, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        cell(shell, f"-m demo-fast {line}", "hello")


def test_models_may_be_separated_by_commas(shell: Any) -> None:
    assert list(cell(shell, "-m demo-fast,gpt-4o", "Say this is a test")) == ["demo-fast", "gpt-4o"]

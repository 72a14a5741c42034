"""A named conversation is one for all who use it, and no turn of it is lost, whatever becomes of the run log."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portkey_nb import conversation, runs
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.rounds import Rounds
from portkey_nb.engine.schemas import schema_of
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.engine.talks import Talk, answered, talk, unused
from portkey_nb.engine.tools import tools_of
from portkey_nb.errors import PortkeyError, PromptError, SchemaError, StoreError
from portkey_nb.gateway.conversation import Conversation, Turn
from tests.engine.runs_of import done
from tests.servers import CLOSE, COMPLETION, HELLO, ScriptedServer, chunk, streamed, whole

over_both = pytest.mark.usefixtures("either_log")


@pytest.fixture(autouse=True)
def shelter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a temporary folder of its own, where spools go that find no place beside the log."""
    (tmp_path / "shelter").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "shelter"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log" / "runs.sqlite"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(streamed(*HELLO)) as server:
        yield server


def ask_here(chat: Talk, prompt: Any, **params: Any) -> str:
    return chat.ask(prompt, "m", **params)


def ask_awaited(chat: Talk, prompt: Any, **params: Any) -> str:
    return asyncio.run(chat.aask(prompt, "m", **params))


ways = pytest.mark.parametrize("ask", [ask_here, ask_awaited], ids=["ask", "aask"])


def exchange(question: str, answer: str = "yes", **facts: Any) -> Turn:
    return Turn.new([{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **facts)


def contents(messages: list[dict[str, Any]]) -> list[Any]:
    return [message["content"] for message in messages]


# One conversation


def test_a_name_is_one_object_in_a_process(file: Path) -> None:
    with RunStore(file) as store:
        chat = talk("here", "draft", store)
        assert talk("here", "draft", store) is chat
        assert talk("here", "draft", file) is chat
        assert talk("there", "draft", store) is not chat
        assert talk("here", "draft") is not chat


@over_both
def test_a_name_belongs_to_its_folder_unless_it_is_global(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft, shared = conversation("draft"), conversation("global:draft")
    shared.add(exchange("hi"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert conversation("draft") is not draft
    assert conversation("global:draft") is shared
    assert (shared.scope, shared.name, len(shared), len(conversation("draft"))) == ("global", "draft", 2, 0)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/book.ipynb")
    assert conversation("draft").scope == "/home/me/book.ipynb"


@pytest.mark.parametrize("name", ["", "  ", "global:", "global: ", None, 3])
def test_a_conversation_needs_a_name(name: Any) -> None:
    with pytest.raises(PromptError, match="global:draft"):
        conversation(name)


def in_another_process(code: str, *args: str) -> Any:
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args], capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout)


@over_both
def test_another_process_reads_and_goes_on_with_the_same_conversation(server: ScriptedServer) -> None:
    chat = conversation("draft")
    chat.system = "Be brief."
    chat.ask("one", "m", base_url=server.url)
    code = """
        import json, sys
        from portkey_nb import conversation
        chat = conversation("draft")
        before = chat.messages
        chat.ask("two", "m", base_url=sys.argv[1])
        print(json.dumps(before))
    """
    assert in_another_process(code, server.url) == chat.messages[:3]
    assert contents(chat.messages) == ["Be brief.", "one", "Hello", "two", "Hello"]
    assert len(chat.runs_by_id()) == 2


@over_both
def test_a_conversation_forgotten_by_another_process_is_empty_here() -> None:
    chat = conversation("draft")
    chat.add(exchange("one"))
    with RunStore(os.environ["PORTKEY_NB_STORE"]) as other:
        other.forget_conversation(chat.scope, chat.name)
    assert (chat.messages, chat.branches()) == ([], ())
    chat.add(exchange("two"))
    assert contents(chat.messages) == ["two", "yes"]


@over_both
def test_two_threads_that_add_at_once_lose_nothing() -> None:
    chat = conversation("draft")
    start = threading.Barrier(4)

    def grow(name: str) -> None:
        start.wait()
        for turn in [exchange(f"{name}{at}") for at in range(10)]:
            chat.change(partial(Conversation.append, turn=turn))

    threads = [threading.Thread(target=grow, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = contents(chat.messages)[::2]
    assert sorted(asked) == sorted(f"{name}{at}" for name in "abcd" for at in range(10))


# Listeners


@over_both
def test_listeners_hear_each_change_in_order_until_they_end() -> None:
    chat, heard = conversation("draft"), list[int]()

    def fails(_: Conversation) -> None:
        raise RuntimeError("no")

    chat.listen(fails)
    end = chat.listen(lambda now: heard.append(len(now.turns)))
    chat.add(exchange("one"))
    chat.change(lambda now: now)  # nothing changes, nobody is told
    assert chat.change(lambda now: now.append(exchange("two"))) == chat.conversation
    end()
    end()
    chat.clear()
    assert heard == [1, 2]


@over_both
def test_a_listener_may_change_the_conversation_itself() -> None:
    chat, heard = conversation("draft"), list[str | None]()

    def answer(now: Conversation) -> None:
        heard.append(now.system)
        if now.system is None:
            chat.system = "Be brief."

    end = chat.listen(answer)
    chat.add(exchange("one"))
    end()
    assert heard == [None, "Be brief."]


@over_both
def test_what_fails_to_make_a_change_changes_nothing() -> None:
    chat, heard = conversation("draft"), list[Conversation]()
    chat.add(exchange("one"))
    before = chat.conversation
    end = chat.listen(heard.append)
    with pytest.raises(PromptError, match="nowhere"):
        chat.switch("nowhere")
    end()
    assert (chat.conversation, heard) == (before, [])


# Asking


@over_both
@ways
def test_a_question_is_asked_with_what_was_said_before(ask: Callable[..., str], server: ScriptedServer) -> None:
    chat = conversation("draft")
    chat.system = "Be brief."
    assert ask(chat, "one", base_url=server.url) == "Hello"
    ask(chat, "two", base_url=server.url, images=[b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"])
    first, second = (request.json["messages"] for request in server.requests)
    assert contents(first) == ["Be brief.", "one"]
    assert contents(second)[:3] == ["Be brief.", "one", "Hello"]
    assert second[3]["content"][1]["image_url"]["url"].startswith("data:image/gif")
    assert chat.messages[:4] == second
    rows = chat.runs
    assert list(rows.index) == [turn.run_id for turn in chat.conversation.path()] == list(chat.runs_by_id())
    found = runs(columns="all")
    assert set(found["conversation_id"]) == {chat.conversation.conversation_id}
    assert found["parent_run_id"].iloc[1] == found.index[0]
    assert list(found["system"]) == ["Be brief.", "Be brief."]


@over_both
@ways
def test_a_system_prompt_that_comes_with_a_question_stays(ask: Callable[..., str], server: ScriptedServer) -> None:
    chat = conversation("draft")
    chat.system = "Be brief."
    ask(chat, "one", base_url=server.url, system="Be long.")
    ask(chat, [{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "two"}], base_url=server.url)
    assert [request.json["messages"][0]["content"] for request in server.requests] == ["Be long.", "Rhyme."]
    assert contents(chat.messages) == ["Rhyme.", "one", "Hello", "two", "Hello"]


@over_both
def test_a_failed_question_leaves_no_trace_and_raises() -> None:
    refused = whole({"error": {"message": "no"}}, 400)
    cut = streamed(chunk("Hel"), CLOSE, end=False)
    with ScriptedServer(streamed(*HELLO), refused, cut, whole(COMPLETION)) as server:
        chat = conversation("draft")
        chat.ask("one", "m", base_url=server.url)
        before, heard = chat.conversation, list[Conversation]()
        end = chat.listen(heard.append)
        for _ in range(2):
            with pytest.raises(PortkeyError):
                chat.ask("two", "m", base_url=server.url, max_retries=0)
        with pytest.raises(SchemaError):
            chat.ask("two", "m", base_url=server.url, stream=False, schema={"type": "object"})
        with pytest.raises(PromptError):
            chat.ask([], "m", base_url=server.url)
        end()
    assert (chat.conversation, heard) == (before, [])
    assert len(chat.runs) == 4


def calls(name: str, arguments: str) -> dict[str, Any]:
    called = [{"id": "call_0", "type": "function", "function": {"name": name, "arguments": arguments}}]
    message = {"role": "assistant", "content": None, "tool_calls": called}
    return {**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


def double(number: int) -> int:
    """Double a number."""
    return number * 2


@over_both
@ways
def test_tool_calls_and_their_results_stay_in_the_turn(ask: Callable[..., str]) -> None:
    twice = [whole(calls("double", '{"number": 2}')), whole(calls("double", '{"number": 4}'))]
    with ScriptedServer(*twice, whole(COMPLETION)) as server:
        chat = conversation("draft")
        ask(chat, "2*2*2?", base_url=server.url, stream=False, tools=[double])
        ask(chat, "sure?", base_url=server.url, stream=False)
    roles = [message["role"] for message in chat.messages]
    assert roles == ["user", "assistant", "tool", "assistant", "tool", "assistant", "user", "assistant"]
    assert [turn.messages[-1]["content"] for turn in chat.conversation.path()] == ["Hello", "Hello"]
    assert contents(chat.messages)[2:5:2] == ["4", "8"]
    assert server.requests[3].json["messages"] == chat.messages[:-1]


@over_both
@ways
def test_an_answer_that_calls_what_is_only_defined_keeps_its_calls(ask: Callable[..., str]) -> None:
    defined = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    with ScriptedServer(whole(calls("look", '{"at": 2}')), whole(COMPLETION)) as server:
        chat = conversation("draft")
        ask(chat, "Where?", base_url=server.url, stream=False, tools=[defined])
        said = chat.messages[-1]
        assert (said["role"], said["content"]) == ("assistant", None)
        assert [(one["id"], one["function"]) for one in said["tool_calls"]] == [
            ("call_0", {"name": "look", "arguments": '{"at": 2}'})
        ]
        gave = {"role": "tool", "tool_call_id": "call_0", "name": "look", "content": "there"}
        ask(chat, [gave], base_url=server.url, stream=False, tools=[defined])
    assert server.requests[1].json["messages"][1:] == [said, gave]
    assert contents(chat.messages)[2:] == ["there", "Hello"]


@over_both
def test_arguments_that_are_the_answer_are_no_call() -> None:
    schema = schema_of({"title": "person", "type": "object", "properties": {"age": {"type": "integer"}}})
    asked = [{"role": "user", "content": "Ada?"}]
    call = Call(model="m", messages=asked, schema=schema)
    called = {"id": "c", "function": {"name": schema.name, "arguments": '{"age": 36}'}}
    outcome = Outcome(call, done(text='{"age": 36}', tool_calls=[called]))
    turn = answered(Conversation.new(), asked, Rounds(call), outcome, parent_id=None)
    assert turn is not None
    assert turn.messages[-1] == {"role": "assistant", "content": '{"age": 36}'}


class Reached(threading.Event):
    """A step of a script that says when it is reached, and is waited at until the client leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    def is_set(self) -> bool:
        self.reached.set()
        return super().is_set()


@contextmanager
def tale() -> Iterator[tuple[ScriptedServer, threading.Event]]:
    """Serve an answer that never ends; the event is set when the client has read from its beginning.

    It is more than the buffers on its way hold, the server's own being a small one.
    """
    here = Reached()
    pieces = [chunk("Once upon a time" + " and a day" * 2000) for _ in range(150)]
    with ScriptedServer(streamed(*pieces, here)) as server:
        server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        yield server, here.reached


@over_both
def test_an_interrupted_question_keeps_what_came_and_is_marked() -> None:
    chat = conversation("draft")

    def press() -> None:
        assert reached.wait(20)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    # Where the tests run behind a shell, the signal is ignored from the start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with tale() as (server, reached):
        presser = threading.Thread(target=press)
        presser.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                chat.ask("tell me", "m", base_url=server.url)
        finally:
            presser.join()
            signal.signal(signal.SIGINT, before)
        assert server.left.wait(20)
    _is_marked(chat)


@over_both
def test_a_cancelled_question_keeps_what_came_and_is_marked() -> None:
    chat = conversation("draft")

    async def ask() -> None:
        asking = asyncio.create_task(chat.aask("tell me", "m", base_url=server.url))
        assert await asyncio.to_thread(reached.wait, 20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with tale() as (server, reached):
        asyncio.run(ask())
        assert server.left.wait(20)
    _is_marked(chat)


def _is_marked(chat: Talk) -> None:
    (turn,) = chat.conversation.path()
    assert [message["role"] for message in turn.messages] == ["user", "assistant"]
    assert turn.messages[1]["content"].startswith("Once upon a time and a day")
    assert turn.mark == "interrupted"
    assert list(chat.runs["status"]) == ["interrupted"]


@over_both
def test_a_question_interrupted_before_anything_came_leaves_no_trace() -> None:
    chat = conversation("draft")

    async def ask(url: str) -> None:
        asking = asyncio.create_task(chat.aask("tell me", "m", base_url=url))
        assert await asyncio.to_thread(here.reached.wait, 20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    here = Reached()
    with ScriptedServer([here]) as server:
        asyncio.run(ask(server.url))
    assert chat.messages == []
    assert list(chat.runs["status"]) == ["interrupted"]


@over_both
def test_a_question_interrupted_in_a_tool_keeps_what_was_said() -> None:
    def stop() -> str:
        """Stop."""
        raise KeyboardInterrupt

    said = calls("stop", "{}")
    said["choices"][0]["message"]["content"] = "Let me see."
    chat = conversation("draft")
    with ScriptedServer(whole(said)) as server, pytest.raises(KeyboardInterrupt):
        chat.ask("tell me", "m", base_url=server.url, stream=False, tools=[stop])
    assert contents(chat.messages) == ["tell me", "Let me see."]
    assert chat.conversation.path()[0].mark == "interrupted"


@over_both
def test_an_answer_that_still_calls_a_function_is_none() -> None:
    asked = [{"role": "user", "content": "2*2?"}]
    run = done(tool_calls=[{"id": "c", "function": {"name": "double", "arguments": "{}"}}])
    kept = []
    for tools in (tools_of([double]), {}):
        call = Call(model="m", messages=asked, tools=tools)
        kept.append(answered(Conversation.new(), asked, Rounds(call), Outcome(call, run), parent_id=None))
    assert kept[0] is None
    assert kept[1] is not None  # nobody here can run it: it is the asker's


@over_both
def test_an_answer_to_a_conversation_that_was_forgotten_meanwhile_begins_it_anew() -> None:
    chat = conversation("draft")
    chat.add(exchange("one"))

    def forget() -> str:
        """Forget all of it."""
        chat.forget()
        return "done"

    with ScriptedServer(whole(calls("forget", "{}")), whole(COMPLETION)) as server:
        chat.ask("forget it", "m", base_url=server.url, stream=False, tools=[forget])
    assert contents(chat.messages) == ["forget it", None, "done", "Hello"]


# Moving about


@over_both
def test_undo_clear_and_switch_move_about_and_lose_nothing() -> None:
    chat = conversation("draft")
    for name in ("one", "two"):
        chat.add(exchange(name, parent_id=chat.conversation.head))
    last = chat.branches()[0].turn_id
    chat.undo()
    assert len(chat) == 2
    chat.clear()
    chat.undo()
    assert len(chat) == 0
    chat.add(exchange("three"))
    assert [turn.messages[0]["content"] for turn in chat.branches()] == ["two", "three"]
    chat.switch(last)
    assert contents(chat.messages) == ["one", "yes", "two", "yes"]
    assert repr(chat) == "<conversation 'draft': 4 messages>"


@over_both
def test_the_system_prompt_is_a_text_or_none() -> None:
    chat = conversation("draft")
    chat.system = "Be brief."
    assert (chat.system, len(chat)) == ("Be brief.", 1)
    chat.system = ""
    assert (chat.system, chat.messages) == (None, [])
    with pytest.raises(PromptError, match="3"):
        chat.system = 3  # type: ignore[assignment]


@over_both
def test_forgetting_leaves_the_runs(server: ScriptedServer) -> None:
    chat, heard = conversation("draft"), list[int]()
    chat.ask("one", "m", base_url=server.url)
    end = chat.listen(lambda now: heard.append(len(now.turns)))
    chat.forget()
    end()
    assert (len(chat), chat.branches(), chat.runs_by_id(), heard) == (0, (), {}, [0])
    assert open_store().conversations(chat.scope) == []
    assert len(runs()) == 1


def test_unused_names_are_those_that_nobody_has_or_holds(file: Path) -> None:
    with RunStore(file) as store:
        store.save_conversation("here", "panel-1", Conversation.new())
        store.save_conversation("there", "panel-2", Conversation.new())
        assert unused("here", "panel", store) == "panel-2"
        talk("here", "panel-2", store)  # nothing is said in it yet
        assert unused("here", "panel", store) == "panel-3"
        assert unused("there", "panel", store) == "panel-1"


@over_both
def test_a_conversation_is_shown_without_a_script(server: ScriptedServer) -> None:
    chat = conversation("draft")
    chat.ask("<script>alert(1)</script> one", "m", base_url=server.url)
    shown = chat._repr_mimebundle_()
    assert set(shown) == {"text/plain", "text/markdown", "text/html"}
    assert "<script" not in shown["text/html"]
    for text in shown.values():
        assert "Hello" in text


# What is behind it


@over_both
def test_the_runs_behind_all_branches_come_without_their_messages() -> None:
    chat, kept = conversation("draft"), [done(messages=[{"role": "user", "content": "hi"}]) for _ in range(3)]
    for run in kept[:2]:
        chat.store.finish(run)
    chat.add(exchange("one", run_id=kept[0].run_id))
    chat.add(exchange("two", run_id=kept[1].run_id))
    chat.add(exchange("gone", run_id="gone"))
    chat.add(exchange("three", run_id=kept[2].run_id), run=kept[2])
    found = chat.runs_by_id()
    assert set(found) == {run.run_id for run in kept}
    assert {(run.text, run.messages) for run in found.values()} == {("Hello!", None)}
    chat.remember(found[kept[0].run_id].with_(rating=10))
    assert chat.runs_by_id()[kept[0].run_id].rating == 10


# A run log in trouble


def aside(file: Path) -> Path:
    """Put something that is no database in the place of a log."""
    kept = file.with_name("kept")
    if file.exists():
        file.rename(kept)
    for more in ("-wal", "-shm"):
        file.with_name(file.name + more).unlink(missing_ok=True)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"no database" * 1000)
    return kept


def back(file: Path, kept: Path) -> None:
    """Put the log back in its place."""
    file.unlink()
    if kept.exists():
        kept.rename(file)


def test_a_log_that_cannot_be_read_any_more_loses_no_turn(file: Path) -> None:
    chat = Talk("here", "draft", RunStore(file))
    chat.add(exchange("one"))
    chat.store.close()
    kept = aside(file)
    chat.store.close()
    chat.add(exchange("two", parent_id=chat.conversation.head))
    assert contents(chat.messages) == ["one", "yes", "two", "yes"]
    chat.undo()
    back(file, kept)
    with RunStore(file) as other:
        again = Talk("here", "draft", other)
        assert contents(again.messages) == ["one", "yes"]
        assert [turn.messages[0]["content"] for turn in again.branches()] == ["two"]
    assert chat.conversation == again.conversation
    chat.store.close()


def test_a_log_that_cannot_be_read_at_first_is_told_and_joined_later(file: Path, server: ScriptedServer) -> None:
    with RunStore(file) as store:
        store.save_conversation("here", "draft", Conversation.new("Be brief.").append(exchange("before")))
    kept = aside(file)
    chat = Talk("here", "draft", RunStore(file))
    assert chat.messages == []
    assert "no database" in str(chat.trouble)
    with pytest.raises(StoreError, match="no database"):
        chat.ask("one", "m", base_url=server.url)
    assert server.requests == []
    chat.add(exchange("one"))
    chat.add(exchange("two", parent_id=chat.conversation.head))
    assert contents(chat.messages) == ["one", "yes", "two", "yes"]
    assert chat.newest() == chat.conversation
    chat.store.close()
    back(file, kept)
    heard: list[int] = []
    chat.listen(lambda now: heard.append(len(now.messages())))
    assert contents(chat.messages) == ["Be brief.", "before", "yes", "one", "yes", "two", "yes"]
    assert (chat.trouble, heard) == (None, [7])
    with RunStore(file) as other:
        assert other.load_conversation("here", "draft") == chat.conversation
    chat.store.close()


def test_a_locked_log_loses_no_turn(file: Path) -> None:
    chat = Talk("here", "draft", RunStore(file))
    chat.add(exchange("one"))
    with sqlite3.connect(file, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        chat.add(exchange("two", parent_id=chat.conversation.head))
        assert len(chat) == 4
        with RunStore(file) as other:
            assert len(Talk("here", "draft", other)) == 2
        holder.execute("ROLLBACK")
    holder.close()
    chat.add(exchange("three", parent_id=chat.conversation.head))
    with RunStore(file) as other:
        assert contents(Talk("here", "draft", other).messages)[::2] == ["one", "two", "three"]
    chat.store.close()


def test_only_what_is_new_is_read_and_nothing_is_missed(file: Path) -> None:
    """Two processes grow one conversation by turns, each keeping what it knows."""
    here, there = (Talk("here", "draft", RunStore(file)) for _ in range(2))
    for at in range(6):
        grows, reads = (here, there) if at % 2 else (there, here)
        grows.add(exchange(f"turn {at}", parent_id=grows.conversation.head))
        if at == 3:
            grows.undo()
        assert reads.conversation == grows.conversation
        assert reads.conversation is reads.conversation
    assert len(here.conversation.turns) == 6
    assert len(here) == 10
    for chat in (here, there):
        chat.store.close()


@pytest.mark.parametrize("damage", ["UPDATE conversations SET head = 'nowhere'", "UPDATE turns SET content = '{'"])
def test_a_damaged_conversation_is_told_and_can_be_forgotten(file: Path, damage: str) -> None:
    with RunStore(file) as store:
        store.save_conversation("here", "draft", Conversation.new().append(exchange("one")))
        with sqlite3.connect(file) as connection:
            connection.execute(damage)
        connection.close()
        chat = Talk("here", "draft", store)
        assert chat.messages == []
        with pytest.raises(StoreError, match="%portkey reset"):
            chat.newest()
        chat.forget()
        chat.add(exchange("two"))
        assert contents(Talk("here", "draft", store).messages) == ["two", "yes"]

"""ChatPanel from Python: what it takes, what its methods do to the conversation, and what they say when they cannot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import portkey_nb
from portkey_nb import ChatPanel, Replies, RunStore
from portkey_nb.engine.transcript import rows
from portkey_nb.errors import PortkeyError, PromptError
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.gateway.demo.server import DemoGateway
from portkey_nb.notebook.commands import find_command
from portkey_nb.notebook.panel import desk
from portkey_nb.notebook.panel.edits import branch_messages, moved, removed, spans
from tests.notebook.panel_page import PNG, WAIT_S, Viewer, Wire, opened, talking
from tests.servers import COMPLETION, DONE, STALL, ScriptedServer, chunk, head, streamed, whole


@pytest.fixture(scope="module", autouse=True)
def wires() -> Iterator[None]:
    """Let widgets of this process end in `Wire`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comm, "create_comm", Wire)
        yield


@pytest.fixture
def panel() -> Iterator[ChatPanel]:
    panel = ChatPanel("demo-fast", base_url="demo")
    yield panel
    panel.close()


def texts(panel: ChatPanel) -> list[Any]:
    return [message["content"] for message in panel.messages]


def test_a_message_is_sent_and_its_reply_returned(panel: ChatPanel) -> None:
    sending = panel.send("Say this is a test")
    assert sending.result(WAIT_S) == "This is a test."
    assert sending.done
    assert texts(panel) == ["Say this is a test", "This is a test."]
    assert list(panel.runs["status"]) == ["ok"]
    assert repr(panel) == "<ChatPanel 'panel-1': demo-fast, 2 messages>"


def test_several_models_give_replies_by_label() -> None:
    panel = ChatPanel(["demo-fast", "demo-large"], base_url="demo")
    replies = panel.send("Say this is a test").result(WAIT_S)
    assert isinstance(replies, Replies)
    assert dict(replies) == {"demo-fast": "This is a test.", "demo-large": "This is a test."}
    groups = {run.group_id for run in map(RunStore().get, panel.runs.index) if run is not None}
    assert len(groups) == 1
    assert None not in groups
    panel.model = "demo-fast"
    assert panel.models == ["demo-fast"]
    assert panel.send("And again").result(WAIT_S)
    panel.close()


def test_each_panel_without_a_name_has_a_conversation_of_its_own() -> None:
    one, other = ChatPanel("demo-fast", base_url="demo"), ChatPanel("demo-fast", base_url="demo")
    assert (one.conversation.name, other.conversation.name) == ("panel-1", "panel-2")
    one.close()
    other.close()


def test_a_named_chat_is_taken_up_with_the_model_that_answered_last() -> None:
    first = ChatPanel("demo-large", base_url="demo", chat="trip", system="Be brief.")
    first.send("Say this is a test").result(WAIT_S)
    first.close()
    again = ChatPanel(chat="trip", base_url="demo")
    assert again.model == "demo-large"
    assert [message["role"] for message in again.messages] == ["system", "user", "assistant"]
    assert again.conversation is portkey_nb.conversation("trip")
    again.close()


def test_undo_redo_clear_and_retry(panel: ChatPanel) -> None:
    panel.send("Name a river").result(WAIT_S)
    panel.send("Another").result(WAIT_S)
    before = panel.messages
    panel.clear()
    assert panel.messages == []
    panel.undo()
    assert panel.messages == before
    panel.undo()
    assert len(panel.messages) == 2
    panel.redo()
    assert panel.messages == before
    panel.retry().result(WAIT_S)
    panel.retry("demo-large").result(WAIT_S)
    assert len(panel.messages) == 4
    assert len(panel.conversation.branches()) == 3


def test_messages_may_be_set(panel: ChatPanel) -> None:
    panel.messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say this is a test"},
    ]
    assert panel.send().result(WAIT_S) == "This is a test."
    assert texts(panel) == ["Be brief.", "Say this is a test", "This is a test."]
    panel.messages = []
    assert panel.messages == []
    for wrong in ("Hi", [{"content": "Hi"}], [1], 7):
        with pytest.raises(PromptError, match=r"messages are|needs a role"):
            panel.messages = wrong  # type: ignore[assignment]


def test_parameters_and_options_travel_as_for_ask() -> None:
    with ScriptedServer() as server:
        panel = ChatPanel(
            "m",
            base_url=server.url,
            temperature=0,
            system="Be brief.",
            config="pc-fast",
            tags={"team": "a"},
            stream=False,
        )
        assert panel.send("Hi").result(WAIT_S) == "Hello"
        request = server.requests[-1]
        assert request.json["temperature"] == 0
        assert request.json["messages"][0] == {"role": "system", "content": "Be brief."}
        assert request.headers["x-portkey-config"] == "pc-fast"
        assert '"team"' in request.headers["x-portkey-metadata"]
        assert panel.config == "pc-fast"
        panel.config = {"retry": {"attempts": 2}}
        panel.send("Ho").result(WAIT_S)
        assert "attempts" in server.requests[-1].headers["x-portkey-config"]
        panel.config = None
        panel.send("Ho").result(WAIT_S)
        assert "x-portkey-config" not in server.requests[-1].headers
        panel.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": ["a", "b", "c", "d", "e"]}, "5 models"),
        ({"model": ["a", 7]}, "model is"),
        ({"model": "a", "chat": "global:"}, "has no name"),
        ({"model": "a", "images": ["x.png"]}, "panel.send"),
        ({"model": "a", "messages": []}, "panel.messages"),
        ({"model": "a", "system": 7}, "system is 7"),
    ],
)
def test_what_does_not_fit_is_said_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(PromptError, match=said) as raised:
        ChatPanel(**given, base_url="demo")
    assert "\n" not in raised.value.message


def test_what_goes_wrong_is_raised_by_the_result() -> None:
    with ScriptedServer(whole({"error": {"message": "no such model"}}, 404)) as server:
        panel = ChatPanel("m", base_url=server.url)
        with pytest.raises(PortkeyError, match="no such model"):
            panel.send("Hi").result(WAIT_S)
        assert panel.messages == []
        assert list(panel.runs["status"]) == ["error"]
        with pytest.raises(PortkeyError, match="nothing to send"):
            panel.send(" ").result(WAIT_S)
        panel.close()
    nobody = ChatPanel(base_url="demo")
    with pytest.raises(PortkeyError, match="model"):
        nobody.send("Hi").result(WAIT_S)
    with pytest.raises(PortkeyError, match="no answer yet"):
        nobody.retry().result(WAIT_S)
    nobody.close()


def test_stop_keeps_what_came() -> None:
    with ScriptedServer(streamed(chunk("", role="assistant"), chunk("Once"), STALL)) as server:
        panel = ChatPanel("m", base_url=server.url)
        sending = panel.send("A tale")
        with pytest.raises(TimeoutError):
            sending.result(0.2)
        sending.stop()
        with pytest.raises(PortkeyError, match="stopped"):
            sending.result(WAIT_S)
        assert server.left.wait(WAIT_S)
        assert texts(panel) in (["A tale", "Once"], [])
        panel.close()


def test_a_second_message_is_refused_meanwhile() -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), go, chunk("one"), chunk(finish="stop"), DONE)
    with ScriptedServer(script) as server:
        panel = ChatPanel("m", base_url=server.url)
        first = panel.send("Hi")
        assert repr(first) == "<message under way>"
        for act in (lambda: panel.send("Ho"), panel.clear, panel.retry):
            with pytest.raises(PortkeyError, match="under way"):
                act()
        go.set()
        assert first.result(WAIT_S) == "one"
        assert repr(first) == "<message answered>"
        panel.close()
    with pytest.raises(PortkeyError, match="closed"):
        panel.send("Hu")


@pytest.mark.parametrize("begun", [True, False], ids=["under way", "just sent"])
def test_what_follows_a_stop_waits_for_it(begun: bool) -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), go, chunk("one"), chunk(finish="stop"), DONE)
    with talking(script, script) as (server, panel, page):
        first = panel.send("A tale")
        if begun:
            page.until(lambda: server.requests)
        panel.stop()
        second = panel.send("Another")
        go.set()
        assert second.result(WAIT_S) == "one"
        assert "not answered" in repr(first)
        assert texts(panel) == ["Another", "one"]


def test_messages_are_set_after_a_stop() -> None:
    with talking([head(), STALL]) as (_, panel, page):
        panel.send("A tale")
        panel.stop()
        panel.messages = [{"role": "user", "content": "Hi"}]
        assert texts(panel) == ["Hi"]
        page.settled(1)


@pytest.mark.parametrize("line", ["panel -m gpt-4o", "panel trip --temperature 0", "panel -m"])
def test_the_magic_says_that_it_takes_a_name_alone(line: str) -> None:
    command = find_command(line)
    assert command is not None
    with pytest.raises(PromptError, match=r"takes the name of a chat alone.*ChatPanel") as raised:
        command(None)
    assert "\n" not in raised.value.message
    for prompt in ("panel - what does it mean?", "panel of experts, what do you say?"):
        assert find_command(prompt) is None


def told_tale() -> list[Any]:
    return streamed(chunk("", role="assistant"), chunk("one"), chunk(finish="stop"), DONE)


def test_tools_and_schemas_are_those_of_ask() -> None:
    def weather(city: str) -> str:
        """Tell the weather in a city."""
        return f"sunny in {city}"

    panel = ChatPanel("demo-fast", base_url="demo", tools=[weather])
    reply = panel.send("What is the weather in Paris?").result(WAIT_S)
    assert isinstance(reply, portkey_nb.Reply)
    assert [step.kind for step in reply.steps] == ["tool"]
    assert [message["role"] for message in panel.messages] == ["user", "assistant", "tool", "assistant"]
    panel.close()
    asked = ChatPanel("demo-fast", base_url="demo", schema=list[int])
    found = asked.send("List the numbers 1, 2 and 3").result(WAIT_S)
    assert isinstance(found, portkey_nb.Reply)
    assert isinstance(found.parsed, list)
    asked.close()


def test_images_travel_with_the_message_and_large_ones_are_refused(panel: ChatPanel, tmp_path: Path) -> None:
    panel.send("What is it?", images=["https://example.org/a.png"]).result(WAIT_S)
    assert panel.messages[0]["content"][1]["image_url"]["url"] == "https://example.org/a.png"
    with pytest.raises(PromptError, match="up to 5 MB"):
        panel.send("And this?", images=PNG + bytes(6 * 1024 * 1024))
    large = tmp_path / "large.png"
    large.write_bytes(PNG + bytes(6 * 1024 * 1024))
    with pytest.raises(PromptError, match="up to 5 MB"):
        panel.send("And this?", images=[large])


def test_the_same_request_is_given_as_code(panel: ChatPanel) -> None:
    panel.send("Say this is a test").result(WAIT_S)
    asked = panel.send("And in one sentence?").result(WAIT_S).run
    code = panel.as_code()
    assert code.cell.startswith("%%portkey")
    assert code.cell.rstrip().endswith("And in one sentence?")
    space: dict[str, Any] = {}
    exec(code.python, space)
    again = space["reply"].run
    assert (again.messages, again.params, again.model) == (asked.messages, asked.params, asked.model)


def test_a_question_that_failed_is_given_as_code(panel: ChatPanel) -> None:
    panel.send("Say this is a test").result(WAIT_S)
    panel.model = "demo-500"
    with pytest.raises(PortkeyError):
        panel.send("Does it fail?").result(WAIT_S)
    assert panel.as_code().cell.rstrip().endswith("Does it fail?")


def test_a_rating_goes_to_the_log_and_to_portkey(demo: DemoGateway) -> None:
    from portkey_nb.engine.loop import submit
    from portkey_nb.engine.opinions import rate

    reply = portkey_nb.ask("Say this is a test", model="demo-fast", base_url="demo")
    log = RunStore()
    kept: list[tuple[str, int]] = []

    def keep(run_id: str, value: int) -> None:
        kept.append((run_id, value))
        log.annotate(run_id, rating=value)

    rated, trouble = submit(rate(reply.run, 1, keep, base_url="demo")).result(WAIT_S)
    assert (rated.rating, trouble, kept) == (1, "", [(reply.run.run_id, 1)])
    lost = reply.run.with_(run_id="none")
    same, trouble = submit(rate(lost, -1, keep, base_url="demo")).result(WAIT_S)
    assert same.rating is None
    assert "not kept" in trouble


@given(
    st.lists(st.tuples(st.sampled_from(["user", "system", "assistant"]), st.text(max_size=5)), min_size=1, max_size=8),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_moving_and_removing_loses_and_doubles_nothing(said: list[tuple[str, str]], data: st.DataObject) -> None:
    conversation = Conversation.new()
    messages = [{"role": role, "content": text} for role, text in said]
    cut = data.draw(st.integers(0, len(messages)))
    for part in (messages[:cut], messages[cut:]):
        conversation = conversation.append(Turn.new(part)) if part else conversation
    found = spans(conversation, rows(conversation, {}))
    whole_branch = branch_messages(conversation)
    assert [message for span in found for message in whole_branch[span.start : span.stop]] == whole_branch
    place, by = data.draw(st.integers(0, len(found) - 1)), data.draw(st.integers(-3, 3))
    after = moved(whole_branch, found, place, by)
    assert sorted(map(str, after)) == sorted(map(str, whole_branch))
    target = max(0, min(len(found) - 1, place + by))
    assert after[target] == whole_branch[found[place].start] or found[place].stop - found[place].start > 1
    assert len(removed(whole_branch, found[place])) == len(whole_branch) - (found[place].stop - found[place].start)


ENDS = ("done", "refused")


def told(page: Viewer, n: int) -> dict[str, Any]:
    """Wait for what becomes of a command, and return it."""
    found: dict[str, Any] = page.until(lambda: next((one for one in page.heard if n in map(one.get, ENDS)), None), "it")
    return {key: value for key, value in found.items() if key != "to"}


def test_a_numbered_command_is_answered_to_its_view_alone() -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), go, chunk("one"), chunk(finish="stop"), DONE)
    with talking(script) as (_, panel, page):
        late = Viewer(panel, "late")
        page.do("send", text=" ", view="v", n=1)
        refused = told(page, 1)
        assert (refused["refused"], "nothing to send" in refused["why"]) == (1, True)
        page.do("attach", [b"no image"], name="note.txt", view="v", n=2)
        assert "note.txt" in told(page, 2)["why"]
        page.do("attach", [PNG], name="dot.png", view="v", n=3)
        assert told(page, 3) == {"done": 3}
        page.do("send", text="Hi", view="v", n=4)
        assert told(page, 4) == {"done": 4}, "a message is taken when it is sent, not when it is answered"
        assert not go.is_set()
        page.until(lambda: page.order)
        page.do("edit", id=page.order[0], role="user", text="Ho", view="v", n=5)
        assert "under way" in told(page, 5)["why"]
        assert page.notice() == "", "what its view is told is no notice"
        page.do("stop", view="v", n=6)
        assert told(page, 6) == {"done": 6}
        assert [one for one in late.heard if any(end in one for end in ENDS)] == []
        go.set()


def test_what_is_wrong_with_a_command_without_a_number_is_a_notice() -> None:
    with opened() as (_, page):
        for wrong in ({}, {"view": "v", "n": "1"}, {"n": 1}, {"view": "v", "n": True}):
            page.do("send", text=" ", **wrong)
        page.until(lambda: page.bar["notice"].get("n") == 4)
        assert "nothing to send" in page.notice()
        assert [one for one in page.heard if "refused" in one] == []


def system_field(panel: ChatPanel) -> Any:
    """Return the field in which a person types the system prompt."""
    waiting = [panel.widget]
    while waiting:
        widget = waiting.pop()
        if getattr(widget, "description", "") == "System prompt":
            return widget
        waiting += getattr(widget, "children", ())
    raise LookupError("the panel has no field for the system prompt")


def prompts(panel: ChatPanel) -> tuple[str | None, str]:
    """Return the system prompt that the conversation has, and what stands in the field."""
    return panel.conversation.system, system_field(panel).value


def typed(panel: ChatPanel, text: str) -> None:
    """Type a system prompt, and wait until it is kept."""
    kept = threading.Event()
    end = panel.conversation.listen(lambda conversation: kept.set() if conversation.system == text else None)
    for value in (text[:4], text):
        system_field(panel).value = value
    assert kept.wait(WAIT_S)
    end()


def test_a_changed_system_prompt_is_a_step_of_its_own(panel: ChatPanel) -> None:
    panel.send("Name a river").result(WAIT_S)
    said = panel.messages
    typed(panel, "Be brief.")
    typed(panel, "Be kind.")
    panel.undo()
    assert prompts(panel) == ("Be brief.", "Be brief.")
    panel.undo()
    assert prompts(panel) == (None, "")
    assert panel.messages == said
    panel.redo()
    assert prompts(panel) == ("Be brief.", "Be brief.")
    panel.redo()
    assert prompts(panel) == ("Be kind.", "Be kind.")
    panel.undo()
    panel.undo()
    panel.undo()
    assert panel.messages == []


def test_the_system_prompt_may_be_set() -> None:
    with talking(told_tale()) as (server, panel, _):
        panel.system = "Be brief."
        assert panel.system == "Be brief."
        assert prompts(panel) == ("Be brief.", "Be brief.")
        panel.send("Hi").result(WAIT_S)
        assert server.requests[0].json["messages"][0] == {"role": "system", "content": "Be brief."}
        panel.system = ""
        assert panel.system is None
        assert prompts(panel) == (None, "")
        panel.undo()
        assert panel.system == "Be brief."
        with pytest.raises(PromptError, match="system is 7"):
            panel.system = 7  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sytem", "did you mean `system`"),
        ("modle", "did you mean `model`"),
        ("temperature", r"ChatPanel\(\.\.\., temperature="),
        ("send", "cannot be set"),
    ],
)
def test_a_name_that_means_nothing_is_not_set(panel: ChatPanel, name: str, said: str) -> None:
    with pytest.raises(PromptError, match=said) as raised:
        setattr(panel, name, 0.1)
    assert "\n" not in raised.value.message
    assert name not in vars(panel)


def test_undo_takes_back_what_was_typed_a_moment_ago(panel: ChatPanel) -> None:
    panel.send("Name a river").result(WAIT_S)
    said = panel.messages
    system_field(panel).value = "Be brief."
    panel.undo()
    assert prompts(panel) == (None, "")
    assert panel.messages == said
    system_field(panel).value = "Be kind."
    panel.send("Another").result(WAIT_S)
    panel.undo()
    assert prompts(panel) == ("Be kind.", "Be kind.")
    assert panel.messages[1:] == said
    panel.undo()
    assert prompts(panel) == (None, "")
    assert panel.messages == said


def test_messages_that_were_set_are_taken_back_with_their_system_prompt(panel: ChatPanel) -> None:
    panel.messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"}]
    panel.messages = [{"role": "user", "content": "two"}]
    assert prompts(panel) == (None, "")
    panel.undo()
    assert prompts(panel) == ("Be brief.", "Be brief.")
    assert texts(panel) == ["Be brief.", "one"]
    panel.undo()
    assert panel.messages == []
    panel.redo()
    panel.redo()
    assert texts(panel) == ["two"]


def test_a_system_message_that_is_added_is_what_undo_takes_away() -> None:
    with opened() as (panel, page):
        page.say_and_settle("Name a river")
        page.do("add", after=None, role="system", text="Be brief.", view="v", n=1)
        assert told(page, 1) == {"done": 1}
        assert prompts(panel) == ("Be brief.", "Be brief.")
        page.do("undo", view="v", n=2)
        assert told(page, 2) == {"done": 2}
        assert prompts(panel) == (None, "")
        assert len(panel.messages) == 2


def test_a_panel_that_is_opened_with_a_system_prompt_keeps_it_when_something_is_sent() -> None:
    first = ChatPanel("demo-fast", base_url="demo", chat="trip", system="Be brief.")
    first.send("Name a river").result(WAIT_S)
    first.undo()
    assert prompts(first) == ("Be brief.", "Be brief."), "it began with that one"
    first.redo()
    first.close()
    panel = ChatPanel("demo-fast", base_url="demo", chat="trip", system="Be kind.")
    assert panel.messages[0]["content"] == "Be kind."
    panel.as_code()
    panel.undo()
    panel.redo()
    panel.conversation.ask("Another", model="demo-fast", base_url="demo")
    panel.undo()
    assert prompts(panel) == ("Be brief.", "Be kind.")
    panel.close()
    assert portkey_nb.conversation("trip").system == "Be brief."
    panel = ChatPanel("demo-fast", base_url="demo", chat="trip", system="Be kind.")
    panel.send("Another").result(WAIT_S)
    assert prompts(panel) == ("Be kind.", "Be kind.")
    panel.undo()
    assert prompts(panel) == ("Be kind.", "Be kind.")
    panel.undo()
    assert prompts(panel) == ("Be brief.", "Be brief.")
    panel.close()


def test_an_opinion_is_shown_while_the_conversation_is_written_elsewhere() -> None:
    began, go = threading.Event(), threading.Event()

    def slow(conversation: Conversation) -> Conversation:
        began.set()
        go.wait(3 * WAIT_S)
        return conversation

    with opened() as (panel, page):
        page.say_and_settle("Name a river")
        writing = threading.Thread(target=panel.conversation.change, args=(slow,))
        writing.start()
        try:
            assert began.wait(WAIT_S)
            page.do("rate", id=page.column(1)["id"], value=1, view="v", n=1)
            assert told(page, 1) == {"done": 1}
            page.until(lambda: page.column(1)["rating"] == 1)
            end = threading.Thread(target=panel.conversation.listen(print))
            end.start()
            end.join(WAIT_S)
            assert not end.is_alive()
        finally:
            go.set()
            writing.join(WAIT_S)


def test_a_panel_is_closed_while_portkey_does_not_take_an_opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    base = "http://api.portkey.ai/v1"
    scripts = {
        f"{base}/models": whole({"object": "list", "data": []}),
        f"{base}/feedback": [asked, head()],
        f"{base}/chat/completions": whole(COMPLETION),
    }
    with ScriptedServer([STALL], aside=scripts) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
        panel = ChatPanel("m", base_url=base, api_key="pk-one", stream=False)
        page = Viewer(panel)
        page.say_and_settle("Name a river")
        page.do("rate", id=page.column(1)["id"], value=1)
        page.until(lambda: page.column(1)["rating"] == 1)
        closing = threading.Thread(target=panel.close)
        closing.start()
        closing.join(WAIT_S)
        assert not closing.is_alive()
        asked.set()


def test_a_panel_is_closed_while_the_run_log_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "CLOSE_S", 0.2)
    began, go = threading.Event(), threading.Event()

    def slow(conversation: Conversation) -> Conversation:
        began.set()
        go.wait(3 * WAIT_S)
        return conversation

    def undo() -> None:
        with pytest.raises(PortkeyError) as raised:
            panel.undo()
        said.append(raised.value.message)

    said: list[str] = []
    panel = ChatPanel("demo-fast", base_url="demo")
    panel.send("Name a river").result(WAIT_S)
    writing = threading.Thread(target=panel.conversation.change, args=(slow,))
    writing.start()
    try:
        assert began.wait(WAIT_S)
        undoing = threading.Thread(target=undo)
        undoing.start()
        sending = panel.send("Another")
        closing = threading.Thread(target=panel.close)
        closing.start()
        closing.join(WAIT_S)
        assert not closing.is_alive()
        undoing.join(WAIT_S)
        assert "closed" in said[0]
        with pytest.raises(PortkeyError, match="closed"):
            sending.result(WAIT_S)
    finally:
        go.set()
        writing.join(WAIT_S)
    panel.close()
    assert "closed" in repr(panel)

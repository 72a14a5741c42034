"""What a person does in a chat panel, message by message over its widget, and what the conversation is then."""

from __future__ import annotations

import asyncio
import base64
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

import portkey_nb
from portkey_nb import RunStore
from portkey_nb.engine.loop import submit
from portkey_nb.engine.record import Run
from tests.hostile import REPLIES
from tests.notebook.panel_page import PNG, WAIT_S, Viewer, Wire, opened, talking
from tests.safe_html import dangers
from tests.servers import DONE, RESET, STALL, chunk, head, piece, streamed, whole


@pytest.fixture(scope="module", autouse=True)
def wires() -> Iterator[None]:
    """Let widgets of this process end in `Wire`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comm, "create_comm", Wire)
        yield


def answer(text: str) -> list[Any]:
    return streamed(chunk("", role="assistant"), chunk(text), chunk(finish="stop"), DONE)


FAILED = whole({"error": {"message": "no"}}, 400)


def roles(panel: portkey_nb.ChatPanel) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in panel.messages]


def test_a_message_is_sent_and_its_answer_watched() -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), go, chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE)
    with talking(script) as (server, panel, page):
        page.do("draft", text="Hi th", view="v")
        page.send("Hi *there*")
        page.until(lambda: len(page.order) == 2, "question and answer, before anything came")
        assert page.bar["busy"]
        assert page.bar["draft"]["text"] == ""
        assert page.column(1)["state"] == "live"
        go.set()
        page.settled(2)
        assert page.shown() == ["Hithere", "Hello"]
        assert page.html == 0, "what was watched is not sent again"
        assert roles(panel) == [("user", "Hi *there*"), ("assistant", "Hello")]
        assert server.requests[0].json["messages"] == [{"role": "user", "content": "Hi *there*"}]
        assert page.bar["totals"].startswith("2 messages · ")
        run = panel.runs.iloc[0]
        assert (run["model"], run["status"]) == ("m", "ok")


def test_an_exchange_sends_nothing_of_the_messages_before_it() -> None:
    with talking(answer("one"), answer("two"), answer("three")) as (_, _, page):
        page.say_and_settle("1")
        page.say_and_settle("2")
        told = len(page.wire.told)
        before = page.order[:3]  # that which was the last can be moved down from now on
        assert "move_up" in page.entry(2)["can"]
        page.say_and_settle("3")
        put = [entry["id"] for message in page.wire.told[told:] for entry in message.get("put", ())]
        assert set(put) & set(before) == set()
        assert page.order[4] in put


def test_a_run_knows_the_panel() -> None:
    with opened() as (panel, page):
        page.say_and_settle("Name a river")
        page.say_and_settle("Another")
        first, second = panel.runs.index
        log = RunStore()
        one, other = log.get(first), log.get(second)
        assert one is not None
        assert other is not None
        assert one.source == other.source == "panel"
        assert one.conversation_id == other.conversation_id == panel.conversation.conversation.conversation_id
        assert (one.parent_run_id, other.parent_run_id) == (None, first)


def test_stop_before_the_first_byte_leaves_no_trace_and_returns_the_text() -> None:
    with talking([STALL]) as (_server, panel, page):
        page.send("Hi")
        page.until(lambda: page.bar["busy"])
        page.do("stop")
        page.settled(0)
        assert panel.messages == []
        assert page.bar["draft"]["text"] == "Hi"


def test_stop_sent_with_the_message_stops_it() -> None:
    with talking([head(), STALL]) as (_server, panel, page):
        page.send("Hi")
        page.do("stop")
        page.until(lambda: page.bar["draft"]["text"] == "Hi" and not page.bar["busy"])
        assert panel.messages == []


def test_stop_keeps_what_came_and_ends_the_stream() -> None:
    script = streamed(chunk("", role="assistant"), chunk("Once upon"), STALL)
    with talking(script) as (server, panel, page):
        page.send("A tale")
        page.until(lambda: len(page.order) == 2 and page.words(page.order[1], page.column(1)["id"]) == "Onceupon")
        page.do("stop")
        page.settled(2)
        assert server.left.wait(10), "the connection was closed"
        assert roles(panel)[-1] == ("assistant", "Once upon")
        assert "interrupted" in page.column(1)["footer"]
        assert panel.conversation.conversation.path()[-1].mark == "interrupted"


def test_several_models_answer_side_by_side_and_one_failure_blocks_none() -> None:
    with talking(answer("one"), whole({"error": {"message": "no such model"}}, 404), model=["a", "b"]) as (
        _server,
        panel,
        page,
    ):
        page.send("Hi")
        page.settled(2)
        states = [column["state"] for column in page.entry(1)["columns"]]
        assert sorted(states) == ["done", "failed"]
        failed = page.column(1, states.index("failed"))
        assert "no such model" in failed["error"]
        assert set(failed["can"]) == {"retry", "retry_with"}
        assert roles(panel) == [("user", "Hi"), ("assistant", "one")]
        page.do("dismiss", id=page.order[1])
        page.until(lambda: len(page.entry(1)["columns"]) == 1)


def test_an_answer_is_gone_on_from_while_another_has_failed() -> None:
    scripts = answer("one"), answer("two"), FAILED, answer("again")
    with talking(*scripts, model=["a", "b", "c"]) as (_server, panel, page):
        page.send("Hi")
        page.settled(2)
        columns = page.entry(1)["columns"]
        failed = next(column for column in columns if column["state"] == "failed")
        other = next(column for column in columns if column["state"] == "done" and not column["chosen"])
        assert "choose" in other["can"]
        assert "choose" not in failed["can"]
        page.do("choose", id=other["id"])
        page.until(lambda: [one["id"] for one in page.entry(1)["columns"] if one["chosen"]] == [other["id"]])
        assert panel.conversation.conversation.head == other["id"]
        assert len(page.entry(1)["columns"]) == 3, "what failed can still be asked for again"
        page.do("retry", id=failed["id"])
        page.until(lambda: [one["state"] for one in page.entry(1)["columns"]] == ["done"] * 3 and not page.bar["busy"])
        assert roles(panel) == [("user", "Hi"), ("assistant", "again")]


def test_answers_stand_in_the_order_of_their_models_whatever_becomes_of_them() -> None:
    with opened(["demo-fast", "demo-500", "demo-large"]) as (_, page):
        page.send("Say this is a test")
        page.until(lambda: len(page.order) == 2)
        begun = [column["id"] for column in page.entry(1)["columns"]]
        page.settled(2)
        ended = page.entry(1)["columns"]
        assert [column["id"] for column in ended] == begun
        assert [column["state"] for column in ended] == ["done", "failed", "done"]


def test_stop_between_models_keeps_the_one_that_had_answered() -> None:
    with talking(answer("done"), streamed(chunk("", role="assistant"), STALL), model=["a", "b"]) as (
        _server,
        panel,
        page,
    ):
        page.send("Hi")
        page.until(lambda: len(page.order) == 2 and "done" in [column["state"] for column in page.entry(1)["columns"]])
        page.do("stop")
        page.settled(2)
        assert roles(panel) == [("user", "Hi"), ("assistant", "done")]


def test_both_answers_are_turns_and_either_can_be_gone_on_from() -> None:
    with opened(["demo-fast", "demo-large"]) as (panel, page):
        page.say_and_settle("Which model are you?")
        first, second = page.entry(1)["columns"]
        assert (first["chosen"], second["chosen"]) == (True, False)
        assert "choose" in second["can"]
        sent = page.html
        page.do("choose", id=second["id"])
        page.until(lambda: page.column(1, 1)["chosen"])
        assert panel.conversation.conversation.head == second["id"]
        assert page.html == sent, "the answers stay as they are on the page"
        page.do("retry", id=page.order[1])
        page.until(lambda: page.entry(0)["branch"] == [2, 2] and not page.bar["busy"])
        assert len(page.entry(1)["columns"]) == 2
        assert len(panel.conversation.branches()) == 4


def test_a_failed_message_leaves_no_trace_in_the_conversation_and_can_be_retried() -> None:
    with talking(whole({"error": {"message": "overloaded"}}, 400), answer("Hello")) as (_server, panel, page):
        page.send("Hi")
        page.settled(2)
        assert page.column(1)["state"] == "failed"
        assert "overloaded" in page.column(1)["error"]
        assert panel.messages == []
        assert page.shown()[0] == "Hi"
        page.do("retry", id=page.order[1])
        page.until(lambda: len(page.order) == 2 and page.column(1)["state"] == "done" and not page.bar["busy"])
        assert roles(panel) == [("user", "Hi"), ("assistant", "Hello")]


def test_a_failed_message_can_be_edited_dismissed_and_taken_back() -> None:
    with talking(whole({"error": {"message": "no"}}, 400)) as (server, panel, page):
        page.send("Hi")
        page.settled(2)
        page.do("edit", id=page.order[0], role="user", text="Hello", send=False)
        page.until(lambda: page.shown()[0] == "Hello")
        page.do("edit", id=page.order[0], role="user", text="Hallo", send=True)
        page.until(lambda: page.shown()[:1] == ["Hallo"] and not page.bar["busy"])
        assert server.requests[-1].json["messages"][-1]["content"] == "Hallo"
        page.do("undo")
        page.until(lambda: page.bar["draft"]["text"] == "Hallo" and page.order == [])
        page.send("Again")
        page.settled(2)
        page.do("dismiss", id=page.order[1])
        page.settled(0)
        assert panel.messages == []


def test_a_failed_message_comes_back_to_the_composer_when_another_is_sent() -> None:
    with talking(FAILED, answer("Fine")) as (_server, panel, page):
        page.send("a long and precious text")
        page.settled(2)
        page.send("B")
        page.until(lambda: page.shown() == ["B", "Fine"] and not page.bar["busy"])
        assert page.bar["draft"]["text"] == "a long and precious text"
        assert "composer" in page.notice()
        assert roles(panel) == [("user", "B"), ("assistant", "Fine")]


def test_where_something_else_is_being_written_it_is_said_where_a_failed_message_is() -> None:
    with talking(FAILED, answer("Fine")) as (_server, panel, page):
        page.send("a long and precious text")
        page.settled(2)
        page.do("draft", text="C so far", view="v")
        page.until(lambda: page.bar["draft"]["text"] == "C so far")
        panel.send("B").result(WAIT_S)
        page.until(lambda: "a long and precious" in page.notice())
        assert page.bar["draft"]["text"] == "C so far"
        run = RunStore().get(panel.runs.index[0])
        assert run is not None
        assert [message["content"] for message in run.messages or ()] == ["a long and precious text"]


def test_a_stopped_message_comes_back_before_what_was_typed_meanwhile() -> None:
    with talking([STALL]) as (_server, _panel, page):
        page.do("attach", [PNG], name="dot.png")
        page.until(lambda: page.bar["draft"]["images"])
        page.send("precious")
        page.until(lambda: page.bar["busy"])
        page.do("attach", [PNG], name="other.png")
        page.do("draft", text="B so far", view="v")
        page.until(lambda: page.bar["draft"]["text"] == "B so far")
        page.do("stop")
        page.until(lambda: page.bar["draft"]["text"] == "precious\n\nB so far" and not page.bar["busy"])
        assert [image["label"].split()[0] for image in page.bar["draft"]["images"]] == ["dot.png", "other.png"]
        assert page.bar["draft"]["by"] is None, "the page that typed it hears of it as well"


@pytest.mark.parametrize("does", ["clear", "undo", "redo", "messages"])
def test_a_failed_message_is_not_lost_when_the_conversation_becomes_another(does: str) -> None:
    with talking(FAILED) as (_server, panel, page):
        page.send("precious")
        page.settled(2)
        page.do("draft", text="B", view="v")
        page.until(lambda: page.bar["draft"]["text"] == "B")
        if does == "messages":
            panel.messages = [{"role": "user", "content": "Hi"}]
        else:
            page.do(does)
        page.until(lambda: page.bar["draft"]["text"] == "precious\n\nB")
        page.settled(1 if does == "messages" else 0)


def test_a_failed_message_that_is_sent_again_and_stopped_comes_back() -> None:
    with talking(FAILED, [STALL]) as (server, panel, page):
        with pytest.raises(portkey_nb.errors.PortkeyError):
            panel.send("from Python").result(WAIT_S)
        page.settled(2)
        page.do("retry", id=page.order[1])
        page.until(lambda: len(server.requests) == 2 and page.bar["busy"])
        page.do("stop")
        page.until(lambda: page.bar["draft"]["text"] == "from Python" and not page.bar["busy"])
        assert page.order == []


LARGE = "data:image/png;base64," + base64.b64encode(PNG + bytes(6 * 1024 * 1024)).decode()


@pytest.mark.parametrize(
    "image", ["https://example.org/y.png", {"url": LARGE}, {"url": None}, None], ids=["plain", "large", "none", "null"]
)
def test_an_edited_message_comes_back_with_whatever_image_it_has(image: Any) -> None:
    part = {"type": "image_url", "image_url": image}
    with talking([STALL], answer("A dot")) as (server, panel, page):
        panel.messages = [{"role": "user", "content": [{"type": "text", "text": "look"}, part]}]
        page.settled(1)
        page.do("edit", id=page.order[0], role="user", text="precious", send=True)
        page.until(lambda: len(server.requests) == 1 and page.bar["busy"])
        page.do("stop")
        page.until(lambda: page.bar["draft"]["text"] == "precious" and not page.bar["busy"])
        assert len(page.bar["draft"]["images"]) == 1
        panel.clear()
        page.send("precious")
        page.settled(2)
        assert server.requests[1].json["messages"][0]["content"] == [{"type": "text", "text": "precious"}, part]


def test_a_call_that_cannot_be_made_returns_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened("m", base_url="http://127.0.0.1:9/v1", config={"retry": {"attempts": "many"}}) as (panel, page):
        page.send("Hi")
        page.until(lambda: page.notice() and not page.bar["busy"])
        assert page.order == []
        assert panel.messages == []
        assert page.bar["draft"]["text"] == "Hi"


@pytest.mark.parametrize("mended", ["config", "sent"])
def test_what_was_wrong_with_a_call_is_not_said_any_longer_when_it_may_be_right(mended: str) -> None:
    with talking(answer("Hello"), config={"retry": {"attempts": "many"}}) as (_, panel, page):
        if mended == "config":
            with pytest.raises(portkey_nb.errors.PortkeyError):
                panel.send("Hi").result(WAIT_S)
            page.until(page.notice)
            panel.config = None
        else:
            panel.config = None
            with pytest.raises(portkey_nb.errors.PortkeyError):
                panel.send(" ")
            page.until(page.notice)
            page.send("Hi")
        page.until(lambda: page.bar["notice"]["n"] > 1 and not page.notice())
        assert page.bar["notice"]["kind"] == "error", "as which it was said"


def test_an_empty_message_is_refused() -> None:
    with opened() as (panel, page):
        page.send("  \n")
        page.until(lambda: "nothing to send" in page.notice())
        assert panel.messages == []


def test_a_second_message_is_refused_while_an_answer_is_under_way() -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), go, chunk("one"), chunk(finish="stop"), DONE)
    with talking(script) as (server, _panel, page):
        page.send("Hi")
        page.until(lambda: page.bar["busy"])
        page.send("Ho")
        page.do("clear")
        page.until(lambda: "under way" in page.notice())
        go.set()
        page.settled(2)
        assert len(server.requests) == 1


def test_edit_and_send_forks_and_the_branches_can_be_stepped_through() -> None:
    with talking(answer("A"), answer("B"), answer("C")) as (server, panel, page):
        page.say_and_settle("one")
        page.say_and_settle("two")
        page.do("edit", id=page.order[0], role="user", text="uno", send=True)
        page.until(lambda: page.shown() == ["uno", "C"] and not page.bar["busy"])
        assert page.entry(0)["branch"] == [2, 2]
        assert server.requests[-1].json["messages"] == [{"role": "user", "content": "uno"}]
        page.do("step", id=page.order[0], by=-1)
        page.until(lambda: page.shown() == ["one", "A", "two", "B"])
        page.do("undo")
        page.until(lambda: page.shown() == ["uno", "C"])
        page.do("undo")
        page.until(lambda: page.shown() == ["one", "A", "two", "B"])
        page.do("redo")
        page.until(lambda: page.shown() == ["uno", "C"])
        assert panel.messages[0]["content"] == "uno"


def test_messages_are_edited_added_moved_and_removed_and_the_later_ones_stay() -> None:
    with talking(answer("A"), answer("B")) as (server, panel, page):
        page.say_and_settle("one")
        page.say_and_settle("two")
        page.do("edit", id=page.order[1], role="assistant", text="AAA", send=False)
        page.until(lambda: page.shown() == ["one", "AAA", "two", "B"])
        page.do("add", after=page.order[1], role="system", text="be brief")
        page.until(lambda: page.shown() == ["one", "AAA", "bebrief", "two", "B"])
        page.do("move", id=page.order[2], by=1)
        page.until(lambda: page.shown() == ["one", "AAA", "two", "bebrief", "B"])
        page.do("remove", id=page.order[0])
        page.until(lambda: page.shown() == ["AAA", "two", "bebrief", "B"])
        page.do("edit", id=page.order[0], role="system", text="Rules", send=False)
        page.until(lambda: page.shown() == ["two", "bebrief", "B"])
        assert panel.messages[0] == {"role": "system", "content": "Rules"}
        page.do("clear")
        page.settled(0)
        page.do("undo")
        page.settled(3)
        assert len(server.requests) == 2


def test_an_open_conversation_is_sent_with_an_empty_composer() -> None:
    with talking(answer("A")) as (_server, panel, page):
        page.do("add", after=None, role="user", text="one")
        page.until(lambda: page.bar["open"])
        page.send("")
        page.settled(2)
        assert roles(panel) == [("user", "one"), ("assistant", "A")]


def test_another_model_answers_beside_and_the_same_one_on_a_branch_of_its_own() -> None:
    with talking(answer("A"), answer("B"), answer("C")) as (server, _panel, page):
        page.say_and_settle("one")
        page.do("retry", id=page.order[1], model="other")
        page.until(lambda: page.shown() == ["one", ["A", "B"]] and not page.bar["busy"])
        assert [request.json["model"] for request in server.requests] == ["m", "other"]
        assert page.column(1, 1)["chosen"]
        page.do("retry", id=page.column(1, 0)["id"])
        page.until(lambda: page.shown() == ["one", "C"] and not page.bar["busy"])
        assert server.requests[-1].json["model"] == "m"
        assert page.entry(0)["branch"] == [2, 2]


def test_a_retry_that_fails_is_shown_beside_the_answer_that_stays() -> None:
    with talking(answer("A"), whole({"error": {"message": "gone"}}, 400)) as (_server, panel, page):
        page.say_and_settle("one")
        page.do("retry", id=page.order[1])
        page.until(lambda: len(page.entry(1)["columns"]) == 2 and not page.bar["busy"])
        assert "gone" in page.column(1, 1)["error"]
        assert roles(panel) == [("user", "one"), ("assistant", "A")]


def test_thumbs_are_kept_with_the_run_and_can_be_taken_back() -> None:
    with opened() as (panel, page):
        page.say_and_settle("Name a river")
        for value, kept in ((1, 1), (-1, -1), (0, None)):
            page.do("rate", id=page.column(1)["id"], value=value)
            page.until(lambda value=value: page.column(1)["rating"] == value)  # type: ignore[misc]
            run_id = panel.runs.index[0]
            page.do("copy_all", view="v")
            log = RunStore()
            while (run := log.get(run_id)) is not None and run.rating != kept:
                pass
            assert run is not None


def test_an_image_is_attached_sent_and_shown_and_a_large_one_is_refused_with_the_limit() -> None:
    with talking(answer("A dot")) as (server, _panel, page):
        page.do("attach", [PNG], name="dot.png")
        image = page.until(lambda: page.bar["draft"]["images"])[0]
        assert "dot.png" in image["label"]
        page.do("attach", [b"\x89PNG" + bytes(20 * 1024 * 1024)], name="huge.png")
        page.until(lambda: "5 MB" in page.notice())
        page.do("attach", [b"no image"], name="note.txt")
        page.until(lambda: "note.txt" in page.notice())
        page.send("What is it?")
        page.settled(2)
        parts = server.requests[0].json["messages"][0]["content"]
        assert [part["type"] for part in parts] == ["text", "image_url"]
        assert page.entry(0)["images"][0]["src"].startswith("data:image/png;base64,")
        assert page.bar["draft"]["images"] == []


def test_a_megabyte_is_sent_whole_and_shown_in_part() -> None:
    text = "word " * 200_000
    with talking(answer("Long")) as (server, _panel, page):
        page.send(text)
        page.settled(2)
        assert server.requests[0].json["messages"][0]["content"] == text
        assert len(page.entry(0)["html"]) < 200_000
        page.do("source", id=page.order[0], view="v", why="copy")
        assert page.hears("source")["text"] == text


@pytest.mark.parametrize("name", sorted(REPLIES))
def test_hostile_text_is_harmless_whoever_says_it(name: str) -> None:
    with talking(answer(REPLIES[name])) as (_server, panel, page):
        page.send(REPLIES[name])
        page.settled(2)
        later = Viewer(panel, "later")
        for column in later.entry(1)["columns"]:
            assert dangers(column.get("html", "")) == []
        assert dangers(later.entry(0)["html"]) == []


@pytest.mark.parametrize(
    "script", [[RESET], streamed(chunk("Hal"), RESET), [head(), piece(b"\xff\xfe not sse"), RESET]]
)
def test_a_broken_stream_is_a_failed_answer(script: list[Any]) -> None:
    with talking(script) as (_server, panel, page):
        page.send("Hi")
        page.settled(2)
        assert page.column(1)["state"] == "failed"
        assert page.column(1)["error"]
        assert panel.messages == []


def test_two_views_show_the_same_and_two_panels_follow_each_other() -> None:
    with opened(chat="both") as (panel, page), opened(chat="both") as (other, elsewhere):
        late = Viewer(panel, "late")
        page.do("draft", text="Na", view="v")
        late.until(lambda: late.bar["draft"]["text"] == "Na")
        page.say_and_settle("Name a river")
        late.settled(2)
        elsewhere.settled(2)
        assert page.shown() == late.shown() == elsewhere.shown()
        elsewhere.say_and_settle("Another")
        page.settled(4)
        assert panel.messages == other.messages


def test_python_and_panel_share_the_conversation() -> None:
    with opened(chat="shared") as (panel, page):
        portkey_nb.conversation("shared").ask("Name a river", model="demo-fast", base_url="demo")
        page.settled(2)
        portkey_nb.conversation("shared").system = "Be brief."
        page.say_and_settle("Another")
        assert panel.messages[0] == {"role": "system", "content": "Be brief."}
        page.do("undo")
        page.settled(2)
        portkey_nb.conversation("shared").clear()
        page.settled(0)
        page.do("undo")
        page.settled(2)


def test_a_call_of_the_panel_and_one_from_elsewhere_are_both_kept() -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), go, chunk("panel"), chunk(finish="stop"), DONE)
    with talking(script, chat="race") as (_server, panel, page):
        page.send("from the panel")
        page.until(lambda: page.bar["busy"])
        portkey_nb.conversation("race").ask("from Python", model="demo-fast", base_url="demo")
        go.set()
        page.until(lambda: not page.bar["busy"] and page.order and page.entry(0)["branch"] == [2, 2])
        asked = {turn.messages[0]["content"] for turn in panel.conversation.conversation.turns}
        assert asked == {"from the panel", "from Python"}
        assert panel.messages[0]["content"] == "from the panel"


def test_a_cell_is_asked_for_code_and_all_is_copied() -> None:
    with opened() as (_, page):
        page.say_and_settle("Name a river")
        page.do("draft", text="And another", view="v")
        page.do("code", view="v")
        code = page.hears("code")
        assert "And another" in code["cell"]
        assert "And another" in code["python"]
        page.do("copy_all", view="v")
        assert "Name a river" in page.hears("copy")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"role": "user", "content": 5}, "content is 5"),
        ({"role": "user", "content": object()}, "content is <object"),
        ({"role": "user", "content": ["text"]}, "content is"),
        ({"role": "user"}, "content is None"),
        ({"role": " ", "content": "Hi"}, "needs a role"),
        ({"role": 5, "content": "Hi"}, "needs a role"),
        ({"role": "user", "content": [{"type": "text", "text": object()}]}, "as JSON"),
        ({"role": "user", "content": "Hi", "weight": float("nan")}, "as JSON"),
        ({"role": "user", "content": "half \ud800"}, "surrogate"),
        (5, "list of mappings"),
    ],
)
def test_messages_that_could_not_be_sent_are_refused_and_change_nothing(message: Any, why: str) -> None:
    with opened() as (panel, page):
        panel.messages = before = [{"role": "user", "content": "Hi"}]
        with pytest.raises(portkey_nb.errors.PromptError, match=why):
            panel.messages = [*before, message]
        assert panel.messages == before
        page.settled(1)


def test_messages_are_the_panels_own() -> None:
    part = {"type": "text", "text": "Look"}
    called = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    given: list[dict[str, Any]] = [
        {"role": "user", "content": (part,)},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c", "content": "there"},
    ]
    with opened() as (panel, _page):
        panel.messages = given
        part["text"] = "changed"
        assert panel.messages == [{"role": "user", "content": [{"type": "text", "text": "Look"}]}, *given[1:]]


def test_tools_run_and_are_shown() -> None:
    def weather(city: str) -> str:
        """Tell the weather in a city."""
        return f"sunny in {city}"

    with opened(tools=[weather]) as (panel, page):
        page.say_and_settle("What is the weather in Paris?")
        assert "weather" in "".join(page.shown()[1])
        assert [message["role"] for message in panel.messages] == ["user", "assistant", "tool", "assistant"]
        late = Viewer(panel, "late")
        assert "sunny" in late.shown()[1]


def test_stop_while_a_tool_runs() -> None:
    began, go = threading.Event(), threading.Event()

    def weather(city: str) -> str:
        """Tell the weather in a city."""
        began.set()
        go.wait(20)
        return city

    with opened(tools=[weather]) as (panel, page):
        page.send("What is the weather in Paris?")
        assert began.wait(20)
        page.do("stop")
        page.until(lambda: page.bar["draft"]["text"] == "What is the weather in Paris?" and not page.bar["busy"])
        assert panel.messages == []
        go.set()


class SlowStore(RunStore):
    """A log that takes its time to write what tools gave."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.reached, self.go = threading.Event(), threading.Event()

    def finish(self, run: Run) -> None:
        if "result" in str(run.tool_calls) and not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(WAIT_S)
        super().finish(run)


def calling(text: str, name: str, arguments: str) -> list[Any]:
    called = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return streamed(chunk(text, role="assistant"), chunk(tool_calls=[called]), chunk(finish="tool_calls"), DONE)


def test_stop_while_what_a_tool_gave_is_written_interrupts_the_run_as_well(tmp_path: Path) -> None:
    def weather(city: str) -> str:
        """Tell the weather in a city."""
        return f"sunny in {city}"

    store = SlowStore(str(tmp_path / "slow.sqlite"))
    script = calling("Let me look.", "weather", '{"city": "Paris"}')
    with talking(script, tools=[weather], store=store) as (server, panel, page):
        page.send("What is the weather?")
        assert store.reached.wait(WAIT_S)
        page.do("stop")
        submit(asyncio.sleep(0)).result(WAIT_S)  # the stop has been heard
        store.go.set()
        page.until(lambda: not page.bar["busy"] and len(page.order) == 2, "what came")
        assert roles(panel) == [("user", "What is the weather?"), ("assistant", "Let me look.")]
        assert panel.conversation.conversation.path()[-1].mark == "interrupted"
        assert list(panel.runs["status"]) == ["interrupted"]
        run = store.get(panel.runs.index[0])
        assert run is not None
        assert (run.tool_calls or [{}])[0]["result"]["text"] == "sunny in Paris"
        assert len(server.requests) == 1


def test_stop_after_tools_leaves_each_request_in_the_log_once(tmp_path: Path) -> None:
    def weather(city: str) -> str:
        """Tell the weather in a city."""
        return f"sunny in {city}"

    script = calling("Let me look.", "weather", '{"city": "Paris"}')
    with talking(script, [head(), STALL], tools=[weather]) as (server, panel, page):
        page.send("What is the weather?")
        page.until(lambda: len(server.requests) == 2, "the second request")
        page.do("stop")
        page.until(lambda: not page.bar["busy"] and page.bar["draft"]["text"] == "What is the weather?")
        assert panel.messages == []
        assert sorted(panel.runs["status"]) == ["interrupted", "ok"]


def test_tools_that_never_end_leave_the_panel_its_threads() -> None:
    began, go = threading.Semaphore(0), threading.Event()

    def weather(city: str) -> str:
        """Tell the weather in a city."""
        began.release()
        go.wait()
        return city

    most = min(32, (os.cpu_count() or 1) + 4)  # threads that a loop has for work besides
    with opened(tools=[weather]) as (panel, page):
        try:
            for number in range(most + 1):
                said = f"What is the weather in Paris, {number}?"
                page.send(said)
                assert began.acquire(timeout=WAIT_S)
                page.do("stop")
                page.until(lambda said=said: not page.bar["busy"] and page.bar["draft"]["text"] == said)  # type: ignore[misc]
            page.send("Name a river")
            page.settled(2)
            assert len(panel.messages) == 2
        finally:
            go.set()


def test_a_locked_log_is_said_once_and_the_conversation_goes_on(tmp_path: Path) -> None:
    broken = tmp_path / "runs.sqlite"
    broken.write_bytes(b"no database at all, but text that is long enough to be one" * 40)
    with talking(answer("A"), answer("B"), store=str(broken)) as (_server, panel, page):
        page.say_and_settle("one")
        assert "run log" in page.notice()
        said = page.bar["notice"]["n"]
        page.say_and_settle("two")
        assert page.bar["notice"]["n"] == said
        assert [text for _, text in roles(panel)] == ["one", "A", "two", "B"]


def test_no_key_is_sent_to_a_page_nor_kept(clean_environment: Path) -> None:
    key = "pk-SECRETSECRETSECRET"
    config = {"provider": "openai", "api_key": "sk-INNERINNERINNER"}
    scripts = answer("A"), whole({"error": {"message": f"bad key {key}"}}, 401)
    options = {"api_key": key, "Authorization": f"Bearer {key}", "config": config}
    with talking(*scripts, **options) as (server, panel, page):
        page.say_and_settle("one")
        page.send("two")
        page.settled(4)
        page.do("code", view="v")
        page.hears("code")
        assert key in str(server.requests[0].headers)
        widgets: list[Any] = [panel.widget]
        seen = [repr(panel), repr(vars(panel)), str(panel.as_code()), panel.runs.to_csv()]
        while widgets:
            widget = widgets.pop()
            widgets += getattr(widget, "children", ())
            seen += [str(widget.get_state()), str(getattr(widget.comm, "sent", ""))]
    files = [path for path in clean_environment.parent.rglob("*") if path.is_file()]
    seen += [path.read_bytes().decode("latin-1") for path in files]
    for secret in ("SECRETSECRET", "INNERINNER"):
        assert not [text for text in seen if secret in text]


async def ended() -> bool:
    """Wait for all other tasks of the background loop; False where one goes on."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return not others or not (await asyncio.wait(others, timeout=WAIT_S / 2))[1]


def test_nothing_is_left_when_a_panel_is_closed() -> None:
    with talking(streamed(chunk("", role="assistant"), chunk("Once"), STALL), chat="end") as (server, panel, page):
        page.send("A tale")
        page.until(lambda: len(page.order) == 2 and page.words(page.order[1], page.column(1)["id"]) == "Once")
        panel.close()
        assert server.left.wait(WAIT_S)
        assert portkey_nb.conversation("end").messages[-1] == {"role": "assistant", "content": "Once"}
        for act in (panel.undo, lambda: panel.send("more")):
            with pytest.raises(portkey_nb.errors.PortkeyError, match="closed"):
                act()
        assert submit(ended()).result(WAIT_S), "all tasks have ended"

"""What a panel's pages are sent: each change once and in order, whatever moment a page joins, and from any thread."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.engine.loop import submit
from portkey_nb.notebook.assets import script
from portkey_nb.notebook.growth import Growth, LiveColumn
from portkey_nb.notebook.panel import stage as stage_module
from portkey_nb.notebook.panel.stage import SCRIPTS, Stage
from portkey_nb.views.steps import Step
from tests.hostile import REPLIES
from tests.kernels import WAIT_S, Kernel
from tests.safe_html import Page as Html
from tests.safe_html import assemble, dangers


class Wire(BaseComm):
    """A widget's channel that ends in this process: what the kernel sends is kept, as JSON that UTF-8 can carry."""

    def __init__(self, **given: Any) -> None:
        self.sent: list[tuple[str, str]] = []
        self.closed_for = 0  # so many messages fail, as where a socket is closed
        self.pages: list[Page] = []
        super().__init__(**given)

    def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any) -> None:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        text.encode()
        if self.closed_for:
            self.closed_for -= 1
            raise OSError("the socket is closed")
        self.sent.append((msg_type, text))
        if msg_type == "comm_msg":
            for page in self.pages:
                page.take(json.loads(text)["content"])

    def say(self, content: Any, buffers: Sequence[bytes] = ()) -> None:
        """Send what a page says to the kernel."""
        data = {"method": "custom", "content": content}
        self.handle_msg({"content": {"data": data}, "buffers": [memoryview(one) for one in buffers]})

    @property
    def told(self) -> list[dict[str, Any]]:
        """The custom messages so far."""
        found = (json.loads(text) for kind, text in self.sent if kind == "comm_msg")
        return [one["content"] for one in found if "content" in one]


def words(changes: Sequence[Mapping[str, Any]]) -> str:
    """Return what is read in a reply that has grown, its open text too."""
    ops: list[str] = []
    thought = tail = ""
    for change in changes:
        ops += change.get("o", [])
        thought += change.get("h", "")
        tail = ("" if "r" in change else tail) + change.get("t", "")
    html = assemble(ops)
    assert dangers(html) == []
    return "".join((thought + Html(html).words + tail).split())


class Page:
    """What a page has made of the messages, following the rules of the wire alone."""

    def __init__(self, wire: Wire, view: str, *, deaf: int = 0) -> None:
        self.wire, self.view, self.deaf = wire, view, deaf
        self.number: int | None = None
        self.order: list[str] = []
        self.entries: dict[str, dict[str, Any]] = {}
        self.bar: dict[str, Any] = {}
        self.heard: list[Mapping[str, Any]] = []
        self.gaps = self.html = 0
        self.watch: Callable[[Mapping[str, Any]], object] = lambda bar: None
        wire.pages.append(self)
        self.hello()

    def hello(self) -> None:
        self.wire.say({"do": "hello", "view": self.view})

    def take(self, message: dict[str, Any]) -> None:
        if "all" in message:
            if message["to"] == self.view:
                self.number, self.bar = message["s"], message["all"]["bar"]
                self.entries = {entry["id"]: self.grown(entry, {}) for entry in message["all"]["entries"]}
                self.order = list(self.entries)
        elif "s" not in message:
            if message["to"] in (None, self.view):
                self.heard.append(message)
        elif self.number is None or message["s"] <= self.number:
            return
        elif self.deaf > 0:
            self.deaf -= 1
        elif message["s"] > self.number + 1:
            self.gaps += 1
            self.number = None
            self.hello()
        else:
            self.number = message["s"]
            self.change(message)

    def change(self, message: Mapping[str, Any]) -> None:
        put = {entry["id"]: entry for entry in message.get("put", ())}
        for name, column, change in message.get("grow", ()):
            assert not any(one["id"] == column for one in put.get(name, {}).get("columns", ()))
            found = next(one for one in self.entries[name]["columns"] if one["id"] == column)
            found["changes"].append(change)
        for name, entry in put.items():
            self.entries[name] = self.grown(entry, self.entries.get(name, {}))
        self.order = message.get("order", self.order)
        self.entries = {name: self.entries[name] for name in self.order}
        self.bar |= message.get("bar", {})
        self.watch(self.bar)

    def grown(self, entry: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        known = {column["id"]: column for column in before.get("columns", ())}
        columns = []
        for column in entry.get("columns", ()):
            self.html += "html" in column
            kept = {key: known[column["id"]][key] for key in ("html", "changes") if key in known.get(column["id"], {})}
            if "log" in column:
                kept = {"changes": list(column["log"])}
            assert ("grown" in column) + ("html" in column) + ("log" in column) == 1
            columns.append({**(kept if "html" not in column else {}), **column})
        return {**before, **entry, "columns": columns if "columns" in entry else before["columns"]}

    def words(self, entry: str, column: str) -> str:
        """Return what is read in a column, its open text too."""
        (found,) = [one for one in self.entries[entry]["columns"] if one["id"] == column]
        if "html" in found:
            return "".join(Html(found["html"]).words.split())
        return words(found["changes"])


@pytest.fixture(scope="module", autouse=True)
def wires() -> Iterator[None]:
    """Let widgets of this process end in `Wire`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comm, "create_comm", Wire)
        yield


@contextlib.contextmanager
def staged(act: Any = lambda message, buffers: None, interval: float = 0.0) -> Iterator[tuple[Stage, Wire]]:
    stage = Stage(act, interval=interval)
    stage.show([], {})
    yield stage, stage.widget.comm
    stage.close()


def joined(stage: Stage, wire: Wire, view: str = "v") -> Page:
    """Return a page that has been welcomed."""
    page = Page(wire, view)
    stage.flush()
    return page


def live(name: str, *columns: tuple[str, LiveColumn], **given: Any) -> dict[str, Any]:
    found = [{"id": one, "label": one, "live": column, "state": "live", "waited": 0.0} for one, column in columns]
    return {"id": name, "role": "assistant", "html": "", "images": [], "columns": found, **given}


def done(name: str, **columns: str) -> dict[str, Any]:
    found = [{"id": one, "label": one, "html": html, "state": "done", "rating": 0} for one, html in columns.items()]
    return {"id": name, "role": "assistant", "html": "", "images": [], "columns": found}


def said(name: str, text: str, **given: Any) -> dict[str, Any]:
    return {"id": name, "role": "user", "html": f"<p>{text}</p>", "images": [], "columns": [], "can": [], **given}


def test_pages_that_join_before_anything_is_shown_wait_for_the_whole() -> None:
    stage = Stage(lambda message, buffers: None, interval=0.0)
    wire = stage.widget.comm
    pages = [Page(wire, "one"), Page(wire, "two")]
    pages[0].hello()
    stage.flush()
    assert wire.told == []
    stage.show([said("a", "one")], {"title": "draft"})
    stage.flush()
    assert [(page.number, page.order, page.bar) for page in pages] == [(1, ["a"], {"title": "draft"})] * 2
    assert len(wire.told) == 2
    stage.close()


def test_a_page_that_says_hello_gets_the_whole_and_then_what_changes() -> None:
    with staged() as (stage, wire):
        stage.show([said("a", "one")], {"title": "draft", "busy": False})
        stage.flush()
        assert wire.told == [], "nobody has asked"
        page = joined(stage, wire)
        assert (page.order, page.bar) == (["a"], {"title": "draft", "busy": False})
        stage.show([said("b", "two"), said("a", "one")], {"title": "draft", "busy": True})
        stage.flush()
        assert page.order == ["b", "a"]
        last = wire.told[-1]
        assert [entry["id"] for entry in last["put"]] == ["b"], "what has not changed is not sent"
        assert last["bar"] == {"busy": True}
        stage.show([said("a", "new")], {"title": "draft", "busy": True})
        stage.flush()
        assert (page.order, page.entries["a"]["html"]) == (["a"], "<p>new</p>")
        before = len(wire.sent)
        stage.show([said("a", "new")], {"title": "draft", "busy": True})
        stage.flush()
        assert len(wire.sent) == before, "nothing has changed: nothing is sent"
        assert page.gaps == 0


def test_text_and_images_that_a_page_has_do_not_come_again() -> None:
    image = {"label": "cat.png", "src": "data:image/png;base64,AAAA"}
    with staged() as (stage, wire):
        page = joined(stage, wire)
        answer = done("b", one="<p>answer</p>")
        stage.show([said("a", "long", images=[image]), answer], {})
        stage.flush()
        change = [said("a", "long", images=[image], can=["edit"]), {**answer, "can": ["retry"]}]
        stage.show(change, {})
        stage.flush()
        sent = json.dumps(wire.told[-1])
        assert not any(text in sent for text in ("long", "AAAA", "answer"))
        assert page.entries["a"] == change[0]
        assert wire.told[-1]["put"] == [{"id": "a", "can": ["edit"]}, {"id": "b", "can": ["retry"]}]
        assert page.entries["b"]["can"] == ["retry"]
        assert page.words("b", "one") == "answer"


def test_a_reply_that_has_grown_is_not_sent_again_but_to_who_did_not_watch() -> None:
    with staged() as (stage, wire):
        watched = joined(stage, wire, "watched")
        column = LiveColumn("gpt-4o")
        column.push("One *two*", "text")
        stage.show([live("a", ("x", column))], {"busy": True})
        stage.flush()
        for piece in ("\n\n", "Three", " four"):
            column.push(piece, "text")
            stage.touch()
            stage.flush()
        middle = joined(stage, wire, "middle")
        column.push(" five", "text")
        column.end(footer="done · $0.01", error="429")
        stage.show([done("a", x="<p>One <em>two</em></p><p>Three four five</p>")], {"busy": False})
        stage.flush()
        late = joined(stage, wire, "late")
        assert [page.words("a", "x") for page in (watched, middle, late)] == ["OnetwoThreefourfive"] * 3
        assert [page.html for page in (watched, middle, late)] == [0, 0, 1]
        for page in (watched, middle):
            (shown,) = page.entries["a"]["columns"]
            assert (shown["state"], shown["rating"]) == ("done", 0)
            last = shown["changes"][-1]
            assert (last["d"], last["f"]) == (1, "done · $0.01")
            assert "e" not in last, "what a column says of its error is shown once"
        stage.show([done("a", x="<p>edited</p>")], {"busy": False})
        stage.flush()
        assert {page.words("a", "x") for page in (watched, middle, late)} == {"edited"}


def test_beside_a_reply_that_has_ended_another_goes_on() -> None:
    with staged() as (stage, wire):
        page = joined(stage, wire)
        one, two = LiveColumn("one"), LiveColumn("two")
        entry = live("a", ("x", one), ("y", two))
        stage.show([entry], {})
        stage.flush()
        one.push("first", "text")
        two.push("sec", "text")
        stage.touch()
        stage.flush()
        one.end()
        stage.show([{**entry, "columns": [*done("a", x="<p>first</p>")["columns"], entry["columns"][1]]}], {})
        stage.flush()
        two.push("ond", "text")
        stage.touch()
        stage.flush()
        assert (page.words("a", "x"), page.words("a", "y")) == ("first", "second")
        assert page.html == 0


def test_another_reply_in_the_place_of_one_begins_anew() -> None:
    with staged() as (stage, wire):
        page = joined(stage, wire)
        for text in ("first try", "second"):
            column = LiveColumn("m")
            column.push(text, "text")
            stage.show([live("a", ("x", column))], {})
            stage.flush()
        assert page.words("a", "x") == "second"


def test_a_reply_that_is_taken_away_while_it_grows_leaves_nothing() -> None:
    with staged() as (stage, wire):
        page = joined(stage, wire)
        column = LiveColumn("m")
        stage.show([live("a", ("x", column)), said("b", "stays")], {})
        column.push("text", "text")
        stage.flush()
        stage.show([said("b", "stays")], {})
        stage.flush()
        column.push(" goes on", "text")
        stage.show([said("b", "stays"), live("a", ("x", column))], {})
        column.push(" and more", "text")
        stage.flush()
        assert (page.order, page.gaps) == (["b", "a"], 0)
        assert joined(stage, wire, "late").words("a", "x") == page.words("a", "x") == "textgoesonandmore"


def test_how_long_a_reply_is_waited_for_is_no_change() -> None:
    with staged() as (stage, wire):
        joined(stage, wire)
        column = LiveColumn("m")
        for waited in (0.0, 0.5, 1.0):
            entry = live("a", ("x", column))
            entry["columns"][0]["waited"] = waited
            stage.show([entry], {})
            stage.flush()
        assert sum("put" in message for message in wire.told) == 1


def test_a_page_that_misses_a_message_asks_and_has_all_again() -> None:
    with staged() as (stage, wire):
        page = joined(stage, wire)
        column = LiveColumn("m")
        stage.show([live("a", ("x", column))], {})
        stage.flush()
        page.deaf = 1
        for piece in ("one ", "two ", "three"):
            column.push(piece, "text")
            stage.touch()
            stage.flush()
        stage.flush()
        assert (page.gaps, page.words("a", "x")) == (1, "onetwothree")


PIECES = st.sampled_from(["a", "b ", " *c*", "\n", "\n\n", "- d\n", "```\n", "| e | f |\n|---|---|\n", "$x^2$", "\\"])
STEPS = st.one_of(
    st.tuples(st.just("push"), PIECES),
    st.tuples(st.just("think"), PIECES),
    st.tuples(st.sampled_from(["step", "paint", "join", "deaf", "end", "rate", "again", "flush"]), st.just("")),
)


class Story:
    """One conversation as it may go: replies follow one another, pages come at any moment and miss messages."""

    def __init__(self, stage: Stage, wire: Wire) -> None:
        self.stage, self.wire = stage, wire
        self.pages = [Page(wire, "first")]
        self.columns = [LiveColumn("m0")]
        self.over: set[int] = set()
        self.rated = 0
        self.changes: list[list[dict[str, Any]]] = [[]]

    def entry(self, at: int) -> dict[str, Any]:
        if at not in self.over:
            return live(f"e{at}", ("x", self.columns[at]), can=[self.rated])
        html = "".join(one.get("h", "") + assemble(one.get("o", [])) for one in self.changes[at])
        return {**done(f"e{at}", x=html), "can": [self.rated]}

    def show(self) -> None:
        self.stage.show([self.entry(at) for at in range(len(self.columns))], {"rated": self.rated})

    def do(self, what: str, text: str) -> None:
        last = len(self.columns) - 1
        column = self.columns[last]
        if what in ("push", "think") and last not in self.over:
            column.push(text, "text" if what == "push" else "reasoning")
            self.stage.touch()
        elif what == "step" and last not in self.over:
            column.step(Step(name="clock", result="12:00"))
            self.stage.touch()
        elif what == "end" and last not in self.over:
            column.end(footer="done")
            self.over.add(last)
            self.changes[last] = self.growth(last)
            self.show()
        elif what == "again" and last in self.over:
            self.columns.append(LiveColumn(f"m{last + 1}"))
            self.changes.append([])
            self.show()
        elif what == "rate":
            self.rated += 1
            self.show()
        elif what == "join" and len(self.pages) < 5:
            self.pages.append(Page(self.wire, f"page {len(self.pages)}"))
        elif what == "deaf":
            self.pages[0].deaf = 1
        elif what == "flush":
            self.stage.flush()

    def growth(self, at: int) -> list[dict[str, Any]]:
        """Return what one page would be sent that sees a reply all at once."""
        column, seen = self.columns[at], LiveColumn("m")
        for thought in column.reasoning:
            seen.push(thought, "reasoning")
        for step in column.steps:
            if step.name:
                seen.step(step)
            else:
                seen.push(step.text, "text")
        for text in column.text:
            seen.push(text, "text")
        if column.ended:
            seen.end(footer="done")
        return [Growth().change(seen)]


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_whenever_a_page_joins_it_has_each_piece_once(steps: list[tuple[str, str]]) -> None:
    with staged() as (stage, wire):
        story = Story(stage, wire)
        story.show()
        for what, text in steps:
            story.do(what, text)
        stage.flush()
        # A message that was missed last shows when the next one comes.
        story.pages[0].deaf = 0
        story.do("rate", "")
        stage.flush()
        stage.flush()
        late = joined(stage, wire, "late")
        for at in range(len(story.columns)):
            whole = words(story.growth(at))
            assert [page.words(f"e{at}", "x") for page in (*story.pages, late)] == [whole] * (len(story.pages) + 1)
        for page in story.pages:
            assert (page.order, page.bar) == (late.order, late.bar)


@pytest.mark.parametrize("name", sorted(REPLIES))
def test_hostile_replies_are_harmless_in_any_state(name: str) -> None:
    with staged() as (stage, wire):
        page = joined(stage, wire)
        column = LiveColumn(name)
        stage.show([live("a", ("x", column))], {})
        stage.flush()
        text = REPLIES[name][:2_000]
        for at in range(0, len(text), 97):
            column.push(text[at : at + 97], "text")
            stage.touch()
            stage.flush()
            page.words("a", "x")
        column.end()
        stage.flush()


class Slow(dict[str, Any]):
    """A bar that is ready to be read once the background loop has done something else."""

    def get(self, key: str, default: Any = None) -> Any:
        submit(asyncio.sleep(0)).result(WAIT_S)
        return super().get(key, default)


def test_the_background_loop_is_free_while_a_long_change_is_worked_out() -> None:
    with staged() as (stage, wire):
        page = joined(stage, wire)
        stage.show([said("a", "one")], Slow(title="draft"))
        stage.flush()
        assert page.bar == {"title": "draft"}


def test_messages_between_two_paintings_are_one() -> None:
    with staged(interval=60.0) as (stage, wire):
        page = joined(stage, wire)
        before = len(wire.told)
        for number in range(100):
            stage.show([said("a", str(number))], {"n": number})
        stage.flush()
        assert len(wire.told) == before + 1
        assert (page.entries["a"]["html"], page.bar) == ("<p>99</p>", {"n": 99})


def test_the_last_state_comes_by_itself() -> None:
    with staged(interval=0.01) as (stage, wire):
        page = joined(stage, wire)
        for last in (99, 199):
            shown = threading.Event()
            page.watch = lambda bar, last=last, shown=shown: bar.get("n") == last and shown.set()
            for number in range(last - 99, last + 1):
                stage.show([], {"n": number})
            assert shown.wait(WAIT_S)
        assert page.gaps == 0


def test_it_may_be_shown_from_many_threads_at_once() -> None:
    with staged(interval=0.0) as (stage, wire):
        page = joined(stage, wire)
        columns = [LiveColumn(str(at)) for at in range(4)]
        stage.show([live("a", *((column.label, column) for column in columns))], {})
        stage.flush()

        def write(column: LiveColumn) -> None:
            for number in range(200):
                column.push(f"{number} ", "text")
                stage.touch()
            column.end()

        threads = [threading.Thread(target=write, args=(column,)) for column in columns]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stage.touch()
        stage.flush()
        whole = "".join(map(str, range(200)))
        assert [page.words("a", column.label) for column in columns] == [whole] * 4
        assert page.gaps == 0


def test_something_is_told_to_one_view_or_to_all() -> None:
    with staged() as (stage, wire):
        pages = [Page(wire, "one"), Page(wire, "two")]
        stage.tell("one", {"copy": "text"})
        stage.tell(None, {"code": {}})
        stage.flush()
        assert [[next(iter(message)) for message in page.heard] for page in pages] == [["copy", "code"], ["code"]]


def test_text_that_utf_8_cannot_carry_freezes_no_page() -> None:
    odd = "m\ud800"
    with staged() as (stage, wire):
        page = joined(stage, wire)
        column = LiveColumn(odd)
        column.push("one", "text")
        stage.show([said("a", odd, role=odd), live("b", (odd, column))], {"known": [odd], "notice": {"text": odd}})
        stage.flush()
        column.push(" two", "text")
        stage.show([said("a", odd, role=odd), live("b", (odd, column))], {"known": [], "notice": {"text": odd}})
        stage.tell(None, {"copy": odd})
        stage.flush()
        assert (page.bar, page.entries["a"]["role"]) == ({"known": [], "notice": {"text": "m\ufffd"}}, "m\ufffd")
        assert page.words("b", "m\ufffd") == "onetwo"
        assert [message["copy"] for message in page.heard] == ["m\ufffd"]
        assert (page.gaps, joined(stage, wire, "late").entries["a"]) == (0, page.entries["a"])


@pytest.mark.parametrize("lost", [1, 2])
def test_pages_ask_again_for_what_could_not_be_sent(lost: int) -> None:
    with staged() as (stage, wire):
        page = joined(stage, wire)
        wire.closed_for = lost
        stage.show([said("a", "one")], {"title": "draft"})
        stage.flush()
        stage.touch()
        stage.flush()
        stage.flush()
        assert (page.order, page.bar, page.gaps) == (["a"], {"title": "draft"}, 1)


def test_what_a_page_says_goes_to_act_with_its_buffers_whatever_was_said_before() -> None:
    heard: list[tuple[Mapping[str, Any], list[bytes]]] = []

    def act(message: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        heard.append((message, [bytes(one) for one in buffers]))
        if message["do"] == "stop":
            raise RuntimeError("not now")

    with staged(act) as (stage, wire):
        page = joined(stage, wire)
        for odd in (None, "hello", 3, [{"do": "send"}], {"do": "hello"}, {"do": "hello", "view": ["v"]}):
            wire.say(odd)
        wire.say({"do": "stop"})
        wire.say({"do": "attach", "name": "cat.png"}, [b"\x89PNG"])
        stage.flush()
        assert heard == [({"do": "stop"}, []), ({"do": "attach", "name": "cat.png"}, [b"\x89PNG"])]
        assert page.number == 0


def test_the_state_of_the_widget_holds_nothing_of_the_conversation() -> None:
    with staged() as (stage, wire):
        joined(stage, wire)
        stage.show([said("a", "secret-of-mine")], {"title": "secret-of-mine"})
        stage.flush()
        assert "secret-of-mine" in wire.sent[-1][1]
        assert "secret-of-mine" not in json.dumps(stage.widget.get_state(), default=str)


def test_the_page_gets_all_scripts_of_the_panel_and_no_name_twice() -> None:
    folder = Path(stage_module.__file__).parent
    shared = {"column.js", "kernel.js", "typeset.js"}
    assert {f"panel/{path.name}" for path in folder.glob("*.js")} == set(SCRIPTS) - shared
    source = script(*SCRIPTS)
    named = re.findall(
        r"^(?:async function|function|const|let|class) (\w+)",
        "\n".join((folder.parent / name).read_text() for name in SCRIPTS),
        re.MULTILINE,
    )
    assert [name for name, count in Counter(named).items() if count > 1] == []
    assert source.count("export default") == 1
    with staged() as (stage, _):
        assert stage.widget.get_state()["_esm"] == source


def test_after_its_end_nothing_is_sent_and_nothing_raised(capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[Any] = []
    with staged(lambda message, buffers: heard.append(message)) as (stage, wire):
        joined(stage, wire)
        stage.show([said("a", "one")], {})
        stage.flush()
    before = len(wire.sent)
    stage.show([said("a", "two")], {})
    stage.touch()
    stage.tell(None, {"copy": "x"})
    stage.flush()
    wire.say({"do": "send"})
    stage.close()
    assert len(wire.sent) == before
    assert heard == []
    assert capfd.readouterr() == ("", "")


KERNEL = """
import threading
from portkey_nb.engine.loop import background_loop, submit
from portkey_nb.notebook.growth import LiveColumn
from portkey_nb.notebook.panel.stage import Stage
heard, said = [], threading.Event()
def act(message, buffers):
    heard.append((message, [bytes(one) for one in buffers]))
    said.set()
stage = Stage(act, interval=0.005)
column = LiveColumn("m")
entry = {"id": "a", "role": "assistant", "html": "", "columns": [{"id": "x", "label": "m", "live": column}]}
stage.show([entry], {})
stage.widget
async def write(pieces):
    import asyncio
    for at in range(pieces):
        column.push(f"{at} ", "text")
        stage.touch()
        await asyncio.sleep(0.002)
    stage.flush()
    if len(column.text) == 2 * pieces:
        column.end()
        stage.flush()
stage.widget.model_id
"""


def kernel_says(kernel: Kernel, model: str, content: Any, buffers: Sequence[bytes] = ()) -> None:
    """Send a page's message to the kernel."""
    client = kernel._client
    assert client is not None
    data = {"method": "custom", "content": content}
    message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
    client.session.send(client.shell_channel.socket, message, buffers=list(buffers))


def numbers(messages: Sequence[Mapping[str, Any]]) -> list[int]:
    found = [message["content"]["data"].get("content") for message in messages if message["msg_type"] == "comm_msg"]
    return [one["s"] for one in found if one and "s" in one and "all" not in one]


@pytest.mark.kernel
def test_a_kernel_sends_in_order_while_it_is_busy_and_while_it_rests(tmp_path: Path) -> None:
    with Kernel(tmp_path) as kernel:
        model = kernel.execute(KERNEL).text.strip("'")
        kernel_says(kernel, model, {"do": "hello", "view": "v"})
        kernel_says(kernel, model, {"do": "attach", "name": "a"}, [b"\x00\x01"])
        assert (
            kernel.execute("said.wait(30), heard[0]").text == "(True, ({'do': 'attach', 'name': 'a'}, [b'\\x00\\x01']))"
        )
        # The main thread is busy with Python of its own until all is sent.
        busy = kernel.execute("work = submit(write(50))\nwhile not work.done():\n    sum(range(1000))\nwork.result()")
        assert busy.status == "ok", busy.evalue
        assert len(numbers(busy.messages)) > 5, "it is sent while the cell runs"
        # And now no cell runs: what is sent is heard until the last piece has come.
        assert kernel.execute("work = submit(write(50))").status == "ok"
        deadline = time.monotonic() + WAIT_S
        while "'d': 1" not in str(kernel.heard[-1]["content"]):
            kernel.hear(deadline, "the end of the reply")
        sent = numbers(kernel.heard)
        assert sent == list(range(sent[0], sent[0] + len(sent))), "each once, and in order"
        ends = kernel.execute(
            "stage.close(); column.push('x', 'text'); stage.touch(); stage.flush(); stage.tell(None, {})"
        )
        assert ends.status == "ok"
        assert not ends.of("stream", "error")
        last = kernel.execute("stage = Stage(act); stage.widget; submit(write(10_000)); None")
        assert last.status == "ok"
    assert "Traceback" not in kernel.journal.read_text()

"""A running cell as a page or a terminal sees it: fills by small messages, harmless throughout, static in the end."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from portkey_nb.notebook.live import LiveCell
from portkey_nb.views.columns import Column, bundle
from tests.hostile import REPLIES
from tests.kernels import WIDGET_VIEW, Cell, Kernel
from tests.safe_html import Page, assemble, dangers

SETUP = """
from portkey_nb.notebook.live import LiveCell
from portkey_nb.views.columns import Column, bundle
now = [0.0]
def show(replies, mode="widget", step=0.05, size=9, thought="", errors={}, close=True):
    cell = LiveCell(list(replies), mode=mode, interval=0.1, clock=lambda: now[0])
    cell.start()
    if thought:
        cell.push(0, thought, "reasoning")
        cell.paint(force=True)
    for at in range(0, max(map(len, replies.values())), size):
        for i, text in enumerate(replies.values()):
            cell.push(i, text[at:at + size])
        now[0] += step
        cell.paint()
    for i, label in enumerate(replies):
        if i in errors:
            cell.fail(i, errors[i])
        cell.footer(i, f"{label} · $0.01 and $0.02")
    cell.paint(force=True)
    columns = [Column(label=label, text=text, footer=f"{label} · $0.01 and $0.02", error=errors.get(i),
                      reasoning=thought if i == 0 else "") for i, (label, text) in enumerate(replies.items())]
    if close:
        cell.close(bundle(columns))
"""

REPLY = "# One\n\nCosts **$5** and $10.\n\n- a\n- b\n\n```python\nx = 1\n```\n\nThe end.\n"


class LivePage:
    """What a page has made of the messages of a cell's widget."""

    def __init__(self, cell: Cell, *, deaf: int = 0) -> None:
        self.shell = ""
        self.changes: list[tuple[int, dict[str, Any]]] = []
        held: dict[int, list[Any]] = {}
        self.sizes: list[int] = []
        self.next = 0
        for message in cell.of("comm_open", "comm_msg"):
            data = message["content"]["data"]
            if message["msg_type"] == "comm_open":
                self.shell = data["state"].get("shell", self.shell)
                continue
            self.sizes.append(len(json.dumps(data)))
            if deaf > 0 and data["method"] == "custom":
                deaf -= 1
                continue
            parts = [data["content"]["m"]] if data["method"] == "custom" else data["state"].get("early", [])
            held.update({part[0]: part for part in parts if part[0] >= self.next})
            while self.next in held:
                self.changes += [(i, change) for i, change in held.pop(self.next)[1:]]
                self.next += 1

    def column(self, index: int, until: int | None = None) -> tuple[str, str]:
        """Return a column's closed HTML and its open text, after so many changes."""
        ops: list[str] = []
        tail = ""
        for at, change in self.changes[:until]:
            if at == index:
                ops += change.get("o", [])
                tail = ("" if "r" in change else tail) + change.get("t", "")
        return assemble(ops), tail

    def last(self, index: int, key: str) -> Any:
        """Return the last value that a column was given under a key."""
        return next((change[key] for at, change in reversed(self.changes) if at == index and key in change), None)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Run one kernel for all of these."""
    with Kernel(tmp_path_factory.mktemp("kernel")) as kernel:
        assert kernel.execute(SETUP).status == "ok"
        yield kernel


def show(kernel: Kernel, replies: dict[str, str], **options: Any) -> Cell:
    cell = kernel.execute(f"show({replies!r}, **{options!r})")
    assert cell.status == "ok", cell.evalue
    return cell


@pytest.mark.kernel
def test_columns_fill_while_the_cell_runs(kernel: Kernel) -> None:
    page = LivePage(show(kernel, {"one": REPLY, "two": REPLY.replace("One", "Two")}))
    assert page.shell.index("one") < page.shell.index("two")
    first = [page.column(0, until) for until in range(len(page.changes))]
    assert any("<h1>One</h1>" in html and "The end" not in html + tail for html, tail in first)
    assert any(tail.startswith("Costs **$") for _, tail in first)
    assert "<h1>Two</h1>" in page.column(1)[0]
    assert page.column(0)[0].count("<li>") == 2
    assert page.last(0, "f") == "one · $0.01 and $0.02"


@pytest.mark.kernel
def test_static_output_takes_the_place_of_the_widget(kernel: Kernel) -> None:
    cell = show(kernel, {"one": REPLY})
    (output,) = cell.outputs
    assert set(output["data"]) == {"text/plain", "text/markdown", "text/html"}
    assert len(cell.of("display_data")) == 1
    assert WIDGET_VIEW in cell.of("display_data")[0]["content"]["data"]
    opened = {message["content"]["comm_id"] for message in cell.of("comm_open")}
    assert opened == {message["content"]["comm_id"] for message in cell.of("comm_close")}
    assert Page(output["data"]["text/html"]).formulas == []


@pytest.mark.kernel
def test_static_output_reads_as_the_page_did(kernel: Kernel) -> None:
    cell = show(kernel, {"one": REPLY})
    html, tail = LivePage(cell).column(0)
    static = Page(cell.html).words
    assert tail == ""
    assert "".join(Page(html).words.split()) + "one·$0.01and$0.02" == "".join(static.split())


@pytest.mark.kernel
def test_it_is_painted_no_oftener_than_asked_and_sends_little(kernel: Kernel) -> None:
    text = REPLY * 40
    page = LivePage(show(kernel, {"one": text}, step=0.01, size=4))
    paints = len(text) / 4 * 0.01 / 0.1
    assert paints * 0.8 < len(page.sizes) < paints * 1.1 + 4
    assert sum(page.sizes) < 14 * len(text)
    late = page.sizes[-len(page.sizes) // 4 : -1]
    assert max(late) < 1_500, "what is closed is sent once: messages do not grow with the reply"


@pytest.mark.kernel
def test_a_page_that_comes_late_gets_what_it_missed(kernel: Kernel) -> None:
    cell = show(kernel, {"one": REPLY * 4})
    assert LivePage(cell, deaf=2).column(0) == LivePage(cell).column(0)


@pytest.mark.kernel
def test_what_a_model_thinks_is_shown_apart(kernel: Kernel) -> None:
    cell = show(kernel, {"one": "Answer"}, thought="Is it <b>$5</b>?")
    page = LivePage(cell)
    assert page.last(0, "h") == "Is it <b>$5</b>?"
    assert page.last(0, "k").startswith("<details")
    assert "Answer" in page.column(0)[0]
    assert "Is it <b>$5</b>?" in Page(cell.html).words


@pytest.mark.kernel
def test_an_error_is_shown_under_what_came(kernel: Kernel) -> None:
    cell = show(kernel, {"one": "So far", "two": "All of it"}, errors={0: "429 <slow> down $1 $2"})
    page = LivePage(cell)
    assert Page(page.last(0, "e")).words == "429 <slow> down $1 $2"
    assert page.last(1, "e") is None
    for html in (page.last(0, "e"), cell.html):
        assert dangers(html) == []
        assert Page(html).formulas == []
    assert "429 <slow> down" in Page(cell.html).words
    assert "`429 <slow> down $1 $2`" in cell.markdown


@pytest.mark.kernel
@pytest.mark.parametrize("mode", ["widget", "html"])
def test_hostile_replies_and_labels_are_harmless_on_any_way(kernel: Kernel, mode: str) -> None:
    replies = {f"{name} <img src=x onerror=x>": reply[:600] for name, reply in list(REPLIES.items())[:12]}
    cell = show(kernel, replies, mode=mode, step=0.6)
    for message in cell.of("display_data", "update_display_data"):
        assert dangers(message["content"]["data"].get("text/html", "")) == []
    page = LivePage(cell)
    assert dangers(page.shell) == []
    for index in range(len(replies) if mode == "widget" else 0):
        for until in range(0, len(page.changes), 25):
            assert dangers(page.column(index, until)[0]) == []


@pytest.mark.kernel
def test_a_front_end_without_widgets_is_repainted_rarely(kernel: Kernel) -> None:
    cell = show(kernel, {"one": "word " * 2_000}, mode="html", step=0.01, size=5)
    updates = cell.of("update_display_data")
    assert not cell.of("comm_open")
    assert 3 < len(updates) < 2_000 * 0.01 / 0.5 + 4
    sizes = [len(message["content"]["data"]["text/html"]) for message in updates]
    assert sizes[:-1] == sorted(sizes[:-1])
    assert set(cell.outputs[0]["data"]) == {"text/plain", "text/markdown", "text/html"}


@pytest.mark.kernel
def test_a_cell_that_never_got_to_paint_still_shows_its_end(kernel: Kernel) -> None:
    cell = kernel.execute("LiveCell(['one']).close(bundle([Column(label='one', text='whole')]))")
    assert cell.text == "whole"


def terminal(replies: dict[str, list[str]], errors: dict[int, str] | None = None) -> list[str]:
    """Feed replies piece by piece in turn to a terminal; return what stands there after each round."""
    out = io.StringIO()
    cell = LiveCell(list(replies), mode="text", out=out, interval=0)
    cell.start()
    stages = []
    rounds = max(map(len, replies.values()))
    for turn in range(rounds + 1):
        for index, (label, pieces) in enumerate(replies.items()):
            if turn < len(pieces):
                cell.push(index, pieces[turn])
            elif turn == len(pieces):
                if index in (errors or {}):
                    cell.fail(index, (errors or {})[index])
                cell.footer(index, f"{label} · $0.01")
        cell.paint()
        stages.append(out.getvalue())
    cell.close(bundle([Column(label=label, text="".join(pieces)) for label, pieces in replies.items()]))
    return [*stages, out.getvalue()]


def test_a_terminal_shows_text_as_it_comes() -> None:
    stages = terminal({"one": ["Hel", "lo **wor", "ld**"]})
    assert stages[:3] == ["Hel", "Hello **wor", "Hello **world**"]
    assert stages[-1] == "Hello **world**\none · $0.01\n"


def test_a_terminal_shows_several_replies_one_after_the_other() -> None:
    stages = terminal({"one": ["a", "b", "c"], "two": ["x", "y"]}, errors={1: "429 slow down"})
    assert stages[1] == "── one ──\nab"
    assert stages[-1] == "── one ──\nabc\none · $0.01\n\n── two ──\nxy\n429 slow down\ntwo · $0.01\n"


def test_a_terminal_gets_no_escape_sequences() -> None:
    assert "\x1b" not in terminal({"one \x1b[31m": [REPLIES["controls"]]})[-1]


def test_an_interrupted_cell_shows_in_a_terminal_what_came() -> None:
    out = io.StringIO()
    cell = LiveCell(["one", "two"], mode="text", out=out, interval=60)
    cell.start()
    cell.push(0, "first")
    cell.push(1, "second")
    cell.close(bundle([Column(label="one", text="first"), Column(label="two", text="second")]))
    cell.close({})
    assert out.getvalue() == "── one ──\nfirst\n\n── two ──\nsecond\n"


def test_between_two_paintings_the_interval_passes() -> None:
    out, now = io.StringIO(), [0.0]
    cell = LiveCell(["one"], mode="text", out=out, interval=0.1, clock=lambda: now[0])
    cell.start()
    shown = []
    for piece, passed, force in (("a", 0.0, False), ("b", 0.05, False), ("c", 0.1, False), ("d", 0.01, True)):
        cell.push(0, piece)
        now[0] += passed
        cell.paint(force)
        shown.append(out.getvalue())
    assert shown == ["a", "a", "abc", "abcd"]


def test_the_first_words_of_a_column_do_not_wait_for_the_interval() -> None:
    out = io.StringIO()
    cell = LiveCell(["one"], mode="text", out=out, interval=60)
    cell.start()
    cell.note(0, "one drops `seed`")
    cell.paint()
    cell.push(0, "first")
    cell.paint()
    cell.push(0, "second")
    cell.paint()
    assert out.getvalue().endswith("first")


def test_an_unknown_mode_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'webgl'"):
        LiveCell(["one"], mode="webgl")


def test_side_by_side_wraps_and_names_each_model() -> None:
    shown = bundle([Column(label="a <b>", text="*x*", footer="f $1 $2"), Column(label="c", text="y", error="no `key`")])
    assert dangers(shown["text/html"]) == []
    assert "auto-fit" in shown["text/html"]
    assert Page(shown["text/html"]).formulas == []
    assert shown["text/plain"] == "── a <b> ──\n*x*\nf $1 $2\n\n── c ──\ny\nno `key`"
    assert shown["text/markdown"] == "**a &lt;b>**\n\n*x*\n\n*f \\$1 \\$2*\n\n**c**\n\ny\n\n> `` no `key` ``"

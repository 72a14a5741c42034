"""A chat panel in a real kernel: what its widget says over the comm, what stands beside it, and what survives."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat.v4
import pytest
from nbclient import NotebookClient

from tests.kernels import WAIT_S, WIDGET_VIEW, Cell, Kernel, scratch_environment
from tests.servers import DONE, STALL, ScriptedServer, chunk, streamed, whole

pytestmark = pytest.mark.kernel

MODELS = {"/v1/models": whole({"object": "list", "data": []})}
KEY = "pk-KERNELSECRET"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path, {"JPY_SESSION_NAME": "/somewhere/book.ipynb"}) as kernel:
        begun = kernel.execute("from portkey_nb import ChatPanel\n%load_ext portkey_nb")
        assert begun.status == "ok", begun.evalue

        yield kernel


class Remote:
    """A page on the other side of the kernel's channels."""

    def __init__(self, kernel: Kernel, cell: Cell) -> None:
        self.kernel = kernel
        found = kernel.execute(
            "import anywidget, ipywidgets\n"
            "next(w.model_id for w in ipywidgets.Widget.widgets.values() if isinstance(w, anywidget.AnyWidget))"
        )
        self.model = found.text.strip("'")
        self.shown = cell
        self.seen = len(kernel.heard)
        self.do("hello", view="v")

    def do(self, do: str, buffers: Sequence[bytes] = (), **given: Any) -> None:
        client = self.kernel._client
        assert client is not None
        data = {"method": "custom", "content": {"do": do, **given}}
        message = client.session.msg("comm_msg", {"comm_id": self.model, "data": data})
        client.session.send(client.shell_channel.socket, message, buffers=list(buffers))

    def until(self, what: str) -> str:
        """Wait for a message of the widget in which a text stands, and return all of it."""
        deadline = time.monotonic() + WAIT_S
        while True:
            while self.seen < len(self.kernel.heard):
                message = self.kernel.heard[self.seen]
                self.seen += 1
                said = str(message["content"])
                if message["msg_type"] == "comm_msg" and what in said:
                    return said
            self.kernel.hear(deadline, f"{what!r} from the panel")


def twin(kernel: Kernel, cell: Cell) -> str:
    """Return the HTML of a cell's second output as a front end has it, which takes up updates whoever caused them."""
    name = cell.of("display_data")[1]["content"]["transient"]["display_id"]
    kinds = ("display_data", "update_display_data")
    shown = [message["content"] for message in kernel.heard if message["msg_type"] in kinds]
    return str([one for one in shown if one["transient"].get("display_id") == name][-1]["data"]["text/html"])


SAID = "[{'role': 'user', 'content': 'Before'}, {'role': 'assistant', 'content': 'what was said'}]"
LONG = f"""
panel = ChatPanel('demo-fast', base_url='demo', chat='draft')
panel.messages = {SAID}
panel
"""


def answers(*texts: str) -> list[Any]:
    return [streamed(chunk("", role="assistant"), chunk(text), chunk(finish="stop"), DONE) for text in texts]


def test_it_is_displayed_with_its_static_twin_which_follows(kernel: Kernel) -> None:
    cell = kernel.execute("panel = ChatPanel('demo-fast', base_url='demo', chat='draft')\npanel")
    assert cell.status == "ok"
    kinds = [sorted(output["data"]) for output in cell.outputs]
    assert WIDGET_VIEW in kinds[0]
    assert {"text/html", "text/plain"} <= set(kinds[0])
    assert WIDGET_VIEW not in kinds[1]
    page = Remote(kernel, cell)
    page.until("'all'")
    page.do("send", text="Say this is a test", view="v")
    page.until("'state': 'done'")
    deadline = time.monotonic() + WAIT_S
    while "This is a test." not in twin(kernel, cell):
        kernel.hear(deadline, "the twin")
    html = twin(kernel, cell)
    assert "<script" not in html
    assert "Say this is a test" in html


def test_where_somebody_watches_a_panel_is_there_before_its_twin_is_rendered(kernel: Kernel) -> None:
    cell = kernel.begin(LONG, stdin=True).finish()
    first = cell.of("display_data")[1]["content"]["data"]
    for form in ("text/html", "text/markdown", "text/plain"):
        assert "draft" in first[form]
        assert "2 messages" in first[form]
        assert "what was said" not in first[form]
    deadline = time.monotonic() + WAIT_S
    while "what was said" not in twin(kernel, cell):
        kernel.hear(deadline, "the whole twin")


def test_where_nobody_watches_the_twin_is_whole_when_a_cell_ends(kernel: Kernel) -> None:
    cell = kernel.execute(LONG)
    assert "what was said" in cell.outputs[1]["data"]["text/html"]
    undone = kernel.execute("panel.undo()")
    (update,) = undone.of("update_display_data")
    assert "No messages yet" in update["content"]["data"]["text/html"]


def test_a_notebook_run_as_a_whole_holds_the_last_answer(tmp_path: Path) -> None:
    sources = [f"from portkey_nb import ChatPanel\n{LONG}", "panel.send('Say this is a test').result()", "1 + 1"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    book = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    NotebookClient(book, timeout=WAIT_S, kernel_name="python3").execute(env=scratch_environment(tmp_path))
    html = book.cells[0].outputs[1]["data"]["text/html"]
    assert "what was said" in html
    assert "This is a test." in html


def test_whoever_waits_for_an_answer_has_it_in_the_twin_as_well(kernel: Kernel) -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), chunk("Once"), go, chunk(" upon"), chunk(finish="stop"), DONE)
    with ScriptedServer(script, aside=MODELS) as server:
        kernel.begin(f"panel = ChatPanel('m', base_url={server.url!r}, chat='draft')\npanel", stdin=True).finish()
        kernel.begin("sending = panel.send('A tale')", stdin=True).finish()
        # What is heard of a notebook that runs is what belongs to the cell that is waited for.
        waiting = kernel.begin("print('waiting', flush=True)\nsending.result()", stdin=True)
        waiting.until_text("waiting")
        go.set()
        said = [str(message["content"]) for message in waiting.finish().of("update_display_data")]
    assert any("Once upon" in one for one in said)


def test_cells_python_and_panel_hold_one_conversation_that_outlives_the_kernel(kernel: Kernel) -> None:
    cell = kernel.execute("panel = ChatPanel('demo-fast', base_url='demo', chat='draft')\npanel")
    page = Remote(kernel, cell)
    page.until("'all'")
    asked = kernel.execute("%%portkey -m demo-fast --base-url demo --chat draft\nName a river", cell_id="c")
    assert asked.status == "ok"
    page.until("Name a river")
    assert kernel.execute("panel.send('Say this is a test').result(20); len(panel.messages)").text == "4"
    kernel.restart()
    code = "from portkey_nb import ChatPanel\npanel = ChatPanel(chat='draft', base_url='demo')\nprint(panel)"
    again = kernel.execute(code)
    assert "demo-fast, 4 messages" in again.printed
    assert kernel.execute("panel.undo(); len(panel.messages)").text == "2"


def test_the_panel_answers_while_a_cell_runs_and_an_interrupt_of_the_cell_leaves_it_alone(kernel: Kernel) -> None:
    go = threading.Event()
    script = streamed(chunk("", role="assistant"), chunk("Once"), go, chunk(" upon"), chunk(finish="stop"), DONE)
    with ScriptedServer(script, aside=MODELS) as server:
        cell = kernel.execute(f"panel = ChatPanel('m', base_url={server.url!r}, chat='draft')\npanel")
        page = Remote(kernel, cell)
        page.until("'all'")
        page.do("send", text="A tale", view="v")
        page.until("Once")
        kernel.interrupt()
        busy = kernel.begin("print('busy', flush=True)\nimport time\nwhile True: time.sleep(0.01)")
        busy.until_text("busy")
        kernel.interrupt()
        assert busy.finish().ename == "KeyboardInterrupt"
        go.set()
        page.until("upon")
        page.until("'busy': False")
        assert kernel.execute("panel.messages[-1]['content']").text == "'Once upon'"


def test_an_interrupted_result_stops_the_call_and_keeps_what_came(kernel: Kernel) -> None:
    with ScriptedServer(streamed(chunk("", role="assistant"), chunk("Once"), STALL), aside=MODELS) as server:
        made = f"panel = ChatPanel('m', base_url={server.url!r}, chat='draft'); panel.widget; None"
        assert kernel.execute(made).status == "ok"
        page = Remote(kernel, kernel.execute("None"))
        page.until("'all'")
        cell = kernel.begin("panel.send('A tale').result()")
        cell.until_text("Once")
        kernel.interrupt()
        assert cell.finish().ename == "KeyboardInterrupt"
        assert server.left.wait(WAIT_S)
        assert kernel.execute("panel.messages[-1]['content']").text == "'Once'"


def test_the_magic_opens_a_panel_and_what_is_wrong_is_one_line(kernel: Kernel) -> None:
    set_up = kernel.execute("%config PortkeyMagics.base_url = 'demo'\n%config PortkeyMagics.model = 'demo-fast'")
    assert set_up.status == "ok"
    cell = kernel.execute("%portkey panel")
    assert WIDGET_VIEW in cell.outputs[0]["data"]
    named = kernel.execute("panel = %portkey panel draft\npanel.conversation.name, panel.models")
    assert named.text == "('draft', ['demo-fast'])"
    wrong = kernel.execute("ChatPanel('m', images=['a.png'])")
    assert wrong.ename == "PromptError"


def test_a_closed_panel_leaves_its_conversation_and_no_thread_of_its_own(kernel: Kernel) -> None:
    cell = kernel.execute("panel = ChatPanel('demo-fast', base_url='demo', chat='draft')\npanel")
    kernel.execute("panel.send('Say this is a test').result(20)")
    ended = kernel.execute(
        "panel.close()\n"
        "import asyncio, ipywidgets\n"
        "from portkey_nb.engine.loop import submit\n"
        "async def left():\n"
        "    others = asyncio.all_tasks() - {asyncio.current_task()}\n"
        "    return len((await asyncio.wait(others, timeout=10))[1]) if others else 0\n"
        "submit(left()).result(), 'Say this' in str(panel.messages)"
    )
    assert ended.text == "(0, True)"
    assert "This is a test." in twin(kernel, cell)
    static = kernel.execute("panel")
    assert all(WIDGET_VIEW not in output["data"] for output in static.outputs)
    assert "This is a test." in static.html


MADE = "panel = ChatPanel('demo-fast', base_url='demo', chat='draft')\ndisplay(panel)"


def alive(kernel: Kernel) -> int:
    """Return how many panels have a widget."""
    found = kernel.execute(
        "import anywidget, ipywidgets\n"
        "sum(isinstance(w, anywidget.AnyWidget) for w in ipywidgets.Widget.widgets.values())"
    )
    return int(found.text)


@pytest.mark.parametrize("cell_id", ["c1", None])
def test_a_cell_that_is_run_again_leaves_one_panel(kernel: Kernel, cell_id: str | None) -> None:
    for _ in range(4):
        assert kernel.execute(MADE, cell_id=cell_id).status == "ok"
    unnamed = "ChatPanel('demo-fast', base_url='demo')"
    for _ in range(4):
        assert kernel.execute(unnamed, cell_id=cell_id and "c2").status == "ok"
    assert alive(kernel) == 2
    assert kernel.execute("panel.send('Say this is a test').result(20)").text == "This is a test."


def test_a_cell_that_is_changed_leaves_no_panel_that_nobody_sees(kernel: Kernel) -> None:
    kernel.execute(MADE, cell_id="c1")
    kernel.execute(MADE.replace("draft", "other"), cell_id="c1")
    assert alive(kernel) == 1
    kernel.execute("None", cell_id="c1")
    assert alive(kernel) == 1, "it has its name"
    kernel.execute("del panel")
    assert alive(kernel) == 0


def test_a_panel_that_another_cell_shows_or_that_has_a_name_stays(kernel: Kernel) -> None:
    kernel.execute(MADE, cell_id="c1")
    for cell_id in ("c2", "c1", "c2"):
        kernel.execute("panel", cell_id=cell_id)
    assert alive(kernel) == 1
    assert "closed" not in kernel.execute("repr(panel)").text
    kernel.execute("first = panel\n" + MADE, cell_id="c1")
    assert alive(kernel) == 2
    kernel.execute("del first")
    assert alive(kernel) == 2, "the first is seen in c2"
    kernel.execute("panel", cell_id="c2")
    assert alive(kernel) == 1
    kernel.execute("both = [panel, ChatPanel('demo-fast', base_url='demo')]\ndisplay(*both)", cell_id="c3")
    kernel.execute("display(*both[::-1])", cell_id="c3")
    kernel.execute("display(both[0])", cell_id="c3")
    assert alive(kernel) == 2


def test_a_close_that_was_interrupted_can_be_repeated(kernel: Kernel) -> None:
    made = kernel.begin(
        "import threading\n"
        "panel = ChatPanel('demo-fast', base_url='demo', chat='draft')\n"
        "display(panel)\n"
        "began, go = threading.Event(), threading.Event()\n"
        "def slow(conversation):\n"
        "    began.set(); go.wait(60)\n"
        "    return conversation\n"
        "threading.Thread(target=panel.conversation.change, args=(slow,)).start()\n"
        "began.wait(20)\n"
        "sending = panel.send('Say this is a test')",
        stdin=True,
    ).finish()
    assert made.status == "ok", made.evalue
    closing = kernel.begin("print('closing', flush=True)\npanel.close()", stdin=True)
    closing.until_text("closing")
    kernel.interrupt()
    assert closing.finish().ename == "KeyboardInterrupt"
    again = kernel.execute("go.set()\npanel.close()\npanel.widget.comm is None, 'closed' in repr(panel)")
    assert again.text == "(True, True)"


def test_no_key_is_in_anything_the_kernel_sent_or_kept(kernel: Kernel) -> None:
    with ScriptedServer(*answers("A"), whole({"error": {"message": f"bad {KEY}"}}, 401), aside=MODELS) as server:
        half = len(KEY) // 2
        made = f"key = {KEY[:half]!r} + {KEY[half:]!r}\n"
        options = "api_key=key, config={'provider': 'openai', 'api_key': key}, virtual_key=key, Authorization=key"
        cell = kernel.execute(f"{made}panel = ChatPanel('m', base_url={server.url!r}, chat='draft', {options})\npanel")
        assert cell.status == "ok", cell.evalue
        page = Remote(kernel, cell)
        page.until("'all'")
        page.do("send", text="Hi", view="v")
        page.until("'undo': True")  # a quick answer may never be shown as busy
        page.do("code", view="v")
        page.until("'code'")
        page.do("send", text="Ho", view="v")
        page.until("failed")
        page.do("copy_all", view="v")
        page.until("'copy'")
        kernel.execute("print(panel, panel.runs.to_csv(), panel.as_code(), vars(panel))")
        assert KEY in str(server.requests[0].headers)
        closed = kernel.execute("panel.close()")
        assert closed.status == "ok"
    said = str([message["content"] for message in kernel.heard])
    assert "Hi" in said
    assert KEY not in said
    files = [path for path in kernel.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert "Traceback" not in re.sub(r"(?s)KeyboardInterrupt.*?\n", "", kernel.journal.read_text())

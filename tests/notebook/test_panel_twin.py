"""The static outputs beside a panel: published with each display, kept up to date, complete without a kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat.v4
import pytest
from nbconvert import HTMLExporter, MarkdownExporter

from tests.kernels import WIDGET_VIEW, Cell, Kernel

BEGIN = """
import threading
import anywidget, ipywidgets
from IPython.display import display
from portkey_nb.engine.transcript import talk_bundle
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.notebook.panel.twin import Twin

class Panel(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.classList.add('pk-panel'); } }"

def told(*texts):
    talk = Conversation.new("Be brief.")
    for text in texts:
        answer = {"role": "assistant", "content": f"**{text}!**"}
        talk = talk.append(Turn.new([{"role": "user", "content": text}, answer]))
    return talk_bundle("draft", talk, {})

panel, twin = ipywidgets.VBox([Panel()]), Twin()
"""
SHOW = "display(panel)\ntwin.show(told('first'))"

pytestmark = pytest.mark.kernel


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path / "kernel") as kernel:
        assert kernel.execute(BEGIN).status == "ok"
        yield kernel


def twins(cell: Cell) -> list[dict[str, Any]]:
    """Return what the outputs of a cell hold beside widgets."""
    return [output["data"] for output in cell.outputs if WIDGET_VIEW not in output.get("data", {})]


def updates(kernel: Kernel) -> list[dict[str, Any]]:
    return [message["content"] for message in kernel.heard if message["msg_type"] == "update_display_data"]


def test_the_twin_stands_right_after_the_widget(kernel: Kernel) -> None:
    cell = kernel.execute(SHOW)
    assert [WIDGET_VIEW in output["data"] for output in cell.outputs] == [True, False]
    (shown,) = twins(cell)
    assert set(shown) == {"text/html", "text/markdown", "text/plain"}
    assert "pk-twin" in shown["text/html"]
    assert "<script" not in shown["text/html"]
    for form in shown.values():
        assert "Be brief." in form
        assert "first!" in form
    # Without its style it reads as well.
    assert ".jp-" not in re.sub(r"<style>.*?</style>", "", shown["text/html"])


def test_an_update_from_a_thread_reaches_every_display(kernel: Kernel) -> None:
    first = kernel.execute(SHOW)
    second = kernel.execute(SHOW)
    later = """
def later():
    go.wait(10)
    twin.update(told("first", "second"))
    done.set()
go, done = threading.Event(), threading.Event()
threading.Thread(target=later).start()
"""
    kernel.execute(later)
    finished = kernel.execute("go.set()\nassert done.wait(10)")
    assert finished.status == "ok"
    ids = [cell.of("display_data")[1]["content"]["transient"]["display_id"] for cell in (first, second)]
    assert sorted(content["transient"]["display_id"] for content in updates(kernel)) == sorted(ids)
    for content in updates(kernel):
        assert "second!" in content["data"]["text/html"]
        assert "second!" in content["data"]["text/plain"]
    assert not finished.printed


def test_nothing_is_sent_where_nothing_has_changed(kernel: Kernel) -> None:
    kernel.execute("twin.update(told('first'))")
    kernel.execute(SHOW)
    kernel.execute("twin.update(told('first'))\ntwin.update(told('first'))")
    assert updates(kernel) == []
    kernel.execute("twin.update(told('second'))\ntwin.update(told('second'))")
    assert len(updates(kernel)) == 1


def test_a_panel_displayed_again_and_again_updates_its_latest_displays(kernel: Kernel) -> None:
    cell = kernel.execute(
        f"for number in range(30):\n    {SHOW.replace(chr(10), chr(10) + '    ')}\ntwin.update(told('x'))"
    )
    assert "x!" in twins(cell)[-1]["text/html"]
    assert len(updates(kernel)) < 10


def test_an_exported_notebook_shows_the_conversation_once(kernel: Kernel) -> None:
    outputs = [nbformat.from_dict(output) for output in kernel.execute(SHOW).outputs]  # type: ignore[no-untyped-call]
    cell = nbformat.v4.new_code_cell("panel", outputs=outputs)  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    html, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    assert html.count("<strong>first!</strong>") == 1
    body = html[html.index('pk-twin"') :]
    assert "Be brief." in body
    text, _ = MarkdownExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    assert "first!" in text

"""Views of one panel: two in a page, a page that is loaded again, a kernel that restarts, a notebook without one."""

from __future__ import annotations

from threading import Event

import nbformat
import pytest

from tests.browser.lab import SHOTS, Lab, LabPage
from tests.browser.panel_page import Panel, gateway, in_kernel, open_panel
from tests.browser.test_looks import REPLY, piecewise

pytestmark = pytest.mark.browser


def test_two_views_of_one_panel_stay_the_same(lab: Lab, page: LabPage) -> None:
    gate = Event()
    # Formulas are typeset where they are seen; without them both views read the same.
    with gateway(piecewise(REPLY.replace("$", ""), gate), piecewise("Second answer")) as server:
        code = f"panel = ChatPanel('gpt-4o', base_url={server.url!r}, chat='twice')\npanel"
        one = open_panel(page, "twice.ipynb", code, "panel")
        two = Panel(page, 1).ready()
        one.composer.press_sequentially("Compare")
        two.until("panel.querySelector('textarea[aria-label=Message]').value === 'Compare'")
        two.composer.press("End")
        two.composer.press_sequentially(" sorts")
        one.until("panel.querySelector('textarea[aria-label=Message]').value === 'Compare sorts'")
        two.composer.press("Enter")
        for view in (one, two):
            view.shows("Bubble")
            assert view.button("Stop").is_visible()
        gate.set()
        for view in (one, two):
            view.idle(2)
            view.shows("21 → 347 tokens")
            view.until("panel.querySelector('textarea[aria-label=Message]').value === ''")
        assert one.texts() == two.texts()
        # A cell speaks in the same conversation, and the panel hears of it.
        asks = f"portkey_nb.conversation('twice').ask('And then?', model='gpt-4o', base_url={server.url!r})"
        assert in_kernel(page, f"import portkey_nb\n_ = {asks}") == ""
        for view in (one, two):
            view.shows("Second answer")
            view.idle(4)
        assert one.texts() == two.texts()
    page.assert_quiet()


def test_a_page_loaded_again_in_mid_stream_has_everything(lab: Lab, page: LabPage) -> None:
    gate = Event()
    with gateway(piecewise(REPLY, gate)) as server:
        code = f"panel = ChatPanel('gpt-4o', base_url={server.url!r})\npanel"
        panel = open_panel(page, "again.ipynb", code)
        panel.begin("Compare sorts")
        panel.shows("Bubble")
        page.save()
        page.open("again.ipynb")
        # JupyterLab keeps the kernel; its widgets come back from there.
        page.page.locator(".pk-panel").first.wait_for()
        panel.shows("Compare sorts")
        panel.shows("Bubble")
        assert panel.button("Stop").is_visible()
        # Who interrupts the kernel means a cell, and none runs.
        page.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.interrupt()")
        gate.set()
        panel.idle(2)
        panel.shows("merge_sort")
        panel.shows("21 → 347 tokens")
        assert panel.entry(1).locator("table").count() == 1
        # The kernel's displays are unknown to a page that was loaded again: it writes the static form itself.
        saved = "said => JSON.stringify(jupyterapp.shell.currentWidget.model.toJSON()).includes(said)"
        page.page.wait_for_function(saved, arg="21 → 347 tokens")
    page.save()
    (_, twin) = lab.read("again.ipynb").cells[0].outputs
    assert all("merge_sort" in twin.data[form] for form in ("text/html", "text/markdown", "text/plain"))
    page.assert_quiet()


def test_a_restarted_kernel_is_said_and_the_conversation_is_kept(lab: Lab, page: LabPage) -> None:
    with gateway(piecewise("First answer"), piecewise("Second answer")) as server:
        code = f"panel = ChatPanel('gpt-4o', base_url={server.url!r}, chat='kept')\npanel"
        panel = open_panel(page, "restart.ipynb", code)
        panel.send("Hello", 2)
        page.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
        panel.says("kernel")
        panel.until("panel.querySelector('textarea[aria-label=Message]').readOnly")
        assert panel.off("Send")
        panel.shows("First answer")
        panel.shoot("panel-restarted")
        page.run_all()
        panel = Panel(page).ready()
        panel.idle(2)
        assert panel.texts() == ["Hello", "First answer"]
        panel.send("Go on", 4)
        panel.shows("Second answer")


def test_a_closed_notebook_shows_the_conversation_without_a_kernel(lab: Lab, page: LabPage) -> None:
    with gateway(piecewise(REPLY)) as server:
        panel = open_panel(page, "static.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})")
        panel.send("Compare sorts", 2)
        page.page.wait_for_function(
            """() => JSON.stringify(jupyterapp.shell.currentWidget.model.toJSON()).includes("Bubble sort")"""
        )
    page.save()
    page.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
    saved = lab.read("static.ipynb")
    assert "<script" not in str(saved.cells[0].outputs)
    # With a new kernel, which knows no widgets, and with none at all.
    assert_static(page.open("static.ipynb"))
    page.assert_quiet()
    # As somebody else's: unsigned, so that JupyterLab cleans what it shows.
    page.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
    nbformat.write(saved, lab.folder / "elsewhere.ipynb")
    page.page.route("**/api/sessions*", lambda route: route.abort())
    page.page.goto(lab.address("elsewhere.ipynb"))
    assert_static(page)
    page.page.wait_for_selector("mjx-container")
    page.page.screenshot(path=SHOTS / "panel-static.png")


def assert_static(page: LabPage) -> None:
    """Fail if a notebook does not show the conversation as plain HTML alone."""
    page.page.wait_for_function("document.querySelector('.jp-Notebook')?.textContent.includes('Merge sort needs')")
    page.settle()
    shown = page.page.locator(".jp-Notebook").inner_text()
    assert "Compare sorts" in shown
    assert "model not found" not in shown.lower()
    assert "Error displaying widget" not in shown
    assert "Loading widget" not in shown
    assert page.page.locator(".pk-panel").count() == 0
    assert page.page.locator(".jp-OutputArea-output table").count() == 1

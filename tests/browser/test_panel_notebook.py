"""The chat panel in Notebook 7: written, streamed, stopped, edited, and left in the notebook."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from tests.browser.lab import NotebookPage
from tests.browser.panel_page import gateway, look, open_panel, said
from tests.browser.test_looks import REPLY, piecewise
from tests.servers import STALL

pytestmark = pytest.mark.browser

Violations = Callable[[Any, str], list[str]]


def test_the_main_path_in_notebook_7(notebook_page: NotebookPage, violations: Violations) -> None:
    page, gate = notebook_page, Event()
    with gateway(piecewise(REPLY, gate), piecewise("Second."), piecewise("x " * 40, STALL)) as server:
        panel = open_panel(page, "seven.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})")
        panel.composer.focus()
        page.page.keyboard.type("dd xx a b m y 00")
        page.page.keyboard.press("Shift+Enter")
        page.page.keyboard.type("Compare sorts")
        page.page.keyboard.press("Enter")
        panel.shows("Bubble")
        gate.set()
        panel.idle(2)
        panel.shows("21 → 347 tokens")
        page.page.wait_for_selector(".pk-log mjx-container")
        assert said(server.requests[0]) == [("user", "dd xx a b m y 00\nCompare sorts")]
        assert page.page.locator(".jp-Notebook .jp-CodeCell").count() == 1
        panel.edit(0, "Briefly", "Save and send")
        panel.shows("Second.")
        panel.idle(2)
        panel.branch_is(0, "2 / 2")
        panel.tool(0, "Previous branch")
        panel.shows("Bubble sort")
        panel.begin("Go on", by="Send")
        panel.shows("x x x")
        panel.button("Stop").click()
        assert server.left.wait(10)
        panel.idle(4)
        look(page, "panel-notebook7", violations)
    page.assert_quiet()

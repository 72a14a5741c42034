"""A conversation in the chat panel: by keys alone, by the mouse, stopped, edited, branched and put in order."""

from __future__ import annotations

from threading import Event

import pytest

from tests.browser.lab import Lab, LabPage
from tests.browser.panel_page import Panel, gateway, in_kernel, open_panel, said
from tests.browser.test_looks import REPLY, piecewise
from tests.servers import STALL

pytestmark = pytest.mark.browser


def test_a_conversation_by_keys_alone(lab: Lab, page: LabPage) -> None:
    gate = Event()
    with gateway(piecewise(REPLY, gate), piecewise("Shorter, then."), piecewise("x " * 40, STALL)) as server:
        panel = open_panel(page, "keys.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})", "other = 1")
        write_by_keys(panel)
        panel.shows("Bubble")
        assert "narrow column" not in panel.entry(-1).inner_text()
        assert panel.button("Stop").is_visible()
        assert panel.focused() == "Message"
        gate.set()
        panel.idle(2)
        panel.shows("21 → 347 tokens")
        assert said(server.requests[0]) == [("user", "dd xx a b m y 00 ii\nCompare sorts")]
        assert panel.roles() == ["user", "assistant"]
        edit_by_keys(panel)
        assert said(server.requests[1]) == [("user", "In one line")]
        step_by_keys(panel)
        # Esc stops, and what came stays.
        panel.composer.focus()
        page.page.keyboard.type("Go on for long")
        page.page.keyboard.press("Enter")
        panel.shows("x x x")
        page.page.keyboard.press("Escape")
        assert server.left.wait(10)
        panel.idle(4)
        panel.shows("interrupted")
        assert said(server.requests[2])[-1] == ("user", "Go on for long")
    assert page.page.locator(".jp-Notebook .jp-CodeCell").count() == 2
    page.assert_quiet()


def write_by_keys(panel: Panel) -> None:
    """Write two lines, the first of letters that JupyterLab has shortcuts for: cut, copy, delete, add, restart."""
    panel.root.locator("button").first.focus()
    panel.page.keyboard.type("axbddm")
    panel.page.keyboard.press("Shift+Enter")
    panel.tab_to("Message")
    panel.page.keyboard.type("dd xx a b m y 00 ii")
    panel.page.keyboard.press("Shift+Enter")
    panel.page.keyboard.type("Compare sorts")
    assert panel.composer.input_value() == "dd xx a b m y 00 ii\nCompare sorts"
    assert panel.page.locator(".jp-Notebook .jp-CodeCell").count() == 2
    assert panel.page.locator(".jp-InputPrompt").all_inner_texts() == ["[1]:", "[2]:"]
    panel.page.keyboard.press("Enter")


def edit_by_keys(panel: Panel) -> None:
    """Open the last message of one's own by the arrow, and send it in other words; the old one stays as a branch."""
    assert panel.focused() == "Message"
    panel.page.keyboard.press("ArrowUp")
    panel.until("document.activeElement.getAttribute('aria-label') === 'Text'")
    panel.page.keyboard.press("Control+A")
    panel.page.keyboard.type("In one line")
    panel.tab_to("Save and send")
    panel.page.keyboard.press("Enter")
    panel.shows("Shorter, then.")
    panel.idle(2)


def step_by_keys(panel: Panel) -> None:
    """Go to the other branch and back."""
    panel.branch_is(0, "2 / 2")
    panel.button("Previous branch").focus()
    panel.page.keyboard.press("Enter")
    panel.branch_is(0, "1 / 2")
    panel.shows("Bubble sort")
    panel.tab_to("Next branch")
    panel.page.keyboard.press("Enter")
    panel.branch_is(0, "2 / 2")
    assert panel.texts() == ["In one line", "Shorter, then."]


def test_stop_works_before_the_first_token(lab: Lab, page: LabPage) -> None:
    panel = open_panel(page, "stop.ipynb", "ChatPanel('demo-slow')")
    panel.begin("Hello?", by="Send")
    panel.button("Stop").click()
    panel.idle()
    assert panel.composer.is_editable()
    panel.until("!panel.querySelector('.pk-log').textContent.includes('waiting')")
    # Nothing came, so nothing was kept: the next message does not follow one without an answer.
    told = in_kernel(page, "from portkey_nb import conversation; print(conversation('panel-1').messages)")
    assert told.strip() == "[]"
    page.assert_quiet()


def test_messages_are_composed_with_the_mouse(lab: Lab, page: LabPage) -> None:
    scripts = [piecewise(text) for text in ("First answer", "Second answer", "Third answer", "Fourth answer")]
    with gateway(*scripts) as server:
        panel = open_panel(page, "compose.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})")
        # Begin with messages of one's own.
        panel.button("Add a message below").click()
        panel.fill_editor("What is 2 + 2?", "Save", role="user")
        panel.idle(1)
        panel.tool(0, "Add a message below")
        panel.fill_editor("Five.", "Save", role="assistant")
        panel.idle(2)
        assert server.requests == []
        panel.send("Are you sure?", 4, by="Send")
        begun = [("user", "What is 2 + 2?"), ("assistant", "Five."), ("user", "Are you sure?")]
        assert said(server.requests[0]) == begun
        # An answer is put into other words, and the conversation goes on from those.
        panel.edit(1, "Four.", "Save")
        panel.shows("Four.")
        panel.send("Why?", 6)
        assert said(server.requests[1])[1] == ("assistant", "Four.")
        assert said(server.requests[1])[3] == ("assistant", "First answer")
        # Retry keeps the old answer as a branch.
        panel.tool(5, "Retry")
        panel.shows("Third answer")
        panel.idle(6)
        assert said(server.requests[2]) == said(server.requests[1])
        panel.branch_is(4, "2 / 2")
        panel.tool(4, "Previous branch")
        panel.branch_is(4, "1 / 2")
        panel.shows("Second answer")
        put_in_order(panel)
    page.assert_quiet()


def put_in_order(panel: Panel) -> None:
    """Move, remove, undo, redo and clear the messages of a conversation of six, and change a role."""
    before = panel.texts()
    panel.tool(0, "Move down")
    panel.until("panel.querySelector('.pk-entry .pk-body').textContent.includes('Four.')")
    assert panel.texts()[:2] == [before[1], before[0]]
    panel.tool(1, "Move up")
    panel.until("panel.querySelector('.pk-entry .pk-body').textContent.includes('What is')")
    assert panel.texts() == before
    panel.tool(4, "Remove")
    panel.idle(5)
    assert panel.texts() == before[:4] + before[5:]
    for button, left in [("Undo", 6), ("Redo", 5), ("Undo", 6), ("Clear", 0), ("Undo", 6)]:
        panel.button(button).click()
        panel.idle(left)
        assert panel.root.locator(".pk-editor").count() == 0
    assert panel.texts() == before
    panel.edit(0, None, "Save", role="assistant")
    panel.until("panel.querySelector('.pk-entry').dataset.role === 'assistant'")
    assert panel.texts() == before


def test_a_gateway_that_is_gone_is_said_and_the_message_kept(lab: Lab, page: LabPage) -> None:
    with gateway() as server:
        gone = server.url
    panel = open_panel(page, "gone-gateway.ipynb", f"ChatPanel('gpt-4o', base_url={gone!r}, max_retries=0)")
    panel.begin("Is anybody there?")
    panel.idle()
    panel.says(gone.removeprefix("http://").removesuffix("/v1"))
    panel.shows("Is anybody there?")
    assert panel.button("Retry", panel.entry(-1)).first.is_visible()
    panel.tool(len(panel.roles()) - 1, "Dismiss")
    panel.idle(0)
    page.assert_quiet()

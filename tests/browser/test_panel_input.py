"""What goes into the composer of the chat panel: images, very long text; and what copies out of the panel."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.browser.lab import Lab, LabPage
from tests.browser.panel_page import asked, clipboard, gateway, in_kernel, look, open_panel
from tests.browser.test_looks import REPLY, piecewise

pytestmark = pytest.mark.browser

Violations = Callable[[Any, str], list[str]]


def picture(colour: str, kind: str = "PNG") -> str:
    """Return a picture of one colour, in base64."""
    held = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(held, kind)
    return base64.b64encode(held.getvalue()).decode()


def test_images_are_pasted_dropped_and_refused(lab: Lab, page: LabPage) -> None:
    with gateway(piecewise("Two pictures.")) as server:
        panel = open_panel(page, "images.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})")
        red, green = picture("red"), picture("green", "JPEG")
        panel.give_files("paste", [("red.png", "image/png", red)])
        tray = panel.root.locator(".pk-composer img")
        panel.until("panel.querySelectorAll('.pk-composer img').length === 1")
        panel.give_files("drop", [("green.jpg", "image/jpeg", green), ("notes.pdf", "application/pdf", 100)])
        panel.until("panel.querySelectorAll('.pk-composer img').length === 2")
        panel.says("notes.pdf")
        assert tray.nth(1).evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
        panel.give_files("drop", [("huge.png", "image/png", 20 * 1024**2)])
        panel.says("huge.png (image/png, 20.0 MB) is too large")
        panel.says("up to 5 MB")
        panel.shoot("panel-images")
        panel.give_files("paste", [("blue.png", "image/png", picture("blue"))])
        panel.until("panel.querySelectorAll('.pk-composer .pk-thumb:not(.pk-waiting)').length === 3")
        panel.root.get_by_role("button", name=re.compile(r"^Remove blue\.png")).click()
        panel.until("panel.querySelectorAll('.pk-composer .pk-thumb').length === 2")
        panel.begin("What is this?")
        panel.idle(2)
        (message,) = asked(server.requests[0])
        urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
        assert urls == [f"data:image/png;base64,{red}", f"data:image/jpeg;base64,{green}"]
        assert panel.entry(0).locator("img").count() == 2
        panel.until("panel.querySelectorAll('.pk-composer .pk-thumb').length === 0")
        # The button opens the system's own dialog for files.
        with page.page.expect_file_chooser() as chosen:
            panel.button("Attach an image").click()
        chosen.value.set_files(
            [{"name": "yellow.png", "mimeType": "image/png", "buffer": base64.b64decode(picture("yellow"))}]
        )
        panel.until("panel.querySelectorAll('.pk-composer .pk-thumb:not(.pk-waiting)').length === 1")
    page.assert_quiet()


def test_a_text_of_one_megabyte_is_pasted_and_sent(lab: Lab, page: LabPage) -> None:
    text = "long text " * 100_000
    with gateway(piecewise("Much to read.")) as server:
        panel = open_panel(page, "long.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})")
        page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        panel.composer.focus()
        page.page.keyboard.press("Control+V")
        panel.until("panel.querySelector('textarea[aria-label=Message]').value.length === 1000000")
        page.page.keyboard.press("Enter")
        panel.idle(2)
        assert asked(server.requests[0]) == [{"role": "user", "content": text.strip()}] or asked(
            server.requests[0]
        ) == [{"role": "user", "content": text}]
        assert len(panel.texts()[0]) < 30_000
    page.assert_quiet()


def test_copies_and_the_cell_that_sends_the_same(lab: Lab, page: LabPage, violations: Violations) -> None:
    with gateway(piecewise(REPLY), piecewise("Again.")) as server:
        code = f"panel = ChatPanel('gpt-4o', base_url={server.url!r}, temperature=0, system='Be brief')\npanel"
        panel = open_panel(page, "copies.ipynb", code)
        page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        panel.send("Compare sorts", 2)
        panel.tool(1, "Copy")
        assert clipboard(page, "## Sorting") == REPLY
        panel.entry(1).locator("pre").first.hover()
        panel.button("Copy code").click()
        code = REPLY.partition("```python\n")[2].partition("\n```")[0]
        assert clipboard(page, code, without="## Sorting") == code
        panel.button("Copy all").click()
        assert "merge_sort" in clipboard(page, "Compare sorts")
        panel.composer.fill("What of heaps?")
        panel.button("As code").click()
        dialog = panel.root.get_by_role("dialog", name="As code")
        cell = dialog.get_by_role("region", name="As a cell").inner_text()
        python = dialog.get_by_role("region", name="As Python").inner_text()
        assert cell.startswith("%%portkey")
        assert "%load_ext portkey_nb" in dialog.inner_text()
        look(page, "panel-as-code", violations)
        panel.button("Close", dialog).click()
        assert panel.focused() == "As code"
        panel.composer.press("Enter")
        panel.idle(4)
        in_kernel(page, "%load_ext portkey_nb")
        page.command("notebook:insert-cell-below")
        page.page.evaluate(
            """async cell => {
                jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource(cell);
                await jupyterapp.commands.execute("notebook:run-cell");
            }""",
            cell,
        )
        assert in_kernel(page, python) == ""
        assert len(server.requests) == 4
        mine, of_cell, of_python = (request.json for request in server.requests[1:])
        assert mine["messages"][0] == {"role": "system", "content": "Be brief"}
        assert mine["temperature"] == 0
        assert of_cell == mine
        assert {**of_python, "stream": True} == {**mine, "stream": True}
    page.assert_quiet()

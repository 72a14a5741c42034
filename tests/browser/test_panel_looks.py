"""The chat panel as people see it: in both themes, in little room, under axe-core, and where one reads in it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from tests.browser.lab import Lab, LabPage
from tests.browser.panel_page import gateway, look, open_panel
from tests.browser.test_looks import REPLY, piecewise

pytestmark = pytest.mark.browser

Violations = Callable[[Any, str], list[str]]


def test_a_panel_in_both_themes_and_in_little_room(lab: Lab, page: LabPage, violations: Violations) -> None:
    gate = Event()
    scripts = [piecewise(REPLY), piecewise("**391**, since 17 · 23 = 391."), piecewise(REPLY, gate)]
    with gateway(*scripts) as server:
        code = f"ChatPanel('gpt-4o', base_url={server.url!r}, system='Be brief', temperature=0)"
        panel = open_panel(page, "panel-looks.ipynb", code)
        look(page, "panel-empty", violations)
        panel.send("Compare sorts", 2)
        panel.send("What is 17 · 23?", 4)
        page.page.wait_for_selector(".pk-log mjx-container")
        panel.edit(2, "What is 17 · 23, and why?\nSay it in `two` lines.", "Save and send")
        panel.shows("Bubble")
        look(page, "panel-live", violations)
        gate.set()
        panel.idle(4)
        panel.tool(1, "Edit")
        look(page, "panel-editor", violations)
        panel.button("Cancel").click()
        page.page.evaluate("document.querySelector('.jp-OutputArea-output').style.cssText = 'flex: none; width: 400px'")
        look(page, "panel-narrow", violations)
        wide = page.page.evaluate(
            """() => [document.querySelector(".jp-OutputArea-output"), document.querySelector(".pk-panel"),
                document.querySelector(".pk-log")].map(one => one.scrollWidth - one.clientWidth)"""
        )
        assert max(wide) <= 1, wide
        assert panel.root.bounding_box()["width"] <= 400
        panel.composer.fill("Still of use")
        panel.until("panel.querySelector('.pk-send').getAttribute('aria-disabled') !== 'true'")
    page.assert_quiet()


def test_axe_would_notice(lab: Lab, page: LabPage, violations: Violations) -> None:
    lab.write("noticed-axe.ipynb", ["1"])
    page.open("noticed-axe.ipynb").run_all()
    bad = "<button></button><span style='color:#ccc;background:#fff'>hello</span>"
    page.page.locator(".jp-OutputArea-output").evaluate("(output, bad) => { output.innerHTML = bad; }", bad)
    found = " ".join(violations(page.page, ".jp-OutputArea-output"))
    assert "button-name" in found
    assert "color-contrast" in found


def test_the_end_stays_in_sight_of_those_who_are_there(lab: Lab, page: LabPage) -> None:
    gates = [Event(), Event()]
    with gateway(piecewise(REPLY * 3), piecewise(REPLY * 2, gates[0]), piecewise(REPLY, gates[1])) as server:
        panel = open_panel(page, "scroll.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})")
        rest = "(log => log.scrollHeight - log.clientHeight - log.scrollTop)(panel.querySelector('.pk-log'))"
        panel.send("One", 2)
        panel.until(f"{rest} < 5")
        panel.begin("Two")
        panel.until("panel.querySelectorAll('.pk-entry')[3]?.textContent.includes('Bubble')")
        panel.until(f"{rest} < 5")
        # Who scrolls up to read stays there, and is shown the way back.
        panel.log.hover()
        page.page.mouse.wheel(0, -600)
        panel.until(f"{rest} > 200")
        top = panel.log.evaluate("log => log.scrollTop")
        gates[0].set()
        panel.idle(4)
        assert panel.log.evaluate("log => log.scrollTop") == top
        panel.button("Go to the newest message").click()
        panel.until(f"{rest} < 5")
        assert not panel.button("Go to the newest message").is_visible()
    page.assert_quiet()

"""Hostile replies in the chat panel, live and when they have ended: none runs, none calls out."""

from __future__ import annotations

from threading import Event

import pytest

from tests.browser.lab import Lab, LabPage
from tests.browser.panel_page import Panel, gateway, in_kernel, open_panel
from tests.browser.test_hostile import FINDINGS, canary, replies, script
from tests.hostile import REPLIES
from tests.servers import ScriptedServer

pytestmark = pytest.mark.browser

__all__ = ["canary"]

WIDTH = 4
"""So many answers come at once, side by side."""


def test_nothing_in_a_conversation_runs_or_calls_out(lab: Lab, page: LabPage, canary: ScriptedServer) -> None:
    texts = replies(canary)
    gates = [Event() for _ in texts]
    marks = [f"mark{number}z" for number in range(len(texts))]
    with gateway(*(script(*given) for given in zip(texts, marks, gates, strict=True))) as server:
        code = f"panel = ChatPanel(['m'] * {WIDTH}, base_url={server.url!r}, chat='hostile')\npanel"
        panel = open_panel(page, "hostile-panel.ipynb", code)
        groups = [range(start, min(start + WIDTH, len(texts))) for start in range(0, len(texts), WIDTH)]
        for at, group in enumerate(groups):
            if len(group) < WIDTH:
                in_kernel(page, f"panel.models = ['m'] * {len(group)}")
                panel.until(f"panel.querySelector('textarea').placeholder.includes('{len(group) - 1} more')")
            panel.begin(f"number {at}")
            for number in group:
                panel.shows(marks[number])
            assert findings(panel) == [], [list(REPLIES)[number] for number in group]
            for number in group:
                gates[number].set()
            panel.idle(2 * at + 2)
            assert findings(panel) == [], [list(REPLIES)[number] for number in group]
    # What people paste is no better than what models say.
    code = (
        f"texts = {texts!r}\n"
        "panel.messages = [{'role': role, 'content': text} for text in texts for role in ('user', 'assistant')]"
    )
    assert in_kernel(page, code) == ""
    panel.idle(2 * len(texts))
    page.settle()
    assert findings(panel) == []
    page.save()
    page.open("hostile-panel.ipynb").settle()
    panel = Panel(page).ready()
    panel.idle(2 * len(texts))
    # The static form has one style of its own, which hides it beside a panel that lives.
    left = [one for one in findings(panel, ".pk-twin") if not one.startswith("<style>.jp-OutputArea-child:has(")]
    assert [*left, *findings(panel)] == []
    assert canary.connections == 0
    page.assert_quiet()


def findings(panel: Panel, within: str = ".pk-log") -> list[str]:
    """Return what the conversation has left in the page."""
    found: list[str] = panel.page.evaluate(FINDINGS.replace('".jp-OutputArea-output"', f'"{within}"'))
    return found

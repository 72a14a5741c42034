"""Models, parameters and Config of the chat panel: side by side, asked again, and wrong in ways that are said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from portkey_nb import runs
from tests.browser.lab import Lab, LabPage
from tests.browser.panel_page import asked, gateway, in_kernel, look, open_panel, said
from tests.browser.test_looks import REPLY, piecewise

pytestmark = pytest.mark.browser

Violations = Callable[[Any, str], list[str]]

ON = "panel.querySelector('.pk-send').getAttribute('aria-disabled') !== 'true'"
OFF = "panel.querySelector('.pk-send').getAttribute('aria-disabled') === 'true'"


def test_three_models_side_by_side_and_one_to_go_on_with(lab: Lab, page: LabPage, violations: Violations) -> None:
    gate = Event()
    texts = [REPLY, "**391**, since 17 · 23 = 391.", "I would guess 400."]
    with gateway(*(piecewise(text, gate) for text in texts), piecewise("And so on.")) as server:
        models = "['gpt-4o', 'claude-sonnet', 'llama-local']"
        panel = open_panel(page, "beside.ipynb", f"panel = ChatPanel({models}, base_url={server.url!r})\npanel")
        panel.begin("Compare sorts")
        panel.until("panel.querySelectorAll('.pk-answer').length === 3")
        panel.shows("Bubble")
        look(page, "panel-three-live", violations)
        gate.set()
        panel.idle(2)
        panel.shows("merge_sort")
        labels = panel.entry(-1).locator(".pk-label-name").all_inner_texts()
        assert [label.partition(" →")[0] for label in labels] == ["gpt-4o", "claude-sonnet", "llama-local"]
        boxes = [panel.answer(at).bounding_box() for at in range(3)]
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"] + 1
        assert panel.button("Continue with this", panel.entry(-1)).count() == 2
        look(page, "panel-three", violations)
        # The conversation goes on with the answer that is chosen, not with the first one.
        first = panel.entry(-1).locator(".pk-answer").filter(has_not=page.page.locator(".pk-chosen:visible")).first
        chosen = first.locator(".pk-said").text_content()
        label = first.locator(".pk-label-name").text_content()
        # Formulas are typeset where they come into sight, which moves what is below: nobody clicks that soon.
        panel.button("Continue with this", first).scroll_into_view_if_needed()
        page.settle()
        panel.button("Continue with this", first).click()
        panel.until("panel.querySelector('.pk-answer.pk-is-chosen .pk-label-name').textContent === given", label)
        assert in_kernel(page, "panel.models = ['gpt-4o']") == ""
        panel.send("Go on", 4)
        word = next(word for word in ("Bubble sort", "391", "guess") if word in chosen)
        assert word in asked(server.requests[3])[1]["content"]
        panel.shows("And so on.")
    page.assert_quiet()


def test_another_model_is_asked_for_the_same_answer(lab: Lab, page: LabPage) -> None:
    scripts = [piecewise("Paris."), piecewise("It is Paris, of course."), piecewise("Lyon.")]
    with gateway(*scripts) as server:
        panel = open_panel(page, "with.ipynb", f"panel = ChatPanel('gpt-4o', base_url={server.url!r})\npanel")
        panel.send("The capital of France?", 2)
        panel.tool(1, "Retry with another model")
        field = panel.root.get_by_role("combobox", name="Model", exact=True)
        field.fill("claude-sonnet")
        field.press("Enter")
        panel.shows("of course")
        panel.idle(2)
        assert server.requests[1].json["model"] == "claude-sonnet"
        assert said(server.requests[1]) == [("user", "The capital of France?")]
        assert panel.entry(1).locator(".pk-answer").count() == 2
        assert "Paris." in panel.texts()[1]
        assert "of course" in panel.texts()[1]
        # Thumbs, by answer; pressed again they are taken back.
        answer = panel.entry(1).locator(".pk-answer").filter(has_text="of course")
        panel.button("Good answer", answer).click()
        panel.until("panel.querySelectorAll('[aria-label=\"Good answer\"][aria-pressed=true]').length === 1")
        log = runs(store=lab.environment["PORTKEY_NB_STORE"], columns="all")
        mine = log[log["text"].eq("It is Paris, of course.")].iloc[-1]
        assert mine["rating"] > 0
        panel.button("Bad answer", answer).click()
        panel.until("panel.querySelectorAll('[aria-label=\"Bad answer\"][aria-pressed=true]').length === 1")
        log = runs(store=lab.environment["PORTKEY_NB_STORE"], columns="all")
        assert log[log["text"].eq("It is Paris, of course.")].iloc[-1]["rating"] < 0
        assert log[log["text"].eq("Paris.")].iloc[-1][["rating"]].isna().all()
    page.assert_quiet()


def test_what_is_wrong_in_a_field_is_said_there_and_turns_send_off(
    lab: Lab, page: LabPage, violations: Violations
) -> None:
    with gateway(piecewise("Yes.")) as server:
        panel = open_panel(page, "config.ipynb", f"ChatPanel('gpt-4o', base_url={server.url!r})")
        panel.composer.fill("Ready?")
        panel.until(ON)
        cell = page.page.locator(".jp-OutputArea-output").first
        unfold(cell, "Parameters")
        temperature = cell.get_by_label("temperature", exact=True)
        temperature.fill("hot")
        panel.until(OFF)
        assert "hot" in cell.get_by_role("alert").filter(has_text="hot").inner_text()
        assert "hot" in panel.root.locator(".pk-why").inner_text()
        temperature.fill("0")
        panel.until(ON)
        unfold(cell, "Config")
        cell.get_by_label("Config", exact=True).select_option("JSON")
        text = cell.get_by_label("Config as JSON", exact=True)
        text.fill('{"retry": {"attempts": 2}')
        panel.until(OFF)
        assert cell.get_by_role("alert").filter(has_text="JSON").is_visible()
        assert "JSON" in panel.root.locator(".pk-why").inner_text()
        panel.composer.press("Enter")
        assert server.requests == []
        look(page, "panel-fields-wrong", violations)
        text.fill('{"retry": {"attempts": 2}}')
        panel.until(ON)
        # The form shows the same Config; it is changed there.
        cell.get_by_label("Config", exact=True).select_option("form")
        attempts = cell.get_by_label("Retries", exact=True)
        page.page.wait_for_function("field => field.value === '2'", arg=attempts.element_handle())
        attempts.fill("9")
        panel.until(OFF)
        attempts.fill("3")
        panel.until(ON)
        look(page, "panel-fields", violations)
        panel.composer.press("Enter")
        panel.idle(2)
        request = server.requests[0]
        assert request.json["temperature"] == 0
        assert json.loads(request.headers["x-portkey-config"]) == {"retry": {"attempts": 3}}
    page.assert_quiet()


def unfold(cell: Any, title: str) -> None:
    """Open a group of fields."""
    cell.get_by_role("button", name=re.compile(f"^{title}")).click()

"""The Config editor in JupyterLab: by keyboard and by mouse, in a narrow column, its keys gone from the page."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.browser.lab import Lab, LabPage

pytestmark = pytest.mark.browser

KEY = "sk-live-4f9a0b7c"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()[:12]
CELL = """
import hashlib, ipywidgets
from portkey_nb import Config
from portkey_nb.gateway.secrecy import secrets_in
from portkey_nb.notebook.panel.config_editor import ConfigEditor
from portkey_nb.notebook.panel.inputs import style_sheet

seen = ipywidgets.Label()
seen.add_class("test-seen")

def changed():
    value = editor.value
    shown = value.to_json() if isinstance(value, Config) else str(value)
    digests = [hashlib.sha256(key.encode()).hexdigest()[:12] for key in secrets_in(value)]
    seen.value = " | ".join([shown, " ".join(digests), editor.trouble])

editor = ConfigEditor(GIVEN, changed, lambda: {}, "local")
column = ipywidgets.VBox([style_sheet(), editor.widget, seen])
column.add_class("pk-column")
column.layout.width = "WIDTH"
column.layout.flex = "none"
column
"""
OVERFLOWING = """
() => {
    const root = document.querySelector(".pk-config").getBoundingClientRect();
    const clipped = element => getComputedStyle(element).clipPath !== "none";
    return [...document.querySelectorAll(".pk-config *")]
        .filter(element => !clipped(element) && element.getBoundingClientRect().right > root.right + 1)
        .map(element => element.outerHTML.slice(0, 120));
}
"""


def shown(lab: Lab, page: LabPage, given: str = "None", width: str = "320px") -> Any:
    lab.write("config.ipynb", [CELL.replace("GIVEN", given).replace("WIDTH", width)])
    page.open("config.ipynb").run_all()
    page.page.wait_for_selector(".pk-config")
    return page.page


def until(page: Any, said: str) -> list[str]:
    """Wait until the editor's state holds a text, and return its parts."""
    page.wait_for_function("said => document.querySelector('.test-seen').textContent.includes(said)", arg=said)
    return [part.strip() for part in page.locator(".test-seen").text_content().split(" | ")]


def focused(page: Any) -> str:
    """What a screen reader calls the control that has the focus."""
    return str(
        page.evaluate(
            """() => {
                const at = document.activeElement;
                return (at.labels?.[0]?.textContent || at.textContent.trim() || at.title).trim();
            }"""
        )
    )


def tab_to(page: Any, name: str) -> None:
    for _ in range(20):
        if focused(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab leads to no {name!r}")


def typed(page: Any, name: str, text: str) -> None:
    tab_to(page, name)
    page.keyboard.type(text)


def test_a_fallback_is_composed_by_keyboard_alone(lab: Lab, page: LabPage) -> None:
    tab = shown(lab, page)
    tab.get_by_label("Config", exact=True).focus()
    tab.keyboard.press("f")
    until(tab, "name a provider")
    tab_to(tab, "Strategy")
    tab.keyboard.type("Fall")
    tab.get_by_label("Fall back on status codes").wait_for()
    typed(tab, "Provider of target 1", "openai")
    typed(tab, "Key of target 1", KEY)
    tab.keyboard.press("Tab")
    tab.wait_for_function("[...document.querySelectorAll('.pk-config input')].some(input => input.value === '***1***')")
    tab_to(tab, "Add a target")
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.activeElement.labels?.[0]?.textContent === 'Provider of target 2'")
    tab.keyboard.type("ollama")
    typed(tab, "Model of target 2", "llama3")
    until(tab, '"llama3"')  # ipywidgets sends the letters by and by, and the row is what the kernel has of it
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Shift+Tab")
    assert focused(tab) == "Remove target 2"
    tab.keyboard.press("Shift+Tab")
    assert focused(tab) == "Move target 2 up"  # the last one cannot go down
    tab.keyboard.press("Space")
    tab.wait_for_function("document.activeElement.title === 'Move target 1 down'")
    typed(tab, "Timeout (seconds)", "2.5")
    config, digests, trouble = until(tab, '"request_timeout": 2500')
    assert json.loads(config) == {
        "strategy": {"mode": "fallback"},
        "targets": [
            {"provider": "ollama", "override_params": {"model": "llama3"}},
            {"provider": "openai", "api_key": "***"},
        ],
        "request_timeout": 2500,
    }
    assert (digests, trouble) == (DIGEST, "")
    values = tab.evaluate("[...document.querySelectorAll('.pk-config input, .pk-config textarea')].map(e => e.value)")
    assert "***1***" in values
    assert KEY not in json.dumps(values) + tab.content()
    page.save()
    assert KEY not in json.dumps(lab.read("config.ipynb"))
    page.assert_quiet()


def test_json_is_checked_while_it_is_typed_and_shown_as_a_form(lab: Lab, page: LabPage) -> None:
    tab = shown(lab, page, width="300px")
    tab.get_by_label("Config", exact=True).select_option("JSON")
    text = tab.get_by_label("Config as JSON")
    text.fill('{"provider": "openai",}')
    until(tab, "a comma stands before")
    tab.get_by_role("alert").get_by_text("line 1, column 23").wait_for()
    text.fill(
        f'{{"provider": "openai", "api_key": "{KEY}", "cache": {{"mode": "simple"}}, "custom_host": "https://h/v1"}}'
    )
    tab.wait_for_function("key => !document.querySelector('.pk-config textarea').value.includes(key)", arg=KEY)
    assert until(tab, DIGEST)[1:] == [DIGEST, ""]
    assert "openai (api_key ***, custom_host https://h/v1), simple cache" in tab.locator(".pk-config pre").inner_text()
    tab.get_by_text("has no effect").wait_for()
    assert tab.evaluate(OVERFLOWING) == []
    tab.get_by_label("Config", exact=True).select_option("form")
    tab.get_by_text("1 further key is kept; edit it as JSON: custom_host").wait_for()
    assert tab.get_by_label("Key of target 1").input_value() == "***1***"
    assert tab.evaluate(OVERFLOWING) == []
    tab.get_by_label("Timeout (seconds)").fill("soon")
    tab.get_by_role("alert").get_by_text("'soon'; give seconds").wait_for()
    page.shoot("panel-config-light")
    page.theme("JupyterLab Dark")
    page.shoot("panel-config-dark")
    assert KEY not in tab.content()
    page.assert_quiet()

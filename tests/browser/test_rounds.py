"""Tools, reasoning, schemas and what becomes of parameters, as people see them in a cell."""

from __future__ import annotations

from threading import Event

import pytest

from tests.browser.lab import Lab, LabPage
from tests.browser.test_looks import assert_nothing_sticks_out, in_both_themes, piecewise
from tests.hostile import REPLIES
from tests.servers import DONE, ScriptedServer, chunk, streamed

pytestmark = pytest.mark.browser

SETUP = '''%load_ext portkey_nb
from pydantic import BaseModel

def weather(city: str, days: int = 1) -> dict:
    """Tell the weather of a city."""
    if city == "Atlantis":
        raise ValueError("no such city")
    return {"city": city, "celsius": 18 + days, "said": "<img src=x onerror=alert(1)> costs $5 and $10"}

class Person(BaseModel):
    name: str
    born: int'''


def called(at: int, name: str, arguments: str) -> dict[str, object]:
    return {"index": at, "id": f"c{at}", "type": "function", "function": {"name": name, "arguments": arguments}}


def thinking(text: str) -> dict[str, object]:
    return chunk(content_blocks=[{"index": 0, "delta": {"thinking": text}}])


def test_tools_and_reasoning_in_a_cell(lab: Lab, page: LabPage) -> None:
    gate = Event()
    first = streamed(
        chunk("", role="assistant"),
        thinking("The user asks for two cities. "),
        thinking("I look both up, and a third that may not exist."),
        chunk("I will look that up for **both** cities."),
        chunk(
            tool_calls=[
                called(0, "weather", '{"city": "Oslo"}'),
                called(1, "weather", '{"city": "Rome", "days": 3}'),
                called(2, "weather", '{"city": "Atlantis"}'),
            ]
        ),
        chunk(finish="tool_calls"),
        DONE,
    )
    table = "| City | °C |\n|:--|--:|\n| Oslo | 19 |\n| Rome | 21 |\n\nAtlantis is unknown to the service."
    second = piecewise(table, gate)
    with ScriptedServer(first, second) as server:
        line = f"%%portkey -m claude-sonnet --tools weather --base-url {server.url} --provider anthropic"
        ask = f"{line} --max-tokens 500 -t 1.5 -p seed=7\nWhat is the weather in Oslo and in Rome?"
        lab.write("tools.ipynb", [SETUP, ask])
        page.open("tools.ipynb").begin_all()
        page.page.wait_for_function("!!document.querySelector('.pk-live table')")
        live = page.page.locator(".jp-OutputArea-output").last
        assert live.locator("details").count() == 4
        assert "`temperature` 1.5 is limited to 1 by anthropic" in live.inner_text()
        in_both_themes(page, "tools-live")
        gate.set()
        page.wait_all()
    output = page.page.locator(".jp-OutputArea-output").last
    folds = output.locator("details")
    assert folds.count() == 4
    assert [fold.evaluate("fold => fold.open") for fold in folds.all()] == [False] * 4
    folds.nth(0).locator("summary").click()
    folds.nth(1).locator("summary").click()
    text = output.inner_text()
    assert "a third that may not exist" in text
    assert "weather(city='Rome', days=3)" in text
    assert "failed: ValueError: no such city" in text
    assert "costs $5 and $10" in text
    assert "`seed` is dropped by anthropic" in text
    assert output.locator("img").count() == 0
    assert_nothing_sticks_out(page)
    in_both_themes(page, "tools")


def test_a_schema_shows_as_json_and_binds_an_object(lab: Lab, page: LabPage) -> None:
    people = '{"items": [{"name": "Ada Lovelace", "born": 1815}, {"name": "Alan Turing", "born": 1912}]}'
    gate = Event()
    with ScriptedServer(piecewise(people, gate)) as server:
        ask = f"%%portkey people << -m gpt-4o --schema list[Person] --base-url {server.url}\nWho?"
        lab.write("schema.ipynb", [SETUP, ask, "people", "people[0].born"])
        page.open("schema.ipynb").begin_all()
        page.page.wait_for_function("document.querySelector('.pk-live pre')?.textContent.includes('Ada')")
        in_both_themes(page, "schema-live")
        gate.set()
        page.wait_all()
    assert page.page.locator(".jp-OutputArea-output pre").first.inner_text().count("born") == 2
    assert "1815" in page.page.locator(".jp-OutputArea-output").last.inner_text()
    in_both_themes(page, "schema")


def test_hostile_tools_and_thoughts_do_nothing(lab: Lab, page: LabPage) -> None:
    hostile = "\n".join(REPLIES.values())
    script = streamed(
        chunk("", role="assistant"),
        thinking(hostile),
        chunk(tool_calls=[called(0, "<script>alert(1)</script>", '{"<b>": "<img src=x onerror=alert(1)>"}')]),
        chunk(finish="tool_calls"),
        DONE,
    )
    with ScriptedServer(script, piecewise("done")) as server:
        ask = f"%%portkey -m m --tools weather --base-url {server.url}\nHello"
        lab.write("hostile-tools.ipynb", [SETUP, ask])
        page.open("hostile-tools.ipynb").begin_all()
        page.wait_all()
    output = page.page.locator(".jp-OutputArea-output").last
    for fold in output.locator("details").all():
        fold.locator("summary").click()
    assert output.locator("img, script, iframe, object, form").count() == 0
    page.shoot("hostile-tools")

"""A growing reply in a real page: who joins late and is given the changes in one has what one has that saw each."""

from __future__ import annotations

import random
from typing import Any

import pytest

from portkey_nb.notebook.assets import script
from portkey_nb.notebook.growth import Growth, LiveColumn
from portkey_nb.views.steps import Step
from tests.benchmarks.painting import CODE, MIXED
from tests.hostile import REPLIES

pytestmark = pytest.mark.browser

GROW = """
changes => {
    const [body, foot] = [document.createElement("div"), document.createElement("div")];
    const column = growingColumn(body, foot);
    const shown = changes.map(change => {
        column.apply(change);
        column.tick(1.5);
        return [body.innerHTML, foot.textContent, column.done()];
    });
    return shown;
}
"""
TEXTS = {**REPLIES, "mixed": MIXED.format(n=1), "code": f"```python\n{CODE.format(n=1)}```\n\nThat is **all**."}


@pytest.fixture(scope="module")
def blank(browser: Any) -> Any:
    page = browser.new_page()
    page.add_script_tag(content=script("column.js"))
    yield page
    page.close()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_page_that_joins_late_shows_what_one_shows_that_saw_each_change(blank: Any, name: str) -> None:
    chance = random.Random(name)
    column, growth = LiveColumn("m"), Growth()
    text, seen, logs = TEXTS[name][:3_000], [], []
    column.push("It is *about*\n\n", "reasoning")
    while text:
        size = chance.randrange(1, 40)
        column.push(text[:size], "text")
        text = text[size:]
        if chance.random() < 0.02:
            column.step(Step(name="clock", arguments="zone='UTC'", result="12:00"))
        if chance.random() < 0.5:
            seen.append(growth.change(column))
            logs.append(growth.log)
    column.end(footer="m · $0.01", error="cut off" if chance.random() < 0.5 else None)
    seen.append(growth.change(column))
    logs.append(growth.log)
    watched = blank.evaluate(GROW, seen)
    assert watched[-1][1:] == ["m · $0.01", True]
    assert "pk-tail" not in watched[-1][0]
    for at in {len(seen) - 1, *chance.sample(range(len(seen)), k=min(8, len(seen)))}:
        assert len(logs[at]) <= 1, "all changes so far are one"
        assert blank.evaluate(GROW, logs[at])[-1] == watched[at]

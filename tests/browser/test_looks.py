"""Cells as people see them: while they run, when they have ended, when something went wrong, and in little room."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from portkey_nb import runs
from tests.browser.lab import Lab, LabPage
from tests.servers import DONE, STALL, ScriptedServer, chunk, streamed

pytestmark = pytest.mark.browser

REPLY = r"""## Sorting, compared

Merge sort needs $O(n \log n)$ comparisons in **every** case, bubble sort $O(n^2)$; a library's copy costs $5, not $10.

| Algorithm | Best | Average | Worst | Stable |
|:--|:-:|:-:|:-:|--:|
| Merge sort | $n \log n$ | $n \log n$ | $n \log n$ | yes |
| Bubble sort | $n$ | $n^2$ | $n^2$ | yes |

1. Split the list in two.
2. Sort each half:
   - the left one,
   - the right one.
3. Merge them with `merge(left, right)`.

```python
def merge_sort(items: list[int]) -> list[int]:
    # Lists of one item are sorted.
    if len(items) < 2:
        return items
    middle = len(items) // 2
    left, right = merge_sort(items[:middle]), merge_sort(items[middle:])
    merged = []
    while left and right:
        merged.append((left if left[0] <= right[0] else right).pop(0))
    return merged + left + right  # a comment so long that no narrow column will ever hold all its words
```

$$T(n) = 2\,T\!\left(\frac{n}{2}\right) + \Theta(n)$$

> See [the article](https://en.wikipedia.org/wiki/Merge_sort), and ![a picture](https://example.com/picture.png).
"""


def piecewise(text: str, *held: Any) -> list[Any]:
    """Return a stream of a reply in small pieces, held in the middle by each of the given steps."""
    pieces: list[Any] = [chunk(text[at : at + 11]) for at in range(0, len(text), 11)]
    middle = len(pieces) // 2
    pieces[middle:middle] = held
    usage = {"prompt_tokens": 21, "completion_tokens": 347, "total_tokens": 368}
    end = {**chunk(finish="stop"), "usage": usage}
    return streamed(chunk("", role="assistant"), *pieces, end, DONE)


def in_both_themes(page: LabPage, name: str, height: int | None = None) -> None:
    page.shoot(f"{name}-light", height)
    page.theme("JupyterLab Dark")
    page.shoot(f"{name}-dark", height)
    page.theme("JupyterLab Light")


def columns(page: LabPage) -> list[dict[str, float]]:
    """Return the places of the columns of the last output: the boxes of its grid."""
    found: list[dict[str, float]] = page.page.evaluate(
        """() => {
            const grids = [...document.querySelectorAll('.jp-OutputArea-output *')]
                .filter(element => getComputedStyle(element).display === 'grid');
            return [...(grids.at(-1)?.children ?? [])].map(box => {
                const { left, right, top, bottom } = box.getBoundingClientRect();
                return { left, right, top, bottom };
            });
        }"""
    )
    return found


def assert_nothing_sticks_out(page: LabPage) -> None:
    """Fail if an output is wider than the room it has."""
    wide = page.page.evaluate(
        """() => [...document.querySelectorAll('.jp-OutputArea-output')]
            .filter(output => output.scrollWidth > output.clientWidth + 1)
            .map(output => [output.scrollWidth, output.clientWidth])"""
    )
    assert wide == []


def test_a_reply_with_table_code_and_formulas(lab: Lab, page: LabPage) -> None:
    gate = Event()
    with ScriptedServer(piecewise(REPLY, gate)) as server:
        lab.write("one.ipynb", ["%load_ext portkey_nb", f"%%portkey -m gpt-4o --base-url {server.url}\nCompare sorts"])
        page.open("one.ipynb").begin_all()
        page.page.wait_for_function("document.querySelector('.jp-OutputArea-output')?.textContent.includes('Bubble')")
        in_both_themes(page, "one-live")
        gate.set()
        page.wait_all()
    page.page.wait_for_selector(".jp-OutputArea-output mjx-container")
    in_both_themes(page, "one")
    output = page.page.locator(".jp-OutputArea-output").last
    text = output.inner_text()
    assert "$5, not $10" in text
    assert "21 → 347 tokens" in text
    assert output.locator("table").count() == 1
    assert output.locator("pre").count() == 1
    assert output.locator("img").count() == 0
    page.page.set_viewport_size({"width": 700, "height": 1000})
    in_both_themes(page, "one-narrow")
    assert_nothing_sticks_out(page)
    page.assert_quiet()


def test_three_models_fill_side_by_side(lab: Lab, page: LabPage) -> None:
    gate = Event()
    texts = [REPLY, "**391**, since 17 · 23 = 391.", REPLY.partition("1. Split")[0]]
    with ScriptedServer(*(piecewise(text, gate) for text in texts)) as server:
        flags = f"-m gpt-4o -m claude-sonnet -m llama-local --base-url {server.url}"
        lab.write("three.ipynb", ["%load_ext portkey_nb", f"%%portkey {flags}\nCompare sorts"])
        page.open("three.ipynb").begin_all()
        page.page.wait_for_function(
            """() => {
                const text = [...document.querySelectorAll('.jp-OutputArea')].at(-1).textContent;
                return text.split('Sorting, compared').length === 3 && text.includes('391');
            }"""
        )
        live = columns(page)
        in_both_themes(page, "three-live")
        gate.set()
        page.wait_all()
    page.page.wait_for_selector(".jp-OutputArea-output mjx-container")
    in_both_themes(page, "three")
    final = columns(page)
    for boxes in (live, final):
        assert len(boxes) == 3
        assert len({round(box["top"]) for box in boxes}) == 1
        assert boxes[0]["right"] <= boxes[1]["left"] < boxes[1]["right"] <= boxes[2]["left"]
    assert [(box["left"], box["right"]) for box in live] == [(box["left"], box["right"]) for box in final]
    assert_nothing_sticks_out(page)
    page.page.set_viewport_size({"width": 700, "height": 1000})
    in_both_themes(page, "three-narrow")
    assert len(columns(page)) == 3
    assert_nothing_sticks_out(page)
    page.assert_quiet()


def test_an_error_stands_beside_the_good_replies(lab: Lab, page: LabPage) -> None:
    flags = "-m demo-fast -m demo-error200 -m demo-break"
    lab.write("errors.ipynb", ["%load_ext portkey_nb", f"%%portkey {flags}\nWrite about rivers", "reached = True"])
    page.open("errors.ipynb").run_all()
    in_both_themes(page, "errors")
    text = page.page.locator(".jp-OutputArea").nth(1).inner_text()
    assert "2 of 3 models failed" in text
    assert len(columns(page)) == 3
    assert_nothing_sticks_out(page)
    page.save()
    assert lab.read("errors.ipynb").cells[2].execution_count is None
    page.assert_quiet()


def test_the_stop_button_leaves_what_came(lab: Lab, page: LabPage) -> None:
    with ScriptedServer(piecewise(REPLY, STALL)) as server:
        cell = f"%%portkey -m gpt-4o --base-url {server.url}\nCompare sorts"
        lab.write("stopped.ipynb", ["%load_ext portkey_nb", cell])
        page.open("stopped.ipynb").begin_all()
        page.page.wait_for_function("document.querySelector('.jp-OutputArea-output')?.textContent.includes('Bubble')")
        page.page.locator(
            "[data-command='notebook:interrupt-kernel'], jp-button[data-command*='interrupt']"
        ).first.click()
        assert server.left.wait(10)
        page.wait_all()
    in_both_themes(page, "stopped")
    text = page.page.locator(".jp-OutputArea").last.inner_text()
    assert "Bubble sort" in text
    assert "interrupted" in text
    row = runs(1, store=lab.environment["PORTKEY_NB_STORE"]).iloc[0]
    assert row["status"] == "interrupted"
    page.assert_quiet()

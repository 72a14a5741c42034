"""Rating answers blindly in JupyterLab: by keys, by the mouse, in little room, and when the kernel has gone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from portkey_nb import RunStore
from tests.browser.lab import SHOTS, Lab, LabPage
from tests.browser.test_hostile import FINDINGS
from tests.browser.test_looks import in_both_themes
from tests.engine.runs_of import done
from tests.hostile import REPLIES

pytestmark = pytest.mark.browser

LONG = "Merge sort needs $O(n \\log n)$ comparisons.\n\n- split\n- sort\n- merge\n\n```python\nsorted(items)\n```\n"
ANSWERS = {
    "gpt-4o": LONG,
    "claude-sonnet": "**391**, since 17 · 23 = 391.",
    "llama-local": "I would guess 400; it costs $5.",
}
ASK = "from portkey_nb import Comparison, runs\nComparison.from_runs(runs(group={!r}, columns='all')).rate(seed=4)"


def log(lab: Lab, group: str, answers: dict[str, str], cases: int) -> None:
    """Log answers of several variants to the same cases."""
    with RunStore(lab.environment["PORTKEY_NB_STORE"]) as store:
        for case in range(cases):
            for variant, text in answers.items():
                store.finish(
                    done(
                        variant=variant,
                        group_label=group,
                        case_id=f"case {case}",
                        template="Explain {{topic}}",
                        vars={"topic": f"sorting, number {case}"},
                        expected="391",
                        repeat=0,
                        text=text if case == 0 else f"{text}\n\nCase {case}.",
                    )
                )


def logged(lab: Lab, group: str) -> Any:
    with RunStore(lab.environment["PORTKEY_NB_STORE"]) as store:
        return store.frame(group=group, columns="all")


def progress(page: LabPage, said: str) -> None:
    """Wait until the widget is at a pair."""
    page.page.wait_for_function("said => document.querySelector('.pk-rate-progress')?.textContent === said", arg=said)


def press(page: LabPage, key: str, then: str) -> None:
    page.page.keyboard.press(key)
    progress(page, then)


def test_pairs_are_rated_by_keys_and_buttons_and_the_ranking_revealed(lab: Lab, page: LabPage) -> None:
    log(lab, "keys", ANSWERS, 3)
    lab.write("rating.ipynb", [ASK.format("keys")])
    page.open("rating.ipynb").run_all()
    progress(page, "1 of 9")
    widget = page.page.locator(".pk-rate")
    page.page.wait_for_selector(".pk-rate mjx-container")
    assert not any(name in widget.inner_text() for name in ANSWERS)
    in_both_themes(page, "rating")
    widget.focus()
    press(page, "1", "2 of 9")
    press(page, "2", "3 of 9")
    press(page, "0", "4 of 9")
    assert logged(lab, "keys")["rating_note"].dropna().str.count("blind: ").sum() == 6
    press(page, "u", "3 of 9")
    assert logged(lab, "keys")["rating_note"].dropna().str.count(r"blind: \w+ against").sum() == 4
    page.page.keyboard.press("x")  # would cut the cell, were it not for the widget
    press(page, "0", "4 of 9")
    # The focus is where it was, on the widget itself; Tab leads to the buttons.
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.textContent").startswith("Answer 1 is better")
    press(page, "Enter", "5 of 9")
    assert page.page.evaluate("document.activeElement.textContent").startswith("Answer 1 is better")
    page.page.get_by_role("button", name=re.compile("Tie")).click()
    progress(page, "6 of 9")
    page.page.get_by_role("button", name=re.compile("Undo")).click()
    progress(page, "5 of 9")
    page.page.wait_for_function(
        "[...document.querySelectorAll('.jp-OutputArea')].at(-1).textContent.includes('4 of 9')"
    )
    page.save()
    assert "4 of 9 pairs rated" in lab.read("rating.ipynb").cells[0].outputs[-1].data["text/html"]
    page.page.get_by_role("button", name=re.compile("Show the ranking")).click()
    page.page.wait_for_selector(".jp-OutputArea table")
    page.page.wait_for_function("document.activeElement.closest('.jp-Notebook') !== null")
    page.settle()
    in_both_themes(page, "rating-revealed")
    text = page.page.locator(".jp-OutputArea").inner_text()
    assert all(name in text for name in ANSWERS)
    assert "from 4 blind ratings" in text
    page.save()
    saved = lab.read("rating.ipynb")
    assert len(saved.cells) == 1
    assert not any("widget" in kind for output in saved.cells[0].outputs for kind in output.data)
    page.assert_quiet()


def test_in_little_room_the_answers_stand_one_under_the_other(lab: Lab, page: LabPage) -> None:
    log(lab, "narrow", ANSWERS, 1)
    lab.write("narrow.ipynb", [ASK.format("narrow")])
    page.open("narrow.ipynb").run_all()
    progress(page, "1 of 3")
    boxes = [page.page.locator(".pk-rate-answer").nth(at).bounding_box() for at in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"]
    page.page.evaluate("document.querySelector('.pk-rate').style.width = '400px'")
    page.settle()
    boxes = [page.page.locator(".pk-rate-answer").nth(at).bounding_box() for at in (0, 1)]
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert page.page.evaluate("(w => w.scrollWidth <= w.clientWidth + 1)(document.querySelector('.pk-rate'))")
    page.page.locator(".pk-rate").screenshot(path=SHOTS / "rating-narrow.png")
    page.page.locator(".pk-rate").focus()
    press(page, "2", "2 of 3")
    press(page, "2", "3 of 3")
    page.page.keyboard.press("0")
    page.page.wait_for_selector(".jp-OutputArea table")
    assert "3 of 3 pairs rated" in page.page.locator(".jp-OutputArea").inner_text()
    page.assert_quiet()


@pytest.mark.parametrize("end", ["shutdown()", "restart()"])
def test_without_a_kernel_the_buttons_are_off(lab: Lab, page: LabPage, end: str) -> None:
    log(lab, f"gone by {end}", ANSWERS, 1)
    lab.write("gone.ipynb", [ASK.format(f"gone by {end}")])
    page.open("gone.ipynb").run_all()
    progress(page, "1 of 3")
    page.page.evaluate(f"() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.{end}")
    page.page.set_default_timeout(10_000)
    page.page.wait_for_function("document.querySelector('.pk-rate-said').textContent.includes('kernel is gone')")
    off = page.page.locator(".pk-rate-button").evaluate_all("all => all.map(one => one.getAttribute('aria-disabled'))")
    assert set(off) == {"true"}
    assert page.page.locator(".pk-rate-progress").inner_text() == "1 of 3"


def test_nothing_in_a_rated_answer_runs_or_calls_out(lab: Lab, page: LabPage) -> None:
    texts = list(REPLIES.values())
    log(lab, "hostile-rating", {f"v{at}": f"mark {at}\n\n{text}" for at, text in enumerate(texts)}, 1)
    # Every answer once: those that were shown are tied until each has been seen.
    code = ASK.format("hostile-rating")
    lab.write("hostile-rating.ipynb", [code])
    page.open("hostile-rating.ipynb").run_all()
    total = len(texts) * (len(texts) - 1) // 2
    for at in range(1, len(texts) // 2 + 2):
        progress(page, f"{at:,} of {total:,}")
        page.settle()
        assert page.page.evaluate(FINDINGS) == []
        page.page.locator(".pk-rate").focus()
        page.page.keyboard.press("0")
    page.assert_quiet()

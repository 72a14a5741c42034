"""The chat panel's page by itself: what it sends for what a person does, and what it makes of a kernel's messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portkey_nb.notebook.growth import LiveColumn
from portkey_nb.notebook.panel.twin import dressed
from portkey_nb.views.columns import error_html
from tests.browser.lab import SHOTS
from tests.browser.page_harness import PageServer, PanelPage, answered, column, said

pytestmark = pytest.mark.browser

FOOTER = "gpt-4o · 12 + 280 tokens · $0.0031 · first token 0.4 s · 3.2 s"
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFElEQVR4nGP8z8Dwn4GBgYGJAQoAHgQCAa0rKfsAAAAA"
    "SUVORK5CYII="
)
MENTIONED = "\n\n".join(f"Paragraph {i}, which says something about sorting." for i in range(40))
LOG = ".pk-log"
BELOW = """() => {
    const log = document.querySelector(".pk-log");
    return log.scrollHeight - log.scrollTop - log.clientHeight;
}"""
# A file as the page is given one by a paste or a drop.
GIVE = """([how, name, type, size, selector]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(size)], name, { type }));
    const kind = how === "paste" ? ClipboardEvent : DragEvent;
    const given = how === "paste" ? { clipboardData: data } : { dataTransfer: data };
    document.querySelector(selector).dispatchEvent(new kind(how, { ...given, bubbles: true, cancelable: true }));
}"""
PASTE = """([text, selector]) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
    return document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with PageServer() as server:
        yield server.address


@pytest.fixture
def panel(browser: Any, address: str) -> Iterator[PanelPage]:
    context = browser.new_context(viewport={"width": 900, "height": 900})
    panel = PanelPage(context.new_page(), address)
    yield panel
    assert panel.errors == []
    context.close()


def talk() -> list[dict[str, Any]]:
    """Two messages of a user, each answered by one model."""
    return [
        said("u1", "What is merge sort?"),
        answered("a1", column("c1", "It sorts `n` items.\n\n```python\nsorted(items)\n```\n", footer=FOOTER)),
        said("u2", "And bubble sort?", branch=[2, 3]),
        answered("a2", column("c2", "It swaps neighbours; $n^2$ steps.", footer=FOOTER)),
    ]


def ids(panel: PanelPage) -> list[str]:
    found: list[str] = panel.locator(f"{LOG} > .pk-entry").evaluate_all("all => all.map(one => one.dataset.id)")
    return found


def box(panel: PanelPage) -> Any:
    return panel.page.get_by_label("Message", exact=True)


def begin(panel: PanelPage, *columns: str, name: str = "a9") -> None:
    """Let the kernel begin answers to a message."""
    known = ids(panel)
    live = [column(one, label=f"model-{one}") for one in columns]
    put = [said("u9", "Tell me more"), answered(name, *live, can=[])]
    panel.deliver(order=[*known, "u9", name], put=put, bar={"busy": True, "ready": False})


def take(panel: PanelPage, sent: dict[str, Any]) -> None:
    """Let the kernel take a message that is sent."""
    panel.done(sent)
    panel.deliver(bar={"draft": {"text": "", "images": [], "by": None, "n": 2}, "busy": True, "ready": False})


def test_a_first_view_says_hello_and_shows_what_it_is_given(panel: PanelPage) -> None:
    assert panel.locator(f"{LOG} > .pk-entry").count() == 0
    panel.welcome(talk(), title="draft", totals="4 messages · 3,400 tokens")
    assert ids(panel) == ["u1", "a1", "u2", "a2"]
    assert panel.locator(".pk-title").inner_text() == "draft"
    assert panel.locator(".pk-totals").inner_text() == "4 messages · 3,400 tokens"
    panel.locator("[data-id=c1] .pk-foot").get_by_text(FOOTER, exact=True).wait_for()
    assert panel.locator(".pk-panel").get_attribute("data-lm-suppress-shortcuts") == "true"
    assert panel.locator(LOG).get_attribute("role") == "log"


def test_a_gap_in_the_numbers_is_asked_for_and_filled(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.number += 1  # one that is lost
    panel.deliver(bar={"title": "too early"})
    assert panel.locator(".pk-title").inner_text() == "draft"
    assert len(panel.wait_sent("hello", 2)) == 2
    panel.welcome(talk()[:2], title="whole again")
    assert (ids(panel), panel.locator(".pk-title").inner_text()) == (["u1", "a1"], "whole again")
    panel.deliver(bar={"title": "and on"})
    assert panel.locator(".pk-title").inner_text() == "and on"


def test_messages_that_come_before_the_whole_are_not_lost(panel: PanelPage) -> None:
    panel.deliver(bar={"title": "one"})
    panel.number = 0
    panel.welcome(talk())
    assert panel.locator(".pk-title").inner_text() == "one"


def test_enter_sends_and_what_was_typed_stays_until_it_is_taken(panel: PanelPage) -> None:
    panel.welcome()
    box(panel).fill("Hello")
    box(panel).press("Shift+Enter")
    box(panel).type("there")
    box(panel).press("Enter")
    (sent,) = panel.wait_sent("send")
    assert sent["text"] == "Hello\nthere"
    assert sent["view"] == panel.sent("hello")[0]["view"]
    assert panel.sent("draft")[-1]["text"] == "Hello\nthere"
    assert box(panel).input_value() == "Hello\nthere"
    assert panel.button("Stop").is_visible()
    assert not panel.button("Send").is_visible()
    take(panel, sent)
    assert box(panel).input_value() == ""
    panel.button("Stop").click()
    assert len(panel.sent("stop")) == 1
    panel.deliver(bar={"busy": False, "ready": True})
    assert panel.button("Send").is_visible()


def test_stop_is_there_before_the_kernel_answers_and_what_it_refuses_is_not_lost(panel: PanelPage) -> None:
    panel.welcome()
    box(panel).fill("Hello")
    box(panel).press("Enter")
    assert panel.button("Stop").is_visible()
    box(panel).press("Enter")
    box(panel).press("Escape")
    assert (len(panel.sent("send")), len(panel.sent("stop"))) == (1, 1)
    panel.refuse(panel.sent("send")[0], "no model is set")
    assert panel.locator(".pk-error").inner_text() == "no model is set"
    assert box(panel).input_value() == "Hello"
    assert panel.button("Send").is_visible()


def test_what_is_typed_while_the_kernel_takes_a_message_stays(panel: PanelPage) -> None:
    panel.welcome()
    box(panel).fill("Hello")
    box(panel).press("Enter")
    box(panel).type(" and more")
    take(panel, panel.sent("send")[0])
    assert box(panel).input_value() == " and more"
    assert panel.wait_sent("draft", 2)[-1]["text"] == " and more"


def test_a_notice_of_something_else_leaves_alone_what_is_being_sent(panel: PanelPage) -> None:
    panel.welcome()
    panel.page.evaluate(GIVE, ["drop", "plot.png", "image/png", 1000, LOG])
    panel.wait_sent("attach")
    box(panel).fill("Hello")
    box(panel).press("Enter")
    panel.deliver(bar={"notice": {"n": 1, "text": "another cell's trouble", "kind": "error"}})
    assert panel.locator(".pk-error").inner_text() == "another cell's trouble"
    box(panel).press("Enter")
    assert (len(panel.sent("send")), panel.locator(".pk-thumb").count()) == (1, 1)
    panel.done(panel.sent("attach")[0])
    take(panel, panel.sent("send")[0])
    assert (box(panel).input_value(), panel.locator(".pk-thumb").count()) == ("", 0)


def test_from_when_a_message_is_taken_until_it_shows_no_other_is_sent(panel: PanelPage) -> None:
    panel.welcome()
    box(panel).fill("Hello")
    box(panel).press("Enter")
    panel.done(panel.sent("send")[0])
    box(panel).fill("Next")
    box(panel).press("Enter")
    assert panel.button("Stop").is_visible()
    begin(panel, "c9")
    panel.deliver(bar={"busy": False, "ready": True})
    box(panel).press("Enter")
    assert [one["text"] for one in panel.sent("send")] == ["Hello", "Next"]


@pytest.mark.parametrize("heard", ["Hi", "", "Hi th"])
def test_what_comes_back_goes_before_what_is_being_typed(panel: PanelPage, heard: str) -> None:
    panel.page.clock.install()
    panel.welcome()
    box(panel).fill("sent in vain")
    box(panel).press("Enter")
    take(panel, panel.sent("send")[0])
    box(panel).type("Hi")
    panel.page.clock.run_for(300)
    if heard == "Hi th":
        box(panel).type(" th")
        panel.page.clock.run_for(300)
        box(panel).type("ere")
    else:
        box(panel).type(" there")
    known = f"sent in vain\n\n{heard}" if heard else "sent in vain"
    panel.deliver(bar={"draft": {"text": known, "images": [], "by": None, "n": 5}, "busy": False, "ready": True})
    assert box(panel).input_value() == "sent in vain\n\nHi there"
    box(panel).type("!")
    panel.page.clock.run_for(300)
    assert panel.sent("draft")[-1]["text"] == "sent in vain\n\nHi there!"


def test_what_the_kernel_knows_of_what_is_typed_is_not_taken_for_news(panel: PanelPage) -> None:
    panel.page.clock.install()
    panel.welcome()
    box(panel).fill("Hi")
    panel.page.clock.run_for(300)
    box(panel).type(" there")
    listed = {"id": "i1", "label": "plot.png", "src": PNG}
    panel.deliver(bar={"draft": {"text": "Hi", "images": [listed], "by": None, "n": 2}})
    assert box(panel).input_value() == "Hi there"


def test_an_image_that_is_refused_goes_and_the_others_stay(panel: PanelPage) -> None:
    panel.welcome()
    for name in ("one.png", "two.png"):
        panel.page.evaluate(GIVE, ["drop", name, "image/png", 1000, LOG])
    first, _ = panel.wait_sent("attach", 2)
    assert panel.locator(".pk-thumb").count() == 2
    panel.refuse(first, "one.png is no image")
    assert panel.locator(".pk-error").inner_text() == "one.png is no image"
    assert panel.locator(".pk-thumb img").get_attribute("alt") == "two.png"


def test_nothing_is_sent_while_an_input_method_composes(panel: PanelPage) -> None:
    panel.welcome()
    box(panel).fill("こんにち")
    press = "event => new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, isComposing: true })"
    box(panel).evaluate(f"box => box.dispatchEvent(({press})())")
    assert panel.sent("send") == []


@pytest.mark.parametrize(("is_open", "sends"), [(False, 0), (True, 1)])
def test_an_empty_message_is_sent_only_where_one_waits_for_its_answer(
    panel: PanelPage, is_open: bool, sends: int
) -> None:
    panel.welcome(talk()[:1], open=is_open)
    box(panel).fill("  \n")
    box(panel).press("Enter")
    assert len(panel.sent("send")) == sends


def test_send_is_off_while_the_fields_are_not_right_and_says_why(panel: PanelPage) -> None:
    why = 'temperature is "hot": a number from 0 to 2'
    panel.welcome(ready=False, why=why)
    box(panel).fill("Hello")
    box(panel).press("Enter")
    assert panel.button("Send").get_attribute("aria-disabled") == "true"
    assert panel.locator(".pk-why").inner_text() == why
    assert panel.sent("send") == []
    panel.deliver(bar={"ready": True, "why": ""})
    box(panel).press("Enter")
    assert len(panel.sent("send")) == 1


def test_a_draft_is_kept_by_the_kernel_and_taken_over_by_other_views(panel: PanelPage) -> None:
    panel.welcome(draft={"text": "from before", "images": [], "by": "a view that has gone", "n": 3})
    assert box(panel).input_value() == "from before"
    box(panel).fill("typed")
    view = panel.wait_sent("draft")[-1]["view"]
    panel.deliver(bar={"draft": {"text": "typed", "images": [], "by": view, "n": 4}})
    panel.deliver(bar={"draft": {"text": "typed elsewhere", "images": [], "by": "other", "n": 5}})
    assert box(panel).input_value() == "typed elsewhere"
    box(panel).type("!")
    panel.deliver(bar={"draft": {"text": "late", "images": [], "by": "other", "n": 6}})
    assert box(panel).input_value() == "typed elsewhere!"


def test_two_views_of_one_panel_show_the_same(panel: PanelPage) -> None:
    panel.welcome(talk())
    begin(panel, "c9")
    live = LiveColumn("gpt-4o")
    live.push("One *two*\n\nThree", "text")
    panel.grow("a9", "c9", live)
    panel.join(400)
    assert len(panel.sent("hello")) == 1
    live.push(" and four", "text")
    panel.grow("a9", "c9", live)
    texts = panel.locator("[data-id=c9] .pk-said").all_inner_texts()
    assert texts == [texts[0]] * 2
    assert texts[0].split() == ["One", "two", "Three", "and", "four"]
    assert panel.locator(".pk-panel").nth(1).locator(".pk-entry").count() == 6
    live.end(footer=FOOTER)
    panel.grow("a9", "c9", live)
    panel.deliver(put=[answered("a9", {**column("c9", ""), "html": "", "grown": True, "footer": FOOTER})])
    panel.join(400)
    assert panel.locator("[data-id=c9] .pk-said em").all_text_contents() == ["two"] * 3


def test_an_answer_grows_without_touching_others_and_is_announced_once(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.page.evaluate("before = [...document.querySelectorAll('.pk-entry')]")
    begin(panel, "c9")
    assert panel.locator(LOG).get_attribute("aria-busy") == "true"
    assert panel.locator("[data-id=c9] .pk-foot").inner_text().startswith("waiting · ")
    live = LiveColumn("gpt-4o")
    live.push("I should be brief.", "reasoning")
    panel.grow("a9", "c9", live)
    assert panel.locator("[data-id=c9] details").get_attribute("open") is not None
    live.push("Yes: $n^2$ **steps**.\n\nAnd so", "text")
    panel.grow("a9", "c9", live)
    assert panel.locator("[data-id=c9] details").get_attribute("open") is None
    assert panel.locator("[data-id=c9] .pk-tail").inner_text() == "And so"
    panel.page.evaluate("first = document.querySelector('[data-id=c9] p')")
    live.end(footer=FOOTER)
    panel.grow("a9", "c9", live)
    height = panel.locator("[data-id=a9]").bounding_box()["height"]
    ended = {key: value for key, value in column("c9", "").items() if key != "html"}
    panel.deliver(put=[answered("a9", {**ended, "grown": True, "footer": FOOTER})], bar={"busy": False, "ready": True})
    assert panel.locator("[data-id=a9]").bounding_box()["height"] == height
    assert panel.locator(LOG).get_attribute("aria-busy") == "false"
    assert panel.locator("[data-id=c9] .pk-foot").inner_text() == FOOTER
    assert panel.page.evaluate("first.isConnected && before.every(one => one.isConnected)")
    panel.page.wait_for_function("typeset.some(one => one.includes('n^2$ steps'))")


def test_code_that_grows_is_reached_by_key_as_soon_as_it_scrolls(panel: PanelPage) -> None:
    panel.welcome()
    begin(panel, "c9")
    live = LiveColumn("gpt-4o")
    live.push("- So:\n\n  ```python\n  x = 1\n", "text")
    panel.grow("a9", "c9", live)
    pre = panel.locator("[data-id=c9] pre")
    pre.wait_for()
    assert pre.get_attribute("tabindex") is None
    live.push(f"  {'long_name = ' * 40}1", "text")
    panel.grow("a9", "c9", live)
    panel.locator("[data-id=c9] pre[tabindex='0']").wait_for()


def test_several_answers_stand_side_by_side_and_one_is_continued_with(panel: PanelPage) -> None:
    can = ["rate", "copy", "retry", "retry_with"]
    failed = column("c3", "", label="lost", state="failed", chosen=False, error=error_html("429: wait 20 s"), can=can)
    columns = [
        column("c1", "One", can=can),
        column("c2", "Two", label="claude", chosen=False, can=["choose", *can]),
        failed,
    ]
    panel.welcome([said("u1", "Which?"), answered("a1", *columns)])
    tops = {panel.locator(f"[data-id={name}]").bounding_box()["y"] for name in ("c1", "c2")}
    assert len(tops) == 1
    assert "429: wait 20 s" in panel.locator("[data-id=c3]").inner_text()
    panel.button("Continue with this").click()
    assert panel.sent("choose")[0]["id"] == "c2"
    panel.locator("[data-id=c2]").get_by_role("button", name="Retry", exact=True).click()
    assert panel.sent("retry")[0]["id"] == "c2"
    panel.page.set_viewport_size({"width": 400, "height": 900})
    panel.page.evaluate("document.querySelector('main > div').style.width = '368px'")
    panel.frame()
    assert panel.locator("[data-id=c2]").bounding_box()["y"] > panel.locator("[data-id=c1]").bounding_box()["y"]


def test_tools_send_what_they_say(panel: PanelPage) -> None:
    panel.welcome(talk())
    first, answer = panel.locator("[data-id=u1]"), panel.locator("[data-id=a2]")
    for name in ("Move up", "Move down", "Remove"):
        first.get_by_role("button", name=name).click()
    assert [(one["id"], one["by"]) for one in panel.sent("move")] == [("u1", -1), ("u1", 1)]
    assert panel.sent("remove")[0]["id"] == "u1"
    answer.get_by_role("button", name="Good answer").click()
    panel.deliver(put=[answered("a2", {**column("c2", "x"), "rating": 1})])
    assert answer.get_by_role("button", name="Good answer").get_attribute("aria-pressed") == "true"
    answer.get_by_role("button", name="Good answer").click()
    answer.get_by_role("button", name="Bad answer").click()
    assert [(one["id"], one["value"]) for one in panel.sent("rate")] == [("c2", 1), ("c2", 0), ("c2", -1)]
    panel.button("Next branch").click()
    panel.button("Previous branch").click()
    assert [(one["id"], one["by"]) for one in panel.sent("step")] == [("u2", 1), ("u2", -1)]
    assert panel.locator(".pk-branch:visible").inner_text() == "2 / 3"
    panel.button("Undo").click()
    panel.button("Clear").click()
    panel.button("Redo").click(force=True)  # there is nothing to be done again
    assert [len(panel.sent(do)) for do in ("undo", "clear", "redo")] == [1, 1, 0]


def test_what_changes_the_conversation_waits_for_the_end_of_an_answer(panel: PanelPage) -> None:
    panel.welcome(talk())
    waiting = ["Edit", "Remove", "Retry", "Add a message below", "Move up", "Retry with another model"]
    panel.locator("[data-id=a2]").get_by_role("button", name="Edit").wait_for()
    begin(panel, "c9")
    entry = panel.locator("[data-id=a2]")
    for name in waiting:
        button = entry.get_by_role("button", name=name, exact=True)
        assert button.get_attribute("aria-disabled") == "true", name
        button.click(force=True)
    assert panel.button("Next branch").get_attribute("aria-disabled") == "true"
    panel.button("Next branch").click(force=True)
    assert {do for do in ("edit", "source", "remove", "retry", "move", "step") if panel.sent(do)} == set()
    assert panel.locator(".pk-editor, .pk-with").count() == 0
    assert "Esc stops" in panel.locator(".pk-notice").inner_text()
    box(panel).press("ArrowUp")
    assert panel.sent("source") == []
    entry.get_by_role("button", name="Copy", exact=True).click()
    entry.get_by_role("button", name="Good answer").click()
    assert [len(panel.sent(do)) for do in ("source", "rate")] == [1, 1]
    panel.deliver(put=[answered("a9", column("c9", "Done."))], bar={"busy": False, "ready": True})
    for name in waiting:
        assert entry.get_by_role("button", name=name, exact=True).get_attribute("aria-disabled") != "true", name
    panel.button("Next branch").click()
    entry.get_by_role("button", name="Remove").click()
    assert [len(panel.sent(do)) for do in ("step", "remove")] == [1, 1]


def test_a_long_conversation_makes_tools_where_they_are_near(panel: PanelPage) -> None:
    panel.welcome([said(f"u{number}", f"Message {number}\n\nwith more") for number in range(200)])
    panel.locator("[data-id=u199]").get_by_role("button", name="Edit").wait_for()
    assert panel.locator(".pk-entry").count() == 200
    assert panel.locator(f"{LOG} .pk-tools button").count() < 800
    assert panel.locator("[data-id=u0] .pk-tools button").count() == 0
    # What was far away while an answer began is off as well.
    panel.deliver(bar={"busy": True, "ready": False})
    panel.locator(LOG).evaluate("log => { log.scrollTop = 0; }")
    first = panel.locator("[data-id=u0]").get_by_role("button", name="Edit")
    first.wait_for()
    assert first.get_attribute("aria-disabled") == "true"
    panel.deliver(bar={"busy": False, "ready": True})
    first.click()
    assert panel.wait_sent("source")[0]["id"] == "u0"


def test_formulas_of_the_hidden_twin_are_left_alone_until_it_is_seen(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.page.evaluate("""() => {
        const area = document.createElement("div");
        area.innerHTML = '<div class="jp-OutputArea-child"></div><div class="jp-OutputArea-child">'
            + '<div class="jp-RenderedHTML"><div class="pk-twin">$e = mc^2$</div></div></div>';
        const el = document.querySelector(".pk-panel").parentElement;
        el.replaceWith(area);
        area.firstElementChild.append(el);
    }""")
    begin(panel, "c9")
    shown = panel.locator(".jp-RenderedHTML")
    assert "mathjax_ignore" in shown.get_attribute("class")
    assert "$e = mc^2$" not in panel.page.evaluate("typeset")
    panel.page.evaluate("leave[0]()")
    assert "mathjax_ignore" not in shown.get_attribute("class")
    assert "$e = mc^2$" in panel.page.evaluate("typeset")


def test_tools_are_reached_by_key_however_long_the_conversation_is(panel: PanelPage) -> None:
    panel.welcome([said(f"u{number}", f"Message {number}\n\nwith more") for number in range(60)])
    panel.locator("[data-id=u59]").get_by_role("button", name="Edit").wait_for()
    box(panel).focus()
    for number in range(59, 0, -1):
        wanted = f"document.activeElement.closest('.pk-entry')?.dataset.id === 'u{number}'"
        for _ in range(3):  # what stands between the log and the composer has stops of its own
            panel.page.keyboard.press("Shift+Tab")
            if panel.page.evaluate(wanted):
                break
        panel.frame()
        assert panel.page.evaluate(wanted), number


def test_a_retry_asks_the_same_or_another_model(panel: PanelPage) -> None:
    panel.welcome(talk())
    answer = panel.locator("[data-id=a2]")
    answer.get_by_role("button", name="Retry with another model").click()
    assert panel.locator("datalist option").evaluate_all("all => all.map(one => one.value)")[-1] == "claude-sonnet"
    panel.page.keyboard.type("my-own-model")
    panel.page.keyboard.press("Enter")
    (sent,) = panel.sent("retry")
    assert (sent["id"], sent["model"]) == ("a2", "my-own-model")
    assert panel.button("Stop").is_visible()
    panel.deliver(bar={"busy": False, "ready": True})
    answer.get_by_role("button", name="Retry", exact=True).click()
    assert "model" not in panel.sent("retry")[1]


def edit(panel: PanelPage, name: str, text: str) -> None:
    """Open a message's editor, as a click does."""
    panel.locator(f"[data-id={name}]").get_by_role("button", name="Edit", exact=True).click()
    asked = panel.wait_sent("source")[-1]
    assert (asked["id"], asked["why"]) == (name, "edit")
    panel.tell(to=asked["view"], source={"id": name, "role": "user", "text": text}, why="edit")


def test_a_message_is_edited_in_its_place(panel: PanelPage) -> None:
    panel.welcome(talk())
    edit(panel, "u1", "What is *merge* sort?")
    text = panel.page.get_by_label("Text")
    assert text.input_value() == "What is *merge* sort?"
    assert text.evaluate("one => one === document.activeElement")
    text.fill("What is heap sort?")
    panel.deliver(put=[said("u2", "another message changes meanwhile")])
    assert text.input_value() == "What is heap sort?"
    panel.page.get_by_label("Role").select_option("assistant")
    assert not panel.button("Save and send").is_visible()
    panel.page.get_by_label("Role").select_option("user")
    panel.button("Save and send").click()
    (sent,) = panel.sent("edit")
    assert {key: sent[key] for key in ("id", "role", "text", "send")} == {
        "id": "u1",
        "role": "user",
        "text": "What is heap sort?",
        "send": True,
    }
    assert not text.is_editable()
    panel.refuse(sent, "not now")
    assert panel.locator(".pk-editor-note").inner_text() == "not now"
    assert text.is_editable()
    panel.button("Save").click()
    panel.done(panel.sent("edit")[1])
    assert panel.locator(".pk-editor").count() == 0
    panel.deliver(order=["v1"], put=[said("v1", "What is heap sort?")])
    assert panel.page.evaluate("document.activeElement.dataset.does") == "edit"


def test_an_edit_stays_until_it_is_done_whatever_else_changes(panel: PanelPage) -> None:
    panel.welcome(talk())
    edit(panel, "u1", "What?")
    text = panel.page.get_by_label("Text")
    text.fill("My new text")
    panel.button("Save").click()
    (sent,) = panel.wait_sent("edit")
    panel.deliver(put=[said("u2", "changed by another page")])
    panel.deliver(order=["u2"])
    assert text.input_value() == "My new text"
    panel.refuse(sent, "an answer is under way")
    assert "an answer is under way" in panel.locator(".pk-editor-note").inner_text()
    assert "copied" in panel.locator(".pk-editor-note").inner_text()
    assert text.input_value() == "My new text"
    panel.button("Cancel").click()
    assert panel.locator(".pk-editor").count() == 0


def test_an_edit_that_shows_before_it_is_said_to_be_done_closes_its_editor(panel: PanelPage) -> None:
    panel.welcome(talk())
    edit(panel, "u1", "What?")
    panel.page.get_by_label("Text").fill("My new text")
    panel.button("Save").click()
    panel.deliver(order=["v1"], put=[said("v1", "My new text")])
    panel.done(panel.wait_sent("edit")[0])
    assert panel.locator(".pk-editor").count() == 0


def test_nothing_is_saved_while_an_answer_is_under_way(panel: PanelPage) -> None:
    panel.welcome(talk())
    edit(panel, "u1", "What?")
    panel.page.get_by_label("Text").fill("My new text")
    begin(panel, "c9")
    assert panel.button("Save").get_attribute("aria-disabled") == "true"
    panel.page.keyboard.press("Control+Enter")
    assert panel.sent("edit") == []
    assert panel.page.get_by_label("Text").input_value() == "My new text"
    panel.deliver(bar={"busy": False, "ready": True})
    panel.page.get_by_label("Text").press("Control+Enter")
    assert panel.sent("edit")[0]["text"] == "My new text"


def test_an_editor_with_changes_is_not_replaced_by_another(panel: PanelPage) -> None:
    panel.welcome(talk())
    edit(panel, "u2", "And bubble sort?")
    panel.page.get_by_label("Text").fill("My new text")
    box(panel).press("ArrowUp")
    panel.tell(to=panel.sent("source")[-1]["view"], source={"id": "u2", "role": "user", "text": "old"}, why="edit")
    assert panel.page.get_by_label("Text").input_value() == "My new text"


def test_an_edit_is_cancelled_by_key_and_the_focus_returns(panel: PanelPage) -> None:
    panel.welcome(talk())
    edit(panel, "u1", "What?")
    panel.page.keyboard.press("Escape")
    assert panel.locator(".pk-editor").count() == 0
    assert (
        panel.locator("[data-id=u1]")
        .get_by_role("button", name="Edit", exact=True)
        .evaluate("one => one === document.activeElement")
    )
    assert (panel.sent("edit"), panel.sent("stop")) == ([], [])


def test_messages_are_added_to_an_empty_conversation_and_below_others(panel: PanelPage) -> None:
    panel.welcome()
    panel.button("Add a message below").click()
    panel.page.get_by_label("Text").fill("Hi")
    panel.page.keyboard.press("Control+Enter")
    panel.done(panel.wait_sent("add")[0])
    panel.deliver(order=["u1"], put=[said("u1", "Hi")])
    assert panel.locator(".pk-editor").count() == 0
    panel.locator("[data-id=u1]").get_by_role("button", name="Add a message below").click()
    panel.page.get_by_label("Text").fill("Hello!")
    assert panel.page.get_by_label("Role").input_value() == "assistant"
    panel.button("Save").click()
    found = [(one["after"], one["role"], one["text"]) for one in panel.sent("add")]
    assert found == [(None, "user", "Hi"), ("u1", "assistant", "Hello!")]


def test_what_one_types_into_an_editor_survives_that_its_message_goes(panel: PanelPage) -> None:
    panel.welcome(talk())
    edit(panel, "u1", "What?")
    panel.page.get_by_label("Text").fill("My long new text")
    panel.deliver(order=["u2"])
    assert panel.page.get_by_label("Text").input_value() == "My long new text"
    assert "copied" in panel.locator(".pk-editor-note").inner_text()
    panel.button("Cancel").click()
    assert panel.locator(".pk-editor").count() == 0


def test_up_in_an_empty_composer_edits_the_last_message_of_the_user(panel: PanelPage) -> None:
    panel.welcome(talk())
    box(panel).press("ArrowUp")
    assert panel.wait_sent("source")[0]["id"] == "u2"


def test_messages_and_code_are_copied(panel: PanelPage) -> None:
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.welcome(talk())
    panel.button("Copy code").click()
    panel.page.wait_for_function("document.querySelector('.pk-notice').textContent === 'Copied'")
    assert panel.page.evaluate("navigator.clipboard.readText()") == "sorted(items)"
    panel.locator("[data-id=a1]").get_by_role("button", name="Copy", exact=True).click()
    asked = panel.wait_sent("source")[0]
    assert asked["why"] == "copy"
    panel.tell(to=asked["view"], source={"id": "a1", "role": "assistant", "text": "It *sorts*"}, why="copy")
    panel.page.wait_for_function("navigator.clipboard.readText().then(text => text === 'It *sorts*')")
    panel.button("Copy all").click()
    panel.tell(to=panel.wait_sent("copy_all")[0]["view"], copy='[{"role": "user"}]')
    panel.page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('[{'))")


def test_copying_works_where_the_browser_has_no_clipboard_for_the_page(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    panel.button("Copy code").click()
    panel.page.wait_for_function("document.querySelector('.pk-notice').textContent === 'Copied'")
    box(panel).focus()
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.page.keyboard.press("Control+V")
    assert box(panel).input_value() == "sorted(items)"


def test_the_state_is_shown_as_code_and_the_focus_returns(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.button("As code").focus()
    panel.page.keyboard.press("Enter")
    view = panel.wait_sent("code")[0]["view"]
    panel.tell(to=view, code={"cell": "%%portkey\nHi <b>", "python": "import portkey_nb", "note": "No key is shown."})
    assert panel.locator(".pk-code-text").all_inner_texts() == ["%%portkey\nHi <b>", "import portkey_nb"]
    panel.page.keyboard.press("Escape")
    assert not panel.locator(".pk-code").is_visible()
    assert panel.button("As code").evaluate("one => one === document.activeElement")


@pytest.mark.parametrize(("how", "selector"), [("paste", ".pk-composer textarea"), ("drop", ".pk-log")])
def test_images_are_pasted_or_dropped_and_shown_until_sent(panel: PanelPage, how: str, selector: str) -> None:
    panel.welcome()
    panel.page.evaluate(GIVE, [how, "plot.png", "image/png", 1000, selector])
    (sent,) = panel.wait_sent("attach")
    assert (sent["name"], sent["buffers"]) == ("plot.png", [1000])
    listed = {"id": "i1", "label": "plot.png (image, PNG, 1 KB)", "src": PNG}
    panel.deliver(bar={"draft": {"text": "", "images": [listed], "by": None, "n": 1}})
    assert panel.locator(".pk-thumb").count() == 1
    assert panel.locator(".pk-thumb img").get_attribute("src").startswith("blob:")
    assert panel.button("Send").get_attribute("aria-disabled") == "false"
    panel.button("Remove plot.png (image, PNG, 1 KB)").click()
    assert panel.sent("detach")[0]["id"] == "i1"
    panel.deliver(bar={"draft": {"text": "", "images": [], "by": None, "n": 2}})
    assert panel.locator(".pk-thumb").count() == 0


@pytest.mark.parametrize(
    ("name", "type_", "size", "line"),
    [
        ("huge.png", "image/png", 20 * 1024**2, "huge.png (image/png, 20.0 MB) is too large"),
        ("notes.txt", "text/plain", 2048, "notes.txt (text/plain, 2 KB) cannot be attached"),
        ("drawing.svg", "image/svg+xml", 2048, "drawing.svg (image/svg+xml, 2 KB) cannot be attached"),
    ],
)
def test_what_is_no_image_or_too_large_is_refused_with_the_limit(
    panel: PanelPage, name: str, type_: str, size: int, line: str
) -> None:
    panel.welcome()
    panel.page.evaluate(GIVE, ["drop", name, type_, size, LOG])
    panel.page.wait_for_function("document.querySelector('.pk-error').textContent")
    told = panel.locator(".pk-error").inner_text()
    assert told.startswith(line)
    assert "PNG, JPEG, GIF or WebP of up to 5 MB" in told
    assert panel.sent("attach") == []


def test_images_of_messages_are_shown_only_where_they_are_data(panel: PanelPage) -> None:
    images = [
        {"label": "plot.png", "src": PNG},
        {"label": "example.org", "src": "https://example.org/track.png"},
        {"label": "drawing", "src": "data:image/svg+xml;base64,PHN2Zy8+"},
    ]
    panel.welcome([said("u1", "Look", images=images)])
    assert panel.locator(".pk-images img").count() == 1
    assert panel.locator(".pk-images .pk-image-label").all_inner_texts() == ["example.org", "drawing"]


def test_text_of_1_mb_is_sent_and_more_than_8_mb_refused(panel: PanelPage) -> None:
    panel.welcome()
    long = "All work and no play. " * 47_663
    box(panel).evaluate("(box, text) => { box.value = text; box.dispatchEvent(new Event('input')); }", long)
    box(panel).press("Enter")
    assert len(panel.wait_sent("send")[0]["text"]) == len(long) > 1024**2
    taken = panel.page.evaluate(PASTE, ["ä" * 5 * 1024**2, ".pk-composer textarea"])
    assert not taken
    assert (
        panel.locator(".pk-error").inner_text() == "The text has 10.0 MB, and a message takes up to 8 MB; shorten it."
    )


def test_the_end_stays_in_sight_of_those_who_are_there_alone(panel: PanelPage) -> None:
    panel.welcome([*talk(), answered("a3", column("c3", MENTIONED))])
    panel.frame()
    assert panel.page.evaluate(BELOW) <= 1
    begin(panel, "c9")
    live = LiveColumn("gpt-4o")
    live.push(MENTIONED, "text")
    panel.grow("a9", "c9", live)
    panel.frame()
    assert panel.page.evaluate(BELOW) <= 1
    assert not panel.button("Go to the newest message").is_visible()
    panel.locator(LOG).hover()
    panel.page.mouse.wheel(0, -400)
    panel.page.wait_for_function(f"({BELOW})() > 200")
    top = panel.locator(LOG).evaluate("log => log.scrollTop")
    live.push("\n\n" + MENTIONED, "text")
    panel.grow("a9", "c9", live)
    panel.frame()
    assert panel.locator(LOG).evaluate("log => log.scrollTop") == top
    panel.button("Go to the newest message").click()
    panel.frame()
    assert panel.page.evaluate(BELOW) <= 1


def test_a_kernel_that_goes_is_said_and_what_was_typed_stays(panel: PanelPage) -> None:
    panel.welcome(talk())
    box(panel).fill("a long thought")
    panel.page.evaluate("die()")
    assert "kernel is gone" in panel.locator(".pk-error").inner_text()
    assert box(panel).input_value() == "a long thought"
    assert not box(panel).is_editable()
    before = panel.page.evaluate("sent.length")
    box(panel).press("Enter")
    for name in ("Send", "Undo", "As code", "Next branch"):
        assert panel.button(name).get_attribute("aria-disabled") == "true"
        panel.button(name).click(force=True)
    assert panel.page.evaluate("sent.length") == before


# The panel among its fields, as ipywidgets puts them; what the notebook makes of a key it decides on the way down.
FIELDS = """() => {
    const chat = document.createElement("div");
    chat.className = "pk-chat";
    chat.innerHTML =
        '<button class="widget-toggle-button">Settings</button><button>+ Model</button><input value="gpt-4o">';
    const el = document.querySelector(".pk-panel").parentElement;
    el.before(chat);
    chat.append(el);
    window.kept = [];
    const outside = event => !event.composedPath().some(one => one.dataset?.lmSuppressShortcuts);
    document.addEventListener("keydown", event => outside(event) && window.kept.push(event.key), true);
}"""


def test_a_notebook_hears_no_key_from_the_panel_or_its_fields_but_the_one_that_saves(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.page.evaluate(FIELDS)
    for name in ("Settings", "Undo"):
        panel.button(name).focus()
        for key in ("x", "d", "d", "Shift+Enter"):
            panel.page.keyboard.press(key)
        assert panel.page.evaluate("kept") == []
        panel.page.keyboard.press("Control+s")
        assert panel.page.evaluate("kept.splice(0)") == ["s"]
        panel.page.keyboard.press("x")
        assert panel.page.evaluate("kept") == []


def test_without_a_kernel_fields_can_be_read_and_not_changed(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.page.evaluate(FIELDS)
    panel.page.evaluate("die()")
    assert panel.button("+ Model").is_disabled()
    assert panel.button("Settings").is_enabled()
    assert not panel.locator(".pk-chat > input").is_editable()


def test_what_is_sent_does_not_overtake_what_was_typed_into_a_field(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.page.evaluate(FIELDS)
    box(panel).fill("Hello")
    panel.locator(".pk-chat > input").fill("gpt-4o")
    box(panel).press("Enter")
    (asked,) = panel.wait_sent("settle")
    box(panel).press("Escape")
    assert panel.button("Stop").is_visible()
    assert (panel.sent("send"), panel.sent("stop")) == ([], [])
    panel.done(asked)
    (sent,) = panel.wait_sent("send")
    assert sent["text"] == "Hello"
    panel.wait_sent("stop")
    take(panel, sent)
    panel.deliver(bar={"busy": False, "ready": True})
    box(panel).fill("Again")
    box(panel).press("Enter")
    panel.wait_sent("send", 2)
    assert len(panel.sent("settle")) == 1


def test_what_waits_for_a_field_is_not_lost_with_the_kernel(panel: PanelPage) -> None:
    panel.welcome(talk())
    panel.page.evaluate(FIELDS)
    panel.locator(".pk-chat > input").fill("gpt-4o")
    box(panel).fill("Hello")
    box(panel).press("Enter")
    panel.wait_sent("settle")
    panel.page.evaluate("die()")
    assert box(panel).input_value() == "Hello"
    assert not panel.button("Stop").is_visible()
    assert panel.sent("send") == []


def test_an_answer_under_way_ends_with_its_kernel(panel: PanelPage) -> None:
    panel.welcome(talk())
    begin(panel, "c9")
    live = LiveColumn("gpt-4o")
    live.push("Half of a sen", "text")
    panel.grow("a9", "c9", live)
    assert panel.button("Stop").is_visible()
    panel.page.evaluate("die()")
    assert panel.locator("[data-id=c9] .pk-foot").inner_text() == "stopped: the kernel was restarted or is gone"
    assert "Half of a sen" in panel.locator("[data-id=c9]").inner_text()
    assert panel.locator(LOG).get_attribute("aria-busy") == "false"
    assert not panel.button("Stop").is_visible()


def test_a_kernel_that_does_not_answer_is_called_busy_until_it_does(panel: PanelPage) -> None:
    panel.page.clock.install()
    panel.welcome(talk())
    panel.button("Undo").click()
    panel.page.clock.run_for(2_000)
    assert panel.locator(".pk-notice").inner_text() == ""
    panel.page.clock.run_for(1_500)
    assert "busy" in panel.locator(".pk-notice").inner_text()
    panel.deliver(bar={"undo": False})
    assert panel.locator(".pk-notice").inner_text() == ""


def test_each_message_is_one_tab_stop_whose_tools_arrow_keys_reach(panel: PanelPage) -> None:
    panel.welcome([said("u1", "One"), said("u2", "Two")])
    panel.locator(LOG).focus()
    names = "() => document.activeElement.getAttribute('aria-label')"
    panel.page.keyboard.press("Tab")
    assert panel.page.evaluate(names) == "Edit"
    panel.page.keyboard.press("ArrowRight")
    assert panel.page.evaluate(names) == "Copy"
    assert panel.locator("[data-id=u1] .pk-tool").nth(1).evaluate("one => getComputedStyle(one).opacity") == "1"
    panel.page.keyboard.press("End")
    assert panel.page.evaluate(names) == "Remove"
    panel.page.keyboard.press("Tab")
    assert panel.page.evaluate("() => document.activeElement.closest('.pk-entry').dataset.id") == "u2"
    panel.page.keyboard.press("Shift+Tab")
    assert panel.page.evaluate(names) == "Remove"


def test_the_focus_stays_where_a_message_is_moved_or_taken_out(panel: PanelPage) -> None:
    panel.welcome([said("a", "One"), said("b", "Two"), said("c", "Three")])
    where = "() => [document.activeElement.closest('.pk-entry')?.dataset.id, document.activeElement.dataset.does]"
    panel.locator("[data-id=c]").get_by_role("button", name="Move up").focus()
    panel.page.keyboard.press("Enter")
    panel.deliver(order=["a", "x", "y"], put=[said("x", "Three"), said("y", "Two")])
    assert panel.page.evaluate(where) == ["x", "move_up"]
    panel.locator("[data-id=x]").get_by_role("button", name="Remove").focus()
    panel.page.keyboard.press("Enter")
    panel.deliver(order=["a", "z"], put=[said("z", "Two")])
    assert panel.page.evaluate(where) == ["z", "remove"]
    panel.deliver(order=[])
    assert box(panel).evaluate("one => one === document.activeElement")


OUTPUTS = """html => {
    window.leave.pop()();
    const main = document.querySelector("main");
    const output = '<div class="jp-OutputArea-child"><div></div></div>';
    main.innerHTML = output + output;
    const [first, second] = main.querySelectorAll(".jp-OutputArea-child > div");
    [first.id, second.id] = ["widget", "static"];
    second.innerHTML = html;
}"""
SEEN = "() => ['#widget', '#static'].map(name => document.querySelector(name).checkVisibility())"


def test_the_static_conversation_is_seen_until_the_widget_has_it(panel: PanelPage) -> None:
    panel.page.evaluate(OUTPUTS, dressed({"text/html": "<p>What was said</p>"})["text/html"])
    assert panel.page.evaluate(SEEN) == [False, True]
    panel.page.evaluate("joinIn(document.querySelector('#widget'))")
    assert panel.page.evaluate(SEEN) == [True, True]
    panel.welcome(talk())
    assert panel.page.evaluate(SEEN) == [True, False]
    panel.page.evaluate("die()")
    assert panel.page.evaluate(SEEN) == [True, False]


def test_a_widget_of_saved_state_that_has_no_kernel_gives_way_to_the_static_conversation(panel: PanelPage) -> None:
    panel.page.evaluate(OUTPUTS, dressed({"text/html": "<p>What was said</p>"})["text/html"])
    panel.locator("#widget").evaluate("el => { el.className = 'jupyter-widgets-disconnected'; joinIn(el); }")
    assert panel.page.evaluate(SEEN) == [False, True]


def test_keys_do_not_leave_the_panel(panel: PanelPage) -> None:
    panel.welcome(talk())
    box(panel).press("Shift+Enter")
    panel.button("As code").focus()
    for key in ("a", "d", "Escape", "ArrowDown"):
        panel.page.keyboard.press(key)
    assert panel.page.evaluate("outside") == []


def test_strings_that_are_no_html_are_shown_as_text(panel: PanelPage) -> None:
    evil = "<img src=x onerror=alert(1)>"
    columns = [column("c1", "One", label=evil, footer=evil), column("c2", "Two", label=evil, chosen=False)]
    panel.welcome(
        [said("u1", "x", role=evil, note=evil, images=[{"label": evil, "src": None}]), answered("a1", *columns)],
        title=evil,
        totals=evil,
        why=evil,
        ready=False,
        known=[evil],
        models=[evil],
        notice={"n": 1, "text": evil, "kind": "error"},
        draft={"text": evil, "images": [{"id": "i", "label": evil, "src": "javascript:alert(1)"}], "by": None, "n": 1},
    )
    view = panel.sent("hello")[0]["view"]
    panel.tell(to=view, code={"cell": evil, "python": evil, "note": evil})
    assert panel.locator("img").count() == 0
    assert panel.locator(".pk-title").inner_text() == evil


def test_where_the_kernel_takes_its_time_to_tell_the_conversation_the_panel_says_so(panel: PanelPage) -> None:
    said_so = "The kernel is busy; the conversation comes when it is free."
    panel.page.locator(".pk-empty", has_text=said_so).wait_for()
    assert panel.locator(".pk-why").inner_text() == said_so
    assert not panel.button("Add a message below").is_visible()
    panel.welcome()
    assert panel.locator(".pk-empty").inner_text().startswith("No messages yet")
    assert panel.locator(".pk-why").inner_text() == ""


LONG = "\n\n".join("What is said at some length about sorting, and said again." for _ in range(9))


def test_four_answers_stand_two_by_two_with_their_tops_in_sight(panel: PanelPage) -> None:
    columns = [column(f"s{i}", LONG, chosen=i == 0, can=["rate", "choose"], footer=FOOTER) for i in range(4)]
    panel.welcome([*talk(), said("u3", "Which?"), answered("a3", *columns)])
    panel.frame()
    first, second, third, _ = [panel.locator(f"[data-id=s{i}]").bounding_box() for i in range(4)]
    assert first["y"] == second["y"] < third["y"]
    assert first["y"] >= panel.locator(LOG).bounding_box()["y"]
    feet = [panel.locator(f"[data-id=s{i}] .pk-foot").bounding_box()["y"] for i in range(4)]
    assert feet[0] == feet[1]
    assert feet[2] == feet[3]
    panel.button("Go to the newest message").click()
    assert panel.page.evaluate(BELOW) <= 1


def test_nothing_moves_where_something_is_copied(panel: PanelPage) -> None:
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.welcome(talk())
    before = box(panel).bounding_box()
    panel.button("Copy all").click()
    panel.tell(to=panel.wait_sent("copy_all")[0]["view"], copy="[]")
    panel.button("Copied").wait_for()
    assert box(panel).bounding_box() == before
    panel.button("Copy all").wait_for()


def test_an_answer_of_which_nothing_is_known_has_no_empty_line_below(panel: PanelPage) -> None:
    panel.welcome([said("u1", "Hi"), answered("a1", column("c1", "Hello"))])
    assert not panel.locator("[data-id=c1] .pk-foot").is_visible()


def test_what_stands_in_backticks_is_code_in_what_the_panel_says(panel: PanelPage) -> None:
    panel.welcome(ready=False, why="`top_k` is wrong", notice={"n": 1, "text": "write `k: 5` <b>", "kind": "error"})
    assert panel.locator(".pk-why").inner_text() == "top_k is wrong"
    assert panel.locator(".pk-why code").inner_text() == "top_k"
    assert panel.locator(".pk-error").inner_text() == "write k: 5 <b>"


def test_the_demo_gateway_is_named_at_the_top(panel: PanelPage) -> None:
    panel.welcome(talk(), demo=True)
    assert panel.locator(".pk-bar .pk-demo").inner_text() == "demo"
    panel.deliver(bar={"demo": False})
    assert not panel.locator(".pk-demo").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 700, 1100])
def test_looks(browser: Any, address: str, theme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width + 32, "height": 900})
    panel = PanelPage(context.new_page(), address, width, theme)
    can = ["rate", "copy", "retry", "retry_with"]
    failed = column("c5", "", label="lost/with-a-long-name", state="failed", chosen=False, can=can)
    failed["error"] = error_html("the gateway answered 429 (rate_limit_exceeded): wait 20 s")
    columns = [
        column("c3", "One", footer=FOOTER, can=can),
        column("c4", "Two\n\n```python\nsorted(items)\n```", can=can),
        failed,
    ]
    entries = [
        said("s1", "Be **brief**.", "system"),
        *talk(),
        said("u3", "Which?", images=[{"label": "plot.png", "src": PNG}]),
    ]
    images = [{"id": "i1", "label": "plot.png", "src": PNG}, {"id": "i2", "label": "huge.png (4.1 MB)", "src": None}]
    panel.welcome(
        [*entries, answered("a3", *columns)],
        totals="8 messages · 3,400 tokens · $0.012",
        draft={"text": "And in Rust?", "images": images, "by": None, "n": 1},
    )
    panel.locator(LOG).evaluate("log => { log.style.maxHeight = 'none'; }")
    panel.frame()
    assert panel.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert panel.locator(LOG).evaluate("log => log.scrollWidth <= log.clientWidth")
    SHOTS.mkdir(exist_ok=True)
    panel.page.screenshot(path=SHOTS / f"panel-page-{theme}-{width}.png", full_page=True)
    assert panel.errors == []
    context.close()

"""A chat panel in a page, driven as a person drives it: by the names that its controls have."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.browser.lab import SHOTS, LabPage
from tests.servers import ScriptedServer, Step, whole

MODELS = {"object": "list", "data": [{"id": name, "object": "model"} for name in ("gpt-4o", "claude-sonnet", "m")]}
PATIENCE_S = 20.0
"""Longest wait for any one thing that a panel does."""
SETUP = "from portkey_nb import ChatPanel"


def gateway(*scripts: Sequence[Step]) -> ScriptedServer:
    """Return a server whose scripts answer chats alone: panels ask for its models whenever they are shown."""
    return ScriptedServer(*scripts, aside={"/v1/models": whole(MODELS)})


def open_panel(page: LabPage, name: str, code: str, *more: str) -> Panel:
    """Open a notebook whose first cell shows a panel, run it, and return the panel's first view."""
    page.lab.write(name, [f"{SETUP}\n{code}", *more])
    page.open(name)
    page.page.set_default_timeout(PATIENCE_S * 1000)
    page.run_all()
    return Panel(page).ready()


def in_kernel(page: LabPage, code: str) -> str:
    """Run code in the notebook's kernel beside its cells, and return what it printed."""
    said: str = page.page.evaluate(
        """async code => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let said = "";
            future.onIOPub = message => {
                if (message.header.msg_type === "stream") said += message.content.text;
                if (message.header.msg_type === "error") said += message.content.traceback.join("\\n");
            };
            await future.done;
            return said;
        }""",
        code,
    )
    return said


def clipboard(page: LabPage, holding: str, without: str = "\0") -> str:
    """Return the clipboard's text as soon as it holds something, and not something else any more."""
    text: str = page.page.evaluate(
        """async ([holding, without, patience]) => {
            const end = performance.now() + patience;
            let text = "";
            while ((!text.includes(holding) || text.includes(without)) && performance.now() < end) {
                await new Promise(done => setTimeout(done, 50));
                text = await navigator.clipboard.readText();
            }
            return text;
        }""",
        [holding, without, PATIENCE_S * 1000],
    )
    return text


def look(page: LabPage, name: str, violations: Callable[[Any, str], list[str]]) -> None:
    """Keep pictures of the notebook in both themes, and fail if axe-core finds anything wrong in either."""
    for theme in ("Dark", "Light"):
        page.theme(f"JupyterLab {theme}")
        page.shoot(f"{name}-{theme.lower()}")
        found = violations(page.page, ".jp-OutputArea-output")
        assert found == [], (theme, *found)


class Panel:
    """One view of a panel.

    Attributes
    ----------
    root : playwright Locator
        The view's element.
    """

    def __init__(self, page: LabPage, number: int = 0) -> None:
        self.lab_page, self.page, self.number = page, page.page, number
        self.root = page.page.locator(".pk-panel").nth(number)

    @property
    def composer(self) -> Any:
        return self.root.get_by_role("textbox", name="Message", exact=True)

    @property
    def log(self) -> Any:
        return self.root.get_by_role("log")

    @property
    def entries(self) -> Any:
        return self.root.locator(".pk-log > .pk-entry")

    def entry(self, number: int) -> Any:
        """Return a message by its place; -1 is the last."""
        return self.entries.nth(number)

    def answer(self, number: int, entry: int = -1) -> Any:
        """Return one of several answers that stand side by side."""
        return self.entry(entry).locator(".pk-answer").nth(number)

    def button(self, name: str, within: Any = None) -> Any:
        """Return a button by its accessible name."""
        return (self.root if within is None else within).get_by_role("button", name=name, exact=True)

    def until(self, condition: str, given: Any = None) -> None:
        """Wait until a condition in JavaScript holds; it knows ``panel``, the view's element, and ``given``."""
        from playwright.sync_api import TimeoutError as Expired  # an extra of the tests

        try:
            self.page.wait_for_function(
                f"([number, given]) => {{ const panel = document.querySelectorAll('.pk-panel')[number]; "
                f"return Boolean(panel) && Boolean({condition}); }}",
                arg=[self.number, given],
            )
        except Expired:
            shown = self.root.inner_text(timeout=1000) if self.root.count() else "no panel"
            raise AssertionError(f"{PATIENCE_S} s without {condition} (given {given!r}) in:\n{shown[-2000:]}") from None

    def ready(self) -> Panel:
        """Wait until the kernel has told the view what there is."""
        self.composer.wait_for()
        self.idle()
        return self

    def idle(self, entries: int | None = None) -> None:
        """Wait until no answer is under way, and until there are so many messages if a number is given."""
        self.button("Send").wait_for()
        self.until("!panel.querySelector('.pk-is-live')")
        if entries is not None:
            self.until("panel.querySelectorAll('.pk-log > .pk-entry').length === given", entries)

    def shows(self, text: str) -> None:
        """Wait until the conversation shows a text."""
        self.until("panel.querySelector('.pk-log').textContent.includes(given)", text)

    def says(self, text: str) -> None:
        """Wait until the view says something anywhere: a notice, an error, why Send is off."""
        self.until("panel.textContent.includes(given)", text)

    def off(self, name: str, within: Any = None) -> bool:
        """Tell whether a button cannot be used."""
        button = self.button(name, within)
        return bool(button.get_attribute("aria-disabled") == "true" or button.is_disabled())

    def begin(self, text: str, by: str = "Enter") -> None:
        """Write a message and send it by a key or by the button ``Send``."""
        self.composer.fill(text)
        self.until("panel.querySelector('.pk-send').getAttribute('aria-disabled') !== 'true'")
        if by == "Send":
            self.button("Send").click()
        else:
            self.composer.press(by)
        self.until("panel.querySelector('textarea[aria-label=Message]').value === ''")

    def send(self, text: str, entries: int, by: str = "Enter") -> None:
        """Send a message, and wait until it is answered and there are so many messages."""
        self.begin(text, by)
        self.idle(entries)

    def roles(self) -> list[str]:
        """Return who said what is shown, in its order."""
        found: list[str] = self.entries.evaluate_all("all => all.map(one => one.dataset.role)")
        return found

    def texts(self) -> list[str]:
        """Return what was said: the text of messages, without names, footers and buttons."""
        found: list[str] = self.entries.evaluate_all(
            """all => all.map(one => [...one.querySelectorAll(".pk-text, .pk-said")]
                .filter(part => !part.hidden).map(part => part.textContent.replace(/\\s+/g, " ").trim()).join(" | "))"""
        )
        return found

    def tool(self, entry: int, name: str) -> None:
        """Press a message's button with the mouse."""
        row = self.entry(entry)
        row.hover()
        self.button(name, row).first.click()

    def edit(self, entry: int, text: str | None, then: str, role: str | None = None) -> None:
        """Open a message's editor with the mouse, write, and press one of its buttons."""
        self.tool(entry, "Edit")
        self.fill_editor(text, then, role)

    def fill_editor(self, text: str | None, then: str, role: str | None = None) -> None:
        """Write into the editor that is open, and press one of its buttons."""
        editor = self.root.locator(".pk-editor:visible")
        editor.wait_for()
        if role is not None:
            editor.get_by_role("combobox", name="Role", exact=True).select_option(role)
        if text is not None:
            editor.get_by_role("textbox", name="Text", exact=True).fill(text)
        self.button(then, editor).click()
        editor.wait_for(state="detached")

    def branch(self, entry: int) -> str:
        """Return which branch a message stands on, as it is shown; empty without others."""
        place = self.entry(entry).locator(".pk-branch:visible")
        return " ".join(place.inner_text().split()) if place.count() else ""

    def branch_is(self, entry: int, shown: str) -> None:
        """Wait until a message stands on a branch."""
        self.until(
            "panel.querySelectorAll('.pk-log > .pk-entry')[given[0]]?.querySelector('.pk-branch')"
            "?.textContent.includes(given[1])",
            [entry, shown],
        )

    def focused(self) -> str:
        """Return the name of what has the focus."""
        name: str = self.page.evaluate(
            "(one => one.getAttribute('aria-label') ?? one.textContent.trim())(document.activeElement)"
        )
        return name

    def tab_to(self, name: str, key: str = "Tab", limit: int = 80) -> None:
        """Press a key until a control has the focus."""
        for _ in range(limit):
            if self.focused() == name:
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{limit} times {key} never lead to {name!r}; the focus is on {self.focused()!r}")

    def give_files(self, how: str, files: Sequence[tuple[str, str, str | int]]) -> None:
        """Paste or drop files: name, type, and base64 or a number of zero bytes."""
        self.composer.evaluate(
            """(field, [how, files]) => {
                const data = new DataTransfer();
                for (const [name, type, content] of files) {
                    const bytes = typeof content === "number" ? new Uint8Array(content)
                        : Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
                    data.items.add(new File([bytes], name, { type }));
                }
                const told = { bubbles: true, cancelable: true };
                if (how === "paste") {
                    field.dispatchEvent(new ClipboardEvent("paste", { ...told, clipboardData: data }));
                } else {
                    for (const kind of ["dragenter", "dragover", "drop"]) {
                        field.dispatchEvent(new DragEvent(kind, { ...told, dataTransfer: data }));
                    }
                }
            }""",
            [how, [list(file) for file in files]],
        )

    def shoot(self, name: str) -> None:
        """Keep a picture of this view."""
        SHOTS.mkdir(exist_ok=True)
        self.lab_page.settle()
        self.root.screenshot(path=SHOTS / f"{name}.png")


def asked(request: Any) -> list[dict[str, Any]]:
    """Return the messages of a request that a scripted server has seen."""
    found: list[dict[str, Any]] = json.loads(request.body)["messages"]
    return found


def said(request: Any) -> list[tuple[str, str]]:
    """Return role and text of the messages of a request."""
    return [(message["role"], message["content"]) for message in asked(request)]

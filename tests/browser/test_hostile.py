"""Hostile replies in a notebook that was just run, where JupyterLab trusts every output: none runs, none calls out."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from tests.browser.lab import Lab, LabPage
from tests.hostile import REPLIES
from tests.servers import DONE, ScriptedServer, chunk, streamed

pytestmark = pytest.mark.browser

# What a reply could have left in the page, whatever way it took.
FINDINGS = """() => {
    const found = [];
    if (window.pwned !== undefined) found.push("a script ran");
    if (document.title.includes("pwned")) found.push("the title changed");
    const shown = document.querySelectorAll(".jp-OutputArea-output");
    for (const output of shown) {
        const loads = "script, iframe, object, embed, video, audio, source, base, meta, form, input, link, style, " +
            "img, image";
        for (const element of output.querySelectorAll(loads)) {
            if (!element.closest("mjx-container")) found.push(element.outerHTML.slice(0, 200));
        }
        for (const element of output.querySelectorAll("*")) {
            for (const attribute of element.attributes) {
                if (attribute.name.startsWith("on")) found.push(element.outerHTML.slice(0, 200));
            }
            if (getComputedStyle(element).position === "fixed") found.push(element.outerHTML.slice(0, 200));
        }
        for (const link of output.querySelectorAll("[href], [*|href]")) {
            if (link.classList.contains("jp-InternalAnchorLink")) continue;  // JupyterLab's own, beside a heading
            const target = link.getAttribute("href") ?? link.getAttribute("xlink:href") ?? "";
            if (!/^(https?:|mailto:|#$|#mjx-)/.test(target)) found.push(link.outerHTML.slice(0, 200));
        }
    }
    return found;
}"""


@pytest.fixture
def canary() -> Iterator[ScriptedServer]:
    """Serve on another port what no page may ask for."""
    with ScriptedServer() as server:
        yield server


def replies(canary: ScriptedServer) -> list[str]:
    """Return the corpus twice: with a host that does not exist, and with one that would answer."""
    host = canary.url.removeprefix("http://").removesuffix("/v1")
    return [text.replace("evil.invalid", host) for text in REPLIES.values()]


def script(text: str, mark: str, gate: Event) -> list[Any]:
    """Return a stream of the reply in pieces, which then waits with the connection open."""
    size = max(7, len(text) // 40)
    pieces = [chunk(text[at : at + size]) for at in range(0, len(text), size)]
    return streamed(chunk("", role="assistant"), *pieces, chunk(f"\n\n{mark}\n\n"), gate, chunk(finish="stop"), DONE)


@pytest.mark.parametrize(("live", "width"), [("widget", 4), ("html", 9)])
def test_nothing_in_a_reply_runs_or_calls_out(
    lab: Lab, page: LabPage, canary: ScriptedServer, live: str, width: int
) -> None:
    texts = replies(canary) if live == "widget" else list(REPLIES.values())
    gates = [Event() for _ in texts]
    marks = [f"mark{number}z" for number in range(len(texts))]
    scripts = [script(*given) for given in zip(texts, marks, gates, strict=True)]
    name = f"hostile-{live}.ipynb"
    with ScriptedServer(*scripts) as server:
        settings = {"live": live, "base_url": server.url}
        setup = "\n".join(f"%config PortkeyMagics.{trait} = {value!r}" for trait, value in settings.items())
        groups = [range(start, min(start + width, len(texts))) for start in range(0, len(texts), width)]
        cells = [f"%%portkey {'-m hostile ' * len(group)}\nnumber {group[0]}" for group in groups]
        lab.write(name, [f"%load_ext portkey_nb\n{setup}", *cells])
        page.open(name)
        page.begin_all()
        for group in groups:
            for number in group:
                page.page.wait_for_function(
                    "mark => [...document.querySelectorAll('.jp-OutputArea-output')].some("
                    "output => output.textContent.includes(mark))",
                    arg=marks[number],
                )
            assert page.page.evaluate(FINDINGS) == [], [list(REPLIES)[number] for number in group]
            for number in group:
                gates[number].set()
        page.wait_all()
    assert page.page.evaluate(FINDINGS) == []
    page.shoot(f"hostile-{live}")
    page.save()
    page.open(name).settle()
    assert page.page.evaluate(FINDINGS) == []
    show_markdown_alone(lab, page, name)
    assert page.page.evaluate(FINDINGS) == []
    assert canary.connections == 0
    page.assert_quiet()


def show_markdown_alone(lab: Lab, page: LabPage, name: str) -> None:
    """Display the saved text/markdown where there is no text/html that JupyterLab would prefer."""
    saved = [output.data["text/markdown"] for cell in lab.read(name).cells[1:] for output in cell.outputs]
    setup = (
        "import nbformat\n"
        "from IPython.display import display\n"
        f"outputs = [cell.outputs[0] for cell in nbformat.read({name!r}, as_version=4).cells[1:]]"
    )
    # One cell each: JupyterLab shows the first fifty outputs of a cell.
    shown = "display({{'text/markdown': outputs[{}].data['text/markdown']}}, raw=True)"
    lab.write(f"markdown-{name}", [setup, *(shown.format(number) for number in range(len(saved)))])
    page.open(f"markdown-{name}").run_all()
    page.page.wait_for_function(
        "count => document.querySelectorAll('.jp-RenderedMarkdown.jp-OutputArea-output').length === count",
        arg=len(saved),
    )
    page.shoot(f"hostile-markdown-{name.removesuffix('.ipynb')}")


def test_the_corpus_would_be_noticed(lab: Lab, page: LabPage, canary: ScriptedServer) -> None:
    host = canary.url
    code = (
        "from IPython.display import HTML, Markdown, display\n"
        "display(Markdown('<img src=x onerror=\"window.pwned=1\">'))\n"
        f"display(HTML('<img src=\"{host}\">'))"
    )
    lab.write("noticed.ipynb", [code])
    page.open("noticed.ipynb").run_all()
    page.page.wait_for_function("window.pwned === 1")
    assert len(page.page.evaluate(FINDINGS)) >= 3
    assert canary.requests

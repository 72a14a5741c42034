"""A panel's state as a cell and as Python: both run, and what arrives at the gateway is what the panel sends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from portkey_nb.engine.loop import submit
from portkey_nb.notebook.panel.code import Code, as_code
from portkey_nb.notebook.panel.composed import Composed
from tests.hostile import REPLIES
from tests.servers import HELLO, ScriptedServer, Seen, streamed

Messages = Sequence[Mapping[str, Any]]


class Desk(NamedTuple):
    """A notebook, and the gateway that its calls reach."""

    shell: Any
    server: ScriptedServer

    def sent(self) -> list[Any]:
        """Take what has arrived since, without what differs from call to call."""
        seen, self.server.requests[:] = list(self.server.requests), []
        return sorted((_told(one) for one in seen), key=lambda told: json.dumps(told, sort_keys=True))

    def by_panel(self, composed: Composed, messages: Messages) -> list[Any]:
        calls, runner = composed.calls(messages, {})
        for call in calls:
            submit(runner.perform(call)).result(30)
        return self.sent()

    def by_cell(self, code: Code) -> list[Any]:
        self.shell.run_cell(code.cell, store_history=False).raise_error()
        return self.sent()

    def by_python(self, code: Code) -> list[Any]:
        self.shell.run_cell(code.python, store_history=False).raise_error()
        return self.sent()

    def check(self, composed: Composed, messages: Messages) -> Code:
        """Fail unless cell and Python send what the panel sends; return them."""
        code = as_code(composed, messages, names=self.shell.user_ns)
        wanted = self.by_panel(composed, messages)
        assert len(wanted) == len(composed.models)
        assert self.by_python(code) == wanted
        assert code.cell, code.note
        assert self.by_cell(code) == wanted
        return code


def _told(seen: Seen) -> Any:
    kept: dict[str, Any] = {
        name: value
        for name, value in seen.headers.items()
        if (name.startswith("x-portkey-") or name in ("authorization", "accept")) and name != "x-portkey-trace-id"
    }
    metadata = json.loads(kept.pop("x-portkey-metadata", "{}"))
    kept["metadata"] = {name: value for name, value in metadata.items() if "run" not in name}
    return [seen.path, kept, seen.json]


@pytest.fixture
def desk(shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with ScriptedServer(streamed(*HELLO)) as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        yield Desk(shell, server)


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


ONE = Composed(models=("gpt-4o",))

TEXTS = [
    "Hello",
    "two\nlines\n\nand a third",
    "",
    " ",
    "\n",
    " leading blank",
    "trailing blank ",
    "\n\nleading lines",
    "trailing lines\n\n",
    "a\n   \nblank line of blanks",
    "    all\n    indented",
    "user:\nnot a marker\nassistant:\nnor this",
    "```\nsystem:\n```",
    "{{name}} and {{ a.b[0] }} and {{{x}}} and { y }",
    ">>> 1 + 1\n2",
    "  >>> 1\n  ... 2",
    "In [1]: x\n   ...: y",
    "%%bash\nls",
    "%portkey what?\n!ls\n?help\nhelp?",
    "$HOME {x} $$ `x` \\n \\",
    'a """ b',
    "'''a''' \"\"\"b\"\"\"",
    '"',
    '\n"""',
    'ends with a quote\n"',
    "ends with a backslash\n\\",
    "C:\\new\\table\n\\u0041",
    "carriage\r\nreturns\rhere",
    "nul \x00 bell \x07 escape \x1b[31m",
    "tab\tand vertical \x0b form \x0c",
    "separators \u2028 \u2029 \x85 \x1c",
    "directions \u202e \u2066 bom \ufeff",
    "emoji 👩‍👩‍👧 and \U000e0041 and nbsp\u00a0.",
    "- role: user\n  content: x",
    '[{"role": "user", "content": "x"}]',
    "-m other",
    "<< x",
    "x <<\ny",
    "# comment: [1, 2]\nkey: |\n  text",
    "---\n...",
    "?",
    "ends?",
    *list(REPLIES.values())[:-1],
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_message_arrives_as_it_is_whatever_stands_in_it(desk: Desk, text: str) -> None:
    messages = [user(text)] if text.strip() else [user("x"), {"role": "assistant", "content": text}, user("y")]
    if text.strip():
        desk.check(ONE, messages)
    else:
        code = as_code(ONE, messages)
        assert desk.by_python(code) == desk.by_panel(ONE, messages)
        assert not code.cell
        assert "empty" in code.note


@pytest.mark.parametrize("text", TEXTS)
def test_so_do_a_system_prompt_and_a_history(desk: Desk, text: str) -> None:
    assume_text = text if text.strip() else "x"
    messages = [user("first"), {"role": "assistant", "content": assume_text}, user("Go on")]
    desk.check(Composed(models=("gpt-4o",), system=assume_text), messages)
    desk.check(Composed(models=("gpt-4o",), system=assume_text), [user("Hello")])


def test_plain_things_are_written_plainly(desk: Desk) -> None:
    code = desk.check(Composed(models=("gpt-4o",), system="Be brief.", params={"temperature": 0}), [user("Hi {there}")])
    assert code.cell == '%%portkey -m gpt-4o -t 0 -s "Be brief."\nHi {there}'
    call = 'ask("Hi {there}", model="gpt-4o", system="Be brief.", temperature=0)'
    assert code.python == f"from portkey_nb import ask\n\nreply = {call}\nreply"
    assert code.note == ""
    history = [user("One?\nTwo?"), {"role": "assistant", "content": "Three."}, user("Four?")]
    code = desk.check(Composed(models=("gpt-4o",), system="Be brief.\nBe kind."), history)
    assert code.cell == (
        "%%portkey -m gpt-4o\nsystem:\nBe brief.\nBe kind.\n\nuser:\nOne?\nTwo?\n\nassistant:\nThree.\n\nuser:\nFour?"
    )
    assert '"""One?\nTwo?"""' in code.python

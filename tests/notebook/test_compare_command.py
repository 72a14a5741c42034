"""``%portkey compare``: what was made together, a group by name, or the latest runs, side by side."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_nb import Comparison, runs
from portkey_nb.errors import PromptError
from portkey_nb.notebook.options import help_page


def cell(shell: Any, line: str, body: str) -> Any:
    return shell.run_cell_magic("portkey", line, body)


def compare(shell: Any, line: str = "") -> Comparison:
    found = shell.run_line_magic("portkey", f"compare {line}".strip())
    assert isinstance(found, Comparison)
    return found


def test_the_last_group_made_together_is_compared(shell: Any) -> None:
    cell(shell, "-m gpt-4o -m claude-sonnet", "What is the capital of France?")
    cell(shell, "-m gpt-4o -m gemini-flash", "What is the capital of Italy?")
    cell(shell, "-m llama-local", "Hello")
    found = compare(shell)
    assert found.variants == ["gpt-4o", "gemini-flash"]
    assert "Rome" in found.table().text
    assert "Paris" not in found.table().text
    assert len(runs()) == 5


def test_a_group_is_compared_by_its_id(shell: Any) -> None:
    cell(shell, "-m gpt-4o -m claude-sonnet", "What is the capital of France?")
    first = runs(columns=["group_id"])["group_id"].iloc[-1]
    cell(shell, "-m gpt-4o -m claude-sonnet", "What is the capital of Italy?")
    assert "Paris" in compare(shell, first).table().text
    with pytest.raises(PromptError, match=r"no group 'nothing' in the run log; the latest: '01"):
        compare(shell, "nothing")
    with pytest.raises(PromptError, match=r"no group 'two words' in the run log"):
        compare(shell, '"two words"')


def test_the_latest_runs_are_compared(shell: Any) -> None:
    for model in ("gpt-4o", "claude-sonnet", "gemini-flash"):
        cell(shell, f"-m {model}", "What is the capital of France?")
    found = compare(shell, "last 2")
    assert found.variants == ["claude-sonnet", "gemini-flash"]
    assert len(found.table().html) > 100
    with pytest.raises(PromptError, match="compares nothing"):
        compare(shell, "last 0")


def test_nothing_to_compare_is_one_line_that_says_what_to_do(shell: Any) -> None:
    with pytest.raises(PromptError, match="try several -m in one cell"):
        compare(shell)
    with pytest.raises(PromptError, match="no runs yet"):
        compare(shell, "last 3")
    with pytest.raises(PromptError, match="`%portkey compare last 20` needs none"):
        compare(shell, "capitals")


def test_a_line_that_only_begins_so_is_a_prompt(shell: Any) -> None:
    reply = shell.run_line_magic("portkey", "-m demo-fast compare Rome and Oslo")
    assert reply.run.prompt == "compare Rome and Oslo"
    assert shell.run_line_magic("portkey", "-m demo-fast -- compare last 2").run.prompt == "compare last 2"


def test_several_replies_are_a_comparison(shell: Any) -> None:
    cell(shell, "answers << -m gpt-4o -m claude-sonnet --repeat 2", "What is the capital of France?")
    replies = shell.user_ns["answers"]
    found = replies.comparison
    assert found.variants == ["gpt-4o", "claude-sonnet"]
    assert found.summary()["n"].tolist() == [2, 2]
    assert "(1 of 2)" in found.table().text
    assert len(compare(shell)) == 4


def test_the_help_page_tells_of_it() -> None:
    assert "[group | last N]" in help_page()

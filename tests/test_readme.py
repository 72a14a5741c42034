"""Every snippet of the README runs, and what it promises of flags and commands is so."""

from __future__ import annotations

import builtins
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from portkey_nb import runs
from portkey_nb.cli import main
from portkey_nb.notebook.options import COMMANDS, FLAGS
from tests.benchmarks import figures
from tests.benchmarks.__main__ import given
from tests.benchmarks.modules import found

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("PORTKEY_BASE_URL", "demo")
    monkeypatch.setenv("PORTKEY_NB_DEMO_SPEED", "4")
    # Examples of docstrings leave one behind, and IPython then keeps none of its own.
    monkeypatch.delattr(builtins, "_", raising=False)
    settings = Config()
    settings.HistoryManager.enabled = False
    shell = InteractiveShell(config=settings)
    yield shell
    InteractiveShell.clear_instance()


def test_the_tour_runs_from_top_to_bottom(shell: Any) -> None:
    cells = snippets("python")
    assert len(cells) >= 8
    for code in cells:
        result = shell.run_cell(code)
        assert result.success, (code, result.error_in_exec or result.error_before_exec)
    frame = runs()
    assert set(frame["status"]) == {"ok"}
    assert {"gpt-4o", "claude-sonnet"} <= set(frame["model"])


def test_the_two_commands_stand_there_word_for_word() -> None:
    commands = [line for block in snippets("sh") for line in block.splitlines()]
    assert 'pip install -e ".[lab]" && portkey-nb lab' in commands
    assert 'pip install -e ".[test]" && pytest' in commands


def test_its_commands_are_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORTKEY_BASE_URL", "demo")
    listed = [shlex.split(line, comments=True) for line in snippets("sh")[-1].splitlines()]
    assert {words[1] for words in listed} == {"lab", "demo", "gateway", "runs", "ask"}
    for words in listed:
        if words[1] in ("runs", "ask"):
            assert main(words[1:]) == 0
            assert capsys.readouterr().out.strip()


def test_it_names_every_flag_and_subcommand() -> None:
    for flag in set(FLAGS) - {"-h", "--help"}:
        assert f"`{flag}" in README or f", `{flag}" in README, flag
    for command in set(COMMANDS) - {"logout"}:
        assert f"`{command}" in README, command


def test_the_figures_stand_as_the_benchmarks_write_them() -> None:
    _, between, _ = figures.split(README)
    rows = figures.parsed(between)
    assert len(rows) >= 8
    foot = next(line for line in between.splitlines() if line.startswith("Measured on "))
    assert between.strip() == figures.section(rows, foot, found())


def test_the_short_table_has_all_its_figures() -> None:
    rows = figures.parsed(figures.split(README)[1])
    assert len(list(figures.first(rows))) == len(figures.FIRST)


def test_each_figure_names_a_command_that_is_there() -> None:
    known = [module.name for module in found()]
    rows = figures.parsed(figures.split(README)[1])
    assert len({row.what for row in rows}) == len(rows)
    for row in rows:
        words = shlex.split(row.command)
        assert words[:3] == ["python", "-m", "tests.benchmarks"]
        assert given(words[3:], known).only == [row.module]


def test_what_it_links_to_is_there() -> None:
    folder = Path(__file__).parent.parent
    for target in re.findall(r"\]\(((?!https?:)[^)#]+)\)", README):
        assert (folder / target).exists(), target

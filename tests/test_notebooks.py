"""The notebooks run from top to bottom, are committed with what they show, and need no widget to show it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from portkey_nb.gateway.node import HOME as GATEWAYS
from tests.contract.conftest import installed_gateways

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.kernel


def everything(cell: Any) -> str:
    return "\n".join(
        str(text)
        for output in cell.get("outputs", [])
        for text in [output.get("text", ""), *output.get("data", {}).values()]
    )


def run(name: str, home: Path, **variables: str) -> Any:
    """Run a notebook from top to bottom, in a folder and with a run log of its own."""
    book = nbformat.read(NOTEBOOKS[0].parent / f"{name}.ipynb", as_version=4)
    environment = {
        # `!portkey-nb` in a cell is that of this environment, which need not be activated.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "PORTKEY_NB_STORE": str(home / "runs.sqlite"),
        "PORTKEY_NB_DEMO_SPEED": "4",
        **variables,
    }
    client = NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(home)}})
    client.execute(env=environment)
    return book


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the quickstart once, on the demo gateway."""
    return run("quickstart", tmp_path_factory.mktemp("quickstart"), PORTKEY_BASE_URL="demo")


@pytest.fixture(scope="module")
def compare_book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the notebook of comparisons once, on the demo gateway."""
    return run("compare-models", tmp_path_factory.mktemp("compare"), PORTKEY_BASE_URL="demo")


@pytest.fixture(scope="module")
def chat_book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the notebook of the chat panel once, on the demo gateway."""
    return run("chat-panel", tmp_path_factory.mktemp("chat"), PORTKEY_BASE_URL="demo")


@pytest.fixture(scope="module")
def scale_book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the notebook of what lies past one notebook once, on the demo gateway and a cluster of two processes."""
    return run("at-scale", tmp_path_factory.mktemp("scale"), PORTKEY_BASE_URL="demo")


@pytest.fixture(scope="module")
def gateway_book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the notebook of the gateway once, against the real open-source gateway."""
    gateways = installed_gateways(tmp_path_factory)
    return run("gateway-and-configs", tmp_path_factory.mktemp("gateway"), **{GATEWAYS: str(gateways)})


def cell_with(book: Any, words: str) -> Any:
    found = [cell for cell in book.cells if cell.cell_type == "code" and words in cell.source]
    assert len(found) == 1, words
    return found[0]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("bubble sort", ["<table", "<pre", "gpt-4o (demo)", "first token"]),
        ("17 * 23 + 4", ["gpt-4o", "claude-sonnet", "llama-local", "395"]),
        ("portkey_nb.runs(4)", ["claude-sonnet", "ok", "ttft_s"]),
        ("groupby", ["tokens_per_s", "gpt-4o"]),
        ("report <<", ["119.33"]),
        ("report.upper()", ["input_tokens"]),
        ("My name is Ana", ["Ana"]),
        ("What is my name?", ["Ana"]),
        ("--config steady", ["target 2 of 2"]),
        ("portkey_nb.ask", ["Paris", "this is a test"]),
        ("%portkey status", ["demo", "calls"]),
    ],
)
def test_each_cell_of_the_quickstart_shows_what_it_is_there_for(quickstart: Any, source: str, shown: list[str]) -> None:
    text = everything(cell_with(quickstart, source))
    for words in shown:
        assert words.lower() in text.lower(), (words, text[:2000])


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('name="which-model"', ["5 variants, 14 cases, 70 runs", "claude-sonnet", "395", "▼ worst"]),
        (".diff(", ["405", "rows differ"]),
        ("pass_low", ["pass_rate", "0.428571"]),
        (".pairs()", ["p_adjusted", "llama-local"]),
        (".plot.cost()", ["Cost against pass rate"]),
        (".plot.race()", ["first token", "demo data"]),
        ("scorers.judge", ["judge_mean"]),
        ("replies <<", ["gpt-3.5-turbo"]),
        ("replies.comparison", ["3 variants, 1 case"]),
    ],
)
def test_each_cell_of_the_comparison_shows_what_it_is_there_for(
    compare_book: Any, source: str, shown: list[str]
) -> None:
    text = everything(cell_with(compare_book, source))
    for words in shown:
        assert words.lower() in text.lower(), (words, text[:2000])


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("--copy-to team.sqlite", ["2 runs copied", "team.sqlite"]),
        ('store="team.sqlite"', ["claude-sonnet", "ok"]),
        ("sweep.summary()", ["gpt-4o-mini", "60", "1.0"]),
        ("- before", ["0"]),
        ('columns=["model", "cost_usd"', ["output_tokens", "demo-fast"]),
        (
            "--check",
            ["120 runs exported to runs.parquet", "backed up to backup.sqlite", "ok    122 runs", "the file is sound"],
        ),
        ("--delete-before", ["nothing to delete"]),
        ("%portkey record run.jsonl", ["recording into run.jsonl"]),
        ("%%portkey replayed", ["overfitting", "replayed, nothing paid"]),
        ("replayed == recorded", ["(True, True, True)"]),
        ("-t 0.2", ["nearest is line 2: no temperature there, 0.2 here"]),
        ("join_logs(", ["0.0012", "gpt-4o-2024-08-06", "0.64"]),
    ],
)
def test_each_cell_past_one_notebook_shows_what_it_is_there_for(scale_book: Any, source: str, shown: list[str]) -> None:
    text = everything(cell_with(scale_book, source))
    assert "\x1b[K" not in text  # no progress is left of a command
    for words in shown:
        assert words.lower() in text.lower(), (words, text[:2000])


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("ChatPanel(", ["What is the largest planet?", "Jupiter", "gpt-4o (demo)", "demo money", "pk-twin"]),
        ("What is a p-value?", ["null hypothesis"]),
        ("messages[:2]", ["overfitting"]),
        ("panel.undo()", ["Is 17 a prime number?"]),
        ("replies.to_frame", ["claude-sonnet", "llama-local", "median of 3, 9, 4"]),
        ("--chat draft", ["Lisbon"]),
        ('conversation("draft")', ["(9, "]),
        ("panel.config = steady", ["config.targets[1]"]),
        ("as_code().cell", ["%%portkey -m gpt-4o --config steady", "What is the largest planet?"]),
        ("as_code().python", ["config=steady"]),
        ("panel.runs", ["What is overfitting?"]),
    ],
)
def test_each_cell_of_the_chat_panel_shows_what_it_is_there_for(chat_book: Any, source: str, shown: list[str]) -> None:
    text = everything(cell_with(chat_book, source))
    for words in shown:
        assert words.lower() in text.lower(), (words, text[:2000])


@pytest.mark.node
@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("plain\n", ["openai (api_key ***"]),
        ("-m gpt-4o --config plain", ["This is a test"]),
        ("--config steady", ["391", "answered by spare, target 2 of 2", "claude-sonnet"]),
        (
            "--config broken",
            ["ended before the answer was finished", "incomplete", "answered by breaks, target 1 of 2"],
        ),
        ("--config patient", ["Paris", "by the gateway"]),
        ("Config.loadbalance", ["config.targets[0]", "gpt-4o-mini", "config.targets[1]"]),
        ("--tag tier=paid", ["answered by paid, target 1 of 2"]),
        ("--config tiers\n", ["answered by free, target 2 of 2"]),
        (
            "--dry-run",
            ["`temperature` 1.5 is limited to 1 by anthropic", "`seed` is dropped by anthropic", "nothing was sent"],
        ),
        ("pc-saved-1234", ["open-source gateway", "cannot read it"]),
        ("gateway_retries", ["incomplete", "demo-flaky"]),
    ],
)
def test_each_cell_of_the_gateway_notebook_shows_what_it_is_there_for(
    gateway_book: Any, source: str, shown: list[str]
) -> None:
    (cell,) = [cell for cell in gateway_book.cells if cell.cell_type == "code" and source in cell.source + "\n"][:1]
    text = everything(cell) + "".join(str(output.get("evalue", "")) for output in cell.outputs)
    for words in shown:
        assert words.lower() in text.lower(), (words, text[:2000])


def test_no_cell_of_the_quickstart_complains(quickstart: Any) -> None:
    for cell in quickstart.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output


def test_what_runs_is_saved_without_widgets_and_exports_to_html(quickstart: Any) -> None:
    saved = nbformat.writes(quickstart)
    assert "application/vnd.jupyter.widget-view+json" not in saved
    page, _ = HTMLExporter().from_notebook_node(quickstart)
    assert "395" in page
    assert "first token" in page


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_holds_its_outputs_and_nothing_private(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "python3"
    silent = re.compile(r"^(%load_ext|%%portkey_config|import |\w+ = |gateway\.stop)")
    for cell in book.cells:
        if cell.cell_type == "code" and not (silent.match(cell.source) and not cell.outputs):
            assert cell.outputs, cell.source
            assert cell.execution_count
            assert all(output.get("name") != "stderr" for output in cell.outputs), cell.source
    saved = path.read_text(encoding="utf-8")
    assert "widget-view+json" not in saved
    assert "\\u001b[K" not in saved  # a line that was progress once
    assert "widgets" not in book.metadata
    assert not re.search(r"/(home|root|Users|tmp|work)/", saved)

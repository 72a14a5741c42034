"""Every notebook runs from a recording of itself with the network shut, and shows what it showed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import portkey_nb
from portkey_nb.gateway.node import HOME as GATEWAYS
from portkey_nb.gateway.tape import read
from tests.contract.conftest import installed_gateways
from tests.test_notebooks import run

pytestmark = pytest.mark.kernel

SHUT = """
import sys

def refuse(event, given):
    address = given[1] if event in ("socket.connect", "socket.bind") else None
    reached = isinstance(address, tuple) or event == "socket.getaddrinfo"
    if reached or (event == "subprocess.Popen" and not str(given[0]).endswith("fc-list")):
        raise RuntimeError(f"the network is shut: {event} {given}")

sys.addaudithook(refuse)
"""
"""What a kernel runs at its start so that no connection, no server and no program can be opened (but for fonts)."""

CHANGING = [
    r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b",  # ids of runs
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00)?",
    r"(?<=127\.0\.0\.1:)\d+",
    r'(?<=id=")[^"]+|(?<=href="#)[^"]+',
    r"\b[0-9a-f]{32}\b",  # ids of widgets
    r'(?<=data-at=")\d+',  # how often a panel was drawn
    # That nothing was paid is what a replay adds.
    r" · replayed, nothing paid| · cached",
    r"(- |<div>)?\d+ of \d+ answers from a cache, with their first cost and time; [^\n<]*\n?(</div>)?",
    r"( · |\n\*?)?(at least )?[\d,]+ tokens · (<[^>]*>)?\\?\$(</span>)?[\d.]+ of demo money\*?",
    r"\n(record|replay) +[^\n]*",
    r"\ngoing on: (recording into|replaying) [^\n]*",
    r"(?<=/)(first|second)(?=/)",
    r"(?<=backed up to backup\.sqlite \()[\d.]+ kB",  # a replay keeps fewer of the answers' headers
]


def shown(cell: Any) -> list[tuple[str, str]]:
    """Return what a cell shows, without what differs from run to run; text that is printed in one piece."""
    found: list[tuple[str, str]] = []
    for output in cell.get("outputs", []):
        parts = {"error": output.get("evalue", ""), f"{output.get('name')}": output.get("text", "")}
        for kind, text in {**parts, **output.get("data", {})}.items():
            plain = str(text)
            for pattern in CHANGING:
                plain = re.sub(pattern, "", plain)
            if found and kind in ("stdout", "stderr") and found[-1][0] == kind:
                plain = found.pop()[1] + plain
            if plain:
                found.append((kind, plain))
    return found


ALONE = """
import sys

sys.modules["dask"] = None
"""
"""What a kernel runs at its start so that there is no Dask, whose cluster needs sockets."""


def replayed_as_recorded(name: str, folder: Path, start: str = "", **variables: str) -> None:
    """Record a notebook and replay it, both after some lines at the kernel's start, and compare what its cells show."""
    first, second, tape = folder / "first", folder / "second", folder / "run.jsonl"
    for home, lines in ((first, start), (second, start + SHUT)):
        startup = home / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "00-start.py").write_text(lines)
    variables = {"PYTHONPATH": str(Path(portkey_nb.__file__).parents[1]), **variables}
    recorded = run(name, first, PORTKEY_NB_RECORD=str(tape), **variables)
    assert len(read(tape).lines) >= 6
    kept = {variable: value for variable, value in variables.items() if variable != GATEWAYS}
    replayed = run(name, second, PORTKEY_NB_REPLAY=str(tape), **kept)
    for before, after in zip(recorded.cells, replayed.cells, strict=True):
        assert shown(after) == shown(before), before.source


@pytest.mark.parametrize("name", ["quickstart", "chat-panel", "compare-models"])
def test_a_notebook_of_the_demo_gateway_is_replayed_without_it(name: str, tmp_path: Path) -> None:
    replayed_as_recorded(name, tmp_path, PORTKEY_BASE_URL="demo", PORTKEY_NB_DEMO_SPEED="4")


def test_the_notebook_that_records_and_replays_itself_is_replayed(tmp_path: Path) -> None:
    replayed_as_recorded("at-scale", tmp_path, ALONE, PORTKEY_BASE_URL="demo", PORTKEY_NB_DEMO_SPEED="20")


@pytest.mark.node
def test_the_notebook_of_the_real_gateway_is_replayed_without_node(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    gateways = installed_gateways(tmp_path_factory)
    replayed_as_recorded("gateway-and-configs", tmp_path, PORTKEY_NB_DEMO_SPEED="4", **{GATEWAYS: str(gateways)})

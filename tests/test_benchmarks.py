"""The benchmark page: what it finds, how rounds take turns, and the README's table as it is written and read again."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks import figures, modules
from tests.benchmarks.__main__ import Page, main
from tests.benchmarks.__main__ import given as asked_for
from tests.benchmarks.environment import ROOT, Environment
from tests.benchmarks.measurement import Measurement, Size, by_turns
from tests.benchmarks.modules import Module
from tests.benchmarks.peers import made
from tests.benchmarks.table import number, printed

COMMAND = "python -m tests.benchmarks --only "
WORDS = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), min_size=1)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and not text.endswith("\\") and "\\|" not in text and "<!--" not in text)
)
COMMANDS = st.builds(
    "{}{}{}".format,
    st.just(COMMAND),
    st.sampled_from(["client", "batch"]),
    st.sampled_from(["", " --quick", " --full"]),
)
ROWS = st.builds(figures.Row, WORDS, WORDS, WORDS, WORDS, WORDS, COMMANDS)


def test_the_list_names_every_benchmark_and_measures_nothing() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--list"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert {
        "batch",
        "cells",
        "client",
        "comparison",
        "gateway",
        "imports",
        "kills",
        "painting",
        "panel",
        "run_log",
    } <= set(listed)
    assert all(listed.values())
    assert "server" not in listed


def test_a_new_benchmark_is_found_by_its_function(tmp_path: Path) -> None:
    (tmp_path / "parsing.py").write_text('"""What parsing costs.\n\nMore."""\ndef measurements(size): ...\n')
    (tmp_path / "server.py").write_text('"""No benchmark."""\n')
    assert modules.found(tmp_path) == [Module("parsing", "What parsing costs.")]


def test_every_benchmark_can_be_run_by_itself() -> None:
    for module in modules.found():
        tree = ast.parse((modules.FOLDER / f"{module.name}.py").read_text(encoding="utf-8"))
        assert any("__main__" in ast.unparse(one.test) for one in tree.body if isinstance(one, ast.If)), module.name


def test_rounds_take_turns_and_every_second_one_goes_backwards() -> None:
    order: list[str] = []

    def side(who: str) -> Callable[[], float]:
        return lambda: order.append(who) or float(len(order))  # type: ignore[func-returns-value]

    took = by_turns({"ours": side("a"), "theirs": side("b")}, rounds=2, warm=1)
    assert "".join(order) == "ba" + "ab" + "ba"
    assert took == {"ours": [3.0, 6.0], "theirs": [4.0, 5.0]}


def test_a_peer_that_fails_or_is_missing_is_named_with_its_reason() -> None:
    def broken() -> float:
        raise OSError("no such server")

    took = by_turns({"ours": lambda: 2.0, "broken": broken, "absent": "absent is not installed"}, 2)
    assert took == {"ours": [2.0, 2.0], "broken": "OSError: no such server", "absent": "absent is not installed"}
    row = figures.row(Measurement("x", "ms", took), "client", Size.DEFAULT)
    assert (
        row.beside == "broken: not measured: OSError: no such server<br>absent: not measured: absent is not installed"
    )
    with pytest.raises(OSError, match="no such server"):
        by_turns({"ours": broken}, 1)


def test_a_package_that_is_missing_says_why_pip_could_not_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_BENCHMARK_MISSING", '{"no-such-peer": "needs Python 2"}')
    assert made(lambda: __import__("no_such_peer.sub")) == "no-such-peer is not installed: needs Python 2"


def test_a_measurement_as_a_row_and_on_the_terminal() -> None:
    measurement = Measurement("first chunk", "ms", {"here": [2.0, 1.0, 9.0], "openai": [20.0, 30.0, 30.0]}, "under 5")
    assert figures.row(measurement, "client", Size.QUICK) == figures.Row(
        what="first chunk",
        here="2 ms",
        spread="1 .. 9",
        beside="openai: 30 ms (20 .. 30)",
        ratio="0.1",  # the median of 0.1, 0.033 and 0.3: round by round
        command=COMMAND + "client --quick",
    )
    lines = printed(measurement).splitlines()
    assert lines[0] == "first chunk   (target: under 5)"
    assert lines[2].split() == ["openai", "30", "ms", "(20", "..", "30)", "ratio", "0.1"]
    assert Measurement.from_json(measurement.to_json()) == measurement
    alone = figures.row(Measurement("memory", "MB", {"here": [2.0]}), "client", Size.QUICK)
    assert (alone.spread, alone.ratio) == ("one round", "no peer")


def test_a_measurement_without_values_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="give the reason"):
        Measurement("x", "ms", {"ours": []})


@given(st.floats(0.001, 1e9))
def test_a_number_keeps_three_digits(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.01, abs=0.0001)


@given(st.lists(ROWS))
def test_a_section_is_read_as_it_was_written(rows: list[figures.Row]) -> None:
    assert figures.parsed(figures.section(rows, "Measured.")) == rows


def test_a_short_table_stands_first_and_each_benchmark_folded_under_its_command() -> None:
    rows = [
        row("first chunk, warm connection, sync"),
        row('10 rows: columns="metrics" (all but texts and objects)', "large_log"),
        row('1,000 rows: columns="metrics" (all but texts and objects)', "large_log", " --full", here="9 s"),
        row("another thing", "large_log", " --full"),
    ]
    said = figures.section(rows, "Measured.", [Module("client", "The ``client`` <here>.")])
    short, *folded = said.split("<details>\n")
    assert [line.split(" | ")[1] for line in short.splitlines()[2:4]] == ["1 ms", "9 s"]
    assert short.endswith("\n\nMeasured.\n\n")
    assert "`--only large_log --full` |" in short
    assert "another thing" not in short
    assert folded[0].startswith(
        f"<summary><b>client</b>: The client &lt;here&gt;. <code>{COMMAND}client</code></summary>"
    )
    assert [part.count("\n| ") for part in folded] == [3, 3, 4]


@given(st.lists(ROWS, unique_by=lambda row: row.what), WORDS, WORDS)
def test_the_readme_keeps_what_stands_around_the_table(rows: list[figures.Row], before: str, after: str) -> None:
    readme = f"{before}\n{figures.BEGIN}\n| old |\n{figures.END}\n{after}\n"
    measured = {row.module: row.size for row in rows}
    written = figures.updated(readme, rows, measured, "Measured.")
    assert written.startswith(f"{before}\n{figures.BEGIN}\n\n")
    assert written.endswith(f"\n\n{figures.END}\n{after}\n")
    assert figures.updated(written, rows, measured, "Measured.") == written
    assert sorted(map(repr, figures.parsed(written))) == sorted(map(repr, rows))


def row(what: str, module: str = "client", flag: str = "", here: str = "1 ms") -> figures.Row:
    return figures.Row(what, here, "", "", "", COMMAND + module + flag)


def test_a_run_replaces_its_own_rows_and_leaves_the_others() -> None:
    earlier = [row("a"), row("gone"), row("long", flag=" --full"), row("b", "batch")]
    stand = figures.merged(earlier, [row("a", here="2 ms")], {"client": 1})
    assert stand == [row("b", "batch"), row("a", here="2 ms"), row("long", flag=" --full")]


def test_what_a_benchmark_that_stopped_did_not_reach_stays() -> None:
    assert figures.merged([row("a"), row("b")], [row("a", here="2 ms")], {}) == [row("a", here="2 ms"), row("b")]


@pytest.mark.parametrize("readme", ["", figures.END + figures.BEGIN, figures.BEGIN * 2 + figures.END])
def test_a_readme_without_its_marks_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="the README needs"):
        figures.updated(readme, [], {}, "")


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("", True),
        ("--full", True),
        ("--quick", False),
        ("--only client", False),
        ("--quick --readme", True),
        ("--no-readme", False),
    ],
)
def test_when_the_readme_is_written(words: str, written: bool) -> None:
    assert asked_for(words.split(), ["client"]).readme is written


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "no-such-benchmark"])
    assert "no-such-benchmark" in capsys.readouterr().err


def test_what_is_measured_has_a_home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    variables = Environment(tmp_path).variables()
    assert Path(variables["HOME"]).is_relative_to(tmp_path)
    assert not {"OPENAI_API_KEY", "PORTKEY_API_KEY", "HTTPS_PROXY"} & set(variables)
    assert "secret" not in str(variables)


def test_a_benchmark_runs_in_a_process_and_what_it_measured_before_it_broke_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "tests" / "benchmarks" / "breaking.py"
    broken.parent.mkdir(parents=True)
    broken.write_text(
        "from tests.benchmarks.measurement import Measurement\n"
        "def measurements(size):\n"
        "    yield Measurement('before', 'ms', {'ours': [1.0]})\n"
        "    raise ValueError('it broke')\n"
    )

    class Here(Environment):
        python = Path(sys.executable)

        def variables(self) -> dict[str, str]:
            # The folder of this test is searched for benchmarks as well.
            start = f"import tests.benchmarks; tests.benchmarks.__path__.append({str(broken.parent)!r})"
            (self.folder / "sitecustomize.py").write_text(start)
            found = super().variables()
            return {**found, "PYTHONPATH": f"{self.folder}:{found['PYTHONPATH']}"}

    page = Page()
    page.take(Here(tmp_path), Module("breaking", "It breaks."), Size.QUICK)
    assert [row.what for row in page.rows] == ["before"]
    assert page.failed == {"breaking": "exit status 1: ValueError: it broke"}
    assert not page.measured
    assert "stopped: exit status 1: ValueError: it broke" in capsys.readouterr().out

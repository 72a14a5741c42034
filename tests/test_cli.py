"""The command line as people run it: what goes to stdout, what to stderr, and the exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pandas as pd
import pytest

import portkey_nb
from portkey_nb import ask, runs
from portkey_nb.cli import main
from portkey_nb.engine.store import RunStore
from portkey_nb.gateway.demo.server import DemoGateway
from portkey_nb.terminal import lab
from tests.engine.runs_of import done

WAIT_S = 30
PACKAGE = Path(portkey_nb.__file__).parent


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from portkey_nb.cli import main; sys.exit(main())", *words]


def environment(**given: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **given}


def run(*words: str, stdin: str = "", **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), input=stdin, capture_output=True, text=True, timeout=WAIT_S, env=environment(**given)
    )


@contextmanager
def started(*words: str, **given: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(command(*words), stdout=pipe, stderr=pipe, text=True, env=environment(**given))
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_gateway_is_served_and_stops_quietly(sign: signal.Signals) -> None:
    with started("demo", "--port", "0") as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        base_url = second.strip().removeprefix("export PORTKEY_BASE_URL=")
        assert base_url in first
        listed = httpx.get(f"{base_url}/models", timeout=WAIT_S).json()
        assert "gpt-4o" in {model["id"] for model in listed["data"]}
        process.send_signal(sign)
        out, err = process.communicate(timeout=WAIT_S)
    assert (out, err) == ("", "")
    assert process.returncode in (130, -sign)


def test_a_port_in_use_is_one_line(demo: DemoGateway) -> None:
    port = demo.base_url.split(":")[2].split("/")[0]
    done = run("demo", "--port", port)
    assert done.returncode == 1
    assert done.stdout == ""
    assert port in one_line(done.stderr)


def one_line(text: str) -> str:
    assert text.startswith("portkey-nb: ")
    assert text.count("\n") == 1, text
    return text


def test_ask_prints_the_reply_and_its_footer_apart(demo: DemoGateway) -> None:
    done = run("ask", "-m", "demo-fast", "Say this is a test", PORTKEY_BASE_URL=demo.base_url)
    assert done.returncode == 0, done.stderr
    assert "this is a test" in done.stdout.lower()
    assert done.stdout.endswith("\n")
    assert "demo-fast" not in done.stdout
    assert done.stderr.count("\n") == 1
    assert "demo-fast" in done.stderr
    assert "tokens" in done.stderr
    assert list(runs()["text"]) == [done.stdout.removesuffix("\n")]


def test_ask_reads_standard_input(demo: DemoGateway) -> None:
    done = run("ask", "-m", "demo-fast", "-", stdin="What is 6 * 7?", PORTKEY_BASE_URL=demo.base_url)
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout
    assert list(runs()["prompt"]) == ["What is 6 * 7?"]


@pytest.mark.parametrize(
    ("words", "base_url", "said"),
    [
        (["-m", "demo-error200", "hello"], "demo", "demo"),
        (["hello"], "demo", "no model"),
        (["-m", "gpt-4o", "hello"], "", "PORTKEY_API_KEY"),
    ],
    ids=["an error of the gateway", "no model", "no key"],
)
def test_what_fails_is_one_line_and_status_1(words: list[str], base_url: str, said: str) -> None:
    done = run("ask", *words, **({"PORTKEY_BASE_URL": base_url} if base_url else {}))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    one_line(done.stderr.splitlines(keepends=True)[-1])


def test_a_misused_command_is_status_2() -> None:
    done = run("aks")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_interrupted_ask_keeps_what_came(demo: DemoGateway) -> None:
    with started("ask", "-m", "demo-stall", "Write about rivers", PORTKEY_BASE_URL=demo.base_url) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown = process.stdout.read(3)
        process.send_signal(signal.SIGINT)
        shown += process.stdout.read()
        err = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in err
    logged = runs()
    assert list(logged["status"]) == ["interrupted"]
    assert shown.removesuffix("\n") == logged["text"].iloc[0]


def test_a_pipe_that_closes_early_is_quiet(demo: DemoGateway) -> None:
    with started("ask", "-m", "gpt-4o", "Write a long text about rivers", PORTKEY_BASE_URL=demo.base_url) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(WAIT_S)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert list(runs()["status"]) in (["interrupted"], ["ok"])


@pytest.fixture
def logged(demo: DemoGateway, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Log two runs and return their ids."""
    monkeypatch.setenv("PORTKEY_BASE_URL", demo.base_url)
    for number in (1, 2):
        ask(f'Say "{number}, two"', model="demo-fast")
    return list(runs().index)


def test_runs_as_a_table(logged: list[str]) -> None:
    done = run("runs")
    assert done.returncode == 0, done.stderr
    assert all(run_id in done.stdout for run_id in logged)
    newest = run("runs", "-n", "1").stdout
    assert logged[1] in newest
    assert logged[0] not in newest


def test_no_runs_are_said() -> None:
    done = run("runs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no runs yet\n", "")
    assert "1 or more" in one_line(run("runs", "-n", "0").stderr)


@pytest.mark.parametrize(
    "words", [[], ["--format", "csv"], ["--check"], ["--backup", "x"], ["--copy-to", "y"], ["--delete-before", "1 day"]]
)
def test_a_log_that_is_named_has_to_be_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for named, said in (
        ("nolog.sqlite", "there is no run log at nolog.sqlite; "),
        ("sqlite:///nolog.sqlite", "there is no run log at sqlite:///nolog.sqlite; "),
        (".", "--store . is a folder; "),
        ("", "--store is empty; "),
    ):
        assert said in refused(capsys, "--store", named, *words)
    assert not any(Path(name).exists() for name in ("nolog.sqlite", "x", "y"))


def test_runs_that_only_wait_are_a_log_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "one"
    blocked.write_bytes(b"no database" * 100)
    with RunStore(blocked) as store:
        store.finish(done(run_id="waited"))
    blocked.unlink()
    assert main(["runs", "--store", str(blocked)]) == 0
    assert "waited" in capsys.readouterr().out


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Log 8,000 runs."""
    path = tmp_path / "many.sqlite"
    with RunStore(path) as store:
        store.write([(done(), False) for _ in range(8000)])
    return path


@pytest.mark.parametrize("name", ["runs.parquet", "runs.csv", "runs.jsonl", "runs.JSON"])
def test_a_file_is_written_as_its_name_ends_with_every_row(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log, target = tmp_path / "log.sqlite", tmp_path / name
    with RunStore(log) as store:
        store.write([(done(), False) for _ in range(25)])
    for words, count in (([], 25), (["-n", "3"], 3)):
        assert main(["runs", "--store", str(log), "--output", str(target), *words]) == 0
        assert f"{count} runs exported" in capsys.readouterr().err
        read = {".parquet": pd.read_parquet, ".csv": pd.read_csv}.get(target.suffix, json_lines)
        assert len(read(target)) == count
    assert main(["runs", "--store", str(log), "--output", str(tmp_path / "runs.txt")]) == 0
    assert "20 runs exported" in (said := capsys.readouterr().err)
    assert "a table of the latest 20; -n N takes more" in said
    said = refused(capsys, "--store", log, "--output", tmp_path / "runs.xlsx")
    assert all(end in said for end in (".xlsx", ".parquet", ".csv", ".jsonl"))
    assert not (tmp_path / "runs.xlsx").exists()


def json_lines(path: Path) -> pd.DataFrame:
    return pd.read_json(path, lines=True)


def test_runs_as_csv(logged: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(run("runs", "--format", "csv").stdout)))
    assert [row["run_id"] for row in rows] == logged
    assert [row["model"] for row in rows] == ["demo-fast"] * 2
    assert rows[0]["prompt"] == 'Say "1, two"'


def test_runs_as_json_lines_in_a_file(logged: list[str], tmp_path: Path) -> None:
    target = tmp_path / "runs.jsonl"
    done = run("runs", "--format", "json", "--output", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"2 runs exported to {target}\n")
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [row["run_id"] for row in rows] == logged
    assert rows[1]["messages"] == [{"role": "user", "content": 'Say "2, two"'}]


@pytest.mark.skipif(sys.platform == "win32", reason="no /dev")
def test_a_pipe_is_written_to_as_it_is(logged: list[str]) -> None:
    for words in (["--format", "jsonl"], []):
        done = run("runs", *words, "--output", "/dev/stdout")
        assert (done.returncode, done.stderr) == (0, "2 runs exported to /dev/stdout\n")
        assert logged[0] in done.stdout


def test_parquet_needs_a_file_and_pyarrow(logged: list[str], tmp_path: Path) -> None:
    done = run("runs", "--format", "parquet")
    assert done.returncode == 1
    assert "--output" in one_line(done.stderr)
    written = tmp_path / "all.parquet"
    assert run("runs", "--format", "parquet", "--output", str(written)).returncode == 0
    frame = pd.read_parquet(written)
    assert set(frame.index) == set(logged)
    assert json.loads(frame["messages"].iloc[0])[0]["role"] == "user"
    # A module that cannot be found stands for pyarrow not being installed.
    without = "import sys; sys.modules['pyarrow'] = None; from portkey_nb.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", without, "runs", "--format", "parquet", "--output", str(tmp_path / "runs.parquet")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_S, env=environment())
    assert done.returncode == 1
    assert "portkey_nb[parquet]" in one_line(done.stderr)


def test_the_kernels_find_what_runs_without_an_activated_environment(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "portkey-nb"
    script.parent.mkdir()
    script.write_text(
        "import shutil\nfrom portkey_nb.terminal.lab import kernel_environment\n"
        "path = kernel_environment()[0]['PATH']\n"
        "print(shutil.which('portkey-nb', path=path), shutil.which('python', path=path), path, sep='\\n')\n"
    )
    script.chmod(0o755)
    words = [sys.executable, str(script)]
    given = environment(PATH="/elsewhere")
    done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_S, env=given, check=True)
    found, interpreter, path = done.stdout.splitlines()
    assert found == str(script)
    assert Path(interpreter).parent == Path(sys.executable).parent
    assert path.endswith(f"{os.pathsep}/elsewhere")


@pytest.mark.parametrize(
    ("given", "base_url", "said"),
    [
        ({}, "demo", "demo gateway"),
        ({"PORTKEY_API_KEY": "pk-secret"}, None, "hosted"),
        ({"PORTKEY_BASE_URL": "http://127.0.0.1:9/v1"}, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
    ],
    ids=["neither", "a key", "a base URL"],
)
def test_kernels_get_the_demo_gateway_only_without_key_and_base_url(
    given: dict[str, str], base_url: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    variables, line = lab.kernel_environment()
    assert variables.get("PORTKEY_BASE_URL") == base_url
    assert said in line
    assert "pk-secret" not in line


def test_the_notebooks_of_a_checkout_are_opened_where_they_are() -> None:
    assert lab.notebooks_folder() == PACKAGE.parent / "notebooks"


def test_packaged_notebooks_are_copied_once_and_never_overwritten(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    shutil.copytree(PACKAGE, site / "portkey_nb", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "notebooks", site / "portkey_nb" / "packaged_notebooks")
    look = "from portkey_nb.terminal.lab import notebooks_folder; print(notebooks_folder())"
    words = [sys.executable, "-c", look]
    for _ in range(2):
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=WAIT_S, env=environment(PYTHONPATH=str(site))
        )
        folder = Path(done.stdout.strip())
        assert folder == Path.cwd() / "portkey-notebooks", done.stderr
        mine = folder / "quickstart.ipynb"
        if not (folder / "mine").exists():
            assert json.loads(mine.read_text(encoding="utf-8"))["cells"]
            mine.write_text("edited", encoding="utf-8")
            (folder / "mine").touch()
    assert mine.read_text(encoding="utf-8") == "edited"


def test_runs_are_filtered_by_flags(logged: list[str]) -> None:
    done = run("runs", "--format", "csv", "--status", "ok", "--model", "demo-fast", "-n", "1", "--since", "2026-01-01")
    assert [row["run_id"] for row in csv.DictReader(io.StringIO(done.stdout))] == logged[1:]
    assert run("runs", "--status", "error").stdout == "no runs that fit\n"
    assert logged[0] in run("runs", "--since", "2 hours").stdout
    assert "did you mean `error`" in one_line(run("runs", "--status", "eror").stderr)


def test_a_log_is_copied_checked_and_backed_up(logged: list[str], tmp_path: Path) -> None:
    other, saved = str(tmp_path / "other.sqlite"), str(tmp_path / "saved.sqlite")
    for said in ("2 runs copied to other.sqlite\n", "0 runs copied to other.sqlite; 2 there already\n"):
        done = run("runs", "--copy-to", os.path.relpath(other))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == said.replace("other.sqlite", os.path.relpath(other))
    assert list(runs(store=other).index) == logged
    assert run("runs", "--backup", saved).returncode == 0
    assert "--force" in one_line(run("runs", "--backup", saved).stderr)
    done = run("runs", "--check", "--store", saved)
    assert (done.returncode, "WRONG" in done.stdout) == (0, False)
    (tmp_path / "saved.sqlite").write_bytes(b"no database" * 100)
    assert run("runs", "--check", "--store", saved).returncode == 1


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command within this process, which is quicker, and return its one line."""
    assert main(["runs", *map(str, words)]) == 1
    return one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "words", [["--format", "csv"], ["--format", "table"], ["--backup"]], ids=lambda words: words[-1]
)
def test_no_file_takes_the_place_of_a_run_log(
    logged: list[str], tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    log, other = RunStore().path, tmp_path / "other.sqlite"
    assert log is not None
    assert main(["runs", "--copy-to", str(other)]) == 0
    (tmp_path / "link").symlink_to(log)
    os.link(log, tmp_path / "hard")
    waiting = tmp_path / "other.sqlite.spool.jsonl"
    waiting.write_text("what waits", encoding="utf-8")
    for target in (log, tmp_path / "link", tmp_path / "hard", waiting, tmp_path / "other.sqlite-journal", other):
        given = [*words, target, "--force"] if words == ["--backup"] and target != other else [*words, target]
        if words != ["--backup"]:
            given.insert(-1, "--output")
        assert "choose another name" in refused(capsys, *given)
    assert waiting.read_text(encoding="utf-8") == "what waits"
    assert not (tmp_path / "other.sqlite-journal").exists()
    assert list(runs().index) == logged
    waiting.unlink()
    assert list(runs(store=other).index) == logged


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(
    logged: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "nowhere"
    for words in (["--format", "csv", "--output"], ["--output"], ["--backup"]):
        said = refused(capsys, *words, nowhere / "x")
        assert said.startswith(f"portkey-nb: {nowhere}: No such file or directory; ")
    assert refused(capsys, "--output", tmp_path).startswith(f"portkey-nb: {tmp_path}: ")


def test_deletion_is_asked_for_and_never_done_unasked(logged: list[str]) -> None:
    asked = run("runs", "--delete-before", "0 minutes")
    assert asked.returncode == 1
    assert re.search(r"2 runs began before [-\d]+ \d\d:\d\d:\d\d \(the first one", asked.stdout)
    assert "--yes" in one_line(asked.stderr)
    assert len(runs()) == 2
    assert "in the future" in one_line(run("runs", "--delete-before", "2999-01-01", "--yes").stderr)
    assert "nothing to delete" in run("runs", "--delete-before", "90 days", "--yes").stdout
    done = run("runs", "--delete-before", "0 minutes", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 runs deleted" in done.stdout
    assert len(runs()) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("", 2), ("y", 0)])
def test_a_person_at_a_terminal_is_asked(logged: list[str], answer: str, left: int) -> None:
    import pty

    ours, theirs = pty.openpty()
    words = command("runs", "--delete-before", "0 minutes")
    with subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        os.write(ours, f"{answer}\n".encode())
        said, _ = process.communicate(timeout=WAIT_S)
    os.close(ours)
    os.close(theirs)
    assert "Delete 2 runs for good? [y/N]" in said
    assert process.returncode == (0 if left == 0 else 1)
    assert len(runs()) == left


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("kernel", [False, True], ids=["a person's", "a kernel's"])
def test_progress_is_shown_in_a_terminal_but_left_in_no_notebook(
    logged: list[str], tmp_path: Path, kernel: bool
) -> None:
    import pty

    ours, theirs = pty.openpty()
    words = command("runs", "--format", "csv", "--output", str(tmp_path / "runs.csv"))
    pager = "cat" if kernel else "less"
    done = subprocess.run(words, stderr=theirs, timeout=WAIT_S, env=environment(PAGER=pager, GIT_PAGER=pager))
    said = os.read(ours, 4096).decode()
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert said.endswith(f"2 runs exported to {tmp_path / 'runs.csv'}\r\n")
    assert ("\x1b" in said) == (not kernel)
    assert said.count("\r") == 1 or not kernel


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(
    ("words", "awaited", "said"),
    [
        (
            ["--copy-to", "two.sqlite"],
            "of 8,000 runs looked at",
            r"[\d,]+ runs copied to two.sqlite so far; the same command",
        ),
        (
            ["--delete-before", "0 days", "--yes"],
            "of 8,000 runs deleted",
            r"[\d,]+ runs are deleted so far; the same command",
        ),
        (["--delete-before", "0 days"], "[y/N]", "no run is deleted"),
    ],
    ids=["a copy", "a deletion", "a question"],
)
def test_what_is_stopped_says_where_it_was_and_goes_on(many: Path, words: list[str], awaited: str, said: str) -> None:
    import pty

    ours, theirs = pty.openpty()
    given = environment(PAGER="less", GIT_PAGER="less")
    words = command("runs", "--store", str(many), *words)
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=given) as process:
        os.close(theirs)
        shown = ""
        while awaited not in shown:
            shown += os.read(ours, 4096).decode()
        process.send_signal(signal.SIGINT)
        rest = read_on(ours)
        assert process.wait(WAIT_S) == 130
    os.close(ours)
    assert "Traceback" not in rest
    assert re.search(rf"portkey-nb: stopped; {said}", rest.splitlines()[-1])
    again = subprocess.run(words + ["--yes"] * (awaited == "[y/N]"), env=given, timeout=WAIT_S, check=True)
    assert again.returncode == 0
    assert len(runs(columns=[], store="two.sqlite" if "two.sqlite" in words else many)) == 8000 * ("--copy-to" in words)


def read_on(terminal: int) -> str:
    """Return what a terminal shows until nobody writes to it any more."""
    read = b""
    with suppress(OSError):  # Linux's end of a pseudo-terminal
        while some := os.read(terminal, 4096):
            read += some
    return read.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_an_export_that_is_stopped_says_so(many: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with started("runs", "--store", str(many), "--output", str(pipe)) as process, open(pipe, "rb") as stream:
        assert stream.read(10) == b"run_id,gro"
        process.send_signal(signal.SIGINT)  # while it waits for a reader
        stream.read()
        out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (130, "", f"portkey-nb: stopped; not all runs are written to {pipe}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "yesterday"], "--since 'yesterday' is no time; give a date as 2026-01-31"),
        (["-n", "-1"], "-n is -1; give how many of the latest runs, 1 or more"),
        (["--copy-to", ""], "--copy-to is empty"),
        (["--copy-to", "."], "--copy-to . is a folder"),
        (["--check", "--backup", "x"], "--check and --backup are two things"),
        (["--check", "--model", "gpt-4o"], "--model means nothing with --check"),
        (["-n", "5", "--delete-before", "90 days"], "-n means nothing with --delete-before"),
        (["--yes"], "--yes means nothing without --delete-before"),
        (["--force"], "--force means nothing without --backup"),
        (["--delete-before", "soon"], "'soon' is no time"),
        (["--copy-to", "postgresql+psycopg://me:hunter2@127.0.0.1:1/db"], "me:***@"),
    ],
)
def test_flags_that_mean_nothing_are_one_line(logged: list[str], words: list[str], said: str) -> None:
    done = run("runs", *words)
    assert done.returncode == 1
    assert said in one_line(done.stderr)
    assert "hunter2" not in done.stderr + done.stdout

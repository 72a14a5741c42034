"""Several processes at one run log: nothing lost, nothing twice, and a killed one leaves its row."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from portkey_nb.engine.store import RunStore
from tests.engine.runs_of import begun, done

ROOT = Path(__file__).parents[2]


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def finish(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all at once, on an unopened log
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=100)
        assert process.returncode == 0


WRITE = """
    import sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun
    print("ready", flush=True)
    sys.stdin.readline()
    with RunStore(sys.argv[1]) as store:
        for at in range(500):
            run = begun(run_id=f"{sys.argv[2]}-{at:03}")
            store.start(run)
            store.finish(run.with_(status="ok", text=f"{sys.argv[2]} {at}"))
"""


def test_four_processes_write_at_once_and_lose_nothing(place: str, tmp_path: Path) -> None:
    finish([python(WRITE, place, name) for name in "abcd"])
    with RunStore(place) as store:
        frame = store.frame()
    assert sorted(frame.index) == sorted(f"{name}-{at:03}" for name in "abcd" for at in range(500))
    assert (frame["status"] == "ok").all()
    assert list(tmp_path.rglob("*spool*")) == []


TAKE_UP = """
    import sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun
    print("ready", flush=True)
    sys.stdin.readline()
    with RunStore(sys.argv[1]) as store:
        store.start(begun(run_id=sys.argv[2]))
        assert "locked" in (store.take_trouble() or "locked"), "the other may take its time"
"""


def test_two_processes_take_up_one_spool_once(tmp_path: Path) -> None:
    file = tmp_path / "runs.sqlite"
    with RunStore(file) as store:
        store.start(begun(run_id="r000"))
    lines = []
    for at in range(300):
        with RunStore(tmp_path / "blocked" / "runs.sqlite") as blocked:
            if not lines:
                (tmp_path / "blocked").mkdir()
                (tmp_path / "blocked" / "runs.sqlite").write_bytes(b"no database" * 100)
            blocked.finish(done(run_id=f"w{at:03}"))
        lines.append(at)
    (tmp_path / "blocked" / "runs.sqlite.spool.jsonl").rename(tmp_path / "runs.sqlite.spool.jsonl")
    finish([python(TAKE_UP, file, name) for name in ("one", "two")])
    with RunStore(file) as store:
        found = list(store.frame().index)
    assert sorted(found) == sorted(["r000", "one", "two", *(f"w{at:03}" for at in lines)])
    assert [each.name for each in tmp_path.iterdir() if "spool" in each.name] == []


SPOOL = """
    import sys
    from portkey_nb.engine.spool import Spool
    from pathlib import Path
    print("ready", flush=True)
    sys.stdin.readline()
    spool = Spool(Path(sys.argv[1]), sys.argv[1])
    for at in range(400):
        spool.put({"event": "finish", "row": {"run_id": f"{sys.argv[2]}-{at:03}", "started_at": at, "status": "ok"}})
"""


def test_lines_appended_while_others_take_up_are_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "runs.sqlite"
    with RunStore(file) as store:
        store.start(begun(run_id="r000"))
    writers = [python(SPOOL, file, name) for name in "ab"]
    for process in writers:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
    with RunStore(file) as one, RunStore(file) as two:
        while any(process.poll() is None for process in writers):
            one.frame(1)
            two.frame(1)
        for process in writers:
            process.communicate()
        assert len(one.frame(status="ok")) == 800
    assert not (tmp_path / "runs.sqlite.spool.damaged").exists()


KILLED = """
    import sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun
    RunStore(sys.argv[1]).start(begun(run_id="cut", prompt="was asked"))
    print("started", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_process_leaves_its_row_as_started(place: str) -> None:
    process = python(KILLED, place)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "started\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    process.stdout.close()
    process.stdin.close()
    with RunStore(place) as store:
        row = store.frame().loc["cut"]
    assert (row["status"], row["prompt"]) == ("started", "was asked")


FORKED = """
    import os, sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun
    store = RunStore(sys.argv[1])
    store.start(begun(run_id="parent"))
    child = os.fork()
    if child == 0:
        store.start(begun(run_id="child"))
        os._exit(0 if store.take_trouble() is None else 3)
    assert os.waitpid(child, 0)[1] == 0
    store.start(begun(run_id="parent again"))
    print(" ".join(sorted(store.frame().index)))
    store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_uses_connections_of_its_own(place: str) -> None:
    process = python(FORKED, place)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said == "child parent parent again\n"


LEFT_OPEN = """
    import gc, sys
    from portkey_nb.engine.store import RunStore, open_store
    from tests.engine.runs_of import begun
    open_store(sys.argv[1]).start(begun())
    for _ in range(3):
        RunStore(sys.argv[1]).start(begun())
    gc.collect()
    print("fine")
"""


def test_a_store_that_nobody_closed_leaves_no_warning(place: str) -> None:
    command = [
        sys.executable,
        "-X",
        "dev",
        "-W",
        "error",
        "-c",
        textwrap.dedent(LEFT_OPEN),
        place,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.stdout, done.stderr) == ("fine\n", "")

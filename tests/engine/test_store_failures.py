"""The run log in bad times: locked, full, damaged, unwritable, newer or foreign, and nothing of a run is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from portkey_nb.engine.migrations import LATEST
from portkey_nb.engine.spool import Event, Spool
from portkey_nb.engine.store import RunStore
from portkey_nb.errors import StoreError
from portkey_nb.gateway.conversation import Conversation, Turn
from tests.engine.runs_of import begun, done

fcntl = pytest.importorskip("fcntl", reason="locks, limits and permissions of POSIX")


@pytest.fixture(autouse=True)
def shelter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a temporary folder of its own, where spools go that find no place beside the log."""
    folder = tmp_path / "shelter"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log" / "runs.sqlite"


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Hold the database's lock in another process."""
    code = """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        print("held", flush=True)
        sys.stdin.read()
        connection.execute("ROLLBACK")
        connection.close()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("")


def spool_of(file: Path) -> Path:
    return file.with_name(file.name + ".spool.jsonl")


def leftovers(file: Path) -> list[str]:
    return sorted(each.name for each in file.parent.iterdir() if "spool" in each.name)


# Locked


def test_a_locked_log_keeps_the_run_in_the_spool_and_takes_it_up_later(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
        run = begun()
        with held(file):
            store.start(run)
            trouble = store.take_trouble()
            assert trouble is not None
            assert f"{file} is locked by another program" in trouble
            assert str(spool_of(file)) in trouble
            assert len(store.frame()) == 1  # reading goes on
            store.finish(run.with_(status="ok", text="late"))
            assert store.take_trouble() is None  # said once
        assert stat.S_IMODE(spool_of(file).stat().st_mode) == 0o600
        store.start(begun())
        assert [row for row in store.frame()["status"]] == ["ok", "ok", "started"]
        found = store.get(run.run_id)
        assert found is not None
        assert found.text == "late"
        assert leftovers(file) == []


def test_another_process_takes_up_what_waits_when_it_reads(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
        with held(file):
            store.finish(run := done(text="waited"))
    with RunStore(file) as other:
        assert len(other.frame()) == 2
        assert other.get(run.run_id) == run
        assert leftovers(file) == []


def test_a_row_that_began_in_the_log_is_completed_from_the_spool(file: Path) -> None:
    with RunStore(file) as store:
        store.start(run := begun())
        with held(file):
            store.finish(end := run.with_(status="interrupted", text="part"))
            row = store.get(run.run_id)
            assert row is not None
            assert row.status == "started"
        assert store.get(run.run_id) == end


def test_annotating_a_locked_log_is_an_error(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(run := done())
        with held(file), pytest.raises(StoreError, match="is locked by another program; close what holds it"):
            store.annotate(run.run_id, rating=1)
        store.annotate(run.run_id, rating=1)


def test_a_conversation_goes_on_while_the_log_is_locked(file: Path) -> None:
    said = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "ONE"}]
    first = Conversation.new().append(Turn.new(said))
    with RunStore(file) as store:
        store.save_conversation("a.ipynb", "tea", first)
        with held(file):
            store.save_conversation("a.ipynb", "tea", second := first.append(Turn.new(said)))
            assert store.load_conversation("a.ipynb", "tea") == second
            assert store.take_trouble() is not None
        assert store.load_conversation("a.ipynb", "tea") == second
    with RunStore(file) as again:
        assert again.load_conversation("a.ipynb", "tea") == second


# The spool itself


def test_a_line_cut_off_by_a_kill_is_put_aside_and_the_rest_taken_up(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
        with held(file):
            store.finish(done(text="whole"))
            with spool_of(file).open("ab") as spool:
                spool.write(b'{"event":"finish","row":{"run_id":"torn')
            store.finish(done(text="after"))
        assert list(store.frame()["text"]) == ["Hello!", "whole", "after"]
    assert leftovers(file) == ["runs.sqlite.spool.damaged"]
    assert b"torn" in file.with_name("runs.sqlite.spool.damaged").read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "3",
        "{}",
        '{"event":"sing"}',
        '{"event":"start"}',
        '{"event":"finish","row":{}}',
        '{"event":"finish","row":[1]}',
        '{"event":"finish","row":{"run_id":"r","started_at":null,"status":"ok"}}',
        '{"event":"finish","row":{"run_id":"r","started_at":1,"status":"ok","model":{"a":1}}}',
        '{"event":"finish","row":{"run_id":"r","started_at":99999999999999999999999,"status":"ok"}}',
        '{"event":"conversation","scope":"a","name":"b","data":{"turns":[]},"at":1}',
    ],
)
def test_a_line_that_is_no_event_does_not_stop_the_log(file: Path, line: str) -> None:
    with RunStore(file) as store:
        store.finish(done())
        spool_of(file).write_text(line + "\n")
        store.finish(done())
        assert len(store.frame()) == 2
        assert store.take_trouble() is None
    assert line in file.with_name("runs.sqlite.spool.damaged").read_text()


def test_a_spool_that_a_killed_process_had_set_aside_is_taken_up(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
        with held(file):
            store.finish(run := done(text="left behind"))
    spool_of(file).rename(file.with_name(spool_of(file).name + ".01ARZ3NDEKTSV4RRFFQ69G5FAV.taken"))
    with RunStore(file) as again:
        assert again.get(run.run_id) == run
        assert leftovers(file) == []


def test_who_takes_up_waits_for_one_who_is_still_writing(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
        with held(file):
            store.finish(done(text="first"))
        line = spool_of(file).read_bytes()
        with spool_of(file).open("ab") as writing:
            fcntl.flock(writing, fcntl.LOCK_EX)
            with ThreadPoolExecutor(1) as pool:
                reading = pool.submit(store.frame)
                while spool_of(file).exists():  # until it is set aside
                    assert not reading.done()
                    time.sleep(0.001)
                writing.write(line.replace(b"first", b"second").replace(b'"run_id":"', b'"run_id":"another-'))
                writing.flush()
                fcntl.flock(writing, fcntl.LOCK_UN)
                assert list(reading.result()["text"]) == ["Hello!", "first", "second"]


# Full


FULL = """
    import pathlib, resource, signal, sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun, done
    store = RunStore(sys.argv[1])
    store.finish(done(run_id="before"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = 400_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for at in range(8):
        run = begun(run_id=f"r{at}", prompt="x" * 100_000)
        store.start(run)
        store.finish(run.with_(status="ok", text="y"))
    print(store.take_trouble())
    print(len(list(pathlib.Path(sys.argv[1]).parent.glob("*spool*"))))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.start(done(run_id="after"))
    print(len(store.frame()), (store.frame()["status"] == "ok").all(), store.take_trouble())
    store.close()
"""


def run_python(code: str, *arguments: object, **environment: str) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


ROOT = Path(__file__).parents[2]


def test_a_full_disk_loses_nothing(file: Path, shelter: Path) -> None:
    trouble, files, after = run_python(FULL, file, TMPDIR=str(shelter))
    assert str(file) in trouble
    assert "new rows wait in" in trouble
    assert int(files) < 8
    assert after == "10 True None"
    assert [each for each in shelter.rglob("*") if each.is_file()] == []


def test_where_no_file_can_be_written_memory_keeps_the_run(file: Path, shelter: Path) -> None:
    file.parent.mkdir()
    spool_of(file).mkdir()
    shelter.rmdir()
    shelter.write_text("no folder")
    with RunStore(file) as store:
        store.finish(done())
        with held(file):
            store.finish(run := done(text="kept in mind"))
            assert "memory, until this process ends" in (store.take_trouble() or "")
        store.start(begun())
        assert store.get(run.run_id) == run
        assert len(store.frame()) == 3


def test_what_two_threads_take_up_at_once_drops_no_third_event(file: Path, shelter: Path) -> None:
    file.parent.mkdir()
    spool_of(file).mkdir()
    shelter.rmdir()
    shelter.write_text("no folder")
    spool, seen = Spool(file, str(file)), list[Event]()

    def take(events: Sequence[Event]) -> dict[int, str | None]:
        seen.extend(events)
        return {}

    for name in ("first", "second"):
        assert "memory" in spool.put({"event": name})
    one, other = spool.take_up(take), spool.take_up(take)
    spool.forget(one)
    spool.put({"event": "third"})
    spool.forget(other)
    seen.clear()
    spool.forget(spool.take_up(take))
    assert seen == [{"event": "third"}]
    assert not spool.waiting


def test_what_is_left_of_a_file_is_written_though_another_process_does_the_same(file: Path) -> None:
    file.parent.mkdir()
    spool = Spool(file, str(file))
    for name in ("first", "second"):
        spool.put({"event": name})
    taken = spool.take_up(lambda events: {}, most=1)
    (aside,) = taken.files
    aside.with_name(f"{aside.name}.rest").mkdir()  # the other one's, which is not to be touched
    spool.forget(taken)
    assert aside.read_bytes() == b'{"event":"second"}\n'


# Damaged, foreign, newer


def test_rows_in_memory_alone_are_written_before_the_process_ends(tmp_path: Path) -> None:
    code = """
        import os, sqlite3, sys, tempfile
        from pathlib import Path
        from portkey_nb.engine.store import RunStore
        from tests.engine.runs_of import done
        folder = Path(sys.argv[1])
        tempfile.tempdir = str(folder / "nowhere")
        store = RunStore(folder / "runs.sqlite")
        store.finish(done(text="first"))
        Path(f"{store.path}.spool.jsonl").mkdir()
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        store.finish(done(text="second"))
        assert "memory, until this process ends" in store.take_trouble()
        del store
        other.close()
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(code), str(tmp_path)], check=True, cwd=ROOT)
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
        assert connection.execute("SELECT answer FROM bodies ORDER BY run_id").fetchall() == [("first",), ("second",)]


def test_a_damaged_log_is_left_untouched(file: Path) -> None:
    file.parent.mkdir()
    garbage = b"this is no database, but somebody's only copy of something" * 100
    file.write_bytes(garbage)
    with RunStore(file) as store:
        store.start(run := begun())
        store.finish(end := run.with_(status="ok"))
        trouble = store.take_trouble()
        assert trouble is not None
        assert "is damaged or no database, and is left untouched" in trouble
        assert "move that file away" in trouble
        with pytest.raises(StoreError, match="is damaged or no database"):
            store.frame()
        assert store.cached("k") is None
        assert file.read_bytes() == garbage
        file.rename(file.with_name("old"))  # what the sentence says
        assert len(store.frame()) == 0 or store.get(run.run_id) == end
        assert store.get(run.run_id) == end


def test_a_log_damaged_in_the_middle_is_named(file: Path) -> None:
    with RunStore(file) as store:
        for _ in range(50):
            store.finish(done(text="x" * 2000))
    raw = bytearray(file.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    file.write_bytes(raw)
    with RunStore(file) as store, pytest.raises(StoreError, match="damaged"):
        store.frame()
    assert file.read_bytes() == raw


def test_a_newer_log_is_refused_and_left_alone(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
    connection = sqlite3.connect(file)
    connection.execute("INSERT INTO schema_version VALUES (?, 'to come', 'later')", (LATEST + 1,))
    connection.commit()
    connection.close()
    with RunStore(file) as store:
        store.finish(run := done())
        assert "was written by a newer portkey_nb" in (store.take_trouble() or "")
        with pytest.raises(StoreError, match=rf"number {LATEST + 1}.*knows {LATEST}.*upgrade portkey_nb"):
            store.frame()
    assert run.run_id in spool_of(file).read_text()


@pytest.mark.parametrize("table", ["runs (experiment TEXT)", "schema_version (installed_rank INTEGER)"])
def test_another_programs_database_is_left_alone(file: Path, table: str) -> None:
    file.parent.mkdir()
    connection = sqlite3.connect(file)
    connection.execute(f"CREATE TABLE {table}")
    connection.close()
    with RunStore(file) as store:
        store.finish(done())
        assert "belongs to another program" in (store.take_trouble() or "")
        with pytest.raises(StoreError, match="belongs to another program"):
            store.frame()
    connection = sqlite3.connect(file)
    assert len(connection.execute("SELECT name FROM sqlite_master").fetchall()) == 1
    connection.close()


# Unwritable, and gone


def test_a_place_that_cannot_be_is_said_and_the_run_sheltered(tmp_path: Path, shelter: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with RunStore(tmp_path / "file" / "runs.sqlite") as store:
        store.finish(done())
        trouble = store.take_trouble()
        assert trouble is not None
        assert "cannot be written" in trouble
        assert str(shelter) in trouble
    kept = [each for each in shelter.rglob("*") if each.is_file()]
    assert len(kept) == 1
    assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700


def test_a_read_only_connection_is_said(file: Path, shelter: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
    with RunStore(f"sqlite:///file:{file}?mode=ro&uri=true") as store:
        store.finish(done())
        assert "cannot be written" in (store.take_trouble() or "")
        assert len(store.frame()) == 1


@contextmanager
def ordinary_user(*folders: Path) -> Iterator[None]:
    """Be somebody whom permissions bind, with these folders as one's own: root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    nobody = 65534
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, nobody, nobody)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_log_in_a_read_only_folder_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest's own folders are closed to other users.
    monkeypatch.setattr(tempfile, "tempdir", None)
    with tempfile.TemporaryDirectory() as name:
        folder, shelter = Path(name) / "log", Path(name) / "shelter"
        shelter.mkdir()
        Path(name).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", str(shelter))
        with RunStore(folder / "runs.sqlite") as store:
            store.finish(done())
        with ordinary_user(folder, shelter):
            (folder / "runs.sqlite").chmod(0o444)
            folder.chmod(0o555)
            with RunStore(folder / "runs.sqlite") as store:
                assert len(store.frame()) == 1
                store.finish(done())
                assert "cannot be written" in (store.take_trouble() or "")
            folder.chmod(0o755)


def test_a_log_deleted_while_it_is_open_is_begun_anew(file: Path) -> None:
    with RunStore(file) as store:
        store.finish(done())
        shutil.rmtree(file.parent)
        assert len(store.frame()) == 0
        store.finish(run := done())
        assert store.take_trouble() is None
        assert list(store.frame().index) == [run.run_id]
        assert file.exists()


DRIVERLESS = """
    import sys
    sys.modules["psycopg"] = None  # as where the extra is not installed
    from portkey_nb.engine.store import RunStore
    from portkey_nb.errors import StoreError
    from tests.engine.runs_of import begun
    store = RunStore("postgresql://ana:secret-word@127.0.0.1/runs")
    store.start(begun())
    print(store.take_trouble())
    try:
        store.frame()
    except StoreError as error:
        print(error)
    store.close()
"""


def test_a_database_without_its_driver_costs_no_reply_and_shows_no_password() -> None:
    for said in run_python(DRIVERLESS):
        assert "needs a driver that is not installed" in said
        assert 'pip install "portkey_nb[postgres]"' in said
        assert "secret-word" not in said


def test_the_log_is_for_its_owner_alone(file: Path) -> None:
    store = RunStore(file)
    store.start(begun())
    assert all(found.stat().st_mode & 0o077 == 0 for found in file.parent.iterdir())
    store.close()

"""The run log on a PostgreSQL server in bad times: away, restarted, killed, full, strange; no run is lost."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from portkey_nb import Portkey, ask, compare, conversation, runs
from portkey_nb.engine import journal
from portkey_nb.engine import postgres as postgres_room
from portkey_nb.engine.columns import choose
from portkey_nb.engine.exporting import export
from portkey_nb.engine.filters import Filter
from portkey_nb.engine.migrations import LATEST
from portkey_nb.engine.parts import parts
from portkey_nb.engine.store import RunStore
from portkey_nb.errors import StoreError
from portkey_nb.gateway.conversation import Conversation, Turn
from tests.engine.runs_of import begun, done
from tests.postgres import PASSWORD, URL_PASSWORD, USER, Server, running
from tests.servers import COMPLETION, ScriptedServer, whole

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test be told what a process is told once: databases of one name follow each other."""
    monkeypatch.setattr(journal, "_said", set())


@pytest.fixture
def name(postgres: Server) -> Iterator[str]:
    made = postgres.fresh()
    yield made
    postgres.drop(made)


@pytest.fixture
def url(postgres: Server, name: str) -> str:
    return postgres.url(name)


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """Run a server that tests may stop and start."""
    with running() as server:
        yield server


def waiting() -> list[Path]:
    """Return the files in which rows wait, or are kept aside."""
    return sorted(Path(os.environ["XDG_DATA_HOME"]).rglob("*spool*"))


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=ROOT)


def shows_no_password(said: str) -> None:
    assert "hunter2" not in said


# Away and back


def test_rows_wait_while_the_server_is_away_and_go_up_when_it_is_back(own: Server) -> None:
    with RunStore(own.url(own.fresh())) as store:
        store.finish(done(text="before"))
        run = begun()
        own.stop()
        try:
            store.start(run)
            trouble = store.take_trouble() or ""
            assert trouble.count("\n") == 0
            assert "does not answer" in trouble
            (spool,) = waiting()
            assert str(spool) in trouble
            assert stat.S_IMODE(spool.stat().st_mode) == 0o600
            assert stat.S_IMODE(spool.parent.stat().st_mode) == 0o700
            shows_no_password(trouble + str(spool) + spool.read_text())
            store.finish(run.with_(status="ok", text="meanwhile"))
            assert store.take_trouble() is None  # said once
            with pytest.raises(StoreError, match=r"does not answer.*start the server") as caught:
                store.frame()
            shows_no_password(str(caught.value))
            assert store.cached("k") is None
            assert not store.flush()
        finally:
            own.start()
        store.finish(done(text="after"))
        assert list(store.frame()["text"]) == ["before", "meanwhile", "after"]
        assert waiting() == []
        assert store.flush()


def test_each_outage_is_said_once(own: Server) -> None:
    with RunStore(own.url(own.fresh())) as store:
        store.finish(done())
        for _ in range(2):
            own.stop()
            try:
                store.finish(done())
                assert (store.take_trouble() or "").count("new rows wait in") == 1
                store.finish(done())
                assert store.take_trouble() is None
            finally:
                own.start()
            assert store.flush(10)
        assert len(store.frame()) == 5


def test_what_needs_the_log_is_refused_while_its_server_is_away_and_the_rest_goes_on(
    own: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    url = own.url(own.fresh())
    with ScriptedServer(whole(COMPLETION)) as gateway, RunStore(url) as store:
        place: dict[str, Any] = {"base_url": gateway.url, "store": store, "stream": False}
        client = Portkey(base_url=gateway.url)
        known = conversation("known", store=store)
        known.ask("one", "m", base_url=gateway.url, stream=False)
        own.stop()
        try:
            known.ask("two", "m", base_url=gateway.url, stream=False)
            ask("three", "m", **place)
            assert len(compare("four", "m", client=client, store=store, progress=False)) == 1
            asked = len(gateway.requests)
            refused = "the conversation 'zz' cannot be read, and without it nothing is asked: .* does not answer"
            with pytest.raises(StoreError, match=refused):
                conversation("zz", store=store).ask("five", "m", base_url=gateway.url)
            refused = "answers of 'aw' cannot be looked up, .* nothing is asked: .* does not answer"
            for cache in (True, False):
                with pytest.raises(StoreError, match=refused) as caught:
                    compare("six", "m", client=client, store=store, name="aw", cache=cache, progress=False)
            shows_no_password(str(caught.value))
            assert len(gateway.requests) == asked
        finally:
            own.start()
        assert store.flush(10)
        assert len(store.frame()) == asked == 4


ENDS_LATER = """
    import sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import done
    store = RunStore(sys.argv[1])
    store.finish(done(text="waits"))
    print("does not answer" in store.take_trouble(), flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("back", [True, False])
def test_what_waits_when_a_process_ends_is_tried_once_more(own: Server, back: bool) -> None:
    url = own.url(own.fresh())
    with RunStore(url) as store:
        store.flush()
    own.stop()
    try:
        process = python(ENDS_LATER, url)
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        if back:
            own.start()
        assert process.communicate("", timeout=60) == ("", None)
        assert process.returncode == 0
        assert bool(waiting()) is not back
    finally:
        if not back:
            own.start()
    # Read as it is, without a store that would take up what waits.
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM runs")) == int(back)
    engine.dispose()


def test_a_restart_between_two_rows_costs_nothing(own: Server) -> None:
    with RunStore(own.url(own.fresh())) as store:
        store.finish(run := done())
        own.stop()
        own.start()
        store.finish(done())
        assert store.take_trouble() is None
        own.stop(signal.SIGQUIT)
        own.start()
        store.annotate(run.run_id, rating=3)
        own.stop()
        own.start()
        assert len(store.frame()) == 2
        assert waiting() == []


KEEPS_WRITING = """
    import sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun
    store, said = RunStore(sys.argv[1]), None
    for at in range(20_000):
        store.start(run := begun(run_id=f"{sys.argv[2]}-{at}"))
        store.finish(run.with_(status="ok", text="x" * 2000))
        said = said or store.take_trouble()
        if at < 100:
            print(at, flush=True)
        elif said and at >= 400:
            break
    print(at + 1, said)
"""
"""Write some hundred rows, and go on until the server's end was noticed."""


def test_a_server_killed_while_processes_write_loses_nothing(own: Server) -> None:
    url = own.url(own.fresh())
    with RunStore(url) as store:
        store.flush()
    processes = [python(KEEPS_WRITING, url, str(each)) for each in range(2)]
    for process in processes:
        assert process.stdout is not None
        for _ in range(100):
            process.stdout.readline()
    own.stop(signal.SIGQUIT)
    time.sleep(0.1)  # rows go on meanwhile
    own.start()
    ended = [process.communicate(timeout=60)[0].splitlines()[-1].split(" ", 1) for process in processes]
    for _, said in ended:
        assert "new rows wait in" in said
    with RunStore(url) as later:  # another session takes up what is left
        frame = later.frame()
        assert len(frame) == sum(int(written) for written, _ in ended)
        assert set(frame["status"]) == {"ok"}
    assert waiting() == []


@pytest.fixture
def large(own: Server) -> Iterator[tuple[RunStore, str]]:
    """Give a log of more than a server sends ahead, and its database."""
    name = own.fresh()
    with RunStore(own.url(name)) as store:
        chance = random.Random(7)  # what repeats would be kept as little
        store.write([(done(text=chance.randbytes(20_000).hex()), False) for _ in range(1500)])
        yield store, name


def test_a_server_killed_while_a_log_is_read_is_said(own: Server, large: tuple[RunStore, str], tmp_path: Path) -> None:
    store, _ = large
    target = tmp_path / "runs.jsonl"
    with pytest.raises(StoreError, match=r"postgresql\+psycopg://.*:\*\*\*@.* does not answer \(.*start the server"):
        export(store, target, "jsonl", tell=lambda rows: own.stop(signal.SIGQUIT))
    own.start()
    assert not target.exists()
    assert len(store.frame()) == 1500


class Enough(BaseException):
    """Somebody presses Ctrl-C."""


@pytest.mark.timeout(60)
def test_who_stops_reading_leaves_neither_question_nor_connection_behind(
    own: Server, large: tuple[RunStore, str], tmp_path: Path
) -> None:
    def enough(rows: int) -> None:
        raise Enough

    store, name = large
    for _ in range(9):  # one more than a process opens connections
        with pytest.raises(Enough):
            export(store, tmp_path / "runs.jsonl", "jsonl", tell=enough)
    with store.reading() as connection:
        left = parts(connection, choose("all"), Filter())
        assert len(next(left).run_ids) < 1500
    assert len(store.frame()) == 1500
    assert own.admin(f"SELECT state FROM pg_stat_activity WHERE datname = '{name}'") == [("idle",)]


def test_a_reader_that_stopped_ends_no_other(own: Server, large: tuple[RunStore, str], tmp_path: Path) -> None:
    store, _ = large
    with store.reading() as connection:
        left = parts(connection, choose("all"), Filter())
        next(left)
    target = tmp_path / "runs.jsonl"
    # On the same connection: what the first one held is let go in the middle, as an old traceback is.
    assert export(store, target, "jsonl", tell=lambda rows: left.close()) == 1500
    assert len(target.read_text().splitlines()) == 1500


@pytest.mark.timeout(20)
def test_nothing_else_is_asked_of_a_connection_that_reads(own: Server, large: tuple[RunStore, str]) -> None:
    store, _ = large
    with store.reading() as connection:
        assert connection is not None
        left = parts(connection, choose("all"), Filter())
        next(left)
        with pytest.raises(sa.exc.InvalidRequestError, match="rows are still being read here"):
            connection.execute(sa.select(1))
    assert len(store.frame(3)) == 3


STOPPED = """
    import signal, sys
    from portkey_nb.engine.columns import choose
    from portkey_nb.engine.filters import Filter
    from portkey_nb.engine.parts import parts
    from portkey_nb.engine.store import RunStore
    with RunStore(sys.argv[1]) as store:
        try:
            with store.reading() as connection:
                found = parts(connection, choose("all"), Filter())
                next(found)
                print("reads", flush=True)
                sys.stdin.readline()
                signal.signal(signal.SIGALRM, signal.default_int_handler)
                signal.alarm(1)  # long after it has read what was sent
                list(found)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        sys.stdin.readline()
        print(len(store.frame(3)), flush=True)
"""
"""Read, and be interrupted where nothing comes any more."""


@pytest.mark.timeout(60)
def test_an_interrupt_while_the_server_stands_still_is_an_interrupt(own: Server, large: tuple[RunStore, str]) -> None:
    process = python(STOPPED, own.url(large[1]))
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "reads\n"
    own.freeze()
    try:
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "interrupted\n"
    finally:
        own.thaw()
    assert process.communicate("\n")[0] == "3\n"


@pytest.mark.timeout(40)  # twenty rows that wait one after another would take longer
def test_a_server_that_hangs_is_given_up(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_room, "AWAY_S", 1.0)
    with RunStore(own.url(own.fresh())) as store:
        store.finish(done())
        own.freeze()
        try:
            for _ in range(20):
                store.finish(done())
            assert "does not answer in time (no answer for" in (store.take_trouble() or "")
            with pytest.raises(StoreError, match="does not answer"):
                store.frame()
        finally:
            own.thaw()
        assert store.flush(30)
        assert len(store.frame()) == 21


@pytest.mark.timeout(40)  # a question that is under way may take 120 s
def test_a_server_that_hangs_is_given_up_by_who_reads_first(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_room, "AWAY_S", 1.0)
    with RunStore(own.url(own.fresh())) as store:
        store.finish(done())
        assert len(store.frame()) == 1
        own.freeze()
        try:
            assert store.cached("k") is None
            with pytest.raises(StoreError, match="does not answer"):
                store.frame()
        finally:
            own.thaw()
        store.finish(done())
        assert store.flush(30)
        assert len(store.frame()) == 2


def test_a_conversation_goes_on_while_the_server_is_away(own: Server) -> None:
    said = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "ONE"}]
    first = Conversation.new().append(Turn.new(said))
    with RunStore(own.url(own.fresh())) as store:
        store.save_conversation("a.ipynb", "tea", first)
        own.stop()
        store.save_conversation("a.ipynb", "tea", second := first.append(Turn.new(said)))
        assert store.load_conversation("a.ipynb", "tea") == second
        own.start()
        assert store.flush(10)
        assert store.load_conversation("a.ipynb", "tea") == second


def test_a_row_that_comes_does_not_wait_for_all_that_waits(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "BITE", 10)
    url = own.url(own.fresh())
    with RunStore(url) as store:
        store.flush()
        own.stop()
        for at in range(25):
            store.finish(done(run_id=f"r{at:02}"))
        own.start()
    with RunStore(url) as later:
        for number, left in ((1, 15), (2, 5), (3, 0)):
            later.finish(done(run_id=f"s{number}"))
            assert sum(len(file.read_bytes().splitlines()) for file in waiting()) == left
        assert len(later.frame()) == 28
        assert waiting() == []


# Rows that the server refuses


def test_a_row_that_the_server_refuses_stops_no_other(url: str) -> None:
    with RunStore(url) as store:
        store.finish(done(text="before"))
        with store.changing() as connection:
            connection.exec_driver_sql("ALTER TABLE bodies ADD CHECK (answer <> 'odd')")
        store.write([(done(text="even"), False), (done(text="odd"), False), (done(text="even"), False)])
        trouble = store.take_trouble() or ""
        assert "refuses a row" in trouble
        store.finish(done(text="after"))
        assert sorted(store.frame()["text"]) == ["after", "before", "even", "even"]
        (aside,) = waiting()
        assert aside.name.endswith(".spool.damaged")
        assert b'"odd"' in aside.read_bytes()
        assert store.take_trouble() is None


# Several at once

WRITES = """
    import sys
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun
    store = RunStore(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for at in range(int(sys.argv[2])):
        run = begun(run_id=f"r{at}")
        store.start(run)
        store.annotate(run.run_id, scores={sys.argv[3]: float(at)})
        store.finish(run.with_(status="ok"))
    print(store.take_trouble(), flush=True)
    store.close()
"""


def test_processes_that_begin_at_once_on_an_empty_database_share_it(url: str) -> None:
    processes = [python(WRITES, url, "60", f"scorer{each}") for each in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=100)[0] for process in processes] == ["None\n"] * 4
    with RunStore(url) as store:
        frame = store.frame(columns="all")
        assert len(frame) == 60
        assert set(frame["status"]) == {"ok"}
        # No judgement overwrote another one's.
        for each in range(4):
            assert sorted(frame[f"score_scorer{each}"]) == [float(at) for at in range(60)]


def test_connections_are_few_and_tell_who_they_are(postgres: Server, name: str, url: str) -> None:
    with RunStore(url) as store:
        for _ in range(5):
            store.finish(done())
            store.frame()
        who = f"SELECT application_name FROM pg_stat_activity WHERE datname = '{name}'"
        assert postgres.admin(who) == [("portkey_nb",)]
    assert postgres.admin(who) == []


# Two versions on one database


def test_the_older_version_stops_writing_when_a_newer_one_takes_over(place: str) -> None:
    with RunStore(place) as store:
        store.finish(run := done())
        take_over(store, place)
        store.finish(done())
        trouble = store.take_trouble() or ""
        assert "was written by a newer portkey_nb" in trouble
        assert f"number {LATEST + 1}, and this portkey_nb knows {LATEST}" in trouble
        assert "upgrade portkey_nb" in trouble
        with pytest.raises(StoreError, match="newer portkey_nb"):
            store.annotate(run.run_id, rating=1)
        with pytest.raises(StoreError, match="newer portkey_nb"):
            RunStore(place).frame()


def take_over(store: RunStore, place: str) -> None:
    """Let a newer version upgrade a database that this one has open."""
    statement = f"INSERT INTO schema_version (number, name, applied_at) VALUES ({LATEST + 1}, 'to come', 'later')"
    if store.path is None:
        with psycopg.connect(place.replace("+psycopg", "")) as connection:
            connection.execute(statement)
        return
    file = sqlite3.connect(store.path)
    file.execute(statement)
    file.commit()
    file.close()


# What stands in the way, in one line


def said_of(url: str) -> str:
    """Return what is said of a log that can neither be written nor read, and that it is one line without a password."""
    with RunStore(url) as store:
        store.finish(done())
        trouble = store.take_trouble() or ""
        with pytest.raises(StoreError) as caught:
            store.frame()
        shown = f"{trouble} {caught.value} {store!r} {store.url}"
    assert "\n" not in trouble + str(caught.value)
    shows_no_password(shown + "".join(map(str, waiting())))
    (spool,) = waiting()
    shows_no_password(spool.read_text())
    spool.unlink()
    assert caught.value.__suppress_context__
    return trouble


@pytest.mark.parametrize(
    ("database", "how", "said"),
    [
        ("postgres", {"user": "nobody_here"}, "does not let this user in.*mend user and password"),
        ("postgres", {"password": "hunter2wrong"}, "does not let this user in.*mend user and password"),
        ("nowhere", {}, 'does not exist .*"nowhere".*CREATE DATABASE'),
        ("postgres", {}, "may not be written by this role .*grant it"),
    ],
    ids=["role", "password", "database", "rights"],
)
def test_what_a_server_refuses_is_said(postgres: Server, database: str, how: dict[str, str], said: str) -> None:
    if database == "postgres" and not how:
        postgres.admin("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    found = said_of(postgres.url(database, **how))
    assert re.search(said, found)


def test_a_server_that_is_not_there_is_said(postgres: Server) -> None:
    with running_port() as port:
        found = said_of(f"postgresql://{USER}:{URL_PASSWORD}@127.0.0.1:{port}/db")
    assert "does not answer" in found
    assert "start the server" in found


@contextmanager
def running_port() -> Iterator[int]:
    """Give a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_an_unknown_host_is_said() -> None:
    found = said_of(f"postgresql://{USER}:{URL_PASSWORD}@{'x' * 70}/db")
    assert "is on a host that is not known" in found


def test_a_server_that_takes_no_more_connections_is_said(postgres: Server, name: str, url: str) -> None:
    postgres.admin(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    assert "takes no more connections" in said_of(url)


def test_a_database_that_may_only_be_read_is_read(postgres: Server, name: str, url: str) -> None:
    with RunStore(url) as store:
        store.finish(done())
    postgres.admin(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with RunStore(url) as store:
        store.finish(done())
        assert "is read-only now" in (store.take_trouble() or "")
        assert len(store.frame()) == 1
    postgres.admin(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    with RunStore(url) as store:
        assert len(store.frame()) == 2


def test_who_may_only_read_reads(postgres: Server, name: str, url: str) -> None:
    with RunStore(url) as store:
        store.finish(done())
    postgres.admin(f"CREATE ROLE reader_of_{name} LOGIN PASSWORD 'pw'")
    try:
        postgres.admin(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_of_{name}", name)
        with RunStore(postgres.url(name, user=f"reader_of_{name}", password="pw")) as store:
            assert len(store.frame()) == 1
            with pytest.raises(StoreError, match="may not be written by this role"):
                store.annotate(store.frame().index[0], rating=1)
    finally:
        postgres.admin(f"DROP OWNED BY reader_of_{name}", name)
        postgres.admin(f"DROP ROLE reader_of_{name}")


def test_another_programs_database_is_left_alone_and_a_schema_of_ones_own_helps(
    postgres: Server, name: str, url: str
) -> None:
    postgres.admin("CREATE TABLE runs (experiment TEXT)", name)
    assert "?options=-csearch_path" in said_of(url)
    postgres.admin(f"CREATE SCHEMA team AUTHORIZATION {USER}", name)
    with RunStore(f"{url}?options=-csearch_path%3Dteam") as store:
        store.finish(done())
        assert store.take_trouble() is None
        assert len(store.frame()) == 1
    assert "has no schema" in said_of(f"{url}?options=-csearch_path%3Dnowhere")


def test_a_database_that_cannot_hold_every_text_is_refused(postgres: Server) -> None:
    name = postgres.fresh("ENCODING 'LATIN1' TEMPLATE template0")
    assert "its encoding is LATIN1" in said_of(postgres.url(name))
    postgres.drop(name)


def test_a_full_disk_there_loses_nothing(postgres: Server, name: str, url: str, tmp_path: Path) -> None:
    small = postgres.folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("a disk of its own needs rights to mount one")
    try:
        os.chown(small, 65534, 65534)
        small.chmod(0o700)
        postgres.admin(f"CREATE TABLESPACE small OWNER {USER} LOCATION '{small}'")
        postgres.admin(f"ALTER DATABASE {name} SET default_tablespace = small")
        with RunStore(url) as store:
            for at in range(12):
                store.finish(done(run_id=f"r{at:02}", text=os.urandom(200_000).hex()))
            trouble = store.take_trouble() or ""
            assert "the server's disk is full" in trouble
            assert "free some space there" in trouble
            assert len(waiting()) == 1
            subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
            assert store.flush(30)
            assert len(store.frame()) == 12
    finally:
        postgres.drop(name)
        postgres.admin("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", "-l", small], check=False)


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@host/db",
        "postgresql://me%40host:hunter2@host/d%40b",
        "postgresql+psycopg://host/db?user=me&password=hunter2",
        "postgres://me@host/db?sslpassword=hunter2&sslmode=require",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    store = RunStore(url)
    shows_no_password(store.url + repr(store))
    assert "***" in store.url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pa@hunter2@host/db",
        "postgresql://me:pa@hun/hunter2@host/db",
        "postgresql://me:pa@hun/hunter2?@host/db",
        "postgresql://hunter2:hunter2/db",
        "mysql://me:hunter2@host/db",
        "://hunter2",
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        RunStore(url)
    shows_no_password(str(caught.value))
    assert caught.value.__context__ is None


def test_a_password_from_the_environment_or_its_file_works(
    postgres: Server, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://{USER}@127.0.0.1:{postgres.port}/{name}"
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PORTKEY_NB_STORE", url)
    with RunStore() as store:
        store.finish(done())
        assert len(runs(store=store)) == 1
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pass").write_text(f"127.0.0.1:{postgres.port}:{name}:{USER}:{PASSWORD.replace(':', chr(92) + ':')}\n")
    (tmp_path / "pass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pass"))
    with RunStore() as store:
        assert len(store.frame()) == 1


# What is asked often has an index


def used_indexes(store: RunStore, ask: Any) -> str:
    """Return the plans of what a question sends to the database."""
    plans: list[str] = []
    asked: list[tuple[str, Any]] = []

    def listen(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    engine = store._database._open()
    sa.event.listen(engine, "before_cursor_execute", listen)
    ask()
    sa.event.remove(engine, "before_cursor_execute", listen)
    explain = "EXPLAIN QUERY PLAN" if store.path is not None else "EXPLAIN"
    with store.reading() as connection:
        assert connection is not None
        for statement, parameters in asked:
            if statement.lstrip().startswith("SELECT") and " runs" in statement:
                plan = connection.exec_driver_sql(f"{explain} {statement}", parameters)
                plans += [str(row) for row in plan]
    return "\n".join(plans)


@pytest.fixture(scope="module")
def many() -> list[Any]:
    return [
        done(
            run_id=f"r{at:05}",
            model=f"m{at % 50}",
            status="error" if at % 500 == 0 else "ok",
            group_id=f"g{at // 20}",
            group_label=f"l{at // 20}",
            conversation_id=f"c{at // 20}",
            notebook=f"n{at % 50}",
            cache_key=f"k{at}",
            trace_id=f"t{at}",
            started_at=done().started_at.replace(microsecond=at),
        )
        for at in range(6000)
    ]


def test_what_is_asked_often_has_an_index(place: str, many: list[Any]) -> None:
    with RunStore(place) as store:
        for at in range(0, len(many), 1000):
            store.write([(run, False) for run in many[at : at + 1000]])
        with store.changing() as connection:
            connection.exec_driver_sql("ANALYZE")
        store.close()
        questions = {
            "runs_by_time": lambda: store.frame(20),
            "runs_by_model": lambda: store.frame(20, model="m7"),
            "runs_by_status": lambda: store.frame(5, status="interrupted"),
            "runs_by_group": lambda: store.frame(group="g7"),
            "runs_by_group_label": lambda: store.frame(group="l7", status="ok"),
            "runs_by_conversation": lambda: store.frame(conversation="c7"),
            "runs_by_cache_key": lambda: store.cached("k77"),
        }
        for index, ask in questions.items():
            assert index in used_indexes(store, ask), index


def test_a_row_that_another_transaction_holds_goes_up_when_it_lets_go(url: str) -> None:
    with RunStore(url) as store:
        store.start(run := begun())
        with psycopg.connect(url.replace("+psycopg", "")) as holder:
            holder.execute("SELECT * FROM runs FOR UPDATE")
            store.finish(run.with_(status="ok"))
            assert "is locked by another program" in (store.take_trouble() or "")
            with pytest.raises(StoreError, match="is locked by another program"):
                store.annotate(run.run_id, rating=1)
        store.annotate(run.run_id, rating=1)
        found = store.get(run.run_id)
        assert found is not None
        assert (found.status, found.rating) == ("ok", 1)


def test_a_log_of_the_first_version_gets_its_indexes(place: str) -> None:
    with RunStore(place) as store:
        store.finish(run := done())
        with store.changing() as connection:
            for index in sa.inspect(connection).get_indexes("runs"):
                if index["name"] not in ("runs_by_time", "runs_by_group"):
                    connection.exec_driver_sql(f"DROP INDEX {index['name']}")
            connection.exec_driver_sql("CREATE INDEX runs_by_cache_key ON runs (cache_key)")
            connection.exec_driver_sql("DROP INDEX conversations_by_id")
            connection.exec_driver_sql("DELETE FROM schema_version WHERE number > 1")
    with RunStore(place) as again:
        assert again.get(run.run_id) == run
        with again.reading() as connection:
            assert connection is not None
            assert "runs_by_model" in {index["name"] for index in sa.inspect(connection).get_indexes("runs")}


def delete_and_stumble(store: RunStore) -> None:
    with store.changing() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
        Path("nowhere").read_text()


def test_what_a_reader_of_the_log_gets_wrong_is_no_fault_of_the_log(place: str) -> None:
    with RunStore(place) as store:
        store.finish(done())
        with pytest.raises(FileNotFoundError), store.reading():
            Path("nowhere").read_text()
        with pytest.raises(FileNotFoundError):
            delete_and_stumble(store)
        assert len(store.frame()) == 1

"""Keeping a run log: what is copied, deleted, checked and backed up, also while others write and after a kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.cli import main
from portkey_nb.engine.copying import copy
from portkey_nb.engine.retention import delete_before, foresee, free, in_words, when
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tables import TURNS
from portkey_nb.engine.upkeep import backup, check, dump_command
from portkey_nb.errors import SettingsError, StoreError
from portkey_nb.gateway.conversation import Conversation
from portkey_nb.gateway.turns import Turn
from tests.engine.runs_of import START, begun, done
from tests.postgres import URL_PASSWORD

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
UNITS = {"minute": 1, "hour": 60, "day": 1440, "week": 10080}


@given(st.integers(0, 500), st.sampled_from(sorted(UNITS)), st.sampled_from(["", "s"]), st.sampled_from(["", " ago"]))
def test_how_long_ago_is_read(count: int, unit: str, plural: str, ago: str) -> None:
    assert when(f" {count} {unit}{plural}{ago} ", now=NOW) == NOW - timedelta(minutes=count * UNITS[unit])


@given(st.datetimes(datetime(1970, 1, 3), datetime(2026, 5, 30), timezones=st.just(UTC)))
def test_times_are_read_with_and_without_zone(moment: datetime) -> None:
    assert when(moment.isoformat(), now=NOW) == moment
    local = moment.astimezone()
    assert when(local.date().isoformat(), now=NOW) == datetime(local.year, local.month, local.day).astimezone(UTC)


@given(st.text(max_size=30))
def test_any_text_is_a_time_that_has_passed_or_is_refused(text: str) -> None:
    with suppress(StoreError):
        assert when(text, now=NOW) <= NOW


@pytest.mark.parametrize("text", ["2026-06-02", "9999-12-31", "", "-3 days", "3 months", "999999 weeks ago ago"])
def test_the_future_and_what_is_no_time_are_refused(text: str) -> None:
    with pytest.raises(StoreError):
        when(text, now=NOW)


@pytest.mark.parametrize(("count", "words"), [(0, "0 bytes"), (2_000, "2.0 kB"), (3 * 10**9, "3.0 GB")])
def test_sizes_in_words(count: int, words: str) -> None:
    assert in_words(count) == words


def store_of(path: Path, *runs: Any) -> RunStore:
    store = RunStore(path)
    for run in runs:
        store.finish(run)
    return store


def aged(days: int, **facts: Any) -> Any:
    return done(started_at=START + timedelta(days=days), **facts)


def whole(store: RunStore) -> dict[str, Any]:
    return {run_id: store.get(run_id) for run_id in store.frame(columns=[]).index}


def talk(*words: str, run_id: str | None = None) -> Conversation:
    conversation = Conversation.new()
    for word in words:
        conversation = said(conversation, word, run_id)
    return conversation


def said(conversation: Conversation, word: str, run_id: str | None = None) -> Conversation:
    turn = Turn.new([{"role": "user", "content": word}], parent_id=conversation.head, run_id=run_id)
    return conversation.append(turn)


# Copying


def test_a_copy_has_everything_and_a_second_one_adds_nothing(tmp_path: Path) -> None:
    nul = "before\x00after \x1a0"
    runs = [aged(day, tags={"day": day}, text=nul, messages=[{"role": "user", "content": nul}]) for day in range(450)]
    with store_of(tmp_path / "one", *runs, begun()) as source, RunStore(tmp_path / "two") as target:
        source.annotate(runs[3].run_id, rating=5, scores={"style": 0.5})
        source.save_conversation("global", "rivers", talk("Where?", "And then?"))
        first = copy(source, target)
        assert (first.total, first.seen, first.added, first.turns) == (451, 451, 451, 2)
        assert whole(target) == whole(source)
        assert target.load_conversation("global", "rivers") == source.load_conversation("global", "rivers")
        again = copy(source, target)
        assert (again.added, again.completed, again.noted, again.turns, again.renamed) == (0, 0, 0, 0, 0)
        assert whole(target) == whole(source)


def test_a_log_moves_to_a_server_and_back(tmp_path: Path, postgres: Any) -> None:
    nul, long = "before\x00after \x1a0", "a long name " * 100
    name = postgres.fresh()
    with (
        store_of(tmp_path / "one", *(aged(-day, text=nul, model=long, tags=[nul]) for day in range(250))) as source,
        RunStore(postgres.url(name)) as server,
        RunStore(tmp_path / "back") as back,
    ):
        first = source.frame(columns=[]).index[0]
        source.annotate(first, rating=4, scores={"style": 0.5})
        source.save_conversation("global", "rivers", talk("Where?", nul, run_id=first))
        for _ in range(2):
            copy(source, server)
            copy(server, back)
        assert whole(back) == whole(server) == whole(source)
        assert back.load_conversation("global", "rivers") == source.load_conversation("global", "rivers")
        assert list(back.frame()["model"]) == list(server.frame()["model"]) == [long] * 250
        assert all(finding.sound for finding in check(server))
        edge = START - timedelta(days=200)
        doomed = foresee(server, edge)
        assert (doomed.runs, doomed.turns, doomed.left) == (49, 2, 201)
        assert delete_before(server, edge) == 49
        assert free(server).bytes is None
        assert len(server.frame(columns=[])) == 201
        with pytest.raises(StoreError, match="nothing is written by this command; run: pg_dump ") as raised:
            backup(server, tmp_path / "never")
        assert f" --file={tmp_path / 'never'} " in raised.value.message
        assert "hunter2" not in raised.value.message
    postgres.drop(name)


def test_of_notes_the_newer_win_and_the_rest_stay(tmp_path: Path) -> None:
    run = done()
    with store_of(tmp_path / "one", run) as source, RunStore(tmp_path / "two") as target:
        source.annotate(run.run_id, rating=1, scores={"a": 0.1})
        copy(source, target)
        target.annotate(run.run_id, rating=2, rating_note="there")
        source.annotate(run.run_id, passed=True, scores={"b": 0.2})
        assert copy(source, target).noted == 1
        found = target.get(run.run_id)
        assert found is not None
        assert (found.rating, found.rating_note, found.passed, found.scores) == (2, "there", True, {"a": 0.1, "b": 0.2})
        source.annotate(run.run_id, rating=3)
        copy(source, target)
        found = target.get(run.run_id)
        assert found is not None
        assert found.rating == 3


def test_a_run_that_had_not_ended_is_completed_and_never_undone(tmp_path: Path) -> None:
    run = begun()
    with RunStore(tmp_path / "one") as source, RunStore(tmp_path / "two") as target:
        source.start(run)
        copy(source, target)
        source.finish(run.with_(status="ok", text="whole"))
        assert copy(source, target).completed == 1
        assert whole(target)[run.run_id].text == "whole"
        with RunStore(tmp_path / "old") as old:
            old.start(run)
            copy(old, target)
        assert whole(target)[run.run_id].text == "whole"


def test_of_two_conversations_with_one_name_both_are_kept(tmp_path: Path) -> None:
    with RunStore(tmp_path / "one") as source, RunStore(tmp_path / "two") as target:
        mine, theirs = talk("mine"), talk("theirs")
        target.save_conversation("global", "talk", theirs)
        source.save_conversation("global", "talk", mine)
        for _ in range(2):
            copy(source, target)
            names = {name: target.load_conversation("global", name) for name, _, _ in target.conversations("global")}
            assert names == {"talk": mine, f"talk ({theirs.conversation_id[-6:]})": theirs}
        copy(target, source)
        assert source.load_conversation("global", "talk") == mine
        assert len(source.conversations("global")) == 2


def test_branches_that_grew_on_both_sides_are_joined(tmp_path: Path) -> None:
    with RunStore(tmp_path / "one") as source, RunStore(tmp_path / "two") as target:
        first = talk("first")
        source.save_conversation("global", "talk", first)
        copy(source, target)
        target.save_conversation("global", "talk", said(first, "there"))
        source.save_conversation("global", "talk", said(first, "here"))
        copy(source, target)
        found = target.load_conversation("global", "talk")
        assert found is not None
        assert {turn.messages[0]["content"] for turn in found.turns} == {"first", "there", "here"}
        assert found.messages()[-1]["content"] == "here"


def test_what_is_more_than_one_part_is_copied_once(place: str, tmp_path: Path) -> None:
    together = [done() for _ in range(450)]  # all of one moment
    later = [done(started_at=START + timedelta(seconds=at)) for at in range(1, 51)]
    with RunStore(place) as source, RunStore(tmp_path / "two") as target:
        source.write([(run, False) for run in [*later, *together]])
        assert copy(source, target).added == 500
        assert copy(source, target).added == 0
        assert target.frame(columns="all").equals(source.frame(columns="all"))


def test_rows_that_waited_are_copied_too(tmp_path: Path) -> None:
    run = done()
    with RunStore(tmp_path / "blocked") as blocked:
        (tmp_path / "blocked").write_bytes(b"no database" * 100)
        blocked.finish(run)
    (tmp_path / "blocked.spool.jsonl").rename(tmp_path / "one.spool.jsonl")
    with store_of(tmp_path / "one", done()) as source, RunStore(tmp_path / "two") as target:
        assert copy(source, target).added == 2
        assert run.run_id in whole(target)


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", done()) as source, RunStore(tmp_path / "none") as none:
        with pytest.raises(StoreError, match=f"^the run log {tmp_path}/one cannot be copied to itself"):
            copy(source, RunStore(tmp_path / "one"))
        with pytest.raises(StoreError, match="nothing to copy"):
            copy(none, source)
        with (
            RunStore(tmp_path / "typo" / "two") as target,
            pytest.raises(StoreError, match=f"no folder {tmp_path}/typo"),
        ):
            copy(source, target)
        assert not (tmp_path / "none").exists()
        assert not (tmp_path / "typo").exists()


def test_damaged_facts_stop_no_copy(tmp_path: Path, postgres: Any) -> None:
    long = "a long name " * 100
    runs = [done(run_id=f"r{at}", model=long) for at in range(5)]
    url = postgres.url(name := postgres.fresh())
    with store_of(tmp_path / "one", *runs) as source, RunStore(tmp_path / "two") as target, RunStore(url) as server:
        for run in runs:
            source.annotate(run.run_id, rating=5)
        copy(source, target)
        damage = ("runs SET notes = '{broken'", "runs SET detail = '{'", "bodies SET rest = '{'")
        with source.changing() as connection:
            for at, each in enumerate(damage):
                connection.exec_driver_sql(f"UPDATE {each} WHERE run_id = 'r{at}'")
        assert copy(source, target).noted == 0
        copied = copy(source, server)
        assert (copied.added, copied.damaged, copied.seen) == (2, 3, 5)
        assert list(server.frame(columns=[]).index) == [run.run_id for run in runs]
        for at in (3, 4):
            assert server.get(f"r{at}") == source.get(f"r{at}")
        assert all(finding.sound for finding in check(server))
        again = copy(source, server)
        assert (again.added, again.damaged) == (0, 0)
    postgres.drop(name)


def test_a_run_that_is_refused_is_counted_once_and_stops_no_copy(
    tmp_path: Path, postgres: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [done(run_id=f"r{at}") for at in range(3)]
    url = postgres.url(name := postgres.fresh())
    with store_of(tmp_path / "one", *runs) as source, RunStore(url) as server:
        with source.changing() as connection:
            connection.exec_driver_sql("UPDATE runs SET cost_usd = 'much' WHERE run_id = 'r1'")
        for added in (2, 0):
            copied = copy(source, server)
            assert (copied.added, copied.damaged, copied.refused, copied.seen) == (added, 0, 1, 3)
        assert list(server.frame(columns=[]).index) == ["r0", "r2"]
        assert main(["runs", "--store", str(tmp_path / "one"), "--copy-to", url]) == 0
        shown = url.replace(URL_PASSWORD, "***")
        said = f"0 runs copied to {shown}; 2 there already; 1 runs refused, which are not copied\n"
        assert capsys.readouterr().out == said
    postgres.drop(name)


def test_a_damaged_turn_stops_no_copy_and_costs_no_other(tmp_path: Path, postgres: Any) -> None:
    url = postgres.url(name := postgres.fresh())
    broken, sound = talk("one", "two", "three"), talk("a nul \0", "five")
    with RunStore(tmp_path / "one") as source, RunStore(url) as server:
        source.save_conversation("global", "broken", broken)
        source.save_conversation("global", "sound", sound)
        torn = '{"turn_id": "\\u0000 torn'
        with source.changing() as connection:
            connection.execute(sa.update(TURNS).where(TURNS.c.turn_id == broken.turns[1].turn_id).values(content=torn))
        copied = copy(source, server)
        assert (copied.conversations, copied.turns, copied.damaged_turns) == (2, 4, 1)
        assert server.load_conversation("global", "sound") == sound
        with pytest.raises(StoreError, match="%portkey reset"):
            server.load_conversation("global", "broken")
        with server.reading() as connection:
            assert connection is not None
            kept = {key: text for key, text in connection.execute(sa.select(TURNS.c.turn_id, TURNS.c.content))}
        assert json.loads(kept[broken.turns[1].turn_id]) == torn
        assert json.loads(kept[broken.turns[2].turn_id])["messages"][0]["content"] == "three"
        assert f"1 turns that are no JSON: {broken.turns[1].turn_id}" in [finding.what for finding in check(server)]
        again = copy(source, server)
        assert (again.conversations, again.turns, again.damaged_turns) == (2, 0, 0)
    postgres.drop(name)


# Deleting


def test_a_damaged_turn_stops_no_deletion(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", done(run_id="r1")) as store:
        store.save_conversation("global", "talk", talk("one", "two", run_id="r1"))
        with store.changing() as connection:
            connection.exec_driver_sql("UPDATE turns SET content = '{torn' WHERE place = 0")
        doomed = foresee(store, NOW)
        assert (doomed.runs, doomed.turns) == (1, 1)


def test_only_what_is_older_goes_and_conversations_stay(tmp_path: Path) -> None:
    runs = [aged(day - 1500) for day in range(1200)]
    edge = START - timedelta(days=400)
    with store_of(tmp_path / "one", *runs) as store:
        store.annotate(runs[0].run_id, rating=1)
        store.save_conversation("global", "talk", talk("Where?", run_id=runs[0].run_id))
        store.save_conversation("global", "late", talk("Where?", run_id=runs[-1].run_id))
        doomed = foresee(store, edge)
        assert (doomed.runs, doomed.rated, doomed.turns, doomed.left) == (1100, 1, 1, 100)
        assert (doomed.oldest, doomed.newest) == (runs[0].started_at, runs[1099].started_at)
        told: list[int] = []
        assert delete_before(store, edge, told.append) == 1100
        assert told[-1] == 1100
        assert len(told) > 1
        assert list(store.frame(columns=[]).index) == [run.run_id for run in runs[1100:]]
        assert len(store.conversations("global")) == 2
        assert all(finding.sound for finding in check(store))
        size = (tmp_path / "one").stat().st_size
        freed = free(store)
        assert freed.bytes
        assert (tmp_path / "one").stat().st_size < size
        assert len(store.frame()) == 100


def test_nothing_is_deleted_up_to_a_time_to_come(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", done()) as store:
        with pytest.raises(StoreError, match="future"):
            delete_before(store, datetime.now(UTC) + timedelta(minutes=1))
        assert len(store.frame()) == 1


def test_where_somebody_reads_on_the_file_keeps_its_size_and_the_log_works(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", *(aged(-day) for day in range(50))) as store:
        with closing(sqlite3.connect(tmp_path / "one", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            freed = free(store)
            assert freed.bytes == 0
            assert "locked" in freed.said
        assert len(store.frame()) == 50


# Checking


def broken(tmp_path: Path, *statements: str) -> list[str]:
    with store_of(tmp_path / "one", done(run_id="r1"), done(run_id="r2")):
        pass
    with closing(sqlite3.connect(tmp_path / "one")) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    with RunStore(tmp_path / "one") as store:
        return [finding.what for finding in check(store) if not finding.sound]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM bodies WHERE run_id = 'r1'", "1 runs without their texts: r1"),
        ("DELETE FROM runs WHERE run_id = 'r2'", "1 texts without their run: r2"),
        ("UPDATE runs SET detail = '{' WHERE run_id = 'r2'", "1 runs with facts that are no JSON: r2"),
        ("UPDATE runs SET notes = '[' WHERE run_id = 'r2'", "1 runs with facts that are no JSON: r2"),
        ("UPDATE bodies SET rest = '' WHERE run_id = 'r1'", "1 runs with texts that are no JSON: r1"),
        ("INSERT INTO turns VALUES ('c', 't1', 0, 'x')", "1 turns that are no JSON: t1"),
    ],
)
def test_each_damage_has_its_line(tmp_path: Path, statement: str, said: str) -> None:
    assert broken(tmp_path, statement) == [said]


def test_a_sound_log_says_so_and_tells_what_died(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", done()) as store:
        store.start(begun(run_id="dead"))
        store.start(begun(run_id="alive", started_at=datetime.now(UTC)))
        findings = check(store)
    assert all(finding.sound for finding in findings)
    said = [finding.what for finding in findings]
    assert "1 runs begun more than an hour ago never ended (their process died): dead" in said
    assert "1 runs begun within the last hour have not ended (under way, or their process died): alive" in said


def test_a_page_overwritten_is_found(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", *(done() for _ in range(200))):
        pass
    with open(tmp_path / "one", "r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096 * 3)
    with RunStore(tmp_path / "one") as store:
        wrong = [finding.what for finding in check(store) if not finding.sound]
    assert any("\n" not in line and line.startswith("the file is damaged: ") and "Page 2" in line for line in wrong)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"no database" * 1000)
    with RunStore(tmp_path / "one") as store, pytest.raises(StoreError, match="no database"):
        check(store)


def test_rows_that_wait_are_counted(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", done()) as store:
        with closing(sqlite3.connect(tmp_path / "one", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            store.finish(done())
            waiting = [finding.what for finding in check(store) if not finding.sound]
        assert waiting == [f"1 rows wait to be written in {tmp_path / 'one.spool.jsonl'}"]
        assert all(finding.sound for finding in check(store))
        assert len(store.frame()) == 2


def test_rows_that_a_killed_process_had_set_aside_are_counted(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", done()) as store:
        with closing(sqlite3.connect(tmp_path / "one", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            store.finish(done())
            (tmp_path / "one.spool.jsonl").rename(tmp_path / "one.spool.jsonl.0.taken")
            waiting = [finding.what for finding in check(store) if not finding.sound]
        assert waiting == [f"1 rows wait to be written in {tmp_path / 'one.spool.jsonl.0.taken'}"]
    with RunStore(tmp_path / "one") as store:
        assert all(finding.sound for finding in check(store))
        assert len(store.frame()) == 2


def test_what_a_server_does_not_take_is_found(postgres: Any) -> None:
    with RunStore(postgres.url(name := postgres.fresh())) as store:
        store.finish(done())
        with store.changing() as connection:
            connection.exec_driver_sql("ALTER TABLE bodies ADD CHECK (answer <> 'odd')")
        store.finish(done(text="odd"))
        store.finish(done())
        (said,) = [finding.what for finding in check(store) if not finding.sound]
        assert said.startswith("0 rows wait to be written; what could not be read, or was refused, is in ")
        assert said.endswith(".spool.damaged")
    postgres.drop(name)


def test_a_log_whose_number_was_deleted_says_so(tmp_path: Path, postgres: Any) -> None:
    for url in (tmp_path / "one", postgres.url(name := postgres.fresh())):
        with RunStore(url) as store:
            store.finish(done())
            with store.changing() as connection:
                connection.exec_driver_sql("DELETE FROM schema_version")
        with RunStore(url) as store, pytest.raises(StoreError, match=r"damaged.*`schema_version` is empty"):
            store.frame()
    postgres.drop(name)


# Backups


def test_a_backup_is_whole_private_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", *(done() for _ in range(20))) as store:
        assert backup(store, tmp_path / "copy") == (tmp_path / "copy").stat().st_size
        assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
        with pytest.raises(SettingsError, match="--force"):
            backup(store, tmp_path / "copy")
        store.finish(done())
        backup(store, tmp_path / "copy", force=True)
        with RunStore(tmp_path / "copy") as copied:
            assert whole(copied) == whole(store)
        with pytest.raises(SettingsError, match="the run log itself"):
            backup(store, tmp_path / "one", force=True)
        with pytest.raises(OSError, match="No such file"):
            backup(store, tmp_path / "nowhere" / "copy")
    with RunStore(tmp_path / "none") as none, pytest.raises(StoreError, match="nothing to back up"):
        backup(none, tmp_path / "never")
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == ["copy", "one"]


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes, and links are for administrators")
def test_a_backup_replaces_backups_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "precious.txt").write_text("mine")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with store_of(tmp_path / "one", done()) as store:
        for name, said in (("pipe", "is no file"), ("precious.txt", "no backup"), (".", "is no file")):
            with pytest.raises(SettingsError, match=said):
                backup(store, tmp_path / name, force=True)
        backup(store, tmp_path / "link", force=True)
        with RunStore(tmp_path / "empty") as copied:
            assert whole(copied) == whole(store)
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "precious.txt").read_text() == "mine"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_a_backup_is_not_put_beside_what_another_log_left(tmp_path: Path, end: str) -> None:
    with store_of(tmp_path / "one", *(done() for _ in range(20))) as store:
        (tmp_path / f"copy{end}").write_bytes(b"")
        with pytest.raises(SettingsError, match=f"copy{end}"):
            backup(store, tmp_path / "copy")
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == [f"copy{end}", "one"]


def test_a_backup_that_is_open_as_a_log_is_not_replaced(tmp_path: Path) -> None:
    with store_of(tmp_path / "one", done()) as store:
        backup(store, tmp_path / "copy")
        with RunStore(tmp_path / "copy") as opened:
            opened.finish(done())
            before = whole(opened)
            store.finish(done())
            with pytest.raises(SettingsError, match="in use as a log"):
                backup(store, tmp_path / "copy", force=True)
        with RunStore(tmp_path / "copy") as copied:
            assert whole(copied) == before
        backup(store, tmp_path / "copy", force=True)
        with RunStore(tmp_path / "copy") as copied:
            assert whole(copied) == whole(store)


def test_a_server_is_backed_up_by_its_own_program_and_no_password_is_shown() -> None:
    said = dump_command("postgresql+psycopg://me:hunter2@db.example:5433/team")
    assert said == "pg_dump --format=custom --file=runs.dump --host=db.example --port=5433 --username=me team"
    assert dump_command("postgresql://db.example/team", "my runs").split(" --host")[0].endswith("'--file=my runs'")


def test_a_log_in_memory_has_no_file_to_back_up(tmp_path: Path) -> None:
    with RunStore(":memory:") as store, pytest.raises(StoreError, match="--copy-to FILE"):
        backup(store, tmp_path / "never")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


WRITE = """
    import sys
    from select import select
    from portkey_nb.engine.store import RunStore
    from tests.engine.runs_of import begun
    with RunStore(sys.argv[1]) as store:
        for at in range(100000):
            run = begun(run_id=f"{sys.argv[2]}-{at:05}")
            store.start(run)
            store.finish(run.with_(status="ok", text=str(at)))
            if at == 20:
                print("going", flush=True)
            if at > 20 and select([sys.stdin], [], [], 0)[0]:
                break
"""


def test_a_backup_while_four_write_is_sound(tmp_path: Path) -> None:
    writers = [python(WRITE, tmp_path / "one", name) for name in "abcd"]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "going\n"
    with RunStore(tmp_path / "one") as store:
        for number in range(3):
            backup(store, tmp_path / f"copy{number}")
    for writer in writers:
        writer.communicate("stop\n", timeout=60)
        assert writer.returncode == 0
    with RunStore(tmp_path / "one") as store:
        everything = whole(store)
    assert not any("spool" in each.name for each in tmp_path.iterdir())
    for number in range(3):
        with RunStore(tmp_path / f"copy{number}") as copied:
            assert all(finding.sound for finding in check(copied))
            found = whole(copied)
        assert len(found) >= 4 * 20
        ended = {run_id: run for run_id, run in found.items() if run.status == "ok"}
        assert len(found) - len(ended) <= 4
        assert all(everything[run_id] == run for run_id, run in ended.items())


# Killed on the way

DELETE = """
    import sys
    from datetime import UTC, datetime
    from portkey_nb.engine.retention import delete_before
    from portkey_nb.engine.store import RunStore
    def told(count):
        if count >= int(sys.argv[2]):
            print("there", flush=True)
            sys.stdin.read()
    delete_before(RunStore(sys.argv[1]), datetime.now(UTC), told)
"""
COPY = """
    import sys
    from portkey_nb.engine.copying import copy
    from portkey_nb.engine.store import RunStore
    def told(copied):
        if copied.seen >= int(sys.argv[3]):
            print("there", flush=True)
            sys.stdin.read()
    copy(RunStore(sys.argv[1]), RunStore(sys.argv[2]), told)
"""


def killed(code: str, *arguments: object) -> None:
    process = python(code, *arguments)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "there\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    process.stdin.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_deletion_that_is_killed_leaves_a_sound_log_and_goes_on(tmp_path: Path) -> None:
    with store_of(tmp_path / "one") as store:
        store.write([(done(), False) for _ in range(1600)])
    killed(DELETE, tmp_path / "one", 500)
    with RunStore(tmp_path / "one") as store:
        assert all(finding.sound for finding in check(store))
        left = len(store.frame(columns=[]))
        assert 0 < left < 1600
        assert delete_before(store, datetime.now(UTC)) == left


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_copy_that_is_killed_leaves_a_sound_log_and_goes_on(tmp_path: Path) -> None:
    with store_of(tmp_path / "one") as source:
        source.write([(done(), False) for _ in range(1000)])
        killed(COPY, tmp_path / "one", tmp_path / "two", 400)
        with RunStore(tmp_path / "two") as target:
            assert all(finding.sound for finding in check(target))
            before = len(target.frame(columns=[]))
            assert 0 < before < 1000
            assert copy(source, target).added == 1000 - before
            assert whole(target) == whole(source)

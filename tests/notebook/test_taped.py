"""``%portkey record`` and ``%portkey replay`` as people type them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

from portkey_nb import errors, runs
from portkey_nb.gateway.taping import is_replaying, taping
from portkey_nb.notebook.commands import find_command

CELL = "What is the capital of France?"


def said(shell: Any, line: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    shell.run_line_magic("portkey", line)
    return capsys.readouterr().out.strip()


def test_a_cell_is_recorded_and_replayed(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(shell, "record run.jsonl", capsys) == "recording into run.jsonl; `%portkey record off` ends it"
    shell.run_cell_magic("portkey", "-m gpt-4o -m demo-fast", CELL)
    assert said(shell, "record", capsys) == "recording into run.jsonl, 2 exchanges so far"
    assert "record   recording into run.jsonl" in said(shell, "status", capsys).replace("record     ", "record   ")
    assert said(shell, "record off", capsys) == "ended: recording into run.jsonl, 2 exchanges"
    # Nobody answers at this address.
    monkeypatch.setenv("PORTKEY_BASE_URL", "http://127.0.0.1:9/v1")
    assert said(shell, "replay run.jsonl", capsys).startswith("replaying run.jsonl (2 exchanges): no network")
    shell.run_cell_magic("portkey", "-m gpt-4o -m demo-fast", CELL)
    assert "Paris" in capsys.readouterr().out
    rows = runs(4, columns="all")
    assert rows["cached"].tolist() == [False, False, True, True]
    assert sorted(rows["cost_usd"][:2]) == sorted(rows["cost_usd"][2:])
    assert said(shell, "replay", capsys) == "replaying run.jsonl, 2 exchanges given so far; the network is not used"
    said(shell, "replay stop", capsys)
    assert said(shell, "replay", capsys).startswith("nothing is recorded or replayed")


def test_after_a_replay_without_a_key_one_is_asked_for_again(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(shell, "record run.jsonl", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    monkeypatch.delenv("PORTKEY_BASE_URL")
    said(shell, "replay run.jsonl", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    assert "Paris" in capsys.readouterr().out
    said(shell, "replay off", capsys)
    with pytest.raises(errors.SettingsError, match="no Portkey key and no base URL"):
        shell.run_cell_magic("portkey", "-m gpt-4o", CELL)


def test_only_the_column_that_was_not_recorded_fails(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(shell, "record run.jsonl", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    said(shell, "replay run.jsonl --pace recorded", capsys)
    with pytest.raises(errors.PortkeyError, match=r"claude-sonnet \(NotRecordedError\)") as failed:
        shell.run_cell_magic("portkey", "-m gpt-4o -m claude-sonnet", CELL)
    assert "\n" not in failed.value.message
    shown = capsys.readouterr().out
    assert "Paris" in shown
    assert "nearest is line 2: model 'gpt-4o' there, 'claude-sonnet' here" in shown
    assert runs(2)["status"].tolist() == ["ok", "error"]


def test_beginning_again_begins_at_the_first_answer_and_a_file_goes_on(
    shell: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said(shell, f'record "{tmp_path}/my run.jsonl"', capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    assert "which holds 1 exchange already" in said(shell, f"record '{tmp_path}/my run.jsonl'", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o --repeat 2", CELL)
    for _ in range(2):
        assert "(3 exchanges)" in said(shell, f"replay '{tmp_path}/my run.jsonl'", capsys)
        shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
        assert "1 exchange given" in said(shell, "replay", capsys)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("replay missing.jsonl", "missing.jsonl is not there; record it first"),
        ("record missing/run.jsonl", "cannot be written"),
        ("replay .", "is a folder"),
        ("record meeting", r"`%portkey record meeting` needs a file, such as `%portkey record meeting.jsonl`"),
        ("replay run.jsonl --pace fast", "does not know '--pace fast'"),
        ("record run.jsonl --pace none", "does not know '--pace none'"),
        ("record --pace none", "needs a file"),
        ("record my run.jsonl", 'more than a file; quote a path with spaces, as in `%portkey record "my run.jsonl"`'),
        ("record a.jsonl b.jsonl", "a prompt of these words is `%portkey -- record a.jsonl b.jsonl`"),
        ("replay run.jsonl off", "more than a file"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(shell: Any, line: str, reason: str) -> None:
    with pytest.raises(errors.PortkeyError, match=reason) as refused:
        shell.run_line_magic("portkey", line)
    assert "\n" not in refused.value.message


def test_a_recording_that_fails_to_begin_changes_nothing(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(shell, "record run.jsonl", capsys)
    with pytest.raises(errors.RecordingError):
        shell.run_line_magic("portkey", "replay missing.jsonl")
    assert said(shell, "record", capsys).startswith("recording into run.jsonl")


@pytest.mark.parametrize(
    "prompt",
    ["record the minutes of the meeting", "replay what happened", "recording run.jsonl", "record json lines"],
)
def test_other_lines_are_prompts(prompt: str) -> None:
    assert find_command(prompt) is None


@pytest.mark.parametrize(("word", "meant"), [("statsu", "status"), ("recrod", "record"), ("run", "runs")])
def test_a_misspelt_subcommand_is_no_prompt(shell: Any, word: str, meant: str) -> None:
    with pytest.raises(errors.PromptError, match=f"no subcommand `{word}`; did you mean `%portkey {meant}`"):
        shell.run_line_magic("portkey", word)
    assert find_command(f"-- {word}") is None
    assert find_command("hello") is None


def test_the_notebook_goes_before_the_settings(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path(".env").write_text("PORTKEY_NB_RECORD=from-file.jsonl\n")
    monkeypatch.setenv("PORTKEY_NB_RECORD", "from-environment.jsonl")
    assert "from-environment.jsonl" in said(shell, "record", capsys)
    monkeypatch.delenv("PORTKEY_NB_RECORD")
    assert "from-file.jsonl" in said(shell, "record", capsys)
    said(shell, "record off", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    assert not Path("from-file.jsonl").exists()


def test_off_gives_way_to_what_the_settings_say(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTKEY_NB_RECORD", "outer.jsonl")
    said(shell, "record inner.jsonl", capsys)
    both = ["recording into inner.jsonl, 0 exchanges so far", "recording into outer.jsonl, 0 exchanges so far"]
    assert said(shell, "record", capsys).splitlines() == both
    status = said(shell, "status", capsys)
    assert [line.split(maxsplit=1)[1] for line in status.splitlines() if line.startswith("record")] == both
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    ended = ["ended: recording into inner.jsonl, 1 exchange", "going on: recording into outer.jsonl, 1 exchange"]
    assert said(shell, "record off", capsys) == f"{ended[0]}\n{ended[1]} so far"
    # Of one notebook the last counts alone: a replay takes the place of the recording before it.
    said(shell, "record inner.jsonl", capsys)
    said(shell, "replay inner.jsonl", capsys)
    assert "going on: recording into outer.jsonl" in said(shell, "replay off", capsys)
    said(shell, "record off", capsys)
    assert said(shell, "record", capsys).startswith("nothing is recorded or replayed")
    # What was switched off stays off.
    said(shell, "record other.jsonl", capsys)
    assert "going on" not in said(shell, "record off", capsys)


@pytest.mark.parametrize("mode", ["record", "replay"])
def test_after_off_a_variable_counts_anew_when_it_names_another_file(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str
) -> None:
    name = f"PORTKEY_NB_{mode.upper()}"
    said(shell, "record one.jsonl", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    said(shell, "record off", capsys)
    Path("two.jsonl").write_bytes(Path("one.jsonl").read_bytes())
    monkeypatch.setenv(name, "one.jsonl")
    ended = said(shell, f"{mode} off", capsys)
    assert ended.startswith("ended: ")
    assert "not used" not in ended
    assert ("to the gateway again" in ended) == (mode == "replay")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")  # the same words, another folder
    assert not is_replaying()
    assert taping() is None
    monkeypatch.chdir(tmp_path)
    assert f"off, though {name} is one.jsonl" in said(shell, "status", capsys)
    monkeypatch.setenv(name, "two.jsonl")
    now = taping()
    assert now is not None
    assert (now.mode, now.path.name) == (mode, "two.jsonl")
    status = said(shell, "status", capsys)
    assert "two.jsonl" in status
    assert "off, though" not in status
    assert "two.jsonl" in said(shell, f"{mode} off", capsys)


def test_one_that_takes_the_place_of_another_says_so(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(shell, "record run.jsonl", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    lines = said(shell, "replay run.jsonl", capsys).splitlines()
    assert lines[0] == "ended: recording into run.jsonl, 1 exchange"
    assert lines[1].startswith("replaying run.jsonl (1 exchange)")
    lines = said(shell, "record other.jsonl", capsys).splitlines()
    assert lines[0] == "ended: replaying run.jsonl, 0 exchanges given"


def test_what_is_off_can_be_switched_off(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("record off", "replay stop"):
        assert said(shell, line, capsys).startswith("nothing is recorded or replayed")


def test_a_recording_that_was_removed_is_said(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(shell, "record run.jsonl", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    Path("run.jsonl").unlink()
    assert "run.jsonl (removed since), 1 exchange so far" in said(shell, "record", capsys)
    shell.run_cell_magic("portkey", "-m gpt-4o", CELL)
    assert said(shell, "record off", capsys) == "ended: recording into run.jsonl, 1 exchange"


def test_tab_offers_files_words_and_paces(shell: Any) -> None:
    Path("run.jsonl").touch()
    Path("notes.txt").touch()
    for line, offered in {
        "%portkey rec": ["record"],
        "%portkey record ": ["off", "run.jsonl"],
        "%portkey replay r": ["run.jsonl"],
        "%portkey replay run.jsonl ": ["--pace"],
        "%portkey replay run.jsonl --pace ": ["none", "recorded"],
    }.items():
        with provisionalcompleter():
            found = [completion.text for completion in shell.Completer.completions(line, len(line))]
        assert found == offered, line

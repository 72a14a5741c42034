"""Which gateway runs on this machine, and what the word ``local`` means."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from portkey_nb.errors import SettingsError
from portkey_nb.gateway.local import running
from portkey_nb.gateway.presence import announced
from portkey_nb.gateway.target import resolve
from tests.gateway.processes import GREETING, WAIT_S, one_line, port_of, python, run_command
from tests.servers import ScriptedServer


def test_running_is_the_gateway_announced_last_that_is_still_there() -> None:
    assert running() is None
    with ScriptedServer(GREETING) as first, ScriptedServer(GREETING) as second:
        with announced(os.getpid(), first.url):
            assert running() == first.url
            with announced(os.getpid(), second.url):
                assert running() == second.url
            assert running() == first.url
        assert running() is None


def test_a_gateway_whose_process_or_port_is_gone_is_not_running() -> None:
    ended = subprocess.Popen(python("pass"))
    ended.wait(WAIT_S)
    with ScriptedServer(GREETING) as server, announced(ended.pid, server.url):
        assert running() is None
        url = server.url
    with announced(os.getpid(), url):
        assert running() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "port": 1, "started_at": 0}', "\udcff"])
def test_a_note_that_cannot_be_read_is_passed_over(text: str, clean_environment: Path) -> None:
    with ScriptedServer(GREETING) as server, announced(os.getpid(), server.url):
        (note,) = clean_environment.rglob(f"{port_of(server.url)}.json")
        note.with_name("1.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        assert running() == server.url


def test_the_word_local_means_the_running_gateway_else_its_usual_port() -> None:
    assert resolve("local", has_key=False).url == "http://127.0.0.1:8787/v1"
    with ScriptedServer(GREETING) as server, announced(os.getpid(), server.url):
        target = resolve("local", has_key=False)
        assert (target.url, target.label, target.kind) == (server.url, server.url, "local")
        assert resolve(url := server.url, has_key=False).kind == "local"
    assert resolve(url, has_key=False).kind == "custom"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:8787/v1", "local"),
        ("http://localhost:8787/v1", "local"),
        ("http://127.0.0.1:8788/v1", "custom"),
        ("http://127.0.0.1/v1", "custom"),
        ("http://gateway.example:8787/v1", "custom"),
        ("https://api.portkey.ai/v1", "hosted"),
    ],
)
def test_the_kind_of_an_address(url: str, kind: str) -> None:
    assert resolve(url, has_key=True).kind == kind


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/v1", "http://127.0.0.1:no/v1", "http://[::1/v1"])
def test_an_address_that_is_none_is_one_line(url: str) -> None:
    with pytest.raises(SettingsError, match="is no address") as caught:
        resolve(url, has_key=True)
    assert url in caught.value.message


def test_a_second_gateway_by_command_says_that_one_runs() -> None:
    with ScriptedServer(GREETING) as server, announced(os.getpid(), server.url):
        done = run_command()
        assert server.url in one_line(done.stderr)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--port N" in done.stderr

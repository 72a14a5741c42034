"""The file of a recording: whatever is in it is read as it was written, or refused in one line that says where."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb import Portkey, ask, errors, replaying, runs
from portkey_nb.gateway.tape import (
    Answer,
    Asked,
    Exchange,
    Failure,
    Row,
    Times,
    as_bytes,
    as_text,
    decoded,
    encoded,
    read,
)
from portkey_nb.gateway.tape_writing import append, begin

HEADER = b'{"portkey_nb_recording":1}\n'
HELLO = Exchange(
    Asked("POST", "/chat/completions", "demo", {"provider": "openai"}, body={"model": "m", "messages": []}),
    Answer(200, {"content-type": "application/json"}, body=msgspec.Raw(b'{"choices":[]}')),
    Times("s", 1.5, None, 0.1, 0.2),
    Row(cost_usd=0.25),
)
LINE = encoded(HELLO) + b"\n"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
seconds = st.floats(0, 1e6)
pieces = st.lists(st.tuples(seconds, st.binary(max_size=40).map(as_text)), max_size=5)
answers = st.one_of(
    st.builds(
        lambda status, headers, body: Answer(status, headers, body=msgspec.Raw(msgspec.json.encode(body))),
        st.integers(100, 599),
        st.dictionaries(texts, texts, max_size=3),
        values,
    ),
    st.builds(lambda data: Answer(502, text=as_text(data)), st.binary(max_size=40)),
    st.builds(
        lambda found, ended: Answer(200, pieces=found, ended=ended), pieces, st.sampled_from(["whole", "closed"])
    ),
    st.builds(lambda says: Answer(failure=Failure("ConnectError", says), ended="broken"), texts),
)
exchanges = st.builds(
    Exchange,
    st.builds(lambda path, gateway, body: Asked("POST", path, gateway, body=body), texts, texts, values),
    answers,
    st.builds(Times, texts, seconds, st.none(), seconds, seconds, st.none() | st.integers(0, 9)),
    st.none() | st.builds(Row, seconds, values, seconds, seconds, seconds),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tapes")


def plain(exchange: Exchange) -> Any:
    """Return an exchange as Python's own JSON sees it, and the bytes of its answer."""
    answer = exchange.answer
    data = [as_bytes(text) for _, text in answer.pieces or ()] or [as_bytes(answer.text)] if answer.text else []
    return json.loads(encoded(exchange)), data


@settings(max_examples=200, deadline=None)
@given(st.lists(exchanges, max_size=4))
def test_any_exchange_is_read_back_as_it_was(folder: Path, written: list[Exchange]) -> None:
    path = folder / "written.jsonl"
    path.unlink(missing_ok=True)
    begin(path)
    for exchange in written:
        append(path, encoded(exchange))
    tape = read(path)
    assert not tape.cut
    assert [plain(line.exchange()) for line in tape.lines] == [plain(exchange) for exchange in written]
    assert [line.number for line in tape.lines] == list(range(2, len(written) + 2))


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda at, new: HEADER + LINE[:at] + new + LINE[at:], st.integers(0, len(LINE)), st.binary(max_size=6)
        ),
        st.builds(lambda first, last: HEADER + LINE[first:last] + LINE, st.integers(0, 200), st.integers(0, 400)),
        st.builds(lambda at: (HEADER + LINE)[:at], st.integers(0, len(HEADER + LINE))),
    )
)
def test_any_bytes_are_a_recording_or_refused_in_one_line(folder: Path, data: bytes) -> None:
    path = folder / "any.jsonl"
    path.write_bytes(data)
    portkey = Portkey(base_url="demo", transport=replaying(path))
    with pytest.raises(errors.PortkeyError) as refused:
        portkey.chat.completions.create(model="none", messages=[{"role": "user", "content": "?"}])
    assert "\n" not in refused.value.message or isinstance(refused.value, errors.APIStatusError)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty; record into it first"),
        (b"\n\n", "is empty"),
        (b"hello", r"is no recording of portkey_nb \(line 1:"),
        (b'{"cells": [], "nbformat": 4}\n', r"is no recording of portkey_nb \(line 1:"),
        (b"[1, 2]\n", r"is no recording of portkey_nb \(line 1:"),
        (LINE.replace(b'"status":200', b'"status":"200"'), "line 1 of .*Expected `int"),
        (HEADER + '{"answer": "é"}\n'.encode("latin-1"), "line 2 of .*: it is not UTF-8 .byte 13: 0xe9.; mend"),
        (HEADER + LINE + LINE.replace(b"openai", b"\xe9"), "line 3 of .*: it is not UTF-8 "),
        (LINE, "has no header; put the line"),
        (b'{"portkey_nb_recording":2}\n' + LINE, r"format 2 \(line 1\), and this version of portkey_nb reads up to 1"),
        (b'{"portkey_nb_recording":"x"}\n' + LINE, "line 1 .* has no version"),
        (
            HEADER + LINE + b"{'request': 1}\n" + LINE,
            "line 3 of .* cannot be replayed: .*; mend the line, or delete it",
        ),
        (HEADER + LINE.replace(b'"status":200', b'"status":"200"'), r"Expected `int \| null`, got `str`.*status"),
        (HEADER + LINE.replace(b'"status":200', b'"status":2000'), "line 2 of .*<= 599"),
        (HEADER + LINE.replace(b'"method":"POST",', b""), "line 2 of .*missing required field `method`"),
        (HEADER + LINE.replace(b'"body":{"choices":[]}', b'"bdy":{}'), "line 2 of .*none of `body`, `text` and"),
        (HEADER + b'{"request":{"method":"a","path":"b"},"answer":{}}\n', "neither `status` nor `failure`"),
        (HEADER + LINE.replace(b'"body":{"choices":[]}', b'"text":{"base64":"%"}'), "line 2 of "),
        (HEADER + b"[" * 100_000 + b"\n", "line 2 of .*cannot be replayed"),
        (HEADER.decode().encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    with pytest.raises(errors.RecordingError) as refused:
        read(path)
    assert re.search(said, refused.value.message), refused.value.message
    assert "\n" not in refused.value.message
    assert str(path) in refused.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + HEADER + LINE,
        (HEADER + LINE).replace(b"\n", b"\r\n"),
        LINE + HEADER,
        HEADER + b"\n\n" + LINE + HEADER,
        HEADER + LINE.rstrip(),
    ],
    ids=["BOM", "CRLF", "reordered", "two headers", "no last line end"],
)
def test_what_editors_leave_behind_is_read(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    (line,) = read(path).lines
    assert plain(line.exchange()) == plain(HELLO)


@pytest.mark.parametrize("keep", [1, 40, len(LINE) - 3])
def test_a_line_that_was_cut_costs_itself_alone(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(HEADER + LINE + LINE[:keep])
    assert (len(read(path).lines), read(path).cut) == (1, [3])
    append(path, LINE.rstrip())
    assert ([line.number for line in read(path).lines], read(path).cut) == ([2, 4], [3])


def test_a_cut_within_a_letter_is_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    line = encoded(msgspec.structs.replace(HELLO, request=Asked("POST", "/x", body={"text": "Größe"})))
    path.write_bytes(HEADER + line[: line.index("ö".encode()) + 1] + b"\n" + LINE)
    assert (len(read(path).lines), read(path).cut) == (1, [2])


def test_what_is_no_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing.jsonl"
    with pytest.raises(errors.RecordingError, match=r"is not there; record it first"):
        read(missing)
    for function in (read, begin):
        with pytest.raises(errors.RecordingError, match=r"is a folder|cannot be written"):
            function(tmp_path)
        with pytest.raises(errors.RecordingError, match=r"is no file|cannot be written"):
            function(Path(os.devnull))
    with pytest.raises(errors.RecordingError, match="cannot be written"):
        begin(missing / "run.jsonl")
    book = tmp_path / "book.ipynb"
    book.write_text('{"cells": []}')
    with pytest.raises(errors.RecordingError):
        begin(book)
    assert book.read_text() == '{"cells": []}'


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(HEADER)
    path.chmod(0)
    with pytest.raises(errors.RecordingError, match="cannot be read"):
        read(path)
    with pytest.raises(errors.RecordingError, match="cannot be written"):
        begin(path)


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    begin(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path).lines == []


WRITER = """
import sys
from pathlib import Path
from portkey_nb.gateway.tape_writing import append
line = b'{"request":{"method":"A","path":"%s"},"answer":{"status":200,"text":"%s"}}'
for number in range(int(sys.argv[3])):
    append(Path(sys.argv[1]), line % (f"{sys.argv[2]}-{number}".encode(), b"x" * 20000))
    print(number, flush=True)
"""


def test_several_processes_and_threads_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    command = [sys.executable, "-c", WRITER, str(path)]
    others = [subprocess.Popen([*command, name, "40"], stdout=subprocess.DEVNULL) for name in "ab"]
    threads = [threading.Thread(target=lambda: [append(path, LINE.rstrip()) for _ in range(40)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    tape = read(path)
    assert len(tape.lines) == 5 * 40
    assert not tape.cut
    assert path.read_bytes().count(b"portkey_nb_recording") == 1
    for name in "ab":
        assert [line.request.path for line in tape.lines if line.request.path.startswith(name)] == [
            f"{name}-{number}" for number in range(40)
        ]


def test_a_kill_leaves_whole_lines_or_one_that_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    killed = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), "a", "100000"], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    for _ in range(20):
        assert killed.stdout.readline()
    killed.kill()
    killed.wait()
    killed.stdout.close()
    append(path, LINE.rstrip())
    tape = read(path)
    assert len(tape.lines) >= 21
    assert len(tape.cut) <= 1
    assert tape.lines[-1].request.path == "/chat/completions"


def test_a_hundred_megabytes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    big = encoded(msgspec.structs.replace(HELLO, answer=Answer(200, text="x" * 1_000_000))) + b"\n"
    with path.open("wb") as file:
        file.write(HEADER)
        for _ in range(100):
            file.write(big)
        file.write(LINE)
    assert len(read(path).lines) == 101


def test_a_replay_of_a_damaged_file_is_a_row_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(HEADER + b"{}\n")
    monkeypatch.setenv("PORTKEY_NB_REPLAY", str(path))
    with pytest.raises(errors.RecordingError, match=r"line 2 of .*missing required field `request`"):
        ask("Hello", model="gpt-4o")
    (error,) = runs()["error"]
    assert "line 2 of" in error


def test_decoding_refuses_what_only_looks_like_an_exchange() -> None:
    for data in (b"1", b"[]", b'"x"', b'{"request":{}}', b'{"answer":{"status":200}}'):
        with pytest.raises(ValueError, match=r"Expected|missing"):
            decoded(data)

"""The file of a recording: JSON Lines, one exchange to a line, written whole and read with the line that is wrong."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from portkey_nb.errors import RecordingError
from portkey_nb.gateway.taping import shown

FORMAT = 1
"""Version of the file's format; a newer one is refused."""
MARK = b'"portkey_nb_recording"'
"""What the first line of a recording holds."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Status = Annotated[int, msgspec.Meta(ge=100, le=599)]


class Bytes(msgspec.Struct, frozen=True):
    """Bytes that are no text."""

    base64: str

    def plain(self) -> bytes:
        """Return the bytes; raise ValueError where there are none."""
        return base64.b64decode(self.base64, validate=True)


Text = str | Bytes


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request, as far as it decides the answer, without its secrets.

    Attributes
    ----------
    method, path : str
        The path below the gateway's base URL, with its query.
    gateway : str
        The gateway's base URL, or the word ``demo``.
    headers : dict
        Name without ``x-portkey-`` -> text; an inline Config as JSON.
    body : JSON value
        Left out where there is none.
    text : str or Bytes
        A body that is no JSON.
    struck : bool
        Whether ``***`` stands in it for a key that another process may not know.
    mark : str
        Tells the virtual keys that it was sent with from others: 16 bits of a hash, from which none is found again.
    """

    method: str
    path: str
    gateway: str = ""
    headers: dict[str, Any] = {}
    body: Any = UNSET
    text: Text | None = None
    mark: str = ""
    struck: bool = False


class Failure(msgspec.Struct, frozen=True):
    """How a connection ended: the name of httpx's error, and its words."""

    kind: str
    says: str = ""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer, or as much of it as came.

    Attributes
    ----------
    status : int or None
        None where no answer began.
    headers : dict
    body : JSON
        The bytes of a whole answer in JSON, as they are.
    text : str or Bytes
        A whole answer that is no JSON.
    pieces : list of pairs
        A streamed answer: seconds since the request was sent, and what came then.
    ended : {"whole", "closed", "broken"}
        Whether it came to its end, was closed on this side before, or broke with ``failure``.
    """

    status: Status | None = None
    headers: dict[str, str] = {}
    body: msgspec.Raw | UnsetType = UNSET
    text: Text | None = None
    pieces: list[tuple[Seconds, Text]] | None = None
    ended: Literal["whole", "closed", "broken"] = "whole"
    failure: Failure | None = None


class Times(msgspec.Struct, frozen=True, omit_defaults=True):
    """When it happened.

    Attributes
    ----------
    session : str
        Whose clock: one recorder of one process.
    sent_at_s : float
        When the request was sent, in seconds of that clock.
    sent : str
        The same as date and time.
    began_s, ended_s : float
        Seconds from there to the answer's headers, and to its last byte.
    repeat : int or None
        Which of several askings of the same it was; they are sent at once, in any order.
    """

    session: str = ""
    sent_at_s: Seconds = 0.0
    sent: datetime | None = None
    began_s: Seconds = 0.0
    ended_s: Seconds = 0.0
    repeat: int | None = None


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the run log said of the call, where it was one that is logged; in US dollars and seconds.

    Without it, cost and times are found anew: from the usage, the date and the pieces.
    """

    cost_usd: Seconds | None = None
    price: Any = None
    ttft_s: Seconds | None = None
    latency_s: Seconds | None = None
    tokens_per_s: Seconds | None = None


class Exchange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a request and its answer."""

    request: Asked
    answer: Answer
    times: Times = Times()
    row: Row | None = None


class _Header(msgspec.Struct):
    portkey_nb_recording: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Exchange).decode
_decode_header = msgspec.json.Decoder(_Header).decode


def encoded(exchange: Exchange) -> bytes:
    """Return an exchange as a line, without its end."""
    # A raw answer may be spread over lines; within JSON's strings no line can end.
    return _encode(exchange).replace(b"\r", b" ").replace(b"\n", b" ")


def decoded(line: bytes) -> Exchange:
    """Read a line.

    Raises
    ------
    ValueError
        When it is no exchange.
    """
    try:
        exchange = _decode(line)
        for text in _texts(exchange):
            text.plain()
        if exchange.answer.pieces is None:
            held = exchange.answer.body is not UNSET, exchange.answer.text is not None
            if exchange.answer.status is not None and not any(held) and exchange.answer.ended == "whole":
                raise ValueError("the answer has none of `body`, `text` and `pieces`")
            if exchange.answer.status is None and exchange.answer.failure is None:
                raise ValueError("the answer has neither `status` nor `failure`")
        return exchange
    except RecursionError:
        reason = "it is nested too deeply"
    raise ValueError(reason)


def _texts(exchange: Exchange) -> list[Bytes]:
    answer = exchange.answer
    found = [exchange.request.text, answer.text, *(text for _, text in answer.pieces or ())]
    return [text for text in found if isinstance(text, Bytes)]


def as_text(data: bytes) -> Text:
    """Return bytes as text where they are UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return Bytes(base64.b64encode(data).decode("ascii"))


def as_bytes(text: Text) -> bytes:
    """Return what :func:`as_text` was given."""
    # Half a surrogate pair can be written in JSON, by hand, and is no character.
    return text.plain() if isinstance(text, Bytes) else text.encode("utf-8", "replace")


@dataclass(frozen=True)
class Line:
    """A line of a recording: its number from 1, its bytes, and what was asked in it."""

    number: int
    data: bytes
    request: Asked
    times: Times

    def exchange(self) -> Exchange:
        """Return all of it."""
        return decoded(self.data)


@dataclass(frozen=True)
class Tape:
    """A recording that was read.

    Attributes
    ----------
    lines : list[Line]
    cut : list[int]
        Numbers of lines that end too early, as those of a process that was killed do.
    """

    lines: list[Line]
    cut: list[int]


def read(path: Path) -> Tape:
    """Read a recording.

    Raises
    ------
    RecordingError
        When it is none, with the number of the line that is wrong.
    """
    tape, headed = Tape([], []), False
    number = 0
    for number, line in enumerate(_lines_of(path), 1):
        data = line.strip(b" \t\r\n")
        if number == 1:
            if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise RecordingError(f"{shown(path)} is not UTF-8 text; save it as UTF-8")
            data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t")
        if not data:
            continue
        if MARK in data[:200] and b'"request"' not in data[:40] and _is_header(path, number, data):
            headed = True
            continue
        try:
            exchange = decoded(data)
        except ValueError as error:
            problem = _told(error, data)
        else:
            tape.lines.append(Line(number, data, exchange.request, exchange.times))
            continue
        if headed and (_is_cut(problem) or (not line.endswith(b"\n") and not isinstance(problem, _WRONG))):
            tape.cut.append(number)
            continue
        raise _wrong(path, number, problem, known=headed or _is_exchange(data))
    if not headed and not tape.lines:
        raise RecordingError(f"{shown(path)} is empty; record into it first (`%portkey record FILE`)")
    if not headed:
        raise RecordingError(
            f'{shown(path)} has no header; put the line {{"portkey_nb_recording": {FORMAT}}} before all others'
        )
    return tape


_WRONG = msgspec.ValidationError
"""JSON that is whole, of another shape."""


def _lines_of(path: Path) -> Iterator[bytes]:
    reason = ""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            what = "a folder" if path.is_dir() else "no file"
            raise RecordingError(f"{shown(path)} is {what}; give the file of a recording, such as run.jsonl")
        with open(path, "rb") as stream:
            yield from stream
            return
    except FileNotFoundError:
        reason = "is not there; record it first (`%portkey record FILE`), or check the path"
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = f"cannot be read ({getattr(error, 'strerror', None) or error}); check the path and the rights to it"
    raise RecordingError(f"{shown(path)} {reason}")


def _is_header(path: Path, number: int, data: bytes) -> bool:
    try:
        version = _decode_header(data).portkey_nb_recording
    except (ValueError, RecursionError) as error:
        if not isinstance(error, _WRONG):
            return False
        reason = f"line {number} of {shown(path)} has no version that can be read ({error}); it should be {FORMAT}"
    else:
        if 1 <= version <= FORMAT:
            return True
        reason = (
            f"{shown(path)} is a recording of format {version} (line {number}), and this version of portkey_nb reads "
            f"up to {FORMAT}; upgrade portkey_nb, or record again"
        )
    raise RecordingError(reason)


def _is_cut(error: ValueError) -> bool:
    return "truncated" in str(error) or (
        isinstance(error, UnicodeDecodeError) and error.reason == "unexpected end of data"
    )


def _told(error: ValueError, data: bytes) -> ValueError:
    """Return what is wrong with a line; letters of another encoding are it before all that is missing."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as found:
        # One text of a line may end within a letter; only where the line does, it was cut.
        return (
            found if _is_cut(found) else ValueError(f"it is not UTF-8 (byte {found.start + 1}: {data[found.start]:#x})")
        )
    return error


def _is_exchange(data: bytes) -> bool:
    """Whether a line, in a file without a header, is meant to be one of a recording."""
    try:
        found = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and not {"request", "answer", "times"}.isdisjoint(found)


def _wrong(path: Path, number: int, error: ValueError, *, known: bool) -> RecordingError:
    said = " ".join(str(error).split())
    if not known:
        return RecordingError(f"{shown(path)} is no recording of portkey_nb (line {number}: {said}); check the path")
    return RecordingError(f"line {number} of {shown(path)} cannot be replayed: {said}; mend the line, or delete it")

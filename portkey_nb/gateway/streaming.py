"""Server-sent events to chunks: bytes in, values out, no I/O.

The reading follows the event stream standard (https://html.spec.whatwg.org/multipage/server-sent-events.html):
lines end with LF, CRLF or CR and with nothing else (U+2028 inside JSON is text), comments are passed over, several
``data`` lines are joined, an event counts when its empty line has come, and a packet may end at any byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from portkey_nb.errors import PortkeyError, StreamIncomplete
from portkey_nb.gateway.answers import body_error, is_error, struck
from portkey_nb.gateway.folding import CompletionBuilder
from portkey_nb.gateway.types import ChatCompletion, ChatCompletionChunk, mend

_decode = msgspec.json.Decoder().decode
_BOM = b"\xef\xbb\xbf"
_DONE = b"[DONE]"
_NUMBERS_BLOCKS = "cohere"
"""A provider whose blocks of content, and tool calls, travel as choices of their own (gateway 1.15.2, whose Cohere
transformer takes the block's index for the choice's). Cohere itself gives one answer, so all are its parts."""
_ORDINARY = frozenset(
    {"id", "object", "created", "model", "provider", "system_fingerprint", "service_tier", "choices", "usage"}
)


class SSEDecoder:
    """Cut a byte stream into the payloads of its events.

    Examples
    --------
    >>> decoder = SSEDecoder()
    >>> decoder.feed(b"data: {}\\r\\n"), decoder.feed(b"\\r\\n: note\\ndata: [DO"), decoder.feed(b"NE]\\n\\n")
    ([], [b'{}'], [b'[DONE]'])
    """

    __slots__ = ("_pieces", "_skip_newline", "_started")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._skip_newline = False
        self._started = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the payloads of the events that they complete."""
        if self._skip_newline and data:
            self._skip_newline = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._skip_newline = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not data:
            return []
        return [payload for event in self._events(data) if (payload := _payload(event)) is not None]

    def _events(self, data: bytes) -> list[bytes]:
        pieces = self._pieces
        if pieces:
            ends = b"\n\n" in data or (data.startswith(b"\n") and pieces[-1].endswith(b"\n"))
            pieces.append(data)
            # What completes nothing is only kept, so that a long event costs no more than its length.
            if not ends and self._started:
                return []
            data = b"".join(pieces)
        if not self._started:
            if len(data) < 3 and _BOM.startswith(data):
                self._pieces = [data]
                return []
            self._started = True
            data = data.removeprefix(_BOM)
        events = data.split(b"\n\n")
        rest = events.pop()
        self._pieces = [rest] if rest else []
        return events

    @property
    def between(self) -> bool:
        """Whether the next byte begins an event."""
        return self._started and not self._pieces and not self._skip_newline

    def take_rest(self) -> bytes:
        """Give away what has come since the last event."""
        rest, self._pieces = b"".join(self._pieces), []
        return rest


def _payload(event: bytes) -> bytes | None:
    """Join the data lines of an event; None where it has none, or none that says anything."""
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:] or None
    lines = []
    for line in event.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines) if any(lines) else None


def decode_object(payload: bytes) -> dict[str, Any] | None:
    """Decode one JSON object; None where the text is no JSON or another value.

    JSON that breaks the standard in ways some servers do (NaN, half of a surrogate pair) is read all the same, half
    pairs becoming U+FFFD.
    """
    try:
        value = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = _whole_characters(json.loads(payload.decode("utf-8", "replace")))
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole_characters(name): _whole_characters(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    return value


def as_chunk(data: dict[str, Any]) -> bytes:
    """Turn a whole completion into the one event of a stream, for gateways that answer a stream request with JSON."""
    choices = [
        {**{k: v for k, v in choice.items() if k != "message"}, "delta": choice.get("message") or {}}
        for choice in mend(data, "message")["choices"]
    ]
    whole = {**data, "object": "chat.completion.chunk", "choices": choices}
    return b"data: " + msgspec.json.encode(whole) + b"\n\n"


class ChunkReader:
    """Turn the bytes of one answer into chunks, and know whether the answer came whole.

    Parameters
    ----------
    headers : mapping
        The answer's headers, lower case; shared by all its chunks.
    secrets : callable, optional
        Returns the texts that no error may repeat; called only when there is an error.

    Attributes
    ----------
    failure : PortkeyError or None
        What the chunks handed out last are followed by.
    done : bool
        Whether ``[DONE]`` has come.
    over : bool
        Whether there is nothing more to be read, for one reason or the other.
    count : int
        How many events have come.
    """

    __slots__ = (
        "_add",
        "_between",
        "_builder",
        "_headers",
        "_one_choice",
        "_secrets",
        "_sse",
        "count",
        "done",
        "failure",
        "over",
    )

    def __init__(self, headers: Mapping[str, str], secrets: Callable[[], Sequence[str]] = tuple) -> None:
        self._headers = headers
        self._secrets = secrets
        self._sse = SSEDecoder()
        self._between = False
        self._one_choice = headers.get("x-portkey-provider") == _NUMBERS_BLOCKS
        self._builder = CompletionBuilder(headers)
        self._add = self._builder.add
        self.count = 0
        self.done = self.over = False
        self.failure: PortkeyError | None = None

    def feed(self, data: bytes) -> list[ChatCompletionChunk]:
        """Return the chunks that these bytes complete; stops at the first failure."""
        if self.over:
            return []
        # Most packets are one event. What decodes as one object between the two ends can be nothing else.
        if self._between and data.startswith(b"data: {") and data.endswith(b"}\n\n"):
            try:
                event = _decode(data[6:-2])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
            else:
                chunk = self._take(event, data)
                return [] if chunk is None else [chunk]
        chunks = []
        for payload in self._sse.feed(data):
            try:
                event = _decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if payload.strip() == _DONE:
                    self.done = self.over = True
                    break
                event = decode_object(payload)
            if (chunk := self._take(event, payload)) is not None:
                chunks.append(chunk)
            if self.over:
                break
        self._between = self._sse.between
        return chunks

    def _take(self, event: Any, payload: bytes) -> ChatCompletionChunk | None:
        """Fold one event; None where it is nothing to hand out."""
        self.count += 1
        try:
            if event.get("error") or ("choices" not in event and is_error(event)):
                self._fail(body_error(event, 200, self._headers, completion=self.completion(), secrets=self._secrets()))
                return None
            mend(event, "delta")
            if self._one_choice:
                for choice in event["choices"]:
                    choice["index"] = 0
            self._add(event)
        except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
            self._fail(self._malformed(payload))
            return None
        if not event["choices"] and not event.get("usage") and _ORDINARY.issuperset(event):
            return None
        return ChatCompletionChunk(event, self._headers)

    def _fail(self, error: PortkeyError) -> None:
        self.failure = error
        self.over = True

    def _malformed(self, payload: bytes) -> StreamIncomplete:
        shown = struck(payload.decode("utf-8", "replace"), self._secrets())[:60]
        return StreamIncomplete(
            f"event {self.count} of the stream is no chat completion chunk: {shown!r}; "
            "what came before it is kept, run again for a whole answer",
            completion=self.completion(),
        )

    def take_rest(self) -> bytes:
        """Give away what has come since the last event."""
        return self._sse.take_rest()

    def completion(self) -> ChatCompletion:
        """Return what has come so far as one completion."""
        return self._builder.completion()

    @property
    def complete(self) -> bool:
        """Whether every choice has its finish reason."""
        return self._builder.complete

    def broken(self, reason: str) -> StreamIncomplete | None:
        """Return the error of a stream that has ended, None where it is complete.

        Parameters
        ----------
        reason : str
            How it ended, to stand in the message.
        """
        if self.complete:
            return None
        return StreamIncomplete(
            f"the stream {reason} before the answer was finished; what came is kept, run again for a whole answer",
            completion=self.completion(),
        )

"""Server-sent events to chunks to one completion: bytes in, values out, no I/O.

The reading follows the event stream standard (https://html.spec.whatwg.org/multipage/server-sent-events.html):
lines end with LF, CRLF or CR and with nothing else (U+2028 inside JSON is text), comments are passed over, several
``data`` lines are joined, an event counts when its empty line has come, and a packet may end at any byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from portkey_nb.errors import PortkeyError, StreamIncomplete
from portkey_nb.gateway.answers import body_error
from portkey_nb.gateway.types import ChatCompletion, ChatCompletionChunk, mend

_decode = msgspec.json.Decoder().decode
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
            if data[:1] == b"\n":
                data = data[1:]
        if b"\r" in data:
            self._skip_newline = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._pieces:
            self._pieces.append(data)
            if b"\n" not in data:
                return []
            data = b"".join(self._pieces)
        if not self._started:
            if len(data) < 3 and b"\xef\xbb\xbf".startswith(data):
                self._pieces = [data] if data else []
                return []
            self._started = True
            data = data.removeprefix(b"\xef\xbb\xbf")
        events = data.split(b"\n\n")
        rest = events.pop()
        self._pieces = [rest] if rest else []
        payloads = []
        for event in events:
            if event.startswith(b"data: ") and b"\n" not in event:
                payloads.append(event[6:])
            elif (payload := _payload(event)) is not None:
                payloads.append(payload)
        return payloads


def _payload(event: bytes) -> bytes | None:
    """Join the data lines of an event; None where it has none."""
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
    except (msgspec.DecodeError, UnicodeDecodeError):
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


class _Growing:
    """One choice of a streamed completion while it grows."""

    __slots__ = ("blocks", "finish_reason", "message", "reasoning", "rest", "text", "tool_calls")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.message: dict[str, Any] = {"role": "assistant", "content": None}
        self.tool_calls: dict[int, dict[str, Any]] = {}
        self.blocks: dict[int, dict[str, Any]] = {}
        self.finish_reason: str | None = None
        self.rest: dict[str, Any] = {}

    def add(self, delta: dict[str, Any]) -> None:
        for name, value in delta.items():
            if name == "content":
                if isinstance(value, str):
                    self.text.append(value)
            elif value is None:
                continue
            elif name == "tool_calls":
                self._add_calls(value)
            elif name == "content_blocks":
                self._add_blocks(value)
            elif name == "reasoning_content" and isinstance(value, str):
                self.reasoning.append(value)
            elif name == "role":
                self.message["role"] = value or "assistant"
            else:
                self.message[name] = _joined(self.message.get(name), value)

    def _add_calls(self, calls: list[Any]) -> None:
        for call in calls:
            if not isinstance(call, dict):
                continue
            # A piece without an index belongs to the latest call, unless it starts a new one with an id of its own.
            last = max(self.tool_calls, default=-1)
            index = call.get("index")
            if not isinstance(index, int):
                index = last + 1 if call.get("id") or last < 0 else last
            known = self.tool_calls.setdefault(index, {"type": "function", "function": {"name": "", "arguments": ""}})
            for name, value in call.items():
                if name == "function" and isinstance(value, dict):
                    for key, piece in value.items():
                        known["function"][key] = _joined(known["function"].get(key), piece)
                elif name != "index" and value is not None:
                    known[name] = value

    def _add_blocks(self, blocks: list[Any]) -> None:
        for block in blocks:
            if not isinstance(block, dict):
                continue
            known = self.blocks.setdefault(int(block.get("index") or 0), {})
            for name, piece in (block.get("delta") or {}).items():
                known[name] = _joined(known.get(name), piece)

    def whole(self, index: int) -> dict[str, Any]:
        message = dict(self.message)
        if self.text:
            message["content"] = "".join(self.text)
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)
        if self.tool_calls:
            message["tool_calls"] = [self.tool_calls[i] for i in sorted(self.tool_calls)]
        if self.blocks:
            message["content_blocks"] = [
                {"type": "thinking" if "thinking" in block else "text", **block}
                for _, block in sorted(self.blocks.items())
            ]
        return {"index": index, "message": message, "finish_reason": self.finish_reason, **self.rest}


def _joined(known: Any, piece: Any) -> Any:
    if isinstance(known, str) and isinstance(piece, str):
        return known + piece
    return known if piece is None else piece


class CompletionBuilder:
    """Fold the chunks of one stream into one completion."""

    __slots__ = ("_choices", "_head", "_headers", "_usage")

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self._choices: dict[int, _Growing] = {}
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None
        self._headers = headers

    def add(self, data: dict[str, Any]) -> None:
        """Take one decoded and mended chunk."""
        if not self._head:
            self._head = {name: value for name, value in data.items() if name not in ("choices", "usage")}
        elif len(data) != len(self._head) + 1 or "usage" in data:
            self._head.update(
                (name, value)
                for name, value in data.items()
                if name not in ("choices", "usage") and not self._head.get(name)
            )
        usage = data.get("usage")
        if usage:
            self._usage = usage
        for choice in data["choices"]:
            growing = self._choices.get(choice["index"])
            if growing is None:
                growing = self._choices[choice["index"]] = _Growing()
            delta = choice["delta"]
            if len(delta) == 1 and isinstance(text := delta.get("content"), str):
                growing.text.append(text)
            elif delta:
                growing.add(delta)
            if choice.get("finish_reason"):
                growing.finish_reason = choice["finish_reason"]
            if choice.get("logprobs"):
                _add_logprobs(growing.rest, choice["logprobs"])

    @property
    def complete(self) -> bool:
        """Whether every choice that was begun has a finish reason, and there is one at least."""
        return bool(self._choices) and all(choice.finish_reason for choice in self._choices.values())

    def completion(self) -> ChatCompletion:
        """Return what has come so far as one completion."""
        data = {
            **self._head,
            "object": "chat.completion",
            "choices": [self._choices[index].whole(index) for index in sorted(self._choices)],
        }
        if self._usage is not None:
            data["usage"] = self._usage
        return ChatCompletion(data, self._headers)


def _add_logprobs(rest: dict[str, Any], piece: dict[str, Any]) -> None:
    known = rest.setdefault("logprobs", {})
    for name, values in piece.items():
        if isinstance(values, list):
            known.setdefault(name, []).extend(values)


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

    Attributes
    ----------
    failure : PortkeyError or None
        What the chunks handed out last are followed by.
    done : bool
        Whether ``[DONE]`` has come.
    """

    __slots__ = ("_builder", "_count", "_headers", "_sse", "done", "failure")

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._sse = SSEDecoder()
        self._builder = CompletionBuilder(headers)
        self._count = 0
        self.done = False
        self.failure: PortkeyError | None = None

    def feed(self, data: bytes) -> list[ChatCompletionChunk]:
        """Return the chunks that these bytes complete; stops at the first failure."""
        chunks = []
        headers, add = self._headers, self._builder.add
        for payload in self._sse.feed(data):
            if self.done or self.failure is not None:
                break
            if payload == b"[DONE]":
                self.done = True
                break
            self._count += 1
            event = decode_object(payload)
            if event is None:
                self.failure = self._malformed(payload)
                break
            if event.get("error"):
                self.failure = body_error(event, 200, headers, completion=self.completion())
                break
            try:
                add(mend(event, "delta"))
            except (TypeError, AttributeError, KeyError, ValueError):
                self.failure = self._malformed(payload)
                break
            if not event["choices"] and not event.get("usage") and _ORDINARY.issuperset(event):
                continue
            chunks.append(ChatCompletionChunk(event, headers))
        return chunks

    def _malformed(self, payload: bytes) -> StreamIncomplete:
        shown = payload[:60].decode("utf-8", "replace")
        return StreamIncomplete(
            f"chunk {self._count} of the stream is no chat completion chunk: {shown!r}; "
            "what came before it is kept, run again for a whole answer",
            completion=self.completion(),
        )

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

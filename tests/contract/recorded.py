"""The recordings, and a second reader for them in plain http.client and json: no client is its own witness."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings"

NO_ANSWERS = {
    "anthropic-cut-long": "what the provider saw of a client that had left; no answer was recorded",
    "openai-cut-long": "what the provider saw of a client that had left; no answer was recorded",
    "openai-nonstream-cut": "the client left before the first byte",
    "cfg-loadbalance-60-counts": "how often which target answered, of 60 calls",
}
"""Files that hold no HTTP answer, and why."""


OF_THE_CONNECTION = {"host", "connection", "content-length", "user-agent", "accept", "accept-encoding"}
"""Headers that belong to the connection and to the program, not to the request."""


@dataclass(frozen=True)
class Recording:
    """One call as it was recorded."""

    name: str
    sent: dict[str, Any]
    upstream: list[dict[str, Any]]
    wire: list[bytes]

    @property
    def params(self) -> dict[str, Any]:
        """The body that was sent; empty where it was no JSON object."""
        return self.sent["body"] if isinstance(self.sent["body"], dict) else {}

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return self.params.get("stream") is True

    @property
    def is_chat(self) -> bool:
        """Whether it is a chat completion request that a client would send."""
        return self.sent["path"] == "/v1/chat/completions" and "messages" in self.params

    @property
    def headers(self) -> dict[str, str]:
        """The headers that were sent, names in lower case."""
        return {name.lower(): value for name, value in self.sent["headers"].items()}


@cache
def recording(name: str) -> Recording:
    """Load one recording."""
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    wire = [piece.encode() for piece in data["client_got"]["wire"]]
    return Recording(name, data["sent_by_client"], data["upstream_saw"], wire)


def names() -> list[str]:
    """Return the names of all files."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def client_options(headers: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the client's options, and further headers, that stand for the headers of a recorded request."""
    options: dict[str, Any] = {"strict_open_ai_compliance": None}
    extra = {}
    for name, value in headers.items():
        if name.startswith("x-portkey-"):
            options[name.removeprefix("x-portkey-").replace("-", "_")] = value
        elif name == "authorization":
            options["Authorization"] = value
        elif name not in OF_THE_CONNECTION | {"content-type"}:
            extra[name] = value
    return options, extra


ANSWERED = [name for name in names() if name not in NO_ANSWERS]


@dataclass
class Said:
    """One choice, as the second reader understood it."""

    text: str | None = None
    finish: str | None = None
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    blocks: dict[int, dict[str, str]] = field(default_factory=dict)

    @property
    def called(self) -> list[tuple[str, str, str]]:
        """Id, name and arguments of each tool call."""
        return [(call["id"], call["name"], call["arguments"]) for _, call in sorted(self.calls.items())]

    @property
    def thoughts(self) -> str | None:
        """What was thought aloud."""
        thought = [block["thinking"] for _, block in sorted(self.blocks.items()) if block.get("thinking")]
        return "\n\n".join(thought) or None

    @property
    def content_blocks(self) -> list[dict[str, str]] | None:
        """The blocks in Portkey's shape for a whole answer."""
        kinds = {"thinking": "thinking", "text": "text"}
        found = [
            {"type": next(kind for key, kind in kinds.items() if key in block), **block}
            for _, block in sorted(self.blocks.items())
        ]
        return found or None


@dataclass
class Told:
    """An answer, as the second reader understood it.

    Attributes
    ----------
    status : int
    headers : dict[str, str]
        Names in lower case.
    body : bytes
        Without the chunks' framing.
    data : object
        The decoded JSON of an answer in one piece; None for a stream, and where it is no JSON.
    events : list
        The decoded events of a stream.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    data: Any = None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def portkey_headers(self) -> dict[str, str]:
        """The ``x-portkey-*`` headers."""
        return {name: value for name, value in self.headers.items() if name.startswith("x-portkey-")}

    @property
    def usage(self) -> dict[str, Any] | None:
        """The last usage that came."""
        found = [each.get("usage") for each in (self.data, *self.events) if isinstance(each, dict)]
        return next((used for used in reversed(found) if used), None)

    @property
    def hook_results(self) -> dict[str, Any] | None:
        """What the guardrails found."""
        found = (each.get("hook_results") for each in (self.data, *self.events) if isinstance(each, dict))
        return next((results for results in found if results), None)

    @property
    def choices(self) -> dict[int, Said]:
        """What each choice said."""
        said: dict[int, Said] = {}
        for each in (self.data, *self.events):
            for choice in (each.get("choices") or ()) if isinstance(each, dict) else ():
                _fold(said.setdefault(choice.get("index", 0), Said()), choice)
        return said

    @property
    def unfinished(self) -> bool:
        """Whether a stream ended before its answer."""
        return any(said.finish is None for said in self.choices.values()) or not self.choices


def _fold(said: Said, choice: dict[str, Any]) -> None:
    part = choice.get("delta") or choice.get("message") or {}
    if part.get("content") is not None:
        said.text = (said.text or "") + part["content"]
    for place, call in enumerate(part.get("tool_calls") or ()):
        known = said.calls.setdefault(call.get("index", place), {"id": "", "name": "", "arguments": ""})
        function = call.get("function") or {}
        known["id"] = known["id"] or call.get("id") or ""
        known["name"] = known["name"] or function.get("name") or ""
        known["arguments"] += function.get("arguments") or ""
    for place, block in enumerate(part.get("content_blocks") or ()):
        grown = said.blocks.setdefault(block.get("index", place), {})
        for name, piece in block.get("delta", block).items():
            if name != "type":
                grown[name] = grown.get(name, "") + piece
    said.finish = choice.get("finish_reason") or said.finish


class _Socket:
    def __init__(self, wire: bytes) -> None:
        self.wire = wire

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self.wire)


def told(wire: bytes, method: str = "POST") -> Told:
    """Read a raw HTTP answer."""
    response = http.client.HTTPResponse(_Socket(wire), method=method)  # type: ignore[arg-type]
    response.begin()
    try:
        body = response.read()
    except http.client.IncompleteRead as cut:
        body = cut.partial
    return understood(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def understood(status: int, headers: dict[str, str], body: bytes) -> Told:
    """Read an answer whose framing is off."""
    answer = Told(status, headers, body)
    if headers.get("content-type", "").startswith("text/event-stream"):
        payloads = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
        answer.events = [json.loads(payload) for payload in payloads if payload != "[DONE]" and payload.endswith("}")]
    else:
        try:
            answer.data = json.loads(body)
        except ValueError:
            answer.data = None
    return answer

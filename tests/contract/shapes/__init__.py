"""How the simulated providers speak: one room for each, all answering the same :class:`Asked`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

TEXT = "Hello from the fake upstream."
PIECES = ("Hel", "lo", " from", " the", " fake", " up", "stream", ".")
THOUGHT = "Let me think"
ARGUMENTS = '{"city":"Paris"}'
CREATED = 1_795_388_501

# Tokens of every answer. Anthropic counts what came from its cache, and went into it, beside the input; Gemini counts
# thoughts beside the output.
INPUT, OUTPUT, CACHED, WRITTEN, REASONED = 12, 8, 4, 2, 3


@dataclass(frozen=True)
class Asked:
    """One request, as far as an answer depends on it.

    Attributes
    ----------
    model : str
        The model's name.
    kind : str
        What the host's fault asks for beside an ordinary answer: ``think``, ``maxtok``, ``stopseq``, ``refusal``,
        ``pause``, ``safety``, ``blocked``, or nothing.
    pieces : tuple of str
        The text, as it is streamed.
    tools : tuple of str
        Names of the tools offered; empty where their result has come already.
    thinking : bool
        Whether thoughts are wanted.
    body : dict
        All of it.
    """

    model: str
    kind: str = ""
    pieces: tuple[str, ...] = PIECES
    tools: tuple[str, ...] = ()
    thinking: bool = False
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


class Shape(Protocol):
    """What each room offers (modules fit it)."""

    STREAM_TYPE: str

    def whole(self, asked: Asked) -> dict[str, Any]:
        """Return an answer in one piece."""

    def events(self, asked: Asked) -> Iterable[bytes]:
        """Yield the pieces of a stream."""

    def error(self, status: int, model: str) -> dict[str, Any]:
        """Return the body of an error answer."""

    def late_error(self) -> bytes:
        """Return what tells of an error in the middle of a stream."""


def event(data: Any, name: str = "") -> bytes:
    """Return a server-sent event; ``data`` is JSON, or bytes as they are."""
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + content + b"\n\n"

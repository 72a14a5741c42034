"""The chunks of a stream folded into one completion as they come; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from portkey_nb.gateway.types import ChatCompletion

_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})


class _Text(list[str]):
    """A text in the pieces in which it came, joined once at the end."""


def _gather(known: dict[str, Any], pieces: dict[str, Any]) -> None:
    """Add what a delta says to what is known: texts grow, lists grow, objects are gathered in turn."""
    for name, piece in pieces.items():
        if isinstance(piece, str):
            text = known.get(name)
            if isinstance(text, _Text):
                text.append(piece)
            else:
                known[name] = _Text((piece,))
        elif isinstance(piece, list):
            if not isinstance(known.get(name), list):
                known[name] = []
            known[name].extend(piece)
        elif isinstance(piece, dict):
            if not isinstance(known.get(name), dict):
                known[name] = {}
            _gather(known[name], piece)
        elif piece is not None or name not in known:
            known[name] = piece


def _settled(value: Any) -> Any:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {name: _settled(item) for name, item in value.items()}
    return value


class _Growing:
    """One choice of a streamed completion while it grows."""

    __slots__ = ("blocks", "finish_reason", "message", "rest", "role", "text", "tool_calls")

    def __init__(self) -> None:
        self.role = "assistant"
        self.text = _Text()
        self.message: dict[str, Any] = {}
        self.tool_calls: dict[int, dict[str, Any]] = {}
        self.blocks: dict[int, dict[str, Any]] = {}
        self.finish_reason: str | None = None
        self.rest: dict[str, Any] = {}

    def add(self, delta: dict[str, Any]) -> None:
        others = {}
        for name, value in delta.items():
            if name == "content" and isinstance(value, str):
                self.text.append(value)
            elif name == "role":
                self.role = value or self.role
            elif name == "tool_calls":
                self._add_calls(value or ())
            elif name == "content_blocks" and isinstance(value, list):
                self._add_blocks(value)
            elif value is not None:
                others[name] = value
        if others:
            _gather(self.message, others)

    def _add_calls(self, calls: Iterable[Any]) -> None:
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
                    called = known["function"]
                    # A name may be said again with each piece; arguments grow.
                    again = value.get("name") == _settled(called["name"])
                    _gather(called, {key: piece for key, piece in value.items() if not (again and key == "name")})
                elif name != "index" and value is not None:
                    known[name] = value

    def _add_blocks(self, blocks: list[Any]) -> None:
        for block in blocks:
            if isinstance(block, dict):
                index = block.get("index")
                known = self.blocks.setdefault(index if isinstance(index, int) else 0, {})
                _gather(known, block.get("delta") or {})

    def whole(self, index: int) -> dict[str, Any]:
        message = {"role": self.role, "content": "".join(self.text) if self.text else None, **_settled(self.message)}
        if self.tool_calls:
            message["tool_calls"] = [_settled(self.tool_calls[i]) for i in sorted(self.tool_calls)]
        if self.blocks:
            message["content_blocks"] = [
                {"type": "thinking" if "thinking" in block else "text", **_settled(block)}
                for _, block in sorted(self.blocks.items())
            ]
        return {"index": index, "message": message, "finish_reason": self.finish_reason, **_settled(self.rest)}


class CompletionBuilder:
    """Fold the chunks of one stream into one completion."""

    __slots__ = ("_choices", "_head", "_headers", "_last", "_length", "_usage")

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self._choices: dict[int, _Growing] = {}
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None
        self._headers = headers
        self._last: dict[str, Any] = {}
        self._length = -1

    def add(self, data: dict[str, Any]) -> None:
        """Take one decoded and mended chunk."""
        if len(data) != self._length:
            self._fill_head(data)
        self._last = data
        if usage := data.get("usage"):
            self._usage = usage
        for choice in data["choices"]:
            growing = self._choices.get(choice["index"])
            if growing is None:
                growing = self._choices[choice["index"]] = _Growing()
            delta = choice["delta"]
            if len(delta) == 1 and (text := delta.get("content")).__class__ is str:
                growing.text.append(text)
            elif delta:
                growing.add(delta)
            if reason := choice.get("finish_reason"):
                growing.finish_reason = reason
            if logprobs := choice.get("logprobs"):
                _gather(growing.rest, {"logprobs": logprobs})
            if not _CHOICE.issuperset(choice):
                growing.rest.update((name, choice[name]) for name in choice.keys() - _CHOICE)

    def _fill_head(self, data: dict[str, Any]) -> None:
        """Take what stands beside the choices; what has come empty may come later."""
        self._length = len(data)
        self._head.update(
            (name, value)
            for name, value in data.items()
            if name not in ("choices", "usage") and not self._head.get(name)
        )

    @property
    def complete(self) -> bool:
        """Whether every choice that was begun has a finish reason, and there is one at least."""
        return bool(self._choices) and all(choice.finish_reason for choice in self._choices.values())

    def completion(self) -> ChatCompletion:
        """Return what has come so far as one completion."""
        self._fill_head(self._last)
        data = {
            **self._head,
            "object": "chat.completion",
            "choices": [self._choices[index].whole(index) for index in sorted(self._choices)],
        }
        if self._usage is not None:
            data["usage"] = self._usage
        return ChatCompletion(data, self._headers)

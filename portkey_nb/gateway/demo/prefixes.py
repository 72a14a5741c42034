"""Prompt caching as Anthropic does it: what stands before a mark is written once and read from then on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.gateway.demo.chance import fingerprint
from portkey_nb.gateway.demo.tokens import count_messages

__all__ = ["Prefixes"]

_REMEMBERED = 256


@dataclass(slots=True)
class Prefixes:
    """The beginnings of prompts that a simulated provider keeps."""

    _known: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def counted(self, model: str, messages: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        """Return the tokens read from the cache and those written to it.

        Parameters
        ----------
        messages : sequence of mapping
            A part with ``cache_control`` ends a beginning that is kept. The real least length of 1024 tokens is left
            out, so that the matter can be seen at work with a short prompt.
        """
        read = longest = 0
        for place in _marks(messages):
            head = messages[: place + 1]
            key, tokens = fingerprint(model, head), count_messages(head)
            if key in self._known:
                read = max(read, tokens)
            self._known[key] = tokens
            self._known.move_to_end(key)
            longest = max(longest, tokens)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return read, max(0, longest - read)


def _marks(messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the places of the messages that hold a mark."""
    marks = []
    for place, message in enumerate(messages):
        content = message.get("content")
        parts = content if isinstance(content, list) else ()
        if any(isinstance(part, Mapping) and part.get("cache_control") for part in parts):
            marks.append(place)
    return marks

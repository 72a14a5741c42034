"""Counting and cutting text into token-like pieces, the same way every time.

This is no provider's tokenizer. A piece is up to six letters of a word with the blank before it, up to three digits,
one mark of punctuation, or a run of white space: about four characters of English, as with the real ones. A message
costs three pieces more than its text and a request three more than its messages, as OpenAI documents for its chats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_PIECE = re.compile(r" ?[^\W\d_]{1,6}| ?\d{1,3}| ?[^\w\s]|_|\s+?(?= \S)|\s+", re.UNICODE)
_PER_MESSAGE = 3
_PER_REQUEST = 3


def pieces(text: str) -> list[str]:
    """Cut a text into token-like pieces; joined they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Return the number of pieces of a text."""
    return len(pieces(text))


def plain_text(content: Any) -> str:
    """Return the text of a message's content, be it a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def count_messages(messages: Sequence[Mapping[str, Any]]) -> int:
    """Return the prompt tokens of a list of messages."""
    return _PER_REQUEST + sum(_PER_MESSAGE + count(plain_text(message.get("content"))) for message in messages)

"""The JSON values in a text that a model wrote: alone, in a fenced block, or with words around them."""

from __future__ import annotations

import json
import re
from typing import Any

MOST_VALUES = 20
"""Values that are tried."""
_EFFORT = 20
"""How many times the text's length may be read in search of values; hostile text would cost its square."""
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*(\w*)\s*")
_OPENING = re.compile(r"[\[{]")


def json_values(text: str) -> list[str]:
    """Return the JSON values in a text as they are written, the likeliest first.

    The text itself where it is JSON, else the blocks between fences that are, and then the objects and lists among the
    words, the largest first.

    Examples
    --------
    >>> json_values('Sure: {"a": [1]} or [2]')
    ['{"a": [1]}', '[2]']
    """
    whole = text.strip().removeprefix("\ufeff").strip()
    if _is_json(whole):
        return [whole]
    found = [block for block in _fenced(whole)[:MOST_VALUES] if _is_json(block)]
    loose = sorted(_among_words(whole), key=len, reverse=True)
    found += [value for value in loose if value not in found]
    return found[:MOST_VALUES]


def _fenced(text: str) -> list[str]:
    """Return what stands between fences, in one pass: a search for each opening's end would cost the square."""
    found: list[str] = []
    fence = ""
    held: list[str] = []
    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line)
        if fence and mark and mark[1] == fence and not mark[2]:
            found.append("\n".join(held).strip())
            fence = ""
        elif not fence and mark:
            fence, held = mark[1], []
        else:
            held.append(line)
    return found


def _is_json(text: str) -> bool:
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _among_words(text: str) -> list[str]:
    found: list[str] = []
    effort = _EFFORT * max(len(text), 1_000)
    opening = _OPENING.search(text)
    while opening is not None and effort > 0:
        start = after = opening.start()
        try:
            _, after = _DECODER.raw_decode(text, start)
            found.append(text[start:after])
            effort -= after - start
        except json.JSONDecodeError as raised:
            effort -= max(raised.pos - start, 1)
        except (ValueError, RecursionError):
            effort -= len(text)
        opening = _OPENING.search(text, max(after, start + 1))
    return found

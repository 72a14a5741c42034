"""What a text says of options, fields and patterns, and in which tone it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from portkey_nb.gateway.demo.findings import words_of
from portkey_nb.gateway.demo.skills.reading_words import BAD, GOOD, NOT

__all__ = ["labelled", "matched", "said_at", "says", "tone"]

_SHORT = {"celsius": r"°\s?c\b", "fahrenheit": r"°\s?f\b", "metric": r"\bcelsius\b|\bkm\b", "imperial": r"\bmiles\b"}


def said_at(text: str, option: Any) -> int | None:
    """Return where a text names an option."""
    if not isinstance(option, (str, int)) or isinstance(option, bool):
        return None
    words = [re.escape(word) for word in re.split(r"[\s_-]+", str(option)) if word]
    if not words:
        return None
    pattern = rf"(?<!\w){'[ _-]?'.join(words)}(?:s|es)?(?!\w)"
    for shape in (pattern, _SHORT.get(str(option).lower())):
        if shape and (found := re.search(shape, text, re.I)):
            return found.start()
    return None


def says(text: str, option: Any) -> bool:
    """Tell whether a text names an option."""
    return said_at(text, option) is not None


def labelled(text: str, name: str) -> str | None:
    """Return the word that stands behind a field's name and a colon or an equals sign."""
    label = r"[\s_-]*".join(map(re.escape, words_of(name)))
    if not label:
        return None
    found = re.search(rf"(?<!\w){label}\s*[:=]\s*(?:\"([^\"\n]+)\"|'([^'\n]+)'|([^\s,;]+(?<![.,;])))", text, re.I)
    return next((part for part in found.groups() if part), None) if found else None


def matched(pattern: str, text: str) -> str | None:
    """Return the first part of a text that a pattern matches, its anchors left aside."""
    if not pattern:
        return None
    bare = pattern.removeprefix("^").removesuffix("$")
    try:
        found = re.search(rf"(?<!\w)(?:{bare})(?!\w)", text)
    except (re.error, RecursionError):
        return None
    return found.group(0) if found and found.group(0) else None


def tone(text: str) -> str:
    """Return whether a text is positive, negative or neutral."""
    words = re.findall(r"[\w']+", text.lower())
    score = sum(_weight(word, words[max(0, place - 2) : place]) for place, word in enumerate(words))
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"


def _weight(word: str, before: Sequence[str]) -> int:
    value = 1 if word in GOOD else -1 if word in BAD else 0
    return -value if any(one in NOT for one in before) else value

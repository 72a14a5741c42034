"""Where the strings of a JSON text stand and what they are called, also while the text is half typed or broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from portkey_nb.gateway.secrecy import names_secret

_STRING = r'"(?:[^"\\\n]|\\.)*(?:"|\\?(?=\n|$))' + "|" + r"'(?:[^'\\\n]|\\.)*(?:'|\\?(?=\n|$))"
# A private key is often pasted with its line breaks, which JSON does not allow.
_ARMOURED = r'"-----BEGIN[^"]*(?:"|$)'
_TOKEN = re.compile(rf"{_ARMOURED}|{_STRING}|[{{}}\[\]:,=]|[^\s{{}}\[\]:,=\"']+")
_BARE = re.compile(r"\s*([^\s,{}\[\]\"'][^\n,}\]]*)")
_WORDS = frozenset(("null", "true", "false", "None", "True", "False"))
# A quote is missing somewhere before, so that names and values cannot be told apart by their quotes.
_LOOSE = re.compile(rf"(?<![\w-])([\w-]+)[\"']?\s*[:=]\s*({_ARMOURED}|{_STRING})")


@dataclass(frozen=True)
class Place:
    """One string of a text.

    Attributes
    ----------
    name : str
        What it is called: the key that it, or the list that it is in, stands under; empty at the top.
    value : str
        The string without its quotes and escapes.
    start, end : int
        Where the text has it, quotes included.
    closed : bool
        Whether it ends with its quote.
    """

    name: str
    value: str = field(repr=False)
    start: int
    end: int
    closed: bool = True


def strings(text: str) -> Iterator[Place]:
    """Yield the strings of a JSON text, and what is typed without quotes under a name that means a secret.

    Examples
    --------
    >>> [(place.name, place.value) for place in strings('{"provider": "openai", "api_key": "sk-1')]
    [('provider', 'openai'), ('api_key', 'sk-1')]
    """
    lists: list[str] = []  # of each open bracket, the name of the strings in it
    name, last, at = "", None, 0
    while match := _TOKEN.search(text, at):
        mark, at = match[0], match.end()
        if mark in (":", "="):
            name, last = (last.value if last is not None else ""), None
            bare = _BARE.match(text, at) if names_secret(name) else None
            if bare is not None and bare[1].strip() not in _WORDS:
                yield Place(name, bare[1].strip(), bare.start(1), bare.start(1) + len(bare[1].rstrip()))
                at = bare.end()
            continue
        if last is not None:  # no colon follows it: a value, not a name
            yield replace(last, name=name)
            last = None
        if mark in ("{", "["):
            lists.append(name if mark == "[" else "")
            name = lists[-1]
        elif mark in ("]", "}", ","):
            if mark != "," and lists:
                lists.pop()
            name = lists[-1] if lists else ""
        elif mark not in _WORDS:
            last = _place(match)
    if last is not None:
        yield replace(last, name=name)


def _place(match: re.Match[str]) -> Place:
    written = match[0]
    quote = written[0] if written[0] in "\"'" else ""
    closed = not quote or (len(written) > 1 and written.endswith(quote))
    inner = written[1 : -1 if closed else None] if quote else written
    try:
        value = str(json.loads(f'"{inner}"', strict=False)) if quote else written
    except ValueError:
        value = inner
    return Place("", value, match.start(), match.end(), closed)


def replaced(text: str, put: Callable[[str, str], str], *, broken: bool) -> str:
    """Return a JSON text in which each string is what ``put(name, value)`` makes of it.

    Parameters
    ----------
    text : str
        JSON, valid or not. What ``put`` leaves as it is stands in the result as it is written.
    put : callable
        Takes name and value of a string.
    broken : bool
        Whether the text is no valid JSON: then what follows a name that means a secret is taken for its value even
        where the quotes say otherwise.
    """
    found = [(place, put(place.name, place.value)) for place in strings(text)]
    text = _written(text, [(place, new) for place, new in found if new != place.value])
    if broken:
        loose = []
        for match in _LOOSE.finditer(text):
            if names_secret(match[1]):
                start, end = match.span(2)
                value = match[2].strip("\"'")
                loose.append((Place(match[1], value, start, end, match[2][-1] in "\"'"), put(match[1], value)))
        text = _written(text, [(place, new) for place, new in loose if new != place.value])
    return text


def _written(text: str, changes: list[tuple[Place, str]]) -> str:
    parts, at = [], 0
    for place, new in changes:
        literal = json.dumps(new, ensure_ascii=False)
        # An open string stays open: whoever is still typing goes on in it.
        parts += [text[at : place.start], literal if place.closed else literal[:-1]]
        at = place.end
    return "".join([*parts, text[at:]])

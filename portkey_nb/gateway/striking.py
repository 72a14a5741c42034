"""No key in a recording: keys that are sent, known or told by their form are struck out of all that is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec

from portkey_nb.gateway.known_keys import byte_form_of, form_of, known_keys
from portkey_nb.gateway.secrecy import HIDDEN, names_secret, revealed, secrets_in, without_login
from portkey_nb.settings import Secret

SHORTEST = 8
"""Letters below which striking a secret out would eat ordinary words."""
_LONG = 16
"""Letters from which a text under a header that we do not know is taken for a secret."""
_WORDS = re.compile(r"[a-z]+([-_ ][a-z]+)*")
"""What servers that want no key are sent in its place: `ollama`, `not-needed`."""
_SCHEME = re.compile(r"(?:bearer|basic|token|api-?key)\s+", re.I)
_TAIL = 8
"""Letters of a secret that are struck out at the end of an answer that broke off within it."""
_SECRET_HEADER = re.compile(r"key|token|secret|auth|pass|cred|cookie|session|signature|account|login|jwt", re.I)
_PLAIN_HEADERS = re.compile(
    r"host|accept(-encoding|-language)?|connection|content-(type|length)|user-agent|transfer-encoding|"
    r"x-stainless-.*|traceparent|tracestate|"
    r"x-portkey-(provider|config|metadata|trace-id|span-.*|parent-span-id|custom-host|forward-headers|"
    r"cache-.*|strict-.*|debug|request-timeout|demo-.*|[\w-]*auth-(type|mode))",
    re.I,
)
_KEY_IN_URL = re.compile(
    r"([?&](?:[\w-]*(?:key|token|secret|signature|password)|sig|pwd|auth|code)=)([^&\s\"'#<>\\]{4,})", re.I
)
_EVENT = re.compile(rb"^data:[ \t]*([\[{].*?)[ \t]*\r?$", re.MULTILINE)
_HINTS = tuple(
    b"key= token= secret= signature= password= sig= pwd= auth= code= \\u00 key virtual authorization password secret "
    b'credential account cookie token"'.split()
)
_HINT = re.compile(
    rb"(?i)(?:key|token|secret|signature|password|sig|pwd|auth|code)=|"
    # A letter that needs no escape, and has one; a text under a name that may be a secret's.
    rb"\\u00[2-7]|(?:key|virtual|authorization|password|secret|credential|account|cookie|[a-z_-]token)"
    rb'[\w-]*\\?"\s*:\s*\\?"'
)
_ORDINARY = ("token",)
"""Names that stand for a secret in a Config, and for something else in requests and answers: a token of a text."""


_stands_for_secret = lru_cache(maxsize=4096)(names_secret)
"""The few names that every event has are looked at once."""


def is_secret_header(name: str) -> bool:
    """Tell whether a header of this name carries a secret."""
    bare = name.lower().removeprefix("x-portkey-")  # which holds a "key" of its own
    return not _PLAIN_HEADERS.fullmatch(name) and (names_secret(bare) or bool(_SECRET_HEADER.search(bare)))


def secrets_of(headers: Mapping[str, str]) -> list[str]:
    """Return the secret texts that a request's headers carry and that are struck out everywhere, longest first.

    What is short, or an ordinary word, is struck out by its place alone: a dummy key must not eat prompts and answers.

    Examples
    --------
    >>> secrets_of({"authorization": "Bearer sk-12345", "x-portkey-config": '{"api_key": "abcdef-1"}'})
    ['Bearer sk-12345', 'abcdef-1', 'sk-12345']
    >>> secrets_of({"authorization": "Bearer ollama"})
    []
    """
    found: set[str] = set()
    for name, value in headers.items():
        plain = str(revealed(value))
        if plain.lstrip().startswith(("{", "[")):
            found.update(_inside(plain))
        if is_secret_header(name) or (isinstance(value, Secret) and name.lower() != "x-portkey-config"):
            found.update((plain, plain.rpartition(" ")[2]))
            found.update(part.partition("=")[2].strip() for part in plain.split(";") if "cookie" in name.lower())
        elif not name.lower().startswith("x-portkey-") and not _PLAIN_HEADERS.fullmatch(name) and len(plain) >= _LONG:
            found.add(plain)
        found.update(match[2] for match in _KEY_IN_URL.finditer(plain))
        found.update(login for match in re.finditer(r"//([^/@\s]*)@", plain) for login in match[1].split(":", 1)[1:])
    return sorted((text for text in found if _is_told(text)), key=lambda t: (-len(t), t))


def striker_for(headers: Mapping[str, str]) -> Striker:
    """Return what strikes out the secrets of a request, and all keys that this process knows."""
    known = {text.strip() for text in known_keys()}
    found = {*secrets_of(headers), *(text for text in known if _is_told(text))}
    return _striker(tuple(sorted(found, key=lambda text: (-len(text), text))))


def is_secret(text: str) -> bool:
    """Tell whether a text may have been struck out as one secret."""
    key = _SCHEME.sub("", text, count=1)
    return not re.search(r"\s", key) and _is_told(text)


def _is_told(text: str) -> bool:
    """Whether a secret is told from ordinary words wherever it stands."""
    key = _SCHEME.sub("", text, count=1) if _SCHEME.match(text) else text
    return len(key) >= _LONG or (len(key) >= SHORTEST and not _WORDS.fullmatch(key))


def _inside(text: str) -> Iterator[str]:
    try:
        yield from secrets_in(json.loads(text))
    except (ValueError, RecursionError):
        return


class Striker:
    """Strikes secrets, and what has the form of a key, out of texts, JSON values and streamed pieces.

    Parameters
    ----------
    secrets : sequence of str
        Longest first.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self.secrets = list(secrets)
        forms = {form for secret in secrets for form in _forms(secret)}
        found = sorted(forms, key=len, reverse=True)
        self._text = re.compile("|".join(map(re.escape, found))) if found else None
        self._bytes = _any_of(found)
        # A bare quote or backslash within JSON is none of a text's: what it begins or ends would be torn.
        torn = {secret for secret in secrets if '"' in secret or "\\" in secret}
        self._in_json = _any_of([form for form in found if form not in torn])

    def text(self, text: str) -> str:
        """Return a text without secrets, nor logins and keys in the URLs that are in it."""
        if self._text is not None:
            text = self._text.sub(HIDDEN, text)
        form = form_of(text)
        return without_keys(text if form is None else form.sub(HIDDEN, text))

    def value(self, value: Any, name: str = "") -> Any:
        """Return a JSON value without secrets, whole: keys of mappings, and texts under names of secrets, as well."""
        if isinstance(value, str):
            if value and name not in _ORDINARY and _stands_for_secret(name):
                return HIDDEN
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, name) for item in value]
        return value

    def whole(self, data: bytes) -> bytes:
        """Return the bytes of an answer without secrets; JSON stays JSON."""
        try:
            decoded = msgspec.json.decode(data)
            struck = self.value(decoded)
            if struck != decoded:
                data = msgspec.json.encode(struck)
        except (ValueError, TypeError, OverflowError, RecursionError):
            data = without_keys(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            return _replaced(data, _spans(self._bytes, data))
        return _replaced(data, _spans(self._in_json, data))

    def pieces(self, pieces: list[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
        """Return the pieces of a stream without secrets, also those that came in several parts."""
        joined = b"".join(data for _, data in pieces)
        form = self._in_json if _EVENT.search(joined) else self._bytes
        struck = _edited(pieces, _spans(form, joined))
        if struck is not pieces:
            joined = b"".join(data for _, data in struck)
        return _edited(struck, self._events(joined)) if self._may_hold_more(joined) else struck

    def _may_hold_more(self, joined: bytes) -> bool:
        """Whether there may be a secret in a stream that is not in its bytes as they are.

        Looking at each text of each event takes longer than all the rest, and next to no stream needs it.
        """
        small = joined.lower()
        if any(hint in small for hint in _HINTS) and _HINT.search(joined):
            return True
        if b"//" in joined and b"@" in joined:
            return True
        folded: dict[tuple[Any, ...], list[str]] = {}
        try:
            for match in _EVENT.finditer(joined):
                if match[1] == b"[DONE]":
                    continue
                for choice in msgspec.json.decode(match[1])["choices"]:
                    _fold(choice["delta"], (choice.get("index"),), folded)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return True  # of another shape
        texts = ["".join(parts) for parts in folded.values()]
        patterns = [(text, pattern) for text in texts for pattern in (self._text, form_of(text)) if pattern is not None]
        return any(pattern.search(text) is not None for text, pattern in patterns) or any(
            _begun(text.encode("utf-8", "replace"), secret.encode()) for text in texts for secret in self.secrets
        )

    def _events(self, joined: bytes) -> list[tuple[int, int, bytes]]:
        """Return what has to be changed in the events of a stream, where a secret is spread over their texts."""
        events: list[tuple[int, int, Any]] = []
        places: dict[tuple[Any, ...], list[tuple[int, list[Any]]]] = {}
        changed: set[int] = set()
        for match in _EVENT.finditer(joined):
            try:
                value = msgspec.json.decode(match[1])
            except (ValueError, RecursionError):
                continue
            struck = self.value(value)
            if struck != value:
                changed.add(len(events))
            for path, holder in _leaves(struck):
                places.setdefault(path, []).append((len(events), holder))
            events.append((match.start(1), match.end(1), struck))
        for leaves in places.values():
            changed.update(self._spread(leaves))
        return [(*events[number][:2], msgspec.json.encode(events[number][2])) for number in sorted(changed)]

    def _spread(self, leaves: list[tuple[int, list[Any]]]) -> set[int]:
        """Strike out what is spread over the texts of one place, and return the events that changed."""
        texts = [(0.0, str(holder[0][holder[1]]).encode("utf-8", "surrogatepass")) for _, holder in leaves]
        joined = b"".join(text for _, text in texts)
        spans = _spans(self._bytes, joined)
        end = spans[-1][1] if spans else 0
        tail = max((_begun(joined[end:], secret.encode()) for secret in self.secrets), default=0)
        if tail:
            spans.append((len(joined) - tail, len(joined), HIDDEN.encode()))
        changed = set()
        for (number, holder), (_, before), (_, after) in zip(leaves, texts, _edited(texts, spans), strict=True):
            if before != after:
                holder[0][holder[1]] = after.decode("utf-8", "surrogatepass")
                changed.add(number)
        return changed


_striker = lru_cache(maxsize=64)(Striker)
"""Requests of one client have the same secrets."""


def without_keys(text: str) -> str:
    """Return a text without the logins and the keys of the URLs in it.

    Examples
    --------
    >>> without_keys("see https://me:pw@host/v1?key=AIza123456&n=2")
    'see https://***@host/v1?key=***&n=2'
    """
    if "=" in text:
        text = _KEY_IN_URL.sub(rf"\g<1>{HIDDEN}", text)
    return without_login(text) if "@" in text else text


def _any_of(forms: list[str]) -> re.Pattern[bytes] | None:
    return re.compile(b"|".join(re.escape(form.encode()) for form in forms)) if forms else None


def _spans(secrets: re.Pattern[bytes] | None, joined: bytes) -> list[tuple[int, int, bytes]]:
    """Return where secrets are, and what has the form of a key, in order; what overlaps is one."""
    patterns = [pattern for pattern in (secrets, byte_form_of(joined)) if pattern is not None]
    found: list[tuple[int, int, bytes]] = []
    for start, end in sorted(match.span() for pattern in patterns for match in pattern.finditer(joined)):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1]), HIDDEN.encode()
        else:
            found.append((start, end, HIDDEN.encode()))
    return found


def _replaced(data: bytes, spans: list[tuple[int, int, bytes]]) -> bytes:
    return _edited([(0.0, data)], spans)[0][1] if spans else data


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it stands in texts, in JSON and in URLs."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    yield quote(secret, safe="")
    yield quote(secret)


def _fold(value: Any, path: tuple[Any, ...], folded: dict[tuple[Any, ...], list[str]]) -> None:
    """Gather the texts of a delta by their places."""
    for name, item in value.items():
        if type(item) is str:
            folded.setdefault((*path, name), []).append(item)
        elif type(item) is dict:
            _fold(item, (*path, name), folded)
        elif type(item) is list:
            for at, part in enumerate(item):
                _fold(part, (*path, name, part.get("index", at)), folded)


def _begun(text: bytes, secret: bytes) -> int:
    """Return how much of a secret a text ends with."""
    longest = min(len(secret) - 1, len(text))
    return next((n for n in range(longest, _TAIL - 1, -1) if text.endswith(secret[:n])), 0)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
    """Yield each text of a JSON value by its place, as what holds it and under which key."""
    items: Iterator[tuple[Any, Any]]
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        # A choice says which one it is; in an event it may stand alone.
        items = ((item.get("index", at) if isinstance(item, dict) else at, item) for at, item in enumerate(value))
    else:
        return
    for at, (key, item) in enumerate(items):
        if isinstance(item, str):
            yield (*path, str(key)), [value, at if isinstance(value, list) else key]
        elif isinstance(item, dict | list):
            yield from _leaves(item, (*path, str(key)))


def _edited(pieces: list[tuple[float, bytes]], edits: list[tuple[int, int, bytes]]) -> list[tuple[float, bytes]]:
    """Replace spans of what the pieces are together; the new bytes go where the old ones began."""
    if not edits:
        return pieces
    found: list[tuple[float, bytes]] = []
    begin, waiting = 0, list(reversed(edits))
    for at, data in pieces:
        end, place, kept = begin + len(data), begin, []
        while waiting and waiting[-1][0] < end:
            start, stop, new = waiting[-1]
            kept.append(data[place - begin : max(start, place) - begin])
            if start >= begin:
                kept.append(new)
            place = max(place, min(stop, end))
            if stop > end:
                break
            waiting.pop()
        kept.append(data[place - begin :])
        found.append((at, b"".join(kept)))
        begin = end
    return found

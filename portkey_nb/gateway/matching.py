"""Which recorded exchange answers a request: by what decides the answer, and by no id, date, port or key."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from portkey_nb.gateway.secrecy import HIDDEN, holds_secret, names_secret, redact, revealed
from portkey_nb.gateway.striking import SHORTEST, Striker, is_secret, is_secret_header
from portkey_nb.gateway.tape import Asked, Line, as_text

_PREFIX = "x-portkey-"
_IGNORED = re.compile(r"trace-id|span-.*|parent-span-id|metadata|debug|forward-headers|demo-speed|cache-.*")
"""``x-portkey-`` headers that decide no answer."""
_FURTHER = ("anthropic-beta", "anthropic-version", "openai-beta")
"""Other headers that do."""
_PORT = re.compile(r"^(https?://(?:127\.0\.0\.1|localhost|\[::1\])):\d+")
_VIRTUAL_KEY = re.compile(r"virtual[-_]?key", re.I)
_IN_METADATA = re.compile(r'"metadata\.([^"]+)"')
_SHOWN = 40
"""Characters of a text that are shown of a difference."""
_MOST_SHOWN = 3
_MOST_COMPARED = 500


@dataclass(frozen=True)
class Sent:
    """A request as a client is about to send it.

    Attributes
    ----------
    path : str
        Below the gateway's base URL.
    gateway : str
        The base URL, or the word ``demo``.
    """

    method: str
    path: str
    gateway: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)


def sent_of(request: httpx.Request, content: bytes) -> Sent:
    """Return a request of another httpx client."""
    gateway, path = place_of(str(request.url))
    return Sent(request.method, path, gateway, dict(request.headers), content)


def asked(sent: Sent, striker: Striker) -> Asked:
    """Return a request as it is recorded: what decides its answer, without secrets.

    Parameters
    ----------
    sent : Sent
    striker : Striker
        Knows the request's secrets.
    """
    kept = {name: striker.value(value) for name, value in _kept(sent.headers)}
    path, gateway = striker.text(sent.path), striker.text(sent.gateway)
    request = Asked(sent.method.upper(), path, gateway, kept, mark=_mark(sent.headers))
    if not sent.content:
        return request
    try:
        body = striker.value(msgspec.json.decode(sent.content))
        msgspec.json.encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return msgspec.structs.replace(request, text=as_text(striker.whole(sent.content)))
    return msgspec.structs.replace(request, body=body)


def asked_anywhere(sent: Sent) -> Asked:
    """Return a request without what any process tells to be a secret: by its form, or by the name that it is under."""
    return asked(sent, _BY_FORM)


_BY_FORM = Striker([])


def struck_again(request: Asked, striker: Striker | None = None) -> Asked:
    """Return a recorded request without secrets that are in it still, as it is of an older version or edited."""
    striker = striker or _BY_FORM
    strike = striker.value
    return msgspec.structs.replace(
        request,
        path=striker.text(request.path),
        headers={name: strike(value) for name, value in request.headers.items()},
        body=strike(request.body),
        text=strike(request.text),
    )


def _kept(headers: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    config: Any = None
    for name, value in headers.items():
        lower, plain = name.lower(), str(revealed(value))
        bare = lower.removeprefix(_PREFIX)
        if lower == f"{_PREFIX}config":
            config = _json(plain)
            yield "config", redact(config)
        elif (bare != lower and not _IGNORED.fullmatch(bare) and not is_secret_header(lower)) or lower in _FURTHER:
            told = _json(plain)
            yield bare, redact(told) if holds_secret(told) else plain
    # A Config may choose by what the metadata say.
    names = set(_IN_METADATA.findall(json.dumps(config))) if isinstance(config, dict) else set()
    told = _json(str(revealed(headers.get(f"{_PREFIX}metadata", "")))) if names else None
    if isinstance(told, dict) and names & set(told):
        yield "metadata", {name: told[name] for name in sorted(names) if name in told}


def _mark(headers: Mapping[str, str]) -> str:
    """Return what tells the virtual keys of a request from others, too short to tell what they are."""
    found = []
    for name, value in headers.items():
        bare = name.lower().removeprefix(_PREFIX)
        if bare in ("config", "virtual-key"):
            found += [(at, item) for at, item in _flat(_json(str(revealed(value))), bare) if _VIRTUAL_KEY.search(at)]
    told = json.dumps(sorted(found, key=str)).encode()
    return hashlib.sha256(b"portkey_nb virtual keys:" + told).hexdigest()[:4] if found else ""


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.lstrip().startswith("{") else text
    except (ValueError, RecursionError):
        return text


def key_of(request: Asked) -> str:
    """Return what is equal for requests that one answer fits; the gateway's address is no part of it."""
    return json.dumps(_parts(request), sort_keys=True, separators=(",", ":"))


def fits(pattern: str, key: str) -> bool:
    """Tell whether a request is a recorded one of which secrets were struck out, both as :func:`key_of` says them.

    Each ``***`` stands for one text that may be a secret, within one text of the request, or for itself.

    Examples
    --------
    >>> fits('{"content":"Is *** mine?"}', '{"content":"Is Vq7-hh81-k2 mine?"}')
    True
    >>> fits('{"content":"Is *** mine?"}', '{"content":"Is this one of mine?"}')
    False
    """
    first, *parts = _STRUCK.split(pattern)
    if not parts or not key.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(parts, 1):
        if number == len(parts):
            end = len(key) - len(part)
            if end < at or not key.endswith(part):
                return False
        elif part and key.startswith(HIDDEN + part, at):
            end = at + len(HIDDEN)
        else:
            end = key.find(part, at + SHORTEST)
            if end < 0:
                return False
        if key[at:end].strip("*") and not _is_one_secret(key[at:end]):
            return False
        at = end + len(part)
    return True


_STRUCK = re.compile(r"(?:\*\*\*)+")


def _is_one_secret(text: str) -> bool:
    try:
        return is_secret(json.loads(f'"{text}"'))
    except ValueError:  # it goes on in the next text
        return False


def _parts(request: Asked) -> dict[str, Any]:
    body = None if request.body is msgspec.UNSET else request.body
    if body is None and request.text is not None:
        body = request.text if isinstance(request.text, str) else request.text.base64
    path = request.path.partition("?")[0].rstrip("/")
    if path.endswith("/feedback"):
        body = _without_ids(body)
    elif isinstance(body, dict):
        body = {name: item for name, item in body.items() if name != "metadata" and (name, item) != ("stream", False)}
    return {
        "method": request.method.upper(),
        "path": path,
        "query": "&".join(sorted(part for part in request.path.partition("?")[2].split("&") if part)),
        "headers": {name: _plain(item, no_keys=True) for name, item in request.headers.items() if item is not None},
        "body": _plain(body),
    }


def _without_ids(body: Any) -> Any:
    """Feedback names the answer that it is on by its trace id, which is another one each time."""
    if isinstance(body, list):
        return [_without_ids(item) for item in body]
    if isinstance(body, dict):
        return {name: item for name, item in body.items() if name not in ("trace_id", "metadata")}
    return body


def _plain(value: Any, *, no_keys: bool = False) -> Any:
    """Return a value in one form: no nulls, whole numbers as such; of options no keys, and no ports of this machine."""
    if isinstance(value, dict):
        return {
            name: _plain(item, no_keys=no_keys)
            for name, item in value.items()
            if item is not None and not (no_keys and names_secret(name))
        }
    if isinstance(value, list):
        return [_plain(item, no_keys=no_keys) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if no_keys and isinstance(value, str):
        return _PORT.sub(r"\1", value)
    return value


def gateway_of(request: Asked) -> str:
    """Return the gateway's address without what differs from day to day."""
    return _PORT.sub(r"\1", request.gateway.rstrip("/"))


def ports_of(request: Asked) -> tuple[str, ...]:
    """Return the addresses with ports of this machine that the options of a request name."""
    texts = sorted((name, item) for name, item in _flat(request.headers) if isinstance(item, str))
    return tuple(found[0] for _, item in texts if (found := _PORT.match(item)))


def place_of(url: str) -> tuple[str, str]:
    """Split a URL into a gateway's base URL and the path below it, for requests that no client of ours has made.

    Examples
    --------
    >>> place_of("https://api.portkey.ai/v1/chat/completions")
    ('https://api.portkey.ai/v1', '/chat/completions')
    """
    parts = urlsplit(url)
    before, version, rest = parts.path.rpartition("/v1/")
    path = f"/{rest}" if version else parts.path
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return f"{host}{before}/v1" if version else host, f"{path}?{parts.query}" if parts.query else path


def nearest(request: Asked, lines: Iterable[Line]) -> tuple[Line, list[str]] | None:
    """Return the recorded request that differs least, and in what, in words; None where nothing is recorded.

    Of a long recording the first 500 are looked at that ask the same model at the same path.

    Examples
    --------
    >>> from portkey_nb.gateway.tape import Times
    >>> there = Line(12, b"", Asked("POST", "/chat/completions", body={"temperature": 0.2}), Times())
    >>> nearest(Asked("POST", "/chat/completions", body={"temperature": 0.7}), [there])[1]
    ['temperature 0.2 there, 0.7 here']
    """
    here = dict(_flat(_parts(request)))
    known = list(lines)
    alike = [line for line in known if _aim(line.request) == _aim(request)] if len(known) > _MOST_COMPARED else []
    best: tuple[float, Line, dict[str, Any], list[str]] | None = None
    for line in (alike or known)[:_MOST_COMPARED]:
        there = dict(_flat(_parts(line.request)))
        names = [name for name in {**there, **here} if there.get(name, _ABSENT) != here.get(name, _ABSENT)]
        if best is not None and len(names) >= best[0] + 1:
            continue  # texts differ by less than one in all
        far = sum(_distance(name, there.get(name, _ABSENT), here.get(name, _ABSENT)) for name in names)
        if best is None or far < best[0]:
            best = far, line, there, names
    if best is None:
        return None
    _, line, there, names = best
    said = [_said(name, there.get(name, _ABSENT), here.get(name, _ABSENT)) for name in names]
    more = len(said) - _MOST_SHOWN
    return line, [*said[:_MOST_SHOWN], f"and {more} more"] if more > 0 else said


def _aim(request: Asked) -> tuple[str, str, Any]:
    body = request.body
    return request.method, request.path, body.get("model") if isinstance(body, dict) else None


_ABSENT = object()


def _distance(name: str, there: Any, here: Any) -> float:
    if name in ("method", "path"):
        return 1000.0
    if isinstance(there, str) and isinstance(here, str):
        return 1 - difflib.SequenceMatcher(None, there[:400], here[:400], autojunk=False).quick_ratio() / 2
    return 1.0


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a request under names as people call them."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            bare = "" if not name and key in ("body", "headers") else f"{name}.{key}" if name else str(key)
            yield from _flat(item, bare)
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _flat(item, f"{name}[{place}]")
    else:
        yield name, value


def _said(name: str, there: Any, here: Any) -> str:
    shown = name or "body"
    if there is _ABSENT:
        return f"no {shown} there, {_value(here)} here"
    if here is _ABSENT:
        return f"{shown} {_value(there)} there, none here"
    if isinstance(there, str) and isinstance(here, str):
        start = next((at for at, pair in enumerate(zip(there, here, strict=False)) if pair[0] != pair[1]), None)
        start = min(len(there), len(here)) if start is None else start
        start = 0 if start <= _SHOWN // 2 else start - _SHOWN // 4
        return f"{shown} {_value(there, start)} there, {_value(here, start)} here"
    return f"{shown} {_value(there)} there, {_value(here)} here"


def _value(value: Any, start: int = 0) -> str:
    if not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    part = value[start : start + _SHOWN]
    before, after = "…" if start else "", "…" if start + _SHOWN < len(value) else ""
    return repr(f"{before}{part}{after}")

"""Which texts are keys although no header says so: those of this process, those seen before, and by their form."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache

from portkey_nb.errors import SettingsError
from portkey_nb.settings import load, variables

_MOST_REMEMBERED = 200
_NAME = re.compile(
    r"(?:key|token|credential)s?(?:_?[0-9]+)?$|(?:^|_)(?:key|token|credential|pwd|pat|jwt|pass)s?(?:_|$)"
    r"|api_?key|access_?key|secret|passw(?:or)?d|passphrase",
    re.I,
)
"""Names of environment variables that hold a key."""
_PLACE = re.compile(r"[~./]|[a-z][a-z0-9+.-]*://", re.I)
"""How the path of a key's file begins, and an address: its login is struck out anyway."""
_FORMS = (
    # OpenAI, Anthropic, OpenRouter, Stripe, Langfuse: with a digit, which tells them from hyphenated words
    r"(?:sk|pk|rk)[-_](?=[\w-]{0,200}?[0-9])[\w-]{16,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
    r"AIza[\w-]{30,}",  # Google
    r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}",
    r"xox[abeoprs]-[\w-]{10,}",  # Slack
    r"hf_[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}",
    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",  # a JSON Web Token
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\w+/=\s\\]{1,20000}-----END [A-Z ]{0,30}PRIVATE KEY-----",
)
_HINTS = (
    *("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "AKIA", "ASIA", "ABIA", "ACCA", "AIza", "glpat-", "github_pat_", "xox"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "hf_", "gsk_", "xai-", "pplx-", "r8_", "eyJ", "-----BEGIN"),
)
"""What each form begins with: most texts have none of it, and are not looked at further."""
_BYTE_HINTS = tuple(hint.encode() for hint in _HINTS)
_ANY = r"(?<![A-Za-z0-9])(?:" + "|".join(_FORMS) + ")"
_TEXT = re.compile(_ANY, re.ASCII)
_BYTES = re.compile(_ANY.encode())

_lock = threading.Lock()
_seen: dict[str, None] = {}


def form_of(text: str) -> re.Pattern[str] | None:
    """Return the pattern of what looks like a key of a known provider; None where the text holds none for sure."""
    return _TEXT if any(hint in text for hint in _HINTS) else None


def byte_form_of(data: bytes) -> re.Pattern[bytes] | None:
    """As :func:`form_of`, for bytes."""
    return _BYTES if any(hint in data for hint in _BYTE_HINTS) else None


def remember(secrets: Iterable[str]) -> None:
    """Note secrets that a request was sent with: they are struck out of what is recorded from now on."""
    with _lock:
        for secret in secrets:
            _seen.pop(secret, None)
            _seen[secret] = None
        while len(_seen) > _MOST_REMEMBERED:
            del _seen[next(iter(_seen))]


def known_keys() -> Iterator[str]:
    """Yield the keys of the environment, of ``.env`` and of the settings, and those that requests were sent with."""
    with _lock:
        yield from list(_seen)
    yield from (value for name, value in variables().items() if _names_key(name) and not _is_place(value))
    try:
        settings = load()
    except SettingsError:  # said where it matters
        return
    yield from (key.reveal() for key in (settings.api_key, settings.virtual_key) if key)


@lru_cache(maxsize=4096)
def _names_key(name: str) -> bool:
    return _NAME.search(name) is not None


def _is_place(value: str) -> bool:
    """Whether it is told where a key is, rather than the key."""
    found = _PLACE.match(value)
    return found is not None and ("://" in found[0] or os.path.exists(os.path.expanduser(value)))

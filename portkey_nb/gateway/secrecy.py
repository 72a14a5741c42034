"""What is secret by its name, and how it is hidden, struck out or sealed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit

from portkey_nb.errors import ConfigError
from portkey_nb.settings import Secret

HIDDEN = "***"
"""What stands for a secret wherever it is shown."""

WEBHOOKS = ("logURL", "webhookURL")
"""What guardrail checks call the addresses to which they send texts."""

_LOGIN = re.compile(r"//[^/@\s]*@")
_SECRET = re.compile(
    r"(api[-_]?key|virtual[-_]?key|authorization|password|secret|credential|private[-_]?key|service[-_]account|cookie|"
    r"(access|auth|session|bearer|refresh)[-_]?token|(?<![a-z])(ad|id)[-_]?token|access[-_]?key|^token$)",
    re.IGNORECASE,
)


class Sealed(Secret):
    """A secret whose very letters are ``***``, so that ``json.dumps`` and the like cannot write it out unnoticed.

    ``.reveal()`` gives it back, and it equals the text it hides.

    Examples
    --------
    >>> import json
    >>> json.dumps([Sealed("sk-1")]), Sealed("sk-1") == "sk-1", Sealed("sk-1").reveal()
    ('["***"]', True, 'sk-1')
    """

    _text: str

    def __new__(cls, text: str) -> Self:
        """Seal a text, also that of what is a secret already."""
        sealed = super().__new__(cls, HIDDEN)
        sealed._text = revealed(text)
        return sealed

    def reveal(self) -> str:
        """Return the secret itself, as a plain string."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._text == revealed(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise ConfigError(
            "this Config holds a key and pickling would write it out in clear; "
            "pickle `config.to_json()`, whose keys are hidden, or `config.to_json(reveal=True)` if you mean to"
        )


def revealed(value: Any) -> Any:
    """Return what a secret hides, as a plain string; anything else as it is."""
    return value.reveal() if hasattr(value, "reveal") else value


def names_secret(name: object) -> bool:
    """Tell whether what stands under this name is a secret.

    Examples
    --------
    >>> names_secret("aws_secret_access_key"), names_secret("max_tokens")
    (True, False)
    """
    return _found(str(name))


@lru_cache(maxsize=4096)
def _found(name: str) -> bool:
    return _SECRET.search(name) is not None


def hidden(value: Any) -> Any:
    """Return a copy in which the text of every key that names a secret shows as dots, and is still sent.

    Examples
    --------
    >>> hidden({"provider": "openai", "api_key": "sk-1"})
    {'provider': 'openai', 'api_key': Secret('***')}
    """
    if isinstance(value, Sealed):
        return Secret(value.reveal())
    if isinstance(value, str):
        return Secret(value) if value.lstrip().startswith("{") else value
    if isinstance(value, Mapping):
        return {
            name: Secret(revealed(item)) if isinstance(item, str) and names_secret(name) else hidden(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hidden(item) for item in value]
    return value


def sealed(value: Any) -> Any:
    """Return a copy of plain data in which the text of every key that names a secret is :class:`Sealed`."""
    if isinstance(value, Mapping):
        return {
            name: Sealed(item) if isinstance(item, str) and names_secret(name) else sealed(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [sealed(item) for item in value]
    return value


def redact(value: Any) -> Any:
    """Return a copy in which the value of every key that names a secret is ``***``, as is a login inside a URL.

    Of the address that a guardrail sends texts to, the host alone is left: its path is often the key.

    Examples
    --------
    >>> redact({"targets": [{"provider": "openai", "api_key": "sk-1"}]})
    {'targets': [{'provider': 'openai', 'api_key': '***'}]}
    >>> redact({"custom_host": "https://me:pw@host/v1", "webhookURL": "https://hooks.example/T0/B1"})
    {'custom_host': 'https://***@host/v1', 'webhookURL': 'https://hooks.example/***'}
    """
    if isinstance(value, Mapping):
        return {name: _redacted(name, item) for name, item in value.items()}
    if isinstance(value, str):
        return without_login(value) if not isinstance(value, Secret) else value
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [redact(item) for item in value]
    return value


def _redacted(name: object, item: Any) -> Any:
    if names_secret(name) and item not in (None, ""):
        return HIDDEN
    if name in WEBHOOKS and isinstance(item, str):
        return host_of(item) + f"/{HIDDEN}"
    return redact(item)


def without_login(text: str) -> str:
    """Return a text without the user names and passwords of the URLs in it."""
    return _LOGIN.sub(f"//{HIDDEN}@", text)


def host_of(url: str) -> str:
    """Return scheme and host of a URL."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else HIDDEN
    except ValueError:
        return HIDDEN


def holds_secret(value: Any) -> bool:
    """Tell whether a mapping holds a secret in clear, under whatever name.

    Examples
    --------
    >>> holds_secret({"targets": [{"api_key": "sk-1"}]}), holds_secret({"api_key": "{{key}}"})
    (True, False)
    """
    return any(secret.strip() and not secret.strip().startswith("{{") for secret in secrets_in(value))


def secrets_in(value: Any) -> Iterable[str]:
    """Yield the secret texts inside a mapping, so that they can be struck out of what others echo."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if names_secret(name) and isinstance(item, str):
                yield str(revealed(item))
            else:
                yield from secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)

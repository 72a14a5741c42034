"""The keys of a Config, kept in the kernel: fields hold placeholders that stand for them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from portkey_nb.errors import ConfigError
from portkey_nb.gateway.secrecy import HIDDEN, WEBHOOKS, host_of, names_secret, revealed
from portkey_nb.notebook.panel.pasted import replaced
from portkey_nb.settings import Secret

_PLACEHOLDER = re.compile(r"\*{3}(\d{1,9})\*{3}")
_LOGIN = re.compile(r"//([^/@\s]+)@")
_UNTAKEN = "***0***"
"""Stands for a key that is being typed wherever a Config is only looked at."""


class Keys:
    """Secrets by number; ``***1***`` in a field stands for the first of them.

    Any thread may ask. Its repr tells how many there are.

    Examples
    --------
    >>> keys = Keys()
    >>> document = keys.taken({"provider": "openai", "api_key": "sk-1"})
    >>> document, keys
    ({'provider': 'openai', 'api_key': '***1***'}, Keys: 1 kept)
    >>> keys.filled(document)["api_key"].reveal()
    'sk-1'
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, Secret] = {}
        self._numbers: dict[Secret, int] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return f"Keys: {len(self)} kept"

    def taken(self, document: Any) -> Any:
        """Return a copy of plain data with placeholders where there are secrets, which are kept from now on."""
        return _mapped(document, self.put)

    def taken_text(self, text: str) -> str:
        """Return a JSON text, valid or not, with placeholders where there are secrets, which are kept from now on."""
        return replaced(text, self.put, broken=_broken(text))

    def waiting(self, text: str) -> bool:
        """Tell whether a JSON text, valid or not, has secrets that are not taken out of it yet."""
        return replaced(text, self._cover, broken=_broken(text)) != text

    def shown(self, document: Any) -> Any:
        """Return a copy of plain data without its secrets, for looking at it; nothing is kept."""
        return _mapped(document, self._cover)

    def filled(self, document: Any) -> Any:
        """Return a copy of plain data with the keys where their placeholders were.

        Raises
        ------
        ConfigError
            As for :meth:`check`.
        """
        self.check(document)
        return _mapped(document, self._fill)

    def check(self, document: Any) -> None:
        """Check that each placeholder is known and stands where a secret does.

        Raises
        ------
        ConfigError
            One line, without any key.
        """
        for name, text in _texts(document):
            self._check(name, text)

    def forget(self, document: Any = None) -> bool:
        """Forget every key that a document, or a text, has no placeholder for, and tell whether there was one."""
        texts = [document] if isinstance(document, str) else [text for _, text in _texts(document)]
        used = {int(number) for text in texts for number in _PLACEHOLDER.findall(text)}
        with self._lock:
            before = len(self._kept)
            self._kept = {number: secret for number, secret in self._kept.items() if number in used}
            self._numbers = {secret: number for number, secret in self._kept.items()}
            return len(self._kept) < before

    def put(self, name: str, value: str) -> str:
        """Return a string as it may stand in a field under this name, its secret being kept.

        Examples
        --------
        >>> keys = Keys()
        >>> keys.put("api_key", "sk-1"), keys.put("provider", "openai")
        ('***1***', 'openai')
        >>> keys.put("custom_host", "https://me:pw@host/v1")
        'https://***2***@host/v1'
        """
        return self._hide(name, value, self._take)

    def _cover(self, name: str, value: str) -> str:
        return self._hide(name, value, lambda _: _UNTAKEN)

    def _hide(self, name: str, value: str, take: Callable[[str], str]) -> str:
        value = str(revealed(value))
        if names_secret(name):
            # What remains of a placeholder is no key: it stays to be seen, and is trouble.
            return value if not value.strip() or _remains(value) else take(value.strip())
        if name in WEBHOOKS and value.strip() and not _PLACEHOLDER.search(value):
            return _address(value, take(value))
        return _LOGIN.sub(
            lambda found: found[0] if _remains(found[1]) else f"//{take(found[1])}@",
            value,
        )

    def _take(self, text: str) -> str:
        # Whoever types on behind a placeholder means the key and what follows it.
        secret = Secret(_PLACEHOLDER.sub(lambda found: self._known(found[0]), text))
        with self._lock:
            if secret not in self._numbers:
                self._last += 1
                self._numbers[secret] = self._last
                self._kept[self._last] = secret
            return f"***{self._numbers[secret]}***"

    def _known(self, placeholder: str) -> str:
        with self._lock:
            found = self._kept.get(int(placeholder.strip("*")))
        return placeholder if found is None else found.reveal()

    def _fill(self, name: str, value: str) -> str:
        if names_secret(name):
            return Secret(_PLACEHOLDER.sub(lambda found: self._known(found[0]), value.strip())) if value else value
        if name in WEBHOOKS and (found := _PLACEHOLDER.search(value)):
            return self._known(found[0])
        return _LOGIN.sub(
            lambda found: f"//{_PLACEHOLDER.sub(lambda number: self._known(number[0]), found[1])}@", value
        )

    def _check(self, name: str, text: str) -> None:
        if HIDDEN not in text:
            return
        secret = names_secret(name)
        here = text if secret or name in WEBHOOKS else "".join(_LOGIN.findall(text))
        for number in _PLACEHOLDER.findall(here):
            held = self._known(f"***{number}***")
            if held == f"***{number}***":
                raise ConfigError(f"`{name}`: no key *** {number} is known here; type it again")
            if secret and HIDDEN in held:
                raise ConfigError(f"`{name}`: the key was typed into what stood for another; type it again")
            if name in WEBHOOKS and text != _address(held, f"***{number}***"):
                raise ConfigError(f"`{name}` was changed beside ***{number}***, which is all of it; type it again")
        if HIDDEN in _PLACEHOLDER.sub("", here):
            raise ConfigError(f"`{name}` holds what remains of a placeholder; type the key again")
        if not here and _PLACEHOLDER.fullmatch(text.strip()):
            raise ConfigError(
                f"`{name}` is {text.strip()}, which stands for a key, and is no place for one; move it to `api_key`"
            )


def _remains(text: str) -> bool:
    """Tell whether a text is a placeholder, or what is left of one that was edited: no key is made of this alone."""
    return HIDDEN in text and not text.strip("*0123456789 \t\r\n")


def _address(url: str, placeholder: str) -> str:
    """Return a placeholder for an address that is secret but for its host."""
    host = host_of(url)
    return placeholder if host == HIDDEN else f"{host}/{placeholder}"


def _broken(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _mapped(value: Any, put: Callable[[str, str], str], name: str = "") -> Any:
    """Return a copy of plain data, each of its strings as ``put(name, string)`` gives it."""
    if isinstance(value, Mapping):
        return {str(key): _mapped(item, put, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, put, name) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and names_secret(name):
        value = str(value)  # a key of digits, whose quotes were forgotten
    return put(name, value) if isinstance(value, str) else value


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, str):
        yield name, value

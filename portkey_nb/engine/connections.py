"""Clients kept between calls, one per gateway and key, so that connections are used again."""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from portkey_nb.engine.loop import submit
from portkey_nb.gateway.client import AsyncPortkey
from portkey_nb.gateway.many import ManyTransport
from portkey_nb.gateway.taping import is_replaying
from portkey_nb.gateway.target import resolve
from portkey_nb.settings import Secret, load

_MOST_CLIENTS = 256
ROUTES = ("provider", "virtual_key", "config")
WORDS = ("demo", "local")
"""Base URLs that are found out."""

_lock = threading.Lock()
_clients: dict[str, AsyncPortkey] = {}


def client_for(base_url: str | None, options: Mapping[str, Any], *, many: bool = False) -> AsyncPortkey:
    """Return a client with these options, on connections that earlier calls may have opened.

    Parameters
    ----------
    base_url : str or None
        As for the client; None takes the settings' own.
    options : mapping
        Client options. Where one of them says where the call goes (provider, virtual key, config), the settings'
        own routes are left out.
    many : bool
        Whether many requests will be under way at once.
    """
    settings = load()
    keys = {name: options[name] for name in ("api_key", "Authorization") if options.get(name)}
    # A client that was made while a replay was on needs no key, which one that asks a gateway does.
    known: list[Any] = [os.getpid(), many, is_replaying()]
    known += [base_url, settings.base_url, settings.provider, settings.config]
    word = (base_url or settings.base_url or "").strip()
    if word in WORDS:
        # What they mean may have moved to another port since.
        known.append(resolve(word, has_key=True).url)
    for secret in (settings.api_key, settings.virtual_key, *keys.values()):
        known.append(secret.reveal() if isinstance(secret, Secret) else secret)
    name = json.dumps(known, default=str)
    with _lock:
        client = _clients.get(name)
        if client is None:
            if not _clients:
                atexit.register(_close)
            client = _clients[name] = AsyncPortkey(
                base_url=base_url, transport=ManyTransport() if many else None, **keys
            )
    chosen = any(options.get(route) for route in ROUTES)
    return client.with_options({**(dict.fromkeys(ROUTES) if chosen else {}), **options})


class Clients:
    """The clients of one batch: settings are read once, and connections are made for many requests at once."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[AsyncPortkey, Mapping[str, Any]]] = {}

    @cached_property
    def prices(self) -> Mapping[str, Mapping[str, float]]:
        """The user's own price table."""
        return load().prices

    @cached_property
    def trace_metadata(self) -> bool:
        """Whether the settings let run id, notebook, cell and group go along as metadata."""
        return load().trace_metadata

    def knows(self, base_url: str | None, options: Mapping[str, Any]) -> bool:
        """Tell whether a client with these options is at hand."""
        return _name(base_url, options) in self._known

    def client_for(self, base_url: str | None, options: Mapping[str, Any]) -> AsyncPortkey:
        """Return a client; parameters as for :func:`client_for`."""
        name = _name(base_url, options)
        if name not in self._known:
            if len(self._known) >= _MOST_CLIENTS:
                self._known.clear()
            # The options are kept beside it, so that no other object can come by the identity of one of them.
            self._known[name] = client_for(base_url, options, many=True), dict(options)
        return self._known[name][0]


def _name(base_url: str | None, options: Mapping[str, Any]) -> Any:
    plain = (str, int, float, type(None))
    return base_url, tuple((key, item if isinstance(item, plain) else id(item)) for key, item in options.items())


def _close() -> None:
    """Close what this process opened, while the background loop still runs."""
    for name, client in _clients.items():
        if json.loads(name)[0] == os.getpid():
            with suppress(Exception):
                submit(client.close()).result(timeout=1)
    _clients.clear()

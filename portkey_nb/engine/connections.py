"""Clients kept between calls, one per gateway and key, so that connections are used again."""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from portkey_nb.engine.loop import submit
from portkey_nb.gateway.client import AsyncPortkey
from portkey_nb.settings import Secret, load

ROUTES = ("provider", "virtual_key", "config")

_lock = threading.Lock()
_clients: dict[str, AsyncPortkey] = {}


def client_for(base_url: str | None, options: Mapping[str, Any]) -> AsyncPortkey:
    """Return a client with these options, on connections that earlier calls may have opened.

    Parameters
    ----------
    base_url : str or None
        As for the client; None takes the settings' own.
    options : mapping
        Client options. Where one of them says where the call goes (provider, virtual key, config), the settings'
        own routes are left out.
    """
    settings = load()
    keys = {name: options[name] for name in ("api_key", "Authorization") if options.get(name)}
    known: list[Any] = [os.getpid(), base_url, settings.base_url, settings.provider, settings.config]
    for secret in (settings.api_key, settings.virtual_key, *keys.values()):
        known.append(secret.reveal() if isinstance(secret, Secret) else secret)
    name = json.dumps(known, default=str)
    with _lock:
        client = _clients.get(name)
        if client is None:
            if not _clients:
                atexit.register(_close)
            client = _clients[name] = AsyncPortkey(base_url=base_url, **keys)
    chosen = any(options.get(route) for route in ROUTES)
    return client.with_options({**(dict.fromkeys(ROUTES) if chosen else {}), **options})


def _close() -> None:
    """Close what this process opened, while the background loop still runs."""
    for name, client in _clients.items():
        if json.loads(name)[0] == os.getpid():
            with suppress(Exception):
                submit(client.close()).result(timeout=1)
    _clients.clear()

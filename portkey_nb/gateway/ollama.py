"""Where Ollama serves on this machine, told to the local gateway, which has no address of its own for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

ADDRESS = "http://127.0.0.1:11434"
"""Ollama's own default (docs/faq of Ollama). The gateway 1.15.2 answers 500 "Failed to parse URL" without one."""


def address() -> str:
    """Return where Ollama serves: what ``OLLAMA_HOST`` says, by which Ollama itself is told, or its default.

    Examples
    --------
    >>> address()
    'http://127.0.0.1:11434'
    """
    said = os.environ.get("OLLAMA_HOST", "").strip()
    try:
        parts = urlsplit(said if "//" in said else f"//{said}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return ADDRESS
    if not host:
        return ADDRESS
    # The address to listen on everywhere is none to go to.
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (it is not listened on here)
    # A scheme brings its own port, as Ollama reads it.
    port = port or {"http": 80, "https": 443}.get(parts.scheme, 11434)
    return f"{parts.scheme or 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def with_address(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return request options that name Ollama's address where they ask for Ollama and name none.

    Parameters
    ----------
    options : mapping
        The client's options; ``provider``, or the targets of an inline ``config``, may be ``ollama``.
    """
    found = dict(options)
    if found.get("custom_host"):
        return found
    if isinstance(found.get("config"), Mapping):
        found["config"] = _addressed(found["config"], found.get("provider"))
    elif found.get("provider") == "ollama":
        found["custom_host"] = address()
    return found


def _addressed(config: Mapping[str, Any], provider: Any) -> Mapping[str, Any]:
    provider = config.get("provider", provider)
    if config.get("custom_host"):
        return config  # inherited by what is inside
    targets = config.get("targets")
    if targets:
        return {**config, "targets": [_addressed(target, provider) for target in targets]}
    return {**config, "custom_host": address()} if provider == "ollama" else config

"""Which models a gateway offers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portkey_nb.engine.connections import client_for
from portkey_nb.errors import SettingsError


@dataclass(frozen=True)
class ModelName:
    """One model that a gateway offers.

    Attributes
    ----------
    name : str
        What requests call it.
    provider : str
        Who serves it, as the gateway says; empty where it does not.
    """

    name: str
    provider: str = ""


async def list_models(base_url: str | None, options: Mapping[str, Any]) -> list[ModelName]:
    """Ask a gateway for its models.

    Parameters
    ----------
    base_url : str or None
        As for the client; None takes the settings' own.
    options : mapping
        Client options; with a provider among them these are that provider's models.

    Returns
    -------
    list of ModelName
        In the gateway's order, without those that have no name.

    Raises
    ------
    SettingsError
        When no gateway can be reached without a key; nothing is sent then.
    AuthenticationError, PermissionDeniedError
        When the key may not list models; ``gateway.hosted.not_allowed`` tells this from a failure.
    PortkeyError
        When the list cannot be had otherwise.

    Examples
    --------
    >>> from portkey_nb.engine.loop import submit
    >>> found = submit(list_models("demo", {})).result()
    >>> ModelName("claude-sonnet", "anthropic") in found
    True
    """
    # Settings are files, and what `local` means is asked of the machine: not on the loop.
    client = await asyncio.to_thread(client_for, base_url, options)
    known = client._options
    if client._target.kind == "hosted" and not (known.get("api_key") or known.get("Authorization")):
        raise SettingsError("no Portkey key: run `%portkey login`, or set PORTKEY_API_KEY")
    found = await client.models.list()
    return [ModelName(str(model.id), str(model.owned_by or "")) for model in found if model.id]


__all__ = ["ModelName", "list_models"]

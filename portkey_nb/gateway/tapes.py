"""Which way a request goes: straight to the gateway, past a recorder, or into a recording that answers it."""

from __future__ import annotations

import threading
from typing import Any

from portkey_nb.gateway.matching import Sent
from portkey_nb.gateway.recording import Recorder, RecordingTransport
from portkey_nb.gateway.replaying import Player, ReplayingTransport
from portkey_nb.gateway.taping import Taping, taping

__all__ = ["Recorder", "RecordingTransport", "ReplayingTransport", "Sent", "inner_way", "needs_no_gateway", "tape_for"]

_lock = threading.Lock()
_open: dict[Taping, Recorder | Player] = {}


def tape_for(transport: Any) -> Recorder | Player | None:
    """Return what records or answers the requests of a client; None where they just go to the gateway.

    Parameters
    ----------
    transport : object
        What the client was given: a transport of ``recording`` or ``replaying`` goes before what is on in the process.

    Raises
    ------
    SettingsError
        When the settings contradict each other.
    """
    if isinstance(transport, RecordingTransport):
        return transport.recorder
    if isinstance(transport, ReplayingTransport):
        return transport.player
    now = taping()
    return None if now is None else opened(now)


def opened(now: Taping) -> Recorder | Player:
    """Return the recorder or player of what is on, made with its first request."""
    with _lock:
        known = _open.get(now)
        if known is None:
            known = Recorder(now.path) if now.mode == "record" else Player(now.path, now.pace)
            _open[now] = known
        return known


def inner_way(transport: Any) -> Any:
    """Return what a client opens for its connections: the transport without its recorder."""
    if isinstance(transport, RecordingTransport):
        return transport.inner
    return None if isinstance(transport, ReplayingTransport) else transport


def needs_no_gateway(transport: Any) -> bool:
    """Whether all requests of a client are answered from a recording."""
    if isinstance(transport, RecordingTransport):
        return False
    now = taping()
    return isinstance(transport, ReplayingTransport) or (now is not None and now.mode == "replay")

"""Which way a request goes: straight to the gateway, past a recorder, or into a recording that answers it."""

from __future__ import annotations

import os
import threading
from typing import Any

from portkey_nb.gateway.matching import Sent
from portkey_nb.gateway.recording import Recorder, RecordingTransport
from portkey_nb.gateway.replaying import Player, ReplayingTransport
from portkey_nb.gateway.taping import Mode, Taping, switch, taping

__all__ = ["Recorder", "Sent", "inner_way", "needs_no_gateway", "opened", "put_in", "take_out", "tape_for"]

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


def put_in(mode: Mode, path: str | os.PathLike[str], pace: str | None = None) -> tuple[Recorder | Player, int]:
    """Record or replay from now on in this process, whatever the settings say.

    Returns
    -------
    Recorder or Player
    int
        How many exchanges are in the file.

    Raises
    ------
    RecordingError
        When the file cannot be used; all stays as it was then.
    SettingsError
        When the pace is none.
    """
    tape: Recorder | Player = Recorder(path) if mode == "record" else Player(path, pace)
    held = tape.begin() if isinstance(tape, Recorder) else tape.load()
    now = switch(mode, tape.path, pace)
    with _lock:
        if now is not None:
            _open[now] = tape
    return tape, held


def take_out() -> None:
    """Neither record nor replay from now on in this process, whatever the settings say."""
    switch("off")


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

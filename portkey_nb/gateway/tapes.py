"""Which way a client's request goes: straight to the gateway, past recorders, or into a recording that answers it."""

from __future__ import annotations

import os
from typing import Any

from portkey_nb.gateway.matching import Sent
from portkey_nb.gateway.nesting import Tape, keep_open, nested, on, opened
from portkey_nb.gateway.record_transport import RecordingTransport
from portkey_nb.gateway.recording import Recorder
from portkey_nb.gateway.replaying import Player, ReplayingTransport
from portkey_nb.gateway.taping import Mode, absolute, checked_pace, is_replaying, switch_off, switch_on, tapings

__all__ = ["Recorder", "Sent", "has_tape", "inner_way", "needs_no_gateway", "opened", "put_in", "take_out", "tape_for"]


def tape_for(transport: Any) -> Tape | None:
    """Return what records or answers the requests of a client; None where they just go to the gateway.

    Tapes nest, a client's own inside the notebook's inside that of the settings: each recorder writes down what comes,
    and the innermost replay answers, so that nothing is sent while one is on.

    Parameters
    ----------
    transport : object
        What the client was given.

    Raises
    ------
    SettingsError
        When the settings contradict each other.
    """
    if isinstance(transport, RecordingTransport):
        return nested(transport.recorder)
    if isinstance(transport, ReplayingTransport):
        return transport.player
    return on()


def put_in(mode: Mode, path: str | os.PathLike[str], pace: str | None = None) -> tuple[Recorder | Player, int]:
    """Record or replay from now on in this process, inside of what the settings say.

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
    tape: Recorder | Player
    if mode == "record":
        tape = _recorder(path)
        held = tape.begin()
    else:
        tape = Player(path, checked_pace(pace))
        held = tape.load()
    keep_open(switch_on(mode, absolute(path), pace), tape)
    return tape, held


def _recorder(path: str | os.PathLike[str]) -> Recorder:
    """Return a recorder; that of the settings, where it is of the same file."""
    fresh = Recorder(path)
    known = [opened(each) for each in tapings() if each.mode == "record"]
    return next((tape for tape in known if isinstance(tape, Recorder) and tape.place == fresh.place), fresh)


def take_out() -> None:
    """End what :func:`put_in` began, so that what the settings say counts alone; without it, end that too."""
    switch_off()


def has_tape(transport: Any) -> bool:
    """Whether a client records or replays by itself, whatever is on in the process."""
    return isinstance(transport, RecordingTransport | ReplayingTransport)


def inner_way(transport: Any) -> Any:
    """Return what a client opens for its connections: the transport without its recorder."""
    if isinstance(transport, RecordingTransport):
        return transport.inner
    return None if isinstance(transport, ReplayingTransport) else transport


def needs_no_gateway(transport: Any) -> bool:
    """Whether all requests of a client are answered from a recording."""
    return isinstance(transport, ReplayingTransport) or is_replaying()

"""Tapes inside of tapes: each recorder on the way out writes a request down, and the first replay answers it."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import httpx

from portkey_nb.gateway.matching import Sent
from portkey_nb.gateway.recording import Recorder
from portkey_nb.gateway.replaying import Player
from portkey_nb.gateway.taping import Taping, tapings

_lock = threading.Lock()
_open: dict[Taping, Recorder | Player] = {}


@dataclass(frozen=True)
class Nested:
    """Recorders inside of each other, and maybe of a replay.

    Attributes
    ----------
    recorders : tuple of Recorder
        The innermost first.
    player : Player or None
        Answers in place of the gateway.
    """

    recorders: tuple[Recorder, ...]
    player: Player | None

    def send(self, sent: Sent, go: Callable[[], httpx.Response]) -> httpx.Response:
        """Let a blocking client send a request, or answer it; each recorder writes down what comes."""
        way = go if self.player is None else partial(self.player.send, sent)
        for recorder in reversed(self.recorders):
            way = partial(recorder.send, sent, way)
        return way()

    async def asend(self, sent: Sent, go: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """As :meth:`send`, for an asynchronous client."""
        way = go if self.player is None else partial(self.player.asend, sent)
        for recorder in reversed(self.recorders):
            way = partial(recorder.asend, sent, way)
        return await way()

    def pause(self, delay_s: float) -> float:
        """Return how long a pause between two attempts really is."""
        return delay_s if self.player is None else self.player.pause(delay_s)


Tape = Recorder | Player | Nested


def opened(now: Taping) -> Recorder | Player:
    """Return the recorder or player of what is on, made with its first request."""
    with _lock:
        known = _open.get(now)
        if known is None:
            known = Recorder(now.path) if now.mode == "record" else Player(now.path, now.pace)
            _open[now] = known
        return known


def keep_open(now: Taping, tape: Recorder | Player) -> None:
    """Let what is on go on with a recorder or player that is there already."""
    with _lock:
        _open[now] = tape


def nested(tape: Recorder | Player) -> Tape:
    """Return what a client's own recorder or player comes to, inside of what is on in the process.

    Raises
    ------
    SettingsError
        When the settings contradict each other.
    """
    return tape if isinstance(tape, Player) else _stacked(tape, *map(opened, tapings()))


def on() -> Tape | None:
    """Return what is on in the process; None where requests just go to the gateway.

    Raises
    ------
    SettingsError
        When the settings contradict each other.
    """
    found = tapings()
    return _stacked(*map(opened, found)) if found else None


def _stacked(*tapes: Recorder | Player) -> Tape:
    """Return tapes as one, the innermost first; what lies behind a replay is not reached."""
    recorders: list[Recorder] = []
    for tape in tapes:
        # A file is written once, by the outermost recorder of it; one that is replayed holds the answers already.
        recorders = [recorder for recorder in recorders if recorder.place != tape.place]
        if isinstance(tape, Player):
            return Nested(tuple(recorders), tape) if recorders else tape
        recorders.append(tape)
    return recorders[0] if len(recorders) == 1 else Nested(tuple(recorders), None)

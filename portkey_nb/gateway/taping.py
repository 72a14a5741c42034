"""Whether this process records its requests or replays them: as the notebook says, inside what the settings say."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from portkey_nb.errors import SettingsError
from portkey_nb.settings import ENVIRONMENT, load

Mode = Literal["record", "replay"]
Pace = Literal["recorded", "none"]
PACES = ("recorded", "none")
PLACEHOLDER = "http://demo.invalid/v1"
"""Where the demo gateway would be while a replay answers in its place: nowhere (RFC 2606)."""

PLAYED = "portkey_nb.played"
"""The extension of an answer that comes from a recording: no server can set it, as it could a header."""

_FILES_READ_S = 1.0
"""Seconds for which ``.env`` and the settings files are not read anew; the environment itself is, each time."""
_FOLDER_READ_S = 0.02
"""Seconds for which the working folder counts as the same while nothing is on: many requests at once ask for it."""
_VARIABLES = tuple(ENVIRONMENT[name] for name in ("record", "replay", "replay_pace"))


@dataclass(frozen=True)
class Taping:
    """What is on.

    Attributes
    ----------
    mode : {"record", "replay"}
    path : pathlib.Path
        The recording, absolute.
    pace : {"recorded", "none"}
        Whether what is replayed takes as long as it took.
    turn : int
        Grows with each time that the notebook says so: a replay that is begun again begins at its first answer.
    """

    mode: Mode
    path: Path
    pace: Pace = "none"
    turn: int = 0


@dataclass
class _Switch:
    """What the notebook said, and what the settings were found to say."""

    said: Taping | None = None
    off: tuple[str | None, ...] = ()
    """The files that the settings named when the notebook switched that off."""
    turn: int = 0
    known: tuple[Any, ...] | None = None
    found: Taping | None = None
    named: tuple[str | None, ...] = (None, None)
    """The files that the settings name, as they are written there: to record into, and to replay."""
    until: float = 0.0
    folder: str | None = None
    """The working folder, whose ``.env`` counts, and when it was looked at."""
    looked: float = 0.0


_switch = _Switch()


def tapings() -> tuple[Taping, ...]:
    """Return what is on now, the notebook's own before that of the settings, which it is inside of.

    Raises
    ------
    SettingsError
        When the settings ask for both, or for a pace that is none.
    """
    own = () if _switch.said is None else (_switch.said,)
    found = _set()
    if _switch.off and _switch.off != _switch.named:
        _switch.off = ()  # what was set since counts
    if _switch.off:
        found = None
    return own if found is None else (*own, found)


def taping() -> Taping | None:
    """Return what is on now, the innermost; None where requests just go to the gateway.

    Raises
    ------
    SettingsError
        As :func:`tapings`.
    """
    return next(iter(tapings()), None)


def switched_off() -> Taping | None:
    """Return what the settings say and the notebook switched off; None where all that they say counts."""
    tapings()
    return _switch.found if _switch.off else None


def _set() -> Taping | None:
    """Return what the settings say."""
    now = time.monotonic()
    if now > _switch.looked + _FOLDER_READ_S or _switch.found is not None:
        _switch.folder, _switch.looked = _folder(), now
    known = (*map(os.environ.get, _VARIABLES), _switch.folder)
    if known != _switch.known or now > _switch.until:
        _switch.found = _from_settings()
        _switch.known, _switch.until = known, time.monotonic() + _FILES_READ_S
    return _switch.found


def is_replaying() -> bool:
    """Whether answers come from a recording, so that no gateway is needed."""
    return any(each.mode == "replay" for each in tapings())


def switch_on(mode: Mode, path: Path, pace: str | None = None) -> Taping:
    """Record or replay from now on in this process, in place of what the notebook said before.

    Raises
    ------
    SettingsError
        When the pace is none that is known.
    """
    _switch.turn += 1
    _switch.said = Taping(mode, path, checked_pace(pace), _switch.turn)
    return _switch.said


def switch_off() -> None:
    """End what the notebook began; where it began nothing, what the settings say, until they name another file."""
    if _switch.said is None and _set() is not None:
        _switch.off = _switch.named
    _switch.said = None


def follow_settings() -> None:
    """Forget what the notebook said: the settings count again."""
    _switch.said = _switch.known = None
    _switch.off, _switch.looked = (), 0.0


def checked_pace(pace: str | None) -> Pace:
    """Return a pace that is known, ``none`` by default."""
    if pace in (None, ""):
        return "none"
    if pace not in PACES:
        raise SettingsError(f"the pace of a replay is {pace!r}; give `recorded`, or `none` for no waiting at all")
    return cast(Pace, pace)


def _from_settings() -> Taping | None:
    settings = load()
    _switch.named = settings.record, settings.replay
    if settings.record and settings.replay:
        record, replay, _ = _VARIABLES
        raise SettingsError(
            f"{record} ({settings.record!r}) and {replay} ({settings.replay!r}) are both set; unset one of them"
        )
    if settings.record:
        return Taping("record", absolute(settings.record))
    if settings.replay:
        return Taping("replay", absolute(settings.replay), checked_pace(settings.replay_pace))
    return None


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return a path that stays the same wherever the process goes."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def shown(path: Path) -> str:
    """Return a path as people write it: from the working folder or the home folder on."""
    for folder, before in ((_folder(), ""), (os.path.expanduser("~"), "~/")):
        if folder and path.is_relative_to(folder):
            return before + path.relative_to(folder).as_posix()
    return str(path)


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return None


class Played(Protocol):
    """A recorded exchange as it is played again.

    Attributes
    ----------
    session : str
        Which recorder's clock its times are of.
    sent_at : float
        When its request was sent, in seconds of that clock.
    sent : datetime or None
        The same as date and time, where it is known.
    row : mapping
        What the run log said of the recorded call: ``cost_usd``, ``price``, ``ttft_s``, ``latency_s``,
        ``tokens_per_s``, as far as known.
    paced : bool
        Whether it takes as long as it took.
    request : object
        What was asked, as it is recorded: this process may not know which texts of it are secret.
    """

    paced: bool
    request: Any

    session: str
    sent_at: float
    sent: datetime | None
    row: Mapping[str, Any]

    def clock(self) -> float:
        """Return the moment of what was handed out last, in seconds of that clock."""


class Take(Protocol):
    """An exchange that was recorded and is not written yet."""

    @property
    def path(self) -> Path:
        """The recording that it goes into."""

    def keep(self, row: Mapping[str, Any] | None = None) -> None:
        """Write it, with what the run log says of the call."""


class Hearer(Protocol):
    """Who wants to know how a request was recorded or replayed.

    Attributes
    ----------
    repeat : int or None
        Which of several askings of the same it makes.
    """

    repeat: int | None

    def replayed(self, played: Played) -> None:
        """Note that the answer comes from a recording."""

    def recorded(self, take: Take) -> None:
        """Note an exchange that ended, and that is now yours to write."""


hearer: ContextVar[Hearer | None] = ContextVar("hearer", default=None)
"""Who hears of the requests that are made in this context."""


@contextmanager
def heard_by(listener: Hearer) -> Iterator[None]:
    """Tell somebody of the requests inside the block."""
    token = hearer.set(listener)
    try:
        yield
    finally:
        hearer.reset(token)

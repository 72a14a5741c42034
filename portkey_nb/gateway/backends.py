"""Which backend recorded answers are of: the same may have been asked of several, which ports and virtual keys tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from portkey_nb.gateway.matching import gateway_of, ports_of
from portkey_nb.gateway.presence import NOWHERE, PORT
from portkey_nb.gateway.tape import Asked, Line

_STAND_INS = (":1", f":{NOWHERE}", f":{PORT}")
"""How the addresses end of servers that a replay does not start."""


class Backend(NamedTuple):
    """Whom a request was sent to.

    Attributes
    ----------
    place : str
        The gateway's address without a port of this machine.
    gateway : str
        The same with it.
    ports : tuple[str, ...]
        The servers of this machine that custom host and Config name.
    mark : str
        Tells virtual keys apart.
    """

    place: str
    gateway: str
    ports: tuple[str, ...]
    mark: str


def backend_of(request: Asked) -> Backend:
    """Return whom a request is sent to."""
    return Backend(gateway_of(request), request.gateway.rstrip("/"), ports_of(request), request.mark)


class Answers:
    """The recorded answers of some backends to one request: each is given once, and after the last one that again.

    Parameters
    ----------
    lines : iterable of Line
        As they were asked.
    given : set[int]
        Numbers of the lines that were given, by whomever.
    """

    def __init__(self, lines: Iterable[Line], given: set[int]) -> None:
        self._given = given
        self._left: dict[int | None, deque[tuple[int, Line]]] = {}
        self._last: dict[int | None, Line] = {}
        for count, line in enumerate(lines):
            self._left.setdefault(line.times.repeat, deque()).append((count, line))
            self._last[line.times.repeat] = self._newest = line

    def take(self, repeat: int | None) -> Line:
        """Return the next one, of the same repeat where there is one."""
        left = self._fresh(self._left.get(repeat)) or min(
            (each for each in self._left.values() if self._fresh(each)), key=lambda each: each[0][0], default=None
        )
        if not left:
            return self._last.get(repeat, self._newest)
        line = left.popleft()[1]
        self._given.add(line.number)
        return line

    def _fresh(self, left: deque[tuple[int, Line]] | None) -> deque[tuple[int, Line]] | None:
        while left and left[0][1].number in self._given:
            left.popleft()
        return left


class Known:
    """All that was recorded of one request, whoever answered it.

    Parameters
    ----------
    given : set[int]
        Numbers of the lines that were given.
    """

    def __init__(self, given: set[int]) -> None:
        self._given = given
        self._lines: list[tuple[Backend, Line]] = []
        self._sessions: dict[Backend, set[str]] = {}
        self._answers: dict[tuple[Backend, ...], Answers] = {}

    def add(self, line: Line) -> None:
        """Add the next line."""
        backend = backend_of(line.request)
        self._lines.append((backend, line))
        self._sessions.setdefault(backend, set()).add(line.times.session)

    def answers_to(self, request: Asked) -> Answers | None:
        """Return the answers of the backend that a request is sent to; None where it may be any of several."""
        fitting = tuple(self._sessions)
        if len(fitting) > 1:
            here = backend_of(request)
            for at in range(len(here)):
                # What none of them shares is another one each day, such as a port, or is not given, such as a key.
                fitting = tuple(backend for backend in fitting if backend[at] == here[at]) or fitting
            if not self._may_be_one(fitting, here):
                return None
        found = self._answers.get(fitting)
        if found is None:
            lines = [line for backend, line in self._lines if backend in fitting]
            found = self._answers[fitting] = Answers(lines, self._given)
        return found

    def _may_be_one(self, backends: tuple[Backend, ...], here: Backend) -> bool:
        """Whether these may be one and the same, at another port in each session."""
        stands_in = any(address.endswith(_STAND_INS) for address in (here.gateway.removesuffix("/v1"), *here.ports))
        seen: dict[str, set[object]] = {}
        for backend in backends:
            for session in self._sessions[backend]:
                # Servers that a replay does not start are all at one port: they are told by their order alone.
                seen.setdefault(session, set()).add((backend.place, backend.mark) if stands_in else backend)
        return all(len(each) == 1 for each in seen.values())

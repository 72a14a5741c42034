"""The message history of a conversation as a frozen value: append, fork, switch; no storage and no screen."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from ulid import ULID

from portkey_nb.errors import PromptError, StoreError

__all__ = ["Conversation", "Turn"]

Mark = Literal["ok", "interrupted"]

_MARKS = ("ok", "interrupted")


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True)
class Turn:
    """One exchange: what was asked and what was answered.

    Attributes
    ----------
    turn_id : str
        A ULID.
    parent_id : str or None
        The turn this one follows; None for the first of a branch that starts at the root.
    messages : tuple of dict
        The messages this turn adds: the user's, then the assistant's (of an interrupted turn, the part that came).
    run_id : str or None
        The row of the run log.
    cell_key : str or None
        Which cell asked; re-running that cell forks here.
    mark : {"ok", "interrupted"}
        How the turn ended.
    created_at : str
        ISO 8601, UTC.
    """

    turn_id: str
    parent_id: str | None
    messages: tuple[dict[str, Any], ...] = field(hash=False)
    run_id: str | None = None
    cell_key: str | None = None
    mark: Mark = "ok"
    created_at: str = field(default_factory=_now)

    def __post_init__(self) -> None:
        # A private copy: what the caller later does to its own list must not rewrite history.
        object.__setattr__(self, "messages", tuple(copy.deepcopy(list(self.messages))))

    @classmethod
    def new(
        cls,
        messages: Iterable[Mapping[str, Any]],
        *,
        parent_id: str | None = None,
        run_id: str | None = None,
        cell_key: str | None = None,
        mark: Mark = "ok",
    ) -> Turn:
        """Make a turn with an id of its own and the present time."""
        added = tuple(dict(message) for message in messages)
        return cls(str(ULID()), parent_id, added, run_id=run_id, cell_key=cell_key, mark=mark)

    def to_dict(self) -> dict[str, Any]:
        """Give the turn as plain JSON values."""
        return {
            "turn_id": self.turn_id,
            "parent_id": self.parent_id,
            "messages": copy.deepcopy(list(self.messages)),
            "run_id": self.run_id,
            "cell_key": self.cell_key,
            "mark": self.mark,
            "created_at": self.created_at,
        }


@dataclass(frozen=True)
class Conversation:
    """A tree of turns of which one branch, root to ``head``, is the present one.

    Nothing is ever taken out: forking and switching only move ``head``.

    Attributes
    ----------
    conversation_id : str
        A ULID.
    turns : tuple of Turn
        All turns of all branches, each after the turn it follows.
    head : str or None
        The last turn of the present branch; None at the root, before any turn.
    system : str or None
        The system prompt, sent before all turns.

    Raises
    ------
    StoreError
        If the turns do not make a tree or ``head`` is none of them.
    """

    conversation_id: str
    turns: tuple[Turn, ...] = ()
    head: str | None = None
    system: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "turns", tuple(self.turns))
        seen: set[str] = set()
        for turn in self.turns:
            if turn.turn_id in seen:
                raise _damaged(f"it has two turns {turn.turn_id!r}")
            # Asking for an *earlier* turn excludes cycles as well as unknown parents.
            if turn.parent_id is not None and turn.parent_id not in seen:
                raise _damaged(f"turn {turn.turn_id!r} follows {turn.parent_id!r}, which is no earlier turn of it")
            seen.add(turn.turn_id)
        if self.head is not None and self.head not in seen:
            raise _damaged(f"its head {self.head!r} is none of its turns")

    @classmethod
    def new(cls, system: str | None = None) -> Conversation:
        """Begin a conversation, with or without a system prompt."""
        return cls(str(ULID()), system=system)

    def path(self) -> tuple[Turn, ...]:
        """Give the turns of the present branch, the first one first."""
        known = {turn.turn_id: turn for turn in self.turns}
        found: list[Turn] = []
        at = self.head
        while at is not None:
            found.append(known[at])
            at = known[at].parent_id
        return tuple(reversed(found))

    def messages(self) -> list[dict[str, Any]]:
        """Give what a request sends: the system prompt, if any, then the messages of the present branch."""
        first = [] if self.system is None else [{"role": "system", "content": self.system}]
        return first + [copy.deepcopy(message) for turn in self.path() for message in turn.messages]

    def append(self, turn: Turn) -> Conversation:
        """Add a turn and make it the head.

        Parameters
        ----------
        turn : Turn
            Its ``parent_id`` is kept, so a turn that began before another one was added becomes a branch of its
            own; None stands for the present head.

        Returns
        -------
        Conversation
            A new value; this one is unchanged.

        Raises
        ------
        PromptError
            If the parent is no turn of this conversation, or the turn is in it already.
        """
        parent = self.head if turn.parent_id is None else turn.parent_id
        known = {each.turn_id for each in self.turns}
        if turn.turn_id in known:
            raise PromptError(f"turn {turn.turn_id!r} is already in the conversation; make another with Turn.new()")
        if parent is not None and parent not in known:
            raise PromptError(f"no turn {parent!r} in this conversation to follow; leave parent_id out for the last")
        return replace(self, turns=(*self.turns, replace(turn, parent_id=parent)), head=turn.turn_id)

    def fork_for(self, cell_key: str | None) -> tuple[Conversation, int]:
        """Step back to before the turn that a cell made, so that re-running the cell replaces it.

        Parameters
        ----------
        cell_key : str or None
            The cell. The last of its turns on the present branch counts.

        Returns
        -------
        conversation : Conversation
            With the head at that turn's parent; this one, unchanged, if the cell has no turn on the branch.
        left : int
            How many turns came after it. They stay, with it, on the old branch.
        """
        if cell_key is None:
            return self, 0
        for left, turn in enumerate(reversed(self.path())):
            if turn.cell_key == cell_key:
                return replace(self, head=turn.parent_id), left
        return self, 0

    def branches(self) -> tuple[Turn, ...]:
        """Give the last turn of every branch, oldest first; ``switch`` takes their ids."""
        followed = {turn.parent_id for turn in self.turns}
        return tuple(turn for turn in self.turns if turn.turn_id not in followed)

    def switch(self, turn_id: str | None) -> Conversation:
        """Go on from any turn; None is the root, before the first turn.

        Raises
        ------
        PromptError
            If there is no such turn.
        """
        if turn_id is not None and all(turn.turn_id != turn_id for turn in self.turns):
            raise PromptError(f"no turn {turn_id!r} in this conversation; `.branches()` lists where one can go on")
        return replace(self, head=turn_id)

    def with_system(self, system: str | None) -> Conversation:
        """Exchange the system prompt; None takes it away."""
        return replace(self, system=system)

    def to_dict(self) -> dict[str, Any]:
        """Give the whole conversation as plain JSON values."""
        return {
            "conversation_id": self.conversation_id,
            "system": self.system,
            "head": self.head,
            "turns": [turn.to_dict() for turn in self.turns],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Conversation:
        """Read what ``to_dict`` gave.

        Raises
        ------
        StoreError
            If something is missing or misshapen, or the turns do not make a tree.
        """
        if not isinstance(data, Mapping):
            raise _damaged(f"it is {data!r:.60}, not a mapping")
        turns = data.get("turns", [])
        if not isinstance(turns, list | tuple):
            raise _damaged(f"its turns are {turns!r:.60}, not a list")
        return cls(
            _text(data, "conversation_id"),
            tuple(_turn(turn) for turn in turns),
            _text_or_none(data, "head"),
            _text_or_none(data, "system"),
        )


def _turn(data: Any) -> Turn:
    if not isinstance(data, Mapping):
        raise _damaged(f"a turn is {data!r:.60}, not a mapping")
    messages = data.get("messages")
    if not isinstance(messages, list | tuple):
        raise _damaged(f"a turn's messages are {messages!r:.60}, not a list")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _damaged(f"a message is {message!r:.60}, not a mapping with a role")
    mark = data.get("mark", "ok")
    if mark not in _MARKS:
        raise _damaged(f"a turn is marked {mark!r:.60}, neither 'ok' nor 'interrupted'")
    return Turn(
        _text(data, "turn_id"),
        _text_or_none(data, "parent_id"),
        tuple(messages),
        _text_or_none(data, "run_id"),
        _text_or_none(data, "cell_key"),
        cast(Mark, mark),
        _text(data, "created_at"),
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise _damaged(f"its {name} is {value!r:.60}, not a text")
    return value


def _text_or_none(data: Mapping[str, Any], name: str) -> str | None:
    return None if data.get(name) is None else _text(data, name)


def _damaged(what: str) -> StoreError:
    return StoreError(f"the conversation cannot be read: {what}; `%portkey reset NAME` begins it anew")
